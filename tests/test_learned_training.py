"""The learned latent's training: its frames, that every part learns, and in several processes."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from latent_processes import FEW_STEPS, small_task, train_in_process  # noqa: E402
from learned_parts import smallest, turned  # noqa: E402

from openvasa.cli import main  # noqa: E402
from openvasa.data.clip_list import Clip, Kind, Split  # noqa: E402
from openvasa.data.latent_frames import ClipFrames  # noqa: E402
from openvasa.data.latent_tracks import LatentTracks  # noqa: E402
from openvasa.errors import InputError  # noqa: E402
from openvasa.face.topology import canonical_mesh  # noqa: E402
from openvasa.learned.config import CONFIGS  # noqa: E402
from openvasa.learned.network import LatentNetwork  # noqa: E402
from openvasa.learned.points import mirror_order  # noqa: E402
from openvasa.train.latent import DEFAULTS, LatentTraining, latent_task  # noqa: E402
from openvasa.train.latent_export import fit_reading  # noqa: E402
from openvasa.train.processes import own_share  # noqa: E402
from openvasa.train.trainer import step_seed, train  # noqa: E402

SIDE, FRAMES = 64, 12


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


def test_a_reading_tells_codes_of_points_that_move_them() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(30, 6))
    points, judged = rng.normal(size=(400, 30)), rng.normal(size=(50, 30))
    noise = 0.1 * rng.normal(size=(400, 6))
    reading = fit_reading((points, points @ matrix + noise), (judged, judged @ matrix))
    assert reading.explained > 0.99
    unrelated = fit_reading((points, noise), (judged, judged @ matrix))
    assert unrelated.explained < 0.1


def test_the_commands_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("train", "latent"), ("train", "latent-export"), ("evaluate", "latent")):
        assert main([*words, "--help"]) == 0
        assert "RUN" in capsys.readouterr().out
