"""`edensim doctor`: whether this installation has what it needs."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import click

from edensim.cli import console
from edensim.cli.compiling import announced_compilation
from edensim.cli.options import common, json_option
from edensim.errors import SOME_FAILED
from edensim.study.text_table import columns

ENOUGH_BYTES = 200 << 20
"""Free disk below which a run folder may not fit."""
KERNEL_BYTES = 8 << 20
"""What the kernels of one shape of memory take, with some to spare."""


@click.command(short_help="Check this installation.")
@click.option("--warm", is_flag=True, help="Compile every kernel now, so that the first run starts at once.")
@json_option
@common
def doctor(warm: bool, as_json: bool) -> int:
    """Report versions, the kernel cache, free disk and the processor's vector units; exit 1 if something is wrong."""
    from edensim.study.provenance import OPTIONAL, host, library_versions, versions

    report: dict[str, Any] = {"versions": versions(), "optional": library_versions(OPTIONAL), "host": host()}
    report["simd"] = _simd()
    report["disk_free_bytes"] = shutil.disk_usage(Path.cwd()).free
    missing = [f"{name} is not installed" for name, version in report["versions"].items() if not version]
    if warm:
        report["warm_s"] = _warm()
    report["cache"], cache_problems = _cache()
    report["problems"] = [*missing, *cache_problems, *_disk(report["disk_free_bytes"])]
    if as_json:
        console.say_json(report)
    else:
        console.say(_text(report))
    return SOME_FAILED if report["problems"] else 0


def _simd() -> list[str]:
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    return [name for name in ("sse4.2", "avx", "avx2", "avx512f", "neon", "sve") if features.get(name)]


def _cache() -> tuple[str, list[str]]:
    """Where kernels are kept, and what is wrong with it."""
    from edensim.kernel_cache import FOLDER, probe, problems

    found = list(problems)
    if FOLDER is not None:
        try:
            probe(FOLDER, KERNEL_BYTES)
        except OSError as problem:
            found.append(f"{FOLDER} does not take {KERNEL_BYTES >> 20} MiB of kernels ({problem.strerror})")
    advice = "; kernels may be compiled anew by every run: set EDENSIM_CACHE to a folder of yours, or make room"
    return str(FOLDER or "none"), [problem + advice for problem in found]


def _disk(free: int) -> list[str]:
    return [] if free >= ENOUGH_BYTES else [f"only {free / 1e6:.0f} MB of disk are free here"]


def _warm() -> float:
    from edensim.study.warm import compile_kernels

    start = time.perf_counter()
    with announced_compilation():
        compile_kernels()
    return round(time.perf_counter() - start, 2)


def _text(report: dict[str, Any]) -> str:
    found = report["versions"]
    host = report["host"]
    rows = [
        ["edensim", found["edensim"]],
        ["Python", f"{found['python']} on {host['system']}, {host['cores']} cores"],
        ["libraries", ", ".join(f"{k} {v or 'missing'}" for k, v in found.items() if k not in ("edensim", "python"))],
        ["extras", ", ".join(f"{k} {v or 'not installed'}" for k, v in report["optional"].items())],
        ["kernels", "compiled" if host["jit"] else "plain Python (NUMBA_DISABLE_JIT)"],
        ["SIMD", " ".join(report["simd"]) or "none known"],
        ["cache", report["cache"]],
        ["free disk", f"{report['disk_free_bytes'] / 1e9:.1f} GB"],
    ]
    if "warm_s" in report:
        rows.append(["warm-up", f"all kernels ready after {report['warm_s']} s"])
    rows += [["problem", problem] for problem in report["problems"]] or [["problems", "none"]]
    return columns(rows, right_from=9)
