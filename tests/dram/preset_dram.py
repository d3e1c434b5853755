"""Shipped memories as `schema.Dram`, read without the configuration loader."""

import tomllib
from importlib import resources
from typing import Any

from edensim.config import schema

FOLDER = resources.files("edensim").joinpath("presets", "dram")
OWN = sorted(x.name.removesuffix(".toml") for x in FOLDER.iterdir() if x.name.endswith(".toml"))
PARITY = sorted("ramulator2/" + x.name.removesuffix(".toml") for x in FOLDER.joinpath("ramulator2").iterdir())


def table(name: str) -> dict[str, Any]:
    """The parsed TOML of a preset."""
    return tomllib.loads(FOLDER.joinpath(*f"{name}.toml".split("/")).read_text("utf-8"))


def dram(name: str, **changes: Any) -> schema.Dram:
    """A preset with some of its top-level keys replaced."""
    return schema.Dram.model_validate(table(name) | changes)


POWERED = [name for name in OWN if "power" in table(name)]
"""Own memories with currents."""
