"""The operating points of one result, in the order tables and figures show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ENERGIES = ((1e12, "J", 1e-12), (1e9, "mJ", 1e-9), (1e6, "µJ", 1e-6), (1e3, "nJ", 1e-3), (0.0, "pJ", 1.0))
TIMES = ((1e9, "s", 1e-9), (1e6, "ms", 1e-6), (1e3, "µs", 1e-3), (0.0, "ns", 1.0))


@dataclass(frozen=True)
class Point:
    """One operating point: its name in the configuration and everything measured at it."""

    name: str
    data: Mapping[str, Any]

    @property
    def energy_pj(self) -> float:
        """Energy of the memory, pJ."""
        return float(self.data["energy_pj"]["total"])

    @property
    def time_ns(self) -> float:
        """Time of the workload, ns."""
        return float(self.data["time_ns"])

    @property
    def in_use(self) -> Sequence[Mapping[str, Any]]:
        """Operating points at which the memory really works: of the partitions that hold or move anything."""
        parts = self.data.get("partitions", {}).values()
        used = [p["operating_point"] for p in parts if p["tensors"] or p["bytes"]["read"] or p["bytes"]["write"]]
        return used or [self.data["operating_point"]]

    def text(self, key: str, digits: str) -> str:
        """A value of the operating point, or the range over the partitions in use, e.g. "1.05-1.2"."""
        values = sorted({float(point[key]) for point in self.in_use})
        return "-".join(dict.fromkeys(f"{value:{digits}}" for value in (values[0], values[-1])))

    @property
    def basis(self) -> str:
        """Basis of the operating point, or "by partition" if those in use differ."""
        found = {str(point["basis"]) for point in self.in_use}
        return found.pop() if len(found) == 1 else "by partition"

    @property
    def lowest_safe(self) -> bool:
        """Whether latencies in use are the lowest safe ones at their VDD."""
        return any(point.get("latency") == "lowest_safe" for point in self.in_use)

    @property
    def label(self) -> str:
        """Name for people: the main point is called nominal where it is."""
        return "nominal" if self.name == "main" and self.basis == "nominal" else self.name

    def saving(self, quantity: str) -> float:
        """Share of `energy_pj` or `time_ns` that the point saves against the main one (negative: it needs more)."""
        return float(self.data["saving"][quantity]) if "saving" in self.data else 0.0

    @property
    def setting(self) -> str:
        """What distinguishes the point, e.g. "0.93 V, tRCD 8.5 ns"."""
        return f"{self.text('vdd', '.4g')} V, tRCD {self.text('tRCD_ns', '.4g')} ns"


def points(data: Mapping[str, Any]) -> list[Point]:
    """Return the main point first, then every `[compare.NAME]` in the order of the configuration."""
    return [Point("main", data), *(Point(name, entry) for name, entry in data.get("compare", {}).items())]


def energy_unit(largest_pj: float) -> tuple[str, float]:
    """Return a unit that suits `largest_pj` (of either sign), and what one picojoule is in it."""
    return next((name, factor) for limit, name, factor in ENERGIES if abs(largest_pj) >= limit)


def time_unit(largest_ns: float) -> tuple[str, float]:
    """Return a unit that suits `largest_ns`, and what one nanosecond is in it."""
    return next((name, factor) for limit, name, factor in TIMES if largest_ns >= limit)
