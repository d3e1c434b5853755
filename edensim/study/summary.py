"""The table of a run: every operating point beside the main one, with what it saves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edensim.dram.energy import COMPONENTS
from edensim.study.points import Point, energy_unit, points, time_unit
from edensim.study.text_table import columns

STACK = {"compute": "computing", "row_hit": "row hits", "row_miss": "activations", "other": "idle, end of layers"}
"""Names of what a core's time goes into; caches and queues go by theirs."""
NEGLIGIBLE = 5e-5


def summarize(data: Mapping[str, Any], title: str = "") -> str:
    """Lay out a result for people: one column per operating point, savings as a share of the main point's value."""
    parts, errors, tenants = partition_rows(data), error_rows(data), tenant_rows(data)
    below = ["", columns(tenants, right_from=2)] if tenants else []
    below += ["", columns(parts, right_from=2), *holdings(data)] if parts else []
    below += ["", columns(errors), error_notes(data)] if errors else []
    return _head(data, title) + "\n".join([columns(point_rows(data)), *below])


def point_rows(data: Mapping[str, Any]) -> list[list[str]]:
    """Rows of that table: a head of points, then a label and one cell per point; parts of the energy are indented."""
    shown = points(data)
    unit_e, scale_e = energy_unit(max(p.energy_pj for p in shown))
    unit_t, scale_t = time_unit(max(p.time_ns for p in shown))

    rows: list[list[str]] = [["", *(p.label for p in shown)]]

    def add(label: str, cell: Callable[[Point], str]) -> None:
        rows.append([label, *(cell(p) for p in shown)])

    add("VDD (V)", lambda p: p.text("vdd", ".3f"))
    add("tRCD (ns)", lambda p: p.text("tRCD_ns", ".2f"))
    for key in ("tRAS_ns", "tRP_ns"):
        if len({point.get(key) for p in shown for point in p.in_use}) > 1:
            add(f"{key.removesuffix('_ns')} (ns)", lambda p, key=key: p.text(key, ".2f"))  # type: ignore[misc]
    if any(p.lowest_safe for p in shown):
        add("latency", lambda p: "lowest safe" if p.lowest_safe else "")
    add("basis", lambda p: p.basis)
    add(f"time ({unit_t})", lambda p: f"{p.time_ns * scale_t:.4g}")
    stacks = [p.data.get("cpi_stack_ns", {}) for p in shown]
    for name in stacks[0] if all(stacks) else ():
        if any(stack[name] >= NEGLIGIBLE * p.time_ns for p, stack in zip(shown, stacks, strict=True)):
            label = f"  {STACK.get(name, name.replace('_', ' '))}"
            add(label, lambda p, name=name: f"{p.data['cpi_stack_ns'][name] / p.time_ns:.1%}")  # type: ignore[misc]
    add(f"DRAM energy ({unit_e})", lambda p: f"{p.energy_pj * scale_e:.4g}")
    for name in COMPONENTS:
        add(f"  {name}", lambda p, name=name: f"{p.data['energy_pj'][name] * scale_e:.4g}")  # type: ignore[misc]
    if all("energy_report" in p.data for p in shown):
        add("  follows VDD", lambda p: f"{p.data['energy_report']['follows_vdd_share']:.1%}")
        add("  of system, at most", lambda p: f"{p.data['energy_report']['system_pj']['dram_share']:.1%}")
        add("energy per bit (pJ)", lambda p: f"{p.data['energy_report']['energy_per_bit_pj']:.4g}")
        add("DRAM power, mean (mW)", lambda p: f"{p.data['energy_report']['power_mw']:.4g}")
    add("bandwidth (GB/s)", lambda p: f"{p.data['bandwidth_gb_s']:.3g}")
    add("read latency, mean (ns)", lambda p: f"{p.data['read_latency_ns']['mean']:.4g}")
    if any("errors" in p.data for p in shown):
        add("bit error rate of reads", lambda p: _ber(p.data.get("errors")))
    add("row hits", lambda p: _share(p.data["row"]))
    if any("asleep" in p.data for p in shown):
        add("ranks powered down", lambda p: f"{sum(p.data.get('asleep', {}).values()):.1%}")
    if len(shown) > 1:
        for quantity, label in (("energy_pj", "energy saved"), ("time_ns", "time saved")):
            rows.append([label, "", *(f"{p.saving(quantity):z.1%}" for p in shown[1:])])
    return rows


