"""Losses of the learned latent that are not of the picture alone."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor
from torch.func import functional_call

from openvasa.learned.identity import IdentityEncoder
from openvasa.learned.pose import Pose
from openvasa.learned.warps import sample_flow


def consistency(first: Tensor, second: Tensor) -> Tensor:
    """l_consist (VASA-1, section 3.1): two frames of a clip, given one pose and one dynamics.

    One is drawn from the appearance of frame i with the dynamics moved over from j, the other from
    the appearance of j with the pose moved over from i. They have to be the same picture.

    Args:
        first, second: (N, 3, S, S) in 0–1.
    """
    return (first - second).abs().mean()


def cross_identity(encoder: IdentityEncoder, drawn: Tensor, identity: Tensor) -> Tensor:
    """l_cross-id (VASA-1, section 3.1): who is drawn is the source, though another person drives.

    The encoder's weights take no gradient: it judges and must not learn to like what it sees.

    Args:
        encoder: of identities.
        drawn: (N, 3, crop, crop) upright faces that were drawn, in 0–1.
        identity: (N, identity) codes of the sources.

    Returns:
        One minus the cosine of both codes.
    """
    weights = {name: value.detach() for name, value in encoder.named_parameters()}
    code = functional_call(encoder, weights, (drawn,))
    return 1 - functional.cosine_similarity(code, identity.detach(), dim=1).mean()


def flow_anchors(
    to_canonical: Tensor, from_canonical: Tensor, source: Tensor, driver: Tensor, mean: Tensor
) -> Tensor:
    """Mean error of both flows at tracked points, canonical units.

    At a point of the mean head, the source's warp has to look where the source has that point; at a
    point of the driver, the driver's warp has to look where the mean head has it.

    Args:
        to_canonical, from_canonical: (N, 3, D, H, W) flows of the two warps.
        source, driver: (N, K, 3) canonical tracked points of the frames.
        mean: (K, 3) the same points on the mean head.
    """
    mean = mean.expand_as(source)
    back = sample_flow(to_canonical, mean) - (source - mean)
    forth = sample_flow(from_canonical, driver) - (mean - driver)
    return back.abs().mean() + forth.abs().mean()


def gaze_error(told: Tensor, points: Tensor, eyes: tuple[tuple[Tensor, Tensor], ...]) -> Tensor:
    """Mean error of where irises stand between the lids, canonical units.

    The mean over all points hardly sees it: irises are few and lids move with the brows.

    Args:
        told, points: (N, K, 3) points that codes tell, and tracked ones.
        eyes: of each eye, the numbers of its iris' points and of its lids' among K.
    """
    errors = []
    for iris, lids in eyes:
        a, b = (p[:, iris].mean(dim=1) - p[:, lids].mean(dim=1) for p in (told, points))
        errors.append((a - b).abs().mean())
    return torch.stack(errors).mean()


def pose_error(predicted: Tensor, poses: Pose) -> Tensor:
    """Mean absolute error of (N, NUMBERS) predicted head poses."""
    return (predicted - poses.numbers()).abs().mean()


def focus(points: Tensor, centres: tuple[Tensor, ...], side: int, radius: float) -> Tensor:
    """(N, 1, side, side) in 0–1: near 1 around the centres of groups of points.

    Args:
        points: (N, K, 3) as `Pose.project` gives them.
        centres: of each group, the numbers of its points among K.
        side: px of the picture.
        radius: standard deviation, as a share of half the picture.
    """
    across = (torch.arange(side, device=points.device) + 0.5) * 2 / side - 1
    found = []
    for group in centres:
        middle = points[:, group, :2].mean(dim=1)
        x = (across - middle[:, :1]).square()[:, None, :]
        y = (across - middle[:, 1:]).square()[:, :, None]
        found.append(torch.exp(-(x + y) / (2 * radius**2)))
    return torch.stack(found, dim=1).amax(dim=1, keepdim=True)
