"""Which row each command of a log is about: logs of edensim tell it on ACT only, other simulators on every command."""

from __future__ import annotations

from edensim.dram.commands import ACT, PRE, PREAB, RDA, REFAB, WRA
from edensim.jit import jit

CLOCK, COMMAND, PLACE, ROW, COLUMN = range(5)


@jit
def with_open_rows(log, out, open_row, banks_per_rank, split):
    """Copy commands to `out` with the row that is open in their bank; returns how many.

    `open_row` int64 [banks] goes from block to block (-1: closed). With `split`, a precharge of all banks becomes one
    of every open bank, all at its clock; `out` must have room for them.
    """
    m = 0
    for k in range(len(log)):
        command, place, row = log[k, COMMAND], log[k, PLACE], log[k, ROW]
        if command == PREAB:
            for bank in range(place * banks_per_rank, (place + 1) * banks_per_rank):
                if split and open_row[bank] >= 0:
                    out[m, CLOCK], out[m, COMMAND], out[m, PLACE] = log[k, CLOCK], PRE, bank
                    out[m, ROW], out[m, COLUMN] = open_row[bank], -1
                    m += 1
                open_row[bank] = -1
            if split:
                continue
        elif command == ACT:
            open_row[place] = row
        elif command != REFAB:
            row = open_row[place]
            if command == PRE or command == RDA or command == WRA:
                open_row[place] = -1
        out[m, CLOCK], out[m, COMMAND], out[m, PLACE] = log[k, CLOCK], command, place
        out[m, ROW], out[m, COLUMN] = row, log[k, COLUMN]
        m += 1
    return m
