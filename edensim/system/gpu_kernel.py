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

from edensim.dram.channel_kernel import NEVER
from edensim.jit import count_bits, jit, jit_inline
from edensim.machines.gpu.device import MOST_REQUESTS
from edensim.machines.gpu.launch_kernel import LINE_SHIFT, MASK_SHIFT, TENSOR_MASK, step_requests
from edensim.memory.address_kernel import decode_line
from edensim.system.port_kernel import FINISHED, MAX_AGENTS, log_is_full, send

RETURNS = 4096  # bursts of a channel on their way back at once
STORES = -1  # in place of the step that a request belongs to
L2, DRAM, ACTIVATION, QUEUE = range(4)  # places in `stall_time`
TOTAL, ROW, QUEUED, MEMORY = range(4)  # what is kept of a step's latest data


@jit
def set_due(g, leaf, time):
    """Give an actor its next time; `best` is a tournament of all of them."""
    g.due[leaf] = time
    first = leaf & ~1
    winner = first + (g.due[first + 1] < g.due[first])
    node = (g.leaves + leaf) >> 1
    while True:
        if g.best[node] == winner and winner != leaf:
            return
        g.best[node] = winner
        if node == 1:
            return
        left = g.best[node & ~1]
        right = g.best[node | 1]
        winner = right if g.due[right] < g.due[left] else left
        node >>= 1


# ---- blocks


@jit
def push_batch(g, slot, step, now):
    """Queue the requests of a step at the SM."""
    sm = slot // g.slots
    k = (g.batch_head[sm] + g.batch_count[sm]) % g.batches
    g.batch[sm * g.batches + k] = step * g.slots + slot % g.slots
    g.batch_count[sm] += 1
    if g.batch_count[sm] == 1:
        set_due(g, sm, max(now, g.sm_free[sm]))


@jit
def request_steps(g, slot, now):
    """Queue the loads of all steps for which there is room."""
    while g.loaded[slot] < g.launch.steps and g.loaded[slot] < g.computed[slot] + g.stages:
        step = g.loaded[slot]
        who = slot * g.stages + step % g.stages
        g.left[who] = 1  # one too many until all requests have been issued
        g.ready[who] = now
        g.late[who * 4 + TOTAL] = 0
        g.loaded[slot] = step + 1
        push_batch(g, slot, step, now)


@jit
def begin_block(g, slot, now):
    """Put the next block of the kernel into a slot."""
    g.cta[slot] = g.next_cta
    g.next_cta += 1
    g.live += 1
    g.loaded[slot] = 0
    g.computed[slot] = 0
    g.computing[slot] = 0
    g.slot_begin[slot] = now
    request_steps(g, slot, now)


@jit
def begin_launch(g, now):
    """First wave: one block per SM, then a second one, and so on."""
    g.begun = 1
    g.next_cta = 0
    g.live = 0
    for sm in range(g.sms):
        g.sm_free[sm] = max(g.sm_free[sm], now + g.launch_time)
        g.compute_free[sm] = max(g.compute_free[sm], now)
    for k in range(g.launch.slots):
        for sm in range(g.sms):
            if g.next_cta < g.launch.ctas:
                begin_block(g, sm * g.slots + k, now)


@jit
def end_block(g, a, slot, now):
    """All stores of a block are on their way; the next one takes its slot."""
    g.live -= 1
    if g.next_cta < g.launch.ctas:
        begin_block(g, slot, now)
    elif g.live == 0:
        a.life = FINISHED
        a.finished_at = now


@jit
def finish_request(g, who, now):
    """One request of a step is complete; with the last one the step may be computed."""
    g.left[who] -= 1
    slot = who // g.stages
    if g.left[who] == 0 and g.computing[slot] == 0 and g.computed[slot] % g.stages == who % g.stages:
        set_due(g, g.leaf_slots + slot, max(now, g.ready[who]))


@jit
def book_wait(g, who, wait):
    """Split the time an SM waited by what the latest data of the step spent their time with."""
    total = g.late[who * 4 + TOTAL]
    if total == 0:
        return
    row = wait * g.late[who * 4 + ROW] // total
    queue = wait * g.late[who * 4 + QUEUED] // total
    memory = wait * g.late[who * 4 + MEMORY] // total
    g.stall_time[ACTIVATION] += row
    g.stall_time[QUEUE] += queue
    g.stall_time[DRAM] += memory - row - queue
    g.stall_time[L2] += wait - memory


@jit
def block_event(g, slot, now):
    """The next step of a block has its data, or its computation ends."""
    sm = slot // g.slots
    leaf = g.leaf_slots + slot
    if g.computing[slot] == 0:
        who = slot * g.stages + g.computed[slot] % g.stages
        wait = now - max(g.compute_free[sm], g.slot_begin[slot])
        if wait > 0:
            book_wait(g, who, wait)
        time = g.launch.step_time * g.clock
        g.compute_free[sm] = max(now, g.compute_free[sm]) + time
        g.busy_time += time
        g.computing[slot] = 1
        set_due(g, leaf, g.compute_free[sm])
        return
    g.computing[slot] = 0
    g.computed[slot] += 1
    set_due(g, leaf, NEVER)
    if g.computed[slot] == g.launch.steps:
        push_batch(g, slot, g.launch.steps, now)
        return
    request_steps(g, slot, now)
    who = slot * g.stages + g.computed[slot] % g.stages
    if g.left[who] == 0:
        set_due(g, leaf, max(now, g.ready[who]))


# ---- SMs


@jit
def slice_of(g, line):
    """Slice that keeps a line."""
    if g.hashed:
        line ^= (line >> 7) ^ (line >> 14) ^ (line >> 21)
    return line % g.slices


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


# ---- slices


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
        retry = send(world, i, now, line, write, place, owner & 0x3FFF)
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
