"""Deeper checks beside schema problems: what they see of a faulty configuration, and which findings are believed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edensim.config import load_config
from edensim.config.draft import draft_of
from edensim.config.schema import Draft
from edensim.config.tree import Origin, build
from edensim.errors import ConfigError, EdensimError, InputError, MissingExtraError, Problem

if TYPE_CHECKING:
    from tests.config.conftest import Desk

DRAM = '[dram]\npreset = "small-ddr4"\n'


def told(desk: Desk, text: str, *problems: str, set: object = ()) -> list[str]:  # noqa: A002
    """Problems of a configuration for which a deeper check finds `problems`."""

    def check(draft: Draft, folder: Path) -> list[EdensimError]:
        return [ConfigError(problem) for problem in problems]

    path = desk.write("x.toml", text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, set=set, preset_root=desk.presets, check=check)
    return caught.value.problems


def test_a_finding_gets_the_line_of_its_key(desk: Desk) -> None:
    """The key's own line; of several, that of the first which the user wrote; of none, the table's or the file."""
    text = DRAM + "[operating_point]\nvdd = 1.1\ntRCD_ns = 9\n"
    assert told(desk, text, Problem("a", "operating_point.tRCD_ns", "operating_point.vdd")) == ["x.toml:5: a"]
    assert told(desk, text, Problem("b", "dram.rows", "operating_point.vdd")) == ["x.toml:4: b"]
    assert told(desk, text, Problem("c", "operating_point.tRP_ns")) == ["x.toml:3: c"]
    assert told(desk, text, Problem("d", "dram.rows")) == ["preset small-ddr4 (line 9): d"]
    assert told(desk, text, Problem("e", "machine.kind")) == ["x.toml: e"]
    assert told(desk, text, "f") == ["x.toml: f"]
    assert told(desk, text, Problem("g", "dram.rows"), set=["dram.rows=64"]) == ["--set: g"]


def test_findings_stand_among_the_others_in_the_order_of_lines(desk: Desk) -> None:
    """Schema, contradiction and findings are one list."""
    text = DRAM + "[workload]\nnetwork = 'x'\nbatch = 0\n[operating_point]\nvdd = 1\ndelta_vdd = 1\n"
    found = told(desk, text, Problem("late", "dram.preset"), Problem("early", "workload.network"))
    assert [p.split(": ")[0] for p in found] == ["x.toml:2", "x.toml:4", "x.toml:5", "x.toml:8"]
    assert found[:2] == ["x.toml:2: late", "x.toml:4: early"]


@pytest.mark.parametrize(
    ("line", "key", "believed"),
    [
        ("[operating_point]\nvvd = 1\n", "operating_point.vdd", False),  # vdd may have been meant
        ("[operating_point]\nvvd = 1\nvdd = 2\n", "operating_point.vdd", True),  # vdd was given too
        ("[operating_point]\nvvd = 1\n", "operating_point", False),
        ("[operating_point]\nvvd = 1\n", "workload.network", True),
        ("[operating_point]\nvvd = 1\n", "dram.rows", True),
        ("[operating_pint]\nvdd = 1\n", "operating_point.vdd", False),
        ("[operating_pint]\nvdd = 1\n", "dram.rows", True),  # [dram] stands in the same file
        ("[[partitoin]]\nname = 'a'\n", "partition.0.banks", False),
        ("[[partitoin]]\nname = 'a'\n", "seed", True),
        ("[dram.timing]\ntRDC_ns = 3\n", "dram.timing.tRCD_ns", False),  # the preset's may have been meant
        ("[dram.timing]\ntRDC_ns = 3\n", "dram.rows", True),
        ("[dram.tming]\ntRCD_ns = 3\n", "dram.timing.tRCD_ns", False),
        ("[dram.tming]\ntRCD_ns = 3\n", "dram.rows", True),
        ("[workload]\nbatch = 'two'\nnetwork = 'x'\n", "workload.batch", False),
        ("[workload]\nbatch = 'two'\nnetwork = 'x'\n", "workload.network", True),
        ("[workload]\nbatch = 2\n", "workload.batch", False),  # without a network the table says nothing
        ("[machine]\npreset = 'nope'\nkind = 'tpu'\n", "machine.kind", False),
        ("[[partition]]\nname = 'a'\nbanks = 3\n[[partition]]\nname = 'b'\n", "partition.0.banks", False),
        ("[[partition]]\nname = 'a'\nbanks = 3\n[[partition]]\nname = 'b'\n", "partition.1", True),
        ("[[partition]]\nvdd = 1\n[[partition]]\nname = 'b'\n", "partition.1", False),
    ],
)
def test_what_rests_on_a_key_in_doubt_is_not_believed(desk: Desk, line: str, key: str, believed: bool) -> None:
    """Keys left out, and those that a misspelt one may have meant, carry no verdict; a message without keys none."""
    found = told(desk, DRAM + line, Problem("deep", key), "no key")
    assert any(p.endswith(": deep") for p in found) is believed
    assert not any("no key" in p for p in found)


def test_the_draft_holds_what_is_right() -> None:
    """Wrong keys are gone, tables that lack a key are gone as a whole, and no entry of a list changes its place."""
    values = {
        "seed": -1, "workload": {"batch": 2}, "machine": 3, "dram": {"rows": 64},
        "operating_point": {"vdd": "x", "tRP_ns": 9.0}, "partition": [{"name": "a", "banks": 3}, {"name": "b"}],
    }  # fmt: skip
    wrong = [("seed",), ("machine",), ("operating_point", "vdd"), ("partition", 0, "banks"), ("nowhere", "at", "all")]
    draft, doubtful = draft_of(build(values, Origin("dict", "dict")), wrong)
    assert draft == Draft.model_validate(
        {"operating_point": {"tRP_ns": 9.0}, "partition": [{"name": "a"}, {"name": "b"}]}
    )
    assert {("workload",), ("dram",), *wrong} == doubtful


def test_a_setting_nobody_understands_silences_the_deeper_checks(desk: Desk) -> None:
    """It may concern any key."""
    problems = told(desk, DRAM, Problem("deep", "workload.network"), set=["nonsense"])
    assert len(problems) == 1


def test_an_input_file_alone_keeps_its_kind(desk: Desk) -> None:
    """A missing file or library is told with the line that names it, and its own exit code; with others as a list."""
    path = desk.write("x.toml", DRAM + "[workload]\nnetwork = 'a.csv'\n")
    key = "workload.network"
    with pytest.raises(InputError, match=r"^x\.toml:4: a\.csv: no such file$"):
        load_config(path, preset_root=desk.presets, check=lambda *_: [InputError(Problem("a.csv: no such file", key))])
    extra = MissingExtraError("onnx", "onnx", "reading a.onnx")
    with pytest.raises(MissingExtraError, match=r"^x\.toml: reading a\.onnx needs onnx"):
        load_config(path, preset_root=desk.presets, check=lambda *_: [extra])
    both = [InputError(Problem("gone", key)), ConfigError(Problem("bad", "dram.preset"))]
    with pytest.raises(ConfigError) as caught:
        load_config(path, preset_root=desk.presets, check=lambda *_: both)
    assert caught.value.problems == ["x.toml:2: bad", "x.toml:4: gone"]
