"""All items of the ledger, in the order of the paper, then what lies beyond it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from edensim.errors import ConfigError, did_you_mean
from edensim.study.ledger import (
    accelerators,
    accuracy,
    beyond,
    costs,
    device_errors,
    error_free,
    error_models,
    eyeriss_system,
    fine_grained,
    fine_mapping,
    headline,
    operating_points,
    processors,
    real_memory,
    retraining,
    sizes,
    tolerance,
)
from edensim.study.ledger.item import Item

FAMILIES = (
    headline,
    sizes,
    accuracy,
    operating_points,
    tolerance,
    device_errors,
    real_memory,
    error_models,
    retraining,
    fine_grained,
    fine_mapping,
    costs,
    processors,
    accelerators,
    eyeriss_system,
    error_free,
    beyond,
)


@cache
def all_items() -> dict[str, Item]:
    """Items by name."""
    found = [item for family in FAMILIES for item in family.ITEMS]
    return {item.name: item for item in [*(i for i in found if not i.beyond), *(i for i in found if i.beyond)]}


def chosen(names: Sequence[str]) -> list[Item]:
    """The items of these names, in the order of the ledger; all of them if none is named.

    Raises
    ------
    ConfigError
        For every name that is unknown, with the nearest.
    """
    known = all_items()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(_problem(name, known) for name in unknown)
    return [item for name, item in known.items() if not names or name in names]


def _problem(name: str, known: Iterable[str]) -> str:
    listed = f"items are {', '.join(known)}"
    return f'the ledger has no item "{name}"{did_you_mean(name, known, otherwise=listed)}'
