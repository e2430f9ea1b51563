"""The learned latent: its parts, its losses, and that every part of it learns."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from latent_processes import FEW_STEPS, small_task, train_in_process  # noqa: E402

from openvasa.cli import main  # noqa: E402
from openvasa.data.clip_list import Clip, Kind, Split  # noqa: E402
from openvasa.data.latent_frames import ClipFrames  # noqa: E402
from openvasa.data.latent_tracks import LatentTracks  # noqa: E402
from openvasa.errors import InputError  # noqa: E402
from openvasa.evaluate.small_renderer import at_side  # noqa: E402
from openvasa.face.latent import FaceLatent, FrameGeometry, pose_face  # noqa: E402
from openvasa.face.topology import canonical_mesh  # noqa: E402
from openvasa.learned.config import CONFIGS, LatentConfig  # noqa: E402
from openvasa.learned.decoder import surface_prior  # noqa: E402
from openvasa.learned.export import export_network  # noqa: E402
from openvasa.learned.face_crop import CENTRE, HALF, crop_faces  # noqa: E402
from openvasa.learned.files import (  # noqa: E402
    DECODER_FILE,
    ENCODER_FILE,
    FORMAT,
    NAME_FILE,
    READING_FILE,
    read_about,
)
from openvasa.learned.losses import cross_identity, flow_anchors, gaze_error  # noqa: E402
from openvasa.learned.network import LatentNetwork  # noqa: E402
from openvasa.learned.points import FEATURES, mean_points, mirror_order  # noqa: E402
from openvasa.learned.pose import Pose, pose_from_numbers  # noqa: E402
from openvasa.learned.renderer import learned_renderer  # noqa: E402
from openvasa.learned.warps import (  # noqa: E402
    carry_colours,
    find_canonical,
    find_in_source,
    warp_from_canonical,
    warp_to_canonical,
)
from openvasa.learned.weights import begin_with, load_network, save_network  # noqa: E402
from openvasa.render.warp_renderer import WarpRenderer  # noqa: E402
from openvasa.train.latent import DEFAULTS, LatentTraining, latent_task  # noqa: E402
from openvasa.train.latent_export import fit_reading  # noqa: E402
from openvasa.train.processes import own_share  # noqa: E402
from openvasa.train.trainer import step_seed, train  # noqa: E402

SIDE, FRAMES = 64, 12


def smallest(name: str) -> LatentConfig:
    """A configuration with all its parts, as small as they can be."""
    config = CONFIGS[name]
    halvings = len(config.widths) - 1
    return replace(
        config,
        side=8 * 2**halvings,
        grid=8,
        depth=4,
        channels=8,
        widths=(8,) * (halvings + 1),
        still=8,
        identity=16,
        dynamics=12,
        crop=32,
        code_widths=(8, 8, 8),
        flow_widths=(8, 8),
        blocks=1,
        volume_blocks=1,
        small_batch=2,
    )


def turned(degrees: float, rows: int = 1) -> Pose:
    """Heads turned to the side, in the middle of the frame."""
    angle = np.radians(degrees)
    c, s = float(np.cos(angle)), float(np.sin(angle))
    rotation = torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]]).repeat(rows, 1, 1)
    return Pose(rotation, torch.zeros(rows, 2), torch.full((rows,), 0.06))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> ClipFrames:
    """Three people whose coloured discs move as their heads do."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    clips, poses, means, codes = [], [], [], []
    head = np.append(canonical_mesh()[0], np.zeros((10, 3), np.float32), axis=0)
    for number in range(3):
        name = f"clip{number}"
        clips.append(Clip(name, Split.TRAIN, f"person{number}", Kind.REAL, False, ""))
        at = 0.5 + 0.1 * np.sin(np.arange(FRAMES) + number)
        write_disc(folder / f"{name}.mp4", at, rng.integers(60, 255, 3))
        turn = np.zeros((FRAMES, 3))
        turn[:, 1] = 0.4 * np.cos(np.arange(FRAMES))
        place = np.stack([at, np.full(FRAMES, 0.5), np.full(FRAMES, 0.03)], axis=1)
        poses.append(np.concatenate([turn, place], axis=1))
        means.append(head + rng.normal(0, 0.2, 3))
        codes.append(rng.normal(0, 1, (FRAMES, 2)))
    tracks = LatentTracks(
        names=np.array([clip.name for clip in clips]),
        starts=np.arange(4) * FRAMES,
        sides=np.full(3, SIDE),
        pose=np.concatenate(poses).astype(np.float32),
        means=np.stack(means).astype(np.float32),
        basis=rng.normal(0, 0.05, (2, 478, 3)).astype(np.float32),
        codes=np.concatenate(codes).astype(np.float32),
        valid=np.ones(3 * FRAMES, bool),
    )
    return ClipFrames(tracks, clips, folder, 32, 1, "cpu")


