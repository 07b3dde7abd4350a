"""Ids that AWS would make up and that the record does not keep: they depend on the seed and the entity alone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from ecssim.record.ids import owner_key

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine
    from ecssim.world.tasks import Task


def uuid_of(engine: Engine, *parts: str) -> UUID:
    """An id for the thing that ``parts`` name, like all ids a function of the seed and the entity alone."""
    seed = engine.luck.seed
    return UUID(int=(owner_key(seed, "uuid", *parts) << 64) | owner_key(seed, "uuid", "low", *parts))


def container_arn(engine: Engine, cluster: str, task: str, container: str) -> str:
    """The ARN of a container of a task."""
    return engine.arn("container", f"{cluster}/{task}/{uuid_of(engine, task, container)}")


def runtime_id(engine: Engine, task: Task, name: str, container: str) -> str:
    """What the container runtime calls the container: 64 hexadecimal digits on an instance; on Fargate the task's
    id and ten digits."""
    if task.template.fargate:
        return f"{name}-{owner_key(engine.luck.seed, 'runtime', name, container) % 10**10:010d}"
    return "".join(uuid_of(engine, name, container, f"runtime {half}").hex for half in (1, 2))


def image_digest(engine: Engine, image: str) -> str:
    """The digest behind an image's tag; an image that never changes has one digest in the whole run."""
    return "sha256:" + "".join(uuid_of(engine, "image", image, str(half)).hex for half in (1, 2))


def attachment_id(engine: Engine, name: str) -> str:
    """The id of the attachment of a task's network interface."""
    return str(uuid_of(engine, name, "attachment"))


def interface_id(engine: Engine, name: str) -> str:
    """The id of the network interface of a task."""
    return f"eni-{uuid_of(engine, name, 'eni').hex[:17]}"


def mac_address(engine: Engine, name: str) -> str:
    """The hardware address of the network interface of a task."""
    digits = uuid_of(engine, name, "eni").hex
    return ":".join(("0a", *(digits[at : at + 2] for at in range(20, 30, 2))))
