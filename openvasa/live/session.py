"""One portrait, alive for one client: its player, whoever watches, its recording, its end."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from openvasa.backgrounds import Own, Picture
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FaceLatent
from openvasa.live.assemble import LivePortrait, ModelFactory, assemble_portrait, shipped_motion
from openvasa.live.engine import Engine
from openvasa.live.figures import Figures
from openvasa.live.frame import LiveSettings, State
from openvasa.live.ice import IceServer
from openvasa.live.logs import note
from openvasa.live.metrics import Metrics
from openvasa.live.outlet import Outlet
from openvasa.live.painter import UNREFINED
from openvasa.live.player import Shown
from openvasa.live.protocol import LONGEST_PIECE_S
from openvasa.live.record import Recorder
from openvasa.live.rtc import Connection
from openvasa.live.speeches import Event, Speeches
from openvasa.live.stats import Stats
from openvasa.motion.amount import Amount
from openvasa.motion.controls import Controls
from openvasa.motion.row import Row
from openvasa.render.renderer import RendererFactory

MICROPHONE_SPEED = 1.5
"""A microphone may send this much faster than time passes, bursts after a pause included below."""
MICROPHONE_BURST_S = 2 * LONGEST_PIECE_S


@dataclass(frozen=True)
class Limits:
    """What one server gives.

    Attributes:
        sessions: open at the same time.
        idle_s: a session that nobody watches is closed after this time.
        upload_bytes: largest file taken.
        picture_pixels: largest picture taken.
        sound_s: longest sound file taken.
    """

    sessions: int = 4
    idle_s: float = 30.0
    upload_bytes: int = 20_000_000
    picture_pixels: int = 40_000_000
    sound_s: float = 300.0


class Session:
    """Plays a portrait while somebody watches or records, and gives its frames to all of them.

    `Session.open` makes one. All methods belong to the event loop's thread.
    """

    def __init__(
        self,
        portrait: LivePortrait,
        metrics: Metrics,
        folder: Path,
        background: str | Picture = Own.KEEP.value,
    ) -> None:
        self.id = secrets.token_urlsafe(18)
        self.watched_at = time.monotonic()
        self.closed: str | None = None
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        """Where recordings are written."""
        self.listeners: set[Callable[[Event], None]] = set()
        """Told of every event, when what it tells of is due."""
        self.weights_wanted = 0
        """How many listeners want the weights of every frame; frames are made for them too."""
        self.partner: Callable[[np.ndarray, int], None] | None = None
        """Who answers the user: takes (n,) samples of the microphone and their rate. The portrait
        then listens to the microphone and does not speak it."""
        self.on_interrupt: Callable[[], None] | None = None
        """Is told when somebody has speech stopped."""
        self.on_sound: Callable[[np.ndarray], None] | None = None
        """Takes the (n,) float32 sound of every frame, at the engine's rate, when it is due."""
        self.controls, self.amount = Controls(), Amount()
        """As last steered."""
        self.background = background
        """As last chosen: a picture, or the words of `openvasa.backgrounds.before`."""
        self.on_frame: Callable[[Shown], None] | None = None
        """Takes every frame when it is painted, before it is due."""
        self._portrait = portrait
        self._engine = portrait.engine
        self._metrics = metrics
        self.loop = asyncio.get_running_loop()
        self._outlets: list[Outlet] = []
        self._connection: Connection | None = None
        self._recorder: Recorder | None = None
        self._figures = Figures()
        self._counted = Stats()
        self._budget = MICROPHONE_BURST_S
        self._budget_at = time.monotonic()
        self._microphone_refused_s = 0.0
        self._listening = False
        self._changing = asyncio.Lock()
        """Held while a face or a renderer is prepared, so that the last one asked for stays."""
        self.state = State.IDLE
        self._player = portrait.make_player(self._show, self._is_wanted)
        self.speeches = Speeches(self._engine, self._player, self._tell)
        self._player.start()

    @staticmethod
    async def open(
        face: FaceLatent,
        settings: LiveSettings,
        metrics: Metrics,
        folder: Path,
        renderer: RendererFactory = UNREFINED,
        model: ModelFactory = shipped_motion,
        background: str | Picture = Own.KEEP.value,
    ) -> Session:
        """Prepare everything off the event loop and start the clock.

        Args:
            face: the portrait.
            settings: of the engine.
            metrics: what the server counts.
            folder: where it makes a folder for its recordings.
            renderer: draws the pictures.
            model: makes the motion model from a seed.
            background: the one that `renderer` draws.
        """

        def prepare() -> LivePortrait:
            return assemble_portrait(
                face,
                settings,
                content_id=secrets.randbits(32),
                model=model(secrets.randbelow(1 << 31)),
                renderer=renderer,
            )

        return Session(await asyncio.to_thread(prepare), metrics, folder, background)

    @property
    def watched(self) -> bool:
        """Whether anybody is connected who takes pictures, sound or weights."""
        return bool(self._outlets) or self.weights_wanted > 0

    @property
    def failed(self) -> BaseException | None:
        """What the player ended with, if it did."""
        return self._player.error

    @property
    def stats(self) -> Stats:
        """A copy of what has happened so far; what a microphone sent too fast counts as dropped."""
        stats = self._player.stats
        return replace(stats, dropped_s=stats.dropped_s + self._microphone_refused_s)

    @property
    def settings(self) -> LiveSettings:
        """Frame rate, size and sound rate."""
        return self._engine.settings

    @property
    def face(self) -> FaceLatent:
        """The portrait that is shown."""
        return self._portrait.face

    @property
    def recording(self) -> bool:
        """Whether it is being recorded."""
        return self._recorder is not None

    def connect(self) -> Outlet:
        """A new outlet that gets every frame from now on."""
        outlet = Outlet(self._engine.settings.rate)
        self._outlets.append(outlet)
        return outlet

    def disconnect(self, outlet: Outlet) -> None:
        """No more frames for an outlet; the session lives on for a while."""
        outlet.close()
        if outlet in self._outlets:
            self._outlets.remove(outlet)
            self._metrics.lost.inc(outlet.pictures_lost)
        self.watched_at = time.monotonic()

    async def answer(self, offer_sdp: str, ice: Sequence[IceServer] = ()) -> str:
        """Connect a browser by WebRTC: its offer (SDP) in, the answer out.

        Args:
            offer_sdp: the browser's.
            ice: STUN and TURN servers to ask for ways to it.

        Raises:
            InputError: not an offer that is understood.
        """
        outlet = self.connect()
        connection = Connection(outlet, self.microphone, partial(self.disconnect, outlet), ice)
        # One pair of eyes a session: the old connection of a client that comes back is dead.
        await self._hang_up()
        self._connection = connection
        try:
            return await connection.answer(offer_sdp)
        except Exception as error:
            await self._hang_up()
            raise InputError("offer: not a WebRTC offer that is understood here") from error

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self.disconnect(connection.outlet)
            await connection.close()

    async def change_portrait(self, face: FaceLatent) -> None:
        """Go on with another face."""
        async with self._changing:
            await asyncio.to_thread(self._portrait.change_face, face)
            self._player.tell(self._portrait.bound_distance)

    async def change_background(self, background: str | Picture, renderer: RendererFactory) -> None:
        """Go on with the same face before another background, which `renderer` draws."""
        async with self._changing:
            await asyncio.to_thread(self._portrait.change_renderer, renderer)
            self.background = background

    def microphone(self, samples: np.ndarray, rate: int) -> bool:
        """Speak what a microphone hears, or listen to it where `listen` says so.

        Returns:
            False where it is more than a microphone can send.
        """
        now, seconds = time.monotonic(), len(samples) / rate
        refill = (now - self._budget_at) * MICROPHONE_SPEED
        self._budget = min(MICROPHONE_BURST_S, self._budget + refill)
        self._budget_at = now
        if seconds > self._budget:
            self._microphone_refused_s += seconds
            return False
        self._budget -= seconds
        if self.partner is not None:
            self.partner(samples, rate)
        if self._listening or self.partner is not None:
            return self._player.tell(partial(Engine.hear, samples=samples, rate=rate))
        return self._player.tell(partial(Engine.push, samples=samples, rate=rate, live=True))

    def interrupt(self) -> None:
        """Stop speaking now: what is being said and what waits is forgotten."""
        self._player.interrupt()
        for outlet in self._outlets:
            outlet.hush()
        self.speeches.cut()
        if self.on_interrupt is not None:
            self.on_interrupt()

    def steer(self, controls: Controls, amount: Amount) -> None:
        """Change gaze, distance, emotion and how much of the movement is shown."""
        self.controls, self.amount = controls, amount
        self._player.tell(partial(Engine.steer, controls=controls, amount=amount))

    def listen(self, listening: bool) -> None:
        """Say whether somebody is talking to the portrait; it listens to their microphone then."""
        self._listening = listening
        self._player.tell(partial(_set_listening, listening=listening))

    def start_recording(self) -> None:
        """Record from the next frame on."""
        if self._recorder is None:
            path = self.folder / f"{secrets.token_hex(8)}.mp4"
            self._recorder = Recorder(path, self._engine.settings.rate, self._portrait.content_id)

    async def stop_recording(self) -> Path:
        """Stop recording; returns the finished mp4.

        Raises:
            InputError: nothing is being recorded, or nothing could be written.
        """
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            raise InputError("recording: none is running; start one first")
        try:
            return await asyncio.to_thread(recorder.finish)
        except Exception as error:
            raise InputError(f"recording: failed ({error}); record again") from error

    def report(self) -> dict[str, object]:
        """What users see of its state."""
        return {
            "state": self.state.value,
            **self._figures.report(),
            "fps_target": self._engine.fps,
            "waiting_s": round(self.speeches.waiting_s, 2),
            "recording": self.recording,
            **self.stats.report(),
        }

    async def close(self, reason: str) -> None:
        """End it and leave nothing behind; safe to call twice."""
        if self.closed is not None:
            return
        report = self.report()
        self.speeches.cut()
        self._tell({"type": "ended", "reason": reason})
        self.closed = reason
        await self._hang_up()
        for outlet in list(self._outlets):
            self.disconnect(outlet)
        await asyncio.to_thread(self._player.stop)
        if self._recorder is not None:
            recorder, self._recorder = self._recorder, None
            await asyncio.gather(asyncio.to_thread(recorder.finish), return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)
        self.count()
        self._metrics.closed.labels(reason).inc()
        note("session closed", {"session": self.id[:6], "reason": reason, **report})

    def announce_end(self, seconds: float) -> None:
        """Tell its clients that the server goes away, and how long they have."""
        self._tell({"type": "going_away", "seconds": seconds})

    def count(self) -> None:
        """Add what has happened since the last call to the metrics."""
        now = self.stats
        self._metrics.count(now.since(self._counted))
        self._counted = now

    def _is_wanted(self) -> bool:
        return self.watched or self._recorder is not None

    def _show(self, shown: Shown) -> None:
        """In the painting thread."""
        recorder = self._recorder
        if recorder is not None:
            recorder.put(shown)
        self.loop.call_soon_threadsafe(self._deliver, shown)

    def _deliver(self, shown: Shown) -> None:
        if self.closed is not None:
            return
        shown = self._player.current(shown)
        latency = shown.ready_at - shown.sounded_at
        self._figures.add(shown)
        if self.on_frame is not None:
            self.on_frame(shown)
        if shown.picture is not None:
            self._metrics.latency.observe(latency)
        for outlet in self._outlets:
            outlet.put(shown)
        self.loop.call_later(max(0.0, shown.due_at - time.perf_counter()), self._announce, shown)

    def _announce(self, shown: Shown) -> None:
        """Tell of a frame when it is due."""
        if self.closed is not None:
            return
        frame = self._player.current(shown).frame
        if frame.state is not self.state:
            self.state = frame.state
            self._tell({"type": "state", "state": frame.state.value})
        self.speeches.hear(frame)
        if self.on_sound is not None:
            self.on_sound(frame.sound)
        if self.weights_wanted:
            weights = dynamics_code().read_arkit(Row.split(frame.row).codes)
            rounded = [round(float(weight), 3) for weight in weights]
            self._tell({"type": "weights", "time_s": round(frame.time_s, 4), "weights": rounded})

    def announce(self, event: Event) -> None:
        """Tell every client of something that is no doing of the portrait's."""
        self._tell(event)

    def _tell(self, event: Event) -> None:
        for listener in list(self.listeners):
            listener(event)


def _set_listening(engine: Engine, listening: bool) -> None:
    engine.listening = listening
