"""Networks on approximate memory: accuracy under bit errors, and retraining that raises what a network tolerates.

The only package that imports torch (`pip install 'edensim[dnn]'`); names are imported when first used.

>>> from edensim import dnn
>>> data = dnn.glyphs()                                                                      # doctest: +SKIP
>>> net = dnn.make_net("lenet-small", shape=data.shape)                                      # doctest: +SKIP
>>> dnn.train(net, data)                                                                     # doctest: +SKIP
>>> memory = dnn.FaultyMemory(net, dnn.Storage.paper("int8"), dnn.FreshErrors(1e-3))         # doctest: +SKIP
>>> memory.calibrate(dnn.batches(data.train))                                                # doctest: +SKIP
>>> dnn.accuracy(net, data.test, memory).interval("patterns")                                # doctest: +SKIP
>>> boosted = dnn.boost(net, data, dnn.FreshErrors, dnn.Boosting.paper(1e-3))                # doctest: +SKIP

The errors of a memory are any object with the method of `ReadErrors`; what makes one from a bit error rate, here
`FreshErrors`, gives a training its levels. The parts:

- `nets`, `weights`: networks, and a user's weights from files;
- `data`: data sets;
- `layers`: any torch module as a table of layers for the machines (`to_network`);
- `storage`, `codes`, `ranges`, `memory`, `passing`: how tensors are stored, and the memory under a network;
- `reading`, `injected`, `on_device`: errors of reads, fresh or those of a device at the tensors' addresses; on GPUs;
- `scoring`: accuracy with intervals;
- `curriculum`, `training`, `boosting`, `state`: retraining, resumable; `pruning`: pruned variants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edensim.errors import MissingExtraError

if TYPE_CHECKING:
    from edensim.dnn.boosting import Boosted, Boosting, boost
    from edensim.dnn.bounding import bound_activations
    from edensim.dnn.curriculum import Curriculum
    from edensim.dnn.data import ArraySplit, Data, Split, batches, cifar10, digits, glyphs, image_folder, npz_data
    from edensim.dnn.injected import FreshErrors, PlacedErrors, RatesErrors
    from edensim.dnn.layers import to_network
    from edensim.dnn.memory import FaultyMemory
    from edensim.dnn.nets import FULL, SMALL, make_net
    from edensim.dnn.pruning import prune, prune_and_train
    from edensim.dnn.reading import ErrorsAt, NoErrors, ReadErrors
    from edensim.dnn.scoring import Accuracy, accuracy, under_errors
    from edensim.dnn.storage import Storage, StoredTensor
    from edensim.dnn.training import EpochRecord, Step, Training, train
    from edensim.dnn.weights import load_weights, save_weights

_HOMES = {
    **dict.fromkeys(["Accuracy", "accuracy", "under_errors"], "scoring"),
    **dict.fromkeys(["Boosted", "Boosting", "boost"], "boosting"),
    "bound_activations": "bounding",
    "Curriculum": "curriculum",
    **dict.fromkeys(
        ["ArraySplit", "Data", "Split", "batches", "cifar10", "digits", "glyphs", "image_folder", "npz_data"], "data"
    ),
    **dict.fromkeys(["FreshErrors", "PlacedErrors", "RatesErrors"], "injected"),
    "to_network": "layers",
    "FaultyMemory": "memory",
    **dict.fromkeys(["FULL", "SMALL", "make_net"], "nets"),
    **dict.fromkeys(["prune", "prune_and_train"], "pruning"),
    **dict.fromkeys(["ErrorsAt", "NoErrors", "ReadErrors"], "reading"),
    **dict.fromkeys(["Storage", "StoredTensor"], "storage"),
    **dict.fromkeys(["EpochRecord", "Step", "Training", "train"], "training"),
    **dict.fromkeys(["load_weights", "save_weights"], "weights"),
}

__all__ = [
    "FULL",
    "SMALL",
    "Accuracy",
    "ArraySplit",
    "Boosted",
    "Boosting",
    "Curriculum",
    "Data",
    "EpochRecord",
    "ErrorsAt",
    "FaultyMemory",
    "FreshErrors",
    "NoErrors",
    "PlacedErrors",
    "RatesErrors",
    "ReadErrors",
    "Split",
    "Step",
    "Storage",
    "StoredTensor",
    "Training",
    "accuracy",
    "batches",
    "boost",
    "bound_activations",
    "cifar10",
    "digits",
    "glyphs",
    "image_folder",
    "load_weights",
    "make_net",
    "npz_data",
    "prune",
    "prune_and_train",
    "save_weights",
    "to_network",
    "train",
    "under_errors",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562).

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    """
    if name not in _HOMES:
        raise AttributeError(f"module 'edensim.dnn' has no attribute {name!r}")
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise MissingExtraError("torch", "dnn", "training and faulty inference of networks")
    value = getattr(import_module(f"edensim.dnn.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
