"""Compiled state machine of a command trace: commands in, integer counters of banks and ranks out.

States live in two int64 arrays that survive from call to call, so a trace may come in pieces. What happens later than
its command (the precharge of RDA and WRA, the end of a refresh, entry into power-down and self refresh) is kept as a
time and done when the rank is touched next; `settle` does it up to a given clock.

A bank counts as open while it is refreshed, and nothing counts as open in power-down: DRAMPower's conventions.
"""

import numpy as np

from edensim.dram.commands import (
    ACT,
    DSMEN,
    DSMEX,
    END,
    NOP,
    PDEA,
    PDEP,
    PDXA,
    PDXP,
    PRE,
    PREAB,
    PRESB,
    RD,
    RDA,
    REF2B,
    REFAB,
    REFDB,
    REFPB,
    REFSB,
    SREFEN,
    SREFEX,
    WR,
    WRA,
)
from edensim.jit import jit

NEVER = 1 << 62

# ---- columns of `bank`, one row per bank
STATE, SINCE, CLOSE_AT = range(3)
N_ACT, N_PRE, N_RD, N_WR, N_RDA, N_WRA, N_REFAB, N_REFPB, N_REFSB, N_REF2B, N_REFDB, OPEN_CK, CUT_CK = range(3, 16)
BANK_FIELDS = 16
U_STATE, U_SINCE, U_CLOSE_AT, U_N_ACT, U_N_PRE, U_N_RD, U_N_WR, U_N_RDA, U_N_WRA, _, _, _, _, _, U_OPEN_CK, U_CUT_CK = (
    np.arange(BANK_FIELDS, dtype=np.uint64)
)
"""The same, unsigned: no check for negative indices in the inner loop."""
CLOSED, OPEN, CLOSING, REFRESHING = range(4)

# ---- columns of `rank`, one row per rank
MODE, MODE_AT, OPEN_BANKS, ACTIVE_SINCE, FLOOR, NEXT = range(6)
ACTIVE_CK, PDA_CK, PDP_CK, SREF_CK, DSM_CK = range(6, 11)
RANK_FIELDS = 11
U_MODE, _, U_OPEN_BANKS, U_ACTIVE_SINCE, U_FLOOR, U_NEXT, U_ACTIVE_CK = np.arange(7, dtype=np.uint64)
UP, TO_PDA, TO_PDP, PDA, PDP, TO_SREF, SREF, DSM = range(8)

# ---- cells of `run`
CLOCK, ENDED, EARLY, PROBLEM, WHERE = range(5)
RUN_FIELDS = 5

# ---- cells of `conf`
BANKS, BANKS_PER_GROUP, RCD, RAS, RP, RFC, RFC_PB, RFC_SB, RFC_2B, RFC_DB, RDA_CK, WRA_CK, HAS_DSM = range(13)
CONF_FIELDS = 13

# ---- problems
(
    FINE,
    BACKWARDS,
    NO_SUCH_RANK,
    NO_SUCH_BANK,
    AFTER_END,
    ALREADY_OPEN,
    NOT_OPEN,
    IS_CLOSING,
    IS_REFRESHING,
    REFRESH_OF_OPEN,
    UNSUPPORTED,
    ASLEEP,
    NOT_ASLEEP,
    OPEN_IN_PDEP,
    CLOSED_IN_PDEA,
    OPEN_IN_SREF,
    UNKNOWN,
    NEGATIVE,
) = range(18)


@jit
def close_bank(bank, b, clock, ras):
    """The row of bank `b` closes: its open time, and how much of tRAS it was cut short."""
    open_ck = clock - bank[b, SINCE]
    bank[b, OPEN_CK] += open_ck
    if bank[b, STATE] != REFRESHING:
        bank[b, N_PRE] += 1
        if open_ck < ras:
            bank[b, CUT_CK] += ras - open_ck
    bank[b, STATE] = CLOSED


@jit
def close_due(bank, rank, r, conf, limit):
    """Close the banks of rank `r` whose time has come; returns when the next one is due."""
    banks = conf[BANKS]
    paused = rank[r, MODE] == PDA or rank[r, MODE] == PDP
    last, due = -1, NEVER
    for b in range(r * banks, (r + 1) * banks):
        if bank[b, STATE] >= CLOSING:
            when = bank[b, CLOSE_AT]
            if when > limit:
                due = min(due, when)
                continue
            if bank[b, STATE] == CLOSING:
                rank[r, FLOOR] = max(rank[r, FLOOR], when + conf[RP])
            if paused:
                bank[b, SINCE] = when  # its open time ended when power-down began
            close_bank(bank, b, when, 0)
            rank[r, OPEN_BANKS] -= 1
            last = max(last, when)
    if last >= 0 and rank[r, OPEN_BANKS] == 0 and not paused:
        rank[r, ACTIVE_CK] += last - rank[r, ACTIVE_SINCE]
    return due


