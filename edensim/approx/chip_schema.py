"""Tables of a chip profile: the nominal point, one error law per knob, the spatial structure, the measured summary.

A profile says what a family of chips does; every law is a table of parameters, so a new family is a new file. Times are
ns, voltages V, shares and probabilities lie in [0, 1]. A `z` is a standard normal quantile: a share Phi(z) of the cells
(or lines) fails.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from edensim.config.table import Table, key

Share = Annotated[float, Field(ge=0, le=1)]
Time = Annotated[float, Field(ge=0, le=1000)]
Volt = Annotated[float, Field(gt=0, le=5)]
Z = Annotated[float, Field(ge=-40, le=40)]
Spread = Annotated[float, Field(ge=0, le=20)]


class NoLaw(Table):
    """`law = "none"`: nobody measured this knob; the memory must keep it nominal."""

    law: Literal["none"] = key("none", "no error law")


class KnotLaw(Table):
    """`law = "knots"`: share of failing cells by a timing, probit-linear between the times that were measured.

    A cell that fails an activation reads a value of its own; a failing precharge leaves the previous row's data.
    """

    law: Literal["knots"]
    source: str = key(..., "where the numbers come from")
    times_ns: tuple[Time, ...] = key(..., "times of the knots, rising", "ns", min_length=2)
    z: tuple[Z, ...] = key(..., "normal quantile of the failing share at each knot")
    safe_ns: Time = key(..., "no errors from this time on", "ns")
    measured_ns: tuple[Time, Time] = key(..., "range of times in which errors were measured", "ns")
    effect: Literal["value", "previous_row"] = key("value", "what a failing cell reads")
    weak_stripe_only: bool = key(False, "only rows of the weak stripe (half of all) can fail; z counts among them")
    one_share: tuple[Share, ...] = key((), "errors of stored ones over errors of ones and zeros, per knot (0.5)")
    access: Share = key(1.0, "probability that a weak cell fails in one read", "fraction")
    bank_z: tuple[tuple[Z, ...], ...] = key((), "offset of each bank's quantile, a list per knot")
    z_sd: tuple[Spread, ...] = key((), "standard deviation of z between modules, per knot")
    z_correlation: Share = key(0.0, "correlation of these deviations between knots")
    one_share_sd: tuple[Spread, ...] = key((), "standard deviation of logit(one_share) between modules, per knot")
    temperature_C: tuple[float, ...] = key((), "temperatures of the factors, rising; the first is the law's own", "C")
    temperature_factor: tuple[Annotated[float, Field(gt=0, le=10)], ...] = key((), "factor on the failing share")

    @model_validator(mode="after")
    def _check(self) -> KnotLaw:
        _rising("times_ns", self.times_ns)
        _same_length("z", self.z, "times_ns", self.times_ns)
        for name in ("one_share", "bank_z", "z_sd", "one_share_sd"):
            _same_length(name, getattr(self, name) or self.times_ns, "times_ns", self.times_ns)
        _same_length("temperature_factor", self.temperature_factor, "temperature_C", self.temperature_C)
        _rising("temperature_C", self.temperature_C)
        if len({len(banks) for banks in self.bank_z}) > 1:
            raise ValueError("bank_z: the lists differ in length; expected one offset per bank at every knot")
        if self.safe_ns < self.times_ns[-1]:
            raise ValueError(f"safe_ns = {self.safe_ns:g} lies below the last knot, {self.times_ns[-1]:g} ns")
        return self


class LineLaw(Table):
    """`law = "lines"`: share of cache lines with a bit error by VDD, at one timing; bits per line are not known."""

    law: Literal["lines"]
    source: str = key(..., "where the numbers come from")
    slope_per_v: Annotated[float, Field(gt=0, le=1e4)] = key(..., "quantiles per volt", "1/V")
    v50: Volt = key(..., "VDD at which half of the lines that can fail do", "V")
    error_free_v: Volt = key(..., "no errors from this voltage on", "V")
    at_ns: Time = key(..., "tRCD and tRP of the measurement", "ns")
    measured_v: tuple[Volt, Volt] = key(..., "range of voltages that was measured", "V")
    limited_by: Literal["tRCD", "tRP"] = key("tRCD", "which time the lower voltage makes too short")
    weak_stripe_only: bool = key(
        False, "only rows of the weak stripe (half of all) can fail; the law counts among them"
    )
    line_bits: int = key(512, "bits of a line", "bit", ge=8, le=1 << 16)
    bits_per_line: int = key(4, "bits that flip in a failing line (not measured)", "bit", ge=1)
    bits_per_line_band: tuple[int, int] = key((1, 32), "range of the same, for the band of results", "bit")
    one_share: Share = key(0.5, "flips of stored ones over all flips (not measured)", "fraction")
    access: Share = key(1.0, "share of the lines ever seen to fail that fail in one test", "fraction")
    bank_offset_v: tuple[float, ...] = key((), "how much earlier each bank fails", "V")
    bank_slope_per_v: Annotated[float, Field(gt=0, le=1e4)] | None = key(None, "slope within a bank", "1/V")
    stripe_z: Spread = key(0.0, "quantiles by which the weak stripe of rows fails before the other")
    row_group: int = key(128, "neighbouring rows whose lines have part of their strength in common", "row", ge=1)
    row_correlation: Annotated[float, Field(ge=0, le=0.99)] = key(
        0.0, "share of the variance of a line's latent strength that a group of rows has in common", "fraction"
    )
    row_own: Share = key(1.0, "how much of that is a bank's own; the rest is common to the same rows of all banks")
    v50_sd: Spread = key(0.0, "standard deviation of v50 between modules", "V")
    z_sd: Spread = key(0.0, "standard deviation of z between modules beyond that")
    bank_sd_v: Spread = key(0.0, "standard deviation of bank offsets between modules", "V")

    @model_validator(mode="after")
    def _check(self) -> LineLaw:
        low, high = self.bits_per_line_band
        if not 1 <= low <= self.bits_per_line <= high <= self.line_bits:
            raise ValueError("bits_per_line must lie within bits_per_line_band, and that within 1 … line_bits")
        return self


class PointLaw(Table):
    """`law = "points"`: mean bit error rate on a full grid of settings, probit-linear between them."""

    law: Literal["points"]
    source: str = key(..., "where the numbers come from")
    axes: dict[Literal["VDD", "tRCD", "tRAS", "tRP", "tREFI"], tuple[float, ...]] = key(
        ..., "values of each knob, rising (V, ns; tREFI: factor on the refresh interval)", min_length=1
    )
    ber: tuple[Share, ...] = key(..., "bit error rate, the last axis fastest", "fraction")
    one_share: tuple[Share, ...] | Share = key(0.5, "errors of stored ones over errors of ones and zeros")
    access: Share = key(1.0, "probability that a weak cell fails in one read", "fraction")

    @model_validator(mode="after")
    def _check(self) -> PointLaw:
        size = 1
        for name, values in self.axes.items():
            _rising(f"axes.{name}", values)
            size *= len(values)
        if len(self.ber) != size:
            raise ValueError(f"ber has {len(self.ber)} values; the axes make {size}: the grid has a gap")
        if isinstance(self.one_share, tuple):
            _same_length("one_share", self.one_share, "ber", self.ber)
        if max(self.ber) > 0.5:
            raise ValueError(f"ber = {max(self.ber):g}: a mean over balanced data cannot exceed 0.5")
        return self


class RestoreLaw(Table):
    """`law = "restore"`: experimental; a row closed too early starts its next activation with less charge."""

    law: Literal["restore"]
    source: str = key(..., "where the idea comes from")
    sense_tau_ns: Annotated[float, Field(gt=0, le=100)] = key(
        1.0, "time constant of the sense amplifier: a signal e times smaller takes this much longer (assumed)", "ns"
    )


class RetentionLaw(Table):
    """`law = "retention"`: experimental; share of cells that lose their charge by the refresh interval."""

    law: Literal["retention"]
    source: str = key(..., "where the numbers come from")
    nominal_ms: Annotated[float, Field(gt=0, le=1e6)] = key(
        64.0, "refresh interval of every row at tREFI_scale 1", "ms"
    )
    safe_ms: Annotated[float, Field(gt=0, le=1e6)] = key(..., "no errors up to this interval", "ms")
    intervals_ms: tuple[float, ...] = key(..., "intervals, rising", "ms", min_length=2)
    temperature_C: tuple[float, float] = key(..., "the two temperatures of the tables", "C")
    cells: tuple[tuple[float, ...], tuple[float, ...]] = key(..., "failing cells of a module, per temperature")
    module_bits: int = key(..., "cells of a module", "bit", ge=1)

    @model_validator(mode="after")
    def _check(self) -> RetentionLaw:
        _rising("intervals_ms", self.intervals_ms)
        for row in self.cells:
            _same_length("cells", row, "intervals_ms", self.intervals_ms)
            if min(row) <= 0:
                raise ValueError("cells must be above 0: intervals without failing cells belong below safe_ms")
        return self


class ChipNominal(Table):
    """[nominal]: data-sheet point of the chips that were measured; other memories are read relative to it."""

    vdd: Volt = key(1.35, "supply", "V")
    tRCD_ns: Time = key(13.75, "ACT to RD or WR", "ns")
    tRAS_ns: Time = key(35.0, "ACT to PRE", "ns")
    tRP_ns: Time = key(13.75, "PRE to ACT", "ns")


class Stripe(Table):
    """[stripe]: a regular stripe of rows, the same in all banks, that fails more often than its neighbours."""

    period_rows: int = key(512, "rows of a weak and a strong stripe together", "row", ge=2, le=1 << 20)
    source: str = key("", "where the structure was seen")


class CommonStrength(Table):
    """`law = "copula"`: part of what makes cells strong or weak is common to a subarray; not measured anywhere."""

    law: Literal["copula"]
    source: str = key(..., "where the number comes from")
    correlation: Annotated[float, Field(ge=0, le=0.99)] = key(
        ..., "share of the variance of a cell's latent strength that the cells of a subarray have in common", "fraction"
    )


class Dimm(Table):
    """[dimm.NAME]: one measured module: what differs from the family."""

    v50: Volt | None = key(None, "v50 of its voltage law", "V")
    tRCD_z: tuple[Z, ...] | None = key(None, "z of its tRCD law, per knot")
    tRCD_one_share: tuple[Share, ...] | None = key(None, "one_share of its tRCD law, per knot")


class Measured(Table):
    """[[measured]]: what the study saw at one setting, over modules."""

    knob: Literal["tRCD", "tRP", "VDD"] = key(..., "the knob that was lowered")
    at: float = key(..., "its value (ns or V)", ge=0)
    quantity: Literal["ber", "line_fraction"] = key(..., "what was counted")
    median: Share = key(..., "median over modules", "fraction")
    least: Share = key(..., "least", "fraction")
    most: Share = key(..., "greatest", "fraction")
    dimms: int = key(..., "modules", ge=1)


ActivationLaw = Annotated[NoLaw | KnotLaw, Field(discriminator="law")]
VoltageLaw = Annotated[NoLaw | LineLaw, Field(discriminator="law")]


class ChipTable(Table):
    """A whole chip profile."""

    title: str = key(..., "one line")
    source: str = key(..., "who measured it")
    basis: Literal["measured", "published", "user"] = key(
        "user", "measured: public measurements; published: implied by a paper; user: given by the user"
    )
    carry: Literal["relative", "absolute"] = key(
        "relative",
        "relative: another memory's settings are read as shares of its nominal values; absolute: as they are",
    )
    nominal: ChipNominal = key(ChipNominal(), "data-sheet point of these chips")
    tRCD: ActivationLaw = key(NoLaw(), "errors of a short activation")
    tRP: ActivationLaw = key(NoLaw(), "errors of a short precharge")
    VDD: VoltageLaw = key(NoLaw(), "errors of a low supply")
    tRAS: Annotated[NoLaw | RestoreLaw, Field(discriminator="law")] = key(NoLaw(), "errors of a short restore")
    refresh: Annotated[NoLaw | RetentionLaw, Field(discriminator="law")] = key(NoLaw(), "errors of a long interval")
    points: tuple[PointLaw, ...] = key((), "further laws given as points; they act beside those above")
    stripe: Stripe = key(Stripe(), "stripe of weak rows")
    subarray: Annotated[NoLaw | CommonStrength, Field(discriminator="law")] = key(NoLaw(), "subarrays that differ")
    dimm: dict[str, Dimm] = key({}, "measured modules")
    measured: tuple[Measured, ...] = key((), "summary of the measurements, for comparison")


def _rising(name: str, values: tuple[float, ...]) -> None:
    for low, high in pairwise(values):
        if not low < high:
            raise ValueError(f"{name}: {high:g} follows {low:g}; expected rising values")


def _same_length(name: str, values: tuple[object, ...], other: str, others: tuple[object, ...]) -> None:
    if len(values) != len(others):
        raise ValueError(f"{name} has {len(values)} values, {other} has {len(others)}; expected as many")
