"""Text traces: every format survives a round trip, every bad line is named by its number."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edensim.dram import trace_convert, trace_text
from edensim.dram.generate import generate, generate_chunks
from edensim.dram.trace import Requests, open_trace, write_trace
from edensim.dram.trace_convert import KEPT, convert, write_text
from edensim.dram.trace_text import FORMATS, TEXT_FORMATS, guess_format, open_any, open_text
from edensim.errors import ConfigError, InputError, OutputError
from edensim.memory.address_map import AddressMap
from edensim.memory.geometry import Geometry

DDR4 = AddressMap(Geometry(2, 2, 4, 4, 1 << 10, 128, 8, 64, 8), "RoBaRaCoCh")
DDR3 = AddressMap(Geometry(1, 1, 1, 8, 1 << 10, 128, 8, 64, 8), "RoBaRaCoCh")
EXAMPLES = {
    "ramulator1": "0x12340 R\n0x1000 W\n",
    "ramulator2": "LD 0x12340\nST 4096\n",
    "dramsim3": "0x12340 READ 0\n0x1000 WRITE 7\n",
    "csv": "addr,is_write\n0x12340,0\n4096,1\n",
}


def collect(parts) -> Requests:
    parts = list(parts)
    return Requests(*(None if column[0] is None else np.concatenate(column) for column in zip(*parts, strict=True)))


def text(path: Path, content: str | bytes, **options) -> Requests:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return collect(open_text(path, **options).chunks())


def refused(path: Path, content: str | bytes, **options) -> str:
    """The one-paragraph message with which a text is refused."""
    with pytest.raises(InputError) as caught:
        text(path, content, **options)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def assert_same(found: Requests, expected: Requests) -> None:
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


@st.composite
def traces(draw: st.DrawFn, largest: int, unit: int = 1) -> Requests:
    n = draw(st.integers(1, 40))
    numbers = st.integers(0, largest // unit).map(lambda k: k * unit) | st.integers(0, 100).map(lambda k: k * unit)
    column = lambda values: draw(st.lists(values, min_size=n, max_size=n))  # noqa: E731
    addr = np.array(column(numbers), np.uint64)
    is_write = np.array(column(st.integers(0, 1)), np.uint8)
    arrival = np.array(sorted(column(st.integers(0, 2**64 - 1) | st.integers(0, 99))), np.uint64)
    tensor = np.array(column(st.integers(0, 2**16 - 1)), np.uint16)
    return Requests(addr, is_write, draw(st.sampled_from([None, arrival])), draw(st.sampled_from([None, tensor])))


def kept(trace: Requests, format: str) -> Requests:
    """What a format keeps of a trace."""
    trace = Requests(*(v if n in KEPT[format] else None for n, v in trace._asdict().items()))
    if format == "dramsim3" and trace.arrival is None:
        return trace._replace(arrival=np.zeros(len(trace.addr), np.uint64))
    return trace


@settings(max_examples=80, deadline=None)
@given(
    data=st.data(),
    first=st.sampled_from(sorted(KEPT)),
    second=st.sampled_from(sorted(KEPT)),
    packed=st.sampled_from(["", ".gz"]),
)
def test_round_trip_through_two_formats(tmp_path_factory, data, first: str, second: str, packed: str) -> None:
    """From native to A to B to native keeps every column that both A and B can hold, exactly."""
    vectors = "ramulator2_readwrite" in (first, second)
    map_ = data.draw(st.sampled_from([DDR4, DDR3])) if vectors else DDR4
    largest, unit = (map_.geometry.capacity_bytes - 64, 64) if vectors else (2**63 - 1, 1)
    trace = data.draw(traces(largest, unit))
    folder = tmp_path_factory.mktemp("round")
    write_trace(folder / "n", trace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace_convert, "LINES_AT_A_TIME", 7)
        patch.setattr(trace_text, "BLOCK_BYTES", data.draw(st.integers(1, 200)))
        for source, target, format in (
            ("n", "a" + packed, first),
            ("a" + packed, "b" + packed, second),
            ("b" + packed, "m", "native"),
        ):
            info = convert(folder / source, folder / target, target_format=format, address_map=map_)
            assert info["requests"] == len(trace.addr)
    assert_same(collect(open_trace(folder / "m").chunks()), kept(kept(trace, first), second))


@pytest.mark.parametrize("format", sorted(EXAMPLES))
def test_formats_are_recognised(tmp_path: Path, format: str) -> None:
    """The first line tells the format, and the numbers are those of the line."""
    trace = text(tmp_path / "t", EXAMPLES[format])
    assert guess_format(tmp_path / "t") == format
    assert trace.addr.tolist() == [0x12340, 4096]
    assert trace.is_write.tolist() == [0, 1]
    assert (trace.arrival is not None) == (format == "dramsim3")


def test_address_vectors(tmp_path: Path) -> None:
    """A ReadWriteTrace line is channel, rank, bank group, bank, row, column; without bank groups one number less."""
    path = tmp_path / "t"
    trace = text(path, "R 1,1,3,2,5,77\nW 0, 0, 0, 0, 0, 1\n", address_map=DDR4)
    assert guess_format(path) == "ramulator2_readwrite"
    assert trace.addr.tolist() == [
        64 * int(DDR4.encode(1, (1 * 4 + 3) * 4 + 2, 5, 77)),
        64 * int(DDR4.encode(0, 0, 0, 1)),
    ]
    assert trace.is_write.tolist() == [0, 1]
    assert text(path, "r 0,0,7,5,77\n", address_map=DDR3).addr.tolist() == [64 * int(DDR3.encode(0, 7, 5, 77))]
    assert "t:2: expected a number from 0 to 3, found 4" in refused(
        path, "R 1,1,3,2,5,77\nR 1,1,4,2,5,77\n", address_map=DDR4
    )
    assert "expected 7 fields, found 6" in refused(path, "R 1,1,3,2,77\n", address_map=DDR4)
    with pytest.raises(ConfigError, match="--dram"):
        open_text(path, "ramulator2_readwrite")


@pytest.mark.parametrize("format", sorted(EXAMPLES))
def test_row_22_tolerated_spelling(tmp_path: Path, format: str) -> None:
    """Comments, blank lines, CRLF, byte order mark, capitals, no last newline, and gzip change nothing."""
    path, plain = tmp_path / "t", EXAMPLES[format]
    expected = text(path, plain)
    odd = "\ufeff# comment, with LD and 0x40\n\n" + plain.replace("\n", "  # note\n\n \t\n").upper().replace("0X", "0x")
    for content in (odd, odd.replace("\n", "\r\n"), plain.lower(), plain.rstrip("\n"), plain.replace(",", " ,\t")):
        assert_same(text(path, content), expected)
        assert_same(text(path, gzip.compress(content.encode())), expected)


def test_csv_columns_in_any_order(tmp_path: Path) -> None:
    """A CSV header names the columns; hexadecimal and decimal mix."""
    trace = text(tmp_path / "t", "tensor, Arrival,is_write,addr\n7,0x10,1,0x40\n8,17,0,128\n")
    expected = Requests(
        *(np.array(v, d) for v, d in (([64, 128], "u8"), ([1, 0], "u1"), ([16, 17], "u8"), ([7, 8], "u2")))
    )
    assert_same(trace, expected)


def test_dramsim3_addresses_are_hexadecimal(tmp_path: Path) -> None:
    """DRAMsim3 reads addresses as hexadecimal with or without 0x, and knows further names of operations."""
    trace = text(tmp_path / "t", "100 P_MEM_WR 10\n0x100 IFETCH 12\n", format="dramsim3")
    assert trace.addr.tolist() == [256, 256]
    assert trace.is_write.tolist() == [1, 0]


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=10),
    zeros=st.integers(0, 30),
    hexadecimal=st.lists(st.booleans(), min_size=10),
)
def test_numbers_of_any_length(tmp_path_factory, values: list[int], zeros: int, hexadecimal: list[bool]) -> None:
    """All 64-bit numbers, decimal or hexadecimal, with any number of leading zeros, are read exactly."""
    path = tmp_path_factory.mktemp("n") / "t"
    words = [f"0x{'0' * zeros}{v:x}" if h else "0" * zeros + str(v) for v, h in zip(values, hexadecimal, strict=False)]
    assert text(path, "".join(f"LD {w}\n" for w in words)).addr.tolist() == values


@settings(max_examples=200, deadline=None)
@given(word=st.text(st.sampled_from("0123456789abxXg+-_.eE "), min_size=1, max_size=22))
def test_numbers_agree_with_python(tmp_path_factory, word: str) -> None:
    """A word is a number exactly if it is plain digits, or 0x and hexadecimal digits, below 2^64."""
    assume(word.strip() and " " not in word.strip())
    word = word.strip()
    path = tmp_path_factory.mktemp("n") / "t"
    plain = word.isdigit() or (
        word[:2] in ("0x", "0X") and len(word) > 2 and all(c in "0123456789abcdefABCDEF" for c in word[2:])
    )
    value = int(word, 16 if word[:2] in ("0x", "0X") else 10) if plain else -1
    if 0 <= value < 2**64:
        assert text(path, f"LD 1\nST {word}\n").addr.tolist() == [1, value]
    else:
        assert "t:2: expected a" in refused(path, f"LD 1\nST {word}\n")


@pytest.mark.parametrize(
    ("format", "line", "expected"),
    [
        ("ramulator2", "LD", "expected 2 fields, found 1"),
        ("ramulator2", "LD 0x40 7", "expected 2 fields, found 3"),
        ("ramulator2", "LX 0x40", "unknown operation 'LX'; expected one of LD, ST"),
        ("ramulator2", "LDLDLDLDLD 0x40", "unknown operation"),
        ("ramulator2", "LD -64", "expected a decimal number, or a hexadecimal one after 0x, found '-64'"),
        ("ramulator2", "LD 0x", "found '0x'"),
        ("ramulator2", "LD 4f", "found '4f'"),
        ("ramulator2", "LD 0x10000000000000000", "from 0 to 18446744073709551615"),
        ("ramulator2", "LD " + "9" * 5000, "found"),
        ("ramulator2", "LD \u0664", "found"),
        ("ramulator1", "0x40", "expected 2 fields, found 1"),
        ("ramulator1", "0x40 X", "unknown operation 'X'; expected one of R, READ, W, WRITE"),
        ("ramulator1", "0x4g R", "expected a hexadecimal number, found '0x4g'"),
        ("dramsim3", "0x40 READ", "expected 3 fields, found 2"),
        ("dramsim3", "0x40 REED 9", "unknown operation 'REED'"),
        ("dramsim3", "0xzz READ 9", "expected a hexadecimal number, found '0xzz'"),
        ("dramsim3", "0x40 READ 6", "time runs backwards: arrival 6 after 7"),
        ("csv", "0x40,2", "from 0 to 1, found 2"),
        ("csv", "0x40", "expected 2 fields, found 1"),
        ("csv", "0x40,,1", "expected 1 commas"),
        ("csv", "0x40,1,", "expected 1 commas"),
        ("csv", "0x40 1", "expected 1 commas"),
        ("csv", ",", "expected 1 commas"),
        ("csv", '"0x40",1', "found '\"0x40\"'"),
    ],
)
@pytest.mark.parametrize("block", [1 << 22, 8])
def test_row_20_bad_lines(tmp_path: Path, monkeypatch, format: str, line: str, expected: str, block: int) -> None:
    """A bad line after good ones, a comment and a blank line is reported with its number and content."""
    monkeypatch.setattr(trace_text, "BLOCK_BYTES", block)
    content = EXAMPLES[format] + "# comment\r\n\n" + line + "\n" + EXAMPLES[format].splitlines()[-1] + "\n"
    number = content.split("\n").index(line) + 1
    message = refused(tmp_path / "t", content, format=format)
    assert f"t:{number}: " in message
    assert expected in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "0 bytes"),
        ("# only a comment\n\n", "empty"),
        ("addr,is_write\n", "empty"),
        ("addr,is_write".encode("utf-16"), "UTF-16"),
        (b"LD 0x40\n\0\0", "binary"),
        ("hello world\n", "no known trace format"),
        ("0x40,1\n", "no known trace format"),
        ("addr,iswrite\n1,1\n", "did you mean is_write?"),
        ("addr,is_write,clock\n", "expected addr,is_write"),
        ("addr,arrival\n1,1\n", "expected addr,is_write"),
        ("addr,is_write,addr\n1,1,1\n", "expected addr,is_write"),
        ("x" * 100_000, "a line of more than"),
        (gzip.compress(b"LD 0x40\n" * 99, mtime=0)[:-9], "truncated or damaged"),
        (b"\x1f\x8bnothing", "truncated or damaged"),
    ],
)
def test_row_22_bad_files_are_refused(tmp_path: Path, content: str | bytes, expected: str) -> None:
    """Empty, binary, UTF-16, unknown, headerless, endless and torn files each have their message."""
    assert expected in refused(tmp_path / "t", content)


def test_what_is_no_text_file(tmp_path: Path) -> None:
    """Missing file, directory, FIFO and a native trace are no text; open_any takes the native one."""
    os.mkfifo(tmp_path / "fifo")
    for path, expected in (
        (tmp_path / "missing", "no such file"),
        (tmp_path, "directory"),
        (tmp_path / "fifo", "FIFO"),
    ):
        with pytest.raises(InputError, match=expected):
            open_any(path)
    write_trace(tmp_path / "n", generate("mix", 10))
    assert open_any(tmp_path / "n").chunks
    with pytest.raises(InputError, match="is a native trace"):
        open_text(tmp_path / "n")


def test_flipped_bit_in_gzip(tmp_path: Path) -> None:
    """The checksum of gzip finds a flipped bit; nothing is written then."""
    path = tmp_path / "t.gz"
    write_text(path, generate("mix", 500), "ramulator2")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(InputError, match="t.gz"):
        convert(path, tmp_path / "n.npz")
    assert os.listdir(tmp_path) == ["t.gz"]  # noqa: PTH208


def test_formats_by_name() -> None:
    """An unknown format name is answered with the nearest one, or with all."""
    with pytest.raises(ConfigError, match="did you mean dramsim3"):
        convert("a", "b", target_format="dramsim")
    with pytest.raises(ConfigError, match="expected one of native, ramulator1, ramulator2"):
        open_text("a", "vcd")
    with pytest.raises(ConfigError, match="write_trace"):
        write_text("a", generate("mix", 5), "native")
    assert set(FORMATS) == {"native", *TEXT_FORMATS} == {*KEPT, "gem5"}


def test_convert_says_what_it_drops(tmp_path: Path) -> None:
    """Columns that the target cannot hold are named; an existing target is kept."""
    trace = generate("mix", 9, gap=2)._replace(tensor=np.arange(9, dtype=np.uint16))
    write_trace(tmp_path / "n", trace)
    assert convert(tmp_path / "n", tmp_path / "r", target_format="ramulator2")["dropped"] == ["arrival", "tensor"]
    assert convert(tmp_path / "n", tmp_path / "d", target_format="dramsim3")["dropped"] == ["tensor"]
    assert convert(tmp_path / "n", tmp_path / "c", target_format="csv")["dropped"] == []
    info = convert(tmp_path / "c", tmp_path / "m")
    assert info == {"requests": 9, "source_format": "csv", "target_format": "native", "dropped": [], "left_out": 0}
    with pytest.raises(OutputError, match="exists already"):
        convert(tmp_path / "n", tmp_path / "r", target_format="ramulator2")
    convert(tmp_path / "n", tmp_path / "r", target_format="csv", force=True)
    assert guess_format(tmp_path / "r") == "csv"


def test_written_text_is_what_the_simulators_read(tmp_path: Path) -> None:
    """The lines have exactly the form of the format tables, without leading zeros."""
    trace = Requests(
        *(np.array(v, d) for v, d in (([0, 0xABC40], "u8"), ([0, 1], "u1"), ([5, 1000], "u8"), ([3, 65535], "u2")))
    )
    expected = {
        "ramulator1": "0x0 R\n0xabc40 W\n",
        "ramulator2": "LD 0x0\nST 0xabc40\n",
        "dramsim3": "0x0 READ 5\n0xabc40 WRITE 1000\n",
        "csv": "addr,is_write,arrival,tensor\n0x0,0,5,3\n0xabc40,1,1000,65535\n",
        "ramulator2_readwrite": "R 0,0,0,0,0,0\nW 1,0,1,1,2,120\n",
    }
    for format, lines in expected.items():
        if format == "ramulator2_readwrite":
            channel, bank, row, column = (int(v) for v in DDR4.decode(0xABC40 // 64))
            lines = f"R 0,0,0,0,0,0\nW {channel},{bank // 16},{bank // 4 % 4},{bank % 4},{row},{column}\n"
        write_text(tmp_path / format, trace, format, address_map=DDR4)
        assert (tmp_path / format).read_text() == lines


def test_what_a_format_cannot_express(tmp_path: Path) -> None:
    """Addresses that the other simulator or the memory cannot hold are refused with the request index."""
    far = Requests(np.array([0, 1 << 63], np.uint64), np.zeros(2, np.uint8))
    with pytest.raises(InputError, match="request 1: address 0x8000000000000000"):
        write_text(tmp_path / "t", far, "ramulator2")
    with pytest.raises(InputError, match="request 1: address .* beyond the memory"):
        write_text(tmp_path / "t", far, "ramulator2_readwrite", address_map=DDR4)
    with pytest.raises(ConfigError, match="--dram"):
        write_text(tmp_path / "t", far, "ramulator2_readwrite")
    with pytest.raises(InputError, match="no requests"):
        write_text(tmp_path / "t", [], "csv")
    with pytest.raises(InputError, match="columns are"):
        write_text(tmp_path / "t", [far, far._replace(arrival=far.addr)], "csv")
    assert os.listdir(tmp_path) == []  # noqa: PTH208


@pytest.mark.parametrize("format", ["ramulator1", "ramulator2", "dramsim3", "csv"])
def test_row_21_memory_is_flat(tmp_path: Path, monkeypatch, format: str) -> None:
    """Reading and writing text takes a fixed amount of memory, whatever the length."""
    monkeypatch.setattr(trace_text, "BLOCK_BYTES", 1 << 16)
    monkeypatch.setattr(trace_convert, "LINES_AT_A_TIME", 1 << 12)
    n = 300_000
    tracemalloc.start()
    write_text(tmp_path / "t", generate_chunks("random", n, gap=2, size=1 << 14), format)
    assert sum(len(part.addr) for part in open_text(tmp_path / "t").chunks()) == n
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
