"""Which tensors a network keeps in memory, and where each layer finds its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edensim.config.schema import Config, Workload
from edensim.dram.controller import DramSystem
from edensim.machines.program import LayerTensors
from edensim.memory import Placement, TensorRequest, place
from edensim.memory.placement import partition_page_lines
from edensim.workloads.layer import Layer, Network, size_bytes


@dataclass(frozen=True)
class TensorMap:
    """Placement of a network's tensors. `layers`: per layer the bases and indices its program needs."""

    placement: Placement
    layers: dict[str, LayerTensors]


def map_tensors(requests: Sequence[TensorRequest], config: Config, system: DramSystem) -> Placement:
    """Place everything that is asked for (see `tensor_requests`)."""
    return place(requests, system.geometry, system.address_map, system.state.partitions, config.placement)


def prefixed(requests: Iterable[TensorRequest], prefix: str) -> list[TensorRequest]:
    """Requests of one of several networks on a memory, whose names must differ."""
    return [
        replace(request, name=prefix + request.name, alias=request.alias and prefix + request.alias)
        for request in requests
    ]


def part_of(placement: Placement, prefix: str) -> Placement:
    """The tensors whose names begin with `prefix`, without it."""
    mine = {}
    for name, tensor in placement.tensors.items():
        if name.startswith(prefix):
            alias = tensor.alias_of.removeprefix(prefix)
            mine[name.removeprefix(prefix)] = replace(tensor, name=name.removeprefix(prefix), alias_of=alias)
    return replace(placement, tensors=mine)


def layer_tensors(network: Network, placement: Placement) -> TensorMap:
    """Tell each layer where its tensors lie."""
    layers = {}
    for layer in network.layers:
        mine = [placement.tensors[f"{layer.name}.{kind}"] for kind in ("weights", "ifm", "ofm")]
        layers[layer.name] = LayerTensors(*(t.base for t in mine), *(t.index for t in mine))
        if psum := placement.tensors.get(f"{layer.name}.psum"):
            layers[layer.name] = replace(layers[layer.name], psum_base=psum.base, psum_index=psum.index)
    return TensorMap(placement, layers)


def tensor_requests(
    network: Network, workload: Workload, fmaps: bool = True, spilled: Mapping[str, int] | None = None
) -> list[TensorRequest]:
    """Weights, inputs and outputs of every layer, and scratch space for the partial sums of those that spill.

    The output of a layer and the input of its consumers are one tensor when they have the same size; `fmaps` false
    leaves feature maps on chip. `spilled`: bytes of partial sums per layer; all layers share the largest's space, in
    turn.
    """
    precision, batch = workload.precision, workload.batch
    requests = []
    for layer in network.layers:
        requests.append(TensorRequest(f"{layer.name}.weights", "weights", size_bytes(layer.weight_count, precision)))
        ifm = size_bytes(layer.ifm_count * batch, precision) if fmaps else 0
        ofm = size_bytes(layer.ofm_count * batch, precision) if fmaps else 0
        requests.append(TensorRequest(f"{layer.name}.ifm", "ifm", ifm, _source(layer, network)))
        requests.append(TensorRequest(f"{layer.name}.ofm", "ofm", ofm, f"{layer.name}.out"))
    scratch = {name: size for name, size in (spilled or {}).items() if size}
    requests += [TensorRequest(f"{name}.psum", "ofm", max(scratch.values()), "psum") for name in scratch]
    return requests


def stored_bytes(placement: Placement, system: DramSystem) -> dict[str, dict[str, int]]:
    """Bytes of every tensor in every partition that holds any: tensor -> partition -> bytes."""
    division, line = system.state.partitions, system.geometry.burst_bytes
    found: dict[str, dict[str, int]] = {}
    for tensor in placement.tensors.values():
        if tensor.partition:
            found[tensor.name] = {tensor.partition: tensor.bytes} if tensor.bytes else {}
            continue
        # Placed anywhere: addresses are physical, and no page leaves its partition.
        page = partition_page_lines(system.address_map, division) * line
        pages = np.arange(tensor.base // page, -(-(tensor.base + tensor.bytes) // page), dtype=np.int64)
        owner = division.at(*system.address_map.decode(pages * (page // line))[:3])
        begin, end = np.maximum(pages * page, tensor.base), np.minimum((pages + 1) * page, tensor.base + tensor.bytes)
        held = np.bincount(owner, end - begin, len(division.names))
        found[tensor.name] = {name: int(n) for name, n in zip(division.names, held, strict=True) if n}
    return found


def _source(layer: Layer, network: Network) -> str:
    """Alias key of a layer's input: the output of its producer if that is the whole of it.

    Of a residual sum the first input is the layer computed last, whose output holds the sum; concatenations differ in
    size.
    """
    if not layer.inputs or layer.inputs[0] == "input":
        return ""
    producer = next((x for x in network.layers if x.name == layer.inputs[0]), None)
    if producer is None or producer.ofm_count != layer.ifm_count:
        return ""
    return f"{producer.name}.out"
