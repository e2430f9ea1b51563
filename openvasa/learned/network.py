"""The learned latent as one network: frames → four factors → frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from openvasa.learned.appearance import AppearanceEncoder
from openvasa.learned.blocks import Block
from openvasa.learned.config import LatentConfig
from openvasa.learned.decoder import Decoder
from openvasa.learned.face_crop import crop_faces
from openvasa.learned.facial_dynamics import DynamicsEncoder, PointHead
from openvasa.learned.head_region import head_region
from openvasa.learned.identity import IdentityEncoder
from openvasa.learned.pose import Pose, PoseEncoder
from openvasa.learned.warps import (
    FlowGenerator,
    carry_colours,
    find_canonical,
    find_in_source,
    sample_volume,
    warp_to_canonical,
)


@dataclass(frozen=True)
class Appearance:
    """What stays the same while a person talks: V_app and z_id, from N source frames.

    Attributes:
        volume: (N, C, D, G, G) canonical appearance volume.
        still: (N, still, G, G) features that do not move.
        identity: (N, identity).
        flow: (N, 3, 16, 32, 32) of the source's warp, canonical units.
        source: (N, 3, S, S) the frames, in 0–1.
        pose: of the frames.
    """

    volume: Tensor
    still: Tensor
    identity: Tensor
    flow: Tensor
    source: Tensor
    pose: Pose

    def pick(self, rows: Tensor | slice) -> Appearance:
        """The appearances of some rows."""
        return Appearance(
            self.volume[rows],
            self.still[rows],
            self.identity[rows],
            self.flow[rows],
            self.source[rows],
            self.pose.pick(rows),
        )


class LatentNetwork(nn.Module):
    """Encoders of the four factors, warps and decoder.

    The warps take head poses that are measured, by the tracker or by `pose`.
    """

    def __init__(self, config: LatentConfig) -> None:
        super().__init__()
        self.config = config
        self.appearance = AppearanceEncoder(config)
        self.identity = IdentityEncoder(config)
        self.dynamics = DynamicsEncoder(config)
        self.pose = PoseEncoder()
        self.points = PointHead(config)
        self.to_canonical = FlowGenerator(config)
        self.from_canonical = FlowGenerator(config)
        self.canonical = nn.Sequential(
            *(Block(config.channels, nn.Conv3d) for _ in range(config.volume_blocks))
        )
        self.decoder = Decoder(config)

    def crop(self, frames: Tensor, poses: Pose) -> Tensor:
        """(N, 3, S, S) frames → the upright faces that the codes are read from."""
        return crop_faces(frames, poses, self.config.crop)

    def encode(self, frames: Tensor, poses: Pose, identity: Tensor, dynamics: Tensor) -> Appearance:
        """Appearance of source frames from their pose and codes.

        Args:
            frames: (N, 3, S, S) in 0–1.
            poses: of the frames.
            identity, dynamics: (N, ...) codes of the frames.
        """
        volume, still = self.appearance(frames)
        flow = self.to_canonical(identity, dynamics)
        warped = warp_to_canonical(volume, poses, flow)
        return Appearance(self.canonical(warped), still, identity, flow, frames, poses)

    def encode_frames(self, frames: Tensor, poses: Pose) -> tuple[Appearance, Tensor]:
        """Appearance and (N, dynamics) codes of (N, 3, S, S) frames."""
        crops = self.crop(frames, poses)
        dynamics = self.dynamics(crops)
        return self.encode(frames, poses, self.identity(crops), dynamics), dynamics

    def read_dynamics(self, frames: Tensor, poses: Pose) -> Tensor:
        """(N, dynamics) codes of (N, 3, S, S) frames."""
        return self.dynamics(self.crop(frames, poses))

    def decode(self, seen: Appearance, poses: Pose, dynamics: Tensor) -> Tensor:
        """Frames of an appearance in these poses with this dynamics: (N, 3, S, S) in 0–1."""
        return self.draw(seen, poses, dynamics, self.from_canonical(seen.identity, dynamics))

    def draw(self, seen: Appearance, poses: Pose, dynamics: Tensor, flow: Tensor) -> Tensor:
        """`decode` by a flow of the driver's warp that is known already."""
        points = find_canonical(poses, flow, self.config.depth, self.config.grid)
        volume = sample_volume(seen.volume, points)
        carried = carry_colours(seen.source, find_in_source(points, seen.pose, seen.flow))
        side = seen.source.shape[-1]
        hidden = torch.maximum(head_region(seen.pose, side), head_region(poses, side))
        return self.decoder(
            volume, seen.still, seen.identity, dynamics, seen.source, carried, hidden
        )
