"""Every kind of wrong value: one sentence with file and line, what was found, what is expected, and a good guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edensim.errors import INPUT, USAGE, ConfigError

if TYPE_CHECKING:
    from tests.config.conftest import Desk

OK = '[dram]\npreset = "small-ddr4"\n'
POINT = OK + "[operating_point]\n"


def test_row_2_unknown_key(desk: Desk) -> None:
    """The nearest key and all keys of the table."""
    problem = desk.problem(OK + "chanels = 2\n")
    assert problem.startswith("x.toml:3: dram.chanels: unknown key; did you mean channels? (keys of [dram]: preset, ")
    assert problem.endswith("controller, power)")


def test_unknown_table(desk: Desk) -> None:
    """The nearest table; its content is not judged."""
    problem = desk.problem(OK + "[operating_pont]\nvdd = 'x'\n")
    assert problem.startswith("x.toml:3: operating_pont: unknown key; did you mean operating_point? (keys of the top")


def test_swapped_letters_count_once(desk: Desk) -> None:
    """Neighbours swapped are one edit (Damerau-Levenshtein): `vdd` for `dvd`."""
    assert "did you mean vdd?" in desk.problem(POINT + "dvd = 1.1\n")


def test_key_without_its_unit(desk: Desk) -> None:
    """`tRCD` is met with `tRCD_ns`."""
    assert "did you mean tRCD_ns?" in desk.problem(POINT + "tRCD = 8.5\n")


def test_key_in_the_wrong_table(desk: Desk) -> None:
    """A key known elsewhere is met with its place."""
    assert "a key of that name belongs to [workload]" in desk.problem(OK + "batch = 2\n")
    assert "a key of that name belongs to [dram.controller]" in desk.problem(OK + "scheduler = 'FRFCFS'\n")
    assert "a key of that name belongs to the top of the file, above all tables" in desk.problem(OK + "seed = 2\n")


def test_unknown_key_in_an_array_of_tables(desk: Desk) -> None:
    """Entries are counted from 0 and the line is that of the entry's key."""
    problem = desk.problem(OK + "[[partition]]\nname = 'a'\n[[partition]]\nname = 'b'\nbank = [1]\n")
    assert problem.startswith("x.toml:7: partition.1.bank: unknown key; did you mean banks or rank? (keys of [[")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('vdd = "1.1"', 'found text "1.1"; expected a number above 0 and at most 5 V'),
        ('tRCD_ns = "18 ns"', 'found text "18 ns"; expected a number from 0 to 1000 ns'),
        ("vdd = true", "found true; expected a number"),
        ("vdd = [1.1]", "found [1.1]; expected a number"),
        ("vdd = {v = 1.1}", "found a table; expected a number"),
        ("vdd = 2024-01-01", "found 2024-01-01; expected a number"),
        ("vdd = nan", "found nan, which is no finite number; expected a number above 0"),
        ("vdd = -inf", "found -inf, which is no finite number; expected a number above 0"),
        ("vdd = 0", "found 0; expected a number above 0 and at most 5 V"),
        ("vdd = -1.1", "found -1.1; expected a number above 0"),
        ("tRCD_ns = -0.5", "found -0.5; expected a number from 0 to 1000 ns (ACT to RD or WR"),
        ("tRAS_ns = 1e300", "found 1e+300; expected a number from 0"),
        ("delta_vdd_mode = 'relativ'", 'found text "relativ"; expected one of "relative", "absolute"'),
        ("delta_vdd_mode = 3", 'found 3; expected one of "relative", "absolute"'),
    ],
)
def test_rows_4_and_6_operating_point(desk: Desk, line: str, said: str) -> None:
    """Types, NaN, ranges and choices of real-valued keys."""
    problem = desk.problem(POINT + line + "\n")
    assert problem.startswith(f"x.toml:4: operating_point.{line.split()[0]}: {said}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("channels = 2.0", "found 2.0; expected a whole number from 1 to 64 (independent channels); did you mean 2?"),
        ("channels = 2.5", "found 2.5; expected a whole number from 1 to 64 (independent channels)"),
        ("channels = true", "found true; expected a whole number from 1 to 64"),
        ('channels = "2"', 'found text "2"; expected a whole number from 1 to 64 (independent channels); write the'),
        ("channels = 0", "found 0; expected a whole number from 1 to 64"),
        ("channels = 65", "found 65; expected a whole number from 1 to 64"),
        ("channels = nan", "found nan, which is no finite number; expected a whole number"),
        ("channels = 99999999999999999999999", "found a whole number beyond 64 bits"),
        ("standard = 4", "found 4; expected text of 1 to 200 characters (family whose commands and constraints apply"),
        ("standard = ''", "found an empty text; expected text of 1 to 200 characters"),
        ("address_wrap = 'true'", 'found text "true"; expected true or false'),
        ("address_wrap = 1", "found 1; expected true or false"),
        ("timing = 3", "found 3; expected a table"),
        ("controller = []", "found []; expected a table"),
        ("timing_ck = {nRCD = 1.5}", None),
    ],
)
def test_row_4_dram(desk: Desk, line: str, said: str | None) -> None:
    """Types and ranges of whole numbers, text, switches and tables."""
    problem = desk.problem(OK + line + "\n")
    if said is None:
        said = "found 1.5; expected a whole number from 0 to 10000000 clocks ("
        assert problem.startswith(f"x.toml:3: dram.timing_ck.nRCD: {said}")
    else:
        assert problem.startswith(f"x.toml:3: dram.{line.split()[0]}: {said}")


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        (POINT + "vdd = 1100", "did you mean 1.1 V?"),
        (POINT + "vdd = 1_050_000.0", "did you mean 1.05 V?"),
        (POINT + "tRCD_ns = 13750", "did you mean 13.75 ns?"),
        (POINT + "tRCD_ns = 0.018", "did you mean 18 ns?"),
        (POINT + "tRCD_ns = 13.5e-9", "did you mean 13.5 ns?"),
        (OK + "density_mbit = 8", "did you mean 8192 Mbit?"),
        (OK + "data_rate_mt_s = 2_400_000_000", "did you mean 2400 MT/s?"),
        (OK + "[dram.controller]\nwrite_high = 80", "did you mean 0.8?"),
        (OK + "[machine]\npreset = 'tpu-test'\nclock_mhz = 700e6", "did you mean 700 MHz?"),
        (OK + "[machine]\npreset = 'tpu-test'\nbuffer_bytes = 324", "did you mean 331776 byte?"),
        (OK + "[dram.timing]\ntRCD_ns = 0.01332", "did you mean 13.32 ns?"),
    ],
)
def test_row_8_right_number_in_another_unit(desk: Desk, text: str, guess: str) -> None:
    """mV, uV, ps, us, s, Gbit, T/s, percent, Hz and KB are guessed."""
    assert guess in desk.problem(text + "\n")


