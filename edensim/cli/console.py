"""Where text goes: results to stdout, everything else to stderr."""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import click

from edensim.printable import without_control

BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


@dataclass
class Settings:
    """What `--debug` and `--quiet` say, and the whole command line, for the present call of `main`."""

    debug: bool = False
    quiet: bool = False
    command_line: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    """What has been logged and need not be again."""

    def begin(self, command_line: list[str]) -> None:
        """Forget the last call."""
        self.debug = self.quiet = False
        self.command_line = command_line
        self.told.clear()


settings = Settings()


def log(message: str) -> None:
    """Tell the user something that is no result (silenced by --quiet)."""
    if not settings.quiet:
        click.echo(f"edensim: {without_control(message)}", err=True)


def warn(messages: Iterable[str]) -> None:
    """Tell the user what to know before trusting a result (silenced by --quiet; `--json` carries it too)."""
    for message in messages:
        log(f"warning: {message}")


def say(text: str) -> None:
    """Print a result."""
    click.echo(without_control(text))


def say_json(data: Any) -> None:
    """Print the one JSON object of `--json`."""
    from edensim.study.record import to_json

    text = to_json(data)
    if codecs.lookup(sys.stdout.encoding or "ascii").name != "utf-8":
        text = BEYOND_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], text)  # escapes are right in any encoding
    click.echo(text)


def complain(kind: str, message: str) -> None:
    """Print an error."""
    click.echo(f"edensim: {kind}: {without_control(message)}", err=True)


def compact_json(data: Any) -> str:
    """One line of JSON, for values inside tables."""
    return json.dumps(data, ensure_ascii=False)
