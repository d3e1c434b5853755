"""Where compiled kernels are kept between processes, and what happens where nothing can be kept.

numba's disk cache notices edits of a kernel's own file only, so the folder is keyed by a hash of all kernel sources
(everything in `*_kernel.py`, the command numbers and `jit.py`), the versions and the processor. A cache that cannot be
written or read never stops a run: kernels are then compiled anew, and `problems` says why.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import stat
import struct
import sys
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, UserProvidedCacheLocator

from edensim.printable import shown

PROBE_BYTES = 4096
_CHECK = struct.Struct("<QI")  # length and CRC-32
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
problems: dict[str, None] = {}
"""Why kernels cannot be kept, or not where they should be: each reason once, in the order met."""


def kernel_source_hash() -> str:
    """SHA-256 (16 digits) over all sources that are compiled into kernels."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*root.rglob("*_kernel.py"), root / "dram" / "commands.py", root / "jit.py"]):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_root() -> Path:
    """Folder for everything edensim caches: `$EDENSIM_CACHE`, else the user's cache folder.

    Raises
    ------
    RuntimeError
        If the user has no home.
    """
    if os.environ.get("EDENSIM_CACHE"):
        return Path(os.environ["EDENSIM_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "edensim"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edensim"


def probe(folder: Path, size: int = PROBE_BYTES) -> None:
    """Make a folder and write `size` bytes there for a moment.

    Raises
    ------
    OSError
        If it is refused: no permission, read-only, full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(size))


def _choose_folder() -> Path | None:
    """The user's cache, else a folder below the system's temporary one that is this user's alone, else none."""
    key = f"{kernel_source_hash()}-py{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}"
    try:
        folder = cache_root() / "kernels" / key
        probe(folder)
        return folder
    except OSError as problem:
        if problem.errno in READ_ONLY and any(folder.glob("*/*.nbi")):
            return folder  # somebody filled it, for instance when a container was built
        refused = f"{shown(cache_root())} cannot be written ({problem.strerror})"
    except RuntimeError as problem:
        refused = str(problem).rstrip(".")
    try:
        private = Path(tempfile.gettempdir()) / f"edensim-kernels-{os.getuid() if hasattr(os, 'getuid') else 0}"
        private.mkdir(mode=0o700, exist_ok=True)
        _check_private(private)
        probe(private / key)
    except OSError as problem:
        problems[f"{refused}, nor can the folder for temporary files ({problem.strerror})"] = None
        return None
    problems[f"{refused}; {private} serves instead"] = None
    return private / key


def _check_private(folder: Path) -> None:
    """Refuse a folder in which another user could have left code for this one."""
    info = folder.lstat()
    if hasattr(os, "getuid") and (
        not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        raise PermissionError(errno.EPERM, f"{folder} is not this user's alone", str(folder))


FOLDER = _choose_folder()
"""Where kernels are kept; None: nowhere."""


class _Locator(UserProvidedCacheLocator):
    """Puts the files of every kernel into `FOLDER`, whatever numba's own settings are."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        super().__init__(py_func, py_file)  # type: ignore[no-untyped-call]
        assert FOLDER is not None
        self._cache_path = str(FOLDER / self.get_suitable_cache_subpath(py_file))  # type: ignore[no-untyped-call]

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _Locator:
        """Locate a kernel's files."""
        return cls(py_func, py_file)


class _Files(CompileResultCacheImpl):
    _locator_classes = [_Locator]


class _CheckedFile(IndexDataCacheFile):
    """Files with length and checksum at the end. numba believes a damaged one, or dies of it; here it is none."""

    def _dump(self, obj: Any) -> bytes:
        data: bytes = super()._dump(obj)  # type: ignore[no-untyped-call]
        return data + _CHECK.pack(len(data), zlib.crc32(data))

    def _load_index(self) -> dict[Any, str]:
        try:
            _check(self._index_path)
            overloads: dict[Any, str] = super()._load_index()  # type: ignore[no-untyped-call]
        except FileNotFoundError:
            return {}
        except Exception as problem:  # numba's version, at the head of the file, is outside the checksum
            _note(problem, "read")
            return {}
        return overloads

    def _load_data(self, name: str) -> Any:
        try:
            _check(self._data_path(name))  # type: ignore[no-untyped-call]
        except FileNotFoundError:
            raise
        except OSError as problem:
            _note(problem, "read")
            raise
        return super()._load_data(name)  # type: ignore[no-untyped-call]


def _check(path: str) -> None:
    """Raise OSError, which numba takes for a missing file, unless the end of the file fits the checksum there."""
    found = Path(path).read_bytes()
    length, checksum = _CHECK.unpack(found[-_CHECK.size :].rjust(_CHECK.size, b"\xff"))
    body = found[-_CHECK.size - length : -_CHECK.size] if length <= len(found) else b""
    if not length or len(body) != length or zlib.crc32(body) != checksum:
        raise OSError(errno.EIO, "a file is damaged", path)


class KernelCache(FunctionCache):
    """numba's cache of one kernel, except that no failure of the disk gets out of it."""

    _impl_class = _Files

    def __init__(self, function: Any) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _CheckedFile(self._cache_path, self._impl.filename_base, stamp)  # type: ignore[no-untyped-call]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Give a compiled kernel, or None."""
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception as problem:  # a torn file can raise anything, and to compile anew is right in any case
            _note(problem, "read")
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled kernel if the disk takes it."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError as problem:
            _note(problem, "written")


def _note(problem: Exception, verb: str) -> None:
    reason = problem.strerror if isinstance(problem, OSError) else type(problem).__name__
    problems[f"{FOLDER} cannot be {verb} ({reason})"] = None


def keep(kernel: Any, function: Any) -> None:
    """Let a compiled kernel be kept on disk."""
    if FOLDER is not None:
        kernel._cache = KernelCache(function)
