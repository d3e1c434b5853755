"""Which mapping a flow settles on: from a rate for each tensor, from one for all, in no parts; no network needed."""

from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from edensim.eden.rounds import MOST_STEPS_BACK, STEP_BACK, Round, settle
from edensim.eden.site import Site

FINE, COARSE = {"a": 1e-2, "b": 2e-3}, 2e-3


def stand_in(tolerates, energy_pj, time_ns=None, goal="energy"):
    """A flow whose tables are its rates; `tolerates`: highest sum of rates at which the target holds.

    Energy and time are those of rates that differ, of one for all, and of the whole module, if it is given.
    """
    simulated = []

    def simulate(rates):
        kind = "module" if "whole" in rates else "fine" if len(set(rates.values())) > 1 else "coarse"
        simulated.append(kind)
        return {"energy_pj": {"total": energy_pj[kind]}, "time_ns": (time_ns or energy_pj)[kind]}

    plan = SimpleNamespace(tolerable={}, devices=1, goal=goal)
    makes_parts = "module" in energy_pj
    site = SimpleNamespace(mapped=lambda rates: rates, simulate=simulate, plan=plan, makes_parts=makes_parts)
    site.cost = lambda data: Site.cost(site, data)

    def accuracy_at_places(memory, tables, images, seeds):
        return [0.95 if sum(tables.values()) <= tolerates else 0.8] * 2

    def map_rates(rates, in_parts):
        return rates if in_parts else rates | {"whole": 0.0}

    flow = SimpleNamespace(
        plan=plan, seed=0, site=site, map=map_rates, accuracy_at_places=accuracy_at_places,
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


def test_no_parts_at_all_if_that_takes_less():
    """One point for the whole memory is a mapping, too, if the parts are the flow's own."""
    flow, best, simulated = stand_in(1.0, {"fine": 1.5, "coarse": 1.2, "module": 1.0})
    assert settle(flow, best).granularity == "module"
    assert sorted(simulated) == ["coarse", "fine", "module"]
    flow, best, _ = stand_in(1.0, {"fine": 1.5, "coarse": 1.2, "module": 1.3})
    assert settle(flow, best).granularity == "coarse"
    best.found["fine"] = dict.fromkeys(FINE, COARSE)
    flow, _, simulated = stand_in(1.0, {"fine": 9.0, "coarse": 1.2, "module": 1.1})
    assert settle(flow, best).granularity == "module"
    assert sorted(simulated) == ["coarse", "module"]


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
