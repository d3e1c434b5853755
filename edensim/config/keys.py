"""What the schema says about a place in a configuration: kind, unit, range, meaning, and names close to a wrong one."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Annotated, Any, Literal

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from edensim.config.positions import KeyPath
from edensim.config.schema import Config
from edensim.config.sweep_schema import AxisSpan
from edensim.config.tree import show_table, show_value

Kind = Literal["table", "map", "list", "indices", "axis", "any", "integer", "number", "text", "boolean", "choice"]
_SCALARS: dict[Any, Kind] = {int: "integer", float: "number", str: "text", bool: "boolean"}
_NOUNS = {
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
    "boolean": "true or false",
    "any": "any value",
}


@dataclass(frozen=True)
class Key:
    """One key of the schema. `low`/`high` are the limits, open when the value itself is excluded."""

    kind: Kind
    doc: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    choices: tuple[str, ...] = ()
    models: tuple[type[BaseModel], ...] = ()
    """Of a table; several where a key of it (`tag`) tells which of them it is."""
    tag: str = ""
    item: Key | None = None

    @property
    def numeric(self) -> bool:
        """Whether the value is a number."""
        return self.kind in ("integer", "number")

    def allows(self, value: float) -> bool:
        """Whether a number lies within the limits."""
        if self.low is not None and (value < self.low or (self.low_open and value == self.low)):
            return False
        return self.high is None or not (value > self.high or (self.high_open and value == self.high))

    def expected(self) -> str:
        """The values allowed, in words with unit and range."""
        if self.kind == "choice":
            return "one of " + ", ".join(map(show_value, self.choices))
        if self.kind == "indices":
            return 'a list of whole numbers, or "a:b" for a, a+1, …, b-1'
        if self.kind == "axis":
            return "a list of values, {linspace = [first, last, number]} or {range = [start, stop, step]}"
        if self.kind == "list":
            item = self.item
            return "a list of tables" if item and item.kind == "table" else f"a list of {item and item.kind}"
        if self.kind in ("table", "map"):
            return "a table"
        if self.kind == "text" and self.high is not None:
            return f"text of {_number(self.low or 0)} to {_number(self.high)} characters"
        noun = _NOUNS[self.kind]
        if self.unit == "fraction":
            noun = "a fraction"
        return f"{noun}{self._range()}"

    def _range(self) -> str:
        plural = (
            len(self.unit) > 2 and self.unit.isalpha() and self.unit.islower() and (self.low, self.high) != (1, None)
        )
        unit = "" if self.unit in ("", "fraction") else f" {self.unit}{'s' * plural}"
        if self.low is None and self.high is None:
            return f" (in{unit})" if unit else ""
        low = "" if self.low is None else f"{'above' if self.low_open else 'of at least'} {_number(self.low)}"
        high = "" if self.high is None else f"{'below' if self.high_open else 'at most'} {_number(self.high)}"
        if low and high and not (self.low_open or self.high_open):
            low, high = f"from {low.removeprefix('of at least ')}", f"to {high.removeprefix('at most ')}"
            return f" {low} {high}{unit}"
        return f" {' and '.join(filter(None, (low, high)))}{unit}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


@lru_cache(maxsize=4096)
def key_at(path: KeyPath) -> Key | None:
    """The schema's word on a place, None when the schema knows no such place."""
    key = ROOT
    for part in path:
        below = _below(key, part)
        if below is None:
            return None
        key = below
    return key


def _below(key: Key, part: str | int) -> Key | None:
    if key.kind == "table":
        return keys_in(key).get(str(part))
    if key.kind == "map":
        return key.item if isinstance(part, str) else None
    return key.item if key.kind == "list" and isinstance(part, int) else None


@cache
def keys_of(model: type[BaseModel]) -> dict[str, Key]:
    """The keys of one table."""
    return {name: _key_of_field(info) for name, info in model.model_fields.items()}


@cache
def keys_in(table: Key) -> dict[str, Key]:
    """The keys of a table; of one that comes in several kinds, those of all kinds."""
    merged: dict[str, Key] = {}
    for model in table.models:
        for name, key in keys_of(model).items():
            if name == table.tag and name in merged:
                before = merged[name]
                merged[name] = replace(before, choices=before.choices + key.choices, doc=f"{before.doc}, {key.doc}")
            else:
                merged.setdefault(name, key)
    return merged


