"""Trains the two networks that `edensim demo` runs, and writes their stored form: `python benchmarks/demo_weights.py`.

`baseline`: lenet-small on the procedural images, stored as the paper does. `boosted`: the same, retrained (recipe
`Boosting.best`) under the errors that the very chip of the demonstration has at the very addresses of the tensors, at
voltages below nominal. Takes some two minutes of one core and the extra `dnn`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edensim.dnn.codes import code_of
from edensim.dnn.injected import PlacedErrors
from edensim.study.demo.network import LAYERS
from edensim.study.demo.trade import NOMINAL_V, STEPS_V, chip_errors

if TYPE_CHECKING:
    from edensim.dnn import FaultyMemory

OUT = Path(__file__).parents[1] / "edensim" / "study" / "demo" / "weights.npz"
READERS = ("0", "3", "7", "9", "11")
"""Names of these layers in the torch network."""
TARGET, EPOCHS = 0.02, 20
"""Bit error rate to train for."""


class OfChip:
    """Errors of the demonstration's chip at the voltage that gives a rate, for the torch names of the tensors."""

    def __init__(self, rate: float) -> None:
        rates, memories = chip_by_voltage()
        self._errors = memories[int(np.abs(rates - rate).argmin())]

    def corrupt(self, name: str, codes: NDArray[np.uint8], access: int) -> int:
        """See `edensim.dnn.ReadErrors`."""
        reader, _, kind = name.partition(".")
        return self._errors.corrupt(f"{LAYERS[READERS.index(reader)]}.{kind}", codes, access)


@cache
def chip_by_voltage() -> tuple[NDArray[np.float64], list[PlacedErrors]]:
    """Bit error rates from nominal down to the lowest voltage in steps of 5 mV, and the chip at each."""
    found = [chip_errors(float(vdd)) for vdd in np.arange(NOMINAL_V, STEPS_V[-1] - 1e-9, -0.005)]
    return np.array([rate for rate, _ in found]), [errors for _, errors in found]


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
    from edensim.dnn import Boosting, FaultyMemory, Storage, batches, boost, glyphs, make_net, train

    data = glyphs()
    net = make_net("lenet-small", shape=data.shape)
    train(net, data)
    baseline = FaultyMemory(net, Storage.paper())
    baseline.calibrate(batches(data.train))
    boosting = Boosting.best(TARGET)
    boosting = replace(boosting, training=replace(boosting.training, epochs=EPOCHS))
    boosted = boost(net, data, OfChip, boosting)
    arrays = stored("baseline", baseline) | stored("boosted", boosted.memory)
    arrays |= {"mean": data.train.mean, "deviation": data.train.deviation}
    out.parent.mkdir(exist_ok=True)
    np.savez_compressed(out, **arrays)
    print(f"wrote {out} ({out.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
