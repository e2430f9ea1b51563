"""Languages are judged by their sounds, beside English by the same kind of voices."""

from __future__ import annotations

import json
from ctypes.util import find_library
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from openvasa.cli import main
from openvasa.data.clip_list import Split
from openvasa.data.phonetics import Sound, kind_of_sound
from openvasa.data.spoken import read_events, speak_espeak
from openvasa.errors import InputError
from openvasa.evaluate import languages
from openvasa.evaluate.language_lips import judge_lips
from openvasa.evaluate.language_texts import ENGLISH, LANGUAGES
from openvasa.evaluate.languages import (
    ClipFigures,
    LanguageFigures,
    Mean,
    choose_languages,
    judge_synthetic,
    ratio_of_means,
    sentence_mean,
)
from openvasa.evaluate.languages_report import languages_report
from openvasa.evaluate.phonetic_lips import fit_phonetic_lips, sounds_of_frames
from openvasa.evaluate.synthesisers import Kind, Said, Synthesiser, speak_with, synthesisers
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.live import speech
from openvasa.motion.correction import lip_opening
from openvasa.rates import MOTION_RATE, SAMPLE_RATE

NO_ESPEAK = not find_spec("espeakng_loader") and not find_library("espeak-ng")
PHONES = [("m", 0.0, 0.2), ("uː", 0.2, 0.6), ("b", 0.6, 0.8), ("iː", 0.8, 1.2), ("ɑː", 1.2, 1.6)]


def motion_of(codes: np.ndarray) -> np.ndarray:
    return np.hstack([np.zeros((len(codes), POSE_DIM), np.float32), codes])


def test_sounds_are_told_by_how_they_begin() -> None:
    told = {name: kind_of_sound(name) for name in ("ph", "oʊ", "yː", "ts", "β", "aɪ", "ä", "", "ŋ")}
    assert told == {
        "ph": Sound.BILABIAL,
        "oʊ": Sound.MID_ROUNDED,
        "yː": Sound.CLOSE_ROUNDED,
        "ts": Sound.CORONAL,
        "β": Sound.OTHER_CONSONANT,
        "aɪ": Sound.OPEN,
        "ä": Sound.OPEN,
        "": Sound.PAUSE,
        "ŋ": Sound.OTHER_CONSONANT,
    }


def test_events_become_phones_without_stress_and_pauses_keep_their_place() -> None:
    events = [("p", 0.0), ("ˈɑː", 0.1), ("", 0.3), ("ˌ", 0.4), ("b", 0.4)]
    assert read_events(events, 0.5, "fr") == [
        ("p", 0.0, 0.1),
        ("ɑː", 0.1, 0.3),
        ("", 0.3, 0.4),
        ("b", 0.4, 0.5),
    ]


def test_a_library_that_reads_another_language_as_english_is_refused() -> None:
    events = [("(en)", 0.0), ("z", 0.0), ("ɪ", 0.1), ("ŋ", 0.2), ("(cmn)", 0.3), ("p", 0.3)]
    with pytest.raises(InputError, match="this eSpeak NG reads it as English; run pip"):
        read_events(events, 0.4, "cmn+f2")
    # One English word among others is none of that.
    phones = read_events([*events[3:], ("a", 0.4), ("m", 0.5)], 0.6, "cmn")
    assert [name for name, *_ in phones] == ["ŋ", "p", "a", "m"]


def test_lips_that_do_as_phonetics_says_are_right_and_still_ones_are_not() -> None:
    code, frames = dynamics_code(), round(1.6 * MOTION_RATE)
    shapes = np.zeros((frames, len(BLENDSHAPE_NAMES)), np.float32)
    shapes[5:15, BLENDSHAPE_NAMES.index("mouthPucker")] = 0.8
    codes = code.from_arkit(shapes)
    gap_reading, opening = lip_opening()
    codes -= np.outer(codes @ gap_reading, opening)
    open_at = np.r_[7:14, 22:28, 32:38]
    codes[open_at] += 0.6 * opening
    right = judge_lips([(motion_of(codes), PHONES)])
    assert (right.bilabials, right.open_vowels, right.count) == (1.0, 0.0, 2)
    assert right.rounding > 1
    assert right.told_apart == 1

    still = judge_lips([(motion_of(np.tile(0.6 * opening, (frames, 1))), PHONES)])
    assert (still.bilabials, still.open_vowels) == (0.0, 0.0)
    assert still.rounding == pytest.approx(0, abs=1e-4)


