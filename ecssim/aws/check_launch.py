"""What a request that starts tasks says about where they go: providers, launch type, placement, network.

CreateService, UpdateService, RunTask and StartTask share these fields and their checks. Implements CAP-003 to
CAP-006, CAP-010, CAP-011, CAP-017, CAP-018, CAP-020 to CAP-022, FG-001, FG-004, NET-040, PLACE-020 to
PLACE-023, PLACE-030, PLACE-040, PLACE-042, QUOTA-009.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ecssim.aws.check_managed import check_on_managed
from ecssim.aws.check_task_definition import MOST_CONSTRAINTS, fargate_refusals
from ecssim.aws.names import (
    CapacityProviderType,
    Compatibility,
    CpuArchitecture,
    EnabledDisabled,
    LaunchType,
    NetworkMode,
    PlacementConstraintType,
    PlacementStrategyChoice,
    TargetType,
)
from ecssim.aws.refusals import Refusal, Step
from ecssim.aws.requests import RunTask
from ecssim.aws.service import (
    CapacityProviderStrategyItem,
    NetworkConfiguration,
    PlacementConstraint,
    PlacementStrategy,
    Service,
)
from ecssim.aws.task_definition import Tag, TaskDefinition
from ecssim.catalog import Quotas, quotas

MOST_PLACEMENT_STRATEGIES = 5
_FARGATE = frozenset({CapacityProviderType.FARGATE, CapacityProviderType.FARGATE_SPOT})
_OLD_PLATFORMS = frozenset({"1.0.0", "1.1.0", "1.2.0", "1.3.0"})
_OLD_LARGEST_CPU = 4096
Strategy = Sequence[CapacityProviderStrategyItem]
Launch = Service | RunTask
"""The requests that say where their tasks run, with the same fields."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What exists around a request: a scenario's items for ``check``, the world for a call.

    Names that are not known here are not refused here: dangling names have a check of their own, with the
    nearest valid name. ``providers`` maps the account's capacity providers to their type,
    ``cluster_providers`` answers which of them a cluster is associated with, ``default_strategy`` what it
    uses when a request says nothing, ``limits`` are the account's quotas. ``knows_all``: a provider that is not
    in ``providers`` does not exist (a call), it is not only unknown (a document).
    """

    providers: Mapping[str, CapacityProviderType] = field(default_factory=dict)
    task_definition: Callable[[str], TaskDefinition | None] = lambda name: None
    cluster_providers: Callable[[str | None], frozenset[str] | None] = lambda cluster: None
    default_strategy: Callable[[str | None], Strategy] = lambda cluster: ()
    target_type: Callable[[str], TargetType | None] = lambda target_group: None
    subnet_vpc: Callable[[str], str | None] = lambda subnet: None
    allow_mixed: bool = False
    allow_custom: bool = False
    knows_all: bool = False
    limits: Quotas = field(default_factory=quotas)


def check_strategy(items: Strategy, around: Surroundings, key: str) -> Iterator[Refusal]:
    """A capacity provider strategy in itself (CAP-003 to CAP-006, CAP-010)."""
    most = around.limits.capacity_providers_per_cluster
    if len(items) > most:
        message = f"a strategy has at most {most} items, got {len(items)}"
        yield Refusal((key,), message, "CAP-004")
    names = [item.capacity_provider for item in items]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Refusal((key, index, "capacityProvider"), f"{name} is in the strategy twice", "CAP-003")
    based = [index for index, item in enumerate(items) if item.base > 0]
    if len(based) > 1:
        message = "only one item of a strategy may have a base above 0"
        yield Refusal((key, based[1], "base"), message, "CAP-005")
    if len(items) > 1 and all(item.weight == 0 for item in items):
        yield Refusal((key,), "at least one weight of the strategy must be above 0", "CAP-006")
    kinds = {
        name: "Fargate" if around.providers[name] in _FARGATE else _kind_in_words(around.providers[name])
        for name in names
        if name in around.providers
    }
    if len(set(kinds.values())) > 1 and not around.allow_mixed:
        mixed = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
        message = f"a strategy cannot mix kinds of capacity provider: {mixed}"
        yield Refusal((key,), message, "CAP-010")


def _kind_in_words(kind: CapacityProviderType) -> str:
    return "Auto Scaling group" if kind is CapacityProviderType.EC2_AUTOSCALING else "Managed Instances"


def runs_on(request: Launch, around: Surroundings) -> frozenset[CapacityProviderType]:
    """The kinds of capacity that the request's tasks will use (CAP-021, CAP-022)."""
    strategy: Strategy = request.capacity_provider_strategy
    if not strategy and request.launch_type is None:
        strategy = around.default_strategy(request.cluster)
    if strategy:
        names = [item.capacity_provider for item in strategy]
        return frozenset(around.providers[name] for name in names if name in around.providers)
    if request.launch_type is LaunchType.FARGATE:
        return frozenset({CapacityProviderType.FARGATE})
    return frozenset({CapacityProviderType.EC2_AUTOSCALING})


