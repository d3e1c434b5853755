"""Command traces priced by DRAMPower 6.2, priced by edensim with the same currents and voltage model."""

from __future__ import annotations

import tempfile
from pathlib import Path

from energy import case_device, golden
from table import markdown

from edensim.config import schema
from edensim.dram.command_trace import count_trace, price_trace

PART, TITLE = "DRAM energy", "DRAMPower 6.2"
MERIT = "core energy of command traces"
LIMITS = [
    (
        "data-sheet currents are limits, not typical values",
        "absolute energies are upper bounds of a part; relative savings are less affected",
    ),
    ("refresh currents of part of the array", "taken as their data sheet gives them, several cases of low trust"),
]


def measure() -> tuple[str, str]:
    """All stored cases."""
    rows, worst = [], 0.0
    for name, case in golden().items():
        with tempfile.TemporaryDirectory() as folder:
            device, trace = case_device(case, Path(folder))
            priced = price_trace(count_trace(trace, device), device, schema.Energy(voltage_model="drampower"))
        ours = (priced["energy_pj"]["total"] - priced["energy_pj"]["io"]) * 1e-12
        theirs = sum(map(sum, case["banks"].values())) + sum(case["ranks"].values())
        worst = max(worst, abs(ours / theirs - 1))
        rows.append([name, f"{theirs:.10e}", f"{ours:.10e}", f"{ours / theirs - 1:+.1e}"])
    head = ["case", "DRAMPower (J)", "edensim (J)", "difference"]
    return f"at most {worst:.1e} relative, {len(rows)} traces", markdown(head, rows)
