"""What it means: tables as frames, the run folder, metrics, explanations."""

from ecssim.results.result import Result, open

__all__ = ["Result", "open"]
