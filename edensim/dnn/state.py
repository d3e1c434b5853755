"""The state of a training after an epoch, in one .npz file of plain arrays and a JSON text: whole, or not there.

Kept: parameters and buffers, the optimiser's moments, what the memory holds and in what ranges, the history of epochs,
and the settings, which must be the same when the training goes on.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edensim.dnn.array_file import read_arrays
from edensim.dnn.bounding import bounded
from edensim.dnn.fitting import check_fit, fill
from edensim.dnn.storage import Range, StoredTensor
from edensim.errors import ConfigError, InputError
from edensim.output import atomic_output

NET, MOMENTS, TEXT, RELU6 = "net/", "optimizer/", "text", "relu6"


def save_state(
    path: str | Path,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    settings: dict[str, Any],
    history: list[dict[str, Any]],
    tensors: dict[str, StoredTensor],
) -> None:
    """Write a state, over an older one.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    arrays = weights_of(net)
    for index, moments in optimizer.state_dict()["state"].items():
        arrays |= {f"{MOMENTS}{index}/{key}": to_array(torch.as_tensor(value)) for key, value in moments.items()}
    text = {"settings": settings, "history": history, "tensors": [asdict(t) for t in tensors.values()]}
    arrays[TEXT] = np.frombuffer(json.dumps(text).encode(), np.uint8)
    with atomic_output(path, force=True) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load_state(
    path: str | Path, net: nn.Module, optimizer: torch.optim.Optimizer, settings: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, StoredTensor]]:
    """Put a state back; returns its history and its tensors.

    Raises
    ------
    InputError
        If the file is damaged, or belongs to another network.
    ConfigError
        If it belongs to a training with other settings.
    """
    arrays = read_arrays(Path(path), "the state of a training")
    try:
        text = json.loads(arrays.pop(TEXT).tobytes())
        found, history, listed = text["settings"], list(text["history"]), list(text["tensors"])
        tensors = [StoredTensor(**(x | {"range": Range(*x["range"]), "shape": tuple(x["shape"])})) for x in listed]
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: is not the state of a training") from None
    differences = _differences(found, json.loads(json.dumps(settings)))
    if differences:
        raise ConfigError(
            f"{path}: was written by a training with other settings: {'; '.join(differences)}. Give back the old "
            "ones to go on, or another file to begin anew."
        )
    weights = {name[len(NET) :]: array for name, array in arrays.items() if name.startswith(NET)}
    check_fit(net, weights, str(path))
    fill(net, weights)
    state: dict[int, dict[str, Any]] = {}
    for name, array in arrays.items():
        if name.startswith(MOMENTS):
            index, key = name[len(MOMENTS) :].split("/")
            state.setdefault(int(index), {})[key] = torch.from_numpy(array)
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return history, {t.name: t for t in tensors}


def weights_of(net: nn.Module) -> dict[str, NDArray[Any]]:
    """What a file holds of a network: its arrays, and which activations are bounded, if any are."""
    arrays = {NET + name: to_array(value) for name, value in net.state_dict().items()}
    names = bounded(net)
    return arrays | {RELU6: np.array(names)} if names else arrays


def _differences(found: Any, wanted: Any, where: str = "") -> list[str]:
    """Settings that are not the same, as "name was …, is …"."""
    if found == wanted:
        return []
    if not (isinstance(found, dict) and isinstance(wanted, dict)):
        return [f"{where} was {found}, is {wanted}"]
    names = [*wanted, *(key for key in found if key not in wanted)]
    inner = [_differences(found.get(k), wanted.get(k), f"{where}.{k}" if where else k) for k in names]
    return [line for lines in inner for line in lines]


def to_array(value: torch.Tensor) -> NDArray[Any]:
    """The tensor as a numpy array.

    Raises
    ------
    ConfigError
        If numpy has no such type (bfloat16): train in float32.
    """
    try:
        return np.asarray(value.detach().cpu().numpy())
    except TypeError:
        raise ConfigError(f"parameters of type {value.dtype} cannot be kept; train in float32 (net.float())") from None
