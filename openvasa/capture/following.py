"""One person is followed through a driving video, also past others and over cuts.

From frame to frame the face is tracked where it was. Where others are about, or the face has been
lost, it must also look like the person who is followed.
"""

from __future__ import annotations

import numpy as np

from openvasa.capture.likeness import Features, features_of, likeness
from openvasa.capture.reliability import is_guess
from openvasa.face.find import find_faces
from openvasa.face.landmarker import (
    MIN_PRESENCE,
    TrackedFace,
    detect_faces,
    track_detection,
    track_next,
)

LOOK_AROUND = 5
"""Frames from one look for other people to the next."""
RENEWAL, GUESS_RENEWAL = 0.05, 0.01
"""Share of what the person looks like that each frame renews, and that guesswork does."""
LEAST_LIKENESS = 0.0
"""Of a face that is taken up, as `likeness` counts."""


class PersonFollower:
    """Finds one person's face, frame by frame.

    Call `find` with each frame, or `find_after_cut` with the first of a shot, and then `remember`.

    Args:
        number: which person, from 1 in reading order, in the first frame that shows so many; who
            looks otherwise is never followed. None follows the largest face, and whoever is shown
            after a cut where that person is not.
    """

    def __init__(self, number: int | None) -> None:
        self._number = number
        self._person: Features | None = None
        self._shown: Features | None = None
        self._landmarks: np.ndarray | None = None
        self._frames = 0
        self._company = False

    def find(self, image: np.ndarray) -> TrackedFace | None:
        """The person's face in the next frame of a shot; None where it is not seen.

        Args:
            image: (h, w, 3) uint8 RGB.
        """
        if self._landmarks is not None:
            tracked = track_next(image, self._landmarks)
            if tracked.presence >= MIN_PRESENCE and self._is_shown(image, tracked):
                return tracked
        if self._shown is None:
            return self._choose_first(image)
        return self._find_alike(image, self._shown)

    def find_after_cut(self, image: np.ndarray) -> TrackedFace | None:
        """The person's face in the first frame of a shot; None where it is not seen."""
        self._landmarks = None
        if self._person is None:
            return self._choose_first(image)
        face = self._find_alike(image, self._person)
        if face is None and self._number is None:
            face = max(_faces_in(image), key=_height, default=None)
        self._shown = self._person if face is None else features_of(image, face.landmarks)
        return face

    def remember(self, image: np.ndarray, face: TrackedFace | None) -> bool:
        """Go on from this frame's face; whether its landmarks are guesswork."""
        self._landmarks = None if face is None else face.landmarks
        self._frames += 1
        if self._frames % LOOK_AROUND == 1 and not self._company:
            self._company = len(detect_faces(image)) > 1
        if face is None:
            return False
        now = features_of(image, face.landmarks)
        shown = self._shown or now
        guess = is_guess(face.presence, float(np.linalg.norm(now.shape - shown.shape)))
        self._shown = shown.mixed(now, GUESS_RENEWAL if guess else RENEWAL)
        self._person = self._person or now
        return guess

    def _is_shown(self, image: np.ndarray, face: TrackedFace) -> bool:
        """Whether a face where the person was is the person; alone, nobody else can be."""
        if not self._company or self._shown is None:
            return True
        return likeness(self._shown, features_of(image, face.landmarks)) > LEAST_LIKENESS

    def _find_alike(self, image: np.ndarray, wanted: Features) -> TrackedFace | None:
        """The face most like the wanted one; None where none is like it."""
        best, most = None, LEAST_LIKENESS
        for face in _faces_in(image):
            alike = likeness(wanted, features_of(image, face.landmarks))
            if alike > most:
                best, most = face, alike
        return best

    def _choose_first(self, image: np.ndarray) -> TrackedFace | None:
        if self._number is None:
            return max(_faces_in(image), key=_height, default=None)
        faces = find_faces(image) if detect_faces(image) else []
        return faces[self._number - 1] if len(faces) >= self._number else None


def _faces_in(image: np.ndarray) -> list[TrackedFace]:
    tracked = [track_detection(image, detection) for detection in detect_faces(image)]
    return [face for face in tracked if face.presence >= MIN_PRESENCE]


def _height(face: TrackedFace) -> float:
    return float(np.ptp(face.landmarks[:, 1]))
