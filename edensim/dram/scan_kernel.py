"""The scans of a channel's candidates: what may issue now, which of it is oldest, and when the rest may.

Each returns (number ready, oldest ready key, earliest clock of those not ready), those of the whole queue by kind of
command. The full scans have no branches, so
the compiler turns them into vector code; with few busy banks a loop over bit masks is faster.
"""

from __future__ import annotations

import numpy as np

from edensim.dram.commands import ACT, PRE
from edensim.jit import LANES, count_bits, jit, jit_inline, lowest_bit

NEVER = 1 << 60  # or-ed into a time or a key it disables it
KEY_BITS = 8  # a key is acceptance clock << 8 | bank, so the oldest is a plain minimum
ONE_ACT, ONE_PRE = 1 << 20, 1 << 40  # a ready command beside row hits, which count 1
FEW = 3  # up to so many busy banks a bit-mask loop beats the branch-free scan


@jit
def scan_queue(ch, entry, n, t, row_hit):
    """Both candidates of every bank without a branch: number ready by kind, oldest ready key, earliest clocks.

    The earliest clocks are those of row hits, ACT and PRE that are not ready.
    `n`, the number of banks, is an argument although the type knows it: a known trip count is unrolled first and then
    no longer vectorised.
    """
    entry = np.uint64(entry)
    pre = np.uint64(PRE * n)
    act = np.uint64(ACT * n)
    ready = 0
    oldest = NEVER
    soon_hit = NEVER
    soon_act = NEVER
    soon_pre = NEVER
    for j in range(np.uint64(n)):
        hit_key = ch.hit_key[entry + j]
        other_key = ch.other_key[entry + j]
        is_open = ch.state[j] != 0
        hit_at = ch.allowed[entry + j] | (hit_key & NEVER)
        other_at = ((ch.allowed[pre + j] | ch.claimed[j]) if is_open else ch.allowed[act + j]) | (other_key & NEVER)
        if row_hit:
            other_at = other_at | (NEVER if (hit_key < other_key) & is_open else 0)
        if len(ch.is_capped) == 2:  # known from the type
            hit_at = hit_at | (NEVER if (other_key < hit_key) & (ch.used[j] >= ch.hit_cap) else 0)
        hit_ok = hit_at <= t
        other_ok = other_at <= t
        ready += (1 if hit_ok else 0) + ((ONE_PRE if is_open else ONE_ACT) if other_ok else 0)
        oldest = min(oldest, min(hit_key if hit_ok else NEVER, other_key if other_ok else NEVER))
        soon_hit = min(soon_hit, NEVER if hit_ok else hit_at)
        soon_act = min(soon_act, NEVER if other_ok or is_open else other_at)
        soon_pre = min(soon_pre, other_at if is_open and not other_ok else NEVER)
    return ready, oldest, soon_hit, soon_act, soon_pre


@jit_inline
def count_ready(ready):
    """Number of commands in what `scan_queue` counts by kind."""
    return (ready & (ONE_ACT - 1)) + ((ready & (ONE_PRE - ONE_ACT)) >> 20) + (ready >> 40)


@jit_inline
def scan_queue_few(ch, mode, t, row_hit):
    """`scan_queue` when only a few banks have requests."""
    pad = len(ch.state)
    blocks = pad // LANES
    entry = mode * pad
    ready = 0
    oldest = NEVER
    soon_hit = NEVER
    soon_act = NEVER
    soon_pre = NEVER
    for g in range(blocks):
        mask = ch.busy[mode * blocks + g]
        while mask:
            b = g * LANES + lowest_bit(mask)
            mask &= mask - 1
            hit_key = ch.hit_key[entry + b]
            other_key = ch.other_key[entry + b]
            if hit_key < NEVER:
                at = ch.allowed[entry + b]
                if len(ch.is_capped) == 2 and other_key < hit_key and ch.used[b] >= ch.hit_cap:
                    at = NEVER
                if at <= t:
                    ready += 1
                    oldest = min(oldest, hit_key)
                else:
                    soon_hit = min(soon_hit, at)
            if other_key < NEVER:
                if ch.state[b]:
                    if row_hit and hit_key < other_key:
                        continue
                    at = ch.allowed[PRE * pad + b] | ch.claimed[b]
                else:
                    at = ch.allowed[ACT * pad + b]
                if at <= t:
                    ready += ONE_PRE if ch.state[b] else ONE_ACT
                    oldest = min(oldest, other_key)
                else:
                    soon_act = min(soon_act, NEVER if ch.state[b] else at)
                    soon_pre = min(soon_pre, at if ch.state[b] else NEVER)
    return ready, oldest, soon_hit, soon_act, soon_pre


