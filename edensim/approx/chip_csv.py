"""A chip profile from measured points: a CSV file with a column per knob and one for the bit error rate.

    vdd,tRCD_ns,ber
    1.25,,2e-6
    1.20,,3e-4
    ,7.5,1e-3

Columns: any of vdd (V), tRCD_ns, tRAS_ns, tRP_ns, tREFI_scale; `ber` (mean of equally many ones and zeros), or `ber_0`
and `ber_1` (of stored zeros and stored ones). An empty cell means that the knob was nominal in that measurement. Rows
that give the same knobs form a law; it must be a full grid, every value of a knob with every value of the others.
Several laws act independently. Settings count as they stand, whatever memory the profile is used with; without a
memory, the highest of each column counts as nominal. Lines that begin with # are comments.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edensim.approx.chip_schema import ChipNominal, ChipTable, PointLaw
from edensim.errors import InputError, did_you_mean

COLUMNS = {
    "vdd": ("VDD", "V", 5.0),
    "tRCD_ns": ("tRCD", "ns", 1000.0),
    "tRAS_ns": ("tRAS", "ns", 1000.0),
    "tRP_ns": ("tRP", "ns", 1000.0),
    "tREFI_scale": ("tREFI", "", 1000.0),
}
"""Column -> knob, unit, largest value."""
RATES = ("ber", "ber_0", "ber_1")
MOST_ROWS = 100_000


class _Point(NamedTuple):
    line: int
    settings: dict[str, float]
    ber: float
    one_share: float


def read_points(path: Path) -> ChipTable:
    """Read the points of a CSV file.

    Raises
    ------
    InputError
        With file and line: unknown columns, no numbers, rates outside 0 … 1, a point given twice, a gap in the grid.
    """
    groups: dict[tuple[str, ...], list[_Point]] = {}
    for point in _points(path):
        groups.setdefault(tuple(point.settings), []).append(point)
    if not groups:
        raise InputError(f"{path}: holds no points; expected rows of settings and bit error rates")
    laws = tuple(_law(path, knobs, points) for knobs, points in groups.items())
    highest = {knob: max(law.axes[knob][-1] for law in laws if knob in law.axes) for law in laws for knob in law.axes}
    columns = {knob: name for name, (knob, _, _) in COLUMNS.items() if knob != "tREFI"}
    nominal = ChipNominal(**{columns[knob]: value for knob, value in highest.items() if knob in columns})
    title = f"points of {path.name}"
    return ChipTable(title=title, source=str(path), basis="user", carry="absolute", nominal=nominal, points=laws)


def _points(path: Path) -> Iterator[_Point]:
    """Rows of the file, checked one by one."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows(path, file.read().splitlines())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text; expected CSV with a header") from None


def _rows(path: Path, lines: list[str]) -> Iterator[_Point]:
    numbered = [(k, line) for k, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    if not numbered:
        raise InputError(f"{path}: is empty; expected a header such as vdd,tRCD_ns,ber")
    if len(numbered) > MOST_ROWS:
        raise InputError(f"{path}: more than {MOST_ROWS:,} rows; a profile is a short table")
    header = [word.strip() for word in next(csv.reader([numbered[0][1]]))]
    _check_header(path, numbered[0][0], header)
    for line, text in numbered[1:]:
        cells = [cell.strip() for cell in next(csv.reader([text]))]
        if len(cells) != len(header):
            raise InputError(f"{path}:{line}: {len(cells)} cells; the header has {len(header)} columns")
        yield _point(path, line, dict(zip(header, cells, strict=True)))


def _check_header(path: Path, line: int, header: list[str]) -> None:
    known = [*COLUMNS, *RATES]
    for name in header:
        if name not in known:
            guess = did_you_mean(name, known)
            raise InputError(f"{path}:{line}: unknown column {name!r}{guess} (known: {', '.join(known)})")
    rates = set(header) & set(RATES)
    if len(set(header)) < len(header) or rates not in ({"ber"}, {"ber_0", "ber_1"}) or not set(header) & set(COLUMNS):
        raise InputError(
            f"{path}:{line}: columns {', '.join(header)}; expected at least one of {', '.join(COLUMNS)}, "
            "and either ber or both ber_0 and ber_1, each once"
        )


def _point(path: Path, line: int, row: dict[str, str]) -> _Point:
    settings = {}
    for name, (knob, unit, most) in COLUMNS.items():
        if row.get(name):
            settings[knob] = _number(path, line, name, row[name], most, unit)
    if not settings:
        raise InputError(f"{path}:{line}: no knob is given; expected a value for one of {', '.join(COLUMNS)}")
    rates = [_number(path, line, name, row[name], 1.0, "") for name in RATES if name in row]
    ber = sum(rates) / len(rates)
    if ber > 0.5:
        raise InputError(f"{path}:{line}: bit error rate {ber:g} over ones and zeros; expected at most 0.5")
    return _Point(line, settings, ber, rates[1] / sum(rates) if len(rates) == 2 and ber > 0 else 0.5)


def _number(path: Path, line: int, name: str, text: str, most: float, unit: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        shown = f" {unit}" if unit else ""
        raise InputError(f"{path}:{line}: {name} = {text or 'nothing'}; expected a number from 0 to {most:g}{shown}")
    return value


def _law(path: Path, knobs: tuple[str, ...], points: list[_Point]) -> PointLaw:
    """Law of the points that give the same knobs; they must fill a grid."""
    axes = {knob: tuple(sorted({point.settings[knob] for point in points})) for knob in knobs}
    found: dict[tuple[float, ...], _Point] = {}
    for point in points:
        place = tuple(point.settings[knob] for knob in knobs)
        if place in found:
            raise InputError(f"{path}:{point.line}: the point of line {found[place].line} is given again")
        found[place] = point
    grid = list(itertools.product(*axes.values()))
    gaps = [place for place in grid if place not in found]
    if gaps:
        shown = ", ".join(f"{knob} = {value:g}" for knob, value in zip(knobs, gaps[0], strict=True))
        raise InputError(
            f"{path}: the grid of {' x '.join(f'{len(values)} {knob}' for knob, values in axes.items())} has a gap at "
            f"{shown} ({len(gaps)} of {len(grid)} points are missing); expected every combination"
        )
    values = [found[place] for place in grid]
    return PointLaw(
        law="points", source=f"{path.name}", axes=axes, ber=tuple(p.ber for p in values),
        one_share=tuple(p.one_share for p in values),
    )  # fmt: skip
