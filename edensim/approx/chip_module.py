"""One module of a family: a measured one by its name, or one drawn from the spread between modules by a number.

A drawn module has its own quantiles at every knot (one factor for the module and one per knot, so that knots correlate
as in the data), its own polarity, its own voltage and bank offsets. Quantiles are then made to fall with time again,
as no real module gets worse with more of it; where the family's own law rises (tRP of vendor A), it stays.

Not modelled: correlation between the tRCD, tRP and VDD laws of a module (no module was in both studies).
"""

from __future__ import annotations

import math

from edensim.approx.chip_schema import ChipTable, KnotLaw, LineLaw
from edensim.approx.laws_normal import normal
from edensim.errors import ConfigError, did_you_mean


def module_of(table: ChipTable, family: str, module: str) -> ChipTable:
    """Profile of the measured module `module` ("A4"), or of the module drawn with that number (0, 1, 2 …).

    Raises
    ------
    ConfigError
        If there is neither.
    """
    if module.isascii() and module.isdecimal():
        return drawn_module(table, family, int(module))
    if module not in table.dimm:
        guess = did_you_mean(module, table.dimm)
        raise ConfigError(
            f"chip {family}@{module}: no such module{guess} (measured: {', '.join(table.dimm) or 'none'}; "
            "or a whole number for a module drawn from the spread between them)"
        )
    return measured_module(table, module)


def measured_module(table: ChipTable, module: str) -> ChipTable:
    """The family with what was measured of one module in place of its medians."""
    own = table.dimm[module]
    changes: dict[str, KnotLaw | LineLaw] = {}
    if own.v50 is not None and isinstance(table.VDD, LineLaw):
        changes["VDD"] = table.VDD.model_copy(update={"v50": own.v50})
    if own.tRCD_z is not None and isinstance(table.tRCD, KnotLaw):
        update = {"z": own.tRCD_z, "one_share": own.tRCD_one_share or table.tRCD.one_share}
        changes["tRCD"] = table.tRCD.model_copy(update=update)
    return table.model_copy(update=changes)


def drawn_module(table: ChipTable, family: str, number: int) -> ChipTable:
    """The family with deviations that depend on (family, number) alone.

    Raises
    ------
    ConfigError
        If the number does not fit 64 bits.
    """
    if number >= 1 << 64:
        raise ConfigError(f"chip {family}@{number}: expected a number below 2^64")
    changes: dict[str, KnotLaw | LineLaw] = {}
    if isinstance(table.tRCD, KnotLaw):
        changes["tRCD"] = _drawn_knots(table.tRCD, number, f"{family} tRCD")
    if isinstance(table.tRP, KnotLaw):
        changes["tRP"] = _drawn_knots(table.tRP, number, f"{family} tRP")
    if isinstance(table.VDD, LineLaw):
        changes["VDD"] = _drawn_lines(table.VDD, number, f"{family} VDD")
    return table.model_copy(update=changes)


def _drawn_knots(law: KnotLaw, number: int, stream: str) -> KnotLaw:
    common, rho = normal(number, stream, "module"), law.z_correlation
    z = list(law.z)
    for k, sd in enumerate(law.z_sd):
        z[k] += sd * (math.sqrt(rho) * common + math.sqrt(1 - rho) * normal(number, stream, "z", k))
        if k and law.z[k] <= law.z[k - 1]:
            z[k] = min(z[k], z[k - 1])
    one_share = list(law.one_share)
    for k, sd in enumerate(law.one_share_sd):
        one_share[k] = _shifted(one_share[k], sd * normal(number, stream, "one share", k))
    return law.model_copy(update={"z": tuple(z), "one_share": tuple(one_share)})


def _drawn_lines(law: LineLaw, number: int, stream: str) -> LineLaw:
    shift = law.z_sd / law.slope_per_v * normal(number, stream, "residual")
    v50 = law.v50 + law.v50_sd * normal(number, stream, "v50") + shift
    offsets = law.bank_offset_v or (0.0,) * 8 * (law.bank_sd_v > 0)
    offsets = tuple(v + law.bank_sd_v * normal(number, stream, "bank", k) for k, v in enumerate(offsets))
    return law.model_copy(update={"v50": v50, "bank_offset_v": offsets})


def _shifted(share: float, logit: float) -> float:
    """A share moved by so much on the logistic scale; 0 and 1 stay."""
    return share if share in (0, 1) else 1 / (1 + (1 - share) / share * math.exp(-logit))
