"""An item of the ledger: a table, figure or sentence of the paper, and how its numbers are computed here.

A row has one of four statuses. `reached`: computed with the paper's machine, network and memory, as far as they are
stated; the difference says how well. `scaled-down`: computed with something smaller or other in its place, which the
note names. `not reachable`: edensim cannot compute it, for the reason in the note. `not computed`: it could be, and
the note has the command or what went wrong. Rows without a number of the paper go beyond it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edensim.study.ledger.corner import DEFAULT, Corner
from edensim.study.ledger.curve import Curve
from edensim.study.ledger.experiment import NEEDS_TORCH, Experiment, Found
from edensim.study.ledger.setup import Setup

REACHED, SCALED, NOT_REACHABLE, NOT_COMPUTED = "reached", "scaled-down", "not reachable", "not computed"
STATUSES = (REACHED, SCALED, NOT_REACHABLE, NOT_COMPUTED)


class NotMeasuredError(Exception):
    """A simulation that a row needs is not there; the message says why."""


@dataclass(frozen=True)
class Row:
    """One number of the paper beside ours.

    Parameters
    ----------
    name : str
        What it is.
    paper, ours : float or None
        Fractions for the units "%" and "BER"; None where there is none.
    unit : str
        "%", "BER", or a key of `text.DIGITS`.
    status : str
        One of `STATUSES`.
    note : str
        What was substituted, why it is not there, or what makes the difference.
    band : tuple of float, optional
        Lowest and highest over all corners.
    band_corners : tuple of str
        What departs from the default corner there.
    """

    name: str
    paper: float | None
    ours: float | None
    unit: str
    status: str = REACHED
    note: str = ""
    band: tuple[float, float] | None = None
    band_corners: tuple[str, str] = ("", "")

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's."""
        return None if self.paper is None or self.ours is None else self.ours - self.paper

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        found: dict[str, Any] = {
            "name": self.name,
            "paper": self.paper,
            "ours": self.ours,
            "difference": self.difference,
            "unit": self.unit,
            "status": self.status,
            "note": self.note,
        }
        if self.band is not None:
            found["band"] = [
                {"ours": value, "corner": where} for value, where in zip(self.band, self.band_corners, strict=True)
            ]
        return found


Measured = Mapping[str, float]
Lookup = Callable[[Setup, Corner], Measured]
"""Gives what a simulation measured; raises NotMeasuredError."""


def _no_experiment(experiment: Experiment) -> Found | None:
    return None


@dataclass(frozen=True)
class Context:
    """What rows are computed from: measured points, at one corner, and experiments."""

    lookup: Lookup
    corner: Corner = DEFAULT
    experiments: Callable[[Experiment], Found | None] = _no_experiment

    def measured(self, setup: Setup) -> Measured:
        """What a simulation measured at this corner.

        Raises
        ------
        NotMeasuredError
            If it failed or did not run.
        """
        return self.lookup(setup, self.corner)

    def found(self, experiment: Experiment) -> Found:
        """What an experiment found.

        Raises
        ------
        NotMeasuredError
            If it did not run.
        """
        found = self.experiments(experiment)
        if found is None:
            raise NotMeasuredError("not measured yet: repeat the command" if experiment.is_possible else NEEDS_TORCH)
        return found


def row(
    name: str,
    paper: float | None,
    ours: Callable[[], float],
    unit: str = "%",
    status: str = REACHED,
    note: str | Callable[[], str] = "",
) -> Row:
    """Compute a row; one whose simulations are missing says so."""
    try:
        return Row(name, paper, ours(), unit, status, note if isinstance(note, str) else note())
    except NotMeasuredError as problem:
        return Row(name, paper, None, unit, NOT_COMPUTED, str(problem))


@dataclass(frozen=True)
class Item:
    """A table, figure or sentence of the paper (or, `beyond`, what the paper leaves out).

    Parameters
    ----------
    name : str
        What `edensim reproduce` calls it.
    title : str
        One line.
    where : str
        Section, table or figure.
    rows : callable
        Computes the rows from a context.
    setups : tuple of Setup
        Simulations it needs at every corner.
    axes : tuple of str
        Axes of `corner.AXES` that matter to it.
    beyond : bool
        Whether the paper has nothing like it.
    figure : str
        Panel of the figures it is drawn into ("" for none).
    experiments : tuple of Experiment
        Other measurements it needs.
    curves : callable, optional
        Computes the curves of its own figure from a context.
    """

    name: str
    title: str
    where: str
    rows: Callable[[Context], list[Row]]
    setups: tuple[Setup, ...] = ()
    axes: tuple[str, ...] = ()
    beyond: bool = False
    figure: str = ""
    experiments: tuple[Experiment, ...] = ()
    curves: Callable[[Context], list[Curve]] | None = None

    def statuses(self, rows: list[Row]) -> str:
        """Status of the whole item: that of its rows, or how many have which."""
        counts = {status: sum(r.status == status for r in rows) for status in STATUSES}
        present = [status for status in STATUSES if counts[status]]
        if len(present) == 1:
            return present[0]
        return ", ".join(f"{counts[status]} {status}" for status in present)


def with_band(rows: list[Row], others: list[tuple[Corner, list[Row]]]) -> list[Row]:
    """Rows of the default corner with the span over these corners (which include the default one)."""
    banded = []
    for k, own in enumerate(rows):
        values = [(r[k].ours, corner.departures()) for corner, r in others]
        known = [(value, where) for value, where in values if value is not None]
        if own.ours is None or not known:
            banded.append(own)
            continue
        low, high = min(known, key=lambda v: v[0]), max(known, key=lambda v: v[0])
        banded.append(replace(own, band=(low[0], high[0]), band_corners=(low[1], high[1])))
    return banded
