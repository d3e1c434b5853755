"""Command log files: what is saved comes back, and nothing else is believed."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edensim.config import load_config
from edensim.dram.checker import check_command_log
from edensim.dram.command_log import HEADER, CommandLog, load_command_log
from edensim.dram.command_trace import count_trace
from edensim.dram.commands import ACT, PRE, RD, REFAB
from edensim.dram.power_device import device_of
from edensim.dram.refresh_rule import RefreshLimit
from edensim.dram.timing import resolve_timing
from edensim.errors import InputError, OutputError
from edensim.memory import Organisation
from tests.dram.parity import parity_dram

COMMANDS = np.array([[1, ACT, 3, 7, -1], [17, RD, 3, -1, 5], [40, PRE, 3, -1, -1], [900, REFAB, 0, -1, -1]])


def log_of(**changes: Any) -> CommandLog:
    """Two channels of DDR4-2400, the second empty, with a slow bank."""
    timing = resolve_timing(parity_dram("ddr4_2400_2ch"))
    slow = np.full((2, 16), timing.ck["nRCD"])
    slow[0, 3] = 20
    geometry = Organisation(2, 1, 4, 4, 65536, 128)
    none = np.zeros((0, 5), np.int64)
    log = CommandLog(
        (COMMANDS, none), "DDR4", Fraction(2500, 3), timing.ck, geometry, {"nRCD": slow}, RefreshLimit(9360)
    )
    return dataclasses.replace(log, **changes)


def test_saved_log_comes_back(tmp_path: Path) -> None:
    """All fields, exactly; equal logs give equal files; arrays are readable without edensim."""
    log = log_of()
    for name in ("a.npz", "b.npz"):
        log.save(tmp_path / name)
    back = load_command_log(tmp_path / "a.npz")
    for field in ("standard", "period_ps", "timing_ck", "geometry", "refresh"):
        assert getattr(back, field) == getattr(log, field)
    assert [x.tolist() for x in back.commands] == [COMMANDS.tolist(), []]
    assert {name: cycles.tolist() for name, cycles in back.bank_ck.items()} == {"nRCD": log.bank_ck["nRCD"].tolist()}
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert np.load(tmp_path / "a.npz", allow_pickle=False)["clock_0"].tolist() == COMMANDS[:, 0].tolist()


def test_log_is_checked_by_the_rules_it_carries(tmp_path: Path) -> None:
    """The slow bank of channel 0 (tRCD 20 clocks) makes its RD four clocks early; without it the log is clean."""
    log_of().save(tmp_path / "slow.npz")
    reports = check_command_log(load_command_log(tmp_path / "slow.npz"))
    assert [report.violations for report in reports] == [1, 0]
    assert reports[0].first is not None
    assert (reports[0].first.name, reports[0].first.slack, reports[0].first.first) == ("tRCD", 17 - 1 - 20, 1)
    seen: list[int] = []
    assert sum(report.violations for report in check_command_log(log_of(bank_ck={}), seen.append)) == 0
    assert seen == [len(COMMANDS)]


def test_existing_file_is_kept(tmp_path: Path) -> None:
    """Nothing is overwritten unless forced."""
    path = tmp_path / "log.npz"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError):
        log_of().save(path)
    assert path.read_bytes() == b"mine"
    log_of().save(path, force=True)
    assert len(load_command_log(path).commands[0]) == len(COMMANDS)


def edited(change: Callable[[dict[str, Any]], Any], tmp_path: Path) -> Path:
    """A log whose members (header as a dict, arrays as bytes) were changed by hand."""
    log_of().save(tmp_path / "good.npz")
    with zipfile.ZipFile(tmp_path / "good.npz") as archive:
        members: dict[str, Any] = {name: archive.read(name) for name in archive.namelist()}
    members[HEADER] = json.loads(members[HEADER])
    change(members)
    path = tmp_path / "edited.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return path


def array(values: Any) -> bytes:
    """An array as .npy."""
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def set_header(*keys: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Change one value of the header."""

    def change(members: dict[str, Any]) -> None:
        place = members[HEADER]
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.pop(HEADER), "has no member header.json"),
        (set_header("format", value="else"), "'else' version 3; expected 'edensim command log' version 3"),
        (set_header("version", value=1), "version 1; expected"),
        (set_header("standard", value="DDR9"), "names the standard 'DDR9'; known are"),
        (set_header("geometry", "ranks", value=0), "0 is not a whole number"),
        (set_header("geometry", "ranks", value="2"), "malformed"),
        (set_header("geometry", "banks_per_group", value=1 << 30), "at most 64 of 4096"),
        (set_header("timing_ck", value={"nRCD": 16}), "lacks the timings"),
        (set_header("timing_ck", "nRCD", value=-1), "-1 is not a whole number"),
        (set_header("clock_ps", value=[833]), "malformed"),
        (set_header("refresh", value={"interval_ck": 9360}), "malformed"),
        (set_header("refresh", "interval_ck", value=-1), "-1 is not a whole number"),
        (set_header("clock_ps", value=[833, 0]), "malformed"),
        (set_header("bank_ck", value={"nRCD": [[1, 2]]}), "bank_ck.nRCD of shape (1, 2)"),
        (set_header("bank_ck", value={"nRCD": [[1, 2], [3]]}), "malformed"),
        (lambda m: m.pop("row_0.npy"), "array row_0: expected int32, found nothing"),
        (lambda m: m.update({"row_0.npy": array(np.zeros(4))}), "array row_0: expected int32, found float64"),
        (lambda m: m.update({"row_0.npy": array(np.zeros(3, np.int32))}), "channel 0 have different lengths"),
        (lambda m: m.update({"row_0.npy": array(np.array([{}] * 4, object))}), "pickle"),
    ],
)
def test_doctored_logs_are_refused(change: Callable[[dict[str, Any]], Any], words: str, tmp_path: Path) -> None:
    """Every part of a log is checked before it is used; the message names the file and the fault."""
    path = edited(change, tmp_path)
    with pytest.raises(InputError) as caught:
        load_command_log(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_damaged_logs_are_refused(at: float, tmp_path: Path) -> None:
    """Truncated files, pickles, folders and missing files are input errors; a flipped bit is one or changes nothing."""
    log_of().save(tmp_path / "good.npz")
    good = (tmp_path / "good.npz").read_bytes()
    cut = int(at * len(good))
    path = tmp_path / "bad.npz"
    for content in (good[:cut], pickle.dumps([1]), b""):
        path.write_bytes(content)
        with pytest.raises(InputError):
            load_command_log(path)
    path.write_bytes(good[:cut] + bytes([good[cut] ^ 16]) + good[cut + 1 :])
    try:
        assert [x.tolist() for x in load_command_log(path).commands] == [COMMANDS.tolist(), []]
    except InputError as error:
        assert str(path) in str(error)
    for other in (tmp_path, tmp_path / "missing.npz"):
        with pytest.raises(InputError):
            load_command_log(other)


@pytest.mark.parametrize(
    ("clocks", "words"),
    [
        ([1, 17, 16, 900], "command 2: its clock in channel 0 is 16, but the command before it has clock 17"),
        ([-3, 17, 40, 900], "command 0: its clock in channel 0 is -3; expected 0 or more"),
    ],
)
def test_pricing_refuses_a_log_out_of_order(clocks: list[int], words: str, tmp_path: Path) -> None:
    """Clocks that go back, or begin below 0, are named with both values, whatever window of time they fall in."""
    dram = load_config({"dram": {"preset": "ddr4-2400r-8gb-x8", "channels": 2}}).config.dram
    device = device_of(dram, resolve_timing(dram))
    moved = np.column_stack([clocks, COMMANDS[:, 1:]])
    log_of(commands=(moved, COMMANDS[:0])).save(tmp_path / "log.npz")
    with pytest.raises(InputError) as caught:
        count_trace(tmp_path / "log.npz", device)
    assert words in str(caught.value)
    assert str(tmp_path / "log.npz") in str(caught.value)
