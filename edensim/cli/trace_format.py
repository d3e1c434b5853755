"""`--to FORMAT`, or the format that a file's name tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from edensim.cli import console

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
            help="native, csv, ramulator2, ramulator2_readwrite or dramsim3 (default: told by .npz or .csv).",
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


def tell_dropped(form: str, columns: list[str]) -> None:
    """Log what a format cannot hold."""
    if columns:
        console.log(f"{form} cannot hold {', '.join(columns)}: left out.")
