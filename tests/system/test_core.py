"""Cores in the compiled world: against the plain-Python core, closed forms, and what must not change results."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edensim.dram.controller import DramSystem
from edensim.dram.reference import Channel, Tally
from edensim.jit import JIT_DISABLED
from edensim.machines.cpu import cache_kernel as kernel
from edensim.system.core import CoreSpec
from edensim.system.environment import WorldEnvironment
from edensim.system.world import World
from tests.dram.parity import constraint_table
from tests.dram.parity import settings as controller_settings
from tests.system.programs import NO_PAGES, system
from tests.system.reference_core import Core, Record, simulate
from tests.system.reference_world import Memory

SHORT_REFRESH = {"tRFC_ns": 60.0, "tREFI_ns": 400.0}
CORE = CoreSpec(Fraction(4000), 4, 128, 64, 32, 10, (4,), Fraction(20))
FLAGS = {"load": 0, "store": kernel.STORE, "prefetch": kernel.PREFETCH, "write": kernel.WRITE}


def words(records: list[Record]) -> np.ndarray:
    """Records as the caches write them."""
    out = np.zeros(len(records), np.uint64)
    for k, r in enumerate(records):
        flags = FLAGS[r.kind] | (kernel.DEPENDENT if r.dependent else 0)
        low = (r.gap << kernel.RECORD_GAP_SHIFT) | (r.level << kernel.RECORD_LEVEL_SHIFT) | flags
        out[k] = (np.uint64(r.line) << np.uint64(kernel.RECORD_LINE_SHIFT)) | np.uint64(low)
    return out


def run(world: World, *programs: list[np.ndarray], tick: int = 0) -> None:
    """Each core runs its records; optionally with a control event every `tick` units."""
    env = WorldEnvironment(world)
    for agent, pieces in enumerate(programs):
        world.start_core(agent, pieces)

    def ticks():
        while tick:
            yield env.timeout(tick)

    env.process(ticks())
    done = env.finished(0)
    for agent in range(1, len(programs)):
        done = done & env.finished(agent)
    env.run(until=done)
    world.save_log()


@st.composite
def walks(draw: st.DrawFn) -> list[Record]:
    """Streams and jumps of every kind of record; prefetched lines are used later, and written lines are not read."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    gap = draw(st.sampled_from([0, 3, 40, 300]))
    out: list[Record] = []
    for _ in range(draw(st.integers(1, 12))):
        first, count = int(rng.integers(0, 1 << 18)), int(rng.integers(1, 12))
        kind = str(rng.choice(["load", "load", "load", "store", "prefetch", "write"]))
        hit = kind in ("load", "store") and rng.random() < 0.2
        dependent = kind == "load" and rng.random() < 0.3
        base = 1 << 19 if kind == "write" else 0
        lines = [base + first + (k if rng.random() < 0.7 else 97 * k) for k in range(count)]
        out += [Record(int(rng.integers(0, gap + 1)), x, 0 if hit else 1, kind, dependent) for x in lines]
        if kind == "prefetch":
            out += [Record(int(rng.integers(0, gap + 1)), x, 0, "load") for x in lines if rng.random() < 0.8]
    return out


@st.composite
def cores(draw: st.DrawFn) -> CoreSpec:
    """Clocks that do and do not divide the memory's, windows and queues from narrow to wide."""
    return CoreSpec(
        clock_mhz=Fraction(draw(st.sampled_from([1000, 2400, 3700]))),
        width=draw(st.sampled_from([1, 4])),
        window=draw(st.sampled_from([1, 32, 128])),
        loads=draw(st.sampled_from([1, 4, 64])),
        stores=draw(st.sampled_from([1, 32])),
        misses=draw(st.sampled_from([1, 3, 10])),
        hit_cycles=(draw(st.sampled_from([4, 40])),),
        memory_ns=Fraction(draw(st.sampled_from([0, 20]))),
    )


def by_reference(
    memory: DramSystem, spec: CoreSpec, queues: tuple[int, int], walk: list[Record], world: World
) -> tuple:
    """Accepted requests and the end, in plain Python."""
    chosen = controller_settings(memory.dram)
    limits = {"read_queue": queues[0], "write_queue": queues[1], "write_marks": (1.0, 0.25)}
    chosen = type(chosen)(**{**vars(chosen), **limits})
    tally = Tally([[] for _ in range(memory.dram.channels)])
    edges = constraint_table(memory.dram)
    channels = [Channel(k, edges, memory.geometry, chosen, tally) for k in range(memory.dram.channels)]
    lines = sorted({r.line for r in walk})
    where = zip(*(x.tolist() for x in memory.address_map.decode(np.array(lines, np.int64))), strict=True)
    period = int(memory.period / world.unit_ps)
    clock = Fraction(1_000_000) / spec.clock_mhz / world.unit_ps
    core = Core(
        walk,
        Memory(channels, period, dict(zip(lines, where, strict=True))),
        int(clock / spec.width),
        spec.window,
        spec.loads,
        spec.stores,
        spec.misses,
        [int(clock * cycles) for cycles in spec.hit_cycles],
        int(world.state["cores"][0][0]["return_time"]),
    )
    end = simulate(core)
    return core.memory.accepted, end, tally


