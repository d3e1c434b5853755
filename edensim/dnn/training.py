"""Training of a network, on reliable memory or through approximate memory.

Everything random follows from the seed and the number of the epoch or step, so a training that was killed goes on from
its last whole epoch to the same bits (on the same machine and with the same number of threads).
Not modelled: distributed training, mixed precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from edensim.dnn.bounding import bounded
from edensim.dnn.curriculum import Curriculum
from edensim.dnn.data.dataset import Data, augment, batches, parts
from edensim.dnn.memory import READERS, FaultyMemory
from edensim.dnn.reading import ErrorsAt, NoErrors, ReadErrors
from edensim.dnn.state import load_state, save_state
from edensim.dnn.where import device_of, torch_threads
from edensim.errors import ConfigError, InputError

Loss = Callable[[Any, Tensor], Tensor]
FIRST_ACCESS = 1 << 48  # accesses of training never meet those of a measurement
MOST_LEARNING_RATE = 100
MOST_SKIPPED = 0.1  # share of the steps of an epoch that may give no finite loss


@dataclass(frozen=True)
class Training:
    """Optimiser and its course.

    Attributes
    ----------
    epochs, batch : int
        Passes over the training images, images per step (the last, smaller batch is left out).
    optimizer : "adam" or "sgd"
        Adam (0.9, 0.999), or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float
        Highest rate.
    schedule : "one_cycle", "cosine" or "constant"
        Up within the first fifth of the steps and down to nearly 0 along cosines; down along a cosine; the same.
    weight_decay, gradient_clip : float
        Gradient clipping is by norm; 0 for none.
    batch_norm : "update" or "frozen"
        Whether batch norms learn the statistics of what they see, or keep those they have.
    recalibrate : "epoch" or "start"
        When ranges of maps are learned: before every epoch, or once. (Ranges of weights follow the weights.)
    keep_zeros : bool
        Weights of layers that are zero at the start stay zero (pruned networks).
    seed, threads : int
        Seed of order, augmentation, drop-out and drawn rates; threads of torch.

    Raises
    ------
    ConfigError
        If a field is outside of its range.
    """

    epochs: int = 10
    batch: int = 128
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 3e-3
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    weight_decay: float = 0.0
    gradient_clip: float = 5.0
    batch_norm: Literal["update", "frozen"] = "update"
    recalibrate: Literal["epoch", "start"] = "epoch"
    keep_zeros: bool = False
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch": 1, "threads": 1, "weight_decay": 0, "gradient_clip": 0, "seed": 0}
        problems = [
            f"{name} = {getattr(self, name)}: expected at least {low}"
            for name, low in least.items()
            if not low <= getattr(self, name) < math.inf
        ]
        for name, known in {
            "optimizer": ("adam", "sgd"), "schedule": ("one_cycle", "cosine", "constant"),
            "batch_norm": ("update", "frozen"), "recalibrate": ("epoch", "start"),
        }.items():  # fmt: skip
            if getattr(self, name) not in known:
                problems.append(f"{name} = {getattr(self, name)!r}: expected one of {', '.join(known)}")
        if not 0 < self.learning_rate <= MOST_LEARNING_RATE:
            problems.append(f"learning_rate = {self.learning_rate}: expected more than 0, at most {MOST_LEARNING_RATE}")
        if problems:
            raise ConfigError(problems)

    def rate_factor(self, progress: float) -> float:
        """Learning rate at a point 0 … 1 of the training, as a share of the highest."""
        if self.schedule == "constant":
            return 1.0
        if self.schedule == "one_cycle" and progress < 0.2:
            return 0.04 + 0.96 * (0.5 - 0.5 * math.cos(math.pi * progress / 0.2))
        after = (progress - 0.2) / 0.8 if self.schedule == "one_cycle" else progress
        return 0.5 + 0.5 * math.cos(math.pi * after)


@dataclass(frozen=True)
class Step:
    """What a progress callback is told after every step: `done` of `steps`, and that step's loss and rate of errors."""

    run: str
    done: int
    steps: int
    epoch: int
    loss: float
    rate: float


Progress = Callable[[Step], None]


@dataclass
class EpochRecord:
    """An epoch: mean loss, mean bit error rate of its steps, and steps left out because their loss was not finite."""

    epoch: int
    loss: float
    rate: float
    skipped: int


