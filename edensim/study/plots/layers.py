"""Where time and energy go layer by layer.

Time of an accelerator is split into computing, waiting for loads, and the rest (waiting for stores and for the last of
them to drain); that of a core into all that it waits for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from edensim.dram.energy import COMPONENTS
from edensim.study.plots.drawing import Drawing
from edensim.study.plots.kinds import CannotDrawError
from edensim.study.plots.labels import drawn_point, short
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.stack import energy_parts, stack_bars
from edensim.study.points import energy_unit, time_unit

if TYPE_CHECKING:
    from edensim.system.result import Result

MOST = 48
"""Bars that stay readable on a page; a longer network's smallest layers are drawn as one."""
ENGINE = {"compute": "0.35", "wait for loads": "0.75", "other": "white"}
"""Parts of an accelerator's time and their fills, apart from those of the energy beside them."""
CORE = {
    "compute": "0.25", "caches": "0.4", "row hits": "0.52", "activations": "0.64", "queues": "0.76", "refresh": "0.88",
    "other": "white",
}  # fmt: skip
"""Parts of a core's time."""
COLUMNS = {"wait for loads": "load_wait", "row hits": "row_hit", "activations": "row_miss", "queues": "queue"}


def draw(result: Result, options: Options = DEFAULT) -> Drawing:
    """Draw time and DRAM energy of every layer of the main point, in the order in which they run."""
    layers = _folded([_measured(layer) for layer in result.data.get("layers") or ()])
    if not layers:
        raise CannotDrawError("figure layers cannot be drawn: the run records no layers.")
    unit_t, scale_t = time_unit(max(layer["time_ns"] for layer in layers))
    unit_e, scale_e = energy_unit(max(layer["energy_pj"]["total"] for layer in layers))
    size = 7 if len(layers) <= 20 else 5
    figure = Figure(figsize=(options.inches, 1.15 + len(layers) * (0.17 if size == 7 else 0.115)))
    left, right = figure.subplots(1, 2, sharey=True)
    places = range(len(layers))
    fills = CORE if "caches" in layers[0]["parts"] else ENGINE
    times = {name: [layer["parts"][name] * scale_t for layer in layers] for name in fills}
    stack_bars(left, places, times, 0.72, colours=list(fills.values()))
    stack_bars(right, places, energy_parts([layer["energy_pj"] for layer in layers], scale_e), 0.72)
    if note := drawn_point(result.data):
        figure.suptitle(note, fontsize=7)
    left.set_yticks(places, [short(layer["name"]) for layer in layers], fontsize=size)
    left.set_ylim(len(layers) - 0.4, -0.6)
    left.set_xlabel(f"time ({unit_t})")
    right.set_xlabel(f"DRAM energy ({unit_e})")
    for axes in (left, right):
        axes.grid(visible=False, axis="y")
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4 if options.is_double else 2, columnspacing=1.0
        )
    rows = [[x["name"], x["time_ns"], *x["parts"].values(), *(x["energy_pj"][c] for c in PARTS)] for x in layers]
    columns = [f"{COLUMNS.get(name, name)}_ns" for name in fills]
    header = ["layer", "time_ns", *columns, *(f"energy_pj.{c}" for c in PARTS)]
    return Drawing(figure, header, rows)


PARTS = (*COMPONENTS, "total")


def _measured(layer: Mapping[str, Any]) -> dict[str, Any]:
    energy = {name: float(layer["energy_pj"][name]) for name in PARTS}
    return {"name": layer["name"], "time_ns": float(layer["time_ns"]), "parts": _parts(layer), "energy_pj": energy}


def _parts(layer: Mapping[str, Any]) -> dict[str, float]:
    """What the time of a layer goes into, in ns."""
    if stack := layer.get("cpi_stack_ns"):
        caches = sum(time for name, time in stack.items() if name[0] == "l" and name[1:].isdigit())
        names = ("compute", "row_hit", "row_miss", "queue", "refresh", "other")
        compute, *waits = (float(stack.get(name, 0.0)) for name in names)
        return dict(zip(CORE, (compute, caches, *waits), strict=True))
    time, compute, wait = (float(layer[name]) for name in ("time_ns", "compute_ns", "load_wait_ns"))
    return dict(zip(ENGINE, (compute, wait, max(time - compute - wait, 0.0)), strict=True))


def _folded(layers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the layers that take longest, in order, and add up the others."""
    if len(layers) <= MOST:
        return list(layers)
    by_time = sorted(range(len(layers)), key=lambda k: -layers[k]["time_ns"])
    kept = sorted(by_time[: MOST - 1])
    rest = [layers[k] for k in by_time[MOST - 1 :]]
    time_ns = sum(layer["time_ns"] for layer in rest)
    parts = {name: sum(layer["parts"][name] for layer in rest) for name in rest[0]["parts"]}
    energy = {name: sum(layer["energy_pj"][name] for layer in rest) for name in PARTS}
    return [
        *(layers[k] for k in kept),
        {"name": f"{len(rest)} others", "time_ns": time_ns, "parts": parts, "energy_pj": energy},
    ]