def test_a_language_without_a_sound_has_no_figure_for_it() -> None:
    figures = judge_lips([(motion_of(np.zeros((20, dynamics_code().size))), [("k", 0.0, 0.5)])])
    assert np.isnan(figures.bilabials)
    assert np.isnan(figures.told_apart)


def test_the_rule_gives_sounds_the_lips_it_was_taught() -> None:
    rng = np.random.default_rng(0)
    names = ["p", "iː", "u", "s", "a", "ŋ", "t", "e"]

    def sentence(count: int) -> list[tuple[str, float, float]]:
        edges = np.cumsum(rng.uniform(0.1, 0.3, count + 1))
        said = rng.choice(names, count)
        return [
            (str(n), float(a), float(b))
            for n, a, b in zip(said, edges[:-1], edges[1:], strict=True)
        ]

    truth = rng.standard_normal((sounds_of_frames(PHONES, 1).shape[1], 4))
    pairs = [(phones, sounds_of_frames(phones, 400) @ truth) for phones in map(sentence, [80] * 9)]
    rule = fit_phonetic_lips(pairs[:-1])
    phones, wanted = pairs[-1]
    assert np.corrcoef(rule.move(phones, 400).ravel(), wanted.ravel())[0, 1] > 0.95


def test_errors_are_over_sentences_and_ratios_over_pairs() -> None:
    scores = np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]])
    mean = sentence_mean(scores)
    assert (mean.value, mean.error) == pytest.approx((3.0, 1 / np.sqrt(3)))
    real = np.array([1.0, 2.0, 4.0])
    half = ratio_of_means(0.5 * real, real)
    assert (half.value, half.error) == pytest.approx((0.5, 0))
    assert np.isnan(ratio_of_means(np.ones(1), np.ones(1)).error)


def test_languages_stand_beside_english_by_the_same_kind_of_voices() -> None:
    def row(language: str, kind: Kind, value: float) -> LanguageFigures:
        return LanguageFigures(language, kind, 2, 8, Mean(value, 0.1))

    spoken = [
        replace(row(ENGLISH, Kind.FORMANT, 2.0), phonetic=Mean(2.0, 0.1)),
        row(ENGLISH, Kind.RECORDED, 1.0),
        replace(row("Hindi", Kind.FORMANT, 1.0), phonetic=Mean(0.8, 0.1)),
        row("Hindi", Kind.RECORDED, 0.9),
    ]
    one = Mean(1.0, float("nan"))
    clips = [ClipFigures("zh", Split.TEST, 1, 5.0, one, one, one)]
    report = languages_report(spoken, clips, ["Hindi, x: needs y"])
    assert (
        "| Hindi | 2 formants | 1.00 ± 0.10 | 0.50 | – | – | 0.80 ± 0.10 | 0.40 | 1.25 |" in report
    )
    assert "| Hindi | 2 recorded | 0.90 ± 0.10 | 0.90 |" in report
    assert "| zh | held out | 1 (5 s) | 1.00 | 1.00 | 1.00 |" in report
    assert report.endswith("Left out: Hindi, x: needs y.")


