"""Kernels of layers: their requests against a walk over single elements, their closed forms, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edensim.config import load_config
from edensim.config.gpu_schema import GpuMachine
from edensim.dram.controller import DramSystem
from edensim.errors import ConfigError
from edensim.machines.gpu import launch_kernel as kernel
from edensim.machines.gpu.device import MOST_REQUESTS, Device, Tile
from edensim.machines.gpu.launch import choose_tile, depthwise, gemm, launches
from edensim.machines.gpu.machine import gpu_device, gpu_sets, scatter_channels
from edensim.machines.program import LayerTensors
from edensim.memory import AddressMap, Geometry
from edensim.memory.partition import resolve_partitions
from edensim.memory.placement import Placement
from edensim.system.gpu import GpuState
from edensim.system.gpu_simulation import gpu_spec
from edensim.workloads import load_network
from edensim.workloads.layer import Layer

TILES = (Tile(32, 16, 8, 64), Tile(16, 32, 4, 64))
DEVICE = Device(
    Fraction(1000), 4, {"fp32": 128, "int8": 512}, 128, 2048, 65536, 98304, 8, 56, 2, TILES, False, Fraction(32), 128
)


def sectors_of(launch, stores: bool) -> set[int]:
    """All sectors that the blocks load, or store."""
    out, found = np.zeros(MOST_REQUESTS, np.int64), set()
    steps = int(launch.record["steps"])
    for block in range(launch.blocks):
        for step in [steps] if stores else range(steps):
            for word in out[: kernel.step_requests(launch.record, block, step, out)].tolist():
                line, mask = word >> kernel.LINE_SHIFT, (word >> kernel.MASK_SHIFT) & 0xFF
                assert mask
                found |= {4 * line + k for k in range(4) if mask >> k & 1}
    return found


def by_elements(layer: Layer, at: LayerTensors, bits: int, batch: int, last: bool) -> tuple[set[int], set[int]]:
    """Sectors a convolution reads and writes, element by element from its definition."""

    def sector(base: int, element: int) -> int:
        return (base + element * bits // 8) // 32

    def place(n: int, c: int, h: int, w: int, C: int, H: int, W: int) -> int:
        return ((n * H + h) * W + w) * C + c if last else ((n * C + c) * H + h) * W + w

    reads = {sector(at.weights_base, k) for k in range(layer.weight_count)}
    writes = set()
    top, _, left, _ = layer.pad
    for n in range(batch):
        for p in range(layer.P):
            for q in range(layer.Q):
                writes |= {sector(at.ofm_base, place(n, k, p, q, layer.K, layer.P, layer.Q)) for k in range(layer.K)}
                for r in range(layer.R):
                    for s in range(layer.S):
                        h = p * layer.stride[0] - top + r * layer.dilation[0]
                        w = q * layer.stride[1] - left + s * layer.dilation[1]
                        if 0 <= h < layer.H and 0 <= w < layer.W:
                            reads |= {
                                sector(at.ifm_base, place(n, c, h, w, layer.C, layer.H, layer.W))
                                for c in range(layer.C)
                            }
    return reads, writes


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Convolutions of any stride, padding, dilation and number of groups."""
    groups = draw(st.sampled_from([1, 1, 2]))
    C, K = groups * draw(st.integers(1, 5)), groups * draw(st.integers(1, 20))
    R, S = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    stride, dilation, pad = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(0, 2))
    H, W = draw(st.integers(5, 9)), draw(st.integers(5, 9))
    P, Q = ((size + 2 * pad - (k - 1) * dilation - 1) // stride + 1 for size, k in ((H, R), (W, S)))
    return Layer("x", "conv", C, H, W, K, R, S, P, Q, (stride, stride), (pad,) * 4, (dilation, dilation), groups=groups)


@given(layer=layers(), bits=st.sampled_from([8, 32]), batch=st.sampled_from([1, 3]), last=st.booleans())
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
def test_blocks_touch_what_the_convolution_needs(layer: Layer, bits: int, batch: int, last: bool) -> None:
    """All blocks together read and write the sectors of the definition, no other ones."""
    device = replace(DEVICE, channels_last=last)
    at = LayerTensors(128, 1 << 16, (1 << 18) + 64)
    launch = gemm(device, layer, at, bits, "int8" if bits == 8 else "fp32", batch)
    assert (sectors_of(launch, stores=False), sectors_of(launch, stores=True)) == by_elements(
        layer, at, bits, batch, last
    )


def test_requests_are_coalesced_by_warp() -> None:
    """32 neighbouring pixels of four bytes are one line; weights of eight columns one sector per row."""
    layer = Layer("x", "conv", 8, 8, 8, 32, 1, 1, 8, 8)
    launch = gemm(
        replace(DEVICE, tiles=(Tile(32, 32, 8, 64),)), layer, LayerTensors(0, 1 << 16, 1 << 18), 32, "fp32", 1
    )
    out = np.zeros(MOST_REQUESTS, np.int64)
    count = kernel.step_requests(launch.record, 0, 0, out)
    masks = ((out[:count] >> kernel.MASK_SHIFT) & 0xFF).tolist()
    # Rows of 32 bytes lie side by side here, four to a line, so that a warp's sixteen rows are four requests.
    assert masks == [15] * 8 + [15] * 8


def test_depthwise_reads_its_input_once() -> None:
    """A depthwise convolution streams: every sector of all tensors, little twice."""
    layer = Layer("x", "dwconv", 16, 14, 14, 16, 3, 3, 14, 14, pad=(1, 1, 1, 1), groups=16)
    launch = depthwise(DEVICE, layer, LayerTensors(0, 1 << 16, 1 << 18), 32, 1)
    assert len(sectors_of(launch, stores=False)) == -(-layer.weight_count * 4 // 32) + layer.ifm_count * 4 // 32
    assert launch.tensor_bytes <= launch.tile_bytes < 2 * launch.tensor_bytes


def test_occupancy_is_what_runs_out_first() -> None:
    """128x128 with 124 registers: two blocks of 256 threads; less shared memory leaves one, more stages none."""
    tile = Tile(128, 128, 8, 256)
    device = replace(DEVICE, blocks=32, thread_registers=60)
    assert device.occupancy(tile, 32) == 65536 // (124 * 256) == 2
    assert replace(device, shared_bytes=16384).occupancy(tile, 32) == 1
    assert replace(device, shared_bytes=16384, stages=3).occupancy(tile, 32) == 0
    assert replace(device, threads=1024, blocks=1).occupancy(Tile(64, 64, 8, 64), 32) == 1


def test_tile_follows_the_shape() -> None:
    """Few pixels and many filters take the tile that is longer along filters, and the other way round."""
    wide, tall = Tile(16, 64, 8, 64), Tile(64, 16, 8, 64)
    device = replace(DEVICE, tiles=(wide, tall))
    assert choose_tile(device, Layer("x", "conv", 64, 4, 4, 512, 1, 1, 4, 4), 32, "fp32", 1) == tall
    assert choose_tile(device, Layer("x", "conv", 64, 64, 64, 16, 1, 1, 64, 64), 32, "fp32", 1) == wide


def test_kernels_between_layers() -> None:
    """YOLOv3-Tiny: pooling before a layer of smaller maps, copies before a concatenation, none where maps match."""
    network = load_network("yolov3-tiny", Path())
    at = {x.name: LayerTensors(0, 1 << 27, 1 << 28) for x in network.layers}
    names = {x.name: [k.name for k in launches(DEVICE, x, network, at, 32, "fp32", 1)] for x in network.layers}
    assert names["conv0"] == ["conv0"]
    assert len(names["conv1"]) == 2
    assert names["conv7"] == ["conv7"]
    for layer in network.layers:
        *before, main = launches(DEVICE, layer, network, at, 32, "fp32", 1)
        assert main.macs == layer.macs
        assert all(x.tensor_bytes <= x.tile_bytes for x in before)


@pytest.mark.parametrize(
    ("text", "says"),
    [("128x128/256", "expected filters"), ("8x8x8/33", "multiple of 32"), ("512x512x8/256", "at most 32768")],
)
def test_tiles_that_are_none(text: str, says: str) -> None:
    """A tile that cannot be read or is too large names its key."""
    with pytest.raises(ConfigError, match=says):
        Tile.parse(text)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"slice_bytes": 100_000}, "machine.slice_bytes"),
        ({"line_bytes": 96}, "machine.line_bytes"),
        ({"stages": 0}, "machine.stages"),
        ({"slice_queue": 0}, "machine.slice_queue"),
        ({"mshrs": 0}, "machine.mshrs"),
        ({"shared_bytes": 4096}, "machine.tiles"),
        ({"channel_hash": True, "dram": {"address_map": "ChRoBaRaCoBg"}}, "machine.channel_hash"),
        ({"channel_bytes": 96}, "machine.channel_bytes: found 96"),
        ({"channel_bytes": 65536}, "from 32 to 2048, a row"),
        (
            {"partition": [{"name": "odd", "banks": [1, 3]}], "placement": {"ifm": "odd"}},
            "the partitions divide the runs",
        ),
    ],
)
def test_bad_machine_names_its_key(change: dict, says: str) -> None:
    """Windows of zero, geometry that is no power of two, kernels that fit nowhere."""
    from edensim.system.run import run

    dram = {"preset": "gddr5-6000-1gb-x32", "channels": 2, **change.pop("dram", {})}
    other = {key: change.pop(key) for key in ("partition", "placement") if key in change}
    config = {
        "workload": {"network": "lenet", "precision": "fp32"},
        "machine": {"preset": "gpu-titan-x-eden", **change},
        "dram": dram,
        **other,
    }
    with pytest.raises(ConfigError, match=says):
        run(config)


