"""The steps of the flow in their folder: boost, characterise, map, and accuracy where the tensors lie.

Every step leaves its result in the folder and takes what it finds there, so a flow that was killed goes on from its
last finished epoch or step, and each step runs alone. `rounds` repeats them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from edensim import dnn
from edensim.approx.build import PARAMETERS, build_model
from edensim.config import Resolved
from edensim.config.eden_schema import Eden
from edensim.eden.bench import Bench, Progress, load_data, open_bench
from edensim.eden.chips import best_of_chips
from edensim.eden.estimate import Estimate
from edensim.eden.files import read_json, write_json
from edensim.eden.fine import Worth
from edensim.eden.mapping import Assignment, Room, coarse_mapping, greedy_mapping
from edensim.eden.points import pareto
from edensim.eden.site import FittedModel, Site
from edensim.errors import ConfigError, InputError
from edensim.memory.partition import REMAINDER
from edensim.workloads import builtin_names, load_network
from edensim.workloads.layer import Network

CURVE = [10 ** (-5 + k / 2) for k in range(8)]


@dataclass
class Flow:
    """A flow in its folder.

    Attributes
    ----------
    site : Site
    folder : Path
    fit : FittedModel, optional
        Error model of the device from `edensim fit`, in place of the chip's laws and of `eden.model`.
    progress : callable, optional
        Told (done, total, label).
    """

    site: Site
    folder: Path
    base_folder: Path
    fit: FittedModel | None = None
    progress: Progress | None = None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plan = self.site.plan
        self.seed = self.site.resolved.config.seed

    # ---- the steps -------------------------------------------------------------------------------------------------

    def boost(self, number: int, start: Any, control: Any, ber: float) -> Any:
        """Round `number` of boosting, from two networks, for a bit error rate."""
        home = self._round(number)
        boosted = self.bench.boost(start, control, ber, self.errors_at, home, self.seed + number)
        write_json(home / "boost.json", {"ber": ber, "epochs": [asdict(e) for e in boosted.history]})
        return boosted

    def characterise(self, number: int, boosted: Any) -> dict[str, Any]:
        """What the round's network and its control tolerate, coarse and fine."""
        path = self._round(number) / "tolerance.json"
        if path.exists():
            return dict(read_json(path, "tolerances"))
        found: dict[str, Any] = {}
        for name, memory in (("boosted", boosted.memory), ("control", boosted.control_memory)):
            found[name] = _tolerance(self.bench.coarse(memory, self.errors_at, name))
            found[name]["clean"] = self._clean(memory)
            curve = self.bench.curve(memory, self.errors_at, CURVE)
            found[name]["curve"] = {f"{ber:.6g}": asdict(e) for ber, e in curve.items()}
        ber = found["boosted"]["ber"]
        tensors = list(boosted.memory.tensors)
        found["fine"] = dict.fromkeys(tensors, ber)
        if self.plan.granularity != "coarse" and ber:
            sizes = {name: t.size_bytes for name, t in boosted.memory.tensors.items()}
            fine = self.bench.fine(boosted.memory, self.errors_at, ber, self._worth(sizes))
            found |= {"fine_accuracy": asdict(fine.accuracy), "measurements": fine.measurements}
            # What rates save is estimated in the search; mapped, one rate for all may still save more.
            ways = (found["fine"], fine.rates)
            found["fine"] = max(ways, key=lambda rates: self.map(self.tolerances({"fine": rates})).saving)
            if found["fine"] is not fine.rates:
                found["fine_accuracy"] = found["boosted"]["points"][f"{ber:.6g}"]
            found["losses"] = {n: {f"{k:.6g}": v for k, v in x.items()} for n, x in fine.losses.items()}
        write_json(path, found)
        return found

    def map(self, tolerable: Mapping[str, float], in_parts: bool = True) -> Assignment:
        """Tensors into parts of the memory, or into the whole of it as one."""
        return self.site.with_all_names(self._map(tolerable, in_parts), tolerable)

    def _map(self, tolerable: Mapping[str, float], in_parts: bool) -> Assignment:
        site, plan = self.site, self.plan
        items = site.items(tolerable)
        if plan.mapping == "coarse" or not in_parts:
            best = best_of_chips(site.choices, site.chip_shares, min(tolerable.values()), plan.goal)
            space = sum(site.state.partitions.capacity_bytes().values())
            return coarse_mapping(items, Room(REMAINDER, space, 1.0, site.choices), best)
        # Points that no other beats are enough, and keep the program small.
        kept = {(c.vdd, c.tRCD_ns, c.tRP_ns) for c in pareto(site.choices)}
        rooms = [
            replace(r, choices=tuple(c for c in r.choices if (c.vdd, c.tRCD_ns, c.tRP_ns) in kept)) for r in site.rooms
        ]
        if plan.mapping == "optimal":
            from edensim.eden.optimal import optimal_mapping

            return optimal_mapping(items, rooms, site.weights, plan.idle)
        return greedy_mapping(items, rooms, site.weights, plan.idle)

    def accuracy_at_places(self, memory: Any, tables: Mapping[str, Any], images: Any, seeds: range) -> list[float]:
        """Accuracy under each draw, tensors at their final addresses, errors of the parts' operating points."""
        state, regions = self.site.regions(tables)
        shares: list[float] = []
        for seed in seeds:
            memory.errors = dnn.PlacedErrors(self.site.device(state, seed, self.fit), regions)
            shares += self.bench.shares(memory, images, 0)
        return shares

    def first_round(self, before: Mapping[str, Any]) -> Any:
        """The first round of boosting; from its files if it is finished."""
        return self.boost(1, self.bench.net, self.bench.net, self.first_ber(before))

    def first_ber(self, before: Mapping[str, Any]) -> float:
        """Bit error rate the first round trains for."""
        return self.plan.boost_ber or min(0.3, 10 * max(before["ber"], 1e-5))

    def known(self) -> dict[str, Any] | None:
        """Tolerances that an earlier step found in the last round; None if the configuration gives them.

        Raises
        ------
        InputError
            If there are none.
        """
        if self.plan.tolerable:
            return None
        found = sorted(self.folder.glob("round-*/tolerance.json"))
        return dict(read_json(found[-1] if found else self.folder / "round-1" / "tolerance.json", "tolerances"))

    def check(self) -> None:
        """Refuse what cannot work before anything is trained.

        Raises
        ------
        ConfigError
            With all problems.
        """
        problems = []
        if of_chips := self.site.state.partitions.of_chips:
            if self.plan.mapping != "coarse":
                problems.append(
                    f"eden.mapping = {self.plan.mapping!r}: partitions of chips ({', '.join(of_chips)}) hold a slice "
                    'of every tensor, none whole; expected mapping = "coarse", which chooses their supplies'
                )
            if ((owners := self.site.state.partitions.chip_owner) != owners[:1, :1]).any():
                problems.append(
                    f"[[partition]]: partitions of chips ({', '.join(of_chips)}) are not the same chips in every rank; "
                    "expected no channel and rank beside chips, as every tensor lies in all ranks"
                )
            if self.fit:
                problems.append("--from-fit: a fitted model has no errors for partitions of chips; leave them out")
        looks: list[Callable[[], Any]] = [
            lambda: build_model(self.plan.model, 1e-4, self.plan.parameters),
            lambda: self.site.choices,
            *(partial(self.site.configuration, {"machine": {"preset": name}}) for name in self.plan.machines),
        ]
        for look in looks:
            try:
                look()
            except ConfigError as error:
                problems += error.problems
        space = sum(self.site.state.partitions.capacity_bytes().values())
        needed = sum(item.size_bytes for item in self.site.items(dict.fromkeys(self._names(), 0.0)))
        if needed > space:
            problems.append(f"[dram]: the tensors need {needed:,} bytes, the memory has {space:,}")
        if problems:
            raise ConfigError(problems)

    # ---- what the steps share --------------------------------------------------------------------------------------

    @cached_property
    def bench(self) -> Bench:
        """Network and data."""
        return open_bench(self.plan, self.base_folder, self.folder, self.seed, self.progress)

    @cached_property
    def errors_at(self) -> Callable[[float], Any]:
        """Bit error rate -> errors of training and characterisation."""
        model = self.fit.model if self.fit else self.plan.model
        parameters = self.fit.parameters if self.fit else self.plan.parameters
        if model == "uniform" and not parameters:
            return lambda rate: dnn.FreshErrors(rate, self.seed)
        _, regions = self.site.regions({})
        known: dict[float, Any] = {}

        def errors(rate: float) -> Any:
            if rate not in known:
                known[rate] = dnn.PlacedErrors(self.site.model_device(rate, model, parameters, self.seed), regions)
            return known[rate]

        return errors

    def before(self) -> dict[str, Any]:
        """What the network tolerates before boosting, in plain storage."""
        path = self.folder / "before.json"
        if path.exists():
            return dict(read_json(path, "tolerances"))
        memory = self.bench.plain_memory()
        found = _tolerance(self.bench.coarse(memory, self.errors_at, "before"))
        found["clean"] = self._clean(memory)
        found["curve"] = {f"{b:.6g}": asdict(e) for b, e in self.bench.curve(memory, self.errors_at, CURVE).items()}
        write_json(path, found)
        return found

    def tolerances(self, found: Mapping[str, Any] | None, factor: float = 1.0) -> dict[str, float]:
        """Tolerable rate of every tensor: from the configuration, else as found; times a factor."""
        names = list(found["fine"]) if found else self._names()
        rates = dict(found["fine"]) if found and not self.plan.tolerable else dict.fromkeys(names, 0.0)
        for pattern, rate in self.plan.tolerable.items():
            hits = [name for name in names if fnmatchcase(name, pattern)]
            if not hits:
                there = ", ".join(names[:4])
                raise ConfigError(f"eden.tolerable: no tensor matches {pattern!r}; there are e.g. {there}")
            rates |= dict.fromkeys(hits, rate)
        return {name: rate * factor for name, rate in rates.items()}

    def _names(self) -> list[str]:
        return [f"{layer.name}.{kind}" for layer in self.site.network.layers for kind in ("weights", "ifm")]

    def _clean(self, memory: Any) -> float:
        memory.errors = dnn.NoErrors()
        return Estimate.of(self.bench.shares(memory, self.bench.validation, 0)).mean

    def _worth(self, sizes: Mapping[str, int]) -> Worth:
        """What rates of tensors of these sizes save here."""
        levels: dict[float, float] = {}
        for choice in pareto(self.site.choices):
            levels[choice.ber] = max(levels.get(choice.ber, -math.inf), 1 - choice.energy)
        weights, together = self.site.weights, len({room.group for room in self.site.rooms}) == 1
        moved = {name: weights.moved * size / sum(sizes.values()) for name, size in sizes.items()}
        if together:
            return Worth(moved, weights.background, levels)
        return Worth(moved, 0.0, levels, weights.background / len(self.site.rooms))

    def _round(self, number: int) -> Path:
        home = self.folder / f"round-{number}"
        home.mkdir(parents=True, exist_ok=True)
        return home


