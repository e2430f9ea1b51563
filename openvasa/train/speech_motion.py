"""Train the motion generator.

    openvasa train motion CACHE RUN [--steps 24000]

Reads the cache of `openvasa data prepare`. RUN is a folder as `trainer` makes it, with the motion
space beside. Runs on the CPU or, where there is one, on a GPU. `--export` writes the averaged
weights as ONNX, with the space, into the package's assets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.audio.speech_encoder import SpeechEncoder
from openvasa.data.row_code import RowCode, geometric_row_code
from openvasa.data.talking_clips import TalkingClip
from openvasa.face.canonical import POSE_DIM
from openvasa.motion.prior import MotionPrior
from openvasa.motion.window_network import MotionSpace
from openvasa.train.checkpoint import CHECKPOINT_FILE
from openvasa.train.precision import half_precision, training_device
from openvasa.train.speech_motion_data import (
    Augmentation,
    Batch,
    WindowSampler,
    fit_space,
    real_clips,
    split_clips,
)
from openvasa.train.speech_motion_export import SPACE_NAME
from openvasa.train.speech_motion_loss import MotionLoss
from openvasa.train.speech_motion_network import MotionNetwork, NetworkConfig
from openvasa.train.style_scale import StyleScale
from openvasa.train.trainer import LOSS, Task, TrainerConfig
from openvasa.train.trainer import train as run_training

DEFAULTS = TrainerConfig(
    steps=24_000, learning_rate=8e-4, warmup=300, betas=(0.9, 0.98), average=0.999
)
VALIDATION_BATCHES = 4
"""Batches of the people held back that every validation looks at, as many again live."""
CALIBRATION_DEGREES = (85, 72, 54, 36)
"""Angles of the sampler at which predictions are compared with the truth; 90 is noise."""


@dataclass(frozen=True)
class MotionTraining:
    """What the motion generator sees of each window."""

    batch: int = 32
    """Windows a step as in whole files."""
    live_batch: int = 64
    """Windows a step as in live streams."""
    live_share: float = 0.25
    """Share of steps on live windows."""
    audio_noise: float = 0.2
    """Deviation of the noise on what the encoder says of the speech."""
    history_noise: float = 0.15
    """Largest noise on the frames before, in deviations of what the prior leaves open four frames
    ahead: what a generator made itself is never quite like people's motion."""
    drop_audio: float = 0.1
    """Share of windows that do not hear the speech."""
    drop_history: float = 0.06
    """Share of windows that do not see the frames before."""
    drop_style: float = 0.15
    """Share of windows that do not know the speaking style."""


class PriorOnDevice:
    """The prior's arrays as tensors, for batches of different patterns."""

    def __init__(self, prior: MotionPrior, device: str) -> None:
        def tensor(array: np.ndarray) -> Tensor:
            return torch.tensor(array, device=device)

        self.gain, self.factor = tensor(prior.gain), tensor(prior.factor)
        self.deviation, self.step = tensor(prior.deviation), tensor(prior.step)

    def expect(
        self, recent: Tensor, blocks: Tensor, known: Tensor, has_history: Tensor, frames: int
    ) -> tuple[Tensor, Tensor]:
        """Patterns (B,) and means (B, frames, C) of windows with the given history."""
        pattern = (has_history * (1 + known.sum(dim=1))).long()
        seen = torch.cat([recent, blocks], dim=1)
        mean = torch.einsum("bcwo,boc->bwc", self.gain[pattern][:, :, :frames], seen)
        return pattern, mean * has_history[:, None, None]

    def colour(self, pattern: Tensor, white: Tensor) -> Tensor:
        """(B, n, C) standard normal → noise of unit deviation that moves as motion does."""
        frames = white.shape[1]
        factor = self.factor[pattern][:, :, :frames, :frames]
        return torch.einsum("bcij,bjc->bic", factor, white) / self.deviation[pattern][:, :frames]


@dataclass(frozen=True)
class MotionRows:
    """Clips of rows of motion.

    Attributes:
        learnt, judged: to learn from, and of people held back.
        code: what the rows carry.
        latent: which learned latent they are of, values that JSON can hold; None for the shipped
            code.
    """

    learnt: list[TalkingClip]
    judged: list[TalkingClip]
    code: RowCode
    latent: Mapping[str, object] | None = None


def geometric_rows(cache: Path) -> MotionRows:
    """The clips of a cache in the shipped code.

    Raises:
        InputError: CACHE holds fewer than two people with sound.
    """
    learnt, judged = split_clips(cache)
    return MotionRows(learnt, judged, geometric_row_code())


