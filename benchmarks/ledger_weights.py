"""Trains the small networks that stand for the paper's in `edensim reproduce`: `python benchmarks/ledger_weights.py`.

Each on the procedural images: `base`; `int8` and `fp32`, retrained as the paper says (section 3.2) for ten times the
rate that `base` tolerates; `int8-control`, retrained without errors. resnet-small also: `at-once`, that rate from the
first step (figure 10, right); `bitline` and `uniform`, retrained for the weak cells of a device with model 1 and with
model 0 (figure 10, left). Takes some half an hour of one core and the extra `dnn`. Every training is kept in --work and
goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edensim import dnn
from edensim.dnn.state import to_array
from edensim.study.ledger.networks import clean_accuracy, data, memory, placed, tolerable
from edensim.study.ledger.tolerance import SMALL

OUT = Path(__file__).parents[1] / "edensim" / "study" / "ledger" / "weights"
EPOCHS, BOOST_EPOCHS, SEED = 8, 10, 0


def trained(network: str, work: Path) -> Iterator[tuple[str, Any]]:
    """All variants of a network, each when it is done."""
    net = dnn.make_net(network, SEED, data().shape)
    work.mkdir(parents=True, exist_ok=True)
    dnn.train(net, data(), dnn.Training(epochs=EPOCHS, seed=SEED), state=work / "base.npz")
    yield "base", net
    clean = clean_accuracy(net)
    for precision in ("int8", "fp32"):
        plain = memory(net, precision)
        target = min(0.1, 10 * max(tolerable(plain, dnn.FreshErrors, clean).ber, 1e-5))
        recipe = dnn.Boosting.paper(target, precision)
        yield precision, retrained(net, recipe, dnn.FreshErrors, work / precision / "boosted.npz")
        if precision == "fp32":
            continue
        yield "int8-control", retrained(net, recipe.control(), dnn.FreshErrors, work / precision / "control.npz")
        if network == SMALL["ResNet101"]:
            at_once = replace(recipe, curriculum=replace(recipe.curriculum, shape="at_once"))
            yield "at-once", retrained(net, at_once, dnn.FreshErrors, work / "at-once.npz")
            for model in ("bitline", "uniform"):
                yield model, retrained(net, recipe, placed(plain.tensors.values(), model), work / f"{model}.npz")


def retrained(start: Any, recipe: dnn.Boosting, errors_at: Any, state: Path) -> Any:
    """A copy of the network after a recipe (`dnn.boost` without the control, which few of these need)."""
    net = copy.deepcopy(start)
    state.parent.mkdir(parents=True, exist_ok=True)
    under = dnn.FaultyMemory(net, recipe.storage)
    under.backward = recipe.backward
    training = replace(recipe.training, epochs=BOOST_EPOCHS, seed=SEED)
    dnn.train(
        net, data(), training, memory=under, errors_at=errors_at, curriculum=recipe.curriculum, state=state,
        name=state.stem,
    )  # fmt: skip
    return net


def main() -> None:
    """Train, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write to")
    parser.add_argument("--work", type=Path, default=Path("runs/ledger-weights"), help="folder of unfinished trainings")
    parser.add_argument("--only", nargs="*", choices=list(SMALL.values()), help="networks (default: all)")
    options = parser.parse_args()
    for network in options.only or SMALL.values():
        arrays = {}
        for variant, net in trained(network, options.work / network):
            print(f"{network} {variant}: {clean_accuracy(net):.4f}", flush=True)
            for key, value in net.state_dict().items():
                if value.dtype.is_floating_point:
                    arrays[f"{variant}/{key}"] = to_array(value).astype(np.float16)
        out = options.out / f"{network}.npz"
        out.parent.mkdir(exist_ok=True)
        np.savez_compressed(out, **arrays)
        print(f"wrote {out} ({out.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
