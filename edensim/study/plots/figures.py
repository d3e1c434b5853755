"""The kinds of figures there are, drawn into files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from edensim.study.plots import energy, operating_points, power, timeline
from edensim.study.plots.drawing import Drawing
from edensim.study.plots.formats import check_formats
from edensim.study.plots.style import encode, styled

if TYPE_CHECKING:
    from edensim.system.result import Result

DRAWERS: dict[str, Callable[[Result], Drawing]] = {
    "energy": energy.draw,
    "timeline": timeline.draw,
    "points": operating_points.draw,
    "power": power.draw,
}
KINDS = tuple(DRAWERS)


def draw(result: Result, kind: str) -> Drawing:
    """Draw one figure in edensim's style."""
    with styled():
        return DRAWERS[kind](result)


def render(result: Result, kinds: Iterable[str], formats: list[str], folder: str = "figures/") -> dict[str, bytes]:
    """Draw figures of the given kinds.

    Returns
    -------
    dict
        File name (`figures/energy.png`, `figures/energy.csv` …) to contents: each picture in every format, and the
        numbers it shows.
    """
    formats = check_formats(formats)
    files = {}
    with styled():
        for kind in kinds:
            drawing = DRAWERS[kind](result)
            for fmt in formats:
                files[f"{folder}{kind}.{fmt}"] = encode(drawing.figure, fmt)
            files[f"{folder}{kind}.csv"] = drawing.table()
    return files