def partition_rows(data: Mapping[str, Any]) -> list[list[str]]:
    """Rows of the table of partitions, every partition at every point; empty without partitions."""
    shown = [point for point in points(data) if "partitions" in point.data]
    if not shown:
        return []
    unit, scale = energy_unit(max(p.energy_pj for p in shown))
    head = ["partition", "point", "VDD (V)", "tRCD/tRAS/tRP (ns)", "basis", "read", "written", f"energy ({unit})"]
    rows = [head]
    for point in shown:
        for name, part in point.data["partitions"].items():
            op, moved = part["operating_point"], part["bytes"]
            times = "/".join(f"{op[key]:.4g}" for key in ("tRCD_ns", "tRAS_ns", "tRP_ns"))
            cells = [size(moved["read"]), size(moved["write"]), f"{part['energy_pj']['total'] * scale:.4g}"]
            rows.append([name, point.label, f"{op['vdd']:.3f}", times, op["basis"], *cells])
        shared = point.data["shared_energy_pj"]["background"]
        rows.append(["(shared background)", point.label, *[""] * 5, f"{shared * scale:.4g}"])
    return rows


def tenant_rows(data: Mapping[str, Any]) -> list[list[str]]:
    """Rows of the table of networks on one memory, each beside the others against alone; empty of one network."""
    shown = [point for point in points(data) if "interference" in point.data]
    if not shown:
        return []
    times = [x["time_ns"] for point in shown for x in point.data["interference"].values()]
    unit, scale = time_unit(max(times))
    head = [
        "network",
        "point",
        f"time ({unit})",
        "alone",
        "slowed",
        "queued per read (ns)",
        "alone",
        "row hits",
        "alone",
    ]
    rows = [head]
    for point in shown:
        for name, here in point.data["interference"].items():
            there = here["alone"]
            cells = [f"{x['time_ns'] * scale:.4g}" for x in (here, there)] + [f"{here['slowdown'] - 1:.1%}"]
            cells += [f"{x['read_queue_ns']:.4g}" for x in (here, there)] + [_share(x["row"]) for x in (here, there)]
            rows.append([name, point.label, *cells])
    return rows


MOST_TENSORS = 12
"""Tensors in the table of errors; `result.json` holds all."""


def error_rows(data: Mapping[str, Any]) -> list[list[str]]:
    """Rows of the table of errors: the tensors with the most wrong bits at the main point; empty without any."""
    errors = data.get("errors")
    if not errors or not errors["bits_flipped"]:
        return []
    most = sorted(errors["by_tensor"].items(), key=lambda item: -item[1]["bits_flipped"])[:MOST_TENSORS]
    rows = [["errors of tensor", "bits read", "flipped", "BER"]]
    rows += [[name, f"{x['bits_read']:,}", f"{x['bits_flipped']:,}", f"{x['ber']:.3g}"] for name, x in most]
    return rows


def error_notes(data: Mapping[str, Any]) -> str:
    """One line: what drew the errors, and the least and most error-prone bank in use."""
    errors = data["errors"]
    read, flipped = ([n for row in errors["by_bank"][key] for n in row] for key in ("bits_read", "bits_flipped"))
    rates = [flips / bits for bits, flips in zip(read, flipped, strict=True) if bits]
    cause = f"chip {errors['chip']}" if errors["chip"] else f"model {errors['model']}"
    return (
        f"{cause}, scope {errors['scope']}, data {errors['data']}; BER of banks {min(rates):.3g} to {max(rates):.3g} "
        f"({len(rates)} in use)"
    )


MOST_NAMED = 4
"""Tensors named for a partition; `result.json` names all."""


def holdings(data: Mapping[str, Any]) -> list[str]:
    """One line for every partition that holds tensors, which are the same at all points."""
    parts = data.get("partitions", {})
    return [
        f"{name} holds {size(part['stored_bytes'])}: {listed(list(part['tensors']))}"
        for name, part in parts.items()
        if part["tensors"]
    ]


def listed(names: Sequence[str]) -> str:
    """A few names and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def traffic(data: Mapping[str, Any]) -> str:
    """One line: bytes moved, by kind, and commands."""
    moved = data["bytes"]
    kinds = ", ".join(f"{kind} {size(count)}" for kind, count in moved["by_kind"].items())
    return (
        f"{size(moved['read'])} read, {size(moved['write'])} written ({kinds}); "
        f"{data['commands'].get('ACT', 0):,} activates, {data['commands'].get('REF', 0):,} refreshes"
    )


def _head(data: Mapping[str, Any], title: str) -> str:
    return "\n".join(filter(None, [title, traffic(data)])) + "\n\n"


def size(count: float) -> str:
    """Bytes as kB, MB or GB (powers of ten)."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= limit:
            return f"{count / limit:.3g} {unit}"
    return f"{count:.0f} B"


def _ber(errors: Mapping[str, Any] | None) -> str:
    return "-" if errors is None else f"{errors['ber']:.3g} ({errors['basis']})"


def _share(row: Mapping[str, int]) -> str:
    total = row["hit"] + row["miss"] + row["conflict"]
    return f"{row['hit'] / total:.1%}" if total else "-"
