"""The version of the package; the model version changes whenever a result may change."""

__version__ = "0.1.0"
