"""Bars made of parts, lying or standing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from edensim.dram.energy import COMPONENTS
from edensim.study.plots.style import HATCHES

COLOURS = tuple(f"C{k}" for k in range(len(HATCHES)))
ENERGY_LABELS = {
    "act": "ACT",
    "pre": "PRE",
    "rd": "RD",
    "wr": "WR",
    "ref": "REF",
    "background": "background",
    "io": "I/O",
}


def stack_bars(
    axes: Axes,
    places: Iterable[float],
    parts: Mapping[str, Sequence[float]],
    thickness: float,
    *,
    lying: bool = True,
    colours: Sequence[str] = COLOURS,
) -> list[float]:
    """Draw one bar per place from parts {label: length in each bar}.

    Parameters
    ----------
    lying : bool
        Bars that grow to the right; otherwise upwards.
    colours : sequence of str
        Fill of each part; hatches tell them apart too.

    Returns
    -------
    list of float
        Where each bar ends.
    """
    places = list(places)
    ends = [0.0] * len(places)
    for k, (label, lengths) in enumerate(parts.items()):
        look: dict[str, Any] = {"label": label, "color": colours[k], "hatch": HATCHES[k], "edgecolor": "black"}
        if lying:
            axes.barh(places, lengths, thickness, ends, **look)
        else:
            axes.bar(places, lengths, thickness, ends, **look)
        ends = [end + length for end, length in zip(ends, lengths, strict=True)]
    return ends


def energy_parts(energies: Sequence[Mapping[str, float]], scale: float) -> dict[str, list[float]]:
    """Components of several energies as parts of bars, under the names figures give them."""
    return {ENERGY_LABELS[name]: [energy[name] * scale for energy in energies] for name in COMPONENTS}