@pytest.mark.parametrize("line", ["vdd = 7", "vdd = -1100", "delta_vdd = 60", "tRCD_ns = -3"])
def test_no_wild_guesses(desk: Desk, line: str) -> None:
    """Where no unit makes sense of a number nothing is guessed."""
    assert "did you mean" not in desk.problem(POINT + line + "\n")


def test_whole_numbers_are_fine_where_real_ones_are_expected(desk: Desk) -> None:
    """`vdd = 1` is 1.0 V."""
    value = desk.load(POINT + "vdd = 1\ntRCD_ns = 0\n").config.operating_point
    assert (value.vdd, value.tRCD_ns) == (1.0, 0.0)
    assert type(value.vdd) is float


def test_long_values_are_cut(desk: Desk) -> None:
    """A value of thousands of characters does not fill the screen."""
    problem = desk.problem(POINT + f"vdd = '{'x' * 5000}'\n")
    assert len(problem) < 250
    assert "…" in problem


def test_choice_with_nearest(desk: Desk) -> None:
    """Misspelt choices get the nearest one."""
    problem = desk.problem(OK + "[dram.controller]\nscheduler = 'FRFCFS_Rowhit'\n")
    assert problem.endswith('; did you mean "FRFCFS_RowHit"?')


def test_missing_keys_without_a_preset(desk: Desk) -> None:
    """A memory without a preset: one message with all missing keys and the presets to choose from."""
    problem = desk.problem("seed = 1\n[dram]\nchannels = 2\nrows = 64\n")
    assert problem == (
        "x.toml:2: dram: missing standard, data_rate_mt_s, channel_width_bits, device_width_bits, density_mbit, "
        "banks_per_group, columns; give them, or start from a preset with dram.preset "
        "(available: parity:fast, small-ddr4) or from a device with dram.organisation and dram.speed_bin"
    )


def test_missing_table(desk: Desk) -> None:
    """An empty file lacks a memory."""
    assert desk.problem("") == (
        "x.toml: dram: missing; start from a preset with dram.preset (available: parity:fast, small-ddr4)"
    )


def test_missing_key(desk: Desk) -> None:
    """A missing key is placed at its table, with what is expected."""
    assert desk.problem(OK + "\n[workload]\nbatch = 2\n").startswith(
        "x.toml:4: workload.network: missing; expected text of 1 to 200 characters (built-in network, "
    )


