"""Approximate DRAM: which cells are weak, how often they fail, and the injection of their errors into data.

The parts, each in a module of its own and imported when first used:

- `model`, `lines`: the error models, EDEN's four and `bank_clustered`, with their parameters;
- `law`: what the injector takes, a `CellLaw`, whether it comes from a model or from a chip;
- `device`, `region`: a memory with its laws, and where in it a tensor lies;
- `injection`: errors into arrays, in place or while copying;
- `reads`: errors of single bursts, as a simulated memory reads them.

>>> import numpy as np
>>> from edensim.approx import inject
>>> weights, read = np.zeros(1 << 20, np.int8), np.empty(1 << 20, np.int8)
>>> report = inject(weights, ber=1e-3, seed=1, out=read)
>>> bool(7800 < report.flips < 9000)
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edensim.approx.device import Device
    from edensim.approx.injection import FlipReport, Injector, inject
    from edensim.approx.law import CellLaw
    from edensim.approx.lines import Lines
    from edensim.approx.model import MODELS, BankClustered, Bitline, DataDependent, ErrorModel, Uniform, Wordline
    from edensim.approx.reads import BurstFlips, read_errors
    from edensim.approx.region import Region
    from edensim.approx.rows import Rows

_HOMES = {
    "BankClustered": "model",
    "Bitline": "model",
    "BurstFlips": "reads",
    "CellLaw": "law",
    "DataDependent": "model",
    "Device": "device",
    "ErrorModel": "model",
    "FlipReport": "injection",
    "Injector": "injection",
    "Lines": "lines",
    "MODELS": "model",
    "Region": "region",
    "Rows": "rows",
    "Uniform": "model",
    "Wordline": "model",
    "inject": "injection",
    "read_errors": "reads",
}

__all__ = [
    "MODELS",
    "BankClustered",
    "Bitline",
    "BurstFlips",
    "CellLaw",
    "DataDependent",
    "Device",
    "ErrorModel",
    "FlipReport",
    "Injector",
    "Lines",
    "Region",
    "Rows",
    "Uniform",
    "Wordline",
    "inject",
    "read_errors",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'edensim.approx' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"edensim.approx.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
