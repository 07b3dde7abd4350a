"""What somebody outside could know: the versions of tasks and instances, tasks that have just stopped, the newest
service events.

The world forgets a task when it stops and the record keeps no ``version``: nobody in a run needs them. An
:class:`Outside` is put beside an engine when somebody describes it, and derives all of this from the rows that
the run records anyway. A run without one pays nothing for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ecssim.world.instances import Instance
from ecssim.world.states import INSTANCE_STATUS_NAMES, REGISTERING
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: How long a stopped task can be described (LIFE-012), and how long its agent still knows it (AGENT-035).
DESCRIBABLE: Final = 3600.0
KNOWN_TO_AGENT: Final = 3.0 * 3600.0
#: Events that a service shows (SVC-052).
SERVICE_EVENTS: Final = 100

_WANT_STOPPED: Final = 3
#: The tables that are followed, and the columns that are looked at, ``event_id`` first.
_TABLES: Final = {
    "task_events": ("event_id", "t", "task", "last_status", "desired_status", "stop_code"),
    "_task_ids": ("event_id", "task", "instance"),
    "_task_places": ("event_id", "task", "instance"),
    "instance_events": ("event_id", "t", "instance_id", "status"),
    "placements": ("event_id", "t", "reason"),
    "service_events": ("event_id", "t", "cause_id", "service", "event_name", "message", "cluster"),
}


class TaskChange(NamedTuple):
    """A task changed: one row of ``task_events``, with the version that this change gave the task."""

    t: float
    event_id: int
    task: Task
    version: int
    status: int
    running: bool
    stop_code: int


class InstanceChange(NamedTuple):
    """A container instance changed: its status, its connection or what it has left. All that changes in one
    instant is one change."""

    t: float
    event_id: int
    instance: Instance
    version: int


class ServiceEvent(NamedTuple):
    """A row of ``service_events``; ``name`` is the EventBridge name, None for a message of the console alone.

    ``reason`` is that of the placement which caused it.
    """

    t: float
    event_id: int
    service: str
    cluster: str
    name: str | None
    message: str
    reason: str | None


Change = TaskChange | InstanceChange | ServiceEvent


class Outside:
    """Follows the record of an engine; ``changes`` are those since they were last taken, if somebody takes them."""

    def __init__(self, engine: Engine, *, keep_changes: bool = False) -> None:
        self.engine = engine
        self.changes: list[Change] = []
        self.stopped: dict[int, Task] = {}
        self.task_versions: dict[int, int] = {}
        self.instance_versions: dict[int, int] = {}
        self.service_events: dict[tuple[str, str], deque[ServiceEvent]] = {}
        self._keep = keep_changes
        self._recorder = recorder = engine.recorder
        fresh = engine.kernel.now == 0.0
        # What was there before somebody looked has a version that nobody counted.
        self._uncounted = 0 if fresh else engine.lifecycle.created
        self._uncounted_instances = 0 if fresh else len(engine.world.instances)
        self._seen = {name: 0 if fresh else recorder.tables[name].rows for name in _TABLES}
        self._by_code: dict[int, Instance] = {}
        self._instances_seen = 0
        self._held: dict[int, int] = {}
        self._changed_at: dict[int, float] = {}
        self._texts: dict[str, dict[int, str]] = {}
        self._names_seen = 0 if fresh else recorder.names.rows
        if not fresh:
            for pool in recorder.names.pools():
                self._texts[pool.name] = {code: str(text) for text, code in pool.items() if text is not None}
            self._learn_instances()
            self._held = {t.ordinal: i.code for i in self._by_code.values() for t in i.tasks.values() if t.running}
        self._write = engine.lifecycle.ended
        engine.lifecycle.ended = self._ended
        engine.lifecycle.remembers = True
        recorder.listeners.append(self.read)

    # -- answers ----------------------------------------------------------------------------------------------

    def version_of(self, task: Task) -> int | None:
        """The version of a task: how many of its changes made an event (LIFE-037); None if nobody counted."""
        return self.task_versions.get(task.ordinal)

    def version_of_instance(self, instance: Instance) -> int | None:
        """The version of a container instance (META-011); None if nobody counted."""
        return self.instance_versions.get(instance.code)

    def stopped_within(self, seconds: float) -> Iterator[Task]:
        """The tasks that stopped less than so long ago, in the order in which they stopped."""
        earliest = self.engine.kernel.now - seconds
        return (task for task in self.stopped.values() if task.stopped_at > earliest)

    def events_of(self, service: str, cluster: str) -> list[ServiceEvent]:
        """The newest events of a service, the newest first (SVC-052)."""
        return list(reversed(self.service_events.get((service, cluster), ())))

    def take_changes(self) -> list[Change]:
        """Every change since the last time, in the order in which they happened."""
        self.read()
        taken, self.changes = self.changes, []
        return taken

    # -- following --------------------------------------------------------------------------------------------

    def _ended(self, task: Task) -> None:
        self._write(task)
        self.stopped[task.ordinal] = task

    def read(self) -> None:
        """Take in the rows that were recorded since the last time."""
        news = {name: self._news(name) for name in _TABLES}
        if not any(news.values()):
            return
        self._read_names()
        self._learn_instances()
        # Times by event: a place says which event it belongs to, an own row of the task's or the verdict's.
        times = {row[0]: row[1] for row in (*news["task_events"], *news["placements"])}
        reasons = {row[0]: self._text("placement_reason", row[2]) for row in news["placements"] if row[2]}
        # A place comes right behind the event that it belongs to; the others have ids of their own.
        steps: list[tuple[int, int, str, tuple[Any, ...]]] = []
        steps += ((row[0], 0, "task", row) for row in news["task_events"])
        steps += ((row[0], 1, "place", row) for row in (*news["_task_ids"], *news["_task_places"]))
        steps += ((row[0], 0, "instance", row) for row in news["instance_events"])
        steps += ((row[0], 0, "service", row) for row in news["service_events"])
        steps.sort(key=lambda step: step[:2])
        for event, _, kind, row in steps:
            match kind:
                case "task":
                    self._on_task(row)
                case "place":
                    self._on_place(row, times.get(event, 0.0))
                case "instance":
                    self._on_instance(row)
                case _:
                    self._on_service(row, reasons)
        self._forget()

    def _news(self, name: str) -> list[Any]:
        table = self._recorder.tables[name]
        rows, gone = table.rows, table.rows - table.pending
        start = max(self._seen[name] - gone, 0)
        self._seen[name] = rows
        news: list[Any] = table.peek(start, rows - gone)[list(_TABLES[name])].tolist()
        return news

    def _learn_instances(self) -> None:
        instances = self.engine.world.instances
        for instance in instances[self._instances_seen :]:
            self._by_code[instance.code] = instance
        self._instances_seen = len(instances)

    def _task(self, ordinal: int) -> Task | None:
        return self.engine.lifecycle.live.get(ordinal) or self.stopped.get(ordinal)

    def _on_task(self, row: tuple[Any, ...]) -> None:
        event, t, ordinal, status, desired, stop_code = row
        if ordinal > self._uncounted:
            version = self.task_versions[ordinal] = self.task_versions.get(ordinal, 0) + 1
            task = self._task(ordinal)
            if self._keep and task is not None:
                running = desired != _WANT_STOPPED
                # The record counts statuses from 1, the world from 0.
                self.changes.append(TaskChange(t, event, task, version, status - 1, running, stop_code))
        if desired == _WANT_STOPPED:
            held = self._held.pop(ordinal, None)
            if held is not None:
                self._instance_changed(held, t, event)

    def _on_place(self, row: tuple[Any, ...], t: float) -> None:
        event, ordinal, instance = row
        if instance:
            self._held[ordinal] = instance
            self._instance_changed(instance, t, event)

    def _on_instance(self, row: tuple[Any, ...]) -> None:
        event, t, code, status = row
        instance = self._by_code[code]
        # Until its agent has registered there is no container instance (AGENT-002).
        registered = instance.registered_at == instance.registered_at
        if registered and self._text("instance_status", status) != INSTANCE_STATUS_NAMES[REGISTERING]:
            self._instance_changed(code, t, event)

    def _instance_changed(self, code: int, t: float, event: int) -> None:
        """One change, unless this instant has had one of this instance already (META-013)."""
        if self._changed_at.get(code) == t:
            return
        self._changed_at[code] = t
        instance = self._by_code[code]
        if instance.ordinal < self._uncounted_instances:
            return
        version = self.instance_versions[code] = self.instance_versions.get(code, 0) + 1
        if self._keep:
            self.changes.append(InstanceChange(t, event, instance, version))

    def _on_service(self, row: tuple[Any, ...], reasons: dict[int, str | None]) -> None:
        event, t, cause, service, name, message, cluster = row
        found = ServiceEvent(
            t,
            event,
            self._text("service", service) or "",
            self._text("cluster", cluster) or "",
            self._text("event_name", name),
            self._text("text", message) or "",
            reasons.get(cause),
        )
        key = (found.service, found.cluster)
        self.service_events.setdefault(key, deque(maxlen=SERVICE_EVENTS)).append(found)
        if self._keep:
            self.changes.append(found)

    def _text(self, pool: str, code: int) -> str | None:
        return self._texts[pool][code] if code else None

    def _read_names(self) -> None:
        names = self._recorder.names
        rows, gone = names.rows, names.rows - names.pending
        for pool, code, text in names.peek(max(self._names_seen - gone, 0), rows - gone).tolist():
            self._texts.setdefault(pool, {})[code] = text
        self._names_seen = rows

    def _forget(self) -> None:
        """Drop the tasks that nobody can ask for any more (LIFE-013)."""
        earliest = self.engine.kernel.now - KNOWN_TO_AGENT
        for ordinal, task in list(self.stopped.items()):
            if task.stopped_at > earliest:
                break
            del self.stopped[ordinal]
            self.task_versions.pop(ordinal, None)
