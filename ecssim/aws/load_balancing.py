"""Target groups, load balancers, listeners and their rules.

Documents of Elastic Load Balancing; PascalCase is accepted. Intervals, timeouts and delays are seconds
(LB-001). Wherever the API takes an ARN a name does as well; ``loadBalancer`` and ``targetGroup`` are
shorthands for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from math import inf
from typing import Annotated, ClassVar

from pydantic import Field

from ecssim.aws.names import (
    ElbProtocol,
    ListenerActionType,
    LoadBalancerScheme,
    LoadBalancerType,
    TargetType,
)
from ecssim.aws.shape import JsonObject, Name, Port, Region, Shape, ruled


class ElbShape(Shape):
    """A document of Elastic Load Balancing, which writes PascalCase."""

    pascal: ClassVar[bool] = True


class Matcher(ElbShape):
    """Which answers of a target mean that it is well (LB-003)."""

    http_code: str | None = None
    grpc_code: str | None = None


class ElbAttribute(ElbShape):
    """An attribute of a target group or load balancer, such as the deregistration delay."""

    key: str
    value: str


class TargetGroup(ElbShape):
    """A target group as CreateTargetGroup takes it, with its attributes (LB-001 to LB-003).

    ``deregistrationDelay`` is short for the attribute ``deregistration_delay.timeout_seconds``, in seconds.
    """

    spellings: ClassVar[Mapping[str, str]] = {"name": "targetGroupName", "Name": "targetGroupName"}
    additions: ClassVar[frozenset[str]] = frozenset({"region", "deregistrationDelay", "slowStart", "attributes"})
    shorthands: ClassVar[Mapping[str, str]] = {
        "deregistrationDelay": "attributes: deregistration_delay.timeout_seconds",
        "slowStart": "attributes: slow_start.duration_seconds",
    }

    target_group_name: Name
    target_group_arn: str | None = None
    region: Region | None = None
    protocol: ElbProtocol = ElbProtocol.HTTP
    protocol_version: str | None = None
    port: Port | None = None
    vpc_id: str | None = None
    target_type: TargetType | None = None
    health_check_enabled: bool | None = None
    health_check_protocol: ElbProtocol | None = None
    health_check_port: str | None = None
    health_check_path: str | None = None
    health_check_interval_seconds: Annotated[int, ruled("LB-001", ge=5, le=300)] = 30
    health_check_timeout_seconds: Annotated[int, ruled("LB-001", ge=2, le=120)] | None = None
    healthy_threshold_count: Annotated[int, ruled("LB-001", ge=2, le=10)] = 5
    unhealthy_threshold_count: Annotated[int, ruled("LB-001", ge=2, le=10)] = 2
    matcher: Matcher | None = None
    deregistration_delay: Annotated[int, Field(ge=0, le=3600)] | None = None
    slow_start: Annotated[int, Field(ge=0, le=900)] | None = None
    attributes: tuple[ElbAttribute, ...] = ()
    ip_address_type: str | None = None
    target_control_port: Port | None = None
    tags: tuple[JsonObject, ...] = ()

    def attribute(self, key: str) -> str | None:
        """Value of an attribute by the API's key, None if it is not given."""
        return next((a.value for a in self.attributes if a.key == key), None)

    @property
    def network(self) -> bool:
        """Whether it is a Network Load Balancer's: it takes connections, not requests."""
        return self.protocol.value not in ("HTTP", "HTTPS")

    @property
    def check_protocol(self) -> ElbProtocol:
        """How health is checked: HTTP behind an Application Load Balancer, TCP behind a Network one (LB-003)."""
        return self.health_check_protocol or (ElbProtocol.TCP if self.network else ElbProtocol.HTTP)

    @property
    def health_check_timeout(self) -> int:
        """Seconds until a check without an answer has failed (LB-002).

        Where nothing is said 5 s behind an Application Load Balancer; behind a Network one 6 s for HTTP and 10 s for
        TCP, TLS and HTTPS.
        """
        if self.health_check_timeout_seconds is not None:
            return self.health_check_timeout_seconds
        if not self.network:
            return 5
        return 6 if self.check_protocol is ElbProtocol.HTTP else 10

    @property
    def check_path(self) -> str:
        """What a check asks for (LB-003)."""
        if self.health_check_path is not None:
            return self.health_check_path
        return "/AWS.ALB/healthcheck" if self.protocol_version == "GRPC" else "/"

    @property
    def success_codes(self) -> str:
        """The answers that mean that a target is well (LB-003)."""
        matcher = self.matcher or Matcher()
        if self.protocol_version == "GRPC":
            return matcher.grpc_code or "12"
        return matcher.http_code or ("200-399" if self.network else "200")

    @property
    def algorithm(self) -> str:
        """How requests are spread over targets (LB-020)."""
        return self.attribute("load_balancing.algorithm.type") or "round_robin"

    @property
    def slow_start_seconds(self) -> int:
        """Seconds over which a new target gets its full share; 0: at once (LB-023)."""
        if self.slow_start is not None:
            return self.slow_start
        return self._number("slow_start.duration_seconds", 0)

    @property
    def sticky_seconds(self) -> int:
        """Seconds for which a client stays with its target after a request; 0: it does not (LB-024)."""
        if self.attribute("stickiness.enabled") != "true":
            return 0
        kind = "app_cookie" if self.attribute("stickiness.type") == "app_cookie" else "lb_cookie"
        return self._number(f"stickiness.{kind}.duration_seconds", 86400)

    def minimum_healthy(self, purpose: str) -> tuple[int, float]:
        """The healthy targets that must be there, by count and in percent (0: off), for routing or DNS (LB-010)."""
        key = f"target_group_health.{purpose}.minimum_healthy_targets"
        return self._number(f"{key}.count", 1), float(self._number(f"{key}.percentage", 0))

    def _number(self, key: str, default: int) -> int:
        given = self.attribute(key)
        return int(given) if given is not None and given.isdecimal() else default

    @property
    def deregistration_delay_seconds(self) -> int:
        """Seconds for which a target drains; the API's default is 300 (LB-040)."""
        if self.deregistration_delay is not None:
            return self.deregistration_delay
        given = self.attribute("deregistration_delay.timeout_seconds")
        return int(given) if given is not None and given.isdecimal() else 300


