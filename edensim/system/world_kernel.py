"""One jitted world: tile agents and DRAM channels advance together in exact integer time, without a quantum.

Time is counted in a unit that divides every clock period of the world exactly, so a channel's clock n is at n * period
and nothing is ever rounded.

`advance(until)` processes every event strictly before `until`; control (simpy) acts at `until` first, hardware
afterwards.

* At equal time agents go before channels, so a request is queued before that clock's scan; agents take turns.
* An actor runs on alone while its next event lies strictly before everybody else's (the horizon); touching another
  actor lowers the horizon. At least one event per dispatch, or two equally early channels would wait for each other
  for ever.
* A completion is announced when its column command issues, with the future time of its data, so no heap is needed.
* A queue place freed at clock t can be used from t + 1 and wakes one waiter. A channel accepts one line per clock.
* An agent that wakes asks its load side first. A side that was refused does not try again before the time it was given,
  so that a wake for another reason changes nothing.
"""

from __future__ import annotations

import numpy as np

from edensim.dram.channel_kernel import FULL, NEVER, TAG_BIT, due_refreshes, next_event, offer, tick
from edensim.jit import jit, jit_inline, lowest_bit
from edensim.memory.address_kernel import decode_line

MAX_AGENTS = 32
RING = 4096  # completion times remembered per agent; the largest window
DEPTH = 8  # tiles in flight per agent at most
IDLE, RUNNING, FINISHED, SEEN = range(4)  # life of an agent's program
REACHED, MILESTONE, ALL_IDLE, BUDGET, LOG_FULL = range(5)  # why `advance` returned
LOAD, STORE = range(2)  # the two sides of a tile engine
AGENT_BIT, TILE_BIT = 48, 16  # token of a request: kind of tensor | agent | tile | place in the ring


@jit
def clock_to_time(world, clock):
    """Time of a channel clock."""
    return NEVER if clock >= NEVER else clock * world.period


# ---- channels


@jit
def complete(world, token, write, done):
    """The request of `token` will be complete at `done`, which for reads lies in the future."""
    i = token >> AGENT_BIT & (MAX_AGENTS - 1)
    a = world.agents[i]
    a.in_flight -= 1
    a.last_done = max(a.last_done, done)
    if not write:
        place = token & (RING - 1)
        a.done[place] = done
        k = ((token >> TILE_BIT) & 0xFFFFFFFF) % DEPTH
        a.load_left[k] -= 1
        a.load_ready[k] = max(a.load_ready[k], done)
        if a.blocked_on == place or a.load_left[k] == 0:
            world.wake[i] = min(world.wake[i], done)
    if a.in_flight == 0 and a.draining:
        world.wake[i] = min(world.wake[i], done)


@jit
def wake_waiter(world, c, write, at):
    """Let one agent that waits for a place in this queue try again at `at`; the next in turn after the last one."""
    mask = world.waiters[c, write]
    behind = mask & ~((2 << world.last_woken[c]) - 1)
    i = lowest_bit(behind) if behind else lowest_bit(mask)
    world.last_woken[c] = i
    world.waiters[c, write] &= ~(1 << i)
    world.agents[i].next_send[write] = at
    world.wake[i] = min(world.wake[i], at)


@jit
def channel_step(world, c, horizon):
    """Run one channel alone until something else is due."""
    ch = world.channels[c]
    tab = world.tables[c]
    while True:
        t = next_event(ch)
        if t == ch.next_refresh:
            due_refreshes(ch, tab, t)
        if ch.next_scan <= t:
            slot = tick(ch, tab, t)
            if slot >= 0:
                write = ch.slot_write[slot]
                token = ch.slot_token[slot]
                world.in_flight -= 1
                complete(world, token, write, clock_to_time(world, t if write else t + ch.read_latency))
                horizon = min(horizon, world.wake[token >> AGENT_BIT & (MAX_AGENTS - 1)])
            if ch.freed >= 0 and world.waiters[c, ch.freed]:
                at = clock_to_time(world, t + 1)
                wake_waiter(world, c, ch.freed, at)
                horizon = min(horizon, at)
        world.events += 1
        at = clock_to_time(world, next_event(ch))
        if at >= horizon:
            world.wake[MAX_AGENTS + c] = at
            return


