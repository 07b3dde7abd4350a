"""``tasks`` and ``task_events``: per-task constants joined to what was recorded per event.

The join is one look-up by the task's ordinal; nothing is merged by value. Place columns of an event are null
until the task's placement has happened. A task that has not ended in the record (a killed run) is shown with
what its events tell.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from ecssim.record.codes import TASK_STATUSES
from ecssim.record.ids import task_ids
from ecssim.record.public import TASK_TIMES
from ecssim.results.columns import Coded, addresses, positions_of, take_numbers, utc_times
from ecssim.results.pull_state import pulls_as_pending

if TYPE_CHECKING:
    import pandas as pd

Load = Callable[[str], np.ndarray]
Decode = Callable[[np.ndarray, str], Coded]
"""Codes and the name of their pool to a column."""

_PLACE: Final = (
    ("availability_zone", "zone", "availability_zone"),
    ("container_instance", "instance", "instance"),
    ("subnet", "subnet", "subnet"),
)
_PLACED: Final = ("task", "event_id", "instance", "subnet", "private_ip", "zone")
_TIMES: Final = tuple(column.strip().split()[0] for column in TASK_TIMES.split(",")[1:])
_TIME_OF_STATUS: Final = {
    "DEACTIVATING": "stopping_at",
    "STOPPING": "stopping_at",
    "RUNNING": "started_at",
    "STOPPED": "stopped_at",
}
"""What the first event with a status tells of a task whose own row is not written yet (LIFE-035)."""


class TaskIndex:
    """The tasks of a run in the order in which they got their ids, and their constants."""

    def __init__(self, load: Load, decode: Decode) -> None:
        self._rows = load("_task_ids")
        later = load("_task_places")
        # Where a task went: in its own row, or for one that waited in a later one.
        self._places = np.concatenate([self._rows[list(_PLACED)], later[list(_PLACED)]])
        templates = load("_templates")
        self._decode = decode
        self._template_at = positions_of(templates["template"], self._rows["template"])
        self._templates = templates
        own = np.where(self._rows["zone"] > 0, np.arange(len(self._rows)), -1)
        late = positions_of(later["task"], self._rows["task"])
        self._place_at = np.where(late >= 0, late + len(self._rows), own)
        self.task = self._rows["task"]
        self.created_at = self._rows["created_at"]

    @cached_property
    def ids(self) -> Coded:
        """The ids of all tasks; made when a frame shows them, which a summary does not."""
        ids = task_ids(self._rows["key"], self._rows["launch_number"])
        return Coded(np.arange(len(ids), dtype=np.int32), ids.tolist())

    def codes(self, field: str) -> np.ndarray:
        """A constant of the tasks as recorded."""
        values: np.ndarray = self._rows[field]
        return values

    def place_codes(self, field: str) -> np.ndarray:
        """Where the tasks went, as recorded; 0 for a task that was not placed."""
        return take_numbers(self._places[field], self._place_at)

    def template_at(self) -> np.ndarray:
        """The row of ``_templates`` of each task, -1 for none."""
        return self._template_at

    @cached_property
    def id_dtype(self) -> pd.CategoricalDtype:
        """The dtype of task ids with all tasks as categories, made once for both frames."""
        return self.ids.dtype()

    def at(self, tasks: np.ndarray) -> np.ndarray:
        """The position of each task by its ordinal, -1 for none."""
        return positions_of(self.task, tasks)

    def named(self, field: str, pool: str) -> Coded:
        """A constant of the tasks that is a name."""
        return self._decode(self._rows[field], pool)

    def templated(self, field: str, pool: str) -> Coded:
        """A name that the tasks have from their template."""
        return self._decode(self._templates[field], pool).take(self._template_at)

    def numbers(self, field: str) -> np.ndarray:
        """An integer of the tasks or of their templates."""
        if field in (self._rows.dtype.names or ()):
            return self._rows[field].astype(np.int64)
        return take_numbers(self._templates[field], self._template_at)

    def place(self, field: str, pool: str) -> Coded:
        """Where the tasks went; null for a task that was not placed."""
        return self._decode(self._places[field], pool).take(self._place_at)

    def private_ip(self) -> Coded:
        """The private addresses of the tasks that have one."""
        return addresses(self._places["private_ip"]).take(self._place_at)

    def placed_by(self) -> np.ndarray:
        """The event of each task's placement; beyond every event if it was not placed."""
        never = np.iinfo(np.int64).max
        events: np.ndarray = np.append(self._places["event_id"].astype(np.int64), never)[self._place_at]
        return events


