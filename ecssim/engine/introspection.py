"""The introspection API of an instance's container agent, on port 51678: which tasks the agent knows (META-006)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from ecssim.decide.agent_status import agent_status, introspected
from ecssim.engine.describe_instances import instance_arn
from ecssim.engine.describe_tasks import pulled
from ecssim.engine.identities import runtime_id, uuid_of
from ecssim.engine.outside import KNOWN_TO_AGENT, Outside
from ecssim.engine.task_metadata import docker_name
from ecssim.errors import BadInput, Problem
from ecssim.world.instances import Instance
from ecssim.world.states import INACTIVE
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

PATHS: Final = ("/v1/metadata", "/v1/tasks")


def introspection(engine: Engine, outside: Outside, instance: Instance, path: str = "/v1/tasks") -> dict[str, Any]:
    """What the agent of ``instance`` answers under ``path``, with ``?taskarn=`` or ``?dockerid=`` one task.

    :raises BadInput: if there is no such path or task, or the instance is gone and its agent with it.
    """
    if instance.status == INACTIVE:
        raise _bad(f"{instance.id} is gone, and its agent with it")
    parts = urlsplit(path)
    if parts.path not in PATHS:
        raise _bad(f"the agent has no path {parts.path!r}: expected one of {', '.join(PATHS)}")
    if parts.path == "/v1/metadata":
        return {
            "Cluster": instance.group.cluster.name,
            "ContainerInstanceArn": instance_arn(engine, instance),
            "Version": f"Amazon ECS Agent - v{instance.group.agent_version} "
            f"(*{uuid_of(engine, 'agent', instance.group.agent_version).hex[:8]})",
        }
    outside.read()
    tasks = [*instance.tasks.values(), *outside.stopped_within(KNOWN_TO_AGENT)]
    known = {
        task.ordinal: _task(engine, task)
        for task in tasks
        if task.instance == instance.ordinal and task.connectivity_at == task.connectivity_at
    }
    shown = [known[ordinal] for ordinal in sorted(known)]
    asked = parse_qs(parts.query)
    if not asked:
        return {"Tasks": shown}
    for task in shown:
        docker_ids = [container["DockerId"] for container in task["Containers"]]
        if task["Arn"] in asked.get("taskarn", ()) or set(docker_ids) & set(asked.get("dockerid", ())):
            return task
    raise _bad(f"the agent knows no such task: {parts.query}")


def _task(engine: Engine, task: Task) -> dict[str, Any]:
    name = engine.task_id(task)
    status = agent_status(task.status, pulled(task, engine.kernel.now))
    known, desired = introspected(status, "RUNNING" if task.running else "STOPPED")
    return {
        "Arn": engine.arn("task", f"{task.owner.cluster.name}/{name}"),
        "DesiredStatus": desired,
        "KnownStatus": known,
        "Family": task.template.family,
        "Version": str(task.template.revision),
        "Containers": [
            {
                "DockerId": runtime_id(engine, task, name, container),
                "DockerName": docker_name(engine, task, name, container),
                "Name": container,
            }
            for container in task.template.containers
        ],
    }


def _bad(message: str) -> BadInput:
    return BadInput([Problem("introspection", 0, 0, message)])
