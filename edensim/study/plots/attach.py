"""`res.plot`: the figures of a result as methods. Importing this does not import matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from edensim.system.result import Result


class Plots:
    """Figures of one result; each method returns a matplotlib `Figure` that can be changed or saved."""

    def __init__(self, result: Result) -> None:
        self._result = result

    def energy(self) -> Figure:
        """DRAM energy by component, one stacked bar per operating point."""
        return self._draw("energy")

    def timeline(self) -> Figure:
        """Bandwidth and row hits over time."""
        return self._draw("timeline")

    def points(self) -> Figure:
        """Energy and time of every operating point relative to the main one."""
        return self._draw("points")

    def layers(self) -> Figure:
        """Time and energy, layer by layer."""
        return self._draw("layers")

    def power(self) -> Figure:
        """Average power of every layer over time."""
        return self._draw("power")

    def _draw(self, kind: str) -> Figure:
        from edensim.study.plots.figures import draw

        return draw(self._result, kind).figure
