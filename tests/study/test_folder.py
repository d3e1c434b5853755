"""Output folders: all or nothing, and never at the cost of a file edensim did not write."""

import json
import os
import stat

import pytest

from edensim.errors import InputError, OutputError
from edensim.study.folder import META, add_files, check_free, read_meta, staged, write_all, write_meta


def fill(folder, force=False, **files):
    with staged(folder, force) as stage:
        for name, text in files.items():
            (stage / name).write_text(text)
        write_meta(stage, {"files": [], "complete": True})


def test_folder_lists_every_file_it_holds(tmp_path):
    """`meta.json` names all files, itself included, so that a later --force knows what is ours."""
    fill(tmp_path / "deep" / "run", a="1", b="2")
    assert read_meta(tmp_path / "deep" / "run")["files"] == ["a", "b", META]


def test_failure_while_filling_leaves_nothing(tmp_path):
    """A crash between the first and the last file leaves neither the folder nor its partial twin."""
    with pytest.raises(ZeroDivisionError), staged(tmp_path / "run") as stage:
        (stage / "a").write_text("1")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, "mine"])
def test_existing_folder_is_refused_and_kept(tmp_path, content):
    """Without force an existing folder, empty or not, is an error and keeps its content."""
    folder = tmp_path / "run"
    folder.mkdir()
    if content:
        (folder / "notes.txt").write_text(content)
    before = sorted(folder.iterdir())
    with pytest.raises(OutputError, match="exists already"):
        fill(folder, a="1")
    assert sorted(folder.iterdir()) == before


def test_force_replaces_own_files_and_keeps_foreign_ones(tmp_path):
    """With force the old run's files go, the user's notes stay."""
    folder = tmp_path / "run"
    fill(folder, a="old", b="old")
    (folder / "notes.txt").write_text("mine")
    fill(folder, force=True, a="new", c="new")
    assert (folder / "a").read_text() == "new"
    assert (folder / "notes.txt").read_text() == "mine"
    assert not (folder / "b").exists()
    assert read_meta(folder)["files"] == ["a", "c", META]
    assert read_meta(folder)["complete"]


def test_force_does_not_replace_a_foreign_file_of_the_same_name(tmp_path):
    """A file called like one of ours, in a folder edensim never wrote to, survives --force."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "a").write_text("mine")
    with pytest.raises(OutputError, match="a, which edensim did not write"):
        fill(folder, force=True, a="new")
    assert (folder / "a").read_text() == "mine"
    assert [path.name for path in folder.iterdir()] == ["a"]


def test_interrupted_replacement_is_marked(tmp_path, monkeypatch):
    """If moving the new files in fails half-way, `meta.json` says that the folder is not complete."""
    folder = tmp_path / "run"
    fill(folder, a="old", b="old")
    move = os.replace

    def fail_on_b(self, target):
        if target == folder / "b":
            raise OSError(28, "No space left on device")
        return move(self, target)

    monkeypatch.setattr("pathlib.Path.replace", fail_on_b)
    with pytest.raises(OutputError, match="No space left"):
        fill(folder, force=True, a="new", b="new")
    monkeypatch.undo()
    assert read_meta(folder)["complete"] is False
    fill(folder, force=True, a="newer")
    assert read_meta(folder)["complete"] is True
    assert not (folder / "b").exists()


def test_file_in_the_way_is_refused_even_with_force(tmp_path):
    """--out naming a file is an error; the file stays."""
    path = tmp_path / "run"
    path.write_text("mine")
    with pytest.raises(OutputError, match="not a folder"):
        check_free(path, force=True)
    assert path.read_text() == "mine"


def test_unwritable_parent_is_told_before_any_work(tmp_path):
    """A place below a file cannot hold a folder: OutputError, not an OSError."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        check_free(tmp_path / "file" / "run", force=False)


def test_files_get_ordinary_permissions(tmp_path):
    """Temporary files are private; what they become must follow the umask like any other file."""
    mask = os.umask(0o022)
    try:
        fill(tmp_path / "run", a="1")
        write_all(tmp_path, {"b": b"1"})
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "run" / META).stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o644


def test_added_files_are_owned_and_foreign_ones_kept(tmp_path):
    """`add_files` may replace what it wrote before, but not a user's file of the same name."""
    folder = tmp_path / "run"
    fill(folder, a="1")
    add_files(folder, {"figures/x.png": b"1"})
    add_files(folder, {"figures/x.png": b"2"})
    assert (folder / "figures" / "x.png").read_bytes() == b"2"
    (folder / "figures" / "y.png").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"y\.png"):
        add_files(folder, {"figures/y.png": b"3"})
    assert (folder / "figures" / "y.png").read_bytes() == b"mine"


def test_write_all_overwrites_only_with_force(tmp_path):
    """Named output files: none is written if any exists; a folder in the way is refused even with force."""
    write_all(tmp_path / "new", {"a": b"1"})
    with pytest.raises(OutputError, match="exists already"):
        write_all(tmp_path / "new", {"b": b"2", "a": b"2"})
    assert not (tmp_path / "new" / "b").exists()
    write_all(tmp_path / "new", {"a": b"2"}, force=True)
    assert (tmp_path / "new" / "a").read_bytes() == b"2"
    with pytest.raises(OutputError, match="is a directory"):
        write_all(tmp_path, {"new": b""}, force=True)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        (None, "no meta.json"),
        ("{", "cannot be read"),
        ("[1]", "not the record"),
        ("{}", "not the record"),
        (json.dumps({"schema_version": 99, "files": []}), "newer version"),
        ("\ufeffnot json", "cannot be read"),
    ],
)
def test_damaged_meta_is_an_input_error(tmp_path, meta, message):
    """Whatever stands in place of `meta.json`, the answer is one sentence and exit code 3."""
    if meta is not None:
        (tmp_path / META).write_text(meta)
    with pytest.raises(InputError, match=message):
        read_meta(tmp_path)


def test_listed_path_outside_the_folder_is_not_touched(tmp_path):
    """A forged list of files cannot make --force delete something elsewhere."""
    (tmp_path / "victim").write_text("mine")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / META).write_text(json.dumps({"schema_version": 1, "files": [META, "../victim"]}))
    with pytest.raises(InputError, match="outside"):
        fill(folder, force=True, a="1")
    assert (tmp_path / "victim").read_text() == "mine"
