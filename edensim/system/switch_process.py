"""Switches of the operating point in a closed loop: control that acts on the channels of a world at exact clocks."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import simpy

from edensim.dram.scan_kernel import NEVER
from edensim.dram.switching import ChannelSwitching, SwitchedSystem
from edensim.system.environment import WorldEnvironment
from edensim.system.port_kernel import MAX_AGENTS, wake_waiter
from edensim.system.world import World

OnSwitch = Callable[[int, int], None]
"""Told when another point holds in a channel, with the channel and how many switches it has had."""


def switch_points(
    env: WorldEnvironment, system: SwitchedSystem, on_switch: OnSwitch
) -> Generator[simpy.Event, Any, None]:
    """Process that carries out every switch in every channel.

    Control acts behind the edge of the clock before, so that requests offered from then on, and commands, are those of
    the clock at which it is due.
    """
    world = env.world
    state = world.state[0]
    channels = [
        ChannelSwitching(system, c, state["channels"], state["tables"]) for c in range(system.geometry.channels)
    ]
    while (stop := min(channel.stop for channel in channels)) < NEVER:
        due = (stop - 1) * int(world.state["period"][0]) + 1
        if due > env.now:
            yield env.timeout(due - int(env.now))
        for channel in channels:
            if channel.stop == stop:
                if channel.act():
                    on_switch(channel.channel, channel.phase)
                    _resume(world, system, channel)
                _wake(world, channel)


def _wake(world: World, channel: ChannelSwitching) -> None:
    """Let the world look at a channel again when something can happen there."""
    ch = channel.record
    clock = min(int(ch["next_scan"]), int(ch["next_refresh"]))
    at = NEVER if clock >= NEVER else clock * int(world.state["period"][0])
    world.wake[MAX_AGENTS + channel.channel] = max(at, world.now)


def _resume(world: World, system: SwitchedSystem, channel: ChannelSwitching) -> None:
    """The next point holds: times by which waiting is told apart, and agents that the gate had refused."""
    c, period = channel.channel, int(world.state["period"][0])
    for name, clocks in (("open_time", "nRCD"), ("close_time", "nRP")):
        of_banks = system.phases[channel.phase].clocks[clocks][c].reshape(system.geometry.banks, -1)
        world.state[name][0, c] = of_banks.min(axis=1) * period
    record = np.asarray(world.state).view(np.recarray)[0]
    for queue in range(2):
        while world.state["waiters"][0, c, queue]:
            wake_waiter(record, c, queue, world.now)
