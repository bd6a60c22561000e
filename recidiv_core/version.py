"""The version, where the packaging reads it without importing the rest."""

__version__ = "0.1.0"
