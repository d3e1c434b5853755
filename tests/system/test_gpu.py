"""The GPU in the compiled world: against the plain-Python GPU, closed forms, and what must not change results."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edensim.dram.controller import DramSystem
from edensim.dram.reference import Channel, Tally
from edensim.errors import ConfigError
from edensim.jit import JIT_DISABLED
from edensim.machines.gpu import launch_kernel as kernel
from edensim.machines.gpu.device import MOST_REQUESTS, Device, Tile
from edensim.machines.gpu.launch import Launch, Stream, gemm, stream
from edensim.machines.program import LayerTensors
from edensim.system.environment import WorldEnvironment
from edensim.system.gpu import GpuSpec
from edensim.system.world import World
from edensim.workloads.layer import Layer
from tests.dram.parity import constraint_table
from tests.dram.parity import settings as controller_settings
from tests.system.programs import NO_PAGES, system
from tests.system.reference_gpu import Gpu, GpuMemory, Word, simulate

SHORT_REFRESH = {"tRFC_ns": 60.0, "tREFI_ns": 400.0}
DEVICE = Device(
    Fraction(1000), 2, {"fp32": 64}, 64, 2048, 65536, 98304, 2, 56, 2, (Tile(16, 16, 4, 64),), False, Fraction(32), 128
)
SPEC = GpuSpec(Fraction(1000), 2, 2, 2, 3, 4, 2, 128, True, 4, 4, 3, 6, Fraction(32), Fraction(32), 30, 20)
WIDE = replace(SPEC, sms=8, slices=8, sets=16, ways=8, mshrs=32, merges=16, write_backs=16, queue=16)


def conv(C: int, size: int, K: int, R: int = 1, stride: int = 1) -> Layer:
    """A square convolution with half padding."""
    out = (size + 2 * (R // 2) - R) // stride + 1
    pad = (R // 2,) * 4
    return Layer("conv", "conv", C, size, size, K, R, R, out, out, (stride, stride), pad)


def conv_launch(layer: Layer, device: Device = DEVICE, first: int = 0) -> Launch:
    """Its kernel, tensors one behind the other."""
    ifm = first + 4 * layer.weight_count
    return gemm(device, layer, LayerTensors(first, ifm, ifm + 4 * layer.ifm_count), 32, "fp32", 1)


def run(world: World, launches: list[Launch], tick: int = 0) -> None:
    """Kernels one after the other on agent 0, optionally with a control event every `tick` units."""
    env = WorldEnvironment(world)

    def network():
        for launch in launches:
            world.start_gpu(0, launch.record)
            yield env.finished(0)

    def ticks():
        while tick:
            yield env.timeout(tick)

    done = env.process(network())
    env.process(ticks())
    env.run(until=done)
    world.save_log()


def words(launch: Launch, block: int, step: int) -> list[Word]:
    """Requests of a step, unpacked."""
    out = np.zeros(MOST_REQUESTS, np.int64)
    count = kernel.step_requests(launch.record, block, step, out)
    masks = (out[:count] >> kernel.MASK_SHIFT) & 0xFF
    lines = out[:count] >> kernel.LINE_SHIFT
    return [
        (int(line), frozenset(k for k in range(8) if mask >> k & 1)) for line, mask in zip(lines, masks, strict=True)
    ]


def place_of(spec: GpuSpec) -> Callable[[int], tuple[int, int]]:
    """Slice and set of a line."""
    shift = spec.sets.bit_length() - 1

    def place(line: int) -> tuple[int, int]:
        mixed = line ^ (line >> 7) ^ (line >> 14) ^ (line >> 21) if spec.hashed else line
        row = line // spec.slices
        if spec.hashed:
            row ^= (row >> shift) ^ (row >> 2 * shift)
        return mixed % spec.slices, row % spec.sets

    return place


def by_reference(memory: DramSystem, spec: GpuSpec, launch: Launch, world: World) -> tuple[list, int]:
    """Accepted requests and the end, in plain Python."""
    chosen = controller_settings(memory.dram)
    tally = Tally([[] for _ in range(memory.dram.channels)])
    edges = constraint_table(memory.dram)
    channels = [Channel(k, edges, memory.geometry, chosen, tally) for k in range(memory.dram.channels)]
    g, r = world.gpu.record[0], launch.record
    program = {
        (block, step): words(launch, block, step)
        for block in range(launch.blocks)
        for step in range(int(r["steps"]) + 1)
    }
    units = int(g["units"])
    lines = sorted({line * units + u for x in program.values() for line, _ in x for u in range(units)})
    where = zip(*(x.tolist() for x in memory.address_map.decode(np.array(lines, np.int64))), strict=True)
    period = int(memory.period / world.unit_ps)
    gpu = Gpu(
        GpuMemory(channels, period, dict(zip(lines, where, strict=True))),
        lambda block, step: program[block, step],
        launch.blocks,
        int(r["steps"]),
        int(r["slots"]),
        int(r["step_time"]) * int(g["clock"]),
        spec.sms,
        spec.stages,
        spec.slices,
        spec.sets,
        spec.ways,
        units,
        int(g["unit_sectors"]),
        spec.queue,
        spec.mshrs,
        spec.merges,
        spec.write_backs,
        *(int(g[name]) for name in ("clock", "l2_time", "memory_time", "link_time", "sector_time")),
        place=place_of(spec),
    )
    end = simulate(gpu)
    return gpu.memory.accepted, end


@st.composite
def specs(draw: st.DrawFn) -> GpuSpec:
    """GPUs from starved to ample; clocks that do and do not divide the memory's."""
    return GpuSpec(
        clock_mhz=Fraction(draw(st.sampled_from([500, 1417, 2000]))),
        sms=draw(st.sampled_from([1, 2, 5])),
        blocks=2,
        stages=draw(st.sampled_from([1, 2, 3])),
        slices=draw(st.sampled_from([1, 3, 4])),
        sets=draw(st.sampled_from([1, 4])),
        ways=draw(st.sampled_from([1, 2, 16])),
        line_bytes=128,
        hashed=draw(st.booleans()),
        queue=draw(st.sampled_from([1, 3, 32])),
        mshrs=draw(st.sampled_from([1, 2, 8])),
        merges=draw(st.sampled_from([1, 8])),
        write_backs=draw(st.sampled_from([4, 9])),
        slice_bytes=Fraction(draw(st.sampled_from([8, 32, 64]))),
        sm_bytes=Fraction(draw(st.sampled_from([16, 64]))),
        l2_cycles=draw(st.sampled_from([0, 40])),
        memory_cycles=draw(st.sampled_from([0, 25])),
    )


