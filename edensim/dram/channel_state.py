"""The record that holds everything a DRAM channel remembers, and its initial values.

One NumPy record per channel: it can be copied (checkpoint), hashed and handed to any kernel. Lengths of nested arrays
belong to the type, so they are rounded up: kernels are compiled once per (padded banks, windows, policy), seldom more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edensim.dram.commands import N_COMMANDS, REFAB, REFSB
from edensim.dram.counters import TAGS
from edensim.dram.issue_kernel import EXACT, OPENED
from edensim.dram.pending_kernel import PENDING
from edensim.dram.queue_kernel import FILTER
from edensim.dram.reading_kernel import READING
from edensim.dram.scan_kernel import NEVER
from edensim.dram.table import Refresh, Shape, room
from edensim.jit import LANES

TIMELINE_BINS = 512
FIRST_BIN_CLOCKS = 1024
LATENCY_BINS = EXACT + 64 * 32
LOG_LENGTH = 1 << 14
SCALARS = """n_free mode actives pending_head pending_tail next_scan next_active next_queue next_act next_pre
    next_refresh timer timer_base logged bins bin_end bin_clocks enter leave read_latency node_span scans last
    hits misses conflicts forwarded coalesced latency_sum cap inject_at opening opening_until second_activate cas_slot
    cas_source wck_until hit_cap close_at patience_low patience_high
    postponed release_at turn staged draining whole_row bank_refresh refresh_step drops_stale
    refresh_command refresh_turns ranks gate power_down_after
    self_refresh_after closes_first wake_at sleep_at issued_at is_paused open_row_ck close_row_ck refresh_ck""".split()
PER_BANK = "state open_row claimed open_since open_ck cut_ck closings node_of used injected activated".split()
PER_TIMED_BANK = "idle_from patience closed_row".split()
PER_ENTRY = "hit_key other_key active_key head tail hit other active_slot".split()  # reads, then writes, of every bank
PER_SLOT = "slot_row slot_key slot_next slot_write slot_seen slot_line slot_column slot_token free".split()
NEVER_YET = """hit_key other_key active_key next_scan next_active next_queue next_act next_pre inject_at close_at
    release_at wake_at""".split()
PER_RANK = "node_open node_open_since node_open_until node_open_ck".split()
PER_SLEEPING_RANK = """sleep_mode sleep_from waiting used_at settled closing_until refreshed pda_ck pdp_ck
    sref_ck""".split()


@dataclass(frozen=True)
class SleepPolicy:
    """When ranks without work are powered down; times in clocks, NEVER = not at all.

    `power_down_after`, `self_refresh_after`: clocks since the last column command of the rank; `closes_rows`: open rows
    are closed before power-down. `open_row`, `close_row`, `refresh`: how long an activation, a precharge and a refresh
    take until power-down counts as such.
    """

    power_down_after: int
    self_refresh_after: int
    closes_rows: bool
    open_row: int
    close_row: int
    refresh: int


@dataclass(frozen=True)
class Policy:
    """Queues and scheduling of one channel. `enter`/`leave`: occupancies of the write queue that switch the mode.

    `cap`: accesses after which a row is closed, 0 = rows stay open. `auto_precharge`: clocks from RDA and from WRA to
    the precharge inside the device.

    `in_order`: one request after the other; `hit_cap`: accesses of a row after which its hits may not overtake other
    rows of the bank, 0 = no cap. `timeout`: clocks without use after which a row is closed, 0 = never; that of a bank
    stays within `timeout_range` (equal ends: it never changes). `postponed`: refreshes of a rank, or of each of its
    banks, that may be owed while requests wait, 0 = none.

    `drops_stale`: a precharge that waits for a bank is dropped once the bank is closed.

    `command_queues`: entries of a command queue and whether every bank has one (else every rank), with which the
    controller works as DRAMsim3's; (0, False): it does not.

    `second_activate`: clocks from ACT to ACT2 at most, 0 = rows are opened by one command. `wck_runs`: clocks the data
    clock runs on after RD and after WR. `two_buses`: column and row commands have a bus each; `half_clock`: on these,
    clocks are half clocks. `by_row`: timings differ between the subarrays of a bank. `is_switching`: control may close
    the gate to the queues. `whole_row`: clocks of a complete restore (nominal tRAS). `bank_refresh`: clocks of REFpb or
    of REFsb.

    `sleep`: power-down and self refresh, None = neither.
    """

    read_queue: int
    write_queue: int
    enter: int
    leave: int
    read_latency: int
    row_hit_first: bool
    log_commands: bool = False
    cap: int = 0
    auto_precharge: tuple[int, int] = (0, 0)
    second_activate: int = 0
    wck_runs: tuple[int, int] = (0, 0)
    two_buses: bool = False
    half_clock: bool = False
    whole_row: int = 0
    bank_refresh: int = 0
    in_order: bool = False
    hit_cap: int = 0
    timeout: int = 0
    timeout_range: tuple[int, int] = (0, 0)
    postponed: int = 0
    command_queues: tuple[int, bool] = (0, False)
    drops_stale: bool = True
    sleep: SleepPolicy | None = None
    by_row: bool = False
    is_switching: bool = False


def two_stage_arrays(shape: Shape, policy: Policy) -> dict[str, tuple[int, ...]]:
    """Arrays of the controller with two stages; of others as short as can be."""
    size, per_bank = policy.command_queues
    queues = (shape.banks if per_bank else shape.ranks) if size else 1
    return {
        "is_two_stage": (2 if size else 1,),
        "trans": (2, max(policy.read_queue, policy.write_queue) if size else 1),
        "stage": (queues, max(size, 1)),
        "stage_n": (queues,),
        "rank_of_queue": (queues,),
        "queue_of": (shape.padded if size else 1,),
    }


def new_channels(
    shape: Shape, policy: Policy, refresh: Refresh, window_shape: tuple[int, int], channels: int
) -> np.ndarray:
    """Idle channels at clock 0: a record array of length `channels`. `window_shape` = (windows, longest window)."""
    pad, ranks = shape.padded, shape.ranks
    arrays = two_stage_arrays(shape, policy)
    in_stages = arrays["stage"][0] * policy.command_queues[0]
    slots = room(policy.read_queue + policy.write_queue + 2 * pad + in_stages, 256)
    slots += 8  # fields of a slot that lie a power of two apart would contend for the same lines of the cache (4 %)
    for names, length in ((PER_BANK, pad), (PER_ENTRY, 2 * pad), (PER_SLOT, slots), (PER_RANK, shape.padded_ranks)):
        arrays |= dict.fromkeys(names, (length,))
    arrays |= dict.fromkeys(PER_TIMED_BANK, (pad if policy.timeout else 1,))
    arrays |= dict.fromkeys(PER_SLEEPING_RANK, (shape.padded_ranks if policy.sleep else 1,))
    arrays |= {
        "allowed": (shape.allowed_size,),
        "busy": (2 * pad // LANES,),
        "active_mask": (2 * pad // LANES,),
        "queued": (2,),
        "capacity": (2,),
        "written": (FILTER,),
        "pending": (PENDING,),
        "window": (window_shape[0], pad, room(1 + window_shape[1], 8)),
        "counts": (N_COMMANDS, pad),
        "by_tag": (TAGS, OPENED + 1, pad),
        "timeline": (TIMELINE_BINS, READING + 3 if policy.sleep else READING),
        "latency_count": (LATENCY_BINS,),
        "log": (LOG_LENGTH if policy.log_commands else 1, 5),
        "auto_precharge": (2,),
        "is_closed_page": (2 if policy.cap else 1,),
        "is_in_order": (2 if policy.in_order else 1,),
        "is_capped": (2 if policy.hit_cap else 1,),
        "is_timed_page": (2 if policy.timeout else 1,),
        "is_postponing": (2 if policy.postponed else 1,),
        "is_sleeping": (2 if policy.sleep else 1,),
        "owed": (shape.padded_ranks,),
        "next_bank": (shape.padded_ranks,),
        "is_row_hit": (2 if policy.row_hit_first else 1,),
        "is_split_activate": (2 if policy.second_activate else 1,),
        "is_two_bus": (2 if policy.two_buses else 1,),
        "is_half_clock": (2 if policy.half_clock else 1,),
        "is_switching": (2 if policy.is_switching else 1,),
        "row_subarray": (pad if policy.by_row else 1,),
        "freed": (2,),
        "wck_runs": (2,),
        "apart": (16,),  # two lines of the cache: the next channel may belong to another thread
    }
    fields = [(x, np.int64) for x in SCALARS] + [(x, np.int64, dims) for x, dims in arrays.items()]
    out = np.zeros(channels, np.dtype((np.record, fields)))
    for name in (
        "open_row",
        "head",
        "tail",
        "hit",
        "other",
        "slot_next",
        "opening",
        "cas_slot",
        "closed_row",
        "row_subarray",
    ):
        out[name] = -1
    for name in NEVER_YET:
        out[name] = NEVER
    out["free"] = np.arange(slots)
    out["n_free"] = slots
    out["capacity"] = (policy.read_queue, policy.write_queue)
    out["window"] = -(1 << 40)
    out["window"][..., 0] = 0
    out["hit_cap"], out["patience"] = policy.hit_cap, policy.timeout
    if policy.command_queues[0]:
        per_bank = policy.command_queues[1]
        out["queue_of"] = np.arange(pad) if per_bank else np.minimum(np.arange(pad) // shape.node_span, ranks - 1)
        out["rank_of_queue"] = np.arange(shape.banks) // shape.node_span if per_bank else np.arange(ranks)
    turns = 0 if refresh.command == REFAB else len(refresh.nodes) // ranks
    out["refresh_command"], out["refresh_turns"] = refresh.command, turns
    out["postponed"] = policy.postponed * max(turns, 1)
    out["patience_low"], out["patience_high"] = policy.timeout_range
    out["drops_stale"] = policy.drops_stale
    out["cap"], out["auto_precharge"] = policy.cap, policy.auto_precharge
    out["second_activate"], out["wck_runs"] = policy.second_activate, policy.wck_runs
    out["whole_row"], out["bank_refresh"] = policy.whole_row, policy.bank_refresh
    out["refresh_step"] = shape.layout.banks_per_group if refresh.command == REFSB else shape.node_span
    out["enter"], out["leave"], out["read_latency"] = policy.enter, policy.leave, policy.read_latency
    out["next_scan"] = 1  # an empty channel turns to writes in its first clock
    if policy.sleep is not None:
        p = policy.sleep
        out["power_down_after"], out["self_refresh_after"] = p.power_down_after, p.self_refresh_after
        out["closes_first"], out["refreshed"] = p.closes_rows, 1
        out["open_row_ck"], out["close_row_ck"], out["refresh_ck"] = p.open_row, p.close_row, p.refresh
        out["sleep_at"] = max(1, min(p.power_down_after, p.self_refresh_after))
    out["bin_clocks"] = out["bin_end"] = FIRST_BIN_CLOCKS
    out["node_span"], out["ranks"] = shape.node_span, ranks
    out["node_of"] = np.minimum(np.arange(pad) // shape.node_span, ranks - 1)
    out["next_refresh"] = refresh.first[0] if refresh.first else NEVER
    return out
