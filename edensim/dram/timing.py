"""Timings of one memory in clocks: from nanoseconds by the rounding rule of its standard, checked for contradictions.

Modelled: one speed bin per memory, its minimum clocks, and tRCD, tRAS, tRP of single banks or subarrays at other
operating points.
Not modelled: timings that change with temperature, gear-down, preamble length or additive latency (AL = 0).

A time becomes clocks by the same rule whether it comes from the data sheet or from an operating point, so that a time
which equals the nominal one gives the nominal clocks. tRCD = 0 (ideal) is 0 clocks; the minimum clocks of the standard
do not apply to operating points, which are outside the standard on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edensim.config import schema
from edensim.dram.standard import Rounding, Standard, TimingRule, evaluate, expression_names, load_standard
from edensim.errors import ConfigError, Problem, did_you_mean

PER_BANK = {"nRCD": "tRCD_ns", "nRAS": "tRAS_ns", "nRP": "tRP_ns"}
"""Timings that an operating point may change, bank by bank or subarray by subarray."""


class BankTimes(Protocol):
    """What of the operating state matters here: times in ns, float64 [channels, banks] or [.., subarrays]."""

    @property
    def tRCD_ns(self) -> NDArray[np.float64]: ...  # noqa: D102, N802
    @property
    def tRAS_ns(self) -> NDArray[np.float64]: ...  # noqa: D102, N802
    @property
    def tRP_ns(self) -> NDArray[np.float64]: ...  # noqa: D102, N802


@dataclass(frozen=True)
class TimingSet:
    """Nominal timings of one memory.

    Attributes
    ----------
    standard : Standard
        Family whose rules and rounding apply.
    period : Fraction
        Clock period in ps, exact (2500/3 for DDR4-2400 unless `clock_ps` is given).
    ck : mapping of str to int
        Every n-name of the standard, in clocks.
    read_latency : int
        Clocks from RD to the last beat of its data.
    burst_ck : int
        Clocks of one burst on the data bus (nBL).
    tRCD_ns, tRAS_ns, tRP_ns, tREFI_ns : float
        Nominal times in ns; from the clocks when the configuration gives clocks only.
    """

    standard: Standard
    period: Fraction
    ck: Mapping[str, int]
    read_latency: int
    tRCD_ns: float
    tRAS_ns: float
    tRP_ns: float
    tREFI_ns: float

    @property
    def burst_ck(self) -> int:
        """Clocks of one burst on the data bus."""
        return self.ck["nBL"]

    @property
    def activate_to_read(self) -> int:
        """Clocks from ACT to RD of a bank that nothing else happens to.

        A data clock that does not run is started first (a clock); with half clocks both commands go at odd ones.
        """
        rows = [row for row in self.standard.constraints if "ACT" in row.preceding and "RD" in row.following]
        wait = max(int(evaluate(row.latency, self.ck)) for row in rows if row.scope == "Bank")
        return wait + (1 if self.standard.wck_read else 0) + (wait % 2 if self.standard.half_clock else 0)

    @property
    def write_latency(self) -> int:
        """Clocks from WR to the last beat of its data (write latency, tDQSS of LPDDR, burst)."""
        return self.ck["nCWL"] + self.ck.get("nDQSS", 0) + self.burst_ck

    @property
    def unloaded_read_ns(self) -> float:
        """Time of a read of a closed row that waits for nobody: one clock to be seen, ACT, RD, last beat of data."""
        return self.time_ns(1 + self.activate_to_read + self.read_latency)

    def time_ns(self, clocks: int) -> float:
        """Time of a number of clocks, in ns."""
        return float(self.period * clocks / 1000)


def peak_bandwidth_gb_s(dram: schema.Dram, timing: TimingSet) -> float:
    """Bytes per ns when every clock of every data bus carries data."""
    burst_bytes = dram.channel_width_bits * dram.burst_length // 8
    return dram.channels * dram.pseudo_channels * burst_bytes / timing.time_ns(timing.burst_ck)


def clock_period(dram: schema.Dram, transfers_per_clock: int = 2) -> Fraction:
    """Clock period in ps: `clock_ps` as given, else that of so many transfers at the data rate, exactly."""
    if dram.clock_ps is not None:
        return Fraction(dram.clock_ps)
    return Fraction(transfers_per_clock * 1_000_000, dram.data_rate_mt_s)


def to_clocks(time_ns: float, period_ps: Fraction, rounding: Rounding) -> int:
    """Clocks of a time by the rounding rule of a standard.

    Parameters
    ----------
    time_ns : float
        Time in ns, >= 0. It is taken as the decimal number it prints as (13.32 means 13320 ps).
    period_ps : Fraction
        Clock period in ps.
    rounding : Rounding
        Rule of the standard.
    """
    return rounding.clocks(Fraction(str(float(time_ns))) * 1000, period_ps)


def bank_clocks(timing: TimingSet, state: BankTimes) -> dict[str, NDArray[np.int64]]:
    """Clocks of the timings that may differ from bank to bank, or from subarray to subarray.

    Returns
    -------
    dict
        "nRCD", "nRAS", "nRP" and "nRC", each int64 of the shape of the times. nRC = nRAS + nRP where either differs
        from nominal, else the nominal nRC.
    """
    out: dict[str, NDArray[np.int64]] = {}
    for name, key in PER_BANK.items():
        values, where = np.unique(np.asarray(getattr(state, key), np.float64), return_inverse=True)
        clocks = np.array([to_clocks(x, timing.period, timing.standard.rounding) for x in values], np.int64)
        # A nominal time that was itself derived from clocks must come back as those clocks, whatever floats do.
        clocks[values == getattr(timing, key)] = timing.ck[name]
        out[name] = clocks[where].reshape(np.shape(getattr(state, key)))
    changed = (out["nRAS"] != timing.ck["nRAS"]) | (out["nRP"] != timing.ck["nRP"])
    out["nRC"] = np.where(changed, out["nRAS"] + out["nRP"], timing.ck["nRC"]).astype(np.int64)
    return out


def resolve_timing(dram: schema.Dram) -> TimingSet:
    """Nominal timings of a memory, in clocks.

    Raises
    ------
    ConfigError
        Unknown standard or timing name, a timing that is missing, or timings that contradict each other.
    """
    standard = load_standard(dram.standard)
    check_levels(dram, standard)
    dram = with_granularity(dram)
    period = clock_period(dram, standard.transfers_per_clock)
    rules = timing_rules(dram, standard)
    given = _given_clocks(dram, standard, rules) if dram.timing_ck is not None else _rounded_clocks(dram, rules, period)
    banks_per_rank = dram.stack_ids * dram.bank_groups * dram.banks_per_group
    ck: dict[str, int] = {}
    for rule in rules:
        names = {
            "burst_length": dram.burst_length,
            "banks_per_rank": banks_per_rank,
            "banks_per_group": dram.banks_per_group,
        } | ck
        if rule.name in given or rule.clocks:
            ck[rule.name] = given[rule.name] if rule.name in given else int(evaluate(rule.clocks, names))
    if "nXPDLL" in ck and dram.controller.power_down != "precharge_slow":
        ck["nXPDLL"] = ck["nXP"]  # the DLL stays on
    check_identities(ck, period)

    def nominal(key: str, name: str) -> float:
        value = getattr(dram.timing, key)
        return float(ck[name] * period / 1000) if dram.timing_ck is not None or value is None else float(value)

    return TimingSet(
        standard,
        period,
        ck,
        int(evaluate(standard.read_latency, ck)),
        nominal("tRCD_ns", "nRCD"),
        nominal("tRAS_ns", "nRAS"),
        nominal("tRP_ns", "nRP"),
        nominal("tREFI_ns", "nREFI"),
    )


def timing_rules(dram: schema.Dram, standard: Standard) -> tuple[TimingRule, ...]:
    """The timings that a memory needs: with those of power-down and self refresh where its controller uses them.

    Raises
    ------
    ConfigError
        It uses them, but no source for the family's figures is known.
    """
    c = dram.controller
    if c.power_down == "none" and c.self_refresh_after_us is None:
        return standard.timings
    key = "power_down" if c.power_down != "none" else "self_refresh_after_us"
    if standard.sleep is None:
        raise ConfigError(
            f"dram.controller.{key} = {getattr(c, key)!r}: {standard.name} has no power-down and no self refresh here, "
            "because no source of its times and currents is known; expected "
            + ('"none"' if key == "power_down" else f"no {key}")
        )
    return standard.timings + standard.sleep.timings


def with_granularity(dram: schema.Dram) -> schema.Dram:
    """The memory with duration and interval of its refreshes in the granularity it is run in.

    DDR5 has same-bank refreshes in 2x granularity only (JESD79-5, refresh command scheduling).

    Raises
    ------
    ConfigError
        The duration in that granularity is not given.
    """
    chosen, timing = dram.controller.refresh_granularity, dram.timing
    if dram.controller.refresh == "same_bank" and chosen == "4x":
        raise ConfigError(
            'dram.controller.refresh = "same_bank" does not go with refresh_granularity = "4x"; expected "2x" (which '
            "it implies: DDR5 has no other)"
        )
    if dram.controller.refresh == "same_bank" and timing.tRFC2_ns is not None:
        chosen = "2x"
    if chosen == "1x":
        return dram
    name, parts = f"tRFC{chosen[0]}_ns", int(chosen[0])
    duration = getattr(timing, name)
    if duration is None or timing.tREFI_ns is None:
        raise ConfigError(
            f'dram.controller.refresh_granularity = "{chosen}": {dram.preset or dram.standard} gives no '
            f'dram.timing.{name}; expected it in ns (JESD79-4, DDR4 of 8 Gb: tRFC2 260, tRFC4 160), or "1x"'
        )
    changes = {"tRFC_ns": duration, "tREFI_ns": timing.tREFI_ns / parts}
    return dram.model_copy(update={"timing": timing.model_copy(update=changes)})


def check_levels(dram: schema.Dram, standard: Standard) -> None:
    """Refuse ranks, bank groups and the like in a family that has none."""
    keys = {"PseudoChannel": "pseudo_channels", "Rank": "ranks", "Sid": "stack_ids", "BankGroup": "bank_groups"}
    problems = [
        f"dram.{key} = {getattr(dram, key)}: {standard.name} has no level {level}; expected dram.{key} = 1"
        for level, key in keys.items()
        if getattr(dram, key) > 1 and level not in standard.levels
    ]
    if problems:
        raise ConfigError(problems)


def _given_clocks(dram: schema.Dram, standard: Standard, rules: Sequence[TimingRule]) -> dict[str, int]:
    """The table of a parity preset: known names only, and all that cannot be derived."""
    table = dict(dram.timing_ck or {})
    problems: list[str] = []
    names = [rule.name for rule in rules]
    for name in table:
        if name not in names:
            tail = did_you_mean(name, names, f"known are {', '.join(names)}")
            text = f"dram.timing_ck.{name}: {standard.name} has no timing of that name{tail}"
            problems.append(Problem(text, f"dram.timing_ck.{name}", "dram.standard"))
    fields = schema.Timing.model_fields
    ignored = [key for key, value in dram.timing if value is not None and value != fields[key].default]
    if ignored:
        text = (
            f"dram.timing.{ignored[0]}: has no effect, because dram.timing_ck holds all timings in clocks; "
            f"expected a change of dram.timing_ck instead"
        )
        problems.append(Problem(text, f"dram.timing.{ignored[0]}", "dram.timing_ck"))
    missing = [rule.name for rule in rules if not (rule.clocks or rule.optional or rule.name in table)]
    if missing:
        problems.append(f"dram.timing_ck: {standard.name} also needs {', '.join(missing)} (in clocks)")
    if problems:
        raise ConfigError(problems)
    return table


def _rounded_clocks(dram: schema.Dram, rules: Sequence[TimingRule], period: Fraction) -> dict[str, int]:
    """Clocks of all timings that are given as keys of [dram.timing]."""
    standard = load_standard(dram.standard)
    minimum = _minimum_clocks(dram, standard)
    out: dict[str, int] = {}
    missing = []
    for rule in (rule for rule in rules if rule.given):
        value = _given_value(rule, dram.timing)
        if value is None:
            if not rule.optional:
                missing.append(rule.given)
            continue
        clocks = value if not rule.given.endswith("_ns") else _clocks_of(rule, value, period, standard.rounding)
        out[rule.name] = max(int(clocks), rule.minimum, minimum.get(rule.given.removesuffix("_ns"), 0))
    if missing:
        raise ConfigError(f"dram.timing: {standard.name} needs {', '.join(missing)}, which no preset or file gives")
    return out


def _clocks_of(rule: TimingRule, time_ns: float, period: Fraction, rounding: Rounding) -> int:
    """Clocks of one time. Refresh intervals round down: they are the longest time allowed, not the shortest."""
    if rule.round_down:
        return int(Fraction(str(float(time_ns))) * 1000 // period)
    return to_clocks(time_ns, period, rounding)


def _given_value(rule: TimingRule, timing: schema.Timing) -> float | int | None:
    """Value of the key a rule names, or of its default expression over other keys."""
    value: float | int | None = getattr(timing, rule.given)
    if value is None and rule.default:
        others = {key: getattr(timing, key) for key in expression_names(rule.default)}
        if all(x is not None for x in others.values()):
            # Sums in decimals, so that 32 + 13.32 is 45.32.
            value = float(evaluate(rule.default, {k: Fraction(str(float(v))) for k, v in others.items()}))
    return value


def _minimum_clocks(dram: schema.Dram, standard: Standard) -> dict[str, int]:
    """`timing.minimum_ck`, its names checked."""
    rules = standard.timings + (standard.sleep.timings if standard.sleep else ())
    known = [rule.given.removesuffix("_ns") for rule in rules if rule.given.endswith("_ns")]
    problems = []
    for name, clocks in dram.timing.minimum_ck.items():
        if name not in known:
            tail = did_you_mean(name, known, f"known are {', '.join(known)}")
            text = f"dram.timing.minimum_ck.{name}: {standard.name} has no time of that name{tail}"
            problems.append(Problem(text, f"dram.timing.minimum_ck.{name}", "dram.standard"))
        elif clocks < 0:
            text = f"dram.timing.minimum_ck.{name}: {clocks} clocks is below 0"
            problems.append(Problem(text, f"dram.timing.minimum_ck.{name}"))
    if problems:
        raise ConfigError(problems)
    return dict(dram.timing.minimum_ck)


IDENTITIES = (
    ("nRC", "nRAS + nRP", 1),
    ("nRAS", "nRCD", 0),
    ("nREFI", "nRFC + 1", 0),
    ("nFAW", "nRRD_S", 0),
    ("nFAW", "nRRD_L", 0),  # not 4 * nRRD_S: with floors in clocks a slow clock may leave tFAW nothing to forbid
    ("nRRD_L", "nRRD_S", 0),
    ("nCCD_L", "nCCD_S", 0),
    ("nWTR_L", "nWTR_S", 0),
    ("nCCD_S", "nBL", 0),
    ("nRFC", "nRC", 1),
    ("nXP", "1", 0),
    ("nXPDLL", "nXP", 0),
    ("nXS", "nRFC", 0),
    ("nXSDLL", "nXS", 0),
    ("nCKESR", "nCKE", 0),
)
"""(left, right, slack): left >= right - slack clocks; the slack is the cycle that rounding may cost."""

DECIDES_CLOCKS = tuple(
    f"dram.{key}" for key in "data_rate_mt_s clock_ps burst_length standard timing timing_ck".split()
)
"""Keys beside a time itself that decide how many clocks it is."""

POSITIVE = ("nBL", "nCL", "nCWL", "nRP", "nRAS", "nRC", "nWR", "nRTP", "nCCD_S", "nRRD_S", "nFAW", "nRFC", "nREFI")


def check_identities(ck: Mapping[str, int], period: Fraction) -> None:
    """Relations that hold in every standard here; raises one `ConfigError` with all that fail."""

    def both(clocks: int) -> str:
        return f"{clocks} clocks ({float(clocks * period / 1000):.4g} ns)"

    def note(text: str, *names: str) -> None:
        keys = [f"dram.{key}" for n in names for key in (f"timing.t{n[1:]}_ns", f"timing.{n[1:]}", f"timing_ck.{n}")]
        problems.append(Problem(f"dram.timing: {text}", *keys, *DECIDES_CLOCKS))

    problems: list[str] = []
    for name in POSITIVE:
        if ck[name] < 1:
            note(f"{name} must be at least 1 clock, found {both(ck[name])}", name)
    for name, value in ck.items():
        if value < 0:
            note(f"{name} is negative ({both(value)})", name)
    for left, right, slack in IDENTITIES:
        if left not in ck:  # of power-down, where it is used
            continue
        least = int(evaluate(right, ck))
        if ck[left] < least - slack:
            text = f"{left} >= {right} is violated: {left} is {both(ck[left])}, {right} is {both(least)}"
            note(text + (" (one clock of rounding is allowed)" if slack else ""), left, *expression_names(right))
    if problems:
        raise ConfigError(problems)
