"""Rows of `boosting.py` as a table, boosting.csv, so that they can be cited, drawn anew and completed elsewhere.

Columns are the row's fields, what else it depends on (`boosting_rows.made_by`), and what was found, by its path in the
row's file (`boosted/0.01/ber`: tolerable rate of the boosted network at a drop of one point). Numbers have
six digits; cells are JSON, texts without quotes where they would not be taken for something else.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from boosting_rows import Row, Size, made_by

KEPT = Path(__file__).parent / "boosting.csv"
Done = dict[Row, dict[str, Any]]
_KEYS = [field.name for field in fields(Row)]


def read_kept(size: Size, path: Path = KEPT) -> Done:
    """Rows of a size, made by the recipes of today; none if there is no such file."""
    if not path.exists():
        return {}
    done: Done = {}
    with path.open(newline="") as file:
        for line in csv.DictReader(file):
            cells = {name: _value(cell) for name, cell in line.items() if cell}
            row = Row(**{name: cells.pop(name, "") for name in _KEYS})
            if cells.pop("made") == made_by(size):
                done[row] = _nested(cells)
    return done


def write_kept(done: Done, size: Size, path: Path = KEPT) -> None:
    """Put rows in the place of those of before, if there are any; rows of another size are left out."""
    done = read_kept(size, path) | done
    lines = [asdict(row) | {"made": made_by(size)} | dict(_flat(found)) for row, found in done.items()]
    lines.sort(key=lambda line: [str(line[name]) for name in _KEYS])
    names = list(dict.fromkeys(name for line in lines for name in line))
    lines = [{name: value for name, value in line.items() if name not in _KEYS or value != ""} for line in lines]
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, names, lineterminator="\n")
        table.writeheader()
        table.writerows({name: _cell(value) for name, value in line.items()} for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, str) and value and _value(value) == value:
        return value
    return json.dumps(float(f"{value:.6g}") if isinstance(value, float) else value)


def _value(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _flat(found: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        assert "/" not in name and value != {}, f"{at}{name}: would not come back"
        if isinstance(value, dict):
            yield from _flat(value, f"{at}{name}/")
        else:
            yield at + name, value


def _nested(cells: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, value in cells.items():
        *parents, name = path.split("/")
        inside = found
        for parent in parents:
            inside = inside.setdefault(parent, {})
        inside[name] = value
    return found
