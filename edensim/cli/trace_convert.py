"""`edensim trace convert IN OUT`: from one trace format to another."""

from __future__ import annotations

import shlex

import click

from edensim.cli import console
from edensim.cli.memory_option import dram_option
from edensim.cli.options import common, force_file_option, json_option, set_option
from edensim.cli.trace_format import (
    command_format_of,
    format_of,
    memory_of_trace,
    target_options,
    tell_dropped,
    tell_left_out,
    tell_no_requests,
)


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
    """Convert a request trace from any of the formats of --to into any other; text whose name ends in .gz is packed.

    gem5 is read only (packets as text). It and ramulator2_readwrite need the memory (--dram) that they belong to. A
    command log (.npz of `trace replay --commands`) becomes a command trace: drampower, ramulator2 or dramsim3, a file
    per channel.
    """
    from edensim.dram.command_log_blocks import is_command_log
    from edensim.dram.trace_convert import convert as convert_trace

    if is_command_log(source):
        given = {"--from": source_format, "--layout": layout, "--dram": dram, "--set": overrides}
        for option in (name for name, value in given.items() if value):
            raise click.UsageError(f"{source} is a command log; {option} is for request traces.")
        _convert_commands(source, target, target_format, force, as_json)
        return
    form = format_of(target, target_format, layout)
    address_map, clock_ps = memory_of_trace(dram, overrides)
    done = convert_trace(
        source,
        target,
        source_format,
        form,
        address_map=address_map,
        clock_ps=clock_ps,
        layout=layout or "plain",  # type: ignore[arg-type]
        header={"generator": shlex.join(console.settings.command_line)},
        force=force,
    )
    tell_dropped(form, done["dropped"])
    tell_no_requests(done["left_out"])
    if as_json:
        console.say_json(done)
    else:
        console.say(f"{target}: {done['requests']:,} requests, {done['source_format']} -> {form}")


def _convert_commands(source: str, target: str, target_format: str | None, force: bool, as_json: bool) -> None:
    from edensim.dram.command_write import convert_log

    if target_format is None:
        raise click.UsageError(f"{source} is a command log; give --to drampower, --to ramulator2 or --to dramsim3.")
    form = command_format_of(target, target_format)
    done = convert_log(source, target, form, force)
    tell_left_out(form, done.left_out)
    count, files = sum(done.counts.values()), [str(path) for path in done.paths]
    if as_json:
        told = {"commands": count, "source_format": "command log", "target_format": form}
        console.say_json(told | {"files": files, "left_out": dict(done.left_out)})
    else:
        console.say(f"{', '.join(files)}: {count:,} commands, command log -> {form}")
