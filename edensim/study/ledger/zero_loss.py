"""Section 7.1, no loss of accuracy: what the paper's CPU saves and gains when nothing may be lost.

The paper gives the means and no operating points. Here Table 3's bit error rate of each network is multiplied with the
share of its rate that is left when no loss is allowed, measured on the small network that stands for it (the geometric
mean of all where none does), and Table 3's own curve gives VDD and tRCD. Times between nominal tRCD and Table 3's are
interpolated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from statistics import geometric_mean, mean
from typing import TYPE_CHECKING

from edensim.study.ledger import paper, tolerance
from edensim.study.ledger.item import SCALED, Context, NotMeasuredError, Row, row
from edensim.study.ledger.operating_points import lowest_tRCD, lowest_vdd
from edensim.study.ledger.pricing import saving

if TYPE_CHECKING:
    from edensim.study.ledger.processors import Processor

CURVE = "eden"
NOTE = (
    "Table 3's rates times the share left without loss on small networks ({shares}); VDD and tRCD from Table 3's own "
    "curve"
)


def share_left(context: Context, network: str, precision: str) -> float:
    """Tolerable rate without any loss over that with one point, at most 1."""
    found = {name: _share(context, name, precision) for name in tolerance.SMALL}
    if network in found:
        return found[network]
    positive = [share for share in found.values() if share]
    if not positive:
        raise NotMeasuredError("no small network tolerates any error without loss")
    return geometric_mean(positive)


def _share(context: Context, network: str, precision: str) -> float:
    with_loss = tolerance.rate(context, network, f"{precision} boosted")
    return min(1.0, tolerance.rate(context, network, f"{precision} boosted no loss") / with_loss) if with_loss else 0.0


def _rate(context: Context, network: str, precision: str) -> float:
    return paper.reductions(precision)[network].ber * share_left(context, network, precision)


def saved(processor: Processor, context: Context, network: str, precision: str) -> float:
    """Share of the DRAM energy."""
    delta = lowest_vdd(CURVE, _rate(context, network, precision))
    return saving(context.measured(processor.setup(network, precision)), delta, context.corner)


def gained(processor: Processor, context: Context, network: str, precision: str) -> float:
    """Speed."""
    published = paper.reductions(precision)[network].delta_tRCD_ns
    share = lowest_tRCD(CURVE, _rate(context, network, precision)) / published
    usual = context.measured(processor.setup(network, precision))["time_ns"]
    fast = context.measured(processor.lowered(network, precision))["time_ns"]
    return usual / (usual + share * (fast - usual)) - 1


def rows(processor: Processor, key: str, each: Callable[..., float]) -> Callable[[Context], list[Row]]:
    """Mean over the benchmarks and the most of them, `key` being "energy" or "speed"."""

    def told(context: Context) -> str:
        found = [share_left(context, n, p) for n, p in processor.code if n in tolerance.SMALL]
        return NOTE.format(shares=f"{min(found):.0%} to {max(found):.0%}")

    def computed(context: Context, combine: Callable[[Iterable[float]], float]) -> float:
        return combine([each(processor, context, *bench) for bench in processor.code])

    def make(context: Context) -> list[Row]:
        return [
            row(f"no loss of accuracy, {kind}", paper.value(processor.key, f"{key}_zero_loss_{kind}"),
                partial(computed, context, combine), "%", SCALED, partial(told, context))
            for kind, combine in (("mean", mean), ("most", max))
        ]  # fmt: skip

    return make