@pytest.mark.parametrize("channels", [2, 3, 12])
@pytest.mark.parametrize("run", [32, 256, 2048])
def test_runs_of_addresses_stay_in_a_channel(channels: int, run: int) -> None:
    """Every line has a place of its own; `run` bytes lie in one channel one behind the other, neighbours in all."""
    dram = load_config({"dram": {"preset": "gddr5-6000-1gb-x32", "channels": channels}}).config.dram
    geometry = Geometry.from_config(dram)
    where = AddressMap.from_config(geometry, dram)
    size = 8 * geometry.row_bytes * channels
    placed = Placement({}, np.zeros(0, np.int64), 1, size)
    found = scatter_channels(placed, where, resolve_partitions(geometry, []), run)
    line = found.page_table
    assert np.array_equal(np.sort(line), np.arange(len(line)))
    pieces = line.reshape(-1, run // 32)
    assert (np.diff(pieces, axis=1) == channels).all()
    first = where.decode(pieces[:, 0])[0].reshape(-1, channels)
    assert np.array_equal(np.sort(first, axis=1), np.tile(np.arange(channels), (len(first), 1)))
    assert len(np.unique(first[:, 0])) == channels or len(first) < 4 * channels


@pytest.mark.parametrize(
    ("preset", "megabytes", "sets", "tera"), [("gpu-titan-x-eden", 3, 64, 10.2), ("gpu-a100", 40, 256, 155.9)]
)
def test_presets_are_what_their_sources_say(preset: str, megabytes: int, sets: int, tera: float) -> None:
    """Capacity of the cache and peak fp32 rate (TFLOP/s) of the data sheets: Titan X 3 MB, A100 40 MB and 156."""
    config = load_config({"machine": {"preset": preset}, "dram": {"preset": "gddr5-6000-1gb-x32"}}).config
    machine = config.machine
    assert isinstance(machine, GpuMachine)
    assert machine.buffer_bytes == megabytes << 20
    assert gpu_sets(machine) == sets
    device = gpu_device(machine)
    flops = 2 * device.sms * device.macs_per_cycle["fp32"] * float(device.clock_mhz) * 1e6
    assert flops == pytest.approx(tera * 1e12, rel=0.005)
    assert all(device.occupancy(tile, 32) >= 1 for tile in device.tiles)
    GpuState(gpu_spec(machine), DramSystem(config.dram), Fraction(1))
