"""Figure 11: tolerable bit error rate of every tensor, by the paper's sweep from the rate of the whole network.

A small boosted network in place of ResNet101. Steps are a factor of 1.25, not 0.5 %, because the small network's rates
are far below 1 %; no retraining in every iteration.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from edensim.study.ledger import paper
from edensim.study.ledger.curve import Curve
from edensim.study.ledger.experiment import Experiment, Found
from edensim.study.ledger.item import SCALED, Context, Item, NotMeasuredError, Row, row
from edensim.study.ledger.tolerance import small_note

IMAGES = 1000
STEP = 1.25
PANEL = "ResNet-small, int8, boosted"
KINDS = {"weights": "weights", "ifm": "input maps"}
NOTE = f"{small_note('ResNet101')}, int8, boosted; steps of x{STEP} in place of 0.5 %"


def _measure() -> Found:
    from edensim import dnn
    from edensim.eden import Search, sweep
    from edensim.study.ledger.networks import BOUND, PER_DRAW, clean_accuracy, data, load, memory, tolerable

    clean = clean_accuracy(load("resnet-small"))
    under = memory(load("resnet-small", "int8"), "int8")
    coarse = tolerable(under, dnn.FreshErrors, clean).ber
    if not coarse:
        return {"coarse": 0.0}

    def measure(rates: Mapping[str, float], repeat: int) -> list[float]:
        under.errors = dnn.RatesErrors(rates)
        found = dnn.accuracy(under.net, data().test, under, batch=PER_DRAW, repeat=repeat, images=IMAGES)
        return [c / n for c, n in zip(found.correct, found.images, strict=True)]

    search = Search(most_repeats=1)
    fine = sweep(measure, list(under.tensors), coarse, clean - BOUND, factor=STEP, search=search)
    return {"coarse": coarse} | {f"rate {name}": rate for name, rate in fine.rates.items()}


SWEEP = Experiment("fine-grained", _measure, 30.0, networks=("resnet-small",))


def rates(context: Context) -> dict[str, float]:
    """Tolerable rate by tensor, in the order of the network (alphabetical within the file)."""
    found = context.found(SWEEP)
    named = {name.removeprefix("rate "): rate for name, rate in found.items() if name.startswith("rate ")}
    if not named:
        raise NotMeasuredError("the boosted network tolerates no errors at all")
    return dict(sorted(named.items(), key=lambda entry: (int(entry[0].split(".")[0]), entry[0])))


def _coarse(context: Context) -> float:
    rates(context)
    return context.found(SWEEP)["coarse"]


def _most(context: Context) -> float:
    return max(rates(context).values()) / _coarse(context)


def _last_weights(context: Context) -> float:
    return [rate for name, rate in rates(context).items() if name.endswith(".weights")][-1]


def _mean(context: Context, kind: str) -> float:
    found = [rate for name, rate in rates(context).items() if name.endswith(f".{kind}")]
    return sum(found) / len(found)


def _curves(context: Context) -> list[Curve]:
    """Rates by layer, weights and input maps, the whole network's as a line; the paper's two numbers of its text."""
    found = rates(context)
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in found))
    last = float(len(layers))

    def line(name: str, x: tuple[float, ...], y: tuple[float, ...], is_paper: bool = False) -> Curve:
        label = "convolution or fully connected layer"
        return Curve(PANEL, name, x, y, label, "tolerable bit error rate", "y", is_paper, falls=False)

    drawn = []
    for kind, told in KINDS.items():
        points = [(k, found[f"{name}.{kind}"]) for k, name in enumerate(layers, 1) if f"{name}.{kind}" in found]
        drawn.append(line(told, tuple(float(k) for k, _ in points), tuple(rate for _, rate in points)))
    whole = context.found(SWEEP)["coarse"]
    get = partial(paper.value, "accuracy")
    said = (get("coarse_ber"), get("fine_ber"))
    return [
        *drawn,
        line("whole network", (1.0, last), (whole, whole)),
        line("paper: whole, last weights", (last, last), said, is_paper=True),
    ]


def _rows(context: Context) -> list[Row]:
    get = partial(paper.value, "accuracy")
    return [
        row(
            "most tolerant tensor over the whole network",
            get("fine_grained"),
            partial(_most, context),
            "x",
            SCALED,
            NOTE,
        ),
        row("last weights", get("fine_ber"), partial(_last_weights, context), "BER", SCALED, NOTE),
        row("whole network", get("coarse_ber"), partial(_coarse, context), "BER", SCALED, NOTE),
        row("mean of weights", None, partial(_mean, context, "weights"), "BER", SCALED, NOTE),
        row("mean of input maps", None, partial(_mean, context, "ifm"), "BER", SCALED, NOTE),
    ]


ITEMS = [
    Item("fine-grained", "Tolerable rates of single tensors", "section 6.6, figure 11", _rows, experiments=(SWEEP,),
         curves=_curves)
]  # fmt: skip
