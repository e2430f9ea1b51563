"""How far lips go with speech in languages that the generator hardly learnt from.

openvasa evaluate languages CACHE

Each language says the same eight sentences with several synthetic voices. S_C is the sync expert's,
who was trained on clips in English mostly; what it makes of lips that follow the sounds by one rule
(`phonetic_lips`), of real motion, and what phonetics says (`language_lips`) take the expert out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.audio.level import level_speech
from openvasa.data.clip_list import Kind as ClipKind
from openvasa.data.clip_list import Split, read_rows
from openvasa.data.experts import Expert, expert, lip_shapes, sound_bands, sync_score
from openvasa.data.prepare import cached_clips, load_sound
from openvasa.data.spoken import Phones
from openvasa.data.talking_clips import TalkingClip, load_talking_clip
from openvasa.errors import InputError, check_choice
from openvasa.evaluate.language_lips import LipFigures, judge_lips
from openvasa.evaluate.language_texts import ENGLISH, LANGUAGES
from openvasa.evaluate.motion import generate, stream
from openvasa.evaluate.phonetic_lips import fit_phonetic_lips
from openvasa.evaluate.synthesisers import Kind, Synthesiser, synthesisers
from openvasa.face.dynamics import dynamics_code
from openvasa.live.frame import LiveSettings
from openvasa.motion.settings import MotionSettings
from openvasa.rates import MOTION_RATE

Make = Callable[[np.ndarray, int], np.ndarray]
"""Levelled samples and a seed → (T, 6 + D) motion."""


@dataclass(frozen=True)
class Mean:
    """A mean and its standard error; nan where there is nothing to say it of."""

    value: float
    error: float


@dataclass(frozen=True)
class LanguageFigures:
    """One language by one kind of voices.

    Attributes:
        language: English name.
        kind: of its voices.
        voices, sentences: how many.
        confidence: S_C in files.
        live: S_C in streams with the default hop; None where they were not asked for.
        phonetic: S_C of lips that follow the sounds alone; None where the voice tells no sounds.
        lips: what phonetics says; None likewise.
    """

    language: str
    kind: Kind
    voices: int
    sentences: int
    confidence: Mean
    live: Mean | None = None
    phonetic: Mean | None = None
    lips: LipFigures | None = None


@dataclass(frozen=True)
class ClipFigures:
    """Real clips of one language.

    Attributes:
        language: English name; the clip list's code of one that has no sentences here.
        split: of the people.
        clips: how many, and how long together.
        seconds: of them all.
        real, ours: S_C of the real motion, and of ours to the same sound.
        ratio: ours over real.
    """

    language: str
    split: Split
    clips: int
    seconds: float
    real: Mean
    ours: Mean
    ratio: Mean


@dataclass(frozen=True)
class _Judged:
    """One sentence by one voice: its number, its S_C by way of making, motion and sounds."""

    sentence: int
    scores: dict[str, float]
    sound: np.ndarray
    motion: np.ndarray
    phones: Phones


def choose_languages(names: Sequence[str]) -> list[str]:
    """The languages of these names, English first; all where there are none.

    Raises:
        InputError: a name is unknown.
    """
    for name in names:
        check_choice("language", name, list(LANGUAGES))
    chosen = set(names) or set(LANGUAGES)
    return [name for name in LANGUAGES if name in chosen or name == ENGLISH]


def judge_synthetic(
    languages: Collection[str], *, live: bool
) -> tuple[list[LanguageFigures], list[str]]:
    """Figures of synthetic voices, and a line for each voice that cannot be heard here.

    Raises:
        InputError: no voice of any language can be heard.
    """
    sync = expert("sync")
    makers: dict[str, Make] = {"file": lambda s, n: generate(s, MotionSettings(seed=n))}
    if live:
        hop, lookahead = LiveSettings.hop, LiveSettings.lookahead
        makers["live"] = lambda s, n: stream(s, n, hop, lookahead)
    heard: dict[tuple[str, Kind], list[list[_Judged]]] = {}
    left_out = []
    for name in tqdm(languages, desc="languages"):
        for voice, one in enumerate(synthesisers(LANGUAGES[name].espeak)):
            try:
                judged = _judge_voice(one, LANGUAGES[name].sentences, voice, makers, sync)
                heard.setdefault((name, one.kind), []).append(judged)
            except InputError as error:
                left_out.append(f"{name}, {one.name}: {error}")
    if not heard:
        raise InputError(f"languages: no voice can be heard ({left_out[0]})")
    found = [_summarise(name, kind, voices, live) for (name, kind), voices in heard.items()]
    taught = heard.get((ENGLISH, Kind.FORMANT))
    return [
        _with_phonetics(row, heard[row.language, row.kind], taught, sync)
        if row.kind == Kind.FORMANT and taught
        else row
        for row in found
    ], left_out


def _judge_voice(
    synthesiser: Synthesiser,
    sentences: Sequence[str],
    voice: int,
    makers: dict[str, Make],
    sync: Expert,
) -> list[_Judged]:
    """The `voice`-th voice of any language draws the same speakers, so that they compare."""
    judged = []
    for index, text in enumerate(sentences):
        said = synthesiser.say(text)
        sound = level_speech(said.samples)
        made = {way: make(sound, voice * len(sentences) + index) for way, make in makers.items()}
        scores = {way: _confidence(sync, sound, lip_shapes(m)) for way, m in made.items()}
        judged.append(_Judged(index, scores, sound, made["file"], said.phones))
    return judged


def _confidence(sync: Expert, sound: np.ndarray, lips: np.ndarray) -> float:
    bands = sound_bands(sound, len(lips))
    return sync_score(sync.embed_sound(bands), sync.embed_motion(lips)).confidence


def _summarise(
    language: str, kind: Kind, voices: list[list[_Judged]], live: bool
) -> LanguageFigures:
    def over_sentences(way: str) -> Mean:
        return sentence_mean(np.array([[j.scores[way] for j in voice] for voice in voices]))

    return LanguageFigures(
        language,
        kind,
        len(voices),
        len(voices[0]),
        over_sentences("file"),
        over_sentences("live") if live else None,
    )


def sentence_mean(scores: np.ndarray) -> Mean:
    """Mean of (voices, sentences); its error is over sentences, each over its voices."""
    return _mean_of(scores.mean(axis=0))


def _mean_of(values: np.ndarray) -> Mean:
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return Mean(float(values.mean()), float(error))


def _with_phonetics(
    row: LanguageFigures,
    voices: list[list[_Judged]],
    taught: list[list[_Judged]],
    sync: Expert,
) -> LanguageFigures:
    """The row with what phonetics says; no sentence's lips follow a rule learnt from it."""
    english = [judged for voice in taught for judged in voice]
    scores = np.zeros((len(voices), row.sentences))
    for sentence in range(row.sentences):
        rule = fit_phonetic_lips(
            [(j.phones, lip_shapes(j.motion)) for j in english if j.sentence != sentence]
        )
        for index, voice in enumerate(voices):
            one = voice[sentence]
            lips = rule.move(one.phones, len(one.motion))
            scores[index, sentence] = _confidence(sync, one.sound, lips)
    made = [(judged.motion, judged.phones) for voice in voices for judged in voice]
    return replace(row, phonetic=sentence_mean(scores), lips=judge_lips(made))


