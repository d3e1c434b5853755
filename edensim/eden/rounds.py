"""The whole flow: boost, characterise, map, again and again until nothing improves; then evaluate.

A round starts from the network of the round before and trains for a higher rate; the error-free control runs beside it,
from the control of the round before, with the same representation. A round counts if the tolerable bit error rate or
the energy saved got better; the first that does not ends the flow, and the best round is kept.

Not modelled: retraining for single tensors' rates (the fine mapping uses the network of the coarse boosting).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edensim import dnn
from edensim.eden.estimate import Estimate
from edensim.eden.files import network_text, read_json, toml_text, write_json, write_text
from edensim.eden.flow import Flow
from edensim.eden.mapping import Assignment, greedy_mapping, metadata_bytes
from edensim.eden.points import Choice, best_within, pareto
from edensim.errors import InputError

BETTER = 1.05
"""Factor by which the tolerable rate must rise, and …"""
SAVES_MORE = 0.002
"""… share of the energy that must be saved beside it, for a round to count."""
STEP_BACK, MOST_STEPS_BACK = 0.7, 8
"""Where a mapping misses the target at its own places, tolerances shrink by this, so often at most."""


@dataclass
class Round:
    """What a round came to."""

    number: int
    boosted: Any
    ber: float
    found: dict[str, Any]
    mapping: Assignment


def run_rounds(flow: Flow) -> tuple[dict[str, Any], list[Round], Round]:
    """Boost, characterise and map until nothing improves; returns tolerances before, all rounds, and the best."""
    before = flow.before()
    plan, ber = flow.plan, flow.first_ber(before)
    rounds: list[Round] = []
    best: Round | None = None
    start = control = flow.bench.net
    for number in range(1, plan.rounds + 1):
        boosted = flow.boost(number, start, control, ber)
        found = flow.characterise(number, boosted)
        mapping = flow.map(flow.tolerances(found))
        rounds.append(Round(number, boosted, ber, found, mapping))
        if best is not None and not _better(rounds[-1], best):
            break
        best = rounds[-1]
        start, control, ber = boosted.net, boosted.control, min(0.3, ber * plan.boost_growth)
    assert best is not None
    return before, rounds, best


def _better(new: Round, old: Round) -> bool:
    tolerates = new.found["boosted"]["ber"] > BETTER * old.found["boosted"]["ber"]
    return tolerates or new.mapping.saving > old.mapping.saving + SAVES_MORE


@dataclass
class Settled:
    """A mapping that was tried at its places.

    `accuracy` is that of the validation images there, `steps` how often tolerances shrank, `granularity` what the
    mapping was made from: "fine", "coarse", or "module" for one point for the whole memory.
    """

    mapping: Assignment
    tables: dict[str, Any]
    accuracy: Estimate
    steps: int
    granularity: str


def settle(flow: Flow, best: Round) -> Settled:
    """Map so that the target holds at the places themselves: by tensor, with one rate for all, or in no parts at all.

    What a chip does at an operating point is not the model of the characterisation: its weak cells stay, and its flips
    have a direction. So a mapping is tried where its tensors lie, on the validation images, and tolerances shrink until
    it holds. What mappings save is an estimate until then: all are simulated, and the best one by the goal stays.
    """
    fine = best.found["fine"]
    ways = {"fine": fine}
    if not flow.plan.tolerable:
        same = dict.fromkeys(fine, best.found["boosted"]["ber"])
        if same != fine:
            ways["coarse"] = same
        if flow.site.makes_parts:
            ways["module"] = same
    found: list[Settled] = []
    for granularity, rates in ways.items():
        settled = _settled(flow, best, rates, granularity)
        if all(settled.tables != other.tables for other in found):
            found.append(settled)
    if len(found) == 1:
        return found[0]
    holds = [s for s in found if s.accuracy.mean >= flow.bench.target] or found
    return min(holds, key=lambda s: flow.site.cost(flow.site.simulate(s.tables)))


def _settled(flow: Flow, best: Round, rates: Mapping[str, float], granularity: str) -> Settled:
    factor = 1.0
    for step in range(MOST_STEPS_BACK + 1):
        tolerances = flow.tolerances({"fine": rates}, factor if step < MOST_STEPS_BACK else 0.0)
        mapping = flow.map(tolerances, in_parts=granularity != "module")
        tables = flow.site.mapped(mapping)
        seeds = range(flow.seed, flow.seed + flow.plan.devices)
        shares = flow.accuracy_at_places(best.boosted.memory, tables, flow.bench.validation, seeds)
        found = Estimate.of(shares)
        if found.mean >= flow.bench.target:
            break
        factor *= STEP_BACK
    return Settled(mapping, tables, found, step, granularity)


def run_flow(flow: Flow) -> dict[str, Any]:
    """Run everything; returns the results, which also stand in `results.json`."""
    before, rounds, best = run_rounds(flow)
    settled = settle(flow, best)
    mapping, tables = settled.mapping, settled.tables
    save_mapping(flow, mapping, tables)
    dnn.save_weights(best.boosted.net, flow.folder / "boosted.npz", force=True)
    results = evaluate(flow, best, mapping, tables)
    results |= {
        "before": before,
        "rounds": [
            {"round": r.number, "trained_for": r.ber, "control": r.found["control"]["ber"],
             "boosted": r.found["boosted"]["ber"], "estimated_saving": r.mapping.saving}
            for r in rounds
        ],
        "best_round": best.number, "characterisation": best.found, "steps_back": settled.steps,
        "mapped_from": settled.granularity, "holds": settled.accuracy.mean >= flow.bench.target,
    }  # fmt: skip
    results["mapping"] |= compared(flow, best.found)
    results["curves"] = knob_curves(flow, best)
    write_json(flow.folder / "results.json", results)
    return results


def evaluate_files(flow: Flow) -> dict[str, Any]:
    """Evaluate the mapping and the last round that stand in the folder; the results also go to `evaluation.json`.

    Raises
    ------
    InputError
        If a step before this one is missing.
    """
    mapping = read_json(flow.folder / "mapping.json", "the result of `edensim eden map`")
    numbers = sorted(int(path.parent.name.removeprefix("round-")) for path in flow.folder.glob("round-*/boost.json"))
    if not numbers:
        raise InputError(f"{flow.folder}: holds no boosted network; run `edensim eden boost` first")
    before, start, control = flow.before(), flow.bench.net, flow.bench.net
    ber = flow.first_ber(before)
    for number in numbers:
        boosted = flow.boost(number, start, control, ber)
        start, control, ber = boosted.net, boosted.control, min(0.3, ber * flow.plan.boost_growth)
    parts = {name: Choice(**point) for name, point in mapping["parts"].items()}
    found = Assignment(mapping["places"], parts, mapping["estimated_saving"], mapping["method"])
    best = Round(numbers[-1], boosted, ber, flow.characterise(numbers[-1], boosted), found)
    results = evaluate(flow, best, found, flow.site.mapped(found))
    results |= {"before": before, "characterisation": best.found, "steps_back": 0}
    write_json(flow.folder / "evaluation.json", results)
    return results


def knob_curves(flow: Flow, best: Round) -> dict[str, list[dict[str, Any]]]:
    """Accuracy with the whole module at points that lower one knob only, by the chip's errors, on validation images."""
    nominal = flow.site.choices[0]
    memories = {"before": flow.bench.plain_memory(), "control": best.boosted.control_memory}
    memories["boosted"] = best.boosted.memory
    curves: dict[str, list[dict[str, Any]]] = {}
    for knob in ("vdd", "tRCD_ns"):
        others = [k for k in ("vdd", "tRCD_ns", "tRP_ns") if k != knob]
        points = [c for c in flow.site.choices if all(getattr(c, k) == getattr(nominal, k) for k in others)]
        curves[knob] = []
        for choice in points:
            tables = flow.site.mapped(Assignment({}, {"module": choice}, 0.0, "coarse"))
            row: dict[str, Any] = {knob: getattr(choice, knob), "ber": choice.ber, "energy": choice.energy}
            for name, memory in memories.items():
                shares = flow.accuracy_at_places(memory, tables, flow.bench.validation, range(flow.seed, flow.seed + 1))
                row[name] = asdict(Estimate.of(shares))
            curves[knob].append(row)
    return curves


