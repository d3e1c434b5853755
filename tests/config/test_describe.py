"""`edensim show`: rows with unit and meaning, and text that is itself a configuration."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from edensim.config import describe, describe_text, load_config

if TYPE_CHECKING:
    from tests.config.conftest import Desk

TEXT = """\
title = "quote \\" and \\u007f and ü"
[dram]
preset = "small-ddr4"
[dram.timing]
minimum_ck = { tFAW = 20 }
[workload]
network = "alexnet"
layers = ["a", "b"]
[compare.as_it_is]
[compare.low]
vdd = 1.05
[[partition]]
name = "p"
[[partition]]
name = "q"
banks = "0:4"
[placement.tensors]
"conv1.weights" = "p"
"""


def test_rows(desk: Desk) -> None:
    """Every origin has a row, in the order of the schema, with unit and meaning of the key."""
    resolved = desk.load(TEXT)
    rows = {row.key: row for row in describe(resolved)}
    assert {key: row.origin for key, row in rows.items()} == resolved.origins
    row = rows["compare.low.vdd"]
    assert (row.value, row.unit, row.origin) == (1.05, "V", "x.toml:11")
    assert row.doc == "supply of the rail that follows VDD"
    assert rows["dram.timing.minimum_ck.tFAW"].unit == "clock"
    assert rows["machine"].value is None
    assert all(row.doc for row in rows.values())


def test_text_is_the_same_configuration(desk: Desk) -> None:
    """With and without origins and defaults, the text loads to the same hash."""
    resolved = desk.load(TEXT, set=["seed=5"])
    for origins in (False, True):
        for defaults in (False, True):
            text = describe_text(resolved, origins=origins, defaults=defaults)
            assert desk.load(text).hash == resolved.hash, text


def test_origins_stand_beside_the_values(desk: Desk) -> None:
    """Each line of a value ends in unit and origin; optional keys not given are comments."""
    lines = describe_text(desk.load(TEXT), origins=True).splitlines()
    assert [line.split() for line in lines if line.startswith("tRCD_ns = 13.32")] == [
        ["tRCD_ns", "=", "13.32", "#", "ns,", "preset", "small-ddr4", "(line", "14)"]
    ]
    assert any(line.startswith("# tRAS_ns is not given") and line.endswith("# ns, default") for line in lines)
    assert all("#" in line or line == "" or line.startswith("[") for line in lines)


def test_text_without_defaults_is_short(desk: Desk) -> None:
    """Only what was written down is left."""
    resolved = desk.load('[dram]\npreset = "small-ddr4"\n')
    text = describe_text(resolved, defaults=False)
    assert "scheduler" not in text
    assert "not given" not in text
    assert tomllib.loads(text)["dram"]["rows"] == 65536


@given(
    st.fixed_dictionaries(
        {
            "title": st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
            "seed": st.integers(0, 2**63 - 1),
            "compare": st.dictionaries(
                st.from_regex(r"[A-Za-z0-9_-]{1,5}", fullmatch=True),
                st.fixed_dictionaries({}, optional={"vdd": st.floats(0.1, 5), "tRAS_ns": st.floats(1, 1000)}),
                max_size=3,
            ),
            "placement": st.fixed_dictionaries(
                {"tensors": st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.just("module"))}
            ),
        }
    )
)
def test_any_configuration_survives_the_text(values: dict[str, Any]) -> None:
    """Show, read, show: same text and same hash."""
    dram = {"standard": "DDR4", "data_rate_mt_s": 2400, "channel_width_bits": 64, "device_width_bits": 8, "rows": 64}
    dram |= {"density_mbit": 8192, "banks_per_group": 4, "columns": 1024}
    resolved = load_config({"dram": dram, **values})
    text = describe_text(resolved)
    again = load_config(tomllib.loads(text))
    assert again.hash == resolved.hash
    assert describe_text(again) == text
