"""Which tensors a network keeps in memory, and where each layer finds its own."""

from __future__ import annotations

from dataclasses import dataclass

from edensim.config.schema import Config, Workload
from edensim.dram.controller import DramSystem
from edensim.machines.program import LayerTensors
from edensim.memory import Placement, TensorRequest, place
from edensim.workloads.layer import Layer, Network, size_bytes


@dataclass(frozen=True)
class TensorMap:
    """Placement of a network's tensors. `layers`: per layer the bases and indices its program needs."""

    placement: Placement
    layers: dict[str, LayerTensors]


def map_tensors(network: Network, config: Config, system: DramSystem, fmaps: bool = True) -> TensorMap:
    """Place weights, inputs and outputs of every layer.

    The output of a layer and the input of its consumers are one tensor when they have the same size; `fmaps` false
    leaves feature maps on chip.
    """
    assert config.workload is not None
    requests = tensor_requests(network, config.workload, fmaps)
    placement = place(requests, system.geometry, system.address_map, system.state.partitions, config.placement)
    layers = {}
    for layer in network.layers:
        mine = [placement.tensors[f"{layer.name}.{kind}"] for kind in ("weights", "ifm", "ofm")]
        layers[layer.name] = LayerTensors(*(t.base for t in mine), *(t.index for t in mine))
    return TensorMap(placement, layers)


def tensor_requests(network: Network, workload: Workload, fmaps: bool = True) -> list[TensorRequest]:
    """Weights, inputs and outputs of every layer, with their sizes; feature maps that stay on chip take no bytes."""
    precision, batch = workload.precision, workload.batch
    requests = []
    for layer in network.layers:
        requests.append(TensorRequest(f"{layer.name}.weights", "weights", size_bytes(layer.weight_count, precision)))
        ifm = size_bytes(layer.ifm_count * batch, precision) if fmaps else 0
        ofm = size_bytes(layer.ofm_count * batch, precision) if fmaps else 0
        requests.append(TensorRequest(f"{layer.name}.ifm", "ifm", ifm, _source(layer, network)))
        requests.append(TensorRequest(f"{layer.name}.ofm", "ofm", ofm, f"{layer.name}.out"))
    return requests


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
