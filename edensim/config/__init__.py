"""Configuration: typed schema, loading, presets, overrides, and the origin of every value. Imports no model code."""

from edensim.config.describe import Row, describe, describe_text
from edensim.config.jsonschema import json_schema
from edensim.config.load import Resolved, canonical_json, load_config
from edensim.config.presets import Presets
from edensim.config.schema import Config

__all__ = [
    "Config",
    "Presets",
    "Resolved",
    "Row",
    "canonical_json",
    "describe",
    "describe_text",
    "json_schema",
    "load_config",
]
