"""The command line: thin commands over the same functions that Python users call (design section 7)."""

from __future__ import annotations

from ecssim.cli.guard import main

__all__ = ["main"]
