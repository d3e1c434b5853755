"""The state of the world kernel and what control may do to it between two calls.

Everything lies in one record: agents, channels, constraint tables. It can be copied (a checkpoint) and hashed. Control
may give an agent a program, change the operating point of the memory, read any counter, and copy the state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.dram.channel_kernel import NEVER
from edensim.dram.controller import DramSystem
from edensim.dram.issue_kernel import TAG_BIT
from edensim.errors import ConfigError
from edensim.machines.cpu.cache import Caches, hierarchies
from edensim.machines.program import RUN, TILE
from edensim.memory.placement import KINDS, Tensor
from edensim.system.core import CORE_STATE, CoreSpec, Records, pieces, set_up, translate
from edensim.system.gpu import GpuSpec, GpuState
from edensim.system.port_kernel import (
    CORE,
    DEPTH,
    GPU,
    LOAD,
    LOG_FULL,
    MAX_AGENTS,
    NEXT_PART,
    RING,
    RUNNING,
    SEEN,
    STORE,
)
from edensim.system.world_kernel import advance

Int = NDArray[np.int64]
Part = tuple[NDArray[Any], NDArray[Any]]
"""Consecutive tiles (dtype TILE) of a program and their runs (dtype RUN), which they name by their place in it."""
LOG_LENGTH = 1 << 14
COLUMNS_LENGTH = 1 << 12
CORE_PLACES = (1, 8, MAX_AGENTS)
"""Numbers of cores that a state has room for: few, because kernels are compiled for each."""
LINK_STEP_PS = Fraction(1, 64)
"""The unit of time is at least so fine: a line's time on the link of an agent is rounded up to whole units."""
AGENT_SCALARS = """kind core life wants end more tile_shift run_shift depth window clock line_time link_lag arrived
    in_flight issued last_done finished_at draining blocked_on load_tile compute_tile store_tile begin_time busy_time
    load_wait_time""".split()
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
WORLD_SCALARS = """now rotate in_flight n_agents n_channels period write_latency modulus page_shift events dispatches
    logged sent_channel sent_bank refresh_time door_burst columned
    news_count""".split()


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
    agents : sequence of AgentSpec, CoreSpec or GpuSpec
        Tile engines, cores and at most one GPU; at most `MAX_AGENTS`.
    page_table : int64 array
        Virtual page -> physical page; empty = identity.
    page_lines : int
        Lines per page, a power of two.
    on_requests : callable, optional
        Receives every accepted request: int64 array (n, 4) of clock, physical line, is_write, tensor.
    on_columns : callable, optional
        Receives every column command, in their order within each channel: int64 array (n,) of physical line << 2 |
        first of its bank since an activation << 1 | is_write.
    shared : sequence of Caches
        The levels that groups of cores share, emitting a record of every access, and cores' own ones (`CoreSpec.live`).

    For each agent the state counts what its requests found in their banks (`met`: agent, is_write, outcome) and the
    clocks they were queued (`queued`: agent, is_write).
    """

    def __init__(
        self,
        system: DramSystem,
        agents: Sequence[AgentSpec | CoreSpec | GpuSpec],
        page_table: Int,
        page_lines: int = 1,
        on_requests: Callable[[Int], None] | None = None,
        on_columns: Callable[[Int], None] | None = None,
        shared: Sequence[Caches] = (),
    ) -> None:
        self.hierarchy = hierarchies(shared)
        self.system, self.page_table, self.on_requests, self.on_columns = system, page_table, on_requests, on_columns
        channels = system.new_channels()
        modulus, moves = system.address_map.kernel_table()
        n = len(channels)
        cores = [spec for spec in agents if isinstance(spec, CoreSpec)]
        gpus = [spec for spec in agents if isinstance(spec, GpuSpec)]
        if len(gpus) > 1:
            raise ConfigError(f"found {len(gpus)} GPUs on one memory; expected at most one")
        layout: list[tuple[Any, ...]] = [(name, np.int64) for name in WORLD_SCALARS]
        layout += [
            ("wake", np.int64, (MAX_AGENTS + n,)),
            ("port_clock", np.int64, (n,)),
            ("last_woken", np.int64, (n,)),
            ("granted", np.int64, (n,)),
            ("refresh_due", np.int64, (n,)),
            *((name, np.int64, (n, system.geometry.banks)) for name in ("open_time", "close_time")),
        ]
        layout += [("waiters", np.int64, (n, 2)), ("moves", np.int64, moves.shape)]
        # Between two looks of a GPU a channel issues no more commands than fit before the first data arrive.
        layout += [("news", np.int64, (n * (system.timing.read_latency + 4) if gpus else 1, 2))]
        layout += [("log", np.int64, (LOG_LENGTH if on_requests else 1, 4))]
        layout += [("columns", np.int64, (COLUMNS_LENGTH if on_columns else 1,))]
        layout += [("met", np.int64, (MAX_AGENTS, 2, 4))]
        layout += [("queued", np.int64, (MAX_AGENTS, 2))]
        layout += [("opened", np.int64, (n, channels["state"].shape[1] if on_columns else 1))]
        layout += [
            ("agents", AGENT, (MAX_AGENTS,)),
            ("cores", CORE_STATE, (next(n for n in CORE_PLACES if n >= len(cores)),)),
            ("channels", channels.dtype, (n,)),
            ("tables", system.tables.dtype, (n,)),
        ]
        self.state = np.zeros(1, np.dtype((np.record, layout)))
        s = self.state
        s["n_agents"], s["n_channels"], s["modulus"], s["moves"] = len(agents), n, modulus, moves
        steps = (1_000_000 / a.clock_mhz / (a.width if isinstance(a, CoreSpec) else 1) for a in agents)
        unit = common_unit([system.period, *steps])
        self.unit_ps = unit / max(1, ceil(unit / LINK_STEP_PS))
        s["period"] = int(system.period / self.unit_ps)
        s["granted"] = NEVER
        s["door_burst"] = system.dram.controller.door_burst
        s["refresh_due"] = -NEVER
        s["refresh_time"] = system.timing.ck.get("nRFC", 0) * int(s["period"][0])
        for name, clocks in (("open_time", "nRCD"), ("close_time", "nRP")):
            of_banks = system.clocks[clocks].reshape(n, system.geometry.banks, -1).min(axis=2)  # the rest is waiting
            s[name] = of_banks * int(s["period"][0])
        s["write_latency"] = system.timing.write_latency
        s["page_shift"] = page_lines.bit_length() - 1
        self.page_lines64 = max(1, page_lines * system.geometry.burst_bytes // 64)
        s["channels"][0], s["tables"][0] = channels, system.tables
        self.channels, self.agents = s["channels"][0], s["agents"][0]
        self.wake = s["wake"][0]
        self.wake[:] = NEVER
        self.wake[MAX_AGENTS:] = [self._clock_time(int(min(c["next_scan"], c["next_refresh"]))) for c in channels]
        numbers = list(range(len(cores)))
        for k, spec in enumerate(agents):
            if isinstance(spec, CoreSpec):
                self.agents[k]["kind"], self.agents[k]["core"] = CORE, numbers.pop(0)
            elif isinstance(spec, GpuSpec):
                self.agents[k]["kind"] = GPU
            else:
                self._set_up_tiles(self.agents[k], spec)
        for core, of in zip(s["cores"][0], cores, strict=False):
            set_up(core, of, system, self.unit_ps)
        self.gpu = GpuState(gpus[0], system, self.unit_ps) if gpus else None
        self._records: dict[int, Iterator[Records]] = {}
        self._programs = [_Program(iter(())) for _ in agents]
        self._join_programs()

    def _set_up_tiles(self, a: Any, spec: AgentSpec) -> None:
        if spec.depth > DEPTH:
            raise ConfigError(
                f"machine.weight_fifo_tiles: found {spec.depth} tiles; expected 1 to {DEPTH}, which are under way at "
                "once at most"
            )
        a["clock"] = clock = int(1_000_000 / spec.clock_mhz / self.unit_ps)
        a["window"], a["depth"], a["blocked_on"] = min(spec.window, RING), spec.depth, -1
        a["line_time"] = -(-self.system.geometry.burst_bytes * clock // spec.bytes_per_cycle)
        a["link_lag"] = max(0, int(a["line_time"]) - self._clock_time(self.system.timing.burst_ck))

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

    def start(self, agent: int, parts: Iterable[Part]) -> None:
        """Give an agent a program, in parts of any size that are asked for as it goes; it begins now.

        At the very end of a clock, at which the last program's last data may have been sent, that is the next clock.
        """
        a = self.agents[agent]
        port = self.state["port_clock"]
        np.maximum(port, self.now // int(self.state["period"][0]), out=port)
        values = {"wants": 0, "end": 0, "draining": 0, "blocked_on": -1, "life": RUNNING, "begin_time": self.now}
        values |= dict.fromkeys(("load_tile", "compute_tile", "store_tile", "run_pos", "lines"), 0)
        values |= {"run": -1, "next_send": self.now, "arrived": self.now}
        values |= dict.fromkeys(("load_left", "last_done"), 0)
        for name, value in values.items():
            a[name] = value
        self._programs[agent] = _Program(iter(parts))
        self._next_part(agent)
        self.wake[agent] = self.now

    def start_core(self, agent: int, records: Iterable[Records], tensors: Sequence[Tensor] = ()) -> None:
        """Give a core the records that leave its caches, in pieces of any size; it begins now.

        Records hold virtual lines of 64 bytes (see `edensim.machines.cpu.cache`); `tensors` are those that their
        arrays belong to. A core whose own caches are part of the world gets touches instead.
        """
        a = self.agents[agent]
        core = self.state["cores"][0][int(a["core"])]
        for name, value in {"wants": 0, "draining": 0, "life": RUNNING, "begin_time": self.now, "last_done": 0}.items():
            a[name] = value
        core["ready"] = max(int(core["ready"]), self.now)
        core["tensors"], core["tags"] = 0, 0
        core["tensors"][: len(tensors)] = [tensor.index for tensor in tensors]
        tags = [KINDS.index(tensor.kind) + 1 for tensor in tensors]
        core["tags"][: len(tensors)] = np.array(tags, np.int64) << TAG_BIT
        self._records[agent] = pieces(
            translate(piece, self.page_table, self.page_lines64, bool(core["live"])) for piece in records
        )
        a["more"] = True
        self._next_records(agent)
        self.wake[agent] = self.now

    def start_gpu(self, agent: int, launch: Any) -> None:
        """Give the GPU a kernel (record of dtype LAUNCH, virtual addresses); it begins now.

        What the last kernel left in the cache, and write-backs under way, stay.
        """
        if self.gpu is None or launch["slots"] > self.gpu.spec.blocks:
            raise ValueError("this world has no GPU, or a kernel wants more blocks per SM than it has slots")
        a = self.agents[agent]
        a["life"], a["begin_time"] = RUNNING, self.now
        self.gpu.record["launch"], self.gpu.record["begun"] = launch, 0
        self.wake[agent] = self.now

    def _next_records(self, agent: int) -> None:
        """Put the next piece of a core's records where its kernel reads it."""
        a = self.agents[agent]
        core = self.state["cores"][0][int(a["core"])]
        piece = next(self._records[agent], None)
        a["more"], a["wants"] = piece is not None, 0
        core["at"] = core["end"] = 0
        if piece is not None:
            core["program"][: len(piece)] = piece
            core["end"] = len(piece)

    def _next_part(self, agent: int) -> None:
        """Let an agent go on with the next part of its program."""
        a, program = self.agents[agent], self._programs[agent]
        dropped = program.go_on(int(a["store_tile"]))
        a["end"], a["more"] = program.first + len(program.tiles), program.ahead is not None
        if a["run"][STORE] >= 0:
            a["run"][STORE] -= dropped
        self._join_programs()

    def _join_programs(self) -> None:
        """Lay the programs of all agents one behind the other, as the kernel reads them."""
        tile, run = 0, 0
        for a, program in zip(self.agents, self._programs, strict=False):
            a["tile_shift"], a["run_shift"] = tile - program.first, run
            tile, run = tile + len(program.tiles), run + len(program.runs)
        self.tiles = _records([p.tiles for p in self._programs], TILE)
        self.runs = _records([p.runs for p in self._programs], RUN)

    def advance(self, until: int = NEVER, budget: int = NEVER) -> int:
        """Process every event strictly before `until`; returns the reason for stopping."""
        gpus = None if self.gpu is None else self.gpu.record
        cores = True if (self.agents["kind"] == CORE).any() else None
        while True:
            programs = self.tiles, self.runs, self.page_table
            reason = int(advance(self.state, gpus, cores, self.hierarchy, *programs, until, budget))
            if reason == LOG_FULL:
                self.save_log()
            elif reason == NEXT_PART:
                a = self.agents[: len(self._programs)]
                for agent in np.flatnonzero((a["wants"] >> LOAD & 1) & (a["load_tile"] == a["end"])):
                    if a[agent]["kind"] == CORE:
                        self._next_records(int(agent))
                    else:
                        self._next_part(int(agent))
            else:
                return reason

    def save_log(self) -> None:
        """Hand the accepted requests to `on_requests`, and the column commands to `on_columns`."""
        if self.on_requests is not None:
            self.on_requests(self.state["log"][0][: int(self.state["logged"][0])].copy())
            self.state["logged"] = 0
        if self.on_columns is not None:
            self.on_columns(self.state["columns"][0][: int(self.state["columned"][0])].copy())
            self.state["columned"] = 0

    def acknowledge(self, agent: int) -> None:
        """Mark the end of an agent's program as seen."""
        self.agents[agent]["life"] = SEEN

    def digest(self) -> str:
        """SHA-256 of the state; how often the kernel was called is not part of it."""
        state = self.state.copy()
        for name in ("dispatches", "events", "now"):
            state[name] = 0
        held = b"" if self.gpu is None else self.gpu.tobytes()
        if self.hierarchy is not None:
            held += self.hierarchy["levels"].tobytes()
        return hashlib.sha256(state.tobytes() + held).hexdigest()


