"""Command traces as other simulators write them: read back they are the commands of the log, and cost the same."""

from __future__ import annotations

import dataclasses
import gzip
import tracemalloc
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edensim.config import schema
from edensim.dram import command_text, command_write
from edensim.dram.command_log import CommandLog, load_command_log
from edensim.dram.command_log_blocks import is_command_log, log_blocks, read_about
from edensim.dram.command_trace import count_trace, price_trace
from edensim.dram.command_write import COMMAND_FORMATS, channel_paths, command_output, convert_log
from edensim.dram.commands import ACT, COMMAND_NAMES, PRE, PREAB, RD, RDA, REFAB, REFPB, WR, WRA
from edensim.dram.power_device import PowerDevice, device_of
from edensim.dram.timing import resolve_timing
from edensim.dram.trace import Requests, write_trace
from edensim.errors import ConfigError, InputError, OutputError
from edensim.memory import Organisation
from tests.dram.preset_dram import dram

TEXT = COMMAND_FORMATS[1:]
MEMORY = dram("ddr4-2400r-8gb-x8", ranks=2, channels=2)
GEOMETRY = Organisation(2, 2, 4, 4, 65536, 128)
NONE = np.zeros((0, 5), np.int64)


@pytest.fixture(scope="module")
def device() -> PowerDevice:
    return device_of(MEMORY, resolve_timing(MEMORY))


def log_of(*commands: np.ndarray, channels: int = 1) -> CommandLog:
    geometry = dataclasses.replace(GEOMETRY, channels=channels)
    return CommandLog(commands, "DDR4", Fraction(2500, 3), resolve_timing(MEMORY).ck, geometry)


@st.composite
def legal_logs(draw: st.DrawFn) -> np.ndarray:
    """Commands that are legal in the state of their bank, three cycles of a row apart."""
    rows: list[tuple[int, ...]] = []
    clock, open_row = 0, {}
    for _ in range(draw(st.integers(1, 40))):
        clock += draw(st.sampled_from([60, 500, 3000]))
        bank = draw(st.integers(0, GEOMETRY.banks - 1))
        rank = bank // GEOMETRY.banks_per_rank
        mine = range(rank * GEOMETRY.banks_per_rank, (rank + 1) * GEOMETRY.banks_per_rank)
        if draw(st.integers(0, 9)) == 0:
            if any(b in open_row for b in mine):
                rows.append((clock, PREAB, rank, -1, -1))
                open_row = {b: r for b, r in open_row.items() if b not in mine}
                clock += 60
            rows.append((clock, REFAB, rank, -1, -1))
            clock += 600
        elif bank not in open_row:
            open_row[bank] = draw(st.integers(0, GEOMETRY.rows - 1))
            rows.append((clock, ACT, bank, open_row[bank], -1))
        else:
            command = draw(st.sampled_from([RD, WR, RDA, WRA, PRE]))
            rows.append((clock, command, bank, -1, -1 if command == PRE else draw(st.integers(0, 127))))
            if command in (RDA, WRA, PRE):
                del open_row[bank]
    return np.array(rows, np.int64)


def written(folder: Path, format: str, log: CommandLog, block: int = 7) -> list[Path]:
    """Files of a log, written in small pieces."""
    with command_output(folder / f"trace.{format}", format, log) as output:
        for channel, commands in enumerate(log.commands):
            for start in range(0, len(commands), block):
                output(channel, commands[start : start + block])
    assert sum(output.counts.values()) == sum(map(len, log.commands))
    return output.paths


@given(commands=legal_logs(), block=st.sampled_from([1, 3, 1000]))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_format_costs_what_the_log_costs(tmp_path_factory, device, commands, block) -> None:
    """A log, and the log as text in each format, read back: equal counters of every bank and equal energy."""
    folder, log = tmp_path_factory.mktemp("log"), log_of(commands)
    log.save(folder / "own.npz")
    own = count_trace(folder / "own.npz", device)
    for format in COMMAND_FORMATS:
        (path,) = written(folder, format, log, block)
        found = count_trace(path, device)
        for name, counts in vars(own.channels[0]).items():
            assert np.array_equal(getattr(found.channels[0], name), counts), name
        assert (
            price_trace(found, device, schema.Energy())["energy_pj"]
            == (price_trace(own, device, schema.Energy())["energy_pj"])
        )


