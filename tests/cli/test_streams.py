"""Standard streams that are closed, full or left; file names in another encoding; disks that refuse."""

import errno
import json
import os
import subprocess
import sys

import pytest

from edensim.errors import INPUT, INTERNAL, OK, SOME_FAILED, USAGE

posix = pytest.mark.skipif(os.name != "posix", reason="redirects as a POSIX shell does")
full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110


def shell(redirection, *arguments, **environment):
    """Run `edensim ARGUMENTS REDIRECTION` in a shell: exit code, stdout and stderr as bytes."""
    env = os.environ | environment
    line = 'exec "$0" -m edensim "$@" ' + redirection
    done = subprocess.run(["sh", "-c", line, sys.executable, *arguments], env=env, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@full
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["show", "workload", "--json"]])
def test_full_stdout(arguments, unbuffered):
    """A result that does not fit is an error of one line (2), also when Python flushes at its end."""
    code, _, err = shell(">/dev/full", *arguments, PYTHONUNBUFFERED=unbuffered)
    assert code == USAGE
    assert err.decode() == f"edensim: error: standard output cannot be written: {os.strerror(errno.ENOSPC)}\n"


@posix
def test_closed_stdout(config):
    """A closed stdout is told before any work is done."""
    code, _, err = shell(">&-", "run", str(config), "--out", str(config.parent / "out"))
    assert code == USAGE
    assert err.count(b"\n") == 1
    assert b"standard output is closed" in err
    assert not (config.parent / "out").exists()


@posix
@pytest.mark.parametrize("place", ["&-", "/dev/full"])
@pytest.mark.parametrize(("network", "expected"), [("lenet", OK), ("lnet", USAGE)])
def test_stderr_that_takes_nothing(place, network, expected):
    """Neither the result nor the exit code suffers when the log has nowhere to go."""
    if place == "/dev/full" and not os.path.exists(place):  # noqa: PTH110
        pytest.skip("needs /dev/full")
    code, out, _ = shell(f"2>{place}", "show", "workload", network)
    assert code == expected
    assert out.startswith(b"lenet: ") == (expected == OK)


@posix
def test_no_stream_at_all(config):
    """With all three closed, files that are opened do not take their numbers: nothing is printed into them."""
    out = config.parent / "schema.json"
    code, *_ = shell("<&- 2>&- | cat", "schema", "--out", str(out))
    assert code == OK
    assert json.loads(out.read_text())["title"] == "edensim configuration"


def test_broken_pipe_of_another_file_is_no_success(edensim, config, monkeypatch):
    """Only a reader of stdout that leaves ends the command quietly; click would take any broken pipe for that."""

    def broken(*_, **__):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    monkeypatch.setattr("edensim.config.load_config", broken)
    outcome = edensim("run", config)
    assert outcome.code == INTERNAL
    assert "a pipe broke" in outcome.err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.EACCES])
def test_what_the_system_refuses_is_no_defect(edensim, config, monkeypatch, number):
    """A full disk met at a place nobody thought of is still told as what it is."""

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number), "/some/file")

    monkeypatch.setattr("edensim.config.load_config", refuse)
    outcome = edensim("run", config)
    assert outcome.code == USAGE
    assert outcome.err == f"edensim: error: /some/file: {os.strerror(number)}\n"


def test_out_of_memory_is_no_defect(edensim, config, monkeypatch):
    """It is a failure (1)."""

    def refuse(*_, **__):
        raise MemoryError

    monkeypatch.setattr("edensim.config.load_config", refuse)
    outcome = edensim("run", config)
    assert outcome.code == SOME_FAILED
    assert outcome.err == "edensim: error: out of memory\n"


LONG = "a" * 300


@posix
@pytest.mark.parametrize("name", [LONG, f"{LONG}/b", "abcdefghi/" * 500])
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("run CONFIG --out NAME", USAGE),
        ("sweep CONFIG --axis seed=0,1 --out NAME", USAGE),
        ("trace gen CONFIG --out NAMEx.npz", USAGE),
        ("schema --out NAME", USAGE),
        ("run NAME.toml", USAGE),
        ("show workload NAME.csv", INPUT),
        ("plot NAME", INPUT),
        ("plot NAME.csv", INPUT),
        ("compare NAME NAME", INPUT),
        ("report NAME", INPUT),
        ("trace info NAME", INPUT),
        ("trace check NAME", INPUT),
        ("energy NAME", INPUT),
    ],
)
def test_names_that_no_file_can_have(edensim, config, command, code, name):
    """A name longer than the file system takes is told as such, input and output alike; nothing is made."""
    before = sorted(config.parent.iterdir())
    outcome = edensim(*(word.replace("NAME", name).replace("CONFIG", str(config)) for word in command.split()))
    assert outcome.code == code, outcome.err[:300]
    assert outcome.err.startswith("edensim: error: ")
    assert outcome.err.count("\n") == 1
    assert sorted(config.parent.iterdir()) == before


def test_longest_name_that_a_file_can_have(edensim, tmp_path):
    """255 bytes are taken, though files are written beside their place first."""
    for name in ("a" * 250 + ".json", "ü" * 125 + ".json"):
        assert edensim("schema", "--out", tmp_path / name).code == OK
        assert (tmp_path / name).is_file()


@posix
@pytest.mark.parametrize("name", [b"\xc3\xbc.toml", b"\xfc.toml"])
def test_file_names_in_a_locale_without_them(config, name):
    """Under LC_ALL=C, without Python's UTF-8 mode, a run of ü.toml leaves valid UTF-8 and prints its characters."""
    path = os.fsencode(config.parent) + b"/" + name
    try:
        os.rename(config, path)  # noqa: PTH104
    except OSError:
        pytest.skip("the file system refuses the name")
    folder = config.parent / "out"
    settings = ("--no-figures", "--set", "title=Größe", "--out", str(folder))
    code, out, err = shell("", "run", os.fsdecode(path), *settings, LC_ALL="C", PYTHONUTF8="0")
    assert code == OK, err
    assert out.startswith("Größe\n".encode())
    meta = json.loads((folder / "meta.json").read_bytes())
    shown = path.decode("utf-8", "replace")
    assert meta["command_line"][2] == shown
    assert meta["origins"]["workload.network"] == f"{shown}:4"
    code, out, err = shell("", "show", os.fsdecode(path), "--json", "--origins", LC_ALL="C", PYTHONUTF8="0")
    assert json.loads(out)["origins"]["workload.network"] == f"{shown}:4"


@posix
def test_characters_that_the_terminal_lacks(config):
    """On a stdout of another encoding, JSON stays JSON and tables escape what is missing."""
    config.write_text(config.read_text().replace('"small"', '"Δ€ü"'))
    code, out, _ = shell("", "show", str(config), "--json", PYTHONIOENCODING="latin-1")
    assert code == OK
    assert json.loads(out.decode("latin-1"))["config"]["title"] == "Δ€ü"
    assert b'"\\u0394\\u20ac\xfc"' in shell("", "show", str(config), PYTHONIOENCODING="latin-1")[1]


def test_control_characters_do_not_reach_the_terminal(edensim, config):
    """A title with a line break and an escape sequence stays in its line, and a file name cannot act."""
    config.write_text(config.read_text().replace('"small"', '"one\\ntwo\\u001b[31m\\u0085three"'))
    outcome = edensim("run", config, "--no-figures", "--out", "out")
    assert outcome.code == OK
    assert outcome.out.splitlines()[0] == "one two [31m three"
    assert edensim("compare", "out", "out").out.splitlines()[0].endswith("one two [31m three")
    assert "\x1b" not in edensim("run", "\x1b[31mred.toml").err
