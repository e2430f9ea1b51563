"""Marks in files: signed and intact, tampered, re-encoded, labelled, switched off; consent."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import c2pa
import numpy as np
import pytest
from PIL import Image

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE, EXAMPLES
from openvasa.audio.decode import read_blocks
from openvasa.cli import main
from openvasa.commands.consent import require_consent
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.media.inspect import read_frames
from openvasa.motion.motion import Motion
from openvasa.provenance.certificate import config_folder, identity
from openvasa.provenance.label import VisibleLabel
from openvasa.provenance.marking import UNMARKED, Marking, Notice
from openvasa.provenance.notice import morse_notice, spoken_notice
from openvasa.publish import open_video
from openvasa.rates import SAMPLE_RATE
from openvasa.verify import in_words, verify

PORTRAIT, VOICE = str(EXAMPLE_PORTRAIT), str(EXAMPLE_VOICE)
ID = 0x0BADCAFE


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.asarray(Image.open(PORTRAIT).convert("RGB").resize((384, 384), Image.Resampling.BOX))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, picture: np.ndarray) -> Path:
    """Ten frames of a still portrait."""
    path = tmp_path_factory.mktemp("signed") / "a.mp4"
    marking = Marking(content_id=ID, portrait=Path(PORTRAIT), controls={"seed": 3})
    return write(path, picture, marking)


def write(path: Path, picture: np.ndarray, marking: Marking, **options) -> Path:
    size = (picture.shape[1], picture.shape[0])
    with open_video(path, size, 25, marking=marking, **options) as writer:
        for _ in range(10):
            writer.write(picture)
    return path


def rewritten(source: Path, target: Path, crf: str = "28") -> Path:
    """Decoded and encoded again, which loses all metadata."""
    frames = list(read_frames(source))
    with av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": crf})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))
    return target


def test_the_reference_reader_finds_the_file_valid(signed: Path) -> None:
    reader = c2pa.Reader(str(signed))
    assert reader.get_validation_state() == "Valid"
    manifest = reader.get_active_manifest()
    assert manifest is not None
    assertions = {part["label"]: part["data"] for part in manifest["assertions"]}
    created = assertions["c2pa.actions.v2"]["actions"][0]
    assert created["action"] == "c2pa.created"
    assert created["digitalSourceType"].endswith("compositeWithTrainedAlgorithmicMedia")
    assert created["softwareAgent"]["name"] == "OpenVASA"
    (ingredient,) = manifest["ingredients"]
    assert ingredient["relationship"] == "parentOf"
    made_by = assertions["org.openvasa.generation"]
    assert made_by["content_id"] == "0badcafe"
    assert made_by["controls"] == {"seed": 3}
    assert len(made_by["portrait_sha256"]) == 64


def test_without_a_portrait_it_is_wholly_generated(tmp_path: Path, picture: np.ndarray) -> None:
    found = verify(write(tmp_path / "a.mp4", picture, Marking())).credentials
    assert found is not None
    assert found.source_type == "trainedAlgorithmicMedia"


def test_the_file_holds_neither_picture_nor_place(signed: Path) -> None:
    content = signed.read_bytes()
    assert b"JFIF" not in content
    assert str(EXAMPLES).encode() not in content
    assert b"portrait.jpg" not in content


def test_one_changed_byte_of_video_is_found(signed: Path, tmp_path: Path) -> None:
    content = bytearray(signed.read_bytes())
    content[content.index(b"mdat") + 3000] ^= 1
    changed = tmp_path / "changed.mp4"
    changed.write_bytes(content)
    assert c2pa.Reader(str(changed)).get_validation_state() == "Invalid"
    report = verify(changed)
    assert report.credentials is not None
    assert not report.credentials.intact
    assert report.finding == "changed"
    assert "CHANGED" in in_words(report)


def test_a_damaged_manifest_is_not_taken_for_none(signed: Path, tmp_path: Path) -> None:
    content = bytearray(signed.read_bytes())
    start = content.index(b"c2pa.signature")
    content[start - 60 : start - 20] = bytes(40)
    (tmp_path / "a.mp4").write_bytes(content)
    assert verify(tmp_path / "a.mp4").finding == "changed"


def test_verify_says_who_and_what(signed: Path) -> None:
    report = verify(signed)
    assert report.finding == "marked"
    assert report.credentials is not None
    assert report.credentials.self_signed_by_openvasa
    assert report.watermark is not None
    assert report.watermark.content_id == ID
    words = in_words(report)
    for part in ("AI-generated with OpenVASA", "intact", "0badcafe", "not who made it"):
        assert part in words


def test_after_a_re_encode_the_watermark_is_left(signed: Path, tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "a.mov"):
        report = verify(rewritten(signed, tmp_path / name))
        assert report.credentials is None
        assert report.comment is None
        assert report.watermark is not None
        assert report.watermark.content_id == ID
        assert report.finding == "marked"


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_screenshot_is_recognised(signed: Path, tmp_path: Path, name: str) -> None:
    Image.fromarray(next(read_frames(signed))).save(tmp_path / name, quality=50)
    report = verify(tmp_path / name)
    assert report.watermark is not None
    assert report.watermark.content_id == ID


def test_unmarked_has_nothing_and_is_only_by_asking(tmp_path: Path, picture: np.ndarray) -> None:
    report = verify(write(tmp_path / "a.mp4", picture, UNMARKED))
    assert (report.credentials, report.watermark, report.comment) == (None, None, None)
    assert report.finding == "unmarked"
    assert "does not prove" in in_words(report)


def test_verify_reads_what_others_made(tmp_path: Path, capsys) -> None:
    (tmp_path / "text.mp4").write_text("no video " * 99)
    (tmp_path / "empty.png").write_bytes(b"")
    for name in ("text.mp4", "empty.png", "missing.mkv"):
        assert main(["verify", str(tmp_path / name)]) == 2
        said = capsys.readouterr()
        assert name in said.err
        assert said.err.count("\n") == 1
    assert main(["verify", PORTRAIT]) == 1


def test_verify_as_json(signed: Path, capsys) -> None:
    assert main(["verify", str(signed), PORTRAIT, "--json"]) == 1
    ours, other = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (ours["status"], other["status"]) == (0, 1)
    assert ours["watermark"]["content_id"] == ID
    assert ours["credentials"]["intact"]
    assert other["credentials"] is None


def test_processes_that_start_together_share_one_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(10):
            monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / f"{number}"))
            made = list(pool.map(lambda _: identity(), range(8)))
            assert len({one.key for one in made}) == 1
            assert {path.name for path in config_folder().iterdir()} == {
                "c2pa-cert.pem",
                "c2pa-key.pem",
            }


def test_own_certificate_signs_and_is_named(tmp_path: Path, picture: np.ndarray) -> None:
    identity()
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes((config_folder() / "c2pa-cert.pem").read_bytes())
    key.write_bytes((config_folder() / "c2pa-key.pem").read_bytes())
    write(tmp_path / "a.mp4", picture, Marking(cert=cert, key=key))
    assert c2pa.Reader(str(tmp_path / "a.mp4")).get_validation_state() == "Valid"


def test_signing_that_fails_is_an_error_and_no_file(tmp_path: Path, picture: np.ndarray) -> None:
    identity()
    cert = config_folder() / "c2pa-cert.pem"
    other = tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", str(other)],
        check=True,
    )
    output = tmp_path / "a.mp4"
    for marking, message in (
        (Marking(cert=cert), "both"),
        (Marking(cert=cert, key=other), "is not the key"),
        (Marking(cert=tmp_path / "none.pem", key=other), "cannot be read"),
        (Marking(cert=other, key=other), "not a PEM certificate"),
        (Marking(timestamp_url="http://127.0.0.1:9/none"), "cannot be signed"),
    ):
        with pytest.raises(InputError, match=message):
            write(output, picture, marking)
        assert os.listdir(tmp_path) == ["key.pem"]


def test_the_machines_own_key_is_private_and_stays(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "new"))
    first = identity()
    assert first.self_signed
    assert identity() == first
    key = config_folder() / "c2pa-key.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(list(config_folder().iterdir())) == 2


@pytest.mark.parametrize("label", ["text", "eu", "cn"])
@pytest.mark.parametrize("size", [(512, 512), (128, 128), (640, 360)])
def test_the_label_is_seen(label, size: tuple[int, int]) -> None:
    frame = np.full((size[1], size[0], 3), 90, np.uint8)
    labelled = VisibleLabel(size, label).apply(frame)
    changed = np.argwhere((labelled != frame).any(axis=2))
    bright = np.argwhere((labelled > 180).all(axis=2))
    tall = bright[:, 0].max() - bright[:, 0].min() + 1
    assert tall >= 0.05 * min(size)
    assert changed[:, 0].min() > size[1] / 2
    assert (frame == 90).all()


def test_the_label_ends_when_asked_and_the_field_is_written(
    tmp_path: Path, picture: np.ndarray
) -> None:
    marking = Marking(content_id=ID, label="cn", label_seconds=2, producer="Ada & Co")
    with open_video(tmp_path / "a.mp4", (384, 384), 25, marking=marking) as writer:
        for _ in range(60):
            writer.write(picture)
    frames = list(read_frames(tmp_path / "a.mp4"))
    corner = (slice(340, 384), slice(0, 100))
    with_label, without = (
        np.abs(frames[i][corner].astype(int) - frames[-1][corner]).mean() for i in (10, 52)
    )
    assert with_label > 10 > without
    report = verify(tmp_path / "a.mp4")
    assert report.aigc is not None
    assert report.aigc["Label"] == "1"
    assert report.aigc["ContentProducer"] == "Ada & Co"
    assert report.aigc["ProduceID"] == "0badcafe"
    assert report.watermark is not None
    with pytest.raises(InputError, match="2 or more"):
        write(tmp_path / "b.mp4", picture, Marking(label="text", label_seconds=1))


def heard_with(notice: Notice | None, path: Path, picture: np.ndarray) -> np.ndarray:
    write(path, picture, Marking(notice=notice), audio=Path(VOICE))
    return np.concatenate(list(read_blocks(path)))


def test_the_notice_is_heard(tmp_path: Path, picture: np.ndarray) -> None:
    plain, marked = (heard_with(n, tmp_path / "a.mp4", picture) for n in (None, "morse"))
    expected = morse_notice(SAMPLE_RATE).samples
    difference = (marked - plain)[: len(expected)]
    assert np.corrcoef(difference, expected)[0, 1] > 0.8
    assert np.abs((marked - plain)[len(expected) + 2000 :]).max() < 0.02
    with pytest.raises(InputError, match="no sound"):
        write(tmp_path / "b.mp4", picture, Marking(notice="morse"))


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_the_spoken_notice_is_heard_over_the_voice(tmp_path: Path, picture: np.ndarray) -> None:
    plain, marked = (heard_with(n, tmp_path / "a.mp4", picture) for n in (None, "spoken"))
    notice = spoken_notice(SAMPLE_RATE)
    assert 1 < len(notice.samples) / SAMPLE_RATE < 4
    difference = marked - plain
    start = slice(0, len(notice.samples))
    expected = notice.samples + (notice.behind - 1) * plain[start]
    assert np.corrcoef(difference[start], expected)[0, 1] > 0.8
    assert np.abs(difference[len(notice.samples) + 2000 :]).max() < 0.02


def test_a_notice_that_cannot_be_spoken_or_heard(
    tmp_path: Path, picture: np.ndarray, monkeypatch
) -> None:
    with pytest.raises(InputError, match="too short for the notice"):
        write(
            tmp_path / "a.mp4",
            picture,
            Marking(notice="morse"),
            audio=Path(VOICE),
            sound_seconds=0.5,
        )
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="install the package espeak-ng"):
        write(tmp_path / "a.mp4", picture, Marking(notice="spoken"), audio=Path(VOICE))
    assert not os.listdir(tmp_path)


@pytest.fixture(scope="module")
def avatar_and_motion(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("inputs")
    openvasa.load_portrait(PORTRAIT).save(folder / "me.npz")
    still = np.zeros((10, dynamics_code().size), np.float32)
    Motion(np.zeros((10, 6), np.float32), still).save(folder / "m.npz")
    return str(folder / "me.npz"), str(folder / "m.npz")


def animate(tmp_path: Path, avatar_and_motion: tuple[str, str], *options: str) -> tuple[int, Path]:
    avatar, motion = avatar_and_motion
    path = tmp_path / "a.mp4"
    command = ["animate", avatar, VOICE, "-o", str(path), "--motion", motion]
    return main([*command, *options]), path


def test_animate_marks_by_default(tmp_path: Path, avatar_and_motion, capsys) -> None:
    status, path = animate(tmp_path, avatar_and_motion)
    assert status == 0
    assert "Content Credentials (self-signed)" in capsys.readouterr().out
    report = verify(path)
    assert report.finding == "marked"
    assert report.credentials is not None
    assert report.watermark is not None
    made_by = report.credentials.generation
    assert made_by["content_id"] == f"{report.watermark.content_id:08x}"
    assert report.credentials.source_type == "compositeWithTrainedAlgorithmicMedia"
    again = openvasa.animate(
        openvasa.load_portrait(avatar_and_motion[0]),
        Motion.load(avatar_and_motion[1]),
        sound=VOICE,
    ).save(tmp_path / "b.mp4")
    for first, second in zip(read_frames(path), read_frames(again), strict=True):
        np.testing.assert_array_equal(first, second)


def test_animate_without_marks_says_so(tmp_path: Path, avatar_and_motion, capsys) -> None:
    status, path = animate(tmp_path, avatar_and_motion, "--no-marks", "--quiet")
    assert status == 0
    assert "NOT marked" in capsys.readouterr().err
    assert verify(path).finding == "unmarked"


def test_options_that_do_not_go_together(tmp_path: Path, avatar_and_motion, capsys) -> None:
    for options in (
        ("--no-marks", "--label"),
        ("--label-seconds", "3"),
        ("--producer", "me"),
        ("--c2pa-cert", "cert.pem"),
        ("--content-id", "xyz"),
    ):
        status, path = animate(tmp_path, avatar_and_motion, *options)
        assert status == 2
        assert capsys.readouterr().err.count("\n") == 1
        assert not path.exists()


def test_consent_is_asked_once(monkeypatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("OPENVASA_ACCEPT_POLICY")
    with pytest.raises(InputError, match="--accept-policy"):
        require_consent(False)
    require_consent(True)
    assert not list(tmp_path.iterdir())
    for stream in ("stdin", "stderr"):
        monkeypatch.setattr(getattr(sys, stream), "isatty", lambda: True)
    with pytest.raises(InputError, match="not accepted"):
        require_consent(False, ask=lambda _: "no")
    require_consent(False, ask=lambda _: "yes")
    assert "impersonate" in capsys.readouterr().err

    def nobody(_: str) -> str:
        raise AssertionError("asked again")

    require_consent(False, ask=nobody)
