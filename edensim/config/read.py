"""Reading one TOML file into nodes with origins; everything that can be wrong with the file itself is found here.

UTF-8 with or without a byte order mark and LF or CRLF line ends are accepted. Refused: files over 1 MB, other
encodings, folders, devices and pipes, tables nested deeper than 32.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from edensim.config.positions import has_endless_key, key_lines
from edensim.config.tree import MAX_DEPTH, Node, Origin, build
from edensim.errors import ConfigError, did_you_mean

MAX_BYTES = 1_000_000
_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_OTHER_FORMATS = {".yaml": "YAML", ".yml": "YAML", ".json": "JSON", ".ini": "INI", ".cfg": "INI", ".py": "Python"}


def read_file(path: Path) -> Node:
    """Read a TOML file. Raises ConfigError that names the path (and line and column) when that is impossible."""
    try:
        _check_regular(path)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from None
    except ValueError as error:  # a null character in the name
        raise ConfigError(f"{str(path)!r} is no file name ({error})") from None
    return parse(data, Origin("file", str(path)))


def parse(data: bytes, source: Origin) -> Node:
    """Turn the bytes of a TOML file into nodes; `source` names the file in messages and origins."""
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{source}: larger than {MAX_BYTES:,} bytes; a configuration is a short text file")
    text = _decode(data, source)
    if has_endless_key(text):
        raise ConfigError(f"{source}: a dotted key with more than {MAX_DEPTH} parts; no such configuration exists")
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ConfigError(
            f"{source}: tables or lists nested deeper than {MAX_DEPTH}; no such configuration exists"
        ) from None
    except ValueError as error:  # TOMLDecodeError, or an integer of more than 4300 digits
        raise ConfigError(_syntax_message(text, str(error), source)) from None
    build(values, source)  # refuses deep nesting before the scanner, which recurses, sees it
    return build(values, source, key_lines(text))


def _check_regular(path: Path) -> None:
    if path.is_file():
        if path.suffix.lower() in _OTHER_FORMATS:
            kind = _OTHER_FORMATS[path.suffix.lower()]
            raise ConfigError(f"{path}: looks like {kind}; edensim reads its configuration from TOML files (.toml)")
    elif path.is_dir():
        raise ConfigError(f"{path}: is a folder; expected a TOML file{_files_in(path, path.name)}")
    elif path.exists():
        raise ConfigError(f"{path}: is a device or pipe; expected a TOML file")
    elif path.is_symlink():
        raise ConfigError(f"{path}: is a link to a file that does not exist")
    elif not path.parent.is_dir():
        raise ConfigError(f"{path}: not found (there is no folder {path.parent})")
    else:
        raise ConfigError(f"{path}: not found{_files_in(path.parent, path.name)}")


def _files_in(folder: Path, wanted: str) -> str:
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.suffix == ".toml")
    except OSError:
        return ""
    stems = [name.removesuffix(".toml") for name in names]
    if guess := did_you_mean(wanted.removesuffix(".toml"), stems, show=lambda stem: str(folder / f"{stem}.toml")):
        return guess
    if not names:
        return f" (no .toml file in {folder})"
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return f" (TOML files in {folder}: {shown})"


def _decode(data: bytes, source: Origin) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ConfigError(f"{source}: is UTF-16 text; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise ConfigError(f"{source}:{line}: byte 0x{byte:02x} is not UTF-8 text; save the file as UTF-8") from None


def _syntax_message(text: str, message: str, source: Origin) -> str:
    place = _PLACE.search(message)
    if place is None:
        return f"{source}: not valid TOML: {message}"
    lines = text.replace("\r\n", "\n").split("\n")
    if place["line"]:
        number, column = int(place["line"]), int(place["column"])
    else:
        while len(lines) > 1 and not lines[-1].strip():
            lines.pop()
        number, column = len(lines), len(lines[-1]) + 1
    line = lines[number - 1]
    reason = message[: place.start()]
    shown, offset = _window(line, column)
    return f"{source.source}:{number}:{column}: not valid TOML: {reason}\n    {shown}\n    {' ' * offset}^"


def _window(line: str, column: int, width: int = 100) -> tuple[str, int]:
    """Part of the line around a column (from 1), and the column's offset in it. Tabs count as one blank."""
    start = max(0, column - 1 - width // 2) if len(line) > width else 0
    shown = "".join(char if char.isprintable() else " " for char in line[start : start + width])
    return shown, column - 1 - start
