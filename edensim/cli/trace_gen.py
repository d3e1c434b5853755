"""`edensim trace gen CONFIG --out FILE`: the request trace of a machine."""

from __future__ import annotations

import shlex
import tempfile
from typing import TYPE_CHECKING, Any

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.options import common, force_file_option, json_option, set_option
from edensim.cli.progress import Progress
from edensim.cli.trace_format import format_of, target_options, tell_dropped

if TYPE_CHECKING:
    from edensim.config import Resolved
    from edensim.system.replay import RecordedRequests


@click.command(short_help="Write the requests of a run as a trace.")
@click.argument("config")
@set_option
@click.option("--out", required=True, metavar="FILE", help="Trace to write (.npz, .csv, or any name with --to).")
@target_options
@click.option("--no-arrivals", is_flag=True, help="Leave out the clocks at which requests were accepted.")
@force_file_option
@json_option
@common
def gen(
    config: str,
    overrides: tuple[str, ...],
    out: str,
    target_format: str | None,
    layout: str | None,
    no_arrivals: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Run the main operating point and write every request the memory accepted, in order.

    Choose layers with --set workload.layers='["conv1"]'.
    """
    from edensim.config import load_config
    from edensim.dram.trace_convert import KEPT
    from edensim.output import check_output
    from edensim.system.check import check_recording
    from edensim.system.replay import RecordedRequests

    form = format_of(out, target_format, layout)
    resolved = load_config(config, set=list(overrides), check=check_recording)
    check_output(out, force)
    with announced_compilation(), Progress("requests") as progress, tempfile.TemporaryFile() as spool:
        recorded = RecordedRequests(spool, resolved, progress, not no_arrivals)
        console.warn(recorded.warnings)
        count = _write(out, recorded, resolved, form, layout, force)
    has = ["tensor"] if no_arrivals else ["arrival", "tensor"]
    dropped = [column for column in has if column not in KEPT[form]] + ([] if form == "native" else ["tensor names"])
    tell_dropped(form, dropped)
    if as_json:
        console.say_json({"requests": count, "format": form, "dropped": dropped, "warnings": recorded.warnings})
    else:
        console.say(f"{out}: {count:,} requests")


def _write(out: str, recorded: RecordedRequests, resolved: Resolved, form: str, layout: str | None, force: bool) -> int:
    from edensim.dram.trace_convert import write_text
    from edensim.dram.trace_text import NATIVE
    from edensim.dram.trace_write import write_trace
    from edensim.memory import AddressMap, Geometry

    if form != NATIVE:
        memory = resolved.config.dram
        address_map = AddressMap.from_config(Geometry.from_config(memory), memory)
        return write_text(out, recorded.chunks(), form, address_map=address_map, force=force)
    header: dict[str, Any] = {
        "generator": shlex.join(console.settings.command_line),
        "config_hash": resolved.hash,
        "clock_ps": [recorded.clock_ps.numerator, recorded.clock_ps.denominator],
        "tensor_names": recorded.tensors,
    }
    return write_trace(out, recorded.chunks(), header, layout=layout or "plain", force=force)  # type: ignore[arg-type]
