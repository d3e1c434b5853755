"""What the rows of `boosting.py` have in common: networks trained once, and measured with as few images as will do.

Everything lands in one folder under a name that is a digest of what it is, so rows share the networks, controls and
measurements they have in common, a killed run goes on, and what is made by other settings is never taken for the same.

How a rate is judged: the network under errors against the network before boosting, in the paper's storage on reliable
memory and on the same images, as the difference varies less than either. Looks of 1000 test images follow each other
until the interval of the difference leaves the bound out. Looking often finds something by chance, so each look is held
to Pocock's stricter level (Biometrika 64, 1977) for 20 looks; intervals of rates are 95 % for all looks together.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from boosting_rows import FRESH, MADE, MODELS, OTHER, OWN, PLAIN_RELU, UNFIT, Row, Size, digest, path_of

from edensim import dnn
from edensim.approx import Device, Region
from edensim.approx.build import build_model
from edensim.approx.region import PLAIN
from edensim.eden import Estimate, Search, tolerable_ber
from edensim.eden.files import write_json
from edensim.errors import InputError
from edensim.memory import AddressMap, Geometry

POCOCK = 1 - 0.0075
DROPS = (0.01, 0.05)
FIXED = (1e-3, 1e-2)
BEST_TARGET, LEAST_TARGET = 2e-2, 1e-6
FAIL = 0.5
ONE_BANK = AddressMap(Geometry(1, 1, 1, 1, 1 << 16, 16, 8, 64, 8, 512), "RoBaRaCoCh")
"""Tensors one after the other in rows of 1 KiB: a bitline holds the same bit of values in many rows."""


@dataclass
class Lab:
    """Networks and measurements in a folder."""

    home: Path
    size: Size

    def row(self, row: Row) -> dict[str, Any]:
        """Everything a row of a table needs."""
        if row.recipe == "none":
            return self._untuned(row)
        net = self.base(row)
        storage = self.recipe(row, 0.0).storage
        plain = self._memory(net, replace(dnn.Storage.paper(row.precision), correction=storage.correction), row)
        reference = self._reference(row, plain)
        before = self.tolerances(row, plain, reference)
        recipe = self.recipe(row, self._target(row, net, plain, max(before["0.01"]["ber"], LEAST_TARGET / 10)))
        control = self.tuned(row, net, recipe.control(), FRESH)
        found = {
            "clean": reference.value, "target": recipe.curriculum.target, "before": before,
            "control": self.tolerances(row, control, reference),
        }  # fmt: skip
        try:
            boosted = self.tuned(row, net, recipe, _trained_on(row))
        except InputError as diverged:
            return found | {"boosted": None, "diverged": str(diverged)}
        return found | {"boosted": self.tolerances(row, boosted, reference)}

    def _target(self, row: Row, net: Any, plain: dnn.FaultyMemory, tolerated: float) -> float:
        """Bit error rate to train for.

        Paper mode, and anything in fp32, trains for ten times what is tolerated before. The others train for a rate
        that may be too much: it is halved until the network keeps the bound on training images without errors.
        """
        if row.recipe == "paper" or row.precision == "fp32":
            return min(0.1, 10 * tolerated)
        row, target = replace(row, change=""), BEST_TARGET
        least = self._learned(row, plain) - DROPS[0]
        while target > LEAST_TARGET:
            try:
                memory = self.tuned(row, net, self.recipe(row, target), _trained_on(row))
                if self._learned(row, memory) >= least:
                    break
            except InputError:  # diverged
                pass
            target /= 2
        return target

    def _learned(self, row: Row, memory: dnn.FaultyMemory) -> float:
        """Accuracy on training images without errors."""
        memory.errors = dnn.NoErrors()
        return dnn.accuracy(memory.net, self.data(row.seed).train, memory, batch=500, images=self.size.test).value

    def recipe(self, row: Row, target: float) -> dnn.Boosting:
        """The recipe of a row, to train for a bit error rate."""
        recipe = (dnn.Boosting.paper if row.recipe == "paper" else dnn.Boosting.best)(target, row.precision)
        if row.change == "at once":
            recipe = replace(recipe, curriculum=replace(recipe.curriculum, shape="at_once"))
        if row.change in ("no correction", "saturate"):
            way = "none" if row.change == "no correction" else "saturate"
            recipe = replace(recipe, storage=replace(recipe.storage, correction=way))
        training = replace(recipe.training, epochs=self.size.boost_epochs, seed=row.seed)
        return replace(recipe, training=training, relu6=recipe.relu6 and row.change != PLAIN_RELU)

    def base(self, row: Row) -> Any:
        """The network before boosting: pruned if the row says so, for int4 trained in that storage without errors."""
        share = int(row.change.removeprefix("pruned ")) if row.change.startswith("pruned") else 0
        about = self._about(row) | {"pruned": share and [share, self.size.prune_epochs]}
        if row.precision == "int4":
            about["aware"] = [row.precision, self.size.boost_epochs]
        data = self.data(row.seed)
        net = dnn.make_net(row.net, row.seed, data.shape, data.classes)
        kept = self.home / f"base-{digest(about)}.npz"
        if kept.exists():
            dnn.load_weights(net, kept)
            return net
        if row.precision == "int4":
            net = self.base(replace(row, precision="int8"))
            training = dnn.Training(epochs=self.size.boost_epochs, seed=row.seed)
            dnn.train(net, data, training, memory=dnn.FaultyMemory(net, dnn.Storage.paper("int4")))
        elif share:
            net = self.base(replace(row, change=""))
            dnn.prune_and_train(net, data, share / 100, dnn.Training(epochs=self.size.prune_epochs, seed=row.seed))
        else:
            training = dnn.Training(epochs=self.size.epochs, seed=row.seed)
            dnn.train(net, data, training, state=self.home / f"base-{digest(about)}.part.npz")
        dnn.save_weights(net, kept)
        return net

    def tuned(self, row: Row, start: Any, recipe: dnn.Boosting, errors: str) -> dnn.FaultyMemory:
        """The network after a recipe, in its memory."""
        about = self._about(row) | {
            "made": MADE,
            "recipe": asdict(recipe),
            "errors": errors if recipe.curriculum.target else "none",
        }
        data = self.data(row.seed)
        net = dnn.make_net(row.net, row.seed, data.shape, data.classes)
        net.load_state_dict(start.state_dict())
        if recipe.relu6:
            dnn.bound_activations(net, dnn.batches(data.train))
        memory = dnn.FaultyMemory(net, recipe.storage)
        memory.backward = recipe.backward
        memory.calibrate(dnn.batches(data.train))  # sizes of tensors, for their places
        chip = None if errors == FRESH else int(errors.removeprefix("chip "))
        dnn.train(
            net, data, recipe.training, memory=memory, errors_at=errors_of("uniform", memory, chip),
            curriculum=recipe.curriculum, state=self.home / f"tuned-{digest(about)}.npz",
        )  # fmt: skip
        return memory

    def _reference(self, row: Row, plain: dnn.FaultyMemory) -> dnn.Accuracy:
        """Accuracy of the network before boosting, in the paper's storage on reliable memory."""
        plain.errors = dnn.NoErrors()
        return dnn.accuracy(plain.net, self.data(row.seed).test, plain, batch=self.size.per_draw)

    def tolerances(self, row: Row, memory: dnn.FaultyMemory, clean: dnn.Accuracy) -> dict[str, Any]:
        """Tolerable rates for each bound, and accuracies at fixed rates, under the errors the row runs with.

        Known by the weights, their storage and the errors: rows share those of the network before and of the control.
        """
        about = self._about(row) | {
            "weights": {name: _digest(x) for name, x in memory.net.state_dict().items()},
            "storage": asdict(memory.storage), "lowest": _lowest(row), "size": asdict(self.size), "made": MADE,
            "errors": OWN if row.errors == UNFIT else row.errors, "reference": [clean.correct, clean.images],
        }  # fmt: skip
        kept = self.home / f"judged-{digest(about)}.json"
        if not kept.exists():
            write_json(kept, self._judged(row, memory, clean))
        return dict(json.loads(kept.read_text()))

    def _judged(self, row: Row, memory: dnn.FaultyMemory, clean: dnn.Accuracy) -> dict[str, Any]:
        data, size = self.data(row.seed), self.size
        right = np.array(clean.correct) / np.array(clean.images)
        per_look = size.per_look // size.per_draw
        looks = size.test // size.per_look
        model = row.errors if row.errors in MODELS else "uniform"
        chip = {FRESH: None, OTHER: _chip(row) + 100}.get(row.errors, _chip(row))
        errors_at = errors_of(model, memory, chip, ONE_BANK if row.errors in MODELS else PLAIN)
        known: dict[tuple[float, int], list[float]] = {}

        def measure(ber: float, look: int) -> list[float]:
            """Accuracy of the reference plus what this look's draws differ from it."""
            if (ber, look) not in known:
                memory.errors = errors_at(ber)
                part, repeat = look % looks, look // looks
                images = data.test.take(np.arange(part * size.per_look, (part + 1) * size.per_look))
                found = dnn.accuracy(memory.net, images, memory, batch=size.per_draw, repeat=64 * repeat + part)
                shares = np.array(found.correct) / np.array(found.images)
                there = right[part * per_look : (part + 1) * per_look]
                known[ber, look] = [float(x) for x in clean.value + shares - there]
            return known[ber, look]

        search = Search(_lowest(row), 0.1, 1.1, 1, size.looks, POCOCK, from_above=True)
        result: dict[str, Any] = {"clean": self._at(measure, 0.0)}
        for drop in DROPS:
            found = tolerable_ber(measure, clean.value, drop, search)
            result[f"{drop:g}"] = {"ber": found.ber, "low": found.low, "high": found.high}
        return result | {f"at {rate:g}": self._at(measure, rate) for rate in FIXED}

    def _at(self, measure: Callable[[float, int], Sequence[float]], ber: float) -> Any:
        looks = self.size.test // self.size.per_look
        return asdict(Estimate.of([x for look in range(looks) for x in measure(ber, look)]))

    def _untuned(self, row: Row) -> dict[str, Any]:
        net = self.base(row)
        memory = self._memory(net, dnn.Storage.paper(row.precision), row)
        reference = self._reference(row, memory)
        return {"clean": reference.value, "before": self.tolerances(row, memory, reference)}

    def _memory(self, net: Any, storage: dnn.Storage, row: Row) -> dnn.FaultyMemory:
        memory = dnn.FaultyMemory(net, storage)
        memory.calibrate(dnn.batches(self.data(row.seed).train))
        return memory

    def _about(self, row: Row) -> dict[str, Any]:
        """What a training depends on beside its recipe."""
        size = self.size
        return {"net": row.net, "seed": row.seed, "images": [size.train, size.test], "epochs": size.epochs}

    def data(self, seed: int) -> dnn.Data:
        """Training and test images."""
        return _data(self.size.train, self.size.test, seed)