def check_launch(
    request: Launch, definition: TaskDefinition | None, around: Surroundings, *, named: str = ""
) -> list[Refusal]:
    """Where the tasks of a request go; ``definition`` is None if unknown, ``named`` its written name."""
    kinds = runs_on(request, around)
    refusals = [
        *check_strategy(request.capacity_provider_strategy, around, "capacityProviderStrategy"),
        *_provider_or_launch_type(request, around),
        *check_placement(request.placement_strategy, request.placement_constraints, allow_custom=around.allow_custom),
        *_fargate_placement(request, kinds),
        *_public_address(request, kinds),
        *_subnets(request.network_configuration, around),
        *check_tags(request.tags, around.limits),
    ]
    if kinds == {CapacityProviderType.MANAGED_INSTANCES}:
        refusals += check_on_managed(request.placement_strategy, definition)
    if definition is not None:
        refusals += _all_constraints(request, definition)
        unfit = [
            *_task_on(definition, named, kinds, request.platform_version),
            *_spot_platform(request, definition, kinds),
        ]
        refusals += unfit or _network(request, definition, named)
    return refusals


def _provider_or_launch_type(request: Launch, around: Surroundings) -> Iterator[Refusal]:
    strategy = request.capacity_provider_strategy
    if strategy and request.launch_type is not None:
        message = "give launchType or capacityProviderStrategy, not both"
        yield Refusal(("launchType",), message, "CAP-020")
    if request.launch_type is LaunchType.MANAGED_INSTANCES:
        message = "Managed Instances are asked for by a capacityProviderStrategy, not by launchType"
        yield Refusal(("launchType",), message, "CAP-018")
    if request.launch_type is LaunchType.EXTERNAL:
        message = "external instances (ECS Anywhere) are not modelled by ecssim: launchType EXTERNAL has none to run on"
        yield Refusal(("launchType",), message, "CAP-018")
    associated = around.cluster_providers(request.cluster)
    if associated is None:
        return
    yield from _associated(strategy, associated, around)


def _associated(strategy: Strategy, associated: frozenset[str], around: Surroundings) -> Iterator[Refusal]:
    """A strategy names ACTIVE providers of its cluster only (CAP-011)."""
    for index, item in enumerate(strategy):
        name = item.capacity_provider
        where = ("capacityProviderStrategy", index, "capacityProvider")
        if name not in around.providers:
            if around.knows_all:
                message = f"The specified capacity provider '{name}' was not found. Specify a valid name or ARN."
                yield Refusal(where, message, "CAP-011")
        elif name not in associated:
            there = ", ".join(sorted(associated)) or "none"
            message = f"capacity provider {name} is not associated with the cluster; it has {there}"
            yield Refusal(where, message, "CAP-011")


