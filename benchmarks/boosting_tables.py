"""Tables of the rows of `boosting.py` that are done; what is missing is shown as missing.

Values are geometric means over seeds, ratios are taken seed by seed; in brackets 95 % intervals over seeds (Student's
t of the logarithm; of a single rate that of its draws). Where the lowest rate fails, the highest that passes is given:
some networks learned the errors of one setting of a device and miss them below it. A rate is 0 where none passes. Seeds
differ in images, network, order of training and weak cells.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from boosting_kept import Done
from boosting_rows import FRESH, MODELS, OTHER, OWN, PLAIN_RELU, SHARES, UNFIT, Row, Size, path_of
from table import markdown

from edensim.eden.estimate import student_quantile

MISSING = "not run yet"
MAIN = "Before, control and after"
AT_ONCE = "Curriculum against all errors at once"
MODELS_ALIGNED = "Error models, most significant bits on the same bitlines"
PRUNED = "Pruned networks"
Group = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Table:
    """A table: what makes it from its rows, and which rows belong to it."""

    title: str
    make: Callable[[Sequence[Row], Done], str]
    rows: Sequence[Row]


def report(wanted: Sequence[Row], done: Done, size: Size, before: str = "") -> str:
    """All tables, in the place of those `before`; of a table some of whose rows are missing, that of before stays."""
    head = (
        f"{size.train:,} training images, {size.test:,} test images, "
        f"{size.epochs} epochs before boosting, {size.boost_epochs} epochs of boosting. Tolerable bit error rates at "
        "a drop of one point, gains at one and at five points. " + " ".join(__doc__.split("\n\n")[1].split())
    )
    parts, headings = [head], set()
    for table in _tables(wanted):
        heading, _, kind = table.title.partition(": ")
        if heading not in headings:
            parts.append(f"### {heading}")
            headings.add(heading)
        found = {row: done[row] for row in table.rows if row in done}
        spent = sum(row.get("cpu_s", 0.0) for row in found.values()) / 60
        rows = f"{len(found)} of {len(table.rows)} rows, {spent:.0f} min of CPU time."
        made = "\n\n".join(
            filter(
                None,
                [
                    kind and f"#### {kind}",
                    CLAIMS.get(table.title, CLAIMS.get(heading, "")),
                    table.make(table.rows, found),
                    rows,
                ],
            )
        )
        begin, end = (f"<!-- {word} table: {table.title} -->" for word in ("begin", "end"))
        kept = before.split(begin)[1].split(end)[0].strip() if begin in before else MISSING
        if len(found) < len(table.rows) and MISSING not in kept:
            made = kept
        parts.append(f"{begin}\n{made}\n{end}")
    return "\n\n".join(parts)


def _tables(wanted: Sequence[Row]) -> Iterator[Table]:
    """The tables that have rows: the quick run has not all."""

    def those(belongs: Callable[[Row], bool]) -> list[Row]:
        return [row for row in wanted if belongs(row)]

    def with_change(*changes: str) -> list[Row]:
        return those(lambda r: any(replace(r, change=c) in wanted for c in changes) and r.change in ("", *changes))

    main = [row for row in wanted if row.recipe != "none" and not row.change and row.errors in (FRESH, OWN)]
    for recipe, precision in dict.fromkeys((row.recipe, row.precision) for row in main):
        rows = [row for row in main if (row.recipe, row.precision) == (recipe, precision)]
        yield Table(f"{MAIN}: {precision}, {recipe}", _main, rows)
    shares = [f"pruned {share}" for share in SHARES]
    pruned = those(lambda r: r.change in shares or _has_pruned(r, wanted))
    for title, make, rows, part in (
        (AT_ONCE, partial(_pairs, "at once", "in steps"), with_change("at once"), "recipe"),
        ("ReLU6 beside clipped ranges", partial(_pairs, PLAIN_RELU, "with ReLU6"), with_change(PLAIN_RELU), None),
        ("Correction of implausible values, fp32", _corrections, with_change("saturate", "no correction"), None),
        ("Good and poor fit of the errors trained for", _fit, [r for r in those(
            lambda r: r.errors in (OWN, OTHER, UNFIT) and replace(r, errors=OTHER) in wanted)], None),
        (MODELS_ALIGNED, _models, those(lambda r: r.errors in MODELS), None),
        (PRUNED, _pruned, pruned, "net"),
        ("Fine against coarse mapping", _energy, those(lambda r: r.change == "energy"), None),
    ):  # fmt: skip
        for which in dict.fromkeys(getattr(row, part) if part else "" for row in rows):
            own = [row for row in rows if not part or getattr(row, part) == which]
            yield Table(f"{title}: {which}" if part else title, make, own)


def _has_pruned(row: Row, wanted: Sequence[Row]) -> bool:
    """Whether the network before boosting of this row is what pruned ones are compared with."""
    whole = (row.recipe, row.errors, row.change) == ("best", FRESH, "")
    return whole and any(replace(row, recipe="none", change=f"pruned {share}") in wanted for share in SHARES)


PAPER_MODE = (
    "The paper (Koppula et al., MICRO 2019, section 1): x5 to x10 by boosting, without a control. `paper` mode trains "
    "for ten times the rate before."
)
BEST_MODE = (
    "`best` mode clips ranges, bounds activations and trains for 2e-2, or half of it and so on where a network would "
    "lose more than the point on training images without errors."
)
CLAIMS = {
    **{f"{MAIN}: {precision}, paper": PAPER_MODE for precision in ("int8", "fp32", "int4")},
    **{f"{MAIN}: {precision}, best": BEST_MODE for precision in ("int8", "int4")},
    f"{MAIN}: fp32, best": "`best` mode bounds activations, draws rates and trains for ten times the rate before.",
    AT_ONCE: (
        "The paper (section 6.3, Figure 10 right): without a curriculum, retraining ends below the network before."
    ),
    "ReLU6 beside clipped ranges": (
        "`best` mode stores maps in clipped ranges, which bounds them already; ReLU6, where it fits, bounds them in "
        "the network as well. Not in the paper."
    ),
    "Correction of implausible values, fp32": (
        "The paper (section 6.3): zeroing raises the tolerable rate of its fp32 networks from 1e-7 to 1e-3; saturating "
        "loses 7 to 8 points against it. `paper` mode."
    ),
    "Good and poor fit of the errors trained for": (
        "The paper (section 6.3, Figure 10 left): a model of the device that fits gains more than x10, one that does "
        "not hardly anything. All rows are read on the cells of a chip; over the error-free control, as clipped ranges "
        "pay on any chip."
    ),
    MODELS_ALIGNED: (
        "Tolerable rate of the networks before boosting, weak cells with F = 0.5, all tensors in one bank; models 0 "
        "and 3 share their weak cells, and in model 3 a third of the failures are those of ones. The paper (section "
        "6.3, Figure 8): model 1 (bitline) is worst for fp32, model 2 (wordline) for int4."
    ),
    PRUNED: (
        "Tolerable rate before boosting, over that of the whole network of the same seed. The paper (section 3.3): no "
        "significant change in fp32 and int8."
    ),
    "Fine against coarse mapping": (
        "DRAM energy on Eyeriss saved by the boosted int8 network, both mappings within one point on validation images "
        "at the places themselves; accuracy on test images. Fine is what the flow settles on: in no parts at all if "
        "that saves most. The paper gives no energy of its fine mapping."
    ),
}


def load(wanted: Iterable[Row], size: Size, home: Path) -> Done:
    """Rows that are done."""
    paths = {row: path_of(row, size, home) for row in wanted}
    return {row: json.loads(path.read_text()) for row, path in paths.items() if path.exists()}


def status(wanted: Sequence[Row], done: Done) -> str:
    """How many rows are done, and how long the rest may take, by the mean of rows of the same kind."""
    spent: dict[tuple[str, bool], list[float]] = {}
    for row, found in done.items():
        spent.setdefault((row.net, row.recipe == "none"), []).append(found["cpu_s"])
    missing = [row for row in wanted if row not in done]
    known = [spent[key] for row in missing if (key := (row.net, row.recipe == "none")) in spent]
    rest = sum(fmean(x) for x in known)
    return (
        f"{len(done)} of {len(wanted)} rows done in {_hours(done.values()):.2f} h of CPU time; "
        f"{len(known)} of the others will take about {rest / 3600:.2f} h, of {len(missing) - len(known)} nothing is "
        "known yet"
    )


def _hours(rows: Iterable[dict[str, Any]]) -> float:
    return sum(row.get("cpu_s", 0.0) for row in rows) / 3600


def ratio(pairs: Sequence[tuple[float, float]]) -> str:
    """Geometric mean of a / b and its 95 % interval over the pairs."""
    if any(b == 0 for _, b in pairs):
        return "none before"
    if any(a == 0 for a, _ in pairs):
        return "0"
    mean, half = _logs([a / b for a, b in pairs])
    if len(pairs) < 2:
        return f"x{_two(math.exp(mean))}"
    return f"x{_two(math.exp(mean))} ({_two(math.exp(mean - half))}…{_two(math.exp(mean + half))})"


def _logs(values: Sequence[float]) -> tuple[float, float]:
    """Mean of the logarithms, and half of its 95 % interval (0 for a single value)."""
    logs = [math.log(value) for value in values]
    if len(logs) < 2:
        return logs[0], 0.0
    return fmean(logs), student_quantile(0.975, len(logs) - 1) * stdev(logs) / math.sqrt(len(logs))


def _main(wanted: Sequence[Row], done: Done) -> str:
    head = ["network", "recipe", "errors", "seeds", "before", "control", "boosted", "gain", "over control",
            "gain, 5 points", "over control, 5 points", "accuracy before, control, boosted"]  # fmt: skip
    body = []
    for first in [row for row in wanted if row.seed == 0]:
        group = _seeds(first, wanted, done)
        name = [f"{first.net} {first.precision}", first.recipe, first.errors, len(group)]
        body.append([*name, *([MISSING] + [""] * 7 if not group else _gains(group, first.precision))])
    return markdown(head, body)


def _gains(group: Group, precision: str) -> list[str]:
    rate = "at 0.001" if precision == "fp32" else "at 0.01"
    arms = ("before", "control", "boosted")
    cells = [_mean(group, arm) for arm in arms]
    for drop in ("0.01", "0.05"):
        cells += [_over(group, "boosted", "before", drop), _over(group, "boosted", "control", drop)]
    return [*cells, f"{rate}: {', '.join(_at(group, arm, rate) for arm in arms)}"]


def _pairs(change: str, other: str, wanted: Sequence[Row], done: Done) -> str:
    head = ["network", "recipe", "errors", "seeds", f"boosted {change}, over control", f"{other}, over control",
            f"{change}, over before", f"accuracy at 0.01: control, {change}, {other}"]  # fmt: skip
    body = []
    for first in [row for row in wanted if row.change == change and row.seed == 0]:
        seeds = [replace(first, seed=s) for s in range(3)]
        both = [(done[r], done[replace(r, change="")]) for r in seeds if r in done and replace(r, change="") in done]
        name = [f"{first.net} {first.precision}", first.recipe, first.errors, len(both)]
        if not both:
            body.append([*name, MISSING, "", "", ""])
            continue
        once, steps = [a for a, _ in both], [b for _, b in both]
        at = [_at(once, "control"), _at(once, "boosted"), _at(steps, "boosted")]
        ratios = [_over(once, "boosted", "control"), _over(steps, "boosted", "control")]
        body.append([*name, *ratios, _over(once, "boosted", "before"), ", ".join(at)])
    return markdown(head, body)


def _corrections(wanted: Sequence[Row], done: Done) -> str:
    head = ["network", "correction", "seeds", "before", "control", "boosted", "accuracy at 0.001: before, boosted"]
    body = []
    nets = list(dict.fromkeys(row.net for row in wanted if row.change in ("saturate", "no correction")))
    for net, change in product(nets, ("", "saturate", "no correction")):
        group = _seeds(Row(net, "fp32", 0, "paper", FRESH, change), wanted, done)
        name = [net, {"": "zero", "saturate": "saturate"}.get(change, "none"), len(group)]
        cells = [_mean(group, arm) for arm in ("before", "control", "boosted")] if group else [MISSING, "", ""]
        at = f"{_at(group, 'before', 'at 0.001')}, {_at(group, 'boosted', 'at 0.001')}" if group else ""
        body.append([*name, *cells, at])
    return markdown(head, body)


def _fit(wanted: Sequence[Row], done: Done) -> str:
    head = ["network", "boosted for", "seeds", "tolerates on its chip", "over before", "over control",
            "over control, 5 points", "accuracy at 0.01"]  # fmt: skip
    names = {OWN: "the cells of this chip", UNFIT: "fresh errors", OTHER: "the cells of another chip"}
    body = []
    for net, errors in product(list(dict.fromkeys(r.net for r in wanted if r.errors == OTHER)), names):
        group = _seeds(Row(net, errors=errors), wanted, done)
        cells = [MISSING, "", "", "", ""]
        if group:
            cells = [_mean(group, "boosted"), _over(group, "boosted", "before"), _over(group, "boosted", "control")]
            cells += [_over(group, "boosted", "control", "0.05"), _at(group, "boosted")]
        body.append([net, names[errors], len(group), *cells])
    return markdown(head, body)


def _models(wanted: Sequence[Row], done: Done) -> str:
    known = [row for row in wanted if row.errors in MODELS]
    body = []
    for net, precision in dict.fromkeys((row.net, row.precision) for row in known):
        groups = [_seeds(Row(net, precision, 0, "none", model), wanted, done) for model in MODELS]
        cells = [_mean(group, "before") if group else MISSING for group in groups]
        at = ", ".join(_at(group, "before", "at 0.001") for group in groups) if all(groups) else ""
        body.append([f"{net} {precision}", "/".join(str(len(group)) for group in groups), *cells, at])
    head = ["network", "seeds", *(f"{k} {name}" for k, name in enumerate(MODELS)), "accuracy at 0.001: 0, 1, 2, 3"]
    return markdown(head, body)


def _pruned(wanted: Sequence[Row], done: Done) -> str:
    shares = [s for s in SHARES if any(row.change == f"pruned {s}" for row in wanted)]
    body = []
    for net, precision in dict.fromkeys((r.net, r.precision) for r in wanted if r.change.startswith("pruned")):
        cells = []
        for share in shares:
            pairs = []
            for seed in range(3):
                row = Row(net, precision, seed, "none", FRESH, f"pruned {share}")
                whole = [done[x] for x in done if (x.net, x.precision, x.seed) == (net, precision, seed)
                         and x.errors == FRESH and not x.change]  # fmt: skip
                if row in done and whole:
                    pairs.append((done[row]["before"]["0.01"]["ber"], whole[0]["before"]["0.01"]["ber"]))
            cells.append(ratio(pairs) if pairs else MISSING)
        body.append([f"{net} {precision}", *cells])
    return markdown(["network", *(f"{share} % removed" for share in shares)], body)


def _energy(wanted: Sequence[Row], done: Done) -> str:
    head = ["network", "coarse: saved", "accuracy", "fine: saved", "accuracy", "nominal accuracy"]
    body = []
    for row in [row for row in wanted if row.change == "energy"]:
        if row not in done:
            body.append([row.net, MISSING, "", "", "", ""])
            continue
        found = done[row]
        cells = []
        for way in ("coarse", "fine"):
            x, eden = found[way], found[way]["accuracy"]["eden"]
            cells += [f"{100 * (1 - x['eden_pj'] / x['nominal_pj']):.1f} %", _interval(eden)]
        body.append([row.net, *cells, _interval(found["fine"]["accuracy"]["nominal"])])
    return markdown(head, body)


def _seeds(first: Row, wanted: Sequence[Row], done: Done) -> list[dict[str, Any]]:
    return [done[row] for s in range(3) if (row := replace(first, seed=s)) in done and row in wanted]


def _over(group: Group, a: str, b: str, drop: str = "0.01") -> str:
    if any(x[a] is None for x in group):
        return "diverged"
    return ratio([(x[a][drop]["ber"], x[b][drop]["ber"]) for x in group])


def _mean(group: Group, arm: str, drop: str = "0.01") -> str:
    """Geometric mean of the tolerable rates and its interval, for one seed the range that its draws support."""
    if any(x[arm] is None for x in group):
        return "diverged"
    rates = [x[arm][drop]["ber"] for x in group]
    if len(rates) == 1:
        found = group[0][arm][drop]
        return f"{rates[0]:.2g} ({found['low']:.2g}…{found['high']:.2g})"
    if not all(rates):
        return f"0 in {sum(not rate for rate in rates)} of {len(rates)}"
    mean, half = _logs(rates)
    return f"{math.exp(mean):.2g} ({math.exp(mean - half):.2g}…{math.exp(mean + half):.2g})"


def _at(group: Group, arm: str, rate: str = "at 0.01") -> str:
    if any(x[arm] is None for x in group):
        return "diverged"
    return f"{100 * fmean(x[arm][rate]['mean'] for x in group):.1f} %"


def _interval(x: dict[str, float]) -> str:
    return f"{100 * x['mean']:.2f} % ({100 * x['low']:.2f}…{100 * x['high']:.2f})"


def _two(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"
