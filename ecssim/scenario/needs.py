"""What the tasks of a definition fetch before they run, and from where: images, secrets, log groups (NET-082).

An image in ECR takes a token (``ecr.api``), a manifest (``ecr.dkr``) and layers, which lie in S3; every other registry
is a host of the internet, and so is a service of another Region, for which no endpoint of this VPC serves (NET-084).
Fargate 1.3.0 fetches tokens, secrets and logs over a network of its own, so that ``ecr.dkr`` and S3 are all it needs
(NET-082). A secret's KMS key is used by Secrets Manager and Systems Manager, not by the task.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ecssim.aws.names import LogDriver
from ecssim.aws.task_definition import ContainerDefinition, TaskDefinition
from ecssim.decide.reachability import Need, Step
from ecssim.decide.routes import INTERNET

_ECR: Final = re.compile(r"^\d{12}\.dkr\.ecr(-fips)?\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?/")
_REGION_OF_ARN: Final = re.compile(r"^arn:aws[a-z-]*:(secretsmanager|ssm):([a-z0-9-]+):")
DOCKER_HUB: Final = "registry-1.docker.io"
#: The first platform version of Fargate for Linux that fetches everything over the task's interface.
OWN_INTERFACE: Final = (1, 4)
#: What the agent of an instance talks to (NET-083).
OF_AN_INSTANCE: Final = ("ecs-agent", "ecs-telemetry", "ecs")


def needs_of(
    definition: TaskDefinition, region: str, *, fargate: bool, platform: str | None = None
) -> tuple[Need, ...]:
    """Everything that a task fetches on its way to RUNNING, each once, in the order of the containers."""
    old = fargate and not definition.is_windows and _before(platform)
    found: dict[Need, None] = {}
    for container in definition.container_definitions:
        for need in _of_container(container, region, fargate):
            if not old or need.step in (Step.MANIFEST, Step.LAYERS):
                found[need] = None
    return tuple(found)


def instance_needs(region: str) -> tuple[Need, ...]:
    """What an instance must reach to join its cluster (NET-083)."""
    return tuple(Need(Step.MANIFEST, s, f"{s}.{region}.amazonaws.com", s) for s in OF_AN_INSTANCE)


def registry_of(image: str) -> tuple[str, str | None]:
    """The host that an image is pulled from, and the Region of its repository if that is in ECR."""
    ecr = _ECR.match(image)
    if ecr is not None:
        return image.partition("/")[0], ecr.group(2)
    first, slash, _ = image.partition("/")
    # As the image reference grammar has it: a host has a dot or a port, or is localhost.
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, None
    return DOCKER_HUB, None


def _before(platform: str | None) -> bool:
    numbers = (platform or "").split(".")[:2]
    return len(numbers) == 2 and all(n.isdecimal() for n in numbers) and tuple(map(int, numbers)) < OWN_INTERFACE


def _of_container(container: ContainerDefinition, region: str, fargate: bool) -> Iterator[Need]:
    def service(name: str, where: str) -> str:
        return name if where == region else INTERNET

    if container.image:
        host, home = registry_of(container.image)
        if home is None:
            yield Need(Step.MANIFEST, INTERNET, host, container.image)
        else:
            yield Need(Step.REGISTRY_AUTH, service("ecr.api", home), f"api.ecr.{home}.amazonaws.com", container.image)
            yield Need(Step.MANIFEST, service("ecr.dkr", home), host, container.image)
            bucket = f"prod-{home}-starport-layer-bucket.s3.{home}.amazonaws.com"
            yield Need(Step.LAYERS, service("s3", home), bucket, container.image)
    secrets = [s.value_from for s in container.secrets]
    if container.repository_credentials is not None:
        secrets.append(container.repository_credentials.credentials_parameter)
    logs = container.log_configuration
    if logs is not None:
        secrets += [s.value_from for s in logs.secret_options]
    for secret in secrets:
        arn = _REGION_OF_ARN.match(secret)
        name, where = (arn.group(1), arn.group(2)) if arn is not None else ("ssm", region)
        yield Need(Step.SECRET, service(name, where), f"{name}.{where}.amazonaws.com", secret)
    if logs is not None and logs.log_driver is LogDriver.AWSLOGS:
        options = logs.options or {}
        where = options.get("awslogs-region", region)
        step = Step.LOGS if fargate else Step.LOGS_AT_START
        group = options.get("awslogs-group", "")
        yield Need(step, service("logs", where), f"logs.{where}.amazonaws.com", group)
