"""The learned latent: poses, warps, crops and losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from learned_parts import smallest, turned  # noqa: E402

from openvasa.learned.decoder import surface_prior  # noqa: E402
from openvasa.learned.face_crop import CENTRE, HALF, crop_faces  # noqa: E402
from openvasa.learned.losses import cross_identity, flow_anchors, gaze_error  # noqa: E402
from openvasa.learned.network import LatentNetwork  # noqa: E402
from openvasa.learned.points import mean_points, mirror_order  # noqa: E402
from openvasa.learned.pose import Pose  # noqa: E402
from openvasa.learned.warps import (  # noqa: E402
    carry_colours,
    find_canonical,
    find_in_source,
    sample_volume,
    warp_to_canonical,
)


def test_a_pose_is_undone() -> None:
    pose = Pose(turned(25).rotation, torch.tensor([[0.1, -0.2]]), torch.tensor([0.05]))
    points = torch.randn(1, 7, 3)
    assert torch.allclose(pose.unproject(pose.project(points)), points, atol=1e-4)


def test_places_keep_their_digits_under_autocast() -> None:
    pose = Pose(turned(25).rotation, torch.tensor([[0.1, -0.2]]), torch.tensor([0.05]))
    points, frames = torch.randn(1, 7, 3), torch.rand(1, 3, 64, 64)
    exact = pose.project(points), pose.unproject(points), crop_faces(frames, pose, 32)
    with torch.autocast("cpu", torch.bfloat16):
        coarse = pose.project(points), pose.unproject(points), crop_faces(frames, pose, 32)
    for a, b in zip(exact, coarse, strict=True):
        assert torch.equal(a, b)


def as_seen(volume: Any, degrees: float) -> Any:
    """A canonical volume as a frame of a turned head sees it, no flow besides."""
    cells = find_canonical(turned(degrees), torch.zeros(1, 3, 4, 4, 4), *volume.shape[2:4])
    return sample_volume(volume, cells)


def test_warps_there_and_back_keep_the_volume() -> None:
    across = torch.linspace(-1, 1, 16)
    ball = torch.exp(-4 * (across[:, None, None] ** 2 + across[:, None] ** 2 + across**2))
    volume, still = ball[None, None], torch.zeros(1, 3, 4, 4, 4)
    for degrees in (0, 30):
        seen = as_seen(volume, degrees)
        back = warp_to_canonical(seen, turned(degrees), still)
        middle = (slice(None), slice(None), *(slice(4, 12),) * 3)
        assert (back - volume)[middle].abs().max() < 0.12


def test_a_head_that_turns_right_shows_its_volume_to_the_right() -> None:
    # The nose, before the head's origin, moves to where the canonical axis is turned.
    volume = torch.zeros(1, 1, 16, 32, 32)
    volume[..., 2, 14:18, 14:18] = 1
    columns = torch.arange(32.0)
    places = []
    for degrees in (-25, 0, 25):
        flat = as_seen(volume, degrees).sum(dim=(0, 1, 2, 3))
        places.append(float((flat * columns).sum() / flat.sum()))
    assert places[0] > places[1] + 2 > places[2] + 4


def test_flows_that_lead_to_the_points_have_no_error() -> None:
    mean = torch.from_numpy(mean_points())
    offset = torch.tensor([0.5, -0.3, 0.2])
    there = offset.view(1, 3, 1, 1, 1).expand(1, 3, 4, 4, 4)
    points = (mean + offset)[None]
    assert flow_anchors(there, -there, points, points, mean) < 1e-5
    assert flow_anchors(-there, there, points, points, mean) > 0.5


def test_colours_are_carried_to_where_the_head_turns() -> None:
    source = torch.rand(2, 3, 16, 16)
    source = torch.nn.functional.interpolate(source, size=(64, 64), mode="bilinear")
    still = torch.zeros(2, 3, 4, 4, 4)
    here, moved = turned(20, 2), turned(20, 2)
    moved = Pose(moved.rotation, moved.shift + torch.tensor([0.25, 0.0]), moved.size)
    for pose, columns in ((here, 0), (moved, 8)):
        points = find_canonical(pose, still, 4, 16)
        carried = carry_colours(source, find_in_source(points, here, still))
        assert carried.shape == (2, 3, 4, 64, 64)
        wanted = source.roll(columns, 3)[..., 12:-4]
        inner = carried[..., 4:-4, 12:-4]
        assert (inner - wanted[:, :, None, 4:-4]).abs().max() < 1e-3


def test_a_surface_is_first_looked_for_where_faces_are() -> None:
    prior = surface_prior(8)
    layers = (torch.arange(8) + 0.5) * 3 - 12
    assert abs(layers[prior.argmax()] - mean_points()[:, 2].mean()) <= 1.5
    assert prior[-1] < prior.max() - 20
    decoder = LatentNetwork(smallest("mini")).decoder
    begun = dict(decoder.named_parameters())["last.bias"].detach()
    assert torch.equal(begun[5:], surface_prior(4))


def test_a_gaze_error_sees_irises_alone() -> None:
    points = torch.randn(3, 8, 3)
    eyes = ((torch.tensor([0, 1]), torch.tensor([2, 3])),)
    elsewhere, looked = points.clone(), points.clone()
    elsewhere[:, 4:] += 1
    elsewhere[:, :4] += 0.5
    looked[:, :2] += torch.tensor([0.3, 0.0, 0.0])
    assert gaze_error(elsewhere, points, eyes) < 1e-6
    assert torch.isclose(gaze_error(looked, points, eyes), torch.tensor(0.1))


def test_points_know_their_mirror_image() -> None:
    mean, order = mean_points(), mirror_order()
    assert np.abs(mean[order] * [-1, 1, 1] - mean).max() < 1e-4


def test_face_crops_are_upright_and_of_one_size() -> None:
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, 128),) * 2, indexing="ij")
    roll, size = np.radians(30), 0.05
    c, s = float(np.cos(roll)), float(np.sin(roll))
    pose = Pose(
        torch.tensor([[[c, -s, 0], [s, c, 0], [0, 0, 1]]]), torch.zeros(1, 2), x.new([size])
    )
    chin = pose.project(torch.tensor([[CENTRE[0], CENTRE[1] + HALF / 2, CENTRE[2]]]).view(1, 1, 3))
    spot = torch.exp(-((x - chin[0, 0, 0]) ** 2 + (y - chin[0, 0, 1]) ** 2) / 0.003)
    crop = crop_faces(spot.expand(1, 3, 128, 128), pose, 64)[0, 0]
    row, column = divmod(int(crop.argmax()), 64)
    assert abs(row - 47.5) < 2
    assert abs(column - 31.5) < 2


def test_cross_identity_teaches_the_picture_and_not_the_judge() -> None:
    network = LatentNetwork(smallest("tiny"))
    drawn = torch.rand(2, 3, 32, 32, requires_grad=True)
    cross_identity(network.identity, drawn, torch.randn(2, 16)).backward()
    assert drawn.grad is not None
    assert drawn.grad.abs().sum() > 0
    assert all(p.grad is None for p in network.identity.parameters())
