"""Keep today's rows, encodings and frames in tests/golden/, and print what changed.

Look at the pictures and say in the commit why they moved::

    python scripts/renew_golden.py            # all of it
    python scripts/renew_golden.py frames     # only frames, of kept rows and kept encodings

The rows that frames are rendered from stay; `moments` makes them again from `MOMENTS`, which a new
code of facial dynamics needs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import golden_set
from golden_set import FOLDER, GALLERY


def _keep_rows(name: str, now: np.ndarray) -> None:
    kept = golden_set.kept_arrays().get(name) if (FOLDER / "rows.npz").exists() else None
    if kept is None or kept.shape != now.shape:
        print(f"{name}: new, {now.shape}")
    else:
        off = np.abs(now - kept) / golden_set.row_deviations()
        print(f"{name}: at most {off.max():.2g} deviations from before")
    _save(**{name: now})


def _save(**arrays: np.ndarray) -> None:
    path = FOLDER / "rows.npz"
    if path.exists():
        with np.load(path) as data:
            arrays = {**data, **arrays}
    np.savez_compressed(path, **arrays)  # pyright: ignore[reportArgumentType]
    golden_set.kept_arrays.cache_clear()


def _keep_encoding(portrait: str) -> None:
    now = golden_set.encoded(portrait)
    if (FOLDER / f"{portrait}.npz").exists():
        kept = golden_set.kept_face(portrait)
        off = np.abs(now.landmarks - kept.landmarks).max()
        print(f"{portrait}: landmarks at most {off:.2g} px from before")
    else:
        print(f"{portrait}: new")
    golden_set.keep_face(portrait, now)


def _keep_frames(portrait: str) -> None:
    face = golden_set.kept_face(portrait)
    boxes = golden_set.kept_boxes()
    rows = golden_set.kept_arrays()["moments"]
    for (moment, frame), row in zip(golden_set.frames_of(face), rows, strict=True):
        box = golden_set.boxes_of(face, row)
        boxes[f"{portrait}_{moment}"] = box
        for part, now in golden_set.parts_of(frame, box).items():
            name = golden_set.picture_name(portrait, moment, part)
            if not (FOLDER / f"{name}.png").exists():
                print(f"{name}: new")
            elif (likeness := golden_set.decibels(golden_set.kept_picture(name), now)) < np.inf:
                print(f"{name}: {likeness:.1f} dB of before")
            else:
                continue
            golden_set.keep_picture(name, now)
    lines = ",\n".join(f' "{name}": {json.dumps(box)}' for name, box in sorted(boxes.items()))
    (FOLDER / "boxes.json").write_text(f"{{\n{lines}\n}}\n")


def main() -> None:
    """Renew what is asked for."""
    parts = ("moments", "motion", "encodings", "frames")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(parts)}; all but moments if none")
    chosen = parser.parse_args().parts or parts[1:]
    if unknown := set(chosen) - set(parts):
        parser.error(f"{', '.join(sorted(unknown))}: choose of {', '.join(parts)}")
    FOLDER.mkdir(exist_ok=True)
    if "moments" in chosen:
        _keep_rows("moments", golden_set.made_rows())
    if "motion" in chosen:
        with tempfile.TemporaryDirectory() as folder:
            model = golden_set.float_model(Path(folder))
        heard = golden_set.heard_now().astype(np.float16)
        _save(heard=heard)
        _keep_rows("spoken", golden_set.spoken_rows(model, heard.astype(np.float32)))
    for portrait in GALLERY:
        if "encodings" in chosen:
            _keep_encoding(portrait)
        if "frames" in chosen:
            _keep_frames(portrait)


if __name__ == "__main__":
    main()