@jit_inline
def busy_banks(ch, mode):
    """Banks with requests of a queue."""
    blocks = len(ch.state) // LANES
    busy = 0
    for g in range(blocks):
        busy += count_bits(ch.busy[mode * blocks + g])
    return busy


@jit
def scan_oldest(ch, entry, n, t):
    """`scan_queue` for FCFS: the oldest request alone."""
    oldest = NEVER
    for j in range(n):
        oldest = min(oldest, min(ch.hit_key[entry + j], ch.other_key[entry + j]))
    if oldest == NEVER:
        return 0, NEVER, NEVER
    b = oldest & ((1 << KEY_BITS) - 1)
    if len(ch.is_sleeping) == 2 and ch.sleep_mode[ch.node_of[b]] != 0:  # the former is known from the type
        at = NEVER
    elif ch.hit_key[entry + b] == oldest:
        at = ch.allowed[entry + b]
    elif ch.state[b]:
        at = ch.allowed[PRE * n + b] | ch.claimed[b]
    else:
        at = ch.allowed[ACT * n + b]
    return (1, oldest, NEVER) if at <= t else (0, NEVER, at)


@jit
def scan_oldest_of_bus(ch, entry, n, t, is_row, odd, open_from):
    """`scan_oldest` for one of two buses: the oldest request if its next command goes over it; see `scan_others`."""
    oldest = NEVER
    for j in range(n):
        oldest = min(oldest, min(ch.hit_key[entry + j], ch.other_key[entry + j]))
    b = oldest & ((1 << KEY_BITS) - 1)
    if oldest == NEVER or (ch.hit_key[entry + b] != oldest) != is_row:
        return 0, NEVER, NEVER
    if not is_row:
        at = ch.allowed[entry + b]
    elif ch.state[b]:
        at = ch.allowed[PRE * n + b] | ch.claimed[b]
    else:
        at = max(ch.allowed[ACT * n + b] | odd, open_from)
    return (1, oldest, NEVER) if at <= t else (0, NEVER, at)


@jit
def scan_active(ch, n, t):
    """The same for requests whose row has been opened for them; their keys lie parallel to the RD and WR rows."""
    ready = 0
    oldest = NEVER
    soon = NEVER
    for j in range(np.uint64(n)):
        k = ch.active_key[j]
        at = ch.allowed[j] | (k & NEVER)
        ok = at <= t
        ready += 1 if ok else 0
        oldest = min(oldest, k if ok else NEVER)
        soon = min(soon, NEVER if ok else at)
    return ready, oldest, soon


@jit_inline
def scan_active_few(ch, t):
    """`scan_active` when only a few requests are active.

    With closed rows a row that was closed under its request must be opened for it again.
    """
    pad = len(ch.state)
    ready = 0
    oldest = NEVER
    soon = NEVER
    for g in range(len(ch.active_mask)):
        mask = ch.active_mask[g]
        while mask:
            k = g * LANES + lowest_bit(mask)
            mask &= mask - 1
            x = k
            if len(ch.is_closed_page) == 2:  # known from the type
                b = k - pad if k >= pad else k
                if ch.open_row[b] != ch.slot_row[ch.active_slot[k]]:
                    x = (PRE if ch.state[b] else ACT) * pad + b
            at = ch.allowed[x]
            if at <= t:
                ready += 1
                oldest = min(oldest, ch.active_key[k])
            else:
                soon = min(soon, at)
    return ready, oldest, soon


