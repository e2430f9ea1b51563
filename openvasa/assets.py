"""Where the files lie that the package brings along."""

from __future__ import annotations

from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
"""Networks, tables and cards that this project made."""
THIRD_PARTY = ASSETS / "third_party"
"""Models of others; NOTICE names their makers and licences."""
SHIPPED_LATENT = ASSETS / "latent_mini"
"""Weights of the learned latent at 64 px, for training that goes on from them."""
EXAMPLES = Path(__file__).parent / "examples"
"""Portraits and a voice that may be passed on; their README names sources and licences."""
EXAMPLE_PORTRAIT = EXAMPLES / "portrait.jpg"
EXAMPLE_VOICE = EXAMPLES / "voice.wav"
GALLERY = tuple(EXAMPLES / "gallery" / f"{name}.jpg" for name in ("mona_lisa", "laughing_cavalier"))
