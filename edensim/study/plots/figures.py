"""The kinds of figures there are, drawn into files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from edensim.study.plots import (
    energy,
    heatmap,
    latency,
    layers,
    lines,
    operating_points,
    pareto,
    partitions,
    power,
    sweep_energy,
    timeline,
    trace_energy,
)
from edensim.study.plots import kinds as names
from edensim.study.plots.drawing import Drawing
from edensim.study.plots.formats import check_formats
from edensim.study.plots.kinds import CannotDrawError, ShownElsewhereError
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.style import encode, styled
from edensim.study.priced_trace import PricedTrace

DRAWERS: dict[str, dict[str, Callable[[Any, Options], Drawing]]] = {
    names.RUN: {
        "energy": energy.draw,
        "partitions": partitions.draw,
        "timeline": timeline.draw,
        "points": operating_points.draw,
        "layers": layers.draw,
        "power": power.draw,
    },
    names.RUNS: {"energy": energy.draw_runs},
    names.SWEEP: {
        "energy": sweep_energy.draw,
        "vdd": lines.draw_vdd,
        "trcd": lines.draw_trcd,
        "lines": lines.draw,
        "heatmap": heatmap.draw,
        "pareto": pareto.draw,
    },
    names.LOAD: {"latency": latency.draw},
    names.TRACE: {"energy": trace_energy.draw, "power": power.draw_trace},
}
KINDS = tuple(DRAWERS[names.RUN])
"""Kinds of figures of a run."""


def source_kind(source: Any) -> str:
    """What a source is: a `Result`, a mapping of names to results, a `Sweep`, a table of latencies, a priced trace."""
    if isinstance(source, Mapping):
        return names.RUNS
    if isinstance(source, PricedTrace):
        return names.TRACE
    if hasattr(source, "frame"):
        return names.SWEEP
    return names.LOAD if hasattr(source, "columns") else names.RUN


def draw(source: Any, kind: str, options: Options = DEFAULT) -> Drawing:
    """Draw one figure in edensim's style.

    Parameters
    ----------
    source : Result, mapping of str to Result, Sweep, DataFrame or PricedTrace
        See `source_kind`; `kinds.KINDS` lists what can be drawn from each.

    Raises
    ------
    CannotDrawError
        If the source has no data for this kind; the message says what is missing.
    """
    family = source_kind(source)
    if kind not in DRAWERS[family]:
        wanted = names.sources_of(kind)
        raise CannotDrawError(
            f"figure {kind} cannot be drawn from {family}: it needs {wanted}; from {family} there "
            f"{'are' if len(DRAWERS[family]) > 1 else 'is'} {', '.join(DRAWERS[family])}."
        )
    with styled():
        return DRAWERS[family][kind](source, options)


def render(
    source: Any,
    kinds: Iterable[str],
    formats: list[str],
    folder: str = "figures/",
    options: Options = DEFAULT,
    refused: Callable[[str], None] | None = None,
) -> dict[str, bytes]:
    """Draw figures of the given kinds (none: every kind there is for the source).

    Parameters
    ----------
    refused : callable, optional
        Told why a kind cannot be drawn, which is then left out; otherwise that is an error.

    Returns
    -------
    dict
        File name (`figures/energy.png`, `figures/energy.csv` …) to contents: each picture in every format, and the
        numbers it shows.
    """
    formats = check_formats(formats)
    files = {}
    for kind in tuple(kinds) or DRAWERS[source_kind(source)]:
        try:
            drawing = draw(source, kind, options)
        except CannotDrawError as error:
            if refused is None:
                raise
            if not isinstance(error, ShownElsewhereError):
                refused(str(error))
            continue
        with styled():
            for fmt in formats:
                files[f"{folder}{kind}.{fmt}"] = encode(drawing.figure, fmt)
        files[f"{folder}{kind}.csv"] = drawing.table()
    return files
