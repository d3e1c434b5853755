"""Fine characterisation: a tolerable bit error rate for every tensor of a network.

`sweep` is the paper's way (Koppula et al., MICRO 2019, section 3.3): every tensor starts at the coarse rate; round
after round the rate of one is raised by a small step, and the tensor leaves the list when the network misses its
target. Gaps closed here: a step is a factor or an amount; a raise that fails is taken back; rates end at `highest`.
Retraining in every iteration, which the paper mentions and does not describe, is left out.

`guided` measures once what each tensor alone costs at each of a few rates (those of the operating points that exist),
takes losses to add up, and picks the rates that save most energy within a budget, from no errors upwards and from the
coarse rate upwards. Each choice is measured as a whole and its budget reduced until it holds; from the better one,
tensors rise on, alone and together, until the network misses its target. It ends at no less than the coarse rate saves.

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


@dataclass(frozen=True)
class Worth:
    """What bit error rates of tensors save.

    Attributes
    ----------
    moved : mapping of str to float
        Share of the energy that follows the part of the memory a tensor lies in.
    common : float
        Share that follows the part of the tensor that tolerates least: what banks of a rank have in common.
    levels : mapping of float to float
        Bit error rate of an operating point -> what it saves.
    part : float
        Share of the energy that a part of its own costs, standing by (background and refresh): each point that some
        tensor takes needs a part, and parts without tensors run at the lowest point.
    """

    moved: Mapping[str, float]
    common: float
    levels: Mapping[float, float]
    part: float = 0.0

    def saves(self, rate: float) -> float:
        """What the best point within a rate saves."""
        return max((value for level, value in self.levels.items() if level <= rate), default=0.0)

    def of(self, rates: Mapping[str, float]) -> float:
        """What rates of all tensors save."""
        saves = {rate: self.saves(rate) for rate in set(rates.values())}
        alone = sum(self.moved[name] * saves[rate] for name, rate in rates.items())
        parts = sum(max(self.levels.values()) - saved for saved in set(saves.values())) if self.part else 0.0
        return alone + self.common * saves[min(rates.values())] - self.part * parts

    def offers(self, start: float) -> list[float]:
        """Rates to choose from beside a coarse one, each saving more: 0, two points below it, those above it.

        Where all follow the tensor that tolerates least, lower rates than the coarse one are of no use.
        """
        rising = [level for level in sorted(self.levels) if self.saves(level) > self.saves(level * (1 - 1e-9))]
        below = [] if self.common else [level for level in rising if level < start][-2:]
        return sorted({0.0, *below, start, *(level for level in rising if start < level <= 20 * start)})

    def measured(self, start: float) -> list[float]:
        """Those of them at which to measure tensors alone: up to the first above the coarse rate."""
        offers = self.offers(start)
        above = [level for level in offers if level > start]
        return [level for level in offers if level < start] + (above[:1] or [start])


def guided(
    measure: MeasureRates,
    losses: dict[str, dict[float, float]],
    clean: float,
    target: float,
    worth: Worth,
    start: float,
    search: Search | None = None,
) -> FineTolerance:
    """Choose rates from the sensitivities, measure them together, and raise what can be raised.

    Parameters
    ----------
    losses : dict
        From `sensitivities`, at the same rates for all tensors, 0 among them (`Worth.measured`); between and above
        them losses are taken to be proportional to rates.
    clean, target : float
        Accuracy without errors, and that to keep.
    worth : Worth
        What rates save.
    start : float
        The coarse rate, which holds for all tensors at once.

    Raises
    ------
    ConfigError
        If neither the coarse rate nor no errors keep the target.
    """
    offers = worth.offers(start)
    climb = _Climb(measure, losses, target, worth, offers, search or Search())
    starts = [climb.fit(dict.fromkeys(losses, start))]
    if not worth.common:
        starts.append(climb.fit(dict.fromkeys(losses, offers[0]), clean))
    found = [x for x in starts if x is not None]
    if not found:
        raise ConfigError(f"neither no errors nor a bit error rate of {start:.3g} keep an accuracy of {target:.4g}")
    rates, accuracy = climb.up(*max(found, key=lambda x: worth.of(x[0])))
    return FineTolerance(rates, accuracy, target, climb.count, losses)


@dataclass
class _Climb:
    """A search for rates that save most; `count` measurements so far."""

    measure: MeasureRates
    losses: dict[str, dict[float, float]]
    target: float
    worth: Worth
    offers: list[float]
    search: Search
    count: int = 0

    def __post_init__(self) -> None:
        self.count = sum(1 for x in self.losses.values() for rate in x if rate)

    def fit(self, base: Rates, clean: float | None = None) -> tuple[Rates, Estimate] | None:
        """The best rates above a base that hold by measurement; None if not even the base does."""
        at_base = None if clean is not None else self._measured(base)
        budget = (at_base.mean if at_base else clean or 0.0) - self.target
        for _ in range(12):
            if budget < 0:
                break
            rates = self._within(base, budget)
            found = self._measured(rates)
            if found.mean >= self.target:
                return rates, found
            budget *= 0.7
        found = at_base or self._measured(base)
        return (base, found) if found.mean >= self.target else None

    def up(self, rates: Rates, accuracy: Estimate) -> tuple[Rates, Estimate]:
        """Raise tensors, alone or all that are lowest, to their next levels, until none can rise."""
        refused: list[Rates] = []
        while True:
            for _, raised in self._moves(rates, next_only=True):
                # What failed beside lower rates fails beside these.
                if any(all(raised[name] >= rate for name, rate in bad.items()) for bad in refused):
                    continue
                found = self._measured(raised)
                if found.mean >= self.target:
                    rates, accuracy = raised, found
                    break
                refused.append({name: rate for name, rate in raised.items() if rate != rates[name]})
            else:
                return rates, accuracy

    def _within(self, base: Rates, budget: float) -> Rates:
        """Raise, step by step, where a loss of accuracy buys most, while losses above those of the base fit."""
        rates, most = base, self._lost(base) + budget
        while True:
            fitting = [raised for _, raised in self._moves(rates) if self._lost(raised) <= most]
            if not fitting:
                return rates
            rates = fitting[0]

    def _moves(self, rates: Rates, next_only: bool = False) -> list[tuple[float, Rates]]:
        """Rates with one tensor, or all below a level, raised; what gains most per loss first."""
        moves = []
        lowest = min(rates.values())
        for name in ["", *rates]:
            higher = [level for level in self.offers if level > (rates[name] if name else lowest)]
            for level in higher:
                raised = rates | {name: level} if name else {n: max(r, level) for n, r in rates.items()}
                gain = self.worth.of(raised) - self.worth.of(rates)
                if gain > 0:
                    more = self._lost(raised) - self._lost(rates)
                    moves.append((gain / max(more, 1e-9), name, level, raised))
                    if next_only:
                        break
        moves.sort(key=lambda move: (-move[0], move[1], move[2]))
        return [(rank, raised) for rank, _, _, raised in moves]

    def _lost(self, rates: Rates) -> float:
        return sum(self._loss(name, rate) for name, rate in rates.items())

    def _loss(self, name: str, rate: float) -> float:
        known = self.losses[name]
        low = max(level for level in known if level <= rate)
        high = min((level for level in known if level > rate), default=None)
        if high is None:
            return known[low] * rate / low if low else 0.0
        return known[low] + (known[high] - known[low]) * (rate - low) / (high - low)

    def _measured(self, rates: Rates) -> Estimate:
        self.count += 1
        return repeated(lambda k: self.measure(rates, k), self.target, self.search)
