"""Fine characterisation: a tolerable bit error rate for every tensor of a network.

`sweep` is the paper's way (Koppula et al., MICRO 2019, section 3.3): every tensor starts at the coarse rate; round
after round the rate of one is raised by a small step, and the tensor leaves the list when the network misses its
target. Gaps closed here: a step is a factor or an amount; a raise that fails is taken back; rates end at `highest`.
Retraining in every iteration, which the paper mentions and does not describe, is left out.

`guided` measures once what each tensor alone costs at each of a few rates (those of the operating points that exist),
takes losses to add up, and lets the caller choose rates within a budget; the choice is measured as a whole, and the
budget reduced until it holds. It needs (tensors x rates) short measurements instead of one whole one per step.

Not modelled: losses that depend on which other tensors err, beyond the final measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from edensim.eden.coarse import Search, repeated
from edensim.eden.estimate import Estimate
from edensim.errors import ConfigError

Rates = dict[str, float]
MeasureRates = Callable[[Mapping[str, float], int], Sequence[float]]
"""(bit error rate by tensor, repeat) -> accuracy under each of its draws."""
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class FineTolerance:
    """Tolerable bit error rates by tensor, and the accuracy with all of them at once.

    `measurements` counts how often the network was measured; `losses` (guided): accuracy lost by tensor and rate.
    """

    rates: Rates
    accuracy: Estimate
    target: float
    measurements: int
    losses: dict[str, dict[float, float]] = field(default_factory=dict)


def sweep(
    measure: MeasureRates,
    tensors: Sequence[str],
    start: float,
    target: float,
    *,
    factor: float = 1.25,
    amount: float = 0.0,
    highest: float = 0.4,
    search: Search | None = None,
    progress: Progress | None = None,
) -> FineTolerance:
    """Raise the rate of one tensor after the other until none can rise.

    Parameters
    ----------
    measure : callable
        The network under errors.
    tensors : sequence of str
        In the order in which they are raised.
    start : float
        Rate of all of them at the beginning: the coarse one.
    target : float
        Accuracy to keep.
    factor, amount : float
        A step is rate * factor + amount (the paper: factor 1, amount 0.005).
    highest : float
        No rate rises above.
    search : Search, optional
        Repeats and confidence.

    Raises
    ------
    ConfigError
        If a step does not raise, or the start is not below `highest`.
    """
    search = search or Search()
    if not (start * factor + amount > start and 0 < start <= highest):
        raise ConfigError(
            f"start = {start:g}, factor = {factor:g}, amount = {amount:g}, highest = {highest:g}: expected a start "
            "above 0 and steps that raise it"
        )
    rates = dict.fromkeys(tensors, start)
    accuracy = repeated(lambda k: measure(rates, k), target, search)
    count, rising = 1, list(tensors)
    while rising:
        for name in list(rising):
            raised = rates | {name: min(rates[name] * factor + amount, highest)}
            found = repeated(lambda k, raised=raised: measure(raised, k), target, search)  # type: ignore[misc]
            count += 1
            if progress is not None:
                progress(len(tensors) - len(rising), len(tensors), f"{name} at {raised[name]:.3g}")
            if found.mean < target:
                rising.remove(name)
                continue
            rates, accuracy = raised, found
            if rates[name] >= highest:
                rising.remove(name)
    return FineTolerance(rates, accuracy, target, count)


def sensitivities(
    measure: MeasureRates,
    tensors: Sequence[str],
    levels: Sequence[float],
    clean: float,
    progress: Progress | None = None,
) -> dict[str, dict[float, float]]:
    """Accuracy each tensor alone loses at each rate, all others free of errors: not negative, rising with the rate."""
    losses: dict[str, dict[float, float]] = {}
    for done, name in enumerate(tensors):
        found, worst = {}, 0.0
        for level in sorted(levels):
            worst = max(worst, clean - Estimate.of(measure({name: level}, 0)).mean) if level else worst
            found[level] = worst
        losses[name] = found
        if progress is not None:
            progress(done + 1, len(tensors), name)
    return losses


def thinned(levels: Sequence[float], most: int) -> list[float]:
    """At most so many of the levels, evenly spread in their order, the first and the last included."""
    known = sorted(levels)
    if len(known) <= most:
        return known
    return [known[k * (len(known) - 1) // (most - 1)] for k in range(most)]


def guided(
    measure: MeasureRates,
    losses: dict[str, dict[float, float]],
    clean: float,
    target: float,
    choose: Callable[[dict[str, dict[float, float]], float], Rates],
    search: Search | None = None,
) -> FineTolerance:
    """Choose rates from the sensitivities, measure them together, and choose again within less until they hold.

    Parameters
    ----------
    losses : dict
        From `sensitivities`.
    choose : callable
        (losses, budget) -> rate by tensor with a sum of losses within the budget, e.g. `cheapest_rates`.

    Raises
    ------
    ConfigError
        If not even the lowest rates hold.
    """
    search = search or Search()
    budget, count = clean - target, sum(len(x) for x in losses.values())
    for _ in range(12):
        rates = choose(losses, budget)
        found = repeated(lambda k, rates=rates: measure(rates, k), target, search)  # type: ignore[misc]
        count += 1
        if found.mean >= target:
            return FineTolerance(rates, found, target, count, losses)
        budget *= 0.7
    lowest = {name: min(x) for name, x in losses.items()}
    found = repeated(lambda k: measure(lowest, k), target, search)
    if found.mean < target:
        raise ConfigError(
            f"the lowest bit error rates on offer give an accuracy of {found.mean:.4g}, below the target {target:.4g}; "
            "add an operating point without errors"
        )
    return FineTolerance(lowest, found, target, count + 1, losses)


def cheapest_rates(weights: Mapping[str, float], value: Callable[[float], float]) -> Callable[..., Rates]:
    """A choice for `guided`: raise, step by step, where a loss of accuracy buys most.

    Parameters
    ----------
    weights : mapping of str to float
        Worth of a tensor, e.g. bytes it moves.
    value : callable
        Bit error rate -> what memory saves there, as a fraction.
    """

    def choose(losses: dict[str, dict[float, float]], budget: float) -> Rates:
        rates = {name: min(x) for name, x in losses.items()}
        spent = sum(losses[name][rate] for name, rate in rates.items())
        while True:
            best: tuple[float, str, float] | None = None
            for name, rate in rates.items():
                for level, loss in losses[name].items():
                    more = loss - losses[name][rate]
                    gain = weights[name] * (value(level) - value(rate))
                    if level > rate and gain > 0 and spent + more <= budget:
                        rank = (gain / max(more, 1e-9), name, level)
                        best = rank if best is None or rank > best else best
            if best is None:
                return rates
            _, name, level = best
            spent += losses[name][level] - losses[name][rates[name]]
            rates[name] = level

    return choose
