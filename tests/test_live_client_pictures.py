"""The page's client never falls behind the pictures of the socket, however slow it decodes them.

Run in Node, by a decoder of its own; skipped where there is no Node.
"""

from __future__ import annotations

from typing import cast

import pytest
from node_client import feed_client, needs_node

pytestmark = needs_node

CLIENT = """
let sent = 0, takes, broken;
const shown = [], behind = [];
const pause = (turns) => turns ? new Promise(setImmediate).then(() => pause(turns - 1)) : undefined;
const context = { state: "suspended", createGain: () => ({ gain: {}, connect() {} }) };
const decode = async (blob) => {
  const index = new Uint8Array(await blob.arrayBuffer())[0];
  await pause(takes);
  behind.push(sent - 1 - index);
  if (index === broken) throw new Error("no picture");
  return { index, width: 1, height: 1, close() {} };
};
let decoded = Promise.resolve();
globalThis.createImageBitmap = (blob) => {
  const mine = decoded.catch(() => {}).then(() => decode(blob));
  decoded = mine;
  return mine;
};
const canvas = { getContext: () => ({ drawImage: ({ index }) => shown.push(index) }) };
const feed = async (wanted) => {
  ({ takes, broken } = wanted);
  while (sent < wanted.count) {
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
  return [shown, behind];
};
"""
"""Sends `count` pictures, one in ten turns of the event loop, of which each takes `takes` turns to
decode, one after the other; picture `broken` is none. Returns the pictures shown, and of every
decoded one how many newer ones had come by then."""


def show(count: int, takes: int, broken: int) -> tuple[list[int], list[int]]:
    found = feed_client(CLIENT, {"count": count, "takes": takes, "broken": broken})
    return cast(tuple[list[int], list[int]], found)


def test_a_fast_decoder_shows_every_picture_in_order() -> None:
    shown, _ = show(count=60, takes=1, broken=3)
    assert shown == [index for index in range(60) if index != 3]


def test_a_slow_decoder_skips_and_stays_with_the_newest() -> None:
    shown, behind = show(count=200, takes=40, broken=-1)
    assert shown == sorted(shown)
    assert shown[-1] == 199, "the last picture is shown"
    assert max(behind) < 8, "some four come while one decodes"
    assert len(shown) > 30, "it goes on showing"


@pytest.mark.parametrize("broken", [196, 197, 198])
def test_what_comes_behind_a_broken_picture_is_shown(broken: int) -> None:
    shown, _ = show(count=200, takes=15, broken=broken)
    assert shown[-1] == 199
