"""One point of a sweep: its identity, its simulation, and the record that the journal keeps of it.

A point's id is the SHA-256 of its configuration's hash, the digests of its input files and the model version. It is
computed where the sweep is planned and again where the point runs; a worker with other presets, another input file or
another model refuses the point.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import json
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from edensim.config import Resolved, load_config
from edensim.config.tree import Node, plain
from edensim.errors import EdensimError, InputError
from edensim.study.provenance import file_digest
from edensim.version import MODEL_VERSION
from edensim.workloads.load import network_file

MEASURE = "edensim.study.sweep.point:measure"
"""The function that turns a point's configuration into metrics."""
OK, FAILED, REFUSED = "ok", "failed", "refused"
TRACE_LINES = 30
Record = dict[str, Any]
Measure = Callable[[Resolved, Mapping[str, str]], dict[str, float]]


class Digests:
    """SHA-256 of input files; each file is read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, str], str] = {}

    def of(self, resolved: Resolved) -> dict[str, str]:
        """Digests by the name the configuration uses (the network, when it is a file that is there)."""
        network = resolved.config.workload.network if resolved.config.workload else ""
        digest = self.of_file(resolved.base_folder, network)
        return {network: digest} if digest else {}

    def of_file(self, folder: Path, name: str) -> str:
        """Digest of one file, "" if no file of this name is there."""
        if (folder, name) not in self._known:
            self._known[folder, name] = ""
            with suppress(InputError):
                path = network_file(name, folder)
                self._known[folder, name] = file_digest(path) if path and path.is_file() else ""
        return self._known[folder, name]

    @property
    def seen(self) -> dict[str, str]:
        """Digests of all names asked for so far, "" for those that are no file."""
        return {name: digest for (_, name), digest in self._known.items()}


def point_id(resolved: Resolved, digests: Digests) -> str:
    """Identity of a point, 64 hexadecimal digits (the seed is part of the configuration)."""
    inputs = json.dumps(digests.of(resolved), sort_keys=True)
    text = f"{resolved.hash}\n{inputs}\n{MODEL_VERSION}"
    return hashlib.sha256(text.encode()).hexdigest()


def without_sweep(resolved: Resolved) -> Resolved:
    """The same configuration without its `[sweep]` table, so that points are resolved faster."""
    written = {key: node for key, node in resolved.written.value.items() if key != "sweep"}
    return dataclasses.replace(resolved, written=Node(written, resolved.written.origin))


def to_text(resolved: Resolved, digests: Digests) -> str:
    """What a worker needs to resolve points of this configuration, as JSON."""
    base = {
        "name": resolved.name,
        "base_folder": str(resolved.base_folder),
        "written": plain(resolved.written),
        "inputs": digests.seen,  # a changed file makes another text, and so no old cache entry answers
    }
    return json.dumps(base, allow_nan=False)


@functools.lru_cache(maxsize=8)
def from_text(text: str) -> tuple[Resolved, Digests]:
    """The configuration that `to_text` described, on this machine."""
    base = json.loads(text)
    resolved = load_config(base["written"])
    return dataclasses.replace(resolved, name=base["name"], base_folder=Path(base["base_folder"])), Digests()


@functools.lru_cache(maxsize=8)
def _function(name: str) -> Measure:
    module, _, attribute = name.partition(":")
    function: Measure = getattr(importlib.import_module(module), attribute)
    return function


def evaluate(base: str, task: str, measure: str = MEASURE) -> str:
    """Run one point; nothing the point does wrong escapes.

    Parameters
    ----------
    base
        From `to_text`.
    task
        JSON of `{"id": …, "set": {…}}`.

    Returns
    -------
    str
        JSON of the record: id, set, status (ok, failed or refused), metrics or error, wall_s.
    """
    began = time.perf_counter()
    wanted = json.loads(task)
    record: Record = {"id": wanted["id"], "set": wanted["set"]}
    try:
        resolved, digests = from_text(base)
        point = load_config(resolved, set=wanted["set"])
        found = point_id(point, digests)
        if found != wanted["id"]:
            record |= {"status": REFUSED, "error": {"class": "OtherPoint", "message": _refusal(found, wanted["id"])}}
        else:
            record |= {"status": OK, "metrics": _function(measure)(point, digests.of(point))}
    except EdensimError as error:
        record |= failure(type(error).__name__, str(error))
    except MemoryError as error:
        hint = "the point needs more memory than it may have: see --memory-limit and --jobs"
        record |= failure("MemoryError", f"{str(error) or 'out of memory'} ({hint})")
    except Exception as error:
        lines = traceback.format_exc().splitlines()[-TRACE_LINES:]
        record |= failure(type(error).__name__, str(error), "\n".join(lines))
    record["wall_s"] = round(time.perf_counter() - began, 6)
    return encode(record)


def failure(kind: str, message: str, trace: str = "") -> Record:
    """The part of a record that tells of a failure."""
    return {"status": FAILED, "error": {"class": kind, "message": message} | ({"trace": trace} if trace else {})}


def encode(record: Record) -> str:
    """Canonical JSON of a record: sorted keys, no blanks, ASCII, no NaN."""
    try:
        return json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    except ValueError:
        bad = [name for name, value in record["metrics"].items() if value != value or abs(value) == float("inf")]
        failed = {name: record[name] for name in ("id", "set", "wall_s")}
        return encode(failed | failure("ValueError", f"no finite number: {', '.join(bad)}"))


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _refusal(found: str, wanted: str) -> str:
    return (
        f"the worker resolves the point to {found[:8]}, the plan says {wanted[:8]}: the worker has another version of "
        "edensim or of its presets, or an input file changed while the sweep ran"
    )


@functools.lru_cache(maxsize=4)
def _network(network: str, layers: tuple[str, ...] | None, folder: Path, digest: str) -> Any:
    """A network read once per process; `digest` tells files of one name apart."""
    from edensim.workloads import load_network

    found = load_network(network, folder)
    return found if layers is None else found.select(list(layers))


def measure(resolved: Resolved, inputs: Mapping[str, str]) -> dict[str, float]:
    """Simulate a point and flatten what it measured; `inputs` are the digests of its input files."""
    from edensim.study.record import require_runnable
    from edensim.system.run import run

    require_runnable(resolved)
    workload = resolved.config.workload
    assert workload is not None
    layers = None if workload.layers is None else tuple(workload.layers)
    network = _network(workload.network, layers, Path(resolved.base_folder), inputs.get(workload.network, ""))
    return metrics(run(resolved, network=network).data)


def metrics(data: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a result that a sweep's table holds, by column; every `[compare.NAME]` under `NAME:`."""
    found = _numbers(data)
    for name, entry in data.get("compare", {}).items():
        found |= {f"{name}:{column}": value for column, value in _numbers(entry).items()}
        found |= {f"{name}:saving.{key}": value for key, value in entry["saving"].items()}
    return found


def _numbers(data: Mapping[str, Any]) -> dict[str, float]:
    found = {"time_ns": data["time_ns"]}
    found |= {f"energy_pj.{name}": value for name, value in data["energy_pj"].items()}
    found["bandwidth_gb_s"] = data["bandwidth_gb_s"]
    for group in ("read_latency_ns", "row", "commands"):
        found |= {f"{group}.{name}": value for name, value in data[group].items()}
    found |= {f"bytes.{name}": data["bytes"][name] for name in ("read", "write")}
    if "ber" in data.get("errors", {}):
        found["read_ber"] = data["errors"]["ber"]  # errors.ber is a key, which may be an axis
        found |= {f"errors.{name}": data["errors"][name] for name in ("bits_read", "bits_flipped")}
    if "errors" in data and "accuracy" in data["errors"]:
        found["accuracy"] = data["errors"]["accuracy"]
    return found
