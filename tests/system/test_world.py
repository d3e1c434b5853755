"""The closed loop: exact for any control granularity, resumable, conserving, and never faster than the bus."""

import os
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from simpy import Event

from edensim.errors import ConfigError
from edensim.jit import JIT_DISABLED
from edensim.machines import RUN, TILE
from edensim.system.environment import WorldEnvironment
from edensim.system.port_kernel import BUDGET, FINISHED, SEEN
from edensim.system.world import AgentSpec, World, common_unit
from tests.system.programs import ENGINE, NO_PAGES, program, run_program, system

SCALE = 1 if JIT_DISABLED else 20
WIDE = AgentSpec(Fraction(1200), 64, Fraction(4096), 2)


@pytest.mark.parametrize("channels", [1, 2])
def test_control_granularity_changes_nothing(channels: int) -> None:
    """Control events never, every 10 us, 1 us and 333 ns: equal end time and equal SHA-256 of the whole state."""
    memory = system(channels=channels)
    ends = set()
    for tick_ps in (0, 10_000_001, 1_000_000, 333_333):
        world = World(memory, [ENGINE], NO_PAGES)
        tick = world.from_ps(tick_ps)
        env = run_program(world, program(2 * SCALE, 128, 16, 700), program(SCALE, 300, 64, 10), tick=tick)
        ends.add((env.now, world.digest()))
    assert len(ends) == 1


def test_checkpoint_resumes_identically() -> None:
    """A copy of the state taken mid-run and continued ends in the same state as the run it was taken from."""
    world = World(system(), [ENGINE], NO_PAGES)
    world.start(0, [program(4, 128, 32, 500)])
    world.advance(budget=300)
    copy = world.state.copy()
    while world.advance(budget=100) == BUDGET:
        pass
    finished = world.digest()
    assert finished != copy.tobytes()
    world.state[:] = copy
    while world.advance(budget=77) == BUDGET:
        pass
    assert world.digest() == finished


def test_requests_and_bytes_are_conserved() -> None:
    """Every line of the program reaches the memory exactly once; hits, misses and conflicts classify all of them."""
    memory = system(channels=2)
    world = World(memory, [ENGINE], NO_PAGES)
    run_program(world, program(5, 200, 40, 100))
    c = memory.counters(world.channels, world.now_clock)
    assert (int(c.reads.sum()), int(c.writes.sum())) == (1000, 200)
    served = 1200 - int(c.reads_forwarded.sum() + c.writes_coalesced.sum())
    assert int(c.row_hit.sum() + c.row_miss.sum() + c.row_conflict.sum()) == served
    assert int(c.n_rd.sum() + c.n_wr.sum()) == served


def test_bandwidth_is_never_above_the_peak() -> None:
    """A memory-bound program comes close to the peak of the bus (above 85 %) and never beyond it."""
    memory = system()
    world = World(memory, [ENGINE], NO_PAGES)
    run_program(world, program(4 * SCALE, 512, 0, 0, stride=512))
    gb_s = 4 * SCALE * 512 * 64 / world.now_ns
    assert 0.85 * memory.peak_bandwidth_gb_s < gb_s <= memory.peak_bandwidth_gb_s


def test_compute_bound_time_is_the_sum_of_computations() -> None:
    """With long computations the end is first load + all computations + last store; the middle hides all transfers."""
    world = World(system(), [ENGINE], NO_PAGES)
    run_program(world, program(10, 64, 8, 100_000))
    compute_ns = 10 * 100_000 * 1.0
    assert world.to_ns(int(world.agents[0]["busy_time"])) == compute_ns
    assert compute_ns < world.now_ns < compute_ns + 2_000


def test_single_line_latency_is_the_closed_form() -> None:
    """One read of a closed bank on an idle memory: tRCD, CL and the burst after the first clock, which is number 1."""
    memory = system()
    world = World(memory, [ENGINE], NO_PAGES)
    run_program(world, program(1, 1, 0, 0))
    ck = memory.timing.ck
    assert world.now_clock == 1 + ck["nRCD"] + ck["nCL"] + ck["nBL"]


def test_single_buffer_is_slower() -> None:
    """Without double buffering loads wait for computations, so the same program takes longer."""
    ends = []
    for depth in (1, 2):
        world = World(system(), [AgentSpec(Fraction(1000), 64, Fraction(64), depth)], NO_PAGES)
        run_program(world, program(8, 256, 0, 1000))
        ends.append(world.now_ns)
    assert ends[0] > 1.3 * ends[1]


