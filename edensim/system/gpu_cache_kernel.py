"""Slices of a GPU's second-level cache: sectors in lines, misses under way and who waits (see `gpu_kernel`)."""

from __future__ import annotations

from edensim.dram.channel_kernel import NEVER
from edensim.jit import count_bits, jit
from edensim.machines.gpu.launch_kernel import LINE_SHIFT, MASK_SHIFT, TENSOR_MASK
from edensim.system.gpu_block_kernel import MEMORY, QUEUED, ROW, TOTAL, finish_request, set_due

STORES = -1  # in place of the step that a request belongs to


@jit
def slice_of(g, line):
    """Slice that keeps a line."""
    if g.hashed:
        line ^= (line >> 7) ^ (line >> 14) ^ (line >> 21)
    return line % g.slices


@jit
def respond(g, who, sectors, now, born, asked, row, queue):
    """Send sectors to the SM of a step; `asked`: when memory was asked for them."""
    sm = who // (g.slots * g.stages)
    at = max(now + g.l2_time, g.link[sm] + sectors * g.link_time)
    g.link[sm] = at
    if at >= g.ready[who]:
        g.ready[who] = at
        g.late[who * 4 + TOTAL] = max(1, at - born)
        g.late[who * 4 + MEMORY] = now - max(born, asked)
        g.late[who * 4 + ROW] = min(row, g.late[who * 4 + MEMORY])
        g.late[who * 4 + QUEUED] = min(queue, g.late[who * 4 + MEMORY] - g.late[who * 4 + ROW])


@jit
def find_way(g, x, line):
    """First place of the set of a line, and the place that keeps it, -1 if none."""
    row = line // g.slices
    if g.hashed:
        row ^= (row >> g.set_shift) ^ (row >> 2 * g.set_shift)
    first = (x * g.sets + (row & (g.sets - 1))) * g.ways
    for way in range(first, first + g.ways):
        if g.tag[way] == line:
            return first, way
    return first, -1


@jit
def take_way(g, x, first, line, now):
    """Give a line the place of another one; -1 if it must wait for a miss or for room to write back."""
    victim = -1
    oldest = NEVER
    for way in range(first, first + g.ways):
        if g.way_mshr[way] < 0 and g.used[way] < oldest:
            oldest = g.used[way]
            victim = way
    if victim < 0:
        return -1
    dirty = g.dirty[victim]
    part = (1 << g.unit_sectors) - 1
    needed = 0
    for unit in range(g.units):
        needed += (dirty >> (unit * g.unit_sectors)) & part != 0
    if g.write_count[x] + needed > g.write_room:
        return -1
    for unit in range(g.units):
        if (dirty >> (unit * g.unit_sectors)) & part:
            k = x * g.write_room + (g.write_head[x] + g.write_count[x]) % g.write_room
            g.write[k] = g.tag[victim] * g.units + unit
            g.write_owner[k] = g.owner[victim]
            g.write_count[x] += 1
            if g.write_count[x] == 1:
                set_due(g, g.leaf_fetch + g.slices + x, max(now, g.send_free[g.slices + x]))
    g.tag[victim] = line
    g.valid[victim] = 0
    g.dirty[victim] = 0
    return victim


@jit
def join_miss(g, x, first, way, line, missing, word, who, born, now):
    """Let a step wait for sectors that the slice does not have. Returns the line's place, -1 if the slice must wait."""
    m = g.way_mshr[way] if way >= 0 else -1
    if m >= 0:
        if g.mshr_waiters[m] == g.merges:
            return -1
        g.merged += 1
    else:
        if g.free_mshrs[x] == 0:
            return -1
        if way < 0:
            way = take_way(g, x, first, line, now)
            if way < 0:
                return -1
        g.free_mshrs[x] -= 1
        m = g.mshr_free[x * g.mshrs + g.free_mshrs[x]]
        g.way_mshr[way] = m
        g.mshr_line[m] = line
        g.mshr_way[m] = way
        g.mshr_pending[m] = 0
        g.mshr_waiters[m] = 0
        g.mshr_owner[m] = word & TENSOR_MASK
    w = m * g.merges + g.mshr_waiters[m]
    g.mshr_waiters[m] += 1
    g.waiter[w] = who
    g.waiter_mask[w] = missing
    g.waiter_born[w] = born
    part = (1 << g.unit_sectors) - 1
    for unit in range(g.units):
        if (missing >> (unit * g.unit_sectors)) & part and not g.mshr_pending[m] >> unit & 1:
            g.mshr_pending[m] |= 1 << unit
            room = g.mshrs * g.units
            k = x * room + (g.fetch_head[x] + g.fetch_count[x]) % room
            g.fetch[k] = m * g.units + unit
            g.fetch_born[m * g.units + unit] = now
            g.fetch_count[x] += 1
            if g.fetch_count[x] == 1:
                set_due(g, g.leaf_fetch + x, max(now, g.send_free[x]))
    return way


@jit
def serve(g, x, word, who, born, now):
    """Look a request up; returns whether the slice could deal with it."""
    line = word >> LINE_SHIFT
    mask = (word >> MASK_SHIFT) & 0xFF
    first, way = find_way(g, x, line)
    if who == STORES:
        if way < 0:
            way = take_way(g, x, first, line, now)
            if way < 0:
                return False
        g.valid[way] |= mask
        g.dirty[way] |= mask
        g.owner[way] = word & TENSOR_MASK
    else:
        have = mask & g.valid[way] if way >= 0 else 0
        missing = mask & ~have
        if missing:
            way = join_miss(g, x, first, way, line, missing, word, who, born, now)
            if way < 0:
                return False
            g.sector_misses += count_bits(missing)
        if have:
            g.sector_hits += count_bits(have)
            respond(g, who, count_bits(have), now, born, now, 0, 0)
            if not missing:
                finish_request(g, who, now)
    g.accesses += 1
    g.used[way] = g.accesses
    return True


@jit
def slice_event(g, x, now):
    """A slice takes the first request of its queue."""
    k = x * g.queue + g.queue_head[x]
    word = g.queue_word[k]
    leaf = g.leaf_slices + x
    if not serve(g, x, word, g.queue_who[k], g.queue_born[k], now):
        g.stalled[x] = 1
        set_due(g, leaf, NEVER)
        return
    g.queue_head[x] = (g.queue_head[x] + 1) % g.queue
    g.queue_count[x] -= 1
    g.slice_free[x] = now + count_bits((word >> MASK_SHIFT) & 0xFF) * g.sector_time
    set_due(g, leaf, g.slice_free[x] if g.queue_count[x] > 0 else NEVER)
    sm = g.sm_first[x]
    if sm >= 0:
        g.sm_first[x] = g.sm_next[sm]
        g.sm_granted[sm] = 1
        g.promised[x] += 1
        set_due(g, sm, max(now, g.sm_free[sm]))


@jit
def try_again(g, x, now):
    """Something a slice may have waited for has happened."""
    if g.stalled[x]:
        g.stalled[x] = 0
        set_due(g, g.leaf_slices + x, max(now, g.slice_free[x]))
