"""What every kind of tensor, and every tensor, costs in DRAM.

Counted, by bank and kind: rows, by the request that needed them opened, and bursts. A row's precharge belongs to
whoever opened it. Not caused by any tensor is what time and refreshes cost: it is shared out by bursts, and stands
apart as `standing`.

Partial sums that spill belong to the output, packed copies to the tensor they copy. A burst that a request found in the
write queue, or merged into one there, was not needed and belongs to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edensim.dram.counters import Counters
from edensim.dram.energy import EnergyBreakdown, EnergyModel
from edensim.memory import Placement
from edensim.memory.placement import KINDS

READS, WRITES, ROWS = range(3)
"""Columns of `Counters.by_tag`."""


def kind_energy(model: EnergyModel, breakdown: EnergyBreakdown, counters: Counters) -> dict[str, dict[str, float]]:
    """Energy by kind of tensor, in pJ: what `counters` counted, and what that cost by `model`.

    Returns
    -------
    dict
        Kind -> act, pre, rd, wr, io, standing, total; totals make the whole.
    """
    energy, did = breakdown.by_bank, counters.by_tag
    rows, reads, writes = counters.n_act.clip(1), counters.n_rd.clip(1), counters.n_wr.clip(1)
    all_bursts, out = int((counters.n_rd + counters.n_wr).sum()), {}
    for tag, kind in enumerate(KINDS, 1):
        read, written, opened = did[:, tag, READS], did[:, tag, WRITES], did[:, tag, ROWS]
        out[kind] = {
            "act": float((energy["act"] * opened / rows).sum()),
            "pre": float((energy["pre"] * opened / rows).sum()),
            "rd": float((energy["rd"] * read / reads).sum()),
            "wr": float((energy["wr"] * written / writes).sum()),
            "io": float((model.read_io_pj * read + model.write_io_pj * written).sum()),
        }
    standing = breakdown.total - sum(sum(parts.values()) for parts in out.values())
    for tag, parts in enumerate(out.values(), 1):
        mine = int(did[:, tag, [READS, WRITES]].sum())
        parts["standing"] = standing * (mine / all_bursts if all_bursts else 1 / len(KINDS))
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
