"""Boosting: tolerable bit error rates before, of the error-free control, and after, with 95 % intervals.

    python benchmarks/boosting.py --quick [--write]     one small network on fewer images: minutes
    python benchmarks/boosting.py [--write]             4 networks x int8, int4, fp32 x 3 seeds and more: hours
    python benchmarks/boosting.py --write --tables      nothing new, tables and figure of the rows that are done
    python benchmarks/boosting.py --kept [...]          rows in boosting.csv count as done
    python benchmarks/boosting.py --status              what is done, and how long the rest may take

Tolerable: at most one (or five) percent points below the network before boosting on reliable memory. Gains are over
that network in the paper's storage; "over control" is over the same retraining without errors in the same
representation. `own cells`: weak cells of one device, F = 0.5, at the tensors' addresses; `other chip`: boosted for one
device, run on another; `unfit model`: boosted under fresh errors, run on a device.

Every row is kept in the folder --out as it is finished, every training after each epoch; the same command goes on where
it was stopped, and started several times at once it shares the work. --write puts the rows into boosting.csv, and those
tables into README.md that have all their rows, or had not before. How rates are judged: `boosting_lab`. The rows:
`boosting_rows`.
"""

from __future__ import annotations

import argparse
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from boosting_kept import Done, read_kept, write_kept
from boosting_rows import QUICK, Row, Size, path_of, rows
from boosting_tables import load, report, status
from table import publish, published

if TYPE_CHECKING:
    from boosting_lab import Lab


def main() -> None:
    """Run what is missing, print, and with --write update README.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small network on fewer images")
    parser.add_argument("--out", type=Path, default=Path("runs/boosting"), help="folder of the rows that are finished")
    parser.add_argument("--write", action="store_true", help="update README.md, boosting.csv and the figure")
    parser.add_argument("--kept", action="store_true", help="rows in boosting.csv count as done")
    parser.add_argument("--tables", action="store_true", help="run nothing")
    parser.add_argument("--status", action="store_true", help="run nothing, tell what is missing")
    options = parser.parse_args()
    size = QUICK if options.quick else Size()
    home = options.out / ("quick" if options.quick else "full")
    home.mkdir(parents=True, exist_ok=True)
    wanted = rows(options.quick)
    kept = read_kept(size) if options.kept else {}

    def done() -> Done:
        return {row: found for row, found in kept.items() if row in wanted} | load(wanted, size, home)

    if options.status:
        print(status(wanted, done()))
        return
    if not options.tables:
        _run([row for row in wanted if row not in kept], size, home)
    name = "Boosting, quick" if options.quick else "Boosting"
    command = f"python benchmarks/boosting.py{' --quick' if options.quick else ''} --write"
    publish(name, command, report(wanted, done(), size, published(name)), options.write)
    if options.write and not options.quick:
        from boosting_figure import draw

        write_kept(done(), size)
        draw(read_kept(size))


def _run(wanted: list[Row], size: Size, home: Path) -> None:
    import torch
    from boosting_lab import Lab

    torch.set_num_threads(1)
    lab = Lab(home, size)
    while _make_one(wanted, lab):
        pass


def _make_one(wanted: list[Row], lab: Lab) -> bool:
    """Make the first row that is missing and whose network no other process works on, if there is one."""
    from boosting_lab import make

    for number, row in enumerate(wanted, 1):
        if path_of(row, lab.size, lab.home).exists():
            continue
        with _claimed(row, lab.home) as mine:
            if mine:
                print(f"{number} of {len(wanted)}: {row.name}", flush=True)
                make(row, lab)
                return True
    return False


@contextmanager
def _claimed(row: Row, home: Path) -> Iterator[bool]:
    """Whether this process has the row's network, which rows share, for itself as long as the block runs."""
    with (home / f"lock-{row.net}-{row.seed}").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


if __name__ == "__main__":
    main()