def train(
    rows: MotionRows, run: Path, config: TrainerConfig, training: MotionTraining | None = None
) -> nn.Module:
    """Train on clips; returns the averaged network.

    Args:
        rows: of `geometric_rows`, or of `latent_motion.latent_rows`.
        run: folder of the run, which goes on from its checkpoint.
        config: steps, learning rate, seed.
        training: what windows show.

    Raises:
        InputError: RUN was made otherwise.
    """
    training, device, encoder = training or MotionTraining(), training_device(), MoonshineEncoder()
    learnt, judged = rows.learnt, rows.judged
    sizes = NetworkConfig(learnt[0].motion.shape[1], encoder.dim)
    scale = StyleScale.fit(real_clips(learnt))
    space = _run_space(run, real_clips(learnt), scale, sizes, encoder)
    torch.manual_seed(config.seed)
    network = MotionNetwork(sizes).to(device).train()
    drawn = Augmentation()
    samplers = [
        WindowSampler(part, space, scale, encoder, drawn, code=rows.code)
        for part in (learnt, judged)
    ]
    settings = {
        "network": asdict(sizes),
        "training": asdict(training),
        "augmentation": asdict(drawn),
        "latent": rows.latent,
    }
    task = motion_task(network, space, samplers[0], samplers[1], training, device, settings)
    return run_training(task, config, run)


def motion_task(
    network: nn.Module,
    space: MotionSpace,
    learnt: WindowSampler,
    judged: WindowSampler,
    training: MotionTraining,
    device: str,
    settings: Mapping[str, object],
) -> Task[Mapping[str, Tensor]]:
    """The task of predicting velocities, judged on people held back.

    Args:
        network: called as `MotionNetwork` is, on `device`.
        space: of the windows.
        learnt, judged: windows to learn from and of people held back.
        training: what windows show.
        device: where the network is.
        settings: kept in the run's `config.json`.
    """
    prior = PriorOnDevice(space.prior, device)
    loss = MotionLoss.build(space, learnt.code.basis, device)
    rng = np.random.default_rng(0)
    whole = [as_tensors(judged.whole(training.batch, rng)) for _ in range(VALIDATION_BATCHES)]
    live = [as_tensors(judged.live(training.live_batch, rng)) for _ in range(VALIDATION_BATCHES)]

    def draw(rng: np.random.Generator) -> dict[str, Tensor]:
        if rng.random() < training.live_share:
            return as_tensors(learnt.live(training.live_batch, rng))
        return as_tensors(learnt.whole(training.batch, rng))

    def learn(batch: Mapping[str, Tensor], _step: int) -> tuple[Tensor, dict[str, Tensor]]:
        total, parts = step_loss(network, batch, prior, loss, training, device)
        kind = "whole " if batch["motion"].shape[1] == space.prior.window else "live "
        figures = parts | {LOSS: total.detach()}
        return total, {kind + name: part.detach() for name, part in figures.items()}

    def validate(average: nn.Module, _: int) -> dict[str, float]:
        found = {}
        for kind, batches in (("whole", whole), ("live", live)):
            losses = [
                step_loss(average, b, prior, loss, training, device)[0].item() for b in batches
            ]
            found[f"{kind} {LOSS}"] = float(np.mean(losses))
        calibration = measure_calibration(average, whole, prior, device)
        return {LOSS: float(np.mean(list(found.values()))), **found, **calibration}

    return Task(network, draw, learn, validate, settings=settings, repeatable=True)


def as_tensors(batch: Batch) -> dict[str, Tensor]:
    """The arrays of a batch as tensors on the CPU, by name."""
    return {name: torch.from_numpy(array) for name, array in vars(batch).items()}


