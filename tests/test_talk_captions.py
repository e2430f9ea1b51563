"""Captions of an answer that is cut short end where its sound does."""

from __future__ import annotations

import pytest

from openvasa.talk.captions import Captions, first_words


@pytest.mark.parametrize(
    ("share", "heard"),
    [
        (-1, ""),
        (0, ""),
        (0.2, "Once"),
        (0.5, "Once upon"),
        (0.99, "Once upon a time."),
        (2, "Once upon a time."),
    ],
)
def test_words_that_were_mostly_said_are_kept(share: float, heard: str) -> None:
    assert first_words("Once upon a time.", share) == heard


@pytest.mark.parametrize(
    ("text", "share", "heard"),
    [
        ("今天天气很好。", 0.5, "今天天气"),
        ("今天天气很好。", 1, "今天天气很好。"),
        ("我用 GPU 训练模型。", 0.5, "我用 GPU"),
        ("昔々、ある所に", 0.4, "昔々、"),
        ("ที่นี่ดี", 0.4, "ที่"),
    ],
)
def test_scripts_without_spaces_are_cut_between_their_characters(
    text: str, share: float, heard: str
) -> None:
    assert first_words(text, share) == heard


def test_a_cut_answer_keeps_whole_sentences_and_the_words_of_the_last_one() -> None:
    captions = Captions()
    captions.add("one", "It was late.", 1000)
    captions.add("one", "Nobody was there.", 3000)
    captions.add("one", "The end.", 4000)
    captions.add("two", "Not begun.", 500)
    assert captions.cut("one", 2000) == "It was late. Nobody was"
    assert captions.cut("two", 0) == ""
    assert captions.cut("one", 4000) is None, "it is forgotten"


def test_what_was_heard_to_its_end_is_not_cut() -> None:
    captions = Captions()
    captions.add("one", "It was late.", 1000)
    captions.end("one")
    assert captions.cut("one", 500) is None
