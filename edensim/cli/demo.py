"""`edensim demo`: EDEN's trade on a small network that ships with the package, in seconds and without any file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.options import common, force_option, format_option, json_option
from edensim.study.text_table import columns

if TYPE_CHECKING:
    from edensim.study.demo.trade import Demo

FOLDER = Path("runs/demo")


@click.command(short_help="See EDEN's trade in seconds: accuracy, energy and time of a small network.")
@click.option("--out", metavar="DIR", default=str(FOLDER), show_default=True, help="Where the picture and its data go.")
@force_option
@json_option
@format_option("png")
@common
def demo(out: str, force: bool, as_json: bool, formats: list[str]) -> None:
    """Run a small network on approximate DRAM: its accuracy measured now, its energy and time simulated now.

    The network recognises procedural images; its weights ship with edensim. Weights and feature maps lie in DDR3L
    memory that behaves like chip profile "eden" as its supply voltage falls; the lowest voltage at which the network,
    boosted for this chip, loses at most one point of accuracy is EDEN's. Boosting was for this very chip and these very
    addresses; on another chip the network would lose more.
    """
    from edensim.study.demo.trade import demonstrate
    from edensim.study.folder import write_all
    from edensim.study.plots.demo import draw
    from edensim.study.plots.formats import check_formats
    from edensim.study.plots.style import encode, styled

    formats = check_formats(formats)
    began = time.perf_counter()
    with announced_compilation():
        found = demonstrate(console.log)
    with styled():
        drawing = draw(found)
        contents = {f"demo.{fmt}": encode(drawing.figure, fmt) for fmt in formats} | {"demo.csv": drawing.table()}
    same = all((Path(out) / name).is_file() and (Path(out) / name).read_bytes() == contents[name] for name in contents)
    pictures = [Path(out) / name for name in contents] if same else write_all(Path(out), contents, force=force)
    if as_json:
        console.say_json(found.as_dict())
        return
    console.say(text(found))
    console.say(f"\npicture     {pictures[0]}")
    console.log(f"took {time.perf_counter() - began:.0f} s")


def text(found: Demo) -> str:
    """The table: nominal against EDEN."""
    first, chosen, saving = found.curve[0], found.chosen, found.as_dict()["saving"]
    percent = "{:.2f} % ± {:.2f}".format
    rows = [
        ["", "nominal", "EDEN", "EDEN, not boosted"],
        ["VDD (V)", f"{first.vdd:.2f}", f"{chosen.vdd:.2f}", f"{chosen.vdd:.2f}"],
        ["bit error rate of reads", f"{first.ber:.2g}", f"{chosen.ber:.2g}", f"{chosen.ber:.2g}"],
        [
            "accuracy",
            *(percent(100 * s.value, 100 * s.half_width) for s in (found.nominal, found.eden, found.unboosted)),
        ],
        ["DRAM energy (uJ)", *(f"{t.energy_pj * 1e-6:.4g}" for t in (first, chosen, chosen))],
        ["time (us)", *(f"{t.time_ns * 1e-3:.4g}" for t in (first, chosen, chosen))],
        ["energy saved", "", *[f"{saving['energy_pj']:.1%}"] * 2],
        ["time saved", "", *[f"{saving['time_ns']:.1%}"] * 2],
    ]
    head = (
        "A small network (lenet-small, int8) on an Eyeriss-like accelerator with DDR3L-1600, memory chip profile "
        f'"eden"\naccuracy on {found.nominal.images:,} procedural images, 95 % intervals; energy, time of one image\n\n'
    )
    return head + columns(rows)
