"""simpy in the world's integer time: before each control event, the hardware catches up with it exactly.

Processes are plain: `yield env.finished(agent)`, `yield env.timeout(world.from_ps(1000))`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import simpy

from edensim.dram.channel_kernel import NEVER
from edensim.system.port_kernel import ALL_IDLE, BUDGET, FINISHED, MILESTONE, SEEN
from edensim.system.world import World

EVENTS_PER_CALL = 4_000_000
"""Kernel events between two looks at the progress bar and Ctrl-C (about a second)."""


class WorldEnvironment(simpy.Environment):
    """A simpy environment whose time is the world's."""

    def __init__(self, world: World, tick: Callable[[], None] | None = None) -> None:
        super().__init__(initial_time=0)
        self.world, self.tick = world, tick
        self.kernel_calls = 0
        self._waiting: dict[int, simpy.Event] = {}

    def finished(self, agent: int) -> simpy.Event:
        """Event that fires at the exact time at which the agent's program has ended (now, if it has)."""
        if self.world.agents[agent]["life"] == SEEN:
            return self.event().succeed()
        return self._waiting.setdefault(agent, self.event())

    def step(self) -> None:
        """Advance the hardware to the next control event or milestone, then let simpy act."""
        reason = BUDGET
        while reason == BUDGET:
            until = int(min(self.peek(), NEVER))
            if until == self.world.now:
                break
            reason = self.world.advance(until, EVENTS_PER_CALL)
            self.kernel_calls += 1
            if self.tick is not None:
                self.tick()
        if reason == MILESTONE:
            for agent in np.flatnonzero(self.world.agents["life"] == FINISHED):
                self._announce(int(agent))
        elif reason == ALL_IDLE and self.peek() == float("inf"):
            raise RuntimeError(f"at {self.world.now_ns} ns every agent is idle, but control still waits")
        super().step()

    def _announce(self, agent: int) -> None:
        self.world.acknowledge(agent)
        event = self._waiting.pop(agent, None)
        at = self.timeout(self.world.now - int(self.now))
        if event is None or at.callbacks is None:
            return

        def fire(_: simpy.Event) -> None:
            event.succeed()

        at.callbacks.append(fire)
