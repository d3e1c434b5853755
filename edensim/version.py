"""The version of the package; the model version changes whenever a result may change."""

__version__ = "0.1.0"

MODEL_VERSION = 1
"""Raised whenever any result may change; results of different model versions are never put in one table."""
