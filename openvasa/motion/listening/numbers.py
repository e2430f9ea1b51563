"""Every number of the listening behaviour, with its unit and where it is from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from openvasa.assets import ASSETS
from openvasa.errors import InputError

LISTENING_FILE = ASSETS / "listening.json"


@dataclass(frozen=True)
class Fitted:
    """What `openvasa train listening` reads from clips; the shipped values are in its asset.

    Attributes:
        nod_depth: rad, how far the chin goes down and up in a usual and in a deep nod of people
            who listen (median and 90th percentile).
        nod_s: s, from one nod of theirs to the next, median.
        brow_raise: how far `browInnerUp` of theirs rises over its usual, 90th percentile of the
            stretches.
        smile_weights: (BANDS,) change of `mouthSmile` for each change of a band's log power, from
            what is usual in a voice; held-out people's heard smiles spread as their smiles do.
        brow_weight: change of `browInnerUp` for each change of the voice's log level, of people
            who speak, at the spread of their brows.
    """

    nod_depth: tuple[float, float]
    nod_s: float
    brow_raise: float
    smile_weights: tuple[float, ...]
    brow_weight: float


@dataclass(frozen=True)
class ListeningNumbers:
    """The listening behaviour.

    Ward & Tsukahara, Journal of Pragmatics 32 (2000), give the rule of when English listeners
    answer: a region of low pitch, after some speech, and not too soon after the last answer.

    Attributes:
        low_share: pitch below this share of the speaker's is low (Ward & Tsukahara, P1).
        low_s: s, for which it stays low (P2).
        speech_s: s of speech before it (P3).
        apart_s: s between two answers at least (P4).
        wait_s: s from the cue to the answer (P5).
        pause_s: s of silence that end a phrase. Chosen: longer than stop consonants are silent,
            shorter than the pauses of Goldman-Eisler (Psycholinguistics, 1968), 250 ms and more.
        rise_semitones: a rise at a phrase's end that is heard as one ('t Hart, Journal of the
            Acoustical Society of America 69, 1981).
        blink_after_s: s from the beginning of a pause, between which a listener blinks
            (Nakano & Kitazawa, Experimental Brain Research 205, 2010).
        blink_s: s, a listener's short blink (Hömke, Holler & Levinson, PLoS ONE 13, 2018).
        loud_share: pitch and level above this share of the speaker's, both at once, surprise.
            Chosen: one frame in twenty of either.
        memory_s: s of voice, what is usual for the speaker is taken from. Chosen.
        smile_memory_s: s, over which a smile is heard; the fit is made over the same. Chosen: the
            held-out fit is best there, of 1, 2 and 3 s.
        attention_s: s, for which a portrait goes on listening after the last word. Chosen.
        raise_s: s, from a raise of the brows to their rest: a conversational raise is held for
            about the syllable it answers. Chosen.
        fitted: from clips.
    """

    fitted: Fitted
    low_share: float = 0.26
    low_s: float = 0.11
    speech_s: float = 0.7
    apart_s: float = 0.8
    wait_s: float = 0.7
    pause_s: float = 0.2
    rise_semitones: float = 3.0
    blink_after_s: tuple[float, float] = (0.25, 0.5)
    blink_s: float = 0.208
    loud_share: float = 0.95
    memory_s: float = 30.0
    smile_memory_s: float = 2.0
    attention_s: float = 3.0
    raise_s: float = 1.0


def read_fitted(path: Path) -> Fitted:
    """What was fitted.

    Raises:
        InputError: not such a file.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        fitted = content["fitted"]
        usual, deep = map(float, fitted["nod_depth"])
        return Fitted(
            (usual, deep),
            float(fitted["nod_s"]),
            float(fitted["brow_raise"]),
            tuple(map(float, fitted["smile_weights"])),
            float(fitted["brow_weight"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not numbers of listening; run openvasa train listening") from (
            error
        )


@lru_cache(maxsize=1)
def listening_numbers() -> ListeningNumbers:
    """The shipped numbers."""
    return ListeningNumbers(read_fitted(LISTENING_FILE))
