"""Boosting: tolerable bit error rates before, of the error-free control, and after, with 95 % intervals.

    python benchmarks/boosting.py --quick [--write]     one small network: minutes
    python benchmarks/boosting.py [--write]             4 networks x int8, int4, fp32 x 3 seeds: hours

Tolerable: at most one percent point below the network on reliable memory. "sure" is the range that the draws support at
95 %. Gains are over the network before boosting in the paper's storage; "over control" is over the same retraining
without errors in the same representation. `own cells`: weak cells of one device, F = 0.5, at the tensors' addresses;
`other chip`: a network boosted for one device, measured on another. Every row is kept in the folder --out as it is
finished, and the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from table import markdown, publish

ACCURACY_AT = 1e-2
NETS = ("lenet-small", "resnet-small", "vgg-small", "squeezenet-small")
ROW = 8192


@dataclass(frozen=True)
class Row:
    """One experiment; `change` is what differs from the recipe."""

    net: str = "lenet-small"
    precision: str = "int8"
    seed: int = 0
    recipe: str = "best"
    errors: str = "fresh"
    change: str = ""

    @property
    def name(self) -> str:
        """Name of its file."""
        return "-".join(str(value) for value in asdict(self).values() if value != "").replace(" ", "_")


@dataclass(frozen=True)
class Size:
    """Images, passes and repeats."""

    train: int = 20_000
    test: int = 10_000
    validation: int = 5000
    epochs: int = 8
    boost_epochs: int = 10
    repeats: int = 4


QUICK = Size(6000, 2000, 2000, 6, 5, 2)


def rows(quick: bool) -> list[Row]:
    """All experiments, the cheap ones first."""
    if quick:
        return [Row(recipe="paper"), Row(), Row(errors="own cells"), Row(errors="other chip"), Row(change="at once")]
    whole = [
        Row(net, precision, seed, recipe, errors)
        for net in NETS
        for precision in ("int8", "int4", "fp32")
        for seed in range(3)
        for recipe in ("paper", "best")
        for errors in ("fresh", "own cells")
    ]
    whole += [Row(net, change="at once", recipe=recipe) for net in NETS[:2] for recipe in ("paper", "best")]
    whole += [Row(net, "fp32", recipe="paper", change=c) for net in NETS[:2] for c in ("no correction", "saturate")]
    return whole + [Row(net, seed=seed, errors="other chip") for net in NETS[:2] for seed in range(3)]


def measure(row: Row, size: Size, home: Path) -> dict[str, Any]:
    """Train (or load), boost, and search what is tolerated."""
    from edensim import dnn
    from edensim.config.eden_schema import Eden
    from edensim.eden.bench import Bench, open_bench

    plan = Eden(
        network=row.net, precision=row.precision, train_images=size.train, test_images=size.test,
        validation_images=size.validation, epochs=size.epochs, boost_epochs=size.boost_epochs, repeats=size.repeats,
        search_factor=1.05,
    )  # fmt: skip
    base = home / f"base-{row.net}-{row.seed}"
    base.mkdir(parents=True, exist_ok=True)
    bench: Bench = open_bench(plan, Path(), base, row.seed)
    bench.validation = bench.data.test  # the trainings saw none of them, and nothing is chosen here but rates
    bench.__post_init__()
    plain = bench.plain_memory()
    train_chip, run_chip = 1, 2 if row.errors == "other chip" else 1
    before = bench.coarse(plain, _errors(row, plain, run_chip), "before")
    recipe = _recipe(row, size, max(before.ber, 1e-5))
    folder = home / row.name
    boosted = dnn.boost(bench.net, bench.data, _errors(row, plain, train_chip), recipe, folder=folder)
    found: dict[str, Any] = {"before": _plain(before), "clean": bench.clean}
    for name, memory in (("boosted", boosted.memory), ("control", boosted.control_memory)):
        errors = _errors(row, memory, run_chip)
        found[name] = _plain(bench.coarse(memory, errors, name))
        found[name]["at"] = asdict(bench.curve(memory, errors, [ACCURACY_AT])[ACCURACY_AT])
    found["before"]["at"] = asdict(bench.curve(plain, _errors(row, plain, run_chip), [ACCURACY_AT])[ACCURACY_AT])
    return found


def _recipe(row: Row, size: Size, tolerated: float) -> Any:
    from edensim import dnn

    target = min(0.1, 10 * tolerated) if row.recipe == "paper" or row.precision == "fp32" else 2e-2
    recipe = (dnn.Boosting.paper if row.recipe == "paper" else dnn.Boosting.best)(target, row.precision)
    if row.change == "at once":
        recipe = replace(recipe, curriculum=replace(recipe.curriculum, shape="at_once"))
    if row.change in ("no correction", "saturate"):
        way = "none" if row.change == "no correction" else row.change
        recipe = replace(recipe, storage=replace(recipe.storage, correction=way))
    return replace(recipe, training=replace(recipe.training, epochs=size.boost_epochs, seed=row.seed))


def _errors(row: Row, memory: Any, chip: int) -> Callable[[float], Any]:
    from edensim import dnn

    if row.errors == "fresh":
        return dnn.FreshErrors
    from edensim.approx import Device, Region
    from edensim.approx.build import build_model
    from edensim.approx.region import PLAIN

    places, at = {}, 0
    for tensor in memory.tensors.values():
        places[tensor.name] = Region(PLAIN, tensor.size_bytes, at)
        at += -(-tensor.size_bytes // ROW) * ROW

    def errors(rate: float) -> Any:
        model = build_model("uniform", rate, {"fail_probability": 0.5})
        return dnn.PlacedErrors(Device([[model.law(PLAIN.geometry)]], seed=chip), places)

    return errors


def _plain(found: Any) -> dict[str, Any]:
    return {"ber": found.ber, "low": found.low, "high": found.high}


def table(done: dict[Row, dict[str, Any]]) -> str:
    """The results as a table."""
    head = ["network", "seed", "recipe", "errors", "before (sure)", "control (sure)", "boosted (sure)", "gain",
            "over control", f"accuracy at {ACCURACY_AT:g}: before, control, boosted"]  # fmt: skip
    body = []
    for row, found in done.items():
        before, control, boosted = (found[name] for name in ("before", "control", "boosted"))
        at = ", ".join(
            f"{100 * x['at']['mean']:.1f} ± {50 * (x['at']['high'] - x['at']['low']):.1f}"
            for x in (before, control, boosted)
        )
        recipe = f"{row.recipe}{', ' + row.change if row.change else ''}"
        body.append(
            [f"{row.net} {row.precision}", row.seed, recipe, row.errors, *map(_sure, (before, control, boosted)),
             _ratio(boosted, before), _ratio(boosted, control), at]
        )  # fmt: skip
    return markdown(head, body)


def _sure(x: dict[str, float]) -> str:
    return f"{x['ber']:.2g} ({x['low']:.2g}…{x['high']:.2g})"


def _ratio(a: dict[str, float], b: dict[str, float]) -> str:
    return f"x{a['ber'] / b['ber']:.1f}" if a["ber"] and b["ber"] else "-" if not b["ber"] else "0"


def main() -> None:
    """Run what is missing, print, and with --write update README.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small network on fewer images")
    parser.add_argument("--out", type=Path, default=Path("runs/boosting"), help="folder of the rows that are finished")
    parser.add_argument("--write", action="store_true", help="update benchmarks/README.md")
    options = parser.parse_args()
    size = QUICK if options.quick else Size()
    home = options.out / ("quick" if options.quick else "full")
    done: dict[Row, dict[str, Any]] = {}
    wanted = rows(options.quick)
    for row in wanted:
        path = home / f"{row.name}.json"
        if not path.exists():
            print(f"{row.name} ({len(done)} of {len(wanted)} done)", flush=True)
            found = measure(row, size, home)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(found, indent=1))
            part.replace(path)
        done[row] = json.loads(path.read_text())
    claims = (
        f"{size.train:,} training images, {size.test:,} test images, {size.boost_epochs} epochs of boosting, drop of "
        "one point. The paper claims x5 to x10 (section 1) for its full networks, without a control; `best` clips "
        "ranges."
    )
    name = "Boosting, quick" if options.quick else "Boosting"
    command = f"python benchmarks/boosting.py{' --quick' if options.quick else ''} --write"
    publish(name, command, f"{claims}\n\n{table(done)}", options.write)


if __name__ == "__main__":
    main()