def rows_by_hand(commands: np.ndarray) -> list[tuple[str, int, int, int]]:
    """Name, bank or rank, row and column of every command, one after the other."""
    open_row: dict[int, int] = {}
    out = []
    for _, command, place, row, column in commands.tolist():
        if command == ACT:
            open_row[place] = row
        shown = open_row.get(place, -1) if command not in (PREAB, REFAB) else -1
        if command in (PRE, RDA, WRA):
            open_row.pop(place, None)
        if command == PREAB:
            open_row = {b: r for b, r in open_row.items() if b // GEOMETRY.banks_per_rank != place}
        out.append((COMMAND_NAMES[command], place, shown, column))
    return out


@given(commands=legal_logs())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_command_names_its_row(tmp_path_factory, commands) -> None:
    """The CSV of ramulator 2 holds the open row, place and column of every command, as followed by hand."""
    (path,) = written(tmp_path_factory.mktemp("rows"), "ramulator2", log_of(commands))
    head, *lines = path.read_text().splitlines()
    assert head == "clock,command,Channel,Rank,BankGroup,Bank,Row,Column,type,source"
    found = []
    for line in lines:
        clock, name, *numbers = line.split(",")
        channel, rank, group, bank, row, column, kind, source = map(int, numbers)
        assert (channel, source) == (0, -1)
        assert kind == {"RD": 0, "RDA": 0, "WR": 1, "WRA": 1}.get(name, -1)
        place = rank if name in ("PREab", "REFab") else (rank * 4 + group) * 4 + bank
        found.append((int(clock), name, place, row, column))
    assert found == [(int(c[0]), *rest) for c, rest in zip(commands, rows_by_hand(commands), strict=True)]


ONE_OF_EACH = np.array(
    [
        *([100, ACT, 17, 4660, -1], [120, RD, 17, -1, 9], [140, ACT, 30, 1, -1], [200, RDA, 30, -1, 0]),
        *([300, ACT, 31, 2, -1], [330, WR, 31, -1, 127], [400, PREAB, 1, -1, -1], [500, REFAB, 1, -1, -1]),
        *([1200, ACT, 0, 5, -1], [1240, WRA, 0, -1, 3], [1300, ACT, 1, 6, -1], [1400, PRE, 1, -1, -1]),
    ],
    np.int64,
)


def test_formats_letter_by_letter(tmp_path) -> None:
    """The text of each format; DRAMsim3 closes every open bank on its own where the log closes the rank."""
    text = {format: written(tmp_path, format, log_of(ONE_OF_EACH))[0].read_text() for format in TEXT}
    assert text["drampower"].splitlines()[:7] == [
        *("100,ACT,1,0,1,4660,0", "120,RD,1,0,1,4660,9", "140,ACT,1,3,14,1,0", "200,RDA,1,3,14,1,0"),
        *("300,ACT,1,3,15,2,0", "330,WR,1,3,15,2,127", "400,PREA,1,0,0,0,0"),
    ]
    assert text["drampower"].endswith("1400,PRE,0,0,1,6,0\n1400,END,0,0,0,0,0\n")
    assert text["ramulator2"].splitlines()[6:9] == [
        *("330,WR,0,1,3,3,2,127,1,-1", "400,PREab,0,1,-1,-1,-1,-1,-1,-1", "500,REFab,0,1,-1,-1,-1,-1,-1,-1"),
    ]
    assert text["dramsim3"].splitlines() == [
        *("100 activate 0 1 0 1 0x1234 0x0", "120 read 0 1 0 1 0x1234 0x9", "140 activate 0 1 3 2 0x1 0x0"),
        *("200 read_p 0 1 3 2 0x1 0x0", "300 activate 0 1 3 3 0x2 0x0", "330 write 0 1 3 3 0x2 0x7f"),
        *("400 precharge 0 1 0 1 0x1234 0x0", "400 precharge 0 1 3 3 0x2 0x0", "500 refresh 0 1 0 0 0x0 0x0"),
        *("1200 activate 0 0 0 0 0x5 0x0", "1240 write_p 0 0 0 0 0x5 0x3", "1300 activate 0 0 0 1 0x6 0x0"),
        "1400 precharge 0 0 0 1 0x6 0x0",
    ]


def test_memories_without_bank_groups(tmp_path) -> None:
    """DDR3 has no column BankGroup, as in ramulator 2, and the bank counts over the rank."""
    geometry = Organisation(1, 1, 1, 8, 16, 16)
    log = dataclasses.replace(log_of(np.array([[3, ACT, 7, 2, -1]])), standard="DDR3", geometry=geometry)
    (path,) = written(tmp_path, "ramulator2", log)
    assert path.read_text() == "clock,command,Channel,Rank,Bank,Row,Column,type,source\n3,ACT,0,0,7,2,-1,-1,-1\n"


@pytest.mark.parametrize("format", TEXT)
def test_a_file_for_each_channel(tmp_path, device, format) -> None:
    """Channels have files of their own, packed if asked for; with DRAMPower's END all of them end at the same clock."""
    log, target = log_of(ONE_OF_EACH, ONE_OF_EACH[:2], channels=2), tmp_path / "t.csv.gz"
    log.save(tmp_path / "own.npz")
    done = convert_log(tmp_path / "own.npz", target, format)
    assert done.paths == channel_paths(target, 2) == [tmp_path / "t.ch0.csv.gz", tmp_path / "t.ch1.csv.gz"]
    assert done.counts == {0: 12, 1: 2}
    own = count_trace(tmp_path / "own.npz", device)
    for path, wanted in zip(done.paths, own.channels, strict=True):
        assert gzip.decompress(path.read_bytes())
        found = count_trace(path, device)
        assert np.array_equal(found.channels[0].n_rd, wanted.n_rd)
        if format == "drampower":
            assert np.array_equal(found.channels[0].open_ck, wanted.open_ck)


def test_converted_log_is_the_log(tmp_path, monkeypatch) -> None:
    """Read in blocks and written again, a log is the same file; so is text written at once and in blocks."""
    log = log_of(ONE_OF_EACH, NONE, channels=2)
    log.save(tmp_path / "a.npz")
    monkeypatch.setattr(command_write, "LINES_AT_A_TIME", 5)
    convert_log(tmp_path / "a.npz", tmp_path / "b.npz", "native")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert [len(x) for x in log_blocks(tmp_path / "a.npz", 0, 5)] == [5, 5, 2]
    assert read_about(tmp_path / "a.npz").header() == log.header()
    assert load_command_log(tmp_path / "b.npz").commands[0].tolist() == ONE_OF_EACH.tolist()


def test_what_a_format_does_not_have_is_counted(tmp_path, monkeypatch) -> None:
    """Commands without a name in a format are left out, and told."""
    monkeypatch.delitem(command_text.DRAMSIM3, "refresh_bank")
    with command_output(tmp_path / "t", "dramsim3", log_of()) as output:
        output(0, np.array([[5, REFPB, 3, -1, -1], [9, ACT, 3, 1, -1], [90, REFPB, 4, -1, -1]]))
    assert output.left_out == Counter(REFpb=2)
    assert (tmp_path / "t").read_text() == "9 activate 0 0 0 3 0x1 0x0\n"


def test_nothing_is_left_half_written(tmp_path) -> None:
    """Existing files are refused before anything is written; a failure leaves no file; unknown formats are named."""
    (tmp_path / "t.ch1").write_text("mine")
    with (
        pytest.raises(OutputError, match="exists already"),
        command_output(tmp_path / "t", TEXT[0], log_of(channels=2)),
    ):
        pytest.fail("opened")
    with pytest.raises(KeyError), command_output(tmp_path / "u", TEXT[0], log_of()) as output:
        output(0, ONE_OF_EACH)
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["t.ch1"]
    with pytest.raises(ConfigError, match="'drampwer' is unknown; did you mean drampower"):
        command_write.check_command_format("drampwer")


def test_logs_are_told_from_request_traces(tmp_path) -> None:
    """Only a command log is one; damaged ones are refused with what is wrong."""
    log_of(ONE_OF_EACH).save(tmp_path / "log.npz")
    write_trace(tmp_path / "trace.npz", Requests(np.arange(3, dtype=np.uint64) * np.uint64(64), np.zeros(3, np.uint8)))
    (tmp_path / "text").write_text("LD 0x40\n")
    assert [is_command_log(tmp_path / name) for name in ("log.npz", "trace.npz", "text")] == [True, False, False]
    with pytest.raises(InputError, match="no such file"):
        is_command_log(tmp_path / "none.npz")
    with pytest.raises(InputError, match="an array of channel 1 is missing"):
        list(log_blocks(tmp_path / "log.npz", 1))
    with pytest.raises(InputError, match="header.json"):
        np.savez(tmp_path / "bare.npz", clock_0=np.zeros(1, np.int64))
        read_about(tmp_path / "bare.npz")


@pytest.mark.parametrize("format", COMMAND_FORMATS)
def test_memory_is_flat(tmp_path, format) -> None:
    """A hundred thousand commands take no more memory than one block of them."""
    block = np.tile(ONE_OF_EACH, (40, 1))
    block[:, 0] += np.repeat(np.arange(40) * 1500, len(ONE_OF_EACH))
    tracemalloc.start()
    with command_output(tmp_path / "t", format, log_of()) as output:
        for turn in range(200):
            output(0, block + np.array([turn * 60_000, 0, 0, 0, 0]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert output.counts[0] == 200 * len(block)
    assert peak < 6 << 20
