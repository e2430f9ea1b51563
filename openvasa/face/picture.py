"""Any picture file → upright sRGB pixels of a bounded size."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pi_heif
from PIL import Image, ImageCms, UnidentifiedImageError

from openvasa.errors import InputError

LARGEST_PIXELS = 200_000_000
LONG_SIDE = 4096
SHORTEST_SIDE = 32

# EXIF tag 0x0112: how the stored picture must be turned to stand upright.
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_pixel_limit = threading.Lock()

# Teaches Pillow to read HEIC, what telephones save; it stands upright then.
pi_heif.register_heif_opener()


def load_picture(path: str | Path, *, frame: int = 1) -> np.ndarray:
    """Decode a picture to (H, W, 3) uint8 sRGB, upright, its long side at most 4096 px.

    Any format Pillow reads (JPEG, PNG, WebP, AVIF, TIFF, …) except PostScript, which would run a
    program, and HEIC. EXIF rotation is applied, transparency laid on white, an embedded colour
    profile converted to sRGB, 16-bit and float samples scaled to 8 bits, and of an animation the
    `frame`-th frame taken, from 1. Larger pictures are reduced while decoding where the format
    allows it, else right after.

    Raises InputError: no such file, a directory, empty, not a picture, damaged or cut off, a side
    below 32 px, more than 200 megapixels, no such frame. Warns when the colour profile or EXIF data
    is unusable.
    """
    path = Path(path)
    _check_file(path)
    with _pixels_checked_here():
        image = _open_image(path)
        with image:
            _check_size(path, image)
            _turn_to_frame(path, image, frame)
            # Lets JPEG leave out the detail that would be thrown away: 1/8 of time and memory.
            image.draft(None, _bound_size(image.size))
            try:
                image.load()
                turn = _UPRIGHT.get(_orientation(path, image))
                small = _reduce_depth(image)
            except MemoryError:
                raise
            # Pillow's decoders report damage with a dozen exception types.
            except Exception as error:
                raise InputError(
                    f"{path}: damaged or cut off picture ({_one_line(error)}); save it again"
                ) from error
    if min(small.size) < SHORTEST_SIDE:
        raise InputError(f"{path}: too narrow at {LONG_SIDE} px long; cut off what is too long")
    colour = _on_white(_to_srgb(path, small, image.info.get("icc_profile")), small)
    if turn is not None:
        colour = colour.transpose(turn)
    return np.array(colour)


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a directory; give a picture file")
        size = path.stat().st_size
    except PermissionError:
        raise InputError(f"{path}: may not be read; check its permissions") from None
    except OSError:
        raise InputError(f"{path}: no such file; check the path") from None
    if size == 0:
        raise InputError(f"{path}: is empty (0 bytes); save or copy it again")


@contextmanager
def _pixels_checked_here() -> Iterator[None]:
    # Pillow's own limit is one global number and lower than ours; ours is checked before decoding.
    with _pixel_limit:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def read_text_fields(path: str | Path) -> dict[str, str]:
    """The named texts in a picture's metadata, as PNG has them.

    Raises InputError as `load_picture`.
    """
    path = Path(path)
    _check_file(path)
    with _pixels_checked_here(), _open_image(path) as image:
        return {
            key: str(value)
            for key, value in image.info.items()
            if isinstance(key, str) and isinstance(value, str)
        }


def _open_image(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except PermissionError:
        raise InputError(f"{path}: may not be read; check its permissions") from None
    except UnidentifiedImageError:
        raise InputError(
            f"{path}: not a picture; give a JPEG, PNG, WebP, HEIC, AVIF or TIFF"
        ) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(
            f"{path}: damaged or cut off picture ({_one_line(error)}); save it again"
        ) from error


def _check_size(path: Path, image: Image.Image) -> None:
    if image.format == "EPS":
        raise InputError(f"{path}: PostScript is not read; save it as PNG")
    width, height = image.size
    if width * height > LARGEST_PIXELS:
        limit = LARGEST_PIXELS // 1_000_000
        raise InputError(f"{path}: {width}×{height} is over {limit} megapixels; scale it down")
    if min(width, height) < SHORTEST_SIDE:
        raise InputError(
            f"{path}: {width}×{height} is too small; give at least {SHORTEST_SIDE} px a side"
        )


def _turn_to_frame(path: Path, image: Image.Image, frame: int) -> None:
    if frame == 1:
        # Counting frames reads all of them; the first is good where a later one is damaged.
        return
    try:
        count = getattr(image, "n_frames", 1)
        if 1 < frame <= count:
            image.seek(frame - 1)
    except Exception as error:
        raise InputError(
            f"{path}: damaged or cut off picture ({_one_line(error)}); save it again"
        ) from error
    if not 1 <= frame <= count:
        holds = "one frame" if count == 1 else f"{count} frames"
        raise InputError(f"{path}: holds {holds}; there is no frame {frame}")


def _bound_size(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, LONG_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _orientation(path: Path, image: Image.Image) -> int:
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception as error:
        _warn(path, f"its EXIF data is unusable ({_one_line(error)}); taken as upright")
        return 1


def _reduce_depth(image: Image.Image) -> Image.Image:
    """The picture in a mode that interpolates (8-bit samples, no palette), bounded in size."""
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        image = _eight_bit(image)
    elif image.mode not in {"RGBA", "LA"} and image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode in {"P", "1"}:
        image = image.convert("RGB")
    size = _bound_size(image.size)
    if size == image.size:
        return image.copy()
    # Halving by whole factors first bounds the work of the good filter.
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _eight_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode == "F":
        values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
        # Float pictures hold either the unit range or 8-bit values.
        full = 1.0 if values.max() <= 1.0 else 255.0
    else:
        full = 65535.0
    factor = np.float32(255.0 / full)
    rows = [(np.clip(row * factor, 0.0, 255.0) + 0.5).astype(np.uint8) for row in values]
    return Image.fromarray(np.stack(rows))


def _to_srgb(path: Path, image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode == "LAB":
        return _convert_colours(image, ImageCms.createProfile("LAB"))
    plain = {"RGBA": "RGB", "LA": "L"}.get(image.mode, image.mode)
    colour = image if plain == image.mode else image.convert(plain)
    if profile:
        try:
            return _convert_colours(colour, ImageCms.ImageCmsProfile(BytesIO(profile)))
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            _warn(path, f"its colour profile is unusable ({_one_line(error)}); taken as sRGB")
    return colour.convert("RGB")


def _convert_colours(image: Image.Image, source: object) -> Image.Image:
    target = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")  # pyright: ignore[reportArgumentType]
    assert converted is not None
    return converted


def _on_white(colour: Image.Image, original: Image.Image) -> Image.Image:
    if original.mode not in {"RGBA", "LA"}:
        return colour
    white = Image.new("RGB", colour.size, "white")
    white.paste(colour, mask=original.getchannel("A"))
    return white


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _warn(path: Path, problem: str) -> None:
    warnings.warn(f"{path}: {problem}", stacklevel=2)