def write_disc(path: Path, at: np.ndarray, colour: np.ndarray) -> None:
    """A clip of a disc at `at` (shares of the side), as the tracker would have seen a head."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for middle in at:
            inside = (np.hypot(x - middle, y - 0.5) < 0.25)[..., None]
            picture = np.where(inside, colour, 30).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def test_a_pose_is_undone_and_told_by_its_numbers() -> None:
    pose = Pose(turned(25).rotation, torch.tensor([[0.1, -0.2]]), torch.tensor([0.05]))
    points = torch.randn(1, 7, 3)
    assert torch.allclose(pose.unproject(pose.project(points)), points, atol=1e-4)
    again = pose_from_numbers(pose.numbers())
    assert torch.allclose(again.rotation, pose.rotation, atol=1e-5)
    assert torch.allclose(again.size, pose.size)


def test_places_keep_their_digits_under_autocast() -> None:
    pose = Pose(turned(25).rotation, torch.tensor([[0.1, -0.2]]), torch.tensor([0.05]))
    points, frames = torch.randn(1, 7, 3), torch.rand(1, 3, 64, 64)
    exact = pose.project(points), pose.unproject(points), crop_faces(frames, pose, 32)
    with torch.autocast("cpu", torch.bfloat16):
        coarse = pose.project(points), pose.unproject(points), crop_faces(frames, pose, 32)
    for a, b in zip(exact, coarse, strict=True):
        assert torch.equal(a, b)


def test_warps_there_and_back_keep_the_volume() -> None:
    across = torch.linspace(-1, 1, 16)
    ball = torch.exp(-4 * (across[:, None, None] ** 2 + across[:, None] ** 2 + across**2))
    volume, still = ball[None, None], torch.zeros(1, 3, 4, 4, 4)
    for degrees in (0, 30):
        seen = warp_from_canonical(volume, turned(degrees), still)
        back = warp_to_canonical(seen, turned(degrees), still)
        middle = (slice(None), slice(None), *(slice(4, 12),) * 3)
        assert (back - volume)[middle].abs().max() < 0.12


def test_a_head_that_turns_right_shows_its_volume_to_the_right() -> None:
    # The nose, before the head's origin, moves to where the canonical axis is turned.
    volume = torch.zeros(1, 1, 16, 32, 32)
    volume[..., 2, 14:18, 14:18] = 1
    still = torch.zeros(1, 3, 4, 4, 4)
    columns = torch.arange(32.0)
    places = []
    for degrees in (-25, 0, 25):
        flat = warp_from_canonical(volume, turned(degrees), still).sum(dim=(0, 1, 2, 3))
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


def test_mirrored_frames_have_mirrored_poses_and_points(reader: ClipFrames) -> None:
    rows = torch.tensor([3])
    plain, mirrored = reader.take(rows), reader.take(rows, torch.tensor([True]))
    assert torch.equal(mirrored.picture, plain.picture.flip(3))
    a, b = plain.pose.project(plain.points), mirrored.pose.project(mirrored.points)
    expected = a[:, torch.from_numpy(mirror_order())] * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(b, expected, atol=1e-4)


def test_pairs_are_two_frames_of_a_clip(reader: ClipFrames) -> None:
    pairs = reader.draw(64, np.random.default_rng(0))
    assert torch.equal(pairs.source // FRAMES, pairs.driver // FRAMES)
    assert torch.equal(pairs.source // FRAMES, pairs.group)


def test_cross_identity_teaches_the_picture_and_not_the_judge() -> None:
    network = LatentNetwork(smallest("tiny"))
    drawn = torch.rand(2, 3, 32, 32, requires_grad=True)
    cross_identity(network.identity, drawn, torch.randn(2, 16)).backward()
    assert drawn.grad is not None
    assert drawn.grad.abs().sum() > 0
    assert all(p.grad is None for p in network.identity.parameters())


@pytest.mark.parametrize("name", CONFIGS)
def test_every_part_learns_and_no_factor_is_idle(
    name: str, reader: ClipFrames, tmp_path: Path
) -> None:
    config = smallest(name)
    # `full` has frames of another side; the reader's are scaled up.
    frames = reader if config.side == reader.side else _ScaledFrames(reader, config.side)
    training = LatentTraining(config)
    trainer = replace(DEFAULTS, steps=20, warmup=2, learning_rate=3e-3, average=0.5, log_every=5)
    task = latent_task(frames, frames, None, trainer, training, "cpu", tmp_path)  # pyright: ignore
    network = task.network
    assert isinstance(network, LatentNetwork)
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    learnt = train(task, trainer)
    assert isinstance(learnt, LatentNetwork)
    for part, module in network.named_children():
        for parameter, value in module.named_parameters():
            moved = not torch.equal(value, before[f"{part}.{parameter}"])
            assert moved, f"{part}.{parameter} has not learnt"
            assert value.grad is not None
            assert value.grad.abs().sum() > 0, f"{part}.{parameter}"
    with torch.no_grad():
        one, other = (frames.take(torch.tensor([row])) for row in (0, FRAMES + 4))
        seen, own = learnt.encode_frames(one.picture, one.pose)
        foreign, _ = learnt.encode_frames(other.picture, other.pose)
        moved = learnt.read_dynamics(other.picture, other.pose) + 1
        plain = learnt.decode(seen, one.pose, own)
        assert plain.shape == (1, 3, config.side, config.side)
        swaps = {
            "pose": learnt.decode(seen, one.pose.turned_as(turned(40)), own),
            "dynamics": learnt.decode(seen, one.pose, moved),
            "identity": learnt.decode(replace(seen, identity=foreign.identity), one.pose, own),
            "appearance": learnt.decode(replace(seen, volume=foreign.volume), one.pose, own),
        }
    for factor, picture in swaps.items():
        assert (picture - plain).abs().max() > 1e-4, f"{factor} does nothing"


@pytest.mark.slow
def test_two_processes_learn_what_one_does_of_both_shares(
    reader: ClipFrames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("MASTER_PORT", str(free.getsockname()[1]))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    config = smallest("mini")
    torch.save((reader, config), tmp_path / "given.pt")
    torch.multiprocessing.spawn(train_in_process, (str(tmp_path),), nprocs=2)
    shared = [torch.load(tmp_path / f"rank{rank}.pt") for rank in range(2)]
    written = {file.name for file in (tmp_path / "run").iterdir()}
    assert {"config.json", "checkpoint.pt", "log.csv"} <= written
    assert not [name for name in written if "partial" in name]
    task = small_task(reader, config)

    def both_shares(batch: Any, step: int):
        losses, half = [], len(batch.source) // 2
        for rows in (slice(0, half), slice(half, None)):
            torch.manual_seed(step_seed(FEW_STEPS.seed, step))
            losses.append(task.step_loss(batch.pick(rows), step)[0])
        return sum(losses) / 2, {}

    train(replace(task, step_loss=both_shares, validate=None), FEW_STEPS)
    for name, value in task.network.state_dict().items():
        assert torch.equal(shared[0][name], shared[1][name]), name
        assert torch.allclose(shared[0][name], value, atol=2e-5), name


def test_shares_of_a_batch_are_even(monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_share(6) == slice(0, 6)
    monkeypatch.setattr("openvasa.train.processes.count_processes", lambda: 4)
    with pytest.raises(InputError, match="multiple"):
        own_share(6)


class _ScaledFrames:
    """Frames of a reader at another side."""

    def __init__(self, reader: ClipFrames, side: int) -> None:
        self.draw, self._reader, self.side = reader.draw, reader, side

    def take(self, rows: Any, mirrored: Any = None):
        frames = self._reader.take(rows, mirrored)
        picture = torch.nn.functional.interpolate(frames.picture, size=(self.side, self.side))
        return replace(frames, picture=picture)


def test_weights_come_back_from_files(tmp_path: Path) -> None:
    config = CONFIGS["tiny"]
    network = LatentNetwork(config)
    save_network(tmp_path, network, "tiny", 7)
    again = load_network(tmp_path)
    frames = torch.rand(1, 3, config.side, config.side)
    pose = turned(10)
    with torch.no_grad():
        codes = network.dynamics(network.crop(frames, pose))
        read = again.dynamics(again.crop(frames, pose))
    assert torch.allclose(codes, read, atol=0.02)
    assert codes.abs().max() > 0
    with pytest.raises(InputError, match="holds no"):
        load_network(tmp_path / "nowhere")


@pytest.mark.parametrize("said", [None, FORMAT + 1])
def test_weights_of_another_format_are_refused_but_begin_a_run(
    tmp_path: Path, said: int | None
) -> None:
    config = CONFIGS["mini"] if said else replace(CONFIGS["mini"], dynamics=40)
    save_network(tmp_path, LatentNetwork(config), "mini", 7)
    replace(read_about(tmp_path), format=said).save(tmp_path)
    with pytest.raises(InputError, match="train latent CACHE CLIPS NEW_RUN --from"):
        load_network(tmp_path)
    assert begin_with(LatentNetwork(CONFIGS["mini"]), tmp_path) > 0.5


def test_weights_that_say_no_format_are_used_where_they_fit(tmp_path: Path) -> None:
    save_network(tmp_path, LatentNetwork(CONFIGS["mini"]), "mini", 7)
    (tmp_path / NAME_FILE).write_text('{"config": "mini", "parts": 1, "steps": 7}')
    assert load_network(tmp_path).config == CONFIGS["mini"]


def test_a_run_begins_with_the_weights_of_another(tmp_path: Path) -> None:
    config = smallest("mini")
    trained = LatentNetwork(config)
    save_network(tmp_path, trained, "mini", 7)
    wider = LatentNetwork(replace(config, dynamics=16))
    share = begin_with(wider, tmp_path)
    assert 0.5 < share < 1
    for name, value in wider.appearance.state_dict().items():
        assert torch.allclose(value, trained.appearance.state_dict()[name], atol=1e-3)


def test_a_reading_tells_codes_of_points_that_move_them() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(30, 6))
    points, judged = rng.normal(size=(400, 30)), rng.normal(size=(50, 30))
    noise = 0.1 * rng.normal(size=(400, 6))
    reading = fit_reading((points, points @ matrix + noise), (judged, judged @ matrix))
    assert reading.explained > 0.99
    unrelated = fit_reading((points, noise), (judged, judged @ matrix))
    assert unrelated.explained < 0.1


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LatentNetwork]:
    """A network with flows that do something, exported."""
    folder = tmp_path_factory.mktemp("exported")
    torch.manual_seed(0)
    network = LatentNetwork(CONFIGS["tiny"]).eval()
    for flow in (network.to_canonical, network.from_canonical):
        torch.nn.init.normal_(flow.last.weight, 0, 0.02)
    save_network(folder, network, "tiny", 1)
    network = load_network(folder)
    export_network(network, folder)
    size = 3 * len(FEATURES), CONFIGS["tiny"].dynamics
    np.savez(folder / READING_FILE, matrix=np.random.default_rng(0).normal(0, 0.1, size))
    return folder, network


def test_the_renderer_draws_what_the_network_draws(
    exported: tuple[Path, LatentNetwork], face: FaceLatent
) -> None:
    folder, network = exported
    face = replace(face, neutral=face.canonical)
    renderer = learned_renderer(folder)(face)
    rest = FrameGeometry(face.canonical, face.head, face.landmarks)
    shown = renderer.render(rest)
    side = network.config.side
    assert shown.shape == (side, side, 3)
    picture = cv2.resize(face.image, (side, side), interpolation=cv2.INTER_AREA)
    frames = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    head, width = face.head, face.size[0]
    pose = Pose(
        torch.from_numpy(head.rotation[None]).float(),
        torch.from_numpy(head.translation[None, :2] * 2 / width - 1).float(),
        torch.tensor([head.scale * 2 / width]).float(),
    )
    with torch.no_grad():
        seen, own = network.encode_frames(frames, pose)
        drawn = network.decode(seen, pose, own)[0].permute(1, 2, 0).numpy()
    assert np.abs(shown - 255 * drawn).max() < 1.5
    pose_changed = pose_face(face, np.array([0, 0.4, 0, 0, 0, 0], np.float32), np.zeros((478, 3)))
    assert np.abs(renderer.render(pose_changed).astype(int) - shown).max() > 3
    opened = replace(rest, canonical=face.canonical + np.float32(0.5))
    together = renderer.render_many([rest, pose_changed, opened])
    for frame, geometry in zip(together, (rest, pose_changed, opened), strict=True):
        assert np.abs(frame.astype(int) - renderer.render(geometry)).max() <= 1
    assert np.abs(renderer.render(opened).astype(int) - shown).max() > 0


def test_a_run_without_an_export_is_refused(
    exported: tuple[Path, LatentNetwork], face: FaceLatent, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="latent-export"):
        learned_renderer(tmp_path)
    wide = replace(face, image=face.image[:400])
    with pytest.raises(InputError, match="squares"):
        learned_renderer(exported[0])(wide)


def test_an_export_of_another_format_is_refused(
    exported: tuple[Path, LatentNetwork], face: FaceLatent, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(exported[0], run)
    (run / DECODER_FILE).write_bytes((run / ENCODER_FILE).read_bytes())
    with pytest.raises(InputError, match="latent-export"):
        learned_renderer(run)(face)
    replace(read_about(run), format=FORMAT + 1).save(run)
    with pytest.raises(InputError, match="--from"):
        learned_renderer(run)


def test_frames_are_brought_to_a_side_before_they_are_judged(face: FaceLatent) -> None:
    rest = FrameGeometry(face.canonical, face.head, face.landmarks)
    frame = WarpRenderer(face).render(rest)
    small = at_side(WarpRenderer, 128)(face)
    shown = small.render(rest)
    assert shown.shape == (128, 128, 3)
    assert np.abs(shown[64, 64].astype(float) - frame[256:260, 256:260].mean(axis=(0, 1))).max() < 2
    assert np.array_equal(small.twin().render(rest), shown)
    assert at_side(WarpRenderer, None) is WarpRenderer


def test_drawing_needs_no_torch() -> None:
    code = "import sys, openvasa.learned.renderer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_commands_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("train", "latent"), ("train", "latent-export"), ("evaluate", "latent")):
        assert main([*words, "--help"]) == 0
        assert "RUN" in capsys.readouterr().out
