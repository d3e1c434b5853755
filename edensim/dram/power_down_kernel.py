"""Power-down and self refresh of ranks: when a rank goes to sleep, when it wakes, and what that counts as.

A rank without work (no request and no refresh waits for it) goes to power-down `power_down_after` clocks after its last
column command and to self refresh after `self_refresh_after`, in clocks in which nothing else issues. Work wakes it, as
soon as it has slept its least time; so does self refresh that falls due, which is entered from standby only, and not
before the rank was refreshed since it left self refresh (JEDEC asks for one refresh). In self refresh no refresh falls
due. Requests of a rank that sleeps are no candidates, so no scan sees them. Entries and exits take a clock of the
command bus each, as every command.

A state counts from the end of what the rank was doing (activation, precharge, refresh), as in `command_kernel`; in
power-down nothing counts as open. Waits are a matter of the constraint table (JESD79-3, JESD79-4 and their kin: tCKE,
tXP, tXS, tRDPDEN …).

What it trades: of an idle gap of g clocks, all but the first `power_down_after` a and the exit are spent at IDD2P or
IDD3P, so the gap saves V (IDD2N - IDD2P) (g - a - tXP) tCK of precharge standby, or V (IDD3N - IDD3P) (g - a - tXP) tCK
of active standby. The request that ends it waits tXP more (after self refresh tXS to its ACT and tXSDLL to its RD), in
which the rest of the system waits too; a row closed first costs tRCD, and an ACT and a PRE, if the request would have
hit it. A rank in power-down also pays tXP of standby at every refresh, so power-down saves at most the share
1 - (tXP + tRFC) / tREFI of the time; self refresh has none of that. Currents: `edensim.dram.power`.

Not modelled: deep sleep, clock stop, refresh of part of the array, the longest stay (9 tREFI, which refresh keeps).
"""

from __future__ import annotations

from edensim.dram.commands import BANK_COMMANDS, PDEA, PDEP, PDXA, PDXP, PREAB, REFAB, REFPB, REFSB, SREFEN, SREFEX
from edensim.dram.scan_kernel import NEVER
from edensim.jit import jit

AWAKE, ACTIVE_DOWN, PRECHARGE_DOWN, SELF_REFRESH = range(4)
"""States of a rank. It leaves them by PDXA, PDXP and SREFEX."""


@jit
def rank_cell(ch, command, rank):
    """Where the next-allowed time of PREab or of a command of this file stands."""
    ranks = len(ch.node_open)  # room for them
    row = 0 if command == PREAB else 2 + command - PDEA
    return BANK_COMMANDS * len(ch.state) + row * ranks + rank


@jit
def rank_of_pending(ch, command, node):
    """Rank that a refresh or precharge of the priority queue addresses."""
    return node if command == REFAB or command == PREAB else ch.node_of[node]


@jit
def add_work(ch, rank, t):
    """A request or refresh waits for a rank from clock `t` on; returns whether it sleeps."""
    ch.waiting[rank] += 1
    if ch.sleep_mode[rank] == AWAKE:
        return False
    ch.wake_at = min(ch.wake_at, t)
    ch.next_scan = min(ch.next_scan, t)
    return True


@jit
def end_work(ch, rank, t):
    """A request or refresh was served at clock `t`."""
    ch.waiting[rank] -= 1
    if ch.waiting[rank] == 0:
        ch.sleep_at = min(ch.sleep_at, t + 1)


@jit
def slept_ck(ch, rank, t):
    """Clocks that a rank has been in its state up to clock `t`; 0 awake, and while it still does something."""
    return max(t - ch.sleep_from[rank], 0) if ch.sleep_mode[rank] != AWAKE else 0


