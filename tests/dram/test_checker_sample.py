"""A sample of `benchmarks/checker.py`: every family runs under its policies without breaking a rule."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edensim.config import Presets
from edensim.dram.commands import RD, WR
from edensim.dram.standard import standard_names
from edensim.errors import ConfigError
from edensim.jit import JIT_DISABLED
from tests.dram.preset_dram import OWN, PARITY, table

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="thousands of requests per memory need compiled kernels")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CORE = {"tRCD", "tRP"}
"""Rules that any traffic reaches to the clock."""
NEVER_TIGHT = {"HBM3": {"tRCD"}}
"""ACT and RD both go at rising edges, an even number of half clocks apart, and the wait is an odd one."""


@pytest.fixture
def checker(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("checker")


def sample() -> list[str]:
    """All parity presets, whose kernels other tests need too, and one memory of each family they leave out."""
    parity = [name.replace("/", ":") for name in PARITY]
    families = {table(name)["standard"] for name in PARITY}
    left = {table(name)["standard"]: name for name in OWN if table(name)["standard"] not in families}
    return parity + list(left.values())


def test_no_rule_is_broken(checker: Any) -> None:
    """Every family of memory: no violation, and its main timings are reached to the clock."""
    names = sample()
    found, _ = checker.check(names, commands=0, requests=3000)
    assert set(found) == set(standard_names())
    assert sum(family.runs for family in found.values()) == len(names)
    for name, family in found.items():
        assert family.violations == 0, family.offences
        assert family.commands > 3000
        tight = {family.text[row].partition(" (")[0] for row in family.tight}
        assert tight >= CORE - NEVER_TIGHT.get(name, set()), name


def test_all_policies_are_drawn(checker: Any) -> None:
    """The long run visits every memory in turn, with everything the schema knows; what is impossible is refused."""
    rng = np.random.default_rng(3)
    own = [run for _ in range(300) for run in checker.draw_runs(OWN[0], rng)]
    drawn = [dict(run.controller) for run in own]
    assert {x["scheduler"] for x in drawn} >= {"FRFCFS", "FRFCFS_RowHit"}
    assert {(x["row_policy"], x.get("row_cap")) for x in drawn} >= {("open", None), ("closed", 1), ("closed", 4)}
    assert {"same_bank", "per_bank"} <= {x["refresh"] for x in drawn}
    assert {"power_down", "self_refresh_after_us", "refresh_postponed"} <= {key for x in drawn for key in x}
    assert {run.slow for run in own} == {"", "banks", "subarrays"}
    assert {run.ranks for run in own} == {None, 2}
    presets, skipped = Presets().names("dram"), Counter()
    turns = checker.in_turn(presets, 1, skipped)
    assert [next(turns)[0].preset for _ in range(2 * len(presets))] == 2 * presets
    impossible = checker.Run("gddr6-14000-8gb-x16", (), 3, "", "mix")
    with pytest.raises(ConfigError):
        checker.system_of(impossible)
    refused = sum(skipped.values())
    assert checker.possible([impossible], skipped) == []
    assert sum(skipped.values()) == refused + 1


def test_a_broken_rule_is_told(checker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first access moved up to the command before it is counted, named with its run, and ends with exit code 1."""
    original = checker.replay_requests

    def early(*arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        commands = result.log.commands[0]
        first = int(np.isin(commands[:, 1], (RD, WR)).argmax())
        commands[first, 0] = commands[first - 1, 0] + 1
        return result

    monkeypatch.setattr(checker, "replay_requests", early)
    only = "ramulator2:ddr4_2400_frfcfs32"
    found, _ = checker.check([only], commands=0, requests=3000)
    assert found["DDR4"].violations > 0
    assert f"{only} (as shipped) on" in found["DDR4"].offences[0]
    assert "tRCD" in found["DDR4"].offences[0]
    monkeypatch.setattr("sys.argv", ["checker.py", "--commands", "0"])
    monkeypatch.setattr(checker, "Presets", lambda: SimpleNamespace(names=lambda kind: [only]))
    assert checker.main() == 1
