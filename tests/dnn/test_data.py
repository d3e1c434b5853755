"""Data sets, whole and damaged."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edensim.dnn import batches, cifar10, digits, glyphs, image_folder, npz_data  # noqa: E402
from edensim.dnn.data import augment, cifar  # noqa: E402
from edensim.errors import InputError  # noqa: E402

RECORDS = 20


def test_glyphs_follow_from_the_seed():
    """Same seed, same images; another seed, or the other part, other ones; classes about equally many."""
    a, b, c = glyphs(2000, 500), glyphs(2000, 500), glyphs(2000, 500, seed=1)
    assert np.array_equal(a.train.pixels, b.train.pixels)
    assert np.array_equal(a.test.labels, b.test.labels)
    assert not np.array_equal(a.train.pixels, c.train.pixels)
    assert not np.array_equal(a.train.pixels[:500], a.test.pixels)
    # 200 expected of each class; 5.6 standard deviations, false alarm 2e-7.
    assert np.abs(np.bincount(a.train.labels) - 200).max() < 75
    x = a.train.images(np.arange(2000))
    assert x.dtype == torch.float32
    assert abs(float(x.mean())) < 1e-3
    assert abs(float(x.std()) - 1) < 1e-3


def test_glyphs_need_more_than_pixels():
    """Mean images of classes, which know no strokes, sort no better than by chance (either polarity): below 25 %."""
    data = glyphs(4000, 1000)
    x, y = data.train.images(np.arange(4000)).flatten(1).numpy(), data.train.labels
    means = np.stack([x[y == k].mean(0) for k in range(10)])
    test = data.test.images(np.arange(1000)).flatten(1).numpy()
    guess = ((test[:, None] - means) ** 2).sum(2).argmin(1)
    assert (guess == data.test.labels).mean() < 0.25


def test_digits():
    """1197 and 600 different images of ten classes."""
    pytest.importorskip("sklearn")
    data = digits()
    assert (len(data.train.labels), len(data.test.labels), data.classes, data.shape) == (1197, 600, 10, (1, 16, 16))


def test_spread_validation_and_augmentation():
    """Batches are evenly spread; validation images are drawn from the training images, each once; a shift is a roll."""
    data = glyphs(1000, 100)
    assert [len(x) for x in batches(data.train, images=7, size=4)] == [4, 3]
    assert torch.equal(next(batches(data.train, 10, 10)), data.train.images(np.arange(0, 1000, 100)))
    rest, held = data.with_validation(200)
    together = np.concatenate([rest.train.pixels, held.pixels]).reshape(1000, -1)
    assert np.array_equal(np.unique(together, axis=0), np.unique(data.train.pixels.reshape(1000, -1), axis=0))
    with pytest.raises(InputError, match="1000 validation images of 1000"):
        data.with_validation(1000)
    x = data.train.images(np.arange(4))
    moved = augment(x, data, np.random.default_rng(5))
    assert any(torch.equal(moved, x.roll((a, b), (2, 3))) for a in (-1, 0, 1) for b in (-1, 0, 1))


@pytest.fixture
def cifar_folder(tmp_path, monkeypatch):
    """The six files, with 20 records each."""
    monkeypatch.setattr(cifar, "RECORDS", RECORDS)
    rng = np.random.default_rng(0)
    for name in cifar.TRAIN + cifar.TEST:
        records = rng.integers(0, 256, (RECORDS, cifar.RECORD), dtype=np.uint8)
        records[:, 0] %= 10
        records.tofile(tmp_path / name)
    return tmp_path


def test_cifar(cifar_folder):
    """Labels first, then red, green and blue planes, as they lie in the files."""
    data = cifar10(cifar_folder)
    assert (len(data.train.labels), len(data.test.labels), data.shape) == (5 * RECORDS, RECORDS, (3, 32, 32))
    raw = (cifar_folder / "data_batch_2.bin").read_bytes()
    assert data.train.labels[RECORDS] == raw[0]
    assert data.train.pixels[RECORDS, 1, 2, 3] == raw[1 + 1024 + 2 * 32 + 3]


def test_damaged_cifar(cifar_folder, tmp_path):
    """Missing folder, missing file, wrong size, impossible label: each told with the file."""
    with pytest.raises(InputError, match="no such folder"):
        cifar10(tmp_path / "absent")
    path = cifar_folder / "data_batch_3.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[: 5 * 3073] + b"\xff" + whole[5 * 3073 + 1 :])
    with pytest.raises(InputError, match="data_batch_3.bin: record 5 has label 255"):
        cifar10(cifar_folder)
    path.write_bytes(whole[:-1])
    with pytest.raises(InputError, match="61,459 bytes; expected 61,460"):
        cifar10(cifar_folder)
    path.unlink()
    with pytest.raises(InputError, match="data_batch_3.bin: no such file"):
        cifar10(cifar_folder)


@pytest.fixture
def image_root(tmp_path):
    """Two classes of one-colour images."""
    image = pytest.importorskip("PIL.Image")
    for part, count in (("train", 3), ("val", 2)):
        for colour in ("black", "white"):
            folder = tmp_path / part / colour
            folder.mkdir(parents=True)
            for i in range(count):
                image.new("RGB", (40, 30 + i), colour).save(folder / f"{i}.png")
    return tmp_path


def test_class_folders(image_root):
    """Classes by folder name, images cut to squares, values as torchvision's weights expect them."""
    data = image_folder(image_root, size=16)
    assert (len(data.train.labels), data.test.labels.tolist(), data.classes) == (6, [0, 0, 1, 1], 2)
    x = data.test.images(np.array([0, 3]))
    assert x.shape == (2, 3, 16, 16)
    assert torch.allclose(
        x[:, :, 5, 5], torch.tensor([[-2.1179, -2.0357, -1.8044], [2.2489, 2.4286, 2.6400]]), atol=1e-4
    )
    assert len(image_folder(image_root, size=16, limit=1).train.labels) == 2


