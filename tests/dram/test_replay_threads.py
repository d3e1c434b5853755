"""Channels in threads: the same commands, counters and states on any number of them."""

from __future__ import annotations

import multiprocessing

import numpy as np
import pytest

from edensim.config import load_config
from edensim.dram import replay as module
from edensim.dram.controller import DramSystem
from edensim.dram.replay import channel_groups, replay_requests, usable_threads
from edensim.dram.trace import Requests
from edensim.jit import JIT_DISABLED

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="tens of thousands of requests need compiled kernels")


def memory(channels: int, front_end: str = "per_channel") -> DramSystem:
    table = {"preset": "ddr4-2400r-8gb-x8", "channels": channels, "controller": {"front_end": front_end}}
    return DramSystem(load_config({"dram": table}).config.dram)


def requests(count: int) -> Requests:
    """Random lines, with gaps, a burst on one channel and a third of writes."""
    rng = np.random.default_rng(3)
    line = rng.integers(0, 1 << 20, count)
    line[count // 4 : count // 2] *= 4
    arrival = np.cumsum(rng.choice([0, 0, 0, 0, 9], count))
    return Requests(
        (line * 64).astype(np.uint64), (rng.random(count) < 0.3).astype(np.uint8), arrival.astype(np.uint64)
    )


def test_threads_change_nothing() -> None:
    """One, two and three threads over four channels: every command, counter and final state is equal.

    The trace fills command logs (16,384 commands) several times, so the sinks empty them in between.
    """
    system, trace = memory(4), requests(60_000)
    one = replay_requests(system, [trace], keep_log=True, command_hash=True, threads=1)
    assert one.log is not None and min(map(len, one.log.commands)) > 16_384
    for threads in (2, 3):
        many = replay_requests(system, [trace], keep_log=True, command_hash=True, threads=threads)
        assert many.log is not None
        for found, wanted in zip(many.log.commands, one.log.commands, strict=True):
            assert np.array_equal(found, wanted)
        assert many.command_sha256 == one.command_sha256
        for name in one.channels.dtype.names or ():
            if name != "slot_token":  # the index within a block of requests, which are longer with more threads
                assert np.array_equal(many.channels[name], one.channels[name]), name
        for name, wanted in vars(one.counters).items():
            assert np.array_equal(getattr(many.counters, name), wanted), name


def test_a_failing_sink_ends_the_replay() -> None:
    """What goes wrong in a thread, a full disk say, reaches the caller."""

    def full(channel: int, commands: np.ndarray) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        replay_requests(memory(2), [requests(500)], sinks=[full], threads=2)


def test_who_gets_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels behind one front end stay together; a worker process takes one core only."""
    assert channel_groups(memory(4)) == [slice(k, k + 1) for k in range(4)]
    assert channel_groups(memory(4, "ramulator2")) == [slice(0, 4)]
    assert usable_threads() >= 1
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: object())
    assert usable_threads() == 1
    monkeypatch.setattr(module, "ThreadPoolExecutor", None)  # would fail if it were used
    assert replay_requests(memory(2), [requests(500)]).requests == 500
