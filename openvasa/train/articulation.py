"""Train what phonetics wants of tongue and lips: speech features → tip up, tip out, lips pressed.

    openvasa train articulation RUN

No camera sees the tongue well enough to track it, but phonetics says where each sound wants it, and
which sounds press the lips together; a synthetic voice says when each of its sounds is spoken. So
the teacher is `flite` (Debian package of the same name): some hundred random sentences by two of
its speakers, heard through the speech features exactly as at run time, whole-file and live, and in
other rooms and over other lines. The other two speakers are kept to judge by.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import trange

from openvasa.assets import ASSETS
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.data.spoken import BILABIALS, VOICES, speak
from openvasa.data.voices import (
    LIVE_CONTEXT,
    SPEEDS,
    change_speed,
    disturb_sound,
    live_features,
    whole_features,
)
from openvasa.motion.articulation import ARTICULATION_DIM, PRESS, REACH, RISE, ArticulationReader
from openvasa.rates import MOTION_RATE, SAMPLE_RATE
from openvasa.train.detector import roc_auc
from openvasa.train.trainer import LOSS, Task, TrainerConfig
from openvasa.train.trainer import train as run_training

TRAINING_VOICES = ("slt", "kal16")
VOCABULARY = """
all little lately Lily lovely long letter million yellow fellow hello pillow valley family follow
collect island color really feel tell will hill people table middle simple early alone along
believe allow belong light late left like learn place play black clean cloud glass slow sleep fly
world child field cold milk help self else the this that these those then there their other mother
father brother weather together either breathe rather leather clothing thing think thank third
thick thin thumb three throw through thousand thirsty thistle north south mouth month health
wealth truth path both earth death tenth nothing something anything author method nation dinner
any many money winter window under sand stand friend want went been seen none nine ten seven
eleven dog day door dark ready today Monday tomorrow take talk time two tea better water city
pretty sit set sat hot not what say see so some sun sister sing sugar shoe ship shout she wash
chair church children which watch much joke judge large bridge zoo zebra easy music rose measure
vision pleasure go get give good green great girl again begin bigger cake keep kitchen come came
cook quick question back book walk baby bubble big boat before about above maybe make home summer
happy apple paper open pepper hope five fifty four after off laugh very every over ever voice
would one we away where hour our out now how house brown high my eye I why right write red round
run read around hurry sorry her work word bird heard yes year you use young beyond he have half
who ahead behind oh no own or more are car far garden ask and at is it in if even each ear air up
us
"""
SENTENCES = (
    "Papa, fifty-five, thistle, you.",
    "They laid the wool blankets on the lawn that Thursday.",
    "Nobody thought the tall lady would climb both ladders.",
    "Calling all sailors: the lifeboat leaves at twelve.",
    "His teeth chattered although the bath was warm.",
    "We gathered olives and lemons on a hillside by the lake.",
    "I bought a map of the moon from a shop in Boston.",
    "Through thick and thin, Ruth and Keith held the cloth.",
)
"""What the other speakers say; none of it is trained on."""

_WIDTH = 48
BATCH = 256
DEFAULTS = TrainerConfig(
    steps=10_000, learning_rate=1e-3, warmup=0, weight_decay=0.05, average=0.99, save_every=1000
)
STRETCH, HELD_BACK = 1000, 10
_TIP_UP = {"l": 1.0, "n": 0.8, "t": 0.8, "d": 0.8, "dx": 0.8, "th": 0.5, "dh": 0.5}
_TIP_UP |= {"s": 0.3, "z": 0.3, "sh": 0.3, "zh": 0.3, "ch": 0.5, "jh": 0.5}
_TIP_UP |= {"iy": 0.15, "ih": 0.1, "y": 0.2, "ey": 0.1}
_TIP_OUT = {"th": 1.0, "dh": 0.9}
_SMEAR = 0.1
"""Seconds over which tongue and lips come and go around their sound."""


@dataclass(frozen=True)
class Heard:
    """Speech features (N, 3, dim), and what they want: (N, ARTICULATION_DIM)."""

    features: np.ndarray
    wanted: np.ndarray


def targets(phones: list[tuple[str, float, float]], frames: int, speed: float = 1.0) -> np.ndarray:
    """(frames, ARTICULATION_DIM) tip up, tip out and lips pressed, 0–1, from timed phones.

    Args:
        phones: name (CMU set), start and end in seconds.
        frames: number of frames of 40 ms.
        speed: the sound is played so much faster.
    """
    per_frame = 8
    fine = np.zeros((frames * per_frame, ARTICULATION_DIM))
    for name, start, end in phones:
        span = slice(*(round(t / speed * MOTION_RATE * per_frame) for t in (start, end)))
        fine[span, RISE] = _TIP_UP.get(name, 0.0)
        fine[span, REACH] = _TIP_OUT.get(name, 0.0)
        fine[span, PRESS] = name in BILABIALS
    kernel = np.hanning(round(_SMEAR * MOTION_RATE * per_frame) + 2)[1:-1]
    smooth = np.stack(
        [np.convolve(column, kernel / kernel.sum(), mode="same") for column in fine.T], axis=1
    )
    middle = smooth[per_frame // 2 :: per_frame]
    # Short sounds are reached as well, if only just.
    return np.minimum(1.3 * middle, 1.0)


def _with_neighbours(features: np.ndarray) -> np.ndarray:
    """(T, n) → (T, 3, n): the frame before, the frame, the frame after."""
    padded = np.pad(features, ((1, 1), (0, 0)), mode="edge")
    return np.stack([padded[:-2], padded[1:-1], padded[2:]], axis=1)


def _whole(samples: np.ndarray, phones: list, speed: float = 1.0) -> Heard:
    features = whole_features(samples)
    return Heard(_with_neighbours(features), targets(phones, len(features), speed))


def _live(
    samples: np.ndarray, phones: list, speed: float = 1.0, *, rng: np.random.Generator
) -> Heard:
    """The same, heard in short windows as a stream hears them."""
    count = round(len(samples) / (SAMPLE_RATE / MOTION_RATE))
    wanted = targets(phones, count, speed)
    features, aims = [], []
    at = 0
    while at < count:
        window = int(rng.integers(3, 7))
        # The last frame of a window is a guess; only the frames before it are shown.
        heard = _with_neighbours(live_features(samples, at, window))
        shown = slice(at, min(at + window - 1, count))
        features.append(heard[LIVE_CONTEXT:][: shown.stop - shown.start])
        aims.append(wanted[shown])
        at += window - 1
    return Heard(np.concatenate(features), np.concatenate(aims))


def _join_heard(parts: list[Heard]) -> Heard:
    return Heard(
        np.concatenate([p.features for p in parts]), np.concatenate([p.wanted for p in parts])
    )


def listen(sentences: int, seed: int) -> Heard:
    """Random sentences by the training voices, each as it is and disturbed, cut in both ways."""
    rng = np.random.default_rng(seed)
    words = VOCABULARY.split()
    parts = []
    for index in trange(sentences, desc="speaking", unit="sentence"):
        text = " ".join(rng.choice(words, int(rng.integers(4, 11)))) + "."
        sound, phones = speak(text, TRAINING_VOICES[index % len(TRAINING_VOICES)])
        for disturb in (False, True):
            speed = float(np.exp(rng.uniform(*np.log(SPEEDS))))
            played = change_speed(sound, speed)
            if disturb:
                played = disturb_sound(played, rng)
            parts += [_whole(played, phones, speed), _live(played, phones, speed, rng=rng)]
    return _join_heard(parts)


class ArticulationNetwork(nn.Module):
    """Two layers: features of three frames → hidden → logits."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, _WIDTH)
        self.out = nn.Linear(_WIDTH, ARTICULATION_DIM)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """(B, inputs) normalised → (B, ARTICULATION_DIM) logits."""
        seen = functional.dropout(seen, 0.3, self.training)
        return self.out(functional.relu(self.hidden(seen)))


