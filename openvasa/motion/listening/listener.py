"""One portrait that listens: it hears both voices and shapes the rows of any motion."""

from __future__ import annotations

import numpy as np

from openvasa.motion.listening.ear import Cue, PartnerEar
from openvasa.motion.listening.face import Act, Gesture, Reaction, lay_reactions
from openvasa.motion.listening.numbers import ListeningNumbers, listening_numbers
from openvasa.motion.listening.speech_run import SpeechRun
from openvasa.motion.steer import approach, hold_gaze
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE

TALK_PAUSE_S = 0.35
"""Silence after which one's own speech is over, longer than pauses between words."""
SHARE, BROWS, SMILE = 0, 1, 2
"""Columns of what is reached gradually."""


class Listener:
    """Listens to the other while its own voice is silent.

    Sound comes in two streams, `speak` of one's own voice and `hear` of the other's, both at
    16 kHz and at their standard level; `shape` takes the rows of motion meanwhile. What is heard
    is answered from the next shaped row on, so that the three need not be in step to the sample.

    Attributes:
        attentive: listen also while the other is silent, as somebody says who knows.
        gaze_free: turn the eyes to the other; not where the user steers them.
    """

    def __init__(self, seed: int = 0, numbers: ListeningNumbers | None = None) -> None:
        """`seed`: of when it blinks and how deeply it nods."""
        self.attentive = False
        self.gaze_free = True
        self._numbers = numbers or listening_numbers()
        self._rng = np.random.default_rng([seed, 0x11573])
        self._ear = PartnerEar(self._numbers)
        self._voice = SpeechRun(round(TALK_PAUSE_S * MOTION_RATE))
        self._own = np.zeros(0, np.float32)
        self._row = 0
        self._gestures: list[Gesture] = []
        self._answered = -(1 << 30)
        self._since_heard = 1 << 30
        self._cue = Cue(False)
        self._reached = np.zeros((2, 3), np.float32)

    def hear(self, samples: np.ndarray) -> None:
        """Add (n,) float32 samples of the other's voice."""
        for cue in self._ear.hear(samples):
            self._cue = cue
            self._since_heard = 0 if cue.speaks else self._since_heard + 1
            self._answer(cue)

    def speak(self, samples: np.ndarray) -> None:
        """Add (n,) float32 samples of one's own voice."""
        self._own = np.concatenate([self._own, samples])
        while len(self._own) >= FRAME_SAMPLES:
            self._voice.hear(self._own[:FRAME_SAMPLES])
            self._own = self._own[FRAME_SAMPLES:]

    @property
    def talks(self) -> bool:
        """Whether one's own voice is speaking."""
        return self._voice.silent < TALK_PAUSE_S * MOTION_RATE

    @property
    def listens(self) -> bool:
        """Whether it listens at this moment."""
        lately = self._since_heard < self._numbers.attention_s * MOTION_RATE
        return (self.attentive or lately) and not self.talks

    def shape(self, rows: np.ndarray, kept: int | None = None) -> np.ndarray:
        """Lay the listening on the next rows.

        Args:
            rows: (n, 6 + D + 2) of motion.
            kept: how many of them are final; the rest is a sketch of what comes next, and is
                shaped again. None takes all.

        Returns:
            (n, 6 + D + 2) float32 rows.
        """
        if not len(rows):
            return rows
        kept = len(rows) if kept is None else kept
        wanted = np.tile(self._wanted(), (len(rows), 1)).astype(np.float32)
        before = self._reached
        reached, _ = approach(wanted, before)
        if kept:
            _, self._reached = approach(wanted[:kept], before)
        shares = reached[:, SHARE]
        if self.gaze_free and shares.any():
            rows = hold_gaze(rows, np.zeros((len(rows), 2), np.float32), shares[:, None])
        shown = [self._reaction(self._row + i, *values) for i, values in enumerate(reached)]
        self._row += kept
        self._gestures = [g for g in self._gestures if g.start + g.length > self._row]
        return lay_reactions(rows, shown) if any(shares) else rows

    def _wanted(self) -> tuple[float, float, float]:
        cue, fitted, share = self._cue, self._numbers.fitted, float(self.listens)
        return share, share * cue.loudness * fitted.brow_weight, share * max(cue.smile, 0.0)

    def _reaction(self, row: int, share: float, brows: float, smile: float) -> Reaction:
        amounts = dict.fromkeys(Act, 0.0)
        for gesture in self._gestures:
            amounts[gesture.act] = max(amounts[gesture.act], gesture.amount(row), key=abs)
        raised = max(amounts[Act.RAISE], amounts[Act.STARTLE])
        return Reaction(
            nod=share * amounts[Act.NOD],
            blink=amounts[Act.BLINK],
            brows=share * raised + brows,
            wide=share * amounts[Act.STARTLE],
            smile=smile,
            quiet=share,
        )

    def _answer(self, cue: Cue) -> None:
        if self.talks:
            return
        numbers = self._numbers
        if cue.invites:
            self._nod(numbers.wait_s)
        if cue.ends:
            since = numbers.pause_s
            low, high = numbers.blink_after_s
            self._add(Act.BLINK, self._rng.uniform(low, high) - since, numbers.blink_s, 1.0)
            if cue.lengthened:
                self._nod(numbers.wait_s - since)
        if cue.asks:
            self._add(Act.RAISE, 0.0, numbers.raise_s, numbers.fitted.brow_raise)
        if cue.startles:
            self._add(Act.STARTLE, 0.0, numbers.raise_s, numbers.fitted.brow_raise)

    def _nod(self, wait_s: float) -> None:
        begins = self._row + wait_s * MOTION_RATE
        if begins - self._answered < self._numbers.apart_s * MOTION_RATE:
            return
        usual, deep = self._numbers.fitted.nod_depth
        self._answered = begins
        self._add(Act.NOD, wait_s, self._numbers.fitted.nod_s, self._rng.uniform(usual, deep))

    def _add(self, act: Act, wait_s: float, length_s: float, size: float) -> None:
        start = self._row + max(wait_s, 0.0) * MOTION_RATE
        self._gestures.append(Gesture(act, start, length_s * MOTION_RATE, size))