def judge_clips(cache: Path) -> list[ClipFigures]:
    """Figures of the cached clips whose language is stated, held-out people first."""
    names = {language.code: name for name, language in LANGUAGES.items()}
    languages = {
        Path(row["file"]).stem: names.get(str(row["language"]), str(row["language"]))
        for row in read_rows(cache)
        if row.get("language", "unknown") != "unknown" and row.get("role", "speak") == "speak"
    }
    sync, code, found = expert("sync"), dynamics_code(), []
    stated = [
        clip
        for clip in cached_clips(cache)
        if clip.sound and clip.kind == ClipKind.REAL and clip.name in languages
    ]
    for split in (Split.TEST, Split.TRAIN):
        clips: dict[str, list[TalkingClip]] = {}
        for listed in stated:
            if listed.split == split and (clip := load_talking_clip(cache, listed, code)):
                clips.setdefault(languages[listed.name], []).append(clip)
        found += [
            _judge_clips(cache, language, split, spoken, sync) for language, spoken in clips.items()
        ]
    return found


def _judge_clips(
    cache: Path, language: str, split: Split, clips: list[TalkingClip], sync: Expert
) -> ClipFigures:
    real, ours, frames = [], [], 0
    for seed, clip in enumerate(tqdm(clips, desc=f"{language}, {split.value}")):
        sound = level_speech(load_sound(cache, clip.clip))
        made = generate(sound, MotionSettings(seed=seed))[: len(clip.motion)]
        real.append(_confidence(sync, sound, lip_shapes(clip.motion[: len(made)])))
        ours.append(_confidence(sync, sound, lip_shapes(made)))
        frames += len(made)
    return ClipFigures(
        language,
        split,
        len(clips),
        frames / MOTION_RATE,
        _mean_of(np.array(real)),
        _mean_of(np.array(ours)),
        ratio_of_means(np.array(ours), np.array(real)),
    )


def ratio_of_means(over: np.ndarray, under: np.ndarray) -> Mean:
    """Ratio of the means of paired values; its error is the ratio estimator's."""
    ratio = over.mean() / under.mean()
    error = _mean_of(over - ratio * under).error / under.mean()
    return Mean(float(ratio), float(error))
