"""What one live server has, and which of its sessions are open."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from openvasa.backgrounds import before
from openvasa.live.assemble import ModelFactory, shipped_motion
from openvasa.live.frame import LiveSettings
from openvasa.live.ice import IceServer
from openvasa.live.metrics import Metrics
from openvasa.live.painter import UNREFINED
from openvasa.live.session import Limits, Session
from openvasa.live.speech import Voice
from openvasa.render.renderer import RendererFactory


@dataclass
class Studio:
    """What one server has.

    Attributes:
        settings: of every session's engine.
        person: what draws every session's pictures, before the portrait's own background.
        background: what to draw instead of that, as in `openvasa.backgrounds.before`.
        model: makes the motion model of a session.
        limits: what is given at most.
        portraits: the pictures to choose from, by the name shown.
        voices: to speak text with.
        token: asked of every request; None on loopback addresses.
        hosts: names under which requests may come; None for any.
        origins: other sites whose pages may use this server, as `https://example.com`.
        embedders: other sites that may show `/view` in a frame.
        ice: STUN and TURN servers for browsers and this machine.
        folder: where files lie for as long as they are needed.
        metrics: what `/metrics` tells.
        sessions: the open ones, by their ids.
        opening: how many are being opened.
        ended: how many have ended.
        draining: no new sessions are opened, since the server is to stop.
        addresses: of its page, for people on the same network.
        on_open: is awaited with every session that has been opened.
        on_shutdown: are called when the server stops, after its sessions have ended.
    """

    settings: LiveSettings = field(default_factory=LiveSettings)
    person: RendererFactory = UNREFINED
    background: str = "keep"
    model: ModelFactory = shipped_motion
    limits: Limits = field(default_factory=Limits)
    portraits: dict[str, Path] = field(default_factory=dict)
    voices: list[Voice] = field(default_factory=list)
    token: str | None = None
    hosts: set[str] | None = None
    origins: frozenset[str] = frozenset()
    embedders: frozenset[str] = frozenset()
    ice: tuple[IceServer, ...] = ()
    folder: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))
    metrics: Metrics = field(default_factory=Metrics)
    sessions: dict[str, Session] = field(default_factory=dict)
    opening: int = 0
    ended: int = 0
    on_open: Callable[[Session], Awaitable[None]] | None = None
    on_shutdown: list[Callable[[], None]] = field(default_factory=list)
    draining: bool = False
    addresses: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether one session more can be opened."""
        return not self.draining and len(self.sessions) + self.opening < self.limits.sessions

    @cached_property
    def renderer(self) -> RendererFactory:
        """What draws the pictures of sessions that ask for no other background."""
        return before(self.person, self.background)

    def find_voice(self, name: str) -> Voice | None:
        """The voice of a name."""
        return next((voice for voice in self.voices if voice.name == name), None)

    async def close(self, session: Session, reason: str) -> None:
        """End a session and forget it."""
        self.sessions.pop(session.id, None)
        await session.close(reason)
        self.ended += 1