def identity_of(resolved: Resolved, fit: FittedModel | None) -> dict[str, Any]:
    """What a folder belongs to: the configuration, its table [eden], and the fitted model if there is one."""
    assert resolved.config.eden is not None
    eden = resolved.config.eden.model_dump(mode="json")
    data = {"config_hash": resolved.hash, "eden": eden, "fit": asdict(fit) if fit else None}
    text = json.dumps(data, sort_keys=True)
    return {"hash": hashlib.sha256(text.encode()).hexdigest(), **data}


def network_of(plan: Eden, base_folder: Path, seed: int) -> Network:
    """Layers of the network: from the built-in tables, else from the module itself, for the images of its data."""
    if plan.network in builtin_names():
        return load_network(plan.network)
    data = load_data(plan.model_copy(update={"train_images": 100, "test_images": 100}), base_folder, seed)
    return dnn.to_network(dnn.make_net(plan.network, seed, data.shape, data.classes), data.shape, plan.network)


def load_fit(path: Path) -> FittedModel:
    """The error model that `edensim fit --json` printed into a file.

    Parameters that hold at any bit error rate are taken over (how often a weak cell fails, how lines spread); the share
    of weak cells follows from the rate.

    Raises
    ------
    InputError
        If the file is missing or is something else.
    """
    data = read_json(path, "what `edensim fit --json` printed")
    try:
        model, parameters = str(data["model"]), dict(data["parameters"])
        known = PARAMETERS[model]
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: is not what `edensim fit --json` printed: no known model and parameters") from None
    taken = {name: float(value) for name, value in parameters.items() if name in known}
    if "fail_one" in parameters and "fail_zero" in parameters:
        one, zero = float(parameters["fail_one"]), float(parameters["fail_zero"])
        taken |= {"fail_probability": (one + zero) / 2, "one_share": one / (one + zero) if one + zero else 0.5}
    return FittedModel(model, {name: value for name, value in taken.items() if name in known})


def _tolerance(found: Any) -> dict[str, Any]:
    return {
        "ber": found.ber, "low": found.low, "high": found.high, "target": found.target,
        "points": {f"{ber:.6g}": asdict(e) for ber, e in found.points.items()},
    }  # fmt: skip
