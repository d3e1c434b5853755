"""A network with its data on the bench: trained, boosted, and measured under errors.

Everything is chosen on validation images, which are training images set aside; only the final evaluation sees the test
images. Torch is asked for through `edensim.dnn` only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edensim import dnn
from edensim.config.eden_schema import Eden
from edensim.eden.coarse import Search, Tolerance, target_of, tolerable_ber
from edensim.eden.estimate import Estimate
from edensim.eden.fine import FineTolerance, MeasureRates, Worth, guided, sensitivities, sweep
from edensim.errors import InputError, did_you_mean
from edensim.workloads.layer import Network

Progress = Callable[[float, float | None, str], None]


@dataclass
class Bench:
    """A network and its data.

    Attributes
    ----------
    net : torch.nn.Module
        Trained, unboosted.
    data : edensim.dnn.Data
        Without the validation images.
    validation : edensim.dnn.Split
    clean : float
        Accuracy of `net` on reliable memory, on the validation images.
    """

    plan: Eden
    net: Any
    data: Any
    validation: Any
    progress: Progress | None = None
    clean: float = field(init=False)

    def __post_init__(self) -> None:
        self.clean = dnn.accuracy(self.net, self.validation).value
        target_of(self.clean, self.plan.max_loss)

    @property
    def search(self) -> Search:
        """How rates are searched."""
        return Search(precision=self.plan.search_factor, most_repeats=self.plan.repeats)

    @property
    def target(self) -> float:
        """Accuracy to keep."""
        return target_of(self.clean, self.plan.max_loss)

    def table(self) -> Network:
        """The network as a table of layers."""
        return dnn.to_network(self.net, self.data.shape, self.plan.network)

    def plain_memory(self) -> Any:
        """Memory of the unboosted network, in the paper's storage."""
        memory = dnn.FaultyMemory(self.net, dnn.Storage.paper(self.plan.precision))
        memory.calibrate(dnn.batches(self.data.train))
        return memory

    def boost(self, start: Any, control: Any, ber: float, errors_at: Any, folder: Path, seed: int) -> Any:
        """One round of boosting from `start`, its control from `control`; goes on from what is in the folder."""
        make = dnn.Boosting.paper if self.plan.recipe == "paper" else dnn.Boosting.best
        chosen = {name: value for name, value in self.plan.boosting if value is not None}
        recipe = make(ber, self.plan.precision).changed(chosen)
        recipe = replace(recipe, training=replace(recipe.training, epochs=self.plan.boost_epochs, seed=seed))
        return dnn.boost(start, self.data, errors_at, recipe, control=control, folder=folder, progress=self._steps())

    def coarse(self, memory: Any, errors_at: Any, label: str) -> Tolerance:
        """Tolerable bit error rate of the network under a memory."""

        def measure(ber: float, repeat: int) -> list[float]:
            memory.errors = errors_at(ber)
            self._tell(f"{label} at {ber:.3g}")
            return self.shares(memory, self.validation, repeat)

        return tolerable_ber(measure, self.clean, self.plan.max_loss, self.search)

    def curve(self, memory: Any, errors_at: Any, rates: list[float]) -> dict[float, Estimate]:
        """Accuracy at given rates."""
        found = {}
        for rate in rates:
            memory.errors = errors_at(rate)
            found[rate] = Estimate.of(self.shares(memory, self.validation, 0))
        return found

    def fine(self, memory: Any, errors_at: Any, start: float, worth: Worth) -> FineTolerance:
        """Tolerable rate of every tensor, from the coarse rate."""
        measure, names = self._by_tensor(memory, errors_at), list(memory.tensors)

        def tell(done: int, total: int, label: str) -> None:
            self._tell(f"fine: {label}", done, total)

        if self.plan.granularity == "sweep":
            return sweep(measure, names, start, self.target, search=self.search, progress=tell)
        clean = Estimate.of(measure({}, 0)).mean
        losses = sensitivities(measure, names, worth.measured(start), clean, tell)
        return guided(measure, losses, clean, self.target, worth, start, self.search)

    def shares(self, memory: Any, images: Any, repeat: int) -> list[float]:
        """Accuracy under each draw of the errors the memory has now."""
        found = dnn.accuracy(memory.net, images, memory, batch=self.plan.images_per_draw, repeat=repeat)
        return [c / n for c, n in zip(found.correct, found.images, strict=True)]

    def _by_tensor(self, memory: Any, errors_at: Any) -> MeasureRates:
        def measure(rates: Mapping[str, float], repeat: int) -> list[float]:
            memory.errors = dnn.RatesErrors(rates, errors_at)
            return self.shares(memory, self.validation, repeat)

        return measure

    def _steps(self) -> Any:
        if self.progress is None:
            return None
        tell = self.progress
        return lambda step: tell(step.done, step.steps, f"{step.run}, epoch {step.epoch + 1}")

    def _tell(self, label: str, done: float = 0, total: float | None = None) -> None:
        if self.progress is not None:
            self.progress(done, total, label)


def load_data(plan: Eden, base_folder: Path, seed: int) -> Any:
    """The data set that a configuration names.

    Raises
    ------
    InputError
        If a folder or file is missing or damaged.
    """
    if plan.data == "glyphs":
        return dnn.glyphs(plan.train_images, plan.test_images, seed)
    if plan.data == "digits":
        return dnn.digits(seed)
    path = next((p for p in (base_folder / plan.data, Path(plan.data)) if p.exists()), None)
    if path is None:
        raise InputError(
            f"eden.data = {plan.data!r}: there is no such folder or file, and it is not glyphs or digits"
            f"{did_you_mean(plan.data, ('glyphs', 'digits'))}"
        )
    if path.suffix == ".npz":
        return dnn.npz_data(path)
    if (path / "data_batch_1.bin").exists() or (path / "cifar-10-batches-bin").exists():
        return dnn.cifar10(path)
    return dnn.image_folder(path)


def open_bench(plan: Eden, base_folder: Path, folder: Path, seed: int, progress: Progress | None = None) -> Bench:
    """Load data and network, and train it unless the configuration gives weights or the folder holds it already.

    Raises
    ------
    InputError, ConfigError
        As `load_data`, `make_net`, `load_weights` and `train`.
    """
    whole = load_data(plan, base_folder, seed)
    data, validation = whole.with_validation(min(plan.validation_images, len(whole.train.labels) // 2), seed)
    net = dnn.make_net(plan.network, seed, data.shape, data.classes)
    kept = folder / "base.npz"
    if kept.exists():
        dnn.load_weights(net, kept)
    elif plan.weights is not None:
        path = next((p for p in (base_folder / plan.weights, Path(plan.weights)) if p.exists()), Path(plan.weights))
        dnn.load_weights(net, path)
    else:
        tell = (lambda s: progress(s.done, s.steps, f"training, epoch {s.epoch + 1}")) if progress else None
        training = dnn.Training(epochs=plan.epochs, seed=seed)
        dnn.train(net, data, training, state=folder / "training.npz", progress=tell)
        dnn.save_weights(net, kept)
    return Bench(plan, net, data, validation, progress)