def step_loss(
    network: nn.Module,
    batch: Mapping[str, Tensor],
    prior: PriorOnDevice,
    loss: MotionLoss,
    training: MotionTraining,
    device: str,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of one batch with noise, times and left-out conditions drawn anew, and its parts."""
    t = {name: part.to(device) for name, part in batch.items()}
    size, frames, _ = t["motion"].shape

    def keep(chance: float) -> Tensor:
        return (torch.rand(size, device=device) >= chance).float()

    has_history = t["has_history"] * keep(training.drop_history)
    known = t["known"] * has_history[:, None]
    pattern, mean = prior.expect(t["recent"], t["blocks"], known, has_history, frames)
    deviation, step = prior.deviation[pattern][:, :frames], prior.step[pattern][:, :frames]
    clean = (t["motion"] - mean) / deviation
    time = torch.rand(size, device=device)
    angle = time[:, None, None] * (math.pi / 2)
    noise = prior.colour(pattern, torch.randn_like(clean))
    noisy = angle.cos() * clean + angle.sin() * noise
    velocity = angle.cos() * noise - angle.sin() * clean
    # Noise on what the encoder says, not on energy and pitch, keeps the network from learning the
    # training voices by heart.
    content = slice(0, MoonshineEncoder.content_dim)
    audio = t["audio"].clone()
    audio[..., content] += training.audio_noise * torch.randn_like(audio[..., content])
    amount = training.history_noise * torch.rand(size, 1, 1, device=device)
    recent = t["recent"] + amount * prior.deviation[-1][3] * torch.randn_like(t["recent"])
    with half_precision(device):
        predicted = network(
            noisy,
            time,
            mean,
            recent,
            t["blocks"],
            known,
            audio,
            t["style"],
            has_history,
            t["has_audio"] * keep(training.drop_audio),
            keep(training.drop_style),
        )
    return loss(predicted.float() - velocity, deviation, step, t["inside"])


@torch.no_grad()
def measure_calibration(
    network: nn.Module, batches: list[dict[str, Tensor]], prior: PriorOnDevice, device: str
) -> dict[str, float]:
    """R² of the clean motion predicted from noise, and its variance as a share of the truth's, by
    noise, of slow movement (a window's mean) and quick (what is left), of head and face.

    A calibrated predictor's variance is its R²; where it is less, the generator plays safe.
    """
    found = {}
    for degrees in CALIBRATION_DEGREES:
        sums: dict[str, np.ndarray] = {}
        for batch in batches:
            truth, predicted = _predict_clean(network, batch, prior, degrees, device)
            for name, part in (("head", slice(0, POSE_DIM)), ("face", slice(POSE_DIM, None))):
                slow = [x[..., part].mean(dim=1, keepdim=True) for x in (truth, predicted)]
                quick = [x[..., part] - s for x, s in zip((truth, predicted), slow, strict=True)]
                for speed, (true, made) in (("slow", slow), ("quick", quick)):
                    squares = [(true - made).square(), true.square(), made.square()]
                    total = np.array([float(s.sum()) for s in squares])
                    sums[f"{name} {speed}"] = sums.get(f"{name} {speed}", np.zeros(3)) + total
        for name, (missed, true, made) in sums.items():
            found[f"{name} {degrees} R2"] = float(1 - missed / true)
            found[f"{name} {degrees} variance"] = float(made / true)
    return found


def _predict_clean(
    network: nn.Module,
    batch: Mapping[str, Tensor],
    prior: PriorOnDevice,
    degrees: int,
    device: str,
) -> tuple[Tensor, Tensor]:
    """True and predicted windows that lie wholly within their clips, deviations of the prior."""
    t = {name: part.to(device) for name, part in batch.items()}
    size, frames, _ = t["motion"].shape
    history = (t["recent"], t["blocks"], t["known"], t["has_history"])
    pattern, mean = prior.expect(*history, frames)
    clean = (t["motion"] - mean) / prior.deviation[pattern][:, :frames]
    angle = math.radians(degrees)
    noise = prior.colour(pattern, torch.randn_like(clean))
    noisy = math.cos(angle) * clean + math.sin(angle) * noise
    time = torch.full((size,), degrees / 90, device=device)
    given = (t["recent"], t["blocks"], t["known"], t["audio"], t["style"])
    flags = (t["has_history"], t["has_audio"], torch.ones(size, device=device))
    velocity = network(noisy, time, mean, *given, *flags).float()
    whole = t["inside"].sum(dim=1) == frames
    return clean[whole], (math.cos(angle) * noisy - math.sin(angle) * velocity)[whole]


def _run_space(
    run: Path,
    clips: list[TalkingClip],
    scale: StyleScale,
    sizes: NetworkConfig,
    encoder: SpeechEncoder,
) -> MotionSpace:
    """The run's motion space: fitted at its start, the same ever after."""
    path = run / SPACE_NAME
    # A space without a checkpoint may be that of other rows.
    if not (path.exists() and (run / CHECKPOINT_FILE).exists()):
        run.mkdir(parents=True, exist_ok=True)
        fit_space(clips, scale, sizes, encoder).save(path)
    return MotionSpace.load(path)
