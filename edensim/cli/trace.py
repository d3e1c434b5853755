"""`edensim trace`: make, inspect, convert, replay and check traces; one module per verb."""

from __future__ import annotations

import click

from edensim.cli import trace_check, trace_convert, trace_gen, trace_info, trace_replay
from edensim.cli.options import InOrder


@click.group(cls=InOrder)
def trace() -> None:
    """Request traces: gen, info, convert, replay, check."""


for verb in (trace_gen.gen, trace_info.info, trace_convert.convert, trace_replay.replay, trace_check.check):
    trace.add_command(verb)
