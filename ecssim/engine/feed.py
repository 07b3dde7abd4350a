"""The feed: every recorded event as a dictionary, for whoever holds the run in the hand.

Rows are packed while the run goes on. A feed decodes those that came since it last looked: at the end of each
simulated minute, after each call through ``Simulation.call`` and at the end of the run. A run without a feed
pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address
from math import isnan
from typing import TYPE_CHECKING, Any, Final

from ecssim.engine.describe_tasks import group_name
from ecssim.record.codes import FIXED_POOLS
from ecssim.record.ids import task_id
from ecssim.record.schema import TableSchema

if TYPE_CHECKING:
    import numpy as np

    from ecssim.engine.simulation import Engine
    from ecssim.world.tasks import Task

Event = Mapping[str, Any]

#: Internal tables that say what a task is and where it went.
_IDENTITIES: Final = ("_templates", "_task_ids", "_task_places")


class Feed:
    """Hands the events of ``engine`` to ``callback`` in the order of their ids.

    An event has ``kind`` (the table: ``task_events``, ``calls``, ``placements``, ...), ``t`` in seconds,
    ``event_id``, ``cause_id`` and the columns of its table with names for codes and None for null; a task's
    events also say who owns it and where it is. A feed made at t = 0 begins with what the scenario created.
    """

    def __init__(self, engine: Engine, callback: Callable[[Event], None]) -> None:
        self._busy = False
        self._recorder = recorder = engine.recorder
        self._callback = callback
        self._tables = {
            name: table
            for name, table in recorder.tables.items()
            if not table.schema.internal and any(c.name == "event_id" for c in table.schema.columns)
        }
        self._names: dict[str, dict[int, str]] = {}
        self._templates: dict[int, dict[str, Any]] = {}
        self._tasks: dict[int, dict[str, Any]] = {}
        first = engine.kernel.now == 0.0
        self._seen: dict[str, int] = {}
        for name in ("_names", *_IDENTITIES, *self._tables):
            writer = recorder.names if name == "_names" else recorder.tables[name]
            self._seen[name] = writer.rows - writer.pending if first else writer.rows
        if not first:
            self._catch_up(engine)
        recorder.listeners.append(self.flush)

    def flush(self) -> None:
        """Hand out every event that was recorded since the last time."""
        if self._busy:
            return  # the callback made a call: what it set in motion comes after what the callback was shown
        self._busy = True
        try:
            for event in self._news():
                self._callback(event)
        finally:
            self._busy = False

    def _news(self) -> Iterator[Event]:
        self._read_names()
        self._read_identities()
        events: list[dict[str, Any]] = []
        for name, table in self._tables.items():
            events += (self._decode(name, table.schema, row) for row in self._new_rows(name))
        events.sort(key=lambda event: int(event["event_id"]))
        for event in events:
            task = event.pop("_task", None)
            if event.get("last_status") == "STOPPED":
                self._tasks.pop(task, None)
            yield event

    # -- reading ----------------------------------------------------------------------------------------------

    def _new_rows(self, name: str) -> Iterator[Any]:
        writer = self._recorder.names if name == "_names" else self._recorder.tables[name]
        rows, gone = writer.rows, writer.rows - writer.pending
        start = max(self._seen[name] - gone, 0)
        self._seen[name] = rows
        yield from writer.peek(start, rows - gone)

    def _read_names(self) -> None:
        for row in self._new_rows("_names"):
            self._names.setdefault(str(row["pool"]), {})[int(row["code"])] = str(row["string"])

    def _text(self, pool: str, code: int) -> str | None:
        if code == 0:
            return None
        if pool in FIXED_POOLS:
            return FIXED_POOLS[pool][code - 1]
        return self._names[pool][code]

    def _read_identities(self) -> None:
        for row in self._new_rows("_templates"):
            self._templates[int(row["template"])] = {
                "task_definition": self._text("task_definition", int(row["task_definition"])),
                "revision": int(row["revision"]),
                "launch_type": self._text("launch_type", int(row["launch_type"])),
            }
        for row in self._new_rows("_task_ids"):
            self._tasks[int(row["task"])] = {
                "task_id": task_id(int(row["key"]), int(row["launch_number"])),
                "group": self._text("group", int(row["owner"])),
                "service": self._text("service", int(row["service"])),
                **self._templates[int(row["template"])],
                "deployment_id": self._text("deployment", int(row["deployment"])),
                "origin": self._text("origin", int(row["origin"])),
                "capacity_provider": self._text("capacity_provider", int(row["capacity_provider"])),
                "cluster": self._text("cluster", int(row["cluster"])),
                "region": self._text("region", int(row["region"])),
                **self._place(row),
            }
        for row in self._new_rows("_task_places"):
            facts = self._tasks.get(int(row["task"]))
            if facts is not None:
                facts.update(self._place(row))

    def _place(self, row: Any) -> dict[str, Any]:
        """Where a task went; all None if it waits."""
        return {
            "container_instance": self._text("instance", int(row["instance"])),
            "subnet": self._text("subnet", int(row["subnet"])),
            "private_ip": _address(int(row["private_ip"])),
            "availability_zone": self._text("availability_zone", int(row["zone"])),
        }

    def _catch_up(self, engine: Engine) -> None:
        """Learn the names and the tasks of before: the run was under way when this feed was made."""
        for pool in engine.recorder.names.pools():
            self._names[pool.name] = {code: text for text, code in pool.items() if text is not None}
        for template in engine.builder.templates.made():
            self._templates[template.code] = {
                "task_definition": template.name,
                "revision": template.revision,
                "launch_type": template.launch_type,
            }
        for task in engine.lifecycle.live.values():
            self._tasks[task.ordinal] = self._facts(engine, task)

    def _facts(self, engine: Engine, task: Task) -> dict[str, Any]:
        instance = engine.world.instances[task.instance] if task.instance >= 0 else None
        subnet = engine.world.subnets[task.subnet] if task.subnet >= 0 else None
        owner, deployment = task.owner, task.deployment
        zone = instance.zone if instance is not None else subnet.zone if subnet is not None else None
        return {
            "task_id": engine.task_id(task),
            "group": group_name(task),
            "service": self._text("service", owner.service_code),
            **self._templates[task.template.code],
            "deployment_id": deployment.id if deployment is not None else None,
            "origin": None,
            "capacity_provider": self._text("capacity_provider", task.provider),
            "cluster": owner.cluster.name,
            "region": engine.region,
            "container_instance": instance.id if instance is not None else None,
            "subnet": subnet.name if subnet is not None else None,
            "private_ip": _address(max(task.address, 0)),
            "availability_zone": zone,
        }

    # -- decoding ---------------------------------------------------------------------------------------------

    def _decode(self, kind: str, schema: TableSchema, row: np.void) -> dict[str, Any]:
        event: dict[str, Any] = {"kind": kind}
        for column in schema.columns:
            value = row[column.name]
            if column.pool is not None:
                event[column.name] = self._text(column.pool, int(value))
            elif column.kind == "task":
                event["_task"] = int(value)
                event |= self._tasks.get(int(value), {}) if kind == "task_events" else self._id_of(int(value))
            elif column.kind == "ip":
                event[column.name] = _address(int(value))
            elif column.kind == "f64":
                number = float(value)
                event[column.name] = None if isnan(number) else number
            else:
                event[column.name] = int(value)
        return event

    def _id_of(self, ordinal: int) -> dict[str, Any]:
        return {"task_id": self._tasks.get(ordinal, {}).get("task_id")}


def _address(value: int) -> str | None:
    return str(IPv4Address(value)) if value else None
