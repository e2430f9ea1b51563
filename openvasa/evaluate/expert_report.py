"""Can the experts tell? Their scores of real, held-out clips as they are and spoilt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from openvasa.data.experts import (
    CAPP_FRAMES,
    Expert,
    ExpertName,
    expert,
    head_motion,
    lip_shapes,
    sync_score,
)
from openvasa.motion.row import Row

SHIFTS = (0, 1, 2, 3, 4, 6, 8, 12, 16)
SCALES = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)

Pairs = list[tuple[np.ndarray, np.ndarray]]


def report(name: ExpertName, pairs: Pairs) -> str:
    """Table of an expert's scores on held-out (sound bands, motion) pairs."""
    judge = expert(name)
    return _sync_report(judge, pairs) if name == "sync" else _capp_report(judge, pairs)


def _sync_report(judge: Expert, pairs: Pairs) -> str:
    scores = [
        sync_score(judge.embed_sound(bands), judge.embed_motion(lip_shapes(motion)))
        for bands, motion in pairs
    ]
    strangers = [
        sync_score(judge.embed_sound(bands[:n]), judge.embed_motion(lip_shapes(other[:n])))
        for (bands, _), (_, other) in zip(pairs, pairs[1:] + pairs[:1], strict=True)
        for n in [min(len(bands), len(other))]
    ]
    near = np.mean([abs(score.offset) <= 1 for score in scores])
    return "\n".join(
        [
            f"{len(pairs)} held-out clips",
            "| pairing | S_C | S_D |",
            "|---|---|---|",
            *(
                f"| {label} | {np.mean([s.confidence for s in rows]):.3f} "
                f"| {np.mean([s.distance for s in rows]):.3f} |"
                for label, rows in (("own sound", scores), ("another clip's sound", strangers))
            ),
            f"best offset within ±1 frame: {100 * near:.0f} %",
        ]
    )


def capp_score(judge: Expert, bands: np.ndarray, motion: np.ndarray) -> float:
    """Mean cosine of the three-second stretches of sound and head motion, (T, ·) each."""
    sound, head = judge.embed_sound(bands), judge.embed_motion(head_motion(motion))
    return float((sound * head).sum(axis=1).mean() / 100)


def _capp_report(judge: Expert, pairs: Pairs) -> str:
    def mean(change, shift: int = 0) -> float:
        return float(
            np.mean(
                [
                    capp_score(judge, bands[: len(bands) - shift or None], change(motion[shift:]))
                    for bands, motion in pairs
                    if len(bands) - shift >= CAPP_FRAMES
                ]
            )
        )

    def scale_pose(factor: float):
        def change(motion: np.ndarray) -> np.ndarray:
            row = Row.split(motion)
            middle = row.pose.mean(axis=0)
            return replace(row, pose=middle + factor * (row.pose - middle)).join()

        return change

    lines = [f"{len(pairs)} held-out clips of three seconds and more", "| change | CAPP |"]
    lines += ["|---|---|"]
    lines += [f"| shifted by {s} frames | {mean(lambda m: m, s):.3f} |" for s in SHIFTS]
    lines += [f"| pose times {f:g} | {mean(scale_pose(f)):.3f} |" for f in SCALES]
    return "\n".join(lines)
