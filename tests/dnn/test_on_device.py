"""Reads in torch's own operations, bit for bit those of the kernels: of CPU tensors, and on a GPU if there is one."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edensim import rng  # noqa: E402
from edensim.approx import Device, Region, Uniform  # noqa: E402
from edensim.approx.build import build_model  # noqa: E402
from edensim.approx.region import PLAIN  # noqa: E402
from edensim.dnn import (  # noqa: E402
    FaultyMemory,
    FreshErrors,
    NoErrors,
    PlacedErrors,
    RatesErrors,
    Storage,
    make_net,
    memory,
    on_device,
)
from edensim.dnn.codes import code_of  # noqa: E402
from edensim.dnn.storage import Range  # noqa: E402

no_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch.cuda.is_available() is False")
DEVICES = [torch.device("cpu"), pytest.param(torch.device("cuda"), marks=no_gpu)]
on_every_device = pytest.mark.parametrize("device", DEVICES, ids=str)


@on_every_device
def test_words_are_those_of_the_kernels(device):
    """Keys and counters from all of 64 bits, also where sums and products run over."""
    words = np.random.default_rng(0).integers(0, 1 << 64, 200, dtype=np.uint64)
    words[:3] = 0, 1 << 63, (1 << 64) - 1
    signed = torch.from_numpy(words.view(np.int64)).to(device)
    for counter in (0, 1, (1 << 40) + 7):
        found = on_device.draw(signed, counter).cpu().numpy().view(np.uint64)
        assert (found == rng.draw(words, counter)).all()


@on_every_device
@pytest.mark.parametrize("rate", [0.0, 1e-5, 1e-3, 0.05])
@pytest.mark.parametrize("size", [3, 700, 1024, 30_000])
def test_fresh_errors(device, rate, size):
    """Every bit and the number of flips are those of `corrupt`, also where points hit twice and rows end early."""
    errors = FreshErrors(rate, seed=4)
    stored = np.random.default_rng(2).integers(0, 256, (3, size), dtype=np.uint8)
    read = torch.from_numpy(stored.copy()).to(device)
    source = on_device.draws_on(device, errors, "a", size)
    flips = on_device.toggle(source, read, 11)
    assert flips == errors.corrupt("a", stored, 11)
    assert (read.cpu().numpy() == stored).all()
    assert flips or rate * size < 1


MODELS = {
    "half": Uniform(0.5, 0.01), "always": Uniform(1.0, 0.01), "data": build_model("data_dependent", 1e-3),
    "bitline": build_model("bitline", 1e-3), "wordline": build_model("wordline", 1e-3),
}  # fmt: skip


@on_every_device
@pytest.mark.parametrize("model", MODELS)
def test_weak_cells(device, model):
    """Every bit and the number of flips are those of `corrupt`, for all error models; also cells weak by two laws."""
    geometry = PLAIN.geometry
    laws = [MODELS[model].law(geometry), Uniform(0.5, 0.05).law(geometry)]
    errors = PlacedErrors(Device([laws], seed=5), {"a": Region(PLAIN, 5_001, 64)})
    stored = np.random.default_rng(2).integers(0, 256, (4, 5_001), dtype=np.uint8)
    read = torch.from_numpy(stored.copy()).to(device)
    source = on_device.draws_on(device, errors, "a", 5_001)
    assert isinstance(source, on_device.Cells)
    assert len(source.bits) < len(source.group)
    flips = on_device.fail(source, read, 9)
    assert flips == errors.corrupt("a", stored, 9) > 0
    assert (read.cpu().numpy() == stored).all()


def test_reads_in_parts_are_the_same(monkeypatch):
    """How many reads are drawn at once changes nothing."""
    size, device = 1500, torch.device("cpu")
    weak = PlacedErrors(Device([[Uniform(0.5, 0.01).law(PLAIN.geometry)]]), {"a": Region(PLAIN, size)})
    for errors, draw in ((FreshErrors(1e-2), on_device.toggle), (weak, on_device.fail)):
        source, found = on_device.draws_on(device, errors, "a", size), []
        for most in (1 << 24, 1):
            monkeypatch.setattr(on_device, "MOST", most)
            codes = torch.zeros(5, size, dtype=torch.uint8)
            found.append((draw(source, codes, 3), codes))
        assert found[0][0] == found[1][0] > 0
        assert torch.equal(found[0][1], found[1][1])


def test_what_the_host_has_to_draw():
    """Rates too high for points, fresh laws of placed tensors, errors that say nothing; what has none needs nobody."""
    placed = PlacedErrors(Device([[Uniform(1e-3).law(PLAIN.geometry)]]), {"a": Region(PLAIN, 100)})
    cpu = torch.device("cpu")
    for errors in (FreshErrors(0.3), placed, object(), RatesErrors({"a": 0.3})):
        assert on_device.draws_on(cpu, errors, "a", 100) is None
    for errors in (NoErrors(), FreshErrors(0.0), RatesErrors({"b": 0.3})):
        assert (
            on_device.toggle(on_device.draws_on(cpu, errors, "a", 100), torch.zeros(2, 100, dtype=torch.uint8), 0) == 0
        )


@on_every_device
@pytest.mark.parametrize("precision", ["int4", "int8", "int16", "fp32"])
@pytest.mark.parametrize("unsigned", [False, True])
def test_codes_and_values(device, precision, unsigned):
    """Codes, decoded and corrected values bit for bit those of `Code`; NaN, infinities and ties among them."""
    low = 0.0 if unsigned else -2.0
    for correction in ("zero", "saturate", "none"):
        storage = Storage(precision, unsigned_maps=unsigned, correction=correction)
        code = code_of(storage, "ifm", Range(low, 3.0), Range(low, 3.0))
        values = np.random.default_rng(1).normal(0, 2, (3, 501)).astype(np.float32)
        values[0, :6] = np.nan, np.inf, -np.inf, -0.0, 0.5 * code.scale, 1.5 * code.scale
        stored = np.empty((3, code.row_bytes(501)), np.uint8)
        code.encode(values, stored)
        codes = on_device.encode(code, torch.from_numpy(values).to(device))
        assert (codes.cpu().numpy() == stored).all()
        read = np.empty_like(values)
        corrected = code.decode(stored, read)
        found, number = on_device.decode(code, codes, 501)
        assert number == corrected
        assert (found.cpu().numpy().view(np.int32) == read.view(np.int32)).all()


@pytest.mark.parametrize("precision", ["int4", "int8", "fp32"])
def test_a_network_reads_the_same(precision, monkeypatch):
    """Outputs, gradients and counts of a network read in torch's operations are those of the kernels."""
    net = make_net("resnet-small").eval()
    x = torch.randn(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    found = []
    for at_host in (True, False):
        monkeypatch.setattr(memory, "_at_host", lambda x, at_host=at_host: at_host)
        kinds = ("weights", "ifm", "constants")
        under = FaultyMemory(net, Storage(precision, kinds=kinds), FreshErrors(1e-3, 3))
        under.calibrate([x])
        with torch.no_grad(), under:
            outputs = [net(x), net(x[:2])]
        with under:
            net.zero_grad()
            net(x).square().sum().backward()
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        found.append((under.flips, under.corrected, under.bits_read, outputs + gradients))
    assert found[0][:3] == found[1][:3]
    assert found[0][0]
    assert all(torch.equal(a, b) for a, b in zip(found[0][3], found[1][3], strict=True))
