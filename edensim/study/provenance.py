"""What a result depends on besides its configuration: versions, the machine, the digests of input files."""

from __future__ import annotations

import hashlib
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from edensim.version import __version__

if TYPE_CHECKING:
    from edensim.config import Resolved

LIBRARIES = ("numpy", "numba", "llvmlite", "simpy", "pandas", "matplotlib", "pydantic", "rich", "click")
OPTIONAL = ("onnx", "torch", "scikit-learn", "distributed", "pyarrow")


def versions() -> dict[str, str]:
    """Versions of edensim, Python and every hard dependency."""
    return {"edensim": __version__, "python": platform.python_version()} | library_versions(LIBRARIES)


def library_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Installed versions of distributions, "" where one is missing, without importing them."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    return found


def host() -> dict[str, str | int]:
    """Machine a result was computed on; it must not matter, and is recorded in case it does."""
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count() or 0,
        "jit": os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0"),
    }


def input_digests(resolved: Resolved) -> dict[str, str]:
    """SHA-256 of every input file the configuration names: network, chip and data, as far as they are files."""
    from edensim.system.errors_source import chip_file
    from edensim.system.stored_data import data_file
    from edensim.workloads.load import network_file

    config, folder = resolved.config, resolved.base_folder
    networks = [*([config.workload] if config.workload else []), *config.tenant]
    files = {x.network: network_file(x.network, folder) for x in networks}
    if config.errors is not None:
        files |= {config.errors.data: data_file(config.errors.data, folder)}
        files |= {config.errors.chip: chip_file(config.errors.chip, folder)} if config.errors.chip else {}
    return {name: file_digest(path) for name, path in files.items() if path and path.is_file()}


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
