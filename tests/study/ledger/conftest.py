"""A ledger of two small items whose points are not simulated."""

import importlib
from pathlib import Path

import pytest

from edensim.study.ledger.item import Item, row
from edensim.study.ledger.setup import Setup

LENET = Setup("eyeriss-eden", "lenet", "int8", "DDR4-2400")
FAST = Setup("eyeriss-eden", "lenet", "int8", "DDR4-2400", delta_tRCD_ns=-4.5)


def gain(context):
    return context.measured(LENET)["time_ns"] / context.measured(FAST)["time_ns"] - 1


@pytest.fixture
def items():
    """One item with two points and two axes, one with a single point."""
    one = Item(
        "speed", "Speed gained", "section 0", lambda c: [row("LeNet", 0.08, lambda: gain(c), note="why")],
        (LENET, FAST), ("delta", "row_policy"), figure="speed",
    )  # fmt: skip
    other = Item(
        "time", "Time taken", "section 0", lambda c: [row("LeNet", None, lambda: c.measured(LENET)["time_ns"], "ns")],
        (LENET,), beyond=True,
    )  # fmt: skip
    return [one, other]


@pytest.fixture
def fake(monkeypatch):
    """The module that stands for the simulation; it counts its runs."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    module = importlib.import_module("fake_simulation")
    module.runs.clear()
    module.broken.clear()
    return module
