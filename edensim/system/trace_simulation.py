"""A program's address trace on a CPU: one core runs it from cold caches to its end.

Modelled and not modelled: see `machines.cpu.address_trace`; what the program keeps in its pages is not known, so it all
counts as one tensor.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import simpy

from edensim.machines.cpu.address_trace import AddressTrace, read_address_trace
from edensim.machines.cpu.cache_kernel import LINE_SHIFT
from edensim.machines.cpu.stretch import Stretch
from edensim.memory.placement import KINDS, TensorRequest
from edensim.system.cpu_simulation import CpuSimulation
from edensim.system.environment import WorldEnvironment
from edensim.system.simulate import LayerRecord
from edensim.workloads.layer import Network

TRACE = "trace"
"""What results call the one layer of a program."""


@lru_cache(maxsize=2)
def address_trace(path: str) -> AddressTrace:
    """A trace, read once per process."""
    return read_address_trace(Path(path))


def trace_tensors(network: Network) -> list[TensorRequest]:
    """The pages of a program; what it keeps in them is not known, so they count as output maps."""
    size = address_trace(network.trace).size_bytes
    return [TensorRequest(f"{TRACE}.{kind}", kind, size if kind == "ofm" else 0) for kind in KINDS]


class TraceSimulation(CpuSimulation):
    """A program's address trace on a core behind its caches."""

    @property
    def cores(self) -> int:
        """One: a trace has one thread."""
        return 1

    def requests(self) -> list[TensorRequest]:
        """The pages of the program."""
        return trace_tensors(self.network)

    def layers(self, env: WorldEnvironment) -> Generator[simpy.Event, Any, None]:
        """Run the trace from cold caches."""
        before, trace = self._read(), address_trace(self.network.trace)
        placed = self.tensors.placement.tensors[f"{TRACE}.ofm"]
        caches = self.caches_of_a_core(self.config.seed)
        touches = trace.touches + np.uint64(placed.base // 64 << LINE_SHIFT)
        live = self.looks_up_as_it_goes
        stretch = Stretch(iter([touches]) if live else chain(caches.drive(touches), caches.rest()))
        spent, _ = yield from self._alone(env, [[stretch]], [placed], before)
        details = {"cpi_stack_ns": spent.stack(1, int(self._core["depth"]), self.world.to_ns)}
        lines = spent.lines([placed], int(self._core["bursts"]))
        self.end_part(spent, LayerRecord(TRACE, 0, self.world.to_ns(spent.time), lines, spent.counters, details))
