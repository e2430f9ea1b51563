"""The network of the motion generator, and the normalised motion that it works in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path

import numpy as np

from openvasa.assets import ASSETS
from openvasa.backend import Network, load_onnx
from openvasa.errors import InputError
from openvasa.motion.prior import Expectation, History, MotionPrior
from openvasa.motion.row import Row
from openvasa.motion.speaker import Speakers, StyleResponse

NETWORK_FILE = ASSETS / "speech_motion.onnx"
SPACE_FILE = ASSETS / "speech_motion.npz"

RESPONSES = ("in_files", "in_streams")


@dataclass(frozen=True)
class MotionSpace:
    """Normalised motion: head and face in deviations of the training clips.

    Attributes:
        mean, deviation: (6 + D,) float32; the head's are those of the average speaker.
        largest: (6 + D,) float32, within which 999 of 1000 training frames lie, normalised.
        prior: what frames say of those after them.
        speakers: people to draw from.
        in_files, in_streams: what to ask the network for, so that it shows a style.
        encoder, feature_dim: speech encoder whose features the network hears.
    """

    mean: np.ndarray
    deviation: np.ndarray
    largest: np.ndarray
    prior: MotionPrior
    speakers: Speakers
    encoder: str
    feature_dim: int
    in_files: StyleResponse = field(default_factory=StyleResponse.none)
    in_streams: StyleResponse = field(default_factory=StyleResponse.none)

    def keep_learnt(self, window: np.ndarray) -> np.ndarray:
        """(n, 6 + D) normalised motion within what a network has learnt to go on from. Of motion
        that no clip shows it makes more: eyes that look far aside never come back."""
        return np.clip(window, -self.largest, self.largest)

    def restore(self, window: np.ndarray, head: float) -> np.ndarray:
        """(n, 6 + D) normalised → motion of a speaker whose head moves `head` times as far."""
        motion = window * self.deviation + self.mean
        Row.split(motion).pose[:] *= head
        return motion.astype(np.float32)

    def save(self, path: Path) -> None:
        """Write the file; the prior in half precision, which changes nothing that can be seen."""
        arrays = {f"prior_{f.name}": getattr(self.prior, f.name) for f in fields(self.prior)}
        small = {
            name: value.astype(np.float16) if np.ndim(value) else value
            for name, value in arrays.items()
        }
        np.savez_compressed(
            path,
            mean=self.mean,
            deviation=self.deviation,
            largest=self.largest,
            encoder=np.array(self.encoder),
            feature_dim=np.int32(self.feature_dim),
            **vars(self.speakers),
            **{f"{name}_{part}": value for name, part, value in self._responses()},
            **small,
        )

    def _responses(self) -> Iterator[tuple[str, str, np.ndarray]]:
        for name in RESPONSES:
            for part, value in vars(getattr(self, name)).items():
                yield name, part, value

    @staticmethod
    def load(path: Path) -> MotionSpace:
        """Read what `save` wrote.

        Raises:
            InputError: it is of a format before this one.
        """
        with np.load(path) as data:
            if "largest" not in data:
                raise InputError(
                    f"{path}: is of an older format; train in a new run by openvasa train motion"
                )
            prior = {
                f.name: data[f"prior_{f.name}"].astype(np.float32) for f in fields(MotionPrior)
            }
            recent, block = int(prior.pop("recent")), int(prior.pop("block"))
            return MotionSpace(
                data["mean"],
                data["deviation"],
                data["largest"],
                MotionPrior(**prior, recent=recent, block=block),
                Speakers(**{f.name: data[f.name] for f in fields(Speakers)}),
                str(data["encoder"]),
                int(data["feature_dim"]),
                **{
                    name: StyleResponse(data[f"{name}_gain"], data[f"{name}_shift"])
                    for name in RESPONSES
                },
            )


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance on the speech (Ho & Salimans, arXiv:2207.12598).

    Attributes:
        scale: how far velocities are extrapolated from those of a network that hears nothing.
        every: steps from one that asks that network to the next; those between go by what it said
            (the guidance cache of FasterCache, Lv et al., arXiv:2410.19355).
    """

    scale: float
    every: int = 2


@dataclass(frozen=True)
class WindowNetwork:
    """Predicts the velocity of noisy windows.

    Attributes:
        network: see `train.speech_motion_network.MotionNetwork.forward` for inputs and output.
        space: the normalised motion that it works in.
    """

    network: Network
    space: MotionSpace

    def predictor(
        self,
        expected: Expectation,
        history: History,
        features: np.ndarray,
        style: np.ndarray,
        guidance: Guidance,
    ) -> Callable[[np.ndarray, float], np.ndarray]:
        """What `velocity.sample_velocity` asks of one window.

        Args:
            expected: the window as the prior expects it, n frames.
            history: the motion before it.
            features: (K + n, feature_dim) of the K frames before and of the window.
            style: (S,) the speaker's.
            guidance: on the speech.
        """
        rows = 2 if guidance.scale else 1
        one = (expected.mean, history.recent, history.blocks, history.known, features, style)
        given = [np.repeat(np.asarray(part, np.float32)[None], rows, axis=0) for part in one]
        flags = [
            np.full(rows, float(history.given), np.float32),
            np.array([1.0, 0.0], np.float32)[:rows],
            np.ones(rows, np.float32),
        ]
        pulled, asked = np.zeros_like(expected.mean), 0

        def predict(state: np.ndarray, time: float) -> np.ndarray:
            nonlocal pulled, asked
            count = rows if asked % guidance.every == 0 else 1
            asked += 1
            noisy = np.repeat(state[None], count, axis=0)
            times = np.full(count, time, np.float32)
            parts = [part[:count] for part in (*given, *flags)]
            (velocity,) = self.network(noisy, times, *parts)
            if count == 2:
                pulled = guidance.scale * (velocity[0] - velocity[1])
                # Speech says little about the head; extrapolating it would make it shake.
                Row.split(pulled).pose[:] = 0
            return velocity[0] + pulled

        return predict


@lru_cache(maxsize=2)
def window_network(threads: int) -> WindowNetwork:
    """The shipped network, loaded once for each number of CPU threads."""
    network = load_onnx(NETWORK_FILE, threads=threads, by_rows=True)
    return WindowNetwork(network, MotionSpace.load(SPACE_FILE))
