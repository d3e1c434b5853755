"""Options of `edensim sweep` that say which points run, and the types of its numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
MOST_SEED = (1 << 63) - 1
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)[bB]?")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def sweep_options(function: F) -> F:
    """Add --axis, --mode, --where, --number and --seed."""
    for option in (
        whole_option("--seed", MOST_SEED, metavar="N", help="Seed of --mode sample and of --optuna."),
        positive_option("--number", kind=int, metavar="N", help="Points that --mode sample draws."),
        click.option("--where", metavar="CONDITION", help="Keep points that satisfy it, e.g. 'seed > 2 or seed == 0'."),
        click.option("--mode", type=click.Choice(["grid", "zip", "list", "sample"]), help="How axes combine (grid)."),
        click.option(
            "--axis",
            "axes",
            multiple=True,
            metavar="KEY=VALUES",
            help="An axis: first:last:number or value,value,… (repeatable; replaces one of the configuration).",
        ),
    ):
        function = option(function)
    return function


def whole_option(name: str, most: int, **settings: Any) -> Callable[[F], F]:
    """Add an option that takes a whole number of 0 to `most`."""

    def convert(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and int(value[:20]) <= most):
            raise click.BadParameter(f"found {value[:40]!r}; expected a whole number of 0 to {most:,}")
        return int(value)

    return click.option(name, callback=convert, **settings)


def positive_option(*names: str, kind: type[int] | type[float], **settings: Any) -> Callable[[F], F]:
    """Add an option that takes a finite number above zero."""

    def convert(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        try:
            number = kind(value)
        except ValueError:
            number = kind(0)
        if not (number > 0 and math.isfinite(number)):
            raise click.BadParameter(f"found {value!r}; expected a {'whole ' if kind is int else ''}number above 0")
        return number

    return click.option(*names, callback=convert, **settings)


def size_option(name: str, **settings: Any) -> Callable[[F], F]:
    """Add an option that takes a size such as 500MB, 4GB or 4GiB, as bytes."""

    def convert(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
        if value is None:
            return None
        match = _SIZE.fullmatch(value.strip())
        if match is None or float(match[1]) <= 0:
            raise click.BadParameter(f"found {value!r}; expected a size such as 500MB or 4GB")
        return int(float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2].lower()])

    return click.option(name, callback=convert, metavar="SIZE", **settings)


def shard_option(function: F) -> F:
    """Add --shard i/n as a pair of whole numbers, 0 <= i < n."""

    def convert(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
        if value is None:
            return None
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", value.strip(), re.ASCII)
        if match is None or not int(match[1]) < int(match[2]):
            raise click.BadParameter(f"found {value!r}; expected i/n with i from 0 to n-1, such as 0/16")
        return int(match[1]), int(match[2])

    return click.option(
        "--shard",
        callback=convert,
        metavar="I/N",
        help="Run part I (from 0) of N only, e.g. in a job array; then --merge.",
    )(function)
