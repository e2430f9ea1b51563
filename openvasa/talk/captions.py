"""Captions of what the portrait says, and how far they go where it is cut short."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana, Chinese characters
)
_WORD = re.compile(rf"[{_SPACELESS}][^\w\s]*|[^\s{_SPACELESS}]+")
"""A word; of scripts that put no spaces between words a character, with its marks and points."""


@dataclass(frozen=True)
class _Line:
    """A sentence of a speech, and the sample behind its last one."""

    text: str
    until: int


class Captions:
    """The sentences of speeches that have not been heard to their end."""

    def __init__(self) -> None:
        self._lines: dict[str, list[_Line]] = {}

    def add(self, speech: str, text: str, until: int) -> None:
        """Note the next sentence of a speech, whose sound ends before sample `until`."""
        self._lines.setdefault(speech, []).append(_Line(text, until))

    def end(self, speech: str) -> None:
        """Forget a speech: it was heard to its end."""
        self._lines.pop(speech, None)

    def cut(self, speech: str, said: int) -> str | None:
        """What was heard of a speech of which `said` samples were; None if it has no captions.

        Voices do not tell when they say which word: letters are taken to be equally long.
        """
        lines, heard, start = self._lines.pop(speech, None), [], 0
        if lines is None:
            return None
        for line in lines:
            share = (said - start) / max(line.until - start, 1)
            heard.append(first_words(line.text, share))
            start = line.until
        return " ".join(filter(None, heard))


def first_words(text: str, share: float) -> str:
    """The words of a sentence that are at least half within a share of its letters."""
    words, at, end = list(_WORD.finditer(text)), 0, 0
    letters = share * sum(len(word[0]) for word in words)
    for word in words:
        if at + len(word[0]) / 2 > letters:
            break
        at += len(word[0])
        end = word.end()
    return text[:end].strip()