def evaluate(flow: Flow, best: Round, mapping: Assignment, tables: Mapping[str, Any]) -> dict[str, Any]:
    """Nominal against EDEN on the test images and on the machine, with the final placement."""
    bench, site = flow.bench, flow.site
    seeds = range(flow.seed, flow.seed + flow.plan.devices)
    nominal = dnn.accuracy(bench.net, bench.data.test)
    low, high = nominal.interval("wilson")
    eden = Estimate.of(flow.accuracy_at_places(best.boosted.memory, tables, bench.data.test, seeds))
    control = Estimate.of(flow.accuracy_at_places(best.boosted.control_memory, tables, bench.data.test, seeds))
    after = site.simulate(tables)
    told = [*after["warnings"], *site.notes(mapping)]
    if (lost := nominal.value - eden.mean) > flow.plan.max_loss:
        told.append(
            f"the accuracy on the test images is {100 * lost:.2f} points below nominal, where "
            f"{100 * flow.plan.max_loss:g} may be lost; without errors, as floats, the retrained network reaches "
            f"{100 * dnn.accuracy(best.boosted.net, bench.data.test).value:.2f} %"
        )
    return {
        "network": flow.plan.network, "precision": flow.plan.precision, "max_loss": flow.plan.max_loss,
        "recipe": flow.plan.recipe, "config_hash": site.resolved.hash, "chip": flow.plan.chip,
        "model": flow.fit.model if flow.fit else flow.plan.model,
        "accuracy": {
            "nominal": {"mean": nominal.value, "low": low, "high": high, "images": sum(nominal.images)},
            "eden": asdict(eden), "control": asdict(control), "devices": flow.plan.devices,
        },
        "nominal": _numbers(site.nominal), "eden": _numbers(after), "machines": on_machines(flow, tables),
        "mapping": mapping_data(flow, mapping),
        "points": [asdict(c) for c in site.choices],
        "front": [asdict(c) for c in pareto(site.choices)],
        "warnings": told,
    }  # fmt: skip


