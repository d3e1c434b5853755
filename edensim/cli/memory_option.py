"""`--dram PRESET|FILE`: the memory that a trace is replayed on or belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from edensim.config import Resolved

DEFAULT = "ddr4-2400r-8gb-x8"
F = TypeVar("F", bound=Callable[..., Any])


def dram_option(default: str | None) -> Callable[[F], F]:
    """Add `--dram` as `dram`."""
    return click.option(
        "--dram",
        default=default,
        show_default=default is not None,
        metavar="PRESET|FILE",
        help="Shipped memory (`edensim show dram` lists them), or a configuration whose memory is taken.",
    )


def load_memory(dram: str, overrides: tuple[str, ...]) -> Resolved:
    """Resolve a preset name, or a configuration file (anything that ends in .toml), with its operating point."""
    from edensim.config import load_config
    from edensim.system.check import check_memory

    source = dram if dram.endswith(".toml") else preset_table("dram", dram, "--dram")
    return load_config(source, set=list(overrides), check=check_memory)


def preset_table(kind: str, name: str, argument: str) -> dict[str, Any]:
    """Configuration that starts from a preset. An unknown one is refused in the name of the argument that gave it."""
    from edensim.config import Presets
    from edensim.errors import ConfigError

    try:
        Presets().load(kind, name)
    except ConfigError as error:
        raise ConfigError(f"{argument}: {error}") from None
    return {kind: {"preset": name}}
