"""A core behind its caches: in-order issue, a window of loads that may be outstanding, and posted writes.

Rules for the record at the head of the program: it issues `gap` instructions after the one before; when every load at
least `window` instructions older has arrived (and fewer than `loads` are under way); when the load it depends on has
arrived; a read of memory also needs one of `misses` places for outstanding reads. Stores and prefetches occupy a place,
but nothing waits for their data (`stores` may be under way at once); write-backs wait for room in the write queue only.

The core's time is shifted by what a request takes to reach the memory controller: a record issues when its request
arrives there, and data are back `return_time` (both ways and the caches) after their last beat. So a core is one more
actor whose only events are arrivals at the controller.

Whatever the core waits for is booked: the level that had the line, or memory, there split in proportion into the
unloaded row hit, the activation, the part of the wait that falls into a refresh, and the rest (queues).
"""

from __future__ import annotations

import numpy as np

from edensim.dram.channel_kernel import NEVER
from edensim.jit import jit, jit_inline
from edensim.machines.cpu.cache_kernel import (
    DEPENDENT,
    GAP_MASK,
    GAP_SHIFT,
    PREFETCH,
    RECORD_GAP_MASK,
    RECORD_GAP_SHIFT,
    RECORD_LEVEL_SHIFT,
    RECORD_LINE_SHIFT,
    RECORD_STREAM_SHIFT,
    STORE,
    WRITE,
    look_up_shared,
)
from edensim.machines.cpu.inclusive_kernel import look_up_inclusive, touch_own
from edensim.system.port_kernel import (
    ANY_MISS,
    ARRIVALS,
    LOADS,
    MAX_AGENTS,
    NO_MISS,
    ends,
    log_is_full,
    send,
)

BEGIN, IN_WINDOW, HAS_PLACE = range(3)  # how far the record at the head has come
LEVELS = 8
ROW_HIT, ROW_OPEN, QUEUE, DOOR, REFRESH = range(8, 13)  # places in `stall_time` behind the cache levels
STALLS = 13


@jit
def wait_for_miss(c, miss, done):
    """Book the wait until `done` on what the miss spent its time with."""
    stall = done - c.ready
    total = done - c.miss_sent[miss]
    if total < stall:
        total = stall
    queue = stall * c.miss_queue[miss] // total
    refresh = stall * c.miss_refresh[miss] // total
    row = stall * c.miss_row[miss] // total
    c.stall_time[QUEUE] += queue
    c.stall_time[REFRESH] += refresh
    c.stall_time[ROW_OPEN] += row
    c.stall_time[ROW_HIT] += stall - queue - refresh - row
    c.ready = done


@jit
def wait_for_load(c, k):
    """Wait for the load in place `k` of the window; returns whether its time is known."""
    place = k % LOADS
    miss = c.load_miss[place]
    if c.load_done[place] == NEVER and c.miss_done[miss] < NEVER and c.miss_load[miss] == k:
        c.load_done[place] = max(c.miss_done[miss], c.load_least[place])
    done = c.load_done[place]
    if done == NEVER:
        c.blocked_on = miss
        return False
    if done > c.ready:
        if miss >= 0:
            wait_for_miss(c, miss, done)
        else:
            c.stall_time[-2 - miss] += done - c.ready
            c.ready = done
    return True


@jit
def enters_window(c, dependent):
    """Whether the record may issue as far as loads before it are concerned."""
    while c.head < c.tail and (c.instruction - c.load_at[c.head % LOADS] >= c.window or c.tail - c.head >= c.loads):
        if not wait_for_load(c, c.head):
            return False
        c.head += 1
    return not dependent or c.tail == c.head or wait_for_load(c, c.tail - 1)


@jit
def stores_drain(c):
    """Whether the store queue has room, or when it will is known."""
    best = NEVER
    waiting = 0
    first = 0
    for m in range(c.misses):
        if c.miss_store[m] and c.miss_done[m] > c.ready:
            waiting += 1
            if c.miss_done[m] < best:
                best = c.miss_done[m]
                first = m
    if waiting < c.stores:
        return True
    if best == NEVER:
        c.blocked_on = ANY_MISS
        return False
    wait_for_miss(c, first, best)
    return True


