"""Trains the two networks that `edensim demo` runs, and writes their stored form: `python benchmarks/demo_weights.py`.

`baseline`: lenet-small on the procedural images, stored as the paper does. `boosted`: the same, retrained under the
errors of chip "eden" below nominal VDD (recipe `Boosting.best`). Takes about two minutes of one core and the extra `dnn`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from edensim.approx.chip_load import load_chip
from edensim.approx.device import Device
from edensim.approx.model import DataDependent
from edensim.dnn import Boosting, FaultyMemory, Storage, batches, boost, glyphs, make_net, train
from edensim.dnn.codes import code_of
from edensim.dnn.injected import SHORT_ROWS, PlacedErrors, place_tensors
from edensim.study.demo.network import LAYERS

OUT = Path(__file__).parents[1] / "edensim" / "study" / "demo" / "weights.npz"
READERS = ("0", "3", "7", "9", "11")
TARGET = 0.02
"""Bit error rate to train for."""


def stored(name: str, memory: FaultyMemory) -> dict[str, Any]:
    """Arrays of a network as `DemoNet.shipped` reads them."""
    found: dict[str, Any] = {}
    for layer, reader in zip(LAYERS, READERS, strict=True):
        module = memory.net.get_submodule(reader)
        values = module.weight.detach().numpy()
        seen = memory.tensors[f"{reader}.weights"].range
        code = code_of(memory.storage, "weights", seen, seen)
        codes = np.empty(values.size, np.uint8)
        code.encode(np.ascontiguousarray(values).reshape(1, -1), codes.reshape(1, -1))
        seen = memory.tensors[f"{reader}.ifm"].range
        maps = code_of(memory.storage, "ifm", seen, seen)
        found[f"{name}.{layer}.weights"] = codes.view(np.int8).reshape(values.shape)
        found[f"{name}.{layer}.bias"] = module.bias.detach().numpy()
        found[f"{name}.{layer}.scales"] = np.array([code.scale, maps.scale, maps.signed], np.float32)
    return found


def main() -> None:
    """Train, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="file to write")
    out = parser.parse_args().out
    data = glyphs()
    net = make_net("lenet-small", shape=data.shape)
    train(net, data)
    baseline = FaultyMemory(net, Storage.paper())
    baseline.calibrate(batches(data.train))
    places = place_tensors(baseline.tensors.values(), SHORT_ROWS)
    one_share = load_chip("eden").table.points[0].one_share

    def errors_at(rate: float) -> PlacedErrors:
        model = DataDependent(1.0, 2 * rate * one_share, 2 * rate * (1 - one_share))
        return PlacedErrors(Device([[model.law(SHORT_ROWS.geometry)]], SHORT_ROWS), places)

    boosted = boost(net, data, errors_at, Boosting.best(TARGET))
    arrays = stored("baseline", baseline) | stored("boosted", boosted.memory)
    arrays |= {"mean": data.train.mean, "deviation": data.train.deviation}
    out.parent.mkdir(exist_ok=True)
    np.savez_compressed(out, **arrays)
    print(f"wrote {out} ({out.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
