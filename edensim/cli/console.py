"""Where text goes: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any

import click


@dataclass
class Settings:
    """What `--debug` and `--quiet` say, and the whole command line, for the present call of `main`."""

    debug: bool = False
    quiet: bool = False
    command_line: list[str] = field(default_factory=list)


settings = Settings()


def log(message: str) -> None:
    """Tell the user something that is no result (silenced by --quiet)."""
    if not settings.quiet:
        click.echo(f"edensim: {message}", err=True)


def say(text: str) -> None:
    """Print a result."""
    click.echo(text)


def say_json(data: Any) -> None:
    """Print the one JSON object of `--json`."""
    from edensim.study.record import to_json

    click.echo(to_json(data))


def complain(kind: str, message: str) -> None:
    """Print an error, each line of it indented below its kind."""
    click.echo(f"edensim: {kind}: {message}", err=True)


def compact_json(data: Any) -> str:
    """One line of JSON, for values inside tables."""
    return json.dumps(data, ensure_ascii=False)


def prepare_streams() -> None:
    """Let no character of a result fail on a terminal that lacks it."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
