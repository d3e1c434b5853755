"""The state of the world kernel and what control may do to it between two calls.

Everything lies in one record: agents, channels, constraint tables. It can be copied (a checkpoint) and hashed. Control
may give an agent a program, change the operating point of the memory, read any counter, and copy the state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.dram.channel_kernel import NEVER
from edensim.dram.controller import DramSystem
from edensim.errors import ConfigError
from edensim.machines.program import RUN, TILE
from edensim.system.world_kernel import (
    DEPTH,
    LOG_FULL,
    MAX_AGENTS,
    RING,
    RUNNING,
    SEEN,
    advance,
)

Int = NDArray[np.int64]
LOG_LENGTH = 1 << 14
LINK_STEP_PS = Fraction(1, 64)
"""The unit of time is at least so fine: a line's time on the link of an agent is rounded up to whole units."""
AGENT_SCALARS = """life wants end depth window clock line_time in_flight issued last_done finished_at draining
    blocked_on load_tile compute_tile store_tile begin_time busy_time load_wait_time""".split()
AGENT_SIDES = "run run_pos next_line lines tensor tag next_send".split()  # load side, store side
AGENT_TILES = "load_left load_ready compute_end store_end tile_time".split()  # by tile number modulo DEPTH
AGENT = np.dtype(
    (
        np.record,
        [
            *((name, np.int64) for name in AGENT_SCALARS),
            *((name, np.int64, (2,)) for name in AGENT_SIDES),
            *((name, np.int64, (DEPTH,)) for name in AGENT_TILES),
            ("done", np.int64, (RING,)),
        ],
    )
)
WORLD_SCALARS = (
    """now rotate in_flight n_agents n_channels period modulus page_shift events dispatches logged""".split()
)


@dataclass(frozen=True)
class AgentSpec:
    """A tile engine: clock (MHz, exact), reads under way at once, bytes per clock and direction, tiles in flight."""

    clock_mhz: Fraction
    window: int
    bytes_per_cycle: Fraction
    depth: int


