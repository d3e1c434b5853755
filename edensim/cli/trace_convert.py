"""`edensim trace convert IN OUT`: from one trace format to another."""

from __future__ import annotations

import shlex

import click

from edensim.cli import console
from edensim.cli.memory_option import dram_option, load_memory
from edensim.cli.options import common, force_option, json_option, set_option

BY_SUFFIX = {".npz": "native", ".csv": "csv"}


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--from", "source_format", metavar="FORMAT", help="Format of IN (default: told by its content).")
@click.option("--to", "target_format", metavar="FORMAT", help="Format of OUT (default: told by .npz or .csv).")
@click.option(
    "--layout",
    type=click.Choice(["plain", "stored", "delta"]),
    default="plain",
    show_default=True,
    help="Packing of a native trace; delta is the smallest, and read by edensim only.",
)
@dram_option(None)
@set_option
@force_option
@json_option
@common
def convert(
    source: str,
    target: str,
    source_format: str | None,
    target_format: str | None,
    layout: str,
    dram: str | None,
    overrides: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Convert a request trace: native (.npz), ramulator2, ramulator2_readwrite, dramsim3, csv; .gz packs text.

    The format ramulator2_readwrite names banks and rows, so it needs the memory (--dram) they belong to.
    """
    from pathlib import Path

    from edensim.dram.trace_convert import convert as convert_trace

    name = Path(target.removesuffix(".gz")).suffix
    if target_format is None and name not in BY_SUFFIX:
        raise click.UsageError(f"{target}: its name does not tell the format; give it with --to.")
    address_map = None
    if dram is not None:
        from edensim.memory import AddressMap, Geometry

        memory = load_memory(dram, overrides).config.dram
        address_map = AddressMap(Geometry.from_config(memory), memory.address_map)
    done = convert_trace(
        source,
        target,
        source_format,
        target_format or BY_SUFFIX[name],
        address_map=address_map,
        layout=layout,  # type: ignore[arg-type]
        header={"generator": shlex.join(console.settings.command_line)},
        force=force,
    )
    if as_json:
        console.say_json(done)
        return
    console.say(f"{target}: {done['requests']:,} requests, {done['source_format']} -> {done['target_format']}")
    if done["dropped"]:
        console.log(f"{done['target_format']} cannot hold {', '.join(done['dropped'])}: left out.")