@jit
def finds_place(c, store):
    """Whether one of the places for outstanding reads is free, or when it will be is known; sets `place`."""
    if store and not stores_drain(c):
        return False
    best = NEVER
    for m in range(c.misses):
        if c.miss_done[m] < best:
            best = c.miss_done[m]
            c.place = m
            if best <= c.ready:
                break
    if best == NEVER:
        c.blocked_on = ANY_MISS
        return False
    if best > c.ready:
        wait_for_miss(c, c.place, best)
    m = c.place
    load = c.miss_load[m]
    if load >= c.head and c.load_done[load % LOADS] == NEVER:  # its load is still in the window and keeps the time
        c.load_done[load % LOADS] = max(c.miss_done[m], c.load_least[load % LOADS])
    return True


@jit
def push_load(c, done, miss, least):
    """A load enters the window; `done` is NEVER until its miss has arrived, and then not before `least`."""
    k = c.tail % LOADS
    c.load_least[k] = least
    c.load_at[k] = c.instruction
    c.load_done[k] = done
    c.load_miss[k] = miss
    c.tail += 1


@jit
def hit(c, level, line, store):
    """A record that a cache had; a line that was prefetched may still be on its way."""
    least = done = c.ready + c.level_time[level]
    miss = -2 - level
    k = line % ARRIVALS
    if c.arrival_line[k] == line:
        c.arrival_line[k] = -1
        m = c.arrival_miss[k]
        if c.miss_line[m] == line and c.miss_done[m] > done:  # else its place has been used again since it came
            done = c.miss_done[m]
            miss = m
            if not store:
                c.miss_load[m] = c.tail
    c.level_hits[level] += 1
    if not store:
        push_load(c, done, miss, least)


@jit_inline
def next_record(c):
    """The record at the head is done with."""
    if c.shared_at < c.shared_end:
        c.shared_at += 1
    elif c.live:
        c.own_at += 1
    else:
        c.at += 1
    c.stage = BEGIN
    c.burst = 0


@jit
def go_on(c, word):
    """Let the instructions before a record pass."""
    gap = np.int64(word >> np.uint64(RECORD_GAP_SHIFT)) & RECORD_GAP_MASK
    c.ready += gap * c.slot
    c.busy_time += gap * c.slot
    c.instruction += gap
    c.stage = IN_WINDOW


@jit
def pass_shared(c, hierarchy, word):
    """Let the record at the head go through the shared caches; what they make of it comes before the next record."""
    h = hierarchy[c.group]
    if h.watched:
        look_up_inclusive(hierarchy, c.group, word)
    else:
        look_up_shared(h, word)
    own = np.uint64(c.own << RECORD_LEVEL_SHIFT)
    for k in range(h.written):
        c.shared[k] = h.out[k] + own
    next_record(c)
    c.shared_at = 0
    c.shared_end = h.written


@jit
def next_touches(c, h, now, horizon):
    """Let touches go through a core's own caches until one leaves records; returns when it may go on, else 0.

    Cores go through caches in order of time, because one may push lines out of another's.
    """
    while c.own_at == h.written and c.at < c.end:
        word = c.program[c.at]
        gap = (np.int64(word) >> GAP_SHIFT) & GAP_MASK
        due = c.ready + (h.instructions + gap) * c.slot
        if due > now and due >= horizon:
            return due
        touch_own(h, word)
        c.own_at = 0
        c.at += 1
    return 0


@jit
def pass_rest(c, h):
    """Let the instructions behind the last record pass."""
    c.ready += h.instructions * c.slot
    c.busy_time += h.instructions * c.slot
    c.instruction += h.instructions
    h.instructions = 0


