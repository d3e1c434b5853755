"""What code does between convolutions: pooling, concatenation, residual sums, softmax, non-maximum suppression.

Layer records hold no such steps; they follow from which outputs a layer reads. An output that is larger than the input
it becomes is pooled (or cut); outputs of several layers are added where each is as large as the input, else they are
copied one behind the other. A network that ends in a fully connected layer ends in a softmax; convolutional outputs of
a YOLO network are decoded and suppressed: every box is visited once per class in sorted, hence random, order.
Not modelled: sums and activations that a library fuses into the convolution before, boxes dropped by their score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edensim.machines.cpu import nest_kernel
from edensim.machines.cpu.nest import Unit, split
from edensim.workloads.layer import Layer, Network

PER_LINE = 8
"""Instructions per line of a vector pass over an array."""
PER_BOX = 12
"""Instructions per visit of a box: comparing and swapping while sorting, overlap with the best one."""
ANCHORS = 3


@dataclass(frozen=True)
class Step:
    """A pass over tensors: names read, names written, and how often.

    `entry` values and `visits` of a random walk over the one tensor read, if it is no sweep.
    """

    reads: tuple[str, ...]
    writes: tuple[str, ...] = ()
    entry: int = 0
    visits: int = 0


def steps_before(network: Network) -> dict[str, list[Step]]:
    """Steps between the layers that feed a layer and the layer, by its name."""
    known = {layer.name: layer for layer in network.layers}
    summed: set[tuple[str, ...]] = set()
    found: dict[str, list[Step]] = {}
    for layer in network.layers:
        sources = tuple(known[name] for name in layer.inputs if name in known)
        if not sources or len(sources) < len(layer.inputs):
            continue
        names = tuple(f"{source.name}.ofm" for source in sources)
        target = f"{layer.name}.ifm"
        steps = found.setdefault(layer.name, [])
        if len(sources) > 1 and sum(s.K for s in sources) != layer.C:
            if names not in summed:  # the first one holds the sum
                steps.append(Step(names[1:] + names[:1], names[:1]))
                summed.add(names)
            names, sources = names[:1], sources[:1]
        if len(sources) > 1 or sources[0].ofm_count != layer.ifm_count:
            steps.append(Step(names, (target,)))
    return found


def steps_after(layer: Layer, network: Network) -> list[Step]:
    """Steps behind a layer whose output nobody reads."""
    if any(layer.name in other.inputs or layer.name in other.weights_from for other in network.layers):
        return []
    out = f"{layer.name}.ofm"
    if layer.kind == "fc":
        return [Step((out,)), Step((out,), (out,)), Step((out,), (out,))] if layer is network.layers[-1] else []
    entry = layer.K // ANCHORS
    if not network.name.lower().startswith("yolo") or layer.K % ANCHORS or entry <= 5:
        return []
    return [Step((out,), (out,)), Step((out,), entry=entry, visits=entry - 5)]


def step_units(step: Step, place: dict[str, tuple[int, int, int]], size: int, seed: int) -> Iterator[Unit]:
    """Units of a step; `place` gives address, bytes and array number of each tensor, `size` is bytes per value."""
    if step.visits:
        base, held, stream = place[step.reads[0]]
        count = held // (step.entry * size)
        lines = step.entry * size // 64 + 2
        for first, last in split(0, step.visits, count * lines):
            yield Unit(
                nest_kernel.gather,
                (base, step.entry * size, count, last - first, seed + first, step.entry * size, stream, PER_BOX),
                (last - first) * count * lines,
            )
        return
    names = list(dict.fromkeys((*step.reads, *step.writes)))
    table = np.array([(*place[n][:2], int(n in step.writes), place[n][2]) for n in names], np.int64)
    longest = int(table[:, 1].max() + 63) // 64
    for first, last in split(0, longest, len(names)):
        yield Unit(nest_kernel.sweep, (table, first, last, PER_LINE), len(names) * (last - first))