def _records(arrays: list[NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
    """One behind the other as records, so that uncompiled kernels can read fields by attribute too."""
    joined = arrays[0] if len(arrays) == 1 else np.concatenate([np.zeros(0, dtype), *arrays])
    return np.ascontiguousarray(joined, dtype).view(np.dtype((np.record, dtype)))


class _Program:
    """The part of a program that an agent works on, and the next one.

    `first` is the number of `tiles[0]` in the whole program; `ahead` the part to come, None behind the last.
    """

    def __init__(self, parts: Iterator[Part]) -> None:
        self._parts = (part for part in parts if len(part[0]))
        self.tiles, self.runs, self.first = np.zeros(0, TILE), np.zeros(0, RUN), 0
        self.ahead = next(self._parts, None)

    def go_on(self, stored: int) -> int:
        """Append the next part behind the tiles from number `stored` on, whose stores are still to be read.

        Returns how many runs were dropped in front.
        """
        tiles, runs = self.ahead or (np.zeros(0, TILE), np.zeros(0, RUN))
        self.ahead = next(self._parts, None)
        waiting, tiles = self.tiles[stored - self.first :].copy(), tiles.copy()
        dropped = int(waiting["store_begin"].min()) if len(waiting) else len(self.runs)
        for name in ("store_begin", "store_end"):
            waiting[name] -= dropped
        for name in ("load_begin", "load_end", "store_begin", "store_end"):
            tiles[name] += len(self.runs) - dropped
        self.tiles = np.concatenate([waiting, tiles])
        self.runs = np.concatenate([self.runs[dropped:], runs]) if len(waiting) else runs
        self.first = stored
        return dropped


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
