"""EDEN's trade on one small network: accuracy, energy and time over supply voltage, before and after boosting.

Accuracy is measured here and now, on procedural images, by reading weights and input maps through chip profile "eden"
at the addresses at which the simulated memory holds them. The voltage is chosen on images of its own and judged on
others. Not modelled: see `edensim.study.demo.network`, and the chip profile's own page (`edensim show chip eden`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.approx.chip_load import load_chip
from edensim.approx.partition_laws import device_of, errors_of_chip
from edensim.approx.region import Region
from edensim.config import Resolved, load_config
from edensim.config.schema import OperatingPoint
from edensim.dnn.glyph_images import draw_glyphs
from edensim.dnn.injected import PlacedErrors
from edensim.dram.controller import DramSystem
from edensim.memory import resolve_operating_state
from edensim.study.demo.network import DemoNet
from edensim.system.check import check_run
from edensim.system.run import run
from edensim.system.tensors import map_tensors, tensor_requests
from edensim.workloads.builder import NetworkBuilder
from edensim.workloads.layer import Network

CHIP = "eden"
MEMORY, MACHINE = "ddr3l-1600-4gb-x8", "eyeriss-eden"
NOMINAL_V = 1.35
STEPS_V = (1.30, 1.25, 1.20, 1.15, 1.10, 1.05, 1.00)
"""The grid of Table 3 of the paper."""
BOUND = 0.01
"""Accuracy that may be lost."""
IMAGES, CHOOSING = 10_000, 2_000
SEED = 20190816


@dataclass(frozen=True)
class Trade:
    """One supply voltage.

    Attributes
    ----------
    vdd : float
        V.
    ber : float
        Bit error rate of reads, mean over data with as many ones as zeros.
    baseline, boosted : float
        Accuracy on the images for choosing.
    energy_pj, time_ns : float
        DRAM energy and time of one inference.
    """

    vdd: float
    ber: float
    baseline: float
    boosted: float
    energy_pj: float
    time_ns: float


@dataclass(frozen=True)
class Score:
    """Correct answers among images."""

    correct: int
    images: int

    @property
    def value(self) -> float:
        """Accuracy."""
        return self.correct / self.images

    @property
    def half_width(self) -> float:
        """Half the 95 % interval (normal approximation, images independent)."""
        return NormalDist().inv_cdf(0.975) * math.sqrt(self.value * (1 - self.value) / self.images)


@dataclass(frozen=True)
class Demo:
    """The curve, and nominal against EDEN on images that nothing was chosen by."""

    curve: tuple[Trade, ...]
    chosen: Trade
    nominal: Score
    unboosted: Score
    eden: Score

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        first = self.curve[0]
        return {
            "curve": [asdict(trade) for trade in self.curve],
            "chip": CHIP,
            "memory": MEMORY,
            "machine": MACHINE,
            "nominal": _point(first, self.nominal),
            "eden": _point(self.chosen, self.eden),
            "eden_without_boosting": {"accuracy": self.unboosted.value},
            "saving": {
                "energy_pj": 1 - self.chosen.energy_pj / first.energy_pj,
                "time_ns": 1 - self.chosen.time_ns / first.time_ns,
            },
        }


def demonstrate(progress: Callable[[str], None] = lambda text: None) -> Demo:
    """Simulate every voltage, measure accuracy at each, choose the lowest that both allow.

    `progress` is told what begins.
    """
    network, config = demo_network(), demo_config()
    progress(f"energy and time at {1 + len(STEPS_V)} voltages")
    result = run(config, network=network).data
    nets = {name: DemoNet.shipped(name) for name in ("baseline", "boosted")}
    choosing, answers = draw_glyphs(CHOOSING, (SEED, 2))
    curve = []
    for vdd, data in zip((NOMINAL_V, *STEPS_V), (result, *result["compare"].values()), strict=True):
        progress(f"accuracy at {vdd:.2f} V")
        ber, errors = chip_errors(vdd)
        scores = {name: _score(net, choosing, answers, errors).value for name, net in nets.items()}
        curve.append(
            Trade(vdd, ber, scores["baseline"], scores["boosted"], data["energy_pj"]["total"], data["time_ns"])
        )
    chosen = choose(curve)
    progress(f"accuracy at {chosen.vdd:.2f} V, on {IMAGES:,} other images")
    images, answers = draw_glyphs(IMAGES, (SEED, 3))
    errors = chip_errors(chosen.vdd)[1]
    return Demo(
        tuple(curve),
        chosen,
        _score(nets["baseline"], images, answers, None),
        _score(nets["baseline"], images, answers, errors),
        _score(nets["boosted"], images, answers, errors),
    )


def choose(curve: list[Trade]) -> Trade:
    """The lowest voltage down to which the boosted network stays within the bound of the untouched one at nominal."""
    chosen = curve[0]
    for trade in curve[1:]:
        if trade.boosted < curve[0].baseline - BOUND:
            break
        chosen = trade
    return chosen


def demo_network() -> Network:
    """The layers of the network, as the machine sees them."""
    net = NetworkBuilder("lenet-small", "edensim.dnn.nets.small", per_filter=1)
    x = net.input(1, 16, 16)
    x = net.pool(net.conv(x, "conv1", 6, 5), 2, 2)
    x = net.pool(net.conv(x, "conv2", 16, 5), 2, 2)
    x = net.fc(x, "fc1", 120)
    x = net.fc(x, "fc2", 84)
    net.fc(x, "fc3", 10)
    return net.build()


def demo_config() -> Resolved:
    """The configuration: every voltage beside the nominal one."""
    network = demo_network()
    written = {
        "workload": {"network": network.name, "precision": "int8"},
        "machine": {"preset": MACHINE},
        "dram": {"preset": MEMORY},
        "compare": {f"mv{1000 * vdd:.0f}": {"vdd": vdd} for vdd in STEPS_V},
    }
    return load_config(written, check=partial(check_run, network=network))


def chip_errors(vdd: float) -> tuple[float, PlacedErrors]:
    """Bit error rate of the chip at a voltage, and its errors at the addresses of the network's tensors."""
    network, config = demo_network(), demo_config().config
    assert config.workload is not None
    state = resolve_operating_state(config.dram, OperatingPoint(vdd=vdd), [])
    system = DramSystem(config.dram, state)
    found = errors_of_chip(load_chip(CHIP), state, system.geometry)
    device = device_of(found, system.address_map, None, SEED)
    requests = tensor_requests(network, config.workload)
    regions = {
        name: Region(system.address_map, tensor.bytes, tensor.base)
        for name, tensor in map_tensors(requests, config, system).tensors.items()
        if name.endswith((".weights", ".ifm"))
    }
    (part,) = found.values()
    return part.ber, PlacedErrors(device, regions)


def _score(net: DemoNet, images: NDArray[np.uint8], answers: NDArray[np.int64], errors: PlacedErrors | None) -> Score:
    return Score(int((net.answers(images, errors) == answers).sum()), len(images))


def _point(trade: Trade, score: Score) -> dict[str, float]:
    return {
        "vdd": trade.vdd,
        "ber": trade.ber,
        "accuracy": score.value,
        "accuracy_half_width": score.half_width,
        "images": score.images,
        "energy_pj": trade.energy_pj,
        "time_ns": trade.time_ns,
    }
