"""Networks on a CPU: runs end to end, streams kept on disk, shared caches, checkpoints."""

from __future__ import annotations

import copy
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import edensim as es
from edensim.errors import EdensimError
from edensim.jit import JIT_DISABLED
from edensim.machines.cpu.cache import CacheLevel, Caches, touch_words
from edensim.system.core import CoreSpec
from edensim.system.port_kernel import BUDGET, CORE, wake_waiter
from edensim.system.world import World
from edensim.workloads.builder import NetworkBuilder
from tests.system.programs import NO_PAGES, system

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="whole networks take too long without the compiler")
RUN = {
    "workload": {"network": "lenet", "precision": "fp32"},
    "machine": {"preset": "cpu-eden", "cores": 2},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
    "compare": {"fast": {"tRCD_ns": 8.5}, "ideal": {"tRCD_ns": 0.0}},
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of streams of its own."""
    monkeypatch.setattr("edensim.machines.cpu.stream_store.cache_root", lambda: tmp_path)
    return tmp_path / "streams"


def run(**settings: object) -> dict:
    data = es.run(es.load_config(RUN, set=settings)).data
    del data["wall_s"]
    return data


def test_a_run_adds_up(cache: Path) -> None:
    """Bytes by kind are those read and written, the stack is the time; every weight is read; less tRCD is no slower."""
    data = run()
    assert sum(data["bytes"]["by_kind"].values()) == data["bytes"]["read"] + data["bytes"]["write"]
    assert data["bytes"]["by_kind"]["weights"] >= 4 * 431_000
    assert sum(data["cpi_stack_ns"].values()) == pytest.approx(data["time_ns"], rel=1e-9)
    assert sum(layer["time_ns"] for layer in data["layers"]) == pytest.approx(data["time_ns"], rel=1e-9)
    assert data["requests"]["read"] == sum(data["row"].values()) - data["requests"]["write"]
    assert data["compare"]["ideal"]["time_ns"] <= data["compare"]["fast"]["time_ns"] <= data["time_ns"]
    assert data["compare"]["ideal"]["cpi_stack_ns"]["row_miss"] < data["cpi_stack_ns"]["row_miss"]
    assert data["extrapolated_share"] == 0


def test_slow_caches_are_felt(cache: Path) -> None:
    """A core waits for a level whose latency its window cannot hide, and only for that; traffic and work stay."""
    one = {"workload.layers": ["conv1", "conv2"], "machine.cores": 1, "compare": {}}
    quick, slow = run(**one), run(**one, **{"machine.cache.l2.latency_cycles": 80})
    assert quick["cpi_stack_ns"]["l2"] == quick["cpi_stack_ns"]["l3"] == slow["cpi_stack_ns"]["l3"] == 0
    assert slow["cpi_stack_ns"]["l2"] > 0.05 * slow["time_ns"]
    assert slow["bytes"] == quick["bytes"]
    assert slow["cpi_stack_ns"]["compute"] == quick["cpi_stack_ns"]["compute"]


@pytest.mark.parametrize(("last", "share"), [(1 << 20, 0.9), (16 << 20, 0.0)])
def test_sampled_loops_take_the_time_of_whole_ones(cache: Path, last: int, share: float) -> None:
    """A layer of YOLOv3-Tiny whose unfolded map spills, or fits: time within 1 %, reads and writes within 0.1 %."""
    layer = {
        "workload.network": "yolov3-tiny", "workload.layers": ["conv4"], "machine.cores": 1, "machine.code": "darknet",
        "machine.cache.l3.size_bytes": last, "compare": {},
    }  # fmt: skip
    whole, sampled = (run(**layer, **{"machine.extrapolate": on}) for on in (False, True))
    assert sampled["extrapolated_share"] >= share
    assert sampled["time_ns"] == pytest.approx(whole["time_ns"], rel=0.01)
    for way, count in whole["requests"].items():
        assert sampled["requests"][way] == pytest.approx(count, rel=1e-3), way


def test_a_long_concatenation(cache: Path) -> None:
    """More sources than records tell apart, as in DenseNet: each is read, and bytes by kind still add up."""
    net = NetworkBuilder("wide", "test", per_filter=1)
    x = net.input(4, 64, 64)
    joined = net.concat(*(net.conv(x, f"branch{k}", 4, 1) for k in range(24)))
    net.conv(joined, "join", 4, 1)
    settings = {"machine.cores": 1, "machine.code": "onednn_prepacked", "compare": None}
    data = es.run(es.load_config(RUN, set=settings), network=net.build()).data
    assert data["bytes"]["read"] >= 24 * 4 * 64 * 64 * 4
    assert sum(data["bytes"]["by_kind"].values()) == data["bytes"]["read"] + data["bytes"]["write"]


def test_kept_streams_change_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First run, run from disk, run beside a damaged file and run without a disk give one result."""
    first = run()
    (file,) = cache.iterdir()
    held = file.read_bytes()
    assert run() == first
    file.write_bytes(held[:-5])
    assert run() == first
    assert file.read_bytes() == held
    file.unlink()
    monkeypatch.setenv("EDENSIM_STREAM_BYTES", "0")
    assert run() == first
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("cores", [1, 2])
def test_further_operating_points_make_no_streams(cache: Path, monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    """One core keeps what leaves its last cache, several what leaves their own: nest and caches run for one point only.

    Another cache, code or layer is another stream.
    """
    several = {"workload.batch": cores, "machine.cores": cores, "compare": {}}
    first = run(**several)
    kept = set(cache.iterdir())
    assert len(kept) == cores
    with monkeypatch.context() as patched:
        patched.delattr("edensim.machines.cpu.network_stream.stretches")
        assert run(**several) == first
        assert run(**several, **{"operating_point.tRCD_ns": 0.0})["time_ns"] < first["time_ns"]
        with pytest.raises(NameError):
            run(**several, **{"machine.cache.l2.size_bytes": 1 << 18})
    assert set(cache.iterdir()) == kept


def test_streams_used_longest_ago_leave(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder stays within its limit."""
    run()
    (first,) = cache.iterdir()
    monkeypatch.setenv("EDENSIM_STREAM_BYTES", str(first.stat().st_size + 200))
    run(**{"machine.code": "onednn"})
    assert len(list(cache.iterdir())) == 1
    assert not first.exists()


def test_two_cores_share_the_work(cache: Path) -> None:
    """Two images on two cores read what they do on one and a second scratch, in less time; each core's work is half."""
    one = run(**{"workload.batch": 2, "machine.cores": 1})
    two = run(**{"workload.batch": 2})
    assert one["bytes"]["read"] <= two["bytes"]["read"] < 1.2 * one["bytes"]["read"]
    assert two["time_ns"] < 0.8 * one["time_ns"]
    assert two["cpi_stack_ns"]["compute"] == pytest.approx(one["cpi_stack_ns"]["compute"] / 2, rel=0.01)
    assert sum(two["cpi_stack_ns"].values()) == pytest.approx(two["time_ns"], rel=1e-6)


def test_an_inclusive_level_takes_lines_from_the_cores(cache: Path) -> None:
    """Two cores above a shared level, inclusive or not: with room for all nothing changes, else lines are read again.

    With room no line leaves, so all differ by nothing but whose turn it is when both cores come at once.
    """
    both = {"workload.batch": 2, "workload.layers": ["conv1", "conv2"]}
    told = [
        run(**both, **{"machine.cache.l3.size_bytes": size, "machine.cache.l3.inclusive": inclusive})
        for size in (1 << 26, 1 << 18)
        for inclusive in (False, True)
    ]
    assert told[0]["bytes"] == told[1]["bytes"]
    assert told[0]["time_ns"] == pytest.approx(told[1]["time_ns"], rel=0.01)
    assert told[3]["bytes"]["read"] > told[2]["bytes"]["read"]
    assert told[3]["time_ns"] > told[2]["time_ns"]


LEVELS = [
    CacheLevel(4 << 10, 4),
    CacheLevel(16 << 10, 8, prefetcher="stream"),
    CacheLevel(64 << 10, 16, prefetcher="stream"),
    CacheLevel(256 << 10, 16),
]


def walk(seed: int) -> np.ndarray:
    """Streams and jumps, reads and writes."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 1 << 14, 400)
    lines = (first[:, None] + np.arange(20)).ravel()
    return touch_words(lines, rng.integers(0, 2, len(lines)), rng.integers(0, 30, len(lines)), 1)


def world_of(own: int, live: bool = False) -> tuple[World, list[np.ndarray]]:
    """One core whose last levels (or all) are looked up in the world, and what leaves the others."""
    caches = Caches(LEVELS[:own], emit_level=min(own, 2))
    records = [words.copy() for words in (*caches.drive(walk(4)), *caches.rest())]
    shared = [Caches(LEVELS[own:], emit_level=0)] if own < 4 else []
    if live:
        records = [walk(4)]
        shared.append(Caches(LEVELS[:own]))
        shared[1].put_above(0, shared[0])
    spec = CoreSpec(
        Fraction(4000), 4, 128, 64, 32, 10, (2, 4, 6, 8), Fraction(20), own if shared else -1, live=1 if live else -1
    )
    return World(system(), [spec], NO_PAGES, shared=shared), records


def test_levels_of_one_core_are_the_same_wherever_they_are_looked_up() -> None:
    """The last levels, or all, as the core goes: the traffic, hits and time of caches that are looked up beforehand."""
    ends = []
    for own, live in ((4, False), (2, False), (2, True)):
        world, records = world_of(own, live)
        world.start_core(0, records)
        while world.advance() == BUDGET:
            pass
        core = world.state["cores"][0][0]
        ends.append((world.now, int(core["reads"]), int(core["writes"]), core["level_hits"].tolist()))
    assert ends[0] == ends[1] == ends[2]
    assert ends[0][1] > 3000


def test_a_copy_of_a_running_world_goes_on_alike() -> None:
    """State, shared caches and the records still to come, copied in the middle of a run: both end the same way."""
    world, records = world_of(2)
    (words,) = [np.concatenate(records)]
    world.start_core(0, iter([words]))
    world.advance(budget=20_000)
    assert world.now > 0
    state, hierarchy = world.state.copy(), world.hierarchy.copy()
    left = list(world._records[0])
    world._records[0] = iter(left)
    digests = []
    for _ in range(2):
        world.state[:], world.hierarchy[:] = state, hierarchy
        world._records[0] = iter(copy.deepcopy(left))
        while world.advance(budget=5_000) == BUDGET:
            pass
        digests.append((world.now, world.digest()))
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"machine.cache.l1.size_bytes": 33000}, "machine.cache.l1.size_bytes: 33000 bytes"),
        ({"machine.cache.l2.ways": 7}, "expected a power of two"),
        ({"machine.window": 0}, "machine.window: found 0; expected a whole number from 1 to 4096"),
        ({"workload.precision": "int8"}, "the style openblas computes in fp32 or int16"),
        ({"machine.layer_code": {"conv9": "onednn"}}, "lenet has no layer 'conv9'; did you mean conv1"),
        ({"machine.cache.l5": {"size_bytes": 1 << 20, "ways": 8, "latency_cycles": 9}}, "without a gap"),
        ({"machine.extrapolate": True}, "expected machine.cores = 1"),
        ({"workload.network": "nowhere.lackey"}, "nowhere.lackey: no such file"),
    ],
)
def test_what_cannot_be_built_is_refused(settings: dict, words: str) -> None:
    """Each mistake is told with its key, before anything runs."""
    with pytest.raises(EdensimError) as caught:
        run(**settings)
    assert words in str(caught.value)


def test_shared_levels_may_not_prefetch_without_end() -> None:
    """Four shared levels of degree 16 could leave more records per access than there is room for."""
    levels = [CacheLevel(64 << 10, 16, prefetcher="stream", degree=16)] * 4
    with pytest.raises(EdensimError, match="4 shared levels whose prefetchers bring in 64 lines"):
        World(system(), [], NO_PAGES, shared=[Caches(levels, emit_level=0)])


@pytest.mark.parametrize(("burst", "order"), [(1, [3, 0, 1, 3, 0, 1]), (3, [1, 1, 3, 3, 3, 0, 0, 0, 1])])
def test_who_enters_a_full_queue_next(burst: int, order: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents 0, 1 and 3 always wait; 1 was let in once: each gets `door_burst` places before the next in turn."""
    agents = [SimpleNamespace(next_send=[0, 0], kind=CORE) for _ in range(4)]
    door = SimpleNamespace(
        waiters=np.zeros((1, 2), np.int64), last_woken=np.array([1]), granted=np.array([1]), door_burst=burst,
        agents=agents, wake=np.full(4, 1 << 40),
    )  # fmt: skip
    plain = getattr(wake_waiter, "py_func", wake_waiter)
    monkeypatch.setitem(plain.__globals__, "lowest_bit", lambda mask: (int(mask) & -int(mask)).bit_length() - 1)
    woken = []
    for at in range(len(order)):
        door.waiters[0, 0] = 0b1011
        plain(door, 0, 0, at)
        woken.append(int(door.last_woken[0]))
        assert int(door.waiters[0, 0]) == 0b1011 & ~(1 << woken[-1])
    assert woken == order
