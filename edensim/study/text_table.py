"""Plain-text tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def columns(rows: Iterable[Iterable[Any]], right_from: int = 1) -> str:
    """Lay out rows, which may differ in length: the first `right_from` columns to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in cells if k < len(row)) for k in range(max(map(len, cells), default=0))]
    lines = (
        "  ".join(cell.ljust(widths[k]) if k < right_from else cell.rjust(widths[k]) for k, cell in enumerate(row))
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)
