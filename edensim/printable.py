"""Text from outside (file names, titles) made fit for terminals, tables and UTF-8 files."""

from __future__ import annotations

import os
import re

LONGEST_NAME = 160
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters but newline and tab."""


def readable(text: str) -> str:
    """Text that any UTF-8 file can hold.

    Where the locale is not UTF-8, Python stands lone surrogates for the bytes of a file name; here they are read as the
    UTF-8 they nearly always are.
    """
    if text.isascii():
        return text
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = text.encode("utf-8", "replace")
    return data.decode("utf-8", "replace")


def utf8(text: str) -> bytes:
    """Bytes of `readable(text)`."""
    return readable(text).encode()


def without_control(text: str) -> str:
    r"""Readable text whose control characters are written out (`\x1b`), so that none acts on a terminal."""
    return CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", readable(text))


def one_line(text: str) -> str:
    """Readable text with each run of blanks, line breaks and control characters as one blank."""
    return " ".join(CONTROL.sub(" ", readable(text)).split())


def shown(path: str | bytes | os.PathLike[str]) -> str:
    """A path for a message; of a very long one, beginning and end."""
    text = readable(os.fsdecode(path))
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 40]}…{text[-39:]}"
