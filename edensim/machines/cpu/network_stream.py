"""A network on one core as a stream: layer after layer, what its code makes the caches ask for.

The stream depends on the order of touches only, not on time, so it is made once and kept on disk for every operating
point. What comes between layers (see `joins`) belongs to the layer behind it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain

from edensim.machines.cpu import code, joins
from edensim.machines.cpu.cache import CacheLevel, Caches
from edensim.machines.cpu.nest import Part, flat, touches
from edensim.machines.cpu.stream_store import StreamStore
from edensim.machines.cpu.stretch import Sampling, Stretch, stretches
from edensim.memory.placement import Tensor
from edensim.workloads.layer import Layer, Network

KINDS = ("weights", "ifm", "ofm")
STREAMS = 16
"""Arrays that records tell apart."""
NEIGHBOURS = code.PACK_B + 1
"""Number of the first array that belongs to another layer."""


@dataclass(frozen=True)
class LayerCode:
    """A layer as it runs: style, bytes per value, places of its arrays, and the tensor behind each array number.

    `further` are tensors beyond the numbers there are (sources of a long concatenation): they count as the last one.
    """

    layer: Layer
    style: str
    size: int
    arrays: code.Arrays
    tensors: tuple[Tensor, ...]
    further: tuple[Tensor, ...]
    before: tuple[joins.Step, ...]
    after: tuple[joins.Step, ...]


def network_code(
    network: Network, styles: dict[str, str], precision: str, placed: dict[str, Tensor], share: tuple[int, int] = (0, 1)
) -> list[LayerCode]:
    """Every layer of a network whose tensors (and `scratch.KIND`) lie where `placed` says.

    Of the scratch tensors a core has its `share` (k, n): the k-th of n equal parts.
    """
    before = joins.steps_before(network)
    out = []
    for layer in network.layers:
        style, steps = styles[layer.name], tuple(before.get(layer.name, ()))
        size = code.value_bytes(style, precision)
        own = [placed[f"{layer.name}.{kind}"] for kind in KINDS]
        kinds = code.scratch_kinds(style)
        scratch = [placed.get(f"scratch.{kind}", own[KINDS.index(kind)]) for kind in kinds]
        taken = dict.fromkeys(KINDS, 0)
        at = []
        for kind, tensor, count in zip(kinds, scratch, code.scratch_sizes(layer, style, size), strict=True):
            at.append(tensor.base + share[0] * (tensor.bytes // share[1]) + taken[kind])
            taken[kind] += code.paged(count) if count else 0
        others = dict.fromkeys(name for step in steps for name in (*step.reads, *step.writes))
        tensors = [*own, *scratch, *(placed[name] for name in others if placed[name] not in own)]
        arrays = code.Arrays(own[0].base, own[1].base, own[2].base, (at[0], at[1], at[2]))
        after = tuple(joins.steps_after(layer, network))
        out.append(
            LayerCode(layer, style, size, arrays, tuple(tensors[:STREAMS]), tuple(tensors[STREAMS:]), steps, after)
        )
    return out


def _rest(caches: Caches) -> Iterator[Stretch]:
    """Instructions behind the last record pass in the time of their own layer."""
    yield Stretch(caches.rest())


class NetworkStream:
    """The stream of one core.

    Parameters
    ----------
    layers : sequence of LayerCode
        The network.
    levels : sequence of CacheLevel
        Caches that belong to the core alone; what leaves the last one is the stream.
    images : sequence of int
        Which images of the batch this core runs.
    sampling : Sampling, optional
        How long loops are sampled (default: they run to their end).
    seed : int
        Of random replacement and random walks.
    emit_level : int, optional
        Hits from this level on leave a record too (default: only what goes beyond all levels).
    """

    def __init__(
        self,
        layers: Sequence[LayerCode],
        levels: list[CacheLevel],
        images: Sequence[int] = (0,),
        sampling: Sampling | None = None,
        seed: int = 0,
        emit_level: int | None = None,
    ) -> None:
        self._layers, self._levels, self._images, self._sampling, self._seed = layers, levels, images, sampling, seed
        self._emit_level = emit_level
        content = {
            "layers": [
                [asdict(x.layer), x.style, x.size, asdict(x.arrays), x.tensors, x.further, x.before, x.after]
                for x in layers
            ],
            "levels": [asdict(level) for level in levels],
            "images": list(images),
            "sampling": sampling,
            "emit_level": emit_level,
            "seed": seed,
        }
        self.store = StreamStore(content)

    def layers(self) -> Generator[Iterable[Stretch], None, None]:
        """Stretches of each layer; each must be used up before the next is asked for. Close it if you stop early."""
        if reader := self.store.reader():
            try:
                for _ in self._layers:
                    yield reader.stretches()
            finally:
                reader.close()
            return
        writer = self.store.writer()
        caches = Caches(self._levels, self._emit_level, self._seed)
        try:
            for layer in self._layers:
                made = chain(stretches(caches, self._parts(layer), self._sampling), _rest(caches))
                yield made if writer is None else writer.copied(made)
        except BaseException:
            if writer is not None:
                writer.abandon()
            raise
        if writer is not None:
            writer.finish()
            self.store.tidy()

    def touches(self) -> Generator[Iterable[Stretch], None, None]:
        """As `layers`, before any cache: a stretch per layer, of touches."""
        for layer in self._layers:
            yield [Stretch(touches(flat(self._parts(layer))))]

    def _parts(self, layer: LayerCode) -> Iterator[Part]:
        place: dict[str, tuple[int, int, int]] = {}
        for number, tensor in enumerate((*layer.tensors, *layer.further)):
            place.setdefault(tensor.name, (tensor.base, tensor.bytes, min(number, STREAMS - 1)))
        for step in layer.before:
            yield from joins.step_units(step, place, layer.size, self._seed)
        yield from code.layer_parts(layer.layer, layer.arrays, layer.style, layer.size, self._images)
        for step in layer.after:
            yield from joins.step_units(step, place, layer.size, self._seed)
