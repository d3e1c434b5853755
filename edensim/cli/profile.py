"""`edensim profile CHIP`: measure a simulated module as a tester would, at every voltage and latency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edensim.cli import console
from edensim.cli.memory_option import dram_option, load_memory
from edensim.cli.options import common, force_option, json_option, set_option
from edensim.study.text_table import columns

if TYPE_CHECKING:
    from edensim.study.profiling import ProfiledStep


@click.command(short_help="Measure a simulated module as a tester would.")
@click.argument("chip")
@click.option("--vdd", default="", metavar="V,…", help="Supply voltages to measure at (V).")
@click.option("--trcd", default="", metavar="NS,…", help="Values of tRCD to measure at (ns).")
@click.option("--trp", default="", metavar="NS,…", help="Values of tRP to measure at (ns).")
@click.option("--grid", is_flag=True, help="All combinations (default: each knob alone).")
@click.option("--pairs", default=32, show_default=True, help="Pairs of neighbouring rows per bank.")
@click.option("--reads", default=4, show_default=True, help="Reads of each pattern.")
@click.option(
    "--patterns", default="0x00,0xff,0xaa,0x55", show_default=True, metavar="BYTE,…",
    help="What even rows hold; odd rows hold the inverse.",
)  # fmt: skip
@click.option("--temperature", type=float, metavar="C", help="Temperature (default: that of the measurements).")
@click.option("--seed", default=0, show_default=True, help="The module: where its weak cells are.")
@click.option("--experimental", is_flag=True, help="Allow laws without chip data (tRAS, refresh).")
@click.option("--out", metavar="DIR", required=True, help="Folder for the reads and points.")
@dram_option("ddr3l-1600-4gb-x8")
@set_option
@force_option
@json_option
@common
def profile(
    chip: str,
    vdd: str,
    trcd: str,
    trp: str,
    grid: bool,
    pairs: int,
    reads: int,
    patterns: str,
    temperature: float | None,
    seed: int,
    experimental: bool,
    out: str,
    dram: str,
    overrides: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Measure a simulated module: pairs of rows with inverse data, read again and again at each voltage and latency.

    CHIP is a family (A, B, C, eden), a module of it (A@A4, A@7), or a profile of your own. Steps depart from the
    nominal point of --dram, or from where --set operating_point.KEY=VALUE puts it. The folder holds the reads of every
    step (for `edensim fit`) and points.csv, a chip profile made of them.

    \b
    edensim profile A --trcd 7.5,5.0,2.5 --out profile
    edensim profile C --vdd 1.25,1.2,1.15 --set operating_point.tRCD_ns=10 --set operating_point.tRP_ns=10 --out c
    """  # noqa: D301  (click wants the backspace itself)
    from pathlib import Path

    from edensim.approx.chip_load import load_chip
    from edensim.approx.profile import steps_of
    from edensim.approx.profile_plan import Plan
    from edensim.cli.compiling import announced_compilation
    from edensim.cli.progress import Progress
    from edensim.errors import ConfigError
    from edensim.study.profiling import base_setting, write_profile

    if not 0 <= seed < 1 << 64:
        raise ConfigError(f"--seed {seed}: expected 0 … 2^64 - 1")
    module, resolved = load_chip(chip), load_memory(dram, overrides)
    plan = Plan(pairs, reads, tuple(_bytes(patterns)))
    base = base_setting(resolved, temperature)
    steps = steps_of(base, _numbers("--vdd", vdd), _numbers("--trcd", trcd), _numbers("--trp", trp), grid)
    with announced_compilation(), Progress("pairs of rows") as progress:
        done = write_profile(
            Path(out), module, resolved, base, steps, plan, seed, experimental, force,
            lambda at, total: progress(at, total, "profile"),
        )  # fmt: skip
    if as_json:
        console.say_json({"chip": module.name, "out": out, "steps": [step.describe() for step in done]})
    else:
        console.say(_text(done))
        console.log(f"wrote {out}")


def _text(steps: list[ProfiledStep]) -> str:
    head = ["step", "BER", "95 %", "chip's laws", "basis", "model", "tester (s)", "whole module (s)"]
    rows = [
        [
            p.step.name, f"{p.fit.ber.ber:.3g}", f"{p.fit.ber.low:.2g} to {p.fit.ber.high:.2g}",
            f"{p.expected_ber:.3g}", p.basis, p.fit.chosen, f"{p.seconds:.3g}", f"{p.whole_seconds:.3g}",
        ]
        for p in steps
    ]  # fmt: skip
    total = sum(p.seconds for p in steps), sum(p.whole_seconds for p in steps)
    rows.append(["all steps", "", "", "", "", "", f"{total[0]:.3g}", f"{total[1]:.3g}"])
    return columns([head, *rows])


def _numbers(name: str, text: str) -> list[float]:
    from edensim.errors import ConfigError

    try:
        return [float(word) for word in text.split(",") if word.strip()]
    except ValueError:
        raise ConfigError(f"{name} {text}: expected numbers separated by commas") from None


def _bytes(text: str) -> list[int]:
    from edensim.errors import ConfigError

    try:
        return [int(word, 0) for word in text.split(",") if word.strip()]
    except ValueError:
        raise ConfigError(f"--patterns {text}: expected bytes such as 0xff, separated by commas") from None
