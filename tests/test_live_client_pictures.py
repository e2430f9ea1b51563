"""The page's client never falls behind the pictures of the socket, however slow it decodes them.

Run in Node, by a decoder of its own; skipped where there is no Node.
"""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from openvasa.live.server import WEB

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed (Debian: nodejs)")

CLIENT = """
const [count, takes] = JSON.parse(process.argv[1]);
const pause = (turns) => turns ? new Promise(setImmediate).then(() => pause(turns - 1)) : undefined;
const fails = 3;
let socket, sent = 0;
const shown = [], behind = [];
globalThis.AudioContext = function () {
  return { state: "suspended", createGain: () => ({ gain: {}, connect() {} }) };
};
globalThis.WebSocket = class { constructor() { socket = this; } send() {} };
const decode = async (blob) => {
  const index = new Uint8Array(await blob.arrayBuffer())[0];
  await pause(takes);
  behind.push(sent - 1 - index);
  if (index === fails) throw new Error("no picture");
  return { index, width: 1, height: 1, close() {} };
};
let decoded = Promise.resolve();
globalThis.createImageBitmap = (blob) => {
  const mine = decoded.catch(() => {}).then(() => decode(blob));
  decoded = mine;
  return mine;
};
process.on("unhandledRejection", () => {});
const canvas = { getContext: () => ({ drawImage: ({ index }) => shown.push(index) }) };
const source = require("fs").readFileSync(0, "utf8");
const address = "data:text/javascript;base64," + Buffer.from(source).toString("base64");
import(address).then(async ({ OpenVasa }) => {
  const avatar = new OpenVasa({ server: "http://localhost/", media: "socket", canvas });
  const opened = avatar.open({ session: "s" });
  await Promise.resolve();
  socket.onmessage({ data: '{"type": "hello"}' });
  await opened;
  for (; sent < count; ) {
    const view = new DataView(new ArrayBuffer(13));
    view.setUint8(0, 1);
    view.setFloat64(4, sent / 25, true);
    view.setUint8(12, sent);
    socket.onmessage({ data: view.buffer });
    sent++;
    await pause(10);
  }
  await pause(20);
  for (let last = null; last !== decoded; await last.catch(() => {})) last = decoded;
  await new Promise((done) => setTimeout(done, 50));
  console.log(JSON.stringify([shown, behind]));
  process.exit();
});
"""
"""Sends `count` pictures, one in ten turns of the event loop, of which each takes `takes` turns to
decode, one after the other; picture 3 is none. Prints the pictures shown, and of every decoded one
how many newer ones had come by then."""


def show(count: int, takes: int) -> tuple[list[int], list[int]]:
    assert NODE is not None
    command = [NODE, "-e", CLIENT, json.dumps([count, takes])]
    source = (WEB / "openvasa-client.js").read_text()
    done = subprocess.run(command, input=source, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    shown, behind = json.loads(done.stdout)
    return shown, behind


def test_a_fast_decoder_shows_every_picture_in_order() -> None:
    shown, _ = show(count=60, takes=1)
    assert shown == [index for index in range(60) if index != 3]


def test_a_slow_decoder_skips_and_stays_with_the_newest() -> None:
    shown, behind = show(count=200, takes=40)
    assert shown == sorted(shown)
    assert shown[-1] == 199, "the last picture is shown"
    assert max(behind) < 15, "a picture decodes while four come, and four wait"
    assert len(shown) > 30, "it goes on showing"
