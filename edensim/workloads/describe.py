"""A network as a table: what `edensim show workload NAME` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edensim.errors import ConfigError
from edensim.workloads.layer import PRECISION_BITS, Layer, Network, size_bytes


@dataclass(frozen=True, slots=True)
class NetworkTable:
    """`rows`: one dict per layer (layer, kind, shape, macs, weight_bytes, ifm_bytes, ofm_bytes, inputs).

    `totals`: network, source, layers, parameters, parameter_bytes, and the sums of the rows' numbers.
    `warnings`: what of the network's file is not modelled.
    """

    rows: tuple[dict[str, Any], ...]
    totals: dict[str, Any]
    warnings: tuple[str, ...] = ()


def describe_network(network: Network, precision: str = "int8", batch: int = 1) -> NetworkTable:
    """List the layers of `network` with work and sizes for `batch` images stored in `precision`.

    MACs and feature maps are those of the whole batch; weights are stored once.

    Raises
    ------
    ConfigError
        If the precision is unknown or the batch below 1.
    """
    if precision not in PRECISION_BITS:
        raise ConfigError(f"workload.precision is {precision!r}, expected one of {', '.join(PRECISION_BITS)}")
    if batch < 1:
        raise ConfigError(f"workload.batch is {batch}, expected at least 1")
    rows: tuple[dict[str, Any], ...] = tuple(
        {
            "layer": x.name,
            "kind": x.kind,
            "shape": shape_text(x),
            "macs": x.macs * batch,
            "weight_bytes": size_bytes(x.weight_count, precision),
            "ifm_bytes": size_bytes(x.ifm_count * batch, precision),
            "ofm_bytes": size_bytes(x.ofm_count * batch, precision),
            "inputs": list(x.inputs),
        }
        for x in network.layers
    )
    totals = {
        "network": network.name,
        "source": network.source,
        "precision": precision,
        "batch": batch,
        "layers": len(rows),
        "parameters": network.parameter_count,
        "parameter_bytes": size_bytes(network.parameter_count, precision),
    }
    for key in ("macs", "weight_bytes", "ifm_bytes", "ofm_bytes"):
        totals[key] = sum(row[key] for row in rows)
    return NetworkTable(rows, totals, network.warnings)


def shape_text(x: Layer) -> str:
    """Write a layer's shape in one line, e.g. `3x224x224 -> 64x55x55, 11x11 /4 pad 2`."""
    text = f"{x.C}x{x.H}x{x.W} -> {x.K}x{x.P}x{x.Q}"
    if x.kind == "fc":
        return f"{x.C} -> {x.K}"
    text += f", {x.R}x{x.S}"
    if x.stride != (1, 1):
        text += f" /{_short(x.stride)}"
    if any(x.pad):
        text += f" pad {_short(x.pad)}"
    if x.dilation != (1, 1):
        text += f" dilated {_short(x.dilation)}"
    if x.groups > 1:
        text += f" groups {x.groups}"
    return text


def _short(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else ",".join(map(str, values))
