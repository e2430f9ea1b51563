"""Apply a refinement's coarse fields to the part of a frame that they were made for."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.render.regions import FIELD_STEP

_AT_PX = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


def bend_and_shade(
    frame: np.ndarray, bend: np.ndarray, shade: np.ndarray, affine: np.ndarray
) -> None:
    """Bend and shade, in place, with what `train.render_network.RefinementNetwork` answers.

    Args:
        frame: (H, W, 3) uint8.
        bend: (S, S, 2) float32 px of the crop: where a px is to be taken from, relative to where
            it is. One cell of the fields covers `FIELD_STEP` px; at their border they are 0.
        shade: (S, S, 3) float32: logarithm of each colour's gain, 0 at the border as well.
        affine: (2, 3) from px of the frame to px of the crop.
    """
    height, width = frame.shape[:2]
    side = FIELD_STEP * len(bend)
    back = cv2.invertAffineTransform(affine)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ back[:, :2].T + back[:, 2]
    low = np.clip(np.floor(corners.min(axis=0)), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, (width, height)).astype(int)
    if (high <= low).any():
        return
    # Centres of cells lie between those of px.
    to_cells = affine / FIELD_STEP
    to_cells[:, 2] = (affine[:, 2] + affine[:, :2] @ low + 0.5) / FIELD_STEP - 0.5
    size = tuple(map(int, high - low))
    at = cv2.warpAffine(bend @ back[:, :2].T.astype(np.float32), to_cells, size, flags=_AT_PX)
    at[..., 0] += np.arange(low[0], high[0], dtype=np.float32)
    at[..., 1] += np.arange(low[1], high[1], dtype=np.float32)[:, None]
    gain = cv2.warpAffine(np.exp(shade), to_cells, size, flags=_AT_PX, borderValue=(1, 1, 1))
    bent = cv2.remap(  # Both coordinates are in the first map.
        frame,
        at,
        None,  # pyright: ignore[reportArgumentType, reportCallIssue]
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    frame[low[1] : high[1], low[0] : high[0]] = cv2.multiply(bent, gain, dtype=cv2.CV_8U)