def on_machines(flow: Flow, tables: Mapping[str, Any]) -> dict[str, Any]:
    """Nominal memory against the placement on every machine of `eden.machines`."""
    found = {}
    for name in flow.plan.machines:
        machine = {"machine": {"preset": name}}
        both = {"nominal": machine, "eden": {**tables, **machine}}
        found[name] = {label: _numbers(flow.site.simulate(changes)) for label, changes in both.items()}
    return found


def compared(flow: Flow, found: Mapping[str, Any]) -> dict[str, Any]:
    """How far the greedy mapping is off: the estimated savings of both ways, and the proven bound."""
    if flow.plan.mapping == "coarse":
        return {}
    from edensim.eden.optimal import optimal_mapping

    greedy = greedy_mapping(flow.site.items(flow.tolerances(found)), flow.site.rooms, flow.site.weights, flow.plan.idle)
    best = optimal_mapping(flow.site.items(flow.tolerances(found)), flow.site.rooms, flow.site.weights, flow.plan.idle)
    coarse = best_within(flow.site.choices, found["boosted"]["ber"])
    return {
        "greedy_saving": greedy.saving, "optimal_saving": best.saving, "bound": best.bound,
        "coarse_saving": 1 - coarse.energy,
    }  # fmt: skip


def save_mapping(flow: Flow, mapping: Assignment, tables: Mapping[str, Any]) -> None:
    """Write `mapping.json`, and `mapped.toml` with `network.toml`, which `edensim run` takes."""
    write_json(flow.folder / "mapping.json", mapping_data(flow, mapping))
    write_text(flow.folder / "network.toml", network_text(flow.site.network))
    workload = {"workload": {"network": "network.toml", "precision": flow.plan.precision}}
    errors = {"chip": flow.plan.chip, "experimental": flow.plan.experimental}
    told = f"Written by `edensim eden`: {flow.plan.network} {flow.plan.precision}, mapped ({mapping.method})."
    write_text(flow.folder / "mapped.toml", toml_text({**workload, **tables, "errors": errors}, told))


def mapping_data(flow: Flow, mapping: Assignment) -> dict[str, Any]:
    """A mapping as plain data."""
    parts = {name: asdict(choice) for name, choice in mapping.settings.items()}
    supplies = sum(share > 0 for share in flow.site.chip_shares.values()) if mapping.method == "coarse" else len(parts)
    with_times = 1 if mapping.method == "coarse" else len(parts)
    return {
        "method": mapping.method, "places": mapping.places, "parts": parts, "estimated_saving": mapping.saving,
        "metadata_bytes": metadata_bytes(with_times, supplies, bool(flow.plan.tRP_ns)),
        "basis": sorted({c.basis for c in mapping.settings.values()}),
    }  # fmt: skip


def _numbers(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "time_ns": data["time_ns"], "dram_pj": data["energy_pj"]["total"],
        "system_pj": data["energy_report"]["system_pj"]["total"], "energy_pj": data["energy_pj"],
    }  # fmt: skip
