"""Train the detector of our own renders, and measure it on people it has not seen.

For each person, two seconds of a real clip, and two seconds rendered from that clip's first frame
with the clip's own voice (the example's, where it is silent) in the same frame. Both are encoded
again in the same ways, so that nothing but the rendering sets them apart.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.optimize import minimize
from scipy.stats import rankdata
from tqdm import tqdm

from openvasa.assets import EXAMPLE_VOICE
from openvasa.data.clip_list import INDEX, Kind, Split, face_height, read_rows
from openvasa.data.reencode import reencode
from openvasa.errors import InputError
from openvasa.face.encode import load_portrait
from openvasa.media.inspect import read_frames
from openvasa.media.video_writer import VideoWriter
from openvasa.provenance.detector import (
    EXCERPT_FRAMES,
    WEIGHTS,
    Classifier,
    excerpt_features,
    square,
)
from openvasa.rates import MOTION_RATE
from openvasa.video import animate

SMALLEST_FACE = 120
"""Height of a usable face in the clip's source, px."""
TREATMENTS: dict[str, int | None] = {"as written": None, "CRF 23": 23, "CRF 28": 28, "CRF 32": 32}
RIDGE = 1.0


@dataclass(frozen=True)
class Sample:
    """One excerpt.

    Attributes:
        group: person and source.
        rendered: by us, or real.
        treatment: one of `TREATMENTS`.
        features: (n,) float64.
    """

    group: str
    rendered: bool
    treatment: str
    features: np.ndarray


def train(clips: Path, people: int) -> dict[str, object]:
    """Train on the training people, write the weights, report on the test people.

    Args:
        clips: folder with a clips.jsonl.
        people: at most so many people of each split.

    Returns:
        ROC AUC and error rates at a score of 0.5 on the test people, for each treatment.

    Raises:
        InputError: no usable clips.
    """
    learned, held_out = (list(_samples(clips, split, people)) for split in Split)
    if not learned or not held_out:
        raise InputError(f"{clips}: holds no usable clips; see docs/data.md")
    classifier = fit(learned)
    classifier.save(WEIGHTS)
    return {
        "train people": len({sample.group for sample in learned}),
        "test people": len({sample.group for sample in held_out}),
        "test": report(classifier, held_out),
        "train": report(classifier, learned),
    }


def fit(samples: list[Sample]) -> Classifier:
    """Logistic regression with an L2 penalty on standardised features."""
    features = np.stack([sample.features for sample in samples])
    target = np.array([sample.rendered for sample in samples], np.float64)
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    x = (features - mean) / scale

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias = parameters[:-1], parameters[-1]
        logits = x @ weight + bias
        error = 1 / (1 + np.exp(-np.clip(logits, -50, 50))) - target
        value = np.mean(np.logaddexp(0, logits) - target * logits)
        penalty = RIDGE / len(x)
        gradient = np.append(x.T @ error / len(x) + penalty * weight, error.mean())
        return float(value + penalty / 2 * weight @ weight), gradient

    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
    return Classifier(mean, scale, found[:-1], float(found[-1]))


def report(classifier: Classifier, samples: list[Sample]) -> dict[str, dict[str, float]]:
    """ROC AUC, and how often a score of 0.5 misses renders and accuses real clips."""
    result = {}
    for treatment in TREATMENTS:
        chosen = [sample for sample in samples if sample.treatment == treatment]
        scores = classifier.score(np.stack([sample.features for sample in chosen]))
        rendered = np.array([sample.rendered for sample in chosen])
        result[treatment] = {
            "roc_auc": round(roc_auc(scores, rendered), 3),
            "missed": round(float(np.mean(scores[rendered] < 0.5)), 3),
            "accused": round(float(np.mean(scores[~rendered] >= 0.5)), 3),
        }
    return result


def roc_auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Chance that a positive scores above a negative; ties count half."""
    ranks, count = rankdata(scores), int(positive.sum())
    pairs = count * (len(scores) - count)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / pairs)


def _samples(clips: Path, split: Split, people: int) -> Iterator[Sample]:
    listed = _one_clip_a_person(clips, split)[:people]
    for clip in tqdm(listed, f"{split.value} people", leave=False):
        path = clips / Path(clip["file"]).name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            real = list(islice(read_frames(path), EXCERPT_FRAMES))
            try:
                rendered = _render_clip(real[0], path if clip["sound"] else None)
            except InputError as error:
                tqdm.write(f"{path.name} left out: {error}")
                continue
        for treatment, crf in TREATMENTS.items():
            for frames, ours in ((real, False), (rendered, True)):
                treated = frames if crf is None else reencode(frames, crf)
                features = excerpt_features(np.stack([square(frame) for frame in treated]))
                yield Sample(clip["group"], ours, treatment, features)


def _one_clip_a_person(clips: Path, split: Split) -> list[dict]:
    chosen: dict[str, dict] = {}
    for clip in read_rows(clips):
        usable = clip["kind"] == Kind.REAL and clip["split"] == split and clip["seconds"] >= 2.1
        if usable and face_height(clip, clips / INDEX) >= SMALLEST_FACE:
            chosen.setdefault(clip["group"], clip)
    return [chosen[group] for group in sorted(chosen)]


def _render_clip(frame: np.ndarray, voice: Path | None) -> list[np.ndarray]:
    """Two seconds made from one frame, as they come back from the unmarked file."""
    with tempfile.TemporaryDirectory() as folder:
        portrait, video = Path(folder) / "portrait.png", Path(folder) / "video.mp4"
        Image.fromarray(frame).save(portrait)
        made = animate(load_portrait(portrait), voice or EXAMPLE_VOICE, full_frame=True, seed=1)
        made = replace(made, seconds_limit=EXCERPT_FRAMES / MOTION_RATE)
        with VideoWriter(video, made.frame_size, MOTION_RATE) as writer:
            for picture in made:
                writer.write(picture)
        return list(read_frames(video))[:EXCERPT_FRAMES]
