"""One jitted world: tile agents and DRAM channels advance together in exact integer time, without a quantum.

Time is counted in a unit that divides every clock period of the world exactly, so a channel's clock n is at n * period
and nothing is ever rounded.

`advance(until)` processes every event strictly before `until`; control (simpy) acts at `until` first, hardware
afterwards.

* At equal time agents go before channels, so a request is queued before that clock's scan; agents take turns.
* An actor runs on alone while its next event lies strictly before everybody else's (the horizon); touching another
  actor lowers the horizon. At least one event per dispatch, or two equally early channels would wait for each other
  for ever.
* A completion is announced when its column command issues, with the future time of its last beat, so no heap is needed.
* Requests leave an agent, and data reach it, no faster than its link carries them.
* A program comes in parts. At the end of one that is not the last, `advance` returns NEXT_PART and then goes on as if
  they had been one.
* A queue place freed at clock t can be used from t + 1 and wakes one waiter. A channel accepts one line per clock.
* An agent that wakes asks its load side first. A side that was refused does not try again before the time it was given,
  so that a wake for another reason changes nothing.
"""

from __future__ import annotations

from edensim.dram.channel_kernel import NEVER, due_refreshes, next_event, tick
from edensim.dram.commands import ACT
from edensim.dram.scan_kernel import KEY_BITS
from edensim.jit import jit, jit_inline
from edensim.system.core_kernel import core_step
from edensim.system.gpu_kernel import gpu_step
from edensim.system.port_kernel import (
    ALL_IDLE,
    BUDGET,
    CORE,
    FINISHED,
    GPU,
    LOG_FULL,
    MAX_AGENTS,
    MILESTONE,
    NEXT_PART,
    REACHED,
    agent_of,
    clock_to_time,
    complete,
    log_is_full,
    wake_waiter,
)
from edensim.system.tile_kernel import lacks_part, next_piece, tile_step


@jit_inline
def columns_are_full(world):
    """Whether the log of column commands must be saved before a channel goes on."""
    return len(world.columns) > 1 and world.columned == len(world.columns)


@jit_inline
def log_column(world, c, ch, slot, write):
    """Note a column command, and whether it is the first of its bank since an activation."""
    bank = ch.slot_key[slot] & ((1 << KEY_BITS) - 1)
    activations = ch.counts[ACT, bank]
    first = activations != world.opened[c, bank]
    world.opened[c, bank] = activations
    world.columns[world.columned] = ch.slot_line[slot] << 2 | first << 1 | write
    world.columned += 1


@jit_inline
def note_request(world, i, t, slot, ch, write):
    """Count, for its agent, what a request found in its bank and how long it was queued."""
    world.met[i, write, ch.slot_seen[slot]] += 1
    world.queued[i, write] += t - (ch.slot_key[slot] >> KEY_BITS)


@jit
def channel_step(world, c, horizon):
    """Run one channel alone until something else is due, or the log of column commands is full."""
    ch = world.channels[c]
    tab = world.tables[c]
    while True:
        t = next_event(ch)
        if t == ch.next_refresh:
            world.refresh_due[c] = clock_to_time(world, t)
            due_refreshes(ch, tab, t)
        if ch.next_scan <= t:
            slot = tick(ch, tab, t)
            if slot >= 0:
                write = ch.slot_write[slot]
                token = ch.slot_token[slot]
                world.in_flight -= 1
                latency = world.write_latency if write else ch.read_latency
                if len(world.columns) > 1:  # known from the type: without a log the line is not compiled
                    log_column(world, c, ch, slot, write)
                note_request(world, agent_of(token), t, slot, ch, write)
                complete(world, token, write, clock_to_time(world, t + latency), ch.slot_seen[slot])
                horizon = min(horizon, world.wake[agent_of(token)])
            for queue in range(2):
                for _ in range(ch.freed[queue]):  # two, if both buses of HBM took from one queue
                    if world.waiters[c, queue]:
                        at = clock_to_time(world, t + 1)
                        wake_waiter(world, c, queue, at)
                        horizon = min(horizon, at)
        world.events += 1
        at = clock_to_time(world, next_event(ch))
        if at >= horizon or columns_are_full(world):
            world.wake[MAX_AGENTS + c] = at
            return


@jit
def advance(worlds, gpus, cores, hierarchy, tiles, runs, page_table, until, budget):
    """Process every event strictly before `until`. Returns why it stopped; `now` of the world is the exact time.

    `gpus` is None in a world without GPUs, `cores` in one without cores, `hierarchy` in one whose cores share no
    caches, so that nothing of them is compiled.
    """
    world = worlds[0]
    n_agents = world.n_agents
    stop_at = world.events + budget
    result = BUDGET
    while True:
        first = until
        second = NEVER
        who = -1
        agents_at = NEVER
        for k in range(n_agents):
            i = k + world.rotate
            if i >= n_agents:
                i -= n_agents
            at = world.wake[i]
            if at < first:
                second = first
                first = at
                who = i
            elif at < second:
                second = at
            agents_at = min(agents_at, at)
        for c in range(MAX_AGENTS, MAX_AGENTS + world.n_channels):
            at = world.wake[c]
            if at < first:
                second = first
                first = at
                who = c
            elif at < second:
                second = at
        if until == NEVER and agents_at == NEVER and world.in_flight == 0:
            result = ALL_IDLE
            break
        if who < 0:
            world.now = until
            result = REACHED
            break
        world.now = first
        world.dispatches += 1
        if who >= MAX_AGENTS:
            channel_step(world, who - MAX_AGENTS, second)
            if columns_are_full(world):
                result = LOG_FULL
                break
            continue
        world.rotate = who + 1 if who + 1 < n_agents else 0
        world.wake[who] = NEVER  # completions announced during the step may lower it again
        due = NEVER
        kind = world.agents[who].kind
        if gpus is not None:
            if kind == GPU:
                due = gpu_step(world, gpus[0], who, first, second, page_table)
        if cores is not None:
            if kind == CORE:
                due = core_step(world, hierarchy, who, first, second)
        if kind != GPU and kind != CORE:
            due = tile_step(world, who, first, second)
            while world.agents[who].wants and not log_is_full(world) and not lacks_part(world.agents[who]):
                for side in range(2):
                    if world.agents[who].wants >> side & 1:
                        next_piece(world, world.agents[who], side, due, tiles, runs, page_table)
                due = tile_step(world, who, due, second)
        world.wake[who] = min(world.wake[who], due)
        if world.agents[who].life == FINISHED:
            world.now = world.agents[who].finished_at
            result = MILESTONE
            break
        if log_is_full(world) or lacks_part(world.agents[who]):
            world.rotate = who  # it goes on first, as if there had been no stop
            result = LOG_FULL if log_is_full(world) else NEXT_PART
            break
        if world.events >= stop_at:
            break
    return result
