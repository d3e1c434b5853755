"""Which mapping a flow settles on: from a rate for each tensor, or from one rate for all; no network needed."""

from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from edensim.eden.rounds import MOST_STEPS_BACK, STEP_BACK, Round, settle
from edensim.eden.site import Site

FINE, COARSE = {"a": 1e-2, "b": 2e-3}, 2e-3


def stand_in(tolerates, energy_pj, time_ns=None, goal="energy"):
    """A flow whose tables are its rates; `tolerates`: highest sum of rates at which the target holds.

    Energy and time are those of rates that differ, and of one for all.
    """
    simulated = []

    def simulate(rates):
        kind = "fine" if len(set(rates.values())) > 1 else "coarse"
        simulated.append(kind)
        return {"energy_pj": {"total": energy_pj[kind]}, "time_ns": (time_ns or energy_pj)[kind]}

    plan = SimpleNamespace(tolerable={}, devices=1, goal=goal)
    site = SimpleNamespace(mapped=lambda rates: rates, simulate=simulate, plan=plan)
    site.cost = lambda data: Site.cost(site, data)

    def accuracy_at_places(memory, tables, images, seeds):
        return [0.95 if sum(tables.values()) <= tolerates else 0.8] * 2

    flow = SimpleNamespace(
        plan=plan, seed=0, site=site, map=lambda rates: rates, accuracy_at_places=accuracy_at_places,
        tolerances=lambda found, factor: {name: rate * factor for name, rate in found["fine"].items()},
        bench=SimpleNamespace(target=0.9, validation=None),
    )  # fmt: skip
    best = Round(1, SimpleNamespace(memory=None), 0.0, {"fine": FINE, "boosted": {"ber": COARSE}}, None)
    return flow, best, simulated


@pytest.mark.parametrize(("fine", "coarse", "kept"), [(1.0, 2.0, "fine"), (2.0, 1.0, "coarse")])
def test_the_mapping_that_takes_less_energy_stays(fine, coarse, kept):
    """Both are simulated as they hold at their places; a goal of time asks for time."""
    flow, best, simulated = stand_in(1.0, {"fine": fine, "coarse": coarse})
    found = settle(flow, best)
    assert (found.granularity, found.steps) == (kept, 0)
    assert sorted(simulated) == ["coarse", "fine"]
    flow, best, _ = stand_in(1.0, {"fine": 1.5, "coarse": 1.5}, {"fine": fine, "coarse": coarse}, "time")
    assert settle(flow, best).granularity == kept


def test_tolerances_shrink_until_the_target_holds():
    """Each mapping by as many steps as it needs; one that never holds gives way to one that does."""
    flow, best, _ = stand_in(sum(FINE.values()) * STEP_BACK**2 * 1.01, {"fine": 1.0, "coarse": 2.0})
    found = settle(flow, best)
    assert (found.granularity, found.steps) == ("fine", 2)
    flow, best, _ = stand_in(-1.0, {"fine": 1.0, "coarse": 2.0})
    found = settle(flow, best)
    assert found.steps == MOST_STEPS_BACK
    assert set(found.mapping.values()) == {0.0}


def test_one_mapping_needs_no_comparison():
    """Rates that the user gives, or that are alike, are mapped once; equal tables are simulated by nobody."""
    flow, best, simulated = stand_in(1.0, {"fine": 2.0, "coarse": 1.0})
    flow.plan.tolerable = {"*": 1e-3}
    assert settle(flow, best).granularity == "fine"
    best.found["fine"] = dict.fromkeys(FINE, COARSE)
    flow.plan.tolerable = {}
    assert settle(flow, best).granularity == "fine"
    assert not simulated
