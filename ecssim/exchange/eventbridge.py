"""What ECS would have sent to EventBridge, made by playing a run again.

A line is the event as a rule's target gets it; ``eventbridge.schema.json`` beside this module describes every line.
Each change of a task is an event; the changes of a container instance in one instant are one (META-011 to META-013).
Task and instance events show the thing as the Describe calls do (META-022), with times as texts and without
health, under the statuses that it had at the event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecssim.aws.events import (
    DEPLOYMENT_CHANGES,
    OUTER_VERSION,
    SERVICE_ACTIONS,
    SOURCE,
    WITH_REASON,
    DetailType,
    EventType,
)
from ecssim.engine.describe_instances import instance_document
from ecssim.engine.describe_tasks import Look, Words, task_document
from ecssim.engine.identities import uuid_of
from ecssim.engine.outside import Change, InstanceChange, Outside, ServiceEvent, TaskChange

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine
    from ecssim.run import Simulation

Event = dict[str, Any]

SCHEMA_FILE: Final = Path(__file__).with_name("eventbridge.schema.json")

#: What DescribeTasks shows of a task and the detail of its events does not (META-012).
_NOT_IN_TASK_EVENTS: Final = ("healthStatus", "tags", "inferenceAccelerators")
#: The reason of a deployment's event, where it is not the message itself.
_REASONS: Final = {
    "SERVICE_DEPLOYMENT_IN_PROGRESS": "ECS deployment {} in progress.",
    "SERVICE_DEPLOYMENT_COMPLETED": "ECS deployment {} completed.",
}
_DEPLOYMENT_ID: Final = re.compile(r"ecs-svc/\d+")
_CLOSEST: Final = re.compile(r"\(container-instance (\S+)\)")
_REASON: Final = re.compile(r"Reason: (.+?)\.$")


def events(simulation: Simulation, until: float | None = None) -> Iterator[Event]:
    """Play a simulation that has not begun and yield each event in the order in which it happened."""
    engine = simulation.engine
    outside = Outside(engine, keep_changes=True)
    stream = Stream(engine)
    kernel = engine.kernel
    horizon = simulation.duration if until is None else min(until, simulation.duration)
    yield from stream.of(outside.take_changes())
    while kernel.peek() < horizon:
        kernel.step()
        # Things are looked at when their instant is over: between its steps they are neither here nor there.
        if kernel.peek() > kernel.now:
            yield from stream.of(outside.take_changes())


class Stream:
    """Turns changes that have just happened into events."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._words = Words({}, {})
        self._known = (-1, -1)

    def of(self, changes: list[Change]) -> Iterator[Event]:
        """The events of ``changes``; the world must still be as they left it."""
        for change in changes:
            match change:
                case TaskChange():
                    yield self._task(change)
                case InstanceChange():
                    yield self._instance(change)
                case ServiceEvent():
                    yield from self._service(change)

    def _event(self, kind: DetailType, change: Change, resource: str, detail: Event) -> Event:
        engine = self.engine
        return {
            "version": OUTER_VERSION,
            "id": str(uuid_of(engine, "event", kind, str(change.event_id), resource)),
            "detail-type": kind.value,
            "source": SOURCE,
            "account": engine.account_id,
            "time": _moment(engine, change.t).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": engine.region,
            "resources": [resource],
            "detail": detail,
        }

    # -- tasks and instances ----------------------------------------------------------------------------------

    def _task(self, change: TaskChange) -> Event:
        """META-012, META-022."""
        look = Look(change.status, change.running, change.stop_code)
        shown = task_document(self.engine, change.task, self._texts(), change.version, look)
        for key in _NOT_IN_TASK_EVENTS:
            del shown[key]
        for container in shown["containers"]:
            del container["healthStatus"]
        shown["attachments"] = [
            {**a, "type": "eni" if a["type"] == "ElasticNetworkInterface" else a["type"]} for a in shown["attachments"]
        ]
        shown["updatedAt"] = _moment(self.engine, change.t)
        return self._event(DetailType.TASK, change, shown["taskArn"], _texts_for_times(shown))

    def _instance(self, change: InstanceChange) -> Event:
        """META-013."""
        shown = instance_document(self.engine, change.instance, change.version)
        del shown["tags"]
        shown["clusterArn"] = self.engine.arn("cluster", change.instance.group.cluster.name)
        shown["updatedAt"] = _moment(self.engine, change.t)
        arn = shown["containerInstanceArn"]
        return self._event(DetailType.CONTAINER_INSTANCE, change, arn, _texts_for_times(shown))

    def _texts(self) -> Words:
        """The texts behind codes, read again when there are more of them."""
        pool = self.engine.recorder.names.pool
        known = (len(pool("capacity_provider")), len(pool("text")))
        if known != self._known:
            self._known = known
            self._words = Words.of(self.engine)
        return self._words

    # -- services ---------------------------------------------------------------------------------------------

    def _service(self, event: ServiceEvent) -> Iterator[Event]:
        """META-014 to META-018; a message of the console alone is no event."""
        if event.name is None:
            return
        engine = self.engine
        resource = engine.arn("service", f"{event.cluster}/{event.service}")
        created = _iso(_moment(engine, event.t))
        detail: Event = {
            "eventType": SERVICE_ACTIONS.get(event.name, EventType.INFO).value,
            "eventName": event.name,
            "clusterArn": engine.arn("cluster", event.cluster),
            "createdAt": created,
        }
        if event.name in WITH_REASON:
            detail |= self._why(event)
        yield self._event(DetailType.SERVICE_ACTION, event, resource, detail)
        if event.name in DEPLOYMENT_CHANGES:
            found = _DEPLOYMENT_ID.search(event.message)
            deployment = found.group() if found is not None else ""
            detail = {
                "eventType": DEPLOYMENT_CHANGES[event.name].value,
                "eventName": event.name,
                "deploymentId": deployment,
                "updatedAt": created,
                "reason": _REASONS.get(event.name, event.message).replace("{}", deployment),
            }
            yield self._event(DetailType.DEPLOYMENT, event, resource, detail)

    def _why(self, event: ServiceEvent) -> Event:
        """The reason of a refused placement, and the instance that came closest (META-016)."""
        said = _REASON.search(event.message)
        why: Event = {"reason": event.reason or (said.group(1) if said is not None else event.message)}
        closest = _CLOSEST.search(event.message)
        if closest is not None:
            arn = self.engine.arn("container-instance", f"{event.cluster}/{closest.group(1)}")
            why["containerInstanceArns"] = [arn]
        return why


@cache
def schema() -> Mapping[str, Any]:
    """The JSON Schema of every line."""
    import json

    document: Mapping[str, Any] = json.loads(SCHEMA_FILE.read_text("utf-8"))
    return document


def _moment(engine: Engine, t: float) -> datetime:
    return (engine.start + timedelta(seconds=t)).astimezone(UTC)


def _iso(moment: datetime) -> str:
    """The text of a time in the detail of an event: to the millisecond (META-022)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _texts_for_times(document: Event) -> Event:
    return {key: _iso(value) if isinstance(value, datetime) else value for key, value in document.items()}