def _kinds(table: Key, model: type[BaseModel]) -> tuple[str, ...]:
    return keys_of(model)[table.tag].choices if table.tag else ()


def _key_of_field(info: FieldInfo) -> Key:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    key = _key_of_type(info.annotation, tuple(info.metadata))
    doc, unit = info.description or "", str(extra.get("unit", ""))
    item = replace(key.item, doc=doc, unit=unit) if key.kind == "map" and key.item else key.item
    return replace(key, doc=doc, unit=unit, item=item)


def _key_of_type(annotation: Any, metadata: Iterable[Any] = ()) -> Key:
    limits = _limits(metadata)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _key_of_type(arguments[0], (*arguments[1:], *metadata))
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in arguments if a is not type(None)]
        if len(inner) == 1:
            return _key_of_type(inner[0], metadata)
        if set(inner) == {int, float}:
            return Key("number")
        if all(isinstance(a, type) and issubclass(a, BaseModel) for a in inner):
            tags = [str(m.discriminator) for m in metadata if isinstance(m, FieldInfo) and m.discriminator]
            return Key("table", models=tuple(inner), tag=tags[0])
        return Key("axis") if AxisSpan in inner else Key("indices")
    if annotation is Any:
        return Key("any")
    if origin is Literal:
        return Key("choice", choices=tuple(map(str, arguments)))
    if origin is dict:
        return Key("map", item=_key_of_type(arguments[1]))
    if origin is list:
        return Key("list", item=_key_of_type(arguments[0]))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Key("table", models=(annotation,))
    return Key(_SCALARS[annotation], **limits)


def _limits(metadata: Iterable[Any]) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for item in metadata:
        if isinstance(item, FieldInfo):
            limits |= _limits(item.metadata)
        for name, open_ in (("ge", False), ("gt", True)):
            if isinstance(item, annotated_types.Ge | annotated_types.Gt) and hasattr(item, name):
                limits |= {"low": getattr(item, name), "low_open": open_}
        for name, open_ in (("le", False), ("lt", True)):
            if isinstance(item, annotated_types.Le | annotated_types.Lt) and hasattr(item, name):
                limits |= {"high": getattr(item, name), "high_open": open_}
        if isinstance(item, annotated_types.MinLen):
            limits["low"] = item.min_length
        if isinstance(item, annotated_types.MaxLen):
            limits["high"] = item.max_length
    return limits


ROOT = Key("table", models=(Config,))


def tables_with_preset() -> list[str]:
    """Top-level tables that may name a preset."""
    return [name for name, key in keys_of(Config).items() if "preset" in keys_in(key)]


def names_below(path: KeyPath, kind: object = None) -> list[str]:
    """Keys that the table at `path` may hold (none for a map, whose names are free).

    `kind` chooses among the kinds of a table that has several; one that there is not, or None, chooses all.
    """
    key = key_at(path)
    if key is None or key.kind != "table":
        return []
    chosen = [model for model in key.models if kind in _kinds(key, model)]
    names = list(keys_of(chosen[0]) if chosen else keys_in(key))
    return [*names, "extends"] if key is ROOT else names


def places_of(name: str) -> list[str]:
    """Where the schema has a key of this name: tables, as in `[dram.timing]`, or the top of the file."""
    return [home for home, model in _tables(ROOT, ()) if name in keys_of(model)]


def _tables(key: Key, path: KeyPath) -> Iterator[tuple[str, type[BaseModel]]]:
    if key.kind == "table":
        for model in key.models:
            kinds = _kinds(key, model)
            home = show_table(path) if path else "the top of the file, above all tables"
            yield f"{home} of kind {' or '.join(kinds)}" if kinds else home, model
            for name, below in keys_of(model).items():
                yield from _tables(below, (*path, name))
    elif key.kind in ("map", "list") and key.item is not None:
        yield from _tables(key.item, (*path, "NAME" if key.kind == "map" else 0))
