"""What the adapters for agent frameworks share: a live portrait from what their users choose."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TypedDict

from openvasa.backgrounds import before
from openvasa.face.latent import CROP_SIDE, FaceLatent
from openvasa.live.avatar import LiveAvatar
from openvasa.live.frame import LiveSettings
from openvasa.motion.controls import Controls
from openvasa.motion.model import MotionModel
from openvasa.rates import MOTION_RATE
from openvasa.render.hair_lag import USUAL
from openvasa.render.renderer import RendererFactory
from openvasa.render.shipped import shipped_renderer


class PortraitOptions(TypedDict, total=False):
    """The options of `make_avatar`, for the signatures of adapters; any may be left out."""

    fps: int
    sample_rate: int
    size: int
    lookahead: int
    refine: bool
    background: str | Path
    hair_lag: float
    seed: int
    renderer: RendererFactory | None
    model: MotionModel | None


def make_avatar(
    face: FaceLatent,
    controls: Controls,
    *,
    fps: int = MOTION_RATE,
    sample_rate: int = 24000,
    size: int = CROP_SIDE,
    lookahead: int = 1,
    refine: bool = False,
    background: str | Path = "keep",
    hair_lag: float = USUAL,
    seed: int = 0,
    renderer: RendererFactory | None = None,
    model: MotionModel | None = None,
) -> LiveAvatar:
    """A live portrait, not yet started, steered from its first frame on.

    Args:
        face: the portrait.
        controls: gaze, distance and emotion at the start.
        fps: frames a second.
        sample_rate: of the sound that comes out, Hz: 16000, 24000 or 48000.
        size: side of the pictures, px.
        lookahead: steps of 40 ms that the lips hear ahead.
        refine: folds and shadows that move with the face, as in files.
        background: "keep", "green", "#rrggbb", "blur" or a picture's file.
        hair_lag: how far loose hair and cloth stay behind the head, 0 to 2.
        seed: of the shipped motion model: same seed, same speech, same motion.
        renderer: draws the pictures in place of the shipped one; `refine` goes with that one.
        model: generates the motion; None takes the shipped one.

    Raises:
        InputError: an option is out of range, or the background cannot be used.
    """
    person = renderer or partial(shipped_renderer, refined=refine)
    settings = LiveSettings(fps, sample_rate, lookahead=lookahead, size=size, hair_lag=hair_lag)
    avatar = LiveAvatar(
        face, settings, seed=seed, renderer=before(person, str(background)), model=model
    )
    avatar.steer(controls)
    return avatar
