"""The JSON schema that editors complete from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from edensim.config import Presets, json_schema

if TYPE_CHECKING:
    from tests.config.conftest import Desk


def models(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"": schema, **schema["$defs"]}


def test_every_key_is_explained() -> None:
    """Title and description everywhere, the unit in the description, unknown keys refused."""
    schema = json_schema()
    for model in models(schema).values():
        assert model["additionalProperties"] is False
        for key, entry in model["properties"].items():
            assert entry["title"] == key
            assert entry["description"]
    vdd = schema["$defs"]["OperatingPoint"]["properties"]["vdd"]
    assert vdd["description"] == "supply of the rail that follows VDD [V]"
    assert (vdd["type"], vdd["exclusiveMinimum"], vdd["maximum"]) == ("number", 0, 5)


def test_nothing_is_null() -> None:
    """TOML has no null, so neither has the schema."""
    assert "null" not in json.dumps(json_schema())


def test_only_what_no_preset_can_supply_is_required() -> None:
    """A file with `extends` or a preset may leave out everything but the name of a partition."""
    required = {name: model["required"] for name, model in models(json_schema()).items() if "required" in model}
    assert required == {"Partition": ["name"], "Switch": ["at_ns"]}


def test_presets_are_offered(desk: Desk) -> None:
    """Editors complete names of presets; a kind without presets takes any name."""
    schema = json_schema(Presets(desk.presets))
    assert schema["$defs"]["Dram"]["properties"]["preset"]["enum"] == ["parity:fast", "small-ddr4"]
    assert schema["$defs"]["AcceleratorMachine"]["properties"]["preset"]["enum"] == ["tpu-test"]
    assert "enum" not in json_schema(Presets(desk.folder))["$defs"]["Dram"]["properties"]["preset"]


def test_extends_and_head() -> None:
    """`extends`, which is no key of the models, is part of the schema."""
    schema = json_schema()
    assert schema["title"] == "edensim configuration"
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert schema["properties"]["extends"]["type"] == "array"
    assert {"dram", "machine", "workload", "operating_point", "partition"} <= schema["properties"].keys()