def fit(heard: Heard, config: TrainerConfig, run: Path | None = None) -> ArticulationReader:
    """Cross-entropy against what each frame wants; the normalisation goes into the first layer.

    One of `HELD_BACK` stretches of `STRETCH` frames, some sentences long, is held back.
    """
    flat = torch.tensor(heard.features.reshape(len(heard.features), -1), dtype=torch.float32)
    wanted = torch.tensor(heard.wanted, dtype=torch.float32)
    held_back = torch.arange(len(flat)) // STRETCH % HELD_BACK == HELD_BACK - 1
    learnt, judged = torch.nonzero(~held_back)[:, 0], torch.nonzero(held_back)[:, 0]
    mean, deviation = flat[learnt].mean(dim=0), flat[learnt].std(dim=0) + 1e-3
    torch.manual_seed(config.seed)
    network = ArticulationNetwork(flat.shape[1]).train()

    def loss_of(network: nn.Module, rows: torch.Tensor) -> torch.Tensor:
        logits = network((flat[rows] - mean) / deviation)
        return functional.binary_cross_entropy_with_logits(logits, wanted[rows])

    task = Task(
        network,
        draw=lambda rng: learnt[torch.from_numpy(rng.integers(len(learnt), size=BATCH))],
        step_loss=lambda rows, _: (loss_of(network, rows), {}),
        validate=lambda average, _: {LOSS: loss_of(average, judged).item()},
        settings={"frames": len(flat)},
    )
    trained = run_training(task, config, run)
    assert isinstance(trained, ArticulationNetwork)
    hidden, out = trained.hidden, trained.out
    weight = hidden.weight.detach() / deviation
    return ArticulationReader(
        encoder=MoonshineEncoder.name,
        hidden=_array(weight.T),
        hidden_bias=_array(hidden.bias.detach() - weight @ mean),
        out=_array(out.weight.T),
        out_bias=_array(out.bias),
    )


def _array(values: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(values.detach().numpy())


def measure(reader: ArticulationReader) -> dict:
    """What the reader makes of sentences by voices it never heard, whole-file and live."""
    rng = np.random.default_rng(0)
    spoken = [speak(text, voice) for voice, text in product(VOICES, SENTENCES)]
    ways = {"whole": _whole, "live": partial(_live, rng=rng)}
    figures = {}
    for mode, hear in ways.items():
        heard = _join_heard([hear(sound, phones) for sound, phones in spoken])
        read = reader.read_stacked(heard.features)
        loud = heard.features[:, 1, -4:-2].astype(np.float32).mean(axis=1)
        figures[mode] = {
            name: {
                "correlation": float(np.corrcoef(read[:, k], heard.wanted[:, k])[0, 1]),
                "area under curve": roc_auc(read[:, k], heard.wanted[:, k] > 0.5),
                "by loudness alone": roc_auc(loud, heard.wanted[:, k] > 0.5),
            }
            for k, name in ((RISE, "tip up"), (REACH, "tip out"), (PRESS, "lips pressed"))
        }
    return figures


def train(run: Path, config: TrainerConfig, sentences: int = 800) -> dict:
    """Train, write `openvasa/assets/articulation.npz`, and return the figures on unseen voices."""
    reader = fit(listen(sentences, config.seed), config, run)
    reader.save(ASSETS / "articulation.npz")
    return measure(reader)
