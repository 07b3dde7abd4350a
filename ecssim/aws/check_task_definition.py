"""What RegisterTaskDefinition refuses: ports, sizes, dependencies, timeouts, and what Fargate does not run.

Implements NET-001, NET-005, NET-009, FG-001 to FG-006, FG-008, LIFE-052, LIFE-054, LIFE-058, LIFE-059,
PLACE-004, PLACE-007, PLACE-030, PLACE-040, QUOTA-008.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from ecssim.aws.names import (
    Compatibility,
    ContainerCondition,
    CpuArchitecture,
    NetworkMode,
    PlacementConstraintType,
    ResourceType,
)
from ecssim.aws.refusals import Refusal, Step
from ecssim.aws.task_definition import ContainerDefinition, TaskDefinition
from ecssim.catalog import Quotas, quotas

CLIENT = "ClientException"
MOST_CONSTRAINTS = 10


def check_task_definition(definition: TaskDefinition, limits: Quotas | None = None) -> list[Refusal]:
    """Everything for which RegisterTaskDefinition would refuse the document, in an account with ``limits``."""
    refusals = [
        *_containers(definition, limits or quotas()),
        *_ports(definition),
        *_dependencies(definition),
        *_constraints(definition),
        *_sizes(definition),
    ]
    if Compatibility.FARGATE in definition.requires_compatibilities:
        refusals += fargate_refusals(definition)
    return refusals


def fargate_refusals(definition: TaskDefinition) -> list[Refusal]:
    """Why the definition cannot run on Fargate (FG-001 to FG-006, FG-008)."""
    return [*_fargate_size(definition), *_fargate_limits(definition), *_fargate_containers(definition)]


def _container(index: int, *rest: Step) -> tuple[Step, ...]:
    return ("containerDefinitions", index, *rest)


def _containers(definition: TaskDefinition, limits: Quotas) -> Iterator[Refusal]:
    containers = definition.container_definitions
    most = limits.containers_per_task_definition
    if len(containers) > most:
        message = f"a task definition holds at most {most} containers, got {len(containers)}"
        yield Refusal(("containerDefinitions",), message, "QUOTA-008", CLIENT)
    size = len(json.dumps(definition.model_dump(mode="json", by_alias=True, exclude_unset=True)))
    largest = limits.task_definition_bytes
    if size > largest:
        message = f"a task definition is at most {largest / 1024:g} KiB, this one has {size:,} bytes"
        yield Refusal((), message, "QUOTA-008", CLIENT)
    if len(definition.tags) > limits.tags_per_resource:
        message = f"a resource has at most {limits.tags_per_resource} tags, got {len(definition.tags)}"
        yield Refusal(("tags",), message, "QUOTA-015", CLIENT)
    if not any(container.essential for container in containers):
        yield Refusal(("containerDefinitions",), "at least one container must be essential", "LIFE-052", CLIENT)
    seen: dict[str, int] = {}
    for index, container in enumerate(containers):
        if container.name is None:
            yield Refusal(_container(index), "a container needs a name", code=CLIENT)
        elif container.name in seen:
            message = f"container name {container.name!r} is used twice"
            yield Refusal(_container(index, "name"), message, code=CLIENT)
        else:
            seen[container.name] = index
        if container.image is None:
            yield Refusal(_container(index), "a container needs an image", code=CLIENT)
        hard, soft = container.memory, container.memory_reservation
        if hard is not None and soft is not None and soft > hard:
            message = f"memoryReservation {soft} MiB is more than memory {hard} MiB"
            yield Refusal(_container(index, "memoryReservation"), message, "PLACE-004", CLIENT)
        yield from _gpus(index, container)


def _gpus(index: int, container: ContainerDefinition) -> Iterator[Refusal]:
    for number, requirement in enumerate(container.resource_requirements):
        if requirement.type is ResourceType.GPU and not (requirement.value or "").isdecimal():
            where = _container(index, "resourceRequirements", number, "value")
            message = f'GPUs are a whole number as text ("1"), got {requirement.value!r}'
            yield Refusal(where, message, "PLACE-007", CLIENT)


def _ports(definition: TaskDefinition) -> Iterator[Refusal]:
    mode = definition.effective_network_mode
    for index, container in enumerate(definition.container_definitions):
        for number, mapping in enumerate(container.port_mappings):
            where = _container(index, "portMappings", number)
            if mode is NetworkMode.NONE:
                message = "network mode none has no port mappings"
                yield Refusal(where, message, "NET-005", CLIENT)
            if mapping.container_port is None and mapping.container_port_range is None:
                yield Refusal(where, "a port mapping needs containerPort", code=CLIENT)
            same_port = mode in (NetworkMode.AWSVPC, NetworkMode.HOST)
            if same_port and mapping.host_port not in (None, mapping.container_port):
                message = (
                    f"hostPort {mapping.host_port} differs from containerPort {mapping.container_port}: "
                    f"under network mode {mode} they must be equal, or hostPort left out"
                )
                yield Refusal((*where, "hostPort"), message, "NET-009", CLIENT)


def _dependencies(definition: TaskDefinition) -> Iterator[Refusal]:
    by_name = {c.name: c for c in definition.container_definitions if c.name is not None}
    for index, container in enumerate(definition.container_definitions):
        for number, dependency in enumerate(container.depends_on):
            where = _container(index, "dependsOn", number)
            target = by_name.get(dependency.container_name)
            if target is None:
                message = f"dependsOn names container {dependency.container_name!r}, which is not in the task"
                yield Refusal((*where, "containerName"), message, "LIFE-053", CLIENT)
            elif dependency.condition in (ContainerCondition.COMPLETE, ContainerCondition.SUCCESS):
                if target.essential:
                    message = f"{dependency.condition} cannot wait for an essential container ({target.name})"
                    yield Refusal((*where, "condition"), message, "LIFE-054", CLIENT)
            elif dependency.condition is ContainerCondition.HEALTHY and target.health_check is None:
                message = f"HEALTHY needs a healthCheck on container {target.name}"
                yield Refusal((*where, "condition"), message, "LIFE-054", CLIENT)
    cycle = _cycle(definition.container_definitions)
    if cycle:
        message = f"dependsOn goes in a circle: {' -> '.join(cycle)}"
        yield Refusal(("containerDefinitions",), message, "LIFE-053", CLIENT)


def _cycle(containers: Sequence[ContainerDefinition]) -> list[str]:
    """One circle of dependencies, empty if there is none."""
    waits_for = {c.name: [d.container_name for d in c.depends_on] for c in containers if c.name is not None}
    left = dict(waits_for)
    while True:
        # a container whose dependencies are all settled is settled; what never settles goes in a circle
        settled = [name for name, others in left.items() if not any(other in left for other in others)]
        if not settled:
            break
        for name in settled:
            del left[name]
    if not left:
        return []
    path = [next(iter(left))]
    while True:
        following = next(other for other in left[path[-1]] if other in left)
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)


def _constraints(definition: TaskDefinition) -> Iterator[Refusal]:
    constraints = definition.placement_constraints
    if len(constraints) > MOST_CONSTRAINTS:
        message = f"at most {MOST_CONSTRAINTS} placement constraints, got {len(constraints)}"
        yield Refusal(("placementConstraints",), message, "PLACE-030", CLIENT)
    for index, constraint in enumerate(constraints):
        if constraint.type is PlacementConstraintType.DISTINCT_INSTANCE:
            message = "a task definition takes only memberOf constraints; put distinctInstance on the service"
            yield Refusal(("placementConstraints", index, "type"), message, "PLACE-040", CLIENT)
        elif not constraint.expression:
            yield Refusal(("placementConstraints", index), "memberOf needs an expression", "PLACE-042", CLIENT)


def _sizes(definition: TaskDefinition) -> Iterator[Refusal]:
    """Containers fit into their task; without a task memory each one needs its own (PLACE-004)."""
    containers = definition.container_definitions
    memory, cpu = definition.memory, definition.cpu
    if memory is None and Compatibility.FARGATE not in definition.requires_compatibilities:
        for index, container in enumerate(containers):
            if container.memory is None and container.memory_reservation is None:
                message = (
                    f"container {container.name!r} needs memory or memoryReservation, "
                    "because the task has no memory of its own"
                )
                yield Refusal(_container(index), message, "PLACE-004", CLIENT)
    if memory is not None:
        for index, container in enumerate(containers):
            if container.memory is not None and container.memory > memory:
                message = f"{container.memory} MiB is more than the {memory} MiB of the task"
                yield Refusal(_container(index, "memory"), message, "PLACE-004", CLIENT)
        reserved = sum(c.memory_reservation or 0 for c in containers)
        if reserved > memory:
            message = f"the containers reserve {reserved} MiB of a task that has {memory} MiB"
            yield Refusal(("memory",), message, "PLACE-004", CLIENT)
    wanted = sum(c.cpu for c in containers)
    if cpu is not None and wanted > cpu:
        message = f"the containers ask for {wanted} CPU units of a task that has {cpu}"
        yield Refusal(("cpu",), message, "PLACE-004", CLIENT)


def _fargate_size(definition: TaskDefinition) -> Iterator[Refusal]:
    from ecssim.catalog import fargate_sizes

    family = "WINDOWS" if definition.is_windows else "LINUX"
    sizes = fargate_sizes(family)
    cpu, memory = definition.cpu, definition.memory
    for name, value in (("cpu", cpu), ("memory", memory)):
        if value is None:
            yield Refusal((), f"Fargate needs {name} on the task, not only on its containers", "FG-001", CLIENT)
    if cpu is not None and cpu not in sizes:
        near = min(sizes, key=lambda known: (abs(known - cpu), known))
        rule = "FG-005" if definition.is_windows and cpu in fargate_sizes() else "FG-002"
        message = f"Invalid 'cpu' setting for task. Fargate has {_listed(sizes)}; the nearest to {cpu} is {near}"
        yield Refusal(("cpu",), message, rule, CLIENT)
    elif cpu is not None and memory is not None and memory not in sizes[cpu]:
        message = (
            f"No Fargate configuration exists for given values. {cpu} CPU units go with "
            f"{_listed(sizes[cpu])} MiB, not {memory}"
        )
        yield Refusal(("memory",), message, "FG-002", CLIENT)


def _listed(values: Iterable[int]) -> str:
    numbers = sorted(values)
    if len(numbers) <= 8:
        return ", ".join(str(n) for n in numbers)
    step = numbers[1] - numbers[0]
    return f"{numbers[0]} to {numbers[-1]} in steps of {step}"


def _fargate_limits(definition: TaskDefinition) -> Iterator[Refusal]:
    if definition.effective_network_mode is not NetworkMode.AWSVPC:
        given = f"network mode {definition.network_mode}" if definition.network_mode else "no networkMode"
        where: tuple[Step, ...] = ("networkMode",) if definition.network_mode else ()
        yield Refusal(where, f"Fargate runs only network mode awsvpc, got {given}", "FG-004", CLIENT)
    if definition.placement_constraints:
        message = "Fargate has no placement constraints"
        yield Refusal(("placementConstraints",), message, "FG-004", CLIENT)
    for index, volume in enumerate(definition.volumes):
        if volume.docker_volume_configuration is not None or (volume.host and volume.host.source_path):
            message = "Fargate has no docker volumes and no host paths"
            yield Refusal(("volumes", index), message, "FG-004", CLIENT)
    if definition.is_windows and definition.cpu_architecture is CpuArchitecture.ARM64:
        where = ("runtimePlatform", "cpuArchitecture")
        yield Refusal(where, "Windows on Fargate is X86_64 only", "FG-005", CLIENT)


def _fargate_containers(definition: TaskDefinition) -> Iterator[Refusal]:
    for index, container in enumerate(definition.container_definitions):
        for name, used in (
            ("privileged", container.privileged),
            ("links", container.links),
            ("extraHosts", container.extra_hosts),
        ):
            if used:
                yield Refusal(_container(index, name), f"Fargate does not support {name}", "FG-004", CLIENT)
        if container.gpus:
            where = _container(index, "resourceRequirements")
            yield Refusal(where, "Fargate has no GPUs", "FG-004", CLIENT)
        for name, rule, seconds in (
            ("startTimeout", "LIFE-058", container.start_timeout),
            ("stopTimeout", "LIFE-059", container.stop_timeout),
        ):
            if seconds is not None and not 2 <= seconds <= 120:
                message = f"{name} is 2 to 120 seconds on Fargate, got {seconds}"
                yield Refusal(_container(index, name), message, rule, CLIENT)
