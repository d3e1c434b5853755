"""Output folders that are either absent or complete, and that never lose a file edensim did not write.

A folder is filled beside its final place and renamed into it. A folder that exists already is refused unless `force`,
and even then only files its own `meta.json` lists as written by edensim are replaced. Not modelled: two processes that
force the same folder at the same time.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from edensim.errors import InputError, OutputError
from edensim.output import atomic_output, beside, check_output, check_writable
from edensim.printable import shown, utf8

META = "meta.json"
SCHEMA_VERSION = 1
"""Layout of a run folder; readers accept this and older ones."""


def read_meta(folder: Path) -> dict[str, Any]:
    """Contents of a run folder's `meta.json`.

    Raises
    ------
    InputError
        If `folder` is no run folder, or one that a newer edensim wrote.
    """
    try:
        if not folder.is_dir():
            kind = "a file, not a run folder" if _exists(folder) else "not there"
            raise InputError(f"{shown(folder)} is {kind}: expected a folder written by `edensim run`.")
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{shown(folder)} holds no {META}: expected a folder written by `edensim run`.") from None
    except OSError as error:
        raise InputError(f"{shown(folder / META)} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{shown(folder / META)} cannot be read: {error}.") from None
    found: dict[str, Any] = meta if isinstance(meta, dict) else {}
    if not isinstance(found.get("files"), list) or not isinstance(found.get("schema_version"), int):
        raise InputError(
            f"{shown(folder / META)} is not the record of an edensim run: `schema_version` or `files` is missing."
        )
    if found["schema_version"] > SCHEMA_VERSION:
        raise InputError(
            f"{shown(folder / META)} has layout {found['schema_version']}, this edensim reads up to {SCHEMA_VERSION}: "
            "it was written by a newer version."
        )
    return found


def check_free(folder: Path, force: bool) -> None:
    """Refuse, before any work is done, an output folder that exists (unless `force`) or cannot be made.

    Raises
    ------
    OutputError
        If the folder or something else of that name exists, or no file can be written beside it.
    """
    with _explained(folder):
        if _exists(folder) and not folder.is_dir():
            raise OutputError(f"{shown(folder)} is not a folder: choose another place with --out.")
        if folder.is_dir() and not force:
            raise OutputError(
                f"{shown(folder)} exists already: choose another place with --out, "
                "or replace what edensim wrote there with --force."
            )
        check_writable(next(path for path in (folder, *folder.absolute().parents) if _exists(path)))


@contextlib.contextmanager
def staged(folder: Path, force: bool = False) -> Iterator[Path]:
    """Give an empty folder to fill; it takes the place of `folder` if the block ends without an exception.

    The block must write `meta.json`; its key `files` is filled in here with every file (posix paths, sorted).

    Raises
    ------
    OutputError
        As `check_free`; or if a file that edensim did not write stands where a new one should go.
    """
    check_free(folder, force)
    with _explained(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        stage = beside(folder, "partial")
        stage.mkdir()
    try:
        with _explained(folder):
            yield stage
            _list_files(stage)
            if folder.is_dir():
                _replace(stage, folder)
            else:
                stage.rename(folder)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def add_files(folder: Path, contents: dict[str, bytes]) -> list[Path]:
    """Write further files into a finished run folder and list them in its `meta.json`.

    Files that edensim wrote before are replaced; a foreign file of the same name is an `OutputError`.
    """
    meta = read_meta(folder)
    _refuse_foreign(folder, contents, meta["files"])
    with _explained(folder):
        meta["files"] = sorted({*meta["files"], *contents})
        _write(folder / META, _json(meta))
        for name, data in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _write(folder / name, data)
    return [folder / name for name in contents]


def write_all(folder: Path, contents: dict[str, bytes], force: bool = False) -> list[Path]:
    """Write files the user asked for into any folder, which is made if need be.

    Raises
    ------
    OutputError
        If one of them exists (unless `force`) or is a folder, before any is written; or if writing fails.
    """
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name in contents:
        check_output(folder / name, force)
    for name, data in contents.items():
        _write(folder / name, data)
    return [folder / name for name in contents]


def write_meta(stage: Path, meta: dict[str, Any]) -> None:
    """Write `meta.json` into a staged folder."""
    _write(stage / META, _json({"schema_version": SCHEMA_VERSION, **meta}))


def _write(path: Path, data: bytes) -> None:
    with atomic_output(path, force=True) as file:
        file.write(data)


def _json(meta: dict[str, Any]) -> bytes:
    return utf8(json.dumps(meta, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _list_files(stage: Path) -> None:
    meta = json.loads((stage / META).read_text(encoding="utf-8"))
    _write(stage / META, _json(meta | {"files": _files(stage)}))


def _replace(stage: Path, folder: Path) -> None:
    """Move staged files into an existing folder; until `meta.json` follows as the last, the old one lists both sets."""
    old = read_meta(folder)["files"] if (folder / META).exists() else []
    new = _files(stage)
    _refuse_foreign(folder, new, old)
    if old:
        both = sorted({*old, *new})
        _write(folder / META, _json(read_meta(folder) | {"files": both, "complete": False}))
    for name in set(old) - set(new):
        inside(folder, name).unlink(missing_ok=True)
    for name in sorted(new, key=lambda name: name == META):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).replace(folder / name)


def inside(folder: Path, name: str) -> Path:
    """`folder / name`, refusing a name that leads out of the folder."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{folder / META} lists {name!r}, which lies outside the folder.")
    return path


def _exists(path: Path) -> bool:
    """Whether anything has this name; OSError if nothing can (a name too long, a folder that may not be searched)."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _refuse_foreign(folder: Path, new: Iterable[str], owned: Iterable[str]) -> None:
    foreign = sorted(name for name in set(new) - set(owned) if os.path.lexists(folder / name))
    if foreign:
        raise OutputError(
            f"{folder} holds {', '.join(foreign)}, which edensim did not write there: "
            "nothing was changed; choose another place with --out."
        )


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{shown(folder)} cannot be written: {error.strerror or error}.") from error
