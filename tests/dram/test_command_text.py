"""Command traces as text: three formats, one meaning; what is wrong is told with its line."""

import gzip
import json

import numpy as np
import pytest

from edensim.dram.command_counts import CommandCounter
from edensim.dram.command_text import CommandText, find_layout
from edensim.dram.command_trace import count_trace
from edensim.dram.commands import TRACE_NAMES
from edensim.dram.memspec import load_memspec
from edensim.dram.power_device import device_of
from edensim.dram.timing import resolve_timing
from edensim.errors import ConfigError, InputError
from tests.dram.golden_energy import CASES
from tests.dram.preset_dram import dram

DRAMPOWER = """\
0,ACT,0,2,10,7,0
17 , rd,0,2,10,7,8

# a comment
80,WRA,0,2,10,7,8  # another
400,REFA,0,0,0,0,0
900,END,0,0,0,0,0
"""
RAMULATOR2 = """\
clock,command,Channel,Rank,BankGroup,Bank,Row,Column,type,source
0,ACT,0,0,2,2,7,-1,0,-1
17,RD,0,0,2,2,7,8,0,0
80,WRA,0,0,2,2,7,8,1,0
400,REFab,0,0,-1,-1,-1,-1,-1,-1
"""
DRAMSIM3 = """\
0                  activate               0   0   2   2      0x7      0x8
17                 read                   0   0   2   2      0x7      0x8
80                 write_p                0   0   2   2      0x7      0x8
400                refresh                0   0   0   0      0x0      0x0
"""


@pytest.fixture
def device():
    memory = dram("ddr4-2400r-8gb-x8")
    return device_of(memory, resolve_timing(memory))


