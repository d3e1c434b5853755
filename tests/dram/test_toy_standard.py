"""A new standard is one data file: a made-up family runs, is checked and equals the reference without code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edensim.config import schema
from edensim.dram import standard
from edensim.dram.checker import check_command_log
from edensim.dram.commands import ACT, PRE, RD
from edensim.dram.controller import DramSystem
from edensim.dram.reference import Requests, simulate
from edensim.dram.replay import replay_requests
from edensim.dram.trace_requests import Requests as Trace
from tests.dram.parity import settings

TOY = """
name = "TOY"
levels = ["Channel", "Bank"]
read_latency = "nCL + nBL"
transfers_per_clock = 4

[rounding]
tolerance_ps = 0

[timings]
nBL = { clocks = "burst_length // 4" }
nCL = { given = "CL" }
nCWL = { given = "CWL" }
nRCD = { given = "tRCD_ns" }
nRP = { given = "tRP_ns" }
nRAS = { given = "tRAS_ns" }
nRC = { given = "tRC_ns", default = "tRAS_ns + tRP_ns" }
nWR = { given = "tWR_ns" }
nRTP = { clocks = "3" }
nCCD_S = { clocks = "2" }
nCCD_L = { clocks = "2" }
nRRD_S = { given = "tRRD_S_ns" }
nRRD_L = { clocks = "nRRD_S" }
nWTR_S = { given = "tWTR_S_ns" }
nWTR_L = { clocks = "nWTR_S" }
nFAW = { given = "tFAW_ns" }
nRFC = { given = "tRFC_ns" }
nREFI = { given = "tREFI_ns", round = "down" }
"""
ROWS = """
tCCD       Channel RD,RDA   RD,RDA          nCCD_S
tCCD       Channel WR,WRA   WR,WRA          nCCD_S
tRTW       Channel RD,RDA   WR,WRA          nCL+nBL+1-nCWL
tWTR       Channel WR,WRA   RD,RDA          nCWL+nBL+nWTR_S
tRRD       Channel ACT      ACT             nRRD_S
tTAW:3     Channel ACT      ACT             nFAW
tRTP       Channel RD       PREab           nRTP
tWR        Channel WR       PREab           nCWL+nBL+nWR
tRAS       Channel ACT      PREab           nRAS
tRP        Channel PREab    ACT,REFab       nRP
tRP        Channel PREpb    REFab           nRP
tRC        Channel ACT      REFab           nRC
tRFC       Channel REFab    ACT,REFab,PREab nRFC
tRC        Bank    ACT      ACT             nRC
tRCD       Bank    ACT      RD,WR,RDA,WRA   nRCD
tRAS       Bank    ACT      PREpb           nRAS
tRP        Bank    PREpb    ACT             nRP
tRTP       Bank    RD       PREpb           nRTP
tWR        Bank    WR       PREpb           nCWL+nBL+nWR
"""
"""Rules of the family; its window spans three activates."""


@pytest.fixture
def toy_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of standards that holds nothing but the toy."""
    lines = [TOY]
    for row in ROWS.split("\n")[1:-1]:
        name, scope, before, after, latency = row.split()
        name, _, window = name.partition(":")
        lines += [
            "[[constraint]]",
            f'name = "{name}"\nscope = "{scope}"\nlatency = "{latency}"\nwindow = {window or 1}',
            f"preceding = {before.split(',')}\nfollowing = {after.split(',')}",
        ]
    (tmp_path / "toy.toml").write_text("\n".join(lines))
    monkeypatch.setattr(standard, "folder", lambda: tmp_path)
    standard.load_standard.cache_clear()
    yield
    standard.load_standard.cache_clear()


def memory() -> schema.Dram:
    """1 Mbit in four banks on 16 pins, at 1 GHz."""
    times = {"tRCD": 11, "tRP": 9, "tRAS": 25, "tWR": 8, "tRRD_S": 3, "tFAW": 17, "tWTR_S": 5, "tRFC": 60, "tREFI": 900}
    return schema.Dram(
        standard="toy",
        data_rate_mt_s=4000,
        channel_width_bits=16,
        device_width_bits=16,
        density_mbit=64,
        banks_per_group=4,
        rows=8192,
        columns=128,
        burst_length=8,
        timing=schema.Timing(CL=7, CWL=4, **{f"{key}_ns": float(value) for key, value in times.items()}),
    )


@pytest.mark.usefixtures("toy_folder")
def test_a_new_standard_is_one_file() -> None:
    """Random requests on the toy: commands equal the reference's, no rule is broken, its own rules are tight."""
    system = DramSystem(memory())
    assert system.period == 1000
    rng = np.random.default_rng(5)
    banks, rows, columns = (rng.integers(0, n, 700) for n in (4, 3, 16))
    lines = system.address_map.encode(0, banks, rows, columns)
    is_write = (rng.random(700) < 0.3).astype(np.uint8)
    arrival = np.zeros(700, np.uint64)
    trace = Trace((lines * system.line_bytes).astype(np.uint64), is_write, arrival)
    found = replay_requests(system, [trace], keep_log=True)
    assert found.log is not None
    places = Requests(*system.address_map.decode(lines), is_write.astype(np.int64), arrival.astype(np.int64))
    wanted = simulate([found.log.edges(0)], system.geometry, settings(system.dram), places)
    assert found.log.commands[0].tolist() == [list(c) for c in wanted.commands[0]]
    report = check_command_log(found.log)[0]
    assert report.violations == 0, str(report)
    assert {rule for rule in ("tTAW", "tRCD", "tRAS", "tRP", "tWTR", "tRTP", "tWR") if report.slack(rule) != 0} == set()


@pytest.mark.usefixtures("toy_folder")
def test_its_timings_are_its_own() -> None:
    """A conflict takes tRAS, tRP, tRCD of the file: 1, 12, 26, 35, 46."""
    system = DramSystem(memory())
    line = system.address_map.encode([0, 0], [1, 1], [5, 6], [0, 0]).astype(np.uint64)
    trace = Trace(line * np.uint64(system.line_bytes), np.zeros(2, np.uint8), np.zeros(2, np.uint64))
    log = replay_requests(system, [trace], keep_log=True).log
    assert log is not None
    want = [(1, ACT), (12, RD), (26, PRE), (35, ACT), (46, RD)]
    assert [(clock, command) for clock, command, *_ in log.commands[0].tolist()] == want
