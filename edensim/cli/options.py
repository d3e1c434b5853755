"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from edensim.cli import console

F = TypeVar("F", bound=Callable[..., Any])


class InOrder(click.Group):
    """A group whose help lists its verbs in the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names as they were added."""
        return list(self.commands)


def _remember(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        setattr(console.settings, str(parameter.name), True)


def common(function: F) -> F:
    """Add --debug and --quiet, which every verb and the command itself understand."""
    for name, doc in (("quiet", "No log, no progress."), ("debug", "Show the traceback of an error.")):
        option = click.option(
            f"--{name}", is_flag=True, expose_value=False, callback=_remember, is_eager=True, help=doc
        )
        function = option(function)
    return function


def set_option(function: F) -> F:
    """Add `--set key=value`, repeatable, as `overrides`."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override a key, e.g. operating_point.vdd=1.05 (repeatable; the value is TOML, a bare word is a string, "
        "null leaves the key out).",
    )(function)


json_option = click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")
force_option = click.option("--force", is_flag=True, help="Replace what edensim itself wrote there before.")
force_file_option = click.option("--force", is_flag=True, help="Replace the file if it exists.")


def format_option(default: str) -> Callable[[F], F]:
    """Add `--format png,svg,pdf` as `formats`, a list."""

    def split(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:
        return [word.strip() for word in value.split(",") if word.strip()]

    return click.option(
        "--format",
        "formats",
        default=default,
        show_default=True,
        callback=split,
        metavar="LIST",
        help="Picture formats, separated by commas: png, svg, pdf.",
    )
