"""`edensim show chip`: what a chip profile says of every knob, beside what was measured, as a table and a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from edensim.cli import console
from edensim.cli.options import common, force_option, format_option, json_option
from edensim.study.text_table import columns

if TYPE_CHECKING:
    from edensim.approx.chip import Chip

UNITS = {"VDD": "V", "tREFI": "x"}


@click.command("chip", short_help="Error rates of a chip by tRCD, tRP and VDD.")
@click.argument("name", required=False)
@click.option("--out", metavar="DIR", help="Draw the curves into this folder, with their data as CSV.")
@format_option("png")
@force_option
@json_option
@common
def show_chip(name: str | None, out: str | None, formats: list[str], force: bool, as_json: bool) -> None:
    """Print error rates of a chip along each knob (and draw them, with --out), or list all.

    NAME is a shipped family (A, B, C, eden), one of its modules (A@A4 was measured, A@7 is drawn from the spread
    between modules), a profile of your own (.toml), or measured points (.csv).

    \b
    edensim show chip C --out figures
    """  # noqa: D301  (click wants the backspace itself)
    if name is None:
        _list_chips(as_json)
        return
    from edensim.approx.chip_load import load_chip
    from edensim.study.plots.formats import check_formats

    formats = check_formats(formats)
    chip = load_chip(name)
    rows = curve_rows(chip)
    if as_json:
        console.say_json({"chip": chip.table.model_dump(mode="json", exclude_none=True), "points": rows})
    else:
        console.say(_text(chip, rows))
    if out is not None:
        _draw(chip, out, formats, force)


def curve_rows(chip: Chip) -> list[dict[str, Any]]:
    """Rates at the settings that were measured or given as points, knob by knob, as plain data."""
    from edensim.approx.chip_curves import curve, knobs_of

    table, rows = chip.table, []
    for knob in knobs_of(chip):
        seen = {m.at: m for m in table.measured if m.knob == knob}
        given = {value for law in table.points for axis, values in law.axes.items() if axis == knob for value in values}
        for point in curve(chip, knob, sorted({*seen, *given})):
            row = point._asdict()
            if (measured := seen.get(point.value)) is not None:
                row |= {"measured": measured.model_dump(mode="json", exclude={"knob", "at"})}
            rows.append(row)
    return rows


def _text(chip: Chip, rows: list[dict[str, Any]]) -> str:
    table = chip.table
    parts = [f"{chip.name}: {table.title}", table.source]
    head = [
        "knob",
        "setting",
        "BER",
        "stored 0",
        "stored 1",
        "faulty lines",
        "basis",
        "seen: median",
        "least",
        "most",
        "modules",
    ]
    body = []
    for row in rows:
        seen = row.get("measured")
        shown = [_rate(seen[key]) for key in ("median", "least", "most")] + [seen["dimms"]] if seen else [""] * 4
        if seen and seen["quantity"] == "line_fraction":
            shown[0] += " of lines"
        cells = [_rate(row[key]) for key in ("ber", "ber_0", "ber_1", "line_fraction")]
        unit = UNITS.get(row["knob"], "ns")
        body.append([row["knob"], f"{row['value']:g} {unit}", *cells, row["basis"], *shown])
    parts += ["", columns([head, *body])]
    parts += ["", *(f"{knob}: {kind}" for knob, kind in _without_measurement(chip))]
    if table.VDD.law == "lines":
        law = table.VDD
        low, high = law.bits_per_line_band
        parts.append(
            f"VDD: at tRCD = tRP = {law.at_ns:g} ns. The study counted faulty lines; BER assumes {law.bits_per_line} "
            f"bits in each ({low} to {high}: {low / law.bits_per_line:g} to {high / law.bits_per_line:g} times that)."
        )
        if law.row_correlation:
            parts.append(
                f"VDD: groups of {law.row_group} rows differ: their lines have {law.row_correlation:.0%} of what makes "
                f"them weak in common, {law.row_own:.0%} of it for each bank apart, the rest in all banks alike."
            )
    if table.tRP.law == "knots":
        parts.append("tRP: error rate where the previous row holds the inverse; unrelated rows give half of it.")
    if table.dimm:
        parts.append(f"measured modules, as {chip.name.partition('@')[0]}@NAME: {', '.join(table.dimm)}")
    return "\n".join(parts)


def _without_measurement(chip: Chip) -> list[tuple[str, str]]:
    """Knobs nobody measured, in words."""
    table = chip.table
    laws = {"tRCD": table.tRCD, "tRAS": table.tRAS, "tRP": table.tRP, "VDD": table.VDD, "refresh": table.refresh}
    covered = {"refresh" if knob == "tREFI" else knob for law in table.points for knob in law.axes}
    words = {
        "none": "no error law; must stay nominal",
        "restore": "experimental law only",
        "retention": "experimental law only",
    }
    return [(knob, words[law.law]) for knob, law in laws.items() if law.law in words and knob not in covered]


def _rate(rate: float) -> str:
    return f"{rate:.3g}" if rate else "0"


def _list_chips(as_json: bool) -> None:
    from edensim.approx.chip_load import chip_names, load_chip

    chips = [load_chip(name) for name in chip_names()]
    if as_json:
        keys = ("title", "source", "basis")
        console.say_json({"chip": {chip.name: {key: getattr(chip.table, key) for key in keys} for chip in chips}})
        return
    rows = [[chip.name, len(chip.table.dimm), chip.table.basis, chip.table.title] for chip in chips]
    console.say(columns([["chip", "modules", "basis", "what"], *rows], right_from=9))


def _draw(chip: Chip, out: str, formats: list[str], force: bool) -> None:
    import re
    from pathlib import Path

    from edensim.study.folder import write_all
    from edensim.study.plots.chips import draw
    from edensim.study.plots.style import encode, styled

    stem = "chip-" + re.sub(r"[^A-Za-z0-9._-]+", "-", Path(chip.name).name)
    with styled():
        drawing = draw([chip])
        contents = {f"{stem}.{fmt}": encode(drawing.figure, fmt) for fmt in formats}
    for path in write_all(Path(out), contents | {f"{stem}.csv": drawing.table()}, force=force):
        console.log(f"wrote {path}")
