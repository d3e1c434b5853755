"""`edensim compare A B`: what changed between two runs or two sweeps, and in their results."""

from __future__ import annotations

import math

import click

from edensim.cli import console
from edensim.cli.options import common, json_option


def _share(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        limit = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        limit = math.nan
    if not 0 <= limit < math.inf:
        raise click.BadParameter(f"{value!r} is no share: expected a percentage such as 1% or a fraction such as 0.01.")
    return limit


@click.command(short_help="What changed between two runs or sweeps.")
@click.argument("a")
@click.argument("b")
@click.option("--all", "everything", is_flag=True, help="Show equal results and tiny differences too.")
@click.option(
    "--fail-above",
    metavar="SHARE",
    callback=_share,
    help="Exit with 1 if a result differs by more than this (1% or 0.01), or is there on one side only.",
)
@json_option
@common
def compare(a: str, b: str, everything: bool, fail_above: float | None, as_json: bool) -> int:
    """Compare two run folders or two sweep folders.

    Prints what changed in configuration, versions and results, most relevant first. Points of sweeps are matched by
    the values of their axes; with an axis `seed` of three values or more, differences are tested (Welch's t test).
    """
    from edensim.errors import OK, SOME_FAILED
    from edensim.study.compare import compare as compare_folders
    from edensim.study.compare.text import describe

    comparison = compare_folders(a, b)
    if as_json:
        console.say_json(comparison.to_dict())
    else:
        console.say(describe(comparison, everything))
    return SOME_FAILED if fail_above is not None and comparison.exceeds(fail_above) else OK
