"""Stored runs of SCALE-Sim v3 without memory stalls, beside the closed form of its three dataflows."""

from __future__ import annotations

from accelerators import scalesim_groups
from table import markdown

PART, TITLE = "Machines", "SCALE-Sim v3"
MERIT = "cycles of layers without memory stalls"
LIMITS = [("stall cycles of its own memory model, sparsity", "not compared: edensim simulates the DRAM instead")]


def measure() -> tuple[str, str]:
    """Every stored layer."""
    groups = scalesim_groups()
    rows = [[name, count, equal] for name, (count, equal, _) in groups.items()]
    layers, equal = (sum(group[k] for group in groups.values()) for k in (0, 1))
    return f"{equal} of {layers} layers equal", markdown(["configuration", "layers", "equal"], rows)
