"""`edensim fit READS`: fit error models to repeated reads of the same rows, and choose one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from edensim.cli import console
from edensim.cli.options import common, json_option
from edensim.study.text_table import columns

if TYPE_CHECKING:
    from edensim.approx.fit import Fit

MOST_BANKS = 16
"""Banks of the table; more are in --json."""


@click.command(short_help="Fit error models to repeated reads, choose one.")
@click.argument("reads")
@click.option(
    "--models",
    default="all",
    show_default=True,
    metavar="NAME,…|all",
    help="Models to choose from: uniform, data_dependent, bank_clustered, wordline, bitline.",
)
@json_option
@common
def fit(reads: str, models: str, as_json: bool) -> None:
    """Fit error models to READS, an .npz of repeated reads, and choose the one that predicts unseen cells best.

    READS holds `reads` (uint8: reads, rows, bytes), `stored` (patterns, rows, bytes) and `pattern` (which pattern each
    read found), as `edensim profile` writes it or as a tester measured it. Parameters come with 95 % intervals; what
    the reads cannot tell is said.

    \b
    edensim profile A --trcd 5.0 --out profile
    edensim fit profile/step-00.npz
    """  # noqa: D301  (click wants the backspace itself)
    from edensim.approx.fit import fit_models
    from edensim.approx.fit_compare import ORDER
    from edensim.approx.fit_reads import load_reads

    names = ORDER if models == "all" else tuple(word.strip() for word in models.split(",") if word.strip())
    found = fit_models(load_reads(reads), names)
    if as_json:
        console.say_json(fit_data(found))
    else:
        console.say(_text(found))


def fit_data(found: Fit) -> dict[str, Any]:
    """Everything about a fit as plain data."""
    comparison = found.comparison
    return {
        "model": found.chosen,
        "parameters": found.parameters(),
        "intervals": {name: list(interval) for name, interval in found.intervals().items()},
        "ber": vars(found.ber),
        "banks": [{"bank": bank} | vars(rate) for bank, rate in found.banks.items()],
        "reads": found.counts.reads,
        "rows": found.counts.rows,
        "bits": found.counts.bits,
        "comparison": {
            name: {
                "held_out_log_likelihood": comparison.held_out[name],
                "behind_standard_errors": comparison.behind[name],
                "tied": name in comparison.tied,
                "parameters": found.parameters(name),
            }
            for name in comparison.held_out
        },
        "limits": list(found.limits),
    }


def _text(found: Fit) -> str:
    counts, comparison, rate = found.counts, found.comparison, found.ber
    parts = [
        f"{counts.reads} reads of {counts.rows:,} rows x {counts.bits:,} bits: bit error rate {rate.ber:.4g} "
        f"({rate.low:.3g} to {rate.high:.3g})",
        "",
    ]
    head = ["model", "behind the best (standard errors)", ""]
    rows = [
        [
            name,
            f"{comparison.behind[name]:.1f}",
            "chosen" if name == found.chosen else "tied" * (name in comparison.tied),
        ]
        for name in sorted(comparison.behind, key=lambda name: comparison.behind[name])
    ]
    parts += [columns([head, *rows]), "", f"{found.chosen}:"]
    intervals = found.intervals()
    cells = []
    for name, value in found.parameters().items():
        reach = f"{intervals[name][0]:.4g} to {intervals[name][1]:.4g}" if name in intervals else ""
        cells.append([f"  {name}", f"{value:.5g}" if isinstance(value, float) else str(value), reach])
    parts.append(columns(cells))
    if len(found.banks) > 1:
        shown = list(found.banks.items())[:MOST_BANKS]
        body = [[bank, f"{r.ber:.4g}", f"{r.low:.3g} to {r.high:.3g}"] for bank, r in shown]
        parts += ["", columns([["bank", "BER", "95 %"], *body])]
    parts += ["", *(f"not told by these reads: {limit}" for limit in found.limits)] if found.limits else []
    return "\n".join(parts)
