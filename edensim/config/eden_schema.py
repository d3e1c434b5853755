"""[eden]: what `edensim eden` trains, what it may lose, and which operating points and parts it chooses from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edensim.config.boosting_schema import EdenBoosting
from edensim.config.table import Name, Table, key

Rate = Annotated[float, Field(ge=0, le=0.5)]
Volts = Annotated[float, Field(gt=0, le=5)]
Nanoseconds = Annotated[float, Field(ge=0, le=1000)]
Parameter = Annotated[float, Field(ge=0, le=1 << 24)]


class Eden(Table):
    """[eden]: boost, characterise, map. `edensim run` leaves this table alone."""

    # what is trained
    network: Name = key("lenet-small", "network: a small one that is trained here, or a full one with `weights`")
    weights: Name | None = key(None, "file of its trained weights: .npz, .safetensors, .pt, .onnx (default: train it)")
    precision: Literal["int4", "int8", "int16", "fp32"] = key("int8", "storage format of weights and feature maps")
    data: Name = key("glyphs", "glyphs, digits, a folder (CIFAR-10 binary files, or images in class folders), an .npz")
    train_images: int = key(20_000, "training images of glyphs", "image", ge=100, le=10_000_000)
    test_images: int = key(10_000, "test images of glyphs", "image", ge=100, le=10_000_000)
    validation_images: int = key(
        2500, "training images set aside, on which everything is chosen", "image", ge=20, le=10_000_000
    )
    epochs: int = key(8, "passes over the training images before boosting", ge=1, le=10_000)
    # boosting
    recipe: Literal["paper", "best"] = key(
        "best", "paper: EDEN as published; best: clipped ranges, unsigned maps, a rate drawn for every step"
    )
    boost_epochs: int = key(10, "passes over the training images in every round of boosting", ge=1, le=10_000)
    boost_ber: float | None = key(
        None, "bit error rate the first round trains for (default: 10 times what is tolerated before)", gt=0, lt=0.5
    )
    boost_growth: float = key(1.5, "factor on that rate from round to round", gt=1, le=100)
    rounds: int = key(5, "rounds of boost, characterise, map at most; they end when nothing improves", ge=1, le=20)
    boosting: EdenBoosting = key(EdenBoosting(), "single choices of the recipe")
    # errors in training and characterisation
    model: Name = key("uniform", "error model while boosting and characterising: a name of edensim.approx.MODELS")
    parameters: dict[str, Parameter] = key({}, "its parameters; uniform without any draws every error anew")
    # characterisation
    max_loss: float = key(0.01, "accuracy that may be lost (0.01: one percent point)", "fraction", ge=0, lt=1)
    granularity: Literal["coarse", "sweep", "guided"] = key(
        "guided", "coarse: one rate for all tensors; sweep: the paper's, tensor by tensor; guided: by sensitivities"
    )
    images_per_draw: int = key(50, "images that one draw of the weights' errors serves", "image", ge=1, le=100_000)
    repeats: int = key(3, "measurements of an unclear rate at most", ge=1, le=1000)
    search_factor: float = key(1.1, "the search of a rate ends within this factor", gt=1, le=10)
    tolerable: dict[str, Rate] = key(
        {}, "tolerable bit error rates by tensor name (wildcards; the last match counts), in place of characterisation"
    )
    # mapping
    chip: Name = key("eden", "chip profile that says what fails at an operating point")
    vdd: list[Volts] = key([], "supplies on offer beside the nominal one", "V")
    tRCD_ns: list[Nanoseconds] = key([], "tRCD on offer beside the nominal one", "ns")
    tRP_ns: list[Nanoseconds] = key([], "tRP on offer beside the nominal one", "ns")
    experimental: bool = key(False, "allow laws that nobody measured")
    goal: Literal["energy", "time", "edp"] = key("energy", "what the choice of operating points minimises")
    mapping: Literal["coarse", "greedy", "optimal"] = key(
        "greedy",
        "coarse: one point for the module (a VDD for each partition of chips); greedy: the paper's Algorithm 1; "
        "optimal: mixed-integer program",
    )
    parts: int = key(
        4, "equal groups of banks, each with a point of its own, where there is no [[partition]]", ge=1, le=64
    )
    idle: Literal["lowest", "nominal"] = key("lowest", "operating point of parts that hold no tensor")
    # evaluation
    machines: list[Name] = key(
        [], "machine presets that the final placement is simulated on beside [machine], which prices the points"
    )
    devices: int = key(3, "devices (seeds of weak cells) that the final placement is evaluated on", ge=1, le=1000)
