"""WebRTC: an outlet's frames as tracks that aiortc sends, a microphone's track as chunks of sound.

A browser takes the distance between two timestamps for time that passes. The timeline stands still
where a machine cannot keep up, and then the timestamps of both tracks leave the same gap: lips and
sound stay together, and the sound does not queue up behind the pause. What frames are given for
their making changes little by little (`compute_time.py`); neither track's timestamps show that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.codecs import h264, vpx
from aiortc.mediastreams import MediaStreamError
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from openvasa.audio.pcm import to_int16
from openvasa.live.ice import IceServer
from openvasa.live.outlet import Outlet
from openvasa.media.colour import to_yuv420p

VIDEO_CLOCK = 90000
PACKET_S = 0.02
"""Length of a packet of sound, s; a packet that is due later than this after the end of the one
before has lost time between them."""
FIRST_BITRATE, HIGHEST_BITRATE = 1_500_000, 4_000_000
"""Bits a second: aiortc's own 0.5 to 1.5 million are too few for a face at 40 frames a second."""


def allow_bitrates() -> None:
    """Let aiortc's encoders of this process begin at `FIRST_BITRATE`, up to `HIGHEST_BITRATE`.

    It offers no option: its encoders read these names when they are made and when the browser
    reports its bandwidth.
    """
    for codec in (vpx, h264):
        vars(codec).update(DEFAULT_BITRATE=FIRST_BITRATE, MAX_BITRATE=HIGHEST_BITRATE)


class MediaClock:
    """Timestamps of one connection's tracks from the moments at which their frames are due.

    The sound's count its samples and the time lost between them. How far the moments have drifted
    from that so far, pictures leave out too.
    """

    def __init__(self) -> None:
        self._origin: float | None = None
        self._sound_next: int | None = None
        self._sound_ends_at = 0.0
        self._drift = 0.0
        self._picture_last = -1

    def stamp_picture(self, due_at: float) -> int:
        """Moment at which a picture is due, s → its timestamp, in ticks of 1/90000 s."""
        stamp = round((self._elapsed(due_at) - self._drift) * VIDEO_CLOCK)
        self._picture_last = max(stamp, self._picture_last + 1)
        return self._picture_last

    def stamp_sound(self, due_at: float, count: int, rate: int) -> int:
        """The same for `count` samples at `rate`, in samples; steady where no time was lost."""
        stamp = self._sound_next
        if stamp is None:
            stamp = round(self._elapsed(due_at) * rate)
        elif (lost := due_at - self._sound_ends_at) > PACKET_S:
            stamp += round(lost * rate)
        self._sound_next, self._sound_ends_at = stamp + count, due_at + count / rate
        self._drift = self._elapsed(due_at) - stamp / rate
        return stamp

    def _elapsed(self, due_at: float) -> float:
        if self._origin is None:
            # A frame before the first one that was asked for still has a timestamp.
            self._origin = due_at - 1.0
        return max(due_at - self._origin, 0.0)


class PictureTrack(VideoStreamTrack):
    """Sends an outlet's pictures."""

    def __init__(self, outlet: Outlet, clock: MediaClock) -> None:
        super().__init__()
        self._outlet = outlet
        self._clock = clock
        self._reformatter = VideoReformatter()

    async def recv(self) -> VideoFrame:
        """The next frame, when it is due."""
        picture = await self._outlet.picture()
        if picture is None:
            raise MediaStreamError
        frame = to_yuv420p(self._reformatter, picture.pixels)
        frame.pts = self._clock.stamp_picture(picture.due_at)
        frame.time_base = Fraction(1, VIDEO_CLOCK)
        return frame


class SoundTrack(AudioStreamTrack):
    """An outlet's sound, in packets of 20 ms."""

    def __init__(self, outlet: Outlet, clock: MediaClock) -> None:
        super().__init__()
        self._outlet = outlet
        self._clock = clock

    async def recv(self) -> AudioFrame:
        """The next packet, when it is due."""
        rate = self._outlet.rate
        sound = await self._outlet.sound(round(PACKET_S * rate))
        if sound is None:
            raise MediaStreamError
        samples = to_int16(sound.samples)
        frame = AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = rate
        frame.pts = self._clock.stamp_sound(sound.due_at, len(samples), rate)
        frame.time_base = Fraction(1, rate)
        return frame


class Connection:
    """One browser, connected.

    Args:
        outlet: what it sees and hears.
        heard: called with (n,) int16 samples and their rate for what its microphone hears.
        lost: called once when the connection has failed or closed.
        ice: STUN and TURN servers to ask for ways to the browser.
    """

    def __init__(
        self,
        outlet: Outlet,
        heard: Callable[[np.ndarray, int], object],
        lost: Callable[[], None],
        ice: Sequence[IceServer] = (),
    ) -> None:
        self.outlet = outlet
        self._heard = heard
        self._lost = lost
        # Without a configuration aiortc asks a public STUN server for this machine's address.
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=_servers(ice)))
        self._microphone: asyncio.Task | None = None
        self._peer.on("track", self._on_track)
        self._peer.on("connectionstatechange", self._on_state)

    async def answer(self, offer_sdp: str) -> str:
        """Take a browser's offer (SDP) and return the answer.

        Raises:
            ValueError: not an offer that could be understood.
        """
        await self._peer.setRemoteDescription(RTCSessionDescription(sdp=offer_sdp, type="offer"))
        if not self._peer.getTransceivers():
            raise ValueError("no media in it")
        clock = MediaClock()
        for transceiver in self._peer.getTransceivers():
            if transceiver.kind == "video":
                transceiver.sender.replaceTrack(PictureTrack(self.outlet, clock))
                transceiver.direction = "sendonly"
                codecs = RTCRtpSender.getCapabilities("video").codecs
                vp8_first = sorted(codecs, key=lambda c: c.mimeType != "video/VP8")
                transceiver.setCodecPreferences(vp8_first)
            else:
                transceiver.sender.replaceTrack(SoundTrack(self.outlet, clock))
                transceiver.direction = "sendrecv"
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        return self._peer.localDescription.sdp

    async def close(self) -> None:
        """Hang up."""
        self._lost = lambda: None
        self.outlet.close()
        if self._microphone is not None:
            self._microphone.cancel()
        await self._peer.close()

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio" and self._microphone is None:
            self._microphone = asyncio.create_task(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        mono = AudioResampler(format="s16", layout="mono", rate=48000)
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                frame.pts = None
                for part in mono.resample(frame):
                    self._heard(part.to_ndarray()[0], 48000)
        except MediaStreamError:
            return

    def _on_state(self) -> None:
        if self._peer.connectionState in {"failed", "closed"}:
            lost, self._lost = self._lost, lambda: None
            lost()


def _servers(ice: Sequence[IceServer]) -> list[RTCIceServer]:
    return [RTCIceServer(urls=s.url, username=s.user, credential=s.credential) for s in ice]
