"""How long the simulations of the ledger take, so that the time can be told before it is spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ACCELERATOR_S = 1.5
COST_S: dict[tuple[str, str], float] = {
    ("gpu-titan-x-eden", "yolov3-tiny"): 4.0,
    ("gpu-titan-x-eden", "yolov3"): 40.0,
    ("cpu-eden", "yolov3"): 25.0,
    ("cpu-eden", "yolov3-tiny"): 20.0,
    ("cpu-eden", "vgg16"): 20.0,
    ("cpu-eden", "resnet101-cifar10"): 20.0,
    ("cpu-eden", "densenet201"): 20.0,
    ("cpu-eden", "squeezenet1.1"): 5.0,
}
"""Seconds of one processor of a shared virtual machine, kernels compiled: machine, network. Round numbers: what is done
corrects them (`plan.Points.slowness`)."""


def cost_s(settings: Mapping[str, Any]) -> float:
    """Seconds that a point is expected to take on that machine."""
    return COST_S.get((settings["machine.preset"], settings["workload.network"]), ACCELERATOR_S)
