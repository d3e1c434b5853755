"""A command trace file priced as a device: one pass, any number of voltages, flat memory.

What is told: energy by component, rail, rank, bank and DRAMPower's names, average power and power over time, energy per
bit, and the share of the total that follows VDD. Commands illegal in the state of their bank or rank are errors with
the line. Timings are not checked (`edensim trace check` does that for logs of edensim).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edensim.archive import require_file
from edensim.config import schema
from edensim.dram.command_counts import BadCommandError, CommandCounter, CommandCounts
from edensim.dram.command_energy import BANK_PARTS, CommandEnergy, CommandPricer
from edensim.dram.command_log_stream import CommandLogStream
from edensim.dram.command_text import Commands, CommandText
from edensim.dram.command_windows import WindowedCounter, window_counts
from edensim.dram.commands import N_TRACE, TRACE_NAMES
from edensim.dram.energy import require_currents
from edensim.dram.interface import LineCounts, expected_command_counts
from edensim.dram.power_device import PowerDevice

FORMATS = ("drampower", "ramulator2", "dramsim3", "edensim")
Progress = Callable[[int], None]
NOT_ZERO = 1e-9
"""A voltage that is as good as none, to see what does not follow it."""


@dataclass(frozen=True, eq=False)
class CountedTrace:
    """Everything that one pass over a trace found out.

    Attributes
    ----------
    format : str
    channels : list of CommandCounts
        Counters of each channel.
    commands : dict of str to int
        Commands by name.
    lines : (LineCounts, LineCounts) or None
        Data lines if every column command came with data.
    command_lines : LineCounts
        Command buses of all channels together.
    window_ck : int
        Clocks of a window of `windows`.
    windows : list (channels) of list of CommandCounts
    warnings : list of str
    """

    format: str
    channels: list[CommandCounts]
    commands: dict[str, int]
    lines: tuple[LineCounts, LineCounts] | None
    command_lines: LineCounts
    window_ck: int
    windows: list[list[CommandCounts]]
    warnings: list[str]

    @property
    def clocks(self) -> int:
        """Clocks from 0 to the last command."""
        return self.channels[0].clocks


def count_trace(
    path: str | Path, device: PowerDevice, format: str | None = None, progress: Progress | None = None
) -> CountedTrace:
    """Count a command trace of any format.

    Raises
    ------
    InputError
        With file and line: what is not understood, illegal in its bank's state, or back in time.
    """
    path = Path(path)
    require_file(path, "a command trace")
    with path.open("rb") as file:
        is_log = file.read(2) == b"PK"
    if is_log:
        log = CommandLogStream(path, device)
        sources = [log.pieces(k) for k in range(log.geometry.channels)]
        return _count(log, sources, device, progress)
    text = CommandText(path, device, format)
    return _count(text, [text.pieces()], device, progress)


def _count(
    source: CommandText | CommandLogStream, channels: Sequence[Any], device: PowerDevice, progress: Progress | None
) -> CountedTrace:
    tally, done = np.zeros(N_TRACE, np.int64), 0
    counters = []
    for pieces in channels:
        counter = WindowedCounter(
            CommandCounter(device.ranks, device.banks, device.banks_per_group, device.clocks, device.deep_sleep)
        )
        for part in pieces:
            _feed(source, counter, part)
            tally += np.bincount(part.commands, minlength=N_TRACE)
            done += len(part.clocks)
            if progress is not None:
                progress(done)
        counters.append(counter)
    end = max(one.counter.clock for one in counters)
    width, windows = window_counts(counters, end)
    return CountedTrace(
        source.layout.format if isinstance(source, CommandText) else source.format,
        [one.counter.counts(end) for one in counters],
        {name: int(n) for name, n in zip(TRACE_NAMES, tally, strict=True) if n},
        *_lines(source, end, device, int(tally.sum())),
        width,
        windows,
        _warnings(source, device, sum(one.counter.early for one in counters)),
    )


def _feed(source: CommandText | CommandLogStream, counter: WindowedCounter, part: Commands) -> None:
    try:
        counter.feed(part)
    except BadCommandError as bad:
        raise source.refusal(int(part.lines[bad.index]), bad.problem) from None


def _lines(
    source: CommandText | CommandLogStream, end: int, device: PowerDevice, issued: int
) -> tuple[tuple[LineCounts, LineCounts] | None, LineCounts]:
    expected = expected_command_counts(device, issued)
    if not isinstance(source, CommandText):
        return None, expected
    source.lines.rest(end)
    data = source.lines.data() if source.has_data else None
    return data, source.lines.commands() or expected


def _warnings(source: CommandText | CommandLogStream, device: PowerDevice, early: int) -> list[str]:
    found = []
    if early:
        found.append(
            f"{early:,} commands came before a precharge or refresh of their bank was over by the timings of "
            f"{device.name}, which was then taken to end there; is the trace of another speed bin?"
        )
    if isinstance(source, CommandText) and source.group_mismatches:
        found.append(
            f"{source.group_mismatches:,} commands name a bank group that is not that of their bank; banks are taken "
            f"to count over the whole rank, as DRAMPower's do ({device.banks_per_group} banks per group)"
        )
    return found


def price_trace(
    trace: CountedTrace, device: PowerDevice, energy: schema.Energy, at: Sequence[Mapping[str, float]] = ()
) -> dict[str, Any]:
    """Energy of a counted trace as plain data; the keys of `edensim energy --json`.

    Parameters
    ----------
    trace : CountedTrace
    device : PowerDevice
    energy : schema.Energy
        Voltage model and currents.
    at : sequence of mappings
        Supplies to price further, rail name to V.

    Raises
    ------
    ConfigError
        A current that the trace needs is not given, supplies the device does not have, impossible voltages.
    """
    pricer = CommandPricer(device, energy)
    for counts in trace.channels:
        require_currents(device, counts)

    def priced(volts: Mapping[str, float]) -> list[CommandEnergy]:
        n = len(trace.channels)
        lines = trace.lines if n == 1 else None
        return [pricer.price(counts, volts, lines, trace.command_lines * (1 / n)) for counts in trace.channels]

    nominal = priced({})
    total = _total(nominal)
    time_ns = trace.clocks * device.clock_ns
    bits = sum(counts.bursts for counts in trace.channels) * device.burst_bits
    follows = next((rail.name for rail in pricer.rails if rail.follows_vdd), None)
    # With the rail that follows VDD switched off, what is left does not follow it.
    resting = _total(priced({"vdd": NOT_ZERO}))["total"] if follows else total["total"]
    data: dict[str, Any] = {
        "device": device.name,
        "standard": device.standard,
        "format": trace.format,
        "clocks": trace.clocks,
        "time_ns": time_ns,
        "commands": trace.commands,
        "bytes": bits // 8,
        "energy_pj": total,
        "detail_pj": {name: sum(one.detail()[name] for one in nominal) for name in nominal[0].detail()},
        "by_rail_pj": _by_rail(nominal),
        "by_bank_pj": _by_bank(nominal),
        "power_mw": total["total"] / time_ns if time_ns else 0.0,
        "energy_per_bit_pj": total["total"] / bits if bits else None,
        "follows_vdd_share": 1 - resting / total["total"] if total["total"] else 0.0,
        "supplies_v": dict(nominal[0].volts),
        "voltage_model": energy.voltage_model,
        "currents": energy.currents,
        "data": "from the trace" if trace.lines is not None else "expected",
        "data_law": energy.data.law,
        "timeline": _timeline(pricer, trace),
        "warnings": [*pricer.warnings, *trace.warnings],
    }
    if at:
        data["at"] = [_point(priced(volts), total["total"]) for volts in at]
    return data


def _total(channels: Sequence[CommandEnergy]) -> dict[str, float]:
    parts = [one.as_dict() for one in channels]
    return {name: sum(part[name] for part in parts) for name in parts[0]}


def _by_rail(channels: Sequence[CommandEnergy]) -> dict[str, dict[str, float]]:
    rails = [one.by_rail() for one in channels]
    return {rail: {name: sum(x[rail][name] for x in rails) for name in parts} for rail, parts in rails[0].items()}


def _by_bank(channels: Sequence[CommandEnergy]) -> list[dict[str, Any]]:
    rows = []
    for channel, one in enumerate(channels):
        values = {name: one.of_banks(name) for name in (*BANK_PARTS, "BG_PRE")}
        ranks, banks = values["ACT"].shape
        rows += [
            {"channel": channel, "rank": r, "bank": b} | {name: float(x[r, b]) for name, x in values.items()}
            for r in range(ranks)
            for b in range(banks)
        ]
    return rows


def _point(channels: Sequence[CommandEnergy], nominal_pj: float) -> dict[str, Any]:
    total = _total(channels)
    return {
        "supplies_v": dict(channels[0].volts),
        "energy_pj": total,
        "by_rail_pj": _by_rail(channels),
        "saving": 1 - total["total"] / nominal_pj if nominal_pj else 0.0,
    }


def _timeline(pricer: CommandPricer, trace: CountedTrace) -> dict[str, Any]:
    """Average power of every window, by component, in mW.

    Lines are counted over the whole trace: a window gets its share of their levels by its bursts (data) and by its rows
    and bursts (commands).
    """
    clock_ns, n = pricer.device.clock_ns, len(trace.channels)
    bursts, busy = sum(c.bursts for c in trace.channels), sum(c.bursts + int(c.n_act.sum()) for c in trace.channels)
    columns: dict[str, list[float]] = {}
    for k in range(len(trace.windows[0])):
        parts = [channel[k] for channel in trace.windows]
        span_ns = parts[0].clocks * clock_ns
        priced = []
        for counts in parts:
            lines = None
            if trace.lines is not None and bursts:
                read, write = (x * (counts.bursts / bursts) for x in trace.lines)
                lines = read, write
            share = counts.clocks / trace.clocks / n if trace.clocks else 0
            if busy:
                share = (counts.bursts + int(counts.n_act.sum())) / busy
            priced.append(pricer.price(counts, None, lines, trace.command_lines * share))
        for name, value in _total(priced).items():
            columns.setdefault(name, []).append(value / span_ns if span_ns else 0.0)
    starts = [k * trace.window_ck * clock_ns for k in range(len(trace.windows[0]))]
    return {"bin_ns": trace.window_ck * clock_ns, "start_ns": starts, "power_mw": columns}
