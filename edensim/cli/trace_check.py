"""`edensim trace check FILE`: hold a command log against the protocol of its memory."""

from __future__ import annotations

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.options import common, json_option
from edensim.cli.progress import Progress
from edensim.errors import SOME_FAILED


@click.command(short_help="Hold a command log against the protocol.")
@click.argument("file")
@json_option
@common
def check(file: str, as_json: bool) -> int:
    """Check every command of a log (`trace replay --commands`) against all rules of timing, state and refresh.

    Exits with 1 if a rule is broken. The log carries the timings and the refresh interval it ran under.
    """
    from edensim.dram.checker import check_command_log
    from edensim.dram.command_log import load_command_log

    log = load_command_log(file)
    total = sum(map(len, log.commands))
    with announced_compilation(), Progress("commands") as progress:
        reports = check_command_log(log, lambda count: progress(count, total, "checking"), f"{file}, ")
    violations = sum(report.violations for report in reports)
    if as_json:
        channels = [report.to_dict() for report in reports]
        console.say_json({"commands": total, "violations": violations, "channels": channels})
    else:
        console.say("\n\n".join(map(str, reports)))
    return SOME_FAILED if violations else 0
