"""One DRAM channel as a resumable, event-skipping state machine: accept a request, advance one controller clock.

All state is one record per channel (see `channel_state.py`); the lengths of its nested arrays belong to its type, so
the compiler specialises the kernels for every shape, policy and family. Families differ in data, and in what goes over
the command bus in one clock, for which there are three kernels; a fourth schedules as another simulator does:

* one command of any kind (here),
* one command, with activations in two steps and a data clock that must be running (`lpddr_kernel.py`),
* a column command and a row command, perhaps in half clocks (`two_bus_kernel.py`),
* DRAMsim3's two stages of queues (`two_stage_kernel.py`).

Where ranks are powered down, `tick_sleeping` goes around either of the first three (`power_down_kernel.py`).

Times are clocks of the channel. Constraints only ever move later, so every bound kept here is safe: `next_scan` is a
clock before which no command can issue.

Scheduling: requests whose row was opened for them come first, then a pending refresh, then the queue of the present
mode (reads or writes), each time the oldest command that may issue. Two candidates per (mode, bank) stand for all:
the oldest request that hits the open row and the oldest that does not. FCFS looks at the oldest request alone, and at
none while a row is open for one; a cap stops row hits from overtaking other rows for ever; rows may be closed by time
(`row_policy_kernel.py`).
"""

from __future__ import annotations

from edensim.dram.commands import ACT, PRE, RD, RDA, SREFEN, SREFEX, WR, WRA
from edensim.dram.issue_kernel import (
    EXACT,
    FROM_ACTIVE,
    FROM_IDLE,
    FROM_PRIORITY,
    FROM_QUEUE,
    FROM_SLEEP,
    issue,
    latency_bin,
    set_open_row,
)
from edensim.dram.lpddr_kernel import tick_split_activate
from edensim.dram.pending_kernel import (
    pick_pending,
    protect_active,
    push_pending,
    refill_pending,
)
from edensim.dram.power_down_kernel import (
    AWAKE,
    SELF_REFRESH,
    pause_refreshes,
    pick_sleep,
    pick_wake,
    rank_of_pending,
    resume_refreshes,
)
from edensim.dram.queue_kernel import (
    ACCEPTED,
    COALESCED,
    FORWARDED,
    FULL,
    may_be_accepted,
    mode_flips,
    offer_one_stage,
)
from edensim.dram.row_policy_kernel import pick_idle
from edensim.dram.scan_kernel import (
    FEW,
    KEY_BITS,
    NEVER,
    ONE_ACT,
    ONE_PRE,
    busy_banks,
    scan_active,
    scan_active_few,
    scan_oldest,
    scan_queue,
    scan_queue_few,
)
from edensim.dram.two_bus_kernel import tick_two_buses
from edensim.dram.two_stage_kernel import offer_two_stage, tick_two_stage
from edensim.jit import choose_kernel, jit, jit_inline

__all__ = [  # the whole kernel, for those who drive a channel
    "ACCEPTED",
    "COALESCED",
    "EXACT",
    "FORWARDED",
    "FULL",
    "KEY_BITS",
    "NEVER",
    "due_refreshes",
    "latency_bin",
    "may_be_accepted",
    "next_event",
    "offer",
    "tick",
]


