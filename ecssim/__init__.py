"""ecssim: the wind tunnel for Amazon ECS.

The public names are loaded when they are first asked for (PEP 562), so that ``ecssim --help`` and
``ecssim check`` pay for neither pandas nor matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecssim.run import Simulation, fit, load, run, simulate
    from ecssim.study.compare import compare
    from ecssim.study.comparison import Comparison
    from ecssim.study.subnets import subnets

__version__ = "0.1.0"

_HOME = {
    "load": "ecssim.run",
    "run": "ecssim.run",
    "fit": "ecssim.run",
    "simulate": "ecssim.run",
    "Simulation": "ecssim.run",
    "compare": "ecssim.study.compare",
    "Comparison": "ecssim.study.comparison",
    "subnets": "ecssim.study.subnets",
    "open": "ecssim.results",
    "Result": "ecssim.results",
    "Scenario": "ecssim.scenario.document",
    "BadInput": "ecssim.errors",
    "ClientError": "ecssim.errors",
}

__all__ = ["Comparison", "Simulation", "__version__", "compare", "fit", "load", "run", "simulate", "subnets"]


def __getattr__(name: str) -> Any:
    """Import the public name ``name`` from its home module on first use."""
    if name in _HOME:
        import importlib

        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'ecssim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
