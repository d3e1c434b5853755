"""JSON schema of the configuration, for editors that complete and check TOML.

Looser than `load_config` in two ways: nothing is required that a preset or another file could supply, and checks
between keys are not expressed.
"""

from __future__ import annotations

from typing import Any

from edensim.config.keys import tables_with_preset
from edensim.config.memory_parts import PARTS
from edensim.config.presets import Presets
from edensim.config.schema import Config


def json_schema(presets: Presets | None = None) -> dict[str, Any]:
    """The schema (draft 2020-12), with description, unit and range of every key and the names of the presets."""
    schema: dict[str, Any] = Config.model_json_schema()
    for name, model in schema["$defs"].items():
        if name not in ("Partition", "Switch"):  # arrays replace as a whole, so their entries are complete
            model.pop("required", None)
    schema.pop("required", None)
    for model in (schema, *schema["$defs"].values()):
        model["properties"] = {key: _property(key, entry) for key, entry in model["properties"].items()}
    schema["properties"]["extends"] = {
        "title": "extends",
        "description": "TOML files, relative to this one, whose values this file starts from",
        "type": "array",
        "items": {"type": "string", "pattern": r"\.toml$"},
    }
    presets = presets or Presets()
    named = [(table, "preset", table) for table in tables_with_preset()] + [("dram", part, part) for part in PARTS]
    for table, key, kind in named:
        names = presets.names(kind)
        for definition in _definitions(schema["properties"][table]) if names else ():
            schema["$defs"][definition]["properties"][key]["enum"] = names
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "edensim configuration"}


def _definitions(entry: dict[str, Any]) -> list[str]:
    return [str(branch["$ref"].rsplit("/", 1)[-1]) for branch in entry.get("anyOf", [entry])]


def _property(key: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Without the null that TOML cannot write, and with the unit where readers see it."""
    branches = [branch for branch in entry.pop("anyOf", []) if branch != {"type": "null"}]
    if len(branches) == 1:
        entry = branches[0] | entry
        if entry.pop("discriminator", None):  # a preset may tell the kind, so several tables can fit
            entry["anyOf"] = entry.pop("oneOf")
    elif branches:
        entry["anyOf"] = branches
    if entry.get("default") is None or entry["default"] == {} or "$ref" in entry:
        entry.pop("default", None)
    unit = entry.get("unit")
    if unit:
        entry["description"] = f"{entry['description']} [{unit}]"
    return entry | {"title": key}
