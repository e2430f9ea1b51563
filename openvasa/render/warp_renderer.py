"""The shipped renderer: the portrait warped, and the layers laid over it, from back to front.

`WarpRenderer.draw` is the only place that says in which order a frame is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import numpy as np

from openvasa.assets import ASSETS
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.render.compose import EDGE_PX_A_ROW, find_edges
from openvasa.render.cut_off import find_ceiling
from openvasa.render.cutout import cut_out, margin_px, place, upsample
from openvasa.render.eye.lift import prepare_eyes
from openvasa.render.eye.paint import paint_eyes
from openvasa.render.front import part_face
from openvasa.render.geometry import prepare_geometry
from openvasa.render.ground import Ground, OwnBackground, prepare_no_background
from openvasa.render.hidden import mirrored_view
from openvasa.render.mesh import (
    build_mesh,
    covered_triangles,
    find_ground,
    find_reach,
    head_shift,
    pose_mesh,
)
from openvasa.render.mouth.cover_opening import cover_opening
from openvasa.render.mouth.paint import paint_mouth
from openvasa.render.mouth.prepare import prepare_mouth
from openvasa.render.rasterize import moving_window
from openvasa.render.refine import Refiner, networks_in
from openvasa.render.renderer import Renderer
from openvasa.render.shading import Shading
from openvasa.render.warp import SecondView, View, Warper, Window

STILL = 0.005
"""Px by which a point may move and still count as resting."""


class Step(str, Enum):
    """What is done to a frame, in this order."""

    GEOMETRY = "geometry"
    WARP = "warp and composite"
    MOUTH = "mouth"
    EYES = "eyes"
    REFINEMENT = "refinement"
    FRONT = "what is in front"


class Drawn(NamedTuple):
    """A frame after one step.

    Attributes:
        step: the step that is done.
        geometry: what is drawn, prepared for this face.
        frame: (H, W, 3) uint8 RGB; the next step goes on in it, so that who keeps it copies it.
    """

    step: Step
    geometry: FrameGeometry
    frame: np.ndarray


class WarpRenderer(Renderer):
    """Dense warp of the portrait over its background plate, with drawn mouth and eyes, on the CPU.

    Args:
        face: the portrait; what depends only on it is prepared here.
        refined: let refinement networks work on mouth and eyes; None: where `networks` holds any.
        networks: folder of the refinement networks.
        shading: light and colour of mouth and eyes.
    """

    def __init__(
        self,
        face: FaceLatent,
        *,
        refined: bool | None = None,
        networks: Path = ASSETS,
        shading: Shading = Shading(),  # noqa: B008 (frozen)
    ) -> None:
        refined = bool(networks_in(networks)) if refined is None else refined
        self._mesh = build_mesh(
            face.landmarks,
            face.canonical,
            face.head,
            ground=find_ground(face),
            ceiling=find_ceiling(face),
        )
        face, self._front = part_face(face, self._mesh)
        self._refiner = Refiner(face, networks) if refined else None
        self._neutral = face.neutral
        self._mouth = prepare_mouth(face, shading.mouth)
        self._eyes = prepare_eyes(face, shading.eye)
        # What shows between open lips is the mouth painter's; warped, it would ride on the lips.
        face = replace(face, image=cover_opening(face, shading.mouth))
        cutout = cut_out(face)
        margin, (width, height) = margin_px(face.stated), face.size
        self._stated = face.stated
        self._at_rest = cutout[margin : margin + height, margin : margin + width]
        self._samples = upsample(cutout)
        self._sources = place(self._mesh.points, margin)
        self._triangles = covered_triangles(self._mesh, cutout[..., 3], margin, face.stated)
        self._mirrored = mirrored_view(face, self._mesh, cutout)
        self._warper = Warper(width)
        self._edges = np.empty((EDGE_PX_A_ROW * height, 2), np.int32)
        self._ground: Ground = self._own_background(face, margin)

    def twin(self) -> WarpRenderer:
        """A second renderer of this portrait for another thread; they share what both only read."""
        twin = copy(self)
        twin._warper = self._warper.twin()
        twin._edges = np.empty_like(self._edges)
        twin._ground = self._ground.twin()
        twin._refiner = self._refiner and self._refiner.twin()
        return twin

    def without_background(self) -> WarpRenderer:
        """A renderer of this portrait's person alone; not for another thread."""
        alone = copy(self)
        height, width = self._at_rest.shape[:2]
        reached = find_reach(self._mesh, (width, height))
        alone._ground = prepare_no_background(self._at_rest, reached, self._stated)
        return alone

    def render(self, geometry: FrameGeometry) -> np.ndarray:
        """(H, W, 3) or (H, W, 4) frame of the portrait at `geometry`, as large as its crop."""
        return self.render_many([geometry])[0]

    def render_many(self, geometries: Sequence[FrameGeometry]) -> list[np.ndarray]:
        """A frame as of `render` for each geometry."""
        grounds = [self._ground, *(self._ground.twin() for _ in geometries[1:])]
        *_, last = self._draw_many(geometries, grounds)
        return [ground.finish(drawn.frame) for ground, drawn in zip(grounds, last, strict=True)]

    def draw(self, geometry: FrameGeometry) -> Iterator[Drawn]:
        """Draw one frame step by step; gives the frame after each."""
        for (drawn,) in self._draw_many([geometry], [self._ground]):
            yield drawn

    def _draw_many(
        self, geometries: Sequence[FrameGeometry], grounds: Sequence[Ground]
    ) -> Iterator[list[Drawn]]:
        """Draw frames step by step, each on a ground of its own; gives all of them after each."""
        geometries = [
            prepare_geometry(geometry, self._neutral, self._mouth.flat_width)
            for geometry in geometries
        ]
        frames = [ground.start() for ground in grounds]
        work = list(zip(frames, geometries, strict=True))

        def done(step: Step) -> list[Drawn]:
            return [Drawn(step, geometry, frame) for frame, geometry in work]

        yield done(Step.GEOMETRY)
        self._warp(frames, geometries, grounds)
        yield done(Step.WARP)
        for frame, geometry in work:
            paint_mouth(frame, geometry, self._mouth)
        yield done(Step.MOUTH)
        for frame, geometry in work:
            paint_eyes(frame, geometry, self._eyes)
        yield done(Step.EYES)
        if self._refiner is not None:
            for frame, geometry in work:
                self._refiner.refine(frame, geometry)
            yield done(Step.REFINEMENT)
        if self._front is not None:
            for ground, (frame, geometry) in zip(grounds, work, strict=True):
                self._lay_front(frame, geometry, ground)
            yield done(Step.FRONT)

    def lay_front(self, frame: np.ndarray, geometry: FrameGeometry) -> None:
        """Lay what is in front of the face over a frame of any step but the last, in place."""
        self._lay_front(frame, geometry, self._ground)

    def _lay_front(self, frame: np.ndarray, geometry: FrameGeometry, ground: Ground) -> None:
        if self._front is not None:
            for things, corner in self._front.draw(geometry, (frame.shape[1], frame.shape[0])):
                ground.lay_front(things, corner, frame)

    def _warp(
        self,
        frames: Sequence[np.ndarray],
        geometries: Sequence[FrameGeometry],
        grounds: Sequence[Ground],
    ) -> None:
        """Move the person in resting frames; mouth and eyes stay as the portrait shows them."""
        for frame, geometry, ground in zip(frames, geometries, grounds, strict=True):
            corners = pose_mesh(self._mesh, geometry)
            window = moving_window(
                corners, self._mesh.points, self._triangles, STILL, frame.shape[1::-1]
            )
            if window[0] < window[2]:
                self._lay_person(ground, geometry, corners, frame, window)

    def _lay_person(
        self,
        ground: Ground,
        geometry: FrameGeometry,
        corners: np.ndarray,
        frame: np.ndarray,
        window: Window,
    ) -> None:
        """Draw the person into a frame that `ground` started."""
        shift = head_shift(self._mesh, geometry)
        view = View(self._samples, corners, self._sources, self._triangles)
        found = 0
        for band in self._warper.draw(view, self._second_view(geometry, window), window):
            ground.lay_person(band.person, band.maps, shift, frame, band.window)
            found = find_edges(band.person, *band.maps, band.window, self._edges, found)
        ground.soften_edges(self._edges[:found], frame)

    def _second_view(self, geometry: FrameGeometry, window: Window) -> SecondView | None:
        """The mirrored portrait where it is seen."""
        other = self._mirrored
        share = other.share(geometry.head) if other else 0.0
        if other is None or share <= 0:
            return None
        corners = other.pose(geometry)
        view = View(other.samples, corners, other.sources, other.triangles)
        return SecondView(view, _shared_window(corners[other.trusted, :2], window), share)

    def _own_background(self, face: FaceLatent, margin: int) -> OwnBackground:
        """The portrait's background, told what composing the portrait at rest misses."""
        # Beyond the mesh nothing moves: there the portrait itself stays in sight.
        reached = find_reach(self._mesh, face.size)[..., None]
        plate = np.where(reached, face.background, face.image)
        still_plate = np.where(self._at_rest[..., 3:] == 0, face.image, plate)
        settled = ((plate == face.image) & (still_plate == face.image)).all(axis=2)
        nothing = np.zeros(face.image.shape, np.int16)
        ground = OwnBackground(
            face.image, plate, still_plate, settled, nothing, margin, face.stated
        )
        resting = FrameGeometry(face.canonical, face.head, face.landmarks)
        frame, window = ground.start(), (0, 0, *face.size)
        self._lay_person(ground, resting, pose_mesh(self._mesh, resting), frame, window)
        return replace(ground, residue=face.image.astype(np.int16) - frame)


def _shared_window(points: np.ndarray, window: Window) -> Window:
    """The part of a window within the box around (N, 2) points; at least one px."""
    low = np.floor(points.min(axis=0)).astype(int)
    high = np.ceil(points.max(axis=0)).astype(int) + 1
    left, right = (min(max(int(v), window[0]), window[2]) for v in (low[0], high[0]))
    top, bottom = (min(max(int(v), window[1]), window[3]) for v in (low[1], high[1]))
    return min(left, window[2] - 1), min(top, window[3] - 1), max(right, 1), max(bottom, 1)
