"""What a result was made from: every key of the configuration with its origin, and the circumstances."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from edensim.config.keys import key_at
from edensim.config.positions import KeyPath
from edensim.study.compare.settings import leaves, origin_of
from edensim.study.opened import Opened
from edensim.study.report.limits import limits
from edensim.study.report.markup import Markup, joined, table, tag
from edensim.study.report.page import code, terms

LONGEST_CELL = 60
"""Texts longer than this stand below the table instead of in it."""


def configuration(opened: Opened) -> Markup:
    """Tables of keys: value with unit, origin, meaning; long texts stand below."""
    rows: dict[str, list[list[Markup | str]]] = {}
    prose: dict[str, list[Markup]] = {}
    for dotted, path, value in leaves(opened.config):
        group = str(path[0]) if len(path) > 1 else ""
        name = tag("code", dotted.removeprefix(f"{path[0]}."))
        origin = origin_of(dotted, opened.origins)
        doc, unit = _schema(path)
        shown = f"{value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)} {unit}".strip()
        rows.setdefault(group, [])
        if isinstance(value, str) and len(value) > LONGEST_CELL:
            told = [name, f": {shown} ", tag("span", f"({origin})", class_="soft")]
            prose.setdefault(group, []).append(tag("p", *told, class_="prose"))
            continue
        source = tag("span", origin, class_="soft" if origin == "default" else None)
        rows[group].append([name, tag("code", shown), source, tag("span", doc, class_="soft")])
    head = ["key", "value", "origin", "meaning"]
    groups = [
        tag(
            "details",
            tag("summary", f"[{group}]" if group else "top level"),
            table(head, body, numbers_from=9, label=group or "top level", class_="keys") if body else None,
            *prose.get(group, []),
            open="",
        )
        for group, body in rows.items()
    ]
    return joined([tag("p", "Every value in force and where it comes from."), *groups])


def provenance(opened: Opened) -> Markup:
    """Versions, machine, command line, times, digests."""
    meta = opened.meta
    command = meta.get("command_line") or []
    rows = terms(
        [
            ("command", code(shlex.join(map(str, command)) if isinstance(command, list) else str(command))),
            ("configuration hash", code(opened.config_hash)),
            ("started", str(meta.get("started") or meta.get("created") or "")),
            ("finished", str(meta.get("finished") or "")),
            ("time taken", f"{meta['wall_s']:.3g} s" if isinstance(meta.get("wall_s"), int | float) else ""),
            ("seeds", _pairs(meta.get("seeds"))),
            ("model version", opened.model_version),
            ("versions", _pairs(opened.versions)),
            ("machine", _pairs(meta.get("host"))),
            ("input files (SHA-256)", _digests(meta.get("inputs"))),
        ]
    )
    return table(["", ""], rows, numbers_from=9, label="Provenance", class_="bare")


def known_limits(opened: Opened) -> Markup:
    """List of what the model leaves out."""
    machine = opened.config.get("machine")
    kind = machine.get("kind", "") if isinstance(machine, Mapping) else ""
    found = [tag("li", tag("strong", limit.part), f": {limit.text}.") for limit in limits(str(kind))]
    return joined([tag("p", "The model leaves out:"), tag("ul", *found, class_="limits")])


def _schema(path: KeyPath) -> tuple[str, str]:
    try:
        key = key_at(path)
    except (KeyError, TypeError, ValueError):
        key = None
    return (key.doc, key.unit if key.unit != "fraction" else "") if key else ("", "")


def _pairs(pairs: Any) -> str:
    if not isinstance(pairs, Mapping):
        return "" if pairs is None else str(pairs)
    return ", ".join(f"{name} {value}" for name, value in pairs.items())


def _digests(inputs: Any) -> Markup | str:
    if not isinstance(inputs, Mapping) or not inputs:
        return ""
    return joined(tag("div", f"{name}  ", tag("code", str(digest))) for name, digest in inputs.items())
