"""Blocks of a kernel in their slots: which loads they may ask for, when they compute, and what they wait for.

And the tournament that finds the earliest of all actors of a GPU (see `gpu_kernel`).
"""

from __future__ import annotations

from edensim.dram.channel_kernel import NEVER
from edensim.jit import jit
from edensim.system.port_kernel import FINISHED

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
