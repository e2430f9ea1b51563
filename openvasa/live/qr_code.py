"""An address as a QR code, which a phone's camera opens."""

from __future__ import annotations

import segno


def draw_code(address: str) -> str:
    """A QR code of an address, as a picture in a `data:` address; dark on light in any theme."""
    code = segno.make_qr(address, error="m")
    return code.svg_data_uri(dark="#000", light="#fff", border=4)
