"""What the model leaves out, in the words of the modules that do the modelling.

Every module's docstring ends in a sentence "Not modelled: …"; those that bear on results are collected here, so the
report cannot say anything else than the code does.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from importlib import resources

MODULES = {
    "Memory controller": "dram/controller.py",
    "Timing": "dram/timing.py",
    "Energy": "dram/power.py",
    "Operating points": "memory/operating_state.py",
    "Address map": "memory/address_map.py",
    "Bits in a row": "memory/bit_place.py",
    "Placement": "memory/placement.py",
    "Layers": "workloads/layer.py",
    "Accelerator": "machines/accelerator.py",
    "Tiling": "machines/tiling.py",
    "Eyeriss": "machines/eyeriss.py",
    "TPU": "machines/tpu.py",
    "Accelerator runs": "system/accelerator_simulation.py",
    "Code on CPUs": "machines/cpu/code.py",
    "Caches": "machines/cpu/cache.py",
    "Cores": "system/core.py",
    "CPU runs": "system/cpu_simulation.py",
    "System": "system/simulate.py",
}
_ARRAYS, _CPU = ("eyeriss", "tpu"), ("cpu",)
_MACHINES = {
    "Accelerator": _ARRAYS, "Tiling": _ARRAYS, "Accelerator runs": _ARRAYS, "Eyeriss": ("eyeriss",), "TPU": ("tpu",),
    "Code on CPUs": _CPU, "Caches": _CPU, "Cores": _CPU, "CPU runs": _CPU,
}  # fmt: skip
_SENTENCE = re.compile(r"Not modelled(?: here)?: (.+?)\.(?:\s|$)", re.DOTALL)


@dataclass(frozen=True)
class Limit:
    """What one part of the model leaves out."""

    part: str
    text: str


def limits(machine: str = "") -> list[Limit]:
    """Limits of every part; of the machines only `machine`, a kind ("": all)."""
    return [
        Limit(part, text)
        for part, path in MODULES.items()
        if not machine or machine in _MACHINES.get(part, (machine,))
        for text in _not_modelled(path)
    ]


def _not_modelled(path: str) -> list[str]:
    # The source, not the module: importing would load every kernel, and `python -OO` drops docstrings.
    source = resources.files("edensim").joinpath(path).read_text(encoding="utf-8")
    doc = ast.get_docstring(ast.parse(source)) or ""
    return [" ".join(text.split()) for text in _SENTENCE.findall(doc)]