def write(tmp_path, text, name="trace.csv", packed=False):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "name"), [(DRAMPOWER, "drampower"), (RAMULATOR2, "ramulator2"), (DRAMSIM3, "dramsim3")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_three_formats_mean_the_same(tmp_path, device, text, name, packed):
    """The same commands in each format, packed or not, with Windows line ends or not, count the same."""
    for ending in ("\n", "\r\n"):
        counted = count_trace(write(tmp_path, text.replace("\n", ending), packed=packed), device)
        assert counted.format == name
        (n,) = counted.channels
        assert (n.n_act[0, 10], n.n_rd[0, 10], n.n_wra[0, 10], n.n_refab[0].sum()) == (1, 1, 1, 16)
        assert n.n_act.sum() == 1
        assert counted.commands["REFA"] == 1


BAD = {
    "unknown command": ("0,ACTT,0,0,0,0,0", r":1: unknown command 'ACTT'; did you mean ACT\?"),
    "NOP is no dustbin": ("0,NOP,0,0,0,0,0\n5,FOO,0,0,0,0,0", ":2: unknown command 'FOO'; known are RD, WR"),
    "few columns": ("0,ACT,0,0,0,0,0\n\n9,PRE,0,0,0,0", r":3: 6 columns; expected 7 or 8: clock, command"),
    "many columns": ("0,ACT,0,0,0,0,0,ff,1", r":1: 9 columns"),
    "data after ACT": ("0,ACT,0,0,0,0,0,00ff", "data follow column commands only"),
    "empty field": ("0,ACT,0,0,,0,0", ":1: the bank is empty"),
    "trailing comma": ("0,ACT,0,0,0,0,0,", ":1: the data is empty"),
    "hexadecimal": ("0,ACT,0,0,0,0,0\n0x20,PRE,0,0,0,0,0", r":2: the clock is '0x20', which is hexadecimal"),
    "hexadecimal digits": ("0,ACT,0,0,0,1f,0", r":1: the row is '1f', which is hexadecimal"),
    "no number": ("zero,ACT,0,0,0,0,0", ":1: the clock is 'zero'; expected a decimal number"),
    "negative clock": ("-1,ACT,0,0,0,0,0", ":1: the clock is '-1'"),
    "huge clock": ("9999999999999999999999,ACT,0,0,0,0,0", ":1: the clock is 9+; expected at most 2"),
    "time backwards": ("9,ACT,0,0,0,0,0\n8,PRE,0,0,0,0,0", ":2: time runs backwards: clock 8 after 9"),
    "rank": ("0,ACT,1,0,0,0,0", r":1: rank 1 of a memory with 1; expected 0 to 0"),
    "bank": ("0,ACT,0,0,16,0,0", r":1: bank 16 of a rank with 16"),
    "ACT of an open bank": ("0,ACT,0,0,0,0,0\n50,ACT,0,0,0,1,0", r":2: ACT opens rank 0 bank 0, which has an open row"),
    "RD of a closed bank": ("0,ACT,0,0,1,0,0\n20,RD,0,0,0,0,0", r":2: RD needs an open row in rank 0 bank 0"),
    "RD after RDA": ("0,ACT,0,0,1,0,0\n20,RDA,0,0,1,0,0\n25,RD,0,0,1,0,0", ":3: RD after a column command with auto"),
    "RD in refresh": ("0,REFA,0,0,0,0,0\n20,RD,0,0,1,0,0", ":2: RD in rank 0 bank 1, which is being refreshed"),
    "REF of an open bank": ("0,ACT,0,0,1,0,0\n90,REFA,0,0,0,0,0", ":2: REFA refreshes a bank of rank 0"),
    "REFSB of DDR4": ("0,REFSB,0,0,1,0,0", ":1: REFSB is not known to this device"),
    "ACT in power-down": ("0,PDEP,0,0,0,0,0\n9,ACT,0,0,0,0,0", ":2: ACT while rank 0 is in power-down"),
    "wrong exit": ("0,PDEP,0,0,0,0,0\n9,PDXA,0,0,0,0,0", ":2: PDXA does not fit"),
    "PDEP of open banks": ("0,ACT,0,0,1,0,0\n90,PDEP,0,0,0,0,0", ":2: PDEP .* PDEA is meant"),
    "PDEA of closed banks": ("0,PDEA,0,0,1,0,0", ":1: PDEA .* PDEP is meant"),
    "SREFEN of open banks": ("0,ACT,0,0,1,0,0\n90,SREFEN,0,0,0,0,0", ":2: SREFEN while a bank"),
    "after END": ("0,END,0,0,0,0,0\n9,NOP,0,0,0,0,0", ":2: a command after END"),
    "odd data": ("0,ACT,0,0,0,0,0\n20,RD,0,0,0,0,0,abc", ":2: the data are 'abc'; expected hexadecimal digits"),
    "empty": ("# nothing\n", "the trace is empty"),
    "ramulator header": ("clock,command,Rank,Bonk\n0,ACT,0,0", r":1: the header line .*not understood: bonk, bank"),
    "ramulator group": (RAMULATOR2 + "900,ACT,0,0,4,0,0,0,0,0\n", ":6: a bank group beyond the 4"),
    "ramulator bank": (RAMULATOR2 + "900,ACT,0,0,0,4,0,0,0,0\n", ":6: a bank outside the 4 of a bank group"),
    "two channels": (RAMULATOR2 + "900,ACT,1,0,0,0,0,0,0,0\n", ":6: channel 1 after channel 0"),
    "DRAMsim3 decimal row": (DRAMSIM3 + "999 activate 0 0 0 0 12 0x0\n", ":5: the row is '12'; expected a hexadecimal"),
    "DRAMsim3 command": (
        DRAMSIM3 + "999 activat 0 0 0 0 0x1 0x0\n",
        ":5: unknown command 'activat'; did you mean activate",
    ),
    "no format": ("hello world\n", ":1: 'hello world' is the first line of no known command trace"),
    "binary": ("0,ACT\0", "holds binary data"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_bad_traces_name_the_line(tmp_path, device, text, message):
    """Every mistake is one error with file, line and hint."""
    with pytest.raises(InputError, match=message):
        count_trace(write(tmp_path, text), device)


def test_truncated_gzip(tmp_path, device):
    """Half of a packed trace is not priced."""
    path = write(tmp_path, DRAMPOWER * 1 + "# padding\n" * 500, packed=True)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="truncated or damaged"):
        count_trace(path, device)


def test_format_names(tmp_path):
    """A format that does not exist names the nearest."""
    with pytest.raises(ConfigError, match="did you mean dramsim3"):
        find_layout(write(tmp_path, DRAMSIM3), "dramsim2")


def test_other_speed_bins_are_priced_with_a_warning(tmp_path, device):
    """Commands before tRFC or tRP of the device is over are legal in state: priced, and counted in a warning."""
    counted = count_trace(write(tmp_path, "0,REFA,0,0,0,0,0\n300,ACT,0,0,0,0,0\n900,PRE,0,0,0,0,0\n"), device)
    assert any("1 commands came before" in warning for warning in counted.warnings)
    assert counted.channels[0].open_ck[0, 0] == 900


def test_bank_groups_that_contradict_banks_warn(tmp_path, device):
    """DRAMPower's bank counts over the rank: a group that is not the bank's is told, and the bank counts."""
    counted = count_trace(write(tmp_path, "0,ACT,0,3,1,0,0\n90,PRE,0,3,1,0,0\n"), device)
    assert any("2 commands name a bank group" in warning for warning in counted.warnings)
    assert counted.channels[0].n_act[0, 1] == 1


# ---- devices


def spec_with(tmp_path, **power):
    spec = json.loads(json.dumps(CASES["01_ddr4_act_rd_pre_1000"]["memspec"]))
    spec["mempowerspec"] |= power
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({"memspec": spec}))
    return path


def test_milliamperes_in_a_memspec(tmp_path):
    """A memspec in mA is refused, with the number to write; so are millivolts, a missing and a misspelt key."""
    with pytest.raises(InputError, match=r"idd4r is 135 A.*seems to hold mA where A is meant: write 0\.135"):
        load_memspec(spec_with(tmp_path, idd0=48, idd2n=34, idd3n=43, idd4r=135, idd4w=123, idd5B=110))
    with pytest.raises(InputError, match=r"vdd is 1200; expected 0\.1 to 5 V; 1200 mV would be 1\.2 V"):
        load_memspec(spec_with(tmp_path, vdd=1200))
    with pytest.raises(InputError, match=r"mempowerspec.idd0: found None|found nothing"):
        load_memspec(spec_with(tmp_path, idd0=None))


def test_damaged_memspecs(tmp_path):
    """No JSON, no memspec, an unknown standard: one error each."""
    path = tmp_path / "spec.json"
    for text, message in (
        ("{", "expected a memspec"),
        ("[]", "expected a memspec"),
        ('{"memspec": {"memoryType": "DDR44"}}', "did you mean DDR4"),
        ('{"memspec": {"memoryType": "DDR4"}}', "memarchitecturespec is missing"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            load_memspec(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_memspec(tmp_path / "none.json")


def test_amperes_in_a_toml_device():
    """The other way round: a table in A where mA is meant is refused with the number to write."""
    memory = dram("ddr4-2400r-8gb-x8")
    rail = memory.power.rails["VDD"]
    small = rail.model_copy(update={x: getattr(rail, x) / 1000 for x in ("IDD0", "IDD4R", "IDD4W")})
    power = memory.power.model_copy(update={"rails": {"VDD": small}})
    with pytest.raises(ConfigError, match=r"IDD4R is 0\.135 mA.*A where mA is meant: write 135"):
        device_of(memory.model_copy(update={"power": power}), resolve_timing(memory))


def test_pieces_are_what_the_file_says(tmp_path, device):
    """Parsed arrays and line numbers, comments and blank lines skipped."""
    (part,) = CommandText(write(tmp_path, DRAMPOWER), device).pieces()
    assert part.clocks.tolist() == [0, 17, 80, 400, 900]
    assert [TRACE_NAMES[code] for code in part.commands] == ["ACT", "RD", "WRA", "REFA", "END"]
    assert part.banks.tolist() == [10, 10, 10, 0, 0]
    assert part.lines.tolist() == [1, 2, 5, 6, 7]
    counter = CommandCounter(device.ranks, device.banks, device.banks_per_group, device.clocks)
    assert counter.feed(part.clocks, part.commands, part.ranks, part.banks, stop_clock=80) == 2
    assert np.array_equal(counter.counts().n_rd.sum(), 1)
