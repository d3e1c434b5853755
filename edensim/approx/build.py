"""Error models by name and bit error rate, for those who know a rate but no shares and probabilities.

What the rate leaves open has a default here that a parameter changes. No default is measured: single bitlines and rows
are not published, and F of weak cells depends on the operating point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from edensim.approx.lines import Lines
from edensim.approx.model import MODELS, BankClustered, Bitline, DataDependent, ErrorModel, Uniform, Wordline
from edensim.approx.subarrays import SubarrayModel
from edensim.errors import ConfigError, did_you_mean

Parameters = Mapping[str, float]
FAIL = 0.5
"""F of weak cells unless given: the middle of what can be."""
CORRELATION = "subarray_correlation"
_ALL: dict[str, float] = {CORRELATION: 0.0}
PARAMETERS: dict[str, dict[str, float]] = {
    "uniform": {"fail_probability": 1.0, **_ALL},
    "bitline": {"fail_probability": FAIL, "sigma": 1.0, **_ALL},
    "wordline": {"fail_probability": FAIL, "sigma": 1.0, **_ALL},
    "data_dependent": {"fail_probability": FAIL, "one_share": 1 / 3, "anti_cell_rows": 0, **_ALL},
    "bank_clustered": {"fail_probability": FAIL, "banks": 0.5, "row_share": 1.0, **_ALL},
}
"""Parameters of every model and their defaults; `one_share`, of the failures, is vendor A's at tRCD 7.5 ns (median of 8
DDR3 modules, Chang et al., SIGMETRICS 2016, published data set)."""


def build_model(
    name: str, ber: float, parameters: Parameters | None = None, banks_per_rank: int = 16
) -> ErrorModel | SubarrayModel:
    """Model of a name whose expected bit error rate is `ber` (for data with as many ones as zeros).

    Parameters
    ----------
    name : str
        A name of `MODELS`.
    ber : float
        Expected bit error rate, 0 … 1.
    parameters : mapping of str to float, optional
        Parameters as in `PARAMETERS`. `uniform` without any is a plain rate: all cells may fail, anew at every access.
        `subarray_correlation`, of any model, makes subarrays differ (`subarrays`).
    banks_per_rank : int
        Banks of a rank of the memory, for `bank_clustered`.

    Raises
    ------
    ConfigError
        If the name or a parameter is unknown, or the rate cannot be reached with these parameters.
    """
    if name not in MODELS:
        guess = did_you_mean(name, MODELS, f"expected one of {', '.join(MODELS)}")
        raise ConfigError(f"model {name!r} is not known{guess}")
    if not 0 <= ber <= 1:
        raise ConfigError(f"ber = {ber:g}: expected a bit error rate from 0 to 1")
    known, given = PARAMETERS[name], dict(parameters or {})
    for key, value in given.items():
        if key not in known:
            guess = did_you_mean(key, known, f"it has {', '.join(known)}")
            raise ConfigError(f"model {name} has no parameter {key!r}{guess}")
        if not math.isfinite(value) or value < 0:
            raise ConfigError(f"model {name}: {key} = {value:g}; expected a number from 0")
    correlation = given.pop(CORRELATION, 0.0)
    if name == "uniform" and not given:
        model: ErrorModel = Uniform(ber)
    else:
        every = {key: value for key, value in {**known, **given}.items() if key != CORRELATION}
        model = _MAKERS[name](ber, every, banks_per_rank)
    return SubarrayModel(model, correlation) if correlation else model


def _share(name: str, ber: float, most: float, parameters: Parameters) -> float:
    """Weak share that gives the rate, if a weak share of 1 gives `most`."""
    if ber > most:
        told = ", ".join(f"{key} = {value:g}" for key, value in parameters.items())
        raise ConfigError(f"ber = {ber:g}: model {name} reaches at most {most:g} with {told}")
    return ber / most if most else 0.0


def _uniform(ber: float, p: Parameters, banks: int) -> ErrorModel:
    return Uniform(p["fail_probability"], _share("uniform", ber, p["fail_probability"], p))


def _bitline(ber: float, p: Parameters, banks: int) -> ErrorModel:
    share = _share("bitline", ber, p["fail_probability"], p)
    return Bitline(Lines.lognormal(share, p["fail_probability"], p["sigma"]))


def _wordline(ber: float, p: Parameters, banks: int) -> ErrorModel:
    share = _share("wordline", ber, p["fail_probability"], p)
    return Wordline(Lines.lognormal(share, p["fail_probability"], p["sigma"]))


def _data_dependent(ber: float, p: Parameters, banks: int) -> ErrorModel:
    one, zero = (2 * p["fail_probability"] * share for share in (p["one_share"], 1 - p["one_share"]))
    share = _share("data_dependent", ber, p["fail_probability"], p)
    return DataDependent(share, one, zero, int(p["anti_cell_rows"]))


def _bank_clustered(ber: float, p: Parameters, banks: int) -> ErrorModel:
    whole = BankClustered(1.0, p["fail_probability"], p["banks"], p["row_share"])
    share = _share("bank_clustered", ber, whole.flip_probability(banks_per_rank=banks), p)
    return BankClustered(share, p["fail_probability"], p["banks"], p["row_share"])


_MAKERS: dict[str, Callable[[float, Parameters, int], ErrorModel]] = {
    "uniform": _uniform,
    "bitline": _bitline,
    "wordline": _wordline,
    "data_dependent": _data_dependent,
    "bank_clustered": _bank_clustered,
}
