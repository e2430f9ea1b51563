"""The golden set: what the gallery's portraits encode to, move by and look like, kept in files.

Each stage starts from kept inputs, so that a change shows up in its own stage alone. Motion comes
from a fixed stretch of the example's voice. Encodings come from the gallery's pictures. Frames come
from kept rows of motion and kept encodings, so that neither another motion network nor another
tracker moves a picture.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE, EXAMPLES
from openvasa.audio.decode import read_blocks
from openvasa.audio.level import speech_gain
from openvasa.audio.moonshine import CHUNK_FRAMES, MoonshineEncoder
from openvasa.backend import load_onnx
from openvasa.face.canonical import HeadTransform
from openvasa.face.dynamics import dynamics_code
from openvasa.face.encode import cut_square, load_portrait
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.face.latent import FaceLatent
from openvasa.face.picture import load_picture
from openvasa.face.plate import background_plate
from openvasa.face.topology import INNER_LIPS
from openvasa.motion.generator import MotionGenerator
from openvasa.motion.geometry import geometry_at
from openvasa.motion.window_network import NETWORK_FILE, WindowNetwork, window_network
from openvasa.render.eye.points import LEFT, RIGHT
from openvasa.render.renderer import RendererFactory
from openvasa.render.shading import Shading
from openvasa.render.warp_renderer import WarpRenderer

FOLDER = Path(__file__).parent / "golden"
VOICE = EXAMPLE_VOICE
GALLERY = {
    "astronaut": EXAMPLE_PORTRAIT,
    "mona_lisa": EXAMPLES / "gallery" / "mona_lisa.jpg",
    "laughing_cavalier": EXAMPLES / "gallery" / "laughing_cavalier.jpg",
}

VOICE_SECONDS = 4
WHOLE_SIDE = 256
"""Side, px, at which whole frames are kept; the crops keep every px of the frame."""
CROP_MARGIN = 2
"""Px kept around the inner lips, and around the lids with their fold."""
CROPS = {
    "mouth": INNER_LIPS,
    "right eye": np.concatenate([RIGHT.loop, RIGHT.fold]),
    "left eye": np.concatenate([LEFT.loop, LEFT.fold]),
}

POINTS = ("landmarks", "canonical", "neutral", "dynamics", "blendshapes", "crop")
"""Arrays of an encoding that are kept as they are; the matte is kept as a picture."""

BOTH_SIDES = ("Left", "Right")
MOMENTS: dict[str, tuple[list[float], dict[str, float], list[float]]] = {
    "rest": ([0, 0, 0, 0, 0, 0], {}, [0, 0]),
    "wide_mouth": (
        [0, 0, 0, 0, 0, 0],
        {"jawOpen": 0.8, "mouthUpperUp": 0.5, "mouthLowerDown": 0.5, "mouthSmile": 0.4}
        | {"eyeWide": 0.4, "eyeLookOutLeft": 0.6, "eyeLookInRight": 0.6},
        [0, 0],
    ),
    "closed_lids": ([0, 0, 0, 0, 0, 0], {"eyeBlink": 1.0, "jawOpen": 0.3}, [0.8, 0]),
    "turned_head": (
        [0.1, 0.35, 0.05, 0.02, 0.01, 0.03],
        {"jawOpen": 0.3, "mouthUpperUp": 0.3, "mouthLowerDown": 0.4, "eyeBlink": 0.35}
        | {"eyeLookInLeft": 0.7, "eyeLookOutRight": 0.7, "browInnerUp": 0.5},
        [0, 0.7],
    ),
}
"""Head pose, ARKit shapes (without a side: both sides) and tongue, of which rows are made once."""


def made_rows() -> np.ndarray:
    """(4, 6 + D + 2) float32 rows of motion of `MOMENTS`."""
    rows = []
    for pose, shapes, tongue in MOMENTS.values():
        weights = np.zeros(len(BLENDSHAPE_NAMES), np.float32)
        for name, value in shapes.items():
            sided = [name] if name in BLENDSHAPE_NAMES else [name + side for side in BOTH_SIDES]
            weights[[BLENDSHAPE_NAMES.index(part) for part in sided]] = value
        rows.append(np.concatenate([pose, dynamics_code().from_arkit(weights), tongue]))
    return np.stack(rows).astype(np.float32)


def heard_now() -> np.ndarray:
    """(T, F) float32 features of the start of the example's voice.

    The speech encoder rounds to 8 bits, which processors do in different ways.
    """
    gain = speech_gain(read_blocks(VOICE))
    blocks = islice(read_blocks(VOICE), VOICE_SECONDS)
    return np.concatenate(list(MoonshineEncoder().stream(blocks, gain=gain)))


def spoken_rows(model: WindowNetwork, heard: np.ndarray) -> np.ndarray:
    """(T, 6 + D + 2) float32 rows of motion of (T, F) features, one thread."""
    generator = MotionGenerator(model)
    pieces = np.split(heard, range(CHUNK_FRAMES, len(heard), CHUNK_FRAMES))
    rows = [generator.feed(piece) for piece in pieces]
    return np.concatenate([*rows, generator.finish()])


def float_model(folder: Path) -> WindowNetwork:
    """The shipped motion model, computed in float32 from its 8-bit weights.

    The shipped network rounds its activations to 8 bits as it goes, so that what processors differ
    by in the 7th digit comes out as a tenth of a deviation.

    Args:
        folder: where to write the network.
    """
    import onnx  # comes with the train extra; frames and encodings do without
    import onnx.numpy_helper

    graph_file = onnx.load(str(NETWORK_FILE))
    graph = graph_file.graph
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type == "DynamicQuantizeLinear":
            kept, scale, _ = node.output
            nodes.append(onnx.helper.make_node("Identity", node.input[:1], [kept]))
            one = onnx.numpy_helper.from_array(np.array(1, np.float32), scale)
            graph.initializer.append(one)
        elif node.op_type == "MatMulInteger":
            given, weight, _, zero = node.input
            name = f"{node.output[0]}_weight"
            values = weights[weight].astype(np.float32) - weights[zero].astype(np.float32)
            graph.initializer.append(onnx.numpy_helper.from_array(values, name))
            nodes.append(onnx.helper.make_node("MatMul", [given, name], node.output))
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    tensors = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(tensors)
    path = folder / "motion_float.onnx"
    onnx.save(graph_file, str(path))
    return WindowNetwork(load_onnx(path, threads=1), window_network(1).space)


def row_deviations() -> np.ndarray:
    """(6 + D + 2,) a standard deviation of each number of a row; the tongue's are shares, 1."""
    return np.concatenate([window_network(1).space.deviation, np.ones(2, np.float32)])


