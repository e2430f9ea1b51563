"""Reduced tracks, and the figures of a learned latent."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from openvasa.data.latent_tracks import pack_tracks, read_latent_tracks  # noqa: E402
from openvasa.evaluate.latent import choose_pairs, turn_range, yaw_degrees  # noqa: E402
from openvasa.evaluate.latent_figures import BANDS, LatentFigures  # noqa: E402
from openvasa.evaluate.latent_geometric import (  # noqa: E402
    GeometricFrame,
    facing,
    track_head,
    unknown_region,
)
from openvasa.evaluate.latent_report import latent_report  # noqa: E402
from openvasa.face.canonical import HeadTransform  # noqa: E402
from openvasa.face.latent import FaceLatent, FrameGeometry, pose_face  # noqa: E402
from openvasa.face.topology import INNER_LIPS, canonical_mesh  # noqa: E402

SIDE, FRAMES = 200, 30


def write_cache(folder: Path) -> dict[str, np.ndarray]:
    """A cache of one clip of a head that turns and changes; its track."""
    rng = np.random.default_rng(0)
    head = np.append(canonical_mesh()[0], np.zeros((10, 3), np.float32), axis=0)
    change = rng.normal(0, 0.3, (3, 478, 3))
    track = {
        "canonical": (head + np.tensordot(rng.normal(size=(FRAMES, 3)), change, 1)),
        "rotation": np.stack([cv2.Rodrigues(np.array([0, k / 40, 0.1]))[0] for k in range(FRAMES)]),
        "translation": rng.uniform(80, 120, (FRAMES, 3)),
        "scale": rng.uniform(5, 6, FRAMES),
        "blendshapes": np.zeros((FRAMES, 52)),
        "valid": np.ones(FRAMES, bool),
    }
    (folder / "tracks").mkdir(parents=True)
    np.savez(folder / "tracks" / "a.npz", **track)  # pyright: ignore[reportArgumentType]
    row = {"file": "a.mp4", "kind": "real", "split": "test", "seconds": 1.2, "side": SIDE}
    row |= {"sound": False, "group": "g"}
    (folder / "clips.jsonl").write_text(json.dumps(row) + "\n")
    return track


def test_reduced_tracks_tell_what_the_whole_ones_do(tmp_path: Path) -> None:
    track = write_cache(tmp_path / "cache")
    pack_tracks(tmp_path / "cache", tmp_path / "pack")
    tracks = read_latent_tracks(tmp_path / "pack")
    shapes = tracks.means[0] + np.tensordot(tracks.codes, tracks.basis, 1)
    assert np.abs(shapes - track["canonical"]).max() < 0.02
    for row in (0, FRAMES - 1):
        head = track_head(tracks, 0, row)
        wanted = HeadTransform(
            track["rotation"][row], float(track["scale"][row]), track["translation"][row]
        )
        points = track["canonical"][row]
        assert np.abs(head.apply(points) - wanted.apply(points))[:, :2].max() < 0.05


def test_pairs_lie_in_their_bands() -> None:
    yaw = np.array([0.0, 5.0, 20.0, 50.0])
    pairs = choose_pairs(yaw, np.random.default_rng(0))
    assert {band for band, _, _ in pairs} == {0, 1, 2}
    for band, source, driver in pairs:
        assert BANDS[band][0] <= abs(yaw[source] - yaw[driver]) < BANDS[band][1]
        assert source != driver


def test_yaw_is_that_of_the_head_transform() -> None:
    rotation = cv2.Rodrigues(np.array([0.1, 0.5, -0.05]))[0]
    known = HeadTransform(rotation, 1.0, np.zeros(3)).euler_degrees[0]
    assert np.isclose(yaw_degrees(torch.from_numpy(rotation)[None])[0], known, atol=1e-3)


def test_the_report_has_a_row_for_what_was_measured() -> None:
    figures = LatentFigures("tiny")
    figures.reenacted[1, "learned", "PSNR dB"] = [20.0, 22.0]
    figures.swapped["pose", "turn followed"] = [0.5, 0.7]
    figures.tried["pose"] = 5
    text = latent_report(figures, {"plain": LatentFigures("tiny")})
    assert "| 15–30° | learned | 2 | 21.00 ± 0.71 | – |" in text
    assert "| pose | 2 of 5 | 0.60 | – |" in text
    assert "learned, plain" not in text
    assert "plain: taken from another person" in text
    assert "0–15°" not in text


def test_heads_that_turn_farther_are_found_out(tmp_path: Path) -> None:
    write_cache(tmp_path / "cache")
    tracks = read_latent_tracks(tmp_path / "cache")
    assert np.isclose(turn_range(tracks, "a"), 0.98 * (FRAMES - 1) / 40, atol=0.01)


def test_geometry_knows_what_the_portrait_shows(face: FaceLatent) -> None:
    rest = FrameGeometry(face.canonical, face.head, face.landmarks)
    known = facing(face.landmarks) > 0
    assert known.mean() > 0.9
    still = unknown_region(face, rest)
    mouth = face.landmarks[INNER_LIPS, :2].mean(axis=0).astype(int)
    assert still[mouth[1], mouth[0]] > 0.1
    aside = pose_face(face, np.array([0, 0.9, 0, 0, 0, 0], np.float32), np.zeros((478, 3)))
    assert unknown_region(face, aside).sum() > still.sum() + 100


def test_the_hybrid_takes_the_learned_picture_where_geometry_does_not_know() -> None:
    unknown = np.zeros((4, 4), np.float32)
    unknown[:2] = 1
    drawn = GeometricFrame(np.full((4, 4, 3), 10, np.uint8), unknown)
    blended = drawn.blend(np.full((4, 4, 3), 200, np.uint8))
    assert (blended[:2] == 200).all()
    assert (blended[2:] == 10).all()
