"""What the paper prints, as shipped data: `presets/paper/eden.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from edensim.config import Presets
from edensim.config.tree import plain


@dataclass(frozen=True)
class Reductions:
    """One cell of Table 3: tolerable bit error rate, change of VDD in V and of tRCD in ns (1.35 V, 12.5 ns nominal)."""

    ber: float
    delta_vdd: float
    delta_tRCD_ns: float


@cache
def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = plain(Presets().load("paper", "eden"))
    return tables


def source(table: str) -> str:
    """Where in the paper the numbers of a table stand."""
    return str(_tables()[table]["source"])


def numbers(table: str) -> dict[str, float]:
    """All numbers of a table, by name."""
    return {name: float(number) for name, number in _tables()[table].items() if name != "source"}


def value(table: str, name: str) -> float:
    """One number."""
    return numbers(table)[name]


def reductions(precision: str) -> dict[str, Reductions]:
    """Table 3 by network, for int8 or fp32."""
    return {name: Reductions(*cell) for name, cell in _tables()["table3"][precision].items()}


def accuracies() -> dict[str, dict[str, float]]:
    """Table 2 in percent: network -> precision -> accuracy."""
    return {name: dict(cells) for name, cells in _tables()["table2"]["accuracy"].items()}
