"""Runs workflows for real, offline, with `act` on this machine instead of a hosted runner."""

from .act import run_workflow
from .result import Result, Step

__all__ = ["Result", "Step", "run_workflow"]