@jit
def tick_one_command(ch, tab, t):
    """One clock of a channel that takes one command per clock; see `tick`.

    `next_active`, `next_queue` (row hits), `next_act` and `next_pre` bound the next ready command of each kind from
    below, so a scan that cannot find anything is left out. After every command they are raised to what it leaves open
    at all (`tab.gap`): behind a read on the bus no other column command can be ready in the next clock.
    """
    pad = len(ch.state)
    row_hit = len(ch.is_row_hit) == 2
    closed_page = len(ch.is_closed_page) == 2
    in_order = len(ch.is_in_order) == 2
    timed_page = len(ch.is_timed_page) == 2
    postponing = len(ch.is_postponing) == 2  # all known from the type
    ch.scans += 1
    ch.freed[0] = 0
    ch.freed[1] = 0
    refill_pending(ch, t)
    command = -1
    node = -1
    slot = -1
    source = -1
    is_pending = ch.pending_head != ch.pending_tail
    # 1. requests whose row was opened for them
    if ch.next_active <= t:
        if closed_page or ch.actives <= FEW:
            ready, oldest, soon = scan_active_few(ch, t)
        else:
            ready, oldest, soon = scan_active(ch, 2 * pad, t)
        ch.next_active = t + 1 if ready > 1 else soon
        if ready > 0:
            source = FROM_ACTIVE
            node = oldest & ((1 << KEY_BITS) - 1)
            command = RD if ch.active_key[node] == oldest else WR
            slot = ch.active_slot[command * pad + node]
            if closed_page and ch.open_row[node] != ch.slot_row[slot]:
                command = PRE if ch.state[node] else ACT
    if source < 0:
        # 2. a pending refresh: nothing new starts meanwhile
        if is_pending:
            command, node, at = pick_pending(ch, t)
            if command < 0:
                ch.next_scan = min(min(ch.next_active, at), ch.inject_at)
                return -1
            source = FROM_PRIORITY
        # 3. the queue of the present mode
        else:
            if mode_flips(ch):
                ch.mode = 1 - ch.mode
                ch.next_queue = t
            if in_order and ch.actives > 0:
                ch.next_queue = NEVER  # one request after the other
                ch.next_act = NEVER
                ch.next_pre = NEVER
            if min(ch.next_queue, min(ch.next_act, ch.next_pre)) <= t:
                mode = ch.mode
                busy = busy_banks(ch, mode)
                if in_order:
                    ready, oldest, soon = scan_oldest(ch, mode * pad, pad, t)
                    soon_act = soon
                    soon_pre = soon
                elif busy <= FEW:
                    ready, oldest, soon, soon_act, soon_pre = scan_queue_few(ch, mode, t, row_hit)
                else:
                    ready, oldest, soon, soon_act, soon_pre = scan_queue(ch, mode * pad, pad, t, row_hit)
                if ready > 0:
                    source = FROM_QUEUE
                    node = oldest & ((1 << KEY_BITS) - 1)
                    if ch.hit_key[mode * pad + node] == oldest:
                        command = mode
                        slot = ch.hit[mode * pad + node]
                        ready -= 1
                    else:
                        command = PRE if ch.state[node] else ACT
                        slot = ch.other[mode * pad + node]
                        ready -= ONE_PRE if command == PRE else ONE_ACT
                    if ready & (ONE_ACT - 1):  # what else was ready waits for the chosen command
                        soon = t
                    if ready & (ONE_PRE - ONE_ACT):
                        soon_act = t
                    if ready >= ONE_PRE:
                        soon_pre = t
                ch.next_queue = soon
                ch.next_act = soon_act
                ch.next_pre = soon_pre
            # 4. nothing to do: rows that nobody uses
            if timed_page and command < 0:
                node = pick_idle(ch, t)
                if node >= 0:
                    command = PRE
                    source = FROM_IDLE
            if command < 0:
                ch.next_scan = min(min(ch.next_active, ch.next_queue), min(ch.inject_at, ch.close_at))
                ch.next_scan = min(ch.next_scan, min(ch.next_act, ch.next_pre))
                if postponing:
                    ch.next_scan = min(ch.next_scan, ch.release_at)
                return -1
    if closed_page and command <= WR and ch.used[node] >= ch.cap and ch.allowed[(command + RDA) * pad + node] <= t:
        command += RDA
    bound, row_bound = issue(ch, tab, t, command, node, slot, source)
    ch.next_active = max(ch.next_active, t + tab.gap[command, 0])
    ch.next_queue = max(min(ch.next_queue, bound), t + tab.gap[command, 0])
    if command == PRE:
        ch.next_act = min(ch.next_act, row_bound)
    else:
        ch.next_pre = min(ch.next_pre, row_bound)
        if command > PRE:  # whatever was known is out of date
            ch.next_act = min(ch.next_act, row_bound)
    ch.next_act = max(ch.next_act, t + tab.gap[command, 1])
    ch.next_pre = max(ch.next_pre, t + tab.gap[command, 2])
    if closed_page:
        protect_active(ch)
        ch.next_active = t + 1
        ch.next_queue = t + 1
        ch.next_scan = t + 1
    elif in_order:
        ch.next_queue = t + 1
        ch.next_scan = t + 1
    elif postponing:
        ch.next_scan = t + 1
    elif is_pending or mode_flips(ch):
        ch.next_scan = t + 1
    elif timed_page:
        ch.next_scan = max(
            min(min(ch.next_active, ch.next_queue), min(min(ch.next_act, ch.next_pre), ch.close_at)), t + 1
        )
    else:
        ch.next_scan = max(min(min(ch.next_active, ch.next_queue), min(ch.next_act, ch.next_pre)), t + 1)
    return slot if command <= WR or command == RDA or command == WRA else -1


