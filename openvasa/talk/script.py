"""A small agent without a language model, to try a conversation with."""

from __future__ import annotations

import re
from datetime import datetime

from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

GREETING = "Hello! I am a portrait that listens. Ask me who I am, what time it is, or just talk."

_ANSWERS = (
    (
        r"\b(hello|hi|hey|good (morning|evening|day))\b",
        "Hello! It is good to see you. How are you?",
    ),
    (r"\b(who|what) are you\b|your name", "I am one photograph, a voice, and a little script."),
    (
        r"\bhow (do|does) (you|it|this) work",
        "I hear you, look up an answer, speak it, and move with "
        "the sound of it. All of that happens on this machine.",
    ),
    (r"\bhow are you\b", "I am well, thank you. I was painted to look like this."),
    (
        r"\b(what can you do|help)\b",
        "I can tell the time, count, and tell a short story. To talk "
        "about anything, give me a language model.",
    ),
    (
        r"\bstory\b",
        "There was once a portrait that hung on a wall for a hundred years. It heard "
        "everything that was said in the room. One day somebody asked it a question. And as nobody "
        "had ever asked before, it had a great deal to say.",
    ),
    (r"\bcount\b", "One, two, three, four, five, six, seven, eight, nine, ten."),
    (r"\bthank", "You are welcome."),
    (r"\b(bye|goodbye|see you)\b", "Goodbye! Come back soon."),
    (r"\b(fine|good|great|well)\b", "I am glad to hear that. What shall we talk about?"),
)


def answer(text: str, now: datetime) -> str:
    """What the script says to a turn of the user."""
    said = text.lower()
    if re.search(r"\b(time|o'clock|clock)\b", said):
        return f"It is {now.strftime('%H:%M')}."
    if re.search(r"\b(day|date|today)\b", said) and "good day" not in said:
        return f"Today is {now.strftime('%A')}, the {now.day} of {now.strftime('%B')}."
    for pattern, reply in _ANSWERS:
        if re.search(pattern, said):
            return reply
    return f"You said: {text.strip()} Tell me more."


class ScriptedAgent(FrameProcessor):
    """Answers where a language model would: a context in, text out."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take a frame of the pipeline."""
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        turns = [m for m in frame.context.messages if isinstance(m, dict) and m["role"] == "user"]
        # A turn may end before anything of it was understood.
        said = str(turns[-1]["content"]) if turns else ""
        reply = answer(said, datetime.now().astimezone()) if said else GREETING
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(reply))
        await self.push_frame(LLMFullResponseEndFrame())