class SubnetMapping(ElbShape):
    """One subnet of a load balancer with its address."""

    subnet_id: str | None = None
    allocation_id: str | None = None
    private_ipv4_address: Annotated[str | None, Field(alias="privateIPv4Address")] = None
    ipv6_address: Annotated[str | None, Field(alias="iPv6Address")] = None
    source_nat_ipv6_prefix: str | None = None


class LoadBalancer(ElbShape):
    """A load balancer as CreateLoadBalancer takes it; its nodes hold addresses (NET-035 to NET-037)."""

    spellings: ClassVar[Mapping[str, str]] = {"name": "loadBalancerName", "Name": "loadBalancerName"}
    additions: ClassVar[frozenset[str]] = frozenset({"region", "attributes"})

    load_balancer_name: Name
    load_balancer_arn: str | None = None
    region: Region | None = None
    type: LoadBalancerType = LoadBalancerType.APPLICATION
    scheme: LoadBalancerScheme | None = None
    subnets: tuple[str, ...] = ()
    subnet_mappings: tuple[SubnetMapping, ...] = ()
    security_groups: tuple[str, ...] = ()
    ip_address_type: str | None = None
    attributes: tuple[ElbAttribute, ...] = ()
    customer_owned_ipv4_pool: str | None = None
    enable_prefix_for_ipv6_source_nat: str | None = None
    ipam_pools: JsonObject | None = None
    tags: tuple[JsonObject, ...] = ()

    def attribute(self, key: str) -> str | None:
        """Value of an attribute by the API's key, None if it is not given."""
        return next((a.value for a in self.attributes if a.key == key), None)

    @property
    def network(self) -> bool:
        """Whether it is a Network Load Balancer."""
        return self.type is LoadBalancerType.NETWORK

    @property
    def idle_timeout(self) -> float:
        """Seconds without an answer after which it gives up: 60 by default, 350 behind a Network one (LB-031)."""
        given = self.attribute("idle_timeout.timeout_seconds")
        if self.network:
            return 350.0
        return float(given) if given is not None and given.isdecimal() else 60.0

    @property
    def cross_zone(self) -> bool:
        """Whether its nodes send to targets of all zones: always for an Application one, off for others (LB-026)."""
        return not self.network or self.attribute("load_balancing.cross_zone.enabled") == "true"

    @property
    def zonal_affinity(self) -> float:
        """The share of clients that are sent to the node of their own zone (LB-032)."""
        policy = self.attribute("dns_record.client_routing_policy")
        return {"partial_availability_zone_affinity": 0.85, "availability_zone_affinity": 1.0}.get(policy or "", 0.0)

    @property
    def subnet_ids(self) -> tuple[str, ...]:
        """Subnets in which the load balancer has nodes, whichever way they were written."""
        return self.subnets or tuple(m.subnet_id for m in self.subnet_mappings if m.subnet_id is not None)


class TargetGroupTuple(ElbShape):
    """A target group and its weight in a forward action; ARN or name."""

    additions: ClassVar[frozenset[str]] = frozenset({"targetGroup"})
    shorthands: ClassVar[Mapping[str, str]] = {"targetGroup": "targetGroupArn"}

    target_group_arn: str | None = None
    target_group: str | None = None
    weight: Annotated[int, Field(ge=0, le=999)] = 1

    @property
    def name(self) -> str:
        """The target group as it was written: name or ARN."""
        return self.target_group or self.target_group_arn or ""


class TargetGroupStickiness(ElbShape):
    """Whether users keep the target group that they first got, and for how long (LB-025)."""

    enabled: bool = False
    duration_seconds: int | None = None


class ForwardConfig(ElbShape):
    """The target groups of a forward action."""

    target_groups: tuple[TargetGroupTuple, ...] = ()
    target_group_stickiness_config: TargetGroupStickiness | None = None


