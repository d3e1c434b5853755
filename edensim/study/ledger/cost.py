"""How long the simulations of the ledger take, so that the time can be told before it is spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ACCELERATOR_S = 1.0
COST_S: dict[tuple[str, str], float] = {
    ("gpu-titan-x-eden", "yolov3-tiny"): 3.0,
    ("gpu-titan-x-eden", "yolov3"): 26.0,
    ("cpu-eden", "yolov3"): 16.0,
    ("cpu-eden", "yolov3-tiny"): 13.0,
    ("cpu-eden", "vgg16"): 13.0,
    ("cpu-eden", "resnet101-cifar10"): 13.0,
    ("cpu-eden", "densenet201"): 13.0,
    ("cpu-eden", "squeezenet1.1"): 3.0,
}
"""Seconds of one processor of a shared virtual machine, kernels compiled: machine, network. Round numbers: what is done
corrects them (`plan.Points.slowness`)."""


def cost_s(settings: Mapping[str, Any]) -> float:
    """Seconds that a point is expected to take on that machine."""
    return COST_S.get((settings["machine.preset"], settings["workload.network"]), ACCELERATOR_S)
