"""Workloads: networks as plain layer records, built in or read from SCALE-Sim CSV, ONNX and TOML files.

Modelled: shapes, MACs, parameters, which layer feeds which. Not modelled: values (see `layer`).
"""

from __future__ import annotations

from edensim.workloads.describe import NetworkTable, describe_network
from edensim.workloads.eden import EDEN_NETWORKS, EdenNetwork
from edensim.workloads.layer import PRECISION_BITS, Layer, Network, size_bytes
from edensim.workloads.load import builtin_names, load_network

__all__ = [
    "EDEN_NETWORKS",
    "PRECISION_BITS",
    "EdenNetwork",
    "Layer",
    "Network",
    "NetworkTable",
    "builtin_names",
    "describe_network",
    "load_network",
    "size_bytes",
]
