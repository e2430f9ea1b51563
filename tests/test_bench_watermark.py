"""The watermark benchmark: its attacks do what they say, its counts add up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.cli import main
from openvasa.data.reencode import reencode
from openvasa.evaluate import watermark
from openvasa.evaluate.watermark import ATTACKS, Ours, bench_watermark, table
from openvasa.media.video_writer import VideoWriter


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    picture = Image.open(EXAMPLE_PORTRAIT).convert("RGB").resize((256, 256))
    return [np.asarray(picture)] * 5


def test_every_attack_damages_as_it_says(frames) -> None:
    shapes = {name: attack(frames)[0].shape[:2] for name, attack in ATTACKS.items()}
    assert shapes["scaled 0.5, CRF 23"] == (128, 128)
    assert shapes["scaled 2, CRF 23"] == (512, 512)
    # 179 px, of which H.264 keeps an even number.
    assert shapes["cropped to 70 %, CRF 23"] == (178, 178)
    assert len(ATTACKS["25 to 30 fps, CRF 23"](frames)) == 6
    brighter, darker = (ATTACKS[f"brightness {s}20 %, CRF 23"](frames)[0].mean() for s in "+-")
    assert brighter > frames[0].mean() > darker
    errors = [np.abs(reencode(frames, crf)[0].astype(int) - frames[0]).mean() for crf in (18, 32)]
    assert errors[0] < errors[1]


def test_marks_are_counted_right(frames, monkeypatch, tmp_path: Path) -> None:
    picture = EXAMPLE_PORTRAIT
    big = np.asarray(Image.open(picture).convert("RGB").resize((512, 512)))
    monkeypatch.setattr(watermark, "_excerpt", lambda *_: [big] * 3)
    monkeypatch.setattr(watermark, "ATTACKS", {"none": lambda f: f, "black": lambda f: [f[0] * 0]})
    with VideoWriter(tmp_path / "real.mp4", (256, 256), 25) as writer:
        for frame in frames * 10:
            writer.write(frame)
    listed = [{"file": name, "kind": "real"} for name in ("real.mp4", "gone.mp4")]
    (tmp_path / "clips.jsonl").write_text("\n".join(map(json.dumps, listed)))
    figures = bench_watermark(None, tmp_path, compare=False)
    assert [(row.attack, row.read, row.wrong) for row in figures.survival] == [
        ("none", 1, 0),
        ("black", 0, 0),
    ]
    assert (figures.unmarked_seconds, figures.false_positives) == (2.0, 0)
    assert figures.psnr_db[0] > 42
    assert 0 < figures.embed_ms < 1000
    assert "0 false marks" in table(figures)


def test_no_pictures_no_clips(tmp_path: Path, capsys) -> None:
    assert main(["bench", "watermark", "--portraits", str(tmp_path)]) == 2
    assert "holds no pictures" in capsys.readouterr().err


def test_ours_reads_what_it_wrote(frames) -> None:
    assert Ours().read(Ours().embed(frames, 77)) == 77
    assert Ours().read(frames) is None
