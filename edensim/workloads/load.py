"""One way in to all workloads: the name of a built-in network, or the path of a file that holds one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from edensim.errors import ConfigError, InputError, did_you_mean
from edensim.printable import shown
from edensim.workloads.layer import Network
from edensim.workloads.networks import BUILTIN
from edensim.workloads.onnx_import import load_onnx
from edensim.workloads.scalesim import load_topology
from edensim.workloads.toml_layers import load_layers


def _trace(path: Path) -> Network:
    """A program's address trace in place of layers; the machine that runs it reads it."""
    return Network(path.name.split(".")[0], (), "address trace", trace=str(path.resolve()))


LOADERS: dict[str, Callable[[Path], Network]] = {
    ".csv": load_topology,
    ".onnx": load_onnx,
    ".toml": load_layers,
    ".trace": _trace,
    ".lackey": _trace,
}
TRACES = (".trace", ".lackey")
"""May be packed: `program.lackey.gz`."""
FILES = "a SCALE-Sim topology (.csv), an ONNX model (.onnx), a layer list (.toml) or an address trace (.trace, .lackey)"


def _ending(path: Path) -> str:
    """Which of the endings of `LOADERS` a name has, as far as it has one."""
    last = path.suffix.lower()
    inner = Path(path.stem).suffix.lower()
    return inner if last == ".gz" and inner in TRACES else last


def builtin_names() -> list[str]:
    """Names of the built-in networks, sorted."""
    return sorted(BUILTIN)


def load_network(name_or_path: str | Path, base_folder: Path | str | None = None) -> Network:
    """Return a built-in network, or read one from a file.

    Parameters
    ----------
    name_or_path
        A name of `builtin_names()`, or a path ending in .csv, .onnx, .toml, .trace or .lackey (these two also .gz).
    base_folder
        Folder a relative path starts from (that of the configuration); the working directory is tried next.

    Raises
    ------
    ConfigError
        If it is neither a known name nor a path of a known kind.
    InputError
        If the file is missing or malformed.
    MissingExtraError
        If it is an ONNX model and onnx is not installed.
    """
    text = str(name_or_path)
    if text in BUILTIN:
        return BUILTIN[text]()
    path = Path(text)
    found = network_file(text, base_folder)
    if found:
        return LOADERS[_ending(path)](found)
    if "/" in text or "\\" in text or os.path.isfile(path):  # noqa: PTH113  (Path.is_file raises on impossible names)
        raise InputError(f"{text}: not a kind of workload edensim reads, expected {FILES}")
    raise ConfigError(
        f"workload.network: unknown network {text!r}{did_you_mean(text, BUILTIN)} (built in: "
        f"{', '.join(builtin_names())}; or give the path of {FILES})"
    )


def network_file(name: str, base_folder: Path | str | None = None) -> Path | None:
    """The file that `load_network` reads for a name; None if it reads none.

    Raises
    ------
    InputError
        If the name is that of a file, and the file is not there.
    """
    path = Path(name)
    if name in BUILTIN or _ending(path) not in LOADERS:
        return None
    base = Path(base_folder or ".")
    try:
        for candidate in (base / path, path):
            if candidate.exists():
                return candidate
    except OSError as problem:
        raise InputError(f"{shown(path)}: cannot be read ({problem.strerror}), expected {FILES}") from None
    tried = f" (looked in {base.resolve()} and the working directory)" if not path.is_absolute() else ""
    raise InputError(f"{path}: no such file{tried}, expected {FILES}")