@jit
def note_sleep(ch, t, command, node):
    """Bookkeeping of refreshes, entries and exits."""
    if command == REFAB or command == REFPB or command == REFSB:
        rank = rank_of_pending(ch, command, node)
        ch.refreshed[rank] = 1
        ch.settled[rank] = max(ch.settled[rank], t + (ch.refresh_ck if command == REFAB else ch.bank_refresh))
    elif command == PDEA or command == PDEP:
        ch.sleep_mode[node] = ACTIVE_DOWN if command == PDEA else PRECHARGE_DOWN
        ch.sleep_from[node] = max(t, ch.settled[node])
    elif command == SREFEN:
        ch.sleep_mode[node] = SELF_REFRESH
        ch.sleep_from[node] = t + ch.refresh_ck  # it begins with a refresh
        ch.settled[node] = max(ch.settled[node], t + ch.refresh_ck)
    elif command == PDXA or command == PDXP:
        slept = slept_ck(ch, node, t)
        if command == PDXP:
            ch.pdp_ck[node] += slept
        else:
            ch.pda_ck[node] += slept
            ch.node_open_ck[node] -= slept
            for b in range(node * ch.node_span, (node + 1) * ch.node_span):
                if ch.state[b]:
                    ch.open_ck[b] -= slept
            if t >= ch.sleep_from[node]:
                ch.settled[node] = max(ch.settled[node], t + ch.open_row_ck)
        ch.sleep_mode[node] = AWAKE
    elif command == SREFEX:
        ch.sref_ck[node] += slept_ck(ch, node, t)
        ch.refreshed[node] = 0
        ch.sleep_mode[node] = AWAKE


@jit
def pause_refreshes(ch):
    """While all ranks are in self refresh the refresh timers are no events."""
    if ch.next_refresh >= NEVER:
        return
    for r in range(ch.ranks):
        if ch.sleep_mode[r] != SELF_REFRESH:
            return
    ch.next_refresh = NEVER
    ch.is_paused = 1


@jit
def resume_refreshes(ch, tab, t):
    """A rank left self refresh at clock `t`: the timers go on as if they had never stopped, with the next after it."""
    if ch.is_paused == 0:
        return
    ch.is_paused = 0
    last = tab.timers - 1
    passed = (t - tab.timer_at[last] - ch.timer_base) // tab.timer_period
    if passed > 0:
        ch.timer_base += passed * tab.timer_period
        ch.timer = 0
    while ch.timer_base + tab.timer_at[ch.timer] <= t:
        ch.timer += 1
        if ch.timer > last:
            ch.timer = 0
            ch.timer_base += tab.timer_period
    ch.next_refresh = ch.timer_base + tab.timer_at[ch.timer]


@jit
def deep_at(ch, rank):
    """Clock from which a rank without work is to be in self refresh; NEVER if it must not."""
    if ch.refreshed[rank] == 0 or ch.owed[rank] > 0:
        return NEVER
    return ch.used_at[rank] + ch.self_refresh_after


@jit
def pick_wake(ch, t):
    """Exit command that is due at clock `t`: (command or -1, rank); `wake_at` bounds the next one from below."""
    command = -1
    rank = -1
    if ch.wake_at > t:
        return command, rank
    ch.wake_at = NEVER
    for r in range(ch.ranks):
        mode = ch.sleep_mode[r]
        if mode == AWAKE:
            continue
        at = 0 if ch.waiting[r] > 0 else NEVER
        if ch.waiting[r] == 0 and mode != SELF_REFRESH:
            at = deep_at(ch, r)
        if at >= NEVER:
            continue
        leave = SREFEX if mode == SELF_REFRESH else PDXA if mode == ACTIVE_DOWN else PDXP
        at = max(at, ch.allowed[rank_cell(ch, leave, r)])
        if at <= t and rank < 0:
            command = leave
            rank = r
        else:
            ch.wake_at = min(ch.wake_at, max(at, t + 1))
    return command, rank


@jit
def pick_sleep(ch, t):
    """Next step of a rank to sleep at clock `t`: (command or -1, rank); `sleep_at` bounds the next one from below."""
    command = -1
    rank = -1
    if ch.sleep_at > t:
        return command, rank
    ch.sleep_at = NEVER
    for r in range(ch.ranks):
        if ch.sleep_mode[r] != AWAKE or ch.waiting[r] > 0:
            continue
        deep = deep_at(ch, r)
        light = ch.used_at[r] + ch.power_down_after
        at = min(light, deep)
        step = -1
        if at <= t:
            is_open = ch.node_open[r] > 0
            step = PDEA if is_open else PDEP
            if is_open and (deep <= t or ch.closes_first):
                step = PREAB
            elif deep <= t:
                step = SREFEN
            at = ch.allowed[rank_cell(ch, step, r)]
            if step != PREAB:
                at = max(at, ch.closing_until[r])
        if step >= 0 and at <= t and rank < 0:
            command = step
            rank = r
            continue
        if deep > t:
            at = min(at, deep)
        if at < NEVER:
            ch.sleep_at = min(ch.sleep_at, max(at, t + 1))
    return command, rank
