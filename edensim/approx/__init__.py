"""Approximate DRAM: which cells are weak, how often they fail, and the injection of their errors into data.

The parts, each in a module of its own and imported when first used:

- `model`, `lines`: the error models, EDEN's four and `bank_clustered`, with their parameters;
- `law`: what the injector takes, a `CellLaw`, whether it comes from a model or from a chip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edensim.approx.law import CellLaw
    from edensim.approx.lines import Lines
    from edensim.approx.model import MODELS, BankClustered, Bitline, DataDependent, ErrorModel, Uniform, Wordline
    from edensim.approx.rows import Rows

_HOMES = {
    "BankClustered": "model",
    "Bitline": "model",
    "CellLaw": "law",
    "DataDependent": "model",
    "ErrorModel": "model",
    "Lines": "lines",
    "MODELS": "model",
    "Rows": "rows",
    "Uniform": "model",
    "Wordline": "model",
}

__all__ = [
    "MODELS",
    "BankClustered",
    "Bitline",
    "CellLaw",
    "DataDependent",
    "ErrorModel",
    "Lines",
    "Rows",
    "Uniform",
    "Wordline",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'edensim.approx' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"edensim.approx.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
