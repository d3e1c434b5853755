"""A line of a figure that the ledger draws in the paper's layout."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Curve:
    """A line, or the paper's points (`is_paper`), in one panel of its item's figure.

    Parameters
    ----------
    panel, name : str
        Title of the panel, and entry of the legend.
    x, y : tuple of float
        In the units of the labels.
    x_label, y_label : str
        Labels of the panel's axes.
    log : str
        "" or those axes that are logarithmic: "x", "y", "xy".
    is_paper : bool
        What the paper says.
    falls : bool
        A linear x falls to the right, as the paper draws voltages and latencies: from nominal downwards.
    """

    panel: str
    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    x_label: str
    y_label: str
    log: str = ""
    is_paper: bool = False
    falls: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)
