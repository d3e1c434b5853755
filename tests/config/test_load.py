"""Origins, hash, names and folders of a loaded configuration."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from edensim.config import Config, canonical_json, load_config
from edensim.errors import ConfigError

if TYPE_CHECKING:
    from tests.config.conftest import Desk

TEXT = """\
title = "t"
[dram]
preset = "small-ddr4"
timing = { tRP_ns = 13 }
[workload]
network = "alexnet"
layers = ["a", "b"]
[compare.low]
vdd = 1.05
[[partition]]
name = "p"
[placement.tensors]
"conv1.weights" = "p"
"""


def test_origin_of_every_value(desk: Desk) -> None:
    """Each leaf of the configuration, defaults and absent optional keys included, has exactly one origin."""
    resolved = desk.load(TEXT, set=["seed=3", "partition.0.vdd=1.1"])
    origins = resolved.origins
    assert origins["title"] == "x.toml:1"
    assert origins["dram.preset"] == "x.toml:3"
    assert origins["dram.timing.tRP_ns"] == "x.toml:4"
    assert origins["dram.timing.CL"] == "preset small-ddr4 (line 13)"
    assert origins["dram.timing.tRAS_ns"] == "default"
    assert origins["dram.controller.scheduler"] == "default"
    assert origins["dram.power"] == "default"
    assert origins["machine"] == "default"
    assert origins["workload.layers"] == "x.toml:7"
    assert origins["compare.low.vdd"] == "x.toml:9"
    assert origins["compare.low.delta_vdd_mode"] == "default"
    assert origins["partition.0.name"] == "x.toml:11"
    assert origins["partition.0.vdd"] == "--set"
    assert origins['placement.tensors."conv1.weights"'] == "x.toml:13"
    assert origins["seed"] == "--set"
    assert origins["dram.timing.minimum_ck"] == "default"
    assert len(origins) == _count(resolved.config.model_dump())


def _count(value: object) -> int:
    if isinstance(value, dict) and value:
        return sum(map(_count, value.values()))
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return sum(map(_count, value))
    return 1


def test_hash_is_that_of_the_canonical_json(desk: Desk) -> None:
    """SHA-256 over sorted, compact ASCII JSON of all values."""
    resolved = desk.load(TEXT)
    text = canonical_json(resolved.config)
    assert resolved.hash == hashlib.sha256(text.encode("ascii")).hexdigest()
    assert json.loads(text) == resolved.config.model_dump(mode="json", exclude={"sweep", "eden"})
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_hash_ignores_spelling_and_sees_values(desk: Desk) -> None:
    """Order, comments, 1 or 1.0 and the way a value came in do not matter; any value does."""
    dram = '[dram]\npreset = "small-ddr4"\n'
    base = desk.load(f"seed = 1\n{dram}[operating_point]\nvdd = 1\n").hash
    assert desk.load(f"operating_point.vdd = 1.0 # V\nseed = 0x1\n{dram}ranks = 1\n").hash == base
    assert desk.load(dram, set={"seed": 1, "operating_point.vdd": 1}).hash == base
    assert desk.load(f"seed = 1\n{dram}[operating_point]\nvdd = 1.0000000000000002\n").hash != base
    assert desk.load(f"seed = 2\n{dram}[operating_point]\nvdd = 1\n").hash != base


def test_name_path_and_folder(desk: Desk) -> None:
    """The name is the file's stem; relative paths start at the file's folder, wherever the current one is."""
    path = desk.write("sub/my.exp.toml", '[dram]\npreset = "small-ddr4"\n')
    resolved = load_config(str(path), preset_root=desk.presets)
    assert (resolved.name, resolved.path, resolved.base_folder) == ("my.exp", path, (desk.folder / "sub").resolve())


def test_dictionary(desk: Desk) -> None:
    """Python users may hand over a nested dictionary; messages call it dict."""
    resolved = load_config({"dram": {"preset": "small-ddr4"}, "seed": 2}, preset_root=desk.presets)
    assert (resolved.name, resolved.path, resolved.base_folder) == ("config", None, Path.cwd())
    assert resolved.origins["seed"] == "dict"
    with pytest.raises(ConfigError, match="^dict: dram.preset: there is no dram preset"):
        load_config({"dram": {"preset": "small"}}, preset_root=desk.presets)


def test_settings_on_a_loaded_configuration(desk: Desk) -> None:
    """A loaded configuration takes further settings, also another preset, and itself stays as it was."""
    first = desk.load('[dram]\npreset = "small-ddr4"\nranks = 2\n', set=["seed=1"])
    second = load_config(first, set={"dram.preset": "parity:fast", "title": "x"})
    assert (second.config.dram.channels, second.config.dram.ranks, second.config.seed) == (2, 2, 1)
    assert (first.config.dram.channels, first.config.title) == (1, "")
    assert (second.name, second.path, second.base_folder) == (first.name, first.path, first.base_folder)
    assert load_config(first) == first


def test_pickle(desk: Desk) -> None:
    """Worker processes get an equal configuration that takes settings as well."""
    resolved = desk.load(TEXT)
    copy = pickle.loads(pickle.dumps(resolved))
    assert copy == resolved
    assert load_config(copy, set={"seed": 9}).hash == load_config(resolved, set={"seed": 9}).hash


def test_loading_twice_is_the_same(desk: Desk) -> None:
    """The same files give an equal result."""
    assert desk.load(TEXT) == desk.load(TEXT)


def test_dumped_configuration_loads_again(desk: Desk) -> None:
    """The values of a configuration, as a dictionary (from a run folder, say), give the same configuration."""
    resolved = desk.load(TEXT)
    again = load_config(json.loads(canonical_json(resolved.config)), preset_root=desk.presets)
    assert again.hash == resolved.hash


def test_configuration_is_frozen(desk: Desk) -> None:
    """No code can change a configuration under way."""
    with pytest.raises(ValidationError, match="frozen"):
        desk.load(TEXT).config.seed = 3  # type: ignore[misc]


def test_config_alone_is_strict() -> None:
    """The models refuse unknown keys and coercion even without the loader."""
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Config.model_validate({"dram": {"chanels": 2}})
