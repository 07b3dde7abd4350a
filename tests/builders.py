"""Small scenarios from a few words, and the engine over them held in the hand.

Each builder returns the part of a scenario document with every default filled in that a test does not care
about; keyword arguments are the document's own keys. Timing is ``fixed`` (every delay at its median) unless a
test says otherwise, so that instants can be written down: with these defaults an EC2 bridge task created at
t is ACTIVATING at t + 0.3 and RUNNING at t + 0.3 + 0.5 (manifest) + 1.0 (60 MB) + 0.8.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ecssim.engine.compile import compile_scenario
from ecssim.engine.invariants import Watch
from ecssim.engine.simulation import Engine
from ecssim.errors import ClientError
from ecssim.record.recorder import Recorder
from ecssim.record.sinks import MemorySink
from ecssim.results.result import Result
from ecssim.scenario.document import Scenario
from ecssim.world.services import Service
from ecssim.world.states import TASK_STATUS_NAMES
from ecssim.world.tasks import Task

Document = dict[str, Any]

#: Delays of the fixed profile that tests add up, in seconds.
DISPATCH = 0.3
MANIFEST = 0.5
PULL = 1.0
START = 0.8
STOP = 1.0
ENI_ATTACH = 4.0
ENI_DELETE = 10.0
COOLING = 30.0
#: An EC2 bridge task from creation to RUNNING: on an instance without the image, and with it.
COLD = DISPATCH + MANIFEST + PULL + START
WARM = DISPATCH + MANIFEST + START


def scenario(**parts: Any) -> Document:
    """A scenario of one cluster in two zones, an hour long, with fixed timing; ``parts`` replace sections."""
    base: Document = {
        "ecssim": 1,
        "name": "test",
        "duration": "1h",
        "seed": 1,
        "subnets": [
            subnet("a", "us-east-1a", "10.0.0.0/24"),
            subnet("b", "us-east-1b", "10.0.1.0/24"),
        ],
        "clusters": [{"clusterName": "prod"}],
        "timing": {"profile": "fixed"},
        "images": {"app": {"size": "60MB"}},
    }
    return base | parts


def subnet(name: str, zone: str = "us-east-1a", cidr: str = "10.0.0.0/24", **more: Any) -> Document:
    return {"subnetId": name, "availabilityZone": zone, "cidrBlock": cidr, **more}


def group(count: int = 1, name: str = "asg", type: str = "m5.large", **more: Any) -> Document:
    """An Auto Scaling group of fixed size; an m5.large has 2,048 CPU units, 7,987 MiB and 2 ENI slots."""
    base = {
        "autoScalingGroupName": name,
        "minSize": 0,
        "maxSize": 100,
        "desiredCapacity": count,
        "subnets": ["a"],
        "instances": {"instanceType": type},
        "agent": {"ECS_CLUSTER": "prod", **more.pop("agent", {})},
    }
    return base | more


def provider(name: str = "ec2", of: str = "asg") -> Document:
    return {
        "name": name,
        "autoScalingGroupProvider": {"autoScalingGroup": of, "managedScaling": {"status": "DISABLED"}},
    }


def task_definition(family: str = "app", **more: Any) -> Document:
    """A bridge task of 256 CPU units and 512 MiB with one container of a 60 MB image."""
    container = {"name": "web", "image": "app", **more.pop("container", {})}
    base = {
        "family": family,
        "networkMode": "bridge",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [container],
    }
    return base | more


def service(name: str = "web", count: int = 1, **more: Any) -> Document:
    base = {
        "serviceName": name,
        "cluster": "prod",
        "taskDefinition": "app:1",
        "desiredCount": count,
        "launchType": "EC2",
    }
    if "capacityProviderStrategy" in more or more.get("launchType", "") is None:
        base.pop("launchType")
        more.pop("launchType", None)
    if more.get("schedulingStrategy") == "DAEMON":
        base.pop("desiredCount")
    return base | more


def percent(minimum: int = 100, maximum: int = 200) -> Document:
    return {"minimumHealthyPercent": minimum, "maximumPercent": maximum}


def awsvpc(*subnets: str) -> Document:
    return {"awsvpcConfiguration": {"subnets": list(subnets or ("a",))}}


def fargate(name: str = "web", count: int = 1, **more: Any) -> Document:
    """A Fargate service of launch type FARGATE in subnet a."""
    return service(name, count, **({"launchType": "FARGATE", "networkConfiguration": awsvpc()} | more))


def target_group(name: str = "tg", **more: Any) -> Document:
    """Checked every 10 s, healthy after 2 and unhealthy after 2 checks, drained in 20 s."""
    base = {
        "targetGroupName": name,
        "healthCheckIntervalSeconds": 10,
        "healthyThresholdCount": 2,
        "unhealthyThresholdCount": 2,
        "deregistrationDelay": 20,
    }
    return base | more


def behind(*names: str) -> list[Document]:
    """The ``loadBalancers`` of a service behind the target groups."""
    return [{"targetGroupArn": n, "containerName": "web", "containerPort": 80} for n in names or ("tg",)]


def call(at: str, name: str, **params: Any) -> Document:
    return {"at": at, "call": name, "with": params}


def fault(at: str, name: str, **params: Any) -> Document:
    return {"at": at, "fault": name, "with": params}


class Sim:
    """One engine, compiled from a document, with the watch on; times are seconds from the start."""

    def __init__(self, document: Document, seed: int | None = None) -> None:
        self.scenario = Scenario.model_validate_json(json.dumps(document))
        self.sink = MemorySink()
        self.recorder = Recorder(self.sink, manifest={"start": self.scenario.start.isoformat()})
        self.engine: Engine = compile_scenario(
            self.scenario, self.recorder, self.scenario.seed if seed is None else seed
        )
        self.watch = Watch()
        self.engine.observers.append(self.watch)
        self._result: Result | None = None

    @property
    def now(self) -> float:
        return float(self.engine.kernel.now)

    def to(self, t: float) -> Sim:
        """Run everything that is due up to and at ``t``, then hold the world against its laws."""
        kernel = self.engine.kernel
        kernel.run_until(t)
        self.settle()
        return self

    def settle(self) -> None:
        """Run what is due at this very instant; laws hold between instants only."""
        kernel = self.engine.kernel
        while kernel.peek() <= kernel.now:
            kernel.step()
        self.watch(self.engine)

    def call(self, action: str, **params: Any) -> dict[str, Any]:
        """Make a call and let its instant pass; raises ClientError if it is refused."""
        answer = self.engine.calls.call(action, params, "user")
        self.settle()
        if isinstance(answer, ClientError):
            raise answer
        return answer

    def finish(self) -> Result:
        if self._result is None:
            self.engine.kernel.run_until(self.engine.duration)
            self.engine.finish()
            self.recorder.close(True, {})
            self._result = Result.from_sink(self.sink)
        return self._result

    # -- looking ------------------------------------------------------------

    def service(self, name: str = "web") -> Service:
        return next(s for s in self.engine.world.services if s.name == name and s.status != "INACTIVE")

    def tasks(self, name: str | None = None) -> list[Task]:
        """Live tasks in the order of their creation, of one service or group if named."""
        return [
            t
            for t in self.engine.lifecycle.live.values()
            if name is None or t.owner.name.removeprefix("family:") == name
        ]

    def statuses(self, name: str | None = None) -> list[str]:
        return [TASK_STATUS_NAMES[t.status] for t in self.tasks(name)]


def run_dict(document: Document, seed: int | None = None) -> Result:
    """Run a document to its end with the watch on."""
    return Sim(document, seed).finish()


def path(result: Result, task: int = 0) -> list[tuple[float, str]]:
    """The ``(t, lastStatus)`` of the task that was created as number ``task`` (from 0), t to milliseconds."""
    events = result.task_events
    ids = list(dict.fromkeys(events["task_id"].astype(str)))
    rows = events[events["task_id"].astype(str) == ids[task]]
    return [(round(t, 3), s) for t, s in zip(rows["t"], rows["last_status"].astype(str), strict=True)]


def states(result: Result, task: int = 0) -> list[str]:
    """The statuses alone."""
    return [s for _, s in path(result, task)]


def service_events(result: Result, name: str = "web") -> list[tuple[float, str, str]]:
    """``(t, eventName or "", message)`` of a service's events, t to milliseconds."""
    events = result.service_events
    rows = events[events["service"].astype(str) == name]
    return [
        (round(t, 3), e if isinstance(e, str) else "", m)
        for t, e, m in zip(rows["t"], rows["event_name"].astype(object), rows["message"].astype(str), strict=True)
    ]


def counts_over_time(result: Result, name: str = "web") -> Iterator[tuple[float, int, int]]:
    """``(t, wanted, running)`` after every instant: tasks with desiredStatus RUNNING, and those that run."""
    events = result.task_events
    rows = events[events["service"].astype(str) == name]
    wanted: dict[str, bool] = {}
    running: dict[str, bool] = {}
    last = None
    for t, task, status, desired in zip(
        rows["t"],
        rows["task_id"].astype(str),
        rows["last_status"].astype(str),
        rows["desired_status"].astype(str),
        strict=True,
    ):
        if last is not None and t != last:
            yield last, sum(wanted.values()), sum(running.values())
        last = t
        wanted[task] = desired == "RUNNING"
        running[task] = desired == "RUNNING" and status == "RUNNING"
    if last is not None:
        yield last, sum(wanted.values()), sum(running.values())
