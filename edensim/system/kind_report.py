"""What every kind of tensor, and every tensor, costs in DRAM.

Counted: rows, by the request that needed them opened (the memory counts them by bank and kind), and bursts, by
direction and kind. A row's precharge belongs to whoever opened it. Not caused by any tensor is what time and refreshes
cost: it is shared out by bytes moved, and stands apart as `standing`.

Bursts are priced at the mean of all ranks. Partial sums that spill belong to the output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from edensim.dram.counters import Counters
from edensim.dram.energy import EnergyBreakdown
from edensim.memory import Placement
from edensim.memory.placement import KINDS

Int = NDArray[np.int64]
CAUSED = ("act", "pre", "rd", "wr", "io")


def kind_energy(
    breakdown: EnergyBreakdown, counters: Counters, opened: Int, lines: Mapping[str, int]
) -> dict[str, dict[str, float]]:
    """Energy by kind of tensor, in pJ.

    Parameters
    ----------
    breakdown, counters
        What the memory did in some time, and what that cost.
    opened : int64 [channels, tags, banks]
        Rows opened then, by kind (tag 1 is the first of `KINDS`).
    lines : mapping of str to int
        Lines moved then: "read", "write" and by kind.

    Returns
    -------
    dict
        Kind -> act, pre, rd, wr, io, standing, total; totals make the whole.
    """
    by_bank, rows = breakdown.by_bank, np.maximum(counters.n_act, 1)
    read = {kind: lines[kind] for kind in KINDS if kind != "ofm"}
    read["ofm"] = lines["read"] - sum(read.values())
    reads, writes, moved = max(lines["read"], 1), max(lines["write"], 1), lines["read"] + lines["write"]
    out = {}
    for tag, kind in enumerate(KINDS, 1):
        mine, written = opened[:, tag] / rows, lines["write"] if kind == "ofm" else 0
        out[kind] = {
            "act": float((by_bank["act"] * mine).sum()),
            "pre": float((by_bank["pre"] * mine).sum()),
            "rd": breakdown.rd * read[kind] / reads,
            "wr": breakdown.wr * written / writes,
            "io": breakdown.io * (read[kind] + written) / max(moved, 1),
        }
    standing = breakdown.total - sum(sum(parts.values()) for parts in out.values())
    for kind, parts in out.items():
        parts["standing"] = standing * (lines[kind] / moved if moved else 1 / len(KINDS))
        parts["total"] = sum(parts.values())
    return out


def tensor_energy(
    layers: Iterable[tuple[str, Mapping[str, Mapping[str, float]]]], placement: Placement
) -> dict[str, float]:
    """Energy by tensor, in pJ, from the `kind_energy` of every layer; a tensor of two names is told by its first."""
    out: dict[str, float] = {}
    for layer, kinds in layers:
        for kind, parts in kinds.items():
            tensor = placement.tensors[f"{layer}.{kind}"]
            name = tensor.alias_of or tensor.name
            out[name] = out.get(name, 0.0) + parts["total"]
    return {name: energy for name, energy in out.items() if energy}
