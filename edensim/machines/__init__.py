"""Accelerators that turn layers into tile programs for DRAM: Eyeriss-like and TPU-like.

Modelled: tiling and its DRAM traffic, compute cycles per tile, addresses of every transfer. Not modelled: values,
on-chip energy, anything a layer record does not hold (pooling, activations).
"""

from __future__ import annotations

from edensim.machines.accelerator import Accelerator, build_machine
from edensim.machines.program import KINDS, RUN, TILE, LayerPlan, LayerTensors

__all__ = ["KINDS", "RUN", "TILE", "Accelerator", "LayerPlan", "LayerTensors", "build_machine"]
