"""`edensim trace info FILE`: what is in a trace."""

from __future__ import annotations

import click

from edensim.cli import console
from edensim.cli.options import common, json_option
from edensim.study.text_table import columns


@click.command(short_help="What is in a trace.")
@click.argument("file")
@json_option
@common
def info(file: str, as_json: bool) -> None:
    """Summarise a request trace of any format: requests, addresses, arrivals, checksum."""
    from edensim.dram.trace import trace_info
    from edensim.dram.trace_text import open_any

    found = trace_info(open_any(file))
    if as_json:
        console.say_json(found)
        return
    rows = [[name, _text(name, value)] for name, value in found.items() if value is not None]
    console.say(columns(rows, right_from=9))


def _text(name: str, value: object) -> str:
    if name.startswith("address_"):
        return f"{value:#x}"
    return f"{value:,}" if isinstance(value, int) else ", ".join(value) if isinstance(value, list) else str(value)
