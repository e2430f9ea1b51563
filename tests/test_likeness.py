"""Likeness scores real motion high, and little, still or foreign motion low."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from openvasa.cli import main
from openvasa.data.clip_list import Clip, Kind, Split
from openvasa.data.prepare import Track
from openvasa.data.redraw import neutral_frame
from openvasa.errors import InputError
from openvasa.evaluate.first_blinks import find_first_blinks
from openvasa.evaluate.likeness import (
    EXCHANGED,
    LIVE,
    REAL,
    REDRAWN,
    WHOLE,
    Judged,
    Verdict,
    Way,
    judge_likeness,
)
from openvasa.evaluate.likeness_chance import RealClips
from openvasa.evaluate.likeness_clips import (
    NEUTRAL,
    HeldOut,
    choose_clips,
    exchange_motion,
)
from openvasa.evaluate.likeness_figures import (
    JUDGED,
    Figures,
    Traces,
    count_blinks,
    likeness,
    likeness_parts,
    mean_figures,
    measure_traces,
    traces_of_rows,
)
from openvasa.evaluate.likeness_report import (
    likeness_json,
    likeness_report,
    summarise,
    write_likeness_page,
)
from openvasa.evaluate.motion_metrics import correlation
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code, lid_gap
from openvasa.motion.row import with_tongue_at_rest

CLIPS = Path(__file__).parents[2] / "shared" / "data" / "clips"


def person(seed: int, frames: int = 400) -> np.ndarray:
    """(T, 6 + D) rows of somebody who turns, talks, smiles and blinks at random times."""
    rng = np.random.default_rng(seed)
    code = dynamics_code()
    rows = gaussian_filter1d(rng.standard_normal((frames, POSE_DIM + code.size)), 4, axis=0)
    rows /= rows.std(axis=0)
    rows[:, :POSE_DIM] *= 0.06
    lids = lid_gap(code.basis) / lid_gap(code.mean_shape)
    rows[:, POSE_DIM:] -= np.outer(rows[:, POSE_DIM:] @ lids, lids) / (lids @ lids)
    for start in rng.choice(frames // 40 - 1, 4, replace=False) * 40 + 10:
        rows[start : start + 4, POSE_DIM:] -= 0.9 * lids / (lids @ lids)
    return rows.astype(np.float32)


def figures(rows: np.ndarray) -> Figures:
    return measure_traces(traces_of_rows(rows))


def spoilt(rows: np.ndarray, keep: float) -> np.ndarray:
    return rows.mean(axis=0) + keep * (rows - rows.mean(axis=0))


def test_likeness_falls_with_every_loss_of_movement() -> None:
    real = [figures(person(seed)) for seed in range(3)]

    def score(change: Callable[[np.ndarray], np.ndarray]) -> float:
        made = mean_figures([figures(change(person(seed))) for seed in range(3)], [1, 1, 1])
        return likeness(made, mean_figures(real, [1, 1, 1]))

    rng = np.random.default_rng(9)
    assert score(lambda rows: rows) == 1
    assert score(lambda rows: rows + 0.001 * rng.standard_normal(rows.shape)) > 0.9
    assert score(lambda rows: spoilt(rows, 0.5)) < 0.55
    assert score(lambda rows: spoilt(rows, 0.0)) < 0.01
    assert score(lambda rows: spoilt(rows, 2.0)) < 0.35


def test_another_persons_motion_is_told_by_its_lips() -> None:
    ours, other = (traces_of_rows(person(seed, 4000)) for seed in (1, 2))
    half = traces_of_rows(spoilt(person(1, 4000), 0.5))
    assert correlation(ours.aperture, half.aperture) > 0.9
    assert abs(correlation(ours.aperture, other.aperture)) < 0.2
    assert abs(correlation(ours.width, other.width)) < 0.2


def test_angles_are_read_where_they_are() -> None:
    rows = np.zeros((100, POSE_DIM + dynamics_code().size), np.float32)
    swing = np.radians(4) * np.sqrt(2) * np.sin(np.arange(100) / 100 * 8 * np.pi)
    for axis, name in enumerate(("pitch", "yaw", "roll")):
        turned = rows.copy()
        turned[:, axis] = swing
        found = figures(turned)
        assert getattr(found, name) == pytest.approx(4, rel=0.01)
        others = {"pitch", "yaw", "roll"} - {name}
        assert max(getattr(found, other) for other in others) < 0.01
        steps = np.degrees(np.abs(np.diff(swing))).mean()
        assert found.pose_change == pytest.approx(steps, rel=0.01)


def test_a_blink_that_trembles_counts_once() -> None:
    lids = np.ones(100)
    lids[10:14] = [0.3, 0.5, 0.4, 0.6]
    lids[40:43] = 0.2
    assert count_blinks(lids) == 2
    assert count_blinks(np.full(50, 0.5)) == 0
    assert figures(person(0)).blinks == pytest.approx(4 * 60 * 25 / 400)


def test_first_blinks_are_of_videos_that_last_so_long() -> None:
    def video(frames: int, blink: int) -> Traces:
        lids = np.ones(frames, np.float32)
        lids[blink : blink + 3] = 0.1
        return replace(traces_of_rows(person(0)), lids=lids)

    real = [video(75, 20), video(150, 100), video(200, 170), video(60, 5)]
    made = [video(74, 20), video(150, 10), video(199, 20), video(60, 5)]
    found = find_first_blinks({"real": real, "made": made})
    assert [beginning.text for beginning in found["real"]] == ["0.00 of 2", "0.50 of 2"]
    assert [beginning.text for beginning in found["made"]] == ["1.00 of 2", "1.00 of 2"]
    alone = find_first_blinks({"real": real})["real"]
    assert [beginning.text for beginning in alone] == ["0.33 of 3", "0.50 of 2"]
    assert find_first_blinks({"real": real[3:]})["real"][0].text == "–"


def test_a_clip_whose_eyes_are_never_seen_has_no_say_in_gaze() -> None:
    seen = traces_of_rows(person(2))
    lost = measure_traces(replace(seen, gaze=np.full_like(seen.gaze, 60)))
    known = measure_traces(seen)
    assert np.isnan(lost.gaze)
    mean = mean_figures([lost, known], [300, 100])
    assert mean.gaze == known.gaze
    assert mean.yaw == pytest.approx(known.yaw)
    assert np.isnan(mean_figures([lost], [300]).gaze)


def test_what_no_eye_can_do_is_no_gaze() -> None:
    seen = traces_of_rows(person(2))
    lost = seen.gaze.copy()
    lost[100:120, 0] = np.linspace(-82, 65, 20)
    wrong = measure_traces(replace(seen, gaze=lost)).gaze
    assert wrong == pytest.approx(measure_traces(seen).gaze, abs=2)
    assert np.sqrt(lost.var(axis=0).sum()) > 10, "as read"


def test_likeness_is_the_mean_of_ten_and_never_below_nothing() -> None:
    real = figures(person(0))
    parts = likeness_parts(figures(spoilt(person(0), 3.0)), real)
    assert tuple(parts) == JUDGED
    assert len(JUDGED) == 10
    assert parts["yaw"] == 0
    assert parts["blinks"] == 1


def test_chance_shrinks_with_more_clips_and_is_none_where_all_are_alike() -> None:
    def clips(count: int) -> RealClips:
        spreads = np.random.default_rng(0).lognormal(0, 0.6, (count, len(fields(Figures))))
        return RealClips([Figures(*row) for row in spreads.tolist()], [100] * count)

    few, many = clips(20).of_other_clips(), clips(500).of_other_clips()
    assert few is not None
    assert many is not None
    assert 0.7 < few.mean < 0.9
    assert many.mean > 0.95
    assert many.deviation < few.deviation < 0.1
    alike = RealClips([figures(person(0))] * 10, [100, 200, 300, 400, 500] * 2)
    others = alike.of_other_clips()
    assert others is not None
    assert others.mean == pytest.approx(1)
    assert alike.scatter_of([figures(spoilt(person(0), 0.5))] * 10) == pytest.approx(0, abs=1e-9)
    assert clips(9).of_other_clips() is None
    assert clips(20).scatter_of(clips(20).figures) == 0
    shuffled = clips(20).scatter_of(clips(20).figures[::-1])
    assert 0.01 < shuffled < 0.15


def test_motion_is_exchanged_with_another_person() -> None:
    track = Track(**dict.fromkeys(Track.__annotations__, np.zeros(0)))

    def clip(group: str, frames: int, mark: int) -> HeldOut:
        line = Clip("clip", Split.TEST, group, Kind.REAL, True, "")
        return HeldOut(line, track, np.full((frames, 1), mark), np.zeros(0), 0)

    clips = [clip("a", 80, 0), clip("b", 60, 1), clip("b", 70, 2), clip("c", 90, 3)]
    others = exchange_motion(clips)
    assert others is not None
    assert [int(rows[0, 0]) for rows in others] == [3, 0, 0, 0]
    assert [len(rows) for rows in others] == [80, 60, 70, 80]
    assert exchange_motion(clips[1:3]) is None


def test_the_neutral_frame_looks_ahead_and_rests() -> None:
    rows = person(3)
    rows[77] *= 0.01
    assert neutral_frame(rows) == 77


def judged(pixels: bool = True) -> Judged:
    def way(rounds: int, change: float) -> Way:
        made = Way()
        for number in range(rounds):
            for seed in (0, 1):
                traces = traces_of_rows(spoilt(person(seed), change + 0.1 * number))
                found = Verdict(measure_traces(traces), 0.5, 0.25, 1.25, len(traces.lids))
                made.add(number, traces, found)
        return made

    names = {REAL: (1, 1.0), REDRAWN: (1, 0.9)}
    names |= {f"{WHOLE}, {NEUTRAL}": (2, 0.4), f"{LIVE}, {NEUTRAL}": (2, 0.3)}
    ways = {name: way(*how) for name, how in names.items()}
    return Judged(["one", "two & <three>"], Split.TEST, ways, pixels, ["four: no face"])


def test_the_report_has_every_way_with_its_scatter(tmp_path: Path) -> None:
    text = likeness_report(judged())
    assert "2 clips of held-out people, 32 s, rendered and tracked." in text
    assert "| its deviation over clips | 0 |" in text
    assert "Left out: four: no face." in text
    assert "(0.90 ×)" in text
    assert "±" in text
    assert "| S_C | 1.25 | 1.25 (1.00 ×) |" in text
    assert "| a blink in the first 6 s | 1.00 of 2 | 1.00 of 2 | 0.00 of 2 |" in text
    found = json.loads(json.dumps(likeness_json(judged())))
    whole = found["ways"][f"{WHOLE}, {NEUTRAL}"]
    assert len(whole["likeness"]) == 2
    assert whole["over_clips"] > 0
    assert found["other_clips"] is None
    assert whole["figures"]["yaw"]["times_real"] == pytest.approx(0.45, abs=0.01)
    assert whole["parts"]["yaw"] == pytest.approx(0.45, abs=0.01)
    write_likeness_page(judged(), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") == 2 * 6
    assert "two &amp; &lt;three&gt;: lids" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page.count("class='curve'") == 2 * 6 * 3


def test_a_cache_without_held_out_people_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clips.jsonl").write_text("")
    with pytest.raises(InputError, match="no clip of held-out people"):
        choose_clips(tmp_path, tmp_path)
    with pytest.raises(InputError, match="no clip of people learnt from"):
        choose_clips(tmp_path, tmp_path, split=Split.TRAIN)


@pytest.mark.parametrize(
    "wrong", [["--clips", "0"], ["--seeds", "0"], ["--seconds", "1"], ["--seconds", "nan"]]
)
def test_limits_are_checked_before_the_work(wrong: list[str], tmp_path: Path, capsys) -> None:
    assert main(["evaluate", "likeness", str(tmp_path), str(tmp_path), *wrong]) == 2
    assert "choose" in capsys.readouterr().err


@pytest.mark.slow
def test_pixels_tell_real_motion_from_still_small_and_foreign(tmp_path: Path) -> None:
    if not CLIPS.is_dir():
        pytest.skip("needs ../shared/data/clips beside the checkout")
    from openvasa.data.prepare import track_clip

    chosen = ("2b021f9e0d97", "5d782a408cd3", "a8a50e8239f9")
    lines = (CLIPS / "clips.jsonl").read_text().splitlines()
    listed = [line for line in lines if json.loads(line)["file"][:-4] in chosen]
    (tmp_path / "clips.jsonl").write_text("\n".join(listed))
    (tmp_path / "tracks").mkdir()
    for name in chosen:
        np.savez(tmp_path / "tracks" / f"{name}.npz", **track_clip(CLIPS / f"{name}.mp4"))  # pyright: ignore[reportArgumentType]
    makers = {
        "mean": lambda held, _: with_tongue_at_rest(spoilt(held.rows, 0.0)),
        "half": lambda held, _: with_tongue_at_rest(spoilt(held.rows, 0.5)),
    }
    found = judge_likeness(tmp_path, CLIPS, makers=makers, seeds=1, seconds=3)
    assert not found.left_out
    scores = summarise(found)
    assert scores[REDRAWN].likeness[0] > 0.85
    assert scores[REDRAWN].mean("aperture_r") > 0.9
    real = scores[REAL].mean("confidence")
    assert scores[REDRAWN].mean("confidence") > 0.7 * real
    mean, half = (scores[f"{name}, {NEUTRAL}"] for name in makers)
    another = scores[EXCHANGED]
    assert mean.likeness[0] < 0.15
    assert half.likeness[0] < 0.6
    assert another.mean("aperture_r") < 0.4
    assert another.mean("confidence") < 0.6 * real
