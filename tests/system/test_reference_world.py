"""The compiled world against the reference in plain Python: every accepted line and the end, exactly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edensim.dram.controller import DramSystem
from edensim.dram.reference import Channel, Tally
from edensim.jit import JIT_DISABLED
from edensim.machines.program import RUN, TILE
from edensim.system.world import AgentSpec, World
from tests.dram.parity import constraint_table
from tests.dram.parity import settings as controller_settings
from tests.system.programs import NO_PAGES, run_program, system
from tests.system.reference_world import Engine, Memory, Tile, simulate

SHORT_REFRESH = {"tRFC_ns": 60.0, "tREFI_ns": 400.0}  # several refreshes within a short program
DEPTH = 3


@st.composite
def engines(draw: st.DrawFn) -> AgentSpec:
    """Clocks that do and do not divide the memory's, windows and links from narrow to wide."""
    return AgentSpec(
        clock_mhz=Fraction(draw(st.sampled_from([200, 700, 1000, 1200]))),
        window=draw(st.sampled_from([1, 2, 5, 16, 64])),
        bytes_per_cycle=Fraction(draw(st.sampled_from(["2.4", "48", "64", "100", "1000"]))),
        depth=draw(st.integers(1, DEPTH)),
    )


@st.composite
def programs(draw: st.DrawFn, lines: int) -> list[tuple[list[tuple[int, int]], int, list[tuple[int, int]]]]:
    """Up to eight tiles of (load runs, compute cycles, store runs), a run being (first line, count).

    Loads are of weights (few distinct places, so that rows conflict) or of what a tile far enough back has stored.
    """
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    most, compute = draw(st.sampled_from([1, 3, 12])), draw(st.sampled_from([0, 1, 20, 400]))
    tiles: list[tuple[list[tuple[int, int]], int, list[tuple[int, int]]]] = []
    for n in range(draw(st.integers(1, 8))):
        loads, stores = [], []
        for _ in range(rng.integers(0, 4)):
            first = int(rng.integers(0, 8)) * (lines // 8) + int(rng.integers(0, 64))
            loads.append((first, int(rng.integers(1, most + 1))))
        if n >= 2 * DEPTH + 1:
            loads += tiles[n - 2 * DEPTH - 1][2]
        for _ in range(rng.integers(0, 4)):
            first = int(rng.integers(0, 8)) * (lines // 8) + 4096 * (n + 1) + int(rng.integers(0, 8))
            stores.append((first, int(rng.integers(1, most + 1))))
        tiles.append((loads, int(rng.integers(0, compute + 1)), stores))
    return tiles


def by_kernel(
    memory: DramSystem, spec: AgentSpec, queues: tuple[int, int], layers: list, part: int
) -> tuple[list, int, World]:
    """Run programs one after the other in the compiled world, with queues smaller than those it was compiled for.

    A program comes `part` tiles at a time.
    """
    log: list[np.ndarray] = []
    world = World(memory, [spec], NO_PAGES, on_requests=log.append)
    world.channels["capacity"], world.channels["enter"] = queues, queues[1]
    world.channels["leave"] = -(-queues[1] // 4)
    run_program(world, *([records(tiles[k : k + part]) for k in range(0, len(tiles), part)] for tiles in layers))
    world.save_log()
    return [tuple(row) for row in np.concatenate([np.zeros((0, 4), int), *log])[:, :3].tolist()], world.now, world


def records(tiles: list) -> tuple[np.ndarray, np.ndarray]:
    """A program as the compiled world takes it: tiles and runs."""
    out, runs = np.zeros(len(tiles), TILE), []
    for n, (loads, cycles, stores) in enumerate(tiles):
        begin, middle, end = len(runs), len(runs) + len(loads), len(runs) + len(loads) + len(stores)
        out[n] = begin, middle, middle, end, cycles
        runs += loads + stores
    table = np.zeros(len(runs), RUN)
    table["line"], table["count"] = np.array(runs, np.int64).reshape(-1, 2).T
    return out, table


def by_reference(memory: DramSystem, spec: AgentSpec, queues: tuple[int, int], layers: list, world: World) -> tuple:
    """The same in plain Python; clock and link times are taken from the world's unit of time."""
    clock = units(world, spec)
    plain = [[Tile(expand(loads), n * clock, expand(stores)) for loads, n, stores in tiles] for tiles in layers]
    chosen = controller_settings(memory.dram)
    limits = {"read_queue": queues[0], "write_queue": queues[1], "write_marks": (1.0, 0.25)}
    chosen = type(chosen)(**{**vars(chosen), **limits})
    tally = Tally([[] for _ in range(memory.dram.channels)])
    edges = constraint_table(memory.dram)
    channels = [Channel(k, edges, memory.geometry, chosen, tally) for k in range(memory.dram.channels)]
    lines = sorted({line for tiles in plain for tile in tiles for line in (*tile.loads, *tile.stores)})
    where = zip(*(x.tolist() for x in memory.address_map.decode(np.array(lines, np.int64))), strict=True)
    period = memory.period / world.unit_ps
    assert period.denominator == 1
    reference = Memory(channels, int(period), dict(zip(lines, where, strict=True)))
    line_time = int(-(-memory.geometry.burst_bytes * clock // spec.bytes_per_cycle))
    burst_time = memory.timing.burst_ck * int(period)
    end = 0
    for tiles in plain:
        end = simulate(Engine(tiles, spec.depth, spec.window, line_time, burst_time, reference, now=end))
    return reference.accepted, end, tally


def units(world: World, spec: AgentSpec) -> int:
    """Clock period of an engine in the world's unit of time."""
    return int(1_000_000 / spec.clock_mhz / world.unit_ps)


def expand(runs: list[tuple[int, int]]) -> list[int]:
    """Single lines of runs."""
    return [line for first, count in runs for line in range(first, first + count)]


@pytest.mark.parametrize("channels", [1, 2])
@given(data=st.data())
@settings(max_examples=20 if JIT_DISABLED else 60, suppress_health_check=list(HealthCheck))
def test_world_equals_reference(channels: int, data: st.DataObject) -> None:
    """Random engines, queues and programs, in parts of any size, are those of the reference.

    Compared are clock, line and direction of every accepted request, the end, row hits and latencies.
    """
    memory = system(channels=channels, timing=SHORT_REFRESH)
    spec = data.draw(engines())
    queues = data.draw(st.sampled_from([(1, 1), (2, 3), (4, 4), (32, 32)]))
    layers = data.draw(st.lists(programs(1 << 20), min_size=1, max_size=3))
    part = data.draw(st.sampled_from([1, 2, 3, 100]))
    accepted, end, world = by_kernel(memory, spec, queues, layers, part)
    wanted, wanted_end, tally = by_reference(memory, spec, queues, layers, world)
    assert accepted == wanted
    assert end == wanted_end
    c = memory.counters(world.channels, world.now_clock)
    assert (c.row_hit.sum(), c.row_miss.sum(), c.row_conflict.sum()) == (tally.hits, tally.misses, tally.conflicts)
    assert (c.reads_forwarded.sum(), c.writes_coalesced.sum()) == (tally.forwarded, tally.coalesced)
    assert c.read_latency_ck_sum.sum() == tally.read_latency_sum