@jit
def scan_hits(ch, entry, n, t):
    """`scan_queue` for the column bus: row hits only."""
    entry = np.uint64(entry)
    ready = 0
    oldest = NEVER
    soon = NEVER
    for j in range(np.uint64(n)):
        k = ch.hit_key[entry + j]
        at = ch.allowed[entry + j] | (k & NEVER)
        if len(ch.is_capped) == 2:  # known from the type
            at = at | (NEVER if (ch.other_key[entry + j] < k) & (ch.used[j] >= ch.hit_cap) else 0)
        ok = at <= t
        ready += 1 if ok else 0
        oldest = min(oldest, k if ok else NEVER)
        soon = min(soon, NEVER if ok else at)
    return ready, oldest, soon


@jit
def scan_others(ch, entry, n, t, row_hit, odd, open_from):
    """`scan_queue` for the row bus, requests that need ACT or PRE: number ready by kind, oldest, both earliest clocks.

    No row is opened before `open_from`, nor at an even clock if `odd` is 1.
    """
    entry = np.uint64(entry)
    pre = np.uint64(PRE * n)
    act = np.uint64(ACT * n)
    ready = 0
    oldest = NEVER
    soon_act = NEVER
    soon_pre = NEVER
    for j in range(np.uint64(n)):
        k = ch.other_key[entry + j]
        is_open = ch.state[j] != 0
        act_at = max(ch.allowed[act + j] | odd, open_from)
        at = ((ch.allowed[pre + j] | ch.claimed[j]) if is_open else act_at) | (k & NEVER)
        if row_hit:
            at = at | (NEVER if (ch.hit_key[entry + j] < k) & is_open else 0)
        ok = at <= t
        ready += (ONE_PRE if is_open else ONE_ACT) if ok else 0
        oldest = min(oldest, k if ok else NEVER)
        soon_act = min(soon_act, NEVER if ok or is_open else at)
        soon_pre = min(soon_pre, at if is_open and not ok else NEVER)
    return ready, oldest, soon_act, soon_pre


@jit_inline
def scan_hits_few(ch, mode, t):
    """`scan_hits` when only a few banks have requests."""
    pad = len(ch.state)
    blocks = pad // LANES
    ready = 0
    oldest = NEVER
    soon = NEVER
    for g in range(blocks):
        mask = ch.busy[mode * blocks + g]
        while mask:
            b = g * LANES + lowest_bit(mask)
            mask &= mask - 1
            k = ch.hit_key[mode * pad + b]
            if k >= NEVER:
                continue
            at = ch.allowed[mode * pad + b]
            if len(ch.is_capped) == 2 and ch.other_key[mode * pad + b] < k and ch.used[b] >= ch.hit_cap:
                at = NEVER
            if at <= t:
                ready += 1
                oldest = min(oldest, k)
            else:
                soon = min(soon, at)
    return ready, oldest, soon


@jit_inline
def scan_others_few(ch, mode, t, row_hit, odd, open_from):
    """`scan_others` when only a few banks have requests."""
    pad = len(ch.state)
    blocks = pad // LANES
    ready = 0
    oldest = NEVER
    soon_act = NEVER
    soon_pre = NEVER
    for g in range(blocks):
        mask = ch.busy[mode * blocks + g]
        while mask:
            b = g * LANES + lowest_bit(mask)
            mask &= mask - 1
            k = ch.other_key[mode * pad + b]
            if k >= NEVER:
                continue
            is_open = ch.state[b] != 0
            if not is_open:
                at = max(ch.allowed[ACT * pad + b] | odd, open_from)
            elif row_hit and ch.hit_key[mode * pad + b] < k:
                continue
            else:
                at = ch.allowed[PRE * pad + b] | ch.claimed[b]
            if at <= t:
                ready += ONE_PRE if is_open else ONE_ACT
                oldest = min(oldest, k)
            else:
                soon_act = min(soon_act, NEVER if is_open else at)
                soon_pre = min(soon_pre, at if is_open else NEVER)
    return ready, oldest, soon_act, soon_pre
