"""Where compiled kernels are kept, and that no state of the disk stops a run."""

import errno
import importlib.util
import os
import sys

import pytest
from numba.core.caching import IndexDataCacheFile

from edensim import kernel_cache
from edensim.jit import JIT_DISABLED, jit

SOURCE = "def double(x):\n    return 2 * x\n"


@pytest.fixture(autouse=True)
def problems(monkeypatch):
    """The list of problems, empty."""
    monkeypatch.setattr(kernel_cache, "problems", {})
    return lambda: list(kernel_cache.problems)


@pytest.fixture
def choose(tmp_path, monkeypatch):
    """Choose a folder with a given cache root; temporary files go to `tmp_path / "tmp"`."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))

    def call(root):
        monkeypatch.setenv("EDENSIM_CACHE", str(root))
        return kernel_cache._choose_folder()

    return call


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """Compile and run a kernel as a new process would; gives how often it was compiled and how often loaded."""
    if JIT_DISABLED:
        pytest.skip("nothing is compiled")
    monkeypatch.setattr(kernel_cache, "FOLDER", tmp_path / "kernels")
    source = tmp_path / "double_kernel.py"
    source.write_text(SOURCE)

    def call():
        spec = importlib.util.spec_from_file_location("double_kernel", source)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        kernel = jit(module.double)
        assert kernel(21) == 42
        return sum(kernel.stats.cache_misses.values()), sum(kernel.stats.cache_hits.values())

    return call


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_cache_is_where_the_user_says(choose, tmp_path, problems):
    """EDENSIM_CACHE is taken; nothing is noted."""
    assert choose(tmp_path / "mine").is_relative_to(tmp_path / "mine" / "kernels")
    assert problems() == []


def test_empty_variable_is_no_folder(monkeypatch, tmp_path):
    """`EDENSIM_CACHE=` is as if it were not set, not the present folder."""
    monkeypatch.setenv("EDENSIM_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform != "win32":
        assert kernel_cache.cache_root() == tmp_path / "edensim"


def test_unwritable_cache_gives_way_to_a_private_folder(choose, tmp_path, problems):
    """A cache below a file cannot be made: kernels go to a folder that only this user may write, and a note says so."""
    (tmp_path / "file").write_text("")
    folder = choose(tmp_path / "file" / "cache")
    private = folder.parent
    assert private.parent == tmp_path / "tmp"
    assert private.stat().st_mode & 0o077 == 0
    (note,) = problems()
    assert "cannot be written" in note
    assert str(private) in note


def test_full_disk_gives_way_too(choose, tmp_path, problems, monkeypatch):
    """A device without room for a few kilobytes is told before anything is compiled."""
    original = kernel_cache.probe
    monkeypatch.setattr(
        kernel_cache, "probe", lambda folder: (full_disk if "mine" in str(folder) else original)(folder)
    )
    assert choose(tmp_path / "mine").is_relative_to(tmp_path / "tmp")
    assert os.strerror(errno.ENOSPC) in problems()[0]


@pytest.mark.skipif(sys.platform == "win32", reason="homes of POSIX")
def test_user_without_a_home(choose, tmp_path, problems, monkeypatch):
    """As in a container that runs under a number nobody has: the temporary folder serves."""

    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", nowhere)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert choose("").is_relative_to(tmp_path / "tmp")
    assert "home" in problems()[0]


def test_filled_read_only_cache_is_used(choose, tmp_path, problems, monkeypatch):
    """What somebody compiled into a folder that is now read-only is loaded from there."""
    folder = choose(tmp_path / "mine")
    (folder / "dram").mkdir()
    (folder / "dram" / "tick.nbi").write_bytes(b"")

    def refuse(_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(kernel_cache, "probe", refuse)
    assert choose(tmp_path / "mine") == folder
    assert problems() == []


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners and modes of POSIX")
@pytest.mark.parametrize("trap", ["open to all", "a link"])
def test_folder_that_others_can_fill_is_refused(choose, tmp_path, problems, trap):
    """Code is never loaded from a temporary folder that another user may have prepared: nothing is kept instead."""
    private = tmp_path / "tmp" / f"edensim-kernels-{os.getuid()}"
    if trap == "a link":
        (tmp_path / "theirs").mkdir()
        private.symlink_to(tmp_path / "theirs")
    else:
        private.mkdir()
        private.chmod(0o777)
    assert choose("/dev/null/cache") is None
    assert "nor can" in problems()[0]


def test_kernels_are_loaded_again(compiled, problems):
    """The second process loads what the first compiled."""
    assert compiled() == (1, 0)
    assert compiled() == (0, 1)
    assert problems() == []


def test_disk_that_fills_up_while_kernels_are_saved(compiled, problems, monkeypatch):
    """The kernel runs, one note says that it is not kept, and once there is room it is."""
    with monkeypatch.context() as full:
        full.setattr(IndexDataCacheFile, "_open_for_write", full_disk)
        assert compiled() == (1, 0)
        assert compiled() == (1, 0)
    (note,) = problems()
    assert os.strerror(errno.ENOSPC) in note
    assert compiled() == (1, 0)
    assert compiled() == (0, 1)


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_damaged_files_are_replaced(compiled, problems, tmp_path, suffix, damage):
    """An index or a kernel that a power cut tore is compiled anew and written anew."""
    compiled()
    (path,) = (tmp_path / "kernels").rglob(f"*.{suffix}")
    path.write_bytes(damage)
    assert compiled() == (1, 0)
    assert "cannot be read" in problems()[0]
    assert compiled() == (0, 1)


def test_without_a_folder_kernels_run_uncached(compiled, monkeypatch):
    """No place for a cache at all: every process compiles."""
    monkeypatch.setattr(kernel_cache, "FOLDER", None)
    assert compiled() == (1, 0)
    assert compiled() == (1, 0)
