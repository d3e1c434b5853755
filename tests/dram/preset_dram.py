"""Shipped memories as `schema.Dram`, with some of their keys replaced."""

from copy import deepcopy
from functools import cache
from importlib import resources
from typing import Any

from edensim.config import load_config, schema
from edensim.config.tree import plain

FOLDER = resources.files("edensim").joinpath("presets", "dram")
OWN = sorted(x.name.removesuffix(".toml") for x in FOLDER.iterdir() if x.name.endswith(".toml"))
PARITY = sorted("ramulator2/" + x.name.removesuffix(".toml") for x in FOLDER.joinpath("ramulator2").iterdir())


def table(name: str) -> dict[str, Any]:
    """What a preset says, on the parts it is made of."""
    return deepcopy(_merged(name))


@cache
def _merged(name: str) -> dict[str, Any]:
    return plain(load_config({"dram": {"preset": name.replace("/", ":")}}).merged)["dram"]


def dram(name: str, **changes: Any) -> schema.Dram:
    """A preset with some of its top-level keys replaced."""
    return schema.Dram.model_validate(table(name) | changes)


POWERED = [name for name in OWN if "power" in table(name)]
"""Own memories with currents."""