@jit
def core_step(world, hierarchy, i, now, horizon):
    """Let a core go on until it has to wait. Returns its next wake."""
    a = world.agents[i]
    c = world.cores[a.core]
    c.blocked_on = NO_MISS
    while True:
        from_shared = c.shared_at < c.shared_end
        from_own = False
        if hierarchy is not None:
            if c.live and not from_shared:
                due = next_touches(c, hierarchy[c.live - 1], now, horizon)
                if due:
                    return due
                from_own = c.own_at < hierarchy[c.live - 1].written
        if not from_shared and not from_own and c.at == c.end:
            if a.more:
                a.wants = 1
                return now
            if hierarchy is not None:
                if c.live:
                    pass_rest(c, hierarchy[c.live - 1])
            a.last_done = max(a.last_done, c.ready)
            for k in range(max(c.head, c.tail - LOADS), c.tail):
                least = c.load_least[k % LOADS]
                if c.load_done[k % LOADS] < NEVER:
                    least = c.load_done[k % LOADS]
                a.last_done = max(a.last_done, least)
            return ends(a, now)
        word = np.uint64(0)
        if from_shared:
            word = c.shared[c.shared_at]
        elif not from_own:
            word = c.program[c.at]
        elif hierarchy is not None:
            word = hierarchy[c.live - 1].out[c.own_at]
        line = np.int64(word >> np.uint64(RECORD_LINE_SHIFT))
        rest = np.int64(word & np.uint64((1 << RECORD_LINE_SHIFT) - 1))
        if c.stage == BEGIN:
            go_on(c, word)
        level = (rest >> RECORD_LEVEL_SHIFT) & 7
        if hierarchy is not None:
            if c.own >= 0 and not from_shared and level >= c.own:
                if c.ready > now and c.ready >= horizon:  # cores look at what they share in order of time
                    return c.ready
                pass_shared(c, hierarchy, word)
                continue
        write = rest & WRITE
        if c.stage == IN_WINDOW:
            if not write and not enters_window(c, rest & DEPENDENT):
                return NEVER
            if level < c.depth:
                if not write and not rest & PREFETCH:
                    hit(c, level, line, rest & STORE)
                next_record(c)
                continue
            if not write and not finds_place(c, rest & STORE):
                return NEVER
            c.stage = HAS_PLACE
        if c.ready > now:
            if c.ready >= horizon or log_is_full(world):
                return c.ready
            now = c.ready
        if not write and c.burst == 0:
            m = c.place
            c.miss_done[m] = NEVER
            c.miss_late[m] = 0
            c.miss_left[m] = c.bursts
            c.miss_outcome[m] = 0
            c.miss_sent[m] = now
            c.miss_store[m] = rest & STORE
            c.miss_line[m] = -1
            if rest & PREFETCH:
                c.miss_line[m] = c.arrival_line[line % ARRIVALS] = line
                c.arrival_miss[line % ARRIVALS] = m
            c.miss_load[m] = -1 if rest & (PREFETCH | STORE) else c.tail
        stream = (rest >> RECORD_STREAM_SHIFT) & 15
        tensor = c.tensors[stream]
        retry = send(world, i, now, line * c.bursts + c.burst, write, c.tags[stream] | c.place, tensor)
        if not write:
            c.miss_channel[c.place] = world.sent_channel
            c.miss_bank[c.place] = world.sent_bank
        world.events += 1
        for k in range(world.n_channels):
            horizon = min(horizon, world.wake[MAX_AGENTS + k])
        if retry != 0:
            if retry >= horizon or log_is_full(world):
                return retry
            now = retry
            continue
        if now > c.ready:
            c.stall_time[DOOR] += now - c.ready
            c.ready = now
        c.burst += 1
        if c.burst < c.bursts:
            continue
        if write:
            c.writes += 1
            c.stream_writes[stream] += 1
        else:
            c.reads += 1
            c.stream_reads[stream] += 1
            if not rest & (PREFETCH | STORE):
                push_load(c, NEVER, c.place, 0)
        next_record(c)
        if log_is_full(world):
            return max(c.ready, now)
