"""Look over an installation: what it runs on, what is there, how fast it is, what is wrong."""

from __future__ import annotations

import platform
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from itertools import chain
from pathlib import Path

import numpy as np

from openvasa import __version__
from openvasa.assets import ASSETS
from openvasa.machine import cpu_name, logical_cores, usable_cores

ASSET_FILES = (
    "articulation.npz",
    "listening.json",
    "detector.json",
    "drawing.npz",
    "dynamics.npz",
    "label_cn.png",
    "occluders.onnx",
    "refine_eye.onnx",
    "refine_mouth.onnx",
    "speech_motion.npz",
    "speech_motion.onnx",
    "third_party/face_blendshapes.tflite",
    "third_party/face_detector.tflite",
    "third_party/face_landmarks_detector.tflite",
    "third_party/geometry_pipeline_metadata_landmarks.binarypb",
    "third_party/moonshine_tiny_encoder.ort",
    "third_party/selfie_segmentation.onnx",
)
"""What animating, streaming and detecting read; a test compares it with what they open."""
CPU_FLAGS = (
    ["sse4_2", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16"]
    + ["avx_vnni", "amx_int8", "amx_bf16"]
    + ["asimd", "asimddp", "bf16", "i8mm", "sve"]
)
"""Instructions that make networks faster, as Linux names them (x86, then ARM)."""
IMPORT_NAMES = {"av": "av", "c2pa-python": "c2pa", "opencv-python-headless": "cv2", "pillow": "PIL"}
"""Where the name to import is not the package's own, with underscores for hyphens."""
OLDEST_PYTHON = (3, 10)


@dataclass(frozen=True)
class Finding:
    """One line of the report; `problem` where the installation will not work as it is."""

    line: str
    problem: bool = False


def examine() -> Iterator[Finding]:
    """Everything that `openvasa doctor` says, line by line as it is found out."""
    yield from _system()
    missing = False
    for finding in chain(_dependencies(), _assets()):
        missing = missing or finding.problem
        yield finding
    if missing:
        yield Finding("speed: not measured, for what is missing above")
        return
    yield from _back_ends()
    yield from _speed()


def _system() -> Iterator[Finding]:
    yield Finding(f"openvasa {__version__} in {Path(__file__).parent}")
    too_old = sys.version_info < OLDEST_PYTHON
    wanted = f"; needs {'.'.join(map(str, OLDEST_PYTHON))} or later" if too_old else ""
    yield Finding(f"Python {platform.python_version()}{wanted}", problem=too_old)
    yield Finding(f"{platform.platform()}")
    yield Finding(f"CPU {cpu_name()}, {logical_cores()} logical cores, {usable_cores()} usable")
    flags = _cpu_flags()
    yield Finding(f"CPU instructions: {', '.join(flags) if flags else 'not told by this system'}")


def _cpu_flags() -> list[str]:
    facts = Path("/proc/cpuinfo")
    if not facts.is_file():
        return []
    for line in facts.read_text("utf-8").splitlines():
        if line.lower().startswith(("flags", "features")):
            there = set(line.split(":", 1)[1].split())
            return [flag for flag in CPU_FLAGS if flag in there]
    return []


def _dependencies() -> Iterator[Finding]:
    try:
        requirements = requires("openvasa") or []
    except PackageNotFoundError:
        yield Finding("dependencies: not known to an uninstalled checkout")
        return
    for requirement in requirements:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        yield _dependency(name, requirement)


def _dependency(name: str, requirement: str) -> Finding:
    from openvasa.backend import import_onnxruntime, import_openvino

    # Imported plainly, they report to their makers.
    importers = {"openvino": import_openvino, "onnxruntime": import_onnxruntime}
    try:
        found = version(name)
        importers.get(
            name, partial(import_module, IMPORT_NAMES.get(name, name.replace("-", "_")))
        )()
    except PackageNotFoundError:
        return Finding(f"{name}: missing; run pip install '{requirement}'", problem=True)
    except Exception as error:
        reason = " ".join(str(error).split())
        return Finding(f"{name} {found}: cannot be imported ({reason})", problem=True)
    return Finding(f"{name} {found}")


def _assets() -> Iterator[Finding]:
    for name in ASSET_FILES:
        path = ASSETS / name
        if path.is_file():
            yield Finding(f"assets/{name}: {path.stat().st_size / 1e6:.2f} MB")
        else:
            yield Finding(f"assets/{name}: missing; install openvasa again", problem=True)


def _back_ends() -> Iterator[Finding]:
    from openvasa.backend import import_onnxruntime, import_openvino
    from openvasa.device import what_cuda_lacks

    yield Finding(f"OpenVINO devices: {', '.join(import_openvino().Core().available_devices)}")
    providers = import_onnxruntime().get_available_providers()
    yield Finding(f"onnxruntime providers: {', '.join(providers)}")
    yield Finding(f"device cuda: {what_cuda_lacks() or 'can be used'}")


def _speed() -> Iterator[Finding]:
    """Measure each stage on made-up input; a stage that fails is a problem."""
    stages: dict[str, Callable[[], float]] = {
        "landmarks": _landmarks_ms,
        "speech features": _features_ms,
        "motion": _motion_ms,
        "rendering": _rendering_ms,
    }
    for name, measure in stages.items():
        try:
            yield Finding(f"{name}: {measure():.2f} ms a frame")
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            yield Finding(f"{name}: fails ({reason})", problem=True)


def _milliseconds(work: Callable[[], object], repeats: int) -> float:
    """Median time of one call, after one that does not count."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times))


def _noise_picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)


def _landmarks_ms() -> float:
    from openvasa.face.landmarker import track_next

    picture, start = _noise_picture(), _stand_in().landmarks
    return _milliseconds(lambda: track_next(picture, start), 20)


def _features_ms() -> float:
    from openvasa.audio.moonshine import CHUNK_FRAMES, MoonshineEncoder
    from openvasa.rates import FRAME_SAMPLES

    encoder = MoonshineEncoder(threads=2)
    noise = np.random.default_rng(0).standard_normal(CHUNK_FRAMES * FRAME_SAMPLES) * 0.1
    return _milliseconds(lambda: list(encoder.stream([noise])), 5) / CHUNK_FRAMES


def _motion_ms() -> float:
    from openvasa.audio.moonshine import MoonshineEncoder
    from openvasa.motion.generator import MotionGenerator
    from openvasa.motion.window_network import window_network

    silence = np.zeros((100, MoonshineEncoder.dim), np.float32)

    def generate() -> None:
        generator = MotionGenerator(window_network(2))
        frames = np.concatenate([generator.feed(silence), generator.finish()])
        if not np.isfinite(frames).all():
            raise ArithmeticError("the network gave numbers that are not finite")

    return _milliseconds(generate, 3) / len(silence)


def _rendering_ms() -> float:
    from openvasa.face.dynamics import dynamics_code
    from openvasa.face.latent import pose_face
    from openvasa.render.warp_renderer import WarpRenderer

    face, code = _stand_in(), dynamics_code()
    renderer = WarpRenderer(face)
    pose = np.array([0.1, 0.1, 0, 0, 0, 0], np.float32)
    geometry = pose_face(face, pose, code.decode(np.full(code.size, 0.5, np.float32)))
    return _milliseconds(lambda: renderer.render(geometry), 20)


def _stand_in():
    """A face latent of the mean face on a grey disc: no picture is needed to time with it."""
    import cv2

    from openvasa.face.canonical import HeadTransform
    from openvasa.face.dynamics import dynamics_code
    from openvasa.face.latent import CROP_SIDE, FaceLatent

    code = dynamics_code()
    middle = np.array([CROP_SIDE / 2, CROP_SIDE / 2, 0], np.float32)
    head = HeadTransform(np.eye(3, dtype=np.float32), CROP_SIDE / 38, middle)
    landmarks = head.apply(code.mean_shape)
    matte = np.zeros((CROP_SIDE, CROP_SIDE), np.float32)
    cv2.circle(matte, (CROP_SIDE // 2, CROP_SIDE // 2), CROP_SIDE // 3, 1.0, -1, cv2.LINE_AA)
    background = np.full((CROP_SIDE, CROP_SIDE, 3), 60, np.uint8)
    image = np.where(matte[..., None] > 0.5, np.array([190, 150, 130], np.uint8), background)
    return FaceLatent(
        image=image,
        landmarks=landmarks,
        head=head,
        canonical=code.mean_shape,
        neutral=code.mean_shape,
        dynamics=np.zeros(code.size, np.float32),
        blendshapes=np.zeros(52, np.float32),
        matte=matte,
        background=background,
        picture=image,
        crop=np.array([0, 0, CROP_SIDE], np.float32),
    )
