"""The numbers of the wire, version 1: kinds of message, close codes, limits (docs/protocol.md)."""

from __future__ import annotations

from enum import IntEnum

VERSION = 1

PICTURE, SOUND, MICROPHONE, SPEECH = 1, 2, 3, 4
"""First byte of a binary message: the first two go to clients, the others come from them."""

LONGEST_TEXT_MESSAGE = 65536
"""Bytes of a JSON message, and of an HTTP body that is no file."""
SPEECH_RATES = (8000, 96000)
"""Lowest and highest rate of sound that a client sends, Hz."""
LONGEST_PIECE_S = 10.0
"""Sound in one binary message, s."""
LONGEST_SOUND_MESSAGE = round(2 * LONGEST_PIECE_S * SPEECH_RATES[1]) + 16
"""Bytes of a binary message: the longest piece at the highest rate, and its head."""
LONGEST_SPEECH_ID = 64
MOST_PROBLEMS = 100
"""A client that sends more messages that cannot be used is cut off."""


class Close(IntEnum):
    """Why the server closes a socket; `close_reason` has the words.

    A server that stops closes with 1012, as the WebSocket standard names it.
    """

    RUBBISH = 4400
    TOKEN = 4401
    REFUSED = 4403
    NO_SESSION = 4404
    TAKES_NOTHING = 4408
    ENDED = 4410
    FAILED = 4500


CLOSE_MEANINGS = {
    Close.RUBBISH: "over 100 messages could not be used",
    Close.TOKEN: "the token is missing or wrong",
    Close.REFUSED: "this host name or origin is not served",
    Close.NO_SESSION: "no such session: it has ended, or never was",
    Close.TAKES_NOTHING: "the client took nothing for 10 s",
    Close.ENDED: "the session has ended; the reason says how: idle, client or shutdown",
    Close.FAILED: "the session failed; the server's log says why",
}
