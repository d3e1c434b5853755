"""What the schema says about a key, in words; and that every key of the schema can be said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from edensim.config.keys import ROOT, Key, key_at, keys_in, keys_of, places_of
from edensim.errors import suggest


def every(key: Key, path: str = "") -> Iterator[tuple[str, Key]]:
    yield path, key
    if key.kind == "table":
        for name, below in keys_in(key).items():
            yield from every(below, f"{path}.{name}")
    if key.item is not None:
        yield from every(key.item, f"{path}.*")


def test_every_key_has_meaning_and_words() -> None:
    """A key added to the schema in a way that the messages do not understand fails here."""
    for path, key in every(ROOT):
        assert key.expected(), path
        if path and not path.endswith("*"):
            assert key.doc, path
        if key.numeric:
            assert key.low is not None and key.high is not None, f"{path}: give the number a range"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (("operating_point", "vdd"), "a number above 0 and at most 5 V"),
        (("operating_point", "tRCD_ns"), "a number from 0 to 1000 ns"),
        (("dram", "channels"), "a whole number from 1 to 64"),
        (("dram", "controller", "read_queue"), "a whole number from 1 to 4096 requests"),
        (("dram", "controller", "write_low"), "a fraction of at least 0 and below 1"),
        (("machine", "accumulators"), "a whole number from 1 to 4294967296 rows"),
        (("operating_point", "delta_tRCD_reference_ns"), "a number from 0.1 to 1000 ns"),
        (("energy", "voltage_model"), 'one of "quadratic", "drampower", "array_only", "regulated"'),
        (("workload", "network"), "text of 1 to 200 characters"),
        (("workload", "layers"), "a list of text"),
        (("title",), "text"),
        (("dram", "address_wrap"), "true or false"),
        (("partition",), "a list of tables"),
        (("partition", 3, "banks"), 'a list of whole numbers, or "a:b" for a, a+1, …, b-1'),
        (("compare", "x", "tREFI_scale"), "a number above 0 and at most 1000"),
        (("dram", "timing_ck", "nRCD"), "a whole number from 0 to 10000000 clocks"),
    ],
)
def test_expected(path: tuple[str | int, ...], words: str) -> None:
    """Ranges, units and kinds in words."""
    key = key_at(path)
    assert key is not None
    assert key.expected() == words


def test_ranges_with_one_end() -> None:
    """A number with one limit, or none, in words."""
    assert Key("number", unit="ns", low=0, low_open=True).expected() == "a number above 0 ns"
    assert Key("integer", unit="row", low=1).expected() == "a whole number of at least 1 row"
    assert Key("integer", unit="clock").expected() == "a whole number (in clocks)"


@pytest.mark.parametrize("path", [("x",), ("dram", "x"), ("title", "x"), ("partition", "x"), ("compare", 0)])
def test_places_that_are_none(path: tuple[str | int, ...]) -> None:
    """Unknown places are None."""
    assert key_at(path) is None


@pytest.mark.parametrize(
    ("path", "inside", "outside"),
    [
        (("dram", "channels"), (1, 64), (0, 65)),
        (("operating_point", "vdd"), (1e-9, 5), (0, 5.001)),
        (("dram", "controller", "write_low"), (0, 0.999), (-0.1, 1)),
        (("machine", "accumulators"), (1, 1 << 32), (0, (1 << 32) + 1)),
    ],
)
def test_limits(path: tuple[str, ...], inside: tuple[float, float], outside: tuple[float, float]) -> None:
    """Closed limits belong to the range, open ones do not."""
    key = key_at(path)
    assert key is not None
    assert all(map(key.allows, inside))
    assert not any(map(key.allows, outside))


def test_suggestions() -> None:
    """By edits first, else by a common beginning, else none; the case does not matter."""
    assert suggest("chanels", ["channels", "ranks"]) == ["channels"]
    assert suggest("VDD", ["vdd"]) == ["vdd"]
    assert suggest("tRRD", ["tRRD_S_ns", "tRRD_L_ns", "tRP_ns"]) == ["tRRD_S_ns", "tRRD_L_ns"]
    assert suggest("zzz", ["channels"]) == []
    assert places_of("IDD0") == ["[dram.power.rails.NAME]"]
    assert places_of("subarrays") == ["[[partition]]"]


def test_import_is_light() -> None:
    """Loading a configuration needs pydantic, not numpy, pandas, numba or anything above the floor of config."""
    script = (
        "import sys, edensim.config; heavy = {'numpy', 'pandas', 'numba', 'matplotlib', 'simpy', 'rich', 'click'};"
        "above = {m for m in sys.modules if m.startswith('edensim.') and m.split('.')[1] not in"
        " ('config', 'errors', 'version')}; print(sorted(heavy & set(sys.modules) | above))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_keys_of_several_kinds_mean_the_same() -> None:
    """A key of the same name in two kinds of machine has one meaning, unit and range, so that messages need no kind."""
    machine = key_at(("machine",))
    assert machine is not None
    assert len(machine.models) > 1
    seen: dict[str, Key] = {}
    for model in machine.models:
        for name, key in keys_of(model).items():
            assert name == machine.tag or seen.setdefault(name, key) == key
