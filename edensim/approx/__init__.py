"""Approximate DRAM: which cells are weak, how often they fail, and the injection of their errors into data.

The parts, each in a module of its own and imported when first used:

- `model`, `lines`: the error models, EDEN's four and `bank_clustered`, with their parameters;
- `law`: what the injector takes, a `CellLaw`, whether it comes from a model or from a chip;
- `device`, `region`: a memory with its laws, and where in it a tensor lies;
- `injection`: errors into arrays, in place or while copying;
- `reads`: errors of single bursts, as a simulated memory reads them.
- `chip*`, `laws*`: what measured chips do at an operating point; `fit*`: models from repeated reads; `profile*`: reads
  of a simulated module.

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
    from edensim.approx.chip import Chip, Setting
    from edensim.approx.chip_cells import chip_laws
    from edensim.approx.chip_load import load_chip
    from edensim.approx.device import Device
    from edensim.approx.fit import fit_models
    from edensim.approx.fit_reads import Reads, load_reads
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
    "Chip": "chip",
    "DataDependent": "model",
    "Device": "device",
    "ErrorModel": "model",
    "FlipReport": "injection",
    "Injector": "injection",
    "Lines": "lines",
    "MODELS": "model",
    "Reads": "fit_reads",
    "Region": "region",
    "Rows": "rows",
    "Setting": "chip",
    "Uniform": "model",
    "Wordline": "model",
    "chip_laws": "chip_cells",
    "fit_models": "fit",
    "inject": "injection",
    "read_errors": "reads",
    "load_chip": "chip_load",
    "load_reads": "fit_reads",
}

__all__ = [
    "MODELS",
    "BankClustered",
    "Bitline",
    "BurstFlips",
    "CellLaw",
    "Chip",
    "DataDependent",
    "Device",
    "ErrorModel",
    "FlipReport",
    "Injector",
    "Lines",
    "Reads",
    "Region",
    "Rows",
    "Setting",
    "Uniform",
    "Wordline",
    "chip_laws",
    "fit_models",
    "inject",
    "read_errors",
    "load_chip",
    "load_reads",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'edensim.approx' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"edensim.approx.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