def check_placement(
    strategies: Sequence[PlacementStrategy], constraints: Sequence[PlacementConstraint], *, allow_custom: bool = False
) -> Iterator[Refusal]:
    """Placement strategies and constraints in themselves (PLACE-020 to PLACE-023, PLACE-030, PLACE-040)."""
    if len(strategies) > MOST_PLACEMENT_STRATEGIES:
        message = f"at most {MOST_PLACEMENT_STRATEGIES} placement strategies, got {len(strategies)}"
        yield Refusal(("placementStrategy",), message, "PLACE-030")
    for index, strategy in enumerate(strategies):
        where: tuple[Step, ...] = ("placementStrategy", index)
        chosen = strategy.field
        if strategy.type is PlacementStrategyChoice.CUSTOM:
            if not allow_custom:
                message = (
                    "AWS has the placement strategies random, spread and binpack; "
                    "allow: [customPlacementStrategy] marks one of your own as a what-if"
                )
                yield Refusal((*where, "type"), message, "PLACE-020")
            elif not chosen:
                message = "custom takes in field the name of the strategy, or module:function"
                yield Refusal(where, message, "PLACE-020")
        if strategy.type is PlacementStrategyChoice.BINPACK and (chosen or "").lower() not in ("cpu", "memory"):
            message = f"binpack takes field cpu or memory, got {chosen or 'none'}"
            yield Refusal((*where, "field") if chosen else where, message, "PLACE-021")
        if strategy.type is PlacementStrategyChoice.SPREAD and not _spreads_over(chosen):
            message = f"spread takes field instanceId, host or attribute:NAME, got {chosen or 'none'}"
            yield Refusal((*where, "field") if chosen else where, message, "PLACE-022")
    if len(constraints) > MOST_CONSTRAINTS:
        message = f"at most {MOST_CONSTRAINTS} placement constraints, got {len(constraints)}"
        yield Refusal(("placementConstraints",), message, "PLACE-030")
    for index, constraint in enumerate(constraints):
        where = ("placementConstraints", index)
        if constraint.type is PlacementConstraintType.MEMBER_OF and not constraint.expression:
            yield Refusal(where, "memberOf needs an expression", "PLACE-042")
        if constraint.type is PlacementConstraintType.DISTINCT_INSTANCE and constraint.expression:
            yield Refusal((*where, "expression"), "distinctInstance takes no expression", "PLACE-040")


def _all_constraints(request: Launch, definition: TaskDefinition) -> Iterator[Refusal]:
    """The task definition's constraints and the request's own count together (PLACE-030)."""
    own, given = len(request.placement_constraints), len(definition.placement_constraints)
    if own <= MOST_CONSTRAINTS < own + given:
        message = (
            f"at most {MOST_CONSTRAINTS} placement constraints for a task, got {own} here and {given} in its "
            "task definition"
        )
        yield Refusal(("placementConstraints",), message, "PLACE-030")


def check_tags(tags: Sequence[Tag], limits: Quotas) -> Iterator[Refusal]:
    """How many tags a resource may have (QUOTA-015)."""
    if len(tags) > limits.tags_per_resource:
        message = f"a resource has at most {limits.tags_per_resource} tags, got {len(tags)}"
        yield Refusal(("tags",), message, "QUOTA-015")


def _spreads_over(chosen: str | None) -> bool:
    if chosen is None:
        return False
    return chosen.lower() in ("instanceid", "host") or chosen.startswith("attribute:")


def _fargate_placement(request: Launch, kinds: frozenset[CapacityProviderType]) -> Iterator[Refusal]:
    if not kinds or not kinds <= _FARGATE:
        return
    for key, given in (
        ("placementStrategy", request.placement_strategy),
        ("placementConstraints", request.placement_constraints),
    ):
        if given:
            yield Refusal((key,), f"Fargate has no instances to choose from: leave out {key}", "FG-004")


def _public_address(request: Launch, kinds: frozenset[CapacityProviderType]) -> Iterator[Refusal]:
    """A task on an instance never has a public address (NET-080)."""
    network = request.network_configuration
    vpc = network.awsvpc_configuration if network is not None else None
    if vpc is None or vpc.assign_public_ip is not EnabledDisabled.ENABLED or not kinds or kinds & _FARGATE:
        return
    where = ("networkConfiguration", "awsvpcConfiguration", "assignPublicIp")
    message = "Assign public IP is not supported for this launch type: tasks on instances have none"
    yield Refusal(where, message, "NET-080", "InvalidParameterException")


