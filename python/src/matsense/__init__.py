"""Recover low-rank matrices from few measurements, and see how gradient descent gets there."""

from matsense._errors import ConfigError, Diverged, Error, ServerEnded
from matsense._problem import Problem, problem

__all__ = ["ConfigError", "Diverged", "Error", "Problem", "ServerEnded", "problem"]
