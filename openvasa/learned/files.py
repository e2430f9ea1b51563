"""Names of the files that a trained learned latent lies in."""

from __future__ import annotations

ENCODER_FILE, DECODER_FILE = "encoder.onnx", "decoder.onnx"
NAME_FILE = "latent.json"
"""Which configuration it has."""
MOTION_CODE_FILE = "motion_code.npz"
"""What the numbers of a row add to the dynamics code: `openvasa.train.latent_motion`."""
READING_FILE = "reading.npz"
"""How tracked points tell dynamics: `openvasa.train.latent_export`."""
