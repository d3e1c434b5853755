"""The result of a run: plain data, nothing else (the top-level package adds figures and a table)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

UNITS = {
    "time_ns": "ns",
    "compute_ns": "ns",
    "load_wait_ns": "ns",
    "cpi_stack_ns": "ns",
    "cycles": "clock",
    "requests": "request",
    "bytes": "byte",
    "row": "request",
    "read_latency_ns": "ns",
    "bandwidth_gb_s": "GB/s",
    "commands": "command",
    "energy_pj": "pJ",
    "saving": "fraction",
}
"""Metrics of the tidy table and their units; no clock readings, so equal configurations give equal tables."""

COLUMNS = ("point", "layer", "metric", "component", "value", "unit")
"""Columns of the tidy table."""


@dataclass(frozen=True, repr=False)
class Result:
    """What a run measured.

    Attributes
    ----------
    data : dict
        The keys of `edensim run --json`; `compare` holds the same keys for every further operating point, and
        `saving` {energy_pj, time_ns} as fractions of the main point.
    tensors : dict of str to array
        Tensors of the main point as their first read returned them, if `errors.save_tensors` asks for them.
    """

    data: dict[str, Any]
    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        energy, time = self.data["energy_pj"]["total"] * 1e-9, self.data["time_ns"] * 1e-6
        names = ", ".join(("main", *self.data.get("compare", {})))
        return f"<Result {self.data['config_hash'][:8]}: {energy:.4g} mJ in {time:.4g} ms; points {names}>"

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: columns point, layer, metric, component, value, unit ("" = whole network, no component)."""
        import pandas as pd

        return pd.DataFrame(list(self.rows()), columns=list(COLUMNS))

    def rows(self) -> Iterator[tuple[str, str, str, str, float, str]]:
        """Rows of the tidy table, in the order of its columns."""
        for point, data in {"main": self.data, **self.data.get("compare", {})}.items():
            if "errors" in data:
                yield from ((point, "", "errors", *row) for row in _error_rows(data["errors"]))
            for layer, entry in [("", data), *((x["name"], x) for x in data.get("layers", []))]:
                for metric in (m for m in UNITS if m in entry):
                    for component, value in _leaves(entry[metric]):
                        yield point, layer, metric, component, value, UNITS[metric]
            for name, part in data.get("partitions", {}).items():
                for metric in ("energy_pj", "bytes"):
                    for component, value in _leaves(part[metric]):
                        yield point, "", f"partition_{metric}", f"{name}.{component}", value, UNITS[metric]


def _error_rows(errors: Mapping[str, Any]) -> Iterator[tuple[str, float, str]]:
    """Component, value and unit of everything that was counted about errors."""
    units = {"ber": "fraction", "bits_read": "bit", "bits_flipped": "bit"}
    for metric, unit in units.items():
        yield metric, errors[metric], unit
    for group in ("by_tensor", "by_layer"):
        for name, found in errors[group].items():
            for metric, unit in units.items():
                yield f"{group}.{name}.{metric}", found[metric], unit
    for metric, by_channel in errors["by_bank"].items():
        for channel, by_bank in enumerate(by_channel):
            for bank, value in enumerate(by_bank):
                yield f"by_bank.{metric}.{channel}.{bank}", value, units[metric]


def _leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value
