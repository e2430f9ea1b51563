"""Make docs/images/studio.png: the studio page in headless Chromium while the example speaks.

Needs Chromium and the dev extra; CHROMIUM names another binary than the one on the path::

    python scripts/photograph_studio.py [OUTPUT] [--phone] [--dark]
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from openvasa.assets import EXAMPLE_VOICE

ROOT = Path(__file__).resolve().parents[1]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP, PHONE = (1180, 800), (390, 844)
PATIENCE_MS = 600_000
COLOURS = 256
"""A palette keeps the file small enough for a README."""


@contextmanager
def studio() -> Iterator[str]:
    """A live server; gives the address of its page."""
    command = [sys.executable, "-m", "openvasa", "live", "--port", "8798", "--fps", "25"]
    server = subprocess.Popen(
        [*command, "--accept-policy"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        if found is None:
            raise SystemExit("openvasa live: did not start; see above")
        yield found[0]
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def photograph(address: str, size: tuple[int, int], scheme: str) -> Image.Image:
    """The page, once the portrait has been speaking for a while."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=FLAGS
        )
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        page.wait_for_selector("#connection[data-is=live]")
        page.wait_for_selector("#stage[data-state=idle]")
        page.set_input_files("#voice-file", EXAMPLE_VOICE)
        page.wait_for_selector("#stage[data-state=speaking]")
        # Until the message about the file has gone, and the figures have settled.
        page.wait_for_selector("#notice", state="hidden")
        taken = page.screenshot(full_page=size == PHONE)
        page.goto("about:blank")
        browser.close()
    return Image.open(io.BytesIO(taken)).convert("RGB")


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = ROOT / "docs" / "images" / "studio.png"
    parser.add_argument("output", type=Path, nargs="?", default=default)
    parser.add_argument("--phone", action="store_true", help="as wide as a phone, all of the page")
    parser.add_argument("--dark", action="store_true")
    chosen = parser.parse_args()
    with studio() as address:
        size, scheme = PHONE if chosen.phone else DESKTOP, "dark" if chosen.dark else "light"
        picture = photograph(address, size, scheme)
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(COLOURS).save(chosen.output, optimize=True)
    print(f"{chosen.output}: {chosen.output.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
