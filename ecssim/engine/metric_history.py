"""The newest minutes of the service metrics, by column, minute and service: what alarms look back on."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Columns of ``service_metrics`` that alarms may watch, and the number of tasks that report (ALARM-027).
COLUMNS: Final = (
    "cpu_utilization",
    "memory_utilization",
    "request_count_per_target",
    "running_count",
    "request_count",
    "target_response_time",
    "healthy_count",
    "http_502_count",
    "http_503_count",
    "http_504_count",
    "sample_count",
)
#: The column of metrics that are worked out from others, by their number in place of a service's.
SERIES: Final = "series"
COLUMN_INDEX: Final[Mapping[str, int]] = {name: i for i, name in enumerate((*COLUMNS, SERIES))}

#: Minutes that are remembered; an alarm's period and the delays of its metric must fit in.
DEPTH: Final = 192


class MetricHistory:
    """A ring of minutes. Minutes before the start are negative and hold what was primed, else no data (NaN).

    ``columns`` are those that :meth:`keep` is given.
    """

    def __init__(self, columns: tuple[str, ...] = COLUMNS) -> None:
        self._columns = columns
        self._ring: Floats = np.full((len(COLUMN_INDEX), DEPTH, 0), np.nan)

    def keep(self, minute: int, latest: Mapping[str, Floats], series: Floats | None = None) -> None:
        """Remember one minute: a value by service for each of the columns; without services there is none.

        ``series`` are the values of the metrics that are worked out from others.
        """
        if not latest:
            return
        rows = [latest[name] for name in self._columns]
        if len(rows[0]) > self._ring.shape[2]:
            self.reserve(len(rows[0]))
        self._ring[: len(rows), minute % DEPTH, : len(rows[0])] = rows
        if series is not None:
            if len(series) > self._ring.shape[2]:
                self.reserve(len(series))
            self._ring[COLUMN_INDEX[SERIES], minute % DEPTH, : len(series)] = series

    def reserve(self, services: int) -> None:
        """Make room for so many services; those that are new have no data so far."""
        have = self._ring.shape[2]
        if services > have:
            more = np.full((len(COLUMN_INDEX), DEPTH, max(services, 2 * have) - have), np.nan)
            self._ring = np.concatenate([self._ring, more], axis=2)

    def prime(self, latest: Mapping[str, Floats], series: Floats | None = None) -> None:
        """Fill all minutes with the same values: it has been like this for long."""
        for minute in range(DEPTH):
            self.keep(minute, latest, series)

    def gather(
        self, columns: npt.NDArray[np.int64], minutes: npt.NDArray[np.int64], services: npt.NDArray[np.int64]
    ) -> Floats:
        """Return one value for each (column index, minute, service)."""
        return self._ring[columns, minutes % DEPTH, services]

    def value(self, column: str, minute: int, service: int) -> float:
        """Return one value, NaN if there is none."""
        return float(self._ring[COLUMN_INDEX[column], minute % DEPTH, service])

    def window(self, column: str, last: int, minutes: int, service: int) -> list[float]:
        """Return the real values of the ``minutes`` minutes that end with minute ``last``."""
        got = (self.value(column, m, service) for m in range(last - minutes + 1, last + 1))
        return [v for v in got if not isnan(v)]