@st.composite
def kernels(draw: st.DrawFn) -> tuple[Device, Launch]:
    """Small convolutions and copies."""
    device = replace(DEVICE, channels_last=draw(st.booleans()), blocks=draw(st.sampled_from([1, 2])))
    if draw(st.booleans()):
        R = draw(st.sampled_from([1, 3]))
        layer = conv(
            draw(st.integers(1, 9)), draw(st.integers(3, 9)), draw(st.integers(1, 40)), R, draw(st.sampled_from([1, 2]))
        )
        return device, conv_launch(layer, device, 4 * draw(st.integers(0, 40)))
    sizes = [draw(st.integers(1, 9000)) for _ in range(2)]
    streams = [Stream(0, sizes[0], 0), Stream(1 << 16, sizes[1], 1, draw(st.sampled_from([0, 300])))]
    return device, stream(device, "copy", streams[0], streams[1:], draw(st.sampled_from([0, 5000])), 32)


@pytest.mark.parametrize(("preset", "channels"), [("ddr4-2400r-8gb-x8", 2), ("gddr5-6000-1gb-x32", 3)])
@given(data=st.data())
@settings(max_examples=4 if JIT_DISABLED else 25, suppress_health_check=list(HealthCheck), deadline=None)
def test_gpu_equals_reference(preset: str, channels: int, data: st.DataObject) -> None:
    """Clock, line and direction of every accepted request and the end, for any cache, queue and kernel."""
    memory = system(preset, channels=channels, timing=SHORT_REFRESH)
    spec, (_, launch) = data.draw(specs()), data.draw(kernels())
    log: list[np.ndarray] = []
    world = World(memory, [spec], NO_PAGES, on_requests=log.append)
    run(world, [launch])
    accepted = [tuple(row) for row in np.concatenate([np.zeros((0, 4), int), *log])[:, :3].tolist()]
    wanted, end = by_reference(memory, spec, launch, world)
    assert accepted == wanted
    assert world.now == end


def new_world(memory: DramSystem, spec: GpuSpec, pages: np.ndarray = NO_PAGES) -> World:
    """A world that logs its requests whether wanted or not: one kernel less to compile."""
    return World(memory, [spec], pages, on_requests=lambda log: None)


def ends(launches: list[Launch], spec: GpuSpec = WIDE, **timing: float) -> tuple[int, World]:
    """Time at which the kernels have run on two channels, and the world then."""
    world = new_world(system(channels=2, timing=timing), spec)
    run(world, launches)
    return world.now, world


@pytest.mark.parametrize("tRCD_ns", [13.32, 8.5])
def test_unloaded_latency_is_the_configured_sum(tRCD_ns: float) -> None:
    """One load after the other of closed rows: cache, way to memory, tRCD, CL and burst, each; a hit only the cache.

    A request waits for the end of the clock in which it reaches the controller.
    """
    memory = system(channels=2, controller={"refresh": "none"}, timing={"tRCD_ns": tRCD_ns})
    device = replace(DEVICE, tiles=(Tile(1, 1, 16, 32),), stages=1, channels_last=True)
    spec = replace(WIDE, sms=1, stages=1, sm_bytes=Fraction(64))
    # Eight steps, each of a burst of weights and one of input, asked for in turn; no two bursts share a bank.
    steps = 8
    launch = gemm(device, Layer("fc", "fc", 128, 1, 1, 1, 1, 1, 1, 1), LayerTensors(0, 512, 1024), 32, "fp32", 1)
    table = memory.address_map.encode(0, np.arange(17) % 16, 100 + np.arange(17), 0)
    world = new_world(memory, spec, table)
    run(world, [launch])
    cold = world.now_ns
    run(world, [launch])
    warm = world.now_ns - cold
    period, ck = memory.period / 1000, memory.timing.ck
    hit = spec.l2_cycles + int(launch.record["step_time"])  # ns, at 1 GHz
    assert warm == pytest.approx(steps * (hit + 1) + 1, abs=1e-3)  # the second request leaves a clock after the first
    least = steps * (hit + spec.memory_cycles + (ck["nRCD"] + memory.timing.read_latency) * period)
    assert float(least) <= cold <= float(least + steps * (1 + (ck["nRRD_L"] + 2) * period) + 1)