def encoded(name: str) -> FaceLatent:
    """A portrait of the gallery, encoded now."""
    return load_portrait(GALLERY[name])


def kept_face(name: str) -> FaceLatent:
    """A portrait of the gallery as it was encoded when the set was renewed."""
    picture = load_picture(GALLERY[name])
    with np.load(FOLDER / f"{name}.npz") as data:
        points = {key: data[key] for key in POINTS}
        head = HeadTransform(data["rotation"], float(data["scale"]), data["translation"])
    matte = kept_picture(f"{name}_matte")[..., 0].astype(np.float32) / 255
    image = cut_square(picture, points["crop"])
    background = background_plate(image, matte)
    return FaceLatent(
        image=image, head=head, matte=matte, background=background, picture=picture, **points
    )


def keep_face(name: str, face: FaceLatent) -> None:
    """Keep an encoding."""
    head = face.head
    np.savez_compressed(
        FOLDER / f"{name}.npz",
        rotation=head.rotation,
        scale=head.scale,
        translation=head.translation,
        **{key: getattr(face, key) for key in POINTS},
    )
    keep_picture(f"{name}_matte", matte_picture(face))


def matte_picture(face: FaceLatent) -> np.ndarray:
    """(512, 512, 3) uint8 grey picture of a portrait's matte."""
    return np.dstack([np.round(face.matte * 255).astype(np.uint8)] * 3)


