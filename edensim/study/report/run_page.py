"""What a report says about a run: operating points side by side, partitions, errors, layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edensim.study.opened import OpenedRun
from edensim.study.points import energy_unit, points, time_unit
from edensim.study.report.markup import Markup, escaped, joined, table, tag
from edensim.study.report.page import Fact, Section
from edensim.study.summary import error_notes, error_rows, holdings, partition_rows, point_rows, size, traffic

MOST_LAYERS = 500


def facts(opened: OpenedRun) -> list[Fact]:
    """Numbers that a reader wants first."""
    data = opened.result.data
    main, *others = points(data)
    unit_t, scale_t = time_unit(main.time_ns)
    unit_e, scale_e = energy_unit(main.energy_pj)
    found = [
        Fact(f"Time, {main.label}", f"{main.time_ns * scale_t:.4g} {unit_t}", main.setting),
        Fact(f"DRAM energy, {main.label}", f"{main.energy_pj * scale_e:.4g} {unit_e}", main.setting),
    ]
    if others:
        best = max(others, key=lambda point: point.saving("energy_pj"))
        faster = best.saving("time_ns")
        time = f"{abs(faster):.1%} {'less' if faster > 0 else 'more'} time" if abs(faster) >= 5e-4 else "same time"
        note = f"{best.label}: {best.setting}; {time}"
        found.append(Fact("Energy saved", f"{best.saving('energy_pj'):z.1%}", note))
    return found


def sections(opened: OpenedRun) -> Iterator[Section]:
    """Yield results and layers."""
    data = opened.result.data
    yield Section("results", "Results", _results(data))
    if parts := partition_rows(data):
        yield Section("partitions", "Partitions", _partitions(data, parts))
    if errors := error_rows(data):
        yield Section("errors", "Errors of reads", _errors(data, errors))
    if data.get("layers"):
        yield Section("layers", "Layers", _layers(data["layers"]))


def _results(data: Mapping[str, Any]) -> Markup:
    head, *rows = point_rows(data)
    marked = [[_label(row[0]), *row[1:]] for row in rows]
    return joined(
        [
            tag("p", traffic(data) + "."),
            *(tag("p", str(warning), class_="warning") for warning in data.get("warnings", ())),
            table(head, marked, label="Results of every operating point", class_="fit"),
            _bases(data),
        ]
    )


def _partitions(data: Mapping[str, Any], parts: list[list[str]]) -> Markup:
    head, *rows = parts
    full = [[*row, *[""] * (len(head) - len(row))] for row in rows]
    held = [tag("p", text + ".", class_="soft") for text in holdings(data)]
    return joined([table(head, full, label="Partitions at every operating point"), *held])


def _errors(data: Mapping[str, Any], rows: list[list[str]]) -> Markup:
    head, *body = rows
    label = "Tensors with the most wrong bits at the main point"
    return joined([table(head, body, label=label, class_="fit"), tag("p", error_notes(data) + ".", class_="soft")])


def _label(text: str) -> Markup:
    return tag("span", text.strip(), class_="part") if text.startswith(" ") else escaped(text)


def _bases(data: Mapping[str, Any]) -> Markup | None:
    bases = {str(used["basis"]) for point in points(data) for used in point.in_use} - {"nominal"}
    meaning = {
        "measured": "measured on chips of this kind",
        "scaled": "measured on other chips and carried over, relative to the nominal value",
        "extrapolated": "outside what was measured",
    }
    told = [f"{basis}: {meaning[basis]}" for basis in sorted(bases & meaning.keys())]
    return tag("p", "Basis of an operating point. " + "; ".join(told) + ".", class_="soft") if told else None


def _layers(layers: list[dict[str, Any]]) -> Markup:
    unit_t, scale_t = time_unit(max(float(layer["time_ns"]) for layer in layers))
    unit_e, scale_e = energy_unit(max(float(layer["energy_pj"]["total"]) for layer in layers))
    head = [
        "layer", f"time ({unit_t})", f"compute ({unit_t})", f"DRAM energy ({unit_e})", "read", "written", "MACs",
        "PEs used", "row hits",
    ]  # fmt: skip
    rows = [
        [
            str(layer["name"]),
            f"{layer['time_ns'] * scale_t:.4g}",
            f"{layer['compute_ns'] * scale_t:.4g}" if "compute_ns" in layer else "-",
            f"{layer['energy_pj']['total'] * scale_e:.4g}",
            size(layer["bytes"]["read"]),
            size(layer["bytes"]["write"]),
            f"{layer['macs']:,}" if "macs" in layer else "-",
            f"{layer['utilization']:.1%}" if "utilization" in layer else "-",
            _hits(layer["row"]),
        ]
        for layer in layers[:MOST_LAYERS]
    ]
    more = len(layers) - len(rows)
    note = f"The first {MOST_LAYERS} of {len(layers)} layers; all are in results.csv. " if more else ""
    return joined([tag("p", note + "Main operating point."), table(head, rows, label="Layers")])


def _hits(row: Mapping[str, int]) -> str:
    total = row["hit"] + row["miss"] + row["conflict"]
    return f"{row['hit'] / total:.1%}" if total else "-"
