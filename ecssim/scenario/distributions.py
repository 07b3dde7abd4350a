"""Values that vary: constants and the five distributions that a scenario may name.

A distribution is written as a constant (``12s``) or as one key: ``exponential: {mean}``, ``lognormal:
{median, p95}``, ``normal: {mean, sd}``, ``uniform: {min, max}``, ``empirical: [..]`` or ``empirical: {file,
column}``. The unit belongs to the place: seconds for delays, bytes for sizes. What a model holds are the
plain frozen parameter classes below, already in that unit; drawing from them is the engine's business (rule
of addressed luck).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from ecssim.aws.shape import bad
from ecssim.scenario.empirical import read_values
from ecssim.scenario.units import (
    EXPECTED_DURATION,
    EXPECTED_SIZE,
    parse_duration,
    parse_number,
    parse_size,
)


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same value."""

    value: float

    @property
    def median(self) -> float:
        """The value that profile ``fixed`` uses."""
        return self.value


@dataclass(frozen=True, slots=True)
class Exponential:
    """Memoryless with a mean."""

    mean: float

    @property
    def median(self) -> float:
        """The value that profile ``fixed`` uses."""
        return self.mean * 0.6931471805599453


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Skewed to the right, given by its median and its 95th percentile."""

    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal with mean and standard deviation, cut off at zero by whoever draws."""

    mean: float
    sd: float

    @property
    def median(self) -> float:
        """The value that profile ``fixed`` uses."""
        return self.mean


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every value between ``min`` and ``max`` alike."""

    min: float
    max: float

    @property
    def median(self) -> float:
        """The value that profile ``fixed`` uses."""
        return (self.min + self.max) / 2


@dataclass(frozen=True, slots=True)
class Empirical:
    """Measured values, drawn with equal probability; listed, or read from ``file`` at load."""

    values: tuple[float, ...] = ()
    file: str | None = None
    column: str | None = None

    @property
    def median(self) -> float:
        """The value that profile ``fixed`` uses; of listed values only."""
        ordered = sorted(self.values)
        middle = len(ordered) // 2
        return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


Distribution = Constant | Exponential | Lognormal | Normal | Uniform | Empirical

_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "exponential": ("mean",),
    "lognormal": ("median", "p95"),
    "normal": ("mean", "sd"),
    "uniform": ("min", "max"),
}
_EMPIRICAL_KEYS = ("file", "column", "digest")
KINDS = ("constant", *_PARAMETERS, "empirical")


class DistributionOf:
    """The annotation of a field that holds a distribution of one unit (``parse`` reads one value)."""

    def __init__(self, parse: Callable[[object], float], expected: str) -> None:
        self.parse = parse
        self.expected = expected

    def read(self, written: object, base_dir: Path | None = None) -> Distribution:
        """The distribution that was written; one mistake gives one message, at its own place."""
        if not isinstance(written, Mapping):
            try:
                return Constant(self.parse(written))
            except PydanticCustomError:
                raise bad(f"{self.expected} or a distribution ({', '.join(KINDS[1:])})") from None
        return self._read_kind(written, base_dir)

    def _read_kind(self, written: Mapping[str, Any], base_dir: Path | None) -> Distribution:
        unknown = [key for key in written if key not in KINDS]
        if unknown:
            raise placed((unknown[0],), "unknown_key", unknown[0], KINDS)
        if len(written) != 1:
            raise bad(f"one distribution, one of {', '.join(KINDS)}")
        ((kind, given),) = written.items()
        if kind == "constant":
            return Constant(self._value(given, (kind,)))
        if kind == "empirical":
            return self._read_empirical(given, base_dir)
        values = self._read_parameters(kind, given)
        match kind:
            case "exponential":
                return Exponential(values["mean"])
            case "lognormal":
                if not 0 < values["median"] <= values["p95"]:
                    raise placed((kind,), "value", "0 < median <= p95")
                return Lognormal(values["median"], values["p95"])
            case "normal":
                return Normal(values["mean"], values["sd"])
            case _:
                if values["min"] > values["max"]:
                    raise placed((kind,), "value", "min <= max")
                return Uniform(values["min"], values["max"])

    def _read_parameters(self, kind: str, given: object) -> dict[str, float]:
        names = _PARAMETERS[kind]
        if not isinstance(given, Mapping):
            raise placed((kind,), "value", "{" + ", ".join(names) + "}")
        for key in given:
            if key not in names:
                raise placed((kind, key), "unknown_key", key, names)
        for name in names:
            if name not in given:
                raise placed((kind,), "missing", name)
        return {name: self._value(given[name], (kind, name)) for name in names}

    def _read_empirical(self, given: object, base_dir: Path | None) -> Empirical:
        if isinstance(given, str):
            given = {"file": given}
        if isinstance(given, Mapping):
            for key in given:
                if key not in _EMPIRICAL_KEYS:
                    raise placed(("empirical", key), "unknown_key", key, _EMPIRICAL_KEYS)
            file, column = given.get("file"), given.get("column")
            if not isinstance(file, str):
                raise placed(("empirical",), "missing", "file")
            return _from_file(file, column if isinstance(column, str) else None, base_dir)
        if isinstance(given, list | tuple) and given:
            return Empirical(tuple(self._value(v, ("empirical", i)) for i, v in enumerate(given)))
        raise placed(("empirical",), "value", "a list of values or a file")

    def _value(self, written: object, where: tuple[str | int, ...]) -> float:
        try:
            return float(self.parse(written))
        except PydanticCustomError:
            raise placed(where, "value", self.expected) from None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def read(written: object, info: core_schema.ValidationInfo) -> Distribution:
            return self.read(written, base_dir_of(info))

        return core_schema.with_info_plain_validator_function(read)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        value = {"type": ["string", "number"], "description": self.expected}
        kinds: dict[str, Any] = {
            kind: {
                "type": "object",
                "properties": dict.fromkeys(names, value),
                "required": list(names),
                "additionalProperties": False,
            }
            for kind, names in _PARAMETERS.items()
        }
        kinds["constant"] = value
        kinds["empirical"] = {"type": ["array", "string", "object"]}
        return {
            "anyOf": [
                value,
                {
                    "type": "object",
                    "properties": kinds,
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                },
            ]
        }


def base_dir_of(info: core_schema.ValidationInfo) -> Path | None:
    """The folder that file names are relative to, if the validation was told one."""
    return info.context.get("base_dir") if isinstance(info.context, Mapping) else None


def _from_file(file: str, column: str | None, base_dir: Path | None) -> Empirical:
    if base_dir is None:
        return Empirical(file=file, column=column)
    try:
        return Empirical(read_values(base_dir / file, column), file, column)
    except ValueError as error:
        raise placed(("empirical",), "message", str(error)) from None


def placed(where: tuple[str | int, ...], kind: str, name: str, known: tuple[str, ...] = ()) -> PydanticCustomError:
    """An error inside a value that pydantic sees as one: ``where`` leads from the value to the mistake."""
    return PydanticCustomError("placed", "{name}", {"where": where, "kind": kind, "name": name, "known": known})


DurationDistribution = Annotated[Distribution, DistributionOf(parse_duration, EXPECTED_DURATION)]
SizeDistribution = Annotated[Distribution, DistributionOf(parse_size, EXPECTED_SIZE)]
NumberDistribution = Annotated[Distribution, DistributionOf(parse_number, "a number that is not negative")]