def task_events(
    load: Load, decode: Decode, index: TaskIndex, start: datetime, *, pulls_pending: bool = False
) -> pd.DataFrame:
    """One row a status change, in the order of the events; ``pulls_pending``: a pull is shown as PENDING (LIFE-007)."""
    import pandas as pd

    events = load("task_events")
    if pulls_pending:
        pulled = np.append(ends(load, index)[0]["pull_stopped_at"], np.nan)
        events = pulls_as_pending(events, pulled[index.at(events["task"])])
    at = index.at(events["task"])
    event_id = events["event_id"].astype(np.int64)
    placed = event_id >= np.append(index.placed_by(), np.iinfo(np.int64).max)[at]
    columns = {
        "t": events["t"].copy(),
        "time": utc_times(start, events["t"]),
        "event_id": event_id,
        "cause_id": events["cause_id"].astype(np.int64),
        "task_id": index.ids.take(at).categorical(index.id_dtype),
        "group": index.named("owner", "group").take(at).categorical(),
        "service": index.named("service", "service").take(at).categorical(),
        "revision": take_numbers(index.numbers("revision"), at),
        "last_status": decode(events["last_status"], "task_status").categorical(),
        "desired_status": decode(events["desired_status"], "desired_status").categorical(),
        "capacity_provider": index.named("capacity_provider", "capacity_provider").take(at).categorical(),
        "launch_type": index.templated("launch_type", "launch_type").take(at).categorical(),
    }
    for name, field, pool in _PLACE:
        columns[name] = index.place(field, pool).take(at).where(placed).categorical()
    columns["private_ip"] = index.private_ip().take(at).where(placed).categorical()
    columns["stop_code"] = decode(events["stop_code"], "stop_code").categorical()
    columns["stopped_reason"] = decode(events["stopped_reason"], "text").categorical()
    columns["origin"] = index.named("origin", "origin").take(at).categorical()
    columns["cluster"] = index.named("cluster", "cluster").take(at).categorical()
    columns["region"] = index.named("region", "region").take(at).categorical()
    return pd.DataFrame(columns)


def tasks(load: Load, decode: Decode, index: TaskIndex) -> pd.DataFrame:
    """One row a task, in the order in which the tasks got their ids."""
    import pandas as pd

    times, stop_code, stopped_reason = ends(load, index)
    columns = {
        "task_id": index.ids.categorical(index.id_dtype),
        "group": index.named("owner", "group").categorical(),
        "service": index.named("service", "service").categorical(),
        "task_definition": index.templated("task_definition", "task_definition").categorical(),
        "revision": index.numbers("revision"),
        "deployment_id": index.named("deployment", "deployment").categorical(),
        "launch_number": index.numbers("launch_number"),
        "origin": index.named("origin", "origin").categorical(),
        "capacity_provider": index.named("capacity_provider", "capacity_provider").categorical(),
        "launch_type": index.templated("launch_type", "launch_type").categorical(),
        "network_mode": index.templated("network_mode", "network_mode").categorical(),
    }
    for name, field, pool in _PLACE:
        columns[name] = index.place(field, pool).categorical()
    columns["private_ip"] = index.private_ip().categorical()
    columns |= {"cpu": index.numbers("cpu"), "memory": index.numbers("memory"), **times}
    columns["stop_code"] = decode(stop_code, "stop_code").categorical()
    columns["stopped_reason"] = decode(stopped_reason, "text").categorical()
    columns["cluster"] = index.named("cluster", "cluster").categorical()
    columns["region"] = index.named("region", "region").categorical()
    return pd.DataFrame(columns)


def ends(load: Load, index: TaskIndex) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Times, stop codes and reasons: from the row of each task, else from what was recorded on the way."""
    count = len(index.task)
    times = {name: np.full(count, np.nan) for name in _TIMES}
    codes, reasons = np.zeros(count, np.uint8), np.zeros(count, np.uint32)
    ended = load("tasks")
    if len(ended) < count:
        times["created_at"][:] = index.created_at
        codes, reasons = _from_events(load("task_events"), index, times)
        before = load("_tasks_open")
        _overwrite(times, before, index.at(before["task"]))
    at = index.at(ended["task"])
    _overwrite(times, ended, at, whole=True)
    codes[at], reasons[at] = ended["stop_code"], ended["stopped_reason"]
    return times, codes, reasons


def _overwrite(times: dict[str, np.ndarray], rows: np.ndarray, at: np.ndarray, whole: bool = False) -> None:
    """Put the times of ``rows`` at their tasks; unless ``whole``, unknown times leave what is there."""
    for name, values in times.items():
        known = np.full(len(rows), True) if whole else ~np.isnan(rows[name])
        values[at[known]] = rows[name][known]


def _from_events(events: np.ndarray, index: TaskIndex, times: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    events = events[index.at(events["task"]) >= 0]
    at = index.at(events["task"])
    for status, name in _TIME_OF_STATUS.items():
        # Backwards, so that the first event of a task is written last and stays.
        rows = np.flatnonzero(events["last_status"] == TASK_STATUSES.index(status) + 1)[::-1]
        times[name][at[rows]] = np.fmin(times[name][at[rows]], events["t"][rows])
    codes, reasons = np.zeros(len(index.task), np.uint8), np.zeros(len(index.task), np.uint32)
    rows = np.flatnonzero(events["stop_code"])
    codes[at[rows]] = events["stop_code"][rows]
    rows = np.flatnonzero(events["stopped_reason"])
    reasons[at[rows]] = events["stopped_reason"][rows]
    return codes, reasons