@jit
def settle(bank, rank, r, conf, clock):
    """Do what is due in rank `r` up to and at `clock`."""
    mode, at = rank[r, MODE], rank[r, MODE_AT]
    pending = mode == TO_PDA or mode == TO_PDP or mode == TO_SREF
    if pending and at <= clock:
        close_due(bank, rank, r, conf, at)
        if mode == TO_SREF:
            rank[r, MODE] = SREF
        else:
            pause(bank, rank, r, conf, at)
            rank[r, MODE] = PDA if mode == TO_PDA else PDP
        pending = False
    due = close_due(bank, rank, r, conf, clock)
    rank[r, NEXT] = min(due, at) if pending else due


@jit
def take_stock(bank, rank, bank_copy, rank_copy, conf, clock):
    """Settle all ranks at `clock`, and add to the copies what is still running then."""
    banks = conf[BANKS]
    for r in range(rank.shape[0]):
        settle(bank, rank, r, conf, clock)
        mode = rank[r, MODE]
        awake = mode != PDA and mode != PDP
        for b in range(r * banks, (r + 1) * banks):
            bank_copy[b, :] = bank[b, :]
            if awake and bank[b, STATE] != CLOSED:
                bank_copy[b, OPEN_CK] += clock - bank[b, SINCE]
        rank_copy[r, :] = rank[r, :]
        if awake and rank[r, OPEN_BANKS] > 0:
            rank_copy[r, ACTIVE_CK] += clock - rank[r, ACTIVE_SINCE]
        passed = clock - rank[r, MODE_AT]
        if mode == PDA:
            rank_copy[r, PDA_CK] += passed
        elif mode == PDP:
            rank_copy[r, PDP_CK] += passed
        elif mode == SREF:
            rank_copy[r, SREF_CK] += passed
        elif mode == DSM:
            rank_copy[r, DSM_CK] += passed


@jit
def pause(bank, rank, r, conf, clock):
    """Stop the open times of a rank that enters power-down."""
    for b in range(r * conf[BANKS], (r + 1) * conf[BANKS]):
        if bank[b, STATE] != CLOSED:
            bank[b, OPEN_CK] += clock - bank[b, SINCE]
            bank[b, SINCE] = clock
    if rank[r, OPEN_BANKS]:
        rank[r, ACTIVE_CK] += clock - rank[r, ACTIVE_SINCE]
        rank[r, ACTIVE_SINCE] = clock


@jit
def resume(bank, rank, r, conf, clock):
    """Let open times run again after power-down."""
    for b in range(r * conf[BANKS], (r + 1) * conf[BANKS]):
        if bank[b, STATE] != CLOSED:
            bank[b, SINCE] = clock
            rank[r, FLOOR] = max(rank[r, FLOOR], clock + conf[RCD])
    rank[r, ACTIVE_SINCE] = clock


@jit
def open_bank(bank, rank, run, r, b, clock, conf):
    """Bank `b` begins to be open; what was still closing there is cut short and noted."""
    if bank[b, STATE] == CLOSED:
        if rank[r, OPEN_BANKS] == 0:
            rank[r, ACTIVE_SINCE] = clock
        rank[r, OPEN_BANKS] += 1
    else:
        close_bank(bank, b, clock, 0)
        run[EARLY] += 1
    bank[b, SINCE] = clock


@jit
def refresh_bank(bank, rank, run, r, b, clock, conf, duration, column):
    """Bank `b` is refreshed for `duration` clocks; False if a row is open there."""
    if bank[b, STATE] == OPEN:
        return False
    open_bank(bank, rank, run, r, b, clock, conf)
    bank[b, STATE], bank[b, CLOSE_AT] = REFRESHING, clock + duration
    bank[b, column] += 1
    rank[r, FLOOR] = max(rank[r, FLOOR], clock + duration)
    rank[r, NEXT] = min(rank[r, NEXT], clock + duration)
    return True


@jit
def precharge(bank, rank, run, r, b, clock, conf):
    """PRE: closes an open row, does nothing to a closed bank or to one in refresh."""
    state = bank[b, STATE]
    if state == CLOSED or state == REFRESHING:
        return
    close_bank(bank, b, clock, conf[RAS])
    rank[r, FLOOR] = max(rank[r, FLOOR], clock + conf[RP])
    rank[r, OPEN_BANKS] -= 1
    if rank[r, OPEN_BANKS] == 0:
        rank[r, ACTIVE_CK] += clock - rank[r, ACTIVE_SINCE]


