"""Which portrait and which face of it: the options, and a picture that numbers the faces."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.parser import Parser
from openvasa.errors import InputError

if TYPE_CHECKING:
    from openvasa.face.latent import FaceLatent
    from openvasa.face.upright import UprightPicture


def add_face_choice(parser: Parser, option: str = "--face") -> None:
    """Add the option that chooses a face of the portrait, --frame and --faces."""
    parser.add_argument(
        option,
        type=int,
        metavar="N",
        help="which of several faces of PORTRAIT, in reading order from 1",
    )
    parser.add_argument(
        "--frame",
        type=int,
        default=1,
        metavar="N",
        help="which frame of an animated PORTRAIT (GIF, WebP, …), from 1 (default: 1)",
    )
    parser.add_argument(
        "--faces",
        type=Path,
        metavar="PREVIEW.png",
        help="write the upright portrait with its faces numbered",
    )


def add_anyway(parser: Parser) -> None:
    """Add --anyway."""
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="animate a portrait that openvasa check refuses, as well as it goes",
    )


def read_portrait(options: argparse.Namespace, face: int | None) -> FaceLatent:
    """The portrait of a command, its faces numbered in a picture where --faces asks for one."""
    from openvasa.face.encode import encode_portrait, load_portrait
    from openvasa.face.upright import choose_portrait

    if not options.faces:
        return load_portrait(
            options.portrait, face=face, anyway=options.anyway, frame=options.frame
        )
    found = write_preview(Path(options.portrait), options.faces, options.frame)
    portrait = choose_portrait(found, face=face, name=options.portrait)
    return encode_portrait(portrait, name=options.portrait, anyway=options.anyway)


def write_preview(portrait: Path, preview: Path, frame: int = 1) -> UprightPicture:
    """Write the upright portrait with a numbered box around each face.

    Args:
        portrait: the picture.
        preview: the file to write.
        frame: of an animated picture, from 1.

    Returns:
        The portrait and its faces.

    Raises:
        InputError: the portrait is no picture, or the preview cannot be written.
    """
    from PIL import Image

    from openvasa.commands.saving import spare_inputs
    from openvasa.face.find import number_faces
    from openvasa.face.picture import load_picture
    from openvasa.face.upright import find_upright

    if portrait.suffix == ".npz":
        raise InputError(f"{portrait}: an avatar holds one face; give --faces a picture")
    if preview.suffix.lower() not in {".png", ".jpg", ".jpeg", ".webp"}:
        raise InputError(f"{preview}: a preview is a picture; end its name in .png")
    spare_inputs(preview, portrait)
    found = find_upright(load_picture(portrait, frame=frame))
    image = Image.fromarray(number_faces(found.picture, found.faces))
    try:
        image.save(preview)
    except OSError as error:
        raise InputError(f"{preview}: cannot be written ({error.strerror})") from error
    return found