def test_damaged_class_folders(image_root):
    """No image, no class, other classes, no folders."""
    (image_root / "val" / "white" / "0.png").write_bytes(b"not an image")
    data = image_folder(image_root, size=16)
    with pytest.raises(InputError, match=r"0.png: is not an image"):
        data.test.images(np.array([2]))
    (image_root / "train" / "grey").mkdir()
    with pytest.raises(InputError, match="grey: holds no image"):
        image_folder(image_root)
    (image_root / "train" / "grey" / "a.jpg").touch()
    with pytest.raises(InputError, match="differ in classes: grey"):
        image_folder(image_root)
    with pytest.raises(InputError, match="expected folders train and val"):
        image_folder(image_root / "train" / "black")


def save(path, **changes):
    rng = np.random.default_rng(0)
    parts = {
        "x_train": rng.integers(0, 255, (9, 8, 8, 3), dtype=np.uint8), "y_train": np.arange(9) % 3,
        "x_test": rng.integers(0, 255, (4, 8, 8, 3), dtype=np.uint8), "y_test": np.arange(4) % 3,
    }  # fmt: skip
    np.savez(path, **{k: v for k, v in (parts | changes).items() if v is not None})


def test_npz(tmp_path):
    """Channels first or last, or none."""
    path = tmp_path / "own.npz"
    save(path)
    data = npz_data(path)
    assert (data.name, data.shape, data.classes) == ("own", (3, 8, 8), 3)
    save(path, x_train=np.zeros((9, 8, 8)), x_test=np.ones((4, 8, 8)))
    assert npz_data(path).shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, "lacks y_test"),
        ({"y_train": np.arange(8)}, "y_train holds 8"),
        ({"y_train": np.zeros(9)}, "float64 values; expected a whole number"),
        ({"x_train": np.full((9, 8, 8, 3), np.nan)}, "x_train holds NaN"),
        ({"x_test": np.zeros((4, 3))}, r"x_test has shape \(4, 3\)"),
        ({"x_test": np.zeros((4, 9, 9, 3), np.uint8)}, r"images are \(3, 8, 8\) and \(3, 9, 9\)"),
        ({"y_test": np.arange(4) - 1}, "labels begin at -1"),
    ],
)
def test_damaged_npz(tmp_path, changes, message):
    """What is wrong with the arrays is told with the file."""
    save(tmp_path / "own.npz", **changes)
    with pytest.raises(InputError, match=message):
        npz_data(tmp_path / "own.npz")


def test_bomb(tmp_path):
    """A small file that unpacks to a thousand times its size is refused before any of it is unpacked."""
    np.savez_compressed(tmp_path / "bomb.npz", x_train=np.zeros(80 << 20, np.uint8))
    with pytest.raises(InputError, match="zip bomb"):
        npz_data(tmp_path / "bomb.npz")


def test_no_npz(tmp_path):
    """A missing file, and one that is none."""
    with pytest.raises(InputError, match="no such file"):
        npz_data(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(InputError, match="is damaged, or is not a data set"):
        npz_data(tmp_path / "text.npz")
