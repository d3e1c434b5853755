"""Replay of a request trace on some channels of the DRAM alone: at most one offer per clock to all of them, in order.

A refused offer blocks all later ones (head-of-line blocking). The acceptance stamp of a request is the clock before
the tick in which it is offered. The state between two calls lies in `run` (see RUN_FIELDS), so a trace is streamed in
blocks.
"""

from __future__ import annotations

import numpy as np

from edensim.dram.channel_kernel import (
    ACCEPTED,
    FULL,
    NEVER,
    due_refreshes,
    may_be_accepted,
    next_event,
    offer,
    tick,
)
from edensim.jit import jit

RUN_FIELDS = 5
ACCEPT_FROM, OUTSTANDING, LAST, WRITE_LATENCY, STOP = range(RUN_FIELDS)
MORE, DONE, LOG_FULL, STOPPED = range(4)


@jit
def replay(channels, tables, channel, bank, row, column, line, is_write, arrival, cursor, run, final):
    """Advance the system through one block of decoded requests.

    `cursor` int64[1] is the next request of the block; `channel` counts within `channels`. Returns MORE (block
    consumed, another follows), DONE (`final` block and every request completed), LOG_FULL (save and reset the command
    logs, then call again) or STOPPED (everything before clock `run[STOP]` has happened; 0: never).
    """
    n = row.shape[0]
    n_channels = len(channels)
    i = cursor[0]
    blocked = False
    accept_from = run[ACCEPT_FROM]
    outstanding = run[OUTSTANDING]
    last = run[LAST]
    write_latency = run[WRITE_LATENCY]  # clocks from a write's command to what counts as its end
    stop = run[STOP] if run[STOP] > 0 else NEVER
    result = MORE
    while True:
        if i == n and not final:
            break
        t_offer = NEVER
        if i < n and not blocked:
            t_offer = max(arrival[i], accept_from) + 1
        t = t_offer
        for c in range(n_channels):
            t = min(t, next_event(channels[c]))
        if i == n and outstanding == 0 and min(t, stop) > last:
            result = DONE
            break
        if t >= stop:
            result = DONE if stop == NEVER else STOPPED
            break
        if len(channels[0].log) > 1:
            full = False
            for c in range(n_channels):
                full = full or channels[c].logged + 2 > len(channels[c].log)  # two buses add two in a clock
            if full:
                result = LOG_FULL
                break
        if t == t_offer:
            u = np.uint64(i)
            ch = channels[channel[u]]
            w = np.int64(is_write[u])
            outcome = offer(ch, t, bank[u], row[u], column[u], line[u], w, i)
            if outcome == FULL:
                blocked = True
            else:
                if outcome == ACCEPTED:
                    outstanding += 1
                else:
                    last = max(last, t)
                accept_from = t
                i += 1
                if i < n:
                    blocked = not may_be_accepted(channels[channel[i]], line[i], np.int64(is_write[i]))
        for c in range(n_channels):
            ch = channels[c]
            if ch.next_refresh == t:
                due_refreshes(ch, tables[c], t)
            if ch.next_scan > t:
                continue
            slot = tick(ch, tables[c], t)
            if slot >= 0:
                outstanding -= 1
                last = max(last, ch.last)
                if ch.slot_write[slot]:
                    last = max(last, t + write_latency)
            if ch.freed[0] + ch.freed[1] > 0:
                accept_from = max(accept_from, t)
                if blocked and channel[i] == c and ch.freed[is_write[i]] > 0:
                    blocked = False
    cursor[0] = i
    run[ACCEPT_FROM] = accept_from
    run[OUTSTANDING] = outstanding
    run[LAST] = last
    return result
