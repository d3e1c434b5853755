"""Boosting: curricular retraining under errors, with the error-free control that any gain must be held against.

`Boosting.paper` is EDEN's recipe (Koppula et al., MICRO 2019, section 3.2): errors in the forward pass only, the rate
raised every two epochs from 0 to the target within 10 to 15 epochs, implausible values zeroed, nothing else changed.
`Boosting.best` adds what lets networks tolerate more: clipped ranges, unsigned maps, ReLU6, rates drawn by step.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from torch import nn
from torch.nn.functional import cross_entropy

from edensim.dnn.bounding import bound_activations, bound_at
from edensim.dnn.curriculum import Curriculum
from edensim.dnn.data.dataset import Data, batches
from edensim.dnn.memory import FaultyMemory
from edensim.dnn.reading import ErrorsAt
from edensim.dnn.storage import Precision, Storage
from edensim.dnn.training import EpochRecord, Loss, Progress, Training, train
from edensim.errors import OutputError


@dataclass(frozen=True)
class Boosting:
    """A recipe.

    Attributes
    ----------
    curriculum : Curriculum
        Bit error rate of every step.
    storage : Storage
        Representation of the tensors, in training and afterwards.
    training : Training
        Optimiser and its course.
    backward : "corrupted" or "clean"
        Values that a layer's backward pass computes with: those the forward pass read, or error-free ones. The paper
        says that the backward pass uses reliable memory, which fits both; no errors are added in it either way.
    relu6 : bool
        Replace `ReLU` modules by `ReLU6` before training, where `bound_activations` finds that it fits.
    """

    curriculum: Curriculum
    storage: Storage = field(default_factory=Storage)
    training: Training = field(default_factory=Training)
    backward: Literal["corrupted", "clean"] = "corrupted"
    relu6: bool = False

    @classmethod
    def paper(cls, target: float, precision: Precision = "int8") -> Boosting:
        """EDEN as published; `target` is the bit error rate to train for."""
        return cls(Curriculum(target), Storage.paper(precision), Training(gradient_clip=0.0))

    @classmethod
    def best(cls, target: float, precision: Precision = "int8") -> Boosting:
        """What tolerates most; `target` may lie above the rate that is hoped for."""
        return cls(Curriculum(target, "spread"), Storage.best(precision), Training(), relu6=True)

    def changed(self, choices: Mapping[str, Any]) -> Boosting:
        """The same with other choices: names of fields of the curriculum, the storage, the training, or its own.

        Raises
        ------
        ConfigError
            If a value is outside of its range, or does not go with the others.
        """
        parts = {name: getattr(self, name) for name in ("curriculum", "storage", "training")}
        parts = {name: replace(x, **_of(x, choices)) for name, x in parts.items()}
        return replace(self, **parts, **_of(self, choices))

    def control(self) -> Boosting:
        """The same without errors."""
        return replace(self, curriculum=replace(self.curriculum, target=0.0))


def _of(part: Any, choices: Mapping[str, Any]) -> dict[str, Any]:
    return {f.name: choices[f.name] for f in fields(part) if f.name in choices}


@dataclass(frozen=True, eq=False)
class Boosted:
    """A network after a recipe, and its memory (calibrated, without errors); likewise the control's."""

    net: nn.Module
    memory: FaultyMemory
    history: list[EpochRecord]
    control: nn.Module
    control_memory: FaultyMemory
    control_history: list[EpochRecord]


def boost(
    net: nn.Module,
    data: Data,
    errors_at: ErrorsAt,
    boosting: Boosting,
    *,
    control: nn.Module | None = None,
    loss: Loss = cross_entropy,
    folder: str | Path | None = None,
    progress: Progress | None = None,
) -> Boosted:
    """Retrain a network under errors, and once more without.

    Parameters
    ----------
    net : torch.nn.Module
        Trained already; stays as it is.
    data : Data
        Its training images are used.
    errors_at : callable
        Bit error rate -> errors of the memory to train for.
    boosting : Boosting
        The recipe.
    control : torch.nn.Module, optional
        Where the control starts from (default: `net`), e.g. the control of an earlier round; stays as it is.
    loss : callable
        (output of the network, labels) -> scalar.
    folder : path, optional
        Where both trainings are kept after every epoch (`boosted.npz`, `control.npz`), and go on from.
    progress : callable, optional
        Is told every `Step`; its `run` is "boosted" or "control".

    Returns
    -------
    Boosted

    Raises
    ------
    InputError, ConfigError
        See `train`.
    OutputError
        If the folder cannot be made.
    """
    root = None if folder is None else _made(Path(folder))
    runs = {}
    bounds = bound_activations(copy.deepcopy(net), batches(data.train)) if boosting.relu6 else []
    for name, recipe, start in (("boosted", boosting, net), ("control", boosting.control(), control or net)):
        own = copy.deepcopy(start)
        bound_at(own, bounds)
        memory = FaultyMemory(own, boosting.storage)
        memory.backward = boosting.backward
        history = train(
            own, data, recipe.training, memory=memory, errors_at=errors_at, curriculum=recipe.curriculum, loss=loss,
            state=root and root / f"{name}.npz", progress=progress, name=name,
        )  # fmt: skip
        runs[name] = (own, memory, history)
    return Boosted(*runs["boosted"], *runs["control"])


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(f"{folder}: cannot be made ({problem.strerror})") from None
    return folder
