"""`edensim trace convert IN OUT`: from one trace format to another."""

from __future__ import annotations

import shlex

import click

from edensim.cli import console
from edensim.cli.memory_option import dram_option, load_memory
from edensim.cli.options import common, force_file_option, json_option, set_option
from edensim.cli.trace_format import format_of, target_options, tell_dropped


@click.command(short_help="From one trace format to another.")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--from", "source_format", metavar="FORMAT", help="Format of IN (default: told by its content).")
@target_options
@dram_option(None)
@set_option
@force_file_option
@json_option
@common
def convert(
    source: str,
    target: str,
    source_format: str | None,
    target_format: str | None,
    layout: str | None,
    dram: str | None,
    overrides: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Convert a request trace: native (.npz), ramulator2, ramulator2_readwrite, dramsim3, csv; .gz packs text.

    The format ramulator2_readwrite names banks and rows, so it needs the memory (--dram) they belong to.
    """
    from edensim.dram.trace_convert import convert as convert_trace

    form = format_of(target, target_format, layout)
    address_map = None
    if dram is not None:
        from edensim.memory import AddressMap, Geometry

        memory = load_memory(dram, overrides).config.dram
        address_map = AddressMap(Geometry.from_config(memory), memory.address_map)
    done = convert_trace(
        source,
        target,
        source_format,
        form,
        address_map=address_map,
        layout=layout or "plain",  # type: ignore[arg-type]
        header={"generator": shlex.join(console.settings.command_line)},
        force=force,
    )
    tell_dropped(form, done["dropped"])
    if as_json:
        console.say_json(done)
    else:
        console.say(f"{target}: {done['requests']:,} requests, {done['source_format']} -> {form}")
