"""Errors in a tensor that comes piece by piece, where failing cells read the row that was open before.

That row may lie in an earlier piece. So of every bank the unit of addresses (`region`) that holds its last opened row
is kept, as it was before errors: memory stays bounded by banks times units, and the result is that of the whole tensor.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from edensim.approx.device import Device
from edensim.approx.element import Element
from edensim.approx.injection import FlipReport, Injector
from edensim.approx.region import Region, opening_order, walk_of
from edensim.approx.tables_kernel import Bytes, Data, Ints, LayoutTable, Rule
from edensim.approx.tensor_file import Pieces


def pieces_of(region: Region, about_bytes: int) -> Pieces | None:
    """Pieces of about so many bytes that end where units end; None if units are no runs of the tensor's bytes."""
    geometry = region.address_map.geometry
    unit_lines = walk_of(region.address_map).lines
    if unit_lines == 0 or (region.pages is not None and region.page_lines % unit_lines):
        return None
    unit_bytes = unit_lines * geometry.burst_bytes
    others = max(about_bytes // unit_bytes, 1) * unit_bytes
    return Pieces(others - region.address % unit_bytes, others)


@dataclass(frozen=True, eq=False)
class _Unit:
    """A unit that was kept: its first line, its bytes in the tensor, how many before them are not in it."""

    line: int
    data: Bytes
    missing: int


class PreviousRows:
    """Injection into the pieces of one tensor (`pieces_of`), from its beginning to its end.

    Parameters
    ----------
    device : Device
    region : Region
        Place of the whole tensor.
    element : Element
        Format of its elements.
    rule : Rule
        Correction of implausible values.
    access : int
        Number of the access.
    threads : int, optional
        Threads (default: one per processor, as far as the size pays).
    """

    def __init__(
        self, device: Device, region: Region, element: Element, rule: Rule, access: int, threads: int | None = None
    ) -> None:
        self.device, self.region, self.element, self.rule = device, region, element, rule
        self.access, self.threads = access, threads
        self._open: dict[int, tuple[_Unit, int]] = {}  # by bank: unit and slot of the row that is open

    def change(self, data: Bytes, begin: int) -> FlipReport:
        """Errors into the piece that begins at a byte of the tensor, in place."""
        part = self.region.part(begin, begin + len(data))
        injector = Injector(self.device, part, self.element, self.rule, self.threads)
        layout = injector.layout
        opened, bank = opening_order(part, layout.rows)
        kept = sorted({unit for unit, _ in self._open.values()}, key=lambda unit: -unit.missing)
        source = np.concatenate([*(unit.data for unit in kept), data])
        before = len(source) - len(data)
        injector.layout = copy(layout)
        injector.layout.table = self._with_kept(layout.table, kept, before, opened, bank)
        target = source.copy()
        report = injector.run_on(Data(source, target), self.access)
        self._keep(layout.table, source[before:], opened, bank)
        data[:] = target[before:]
        return replace(report, bits=8 * len(data))

    def _with_kept(self, table: LayoutTable, kept: list[_Unit], before: int, opened: Ints, bank: Ints) -> LayoutTable:
        """The table with the kept units behind its own; their bytes come first, those that are missing before all."""
        slots, own = len(table.row_line), len(table.unit_line)
        lines = np.array([unit.line for unit in kept], np.int64)
        ends = np.cumsum([len(unit.data) for unit in kept], dtype=np.int64)
        offsets = ends - np.array([len(unit.data) + unit.missing for unit in kept], np.int64)
        previous = np.concatenate([table.previous, np.full(len(kept) * slots, -1, np.int64)])
        index = {unit: own + k for k, unit in enumerate(kept)}
        for here, at in zip(*np.unique(bank, return_index=True), strict=True):
            if int(here) in self._open:
                unit, slot = self._open[int(here)]
                previous[opened[at]] = index[unit] * slots + slot
        return table._replace(
            unit_line=np.concatenate([table.unit_line, lines]),
            unit_offset=np.concatenate([table.unit_offset + before, offsets]),
            previous=previous,
        )

    def _keep(self, table: LayoutTable, data: Bytes, opened: Ints, bank: Ints) -> None:
        """Keep the units of the rows that are open now."""
        slots, geometry = len(table.row_line), self.region.address_map.geometry
        unit_bytes = walk_of(self.region.address_map).lines * geometry.burst_bytes
        units: dict[int, _Unit] = {}
        for here, at in zip(*np.unique(bank[::-1], return_index=True), strict=True):
            k, slot = divmod(int(opened[::-1][at]), slots)
            if k not in units:
                offset = int(table.unit_offset[k])
                bytes_ = data[max(offset, 0) : offset + unit_bytes].copy()
                units[k] = _Unit(int(table.unit_line[k]), bytes_, max(-offset, 0))
            self._open[int(here)] = units[k], slot
