"""Recover low-rank matrices from few measurements, and see how gradient descent gets there."""

from matsense._command import version as _version
from matsense._errors import ConfigError, Diverged, Error, Interrupted, Notice, ServerEnded
from matsense._experiments import load
from matsense._generated import problem, run
from matsense._problem import Problem
from matsense._reproduce import Reproduction, experiments, reproduce
from matsense._run import Run
from matsense._sweep import Sweep
from matsense._sweeping import sweep

__all__ = [
    "ConfigError",
    "Diverged",
    "Error",
    "Interrupted",
    "Notice",
    "Problem",
    "Reproduction",
    "Run",
    "ServerEnded",
    "Sweep",
    "__version__",
    "experiments",
    "load",
    "problem",
    "reproduce",
    "run",
    "sweep",
]

__version__ = _version()
