"""A portrait that listens: what it hears, what it does, and that both belong together."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from other_parts import JawModel

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.audio.channels import split_channels
from openvasa.audio.decode import probe, read_blocks
from openvasa.audio.level import speech_gain
from openvasa.audio.mixing import MIXED_RATE, mix_voices
from openvasa.audio.pcm import write_wav
from openvasa.cli import main
from openvasa.errors import InputError
from openvasa.evaluate.listening import explain, make_pair
from openvasa.face.canonical import PITCH
from openvasa.face.dynamics import dynamics_code, lid_gap, lip_gap
from openvasa.motion.listening.ear import PartnerEar
from openvasa.motion.listening.listener import Listener
from openvasa.motion.listening.model import ListeningMotion
from openvasa.motion.listening.numbers import listening_numbers, read_fitted
from openvasa.motion.motion import Motion
from openvasa.motion.row import Row, row_width
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE, SAMPLE_RATE

STILL = np.zeros((1, row_width()), np.float32)


def tone(seconds: float, pitch: float | np.ndarray, level: float = 0.15) -> np.ndarray:
    """A buzz like a voice; `pitch` Hz, or a curve of it."""
    count = round(seconds * SAMPLE_RATE)
    phase = np.cumsum(np.broadcast_to(pitch, count)) / SAMPLE_RATE
    harmonics = sum(np.sin(2 * np.pi * k * phase) / k for k in range(1, 12))
    return (level * harmonics).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def glide(seconds: float, start: float, end: float) -> np.ndarray:
    return tone(seconds, np.geomspace(start, end, round(seconds * SAMPLE_RATE)))


def example(seconds: float) -> np.ndarray:
    sound = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))[: round(seconds * SAMPLE_RATE)]
    return sound * np.float32(speech_gain([sound]))


def cues(sound: np.ndarray) -> list:
    return PartnerEar(listening_numbers()).hear(sound)


def listened(sound: np.ndarray, own: np.ndarray | None = None) -> np.ndarray:
    """Rows of a still face beside two voices."""
    listener, rows = Listener(), []
    for at in range(0, len(sound) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        if own is not None:
            listener.speak(own[at : at + FRAME_SAMPLES])
        listener.hear(sound[at : at + FRAME_SAMPLES])
        rows.append(listener.shape(STILL))
    return np.concatenate(rows)


def test_phrase_end_is_heard_once_a_pause_after_enough_speech() -> None:
    heard = cues(np.concatenate([glide(1.5, 150, 110), silence(1), tone(0.3, 120), silence(1)]))
    ends = [index / MOTION_RATE for index, cue in enumerate(heard) if cue.ends]
    assert len(ends) == 1, "a word of 0.3 s is no phrase"
    assert ends[0] == pytest.approx(1.5 + listening_numbers().pause_s, abs=0.1)


def test_low_pitch_invites_an_answer_and_even_pitch_does_not() -> None:
    waves = 190 + 10 * np.sin(np.arange(2 * SAMPLE_RATE) * 2 * np.pi * 3 / SAMPLE_RATE)
    high_then_low = np.concatenate([tone(2.0, waves), tone(0.4, 100)])
    invited = [i / MOTION_RATE for i, cue in enumerate(cues(high_then_low)) if cue.invites]
    assert len(invited) == 1
    assert 2.0 <= invited[0] < 2.4
    assert not any(cue.invites for cue in cues(tone(3.0, 150)))


@pytest.mark.parametrize(("end", "asks"), [(220, True), (150, False), (110, False)])
def test_a_rise_at_the_end_asks(end: float, asks: bool) -> None:
    heard = cues(np.concatenate([glide(1.5, 160, 140), glide(0.35, 140, end), silence(0.5)]))
    assert any(cue.asks for cue in heard) is asks


def test_chunks_do_not_matter_to_the_ear() -> None:
    sound, ear = example(4), PartnerEar(listening_numbers())
    pieces = np.split(sound, [777, 12_345, 12_350, 40_001])
    assert [cue for piece in pieces for cue in ear.hear(piece)] == cues(sound)


def test_listener_nods_and_blinks_with_its_mouth_shut() -> None:
    rows = listened(example(10))
    row, code = Row.split(rows), dynamics_code()
    assert 0.015 < row.pose[:, PITCH].max() < 0.06, "a nod, in rad"
    assert (row.codes @ lid_gap(code.basis)).min() < -0.7 * lid_gap(code.mean_shape), "a blink"
    assert (row.codes @ lip_gap(code.basis)).max() < 0.05
    steps = np.abs(np.diff(row.pose, axis=0)).max()
    assert steps < 0.02, "no jump"


def test_an_open_mouth_is_shut_and_own_speech_is_left_alone() -> None:
    shapes = np.zeros((1, 52), np.float32)
    from openvasa.face.landmarker import BLENDSHAPE_NAMES

    shapes[0, BLENDSHAPE_NAMES.index("jawOpen")] = 1
    code = dynamics_code()
    open_row = Row(np.zeros((1, 6)), code.from_arkit(shapes), np.zeros((1, 2))).join()
    listener, sound = Listener(), example(3)
    for at in range(0, len(sound), FRAME_SAMPLES):
        listener.hear(sound[at : at + FRAME_SAMPLES])
        shut = listener.shape(open_row)
    gaps = [float((Row.split(r).codes @ lip_gap(code.basis))[0]) for r in (open_row, shut)]
    assert gaps[0] > 0.3
    assert abs(gaps[1]) < 0.02
    both = listened(example(3), own=example(3))
    assert np.abs(both).max() < 1e-3, "who speaks does not listen"


def test_a_sketch_is_shaped_and_not_kept() -> None:
    """A row shaped as a sketch comes out the same when its turn comes."""
    listener = Listener()
    listener.hear(example(4))
    sketched = listener.shape(np.repeat(STILL, 3, axis=0), kept=2)
    assert np.allclose(sketched[2:], listener.shape(STILL), atol=1e-6)


def test_model_listens_whole_files(tmp_path: Path) -> None:
    partner = tmp_path / "other.wav"
    write_wav(partner, [example(6)], SAMPLE_RATE)
    quiet = [silence(8)]
    model = ListeningMotion(JawModel(), partner)
    rows = np.concatenate(list(model.frames(quiet)))
    alone = np.concatenate(list(JawModel().frames(quiet)))
    assert rows.shape == alone.shape
    assert np.ptp(rows[:, PITCH]) > 0.015
    assert model.describe() == {"model": "jaw", "listens": True}


def test_our_listener_is_explained_by_the_voice_it_hears() -> None:
    rng = np.random.default_rng(0)
    whole = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))
    voices = [np.roll(whole, shift * SAMPLE_RATE) for shift in range(5)]
    count = len(whole) // FRAME_SAMPLES
    idle = [np.cumsum(rng.normal(size=(count, row_width())), axis=0) * 2e-4 for _ in voices]
    moved = [rows + listened(voice) for rows, voice in zip(idle, voices, strict=True)]
    ours = explain(list(map(make_pair, moved, voices)), permutations=40)
    deaf = explain(list(map(make_pair, idle, voices)), permutations=1)
    assert ours.p < 0.05
    assert ours.gain > deaf.gain


def test_both_voices_are_mixed(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", [tone(1.0, 200)], SAMPLE_RATE)
    write_wav(tmp_path / "b.wav", [tone(0.5, 300)], SAMPLE_RATE)
    mix_voices(tmp_path / "a.wav", tmp_path / "b.wav", tmp_path / "both.wav")
    with wave.open(str(tmp_path / "both.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert file.getframerate() == MIXED_RATE
    assert len(samples) == MIXED_RATE
    spectra = [
        np.abs(np.fft.rfft(samples[: MIXED_RATE // 2] * 1.0)),
        np.abs(np.fft.rfft(samples[MIXED_RATE // 2 :] * 1.0)),
    ]
    assert spectra[0][150] > 100 * np.median(spectra[0])
    assert spectra[1][100] > 10 * spectra[1][150], "silent after its end"


def test_partner_that_cannot_be_heard_is_refused(tmp_path: Path) -> None:
    face = openvasa.load_portrait(EXAMPLE_PORTRAIT)
    with pytest.raises(InputError, match="no such file"):
        openvasa.animate(face, EXAMPLE_VOICE, partner=tmp_path / "nobody.wav")
    with pytest.raises(InputError, match="train listening"):
        read_fitted(tmp_path / "none.json")


def test_each_channel_of_a_conversation_is_a_voice(tmp_path: Path) -> None:
    voices = np.stack([example(1), np.roll(example(1), 4000)], axis=1)
    write_wav(tmp_path / "call.wav", [voices], SAMPLE_RATE, 2)
    left, right = tmp_path / "left.wav", tmp_path / "right.wav"
    split_channels(tmp_path / "call.wav", left, right)
    for path, voice in zip((left, right), voices.T, strict=True):
        heard = np.concatenate(list(read_blocks(path)))
        assert len(heard) == pytest.approx(len(voice), abs=400)
        assert np.corrcoef(heard[: len(voice)], voice[: len(heard)])[0, 1] > 0.99


@pytest.mark.parametrize(("channels", "said"), [(1, "two channels"), (2, "hold the same")])
def test_a_conversation_needs_two_voices(
    channels: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call, target = tmp_path / "call.wav", tmp_path / "talk.mp4"
    write_wav(call, [np.stack([example(1)] * channels, axis=1)], SAMPLE_RATE, channels)
    command = ["animate", str(EXAMPLE_PORTRAIT), str(call), "-o", str(target), "--speaks", "left"]
    assert main(command) == 2
    assert said in capsys.readouterr().err
    assert not target.exists()


@pytest.mark.slow
def test_a_portrait_speaks_one_channel_and_listens_to_the_other(tmp_path: Path) -> None:
    call, target = tmp_path / "call.wav", tmp_path / "talk.mp4"
    voices = np.stack([np.roll(example(2), 8000), example(2)], axis=1)
    voices[: SAMPLE_RATE // 2, 1] = voices[SAMPLE_RATE // 2 :, 0] = 0
    write_wav(call, [voices], SAMPLE_RATE, 2)
    motion = tmp_path / "motion.npz"
    command = ["animate", str(EXAMPLE_PORTRAIT), str(call), "-o", str(target), "--size", "256"]
    command += ["--quiet", "--speaks", "right", "--save-motion", str(motion)]
    assert main(command) == 0
    sound = np.concatenate(list(read_blocks(target)))
    assert np.abs(sound[: SAMPLE_RATE // 2]).max() > 0.05, "the partner is heard"
    assert np.abs(sound[SAMPLE_RATE:]).max() > 0.05, "the portrait is heard"
    gap = Motion.load(motion).dynamics @ lip_gap(dynamics_code().basis)
    assert np.ptp(gap[:10]) < 0.5 * np.ptp(gap[12:]), "it speaks in its own time alone"


@pytest.mark.slow
def test_command_writes_a_video_with_both_voices(tmp_path: Path) -> None:
    write_wav(tmp_path / "quiet.wav", [np.concatenate([example(1), silence(2)])], SAMPLE_RATE)
    target = tmp_path / "talk.mp4"
    command = ["animate", str(EXAMPLE_PORTRAIT), str(tmp_path / "quiet.wav"), "-o", str(target)]
    command += ["--partner", str(EXAMPLE_VOICE), "--size", "256", "--quiet"]
    assert main(command) == 0
    assert probe(target).duration_s == pytest.approx(3.0, abs=0.1)
    sound = np.concatenate(list(read_blocks(target)))
    assert np.abs(sound[-SAMPLE_RATE:]).max() > 0.05, "the partner is heard"
