"""A profile on disk: reads of every step, what was fitted to them, and the points that make a chip profile of them.

A profile folder holds `meta.json` (chip, memory, plan, steps), `step-00.npz` … (what `edensim fit` takes) and
`points.csv` (what `--chip` takes). The time that a tester would need is counted command by command
(`edensim.approx.profile_plan`), for the rows that were read and for the whole module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edensim.approx.chip import Chip, Setting
from edensim.approx.fit import Fit, fit_models
from edensim.approx.fit_reads import save_reads
from edensim.approx.profile import Step, profile
from edensim.approx.profile_plan import Plan, RigTimes, seconds
from edensim.config import Resolved
from edensim.dram.timing import resolve_timing
from edensim.memory import Geometry, nominal_values, resolve_operating_state
from edensim.output import atomic_output
from edensim.study.folder import staged, write_meta
from edensim.version import __version__

COLUMNS = ("vdd", "tRCD_ns", "tRP_ns")


@dataclass(frozen=True, eq=False)
class ProfiledStep:
    """A step with its fit, the rate that the chip's laws expect, and the time of a tester in s."""

    step: Step
    fit: Fit
    expected_ber: float
    basis: str
    seconds: float
    whole_seconds: float

    def describe(self) -> dict[str, Any]:
        """Plain data."""
        setting = {key: value for key, value in asdict(self.step.setting).items() if value is not None}
        return {
            "name": self.step.name,
            "setting": setting,
            **asdict(self.fit.ber),
            "expected_ber": self.expected_ber,
            "basis": self.basis,
            "model": self.fit.chosen,
            "parameters": self.fit.parameters(),
            "limits": list(self.fit.limits),
            "seconds": self.seconds,
            "whole_seconds": self.whole_seconds,
        }


def base_setting(resolved: Resolved, temperature_C: float | None = None) -> Setting:
    """Operating point of a configuration, from which every step departs."""
    point = resolve_operating_state(resolved.config.dram, resolved.config.operating_point, ()).points["module"]
    scale = resolved.config.operating_point.tREFI_scale or 1.0
    return Setting(point.vdd, point.tRCD_ns, point.tRAS_ns, point.tRP_ns, scale, temperature_C)


def rig_times(resolved: Resolved) -> RigTimes:
    """The times of a memory that decide how long profiling takes."""
    timing = resolve_timing(resolved.config.dram)

    def ns(clocks: int) -> float:
        return float(clocks * timing.period / 1000)

    ck = timing.ck
    lost = ck["nRFC"] / ck["nREFI"] if resolved.config.dram.controller.refresh != "none" else 0.0
    return RigTimes(ns(ck["nRTP"]), ns(ck["nWR"]), ns(ck["nCCD_L"]), ns(ck["nCWL"]), ns(timing.burst_ck), lost)


def write_profile(
    folder: Path,
    chip: Chip,
    resolved: Resolved,
    base: Setting,
    steps: Sequence[Step],
    plan: Plan,
    seed: int = 0,
    experimental: bool = False,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[ProfiledStep]:
    """Profile a simulated module and write the folder.

    Parameters
    ----------
    folder : Path
        Where to; whole or absent.
    chip : Chip
        The chip profile the module is of.
    resolved : Resolved
        The memory.
    base : Setting
        Point from which the steps depart.
    steps : sequence of Step
        Settings to measure.
    plan : Plan
        Rows, repetitions, data.
    seed : int
        The module.
    experimental : bool
        Whether laws without chip data may be used.
    force : bool
        Replace what edensim wrote there before.
    progress : callable, optional
        Called with blocks of rows done and their number.

    Raises
    ------
    ConfigError, OutputError
        As `edensim.approx.profile.profile` and `edensim.study.folder.staged`.
    """
    dram = resolved.config.dram
    geometry, nominal, rig = Geometry.from_config(dram), nominal_values(dram), rig_times(resolved)
    times = (nominal.tRCD_ns, nominal.tRAS_ns, nominal.tRP_ns)
    done = []
    with staged(folder, force) as stage:
        runs = profile(chip, steps, geometry, nominal, plan, seed, progress, experimental)
        for k, (step, reads) in enumerate(zip(steps, runs, strict=True)):
            save_reads(stage / f"step-{k:02d}.npz", reads)
            expected = chip.reliability(step.setting, nominal, geometry.banks_per_rank, experimental)
            inverse = float(expected.ber_by_bank(previous_differs=1.0).mean())
            lowered = (step.setting.tRCD_ns, step.setting.tRAS_ns, step.setting.tRP_ns)
            one = replace(geometry, channels=1)
            spent = [seconds(plan, one, rig, times, lowered), seconds(plan, geometry, rig, times, lowered, True)]
            done.append(ProfiledStep(step, fit_models(reads), inverse, expected.basis, *spent))
        with atomic_output(stage / "points.csv") as file:
            file.write(points_csv(chip, base, done).encode())
        write_meta(stage, _meta(chip, resolved, plan, seed, done))
    return done


def points_csv(chip: Chip, base: Setting, steps: Sequence[ProfiledStep]) -> str:
    """Points for `--chip`: one row per step; a knob that a step names has a value, the others are left empty."""
    used = [key for key in COLUMNS if any(key in p.step.knobs for p in steps)]
    rest = ", ".join(f"{key} = {getattr(base, key):g}" for key in COLUMNS)
    lines = [
        f"# profile of a simulated module of chip {chip.name} by edensim {__version__}",
        f"# Empty cells: {rest}.",
        "# Where the previous row matters (short tRP) the rates are half of what was read: rows held inverse data.",
        ",".join([*used, "ber_0", "ber_1"]),
    ]
    for p in steps:
        cells = [f"{getattr(p.step.setting, key):g}" if key in p.step.knobs else "" for key in used]
        lines.append(",".join([*cells, *(f"{rate:.9g}" for rate in _rates(chip, p))]))
    return "\n".join(lines) + "\n"


def _rates(chip: Chip, p: ProfiledStep) -> tuple[float, float]:
    """Bit error rates of stored zeros and ones."""
    counts = p.fit.counts
    ones = float((counts.cells.sum(axis=(0, 1)) * counts.ones).sum())
    zeros = counts.reads * counts.rows * counts.bits - ones
    half = 0.5 if chip.table.tRP.law == "knots" and p.step.setting.tRP_ns < chip.table.tRP.safe_ns else 1.0
    return (
        half * float(counts.k0.sum()) / zeros if zeros else 0.0,
        half * float(counts.k1.sum()) / ones if ones else 0.0,
    )


def _meta(chip: Chip, resolved: Resolved, plan: Plan, seed: int, steps: Sequence[ProfiledStep]) -> dict[str, Any]:
    return {
        "kind": "profile",
        "version": __version__,
        "chip": {"name": chip.name, "title": chip.table.title, "source": chip.table.source, "basis": chip.table.basis},
        "dram": resolved.config.dram.preset or resolved.config.dram.standard,
        "plan": asdict(plan),
        "seed": seed,
        "steps": [p.describe() for p in steps],
    }