@lru_cache(maxsize=1)
def kept_arrays() -> dict[str, np.ndarray]:
    """`moments` (4, 6 + D + 2): rows that frames are of; `heard` (T, F): features of the example's
    voice; `spoken` (T, 6 + D + 2): rows made of them."""
    with np.load(FOLDER / "rows.npz") as data:
        return {name: data[name].astype(np.float32) for name in data}


def kept_boxes() -> dict[str, dict[str, list[int]]]:
    """Left, top, right, bottom in px of each crop of each frame."""
    path = FOLDER / "boxes.json"
    return json.loads(path.read_text()) if path.exists() else {}


def boxes_of(face: FaceLatent, row: np.ndarray) -> dict[str, list[int]]:
    """Left, top, right, bottom in px of each crop at a row of motion."""
    points = geometry_at(face, row).landmarks[:, :2]
    boxes = {}
    for name, index in CROPS.items():
        low, high = points[index].min(axis=0), points[index].max(axis=0)
        corners = [np.floor(low) - CROP_MARGIN, np.ceil(high) + CROP_MARGIN + 1]
        boxes[name] = np.concatenate(corners).astype(int).tolist()
    return boxes


def float_renderer(face: FaceLatent, shading: Shading | None = None) -> WarpRenderer:
    """The shipped renderer with networks in float32, as on processors that know nothing coarser."""
    with patch("openvasa.backend.multiplies_in_bf16", return_value=False):
        return WarpRenderer(face, shading=shading or Shading())


def frames_of(
    face: FaceLatent, renderer: RendererFactory = float_renderer
) -> Iterator[tuple[str, np.ndarray]]:
    """Moment and (512, 512, 3) uint8 RGB frame of each kept row, without the mark of a video."""
    drawn = renderer(face)
    for moment, row in zip(MOMENTS, kept_arrays()["moments"], strict=True):
        yield moment, drawn.render(geometry_at(face, row))


def parts_of(frame: np.ndarray, boxes: dict[str, list[int]]) -> dict[str, np.ndarray]:
    """The whole frame at `WHOLE_SIDE` and its crops, (h, w, 3) uint8 RGB."""
    side = (WHOLE_SIDE, WHOLE_SIDE)
    parts = {"whole": cv2.resize(frame, side, interpolation=cv2.INTER_AREA)}
    for name, (left, top, right, bottom) in boxes.items():
        parts[name] = frame[top:bottom, left:right]
    return parts


def picture_name(portrait: str, moment: str, part: str) -> str:
    """Name of the kept picture of a part of a frame."""
    return f"{portrait}_{moment}_{part.replace(' ', '_')}"


def kept_picture(name: str) -> np.ndarray:
    """(h, w, 3) uint8 RGB of a kept PNG."""
    path = FOLDER / f"{name}.png"
    bgr = cv2.imread(str(path))
    if bgr is None:
        raise FileNotFoundError(path)
    return bgr[..., ::-1]


def keep_picture(name: str, picture: np.ndarray) -> None:
    """Write a kept PNG."""
    bgr = np.ascontiguousarray(picture[..., ::-1])
    if not cv2.imwrite(str(FOLDER / f"{name}.png"), bgr, [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise OSError(f"{name}.png cannot be written")


def decibels(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two (h, w, 3) uint8 pictures; inf where they are equal."""
    if a.shape != b.shape:
        return 0.0
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


@dataclass(frozen=True)
class Likeness:
    """How near a part of a frame is to the kept one.

    Attributes:
        portrait, moment, part: which picture.
        decibels: peak signal-to-noise ratio.
    """

    portrait: str
    moment: str
    part: str
    decibels: float

    def __str__(self) -> str:
        """The picture and how near it is."""
        return f"{self.portrait}, {self.moment}, {self.part}: {self.decibels:.1f} dB"


def compared_frames(portrait: str, renderer: RendererFactory = float_renderer) -> list[Likeness]:
    """Every part of every frame of a portrait against the kept ones."""
    boxes = kept_boxes()
    return [
        Likeness(
            portrait,
            moment,
            part,
            decibels(kept_picture(picture_name(portrait, moment, part)), now),
        )
        for moment, frame in frames_of(kept_face(portrait), renderer)
        for part, now in parts_of(frame, boxes[f"{portrait}_{moment}"]).items()
    ]