class ListenerAction(ElbShape):
    """What a rule does; ``targetGroups`` is short for ``forwardConfig: {targetGroups}``."""

    additions: ClassVar[frozenset[str]] = frozenset({"targetGroups"})
    shorthands: ClassVar[Mapping[str, str]] = {"targetGroups": "forwardConfig: targetGroups"}

    type: ListenerActionType
    target_group_arn: str | None = None
    target_groups: tuple[TargetGroupTuple, ...] = ()
    forward_config: ForwardConfig | None = None
    order: int | None = None
    redirect_config: JsonObject | None = None
    fixed_response_config: JsonObject | None = None
    authenticate_oidc_config: JsonObject | None = None
    authenticate_cognito_config: JsonObject | None = None
    jwt_validation_config: JsonObject | None = None

    @property
    def sticky_seconds(self) -> int | None:
        """For how long users keep the target group that they first got; None: not at all (LB-025)."""
        given = self.forward_config.target_group_stickiness_config if self.forward_config is not None else None
        return given.duration_seconds or 86400 if given is not None and given.enabled else None

    @property
    def forwards_to(self) -> tuple[tuple[str, int], ...]:
        """Target groups (as written) with their weights, whichever way they were written."""
        tuples = self.target_groups or (self.forward_config.target_groups if self.forward_config else ())
        if tuples:
            return tuple((t.name, t.weight) for t in tuples)
        return ((self.target_group_arn, 1),) if self.target_group_arn else ()


class ConditionValues(ElbShape):
    """The patterns of a condition, with ``*`` and ``?``."""

    values: tuple[str, ...] = ()
    regex_values: tuple[str, ...] = ()


class RuleCondition(ElbShape):
    """When a rule applies."""

    field: str | None = None
    values: tuple[str, ...] = ()
    regex_values: tuple[str, ...] = ()
    host_header_config: ConditionValues | None = None
    path_pattern_config: ConditionValues | None = None
    http_header_config: JsonObject | None = None
    query_string_config: JsonObject | None = None
    http_request_method_config: ConditionValues | None = None
    source_ip_config: JsonObject | None = None

    @property
    def patterns(self) -> tuple[str, ...]:
        """What the field is compared with, whichever way it was written."""
        for config in (self.host_header_config, self.path_pattern_config, self.http_request_method_config):
            if config is not None:
                return config.values
        return self.values

    def takes(self, host: str, path: str, method: str) -> bool:
        """Whether a request matches; a condition on anything but host, path and method never does."""
        asked = {"host-header": host.lower(), "path-pattern": path, "http-request-method": method}
        value = asked.get(self.field or "")
        if value is None:
            return False
        lower = self.field == "host-header"
        # Brackets mean themselves here: only * and ? are wildcards.
        return any(
            fnmatchcase(value, (pattern.lower() if lower else pattern).replace("[", "[[]")) for pattern in self.patterns
        )


class ListenerRule(ElbShape):
    """A rule of a listener; the lowest priority that matches wins."""

    rule_arn: str | None = None
    priority: Annotated[int, Field(ge=1, le=50000)] | str | None = None
    conditions: tuple[RuleCondition, ...] = ()
    actions: tuple[ListenerAction, ...] = ()
    transforms: tuple[JsonObject, ...] = ()
    is_default: bool | None = None
    tags: tuple[JsonObject, ...] = ()

    @property
    def rank(self) -> float:
        """Where it stands among the rules of its listener; the default comes last."""
        return float(self.priority) if self.priority is not None and str(self.priority).isdecimal() else inf


class Listener(ElbShape):
    """A listener with its rules; ``loadBalancer`` is short for ``loadBalancerArn``."""

    additions: ClassVar[frozenset[str]] = frozenset({"region", "loadBalancer", "rules", "listenerArn"})
    shorthands: ClassVar[Mapping[str, str]] = {
        "loadBalancer": "loadBalancerArn",
        "rules": "one CreateRule call for each rule",
    }

    listener_arn: str | None = None
    load_balancer: str | None = None
    load_balancer_arn: str | None = None
    region: Region | None = None
    protocol: ElbProtocol | None = None
    port: Port
    default_actions: tuple[ListenerAction, ...] = ()
    rules: tuple[ListenerRule, ...] = ()
    ssl_policy: str | None = None
    certificates: tuple[JsonObject, ...] = ()
    alpn_policy: tuple[str, ...] = ()
    mutual_authentication: JsonObject | None = None
    tags: tuple[JsonObject, ...] = ()

    @property
    def load_balancer_name(self) -> str:
        """The load balancer as it was written: name or ARN."""
        return self.load_balancer or self.load_balancer_arn or ""

    @property
    def is_mutual_tls(self) -> bool:
        """Whether clients have to show a certificate."""
        return (self.mutual_authentication or {}).get("mode", "off") not in ("off", None)

    @property
    def actions(self) -> tuple[ListenerAction, ...]:
        """All actions of the listener, of its default and of its rules."""
        return self.default_actions + tuple(a for rule in self.rules for a in rule.actions)
