"""A command trace that `edensim energy` has priced, as something to draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PricedTrace:
    """The keys of `edensim energy --json`."""

    data: Mapping[str, Any]

    def points(self) -> list[Mapping[str, Any]]:
        """Settings of the supplies that differ, nominal first: supplies_v {rail: V}, energy_pj {component, total}."""
        found: list[Mapping[str, Any]] = []
        for point in ({name: self.data[name] for name in ("supplies_v", "energy_pj")}, *self.data.get("at", ())):
            if all(point["supplies_v"] != other["supplies_v"] for other in found):
                found.append(point)
        return found
