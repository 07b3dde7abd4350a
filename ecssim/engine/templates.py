"""From task definitions and behaviour to templates: what every task of a revision has in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecssim.aws.capabilities import required
from ecssim.aws.names import NetworkMode, PlacementConstraintType
from ecssim.aws.task_definition import TaskDefinition
from ecssim.catalog import fargate_in_zone
from ecssim.decide.lifecycle import (
    AGENT_READY,
    CONTAINERS_STOPPED,
    NETWORK_READY,
    STARTED,
    STOP,
    Path,
    flat,
    rows,
)
from ecssim.engine.chains import STOP_TIMEOUT, Chains
from ecssim.engine.images import NEWEST, Images
from ecssim.errors import ClientError
from ecssim.record.codes import FIXED_POOLS
from ecssim.scenario.behaviour import Behaviour, ImageFacts
from ecssim.world.requests import Predicate, Request
from ecssim.world.states import ACTIVATING, PENDING, PROVISIONING, RUNNING
from ecssim.world.tasks import Image, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


@dataclass(frozen=True, slots=True)
class Wish:
    """What a service or a RunTask call adds to a task definition: where and how its tasks run."""

    launch_type: str
    subnets: tuple[int, ...] = ()
    public_ip: bool = False
    constraints: tuple[tuple[str, str | None], ...] = ()
    target_groups: tuple[int, ...] = ()
    registries: bool = False
    providers: tuple[tuple[int, str], ...] = ()
    cpu: int | None = None
    memory: int | None = None
    gpus: int | None = None
    daemon: bool = False
    #: The container that the first load balancer of the service names.
    serving: str | None = None
    #: GiB of ephemeral storage that a call asks for instead of the task definition's.
    storage: int | None = None
    #: Security groups and Fargate's platform version: what the task can reach (NET-081, NET-082), and
    #: whether it loads images lazily (FG-007, FG-021).
    security_groups: tuple[str, ...] = ()
    platform: str | None = None
    #: ECS Exec: on Fargate its agent has to run before the task is RUNNING.
    exec_agent: bool = False


class Templates:
    """Registers task definitions and makes templates from them."""

    def __init__(
        self, engine: Engine, behaviour: Mapping[str, Behaviour], images: Mapping[str, ImageFacts], trunking: bool
    ) -> None:
        self.engine = engine
        self._chains = Chains(engine, behaviour)
        self.images = Images(engine, images)
        self.trunking = trunking
        #: What the agents of each group can do (AGENT-012).
        self.capabilities: list[frozenset[str]] = []
        self.families: dict[str, list[TaskDefinition]] = {}
        self._rows = engine.recorder.tables["_templates"]
        names = engine.recorder.names
        self._definitions = names.pool("task_definition")
        #: Sets of images by their number, and the number of each.
        self.image_sets: list[tuple[Image, ...]] = [()]
        #: Whether an image is in more than one set.
        self.overlapping = False
        self._seen: set[int] = set()
        self._image_set_numbers: dict[tuple[Image, ...], int] = {(): 0}
        self._made: dict[tuple[str, int, Wish], Template] = {}
        self._predicates: dict[str, Predicate] = {}
        self._requests: dict[Request, Request] = {}

    def register(self, definition: TaskDefinition) -> int:
        """Register the next revision of a family; return its number, from 1 on."""
        revisions = self.families.setdefault(definition.family, [])
        revisions.append(definition)
        return len(revisions)

    def find(self, name: str) -> tuple[TaskDefinition, int] | None:
        """Find a task definition by ``family``, ``family:revision`` or ARN; a bare family is the latest."""
        bare = name.rsplit("task-definition/", 1)[-1]
        family, _, number = bare.partition(":")
        revisions = self.families.get(family)
        if not revisions:
            return None
        if not number:
            return revisions[-1], len(revisions)
        if number.isdecimal() and 1 <= int(number) <= len(revisions):
            return revisions[int(number) - 1], int(number)
        return None

    def make(self, definition: TaskDefinition, revision: int, wish: Wish) -> Template:
        """Return the template of ``definition`` under ``wish``; equal wishes share one."""
        key = (definition.family, revision, wish)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._make(definition, revision, wish)
        return made

    def made(self) -> tuple[Template, ...]:
        """Every template so far, in the order of their codes."""
        return tuple(self._made.values())

    def request_rates(self) -> dict[str, float]:
        """Requests a second that one task of each revision completes, by ``family:revision``, where they cost any."""
        rates = {t.name: t.laws.request.rate * t.laws.request.cores for t in self.made()}
        return {name: rate for name, rate in rates.items() if rate != float("inf")}

    def wish_of(self, template: Template) -> Wish:
        """Return the wish that a template was made from."""
        return next(wish for (_, _, wish), made in self._made.items() if made is template)

    def predicate(self, expression: str) -> Predicate:
        """Compile a ``memberOf`` expression once."""
        from ecssim.decide.query import ExpressionError, compile_expression

        got = self._predicates.get(expression)
        if got is None:
            try:
                got = self._predicates[expression] = compile_expression(expression)
            except ExpressionError as error:
                # Those of the scenario have been read before; this one came with a call.
                message = f"expression, character {error.column}: {error.message}"
                raise ClientError("InvalidParameterException", message) from None
        return got

    def _make(self, definition: TaskDefinition, revision: int, wish: Wish) -> Template:
        engine = self.engine
        fargate = wish.launch_type == "FARGATE"
        mode = NetworkMode.AWSVPC if fargate else definition.effective_network_mode
        eni = mode is NetworkMode.AWSVPC
        world = engine.world
        usable = self._with_fargate(definition, wish) if fargate else wish.subnets
        # Where Fargate is not, its tasks are not either; if it is nowhere, the service is told so (FG-014).
        subnets = usable or wish.subnets
        zones = tuple(dict.fromkeys(world.subnets[s].zone for s in subnets)) if eni else ()
        cpu = wish.cpu if wish.cpu is not None else definition.cpu_need
        memory = wish.memory if wish.memory is not None else definition.memory_need
        gpus = wish.gpus if wish.gpus is not None else definition.gpu_need
        tcp, udp = _host_ports(definition, mode)
        given = [(c.type, c.expression) for c in definition.placement_constraints]
        wanted = [*given, *wish.constraints]
        constraints = tuple(self.predicate(e) for kind, e in wanted if kind == PlacementConstraintType.MEMBER_OF and e)

        # What every group can do need not be asked of each instance.
        scarce = tuple(n for n in required(definition, mode) if not all(n in able for able in self.capabilities))

        def request(provider: str | None) -> Request:
            new = Request(
                cpu=cpu,
                memory=memory,
                gpus=gpus,
                eni=eni,
                tcp_ports=tcp,
                udp_ports=udp,
                attributes=scarce,
                zones=zones if eni and zones else None,
                capacity_provider=provider,
                constraints=constraints,
                distinct=wish.daemon or any(kind == "distinctInstance" for kind, _ in wanted),
            )
            # The fleet knows shapes by identity: one object per shape.
            return self._requests.setdefault(new, new)

        requests = {0: request(None)} | {code: request(name) for code, name in wish.providers}
        images = self.images.of(definition, fargate=fargate, newest_platform=wish.platform in NEWEST)
        laws, chain = self._chains.make(
            definition, revision, cpu, images, wish.serving, fargate=fargate, eni=eni, exec_agent=wish.exec_agent
        )
        path = Path(eni=eni, targets=bool(wish.target_groups) or wish.registries)
        code = len(self._made) + 1
        listed = self._listed(tuple(images.values()))
        template = Template(
            code=code,
            family=definition.family,
            revision=revision,
            launch_type=wish.launch_type,
            network_mode=mode.value,
            cpu=cpu,
            memory=memory,
            gpus=gpus,
            request=requests[0],
            requests=requests,
            table=flat(path),
            eni=eni,
            fargate=fargate,
            subnets=subnets if eni else (),
            zones=zones,
            images=listed,
            image_set=self._image_set_numbers[listed],
            dynamic_ports=_dynamic_ports(definition, mode),
            stop_timeout=max(
                (float(c.stop_timeout) if c.stop_timeout is not None else STOP_TIMEOUT)
                for c in definition.container_definitions
            ),
            containers=tuple(c.name or f"container-{i}" for i, c in enumerate(definition.container_definitions)),
            essential=tuple(c.essential for c in definition.container_definitions),
            target_groups=wish.target_groups,
            public_ip=wish.public_ip,
            architecture=definition.cpu_architecture.value,
            windows=definition.is_windows,
            storage_gib=wish.storage
            or (definition.ephemeral_storage.size_in_gib if definition.ephemeral_storage else 20),
            nowhere=bool(wish.subnets) and not usable,
            exec_agent=wish.exec_agent,
            laws=laws,
            chain=chain,
            ripens=not wish.target_groups and (chain is None or not chain.checked),
            ends_at_once=_ends_at_once(definition, path) if chain is None else None,
            after_network=rows(path)[PROVISIONING][NETWORK_READY],
            after_dispatch=rows(path)[PENDING][AGENT_READY],
            after_start=rows(path)[ACTIVATING][STARTED],
        )
        launch = FIXED_POOLS["launch_type"].index(wish.launch_type) + 1
        network = FIXED_POOLS["network_mode"].index(mode.value) + 1
        self._rows.append(code, self._definitions[template.name], revision, cpu, memory, launch, network, gpus)
        if engine.reach is not None:
            engine.reach.learn(template, definition, wish.security_groups, wish.platform)
        return template

    def _with_fargate(self, definition: TaskDefinition, wish: Wish) -> tuple[int, ...]:
        """The subnets of a Fargate task in zones that have Fargate for its operating system (FG-014)."""
        family = "WINDOWS" if definition.is_windows else "LINUX"
        subnets, region = self.engine.world.subnets, self.engine.region
        return tuple(s for s in wish.subnets if fargate_in_zone(subnets[s].zone_id, region, family))

    def _listed(self, images: tuple[Image, ...]) -> tuple[Image, ...]:
        """Give the images of a template a number as a set, and note whether sets share any (AGENT-036)."""
        if images not in self._image_set_numbers:
            self._image_set_numbers[images] = len(self.image_sets)
            self.overlapping |= any(image.code in self._seen for image in images)
            self._seen.update(image.code for image in images)
            self.image_sets.append(images)
        return images


def _ends_at_once(definition: TaskDefinition, path: Path) -> tuple[int, int] | None:
    """The statuses after RUNNING that a task passes without a wait when its container exits by itself (LIFE-027).

    None where others have to be stopped first, or targets to be deregistered.
    """
    if path.targets or len(definition.container_definitions) > 1:
        return None
    table = rows(path)
    stopping = table[RUNNING][STOP]
    return stopping, table[stopping][CONTAINERS_STOPPED]


def _host_ports(definition: TaskDefinition, mode: NetworkMode) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Host ports that the task holds on its instance, by protocol (PLACE-006)."""
    tcp: list[int] = []
    udp: list[int] = []
    for container in definition.container_definitions:
        for mapping in container.port_mappings:
            port = mapping.container_port if mode is NetworkMode.HOST else mapping.host_port
            if mode in (NetworkMode.HOST, NetworkMode.BRIDGE) and port:
                (tcp if mapping.protocol.value == "tcp" else udp).append(port)
    return tuple(dict.fromkeys(tcp)), tuple(dict.fromkeys(udp))


def _dynamic_ports(definition: TaskDefinition, mode: NetworkMode) -> int:
    """How many host ports the task leaves to the host to choose (AGENT-008)."""
    if mode is not NetworkMode.BRIDGE:
        return 0
    return sum(not mapping.host_port for c in definition.container_definitions for mapping in c.port_mappings)