@lru_cache(2)
def _data(train: int, test: int, seed: int) -> dnn.Data:
    return dnn.glyphs(train, test, seed)


def _lowest(row: Row) -> float:
    return 1e-9 if row.change == "no correction" else 1e-6


def _digest(values: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(values.numpy()).tobytes()).hexdigest()


def _chip(row: Row) -> int:
    return 1 + row.seed


def _trained_on(row: Row) -> str:
    return FRESH if row.errors in (FRESH, UNFIT) else f"chip {_chip(row)}"


def errors_of(
    model: str, memory: dnn.FaultyMemory, chip: int | None, address_map: AddressMap = PLAIN
) -> Callable[[float], Any]:
    """Fresh errors, or those of a chip whose weak cells fail half of the time; each tensor begins at a row."""
    if chip is None:
        return lambda rate: dnn.FreshErrors(rate) if rate else dnn.NoErrors()
    places, at = {}, 0
    for tensor in memory.tensors.values():
        places[tensor.name] = Region(address_map, tensor.size_bytes, at)
        at += -(-tensor.size_bytes // address_map.geometry.row_bytes) * address_map.geometry.row_bytes

    def errors(rate: float) -> Any:
        if not rate:
            return dnn.NoErrors()
        law = build_model(model, rate, {"fail_probability": FAIL}).law(address_map.geometry)
        return dnn.PlacedErrors(Device([[law]], address_map, seed=chip), places)

    return errors


def make(row: Row, lab: Lab) -> dict[str, Any]:
    """Make a row and keep it; the one that is kept if there is one."""
    path = path_of(row, lab.size, lab.home)
    if not path.exists():
        began = time.process_time()
        if row.change == "energy":
            from boosting_energy import fine_and_coarse

            found = fine_and_coarse(row, lab)
        else:
            found = lab.row(row)
        write_json(path, found | {"cpu_s": time.process_time() - began})
    return dict(json.loads(path.read_text()))
