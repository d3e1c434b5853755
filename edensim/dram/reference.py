"""A second, slow memory controller in plain Python, tick by tick, to hold the compiled one to.

Modelled: any number of channels, pseudo-channels, ranks, stack IDs, bank groups and banks; rows that stay open or are
closed after a number of accesses or a time; refresh of all banks, together or scattered, bank after bank, or none;
FCFS, FRFCFS, FRFCFS_RowHit and FRFCFS_Capped; write mode with hysteresis; the buffer of requests whose row was opened
for them; the queue of pending refreshes and precharges; read forwarding and write coalescing; timings that differ from
bank to bank or row to row; switches of the operating point; activation in two steps and the data clock of LPDDR5; the
two buses of HBM and the half clocks of HBM3; power-down and self refresh of ranks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from edensim.dram.reference_channel import Channel, Request, Requests, Settings, Tally
from edensim.dram.reference_hbm import TwoBusChannel
from edensim.dram.reference_lpddr import SplitChannel
from edensim.dram.reference_policy import PolicyChannel
from edensim.dram.reference_sleep import sleeping
from edensim.dram.table import Edge
from edensim.memory import Organisation

__all__ = ["Channel", "Request", "Requests", "Settings", "Tally", "simulate"]


def simulate(edges: Sequence[Sequence[Edge]], layout: Organisation, settings: Settings, requests: Requests) -> Tally:
    """Run requests to completion.

    Parameters
    ----------
    edges : one constraint table per channel
    layout : how the banks of a channel are grouped
    settings : Settings
    requests : Requests

    Returns
    -------
    Tally
        Its `cycles` is the clock when the last request has completed: a read `read_latency` after its RD, a write
        `write_latency` after its WR, a merged request in the clock after its acceptance.
    """
    tally = Tally([[] for _ in edges])
    kind = TwoBusChannel if settings.two_buses else SplitChannel if settings.second_activate else PolicyChannel
    if settings.power_down_after is not None or settings.self_refresh_after is not None:
        kind = sleeping(kind)
    channels = [kind(k, mine, layout, settings, tally) for k, mine in enumerate(edges)]
    total, clock = len(requests.bank), 0
    front_end_of = requests.channel.tolist() if settings.per_channel else [0] * total
    outside = [deque(k for k in range(total) if front_end_of[k] == each) for each in range(len(channels))]
    fields = [x.tolist() for x in (requests.channel, requests.bank, requests.row, requests.column, requests.is_write)]
    while tally.completed < total or clock < tally.cycles:
        for each in channels:
            each.switcher.before(clock + 1)
        for waiting in outside:
            if waiting and requests.arrival[waiting[0]] <= clock:
                channel, bank, row, column, is_write = (x[waiting[0]] for x in fields)
                if channels[channel].accept(Request(bank, row, column, bool(is_write), accepted=clock)):
                    waiting.popleft()
        clock += 1
        for each in channels:
            each.tick(clock)
    tally.switched = [each.switcher.times for each in channels]
    return tally
