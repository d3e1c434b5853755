"""The position scanner agrees with tomllib on what keys there are, and with the writer of a document on their lines."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.config.positions import KeyPath, has_endless_key, key_lines, split_key

SCALARS = [
    "1", "-0.5e3", "true", "nan", "0xff", "1_000", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00", "07:32:00",
    '""', '"a = 1 # no [comment]"', r'"quote \" and backslash \\"', "'C:\\dir\\'", "''", '"}],"',
    '""""""', '"""one"""', '"""a\n[not.a.table]\nk = 1\n"""', '"""two quotes"" inside"""', '"""ends in quotes"""""',
    '"""escaped \\""" quotes"""', '"""back\\\\"""', "'''a\n# 'x' ''y\nb'''", "'''''x'''''", '"""\\\n   folded"""',
]  # fmt: skip
KEYS = ["plain", "with-dash", "1234", "_", '"quoted key"', "'literal.dot'", r'"esc \" \\ \u00e9"', '"ʎ"', '"a=b#c[d]"']
GAPS = ["", " ", "\t", "  "]
BREAKS = ["", " ", "\n", " # comment with ] } \" ' =\n", "\n\n\t"]


class Writer:
    """Writes a random document and notes on which line each key stands."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[KeyPath, int] = {}
        self.count = 0

    def pick(self, choices: list[str]) -> str:
        return self.draw(st.sampled_from(choices))

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def line(self) -> int:
        return self.text.count("\n") + 1

    def fresh(self) -> tuple[str, str]:
        """A key never used before: as written and as meant."""
        self.count += 1
        written = self.pick(KEYS)
        end = len(written) - (written[-1] in "\"'")
        written = f"{written[:end]}{self.count}{written[end:]}"
        return written, next(iter(tomllib.loads(f"{written} = 0")))

    def dotted(self, around: KeyPath) -> tuple[str, list[KeyPath]]:
        """A new dotted key: as written, and all places it makes."""
        parts = [self.fresh() for _ in range(self.number(1, 3))]
        dot = self.pick([".", " . ", "\t."])
        paths = [(*around, *(meant for _, meant in parts[: n + 1])) for n in range(len(parts))]
        return dot.join(written for written, _ in parts), paths

    def pair(self, around: KeyPath, depth: int) -> None:
        written, paths = self.dotted(around)
        self.lines |= dict.fromkeys(paths, self.line())
        self.text += f"{written}{self.pick(GAPS)}={self.pick(GAPS)}"
        self.value(paths[-1], depth)

    def value(self, path: KeyPath, depth: int) -> None:
        kind = self.number(0, 4) if depth < 3 else 0
        if kind == 3:
            self.text += "[" + self.pick(BREAKS)
            for index in range(self.number(0, 3)):
                self.lines[*path, index] = self.line()
                self.value((*path, index), depth + 1)
                self.text += self.pick(BREAKS) + "," + self.pick(BREAKS)
            self.text += "]"
        elif kind == 4:
            self.text += "{" + self.pick(GAPS)
            for index in range(self.number(0, 3)):
                self.text += ("," if index else "") + self.pick(GAPS)
                self.pair(path, depth + 1)
                self.text += self.pick(GAPS)
            self.text += "}"
        else:
            self.text += self.pick(SCALARS)

    def pairs(self, around: KeyPath) -> None:
        for _ in range(self.number(0, 3)):
            self.text += self.pick(GAPS)
            self.pair(around, 0)
            self.text += self.pick(["\n", " # [x]\n", "\n\n", "\t\n# k = 1\n"])

    def table(self) -> None:
        written, paths = self.dotted(())
        self.lines |= dict.fromkeys(paths, self.line())
        self.text += f"[{self.pick(GAPS)}{written}{self.pick(GAPS)}]\n"
        self.pairs(paths[-1])

    def array_of_tables(self) -> None:
        written, paths = self.dotted(())
        self.lines |= dict.fromkeys(paths, self.line())
        for index in range(self.number(1, 3)):
            entry = (*paths[-1], index)
            self.lines[entry] = self.line()
            self.text += f"[[{written}]]\n"
            self.pairs(entry)
            for _ in range(self.number(0, 2)):  # tables below the newest entry
                below, meant = self.fresh()
                self.lines[*entry, meant] = self.line()
                self.text += f"[{written}.{below}] # header\n"
                self.pairs((*entry, meant))

    def document(self) -> None:
        self.pairs(())
        for _ in range(self.number(0, 3)):
            self.text += self.pick(["", "\n", "# [c]\n"])
            self.table() if self.number(0, 1) else self.array_of_tables()


@st.composite
def documents(draw: Any) -> tuple[str, dict[KeyPath, int]]:
    writer = Writer(draw)
    writer.document()
    return writer.text, writer.lines


def places(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path} - {()} | {place for part, below in entries for place in places(below, (*path, part))}


@given(documents())
def test_every_key_is_found_on_its_line(document: tuple[str, dict[KeyPath, int]]) -> None:
    """Keys and lines agree with the writer's; the keys also with tomllib's, an independent reader."""
    text, lines = document
    assert key_lines(text) == lines
    assert set(lines) == places(tomllib.loads(text))


@given(documents())
def test_line_ends_do_not_matter(document: tuple[str, dict[KeyPath, int]]) -> None:
    """CRLF files give the same lines."""
    text, lines = document
    assert key_lines(text.replace("\n", "\r\n")) == lines


def test_headers_in_any_order() -> None:
    """A table stands at its own header even if a header below it comes first; arrays of tables nest."""
    text = "[a.b]\nx = 1\n[a]\ny = 2\n[[t]]\n[[t.u]]\nk = 1\n[[t.u]]\nk = 2\n[[t]]\n[t.v]\nz = 3\n"
    lines = key_lines(text)
    assert lines["a",] == 3
    assert lines["a", "b"] == 1
    assert lines["t",] == lines["t", 0] == 5
    assert lines["t", 0, "u", 1, "k"] == 9
    assert lines["t", 1] == 10
    assert lines["t", 1, "v", "z"] == 12
    assert set(lines) == places(tomllib.loads(text))


def test_what_cannot_be_followed_has_no_line() -> None:
    """On text that is no TOML the scanner keeps what it found before and does not raise."""
    assert key_lines("a = 1\nb = [1, 2\nc = = 3\n") == {("a",): 1, ("b",): 2, ("b", 0): 2, ("b", 1): 2}
    assert key_lines("?") == {}
    assert key_lines("a = ") == {("a",): 1}


@pytest.mark.parametrize(
    ("text", "parts", "rest"),
    [
        ("a.b.c=1", ["a", "b", "c"], "=1"),
        ('placement.tensors."conv1.weights" = safe', ["placement", "tensors", "conv1.weights"], "= safe"),
        ("partition.0.vdd=1.1", ["partition", "0", "vdd"], "=1.1"),
        ("a", ["a"], ""),
    ],
)
def test_split_key(text: str, parts: list[str], rest: str) -> None:
    """A dotted key is read up to what follows it."""
    found, end = split_key(text)
    assert (found, text[end:]) == (parts, rest)


@pytest.mark.parametrize("text", ["", "=1", ".a=1", "a.=1", "a..b=1", '"open=1'])
def test_split_key_refuses_what_is_no_key(text: str) -> None:
    """Empty parts and open quotes are no keys."""
    with pytest.raises(ValueError, match="not a key"):
        split_key(text)


def test_endless_keys_are_seen_only_in_keys() -> None:
    """Long chains of dots count as keys, but not inside quotes or comments."""
    chain = ".".join("a" * 40)
    assert has_endless_key(f"{chain} = 1")
    assert has_endless_key(f"x = {{ {chain} = 1 }}")
    assert has_endless_key("'q'." * 40 + "a = 1")
    assert not has_endless_key(f'x = "{chain}" # {chain}\ny = """\n{chain}"""\nz = \'{chain}\'')
    assert not has_endless_key("\n".join(f"a.b{i} = 1.5" for i in range(100)))
