"""What all tables of the configuration have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

STRICT = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Table(BaseModel):
    """Base of all tables: strict, closed, frozen."""

    model_config = STRICT


def key(default: Any, doc: str, unit: str = "", **limits: Any) -> Any:
    """A field with its meaning, unit and range."""
    return Field(default, description=doc, json_schema_extra={"unit": unit} if unit else None, **limits)
