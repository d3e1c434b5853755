"""Row policies by time: a row that nobody has used for a while, and that nobody waits for, is closed in an idle clock.

With the adaptive policy every bank has a patience of its own. It doubles when the row that was closed is the next one
to be opened, and halves when a request had to close a row first. Not modelled: prediction from the past of single rows.
"""

from __future__ import annotations

from edensim.dram.commands import ACT, PRE, WR
from edensim.dram.power_down_kernel import AWAKE
from edensim.dram.scan_kernel import NEVER
from edensim.jit import jit


@jit
def watch_row(ch, t, command, b, slot, source_is_queue):
    """Note what a command at bank `b` tells about its row. A precharge is either one of the queue or of `pick_idle`."""
    if command == ACT:
        if ch.slot_row[slot] == ch.closed_row[b]:
            ch.patience[b] = min(2 * ch.patience[b], ch.patience_high)
        ch.closed_row[b] = -1
    elif command == PRE:
        if source_is_queue:
            ch.patience[b] = max(ch.patience[b] // 2, ch.patience_low)
        else:
            ch.closed_row[b] = ch.open_row[b]
    if command <= WR or command == ACT:
        ch.idle_from[b] = t
        ch.close_at = min(ch.close_at, t + ch.patience[b])


@jit
def pick_idle(ch, t):
    """First bank whose row is to be closed at clock `t`, or -1; `close_at` bounds the next one from below.

    A bank that is left out because requests wait for its row is looked at again after they used it: see `watch_row`.
    """
    if ch.close_at > t:
        return -1
    pad = len(ch.state)
    found = -1
    ch.close_at = NEVER
    for b in range(pad):
        if ch.state[b] == 0 or ch.claimed[b] != 0 or ch.hit[b] >= 0 or ch.hit[pad + b] >= 0:
            continue
        if len(ch.is_sleeping) == 2 and ch.sleep_mode[ch.node_of[b]] != AWAKE:  # the former is known from the type
            continue
        at = max(ch.idle_from[b] + ch.patience[b], ch.allowed[PRE * pad + b])
        if at <= t and found < 0:
            found = b
        else:
            ch.close_at = min(ch.close_at, max(at, t + 1))
    if len(ch.is_sleeping) == 2 and found >= 0:  # its rank may go to sleep by another command than with the row open
        ch.sleep_at = min(ch.sleep_at, t + 1)
    return found
