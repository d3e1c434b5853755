"""What a newcomer waits for: `edensim --help`, the first run with its compilation, the second run.

    python benchmarks/startup.py [--write]

Each command is a process of its own with an empty kernel cache at first; CPU time of the process and wall time as a
courtesy. The package must be installed (or PYTHONPATH set).
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from table import markdown, publish

CONFIG = Path(__file__).parents[1] / "configs" / "eyeriss-alexnet.toml"


def timed(arguments: list[str], folder: str) -> tuple[float, float]:
    """CPU and wall seconds of one `edensim` process."""
    env = dict(os.environ, EDENSIM_CACHE=str(Path(folder) / "cache"))
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "edensim", *arguments]
    subprocess.run(command, env=env, cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - began


def main() -> None:
    """Run and print, and with --write update README.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="update benchmarks/README.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = ["run", str(CONFIG), "--no-figures"]
        steps = [
            ("edensim --help", ["--help"]),
            ("first run (compiles)", [*run, "--out", "1"]),
            ("second run", [*run, "--out", "2"]),
            ("third run, with figures", ["run", str(CONFIG), "--out", "3"]),
        ]
        rows = []
        for name, arguments in steps:
            cpu, wall = timed(arguments, folder)
            rows.append([name, f"{cpu:.2f}", f"{wall:.2f}"])
        rows.append(["edensim --help again", *(f"{x:.2f}" for x in timed(["--help"], folder))])
    text = markdown(["step", "CPU s", "wall s"], rows)
    publish("Start-up", "python benchmarks/startup.py --write", text, options.write)


if __name__ == "__main__":
    main()
