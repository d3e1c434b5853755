"""Whatever number stands at whatever key: it is refused in words, or the run ends with finite results."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from edensim.cli.main import main
from edensim.config import Resolved, load_config
from edensim.config.keys import ROOT, Key, keys_in
from edensim.errors import OK, USAGE, ConfigError
from edensim.jit import JIT_DISABLED
from edensim.study.record import to_json
from edensim.study.summary import summarize
from edensim.system.check import check_run
from edensim.system.run import run

ENTRIES = {"rails": "VDD", "compare": "a", "partition": 0, "minimum_ck": "tRRD_L", "timing_ck": "nRCD"}
EXTREMES = (1e-300, 1e300, 0, -1, 2**62, 1e-9, -1e-300)
SHAPES_KERNELS = ("channels", "ranks", "queue", "banks", "bank_groups")
"""Sizes that compile kernels of their own, half a minute each: checked, but not run."""


def numeric(key: Key, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str, Key]]:
    """All keys of the schema that hold a number, in lists and maps those of one entry."""
    for name, below in keys_in(key).items():
        place = (*path, name) if below.kind not in ("map", "list") else (*path, name, ENTRIES.get(name, "x"))
        inner = below.item if below.kind in ("map", "list") and below.item else below
        if inner.numeric:
            yield ".".join(map(str, place)), inner
        yield from numeric(inner, place)


KEYS = dict(numeric(ROOT))


def values(key: Key) -> list[float]:
    """Extreme values, the limits of the key, and what lies just beyond them."""
    assert key.low is not None and key.high is not None
    kind = int if key.kind == "integer" else float
    limits = [kind(key.low), kind(key.high)]
    beyond = [key.low - 1, key.high + 1] if kind is int else [key.low - 1e-9, key.high * (1 + 1e-9)]
    return list(dict.fromkeys([*EXTREMES, *limits, *beyond]))


BASE = {
    "workload": {"network": "lenet", "layers": ["conv1"]},
    "machine": {"preset": "eyeriss-eden"},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
    "compare": {"a": {"tRP_ns": 12.0}},
    "partition": [{"name": "low", "banks": "0:8"}],
}
"""One layer, with every kind of table."""


@pytest.fixture(scope="module")
def taken() -> list[tuple[str, float, Resolved]]:
    """Key, value and configuration of all cases that pass the checks; the others are refused in words."""
    base, found = load_config(BASE), []
    for name, key in KEYS.items():
        for value in values(key):
            try:
                found.append((name, value, load_config(base, set={name: value}, check=check_run)))
            except ConfigError as error:
                assert 0 < len(error.problems) < 20
                assert all(p.startswith(("--set: ", "preset ", "dict: ")) for p in error.problems)
    return found


def test_every_extreme_value_is_taken_or_refused_in_words(taken: list[tuple[str, float, Resolved]]) -> None:
    """All keys, all values, through every check: nothing but a configuration or a ConfigError, as the limits say."""
    assert len(taken) > 150
    assert [(name, value) for name, value, _ in taken if not KEYS[name].allows(value)] == []
    assert len({name for name, _, _ in taken}) > 80


@pytest.mark.skipif(JIT_DISABLED, reason="runs need compiled kernels")
def test_what_is_taken_runs(taken: list[tuple[str, float, Resolved]]) -> None:
    """A fixed sample of what passes: the run ends, and its numbers are finite and can be printed."""
    found = [case for case in taken if not any(word in case[0] for word in SHAPES_KERNELS)]
    always = [case for case in found if case[0] in ("machine.clock_mhz", "machine.dma_bytes_per_cycle")]
    always += [case for case in found if "IDD" in case[0] or ".io." in case[0]][::3]
    for name, value, resolved in always + random.Random(7).sample(found, 20):
        result = run(resolved)
        assert to_json(result.data), (name, value)  # refuses NaN and infinities
        assert summarize(result.data), (name, value)


@pytest.mark.skipif(JIT_DISABLED, reason="runs need compiled kernels")
def test_an_energy_below_zero_can_be_printed() -> None:
    """A current that makes the total negative gives a table all the same."""
    result = run(load_config(BASE, set={"dram.power.rails.VDD.IDD_precharge": 1e6}))
    assert result.data["energy_pj"]["total"] < 0
    assert "DRAM energy" in summarize(result.data)


@pytest.mark.parametrize(
    "setting",
    ["machine.clock_mhz=1e-300", "machine.dma_bytes_per_cycle=1e-9", "dram.timing.CL=4611686018427387904",
     "dram.power.rails.VDD.IDD2N=1e300", "energy.system.registers_pj_per_mac=1e300", "dram.timing_ck={nRCD=-1}",
     "dram.timing.minimum_ck={tFAW=4611686018427387904}", "machine.spad_filter_words=4611686018427387904"],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["show", "run"])
def test_exit_codes(verb: str, setting: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line answers with 2 and one paragraph that tells the range, never with 4."""
    path = tmp_path / "x.toml"
    path.write_text(
        '[workload]\nnetwork = "lenet"\n[machine]\npreset = "tpu-v1"\n[dram]\npreset = "lpddr3-1600-4gb-x32"\n'
    )
    assert main(["show", str(path)]) == OK
    assert main([verb, str(path), "--set", setting]) == USAGE
    assert "expected" in capsys.readouterr().err
