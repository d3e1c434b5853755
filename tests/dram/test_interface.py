"""Data, strobe and command lines: equality with DRAMPower, bit-by-bit counts, data-bus inversion, closed forms."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.config import schema
from edensim.dram.command_bus import DDR4, DDR5, LPDDR4, LPDDR5, command_bus
from edensim.dram.command_trace import count_trace, price_trace
from edensim.dram.interface import (
    LineCounts,
    burst_io_pj,
    expected_command_counts,
    expected_counts,
    interface_pj,
)
from edensim.dram.memspec import load_memspec
from edensim.dram.power_device import device_of
from edensim.dram.timing import resolve_timing
from tests.dram.golden_energy import CASES, write_case
from tests.dram.preset_dram import dram


def preset(name="ddr4-2400r-8gb-x8", **io):
    memory = dram(name)
    device = device_of(memory, resolve_timing(memory))
    return replace(device, io=device.io.model_copy(update=io))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "interface" in case])
def test_interface_equals_drampower(name, tmp_path):
    """Lines driven by the memory and by the controller, and with them the total, are what DRAMPower 6.2 reports."""
    trace, spec = write_case(name, tmp_path)
    device = load_memspec(spec)
    data = price_trace(count_trace(trace, device), device, schema.Energy(voltage_model="drampower"))
    parts, theirs = data["detail_pj"], CASES[name]["interface"]
    assert parts["IO_READ"] * 1e-12 == pytest.approx(theirs["dram"], rel=1e-9, abs=0)
    driven = parts["IO_CLOCK"] + parts["IO_COMMAND"] + parts["IO_WRITE"]
    assert driven * 1e-12 == pytest.approx(theirs["controller"], rel=1e-9)
    core = sum(map(sum, CASES[name]["banks"].values())) + sum(CASES[name]["ranks"].values())
    assert data["energy_pj"]["total"] * 1e-12 == pytest.approx(core + sum(theirs.values()), rel=1e-9)


# ---- data lines


def invert(byte, dbi):
    """A byte and its DBI line as they move: inverted if more than half of the bits are at the costly level."""
    ones = byte.bit_count()
    inverted = dbi == "low" and ones < 4 or dbi == "high" and ones > 4
    return byte ^ 255 if inverted else byte, int(inverted == (dbi == "high"))


def naive_counts(bursts, width, idle, dbi="none"):
    """Levels and rising edges of (clock, bytes) bursts, two beats per clock and the last first, counted bit by bit."""
    ones = rises = beats = 0
    size = width // 8
    rest = [idle] * (width if dbi == "none" else width + size)
    last, free = rest, 0
    for clock, data in bursts:
        if clock * 2 > free:
            rises += sum(not a and b for a, b in zip(last, rest, strict=True))
            last = rest
        for beat in reversed(range(len(data) // size)):
            moved = [invert(byte, dbi) for byte in data[beat * size : (beat + 1) * size]]
            bits = [byte >> k & 1 for byte, _ in moved for k in range(8)]
            bits += [] if dbi == "none" else [flag for _, flag in moved]
            ones += sum(bits)
            rises += sum(not a and b for a, b in zip(last, bits, strict=True))
            last = bits
        beats += len(data) // size
        free = clock * 2 + len(data) // size
    return ones, rises, beats


BURSTS = st.lists(st.tuples(st.integers(4, 9), st.binary(min_size=64, max_size=64)), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(BURSTS, st.sampled_from([("pod", 1, "none"), ("pod", 1, "low"), ("lvstl", 0, "high")]))
def test_data_are_counted_bit_by_bit(tmp_path_factory, bursts, bus):
    """Ones and edges of random bursts equal a count over single bits, idle gaps and inversion lines included."""
    termination, idle, dbi = bus
    device = preset(termination=termination, dbi=dbi != "none")
    device = replace(device, standard="DDR4" if idle else "LPDDR4")
    clock, rows, listed = 20, ["0,ACT,0,0,0,0,0"], []
    for gap, data in bursts:
        clock += gap
        rows.append(f"{clock},RD,0,0,0,0,0,{data.hex()}")
        listed.append((clock, data))
    path = tmp_path_factory.mktemp("data") / "trace.csv"
    path.write_text("\n".join([*rows, f"{clock + 4},PRE,0,0,0,0,0"]))
    read, write = count_trace(path, device).lines
    ones, rises, beats = naive_counts(listed, 64, idle, dbi)
    assert (read.ones, read.rises, read.beats) == (ones, rises, beats)
    assert read.zeros == beats * (64 if dbi == "none" else 72) - ones
    assert write.bursts == 0


def test_inversion_of_real_data(tmp_path):
    """Bursts of zeros: DBI sends ones and a low ninth line, so a trace costs a ninth of the termination current."""
    path = tmp_path / "trace.csv"
    path.write_text(f"0,ACT,0,0,0,0,0\n20,RD,0,0,0,0,0,{'00' * 64}\n90,PRE,0,0,0,0,0\n")
    plain, coded = (count_trace(path, preset(dbi=on)).lines[0] for on in (False, True))
    assert (plain.zeros, coded.zeros) == (512, 64)
    assert (plain.rises, coded.rises) == (64, 8)


@pytest.mark.parametrize(("standard", "priced"), [("DDR4", "zeros"), ("LPDDR4", "ones")])
def test_costly_level_by_standard(tmp_path, standard, priced):
    """DDR4 lines cost while low, LPDDR4 lines while high: V^2 / R_eq per beat, and an energy per rising edge."""
    name = {"DDR4": "01_ddr4_act_rd_pre_1000", "LPDDR4": "15_lpddr4_act_rd_pre"}[standard]
    device = load_memspec(write_case(name, tmp_path)[1])
    volt, beat_s = device.lines["vddq"], device.clock_ns / 2 * 1e-9
    counts = expected_counts(10, device.burst_length, device.width_bits, 0.25, 0.5)
    pairs = 2 if device.width_bits == 16 else 1
    lines = getattr(counts, priced) + pairs * counts.beats
    edges = counts.rises + pairs * counts.beats
    want = lines * volt**2 / 80 * beat_s + edges * 1.3e-12
    found = interface_pj(device, 0, LineCounts(), counts, expected_counts(0, 8, 8, 0.5, 0.5))
    assert found["read"] * 1e-12 == pytest.approx(want, rel=1e-12)


def test_dbi_makes_the_costly_level_rare():
    """DBI never leaves more than 4 of 9 lines low; without it shares and edges are those given."""
    plain = expected_counts(10, 8, 64, 0.3, 0.4)
    assert plain.ones == pytest.approx(0.3 * 80 * 64)
    assert plain.rises == pytest.approx(0.2 * 80 * 64)
    for ones in (0.0, 0.2, 0.5, 1.0):
        coded = expected_counts(1, 8, 64, ones, 0.5, "low")
        assert coded.zeros + coded.ones == 8 * 72
        assert coded.zeros <= 4 / 9 * 8 * 72 + 1e-9
        mirrored = expected_counts(1, 8, 64, 1 - ones, 0.5, "high")
        assert mirrored.ones == pytest.approx(coded.zeros)
    # Half of the bits set: sum over k of C(8, k) min(k, 9 - k) / 256 lines of 9 are low.
    want = sum(c * min(k, 9 - k) for k, c in enumerate([1, 8, 28, 56, 70, 56, 28, 8, 1])) / 256 * 8 * 8
    assert expected_counts(1, 8, 64, 0.5, 0.5, "low").zeros == pytest.approx(want)


def test_dbi_saves_termination_current():
    """Switched on in [dram.power.io], DBI costs a ninth line and saves with random data, more with zeros."""
    for ones, least in ((0.5, 0.05), (0.0, 0.6)):
        plain, coded = (preset(ones_fraction=ones, dbi=on) for on in (False, True))
        assert burst_io_pj(coded) < burst_io_pj(plain) * (1 - least)


# ---- command lines


def of_trace(tmp_path, text):
    trace, spec = write_case("01_ddr4_act_rd_pre_1000", tmp_path)
    trace.write_text(text)
    return count_trace(trace, load_memspec(spec)).command_lines


def test_levels_of_single_commands(tmp_path):
    """Counted by hand on DDR4: an activation of row 0 leaves 3 of 27 lines high, one of all ones 21 with bank 0."""
    assert of_trace(tmp_path, "0,ACT,0,0,0,0,0\n9,END,0,0,0,0,0\n") == LineCounts(1, 1, 3, 24, 24)
    assert of_trace(tmp_path, "0,ACT,0,0,0,262143,0\n9,END,0,0,0,0,0\n") == LineCounts(1, 1, 21, 6, 6)
    # A refresh pulls CS, RAS and CAS low; a second one without a pause has no edges in between.
    assert of_trace(tmp_path, "5,REFA,0,0,0,0,0\n9000,REFA,0,0,0,0,0\n9999,END,0,0,0,0,0\n").rises == 6
    # A command in the clock of the next one is not seen, nor is one at the end of the trace.
    assert of_trace(tmp_path, "0,ACT,0,0,0,0,0\n0,ACT,0,0,1,0,0\n9,PRE,0,0,1,0,0\n").bursts == 3
    assert of_trace(tmp_path, "0,ACT,0,0,0,0,0\n0,ACT,0,0,1,0,0\n9,PRE,0,0,1,0,0\n").beats == 1


@pytest.mark.parametrize(
    ("standard", "patterns", "shapes"),
    [
        ("DDR4", DDR4, [(16, 4)]),
        ("DDR5", DDR5, [(32, 8)]),
        ("LPDDR4", LPDDR4, [(8, 1)]),
        ("LPDDR5", LPDDR5, [(16, 1), (16, 4), (8, 1)]),
    ],
)
def test_patterns_fill_their_words(standard, patterns, shapes):
    """Every command of every standard compiles to whole words, and fixed and address bits never share a line."""
    for banks, groups in shapes:
        bus = command_bus(standard, banks, groups)
        assert (bus.words[:, 0] > 0).sum() == len(patterns)
        for words, parts in zip(bus.words, bus.parts, strict=True):
            taken = list(words[1:])
            for _, word, _, mask, place in parts:
                assert taken[word] & mask << place == 0
                taken[word] |= mask << place
            assert max(taken) < 1 << bus.lines


def test_unknown_command_buses_are_estimated(tmp_path):
    """Standards without patterns, and logs without rows, are priced with half of the lines low."""
    assert command_bus("LPDDR6", 16, 4) is None
    device = load_memspec(write_case("own_lpddr6", tmp_path)[1])
    assert expected_command_counts(device, 10) == LineCounts(10, 10, 20, 20, 10)
    assert expected_command_counts(preset("ddr3l-1600-4gb-x8"), 10).ones == 0


def test_data_clock_of_lpddr5(tmp_path):
    """WCK has WCK2CK periods in a clock, on two lines of which one costs, during bursts or always."""
    spec = write_case("own_lpddr5_16_banks", tmp_path)[1]
    device = load_memspec(spec)
    assert (device.wck_per_ck, device.wck_always_on) == (4, False)
    burst = expected_counts(3, device.burst_length, 16, 0.5, 0.5)
    none = expected_counts(0, device.burst_length, 16, 0.5, 0.5)
    lines = device.lines
    for always, clocks in ((False, 3 * device.burst_ck), (True, 1000)):
        found = interface_pj(replace(device, wck_always_on=always), 1000, LineCounts(), burst, none)["clock"]
        want = 0.0
        for name, period, edges in (("ck", 1000, 2000), ("wck", clocks, 8 * clocks)):
            want += period * lines["vddq"] ** 2 / lines[f"{name}_R_eq"] * device.clock_ns * 1e3
            want += edges * lines[f"{name}_dyn_E"] * 1e12
        assert found == pytest.approx(want, rel=1e-12)
