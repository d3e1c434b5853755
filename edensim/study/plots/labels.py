"""Names and units of axes and metrics, as they stand beside the numbers of a figure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from edensim.study.points import energy_unit, points, time_unit

UNITS = {
    "ns": "ns",
    "ps": "ps",
    "pj": "pJ",
    "gb_s": "GB/s",
    "mhz": "MHz",
    "bytes": "byte",
    "kib": "KiB",
    "mbit": "Mbit",
    "bits": "bit",
    "ck": "clocks",
    "c": "°C",
    "ma": "mA",
}
"""Unit by the suffix of a key."""

SPOKEN = {"energy": "energy_pj.total", "time": "time_ns"}
"""Short names of metrics."""

PLAIN = {
    "energy_pj.total": "DRAM energy",
    "energy_pj": "DRAM energy",
    "time_ns": "time",
    "bandwidth_gb_s": "bandwidth",
    "read_latency_ns.mean": "read latency, mean",
    "read_latency_ns.p50": "read latency, median",
    "read_latency_ns.p99": "read latency, 99th percentile",
}
COUNTED = {"row": "requests", "bytes": "byte", "commands": "commands", "requests": "requests"}


def short(name: str, most: int = 24) -> str:
    """Name cut to at most `most` characters, as more would leave a figure no room; its data keep the whole name."""
    return name if len(name) <= most else name[: most - 1] + "…"


def drawn_point(data: Mapping[str, Any]) -> str:
    """Name and setting of the main point, for figures that show it alone; empty where there is no other."""
    first, *others = points(data)
    return f"{short(first.label)}: {first.setting}" if others else ""


def axis_name(key: str) -> str:
    """`dram.timing.tRCD_ns` → tRCD, `operating_point.delta_vdd` → ΔVDD, `machine.preset` → machine preset."""
    return _named(key)[0]


def axis_label(key: str) -> str:
    """Name and unit of a sweep axis."""
    name, unit = _named(key)
    return f"{name} ({unit})" if unit else name


def metric_label(name: str, largest: float) -> tuple[str, float]:
    """Name and unit of a metric, and the factor that takes values up to `largest` into that unit.

    `eden:time_ns` is the metric of the compared point `eden`.
    """
    if ":" in name:
        point, _, rest = name.partition(":")
        label, scale = metric_label(rest, largest)
        return f"{point}: {label}", scale
    head, _, part = name.partition(".")
    plain = PLAIN.get(name)
    if head == "energy_pj":
        unit, scale = energy_unit(largest)
        return f"{plain or f'{part.upper() if len(part) < 4 else part} energy'} ({unit})", scale
    if head in ("time_ns", "compute_ns", "load_wait_ns"):
        unit, scale = time_unit(largest)
        return f"{plain or _words(head.removesuffix('_ns'))} ({unit})", scale
    if head in COUNTED:
        return f"{_words(head)}: {part} ({COUNTED[head]})" if part else f"{head} ({COUNTED[head]})", 1.0
    if head == "saving":
        return f"{_words(_split_unit(part)[0])} saved (fraction)", 1.0
    stem, unit = _split_unit(head)
    label = plain or _words(stem) + (f", {part}" if part else "")
    return f"{label} ({unit})" if unit else label, 1.0


def value_text(value: Any) -> str:
    """A value of an axis as a tick label."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:.4g}" if isinstance(value, float) or abs(value) >= 1e6 else str(value)


def setting_text(key: str, value: Any) -> str:
    """`tRCD 12.5 ns`."""
    name, unit = _named(key)
    return f"{name} {value_text(value)}" + (f" {unit}" if unit else "")


def cell_text(value: float) -> str:
    """A number in a heat map, three digits without an exponent where they fit."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
        return f"{value:.{min(digits, 4)}f}"
    return f"{value:.1e}"


def _named(key: str) -> tuple[str, str]:
    last = key.rpartition(".")[2]
    delta, stem = ("Δ", last.removeprefix("delta_")) if last.startswith("delta_") else ("", last)
    if stem in ("vdd", "vddq", "vpp"):
        return delta + stem.upper(), "V"
    if last in ("preset", "kind"):
        return _words(key.replace(".", " ")), ""
    name, unit = _split_unit(stem)
    # JEDEC's names keep their underscores (tRRD_S); other keys are words.
    return delta + (name if re.match(r"[tnI][A-Z]", name) else _words(name)), unit


def _split_unit(name: str) -> tuple[str, str]:
    for suffix, unit in UNITS.items():
        if name.endswith("_" + suffix):
            return name[: -len(suffix) - 1], unit
    return name, ""


def _words(name: str) -> str:
    return name.replace("_", " ")
