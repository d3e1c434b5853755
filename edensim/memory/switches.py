"""Switches of the operating point: what the memory runs at from an exact time of a run on.

A `[[switch]]` is laid over the point that was valid before it: what it gives replaces, the rest stays. So it is with
the partitions, whose own keys keep their precedence; `[switch.partition.NAME]` changes those. Deltas count from the
nominal value, as everywhere. Switches belong to `[operating_point]`; every `[compare.NAME]` keeps its point throughout.

* drained: from that time on no request is accepted; those under way are served, all banks are precharged, nothing
  issues for the settle time, then the new point holds and requests are accepted again;
* blocking: requests keep coming and wait. Those whose row was opened for them are served, as before a refresh; then all
  banks are precharged, and it goes on as above;
* immediate: the new timings hold for what follows from commands of that clock and later; waits that already run stay.

How long a supply takes to settle is a property of the regulator on the board: `settle_ns` has no default, and
`settle_source` tells where it is from.

Not modelled: the way of the voltage from one value to the other (until the end of the settle time it counts as the old
one), regulators that several channels share (every channel drains and settles by itself), changes of the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from edensim.config import schema
from edensim.config.schema import Dram, OperatingPoint, Partition
from edensim.errors import ConfigError, Problem, did_you_mean
from edensim.memory.operating_state import DELTAS, LATENCIES, LOWEST_SAFE, OperatingState, resolve_operating_state

P = TypeVar("P", bound=OperatingPoint)
IMMEDIATE, BLOCKING, DRAINED = "immediate", "blocking", "drained"


@dataclass(frozen=True, eq=False)
class PointSwitch:
    """One switch: when (ns from the start of the run), how, how long nothing issues, and what holds then."""

    at_ns: float
    mode: str
    settle_ns: float
    state: OperatingState


def resolve_switches(
    dram: Dram, op: OperatingPoint, partitions: Sequence[Partition], switches: Sequence[schema.Switch]
) -> list[PointSwitch]:
    """Resolve `[[switch]]` tables, each over what was valid before.

    Raises
    ------
    ConfigError
        Times out of order, a settle time that is missing or has no effect, unknown partitions, and all that
        `resolve_operating_state` refuses.
    """
    found: list[PointSwitch] = []
    problems: list[str] = []
    latest = -1.0
    for k, switch in enumerate(switches):
        place = f"switch.{k}"
        problems += _contradictions(switch, place, latest, [partition.name for partition in partitions])
        latest = switch.at_ns
        op = overlaid(op, switch)
        partitions = [
            overlaid(each, switch.partition[each.name]) if each.name in switch.partition else each
            for each in partitions
        ]
        try:
            state = resolve_operating_state(dram, op, partitions, f"[{place}]")
        except ConfigError as error:
            problems += [p for p in error.problems if p not in problems]
            continue
        found.append(PointSwitch(switch.at_ns, switch.mode, switch.settle_ns or 0.0, state))
    if problems:
        raise ConfigError(problems)
    return found


def overlaid(below: P, above: OperatingPoint) -> P:
    """The point `below`, with what `above` gives instead of it."""
    changes: dict[str, object] = {}
    for key, deltas in DELTAS.items():
        if getattr(above, key) is not None or getattr(above, deltas[0]) is not None:
            changes |= {name: getattr(above, name) for name in (key, *deltas)}
    changes |= {
        name: value for name in ("tRAS_ns", "tRP_ns", "tREFI_scale") if (value := getattr(above, name)) is not None
    }
    times = {*LATENCIES, "delta_tRCD_ns"}
    if above.latency == LOWEST_SAFE:
        changes |= dict.fromkeys(times)
    if above.latency is not None or any(changes.get(name) is not None for name in times):
        changes["latency"] = above.latency
    return below.model_copy(update=changes)


def _contradictions(switch: schema.Switch, place: str, latest: float, names: Sequence[str]) -> list[str]:
    problems: list[str] = []
    where = f"[[switch]] at {switch.at_ns:g} ns"
    if switch.at_ns <= latest:
        text = f"{where}: at_ns must be above that of the switch before it, {latest:g} ns"
        problems.append(Problem(text, f"{place}.at_ns"))
    if switch.mode == IMMEDIATE and switch.settle_ns:
        text = f'{where}: settle_ns = {switch.settle_ns:g} has no effect with mode = "immediate"; expected 0 or nothing'
        problems.append(Problem(text, f"{place}.settle_ns", f"{place}.mode"))
    if switch.mode != IMMEDIATE and switch.settle_ns is None:
        text = (
            f'{where}: mode = "{switch.mode}" needs settle_ns, for how long nothing issues while supply and timings '
            "change (ns; for a supply: its change in mV over the slew rate of your regulator in mV/ns)"
        )
        problems.append(Problem(text, f"{place}.settle_ns", f"{place}.mode"))
    for name in switch.partition:
        if name not in names:
            text = f"{where}: no partition {name!r}{did_you_mean(name, names, 'expected one of [[partition]]')}"
            problems.append(Problem(text, f"{place}.partition.{name}", "partition"))
    return problems
