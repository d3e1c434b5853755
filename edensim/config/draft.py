"""Checks that look deeper than the schema: what of a faulty configuration they see, and where their findings belong.

Such a check lives on a higher floor (it knows memories, networks, machines) and is handed to `load_config`. So that
all problems come in one go, it also sees configurations with mistakes: without the keys that are wrong. What it then
finds is believed only if it does not rest on a key in doubt, which are those left out and those that a misspelt key
may have meant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from pydantic import ValidationError

from edensim.config.keys import Key, key_at, keys_in
from edensim.config.positions import KeyPath
from edensim.config.schema import Draft
from edensim.config.tree import MAX_DEPTH, Node, Origin, Problems, find, origin_of, plain, without
from edensim.config.validate import place_of
from edensim.errors import ConfigError, EdensimError, Problem

Check = Callable[[Draft, Path], list[EdensimError]]
"""Takes a configuration and the folder that its relative paths start from; gives all that is wrong with it."""
EVERYTHING: KeyPath = ()


def draft_of(root: Node, wrong: Iterable[KeyPath]) -> tuple[Draft, set[KeyPath]]:
    """The configuration without the keys that are wrong, and the places in doubt."""
    doubtful: set[KeyPath] = set()
    for _ in range(MAX_DEPTH):
        for path in wrong:
            whole = path[:-1] if isinstance(path[-1], int) else path  # a list without an entry is another list
            doubtful |= _in_doubt(root, whole)
            root = without(root, whole)
        try:
            return Draft.model_validate(plain(root)), doubtful
        except ValidationError as error:
            details = error.errors(include_url=False)
        # A table that lacks a key is no use as a whole.
        wrong = [place_of(d)[: -1 if d["type"] == "missing" else None] for d in details]
    return Draft(), {EVERYTHING}


def _in_doubt(root: Node, path: KeyPath) -> set[KeyPath]:
    *around, last = path
    table = tuple(around)
    known = key_at(table)
    if last == "preset" and len(path) == 2:
        return {table}
    if key_at(path) is not None or known is None or not known.models:
        return {path}
    # A misspelt key may have meant any of its kind, except those that the same source gives beside it.
    node, origin = find(root, path), origin_of(root, path)
    entries = node.value if node is not None and isinstance(node.value, list) else [node]
    is_table = any(entry is not None and entry.is_table for entry in entries)
    meant = {path}
    for name, key in keys_in(known).items():
        given = find(root, (*table, name))
        if _is_table(key) == is_table and (given is None or given.origin.source != origin.source):
            meant.add((*table, name))
    return meant


def _is_table(key: Key) -> bool:
    return key.kind in ("table", "map") or (key.item is not None and key.item.kind == "table")


def add_findings(
    problems: Problems, errors: Collection[EdensimError], root: Node, doubtful: Collection[KeyPath] = ()
) -> None:
    """Note what a deeper check found, each finding with the line of its culprit.

    Raises the error itself, with that line, if nothing is wrong but an input file or a library that is missing.
    """
    alone = len(errors) == 1 and not problems.found
    for error in errors:
        messages = error.problems if isinstance(error, ConfigError) else error.args[:1]
        for message in messages:
            if rests_on(message, doubtful):
                continue
            culprit = _culprit(root, message.keys if isinstance(message, Problem) else ())
            if alone and not isinstance(error, ConfigError):
                error.args = (f"{culprit}: {message}",)
                raise error
            problems.add(culprit, (), message)


def rests_on(problem: str, places: Collection[KeyPath]) -> bool:
    """Whether a problem rests on a key in one of these places; one that does not know its keys may rest on any."""
    keys = problem.keys if isinstance(problem, Problem) else ()
    return bool(places) and (not keys or any(_overlap(key, place) for key in keys for place in places))


def _overlap(key: tuple[str, ...], place: KeyPath) -> bool:
    return all(a == str(b) for a, b in zip(key, place, strict=False))


def _culprit(root: Node, keys: Iterable[tuple[str, ...]]) -> Origin:
    """Origin of the first of the keys that the user wrote, else of the first that a preset gives."""
    found = [_written(root, key) for key in keys]
    return max(found, key=lambda place: place[0], default=(0, root.origin))[1]


_WEIGHT = {"preset": 1, "dict": 2, "file": 2, "set": 2}


def _written(root: Node, key: tuple[str, ...]) -> tuple[int, Origin]:
    """How much a key is the user's own (0: written nowhere), and the origin of it or of the table around it."""
    node = root
    for part in key:
        below = node.get(int(part) if isinstance(node.value, list) else part)
        if below is None:
            return 0, node.origin
        node = below
    return _WEIGHT[node.origin.kind], node.origin
