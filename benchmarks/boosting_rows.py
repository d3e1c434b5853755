"""Experiments of `boosting.py`, the most telling first. A row is known by its content, so the order may change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

NETS = ("lenet-small", "resnet-small", "vgg-small", "squeezenet-small")
FEW = NETS[:2]
SEEDS = range(3)
MODELS = ("uniform", "bitline", "wordline", "data_dependent")
SHARES = (10, 50, 75, 90)
PLAIN_RELU = "without ReLU6"
MADE = 2
"""Goes up when recipes or errors change, so that what was made before is made again."""
FRESH, OWN, OTHER, UNFIT = "fresh", "own cells", "other chip", "unfit model"
"""Drawn anew in every read; weak cells of the chip trained for; of another chip; trained on fresh errors, run on cells.
"""


@dataclass(frozen=True)
class Row:
    """One experiment; `recipe` none: the network as trained; `change` is what differs from the recipe."""

    net: str = "lenet-small"
    precision: str = "int8"
    seed: int = 0
    recipe: str = "best"
    errors: str = FRESH
    change: str = ""

    @property
    def name(self) -> str:
        """Name of its file."""
        return "-".join(str(value) for value in asdict(self).values() if value != "").replace(" ", "_")


@dataclass(frozen=True)
class Size:
    """Images and passes; images per draw of the weights' errors, per look, and looks at most."""

    train: int = 20_000
    test: int = 10_000
    epochs: int = 12
    boost_epochs: int = 10
    prune_epochs: int = 4
    per_draw: int = 50
    per_look: int = 1000
    looks: int = 20


QUICK = Size(6000, 2000, 6, 6, 2)


def rows(quick: bool) -> list[Row]:
    """All experiments."""
    if quick:
        net = "lenet-small"
        first = [Row(net, recipe=recipe, errors=errors) for recipe in ("best", "paper") for errors in (FRESH, OWN)]
        first += [Row(net, errors=OTHER), Row(net, errors=UNFIT), Row(net, recipe="paper", change="at once")]
        first += [Row(net, "fp32", recipe="paper", change=c) for c in ("", "saturate", "no correction")]
        first += [Row(net, p, recipe="none", errors=m) for p in ("fp32", "int8", "int4") for m in MODELS]
        return [*first, Row(net, recipe="none", change="pruned 75"), Row(net, change="energy")]
    return list(dict.fromkeys(_all()))


def _all() -> Iterator[Row]:
    yield from _tables(NETS, ("int8",), ("best",))
    for net, seed in product(FEW, SEEDS):
        yield Row(net, "int8", seed, "best", FRESH, PLAIN_RELU)
    for net, seed, errors in product(FEW, SEEDS, (OTHER, UNFIT)):
        yield Row(net, "int8", seed, "best", errors)
    yield from _tables(NETS, ("int4",), ("best",))
    for net, seed in product(FEW, SEEDS):
        yield Row(net, "int8", seed, "best", FRESH, "at once")
    for net in NETS:
        yield Row(net, change="energy")
    yield from _pruned(FEW[1])
    yield from _tables(NETS, ("fp32",), ("best",))
    yield from _tables(NETS, ("int8",), ("paper",))
    for net, seed in product(FEW, SEEDS):
        yield Row(net, "int8", seed, "paper", FRESH, "at once")
    yield from _tables(NETS, ("fp32",), ("paper",))
    for net, seed, way in product(FEW, SEEDS, ("saturate", "no correction")):
        yield Row(net, "fp32", seed, "paper", FRESH, way)
    for net in FEW:
        yield from _models(net)
    yield from _pruned(FEW[0])
    yield from _tables(NETS, ("int4",), ("paper",))


def _pruned(net: str) -> Iterator[Row]:
    for seed, share in product(SEEDS, SHARES):
        yield Row(net, "int8", seed, "none", FRESH, f"pruned {share}")


def _models(net: str) -> Iterator[Row]:
    for precision, seed, model in product(("fp32", "int16", "int8", "int4"), SEEDS, MODELS):
        yield Row(net, precision, seed, "none", model)


def _tables(nets: tuple[str, ...], precisions: tuple[str, ...], recipes: tuple[str, ...]) -> Iterator[Row]:
    for precision, seed, net, recipe, errors in product(precisions, SEEDS, nets, recipes, (FRESH, OWN)):
        yield Row(net, precision, seed, recipe, errors)


def digest(about: dict[str, Any]) -> str:
    """A name for what something is made of."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


def path_of(row: Row, size: Size, home: Path) -> Path:
    """File of a row: its content in words, and what else it depends on."""
    return home / f"row-{row.name}-{made_by(size)}.json"


def made_by(size: Size) -> str:
    """What rows depend on beside their own content."""
    return digest({"size": asdict(size), "made": MADE})[:8]
