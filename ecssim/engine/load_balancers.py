"""Load balancers: what is before each target group, which rule takes a request, and the figures of the minute.

A listener's rules are looked at by priority, the default comes last (LB-025). What a target group's attributes and its
load balancer's say of routing is worked out once, and again when a listener is modified.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecssim.aws.load_balancing import Listener, ListenerAction, RuleCondition
from ecssim.aws.names import ListenerActionType
from ecssim.engine.flow_targets import Stream, Target
from ecssim.engine.routing import route_target
from ecssim.engine.uneven import Settings
from ecssim.errors import ClientError
from ecssim.world.states import TARGET_HEALTHY

if TYPE_CHECKING:
    from ecssim.aws.load_balancing import TargetGroup as TargetGroupDocument
    from ecssim.engine.simulation import Engine


@dataclass(slots=True, eq=False)
class Balancer:
    """One load balancer: its nodes' zones, how long it waits for an answer, whether nodes send to other zones."""

    index: int
    name: str
    code: int
    network: bool
    zones: tuple[str, ...]
    idle_timeout: float
    cross_zone: bool
    affinity: float


@dataclass(slots=True, eq=False)
class Rule:
    """One rule of a listener; the default one has the highest priority number and no conditions."""

    arn: str
    priority: float
    conditions: tuple[RuleCondition, ...]
    actions: tuple[ListenerAction, ...]

    def takes(self, host: str, path: str, method: str) -> bool:
        """Whether a request with this host, path and method matches every condition."""
        return all(condition.takes(host, path, method) for condition in self.conditions)


@dataclass(slots=True, eq=False)
class Door:
    """A listener with its rules in the order in which they are looked at."""

    name: str
    arn: str | None
    balancer: Balancer
    rules: list[Rule] = field(default_factory=list)

    def rule_for(self, host: str, path: str, method: str) -> Rule | None:
        """The first rule that takes a request."""
        return next((rule for rule in self.rules if rule.takes(host, path, method)), None)


