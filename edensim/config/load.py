"""From files, presets and settings to one frozen, validated, hashed configuration that knows where each value is from.

Order: files named by `extends`, then presets named by `[dram] preset` and `[machine] preset` (also a tenant's), below
the file, below `--set`; below a memory lie its organisation and speed bin (`memory_parts.py`). A preset lies below
every file: what a file writes down always wins over the preset, and a preset named by `--set` replaces the one named
in the file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from edensim.config.crosscheck import crosscheck
from edensim.config.draft import Check, add_findings, draft_of
from edensim.config.extend import merge_file_bases, read_with_bases
from edensim.config.keys import tables_with_preset
from edensim.config.memory_parts import on_its_parts
from edensim.config.override import Settings, override
from edensim.config.presets import Presets
from edensim.config.schema import Config
from edensim.config.tree import Node, Origin, Problems, build, merge, show_path, without_nulls
from edensim.config.validate import validate
from edensim.errors import ConfigError


@dataclass(frozen=True)
class Resolved:
    """A configuration ready to run.

    `origins` maps the dotted key of every value to where it was written (`"configs/x.toml:12"`,
    `"preset ddr4-2400r-8gb-x8 (line 14)"`, `"--set"`, `"dict"`, `"default"`). `hash` is the SHA-256 of
    `canonical_json(config)`. Relative paths in the configuration are relative to `base_folder`.
    """

    config: Config
    path: Path | None
    name: str
    hash: str
    base_folder: Path
    written: Node = field(repr=False, compare=False)
    """Files and settings merged, without presets: what further settings are applied to."""
    merged: Node = field(repr=False, compare=False)
    """The same with presets below."""
    presets: Presets = field(repr=False, compare=False)

    @cached_property
    def origins(self) -> dict[str, str]:
        """Where each value was written, gathered when first asked for: most points of a sweep are never asked."""
        return _origins(self.config, self.merged)


def load_config(
    source: str | os.PathLike[str] | Mapping[str, Any] | Resolved,
    set: Settings = (),
    *,
    preset_root: Path | None = None,
    check: Check | None = None,
) -> Resolved:
    """Load, merge and check a configuration.

    Parameters
    ----------
    source
        Path of a TOML file, a nested dictionary of the same shape, or an earlier result (to which `set` is added).
    set
        `["dram.channels=2", …]` with values in TOML, or `{"dram.channels": 2, …}` with Python values.
    preset_root
        Folder of presets (default: those shipped with edensim; an earlier result keeps its own).
    check
        Looks deeper than the schema, for instance `edensim.system.check.check_run`; what it finds is told in the same
        go. Without it a configuration may still turn out to be impossible when it runs.

    Raises
    ------
    ConfigError
        With all problems found, each with file and line, what was found, and what is expected.
    """
    if isinstance(source, Resolved):
        unchanged = not set and not isinstance(set, str)
        if unchanged and (check is None or not check(source.config, source.base_folder)):
            return source
        return _resolve(source.written, set, source.path, source.name, source.base_folder, source.presets, check)
    presets = Presets(preset_root)
    if isinstance(source, Mapping):
        written = merge_file_bases(build(source, Origin("dict", "dict")), Path())
        return _resolve(written, set, None, "config", Path.cwd(), presets, check)
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return _resolve(read_with_bases(path), set, path, path.stem, path.parent.resolve(), presets, check)
    raise ConfigError(f"load_config takes a path, a dictionary or a loaded configuration, not {type(source).__name__}")


def load_tables(written: Node, path: Path, set: Settings = (), check: Check | None = None) -> Resolved:
    """As `load_config`, of tables read from a file that holds more than a configuration."""
    folder = path.parent.resolve()
    return _resolve(merge_file_bases(written, folder), set, path, path.stem, folder, Presets(), check)


def _resolve(
    written: Node,
    settings: Settings,
    path: Path | None,
    name: str,
    base_folder: Path,
    presets: Presets,
    check: Check | None,
) -> Resolved:
    problems = Problems()
    written = override(written, settings, problems)
    merged, unread = _with_presets(written, presets, problems)
    merged = without_nulls(merged, apart=("sweep", "points"))  # a point of a sweep may leave a key out
    choices = {table: presets.names(table) for table in tables_with_preset()}
    config = validate(merged, problems, choices, unread)
    crosscheck(merged, problems)
    if check is not None:
        _look_deeper(check, config, merged, base_folder, problems)
    problems.raise_any()
    assert config is not None  # validate notes a problem whenever it returns None
    digest = hashlib.sha256(canonical_json(config).encode()).hexdigest()
    return Resolved(config, path, name, digest, base_folder, written, merged, presets)


def _look_deeper(check: Check, config: Config | None, merged: Node, base_folder: Path, problems: Problems) -> None:
    wrong = problems.paths
    if () in wrong:
        return  # a setting that nobody understood may concern any key
    draft, doubtful = (config, set()) if config is not None and not wrong else draft_of(merged, wrong)
    add_findings(problems, check(draft, base_folder), merged, doubtful)


def canonical_json(config: Config) -> str:
    """One spelling per run: sorted keys, no blanks, shortest exact numbers, ASCII; without `[sweep]` and `[eden]`."""
    data = config.model_dump(mode="json", exclude={"sweep", "eden"})
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _with_presets(written: Node, presets: Presets, problems: Problems) -> tuple[Node, set[str]]:
    """Presets below what is written, and the tables whose preset could not be read."""
    merged, unread = dict(written.value), set()
    for table in tables_with_preset():
        node = written.get(table)
        if node is None:
            continue
        preset = None
        name = node.get("preset")
        if name is not None and name.value is not None:
            unread.add(table)
            if not isinstance(name.value, str):
                continue  # the schema says what is wrong with it
            try:
                preset = presets.load(table, name.value)
            except ConfigError as error:
                problems.add(name.origin, (table, "preset"), str(error))
                continue
            unread.remove(table)
        if table == "dram" and node.is_table:
            merged[table], all_read = on_its_parts(preset, node, presets, problems)
            if not all_read:
                unread.add(table)
        elif preset is not None:
            merged[table] = merge(preset, node)
    if (tenants := written.get("tenant")) is not None and isinstance(tenants.value, list):
        merged["tenant"] = Node([_of_tenant(*x, presets, problems) for x in enumerate(tenants.value)], tenants.origin)
    return Node(merged, written.origin), unread


def _of_tenant(k: int, tenant: Node, presets: Presets, problems: Problems) -> Node:
    """A tenant with the preset of its machine below what is written; without a machine if that cannot be read."""
    machine = tenant.get("machine")
    name = machine.get("preset") if machine is not None else None
    if machine is None or name is None or not isinstance(name.value, str):
        return tenant
    try:
        return Node(tenant.value | {"machine": merge(presets.load("machine", name.value), machine)}, tenant.origin)
    except ConfigError as error:
        problems.add(name.origin, ("tenant", k, "machine", "preset"), str(error))
        return Node({key: value for key, value in tenant.value.items() if key != "machine"}, tenant.origin)


def _origins(config: Config, merged: Node) -> dict[str, str]:
    origins: dict[str, str] = {}

    def visit(value: Any, node: Node | None, path: tuple[str | int, ...]) -> None:
        entries: Any = ()
        if isinstance(value, dict):
            entries = value.items()
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            entries = enumerate(value)
        for part, below in entries:
            visit(below, node.get(part) if node is not None else None, (*path, part))
        if not entries:
            origins[show_path(path)] = "default" if node is None else str(node.origin)

    visit(config.model_dump(), merged, ())
    return origins
