"""What the controller is told to do: queues, scheduler and row policy of a configuration, for the kernels.

Combinations that contradict each other, or that a family lacks, are refused here.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from edensim.config.schema import Dram
from edensim.dram.channel_state import Policy, SleepPolicy
from edensim.dram.commands import PRE, RD, WR
from edensim.dram.scan_kernel import NEVER
from edensim.dram.standard import Standard, evaluate
from edensim.dram.table import Edge
from edensim.dram.timing import TimingSet
from edensim.errors import ConfigError

CONTROLLER = "dram.controller"
TWO_STAGE = "DRAMsim3"
TIMED = ("timeout", "adaptive")
"""Row policies that close a row after a time."""


def check_policies(dram: Dram, standard: Standard) -> None:
    """Refuse policies that contradict each other or that the family lacks."""
    c = dram.controller
    problems = [
        f'{CONTROLLER}.{name} = {value} has no effect with {key} = "{chosen}"; expected {key} = {wanted}, or no {name}'
        for name, value, key, chosen, words in (
            ("row_cap", c.row_cap, "row_policy", c.row_policy, ("closed",)),
            ("row_timeout_ck", c.row_timeout_ck, "row_policy", c.row_policy, TIMED),
            ("hit_cap", c.hit_cap, "scheduler", c.scheduler, ("FRFCFS_Capped",)),
            ("command_queue", c.command_queue, "scheduler", c.scheduler, (TWO_STAGE,)),
            ("command_queue_size", c.command_queue_size, "scheduler", c.scheduler, (TWO_STAGE,)),
        )
        if value is not None and chosen not in words
        for wanted in [" or ".join(f'"{word}"' for word in words)]
    ]
    problems += sleep_problems(dram, standard)
    if c.scheduler == TWO_STAGE and (standard.two_buses or standard.second_activate):
        problems.append(
            f'{CONTROLLER}.scheduler = "{TWO_STAGE}" is not modelled for {standard.name}, of which that program knows '
            "neither the second activate, the data clock nor the two buses; expected another scheduler"
        )
    if c.scheduler == TWO_STAGE:
        problems += [
            f'{CONTROLLER}.{key} = {found!r} does not go with scheduler = "{TWO_STAGE}"; expected {wanted}'
            for key, found, allowed, wanted in (
                ("row_policy", c.row_policy, ("open",), '"open"'),
                ("refresh", c.refresh, ("all_bank", "none"), '"all_bank" or "none"'),
                ("refresh_postponed", c.refresh_postponed, (0,), "0"),
            )
            if found not in allowed
        ]
    elif c.refresh_postponed and c.refresh == "none":
        problems.append(
            f'{CONTROLLER}.refresh_postponed = {c.refresh_postponed} has no effect with refresh = "none"; '
            "expected a kind of refresh, or 0"
        )
    if problems:
        raise ConfigError(problems)


def sleep_problems(dram: Dram, standard: Standard) -> list[str]:
    """What is wrong with power-down and self refresh of a configuration."""
    c, problems = dram.controller, []
    if c.power_down == "none" and c.power_down_after_ck is not None:
        problems.append(
            f'{CONTROLLER}.power_down_after_ck = {c.power_down_after_ck} has no effect with power_down = "none"; '
            'expected power_down = "active" or "precharge", or no power_down_after_ck'
        )
    if c.power_down == "precharge_slow" and standard.sleep and "nXPDLL" not in standard.sleep.names:
        problems.append(
            f'{CONTROLLER}.power_down = "precharge_slow": {standard.name} has no slow exit of power-down; '
            'expected "precharge"'
        )
    if c.self_refresh_after_us is not None and (c.refresh == "none" or c.refresh_granularity != "1x"):
        key = "refresh" if c.refresh == "none" else "refresh_granularity"
        problems.append(
            f'{CONTROLLER}.self_refresh_after_us does not go with {key} = "{getattr(c, key)}" (a rank is refreshed '
            'between two stays in self refresh, and leaves it tRFC and a little after); expected refresh = "all_bank" '
            'or "per_bank" with refresh_granularity = "1x", or no self_refresh_after_us'
        )
    if c.scheduler == TWO_STAGE and (c.power_down != "none" or c.self_refresh_after_us is not None):
        problems.append(
            f'{CONTROLLER}.power_down and self_refresh_after_us do not go with scheduler = "{TWO_STAGE}", which runs '
            'without; expected power_down = "none" and no self_refresh_after_us'
        )
    return problems


def sleep_policy(dram: Dram, timing: TimingSet) -> SleepPolicy | None:
    """When ranks go to power-down and self refresh; None if they never do."""
    c, ck = dram.controller, timing.ck
    if c.power_down == "none" and c.self_refresh_after_us is None:
        return None
    after = ck["nRC"] if c.power_down_after_ck is None else c.power_down_after_ck
    deep = c.self_refresh_after_us
    return SleepPolicy(
        NEVER if c.power_down == "none" else after,
        NEVER if deep is None else int(-(-Fraction(str(deep)) * 1_000_000 // timing.period)),
        c.power_down != "active",
        ck["nRCD"],
        ck["nRP"],
        ck["nRFC"],
    )


def queue_policy(dram: Dram, timing: TimingSet, auto_precharge: tuple[int, int] = (0, 0)) -> Policy:
    """Queues, their thresholds, row policy and command bus; shares are in single precision, as in ramulator 2."""
    c, standard = dram.controller, timing.standard
    check_policies(dram, standard)
    enter = int(np.floor(np.float32(c.write_high) * np.float32(c.write_queue))) + 1
    leave = max(1, int(np.ceil(np.float32(c.write_low) * np.float32(c.write_queue))))  # 0 would never leave
    command_queues = (
        (c.command_queue_size or 8, c.command_queue != "per_rank") if c.scheduler == TWO_STAGE else (0, False)
    )
    timeout = c.row_timeout_ck or timing.ck["nRC"]
    second, *wck = (
        int(evaluate(text, timing.ck)) if text else 0
        for text in (standard.second_activate, standard.wck_read, standard.wck_write)
    )
    return Policy(
        c.read_queue,
        c.write_queue,
        min(enter, c.write_queue),
        leave,
        timing.read_latency + c.bounding_ck,
        c.scheduler in ("FRFCFS_RowHit", "FRFCFS_Capped"),
        in_order=c.scheduler == "FCFS",
        hit_cap=(c.hit_cap or 4) if c.scheduler == "FRFCFS_Capped" else 0,
        timeout=timeout if c.row_policy in TIMED else 0,
        timeout_range=(max(1, timeout // 4), 64 * timeout) if c.row_policy == "adaptive" else (timeout, timeout),
        postponed=c.refresh_postponed,
        command_queues=command_queues,
        cap=(c.row_cap or 1) if c.row_policy == "closed" else 0,
        drops_stale=c.front_end != "ramulator2",
        auto_precharge=auto_precharge,
        second_activate=second,
        wck_runs=(wck[0], wck[1]),
        two_buses=standard.two_buses,
        half_clock=standard.half_clock,
        whole_row=timing.ck["nRAS"],
        bank_refresh=timing.ck.get({"per_bank": "nRFCpb", "same_bank": "nRFCsb"}.get(c.refresh, ""), 0),
        sleep=sleep_policy(dram, timing),
    )


def auto_precharge(edges: Sequence[Edge]) -> tuple[int, int]:
    """Clocks from RDA and from WRA to the precharge inside the device: as long as RD and WR hold a PREpb back."""
    rows = [e for e in edges if e.scope == "Bank" and PRE in e.following]
    waits = [max((int(e.cycles.max()) for e in rows if command in e.preceding), default=0) for command in (RD, WR)]
    return waits[0], waits[1]
