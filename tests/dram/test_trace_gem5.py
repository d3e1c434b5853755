"""Packets of gem5 as text: bursts and clocks are those worked out packet by packet."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edensim.dram import trace_text
from edensim.dram.trace import Requests
from edensim.dram.trace_convert import convert, write_text
from edensim.dram.trace_text import guess_format, open_text
from edensim.errors import ConfigError, InputError
from edensim.memory.address_map import AddressMap
from edensim.memory.geometry import Geometry

DDR4 = AddressMap(Geometry(1, 1, 4, 4, 1 << 16, 128, 8, 64, 8), "RoBaRaCoCh")
CLOCK_PS = Fraction(2500, 3)
Packet = tuple[str, int, int, int]


def rows(path: Path, content: str, **options: object) -> list[tuple[int, int, int]]:
    """Address, direction and arrival of every request."""
    path.write_text(content)
    found = open_text(path, address_map=DDR4, clock_ps=CLOCK_PS, **options)  # type: ignore[arg-type]
    parts = [np.stack([p.addr.astype(int), p.is_write, p.arrival.astype(int)], 1) for p in found.chunks()]  # type: ignore[union-attr]
    return [tuple(row) for row in np.concatenate(parts).tolist()]


def by_hand(packets: list[Packet]) -> list[tuple[int, int, int]]:
    """Every 64-byte burst that a packet touches, at the first clock not before its tick."""
    return [
        (burst * 64, int(cmd == "w"), ceil(tick / CLOCK_PS))
        for cmd, addr, size, tick in packets
        if cmd != "u"
        for burst in range(addr // 64, (addr + size - 1) // 64 + 1)
    ]


@st.composite
def packets(draw: st.DrawFn) -> list[Packet]:
    """At least one read, ticks in order."""
    ticks = sorted(draw(st.lists(st.integers(0, 2**50) | st.integers(0, 9999), min_size=1, max_size=20)))
    size = st.sampled_from([1, 4, 63, 64, 65, 128, 4096])
    made = [(draw(st.sampled_from("rrwwu")), draw(st.integers(0, 2**40)), draw(size), tick) for tick in ticks]
    return [*made, ("r", 64, 64, 2**50)]


LINES = {
    "id, flags, counter": lambda k, p: f"{k},{p[0]},{p[1]},{p[2]},0,{p[3]}" + (f",{4096 + k}" if k % 3 == 0 else ""),
    "id, flags": lambda k, p: f"{k},{p[0]},{p[1]},{p[2]},12,{p[3]}",
    "flags": lambda k, p: f"{p[0]},{p[1]},{p[2]},0,{p[3]}",
    "short": lambda k, p: f"{p[0]},{p[1]},{p[2]},{p[3]}",
    "id": lambda k, p: f"{k},{p[0]},{p[1]},{p[2]},{p[3]}",
}


@pytest.mark.parametrize("style", LINES)
@given(trace=packets(), block=st.sampled_from([40, 1 << 20]))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_packets_become_bursts(tmp_path_factory, style: str, trace: list[Packet], block: int) -> None:
    """Random packets in every form that decode_packet_trace.py prints, in blocks of any size."""
    path = tmp_path_factory.mktemp("gem5") / "t"
    content = "".join(LINES[style](k, packet) + "\n" for k, packet in enumerate(trace))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace_text, "BLOCK_BYTES", block)
        assert rows(path, content) == by_hand(trace)
    assert guess_format(path) == "gem5"


def test_header_names_the_columns(tmp_path: Path) -> None:
    """A header line may order the columns at will and leave out all but cmd, addr and tick."""
    expected = [(0x40, 0, 2), (4096, 1, 3)]
    assert rows(tmp_path / "a", "tick, addr,cmd\n1000,0x40,ReadReq\n2500,4096,WriteReq\n") == expected
    other = "# gem5\ncmd,size,addr,pc,tick\nread,8,0x40,7,1000\n\nW,64,4096,0,2500\n"
    assert rows(tmp_path / "b", other) == expected


def test_what_is_no_request_is_counted(tmp_path: Path) -> None:
    """Packets of kind u are left out and counted, once however often the trace is read."""
    (tmp_path / "t").write_text("1,u,64,64,0,10\n2,r,64,64,0,20\n3,u,0,64,0,30\n")
    source = open_text(tmp_path / "t", address_map=DDR4, clock_ps=CLOCK_PS)
    for _ in range(2):
        assert sum(len(part.addr) for part in source.chunks()) == 1
        assert source.left_out == 2
    done = convert(tmp_path / "t", tmp_path / "t.npz", address_map=DDR4, clock_ps=CLOCK_PS)
    assert (done["requests"], done["source_format"], done["left_out"]) == (1, "gem5", 2)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("3,x,64,64,0,30", "unknown operation 'x'; expected one of R, READ, READREQ, W"),
        ("3,r,64,0,0,30", "the size is 0; expected 1 to 65536 bytes"),
        ("3,r,64,65537,0,30", "from 0 to 65536, found 65537"),
        ("3,r,-64,64,0,30", "found '-64'"),
        ("3,r,64,64,30", "expected 6 fields, found 5"),
        ("3,r,64,64,0,30,9,9", "expected 6 fields, found 7"),
        ("3,r,64,64,0,5", "time runs backwards: arrival 1 after 2"),
        ("3,r,18446744073709551600,64,0,30", "expected a number from 0 to"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, expected: str) -> None:
    """A bad line after good ones is reported with its number and content."""
    (tmp_path / "t").write_text(f"1,r,64,64,0,10\n# comment\n2,w,64,64,0,1200,4096\n{line}\n")
    with pytest.raises(InputError) as caught:
        list(open_text(tmp_path / "t", "gem5", DDR4, CLOCK_PS).chunks())
    assert "t:4: " in str(caught.value)
    assert expected in str(caught.value)


def test_what_is_needed(tmp_path: Path) -> None:
    """The memory must be given; a first line of another format, unknown columns and writing are refused."""
    path = tmp_path / "t"
    path.write_text("1,r,64,64,0,10\n")
    with pytest.raises(ConfigError, match="--dram"):
        open_text(path)
    with pytest.raises(ConfigError, match="gem5 traces are read, not written"):
        write_text(path, Requests(np.zeros(1, np.uint64), np.zeros(1, np.uint8)), "gem5", force=True)
    for content, expected in (
        ("LD 0x40\n", "is no packet of gem5"),
        ("cmd,addr,tick,time\n", "'time' is unknown"),
        ("cmd,addr,tick,addr\n", "named twice"),
    ):
        path.write_text(content)
        with pytest.raises(InputError, match=expected):
            open_text(path, "gem5", DDR4, CLOCK_PS)


def test_memory_is_flat(tmp_path: Path, monkeypatch) -> None:
    """A trace longer than any block is read with the memory of one block."""
    monkeypatch.setattr(trace_text, "BLOCK_BYTES", 1 << 16)
    n = 100_000
    with (tmp_path / "t").open("w") as file:
        file.writelines(f"{k},r,{k * 64},64,0,{k * 900}\n" for k in range(n))
    tracemalloc.start()
    assert sum(len(p.addr) for p in open_text(tmp_path / "t", "gem5", DDR4, CLOCK_PS).chunks()) == n
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 << 20
