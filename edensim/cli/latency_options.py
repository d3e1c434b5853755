"""Options of `edensim plot` that measure memories instead of reading a folder: latency against throughput."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edensim.cli.compiling import announced_compilation
from edensim.cli.memory_option import load_memory
from edensim.cli.options import set_option
from edensim.cli.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

F = TypeVar("F", bound=Callable[..., Any])
RATES, REQUESTS = 12, 20_000
ALL = "all"
"""Stands for every shipped memory that imitates no other simulator."""


def latency_options(function: F) -> F:
    """Add --dram, --set, --rates and --requests."""
    for option in (
        click.option(
            "--requests",
            type=click.IntRange(1),
            metavar="N",
            help=f"Reads at each rate, per channel (default: {REQUESTS}).",
        ),
        click.option(
            "--rates",
            type=click.IntRange(1, 1000),
            metavar="N",
            help=f"Rates per curve, evenly up to the peak of the data buses (default: {RATES}).",
        ),
        set_option,
        click.option(
            "--dram",
            "drams",
            multiple=True,
            metavar="PRESET|FILE",
            help="Measure latency against throughput of a shipped memory, or of a configuration's memory at its "
            "operating point (repeatable; all: every shipped memory).",
        ),
    ):
        function = option(function)
    return function


def check_latency(folders: tuple[str, ...], drams: tuple[str, ...], **others: Any) -> None:
    """Refuse combinations that would silently do nothing."""
    if bool(folders) == bool(drams):
        raise click.UsageError("give either FOLDER… or --dram")
    given = [name for name, value in others.items() if value]
    if given and not drams:
        raise click.UsageError(f"--{given[0]} goes with --dram")


def latency_table(
    drams: tuple[str, ...], overrides: tuple[str, ...], rates: int | None, requests: int | None
) -> pd.DataFrame:
    """Measure every memory."""
    from edensim.config import Presets
    from edensim.errors import ConfigError
    from edensim.study.latency_throughput import measure_each

    if drams == (ALL,):
        drams = tuple(name for name in Presets().names("dram") if ":" not in name)
    memories = {Path(dram).stem if dram.endswith(".toml") else dram: load_memory(dram, overrides) for dram in drams}
    if len(memories) < len(drams):
        raise ConfigError("--dram: a memory is given twice, or two files have the same name")
    with announced_compilation(), Progress("rates") as progress:
        return measure_each(
            memories,
            rates or RATES,
            requests or REQUESTS,
            progress=lambda done, total: progress(done, total, "latency"),
        )
