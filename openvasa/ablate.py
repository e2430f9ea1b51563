"""What each choice of the motion generator is worth: the same short training, one choice changed.

    openvasa train ablate CACHE RUN [--steps 600] [--only NAME]

Every variant is a small network, trained from the same seed for the same steps on the same people
and judged on people held out, whole-file only. Figures are comparable with each other, not with
those of the package's network, which is larger and was trained many times longer. A seed changed
is a variant as well: it says which differences are chance.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from openvasa.audio.level import speech_gain
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.data.experts import expert, sound_bands
from openvasa.data.prepare import load_sound
from openvasa.data.windows import (
    STYLE_NAMES,
    Augmentation,
    Batch,
    Normaliser,
    TalkingClip,
    fit_normaliser,
    load_clips,
    silence_features,
)
from openvasa.errors import InputError
from openvasa.evaluate.motion import HeldOut, Row, held_out, measure
from openvasa.motion.articulation import without_tongue
from openvasa.motion.generator import MotionGenerator
from openvasa.motion.settings import MotionSettings
from openvasa.motion.space import MotionSpace
from openvasa.motion.window import WindowModel
from openvasa.train.motion import MotionTraining, motion_task
from openvasa.train.motion_loss import LossWeights
from openvasa.train.motion_network import MotionNetwork, NetworkConfig
from openvasa.train.precision import training_device
from openvasa.train.trainer import TrainerConfig, train

WIDTH, LAYERS = 128, 4
AVERAGE = 0.99
FEATURE_DIM = MoonshineEncoder.dim
ENCODER = slice(0, MoonshineEncoder.content_dim)
ENERGY_AND_PITCH = slice(MoonshineEncoder.content_dim, FEATURE_DIM)
LOG_MEL = "log-mel"
MEL_SCALE, MEL_MEAN = 0.75, -1.0
"""Bring log-mel bands to the mean and deviation of the encoder's features."""
LEAD_IN = 50
"""Frames of silence heard before each held-out clip: a generator starts with features of its own
for the silence before, which log-mel variants do not know."""


WHOLE_FILES_ONLY = MotionTraining(live_share=0)


@dataclass(frozen=True)
class Variant:
    """One choice changed.

    Attributes:
        training: losses, noise and left-out conditions.
        network: context, window and other sizes that differ from the standard ones.
        augmentation: of the windows.
        features: "all", "encoder", "energy and pitch" or `LOG_MEL`.
        kinds: of clips trained on.
        silent_clips: train on those without sound as well.
        renditions: of each clip's voice; more than one are played faster or slower.
        flow: predict the velocity of straight paths (flow matching), not the clean motion.
        seed: of weights and windows.
    """

    training: MotionTraining = WHOLE_FILES_ONLY
    network: tuple[tuple[str, int], ...] = ()
    augmentation: Augmentation = field(default_factory=Augmentation)
    features: str = "all"
    kinds: tuple[str, ...] = ("real", "generated")
    silent_clips: bool = True
    renditions: int = 2
    flow: bool = False
    seed: int = 0


_PLAIN_VOICE = Variant(augmentation=Augmentation(silence=0, pause=0), renditions=1)
STANDARD = "standard"
VARIANTS: dict[str, Variant] = {
    STANDARD: Variant(),
    "another seed": Variant(seed=1),
    "flow matching": Variant(flow=True),
    "encoder only": Variant(features="encoder"),
    "energy and pitch only": Variant(features="energy and pitch"),
    "voices as they are": _PLAIN_VOICE,
    "log-mel, voices as they are": replace(_PLAIN_VOICE, features=LOG_MEL),
    "windows of 25": Variant(network=(("window", 29),)),
    "context of 4": Variant(network=(("context", 4),)),
    "context of 25": Variant(network=(("context", 25),)),
    "loss on codes only": Variant(
        training=replace(
            WHOLE_FILES_ONLY, weights=LossWeights(velocity=0, lips=0, gap=0, blink=0, still=0)
        )
    ),
    "no velocity in the loss": Variant(
        training=replace(WHOLE_FILES_ONLY, weights=LossWeights(velocity=0))
    ),
    "nothing rare counts more": Variant(
        training=replace(WHOLE_FILES_ONLY, weights=LossWeights(blink=0, closed=0, still=0))
    ),
    "all noise counts alike": Variant(
        training=replace(WHOLE_FILES_ONLY, weights=LossWeights(low_noise=1e-3))
    ),
    "features without noise": Variant(training=replace(WHOLE_FILES_ONLY, audio_noise=0)),
    "no style": Variant(training=replace(WHOLE_FILES_ONLY, drop_style=1)),
    "real clips only": Variant(kinds=("real",)),
    "clips with sound only": Variant(silent_clips=False),
}


