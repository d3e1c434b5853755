"""A chip: a profile with a name, and the way from an operating point to what fails there.

Settings are given in units of the memory at hand and read relative to its nominal values (1.08 V of a 1.2 V memory as
1.215 V of a 1.35 V one), unless the profile says `carry = "absolute"`. A knob that nobody measured must stay nominal:
tRAS and the refresh interval have laws of their own only where the caller says `experimental`.

The basis of the result is the weakest of what went into it: "measured" on the axis and within the range of a
measurement, "scaled" if carried to a memory with other nominal values, "extrapolated" otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from edensim.approx.chip_failure import Failure, Reliability, worst
from edensim.approx.chip_schema import ChipTable, CommonStrength, KnotLaw, LineLaw, RestoreLaw, RetentionLaw
from edensim.approx.laws_experimental import restore_delay_ns, retention_failure
from edensim.approx.laws_knots import knot_basis, knot_failure
from edensim.approx.laws_lines import line_basis, line_failure
from edensim.approx.laws_points import point_basis, point_failure
from edensim.errors import ConfigError
from edensim.memory.operating_state import Nominal
from edensim.memory.safe_latency import LOWEST_V, latency_ratios

CLOSE = 1e-9
KNOBS = {
    "VDD": ("vdd", " V"),
    "tRCD": ("tRCD_ns", " ns"),
    "tRAS": ("tRAS_ns", " ns"),
    "tRP": ("tRP_ns", " ns"),
    "tREFI": ("tREFI_scale", ""),
}
"""Knob -> field of a setting, unit."""
EXPERIMENTAL = ("restore", "retention")


@dataclass(frozen=True)
class Setting:
    """An operating point: VDD in V, times in ns, factor on the refresh interval, temperature in C (None: the law's)."""

    vdd: float
    tRCD_ns: float
    tRAS_ns: float
    tRP_ns: float
    tREFI_scale: float = 1.0
    temperature_C: float | None = None


@dataclass(frozen=True)
class Chip:
    """A chip profile under the name it was asked for ("A", "A@A4", "A@7", "my.csv")."""

    name: str
    table: ChipTable

    @property
    def nominal(self) -> Setting:
        """Data-sheet point of the chips that were measured."""
        n = self.table.nominal
        return Setting(n.vdd, n.tRCD_ns, n.tRAS_ns, n.tRP_ns)

    @property
    def subarray_correlation(self) -> float:
        """What the cells of a subarray have in common, see `subarrays`; 0 without a law."""
        law = self.table.subarray
        return law.correlation if isinstance(law, CommonStrength) else 0.0

    def reliability(
        self, setting: Setting, nominal: Nominal | None = None, banks: int = 8, experimental: bool = False
    ) -> Reliability:
        """What fails at an operating point.

        Parameters
        ----------
        setting : Setting
            The point, in units of the memory.
        nominal : Nominal, optional
            Data-sheet values of the memory (default: those of the chip).
        banks : int
            Banks of a rank of the memory; laws for eight banks are repeated.
        experimental : bool
            Whether laws without chip data (tRAS, refresh) may be used.

        Raises
        ------
        ConfigError
            If a knob without a law is lowered, or a value is negative or no finite number.
        """
        own, carried = self._carry(setting, nominal)
        absolute = nominal is not None and self.table.carry == "absolute"
        lowered = self._lowered(own, nominal if absolute and nominal is not None else self.nominal, setting)
        self._check(own, lowered, experimental)
        failures = [found for found in self._failures(own, banks) if found is not None]
        if carried:
            failures = [replace(found, basis=worst([found.basis, "scaled"])) for found in failures]
        if not lowered:  # points of a user may have errors there
            return Reliability(tuple(failures), worst([found.basis for found in failures]))
        bases = [*self._bases(own, lowered), *(found.basis for found in failures)]
        bases += ["scaled"] * carried + ["extrapolated"] * (len(failures) > 1 or self.subarray_correlation > 0)
        return Reliability(tuple(failures), worst(bases), self._notes(own, failures))

    def _carry(self, setting: Setting, nominal: Nominal | None) -> tuple[Setting, bool]:
        """Return the point in units of the measured chips, and whether that changed anything."""
        for key in ("vdd", "tRCD_ns", "tRAS_ns", "tRP_ns", "tREFI_scale"):
            value = getattr(setting, key)
            if not (math.isfinite(value) and value >= 0) or (key in ("vdd", "tREFI_scale") and value == 0):
                raise ConfigError(f"chip {self.name}: {key} = {value:g}; expected a positive number")
        if nominal is None or self.table.carry == "absolute":
            return setting, False
        own, carried, values = self.nominal, False, {}
        for key in ("vdd", "tRCD_ns", "tRAS_ns", "tRP_ns"):
            base, value = getattr(nominal, key) or getattr(own, key), getattr(setting, key)
            same = math.isclose(value, base, rel_tol=CLOSE)
            values[key] = getattr(own, key) if same else value * getattr(own, key) / base
            carried |= not math.isclose(base, getattr(own, key), rel_tol=CLOSE)
        return replace(setting, **values), carried

    def _lowered(self, own: Setting, nominal: Setting | Nominal, given: Setting) -> dict[str, str]:
        """Knobs that are less safe than nominal, and how a message shows them: as they were given."""
        lowered = {}
        for knob, (key, unit) in KNOBS.items():
            value = getattr(own, key)
            safe = 1.0 if knob == "tREFI" else getattr(nominal, key)
            if value > safe * (1 + CLOSE) if knob == "tREFI" else value < safe * (1 - CLOSE):
                lowered[knob] = f"{key} = {getattr(given, key):g}{unit}"
        return lowered

    def _check(self, own: Setting, lowered: dict[str, str], experimental: bool) -> None:
        """Refuse a lowered knob without a law."""
        table = self.table
        laws = {"VDD": table.VDD, "tRCD": table.tRCD, "tRAS": table.tRAS, "tRP": table.tRP, "tREFI": table.refresh}
        covered = {knob for points in table.points for knob in points.axes}
        problems = []
        for knob, shown in lowered.items():
            law = laws[knob].law
            if knob not in covered and law == "none":
                problems.append(
                    f"chip {self.name}: {shown}, but this chip has no error law for {knob}; keep it nominal"
                )
            elif knob not in covered and law in EXPERIMENTAL and not experimental:
                problems.append(
                    f"chip {self.name}: {shown}, but nobody has measured errors of a changed {knob}; keep it nominal, "
                    "or allow the experimental law"
                )
        if problems:
            raise ConfigError(problems)

    def _bases(self, own: Setting, lowered: dict[str, str]) -> list[str]:
        """Foundation of every law that has a say, errors or none."""
        table, bases = self.table, ["measured"]
        if isinstance(table.VDD, LineLaw) and "VDD" in lowered:
            bases.append(line_basis(table.VDD, own.vdd, (own.tRCD_ns, own.tRP_ns)))
        if isinstance(table.tRCD, KnotLaw) and "tRCD" in lowered:
            bases.append(knot_basis(table.tRCD, own.tRCD_ns, _slowdown(own), own.temperature_C))
        if isinstance(table.tRP, KnotLaw) and "tRP" in lowered:
            bases.append(knot_basis(table.tRP, own.tRP_ns, _slowdown(own), own.temperature_C))
        if {"tRAS", "tREFI"} & set(lowered):
            bases.append("extrapolated")
        return bases + [point_basis(law, _by_knob(own)) for law in table.points if set(law.axes) & set(lowered)]

    def _failures(self, own: Setting, banks: int) -> list[Failure | None]:
        table = self.table
        slow = _slowdown(own)
        failures: list[Failure | None] = []
        if isinstance(table.tRCD, KnotLaw):
            delay = self._restore_delay_ns(own)
            time = max(own.tRCD_ns - delay, 0.0)
            found = knot_failure(table.tRCD, "tRCD", time, slow, banks, own.temperature_C)
            failures.append(replace(found, knob="tRCD+tRAS", basis="extrapolated") if found and delay else found)
        if isinstance(table.tRP, KnotLaw):
            failures.append(knot_failure(table.tRP, "tRP", own.tRP_ns, slow, banks, own.temperature_C))
        if isinstance(table.VDD, LineLaw):
            failures.append(line_failure(table.VDD, own.vdd, (own.tRCD_ns, own.tRP_ns), banks))
        if isinstance(table.refresh, RetentionLaw) and own.tREFI_scale > 1:
            failures.append(retention_failure(table.refresh, own.tREFI_scale, banks, own.temperature_C))
        failures += [point_failure(law, _by_knob(own), banks) for law in table.points]
        return failures

    def _notes(self, own: Setting, failures: list[Failure]) -> tuple[str, ...]:
        """What a reader of the result has to know beyond its basis."""
        notes, law = [], self.table.VDD
        if isinstance(law, LineLaw) and any(found.unit == "line" for found in failures):
            low, high = law.bits_per_line_band
            notes.append(
                f"the study counted lines, not bits: BER assumes {law.bits_per_line} bits per failing line "
                f"(band {low} to {high})"
            )
            if own.vdd < law.measured_v[0]:
                notes.append(
                    f"below {law.measured_v[0]:g} V, the lowest measured, lines saturate while bits per line grow: "
                    "BER is a lower bound"
                )
        if self.subarray_correlation and failures:
            notes.append(f"subarrays differ by a correlation of {self.subarray_correlation:g}, which nobody measured")
        if len(failures) > 1:
            notes.append(f"{' and '.join(found.knob for found in failures)} were measured one by one, never together")
        return tuple(notes)

    def _restore_delay_ns(self, own: Setting) -> float:
        law = self.table.tRAS
        is_short = own.tRAS_ns < self.nominal.tRAS_ns * (1 - CLOSE)
        return restore_delay_ns(law, own.tRAS_ns, own.vdd) if is_short and isinstance(law, RestoreLaw) else 0.0


def _slowdown(own: Setting) -> float:
    """How much slower cells are at this supply than at nominal supply."""
    return latency_ratios(max(own.vdd, LOWEST_V)).tRCD


def _by_knob(own: Setting) -> dict[str, float]:
    return {knob: getattr(own, key) for knob, (key, _) in KNOBS.items()}
