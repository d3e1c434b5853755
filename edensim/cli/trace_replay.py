"""`edensim trace replay FILE`: a request trace on the DRAM alone."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.memory_option import DEFAULT, dram_option, load_memory
from edensim.cli.options import common, force_file_option, json_option, set_option
from edensim.cli.progress import Progress
from edensim.cli.trace_format import command_format_of, tell_left_out, tell_no_requests
from edensim.study.text_table import columns


@click.command(short_help="Run a trace on the memory alone.")
@click.argument("file")
@dram_option(DEFAULT)
@set_option
@click.option("--trace-format", metavar="FORMAT", help="Format of FILE (default: told by its content).")
@click.option("--commands", metavar="OUT", help="Also write every DRAM command, for `trace check` and `energy`.")
@click.option(
    "--commands-format",
    metavar="FORMAT",
    help="native (.npz, the default), drampower, ramulator2 or dramsim3 (text, one file per channel; .gz packs).",
)
@click.option("--command-hash", is_flag=True, help="Also give a SHA-256 of the commands of each channel.")
@force_file_option
@json_option
@common
def replay(
    file: str,
    dram: str,
    overrides: tuple[str, ...],
    trace_format: str | None,
    commands: str | None,
    commands_format: str | None,
    command_hash: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Replay a request trace on a memory: at its arrival clocks, or as fast as the queues accept."""
    from edensim.dram.command_write import command_output
    from edensim.dram.trace_text import open_any
    from edensim.system.replay import memory_system, replay_trace

    if commands is None and commands_format is not None:
        raise click.UsageError("--commands-format is for --commands OUT, which is not given")
    form = command_format_of(commands, commands_format) if commands is not None else ""
    resolved = load_memory(dram, overrides)
    system = memory_system(resolved)
    source = open_any(file, trace_format, system.address_map, system.period)
    total = getattr(source, "count", None)
    with ExitStack() as stack:
        output = None
        if commands is not None:
            about, header = system.command_log(()), lambda: system.command_log(()).header()
            output = stack.enter_context(command_output(commands, form, about, force, header))
        stack.enter_context(announced_compilation())
        progress = stack.enter_context(Progress("requests"))
        data, _ = replay_trace(
            resolved,
            source.chunks(),
            where=file,
            command_hash=command_hash,
            system=system,
            sinks=[] if output is None else [output],
            progress=lambda done: progress(done, total, "replay"),
        )
    if output is not None:
        tell_left_out(form, output.left_out)
    tell_no_requests(getattr(source, "left_out", 0))
    console.warn(data.get("warnings", ()))
    console.say_json(data) if as_json else console.say(_text(data))


def _text(data: dict[str, Any]) -> str:
    from edensim.study.points import energy_unit, time_unit

    unit_t, scale_t = time_unit(data["time_ns"])
    row, requests, latency = data["row"], data["requests"], data["read_latency_ns"]
    total = sum(row.values())
    rows = [
        ["requests", f"{requests['read']:,} reads, {requests['write']:,} writes"],
        ["time", f"{data['time_ns'] * scale_t:.6g} {unit_t} ({data['cycles']:,} clocks)"],
        ["bandwidth", f"{data['bandwidth_gb_s']:.4g} GB/s"],
        ["read latency", f"{latency['mean']:.4g} ns mean, {latency['p50']:.4g} median, {latency['p99']:.4g} 99 %"],
        ["rows", ", ".join(f"{row[k]:,} {k}" for k in row) + (f" ({row['hit'] / total:.1%} hits)" if total else "")],
        ["served by write queue", f"{data['reads_forwarded']:,} reads, {data['writes_coalesced']:,} writes"],
        ["commands", ", ".join(f"{count:,} {name}" for name, count in data["commands"].items())],
    ]
    if "asleep" in data:
        rows.append(
            ["ranks powered down", ", ".join(f"{share:.1%} {state}" for state, share in data["asleep"].items())]
        )
    if "energy_pj" in data:
        unit, scale = energy_unit(data["energy_pj"]["total"])
        parts = ", ".join(f"{k} {v * scale:.4g}" for k, v in data["energy_pj"].items() if k != "total")
        rows.append(["energy", f"{data['energy_pj']['total'] * scale:.4g} {unit} ({parts})"])
    rows += [[f"commands {k}", f"sha256 {digest}"] for k, digest in enumerate(data.get("command_sha256", ()))]
    return columns(rows, right_from=9)
