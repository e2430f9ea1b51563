"""What the lips do for the sounds of any language, by their names in IPA."""

from __future__ import annotations

import unicodedata
from enum import Enum


class Sound(Enum):
    """Kinds of sounds that lips tell apart."""

    BILABIAL = "lips closed"
    LABIODENTAL = "lower lip at the teeth"
    LABIAL_GLIDE = "lips rounded, passing"
    SIBILANT = "teeth together"
    CORONAL = "tongue's tip up"
    OTHER_CONSONANT = "any other consonant"
    CLOSE_SPREAD = "close front vowel"
    MID_SPREAD = "mid front vowel"
    CLOSE_ROUNDED = "close rounded vowel"
    MID_ROUNDED = "mid rounded vowel"
    OPEN = "open vowel"
    CENTRAL = "central vowel"
    PAUSE = "nothing said"


ROUNDED = (Sound.CLOSE_ROUNDED, Sound.MID_ROUNDED)
SPREAD = (Sound.CLOSE_SPREAD, Sound.MID_SPREAD)

_LETTERS = {
    Sound.BILABIAL: "pbmɓ",
    Sound.LABIODENTAL: "fvʋɱ",
    Sound.LABIAL_GLIDE: "wɥʍ",
    Sound.SIBILANT: "szʃʒɕʑʂʐ",
    Sound.CORONAL: "tdnlɾrɹðθɬɫʈɖɳɭɽ",
    Sound.CLOSE_SPREAD: "iɪ",
    Sound.MID_SPREAD: "eɛ",
    Sound.CLOSE_ROUNDED: "uʊyʏʉ",
    Sound.MID_ROUNDED: "oɔøœɵ",
    Sound.OPEN: "aɑæɐɒʌ",
    Sound.CENTRAL: "əɘɜɚɝɨᵻɯɤ",
}
_SOUNDS = {letter: sound for sound, letters in _LETTERS.items() for letter in letters}


def kind_of_sound(name: str) -> Sound:
    """Kind of an IPA name; of affricates and diphthongs, of what they begin with but for a j."""
    if not name:
        return Sound.PAUSE
    letters = unicodedata.normalize("NFD", name)
    # Russian's ja and ju are one phone each: lips are at the vowel.
    letter = letters[1] if letters[0] == "j" and letters[1:2] in _SOUNDS else letters[0]
    return _SOUNDS.get(letter, Sound.OTHER_CONSONANT)
