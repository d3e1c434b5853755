"""Errors into files of tensors: which memory, which laws in its partitions, which bytes; streamed with flat memory.

Tensors go through memory in pieces, which the result does not depend on. Where failing cells read the row before
(precharge failures), the rows that are open stay at hand (`previous_rows`); only a tensor whose pieces hold no whole
rows (pages smaller than a row, column bits far up in the address) is then held whole, twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from edensim.approx.correction import make_rule
from edensim.approx.device import Device
from edensim.approx.injection import FlipReport, Injector
from edensim.approx.placing import PlacementFile, regions_as_placed, regions_in_order
from edensim.approx.previous_rows import PreviousRows, pieces_of
from edensim.approx.region import PLAIN, Region
from edensim.approx.tables_kernel import Bytes
from edensim.approx.tensor_file import CHUNK_BYTES, FileTensor, Pieces, TensorFile, require_match
from edensim.config import Config
from edensim.errors import InputError
from edensim.memory import AddressMap, Geometry, OperatingState, PartitionMap, resolve_operating_state
from edensim.output import atomic_output

Bounds = Mapping[str, tuple[float, float]]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Memory:
    """A memory, how it is divided, and what its partitions run at (None: a plain one, undivided)."""

    address_map: AddressMap = PLAIN
    state: OperatingState | None = None

    @classmethod
    def of(cls, config: Config) -> Memory:
        """Memory of a configuration, at its operating point."""
        geometry = Geometry.from_config(config.dram)
        state = resolve_operating_state(config.dram, config.operating_point, config.partition)
        return cls(AddressMap.from_config(geometry, config.dram), state)

    @property
    def partitions(self) -> PartitionMap | None:
        """Division of the memory."""
        return self.state.partitions if self.state else None


@dataclass(frozen=True)
class TensorReport:
    """What happened to a tensor of a file; `report` is None if it was kept as it is."""

    tensor: FileTensor
    report: FlipReport | None


@dataclass(frozen=True)
class FilePlan:
    """What to do with a file.

    Attributes
    ----------
    device : Device
        Memory and laws.
    regions : dict of str to Region
        Place of every tensor that is changed.
    access : int
        Number of the access.
    bounds : mapping of str to (low, high)
        Bounds of plausible values by tensor name (wildcards allowed).
    correction : str
        What replaces implausible values: "zero" or "saturate".
    """

    device: Device
    regions: dict[str, Region]
    access: int = 0
    bounds: Bounds = field(default_factory=dict)
    correction: str = "zero"


def place_tensors(
    file: TensorFile, keep: Sequence[str], memory: Memory, placement: PlacementFile | None
) -> dict[str, Region]:
    """Places of all tensors that no pattern of `keep` matches.

    Raises
    ------
    InputError
        If one of them is of a type that errors cannot be injected into.
    ConfigError
        If a pattern matches nothing, or places are impossible.
    """
    names = [tensor.name for tensor in file.tensors]
    for pattern in keep:
        require_match(pattern, names, "--keep")
    changed = [t for t in file.tensors if not any(fnmatchcase(t.name, pattern) for pattern in keep)]
    for tensor in changed:
        if tensor.element is None:
            raise InputError(
                f"{file.path}: tensor {tensor.name!r} is of type {tensor.dtype}, which errors are not injected into; "
                f"leave it as it is with --keep {tensor.name}"
            )
    if placement is None or not placement.tensors:
        return regions_in_order(changed, memory.address_map)
    partitions = memory.partitions
    assert partitions is not None, "a placement belongs to a memory"
    return regions_as_placed(changed, placement, memory.address_map, partitions)


def inject_file(
    file: TensorFile,
    target: str | Path,
    plan: FilePlan,
    *,
    threads: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> list[TensorReport]:
    """Write a file anew with errors in its tensors.

    Parameters
    ----------
    file : TensorFile
        What is read.
    target
        File to write; it appears when all of it is written.
    plan : FilePlan
        Memory, places, bounds.
    threads : int, optional
        Threads (default: one per processor); the result does not depend on it.
    force : bool
        Replace `target` if it exists.
    progress : callable (done, total, label), optional
        Told about bytes.

    Raises
    ------
    InputError
        If the file turns out to be damaged.
    OutputError
        If `target` exists or cannot be written.
    ConfigError
        If bounds make no sense, or a tensor does not fit its place.
    """
    names = [tensor.name for tensor in file.tensors]
    for pattern in plan.bounds:
        require_match(pattern, names, "--bounds")
    rules = {
        t.name: make_rule(t.element, _bounds(plan.bounds, t.name), plan.correction) for t in file.tensors if t.element
    }
    total, done = sum(tensor.size_bytes for tensor in file.tensors), 0
    reports: dict[str, FlipReport] = {}
    open_rows: dict[str, PreviousRows] = {}

    def change(tensor: FileTensor, data: Bytes, begin: int) -> None:
        nonlocal done
        region = plan.regions.get(tensor.name)
        if region is not None and tensor.element is not None:
            rule, element = rules[tensor.name], tensor.element
            if len(data) < tensor.size_bytes and plan.device.reads_previous_row:
                if begin == 0:
                    open_rows.clear()
                    open_rows[tensor.name] = PreviousRows(plan.device, region, element, rule, plan.access, threads)
                report = open_rows[tensor.name].change(data, begin)
            else:
                part = region.part(begin, begin + len(data))
                report = Injector(plan.device, part, element, rule, threads).run(data, plan.access)
            reports[tensor.name] = reports[tensor.name] + report if tensor.name in reports else report
        done += len(data)
        if progress is not None:
            progress(done, total, tensor.name)

    def cut(tensor: FileTensor) -> Pieces:
        region = plan.regions.get(tensor.name)
        if region is None or not plan.device.reads_previous_row:
            return Pieces(CHUNK_BYTES, CHUNK_BYTES)
        whole = max(tensor.size_bytes, 1)
        return pieces_of(region, CHUNK_BYTES) or Pieces(whole, whole)

    with atomic_output(target, force) as out:
        file.rewrite(out, change, cut)
    return [TensorReport(t, reports.get(t.name, _nothing(plan, t))) for t in file.tensors]


def _bounds(bounds: Bounds, name: str) -> tuple[float, float] | None:
    return next((values for pattern, values in bounds.items() if fnmatchcase(name, pattern)), None)


def _nothing(plan: FilePlan, tensor: FileTensor) -> FlipReport | None:
    """Report of a tensor without bytes, or None for one that was kept."""
    if tensor.name not in plan.regions or tensor.element is None:
        return None
    geometry = plan.device.address_map.geometry
    return FlipReport(
        0, 0, np.zeros((geometry.channels, geometry.banks), np.int64), np.zeros(tensor.element.bits, np.int64)
    )
