"""A face, and layers laid over it with their exact masks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from openvasa.face.canonical import HeadTransform, fit_head
from openvasa.face.occluders import Occluder
from openvasa.face.topology import FACE_OVAL

FINE = 4
"""Bits of px fractions in which shapes are drawn."""
COARSE = 4
"""Px that one px of the map of light stands for."""
LIT_SIGMA = 14.0
"""Px over which the light on a face is taken."""


@dataclass
class Scene:
    """A picture that things are put into.

    Attributes:
        picture: (S, S, 3) float32 RGB, 0–255; changed.
        labels: (S, S) uint8 of `Occluder`; changed.
        landmarks: (478, 3) float32 px.
        head: in px.
        canonical: (478, 3) float32, the face in canonical space.
        other: (S, S, 3) float32, another picture, for textures.
        rng: what all chance comes from.
    """

    picture: np.ndarray
    labels: np.ndarray
    landmarks: np.ndarray
    head: HeadTransform
    canonical: np.ndarray
    other: np.ndarray
    rng: np.random.Generator

    @staticmethod
    def begin(
        picture: np.ndarray, landmarks: np.ndarray, other: np.ndarray, rng: np.random.Generator
    ) -> Scene:
        """A scene of (S, S, 3) uint8 pictures without anything in it."""
        head = fit_head(landmarks)
        return Scene(
            picture.astype(np.float32),
            np.full(picture.shape[:2], Occluder.FREE, np.uint8),
            landmarks,
            head,
            head.invert(landmarks),
            other.astype(np.float32),
            rng,
        )

    @property
    def side(self) -> int:
        """Px."""
        return len(self.picture)

    @property
    def unit(self) -> float:
        """Px of a canonical unit."""
        return self.head.scale

    def chance(self, share: float) -> bool:
        """True in this share of the calls."""
        return bool(self.rng.random() < share)

    def between(self, low: float, high: float) -> float:
        """A number drawn evenly."""
        return float(self.rng.uniform(low, high))

    def project(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) canonical points → (N, 2) float32 px."""
        return self.head.apply(np.asarray(points, np.float32))[:, :2].copy()

    def fill(self, *outlines: np.ndarray) -> np.ndarray:
        """(S, S) float32 cover, 0–1, of polygons in px; overlapping ones cancel."""
        cover = np.zeros(self.labels.shape, np.uint8)
        cv2.fillPoly(cover, [_fixed(o) for o in outlines], 255, cv2.LINE_AA, FINE)
        return cover.astype(np.float32) / 255

    def hull(self, points: np.ndarray) -> np.ndarray:
        """Cover of the convex hull of px."""
        return self.fill(cv2.convexHull(np.array(points, np.float32))[:, 0])

    def stroke(self, line: np.ndarray, width: float, *, closed: bool = False) -> np.ndarray:
        """Cover of a line of a width in px; lines below one px are fainter instead."""
        cover = np.zeros(self.labels.shape, np.uint8)
        thick = max(1, round(width))
        cv2.polylines(cover, [_fixed(line)], closed, 255, thick, cv2.LINE_AA, FINE)
        return cover.astype(np.float32) * (min(width, 1.0) / 255)

    @staticmethod
    def trace(
        canvas: np.ndarray, line: np.ndarray, width: float, colour: tuple[float, ...]
    ) -> None:
        """Draw a line of a width in px, one at least, into a uint8 canvas."""
        thick = max(1, round(width))
        cv2.polylines(canvas, [_fixed(line)], False, colour, thick, cv2.LINE_AA, FINE)

    def lay(
        self,
        cover: np.ndarray,
        colour: np.ndarray,
        label: Occluder | None,
        opacity: float | np.ndarray = 1.0,
    ) -> None:
        """Lay a layer over what is there.

        Args:
            cover: (S, S) float32, which px the layer takes.
            colour: (3,) or (S, S, 3), 0–255.
            label: what it is; None leaves the labels.
            opacity: of the layer where it is, 0–1, one number or (S, S).
        """
        alpha = (cover * opacity)[..., None]
        self.picture += alpha * (np.asarray(colour, np.float32) - self.picture)
        if label is not None:
            self.labels[cover > 0.5] = label

    def shade(
        self, cover: np.ndarray, strength: float, shift: tuple[float, float], blur: float
    ) -> None:
        """Darken what is below by the shadow of a layer."""
        affine = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
        moved = cv2.warpAffine(cover, affine, self.labels.shape[::-1])
        self.picture *= 1 - strength * cv2.GaussianBlur(moved, (0, 0), blur)[..., None]

    def light(self, strength: float = 1.0) -> np.ndarray:
        """(S, S, 1) float32, how the face's light varies: blurred brightness over its mean."""
        small = tuple(extent // COARSE for extent in self.labels.shape[::-1])
        grey = cv2.resize(self.picture.mean(axis=-1), small, interpolation=cv2.INTER_AREA)
        oval = np.zeros(grey.shape, np.float32)
        points = self.landmarks[FACE_OVAL, :2] / COARSE
        cv2.fillPoly(oval, [np.rint(points).astype(np.int32)], 1.0)
        mean, sigma = max(self.brightness(), 1.0), LIT_SIGMA / COARSE
        soft = cv2.GaussianBlur(grey * oval, (0, 0), sigma) + 0.02 * mean
        soft /= cv2.GaussianBlur(oval, (0, 0), sigma) + 0.02
        gain = (1 + strength * (soft / mean - 1)).clip(0.4, 1.6)
        return cv2.resize(gain, self.labels.shape[::-1])[..., None]

    def brightness(self) -> float:
        """Mean luminance of the face, 0–255."""
        return float(self.skin_colour().mean())

    def skin_colour(self) -> np.ndarray:
        """(3,) float32, median colour around nose and cheeks."""
        at = np.rint(self.landmarks[[50, 280, 4, 205, 425, 195], :2]).astype(int)
        at = at.clip(1, self.side - 2)
        return np.median(
            [self.picture[y - 1 : y + 2, x - 1 : x + 2].mean((0, 1)) for x, y in at], 0
        )


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.rint(np.asarray(points, np.float64)[:, :2] * (1 << FINE)).astype(np.int32)


def smooth_line(points: np.ndarray, rounds: int = 3, *, closed: bool = False) -> np.ndarray:
    """Chaikin's corner cutting of (N, D) points."""
    line = np.asarray(points, np.float64)
    for _ in range(rounds):
        following = np.roll(line, -1, axis=0)
        cut = np.stack([0.75 * line + 0.25 * following, 0.25 * line + 0.75 * following], axis=1)
        cut = cut.reshape(-1, line.shape[1])
        line = cut if closed else np.concatenate([line[:1], cut[:-2], line[-1:]])
    return line
