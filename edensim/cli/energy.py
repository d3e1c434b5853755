"""`edensim energy COMMANDS`: price a command trace of any DRAM simulator."""

from __future__ import annotations

import itertools
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.memory_option import dram_option, load_memory
from edensim.cli.options import common, force_option, format_option, json_option, set_option
from edensim.cli.progress import Progress
from edensim.errors import ConfigError
from edensim.study.text_table import columns

if TYPE_CHECKING:
    from edensim.config import schema
    from edensim.dram.power_device import PowerDevice

MOST_POINTS = 1000


@click.command(short_help="Price a DRAM command trace.")
@click.argument("commands")
@dram_option("ddr4-2400r-8gb-x8")
@click.option(
    "--at",
    "at",
    multiple=True,
    metavar="SUPPLY=V[,V…]",
    help="Price further voltages in the same pass, e.g. vdd=1.2,1.1,1.0 (repeatable: all combinations).",
)
@click.option(
    "--trace-format",
    metavar="FORMAT",
    help="drampower, ramulator2 or dramsim3 (default: told by the content; logs of edensim are .npz).",
)
@click.option(
    "--plot", "plot", metavar="DIR", help="Draw energy and power over time into this folder, with their data."
)
@format_option("png,svg,pdf")
@force_option
@set_option
@json_option
@common
def energy(
    commands: str,
    dram: str,
    at: tuple[str, ...],
    trace_format: str | None,
    plot: str | None,
    formats: list[str],
    force: bool,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Price a DRAM command trace: a CSV of DRAMPower or ramulator 2, a DRAMsim3 command trace, or a log of edensim.

    --dram takes a shipped memory, a TOML file, or a memspec JSON of DRAMPower. Traces may be packed (gzip).

    \b
    edensim energy commands.csv --dram ddr4-2400r-8gb-x8 --at vdd=1.2,1.1,1.0
    edensim energy trace.csv.gz --dram memspec.json --json
    edensim energy commands.csv --at vdd=1.1,1.0 --plot figures
    """  # noqa: D301  (click wants the backspace itself)
    from edensim.dram.command_trace import count_trace, price_trace
    from edensim.version import __version__

    began = time.perf_counter()
    points = supply_points(at)
    if plot is not None:
        refuse_existing(Path(plot), formats, force)
    device, settings = load_device(dram, overrides)
    with announced_compilation(), Progress("commands") as progress:
        trace = count_trace(commands, device, trace_format, lambda done: progress(done, None, "energy"))
    data = price_trace(trace, device, settings, points)
    data |= {"version": __version__, "wall_s": time.perf_counter() - began}
    console.warn(data["warnings"])
    drawn = [] if plot is None else draw_figures(data, Path(plot), formats, force)
    console.say_json(data) if as_json else console.say(_text(data))
    for path in drawn:
        console.log(f"wrote {path}")


def refuse_existing(folder: Path, formats: list[str], force: bool) -> None:
    """Refuse figures that exist already, before anything is computed."""
    from edensim.output import check_output
    from edensim.study.plots.formats import check_formats
    from edensim.study.plots.kinds import KINDS, TRACE

    endings = [*check_formats(formats), "csv"]
    for name in KINDS[TRACE] if folder.is_dir() else ():
        for ending in endings:
            check_output(folder / f"{name}.{ending}", force)


def draw_figures(data: dict[str, Any], folder: Path, formats: list[str], force: bool) -> list[Path]:
    """Draw a priced trace; returns the files."""
    from edensim.study.folder import write_all
    from edensim.study.plots.figures import render
    from edensim.study.priced_trace import PricedTrace

    return write_all(folder, render(PricedTrace(data), (), formats, folder="", refused=console.log), force)


def load_device(dram: str, overrides: tuple[str, ...]) -> tuple[PowerDevice, schema.Energy]:
    """Device and energy settings by preset name, configuration, bare device table (TOML), or memspec (JSON)."""
    from edensim.dram.memspec import load_memspec
    from edensim.dram.power_device import device_of
    from edensim.dram.timing import resolve_timing

    if dram.endswith(".json"):
        foreign = [setting for setting in overrides if not setting.startswith("energy.")]
        if foreign:
            raise ConfigError(f"--set {foreign[0]}: a memspec is taken as it is; only energy.* can be set beside it")
        return load_memspec(dram), load_memory("ddr4-2400r-8gb-x8", overrides).config.energy
    config = _device_table(dram, overrides) or load_memory(dram, overrides).config
    return device_of(config.dram, resolve_timing(config.dram)), config.energy


def _device_table(dram: str, overrides: tuple[str, ...]) -> schema.Config | None:
    """Configuration around a TOML file that holds a device alone (the keys of [dram], as shipped memories do)."""
    import tomllib

    from edensim.config import load_config
    from edensim.config.memory_parts import PARTS

    try:
        with Path(dram).open("rb") as file:
            table = tomllib.load(file) if dram.endswith(".toml") else {}
    except (OSError, ValueError):
        return None  # load_memory says what is wrong
    return load_config({"dram": table}, set=list(overrides)).config if {"standard", *PARTS} & set(table) else None


def supply_points(at: tuple[str, ...]) -> list[dict[str, float]]:
    """Settings of `--at`: every combination of the voltages of its supplies.

    Raises
    ------
    ConfigError
        What is no SUPPLY=V[,V…], a supply named twice, too many combinations.
    """
    axes: dict[str, list[float]] = {}
    for text in at:
        name, equals, values = text.partition("=")
        name = name.strip()
        try:
            volts = [float(word) for word in values.split(",")]
        except ValueError:
            volts = []
        if not (name and equals and volts) or not all(math.isfinite(volt) for volt in volts):
            raise ConfigError(f"--at {text}: expected SUPPLY=V[,V…], for instance vdd=1.2,1.1,1.0 (in V)")
        if name.lower() in axes:
            raise ConfigError(f"--at {text}: {name} is given twice; put all its voltages into one list")
        axes[name.lower()] = volts
    if math.prod(len(volts) for volts in axes.values()) > MOST_POINTS:
        raise ConfigError(f"--at: more than {MOST_POINTS:,} combinations of voltages")
    return [dict(zip(axes, volts, strict=True)) for volts in itertools.product(*axes.values())] if axes else []


def _text(data: dict[str, Any]) -> str:
    from edensim.study.points import energy_unit, time_unit

    unit_t, scale_t = time_unit(data["time_ns"])
    per_bit = data["energy_per_bit_pj"]
    rows = [
        ["device", f"{data['device']} ({data['standard']})"],
        ["commands", ", ".join(f"{count:,} {name}" for name, count in data["commands"].items())],
        ["time", f"{data['time_ns'] * scale_t:.6g} {unit_t} ({data['clocks']:,} clocks)"],
        ["average power", f"{data['power_mw']:.4g} mW"],
        ["energy per bit", "no data moved" if per_bit is None else f"{per_bit:.4g} pJ"],
        ["follows VDD", f"{data['follows_vdd_share']:.1%} of the energy ({data['voltage_model']})"],
    ]
    points: list[dict[str, Any]] = []
    for point in ({key: data[key] for key in ("supplies_v", "energy_pj")}, *data.get("at", [])):
        if point["supplies_v"] not in [other["supplies_v"] for other in points]:
            points.append(point)
    unit, scale = energy_unit(max(abs(point["energy_pj"]["total"]) for point in points))
    parts = list(data["energy_pj"])
    table = [[f"energy ({unit})", *parts, "saving"]]
    for k, point in enumerate(points):
        supplies = ", ".join(f"{rail} {volt:g} V" for rail, volt in point["supplies_v"].items())
        energies = [f"{point['energy_pj'][name] * scale:.4g}" for name in parts]
        table.append([supplies, *energies, f"{point['saving']:z.1%}" if k else "nominal"])
    return f"{columns(rows, right_from=9)}\n\n{columns(table)}"
