"""What can be wrong with a configuration file itself: each case is one clear message, never a traceback."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edensim.config import load_config
from edensim.errors import ConfigError

if TYPE_CHECKING:
    from tests.config.conftest import Desk


def failure(path: str | Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return str(caught.value)


def test_row_1_syntax_error_shows_line_column_and_caret(desk: Desk) -> None:
    """A TOML error names file:line:column and shows the line with a caret below the very column."""
    text = desk.problem("[dram]\nrows = 12 34\n")
    assert text.startswith("x.toml:2:11: not valid TOML: ")
    line, caret = text.splitlines()[1:]
    assert line.strip() == "rows = 12 34"
    assert caret.index("^") - line.index("rows") == 10


def test_syntax_error_at_the_end(desk: Desk) -> None:
    """An error that tomllib places "at end of document" is shown behind the last line with text."""
    text = desk.problem('[dram]\nsource = """never closed\n\n')
    assert text.startswith("x.toml:2:25: not valid TOML: ")
    assert text.splitlines()[1].strip() == 'source = """never closed'


def test_syntax_error_in_a_very_long_line(desk: Desk) -> None:
    """Only the surroundings of the error are shown, the caret still below it."""
    text = desk.problem(f'a = "{"x" * 5000}" !\n')
    line, caret = text.splitlines()[1:]
    assert len(line) < 120
    assert line[caret.index("^")] == "!"


def test_row_3_duplicate_key(desk: Desk) -> None:
    """A key given twice is an error with its place."""
    assert desk.problem("seed = 1\nseed = 2\n").startswith("x.toml:2:9: not valid TOML: Cannot overwrite a value")


def test_number_with_too_many_digits(desk: Desk) -> None:
    """Python refuses integers of more than 4300 digits with an error of its own."""
    assert "not valid TOML" in desk.problem(f"seed = {'1' * 5000}\n")
    problem = desk.problem(f"\nseed = 0x{'f' * 5000}\n[dram]\npreset = 'small-ddr4'")
    assert problem.startswith("x.toml:2: seed: found a whole number beyond 64 bits")


@pytest.mark.parametrize("text", ["[" * 5000, "a = " + "[" * 5000, f"a = {'[' * 40}{']' * 40}", f"[{'a.' * 40}a]"])
def test_row_12_deep_nesting(desk: Desk, text: str) -> None:
    """Nesting beyond any configuration is refused, whether or not tomllib survives it."""
    message = desk.problem(text)
    assert message.startswith("x.toml:")
    assert "Recursion" not in message
    assert "no such configuration exists" in message or "not valid TOML" in message


def test_endless_dotted_key(desk: Desk) -> None:
    """A dotted key with thousands of parts (on which tomllib takes quadratic time) is refused at once."""
    assert "dotted key with more than 32 parts" in desk.problem("a." * 400_000 + "a = 1")


def test_row_12_file_over_one_megabyte(desk: Desk) -> None:
    """A file of a million bytes is read, one byte more is refused."""
    valid = '[dram]\npreset = "small-ddr4"\n#'
    assert desk.load(valid + " " * (1_000_000 - len(valid))).config.dram.rows == 65536
    assert "larger than 1,000,000 bytes" in desk.problem(valid + " " * (1_000_001 - len(valid)))


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "latin-1"])
def test_row_22_other_encodings_are_refused(desk: Desk, codec: str) -> None:
    """UTF-16 is named as such where it has a byte order mark; Latin-1 letters are placed on their line."""
    message = desk.problem('seed = 1\ntitle = "größe"\n'.encode(codec))
    assert message.startswith("x.toml")
    assert "UTF-8" in message or "not valid TOML" in message
    if codec == "latin-1":
        assert message.startswith("x.toml:2: byte 0xf6")


def test_row_22_byte_order_mark_and_crlf_are_accepted(desk: Desk) -> None:
    """Files written on Windows load, with the same lines."""
    text = '[dram]\r\npreset = "small-ddr4"\r\nsource = """a\r\nb"""\r\nchannels = 2\r\n'
    resolved = desk.load(b"\xef\xbb\xbf" + text.encode())
    assert resolved.config.dram.channels == 2
    assert resolved.origins["dram.channels"] == "x.toml:5"


def test_missing_file_names_the_nearest(desk: Desk) -> None:
    """A misspelt file name is met with the names that come close, or all there are."""
    desk.write("eyeriss-alexnet.toml", "")
    desk.write("tpu.toml", "")
    assert failure("eyeris-alexnet.toml") == "eyeris-alexnet.toml: not found; did you mean eyeriss-alexnet.toml?"
    assert "did you mean tpu.toml?" in failure("tpu")
    assert "(TOML files in .: eyeriss-alexnet.toml, tpu.toml)" in failure("other-thing.toml")
    assert "there is no folder nowhere" in failure("nowhere/x.toml")
    assert "no .toml file in presets" in failure("presets/x.toml")


def test_folder_in_place_of_a_file(desk: Desk) -> None:
    """A folder is named as such."""
    assert "presets: is a folder; expected a TOML file" in failure("presets")


def test_row_13_pipe_and_device(desk: Desk) -> None:
    """A pipe is refused without waiting for it."""
    os.mkfifo("pipe.toml")
    assert "is a device or pipe" in failure("pipe.toml")
    assert "is a device or pipe" in failure("/dev/null")


def test_link_to_nowhere(desk: Desk) -> None:
    """A dangling link is told from a missing file."""
    Path("link.toml").symlink_to("gone.toml")
    assert "link to a file that does not exist" in failure("link.toml")


def test_names_the_system_refuses(desk: Desk) -> None:
    """Names too long or with a null character."""
    assert "cannot be read" in failure("x" * 5000)
    assert failure("a\0b").startswith("a\0b: not found")


def test_row_38_other_formats_are_named(desk: Desk) -> None:
    """YAML and JSON are refused for what they are, not as broken TOML."""
    desk.write("x.yaml", "dram:\n  channels: 2\n")
    desk.write("x.json", "{}")
    assert "looks like YAML" in failure("x.yaml")
    assert "looks like JSON" in failure("x.json")


def test_row_34_unusual_file_names_work(desk: Desk) -> None:
    """Blanks and letters beyond ASCII in folder and file names."""
    path = desk.write("größe und höhe/ünï cødé.toml", '[dram]\npreset = "small-ddr4"\n')
    resolved = load_config(path, preset_root=desk.presets)
    assert resolved.name == "ünï cødé"
    assert resolved.origins["dram.preset"] == "größe und höhe/ünï cødé.toml:2"


def test_something_else_than_a_path() -> None:
    """A wrong Python argument is a configuration error, not an AttributeError somewhere inside."""
    with pytest.raises(ConfigError, match="takes a path, a dictionary or a loaded configuration, not int"):
        load_config(3)  # type: ignore[arg-type]
