"""Line of every key of a TOML document, which `tomllib` does not tell.

The document must already have passed `tomllib`: this scanner follows keys, brackets and quotes, and judges nothing.
A key that it cannot place has no entry; callers then use the line of the table around it.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from bisect import bisect_right

KeyPath = tuple[str | int, ...]
"""Place of a value in a document: names of tables and keys, numbers of list entries (from 0)."""

_GAP = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+")
_BLANK = re.compile(r"[ \t]*+")
_STRING = re.compile(
    r'"""(?:[^"\\]++|\\[\s\S]|"(?!""))*+"""(?:""?)?'
    r"|'''(?:[^']++|'(?!''))*+'''(?:''?)?"
    r'|"(?:[^"\\\n]++|\\.)*+"'
    r"|'[^'\n]*+'"
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]+")
_CODE = re.compile(_STRING.pattern + r"|#[^\n]*+")
_CHAIN = re.compile(r"(?:\.[ \t]*+[A-Za-z0-9_-]++[ \t]*+){32}")


class _Lost(Exception):
    """The scanner met something it does not follow."""


def key_lines(text: str) -> dict[KeyPath, int]:
    """Line (from 1) of every table, key and list entry of a valid TOML document.

    A key stands where its last part is written, a table at its header (or at the first key that implies it), an
    array of tables at its first header.
    """
    scanner = _Scanner(text.replace("\r\n", "\n"))
    with contextlib.suppress(_Lost, IndexError, ValueError):  # what was found before is right; the rest falls back
        scanner.document()
    return scanner.lines


def has_endless_key(text: str) -> bool:
    """Whether some dotted key has more than 32 parts; tomllib takes quadratic time for such keys (hours for 1 MB)."""
    bare = _CODE.sub(lambda match: "" if match[0].startswith("#") else "q", text)
    return _CHAIN.search(bare) is not None


def split_key(text: str) -> tuple[list[str], int]:
    """Read a dotted TOML key at the start of `text`: its parts and the offset of what follows (blanks skipped).

    Raises ValueError when `text` does not start with a key.
    """
    scanner = _Scanner(text)
    try:
        parts = scanner.key()
    except (_Lost, IndexError) as error:
        raise ValueError("not a key") from error
    return parts, scanner.at


class _Scanner:
    """One pass over a document, left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.entries: dict[KeyPath, int] = {}  # arrays of tables: headers seen so far
        self.newlines = [m.start() for m in re.finditer("\n", text)]

    def document(self) -> None:
        table: KeyPath = ()
        self.skip(_GAP)
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self.header(opening=2)
            elif self.text[self.at] == "[":
                table = self.header(opening=1)
            else:
                self.pair(table)
            self.skip(_GAP)

    def header(self, opening: int) -> KeyPath:
        line = self.line()
        self.at += opening
        self.skip(_BLANK)
        *parents, last = self.key()
        self.at += opening
        path: KeyPath = ()
        for part in parents:
            path = self.newest((*path, part))
            self.lines.setdefault(path, line)
        path = (*path, last)
        if opening == 2:
            self.lines.setdefault(path, line)
            self.entries[path] = self.entries.get(path, 0) + 1
            path = self.newest(path)
        self.lines[path] = line
        return path

    def newest(self, path: KeyPath) -> KeyPath:
        """A header names the last entry of an array of tables."""
        return (*path, self.entries[path] - 1) if path in self.entries else path

    def pair(self, table: KeyPath) -> None:
        line = self.line()
        path = table
        for part in self.key():
            path = (*path, part)
            self.lines.setdefault(path, line)
        self.expect("=")
        self.skip(_BLANK)
        self.value(path)

    def value(self, path: KeyPath) -> None:
        char = self.text[self.at]
        if char in "\"'":
            self.take(_STRING)
        elif char == "[":
            self.items(path)
        elif char == "{":
            self.inline_table(path)
        else:
            self.take(_SCALAR)

    def items(self, path: KeyPath) -> None:
        self.at += 1
        self.skip(_GAP)
        index = 0
        while self.text[self.at] != "]":
            self.lines[(*path, index)] = self.line()
            self.value((*path, index))
            index += 1
            self.separator("]")
        self.at += 1

    def inline_table(self, path: KeyPath) -> None:
        self.at += 1
        self.skip(_GAP)
        while self.text[self.at] != "}":
            self.pair(path)
            self.separator("}")
        self.at += 1

    def separator(self, closing: str) -> None:
        self.skip(_GAP)
        if self.text[self.at] != closing:
            self.expect(",")
            self.skip(_GAP)

    def key(self) -> list[str]:
        parts = [self.part()]
        self.skip(_BLANK)
        while self.text.startswith(".", self.at):
            self.at += 1
            self.skip(_BLANK)
            parts.append(self.part())
            self.skip(_BLANK)
        return parts

    def part(self) -> str:
        if self.text[self.at] in "\"'":
            quoted = self.take(_STRING)
            return next(iter(tomllib.loads(f"{quoted} = 0")))  # lets tomllib undo the escapes
        return self.take(_BARE)

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise _Lost
        self.at = match.end()
        return match[0]

    def expect(self, char: str) -> None:
        if not self.text.startswith(char, self.at):
            raise _Lost
        self.at += 1

    def line(self) -> int:
        return bisect_right(self.newlines, self.at - 1) + 1
