"""Intermediate files of the flow: JSON and TOML texts, whole or not there, and the folder that keeps them together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edensim.config.tree import show_key, show_value
from edensim.errors import InputError, OutputError
from edensim.output import atomic_output
from edensim.printable import shown, utf8
from edensim.workloads.layer import Network

GUARD = "eden.json"


def write_json(path: Path, data: Any) -> None:
    """Write plain data; NaN is refused."""
    write_text(path, json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text, over an older one."""
    with atomic_output(path, force=True) as file:
        file.write(utf8(text))


def read_json(path: Path, what: str) -> Any:
    """Read plain data back.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{shown(path)}: no such file; expected {what}") from None
    except (OSError, ValueError, RecursionError) as problem:
        raise InputError(f"{shown(path)} cannot be read: {problem}; expected {what}") from None


def open_folder(folder: Path, identity: Mapping[str, Any], force: bool = False) -> None:
    """Make the folder of a flow, or go on in one that the same configuration began.

    Raises
    ------
    OutputError
        If it belongs to something else.
    """
    guard = folder / GUARD
    if folder.is_dir() and any(folder.iterdir()):
        if not guard.exists():
            raise OutputError(f"{shown(folder)} holds files that `edensim eden` did not write: choose another --out.")
        found = read_json(guard, "the record of `edensim eden`")
        if found == json.loads(json.dumps(identity)):
            return
        if not force:
            raise OutputError(
                f"{shown(folder)} was begun with another configuration (hash {str(found.get('hash'))[:8]}, this "
                f"is {str(identity.get('hash'))[:8]}): choose another --out, or begin anew with --force."
            )
        _empty(folder, found.get("files", []))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(f"{shown(folder)}: cannot be made ({problem.strerror})") from None
    write_json(guard, dict(identity))


def _empty(folder: Path, files: list[str]) -> None:
    """Remove what an earlier flow wrote; all of it has names that only a flow gives."""
    for pattern in ("round-*/*", "*.npz", "*.json", "*.toml", "figures/*", *files):
        for path in folder.glob(pattern):
            if path.is_file():
                path.unlink()


def toml_text(tables: Mapping[str, Any], comment: str = "") -> str:
    """Nested tables as a TOML file; lists of tables become [[…]], the innermost tables are written in one line."""
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    _table(tables, (), lines)
    return "\n".join(lines).strip() + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    plain = {k: v for k, v in table.items() if not isinstance(v, Mapping) and not _tables(v)}
    if path and (plain or not table):
        lines += ["", f"[{'.'.join(map(show_key, path))}]"]
    lines += [f"{show_key(key)} = {show_value(value)}" for key, value in plain.items() if value is not None]
    for key, value in table.items():
        if isinstance(value, Mapping):
            _table(value, (*path, key), lines)
        elif _tables(value):
            for entry in value:
                lines += ["", f"[[{'.'.join(map(show_key, (*path, key)))}]]"]
                lines += [f"{show_key(k)} = {show_value(v)}" for k, v in entry.items() if v is not None]


def _tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, Mapping) for entry in value)


def network_text(network: Network) -> str:
    """A network as the TOML layer list that `workload.network` reads."""
    layers = []
    for x in network.layers:
        shape = {"C": x.C, "H": x.H, "W": x.W, "K": x.K, "R": x.R, "S": x.S}
        more = {"stride": list(x.stride), "pad": list(x.pad), "dilation": list(x.dilation), "groups": x.groups}
        kind = {"kind": x.kind} if x.kind == "fc" else {}
        own = {} if kind else more
        extra = {"extra_params": x.extra_params} if x.extra_params else {}
        sizes = {"C": x.C, "K": x.K} if kind else shape
        layers.append({"name": x.name, **kind, **sizes, **own, **extra, "inputs": list(x.inputs)})
    return toml_text({"name": network.name, "layer": layers}, "Layers of the network that `edensim eden` mapped.")
