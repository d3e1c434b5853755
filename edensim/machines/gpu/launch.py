"""Layers as kernels: which GEMM tile, how many blocks, what runs element by element before a layer.

Modelled: one implicit GEMM per convolution or matrix product (bias and activation are part of its end, as cuDNN fuses
them), a streaming kernel for depthwise convolutions, and one before a layer whose input is not simply the output of
another: pooling, upsampling, concatenation, residual sums. The tile is the one whose roofline time is least (cuDNN and
cuBLAS choose by heuristics of their own). A block computes its whole tile even where it hangs over the edge.
Not modelled: Winograd and FFT algorithms, split-K, reading of the same tile by blocks of a cluster, tails of steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edensim.errors import ConfigError
from edensim.machines.gpu.device import Device, Tile
from edensim.machines.gpu.launch_kernel import GEMM, KIND_SHIFT, LAUNCH, STREAM, STREAMS
from edensim.machines.program import IFM, OFM, WEIGHTS, LayerTensors
from edensim.workloads.layer import Layer, Network

STREAM_THREADS = 256
STREAM_BYTES = 4096
"""Output of a block of an element-wise kernel: sixteen bytes per thread."""


@dataclass(frozen=True)
class Launch:
    """A kernel to run: its record, what it computes, and the closed forms that bound its traffic.

    `tile_bytes`: loads and stores of all blocks. `tensor_bytes`: every tensor once.
    """

    name: str
    record: Any
    macs: int
    tile_bytes: int
    tensor_bytes: int

    @property
    def blocks(self) -> int:
        """Thread blocks."""
        return int(self.record["ctas"])


def choose_tile(device: Device, layer: Layer, bits: int, precision: str, batch: int) -> Tile:
    """The GEMM kernel of least roofline time: whole waves of blocks against the data SMs must receive.

    Raises
    ------
    ConfigError
        If no tile fits an SM.
    """
    m, n, k = layer.K // layer.groups, layer.P * layer.Q * batch, layer.C // layer.groups * layer.R * layer.S

    def time(tile: Tile) -> tuple[float, int]:
        steps = -(-k // tile.k)
        blocks = -(-m // tile.m) * -(-n // tile.n) * layer.groups
        compute = -(-blocks // device.sms) * steps * -(-tile.m * tile.n * tile.k // device.macs_per_cycle[precision])
        moved = blocks * steps * (tile.m + tile.n) * tile.k * bits / 8
        return max(compute, moved / (device.sms * float(device.sm_bytes))), -tile.m * tile.n

    fitting = [tile for tile in device.tiles if device.occupancy(tile, bits) >= 1]
    if not fitting:
        raise ConfigError(
            f"machine.tiles: no tile fits an SM with {device.registers} registers, {device.shared_bytes} bytes of "
            f"shared memory and {device.threads} threads at {bits} bit and {device.stages} stages"
        )
    return min(fitting, key=time)


def label(kind: int, index: int) -> int:
    """What requests carry of the tensor they belong to."""
    return kind << KIND_SHIFT | index


def gemm(device: Device, layer: Layer, at: LayerTensors, bits: int, precision: str, batch: int) -> Launch:
    """A convolution or matrix product as an implicit GEMM."""
    tile = choose_tile(device, layer, bits, precision, batch)
    groups, pixels = layer.groups, layer.P * layer.Q * batch
    m, k = layer.K // groups, layer.C // groups * layer.R * layer.S
    tiles_m, tiles_n, steps = -(-m // tile.m), -(-pixels // tile.n), -(-k // tile.k)
    top, _, left, _ = layer.pad
    values = {
        "kind": GEMM, "ctas": tiles_m * tiles_n * groups, "steps": steps, "slots": device.occupancy(tile, bits),
        "step_time": -(-tile.m * tile.n * tile.k // device.macs_per_cycle[precision]),
        "tile_m": tile.m, "tile_n": tile.n, "tile_k": tile.k, "tiles_m": tiles_m, "tiles_n": tiles_n,
        "M": m, "N": pixels, "K": k, "C": layer.C // groups, "H": layer.H, "W": layer.W, "R": layer.R, "S": layer.S,
        "P": layer.P, "Q": layer.Q, "stride_h": layer.stride[0], "stride_w": layer.stride[1], "pad_top": top,
        "pad_left": left, "dilation_h": layer.dilation[0], "dilation_w": layer.dilation[1],
        "channels": layer.C, "filters": layer.K, "weights": at.weights_base, "ifm": at.ifm_base, "ofm": at.ofm_base,
        "weights_tensor": label(WEIGHTS, at.weights_index), "ifm_tensor": label(IFM, at.ifm_index),
        "ofm_tensor": label(OFM, at.ofm_index),
        # Without rows and columns both orders are the same, and channels are what lies side by side.
        "channels_last": device.channels_last or layer.H * layer.W * layer.P * layer.Q == 1,
    }  # fmt: skip
    elements = tiles_n * layer.weight_count + tiles_m * pixels * k * groups + layer.ofm_count * batch
    tensors = layer.weight_count + (layer.ifm_count + layer.ofm_count) * batch
    return Launch(
        layer.name, _record(device, bits, values), layer.macs * batch, elements * bits // 8, tensors * bits // 8
    )


@dataclass(frozen=True)
class Stream:
    """A contiguous range of bytes that a streaming kernel reads or writes; `halo` more on either side of a share."""

    base: int
    bytes: int
    tensor: int
    halo: int = 0


def stream(
    device: Device, name: str, output: Stream, inputs: list[Stream], operations: int, bits: int, macs: int = 0
) -> Launch:
    """An element-wise kernel; `operations` in all, spread over the SM's lanes."""
    blocks = max(1, -(-output.bytes // STREAM_BYTES))
    values = {
        "kind": STREAM, "ctas": blocks, "steps": 1, "slots": device.block_slots(STREAM_THREADS),
        "step_time": -(-operations // (blocks * device.lanes)), "inputs": len(inputs),
    }  # fmt: skip
    record = _record(device, bits, values)
    for place, x in enumerate([output, *inputs]):
        record["stream_base"][place], record["stream_bytes"][place] = x.base, x.bytes
        record["stream_halo"][place], record["stream_tensor"][place] = x.halo, x.tensor
    halos = sum(min(x.bytes, blocks * 2 * x.halo) for x in inputs)
    once = output.bytes + sum(x.bytes for x in inputs)
    return Launch(name, record, macs, once + halos, once)


def depthwise(device: Device, layer: Layer, at: LayerTensors, bits: int, batch: int) -> Launch:
    """A depthwise convolution: reads its input once, with the rows a share needs from its neighbours."""
    row = layer.W * (layer.C if device.channels_last else 1) * bits // 8
    sizes = [count * bits // 8 for count in (layer.ofm_count * batch, layer.ifm_count * batch, layer.weight_count)]
    return stream(
        device,
        layer.name,
        Stream(at.ofm_base, sizes[0], label(OFM, at.ofm_index)),
        [
            Stream(at.ifm_base, sizes[1], label(IFM, at.ifm_index), (layer.R - 1) // 2 * layer.dilation[0] * row),
            Stream(
                at.weights_base, sizes[2], label(WEIGHTS, at.weights_index), sizes[2] if device.channels_last else 0
            ),
        ],
        layer.macs * batch,
        bits,
        layer.macs * batch,
    )


def prelude(
    device: Device, layer: Layer, network: Network, tensors: Mapping[str, LayerTensors], bits: int, batch: int
) -> list[Launch]:
    """Kernels that make a layer's input of its producers' outputs; none if it is the output of one of them as it is."""
    known = {x.name: x for x in network.layers}
    sources = [known[name] for name in layer.inputs if name in known]
    if not sources or (len(sources) == 1 and sources[0].ofm_count == layer.ifm_count):
        return []
    mine = tensors[layer.name]
    wanted, element = layer.ifm_count * batch, bits / 8

    def read(x: Layer) -> Stream:
        it = tensors[x.name]
        return Stream(it.ofm_base, int(x.ofm_count * batch * element), label(IFM, it.ofm_index))

    made = label(OFM, mine.ifm_index)
    whole = Stream(mine.ifm_base, int(wanted * element), made)
    if len(sources) > 1 and sum(x.ofm_count for x in sources) == layer.ifm_count:
        launches, base = [], mine.ifm_base
        for x in sources:
            part = read(x)
            name = f"{layer.name} concatenates {x.name}"
            launches.append(stream(device, name, Stream(base, part.bytes, made), [part], 0, bits))
            base += part.bytes
        return launches
    verb = "pools or resizes" if len(sources) == 1 else "adds"
    launches = []
    first, rest = sources[: STREAMS - 1], sources[STREAMS - 1 :]
    work = max(wanted, first[0].ofm_count * batch)
    launches.append(stream(device, f"{layer.name} {verb}", whole, [read(x) for x in first], work, bits))
    launches += [stream(device, f"{layer.name} {verb}", whole, [whole, read(x)], wanted, bits) for x in rest]
    return launches


def launches(
    device: Device,
    layer: Layer,
    network: Network,
    tensors: Mapping[str, LayerTensors],
    bits: int,
    precision: str,
    batch: int,
) -> list[Launch]:
    """All kernels of a layer, in order."""
    if layer.kind == "dwconv":
        main = depthwise(device, layer, tensors[layer.name], bits, batch)
    else:
        main = gemm(device, layer, tensors[layer.name], bits, precision, batch)
    return [*prelude(device, layer, network, tensors, bits, batch), main]


def _record(device: Device, bits: int, values: Mapping[str, int]) -> Any:
    record = np.zeros(1, LAUNCH)
    record["bits"], record["line_shift"] = bits, device.line_bytes.bit_length() - 1
    for name, value in values.items():
        record[name] = value
    return record[0]