class StraightPaths(nn.Module):
    """A network that learns velocities of straight paths (flow matching: Lipman et al.,
    arXiv:2210.02747; rectified flow: Liu et al., arXiv:2209.03003), called as one that predicts
    clean motion is.

    A point of the straight path from motion to noise is one of the cosine schedule, scaled; so
    training and sampling stay as they are.
    """

    def __init__(self, network: MotionNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, noisy: Tensor, time: Tensor, *conditions: Tensor) -> Tensor:
        """As `MotionNetwork.forward`."""
        angle = time * (math.pi / 2)
        scale = 1 / (angle.cos() + angle.sin())
        at = angle.sin() * scale
        point = noisy * scale[:, None, None]
        return point - at[:, None, None] * self.network(point, at, *conditions)


def ablate(cache: Path, run: Path, steps: int, only: tuple[str, ...] = ()) -> dict[str, Row]:
    """Train and judge every variant that RUN holds no figures of; all figures, by variant.

    Raises:
        InputError: `only` names no variant, or RUN was made with other steps.
    """
    unknown = [name for name in only if name not in VARIANTS]
    if unknown:
        raise InputError(f"{unknown[0]!r} is no variant; there are: {', '.join(VARIANTS)}")
    run.mkdir(parents=True, exist_ok=True)
    found = _read(run / "ablations.json", steps)
    missing = [name for name in only or VARIANTS if name not in found]
    if missing:
        clips = load_clips(cache, "train", ("real", "generated"))
        judged = held_out(cache)
        for name in missing:
            found[name] = _train_and_judge(name, cache, clips, judged, steps)
            rows = {key: asdict(row) for key, row in found.items()}
            (run / "ablations.json").write_text(json.dumps({"steps": steps, "rows": rows}))
    return {name: found[name] for name in VARIANTS if name in found}


def _read(path: Path, steps: int) -> dict[str, Row]:
    if not path.exists():
        return {}
    saved = json.loads(path.read_text())
    if saved["steps"] != steps:
        raise InputError(f"{path}: is of {saved['steps']} steps; give another RUN for {steps}")
    return {name: Row(**row) for name, row in saved["rows"].items()}


