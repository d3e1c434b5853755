"""`--to FORMAT`, or the format that a file's name tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edensim.cli import console
from edensim.cli.memory_option import load_memory

if TYPE_CHECKING:
    from edensim.memory import AddressMap

F = TypeVar("F", bound=Callable[..., Any])
BY_SUFFIX = {".npz": "native", ".csv": "csv"}


def target_options(function: F) -> F:
    """Add --to as `target_format` and --layout as `layout`."""
    for option in (
        click.option(
            "--layout",
            type=click.Choice(["plain", "stored", "delta"]),
            help="Packing of a native trace (plain); delta is the smallest, and read by edensim only.",
        ),
        click.option(
            "--to",
            "target_format",
            metavar="FORMAT",
            help="native, csv, ramulator1, ramulator2, ramulator2_readwrite, dramsim3 (default: told by .npz or .csv).",
        ),
    ):
        function = option(function)
    return function


def format_of(target: str, given: str | None, layout: str | None) -> str:
    """Format in which a trace is written.

    Raises
    ------
    UsageError
        If nothing tells it, or the options contradict each other.
    """
    from edensim.dram.trace_text import NATIVE, check_format

    if given == "drampower":
        raise click.UsageError("drampower is a format of commands, not of requests: IN must be a command log (.npz).")
    suffix = Path(target.removesuffix(".gz")).suffix
    if given is None and suffix not in BY_SUFFIX:
        raise click.UsageError(f"{target}: its name does not tell the format; give it with --to.")
    form = check_format(given or BY_SUFFIX[suffix])
    if form == NATIVE and target.endswith(".gz"):
        raise click.UsageError(f"{target}: native traces are packed by themselves; leave .gz out.")
    if suffix in BY_SUFFIX and (form == NATIVE) != (BY_SUFFIX[suffix] == NATIVE):
        raise click.UsageError(f"{target}: the name ends in {suffix}, which is not how {form} traces are named.")
    if form != NATIVE and layout is not None:
        raise click.UsageError(f"--layout is for native traces (.npz), not for {form}")
    return form


def memory_of_trace(dram: str | None, overrides: tuple[str, ...]) -> tuple[AddressMap | None, Fraction | None]:
    """Address map and clock of the memory that a trace belongs to, which some text formats need; or neither."""
    if dram is None:
        return None, None
    from edensim.dram.timing import resolve_timing
    from edensim.memory import AddressMap, Geometry

    memory = load_memory(dram, overrides).config.dram
    return AddressMap.from_config(Geometry.from_config(memory), memory), resolve_timing(memory).period


def tell_dropped(form: str, columns: list[str]) -> None:
    """Log what a format cannot hold."""
    if columns:
        console.log(f"{form} cannot hold {', '.join(columns)}: left out.")


def command_format_of(target: str, given: str | None) -> str:
    """Format in which a command trace is written: the one asked for, else native, whose name must end in .npz.

    Raises
    ------
    UsageError
        If name and format contradict each other.
    """
    from edensim.dram.command_write import NATIVE, check_command_format

    form = check_command_format(given or NATIVE)
    if form != NATIVE and target.endswith(".npz"):
        raise click.UsageError(f"{target}: the name ends in .npz, which is not how {form} command traces are named.")
    if form == NATIVE and Path(target).suffix in (".csv", ".gz", ".txt", ".trace"):
        raise click.UsageError(
            f"{target}: native command logs are named .npz; say which text is meant: drampower, ramulator2 or dramsim3"
        )
    return form


def tell_left_out(form: str, commands: Mapping[str, int]) -> None:
    """Log which commands a format cannot hold."""
    if commands:
        names = ", ".join(f"{count:,} {name}" for name, count in commands.items())
        console.log(f"{form} has no {names}: left out.")


def tell_no_requests(lines: int) -> None:
    """Log how many lines of a trace were no requests."""
    if lines:
        console.log(f"packets that are neither reads nor writes, left out: {lines:,}.")