@dataclass
class _Run:
    """A training under way."""

    net: nn.Module
    data: Data
    training: Training
    memory: FaultyMemory | None
    errors_at: ErrorsAt | None
    curriculum: Curriculum
    loss: Loss
    progress: Progress | None
    name: str
    known: dict[float, ReadErrors] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kind = torch.optim.Adam if self.training.optimizer == "adam" else torch.optim.SGD
        options = {} if self.training.optimizer == "adam" else {"momentum": 0.9, "nesterov": True}
        options["weight_decay"] = self.training.weight_decay
        self.optimizer = kind(self.net.parameters(), lr=self.training.learning_rate, **options)
        # None of these optimisers moves a weight whose gradient is zero from the start.
        weights = [m.weight for m in self.net.modules() if isinstance(m, READERS)] if self.training.keep_zeros else []
        self.masks = [(weight, weight.detach() != 0) for weight in weights]
        self.steps = len(self.data.train.labels) // self.training.batch
        if not self.steps:
            raise ConfigError(
                f"batch = {self.training.batch}: {self.data.name} has {len(self.data.train.labels)} training images"
            )

    def epoch(self, epoch: int) -> EpochRecord:
        """Train for one epoch."""
        t, count = self.training, len(self.data.train.labels)
        if self.memory is not None:
            if t.recalibrate == "epoch" or epoch == 0:
                self.memory.calibrate(batches(self.data.train))
            self.memory.rewind(FIRST_ACCESS + (epoch << 32))
        self.net.train()
        if t.batch_norm == "frozen":
            for module in self.net.modules():
                if isinstance(module, nn.modules.batchnorm._NormBase):
                    module.eval()
        order = np.random.default_rng([t.seed, 0, epoch]).permutation(count)
        losses, rates = [], []
        with self.memory or nullcontext():
            for k, index in enumerate(parts(order, t.batch)[: self.steps]):
                loss, rate = self._step(epoch * self.steps + k, index, epoch)
                losses.append(loss)
                rates.append(rate)
        finite = [x for x in losses if math.isfinite(x)]
        skipped = len(losses) - len(finite)
        if skipped > MOST_SKIPPED * len(losses):
            raise self._no_loss(epoch, f"{skipped} of {len(losses)} steps", max(rates))
        return EpochRecord(epoch, math.fsum(finite) / len(finite), math.fsum(rates) / len(rates), skipped)

    def _step(self, step: int, index: np.ndarray, epoch: int) -> tuple[float, float]:
        t, total = self.training, self.steps * self.training.epochs
        rng = np.random.default_rng([t.seed, 1, step])
        torch.manual_seed(int(rng.integers(1 << 62)))
        device = device_of(self.net)
        x = augment(self.data.train.images(index), self.data, rng).to(device)
        rate = self.curriculum.rate(step, self.steps, t.epochs, rng) if self.memory is not None else 0.0
        if self.memory is not None:
            self.memory.errors = self._errors(rate)
        loss = self.loss(self.net(x), torch.from_numpy(self.data.train.labels[index]).to(device))
        value = float(loss.detach())
        if math.isfinite(value):
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            for parameter, mask in self.masks:
                if parameter.grad is not None:
                    parameter.grad.mul_(mask)
            if t.gradient_clip:
                nn.utils.clip_grad_norm_(self.net.parameters(), t.gradient_clip)
            for group in self.optimizer.param_groups:
                group["lr"] = t.learning_rate * t.rate_factor(step / total)
            self.optimizer.step()
        elif not rate:
            raise self._no_loss(epoch, f"step {step}", rate)
        if self.progress:
            self.progress(Step(self.name, step + 1, total, epoch, value, rate))
        return value, rate

    def _errors(self, rate: float) -> ReadErrors:
        if not rate or self.errors_at is None:
            return NoErrors()
        if rate not in self.known:
            self.known[rate] = self.errors_at(rate)
        return self.known[rate]

    def _no_loss(self, epoch: int, where: str, rate: float) -> InputError:
        advice = "a lower target or a correction of implausible values" if rate else "a lower learning_rate"
        return InputError(
            f"training ({self.name}): the loss of {where} in epoch {epoch} is NaN or infinite, at learning_rate "
            f"{self.training.learning_rate:g} and bit error rates up to {rate:g}; try {advice}. Whole epochs are kept."
        )


def train(
    net: nn.Module,
    data: Data,
    training: Training | None = None,
    *,
    memory: FaultyMemory | None = None,
    errors_at: ErrorsAt | None = None,
    curriculum: Curriculum | None = None,
    loss: Loss = cross_entropy,
    state: str | Path | None = None,
    progress: Progress | None = None,
    name: str = "training",
) -> list[EpochRecord]:
    """Train a network in place.

    Parameters
    ----------
    net : torch.nn.Module
    data : Data
        Its training images are used.
    training : Training, optional
    memory : FaultyMemory, optional
        Memory of this network to read through in forward passes (default: none, floats on reliable memory). Is
        calibrated again at the end.
    errors_at : callable, optional
        Bit error rate -> errors of the memory (default: no errors, whatever the curriculum says).
    curriculum : Curriculum, optional
        Rates (default: 0).
    loss : callable
        (output of the network, labels) -> scalar.
    state : path, optional
        File that keeps the training after every epoch, and from which it goes on.
    progress : callable, optional
        Is told every `Step`.
    name : str
        Name of the run in messages.

    Returns
    -------
    list of EpochRecord

    Raises
    ------
    InputError
        If the loss is NaN or infinite on error-free memory, or in more than a tenth of the steps of an epoch; if the
        file `state` belongs to another training.
    """
    training, curriculum = training or Training(), curriculum or Curriculum(0.0)
    run = _Run(net, data, training, memory, errors_at, curriculum, loss, progress, name)
    settings = {
        "training": asdict(training), "curriculum": asdict(curriculum), "data": data.name, "steps": run.steps,
        "storage": asdict(memory.storage) if memory else None,
    }  # fmt: skip
    if names := bounded(net):
        settings["relu6"] = names
    history: list[EpochRecord] = []
    if state is not None and Path(state).exists():
        records, tensors = load_state(state, net, run.optimizer, settings)
        history = [EpochRecord(**record) for record in records]
        if memory is not None:
            memory.restore(tensors)
    with torch_threads(training.threads), torch.random.fork_rng():
        for epoch in range(len(history), training.epochs):
            history.append(run.epoch(epoch))
            if state is not None:
                tensors = memory.tensors if memory else {}
                save_state(state, net, run.optimizer, settings, [asdict(x) for x in history], tensors)
        if memory is not None:
            memory.calibrate(batches(data.train), maps=training.recalibrate == "epoch")
    return history