def test_pages_move_requests_not_counts() -> None:
    """An identity page table changes nothing; a reversed one keeps all counts and moves the lines."""
    memory, logs, ends = system(), [], []
    for table in (NO_PAGES, np.arange(64), np.arange(64)[::-1].copy()):
        log: list = []
        world = World(memory, [ENGINE], table, 128 if len(table) else 1, on_requests=log.append)
        env = run_program(world, program(4, 300, 20, 10))
        world.save_log()
        logs.append(np.concatenate(log))
        ends.append(env.now)
    assert (logs[0] == logs[1]).all() and ends[0] == ends[1]
    assert len(logs[2]) == len(logs[0]) == 4 * 320
    order = np.argsort(logs[2][:, 1])
    moved = 128 * (63 - logs[0][:, 1] // 128) + logs[0][:, 1] % 128
    assert (np.sort(moved) == logs[2][order, 1]).all()


@pytest.mark.parametrize("engine", [ENGINE, AgentSpec(Fraction(200), 5, Fraction("2.4"), 1), WIDE])
def test_parts_of_a_program_change_nothing(engine: AgentSpec) -> None:
    """A program in parts of 1, 2, 7 or all tiles, on one of two engines: equal requests, clocks, ends and latencies."""
    memory = system(channels=2)
    tiles, runs = program(6 * SCALE, 96, 40, 150)
    found = set()
    for length in (1, 2, 7, len(tiles)):
        log: list[np.ndarray] = []
        world = World(memory, [engine, ENGINE], NO_PAGES, on_requests=log.append)
        world.start(1, [program(3 * SCALE, 100, 10, 100, first_line=1 << 20)])
        pieces = (slice(k, k + length) for k in range(0, len(tiles), length))
        parts = []
        for piece in pieces:  # run indices count from the first run of the part
            mine = tiles[piece].copy()
            for name in ("load_begin", "load_end", "store_begin", "store_end"):
                mine[name] -= tiles[piece]["load_begin"][0]
            parts.append((mine, runs[2 * piece.start : 2 * piece.stop]))
        run_program(world, parts)
        while world.agents[1]["life"] != SEEN:
            world.acknowledge(1) if world.agents[1]["life"] == FINISHED else world.advance(budget=10_000)
        world.save_log()
        agents = [tuple(int(a[x]) for x in ("finished_at", "busy_time", "load_wait_time")) for a in world.agents[:2]]
        requests = np.concatenate(log)
        found.add((*agents, requests.tobytes(), int(world.channels["latency_sum"].sum())))
    assert len(requests) == 6 * SCALE * 136 + 3 * SCALE * 110
    assert len(found) == 1


def test_a_slow_link_is_never_beaten() -> None:
    """Data cross a link at its width: one line takes the line's time, a thousand at least a thousand times that.

    Lines that a refresh has held back leave the memory together, but reach the engine one after the other.
    """
    memory, slow = system(), AgentSpec(Fraction(200), 64, Fraction("2.4"), 2)
    for lines in (1, 1000):
        world = World(memory, [slow], NO_PAGES)
        line_time = int(world.agents[0]["line_time"])
        run_program(world, program(1, lines, 0, 0))
        assert lines * line_time < world.now < lines * line_time + world.from_ps(1_000_000)
    world = World(system(timing={"tRFC_ns": 5_000.0, "tREFI_ns": 50_000.0}), [slow], NO_PAGES)
    line_time = int(world.agents[0]["line_time"])
    run_program(world, program(1, 420, 0, 0))  # 56 us of link time, of which it rests 5 us from 50 us on
    assert world.now > 420 * line_time + world.from_ps(4_000_000)


def test_two_engines_share_the_memory() -> None:
    """Two engines on one channel both finish, and each takes longer than alone."""
    memory = system()
    alone = World(memory, [ENGINE], NO_PAGES)
    run_program(alone, program(4, 512, 0, 0))
    world = World(memory, [ENGINE, ENGINE], NO_PAGES)
    tiles, runs = program(4, 512, 0, 0)
    elsewhere = runs.copy()
    elsewhere["line"] += 1 << 20
    world.start(0, [(tiles, runs)])
    world.start(1, [(tiles, elsewhere)])
    while world.advance(budget=1000) == BUDGET or world.agents["finished_at"][:2].min() == 0:
        for k in range(2):
            if world.agents[k]["life"] == 2:
                world.acknowledge(k)
    assert int(world.channels["counts"][:, 0].sum()) == 2 * 4 * 512
    assert world.agents["finished_at"][:2].min() > 1.5 * alone.now


def test_where_pieces_end_changes_nothing() -> None:
    """Pages of one or two lines, each in its place, give the time of the program without pages, stores or not."""
    memory, rng = system(), np.random.default_rng(1)
    for _ in range(3 * SCALE):
        engine = AgentSpec(Fraction(1200), int(rng.integers(1, 20)), Fraction(256), int(rng.integers(1, 4)))
        work = program(6, *(int(x) for x in rng.integers(1, 60, 3)), stride=1000)
        ends = set()
        for table, page_lines in ((NO_PAGES, 1), (np.arange(1 << 14), 1), (np.arange(1 << 13), 2)):
            world = World(memory, [engine], table, page_lines)
            run_program(world, work)
            ends.add(world.now)
        assert len(ends) == 1


@pytest.mark.skipif(JIT_DISABLED, reason="tens of thousands of lines")
def test_the_log_holds_every_line_while_the_memory_rests() -> None:
    """Thousands of stores merge during one long refresh without a single event of the memory; none is lost."""
    log: list[np.ndarray] = []
    world = World(system(timing={"tRFC_ns": 10_000.0, "tREFI_ns": 15_000.0}), [WIDE], NO_PAGES, on_requests=log.append)
    tiles, runs = np.zeros(1, TILE), np.zeros(20_000, RUN)
    tiles["store_end"], runs["count"] = len(runs), 4
    run_program(world, (tiles, runs))
    world.save_log()
    lines = np.concatenate(log)
    assert (lines[:, 1] == np.tile(np.arange(4), len(runs))).all()
    assert int(world.channels["coalesced"][0]) > 40_000


@pytest.mark.parametrize("preset", ["ddr4-2400r-8gb-x8", "ddr3l-1600-4gb-x8", "lpddr3-1600-4gb-x32"])
def test_the_link_is_as_fast_as_it_says(preset: str) -> None:
    """A link of 34 GB/s at 700 MHz moves a line in its exact time, whatever the clock of the memory."""
    memory = system(preset)
    world = World(memory, [AgentSpec(Fraction(700), 64, Fraction("48.57142857142857"), 2)], NO_PAGES)
    assert world.to_ns(world.agents[0]["line_time"]) == pytest.approx(memory.geometry.burst_bytes / 34, rel=1e-4)


def test_tiles_in_flight_have_a_limit() -> None:
    """More tiles than an engine keeps are refused, not silently cut down."""
    with pytest.raises(ConfigError, match="weight_fifo_tiles: found 9 tiles; expected 1 to 8"):
        World(system(), [AgentSpec(Fraction(700), 64, Fraction(64), 9)], NO_PAGES)


def test_waiting_for_what_has_ended() -> None:
    """Control that waits for the slow engine first still hears of the fast one, at once."""
    world = World(system(), [ENGINE, AgentSpec(Fraction(100), 64, Fraction(64), 2)], NO_PAGES)
    env, seen = WorldEnvironment(world), []

    def control() -> Iterator[Event]:
        for agent in (0, 1):
            world.start(agent, [program(2, 16, 16, 500)])
        for agent in (1, 0):
            yield env.finished(agent)
            seen.append((agent, env.now))

    env.run(until=env.process(control()))
    assert seen == [(1, int(world.agents["finished_at"][1])), (0, int(world.agents["finished_at"][1]))]
    assert world.agents["finished_at"][0] < world.agents["finished_at"][1]


def test_common_unit_divides_every_clock() -> None:
    """Exact time: the unit divides 2500/3 ps and 10/7 ns, and odd clocks without a common unit are refused."""
    unit = common_unit([Fraction(2500, 3), Fraction(10_000, 7)])
    assert (Fraction(2500, 3) / unit).denominator == 1 and (Fraction(10_000, 7) / unit).denominator == 1


@pytest.mark.skipif(JIT_DISABLED, reason="compares with the compiled run")
def test_without_the_compiler_the_state_is_the_same() -> None:
    """NUMBA_DISABLE_JIT=1 gives the same SHA-256 of the whole state: every intrinsic has a true twin."""
    world = World(system(channels=2), [ENGINE], NO_PAGES)
    run_program(world, program(3, 100, 30, 200))
    code = (
        "from tests.system.programs import *\n"
        "w = World(system(channels=2), [ENGINE], NO_PAGES)\n"
        "run_program(w, program(3, 100, 30, 200))\n"
        "print(w.digest())"
    )
    root = Path(__file__).parents[2]
    env = dict(os.environ, NUMBA_DISABLE_JIT="1", PYTHONPATH=str(root))
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert out.stdout.strip() == world.digest()