class LoadBalancers:
    """Knows the load balancers and listeners of a run."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.balancers: list[Balancer] = []
        self.doors: list[Door] = []
        #: Target groups as they were written, and the load balancer before each, by ordinal.
        self.documents: dict[int, TargetGroupDocument] = {}
        self.before: dict[int, Balancer] = {}
        #: The target groups that a listener with mutual TLS forwards to, by ordinal.
        self.mutual_tls: set[int] = set()

    def add(self, document: Listener, balancer: Balancer) -> None:
        """Add a listener."""
        door = Door(f"{balancer.name}:{document.port}", document.listener_arn, balancer)
        for number, rule in enumerate(document.rules):
            arn = rule.rule_arn or f"{door.name}/{number}"
            door.rules.append(Rule(arn, rule.rank, rule.conditions, rule.actions))
        door.rules.sort(key=lambda rule: rule.priority)
        if document.default_actions:
            door.rules.append(Rule("default", float("inf"), (), document.default_actions))
        self.doors.append(door)
        for action in document.actions:
            for name, _ in action.forwards_to:
                self.before.setdefault(self.group(name), balancer)

    def group(self, name: str) -> int:
        """Return the ordinal of a target group by name or ARN."""
        bare = name.rsplit("targetgroup/", 1)[-1].split("/", maxsplit=1)[0]
        found = self.engine.builder.target_groups.get(bare)
        if found is None:
            found = next((i for i, d in self.documents.items() if d.target_group_arn == name), None)
        if found is None:
            raise ClientError("TargetGroupNotFound", f"One or more target groups not found: {name}")
        return found

    def door(self, name: str) -> Door | None:
        """Return a listener by ``load balancer:port``, by its ARN, or by the load balancer's name alone."""
        bare = name.partition(":")[0]
        for door in self.doors:
            if name in (door.name, door.arn) or (name == bare and door.balancer.name == bare):
                return door
        return None

    def settings(self, ordinal: int) -> Settings:
        """Return how a target group routes, with what its load balancer adds (LB-010, LB-020 to LB-027, LB-032)."""
        document, balancer = self.documents[ordinal], self.before.get(ordinal)
        given = document.attribute("load_balancing.cross_zone.enabled")
        across = balancer is None or balancer.cross_zone
        if given in ("true", "false"):
            across = given == "true"
        codes = self.engine.zone_codes
        zones = tuple(codes[z] for z in balancer.zones) if balancer is not None and not across else ()
        minimum, percent = document.minimum_healthy("unhealthy_state_routing")
        dns_minimum, dns_percent = document.minimum_healthy("dns_failover")
        return Settings(
            algorithm=document.algorithm,
            zones=zones,
            minimum=minimum,
            percent=percent,
            dns_minimum=dns_minimum,
            dns_percent=dns_percent,
            slow_start=float(document.slow_start_seconds),
            stays=float(document.sticky_seconds),
            affinity=balancer.affinity if balancer is not None else 0.0,
        )

    def patience(self, ordinal: int) -> float:
        """Seconds after which the load balancer before a target group gives up (LB-031, LB-044)."""
        balancer = self.before.get(ordinal)
        if balancer is not None:
            return balancer.idle_timeout
        return 350.0 if self.engine.world.target_groups[ordinal].network else 60.0

    # -- while it runs ------------------------------------------------------------------------------------------

    def modify(self, door: Door, rule: Rule, actions: tuple[ListenerAction, ...]) -> None:
        """A rule forwards elsewhere from now on: the streams that it takes get other weights (LB-025)."""
        for action in actions:
            if action.type is not ListenerActionType.FORWARD:
                raise ClientError("UnsupportedOperation", f"action {action.type} is not modelled by ecssim")
            for name, _ in action.forwards_to:
                self.before.setdefault(self.group(name), door.balancer)
        if sum(weight for action in actions for _, weight in action.forwards_to) == 0:
            raise ClientError("ValidationError", "A forward action needs a target group with a weight above 0")
        rule.actions = actions
        traffic = self.engine.traffic
        now = self.engine.kernel._now
        taken = [s for s in traffic.streams if s.listener == door.name and s.rule == rule.arn]
        for stream in taken:
            for target in stream.targets:
                traffic.close(target, now)
        if taken and traffic.data_use is not None:
            traffic.data_use.settle()
        for stream in taken:
            self._weigh_again(stream, actions, now)
        for stream in taken:
            for target in stream.targets:
                route_target(self.engine, target)
        if taken:
            traffic.rewire()
            self.engine.balancer_nodes.begin()

    def _target(self, ordinal: int) -> Target:
        """The flow target of a group; one that no stream reached so far starts to count now."""
        traffic = self.engine.traffic
        known = ordinal in traffic.by_group
        target = traffic.target_for_group(ordinal)
        if not known:
            traffic.opens(target)
            for service in self.engine.world.services:
                if ordinal in service.deployments[0].template.target_groups:
                    traffic.stand_in(target, service)
                    break
            for member in self.engine.world.target_groups[ordinal].members.values():
                if member.state == TARGET_HEALTHY:
                    traffic.serving(target, member.task, member, 1)
        return target

    def _weigh_again(self, stream: Stream, actions: tuple[ListenerAction, ...], now: float) -> None:
        wanted: dict[Target, float] = {}
        sticks = 0.0
        for action in actions:
            seconds = action.sticky_seconds
            sticks = max(sticks, float(seconds) if seconds is not None else 0.0)
            for name, weight in action.forwards_to:
                target = self._target(self.group(name))
                wanted[target] = wanted.get(target, 0.0) + weight
        if stream.clients.stays is not None and sticks:
            sticks = min(sticks, stream.clients.stays)
        total_before, total = sum(stream.weights), sum(wanted.values())
        weights = {t: w / total_before for t, w in zip(stream.targets, stream.weights, strict=True)}
        for target in wanted:
            if target not in weights:
                weights[target] = 0.0
                target.streams.append(stream)
        stream.targets = list(weights)
        goal = [wanted.get(t, 0.0) / total for t in stream.targets]
        if sticks:
            stream.weights, stream.goal = list(weights.values()), goal
            stream.sticks, stream.drifted = sticks, now
            return
        stream.weights, stream.goal = goal, None