def ablation_report(rows: dict[str, Row]) -> str:
    """A Markdown table."""
    columns = {
        "S_C": ("confidence", 2),
        "in sync %": ("in_sync", 0),
        "CAPP": ("capp", 3),
        "aperture r": ("aperture", 2),
        "lip velocity r": ("velocity", 2),
        "lip speed × real": ("lip_speed", 2),
        "ΔP °": ("pose_change", 2),
        "blinks/min": ("blinks", 0),
        "brows": ("brows", 0),
        "gaze °": ("gaze", 1),
    }
    lines = ["| variant | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        figures = [f"{getattr(row, key):.{digits}f}" for key, digits in columns.values()]
        lines.append(f"| {name} | " + " | ".join(figures) + " |")
    return "\n".join(lines)


def _train_and_judge(
    name: str, cache: Path, clips: list[TalkingClip], judged: list[HeldOut], steps: int
) -> Row:
    variant = VARIANTS[name]
    chosen = [
        _with_features(replace(clip, renditions=clip.renditions[: variant.renditions]), cache, name)
        for clip in clips
        if clip.clip.kind in variant.kinds and (variant.silent_clips or clip.clip.sound)
    ]
    normaliser = fit_normaliser(chosen)
    base = NetworkConfig(len(normaliser.mean), len(STYLE_NAMES), width=WIDTH, layers=LAYERS)
    sizes = replace(base, **dict(variant.network))
    network = _trained(name, chosen, normaliser, sizes, steps)
    model = WindowModel(
        lambda *inputs: _predict(network, variant.features, inputs),
        MotionSpace(normaliser.mean, normaliser.deviation, sizes.context, sizes.window),
    )

    def make(clip: TalkingClip, sound: np.ndarray, seed: int) -> np.ndarray:
        speech = clip.speech
        before = silence_features(LEAD_IN, np.random.default_rng(0))
        if variant.features == LOG_MEL:
            speech = _log_mel(sound, len(clip.motion))
            before = _log_mel(np.zeros(1, np.float32), LEAD_IN)
        # Tongue and pressed lips are read off features that only some variants hear.
        generator = MotionGenerator(model, MotionSettings(seed=seed), reader=None)
        made = [generator.feed(np.concatenate([before, speech])), generator.finish()]
        return without_tongue(np.concatenate(made))[LEAD_IN:]

    return measure(name, judged, make, (expert("sync"), expert("capp"))).row


def _trained(
    name: str,
    clips: list[TalkingClip],
    normaliser: Normaliser,
    sizes: NetworkConfig,
    steps: int,
) -> nn.Module:
    """The averaged network of one variant."""
    variant, device = VARIANTS[name], training_device()
    torch.manual_seed(variant.seed)
    network: nn.Module = MotionNetwork(sizes)
    if variant.flow:
        network = StraightPaths(network)
    network = network.to(device).train()
    task = motion_task(
        network, sizes, clips, normaliser, variant.training, device, variant.augmentation
    )

    def draw(rng: np.random.Generator) -> Batch:
        batch = task.draw(rng)
        return replace(batch, speech=_masked(batch.speech, variant.features))

    config = TrainerConfig(steps, average=AVERAGE, seed=variant.seed)
    # All variants are judged at their last step: the losses of some are not those of others.
    return train(replace(task, draw=draw, validate=None), config).cpu()


def _predict(network: nn.Module, features: str, inputs: Iterable[np.ndarray]) -> list[np.ndarray]:
    noisy, time, context, audio, *rest = inputs
    arrays = [noisy, time, context, _masked(audio, features), *rest]
    with torch.inference_mode():
        return [network(*(torch.tensor(part, dtype=torch.float32) for part in arrays)).numpy()]


def _masked(speech: np.ndarray, features: str) -> np.ndarray:
    """Speech features (…, FEATURE_DIM) without those that a variant does not hear."""
    unheard = {"encoder": ENERGY_AND_PITCH, "energy and pitch": ENCODER}.get(features)
    if unheard is None:
        return speech
    heard = speech.copy()
    heard[..., unheard] = 0
    return heard


def _with_features(clip: TalkingClip, cache: Path, name: str) -> TalkingClip:
    """The clip with log-mel bands as its speech features, where the variant hears those."""
    voice = clip.renditions[0].voice
    if VARIANTS[name].features != LOG_MEL or voice is None:
        return clip
    sound = load_sound(cache, clip.clip)
    bands = _log_mel(sound * np.float32(speech_gain([sound])), len(voice.speech))
    take = replace(clip.renditions[0], voice=replace(voice, speech=bands))
    return replace(clip, renditions=[take])


def _log_mel(samples: np.ndarray, frames: int) -> np.ndarray:
    """(frames, FEATURE_DIM) float32: four log-mel frames to a video frame, then zeros."""
    bands = (sound_bands(samples, frames) - MEL_MEAN) * MEL_SCALE
    return np.pad(bands, ((0, 0), (0, FEATURE_DIM - bands.shape[1]))).astype(np.float32)
