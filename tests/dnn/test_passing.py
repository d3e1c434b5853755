"""Reads taken the whole way by one kernel, against the same reads step by step."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edensim.approx import Device, Region, Uniform  # noqa: E402
from edensim.approx.weak_kernel import flip_listed  # noqa: E402
from edensim.dnn import NoErrors, PlacedErrors, RatesErrors, Storage  # noqa: E402
from edensim.dnn.codes import code_of  # noqa: E402
from edensim.dnn.passing import Drawn, Rooms, TensorReads  # noqa: E402
from edensim.dnn.storage import Range  # noqa: E402
from edensim.memory import AddressMap, Geometry  # noqa: E402

GEOMETRY = Geometry(2, 1, 2, 2, 64, 16, 8, 64, 8, 16)


class Hidden:
    """Errors of which a memory knows `corrupt` alone."""

    def __init__(self, errors):
        self.corrupt = errors.corrupt


STORAGES = [
    Storage("int4"), Storage("int8"), Storage("int16"), Storage("int4", unsigned_maps=True),
    Storage("int8", unsigned_maps=True), Storage("fp32"), Storage("fp32", correction="saturate"),
    Storage("fp32", correction="none"),
]  # fmt: skip


def both_ways(storage, errors_of, access=7):
    """For maps of several lengths: values, flips and corrections at once and step by step.

    Maps and weights that nobody keeps are read the same: those of now, not those of the read before.
    """
    bounds = Range(0.0 if storage.unsigned_maps else -1.5, 2.0)
    code = code_of(storage, "ifm", bounds, bounds)
    for items, count in ((3, 1), (2, 2047), (1, 5000), (2, 40000)):
        errors = errors_of(code.row_bytes(count))
        values = np.random.default_rng(count).normal(0, 1, (items, count)).astype(np.float32)
        if items == 2:  # nothing implausible is stored: only what is hit is corrected
            values = np.clip(values, bounds.low, bounds.high)
        else:
            values[0, 0] = np.nan
        found = []
        for used in (errors, Hidden(errors)):
            rooms = Rooms()
            maps, weights = TensorReads("t", "ifm", code, rooms, 2), TensorReads("t", "weights", code, rooms)
            if used is errors and errors.drawn_from("t", code.row_bytes(count)) is not None:
                maps._read_by_steps = weights._read_by_steps = None
            read = np.empty_like(values)
            numbers = maps.read(used, values, read, access)
            x, weight = torch.zeros(values.shape), torch.nn.Parameter(torch.zeros(1, count))
            for reads, stored, expected in ((maps, x, read), (weights, weight, read[:1])):
                reads.pass_through(used, stored, {"t": 0})
                with torch.no_grad():
                    stored.copy_(torch.from_numpy(values[: len(stored)]))
                for _ in range(2):
                    tensor, bits, *flips = reads.pass_through(used, stored, accesses := {"t": access})
                    assert np.array_equal(tensor.numpy().view(np.int32), expected.view(np.int32))
                    assert accesses == {"t": access + len(stored)}
                    assert bits == 8 * len(stored) * code.row_bytes(count)
                    assert tuple(flips) == numbers or reads is weights
                numbers += tuple(flips)
            found.append((numbers, read.view(np.int32).tolist()))
        yield count, *found


@pytest.mark.parametrize("storage", STORAGES, ids=lambda s: f"{s.precision} {s.unsigned_maps} {s.correction}")
@pytest.mark.parametrize("rate", [0.0, 1e-3, 0.05, 0.4])
def test_at_once_and_step_by_step_are_the_same(storage, rate):
    """Values, flips and corrections, bit for bit; of maps, and of weights whose codes are known."""
    errors = RatesErrors({"t": rate}) if rate else NoErrors()
    assert (errors.drawn_from("t", 100) is None) == (rate == 0.4)
    for count, at_once, by_steps in both_ways(storage, lambda size: errors):
        assert at_once == by_steps
        assert at_once[0][0] or rate * count < 10


@pytest.mark.parametrize("storage", STORAGES, ids=lambda s: f"{s.precision} {s.unsigned_maps} {s.correction}")
@pytest.mark.parametrize(("shares", "law_count"), [(0.0, 0), (2e-3, 1), (0.05, 1), (1e-3, 2), (0.05, 2)])
@pytest.mark.parametrize("order", ["RoBaRaCoCh", "ChRaBaRoCo"])
def test_weak_cells_at_once_are_those_step_by_step(storage, shares, law_count, order):
    """Likewise, where stretches hold pieces of several rows, and two laws make the same cells weak."""
    address_map = AddressMap(GEOMETRY, order)
    laws = [Uniform(fails, shares).law(GEOMETRY) for fails in (0.5, 0.3)[:law_count]]
    device = Device([laws], address_map, seed=3)

    def errors_of(size):
        return PlacedErrors(device, {"t": Region(address_map, size, 320)})

    for count, at_once, by_steps in both_ways(storage, errors_of):
        cells = errors_of(count).drawn_from("t", count)
        assert (len(np.unique(cells.bit)) < cells.count) == (law_count == 2 and cells.count > 0)
        assert at_once == by_steps
        assert at_once[0][0] or shares * count < 10


def test_each_tensor_has_its_own_room():
    """Two networks in two threads may share the errors, but nothing that a read writes to."""
    address_map = AddressMap(GEOMETRY, "RoBaRaCoCh")
    device = Device([[Uniform(0.5, 0.05).law(GEOMETRY)]], address_map)
    errors = PlacedErrors(device, {"t": Region(address_map, 500)})
    first, second = (Drawn.of(errors.drawn_from("t", 500)) for _ in range(2))
    arrays = zip([first.listed, *first.errors], [second.listed, *second.errors], strict=True)
    shared = [k for k, (a, b) in enumerate(arrays) if isinstance(a, np.ndarray) and np.shares_memory(a, b)]
    before = [np.copy(first.errors[k - 1]) for k in shared]
    for drawn in (first, second):
        codes = np.zeros((1, 500), np.uint8)
        listed, (_, stretch_bits, *table) = drawn
        assert flip_listed(codes, codes.copy(), listed, stretch_bits, tuple(table), 7)
    assert len(shared) == 6
    assert all(np.array_equal(first.errors[k - 1], a) for k, a in zip(shared, before, strict=True))


def test_room_is_shared_while_nobody_keeps_it():
    """The same memory for tensors of a kind; one that needs more gets more, and all of them move there."""
    rooms = Rooms()
    code = code_of(Storage("int8"), "ifm", Range(-1, 1), Range(-1, 1))
    a, b = TensorReads("a", "ifm", code, rooms, 2), TensorReads("b", "ifm", code, rooms, 2)
    small, large, errors = torch.rand(2, 3), torch.rand(4, 5), NoErrors()

    def place(reads, x):
        tensor = reads.pass_through(errors, x, {"a": 0, "b": 0})[0]
        assert tensor.shape == x.shape
        assert (tensor - x).abs().max() < 0.005
        return tensor.data_ptr()

    first = place(a, small)
    assert place(a, small) == place(b, small) == first
    larger = place(b, large)
    assert place(a, small) == larger
