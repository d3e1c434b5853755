"""[errors]: what reads from approximate memory return, by chip or by model, and how much of it is reported."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edensim.config.table import Table, key

Rate = Annotated[float, Field(ge=0, le=1)]
Word = Annotated[str, Field(min_length=1, max_length=4096)]


class Errors(Table):
    """[errors]: errors of the reads that a run simulates; give `chip`, or `model` with `ber`."""

    chip: Word | None = key(
        None,
        "chip whose errors at the operating point of each partition are drawn: A, B, C, eden, a module of one (A@A4 "
        "measured, A@7 drawn), or a profile (.toml, .csv)",
    )
    model: Literal["uniform", "bitline", "wordline", "data_dependent", "bank_clustered"] | None = key(
        None, "error model with the rate `ber`, whatever the operating point"
    )
    ber: float | None = key(None, "bit error rate of the model", "fraction", ge=0, le=1)
    partition_ber: dict[str, Rate] = key({}, "rate of the model in single partitions, instead of `ber`", "fraction")
    fail_probability: float | None = key(
        None,
        "F: how often a weak cell of the model fails (default 0.5; uniform: all cells, anew)",
        "fraction",
        gt=0,
        le=1,
    )
    sigma: float | None = key(None, "spread of ln P between lines (bitline, wordline; default 1)", "", ge=0, le=5)
    one_share: float | None = key(
        None, "share of flips of stored ones (data_dependent; default 1/3)", "fraction", ge=0, le=1
    )
    anti_cell_rows: int | None = key(
        None, "rows in a block of anti-cells (data_dependent; default 0: none)", "row", ge=0, le=1 << 24
    )
    banks: float | None = key(None, "share of banks that fail (bank_clustered; default 0.5)", "fraction", gt=0, le=1)
    row_share: float | None = key(
        None, "share of rows that fail there (bank_clustered; default 1)", "fraction", gt=0, le=1
    )
    subarray_correlation: float | None = key(
        None,
        "share of the variance of a cell's strength that the cells of a subarray have in common (any model; default 0: "
        "subarrays are alike)",
        "fraction",
        ge=0,
        le=0.99,
    )
    temperature_C: float | None = key(
        None, "temperature of the chip (default: that of the measurements)", "C", ge=-40, le=125
    )
    experimental: bool = key(False, "allow laws that nobody measured (tRAS and the refresh interval of a chip)")
    scope: Literal["row", "first_burst"] = key(
        "row",
        "row: every burst that is read may fail; first_burst: only a read that is the first column command after the "
        "activation of its row",
    )
    data: Word = key(
        "random",
        "what the tensors hold: random, zeros, or a file (.npz, .safetensors) with arrays named like tensors "
        "(conv1.weights); tensors that are not in it hold random bits",
    )
    seed: int | None = key(
        None, "the device: which cells are weak, what fails when (default: `seed`)", ge=0, lt=1 << 63
    )
    save_tensors: bool = key(
        False, "write tensors.npz to the run folder: every tensor of the main point as its first read returned it"
    )
