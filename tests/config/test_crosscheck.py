"""Contradictions between keys that each are right by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.config.conftest import Desk

OK = '[dram]\npreset = "small-ddr4"\n'


@pytest.mark.parametrize("table", ["[operating_point]", "[compare.low]", "[[partition]]\nname = 'a'"])
@pytest.mark.parametrize(("value", "change"), [("vdd = 1", "delta_vdd = -0.1"), ("tRCD_ns = 9", "delta_tRCD_ns = -4")])
def test_value_and_change(desk: Desk, table: str, value: str, change: str) -> None:
    """A value and its change exclude each other, in every kind of operating point; either alone is fine."""
    desk.load(OK + f"{table}\n{value}\n")
    desk.load(OK + f"{table}\n{change}\n")
    problem = desk.problem(OK + f"{table}\n{value}\n{change}\n")
    line = 4 + table.count("\n")
    assert problem.startswith(f"x.toml:{line + 1}: ")
    said = f"{change.split()[0]}: given together with {value.split()[0]} (x.toml:{line}); give one of the two"
    assert problem.endswith(said)


def test_value_and_change_from_two_places(desk: Desk) -> None:
    """--set on top of a file that gives the change is the same contradiction."""
    problem = desk.problem(OK + "[operating_point]\ndelta_vdd = -0.1\n", set=["operating_point.vdd=1.1"])
    assert problem.startswith("x.toml:4: operating_point.delta_vdd: given together with vdd (--set)")


@pytest.mark.parametrize("table", ["[operating_point]", "[compare.low]", "[[partition]]\nname = 'a'"])
@pytest.mark.parametrize("time", ["tRCD_ns = 9", "delta_tRCD_ns = -4", "tRAS_ns = 30", "tRP_ns = 12"])
def test_lowest_safe_latency_and_a_time(desk: Desk, table: str, time: str) -> None:
    """The lowest safe latency leaves no time to be given beside it; as_given does."""
    desk.load(OK + f'{table}\nlatency = "as_given"\n{time}\n')
    problem = desk.problem(OK + f'{table}\nlatency = "lowest_safe"\n{time}\n')
    line = 4 + table.count("\n")
    assert problem.startswith(f"x.toml:{line + 1}: ")
    assert f'{time.split()[0]}: given together with latency = "lowest_safe" (x.toml:{line})' in problem


@pytest.mark.parametrize(
    ("low", "high"), [("write_low = 0.9", ""), ("", "write_high = 0.1"), ("write_low = 0.5", "write_high = 0.5")]
)
def test_write_marks(desk: Desk, low: str, high: str) -> None:
    """The low mark must lie below the high one, whichever of them is a default."""
    problem = desk.problem(OK + f"[dram.controller]\n{low}\n{high}\n")
    assert "expected write_low < write_high, found write_low = " in problem
    assert problem.startswith(f"x.toml:{4 if low else 5}: dram.controller.write_")


def test_write_marks_in_order(desk: Desk) -> None:
    """Marks in order are accepted."""
    assert desk.load(OK + "[dram.controller]\nwrite_low = 0\nwrite_high = 1\n").config.dram.controller.write_high == 1.0


@pytest.mark.parametrize("name", ['"a b"', '"a/b"', '"../x"', '""', '"a.b"', '"ä"', '"a\\n"'])
def test_compare_names(desk: Desk, name: str) -> None:
    """Names that become part of file names are plain."""
    problem = desk.problem(OK + f"[compare.{name}]\nvdd = 1.1\n")
    assert problem.startswith(f"x.toml:3: compare.{name}: expected a name of letters, digits")


def test_plain_compare_names(desk: Desk) -> None:
    """Letters, digits, _ and -."""
    assert set(desk.load(OK + "[compare.A-1_b]\n[compare.2]\n").config.compare) == {"A-1_b", "2"}


def test_partition_names(desk: Desk) -> None:
    """Names are plain, used once, and not that of the remainder."""
    text = "".join(f"[[partition]]\nname = '{name}'\n" for name in ("a", "a", "module", "x y"))
    assert [p.split(": ", 1)[1] for p in desk.problems(OK + text)] == [
        'partition.1.name: "a" is the name of another partition (x.toml:4)',
        'partition.2.name: "module" is the name of what no partition claims; choose another',
        'partition.3.name: found text "x y"; expected letters, digits, "_" and "-"',
    ]


@pytest.mark.parametrize("span", ["3:1", "2:2", "a:b", "1", "1:2:3", "-1:3", "", ":4", "1-3"])
def test_spans(desk: Desk, span: str) -> None:
    """A span is a:b with a < b."""
    problem = desk.problem(OK + f"[[partition]]\nname = 'a'\nchannel = '{span}'\n")
    assert problem.startswith(f'x.toml:5: partition.0.channel: found text "{span}"; expected a list or "a:b" with a <')


def test_index_lists(desk: Desk) -> None:
    """Negative indices and empty lists are refused, good ones taken as they are."""
    assert "expected whole numbers from 0" in desk.problem(OK + "[[partition]]\nname = 'a'\nrank = [0, -1]\n")
    assert "expected whole numbers from 0" in desk.problem(OK + "[[partition]]\nname = 'a'\nchips = [-1]\n")
    assert "leave the key out to mean all" in desk.problem(OK + "[[partition]]\nname = 'a'\nsubarrays = []\n")
    partition = desk.load(OK + "[[partition]]\nname = 'a'\nrank = [0]\nbanks = '0:4'\n").config.partition[0]
    assert (partition.rank, partition.banks) == ([0], "0:4")


def test_placement(desk: Desk) -> None:
    """Every partition that a placement names must exist; the remainder always does."""
    text = OK + "[[partition]]\nname = 'safe'\n[placement]\nweights = 'saef'\nifm = 'module'\nofm = 'fast'\n"
    text += "tensors = { 'conv1.weights' = 'safe', conv2 = 'zzz' }\n"
    assert [p.split(": ", 1) for p in desk.problems(text)] == [
        [
            "x.toml:6",
            'placement.weights: found text "saef"; expected the name of a partition; did you mean "safe"? '
            "(partitions: safe, module)",
        ],
        ["x.toml:8", 'placement.ofm: found text "fast"; expected the name of a partition (partitions: safe, module)'],
        [
            "x.toml:9",
            'placement.tensors.conv2: found text "zzz"; expected the name of a partition (partitions: safe, module)',
        ],
    ]


@pytest.mark.parametrize("line", ["tRCD_ns = 0.099", "tRP_ns = 1e-9"])
def test_times_too_short_to_be_meant(desk: Desk, line: str) -> None:
    """Times between 0 and 0.1 ns are refused; 0 is legal and called ideal."""
    assert "expected 0 or at least 0.1 ns" in desk.problem(OK + f"[operating_point]\n{line}\n")
    desk.load(OK + f"[operating_point]\n{line.split()[0]} = 0.0\n")
    desk.load(OK + f"[operating_point]\n{line.split()[0]} = 0.1\n")


def test_small_changes_are_fine(desk: Desk) -> None:
    """A change of a time may be small."""
    assert desk.load(OK + "[operating_point]\ndelta_tRCD_ns = 0.05\n").config.operating_point.delta_tRCD_ns == 0.05


def test_wrong_types_do_not_disturb_the_checks(desk: Desk) -> None:
    """The checks run beside those of the schema and leave wrong types to them."""
    text = OK + "compare = 1\npartition = [1, {name = 2, banks = 1.5}]\nplacement = {weights = 3, tensors = 4}\n"
    text = "operating_point = 'x'\n" + text.replace(OK, "") + OK + "controller = {write_low = 'x'}\n"
    assert len(desk.problems(text)) == 8
