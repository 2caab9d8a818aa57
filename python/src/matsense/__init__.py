"""Recover low-rank matrices from few measurements, and see how gradient descent gets there."""

from matsense._errors import ConfigError, Diverged, Error

__all__ = ["ConfigError", "Diverged", "Error"]
