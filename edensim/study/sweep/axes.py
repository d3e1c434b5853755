"""Axes: what the configuration, the command line or Python says about a key, as the list of its values."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edensim.config import Resolved
from edensim.config.keys import key_at, names_below
from edensim.config.override import NULL
from edensim.config.positions import KeyPath, split_key
from edensim.config.sweep_schema import AxisSpan
from edensim.config.tree import show_path, show_table, show_value
from edensim.errors import ConfigError, did_you_mean

MAX_VALUES = 10_000_000
Axes = dict[str, list[Any]]


def axes_of(resolved: Resolved, further: Mapping[str, Any] | None = None, where: str = "--axis") -> Axes:
    """Values of every axis: those of `[sweep.axes]` in their order, replaced and followed by `further`.

    Parameters
    ----------
    further
        Dotted key to list of values, range, `{"linspace": [a, b, n]}` or `{"range": [a, b, step]}`.
    where
        What messages call the place of `further`.

    Raises
    ------
    ConfigError
        Every axis that is empty, misspelt or not understood.
    """
    table = resolved.config.sweep
    given: dict[str, tuple[str, Any]] = {}
    for text, spec in (table.axes if table else {}).items():
        given[text] = (origin_of_axis(resolved, text), spec)
    for text, spec in (further or {}).items():
        given[text] = (where, spec)
    axes: Axes = {}
    problems: list[str] = []
    for text, (origin, spec) in given.items():
        try:
            path = axis_path(text)
            key = show_path(path)
            if key in axes:
                raise ConfigError("given twice, in two spellings")
            axes[key] = expand(spec, path)
        except ConfigError as error:
            problems += [f"{origin}: axis {show_value(text, 80)}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return axes


def origin_of_axis(resolved: Resolved, text: str) -> str:
    """Where an axis was written."""
    prefix = show_path(("sweep", "axes", text))
    return next((o for key, o in resolved.origins.items() if key == prefix or key.startswith(f"{prefix}.")), "[sweep]")


def axis_path(text: str) -> KeyPath:
    """The place that a dotted key names.

    Raises
    ------
    ConfigError
        If it is no dotted key, or one that the schema does not know, with the nearest names.
    """
    try:
        parts, end = split_key(text)
    except ValueError:
        parts, end = [], 0
    if not parts or end < len(text):
        raise ConfigError("expected a dotted key, such as operating_point.vdd")
    path = _with_numbers(parts)
    key = key_at(path)
    if parts[0] in ("sweep", "extends"):
        raise ConfigError(f"{parts[0]} cannot vary; expected a key of what is simulated")
    if key is None:
        known = next(k for k in range(len(path), -1, -1) if key_at(path[:k]) is not None)
        names = names_below(path[:known])
        guess = did_you_mean(str(path[known]), names, show=lambda name: show_path((*path[:known], name)))
        place = show_table(path[:known]) if known else "the top level"
        raise ConfigError(f"unknown key{guess} (keys of {place}: {', '.join(names) or 'none'})")
    if key.kind == "table":
        raise ConfigError("names a whole table; expected one of its keys")
    return path


def _with_numbers(parts: Sequence[str]) -> KeyPath:
    path: KeyPath = ()
    for part in parts:
        key = key_at(path)
        is_index = key is not None and key.kind == "list" and part.isascii() and part.isdigit()
        path = (*path, int(part) if is_index else part)
    return path


def expand(spec: Any, path: KeyPath) -> list[Any]:
    """The values of one axis, in order; None (or the text "null") for "not given".

    Numbers of `linspace` and `range` are rounded to 12 digits, so that 1.35 … 1.05 in seven steps holds 1.2 and not
    1.2000000000000002; for a key that takes whole numbers, whole values become whole numbers.
    """
    span = _span(spec)
    if span is not None:
        values: list[Any] = _linspace(span.linspace) if span.linspace is not None else _range(span.range or [])
    elif isinstance(spec, str | Mapping) or not isinstance(spec, Iterable):
        raise ConfigError(
            f"found {show_value(spec, 60)}; expected a list of values, {{linspace = [first, last, number]}} or "
            "{range = [start, stop, step]}"
        )
    else:
        values = [plain_value(value) for value in spec]
    if not values:
        raise ConfigError("holds no value; a sweep needs at least one")
    for value in values:
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"found {value}, which is no finite number")
    key = key_at(path)
    if span is not None and key is not None and key.kind == "integer":
        values = [int(v) if isinstance(v, float) and v.is_integer() else v for v in values]
    return values


def _span(spec: Any) -> AxisSpan | None:
    if isinstance(spec, Mapping):
        spec = _span_of_mapping(spec)
    if isinstance(spec, AxisSpan):
        if (spec.linspace is None) == (spec.range is None):
            raise ConfigError("expected exactly one of linspace and range")
        return spec
    return None


def _span_of_mapping(spec: Mapping[str, Any]) -> AxisSpan:
    names = set(spec)
    if len(names) != 1 or not names <= {"linspace", "range"}:
        raise ConfigError(f"found the keys {', '.join(map(str, spec)) or 'none'}; expected linspace or range")
    (name,), (given,) = names, spec.values()
    numbers = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else []
    good = all(isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x) for x in numbers)
    if not good or len(numbers) not in ((3,) if name == "linspace" else (2, 3)):
        what = "[first, last, number]" if name == "linspace" else "[start, stop] or [start, stop, step]"
        raise ConfigError(f"{name}: found {show_value(given, 60)}; expected {what}")
    return AxisSpan.model_validate({name: numbers})


def _linspace(numbers: Sequence[float]) -> list[Any]:
    first, last, number = numbers
    if number != int(number) or not 1 <= number <= MAX_VALUES:
        raise ConfigError(f"linspace: found {number} values; expected a whole number from 1 to {MAX_VALUES:,}")
    count = int(number)
    if count == 1:
        return [float(first)]
    step = (last - first) / (count - 1)
    low, high = min(first, last), max(first, last)
    inner = [min(max(_rounded(first + k * step), low), high) for k in range(1, count - 1)]
    return [float(first), *inner, float(last)]


def _range(numbers: Sequence[float]) -> list[Any]:
    start, stop, *rest = numbers
    step = rest[0] if rest else 1
    if step == 0 or (stop - start) * step < 0:
        raise ConfigError(f"range: from {start} to {stop} in steps of {step} leads nowhere")
    count = math.ceil((stop - start) / step - 1e-9)
    if count > MAX_VALUES:
        raise ConfigError(f"range: {count:,} values; at most {MAX_VALUES:,} are possible")
    whole = all(isinstance(x, int) for x in (start, stop, step))
    return [start + k * step if whole else _rounded(start + k * step) for k in range(count)]


def _rounded(value: float) -> float:
    return float(f"{value:.12g}")


def plain_value(value: Any) -> Any:
    """Numbers of numpy as those of Python, and the text "null" as None: the key is not given."""
    if isinstance(value, str):
        return None if value == NULL else value
    return value.item() if hasattr(value, "item") and not isinstance(value, list) else value


def parse_axis(text: str) -> tuple[str, Any]:
    """Read `KEY=first:last:number` or `KEY=value,value,…` (values in TOML, bare words are strings).

    Raises
    ------
    ConfigError
        If it is neither.
    """
    try:
        parts, end = split_key(text.lstrip())
    except ValueError:
        parts, end = [], 0
    rest = text.lstrip()[end:]
    if not parts or not rest.startswith("="):
        raise ConfigError(
            f"--axis: found {show_value(text, 80)}; expected KEY=first:last:number or KEY=value,value, such as "
            "operating_point.vdd=1.35:1.05:7"
        )
    key, right = show_path(tuple(parts)), rest[1:].strip()
    ends = right.split(":")
    numbers = [_number(part) for part in ends]
    if len(ends) in (2, 3) and None not in numbers:
        if len(ends) == 2:
            raise ConfigError(f"--axis: {key}: found {right}; expected a third number, first:last:number of values")
        return key, {"linspace": numbers}
    return key, _values(right, key)


def _number(text: str) -> float | int | None:
    for kind in (int, float):
        try:
            return kind(text.strip())
        except ValueError:
            continue
    return None


def _values(text: str, key: str) -> list[Any]:
    listed = text if text.startswith("[") else f"[{text}]"
    try:
        value = tomllib.loads(f"v = {listed}")
        if value.keys() == {"v"} and isinstance(value["v"], list):
            return value["v"]
    except (ValueError, RecursionError) as error:
        if any(mark in text for mark in "[]{}\"'"):
            raise ConfigError(f"--axis: {key}: {show_value(text, 60)} is not a list of TOML values: {error}") from None
    return [_word(word.strip()) for word in text.split(",") if word.strip()]


def _word(text: str) -> Any:
    number = _number(text)
    return number if number is not None else {"true": True, "false": False, NULL: None}.get(text, text)
