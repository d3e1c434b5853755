"""LPDDR5: rows are opened by two commands, and column commands need a running data clock (WCK).

ACT makes a row's request wait for its ACT2, which comes when nothing else may issue and at `opening_until` at the
latest; meanwhile no other row is opened and its bank is left alone (`claimed`). After a column command the data clock
runs on until `wck_until`; later it must be started by a CAS, which is followed by its column command alone.
"""

from __future__ import annotations

from edensim.dram.commands import ACT, ACT2, CASRD, PRE, RD, RDA, WR
from edensim.dram.issue_kernel import FROM_ACTIVE, FROM_IDLE, FROM_PRIORITY, FROM_QUEUE, issue
from edensim.dram.pending_kernel import closes_row, pick_pending, refill_pending
from edensim.dram.queue_kernel import mode_flips
from edensim.dram.row_policy_kernel import pick_idle
from edensim.dram.scan_kernel import (
    FEW,
    KEY_BITS,
    NEVER,
    busy_banks,
    count_ready,
    scan_active,
    scan_active_few,
    scan_hits,
    scan_oldest,
    scan_others,
    scan_queue,
    scan_queue_few,
)
from edensim.jit import jit

BANK_MASK = (1 << KEY_BITS) - 1


@jit
def scan_beside_opening(ch, mode, pad, t, row_hit):
    """Scan the queue while a second activate is due: anything but opening another row."""
    ready, oldest, soon = scan_hits(ch, mode * pad, pad, t)
    more, older, soon_act, soon_pre = scan_others(ch, mode * pad, pad, t, row_hit, 0, NEVER)
    return ready + count_ready(more), min(oldest, older), min(soon, min(soon_act, soon_pre))


@jit
def tick_split_activate(ch, tab, t):
    """One clock of an LPDDR5 channel; see `channel_kernel.tick`."""
    pad = len(ch.state)
    row_hit = len(ch.is_row_hit) == 2
    ch.scans += 1
    ch.freed[0] = 0
    ch.freed[1] = 0
    postponing = len(ch.is_postponing) == 2
    closed_page = len(ch.is_closed_page) == 2
    timed_page = len(ch.is_timed_page) == 2
    in_order = len(ch.is_in_order) == 2  # all known from the type
    refill_pending(ch, t)
    command = -1
    node = -1
    slot = -1
    source = -1
    pending_at = NEVER
    is_pending = ch.pending_head != ch.pending_tail
    is_opening = ch.opening >= 0
    is_forced = False
    is_column = False
    if ch.cas_slot >= 0:
        slot = ch.cas_slot
        command = ch.slot_write[slot]
        node = ch.slot_key[slot] & BANK_MASK
        source = ch.cas_source
        at = ch.allowed[command * pad + node]
        if at > t:
            ch.next_scan = min(at, ch.inject_at)
            return -1
        ch.cas_slot = -1
        is_forced = True
    elif is_opening and ch.opening_until <= t:
        command = ACT2
        is_forced = True
    else:
        # 1. requests whose row was opened for them
        if ch.next_active <= t:
            if ch.actives <= FEW:
                ready, oldest, soon = scan_active_few(ch, t)
            else:
                ready, oldest, soon = scan_active(ch, 2 * pad, t)
            ch.next_active = t + 1 if ready > 1 else soon
            if ready > 0:
                source = FROM_ACTIVE
                node = oldest & BANK_MASK
                command = RD if ch.active_key[node] == oldest else WR
                slot = ch.active_slot[command * pad + node]
        # 2. a pending refresh: nothing new starts meanwhile
        if source < 0 and is_pending:
            command, node, pending_at = pick_pending(ch, t)
            source = FROM_PRIORITY
        # 3. the queue of the present mode
        elif source < 0:
            if mode_flips(ch):
                ch.mode = 1 - ch.mode
                ch.next_queue = t
            if in_order and (is_opening or ch.actives > 0):
                ch.next_queue = NEVER  # one request after the other
            if ch.next_queue <= t:
                mode = ch.mode
                if in_order:
                    ready, oldest, soon = scan_oldest(ch, mode * pad, pad, t)
                elif is_opening:
                    ready, oldest, soon = scan_beside_opening(ch, mode, pad, t, row_hit)
                else:
                    if busy_banks(ch, mode) <= FEW:
                        ready, oldest, soon, soon_act, soon_pre = scan_queue_few(ch, mode, t, row_hit)
                    else:
                        ready, oldest, soon, soon_act, soon_pre = scan_queue(ch, mode * pad, pad, t, row_hit)
                    ready = count_ready(ready)
                    soon = min(soon, min(soon_act, soon_pre))
                ch.next_queue = t + 1 if ready > 1 or is_opening else soon
                if ready > 0:
                    source = FROM_QUEUE
                    node = oldest & BANK_MASK
                    if ch.hit_key[mode * pad + node] == oldest:
                        command = mode
                        slot = ch.hit[mode * pad + node]
                    else:
                        command = PRE if ch.state[node] else ACT
                        slot = ch.other[mode * pad + node]
        # 4. a column command may have to start the data clock first; without any command the second activate goes
        if 0 <= command <= WR and t >= ch.wck_until:
            if is_opening and ch.opening_until <= t + 1:
                command = ACT2
                ch.next_active = t + 1
                ch.next_queue = t + 1
            else:
                ch.cas_slot = slot
                ch.cas_source = source
                command += CASRD
        elif command < 0 and is_opening:
            command = ACT2
        # 5. nothing to do: rows that nobody uses
        if timed_page and command < 0 and not is_pending:
            node = pick_idle(ch, t)
            if node >= 0:
                command = PRE
                source = FROM_IDLE
        if command < 0:
            ch.next_scan = min(ch.next_active, pending_at if is_pending else min(ch.next_queue, ch.close_at))
            ch.next_scan = min(ch.next_scan, ch.inject_at)
            if postponing:
                ch.next_scan = min(ch.next_scan, ch.release_at)
            return -1
    if command == ACT2:
        slot = ch.opening
        node = ch.slot_key[slot] & BANK_MASK
        source = FROM_QUEUE
    elif command <= WR:
        ch.wck_until = max(ch.wck_until, t + ch.wck_runs[command])
        is_column = True
        if closed_page and closes_row(ch, command, node, source == FROM_ACTIVE, t):
            command += RDA
    bound, row_bound = issue(ch, tab, t, command, node, slot, source)
    ch.next_queue = min(ch.next_queue, min(bound, row_bound))
    if closed_page or in_order:
        ch.next_queue = t + 1
        ch.next_scan = t + 1
    elif is_pending or postponing or is_forced or ch.cas_slot >= 0 or ch.opening >= 0 or mode_flips(ch):
        ch.next_scan = t + 1
    elif timed_page:
        ch.next_scan = max(min(min(ch.next_active, ch.next_queue), ch.close_at), t + 1)
    else:
        ch.next_scan = max(min(ch.next_active, ch.next_queue), t + 1)
    return slot if is_column else -1
