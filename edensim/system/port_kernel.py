"""Where agents and channels meet: requests enter queues, completions are announced, waiting agents are woken.

The numbers that tell agents, programs and reasons apart stand here too.
"""

from __future__ import annotations

import numpy as np

from edensim.dram.channel_kernel import FULL, NEVER, next_event, offer
from edensim.jit import jit, jit_inline, lowest_bit
from edensim.memory.address_kernel import decode_line

MAX_AGENTS = 32
RING = 4096  # completion times remembered per tile engine; the largest window
DEPTH = 8  # tiles in flight per agent at most
TILES, CORE, GPU = range(3)  # kinds of agents
IDLE, RUNNING, FINISHED, SEEN = range(4)  # life of an agent's program
REACHED, MILESTONE, ALL_IDLE, BUDGET, LOG_FULL, NEXT_PART = range(6)  # why `advance` returned
LOAD, STORE = range(2)  # the two sides of an agent
# token of a request: kind of tensor | agent | tile | place in the ring; of a core: kind | agent | place of the miss
AGENT_BIT, TILE_BIT = 48, 16
MISSES = 64  # outstanding reads of a core at most
LOADS = 512  # loads in a core's window at most
ARRIVALS = 1024  # prefetched lines remembered until their first use
NO_MISS, ANY_MISS = -1, -2  # what a core waits for when it is not one load


@jit
def clock_to_time(world, clock):
    """Time of a channel clock."""
    return NEVER if clock >= NEVER else clock * world.period


@jit
def arrive(world, i, miss, done, outcome):
    """One burst of a core's miss will be there at `done`; with the last one, what it waited for is known."""
    a = world.agents[i]
    c = world.cores[a.core]
    done += c.return_time
    a.last_done = max(a.last_done, done)
    c.miss_left[miss] -= 1
    c.miss_late[miss] = max(c.miss_late[miss], done)
    c.miss_outcome[miss] = max(c.miss_outcome[miss], outcome)
    if c.miss_left[miss] > 0:
        return
    done = c.miss_late[miss]
    c.miss_done[miss] = done
    channel = c.miss_channel[miss]
    row = 0
    if c.miss_outcome[miss] & 1:  # the row was not open
        row = world.open_time[channel, c.miss_bank[miss]]
        if c.miss_outcome[miss] == 3:
            row += world.close_time[channel, c.miss_bank[miss]]
    c.miss_row[miss] = row
    queue = max(0, done - c.miss_sent[miss] - c.memory_time - row)
    due = world.refresh_due[channel]
    refresh = min(done, due + world.refresh_time) - max(c.miss_sent[miss], due)
    c.miss_refresh[miss] = max(0, min(queue, refresh))
    c.miss_queue[miss] = queue - c.miss_refresh[miss]
    if c.blocked_on == miss or c.blocked_on == ANY_MISS:
        world.wake[i] = min(world.wake[i], done)


@jit_inline
def agent_of(token):
    """The agent that sent the request of a token."""
    return token >> AGENT_BIT & (MAX_AGENTS - 1)


@jit
def tell(world, i, what, at):
    """Leave word for a GPU, which reads it at `at` or before."""
    world.news[world.news_count, 0] = what
    world.news[world.news_count, 1] = at
    world.news_count += 1
    world.wake[i] = min(world.wake[i], at)


@jit
def complete(world, token, write, done, outcome):
    """The last beat of the request of `token` will be on the bus until `done`; data read must also cross the link.

    `outcome`: 0 without an access, 1 miss, 2 hit, 3 conflict of its bank's row.
    """
    i = agent_of(token)
    a = world.agents[i]
    a.in_flight -= 1
    if a.kind == GPU:
        if not write:
            tell(world, i, (token & ((1 << AGENT_BIT) - 1)) << 2 | outcome, done)
        return
    if a.kind == CORE:
        if write:
            a.last_done = max(a.last_done, done)
        else:
            arrive(world, i, token & (MISSES - 1), done, outcome)
        if a.in_flight == 0 and a.draining:
            world.wake[i] = min(world.wake[i], a.last_done)
        return
    if not write:
        done = max(done + a.link_lag, a.arrived + a.line_time)
        a.arrived = done
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
    """Let one agent that waits for a place in this queue try again at `at`.

    That is the last one if it waits again and has not had `door_burst` places in a row, else the next in turn.
    """
    mask = world.waiters[c, write]
    i = world.last_woken[c]
    if mask >> i & 1 and world.granted[c] < world.door_burst:
        world.granted[c] += 1
    else:
        behind = mask & ~((2 << i) - 1)
        i = lowest_bit(behind) if behind else lowest_bit(mask)
        world.granted[c] = 1
    world.last_woken[c] = i
    world.waiters[c, write] &= ~(1 << i)
    world.agents[i].next_send[write] = at
    if world.agents[i].kind == GPU:
        tell(world, i, -1 - 2 * c - write, at)
    world.wake[i] = min(world.wake[i], at)


@jit
def send(world, i, now, line, write, token, tensor):
    """Offer one physical line to its channel.

    Returns 0 if it was taken, NEVER if the queue is full (a free place wakes the agent), else when to try again.
    """
    channel, bank, row, column = decode_line(world.modulus, world.moves, line)
    world.sent_channel = channel
    world.sent_bank = bank
    t = np.int64((np.uint64(now) + np.uint64(world.period - 1)) // np.uint64(world.period))
    if t <= world.port_clock[channel]:
        return clock_to_time(world, world.port_clock[channel] + 1)
    ch = world.channels[channel]
    outcome = offer(ch, t, bank, row, column, line, write, token | (i << AGENT_BIT))
    if outcome == FULL:
        world.waiters[channel, write] |= 1 << i
        return NEVER
    world.port_clock[channel] = t
    world.agents[i].in_flight += 1
    if outcome == 0:
        world.in_flight += 1
    else:  # forwarded from, or merged into, the write queue: complete at once
        complete(world, token | (i << AGENT_BIT), write, clock_to_time(world, t), 0)
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
