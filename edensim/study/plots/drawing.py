"""A figure together with the numbers it shows."""

from __future__ import annotations

import csv
import io
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from edensim.printable import utf8


class Drawing(NamedTuple):
    """A figure and its data as a table."""

    figure: Figure
    header: list[str]
    rows: list[list[Any]]

    def table(self) -> bytes:
        """Return the data as CSV; floats keep every digit."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows(self.rows)
        return utf8(text.getvalue())
