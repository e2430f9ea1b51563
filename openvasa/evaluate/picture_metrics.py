"""How much two pictures of a face differ: in pixels, in structure, in features, in identity.

The feature distance is computed as LPIPS is (Zhang et al., arXiv:1801.03924), without its learned
weights, and identity with dlib's face descriptor: neither figure compares to published ones.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.linalg import sqrtm

from openvasa.backend import import_openvino
from openvasa.evaluation_models import FACE_DESCRIPTOR, VGG16, VGG16_MEAN

if TYPE_CHECKING:
    import openvino as ov

FEATURE_LAYERS = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3")
POOLED_LAYER = 2

CHIP_SIDE = 150
CHIP_POINTS = np.array([263, 362, 33, 133, 2])
CHIP_PLACES = np.array(
    [[0.86, 0.213], [0.646, 0.229], [0.121, 0.214], [0.334, 0.229], [0.49, 0.628]]
)
"""Where the descriptor's face crop has the eyes' corners and the base of the nose, before its
margin of a quarter on each side."""


def psnr(picture: np.ndarray, real: np.ndarray) -> float:
    """Peak signal-to-noise ratio of uint8 pictures, dB; at most 60."""
    error = float(np.square(picture.astype(np.float32) - real).mean())
    return 10 * float(np.log10(255**2 / max(error, 0.065)))


def ssim(picture: np.ndarray, real: np.ndarray) -> float:
    """Structural similarity of the brightness (Wang et al., TIP 13(4), 2004)."""
    a, b = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(np.float32) for p in (picture, real))

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(x, (11, 11), 1.5)

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    both = mean(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    value = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float((value / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())


@lru_cache(maxsize=4)
def _feature_network(side: int) -> ov.CompiledModel:
    ov = import_openvino()
    core = ov.Core()
    model = core.read_model(str(VGG16.path()))
    outputs = {
        out.get_any_name(): out for op in model.get_ops() for out in op.outputs() if out.names
    }
    taken = [
        next(out for name, out in outputs.items() if f"/{layer}_1/Relu" in name)
        for layer in FEATURE_LAYERS
    ]
    cut = ov.Model(taken, model.get_parameters(), "features")  # pyright: ignore
    cut.reshape([1, side, side, 3])
    # One thread: the figures must not hang on how many cores sum them up.
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}
    return core.compile_model(cut, "CPU", options)


def features(picture: np.ndarray) -> list[np.ndarray]:
    """VGG16 features of a (S, S, 3) uint8 RGB picture, (C, h, w) float32 per layer."""
    network = _feature_network(len(picture))
    out = network((picture[..., ::-1].astype(np.float32) - np.array(VGG16_MEAN, np.float32))[None])
    return [np.array(out[k])[0] for k in range(len(FEATURE_LAYERS))]


def feature_distance(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """Mean squared difference of unit-length features, summed over the layers; 0 is the same."""
    total = 0.0
    for x, y in zip(a, b, strict=True):
        x, y = (f / (np.linalg.norm(f, axis=0, keepdims=True) + 1e-8) for f in (x, y))
        total += float(np.square(x - y).sum(axis=0).mean())
    return total


def pool_features(values: list[np.ndarray]) -> np.ndarray:
    """(256,) mean features of a picture, for `frechet_distance`."""
    return values[POOLED_LAYER].mean(axis=(1, 2))


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance between two (N, D) sets of features as Gaussians (as in FID)."""
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(cov_a @ cov_b)
    apart = float(np.square(a.mean(axis=0) - b.mean(axis=0)).sum())
    return apart + float(np.trace(cov_a + cov_b - 2 * np.real(root)))


@lru_cache(maxsize=1)
def _describer():
    import dlib

    path = str(FACE_DESCRIPTOR.path())
    return dlib.face_recognition_model_v1(path)  # pyright: ignore[reportAttributeAccessIssue]


def identity(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(128,) face descriptor of a uint8 RGB picture, its face cut out by (478, 3) landmarks."""
    places = (CHIP_PLACES + 0.25) / 1.5 * CHIP_SIDE
    matrix, _ = cv2.estimateAffinePartial2D(landmarks[CHIP_POINTS, :2].astype(np.float64), places)
    chip = cv2.warpAffine(picture, matrix, (CHIP_SIDE, CHIP_SIDE), flags=cv2.INTER_AREA)
    return np.array(_describer().compute_face_descriptor(np.ascontiguousarray(chip)))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine similarity of two vectors."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
