"""One accelerator per description and process."""

from __future__ import annotations

from functools import lru_cache

from edensim.config.schema import Machine
from edensim.machines import Accelerator, build_machine


@lru_cache(maxsize=8)
def shared_machine(machine: Machine) -> Accelerator:
    """One accelerator per description and process, so that checks, compared points and sweeps search a tiling once."""
    return build_machine(machine)
