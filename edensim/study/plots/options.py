"""What a user may choose about a figure; apart from the drawing, so that a wrong choice is refused before any work."""

from __future__ import annotations

from dataclasses import dataclass

WIDTHS = {"single": 3.4, "double": 7.0}
"""Column widths of a two-column paper, in inches."""


@dataclass(frozen=True)
class Options:
    """Choices for figures.

    Attributes
    ----------
    width : str
        `single` or `double` column.
    x : str, optional
        Axis of a sweep along which to draw: its key, or the last part of it (default: the kind's own, or the first).
    metrics : tuple of str
        What heat maps show: columns of results.csv, or `energy` and `time`.
    """

    width: str = "single"
    x: str | None = None
    metrics: tuple[str, ...] = ("energy", "time")

    @property
    def inches(self) -> float:
        """Width of the figure."""
        return WIDTHS[self.width]

    @property
    def is_double(self) -> bool:
        """Room for two panels beside each other."""
        return self.width == "double"


DEFAULT = Options()
