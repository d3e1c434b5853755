"""A GPU as one actor of the world: SMs with slots for thread blocks, a sliced second-level cache, and its misses.

Everything happens at events, the earliest first, at equal time in the order SMs, slices, fetches, write-backs, returns,
blocks (by number within each):

* An SM issues one request per clock, of its oldest step first. The request waits in the queue of its slice; if that is
  full, the SM waits in turn, and what is behind the request waits too.
* A slice takes one request after the other. Sectors it has are sent back; for others a line gets a miss register, joins
  the one that is under way, or the slice waits until it can. Stores need no data from memory. The line that was used
  least recently, of those without a miss, makes room; its dirty sectors wait to be written back.
* Each slice sends a read and a write-back per clock at most. At a channel's full queue they wait in turn.
* Data come back from a channel in order, `memory_time` after their last beat, and wake all that wait for them.
* Data reach an SM `l2_time` after the slice had them, no faster than its link carries them.
* A block computes a step when all of its loads are there, one step of an SM at a time, in the order of arrival; then
  the loads of the step `stages` further may begin. Behind the last step it stores; then its slot takes the next block.

The GPU's time is shifted by what a request takes to reach its slice, so that all delays stand in the way back.

When an SM has nothing to compute, the wait until the next step begins is booked on what the last data of that step
spent their time with: the cache and the queues before it, the memory's row hit and the way there, activation, queues
of the memory. An SM without a block waits for nothing.
"""

from __future__ import annotations

import numpy as np

from edensim.dram.channel_kernel import NEVER
from edensim.dram.issue_kernel import TAG_BIT
from edensim.jit import count_bits, jit, jit_inline
from edensim.machines.gpu.device import MOST_REQUESTS
from edensim.machines.gpu.launch_kernel import LINE_SHIFT, step_requests
from edensim.memory.address_kernel import decode_line
from edensim.system.gpu_block_kernel import begin_launch, block_event, end_block, finish_request, set_due
from edensim.system.gpu_cache_kernel import STORES, respond, slice_event, slice_of, try_again
from edensim.system.port_kernel import FINISHED, MAX_AGENTS, log_is_full, send

RETURNS = 4096  # bursts of a channel on their way back at once


# ---- SMs


@jit_inline
def end_batch(g, a, sm, slot, step, now):
    """All requests of a step have been issued."""
    g.batch_head[sm] = (g.batch_head[sm] + 1) % g.batches
    g.batch_count[sm] -= 1
    g.word_count[sm] = -1
    if step == g.launch.steps:
        end_block(g, a, slot, now)
    else:
        finish_request(g, slot * g.stages + step % g.stages, now)


@jit
def issue_event(g, a, sm, now):
    """An SM issues a request, or waits for room in front of its slice."""
    while g.batch_count[sm] > 0:
        entry = g.batch[sm * g.batches + g.batch_head[sm]]
        step = entry // g.slots
        slot = sm * g.slots + entry % g.slots
        first = sm * MOST_REQUESTS
        if g.word_count[sm] < 0:
            g.word_count[sm] = step_requests(g.launch, g.cta[slot], step, g.words[first : first + MOST_REQUESTS])
            g.word[sm] = 0
        if g.word[sm] == g.word_count[sm]:  # nothing to ask for
            end_batch(g, a, sm, slot, step, now)
            continue
        word = g.words[first + g.word[sm]]
        x = slice_of(g, word >> LINE_SHIFT)
        if g.sm_granted[sm]:
            g.sm_granted[sm] = 0
            g.promised[x] -= 1
        elif g.queue_count[x] + g.promised[x] >= g.queue:
            g.sm_next[sm] = -1
            if g.sm_first[x] < 0:
                g.sm_first[x] = sm
            else:
                g.sm_next[g.sm_last[x]] = sm
            g.sm_last[x] = sm
            set_due(g, sm, NEVER)
            return
        who = STORES
        if step < g.launch.steps:
            who = slot * g.stages + step % g.stages
            g.left[who] += 1
        k = x * g.queue + (g.queue_head[x] + g.queue_count[x]) % g.queue
        g.queue_word[k] = word
        g.queue_who[k] = who
        g.queue_born[k] = now
        g.queue_count[x] += 1
        if g.queue_count[x] == 1:
            set_due(g, g.leaf_slices + x, max(now, g.slice_free[x]))
        g.requests += 1
        g.sm_free[sm] = now + g.clock
        g.word[sm] += 1
        if g.word[sm] == g.word_count[sm]:
            end_batch(g, a, sm, slot, step, now)
        set_due(g, sm, g.sm_free[sm] if g.batch_count[sm] > 0 else NEVER)
        return
    set_due(g, sm, NEVER)


# ---- memory