class World:
    """Agents and memory at an exact time.

    Parameters
    ----------
    system : DramSystem
        The memory.
    agents : list of AgentSpec
        Tile engines, at most `MAX_AGENTS`.
    page_table : int64 array
        Virtual page -> physical page; empty = identity.
    page_lines : int
        Lines per page, a power of two.
    on_requests : callable, optional
        Receives every accepted request: int64 array (n, 4) of clock, physical line, is_write, tensor.
    """

    def __init__(
        self,
        system: DramSystem,
        agents: list[AgentSpec],
        page_table: Int,
        page_lines: int = 1,
        on_requests: Callable[[Int], None] | None = None,
    ) -> None:
        self.system, self.page_table, self.on_requests = system, page_table, on_requests
        channels = system.new_channels()
        modulus, moves = system.address_map.kernel_table()
        n = len(channels)
        layout: list[tuple[Any, ...]] = [(name, np.int64) for name in WORLD_SCALARS]
        layout += [
            ("wake", np.int64, (MAX_AGENTS + n,)),
            ("port_clock", np.int64, (n,)),
            ("last_woken", np.int64, (n,)),
        ]
        layout += [("waiters", np.int64, (n, 2)), ("moves", np.int64, moves.shape)]
        layout += [("log", np.int64, (LOG_LENGTH if on_requests else 1, 4))]
        layout += [
            ("agents", AGENT, (MAX_AGENTS,)),
            ("channels", channels.dtype, (n,)),
            ("tables", system.tables.dtype, (n,)),
        ]
        self.state = np.zeros(1, np.dtype((np.record, layout)))
        s = self.state
        s["n_agents"], s["n_channels"], s["modulus"], s["moves"] = len(agents), n, modulus, moves
        unit = common_unit([system.period, *(1_000_000 / a.clock_mhz for a in agents)])
        self.unit_ps = unit / max(1, ceil(unit / LINK_STEP_PS))
        s["period"] = int(system.period / self.unit_ps)
        s["page_shift"] = page_lines.bit_length() - 1
        s["channels"][0], s["tables"][0] = channels, system.tables
        self.channels, self.agents = s["channels"][0], s["agents"][0]
        self.wake = s["wake"][0]
        self.wake[:] = NEVER
        self.wake[MAX_AGENTS:] = [self._clock_time(int(min(c["next_scan"], c["next_refresh"]))) for c in channels]
        for k, spec in enumerate(agents):
            if spec.depth > DEPTH:
                raise ConfigError(
                    f"machine.weight_fifo_tiles: found {spec.depth} tiles; expected 1 to {DEPTH}, which are under way "
                    "at once at most"
                )
            a = self.agents[k]
            a["clock"] = clock = int(1_000_000 / spec.clock_mhz / self.unit_ps)
            a["window"], a["depth"], a["blocked_on"] = min(spec.window, RING), spec.depth, -1
            a["line_time"] = -(-system.geometry.burst_bytes * clock // spec.bytes_per_cycle)
        self.tiles, self.runs = _records(np.zeros(0, TILE), TILE), _records(np.zeros(0, RUN), RUN)

    @property
    def now(self) -> int:
        """Present time in units of `unit_ps`."""
        return int(self.state["now"][0])

    @property
    def now_ns(self) -> float:
        """Present time in ns."""
        return self.to_ns(self.now)

    def to_ns(self, time: int) -> float:
        """A time of the world in ns."""
        return float(int(time) * self.unit_ps / 1000)

    def from_ps(self, ps: int) -> int:
        """First time of the world that is not before `ps`."""
        return int(-(-ps // self.unit_ps))

    @property
    def now_clock(self) -> int:
        """First channel clock that is not before the present time."""
        return int(-(-self.now // int(self.state["period"][0])))

    def _clock_time(self, clock: int) -> int:
        return NEVER if clock >= NEVER else clock * int(self.state["period"][0])

    def start(self, agent: int, tiles: NDArray[Any], runs: NDArray[Any]) -> None:
        """Give an agent a program of tiles (run indices relative to `runs`); it begins now.

        At the very end of a clock, at which the last program's last write may have been issued, that is the next clock.
        """
        a = self.agents[agent]
        port = self.state["port_clock"]
        np.maximum(port, self.now // int(self.state["period"][0]), out=port)
        self.tiles, self.runs = _records(tiles, TILE), _records(runs, RUN)
        values = {
            "wants": 0,
            "end": len(tiles),
            "draining": 0,
            "blocked_on": -1,
            "life": RUNNING,
            "begin_time": self.now,
        }
        values |= dict.fromkeys(("load_tile", "compute_tile", "store_tile", "run_pos", "lines"), 0)
        values |= {"run": -1, "next_send": self.now}
        values |= dict.fromkeys(("load_left", "last_done"), 0)
        for name, value in values.items():
            a[name] = value
        self.wake[agent] = self.now

    def advance(self, until: int = NEVER, budget: int = NEVER) -> int:
        """Process every event strictly before `until`; returns the reason for stopping."""
        while True:
            reason = int(advance(self.state, self.tiles, self.runs, self.page_table, until, budget))
            if reason != LOG_FULL:
                return reason
            self.save_log()

    def save_log(self) -> None:
        """Hand the accepted requests to `on_requests`."""
        if self.on_requests is not None:
            self.on_requests(self.state["log"][0][: int(self.state["logged"][0])].copy())
            self.state["logged"] = 0

    def acknowledge(self, agent: int) -> None:
        """Mark the end of an agent's program as seen."""
        self.agents[agent]["life"] = SEEN

    def digest(self) -> str:
        """SHA-256 of the state; how often the kernel was called is not part of it."""
        state = self.state.copy()
        for name in ("dispatches", "events", "now"):
            state[name] = 0
        return hashlib.sha256(state.tobytes()).hexdigest()


def _records(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """As records, so that uncompiled kernels can read fields by attribute too."""
    return np.ascontiguousarray(array, dtype).view(np.dtype((np.record, dtype)))


def common_unit(periods: list[Fraction]) -> Fraction:
    """Largest unit (ps) of which all periods (ps) are whole multiples.

    Raises
    ------
    ConfigError
        The clocks have no common unit above 1e-5 ps, which would leave less than ten seconds of simulated time.
    """
    unit = Fraction(gcd(*(p.numerator * lcm(*(q.denominator for q in periods)) // p.denominator for p in periods)))
    unit /= lcm(*(q.denominator for q in periods))
    if unit < Fraction(1, 100_000):
        clocks = ", ".join(f"{float(1_000_000 / p):g}" for p in periods)
        raise ConfigError(
            f"machine.clock_mhz: clocks of {clocks} MHz have no common unit of time; expected values with few digits"
        )
    return unit
