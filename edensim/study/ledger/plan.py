"""All simulations of the ledger as the plan of one sweep: its journal, workers and resumption are used as they are.

The plan holds the points of every item at every corner, whatever is asked for: a folder can then grow from one item to
all, and from the default corner to the band, without ever being another sweep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from edensim.config import load_config
from edensim.study.ledger.corner import DEFAULT, Corner, corners
from edensim.study.ledger.cost import cost_s
from edensim.study.ledger.item import Item, Measured, NotMeasuredError
from edensim.study.ledger.setup import BASE, Setup
from edensim.study.sweep.backend import Task
from edensim.study.sweep.journal import Reader, Records
from edensim.study.sweep.plan import Plan, make_plan
from edensim.study.sweep.point import OK
from edensim.study.sweep.space import Space, listed_axes, settings_key


def item_corners(item: Item, band: bool) -> list[Corner]:
    """Corners at which an item is evaluated, the default one first."""
    return list(corners(item.axes)) if band else [DEFAULT]


def settings_of(items: Iterable[Item], band: bool) -> list[dict[str, Any]]:
    """Settings of all points that these items need, each once."""
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        for corner in item_corners(item, band):
            for setup in item.setups:
                settings = setup.settings(corner)
                found.setdefault(settings_key(settings), settings)
    return list(found.values())


def make_ledger_plan(items: Iterable[Item], folder: Path | None = None) -> Plan:
    """The plan of everything that these items may ask for.

    Raises
    ------
    ConfigError
        If a point is impossible: a defect of the ledger.
    """
    listed = settings_of(items, band=True)
    space = Space(axes=listed_axes(listed), mode="list", listed=listed)
    return make_plan(load_config(BASE), space, yes=True, folder=folder)


@dataclass(frozen=True)
class Points:
    """Points of a plan by their settings, and what the journal knows of them."""

    ids: Mapping[str, str]
    records: Records

    @staticmethod
    def of(plan: Plan, records: Records) -> Points:
        """Look up by the spelling of the settings."""
        return Points({settings_key(settings): identity for identity, settings in plan.points()}, records)

    def tasks(self, wanted: Iterable[Mapping[str, Any]], retry_failed: bool = False) -> list[Task]:
        """Points that have no record yet (or a failed one that is to be tried again), the longest first."""
        found = []
        for settings in wanted:
            identity = self.ids[settings_key(settings)]
            entry = self.records.get(identity)
            if entry is None or (retry_failed and not entry.ok):
                found.append((identity, dict(settings)))
        return sorted(found, key=lambda task: -cost_s(task[1]))

    def lookup(self, reader: Reader, setup: Setup, corner: Corner) -> Measured:
        """What a simulation measured.

        Raises
        ------
        NotMeasuredError
            If it failed or has not run.
        """
        record = reader.get(self.ids[settings_key(setup.settings(corner))])
        if record is None:
            raise NotMeasuredError("not simulated yet: repeat the command")
        if record["status"] != OK:
            raise NotMeasuredError(f"the simulation failed: {record['error']['message']}")
        metrics: Measured = record["metrics"]
        return metrics

    def slowness(self) -> float | None:
        """Seconds that a finished point took here, over what `cost` says; None without any.

        The median, because whichever point is first with a new shape of memory compiles its kernels.
        """
        with Reader(self.records) as reader:
            found = filter(None, map(reader.get, self.ids.values()))
            ratios = [record["wall_s"] / cost_s(record["set"]) for record in found if record["status"] == OK]
        return median(ratios) if ratios else None
