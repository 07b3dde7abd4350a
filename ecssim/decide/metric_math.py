"""What a metric-math expression gives, for any number of series with the same expression at once.

``evaluate`` takes one array a variable, with one entry for each series. A missing data point is NaN: arithmetic with
one is missing; the functions over a list pass it over, as CloudWatch's do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ecssim.aws.metric_math import Node, name

Floats = npt.NDArray[np.float64]

_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "&&": np.logical_and,
    "||": np.logical_or,
}
#: Operators whose result is NaN by itself where an operand is.
_CARRIES_NAN: Final = frozenset({"+", "-", "*"})
_PLAIN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "ABS": np.abs,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "LOG": np.log,
    "LOG10": np.log10,
}


def evaluate(
    node: Node, values: Mapping[str, Floats], before: MutableMapping[str, Floats], period: float = 60.0
) -> Floats:
    """Return one value for each entry of the variables' arrays (ALARM-016, SCALE-006).

    ``before`` belongs to this expression alone and carries what ``DIFF``, ``RATE`` and ``FILL(m, REPEAT)`` need of
    the period before.
    """
    with np.errstate(all="ignore"):
        return evaluate_quietly(node, values, before, period)


def evaluate_quietly(
    node: Node, values: Mapping[str, Floats], before: MutableMapping[str, Floats], period: float = 60.0
) -> Floats:
    """Do the same for a caller who has silenced numpy's warnings."""
    result = _value(node, values, before, period)
    return np.where(np.isfinite(result), result, np.nan)


def _value(node: Node, values: Mapping[str, Floats], before: MutableMapping[str, Floats], period: float) -> Any:
    if node.kind == "number":
        return np.float64(node.value)
    if node.kind == "name":
        return values[node.value]
    if node.kind == "operator":
        left, right = (_value(arg, values, before, period) for arg in node.args)
        result = _OPERATORS[node.value](left, right)
        if node.value in _CARRIES_NAN:
            return result
        if node.value == "/":  # nothing divided by nothing is no point, either
            return np.where(np.isfinite(result), result, np.nan)
        return np.where(np.isnan(left) | np.isnan(right), np.nan, result)
    return _function(node, values, before, period)


def _function(node: Node, values: Mapping[str, Floats], before: MutableMapping[str, Floats], period: float) -> Any:
    function = node.value
    if function == "FILL":
        return _filled(node, values, before, period)
    args = [_value(arg, values, before, period) for arg in node.args]
    if function == "PERIOD":
        return np.float64(period)
    if function in _PLAIN:
        return _PLAIN[function](args[0])
    if function == "IF":
        other = args[2] if len(args) == 3 else np.nan
        return np.where(np.isnan(args[0]), np.nan, np.where(args[0] != 0, args[1], other))
    if function in ("DIFF", "RATE"):
        key = node.text()
        last = before.get(key, np.full(np.shape(args[0]), np.nan))
        before[key] = np.array(args[0])
        return (args[0] - last) / (period if function == "RATE" else 1.0)
    return _over(function, args)


def _filled(node: Node, values: Mapping[str, Floats], before: MutableMapping[str, Floats], period: float) -> Any:
    """``FILL(m, value)``, or ``FILL(m, REPEAT)``: the last point there was."""
    got = _value(node.args[0], values, before, period)
    if node.args[1] != name("REPEAT"):
        return np.where(np.isnan(got), _value(node.args[1], values, before, period), got)
    key = node.text()
    got = np.where(np.isnan(got), before.get(key, np.full(np.shape(got), np.nan)), got)
    before[key] = got
    return got


def _over(function: str, args: list[Any]) -> Any:
    """A sum, mean, least or greatest over several metrics: of those that have a point."""
    total = np.zeros(1)
    count: Any = 0
    for arg in args:
        there = ~np.isnan(arg)
        count = count + there
        if function in ("SUM", "AVG"):
            total = total + np.where(there, arg, 0.0)
        elif arg is args[0]:
            total = arg
        else:
            total = np.fmax(total, arg) if function == "MAX" else np.fmin(total, arg)
    if function == "AVG":
        total = total / count
    return np.where(count == 0, np.nan, total)
