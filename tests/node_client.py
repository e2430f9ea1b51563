"""Runs the page's client in Node, its socket fed by a script of the test."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from openvasa.live.server import WEB

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node is not installed (Debian: nodejs)")

_OPEN = """
let socket;
globalThis.AudioContext = function () { return context; };
globalThis.WebSocket = class { constructor() { socket = this; } send() {} };
const source = require("fs").readFileSync(0, "utf8");
const address = "data:text/javascript;base64," + Buffer.from(source).toString("base64");
import(address).then(async ({ OpenVasa }) => {
  const avatar = new OpenVasa({ server: "http://localhost/", media: "socket", canvas });
  const opened = avatar.open({ session: "s" });
  await Promise.resolve();
  socket.onmessage({ data: '{"type": "hello"}' });
  await opened;
  console.log(JSON.stringify(await feed(JSON.parse(process.argv[1]))));
  process.exit();
});
"""


def feed_client(script: str, wanted: object) -> object:
    """What a script's `feed` returns, as JSON values.

    Args:
        script: JavaScript that defines `context`, an AudioContext, `canvas`, or null, and the
            asynchronous `feed`, which gives `socket.onmessage` what a server would send.
        wanted: its argument.
    """
    assert NODE is not None
    command = [NODE, "-e", script + _OPEN, json.dumps(wanted)]
    source = (WEB / "openvasa-client.js").read_text()
    done = subprocess.run(command, input=source, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
