"""`edensim trace gen CONFIG --out FILE`: the request trace of a machine."""

from __future__ import annotations

import shlex
import tempfile

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.options import common, force_option, set_option
from edensim.cli.progress import Progress


@click.command()
@click.argument("config")
@set_option
@click.option("--out", required=True, metavar="FILE", help="Trace to write (.npz).")
@click.option("--no-arrivals", is_flag=True, help="Leave out the clocks at which requests were accepted.")
@click.option(
    "--layout",
    type=click.Choice(["plain", "stored", "delta"]),
    default="plain",
    show_default=True,
    help="Packing; delta is the smallest, and read by edensim only.",
)
@force_option
@common
def gen(config: str, overrides: tuple[str, ...], out: str, no_arrivals: bool, layout: str, force: bool) -> None:
    """Run the main operating point and write every request the memory accepted, in order.

    Choose layers with --set workload.layers='["conv1"]'.
    """
    from edensim.config import load_config
    from edensim.dram.trace_write import write_trace
    from edensim.output import check_output
    from edensim.system.check import check_recording
    from edensim.system.replay import RecordedRequests

    resolved = load_config(config, set=list(overrides), check=check_recording)
    check_output(out, force)
    with announced_compilation(), Progress("requests") as progress, tempfile.TemporaryFile() as spool:
        recorded = RecordedRequests(spool, resolved, progress, not no_arrivals)
        header = {
            "generator": shlex.join(console.settings.command_line),
            "config_hash": resolved.hash,
            "clock_ps": [recorded.clock_ps.numerator, recorded.clock_ps.denominator],
            "tensor_names": recorded.tensors,
        }
        count = write_trace(out, recorded.chunks(), header, layout=layout, force=force)  # type: ignore[arg-type]
    console.say(f"{out}: {count:,} requests")