def test_control_changes_nothing() -> None:
    """The end and the whole state do not depend on how often control looks on; a second run is the same."""
    work = [conv_launch(conv(16, 14, 32, 3)), conv_launch(conv(32, 7, 48, 1), first=1 << 20)]
    digests = set()
    for tick in (0, 0, 1_000_003, 99_991):
        world = new_world(system(channels=2), WIDE)
        run(world, work, tick=tick)
        digests.add((world.now, world.digest()))
    assert len(digests) == 1


def test_copied_state_goes_on_alike() -> None:
    """A copy of the state made in the middle of a kernel ends at the same time with the same state."""
    launch = conv_launch(conv(16, 14, 32, 3))
    first, second = (new_world(system(channels=2), WIDE) for _ in range(2))
    first.start_gpu(0, launch.record)
    first.advance(until=first.from_ps(3_000_000))
    assert first.gpu is not None
    assert second.gpu is not None
    assert int(first.gpu.record["live"][0]) > 0
    second.state[:], second.gpu.record[:] = first.state, first.gpu.record
    for world in (first, second):
        world.advance()
    assert (first.now, first.digest()) == (second.now, second.digest())


@pytest.mark.parametrize("layer", [conv(32, 28, 64, 3), conv(64, 14, 128, 1), conv(3, 40, 16, 3, 2)])
def test_traffic_lies_between_its_bounds(layer: Layer) -> None:
    """From an empty cache: every byte that is needed is read once at least, and no more than the blocks ask for."""
    launch = conv_launch(layer)
    _, world = ends([launch])
    assert world.gpu is not None
    moved = world.gpu.record[0]["moved"] * 64
    once = 4 * (layer.weight_count + layer.ifm_count)
    stride_skips = 4 * layer.ifm_count if layer.stride[0] > layer.R else 0
    assert once - stride_skips <= int(moved[::2].sum())
    sectors = 32 * sum(
        len(mask)
        for block in range(launch.blocks)
        for step in range(int(launch.record["steps"]) + 1)
        for _, mask in words(launch, block, step)
    )
    assert int(moved.sum()) <= 2 * sectors  # bursts of two sectors
    assert int(moved.sum()) <= launch.tile_bytes
    assert int(moved[1::2].sum()) <= 4 * layer.ofm_count + 64


def test_bandwidth_stays_below_its_peak() -> None:
    """One stream that an SM could take faster than the memory gives it: close to what the bus carries, never above."""
    spec = replace(WIDE, slices=12, sms=1, sm_bytes=Fraction(256), slice_bytes=Fraction(256))
    world = new_world(system("gddr5-6000-1gb-x32", channels=3), spec)
    size = 1 << 20
    run(world, [stream(DEVICE, "copy", Stream(1 << 21, 4096, 0), [Stream(0, size, 1)], 0, 32)])
    rate = size / world.now_ns
    peak = 3 * 4 * 6.0
    assert 0.8 * peak < rate < peak


@pytest.mark.parametrize(("sms", "tolerance"), [(1, 0.0), (8, 0.03)])
def test_lower_latency_is_not_slower(sms: int, tolerance: float) -> None:
    """Nothing loaded ahead, tRCD falling to zero: a block alone never takes longer.

    Many blocks may, by a few percent, as another order of requests opens other rows; tRCD = 0 is faster in any case.
    """
    launch = conv_launch(conv(64, 14, 64, 3), replace(DEVICE, stages=1, blocks=1))
    spec = replace(WIDE, sms=sms, stages=1)
    times = [ends([launch], spec, tRCD_ns=tRCD)[0] for tRCD in (13.32, 10.0, 6.5, 0.0)]
    assert all(after <= before * (1 + tolerance) for before, after in itertools.pairwise(times))
    assert times[-1] < times[0]


def test_every_moment_of_an_sm_is_booked_once() -> None:
    """Computing and waiting of all SMs together take no more than the SMs have."""
    end, world = ends([conv_launch(conv(32, 14, 64, 3))])
    assert world.gpu is not None
    g = world.gpu.record[0]
    spent = int(g["busy_time"]) + int(g["stall_time"].sum())
    assert 0.2 * WIDE.sms * end < spent <= WIDE.sms * end


def test_second_gpu_is_refused() -> None:
    """Two GPUs on one memory are an error that says so."""
    with pytest.raises(ConfigError, match="found 2 GPUs"):
        World(system(), [SPEC, SPEC], NO_PAGES)