def test_every_voice_that_can_be_heard_is_judged_and_others_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)

    def say(text: str) -> Said:
        return Said(rng.standard_normal(2 * SAMPLE_RATE).astype(np.float32), PHONES)

    def miss(text: str) -> Said:
        raise InputError("needs x; run apt-get install x")

    def move(sound: np.ndarray, *_: object) -> np.ndarray:
        codes = 0.3 * rng.standard_normal((2 * MOTION_RATE, dynamics_code().size))
        return motion_of(codes.astype(np.float32))

    voices = [Synthesiser("one", Kind.FORMANT, say), Synthesiser("two", Kind.RECORDED, miss)]
    monkeypatch.setattr(languages, "synthesisers", lambda espeak: voices)
    monkeypatch.setattr(languages, "generate", move)
    monkeypatch.setattr(languages, "stream", move)
    spoken, left_out = judge_synthetic([ENGLISH, "Hindi"], live=True)
    assert left_out == [f"{n}, two: needs x; run apt-get install x" for n in (ENGLISH, "Hindi")]
    assert [(row.language, row.voices, row.sentences) for row in spoken] == [
        (ENGLISH, 1, 8),
        ("Hindi", 1, 8),
    ]
    assert all(row.live and row.phonetic and row.lips and row.lips.count == 16 for row in spoken)
    assert "ours over the sounds alone" in languages_report(spoken, [], left_out)


def test_the_command_prints_a_table_and_writes_json_without_nan(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = Mean(1.0, float("nan"))
    monkeypatch.setattr(
        languages,
        "judge_clips",
        lambda cache: [ClipFigures("zh", Split.TEST, 1, 5.0, one, one, one)],
    )
    spoken = [LanguageFigures(ENGLISH, Kind.FORMANT, 2, 8, one)]
    monkeypatch.setattr(languages, "judge_synthetic", lambda chosen, *, live: (spoken, []))
    target = tmp_path / "languages.json"
    assert main(["evaluate", "languages", str(tmp_path), "--json", str(target)]) == 0
    assert "| English | 2 formants | 1.00 | 1.00 |" in capsys.readouterr().out
    figures = json.loads(target.read_text("utf-8"))
    assert figures["clips"][0]["real"] == {"value": 1.0, "error": None}
    assert figures["spoken"][0]["kind"] == "formants"


def test_languages_say_the_same_and_unknown_ones_are_refused() -> None:
    assert {len(language.sentences) for language in LANGUAGES.values()} == {8}
    assert choose_languages(["Hindi"]) == [ENGLISH, "Hindi"]
    with pytest.raises(InputError, match="language Klingon"):
        choose_languages(["Klingon"])


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(InputError, match="needs no-such-voice; run apt-get install a-package"):
        speak_with(lambda file: ["no-such-voice", str(file)], "a-package")


def test_every_language_has_the_same_formants_and_english_has_recorded_voices() -> None:
    voices = {name: synthesisers(language.espeak) for name, language in LANGUAGES.items()}
    formants = {
        name: [one.name for one in found if one.kind == Kind.FORMANT]
        for name, found in voices.items()
    }
    assert len({tuple(names) for names in formants.values()}) == 1
    assert any(one.kind == Kind.RECORDED for one in voices[ENGLISH])


@pytest.mark.skipif(NO_ESPEAK, reason="needs espeakng-loader or the library of espeak-ng")
def test_espeak_tells_when_it_closes_the_lips() -> None:
    samples, phones = speak_espeak("Papa.", "fr+f2")
    assert [name for name, *_ in phones if name][:3] == ["p", "a", "p"]
    _, start, end = phones[2]
    level = np.square(samples)
    closed = level[round((start - 0.03) * SAMPLE_RATE) : round(start * SAMPLE_RATE)].mean()
    assert 0 < start < end < len(samples) / SAMPLE_RATE
    assert closed < 0.1 * level.mean()


def test_the_studio_speaks_chinese_with_the_library_that_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speech.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(speech, "find_spec", lambda name: name)
    commands = {voice.name: voice.command for voice in speech.voices()}
    assert commands["espeak-cmn"][1:] == ("-m", "openvasa.audio.espeak_library", "cmn")
    assert commands["espeak-de"][0] == "/usr/bin/espeak-ng"
