"""A sweep folder: `sweep.json`, written once and checked ever after, and the rule what may continue in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edensim.config import Resolved
from edensim.config.tree import show_value
from edensim.errors import InputError, OutputError
from edensim.printable import utf8
from edensim.study.provenance import versions
from edensim.study.sweep import disk
from edensim.study.sweep.journal import FOLDER, Owner
from edensim.study.sweep.plan import Plan
from edensim.study.sweep.plan_file import write_plan
from edensim.study.sweep.space import Space, settings_key
from edensim.version import MODEL_VERSION, __version__

FORMAT = 1
META = "sweep.json"
RESULTS, FAILURES = "results.csv", "failures.csv"


@dataclass(frozen=True)
class Shard:
    """Part `index` of `count` (from 0), by the hash of the point: more points never move finished ones."""

    index: int
    count: int

    def holds(self, identity: str) -> bool:
        """Whether a point belongs to this part."""
        return int(identity[:16], 16) % self.count == self.index


def default_folder(resolved: Resolved) -> Path:
    """`runs/<config>-sweep-<hash8>`; the axes do not matter, so that a sweep can be extended."""
    return Path("runs") / f"{resolved.name}-sweep-{resolved.hash[:8]}"


def lock_path(folder: Path, shard: Shard | None) -> Path:
    """The lock of the sweep, or of one shard of it."""
    return folder / ("lock" if shard is None else f"lock-shard-{shard.index}-of-{shard.count}")


def journal_path(folder: Path, shard: Shard | None) -> Path:
    """The journal of the sweep, or of one shard of it."""
    name = "main" if shard is None else f"shard-{shard.index}-of-{shard.count}"
    return folder / FOLDER / f"{name}.jsonl"


def check_folder(folder: Path) -> None:
    """Refuse a place that holds something else than a sweep.

    Raises
    ------
    OutputError
        If it is a file, or a folder with files of others.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is not a folder: choose another place with --out.")
    if not folder.is_dir() or (folder / META).exists():
        return
    foreign = sorted(p.name for p in folder.iterdir() if not (p.name.startswith(("lock", ".")) or p.name == FOLDER))
    if foreign:
        raise OutputError(
            f"{folder} exists and is no sweep (it holds {', '.join(foreign[:3])}{', …' if foreign[3:] else ''}): "
            "nothing was changed; choose another place with --out."
        )


def read_meta(folder: Path) -> dict[str, Any]:
    """Contents of a sweep folder's `sweep.json`.

    Raises
    ------
    InputError
        If `folder` is no sweep folder, or one that a newer edensim wrote.
    """
    path = folder / META
    try:
        meta = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder} holds no {META}: expected a folder written by `edensim sweep`.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    needed = ("format", "config_hash", "model_version", "axes", "mode")
    if not isinstance(meta, dict) or any(name not in meta for name in needed):
        raise InputError(f"{path} is not the record of a sweep: {', '.join(needed)} are expected.")
    if not isinstance(meta["format"], int) or meta["format"] > FORMAT:
        raise InputError(
            f"{path} has layout {meta['format']}, this edensim reads up to {FORMAT}: a newer version wrote it."
        )
    return meta


def owner_of(meta: Mapping[str, Any]) -> Owner:
    """Whose points a sweep folder holds."""
    return Owner(meta["config_hash"], meta["model_version"])


def settle(folder: Path, plan: Plan, command_line: list[str]) -> dict[str, Any]:
    """Write `sweep.json` and `plan.ids`, or check that the plan continues the sweep that stands there.

    Raises
    ------
    OutputError
        If model version, configuration or input files differ, or points are missing in the new plan.
    """
    meta = _meta(plan, command_line)
    if (folder / META).exists():
        old = read_meta(folder)
        if _continues(folder, old, meta, plan):
            meta |= {name: old[name] for name in ("created", "pareto") if name in old}
        else:
            meta = old | {"plan": plan.key}
        if plan.restored and meta == old:
            return meta
    write_meta(folder, meta)
    if not plan.restored:
        write_plan(folder, plan.saved)
    return meta


def write_meta(folder: Path, meta: Mapping[str, Any]) -> None:
    """Write `sweep.json`.

    Raises
    ------
    SaveError
        If the disk refuses.
    """
    text = json.dumps(meta, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    disk.replace_file(folder / META, [utf8(text)])


def _meta(plan: Plan, command_line: list[str]) -> dict[str, Any]:
    base = plan.base
    return {
        "format": FORMAT,
        "name": base.name,
        "title": base.config.title,
        "config_hash": base.hash,
        "inputs": plan.digests.of(base),
        "points": len(plan.ids),
        "plan": plan.key,
        **plan.space.to_json(),
        "pareto": [],
        "edensim": __version__,
        "model_version": MODEL_VERSION,
        "versions": versions(),
        "seeds": {"seed": base.config.seed, "sample": plan.space.seed},
        "warnings": plan.warnings,
        "command_line": command_line,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": base.config.model_dump(mode="json", exclude_none=True),
        "origins": base.origins,
    }


def _continues(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any], plan: Plan) -> bool:
    """Whether the plan has more points, or another order; an OutputError if it is another sweep."""
    if old["model_version"] != new["model_version"]:
        _refuse(folder, f"results of model version {old['model_version']}", f"model version {new['model_version']}")
    if old["config_hash"] != new["config_hash"]:
        _refuse(folder, f"configuration {old['config_hash'][:8]}", f"{new['config_hash'][:8]}{_changes(old, new)}")
    if old.get("inputs") != new["inputs"]:
        _refuse(folder, f"input files {_digests(old.get('inputs'))}", _digests(new["inputs"]))
    same_order = list(old["axes"]) == list(new["axes"])
    if same_order and all(old.get(name) == new[name] for name in plan.space.to_json()):
        return False
    if set(old["axes"]) != set(new["axes"]):
        _refuse(folder, f"the axes {', '.join(old['axes'])}", f"{', '.join(new['axes'])}")
    have = {settings_key(settings) for _, settings in plan.points()}
    for settings in Space.from_json(old).settings():
        if settings_key(settings) not in have:
            point = ", ".join(f"{key}={show_value(value, 40)}" for key, value in settings.items())
            _refuse(folder, f"a sweep with the point {point}", "a plan without it (a plan may only add points)")
    return True


def _refuse(folder: Path, theirs: str, ours: str) -> None:
    raise OutputError(f"{folder} holds {theirs}; this sweep has {ours}. They are never mixed: choose another --out.")


def _digests(inputs: Mapping[str, str] | None) -> str:
    return ", ".join(f"{name} {digest[:8]}" for name, digest in (inputs or {}).items()) or "none"


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The first keys in which two configurations differ."""
    one, two = dict(_flat(old.get("config", {}))), dict(_flat(new["config"]))
    different = [
        f"{key} = {show_value(two.get(key), 40)} instead of {show_value(one.get(key), 40)}"
        for key in dict.fromkeys([*one, *two])
        if one.get(key) != two.get(key)
    ]
    return f" ({'; '.join(different[:3])}{'; …' if different[3:] else ''})" if different else ""


def _flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [item for key, below in value.items() for item in _flat(below, f"{path}.{key}" if path else str(key))]
    return [(path, value)]