@jit
def refresh(bank, rank, run, r, b, clock, conf, command):
    """Any of the refresh commands; returns a problem or FINE."""
    banks, size = conf[BANKS], conf[BANKS_PER_GROUP]
    first = r * banks
    fine = True
    if command == REFAB or command == SREFEN:
        if conf[RFC] < 0:
            return UNSUPPORTED
        for k in range(first, first + banks):
            fine &= refresh_bank(bank, rank, run, r, k, clock, conf, conf[RFC], N_REFAB)
    elif command == REFPB:
        if conf[RFC_PB] < 0:
            return UNSUPPORTED
        fine = refresh_bank(bank, rank, run, r, b, clock, conf, conf[RFC_PB], N_REFPB)
    elif command == REFSB:
        if conf[RFC_SB] < 0:
            return UNSUPPORTED
        for k in range(first + (b - first) % size, first + banks, size):
            fine &= refresh_bank(bank, rank, run, r, k, clock, conf, conf[RFC_SB], N_REFSB)
    else:
        duration, column = (conf[RFC_2B], N_REF2B) if command == REF2B else (conf[RFC_DB], N_REFDB)
        if duration < 0:
            return UNSUPPORTED
        other = first + (b - first + banks // 2) % banks
        fine = refresh_bank(bank, rank, run, r, b, clock, conf, duration, column)
        fine &= refresh_bank(bank, rank, run, r, other, clock, conf, duration, column)
    return FINE if fine else REFRESH_OF_OPEN


@jit
def leave(bank, rank, r, conf, clock, command):
    """Exit commands of power-down, self refresh and deep sleep; returns a problem or FINE."""
    mode, at = rank[r, MODE], rank[r, MODE_AT]
    if command == PDXA and mode == PDA or command == PDXP and mode == PDP:
        rank[r, PDA_CK if mode == PDA else PDP_CK] += clock - at
        resume(bank, rank, r, conf, clock)
    elif command == SREFEX and mode == SREF:
        rank[r, SREF_CK] += clock - at
    elif command == DSMEX and mode == DSM:
        rank[r, DSM_CK] += clock - at
        rank[r, MODE], rank[r, MODE_AT] = SREF, clock
        return FINE
    elif not (
        command == PDXA
        and mode == TO_PDA
        or command == PDXP
        and mode == TO_PDP
        or command == SREFEX
        and mode == TO_SREF
    ):
        return NOT_ASLEEP
    rank[r, MODE] = UP
    return FINE


@jit
def enter(bank, rank, run, r, conf, clock, command):
    """Entry commands of power-down, self refresh and deep sleep; returns a problem or FINE."""
    mode = rank[r, MODE]
    if command == DSMEN:
        if conf[HAS_DSM] == 0:
            return UNSUPPORTED
        if mode != SREF:
            return NOT_ASLEEP
        rank[r, SREF_CK] += clock - rank[r, MODE_AT]
        rank[r, MODE], rank[r, MODE_AT] = DSM, clock
        return FINE
    if mode != UP:
        return ASLEEP
    opened = False
    for b in range(r * conf[BANKS], (r + 1) * conf[BANKS]):
        opened |= bank[b, STATE] == OPEN
    if command == SREFEN:
        if opened:
            return OPEN_IN_SREF
        problem = refresh(bank, rank, run, r, r * conf[BANKS], clock, conf, command)
        if problem:
            return problem
        rank[r, MODE], rank[r, MODE_AT] = TO_SREF, clock + conf[RFC]
    else:
        if command == PDEP and opened:
            return OPEN_IN_PDEP
        if command == PDEA and rank[r, OPEN_BANKS] == 0:
            return CLOSED_IN_PDEA
        rank[r, MODE] = TO_PDA if command == PDEA else TO_PDP
        rank[r, MODE_AT] = max(clock, rank[r, FLOOR])
    rank[r, NEXT] = min(rank[r, NEXT], rank[r, MODE_AT])
    return FINE


@jit
def closed_by(command, state):
    """Problem of a column command in a bank without an open row."""
    return NOT_OPEN if state == CLOSED else IS_CLOSING if state == CLOSING else IS_REFRESHING


@jit
def one_command(bank, rank, run, r, b, clock, conf, command):
    """Carry out a command that is rare, in rank `r` (and bank `b` of all); returns a problem or FINE."""
    if command == NOP:
        return FINE
    if command == END:
        run[ENDED] = 1
        return FINE
    if command == PDXA or command == PDXP or command == SREFEX or command == DSMEX:
        return leave(bank, rank, r, conf, clock, command)
    if command == PDEA or command == PDEP or command == SREFEN or command == DSMEN:
        return enter(bank, rank, run, r, conf, clock, command)
    if rank[r, MODE] != UP:
        return ASLEEP
    if command == ACT:  # of a bank that is still closing or refreshing
        open_bank(bank, rank, run, r, b, clock, conf)
        bank[b, STATE] = OPEN
        bank[b, N_ACT] += 1
        rank[r, FLOOR] = max(rank[r, FLOOR], clock + conf[RCD])
    elif command == PRE:
        precharge(bank, rank, run, r, b, clock, conf)
    elif command == PREAB:
        for k in range(r * conf[BANKS], (r + 1) * conf[BANKS]):
            precharge(bank, rank, run, r, k, clock, conf)
    elif command == PRESB:
        size = conf[BANKS_PER_GROUP]
        for k in range(r * conf[BANKS] + (b % conf[BANKS]) % size, (r + 1) * conf[BANKS], size):
            precharge(bank, rank, run, r, k, clock, conf)
    elif command == REFAB or command == REFPB or command == REFSB or command == REF2B or command == REFDB:
        return refresh(bank, rank, run, r, b, clock, conf, command)
    else:
        return UNKNOWN
    return FINE


@jit
def count_commands(bank, rank, run, conf, clocks, commands, ranks, banks, start, stop_clock):
    """Carry out commands from index `start` until one is at or after `stop_clock`.

    Returns the index of the first command that was not carried out; `run[PROBLEM]` tells whether it is at fault. Row
    and column commands of an awake rank are done here, without calls: they are nearly all of any trace.
    """
    n_banks, n_ranks = np.uint64(conf[BANKS]), np.uint64(rank.shape[0])
    ras, rp, rcd, rda, wra = conf[RAS], conf[RP], conf[RCD], conf[RDA_CK], conf[WRA_CK]
    latest, ended = run[CLOCK], run[ENDED]
    end = np.uint64(len(clocks))
    i = np.uint64(start)
    while i < end:
        clock, command = clocks[i], commands[i]
        r, within = np.uint64(ranks[i]), np.uint64(banks[i])  # a negative number becomes a huge one
        problem = FINE
        if clock < latest:
            problem = NEGATIVE if clock < 0 else BACKWARDS
        elif clock >= stop_clock:
            break
        elif ended:
            problem = AFTER_END
        elif r >= n_ranks:
            problem = NO_SUCH_RANK
        elif within >= n_banks:
            problem = NO_SUCH_BANK
        else:
            latest = clock
            b = r * n_banks + within
            if clock >= rank[r, U_NEXT]:
                settle(bank, rank, np.int64(r), conf, clock)
            state = bank[b, U_STATE]
            hot = command <= WRA and rank[r, U_MODE] == UP
            if hot and command == ACT and state <= OPEN:
                if state == OPEN:
                    problem = ALREADY_OPEN
                else:
                    if rank[r, U_OPEN_BANKS] == 0:
                        rank[r, U_ACTIVE_SINCE] = clock
                    rank[r, U_OPEN_BANKS] += 1
                    rank[r, U_FLOOR] = max(rank[r, U_FLOOR], clock + rcd)
                    bank[b, U_SINCE] = clock
                    bank[b, U_STATE] = OPEN
                    bank[b, U_N_ACT] += 1
            elif hot and command == PRE and state == OPEN:
                opened = clock - bank[b, U_SINCE]
                bank[b, U_OPEN_CK] += opened
                bank[b, U_CUT_CK] += max(ras - opened, 0)
                bank[b, U_N_PRE] += 1
                bank[b, U_STATE] = CLOSED
                rank[r, U_FLOOR] = max(rank[r, U_FLOOR], clock + rp)
                rank[r, U_OPEN_BANKS] -= 1
                if rank[r, U_OPEN_BANKS] == 0:
                    rank[r, U_ACTIVE_CK] += clock - rank[r, U_ACTIVE_SINCE]
            elif hot and command != ACT and command != PRE:
                if state != OPEN:
                    problem = closed_by(command, state)
                elif command == RD:
                    bank[b, U_N_RD] += 1
                elif command == WR:
                    bank[b, U_N_WR] += 1
                else:
                    read = command == RDA
                    bank[b, U_N_RDA if read else U_N_WRA] += 1
                    when = max(clock + (rda if read else wra), bank[b, U_SINCE] + ras)
                    bank[b, U_STATE] = CLOSING
                    bank[b, U_CLOSE_AT] = when
                    rank[r, U_NEXT] = min(rank[r, U_NEXT], when)
            else:
                problem = one_command(bank, rank, run, np.int64(r), np.int64(b), clock, conf, command)
                ended = run[ENDED]
        if problem:
            run[PROBLEM], run[WHERE] = problem, i
            break
        i += np.uint64(1)
    run[CLOCK] = latest
    return np.int64(i)
