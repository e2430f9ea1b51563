"""The page's client plays the sound of the socket on where pieces come late.

Run in Node, by a clock of its own; skipped where there is no Node.
"""

from __future__ import annotations

import numpy as np
from node_client import feed_client, needs_node

pytestmark = needs_node

PIECE_S = 0.02
CLIENT = """
const canvas = null;
const context = {
  state: "running", currentTime: 0, destination: null, started: [],
  createGain: () => ({ gain: {}, connect() {} }),
  createBuffer: (channels, length) => ({ getChannelData: () => new Float32Array(length) }),
  createBufferSource: () => ({ connect() {}, start: (at) => context.started.push(at) }),
};
const feed = async (pieces) => {
  for (const [time, comes, value] of pieces) {
    const view = new DataView(new ArrayBuffer(12 + 2 * 480));
    view.setUint8(0, 2);
    view.setUint16(2, 24, true);
    view.setFloat64(4, time, true);
    for (let i = 0; i < 480; i++) view.setInt16(12 + 2 * i, value, true);
    context.currentTime = comes;
    socket.onmessage({ data: view.buffer });
  }
  return context.started;
};
"""


def play(delays: np.ndarray, speaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """When pieces of 20 ms come that are late by `delays`, s, and when each is played."""
    times = PIECE_S * np.arange(len(delays))
    comes = times + delays
    pieces = list(zip(times.tolist(), comes.tolist(), (1000 * speaks).tolist(), strict=True))
    return comes, np.array(feed_client(CLIENT, pieces))


def test_a_delay_that_grows_in_two_speeches_tears_neither() -> None:
    # 60 ms in each, by 8 % of the time, and a pause between them.
    growth = np.minimum(0.08 * PIECE_S * np.arange(60), 0.06)
    delays = np.concatenate([growth, np.full(10, 0.06), 0.06 + growth])
    speaks = np.ones(130, int)
    speaks[60:70] = 0
    comes, starts = play(delays, speaks)
    assert (starts >= comes).all()
    np.testing.assert_allclose(np.diff(starts[:60]), PIECE_S, atol=1e-9)
    np.testing.assert_allclose(np.diff(starts[70:]), PIECE_S, atol=1e-9)


def test_a_late_piece_costs_one_gap_and_what_follows_is_played_in_one_piece() -> None:
    jitter = np.random.default_rng(0).uniform(0, 0.01, 100)
    delays = jitter + np.where(np.arange(100) < 50, 0, 0.13)
    comes, starts = play(delays, np.ones(100, int))
    assert (starts >= comes).all()
    steps = np.diff(starts)
    np.testing.assert_allclose(np.delete(steps, 49), PIECE_S, atol=1e-9)
    assert steps[49] > 0.1
