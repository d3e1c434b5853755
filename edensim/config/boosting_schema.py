"""[eden.boosting]: single choices of a recipe, where they should differ from `eden.recipe`."""

from __future__ import annotations

from typing import Literal

from edensim.config.table import Table, key

AS_RECIPE = " (default: the recipe's)"


class EdenBoosting(Table):
    """[eden.boosting]: choices of the recipe that the paper leaves open; those left out are the recipe's."""

    # rates of the errors
    shape: Literal["linear", "log", "spread", "at_once"] | None = key(
        None,
        "rate over the training: equal steps from 0, equal factors, drawn anew below a rising level, or the final one "
        "all the time" + AS_RECIPE,
    )
    epochs_per_step: int | None = key(None, "passes on a level, linear and log" + AS_RECIPE, ge=1, le=10_000)
    ratio: float | None = key(None, "factor between levels, log" + AS_RECIPE, gt=1, le=1e6)
    # the network
    backward: Literal["corrupted", "clean"] | None = key(
        None, "values that the backward pass computes with: those read, or error-free ones" + AS_RECIPE
    )
    relu6: bool | None = key(None, "replace ReLU by ReLU6 where at most a tenth of its outputs exceed 6" + AS_RECIPE)
    # how tensors are stored
    unsigned_maps: bool | None = key(
        None, "maps that are never negative use all codes for their positive range" + AS_RECIPE
    )
    weight_clip: float | None = key(
        None, "range of weights in units of their rms, 0: the largest weight" + AS_RECIPE, ge=0, le=1000
    )
    map_quantile: float | None = key(
        None, "range of maps as a quantile of the magnitudes seen" + AS_RECIPE, "fraction", gt=0, le=1
    )
    correction: Literal["zero", "saturate", "none"] | None = key(
        None, "what fp32 values outside of their bounds become when they are read" + AS_RECIPE
    )
    bounds: Literal["tensor", "kind", "network"] | None = key(None, "over what bounds are learned" + AS_RECIPE)
    margin: float | None = key(None, "bounds are the range seen times this" + AS_RECIPE, ge=1, le=1e6)
    # the optimiser
    batch: int | None = key(None, "images per step" + AS_RECIPE, "image", ge=1, le=1_000_000)
    optimizer: Literal["adam", "sgd"] | None = key(None, "optimiser" + AS_RECIPE)
    learning_rate: float | None = key(None, "highest learning rate" + AS_RECIPE, gt=0, le=100)
    schedule: Literal["one_cycle", "cosine", "constant"] | None = key(None, "course of the learning rate" + AS_RECIPE)
    weight_decay: float | None = key(None, "weight decay" + AS_RECIPE, ge=0, le=100)
    gradient_clip: float | None = key(None, "norm to which gradients are clipped, 0: none" + AS_RECIPE, ge=0, le=1e9)
    batch_norm: Literal["update", "frozen"] | None = key(
        None, "whether batch norms learn the statistics of what they see" + AS_RECIPE
    )
    recalibrate: Literal["epoch", "start"] | None = key(
        None, "when ranges of maps are learned: before every pass, or once" + AS_RECIPE
    )
    keep_zeros: bool | None = key(None, "weights that are zero stay zero (pruned networks)" + AS_RECIPE)