@pytest.mark.parametrize("channels", [1, 2])
@given(data=st.data())
@settings(max_examples=15 if JIT_DISABLED else 80, suppress_health_check=list(HealthCheck), deadline=None)
def test_core_equals_reference(channels: int, data: st.DataObject) -> None:
    """Clock, line and direction of every accepted request and the end, for any window, queue and mix of records."""
    memory = system(channels=channels, timing=SHORT_REFRESH)
    spec, walk = data.draw(cores()), data.draw(walks())
    queues = data.draw(st.sampled_from([(1, 1), (2, 3), (32, 32)]))
    log: list[np.ndarray] = []
    world = World(memory, [spec], NO_PAGES, on_requests=log.append)
    world.channels["capacity"], world.channels["enter"] = queues, queues[1]
    world.channels["leave"] = -(-queues[1] // 4)
    cut = data.draw(st.sampled_from([1, 5, 1000]))
    all_words = words(walk)
    run(world, [all_words[k : k + cut] for k in range(0, len(walk), cut)])
    accepted = [tuple(row) for row in np.concatenate([np.zeros((0, 4), int), *log])[:, :3].tolist()]
    wanted, end, _ = by_reference(memory, spec, queues, walk, world)
    assert accepted == wanted
    assert world.now == end


@pytest.mark.parametrize("tRCD_ns", [13.32, 8.5])
def test_dependent_reads_take_the_sum_of_their_parts(tRCD_ns: float) -> None:
    """A chain of reads of closed rows: tRCD + CL + burst + the way there and back, each.

    A request waits for the end of the clock in which it reaches the controller.
    """
    memory = system(controller={"refresh": "none"}, timing={"tRCD_ns": tRCD_ns})
    banks = np.arange(memory.geometry.banks)
    lines = memory.address_map.encode(0 * banks, banks, 0 * banks + 5, 0 * banks)
    walk = [Record(4, int(line), dependent=True) for line in lines]
    world = World(memory, [CORE], NO_PAGES)
    run(world, [words(walk)])
    period = memory.period / 1000
    unloaded = (memory.timing.ck["nRCD"] + memory.timing.read_latency) * period
    way = Fraction(20) + 4 * Fraction(1, 4)  # memory_ns and the last cache's four cycles
    least = Fraction(4, 16) + len(walk) * (unloaded + way)
    assert float(least) - 1e-6 <= world.now_ns <= float(least + len(walk) * period)


def test_control_changes_nothing() -> None:
    """The end and the whole state do not depend on how often control looks on."""
    rng = np.random.default_rng(3)
    program = words(
        [Record(20, int(x), dependent=bool(k % 7 == 0)) for k, x in enumerate(rng.integers(0, 1 << 20, 3000))]
    )
    digests = set()
    for tick in (0, 1_000_003, 99_991):
        world = World(system(channels=2), [CORE, CORE], NO_PAGES)
        run(world, [program], [program[::-1].copy()], tick=tick)
        digests.add(world.digest())
    assert len(digests) == 1


def test_stalls_and_work_fill_the_time() -> None:
    """Instructions issued plus everything waited for is the time of the last issue."""
    rng = np.random.default_rng(5)
    program = words([Record(int(rng.integers(0, 100)), int(x)) for x in rng.integers(0, 1 << 20, 4000)])
    world = World(system(), [CORE], NO_PAGES)
    run(world, [program])
    core = world.state["cores"][0][0]
    assert int(core["busy_time"]) + int(core["stall_time"].sum()) == int(core["ready"])


def test_lower_latency_is_never_slower_alone() -> None:
    """One core: the end does not grow when tRCD falls, down to zero."""
    rng = np.random.default_rng(11)
    program = words([Record(60, int(x)) for x in rng.integers(0, 1 << 22, 5000)])
    ends = []
    for tRCD_ns in (13.32, 10.0, 6.5, 0.0):
        world = World(system(timing={"tRCD_ns": tRCD_ns}), [CORE], NO_PAGES)
        run(world, [program])
        ends.append(world.now)
    assert ends == sorted(ends, reverse=True)