def _subnets(network: NetworkConfiguration | None, around: Surroundings) -> Iterator[Refusal]:
    vpc = network.awsvpc_configuration if network is not None else None
    if vpc is None:
        return
    where = ("networkConfiguration", "awsvpcConfiguration")
    most = around.limits.subnets_per_awsvpc_configuration
    if not 1 <= len(vpc.subnets) <= most:
        message = f"awsvpcConfiguration takes 1 to {most} subnets, got {len(vpc.subnets)}"
        yield Refusal((*where, "subnets"), message, "QUOTA-009")
    most = around.limits.security_groups_per_awsvpc_configuration
    if len(vpc.security_groups) > most:
        message = f"at most {most} security groups, got {len(vpc.security_groups)}"
        yield Refusal((*where, "securityGroups"), message, "QUOTA-009")
    home: str | None = None
    for index, subnet in enumerate(vpc.subnets):
        if subnet in vpc.subnets[:index]:
            yield Refusal((*where, "subnets", index), f"subnet {subnet} is listed twice", "NET-040")
        of = around.subnet_vpc(subnet)
        home = home or of
        if of is not None and of != home:
            message = f"subnet {subnet} is in {of}, the others are in {home}; all must be in one VPC"
            yield Refusal((*where, "subnets", index), message, "NET-040")


def _task_on(
    definition: TaskDefinition, named: str, kinds: frozenset[CapacityProviderType], platform: str | None
) -> Iterator[Refusal]:
    # a definition that asks for Fargate itself is refused where it is written, once
    if kinds & _FARGATE and Compatibility.FARGATE not in definition.requires_compatibilities:
        reasons = fargate_refusals(definition)
        if reasons:
            first = reasons[0]
            message = f"task definition {named} cannot run on Fargate: {first.message}"
            yield Refusal(("taskDefinition",), message, first.rule)
    if kinds & _FARGATE and platform in _OLD_PLATFORMS and not definition.is_windows:
        # 8 vCPU and more, and storage to choose, came with 1.4.0.
        if definition.cpu is not None and definition.cpu > _OLD_LARGEST_CPU:
            message = f"{named} asks for {definition.cpu} CPU units, which platform version {platform} does not have"
            yield Refusal(("platformVersion",), message, "FG-001")
        if definition.ephemeral_storage is not None:
            message = f"ephemeralStorage of {named} needs platform version 1.4.0, not {platform}"
            yield Refusal(("platformVersion",), message, "FG-006")
    if CapacityProviderType.FARGATE_SPOT in kinds and definition.is_windows:
        message = f"FARGATE_SPOT runs Linux only, and {named} is Windows"
        yield Refusal(("taskDefinition",), message, "CAP-017")


def _spot_platform(
    request: Launch, definition: TaskDefinition, kinds: frozenset[CapacityProviderType]
) -> Iterator[Refusal]:
    """Fargate Spot needs platform 1.3.0 for X86_64 and 1.4.0 for ARM64 (CAP-017)."""
    version = _version(request.platform_version)
    if CapacityProviderType.FARGATE_SPOT not in kinds or version is None:
        return
    arm = definition.cpu_architecture is CpuArchitecture.ARM64
    if version < ((1, 4, 0) if arm else (1, 3, 0)):
        least = "1.4.0" if arm else "1.3.0"
        message = f"FARGATE_SPOT runs {definition.cpu_architecture} on platform {least} or later"
        yield Refusal(("platformVersion",), message, "CAP-017")


def _version(text: str | None) -> tuple[int, ...] | None:
    """The numbers of a platform version; None for LATEST or none."""
    parts = (text or "").split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else None


def network_mode_of(definition: TaskDefinition) -> NetworkMode:
    """The network mode to hold a request to: awsvpc where the definition asks for Fargate."""
    if Compatibility.FARGATE in definition.requires_compatibilities:
        return NetworkMode.AWSVPC
    return definition.effective_network_mode


def _network(request: Launch, definition: TaskDefinition, named: str) -> Iterator[Refusal]:
    network = request.network_configuration
    given = network is not None and network.awsvpc_configuration is not None
    mode = network_mode_of(definition)
    if mode is NetworkMode.AWSVPC and not given:
        message = f"{named} has network mode awsvpc and needs networkConfiguration with subnets"
        yield Refusal((), message, "NET-040")
    if mode is not NetworkMode.AWSVPC and given:
        message = f"networkConfiguration goes with network mode awsvpc only, and {named} has {mode}"
        yield Refusal(("networkConfiguration",), message, "NET-001")
