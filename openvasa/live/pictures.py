"""Pictures as bytes for a browser."""

from __future__ import annotations

import cv2
import numpy as np

JPEG_QUALITY = 82


def jpeg(picture: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB → a JPEG file."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    assert done
    return data.tobytes()
