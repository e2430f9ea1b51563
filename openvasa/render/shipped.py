"""The renderer that draws where the user names no other one."""

from __future__ import annotations

from openvasa.face.latent import FaceLatent
from openvasa.render.warp_renderer import WarpRenderer
from openvasa.runtime import Device, get_runtime


def shipped_renderer(face: FaceLatent, *, refined: bool | None = None) -> WarpRenderer:
    """`WarpRenderer`, with its warp on the device that the process uses.

    Args:
        face: the portrait.
        refined: as for `WarpRenderer`.
    """
    device = get_runtime().device
    if device is Device.CPU:
        return WarpRenderer(face, refined=refined)
    # Torch comes with an extra only, and takes seconds to import.
    from openvasa.render.batched.renderer import TorchRenderer

    return TorchRenderer(face, device=device.value, refined=refined)
