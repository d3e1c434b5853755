"""How long the simulations of the ledger take, so that the time can be told before it is spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

USUAL_S = 1.5
COST_S: dict[tuple[str, str], float] = {}
"""Seconds per point where it is not `USUAL_S`, by machine and network: one process on a shared virtual machine of two
cores, kernels compiled (`wall_s` in the journal of `edensim reproduce`)."""


def cost_s(settings: Mapping[str, Any]) -> float:
    """Seconds that a point is expected to take on that machine."""
    return COST_S.get((settings["machine.preset"], settings["workload.network"]), USUAL_S)
