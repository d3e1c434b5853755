"""EDEN: which voltage and latency for which tensor, at what accuracy, for how much energy and time.

The steps of Koppula et al., MICRO 2019, each usable alone; names are imported when first used.

- `estimate`, `coarse`, `fine`: what bit error rate a network, or each of its tensors, tolerates;
- `points`: operating points to choose from, VDD, tRCD and tRP together;
- `mapping`, `optimal`: tensors into parts of the memory, by the paper's greedy algorithm or the best there is;
- `chips`: supplies of single chips of a rank.

Accuracy comes in as a callable, so nothing here but the whole flow needs torch.

>>> from edensim.eden import tolerable_ber
>>> found = tolerable_ber(lambda ber, repeat: [0.98 - 10 * ber] * 4, clean=0.98, max_loss=0.01)
>>> 0.0009 < found.ber <= 0.001
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edensim.eden.chips import ChipSettings, best_of_chips
    from edensim.eden.coarse import Search, Tolerance, tolerable_ber
    from edensim.eden.estimate import Estimate
    from edensim.eden.fine import FineTolerance, Worth, guided, sensitivities, sweep
    from edensim.eden.mapping import (
        Assignment,
        Item,
        Room,
        Weights,
        coarse_mapping,
        greedy_mapping,
        metadata_bytes,
    )
    from edensim.eden.optimal import optimal_mapping
    from edensim.eden.points import Choice, best_within, in_parts, offered, pareto

_HOMES = {
    **dict.fromkeys(["ChipSettings", "best_of_chips"], "chips"),
    **dict.fromkeys(["Search", "Tolerance", "tolerable_ber"], "coarse"),
    "Estimate": "estimate",
    **dict.fromkeys(["FineTolerance", "Worth", "guided", "sensitivities", "sweep"], "fine"),
    **dict.fromkeys(
        ["Assignment", "Item", "Room", "Weights", "coarse_mapping", "greedy_mapping", "metadata_bytes"], "mapping"
    ),
    "optimal_mapping": "optimal",
    **dict.fromkeys(["Choice", "best_within", "in_parts", "offered", "pareto"], "points"),
}

__all__ = [
    "Assignment",
    "ChipSettings",
    "Choice",
    "Estimate",
    "FineTolerance",
    "Item",
    "Room",
    "Search",
    "Tolerance",
    "Weights",
    "Worth",
    "best_of_chips",
    "best_within",
    "coarse_mapping",
    "greedy_mapping",
    "guided",
    "in_parts",
    "metadata_bytes",
    "offered",
    "optimal_mapping",
    "pareto",
    "sensitivities",
    "sweep",
    "tolerable_ber",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'edensim.eden' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"edensim.eden.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