def test_rails(desk: Desk) -> None:
    """Keys of tables with free names are checked like all others."""
    rail = "voltage_v = 1.2\nIDD0 = 48\nIDD2N = 34\nIDD3N = 43\nIDD4R = 135\nIDD4W = 123\n"
    power = "[dram.power]\nsource = 's'\nidd3n_basis = 'one_bank'\n"
    problems = desk.problems(OK + f"{power}[dram.power.rails.VDD]\n{rail}IDD5 = 1\n")
    assert [p[: p.index(";")] for p in problems] == [
        "x.toml:6: dram.power.rails.VDD.IDD5B: missing",
        "x.toml:13: dram.power.rails.VDD.IDD5: unknown key",
    ]
    assert "did you mean IDD0 or IDD5B or IDD5C?" in problems[1]


def test_lists(desk: Desk) -> None:
    """A wrong entry of a list of names is placed exactly; a table where an array of tables belongs is named."""
    problem = desk.problem(OK + "[workload]\nnetwork = 'n'\nlayers = [\n  'a',\n  3,\n]\n")
    assert problem.startswith("x.toml:7: workload.layers.1: found 3; expected text of 1 to 200 characters")
    assert "found a table; expected a list of tables" in desk.problem(OK + "[partition]\nname = 'a'\n")
    assert desk.problem("compare = {low = 3}\n" + OK) == "x.toml:1: compare.low: found 3; expected a table"


@pytest.mark.parametrize("value", ["3", "[0, 'x']", "[0.5]", "true", "[true]", "{a = 1}"])
def test_indices(desk: Desk, value: str) -> None:
    """Lists of indices: one message although two spellings are allowed."""
    problem = desk.problem(OK + f"[[partition]]\nname = 'a'\nbanks = {value}\n")
    assert problem.startswith("x.toml:5: partition.0.banks: found ")
    assert 'expected a list of whole numbers, or "a:b"' in problem


def test_text_with_half_a_character(desk: Desk) -> None:
    """File names that are no Unicode (as the shell hands them over) are refused with a reason."""
    problem = desk.problem(OK, set={"workload.network": "a\udc80"})
    assert problem.startswith("--set: workload.network: ")
    assert "valid Unicode" in problem


def test_row_2_all_problems_in_one_go(desk: Desk) -> None:
    """Mistakes of every stage are reported together, in the order of lines."""
    desk.write("base.toml", "sed = 1\n")
    problems = desk.problems(
        "extends = ['base.toml']\n[dram]\npreset = 'nope'\nchannels = 0\n[operating_point]\nvdd = 1\ndelta_vdd = 1\n"
        "[workload]\n[[partition]]\nname = 'a b'\n",
        set=["nonsense", "seed=-1"],
    )
    assert [p.split(": ")[:2] for p in problems] == [
        ["--set", 'found "nonsense"; expected key=value, such as operating_point.vdd=1.05'],
        ["--set", "seed"],
        ["base.toml:1", "sed"],
        ["x.toml:3", "dram.preset"],
        ["x.toml:4", "dram.channels"],
        ["x.toml:7", "operating_point.delta_vdd"],
        ["x.toml:8", "workload.network"],
        ["x.toml:10", "partition.0.name"],
    ]


def test_exit_codes() -> None:
    """A configuration error ends a command with 2, not with the 3 of a bad input file."""
    assert ConfigError.exit_code == USAGE == 2
    assert INPUT == 3


def test_machine_of_no_kind(desk: Desk) -> None:
    """A wrong or missing kind is told, and with it what no kind of machine has; keys of another kind are named."""
    told = desk.problems(OK + "[machine]\nkind = 'cpux'\nwindow = 128\nwidht = 4\nclock_mhz = 'x'\n")
    assert len(told) == 3
    assert 'expected one of "eyeriss", "tpu", "cpu"' in told[0]
    assert 'did you mean "cpu"?' in told[0]
    assert "machine.widht: unknown key; did you mean width" in told[1]
    assert told[2].split(": ")[1] == "machine.clock_mhz"
    told = desk.problems(OK + "[machine]\nclock_mhz = 4000.0\n")
    assert "machine: missing kind; give them, or start from a preset" in told[0]
    told = desk.problems(OK + "[machine]\npreset = 'tpu-test'\nwindow = 128\n")
    assert "a key of that name belongs to [machine] of kind cpu" in told[0]
    assert "keys of [machine] of kind tpu: " in told[0]
