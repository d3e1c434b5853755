"""`edensim trace info FILE`: what is in a trace."""

from __future__ import annotations

import click

from edensim.cli import console
from edensim.cli.memory_option import dram_option
from edensim.cli.options import common, json_option, set_option
from edensim.cli.trace_format import memory_of_trace, tell_no_requests
from edensim.study.text_table import columns


@click.command(short_help="What is in a trace.")
@click.argument("file")
@click.option("--from", "source_format", metavar="FORMAT", help="Format of FILE (default: told by its content).")
@dram_option(None)
@set_option
@json_option
@common
def info(file: str, source_format: str | None, dram: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Summarise a request trace of any format: requests, addresses, arrivals, checksum.

    Traces of gem5 and ramulator2_readwrite need the memory (--dram) that they belong to.
    """
    from edensim.dram.trace import trace_info
    from edensim.dram.trace_text import open_any

    source = open_any(file, source_format, *memory_of_trace(dram, overrides))
    found = trace_info(source)
    tell_no_requests(getattr(source, "left_out", 0))
    if as_json:
        console.say_json(found)
        return
    rows = [[name, _text(name, value)] for name, value in found.items() if value is not None]
    console.say(columns(rows, right_from=9))


def _text(name: str, value: object) -> str:
    if name.startswith("address_"):
        return f"{value:#x}"
    return f"{value:,}" if isinstance(value, int) else ", ".join(value) if isinstance(value, list) else str(value)
