"""A LiveKit agent with a face, served by a worker.

    python examples/livekit_worker.py dev

Needs `pip install 'openvasa[livekit]'`, a LiveKit server in LIVEKIT_URL, LIVEKIT_API_KEY and
LIVEKIT_API_SECRET (`livekit-server --dev` listens on ws://localhost:7880 with devkey and secret),
and services that hear, think and speak: the ones named here are LiveKit's, which need its cloud;
any plugin goes in their place.
"""

from __future__ import annotations

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.live.livekit import AvatarSession

server = AgentServer()


@server.rtc_session()
async def talk(ctx: JobContext) -> None:
    """Join the room with a portrait that says what the agent says."""
    session = AgentSession(stt="deepgram/nova-3", llm="openai/gpt-4.1-mini", tts="cartesia/sonic-3")
    avatar = AvatarSession(openvasa.load_portrait(EXAMPLE_PORTRAIT))
    await avatar.start(session, room=ctx.room)
    await session.start(Agent(instructions="You are a friendly portrait."), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)
