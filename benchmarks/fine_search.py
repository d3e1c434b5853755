"""The fine characterisation two ways: the paper's sweep against the search that is guided by sensitivities.

    python benchmarks/fine_search.py [--write]

Both start from the same coarse bit error rate of a shipped network (int8, boosted), look at the same images under fresh
errors, and have to keep the same accuracy: within one point of the clean network. Counted are measurements (all images
under one set of rates, once or several times until the verdict is clear), passes of the images, and CPU seconds. What
the rates save is the estimate of the mapping, on Eyeriss with the operating points of configs/eden-lenet.toml, four
parts: either banks of one rank, which share the highest supply for all but activations and precharges, or parts with
supplies of their own (ranks).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from table import markdown, publish

CONFIG = Path(__file__).parent.parent / "configs" / "eden-lenet.toml"
NETWORKS, IMAGES, PER_DRAW, BOUND = ("lenet-small", "resnet-small"), 1000, 50, 0.01
NOTE = (
    "Savings are estimates of the greedy mapping, shares of DRAM energy. The sweep does not look at what rates save, so"
    " one sweep serves both kinds of parts. Accuracies are of the images that were searched on."
)


def supplies(site: Any, worth: Any) -> dict[str, tuple[Any, Any, Any]]:
    """Rooms, weights and worth of rates: parts that share a supply, and parts that do not."""
    from edensim.eden import Weights

    energy, weights = site.nominal["energy_pj"], site.weights
    background = (energy["background"] + energy["ref"]) / energy["total"]
    moved = {name: share / weights.moved * (1 - background) for name, share in worth.moved.items()}
    alone = [replace(room, group="") for room in site.rooms]
    return {
        "banks of one rank": (site.rooms, weights, worth),
        "parts of their own": (
            alone, Weights(1 - background, background),
            replace(worth, moved=moved, common=0.0, part=background / len(alone)),
        ),
    }  # fmt: skip


def measure_network(name: str) -> list[list[str]]:
    """Rows of one network."""
    from edensim import dnn
    from edensim.config import load_config
    from edensim.eden import Estimate, Search, greedy_mapping, guided, sensitivities, sweep, tolerable_ber
    from edensim.eden.flow import Flow
    from edensim.eden.site import Site
    from edensim.study.ledger.networks import data, load, memory_of

    net, images = load(name, "int8"), data().test
    memory = memory_of(net, dnn.Storage.paper("int8"))
    site = Site(load_config(CONFIG, {"eden.network": name}), dnn.to_network(net, data().shape, name))
    flow = Flow(site, Path(), Path())
    worth = flow._worth({t.name: t.size_bytes for t in memory.tensors.values()})
    names, passes = list(memory.tensors), 0

    def measure(rates: Mapping[str, float], repeat: int) -> list[float]:
        nonlocal passes
        passes += 1
        memory.errors = dnn.RatesErrors(rates)
        found = dnn.accuracy(net, images, memory, batch=PER_DRAW, repeat=repeat, images=IMAGES)
        return [c / n for c, n in zip(found.correct, found.images, strict=True)]

    search = Search(most_repeats=2)
    clean = Estimate.of(measure({}, 0)).mean
    target = clean - BOUND
    coarse = tolerable_ber(lambda ber, k: measure(dict.fromkeys(names, ber), k), clean, BOUND, search).ber

    def timed(call: Any) -> tuple[Any, int, float]:
        nonlocal passes
        passes, began = 0, time.process_time()
        found = call()
        return found, passes, time.process_time() - began

    swept = timed(lambda: sweep(measure, names, coarse, target, search=search))
    rows = []
    for supply, (rooms, weights, value) in supplies(site, worth).items():

        def saved(rates: Mapping[str, float], rooms: Any = rooms, weights: Any = weights) -> str:
            return f"{100 * greedy_mapping(site.items(rates), rooms, weights).saving:.1f} %"

        def by_sensitivity(value: Any = value) -> Any:
            losses = sensitivities(measure, names, value.measured(coarse), clean)
            return guided(measure, losses, clean, target, value, coarse, search)

        at_coarse = saved(dict.fromkeys(names, coarse))
        for way, (fine, count, seconds) in {"sweep": swept, "guided": timed(by_sensitivity)}.items():
            rows.append([
                f"{name}, {len(names)} tensors", supply, way, str(fine.measurements), str(count), f"{seconds:.1f}",
                f"{100 * fine.accuracy.mean:.1f} % (at least {100 * target:.1f} %)", at_coarse, saved(fine.rates),
            ])  # fmt: skip
            print(*rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure, print, and with --write update README.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="update benchmarks/README.md")
    parser.add_argument("--only", choices=NETWORKS, help="one network")
    options = parser.parse_args()
    head = ["network", "parts", "search", "measurements", "passes of the images", "CPU s", "accuracy",
            "saved, one rate for all", "saved, a rate for each"]  # fmt: skip
    body = [row for name in NETWORKS if options.only in (None, name) for row in measure_network(name)]
    text = f"{markdown(head, body)}\n\n{NOTE}"
    publish("Fine characterisation", "python benchmarks/fine_search.py --write", text, options.write)


if __name__ == "__main__":
    main()