@jit
def send_event(world, g, i, y, now, page_table):
    """Slice y reads a burst, or slice y - `slices` writes one back. Returns whether a channel took it."""
    write = 1 if y >= g.slices else 0
    x = y - g.slices if write else y
    leaf = g.leaf_fetch + y
    if write:
        k = x * g.write_room + g.write_head[x]
        place = 0
        line = g.write[k]
        owner = g.write_owner[k]
    else:
        place = g.fetch[x * g.mshrs * g.units + g.fetch_head[x]]
        m = place // g.units
        line = g.mshr_line[m] * g.units + place % g.units
        owner = g.mshr_owner[m]
    if page_table.shape[0] > 0:
        page = (1 << world.page_shift) - 1
        line = (page_table[line >> world.page_shift] << world.page_shift) | (line & page)
    channel = decode_line(world.modulus, world.moves, line)[0]
    node = 2 * channel + write
    retry = NEVER
    if g.wait_first[node] < 0 or g.wait_first[node] == y:
        tag = np.int64((owner >> 14) + 1 & 3) << TAG_BIT
        retry = send(world, i, now, line, write, tag | place, owner & 0x3FFF)
    if retry == NEVER:
        if g.wait_first[node] != y:
            g.wait_next[y] = -1
            if g.wait_first[node] < 0:
                g.wait_first[node] = y
            else:
                g.wait_next[g.wait_last[node]] = y
            g.wait_last[node] = y
        set_due(g, leaf, NEVER)
        return False
    if retry != 0:
        set_due(g, leaf, retry)
        return False
    if g.wait_first[node] == y:
        g.wait_first[node] = g.wait_next[y]
        if g.wait_first[node] >= 0:
            set_due(g, g.leaf_fetch + g.wait_first[node], now + world.period)
    g.moved[2 * (owner >> 14) + write] += 1
    g.send_free[y] = now + g.clock
    if write:
        g.write_head[x] = (g.write_head[x] + 1) % g.write_room
        g.write_count[x] -= 1
        set_due(g, leaf, g.send_free[y] if g.write_count[x] > 0 else NEVER)
        try_again(g, x, now)
    else:
        g.fetch_channel[place] = channel
        g.fetch_head[x] = (g.fetch_head[x] + 1) % (g.mshrs * g.units)
        g.fetch_count[x] -= 1
        set_due(g, leaf, g.send_free[y] if g.fetch_count[x] > 0 else NEVER)
    return True


@jit
def read_news(world, g):
    """Take note of what channels have told since: data on their way, and free places in their queues."""
    for k in range(world.news_count):
        what = world.news[k, 0]
        at = world.news[k, 1]
        if what < 0:
            y = g.wait_first[-1 - what]
            if y >= 0:
                set_due(g, g.leaf_fetch + y, at)
            continue
        c = g.fetch_channel[what >> 2]
        at = max(at + g.memory_time, g.return_last[c])
        g.return_last[c] = at
        n = (g.return_head[c] + g.return_count[c]) % RETURNS
        g.return_time[c * RETURNS + n] = at
        g.return_what[c * RETURNS + n] = what
        g.return_count[c] += 1
        if g.return_count[c] == 1:
            set_due(g, g.leaf_returns + c, at)
    world.news_count = 0


@jit
def return_event(g, c, now):
    """A burst has come back from memory."""
    what = g.return_what[c * RETURNS + g.return_head[c]]
    g.return_head[c] = (g.return_head[c] + 1) % RETURNS
    g.return_count[c] -= 1
    leaf = g.leaf_returns + c
    set_due(g, leaf, g.return_time[c * RETURNS + g.return_head[c]] if g.return_count[c] > 0 else NEVER)
    place = what >> 2
    m = place // g.units
    unit = place % g.units
    sectors = ((1 << g.unit_sectors) - 1) << (unit * g.unit_sectors)
    way = g.mshr_way[m]
    g.valid[way] |= sectors
    asked = g.fetch_born[place]
    row = g.row_time[what & 3]
    queue = max(0, now - asked - row - g.memory_time - g.read_time)
    for w in range(m * g.merges, m * g.merges + g.mshr_waiters[m]):
        here = g.waiter_mask[w] & sectors
        if here:
            g.waiter_mask[w] ^= here
            respond(g, g.waiter[w], count_bits(here), now, g.waiter_born[w], asked, row, queue)
            if g.waiter_mask[w] == 0:
                finish_request(g, g.waiter[w], now)
    g.mshr_pending[m] &= ~(1 << unit)
    if g.mshr_pending[m] == 0:
        x = m // g.mshrs
        g.way_mshr[way] = -1
        g.mshr_free[x * g.mshrs + g.free_mshrs[x]] = m
        g.free_mshrs[x] += 1
        try_again(g, x, now)


@jit
def gpu_step(world, g, i, now, horizon, page_table):
    """Let a GPU go on until its next event is not before `horizon`. Returns that event's time."""
    a = world.agents[i]
    if g.begun == 0:
        begin_launch(g, now)
    while True:
        if world.news_count > 0:
            read_news(world, g)
        leaf = g.best[1]
        at = g.due[leaf]
        if at > now and (at >= horizon or log_is_full(world)):
            return at
        now = max(now, at)
        if leaf < g.leaf_slices:
            issue_event(g, a, leaf, now)
        elif leaf < g.leaf_fetch:
            slice_event(g, leaf - g.leaf_slices, now)
        elif leaf < g.leaf_returns:
            if send_event(world, g, i, leaf - g.leaf_fetch, now, page_table):
                for c in range(world.n_channels):
                    horizon = min(horizon, world.wake[MAX_AGENTS + c])
        elif leaf < g.leaf_slots:
            return_event(g, leaf - g.leaf_returns, now)
        else:
            block_event(g, leaf - g.leaf_slots, now)
        world.events += 1
        if a.life == FINISHED or log_is_full(world):
            return g.due[g.best[1]]