def awake_kernel(length):
    """The kernel for one clock as far as no rank sleeps."""
    if length("is_two_stage") == 2:
        return tick_two_stage
    if length("is_two_bus") == 2:
        return tick_two_buses
    return tick_split_activate if length("is_split_activate") == 2 else tick_one_command


tick_awake = choose_kernel(awake_kernel)


@jit
def tick_sleeping(ch, tab, t):
    """One clock of a controller that powers ranks down: to wake one comes first, to put one to sleep last."""
    ch.freed[0] = 0
    ch.freed[1] = 0
    refill_pending(ch, t)
    command = -1
    rank = -1
    slot = -1
    if ch.cas_slot < 0 and (ch.opening < 0 or ch.opening_until > t):  # LPDDR5: what must come now, comes first
        command, rank = pick_wake(ch, t)
    if command < 0:
        ch.issued_at = -1
        slot = tick_awake(ch, tab, t)
        if ch.issued_at != t:
            command, rank = pick_sleep(ch, t)
    if command < 0:
        ch.next_scan = max(min(ch.next_scan, min(ch.wake_at, ch.sleep_at)), t + 1)
        return slot
    issue(ch, tab, t, command, rank, -1, FROM_SLEEP)
    if command == SREFEN:
        pause_refreshes(ch)
    elif command == SREFEX:
        resume_refreshes(ch, tab, t)
    if ch.sleep_mode[rank] == AWAKE:  # its requests become candidates, its rows may be closed by time
        for b in range(rank * ch.node_span, (rank + 1) * ch.node_span):
            set_open_row(ch, b, ch.open_row[b])
        if len(ch.is_timed_page) == 2:
            ch.close_at = t + 1
    ch.next_queue = min(ch.next_queue, t + 1)
    ch.next_act = min(ch.next_act, t + 1)
    ch.next_pre = min(ch.next_pre, t + 1)
    ch.wake_at = t + 1
    ch.sleep_at = t + 1
    ch.next_scan = t + 1
    return -1


@choose_kernel
def tick(length):
    """One clock of the controller. Returns the slot whose column command issued, or -1.

    Sets `ch.next_scan`; `ch.freed` counts the entries that either queue (0 reads, 1 writes) lost.
    """
    return tick_sleeping if length("is_sleeping") == 2 else awake_kernel(length)


@jit_inline
def offer(ch, t, bank, row, column, line, write, token):
    """Offer a request in the tick that ends at clock `t`; returns ACCEPTED, FORWARDED, COALESCED or FULL."""
    if len(ch.is_switching) == 2 and ch.gate:  # the former is known from the type
        return FULL
    if len(ch.is_two_stage) == 2:  # known from the type
        return offer_two_stage(ch, t, bank, row, column, line, write, token)
    return offer_one_stage(ch, t, bank, row, column, line, write, token)


@jit
def due_refreshes(ch, tab, t):
    """Queue every refresh whose timer expires at clock `t`; all of them before any scan of that clock."""
    while ch.next_refresh == t:
        command = tab.timer_command
        node = tab.timer_node[ch.timer]
        if len(ch.is_sleeping) == 2 and ch.sleep_mode[rank_of_pending(ch, command, node)] == SELF_REFRESH:
            pass  # it refreshes itself
        elif len(ch.is_postponing) == 2:  # known from the type, as the former
            ch.owed[rank_of_pending(ch, command, node)] += 1
            if len(ch.is_sleeping) == 2:  # what owes a refresh does not go to self refresh, so perhaps to power-down
                ch.sleep_at = min(ch.sleep_at, t)
        else:
            push_pending(ch, command, node, t)
        ch.timer += 1
        if ch.timer == tab.timers:
            ch.timer = 0
            ch.timer_base += tab.timer_period
        ch.next_refresh = ch.timer_base + tab.timer_at[ch.timer]
        ch.next_scan = t


@jit
def next_event(ch):
    """Clock of the channel's next scan or refresh timer."""
    return min(ch.next_scan, ch.next_refresh)
