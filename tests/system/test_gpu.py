"""The GPU in the compiled world: against the plain-Python GPU, closed forms, and what must not change results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edensim.dram.controller import DramSystem
from edensim.dram.reference import Channel, Tally
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
    Fraction(1000), 2, {"fp32": 64}, 64, 2048, 65536, 98304, 4, 56, 2, (Tile(16, 16, 4, 64),), False, Fraction(32), 128
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


@pytest.mark.parametrize(
    ("preset", "channels"), [("ddr4-2400r-8gb-x8", 1), ("ddr4-2400r-8gb-x8", 2), ("gddr5-6000-1gb-x32", 3)]
)
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