# ---- agents


@jit
def send(world, i, now, line, write, token, tensor):
    """Offer one physical line to its channel.

    Returns 0 if it was taken, NEVER if the queue is full (a free place wakes the agent), else when to try again.
    """
    channel, bank, row, column = decode_line(world.modulus, world.moves, line)
    t = np.int64((np.uint64(now) + np.uint64(world.period - 1)) // np.uint64(world.period))
    if t <= world.port_clock[channel]:
        return clock_to_time(world, world.port_clock[channel] + 1)
    ch = world.channels[channel]
    token |= i << AGENT_BIT | world.agents[i].tag[write] << TAG_BIT
    outcome = offer(ch, t, bank, row, column, line, write, token)
    if outcome == FULL:
        world.waiters[channel, write] |= 1 << i
        return NEVER
    world.port_clock[channel] = t
    world.agents[i].in_flight += 1
    if outcome == 0:
        world.in_flight += 1
    else:  # forwarded from, or merged into, the write queue: complete at once
        complete(world, token, write, clock_to_time(world, t))
    world.wake[MAX_AGENTS + channel] = clock_to_time(world, next_event(ch))
    if len(world.log) > 1:
        k = world.logged
        world.log[k, 0] = t - 1
        world.log[k, 1] = line
        world.log[k, 2] = write
        world.log[k, 3] = tensor
        world.logged = k + 1
    return 0


@jit_inline
def log_is_full(world):
    """Whether the log of accepted requests must be saved before an agent goes on; a step adds at most two."""
    return len(world.log) > 1 and world.logged > len(world.log) - 64


@jit
def ends(a, now):
    """Next wake of an agent that has sent everything: NEVER while requests are under way, else its exact end."""
    a.draining = 1
    if a.in_flight > 0:
        return NEVER
    if a.last_done > now:
        return a.last_done
    a.life = FINISHED
    a.finished_at = now
    return NEVER


@jit
def start_computes(a):
    """Start every tile whose data have arrived; the end of a computation is known at once, not waited for."""
    while a.compute_tile < a.load_tile:
        n = a.compute_tile
        k = n % DEPTH
        if a.load_left[k] > 0:
            return
        free = a.begin_time
        if n > 0:
            free = a.compute_end[(n - 1) % DEPTH]
        if n >= a.depth:
            if a.store_tile <= n - a.depth:
                return
            free = max(free, a.store_end[(n - a.depth) % DEPTH])
        start = max(a.load_ready[k], free)
        a.load_wait_time += start - free
        a.busy_time += a.tile_time[k]
        a.compute_end[k] = start + a.tile_time[k]
        a.last_done = max(a.last_done, a.compute_end[k])
        a.compute_tile = n + 1


@jit
def load_line(world, a, i, now):
    """Send the next line of the tile being loaded, if it may go now. Returns when to try next."""
    n = a.load_tile
    if n == a.end:
        return NEVER
    k = n % DEPTH
    free_at = 0
    if n >= a.depth:  # the buffer is free when the tile `depth` places back has been computed
        if a.compute_tile <= n - a.depth:
            return NEVER
        free_at = a.compute_end[(n - a.depth) % DEPTH]
    oldest = (a.issued - a.window) & (RING - 1)
    due = max(max(free_at, a.next_send[LOAD]), a.done[oldest])
    if a.done[oldest] == NEVER:
        a.blocked_on = oldest
    if due > now:
        return due
    if a.lines[LOAD] == 0:
        a.wants = 1 << LOAD
        return now
    place = a.issued & (RING - 1)
    before = a.done[place]
    a.done[place] = NEVER
    a.load_left[k] += 1
    retry = send(world, i, now, a.next_line[LOAD], LOAD, (n << TILE_BIT) | place, a.tensor[LOAD])
    if retry != 0:
        a.done[place] = before
        a.load_left[k] -= 1
        a.next_send[LOAD] = retry
        return retry
    a.issued += 1
    a.next_send[LOAD] = now + a.line_time
    a.next_line[LOAD] += 1
    a.lines[LOAD] -= 1
    return a.next_send[LOAD]


@jit
def store_line(world, a, i, now):
    """Send the next line of the tile being stored, if it may go now. Returns when to try next."""
    n = a.store_tile
    if n == a.compute_tile:
        return NEVER
    due = max(a.compute_end[n % DEPTH], a.next_send[STORE])
    if due > now:
        return due
    if a.lines[STORE] == 0:
        a.wants |= 1 << STORE
        return now
    retry = send(world, i, now, a.next_line[STORE], STORE, 0, a.tensor[STORE])
    if retry != 0:
        a.next_send[STORE] = retry
        return retry
    a.next_send[STORE] = now + a.line_time
    a.next_line[STORE] += 1
    a.lines[STORE] -= 1
    return a.next_send[STORE]


@jit
def tile_step(world, i, now, horizon):
    """Loads of tile k + 1, computation of tile k and stores of tile k - 1 overlap. Returns the agent's next wake.

    Stops at once with `wants` set when it needs the next piece of its program, which only `advance` can read.
    """
    a = world.agents[i]
    while True:
        a.blocked_on = -1
        start_computes(a)
        load_at = load_line(world, a, i, now)
        if a.wants:  # before the store side is asked, so that where pieces end changes nothing
            return now
        store_at = store_line(world, a, i, now)
        if a.wants:
            return now
        world.events += 1
        if a.store_tile == a.end:
            return ends(a, now)
        for c in range(world.n_channels):
            horizon = min(horizon, world.wake[MAX_AGENTS + c])
        due = max(min(load_at, store_at), now)
        if due >= horizon or log_is_full(world):
            return due
        now = due


@jit_inline
def next_piece(world, a, side, now, tiles, runs, page_table):
    """Give an agent the next consecutive physical lines of its load or store program, or end that tile."""
    n = a.store_tile if side else a.load_tile
    k = n % DEPTH
    if a.run[side] < 0:
        a.run[side] = tiles[n].store_begin if side else tiles[n].load_begin
        a.run_pos[side] = 0
        if side == LOAD:
            a.load_left[k] = 1  # one too many until the whole tile has been sent
            a.load_ready[k] = now
            a.tile_time[k] = tiles[n].compute_cycles * a.clock
    if a.run[side] == (tiles[n].store_end if side else tiles[n].load_end):
        a.run[side] = -1
        if side:
            a.store_end[k] = now
            a.store_tile = n + 1
        else:
            a.load_left[k] -= 1
            a.load_tile = n + 1
    else:
        piece = runs[a.run[side]]
        line = piece.line + a.run_pos[side]
        left = piece.count - a.run_pos[side]
        if page_table.shape[0] > 0:
            offset = line & ((1 << world.page_shift) - 1)
            left = min(left, (1 << world.page_shift) - offset)
            line = (page_table[line >> world.page_shift] << world.page_shift) | offset
        a.next_line[side] = line
        a.lines[side] = left
        a.tensor[side] = piece.tensor
        a.tag[side] = piece.kind + 1
        a.run_pos[side] += left
        if a.run_pos[side] >= piece.count:
            a.run[side] += 1
            a.run_pos[side] = 0
    a.wants &= ~(1 << side)


# ---- the world


@jit
def advance(worlds, tiles, runs, page_table, until, budget):
    """Process every event strictly before `until`. Returns why it stopped; `now` of the world is the exact time."""
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
            continue
        world.rotate = who + 1 if who + 1 < n_agents else 0
        world.wake[who] = NEVER  # completions announced during the step may lower it again
        due = tile_step(world, who, first, second)
        while world.agents[who].wants and not log_is_full(world):
            for side in range(2):
                if world.agents[who].wants >> side & 1:
                    next_piece(world, world.agents[who], side, due, tiles, runs, page_table)
            due = tile_step(world, who, due, second)
        world.wake[who] = min(world.wake[who], due)
        if world.agents[who].life == FINISHED:
            world.now = world.agents[who].finished_at
            result = MILESTONE
            break
        if log_is_full(world):
            world.rotate = who  # it goes on first, as if there were no log
            result = LOG_FULL
            break
        if world.events >= stop_at:
            break
    return result
