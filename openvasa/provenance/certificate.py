"""The certificate that files are signed with: the user's own, or one made on this machine.

C2PA wants an end-entity certificate for signing (C2PA 2.1, section 14.5). A self-signed one proves
that a file was not changed since it was signed, not who signed it.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from openvasa.errors import InputError

CERT_VARIABLE, KEY_VARIABLE = "OPENVASA_C2PA_CERT", "OPENVASA_C2PA_KEY"
SELF_SIGNED_NAME = "OpenVASA self-signed"
_VALID = timedelta(days=3650)


@dataclass(frozen=True)
class Identity:
    """What a file is signed with.

    Attributes:
        certificates: PEM, the signer's own first, then its chain.
        key: PEM, PKCS 8, unencrypted.
        algorithm: as C2PA names it: es256, es384, es512, ps256 or ed25519.
        self_signed: nobody vouches for the signer.
    """

    certificates: bytes
    key: bytes
    algorithm: str
    self_signed: bool


def config_folder() -> Path:
    """Where this user's settings live; not created here."""
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "openvasa"


def identity(cert: Path | None = None, key: Path | None = None) -> Identity:
    """The identity to sign with.

    Args:
        cert, key: PEM files, both or neither. Else those named in the environment variables
            OPENVASA_C2PA_CERT and OPENVASA_C2PA_KEY, else the one made on first use in the
            user's configuration folder.

    Raises:
        InputError: only one is given, a file cannot be read, or they do not belong together.
    """
    cert = cert or _path_in(CERT_VARIABLE)
    key = key or _path_in(KEY_VARIABLE)
    if (cert is None) != (key is None):
        raise InputError("signing: give both a certificate and its key", parameters=("cert", "key"))
    if cert is not None and key is not None:
        return _load(cert, key)
    cert, key = config_folder() / "c2pa-cert.pem", config_folder() / "c2pa-key.pem"
    if not (cert.is_file() and key.is_file()):
        _create(cert, key)
    return _load(cert, key)


def _path_in(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None


def _load(cert: Path, key: Path) -> Identity:
    certificates, private = _read(cert), _read(key)
    try:
        chain = x509.load_pem_x509_certificates(certificates)
    except ValueError as error:
        raise InputError(f"{cert}: not a PEM certificate; give the signer's first") from error
    opened = _open_key(key, private)
    signer = chain[0]
    if signer.public_key() != opened.public_key():
        raise InputError(f"{key}: is not the key of {cert}")
    now = datetime.now(timezone.utc)
    if not signer.not_valid_before_utc <= now <= signer.not_valid_after_utc:
        raise InputError(
            f"{cert}: not valid today; replace it (a self-made one is made again when deleted)"
        )
    return Identity(
        certificates=certificates,
        # Whatever PEM dialect it came in, the signer wants PKCS 8.
        key=opened.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        algorithm=_algorithm(opened, key),
        self_signed=signer.issuer == signer.subject,
    )


def _open_key(path: Path, pem: bytes) -> Any:
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path}: not an unencrypted PEM private key") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _algorithm(key: object, path: Path) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        sizes = {256: "es256", 384: "es384", 521: "es512"}
        if key.curve.key_size in sizes:
            return sizes[key.curve.key_size]
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise InputError(f"{path}: C2PA knows no such key; use P-256, P-384, P-521, RSA or Ed25519")


def _create(cert: Path, key: Path) -> None:
    """Make a key and a certificate for it that names no person and no machine.

    Several processes may do so at the same time: the first key stays, and every certificate that
    is put beside it is one for it.
    """
    try:
        cert.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not key.exists():
            _write_private(key, _new_key(), replace=False)
        certificate = _self_signed(_open_key(key, _read(key)))
        _write_private(cert, certificate.public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        raise InputError(
            f"{cert.parent}: a signing certificate cannot be kept there ({error.strerror}); set "
            "XDG_CONFIG_HOME to a writable folder, or give a certificate and its key",
            parameters=("cert", "key"),
        ) from error


def _new_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _self_signed(private: Any) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, SELF_SIGNED_NAME),
            x509.NameAttribute(NameOID.COMMON_NAME, SELF_SIGNED_NAME),
        ]
    )
    now = datetime.now(timezone.utc)
    public = private.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signing_only(), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(private, hashes.SHA256())
    )


def _signing_only() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write_private(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Without `replace` a file that is there by then stays.
    """
    partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        if replace:
            os.replace(partial, path)
        else:
            with suppress(FileExistsError):
                os.link(partial, path)
    finally:
        partial.unlink(missing_ok=True)
