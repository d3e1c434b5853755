"""A tile engine: loads of tile k + 1, computation of tile k and stores of tile k - 1 overlap."""

from __future__ import annotations

import numpy as np

from edensim.dram.channel_kernel import NEVER
from edensim.dram.issue_kernel import TAG_BIT
from edensim.jit import jit, jit_inline, jit_pasted
from edensim.system.port_kernel import DEPTH, LOAD, MAX_AGENTS, RING, STORE, TILE_BIT, ends, log_is_full, send


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
    if n == a.end and not a.more:
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
    retry = send(world, i, now, a.next_line[LOAD], LOAD, a.tag[LOAD] | (n << TILE_BIT) | place, a.tensor[LOAD])
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
    retry = send(world, i, now, a.next_line[STORE], STORE, a.tag[STORE], a.tensor[STORE])
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
        if a.store_tile == a.end and not a.more:
            return ends(a, now)
        for c in range(world.n_channels):
            horizon = min(horizon, world.wake[MAX_AGENTS + c])
        due = max(min(load_at, store_at), now)
        if due >= horizon or log_is_full(world):
            return due
        now = due


@jit_inline
def lacks_part(a):
    """Whether the load side is at the end of a part that is not the last of the program."""
    return a.wants & (1 << LOAD) and a.load_tile == a.end


@jit_pasted
def next_piece(world, a, side, now, tiles, runs, page_table):
    """Give an agent the next consecutive physical lines of its load or store program, or end that tile."""
    n = a.store_tile if side else a.load_tile
    k = n % DEPTH
    tile = tiles[n + a.tile_shift]
    if a.run[side] < 0:
        a.run[side] = tile.store_begin if side else tile.load_begin
        a.run_pos[side] = 0
        if side == LOAD:
            a.load_left[k] = 1  # one too many until the whole tile has been sent
            a.load_ready[k] = now
            a.tile_time[k] = tile.compute_cycles * a.clock
    if a.run[side] == (tile.store_end if side else tile.load_end):
        a.run[side] = -1
        if side:
            a.store_end[k] = now
            a.store_tile = n + 1
        else:
            a.load_left[k] -= 1
            a.load_tile = n + 1
    else:
        piece = runs[a.run[side] + a.run_shift]
        line = piece.line + a.run_pos[side]
        left = piece.count - a.run_pos[side]
        if page_table.shape[0] > 0:
            offset = line & ((1 << world.page_shift) - 1)
            left = min(left, (1 << world.page_shift) - offset)
            line = (page_table[line >> world.page_shift] << world.page_shift) | offset
        a.next_line[side] = line
        a.lines[side] = left
        a.tensor[side] = piece.tensor
        a.tag[side] = np.int64(piece.kind + 1) << TAG_BIT
        a.run_pos[side] += left
        if a.run_pos[side] >= piece.count:
            a.run[side] += 1
            a.run_pos[side] = 0
    a.wants &= ~(1 << side)
