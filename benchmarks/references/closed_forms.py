"""Loads so simple that the timings alone say how long they take."""

from __future__ import annotations

from table import markdown

from tests.dram.closed_forms import FORMS, Form
from tests.dram.preset_dram import OWN

PART, TITLE = "DRAM timing", "closed forms"
MERIT = "latencies and rates that follow from the timings of every shipped memory"
LIMITS = [("loads between an idle and a saturated memory", "no closed form; see ramulator 2")]


def cell(form: Form) -> str:
    """What was simulated, and the interval it must lie in where that is wider than a number."""
    exact = f"{form.low:g}" if form.low == form.high else f"{form.low:.4g} to {form.high:.4g}"
    return f"{form.simulated:.4g}{'' if form.holds else ' MISSED'} ({exact})"


def measure() -> tuple[str, str]:
    """Every form on every own memory."""
    rows, held = [], []
    for name in OWN:
        forms = [form(name) for form in FORMS]
        held += [form.holds for form in forms]
        rows.append([name, *map(cell, forms)])
    told = "\n".join(f"- {form.__name__}: {(form.__doc__ or '').partition(chr(10))[0]}" for form in FORMS)
    head = ["memory", *(form.__name__ for form in FORMS)]
    text = f"Simulated, and in brackets what must be:\n\n{told}\n\n{markdown(head, rows)}"
    return f"{sum(held)} of {len(held)} hold", text
