"""What must come before any waiting request: pending refreshes, and precharges that a policy or a switch asks for.

They queue in order; only the head is looked at, and meanwhile nothing starts that is not active already.
"""

from __future__ import annotations

from edensim.dram.commands import BANK_COMMANDS, PRE, PREAB, RDA, REFAB, REFPB
from edensim.dram.power_down_kernel import AWAKE, add_work, rank_of_pending
from edensim.dram.scan_kernel import KEY_BITS, NEVER
from edensim.jit import jit, jit_inline

PENDING = 2048  # room for pending refreshes and precharges


@jit
def push_pending(ch, command, node, t):
    """Put a refresh of a rank or bank, or an injected precharge of a bank, into the priority queue at clock `t`."""
    ch.pending[ch.pending_tail & (PENDING - 1)] = command << KEY_BITS | node
    ch.pending_tail += 1
    if len(ch.is_sleeping) == 2:  # known from the type
        add_work(ch, rank_of_pending(ch, command, node), t)


@jit
def release_refreshes(ch, t):
    """Refreshes that had been postponed: those that cannot wait any longer and, while no request waits, the others.

    `release_at` is the clock at which an idle channel can refresh again.
    """
    ch.release_at = NEVER
    if ch.pending_head != ch.pending_tail:
        return
    is_idle = ch.queued[0] + ch.queued[1] + ch.actives == 0 and ch.opening < 0
    nodes = len(ch.node_open)
    pad = len(ch.state)
    for rank in range(ch.ranks):
        if ch.owed[rank] == 0:
            continue
        node = rank
        x = BANK_COMMANDS * pad + nodes + rank
        if ch.refresh_turns > 0:  # its banks in turn
            node = rank * ch.node_span + ch.next_bank[rank]
            x = REFPB * pad + node
        at = ch.allowed[x]
        if ch.owed[rank] >= ch.postponed or (is_idle and at <= t):
            push_pending(ch, ch.refresh_command, node, t)
            ch.owed[rank] -= 1
            ch.next_bank[rank] = ch.next_bank[rank] + 1 if ch.next_bank[rank] + 1 < ch.refresh_turns else 0
        elif is_idle:
            ch.release_at = min(ch.release_at, at)


@jit
def drop_stale(ch, t):
    """Closed-row policy: precharges of banks that something else closed meanwhile leave the head of the queue.

    ramulator 2 issues them all the same, perhaps while the bank refreshes; parity presets therefore keep them.
    """
    if ch.drops_stale == 0:
        return
    while ch.pending_head != ch.pending_tail:
        entry = ch.pending[ch.pending_head & (PENDING - 1)]
        node = entry & ((1 << KEY_BITS) - 1)
        if entry >> KEY_BITS != PRE or ch.state[node] != 0:
            return
        ch.pending_head += 1
        ch.next_queue = t
        ch.next_act = t
        ch.next_pre = t
        if len(ch.is_sleeping) == 2:  # known from the type
            rank = ch.node_of[node]
            ch.waiting[rank] -= 1
            if ch.waiting[rank] == 0:
                ch.sleep_at = min(ch.sleep_at, t)


@jit_inline
def refill_pending(ch, t):
    """What leaves the priority queue unserved at clock `t`, and what enters it beside refreshes that fall due."""
    if len(ch.is_closed_page) == 2:  # known from the type
        drop_stale(ch, t)
    if len(ch.is_postponing) == 2:
        release_refreshes(ch, t)
    if len(ch.is_closed_page) == 2:
        inject_precharges(ch, t)


@jit
def pick_pending(ch, t):
    """Head of the priority queue: the command it needs now or -1, its bank or rank, the earliest clock it may issue."""
    pad = len(ch.state)
    nodes = len(ch.node_open)
    entry = ch.pending[ch.pending_head & (PENDING - 1)]
    command = entry >> KEY_BITS
    node = entry & ((1 << KEY_BITS) - 1)
    if len(ch.is_sleeping) == 2 and ch.sleep_mode[rank_of_pending(ch, command, node)] != AWAKE:
        return -1, node, NEVER  # it is woken first
    if command == REFAB or command == PREAB:
        x = BANK_COMMANDS * pad + nodes + node
        if ch.node_open[node] != 0 or command == PREAB:
            for b in range(node * ch.node_span, (node + 1) * ch.node_span):
                if ch.claimed[b] != 0:  # an active request forbids PREab; its column command will wake the scan
                    return -1, node, NEVER
            command = PREAB
            x -= nodes
    elif command == PRE:
        if ch.claimed[node] != 0:
            return -1, node, NEVER
        x = PRE * pad + node
    else:
        x = REFPB * pad + node
        last = ch.node_of[node] * ch.node_span + ch.node_span
        at = NEVER
        is_open = False
        for b in range(node, last, ch.refresh_step):  # the bank, or that of every group; one row after the other closes
            if ch.state[b] != 0:
                is_open = True
                close_at = ch.allowed[PRE * pad + b] | ch.claimed[b]
                if close_at <= t:
                    return PRE, b, close_at
                at = min(at, close_at)
        if is_open:
            return -1, node, at
    at = ch.allowed[x]
    if len(ch.is_half_clock) == 2 and (command == REFAB or command == REFPB):
        at = max(at, t) | 1  # refreshes start at odd clocks
    return (command if at <= t else -1), node, at


@jit
def inject_precharges(ch, t):
    """Closed-row policy: a bank that has served `cap` column commands gets a precharge into the priority queue.

    That happens in the first clock in which the precharge may issue; bank by bank, in order.
    """
    if ch.inject_at > t:
        return
    ch.inject_at = NEVER
    pad = len(ch.state)
    for b in range(pad):
        if ch.used[b] >= ch.cap and ch.injected[b] == 0:
            at = ch.allowed[PRE * pad + b]
            if at <= t:
                push_pending(ch, PRE, b, t)
                ch.injected[b] = 1
            else:
                ch.inject_at = min(ch.inject_at, at)


@jit
def closes_row(ch, command, b, is_active, t):
    """Whether RD or WR of bank `b` should close its row: the accesses are used up and nobody else needs the row.

    For families whose rows are never closed under an active request; see `protect_active` for the others.
    """
    if ch.used[b] < ch.cap or ch.injected[b] != 0 or (ch.claimed[b] != 0 and not is_active):
        return False
    return ch.allowed[(command + RDA) * len(ch.state) + b] <= t


@jit
def protect_active(ch):
    """Closed-row policy: no precharge of a bank with activated requests while any request is active.

    A row can be closed under an active request of the other direction, which then activates again; ramulator 2 never
    takes back that second count, and the parity presets need it so.
    """
    for b in range(len(ch.state)):
        ch.claimed[b] = NEVER if ch.activated[b] > 0 and ch.actives > 0 else 0
