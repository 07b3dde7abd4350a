"""What Elastic Load Balancing refuses of target groups, load balancers and listeners, by rule.

The attributes of a target group and of a load balancer are pairs of strings: which keys there are, what each may be,
and which do not go together (LB-010, LB-011, LB-020 to LB-026, LB-031, LB-040).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ecssim.aws.load_balancing import ElbAttribute, Listener, ListenerAction, LoadBalancer, Matcher, TargetGroup
from ecssim.aws.names import ListenerActionType
from ecssim.aws.refusals import Refusal


class Kind(NamedTuple):
    """What an attribute may be: one of words, or a whole number in a range (0 beside it if ``off``)."""

    rule: str
    words: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    off: str = ""


_ON_OFF = ("true", "false")
_HEALTH = "target_group_health."

TARGET_GROUP_ATTRIBUTES: Mapping[str, Kind] = {
    "deregistration_delay.timeout_seconds": Kind("LB-040", low=0, high=3600),
    "deregistration_delay.connection_termination.enabled": Kind("LB-041", _ON_OFF),
    "load_balancing.algorithm.type": Kind("LB-020", ("round_robin", "least_outstanding_requests", "weighted_random")),
    "load_balancing.algorithm.anomaly_mitigation": Kind("LB-021", ("on", "off")),
    "load_balancing.cross_zone.enabled": Kind("LB-026", (*_ON_OFF, "use_load_balancer_configuration")),
    "slow_start.duration_seconds": Kind("LB-023", low=30, high=900, off="0"),
    "stickiness.enabled": Kind("LB-024", _ON_OFF),
    "stickiness.type": Kind(
        "LB-024", ("lb_cookie", "app_cookie", "source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto")
    ),
    "stickiness.lb_cookie.duration_seconds": Kind("LB-024", low=1, high=604800),
    "stickiness.app_cookie.duration_seconds": Kind("LB-024", low=1, high=604800),
    "stickiness.app_cookie.cookie_name": Kind("LB-024"),
    f"{_HEALTH}unhealthy_state_routing.minimum_healthy_targets.count": Kind("LB-010", low=1, high=10000),
    f"{_HEALTH}unhealthy_state_routing.minimum_healthy_targets.percentage": Kind("LB-010", low=1, high=100, off="off"),
    f"{_HEALTH}dns_failover.minimum_healthy_targets.count": Kind("LB-011", low=1, high=10000, off="off"),
    f"{_HEALTH}dns_failover.minimum_healthy_targets.percentage": Kind("LB-011", low=1, high=100, off="off"),
}

LOAD_BALANCER_ATTRIBUTES: Mapping[str, Kind] = {
    "idle_timeout.timeout_seconds": Kind("LB-031", low=1, high=4000),
    "client_keep_alive.seconds": Kind("LB-031", low=60, high=604800),
    "load_balancing.cross_zone.enabled": Kind("LB-026", _ON_OFF),
    "dns_record.client_routing_policy": Kind(
        "LB-032", ("any_availability_zone", "partial_availability_zone_affinity", "availability_zone_affinity")
    ),
}


def _attributes(given: Sequence[ElbAttribute], known: Mapping[str, Kind]) -> Iterator[Refusal]:
    """What is wrong with single attributes; keys that the model does not read are accepted as they are."""
    for index, attribute in enumerate(given):
        kind = known.get(attribute.key)
        if kind is None:
            continue
        where, value = ("attributes", index, "value"), attribute.value
        if kind.words and value not in kind.words:
            yield Refusal(where, f"{attribute.key} is one of {', '.join(kind.words)}, got {value!r}", kind.rule)
        elif kind.high and value != kind.off and not (value.isdecimal() and kind.low <= int(value) <= kind.high):
            beside = f"{kind.off} or " if kind.off else ""
            message = f"{attribute.key} is {beside}{kind.low} to {kind.high}, got {value!r}"
            yield Refusal(where, message, kind.rule)


def check_target_group(group: TargetGroup) -> Iterator[Refusal]:
    """What CreateTargetGroup and ModifyTargetGroupAttributes refuse."""
    yield from _attributes(group.attributes, TARGET_GROUP_ATTRIBUTES)
    if group.slow_start is not None and 0 < group.slow_start < 30:
        yield Refusal(("slowStart",), f"slow start is 0 or 30 to 900 s, got {group.slow_start}", "LB-023")
    yield from _health_check(group)
    algorithm = group.algorithm
    sticky = group.attribute("stickiness.enabled") == "true"
    place = _places(group.attributes)
    if group.slow_start_seconds and algorithm != "round_robin":
        message = f"slow start needs the algorithm round_robin, not {algorithm}"
        yield Refusal(place("slow_start.duration_seconds", "slowStart"), message, "LB-023")
    if group.attribute("load_balancing.algorithm.anomaly_mitigation") == "on":
        where = place("load_balancing.algorithm.anomaly_mitigation")
        if algorithm != "weighted_random":
            message = f"anomaly mitigation needs the algorithm weighted_random, not {algorithm}"
            yield Refusal(where, message, "LB-021")
        if sticky:
            yield Refusal(where, "anomaly mitigation does not go with sticky sessions", "LB-021")
    if sticky and group.attribute("load_balancing.cross_zone.enabled") == "false" and not group.network:
        yield Refusal(place("stickiness.enabled"), "sticky sessions need cross-zone load balancing", "LB-024")
    if group.target_control_port is not None:
        if algorithm != "round_robin":
            message = f"target optimizer (targetControlPort) balances round robin, not {algorithm}"
            yield Refusal(("targetControlPort",), message, "LB-028")
        if sticky:
            message = "target optimizer (targetControlPort) does not go with sticky sessions"
            yield Refusal(("targetControlPort",), message, "LB-028")
    routing, dns = group.minimum_healthy("unhealthy_state_routing"), group.minimum_healthy("dns_failover")
    for what, low, high in (("count", routing[0], dns[0]), ("percentage", routing[1], dns[1])):
        key = f"{_HEALTH}dns_failover.minimum_healthy_targets.{what}"
        if high < low and group.attribute(key) is not None and group.attribute(key) != "off":
            message = f"the threshold of DNS failover ({high:g}) is at least that of routing ({low:g})"
            yield Refusal(place(key), message, "LB-011")


def _places(given: Sequence[ElbAttribute]) -> _Place:
    return _Place({attribute.key: index for index, attribute in enumerate(given)})


class _Place(NamedTuple):
    """Where an attribute stands; if it was written by its shorthand, there."""

    at: Mapping[str, int]

    def __call__(self, key: str, shorthand: str | None = None) -> tuple[str | int, ...]:
        if key in self.at:
            return ("attributes", self.at[key], "value")
        return (shorthand,) if shorthand is not None else ()


def _health_check(group: TargetGroup) -> Iterator[Refusal]:
    """Timeouts and the answers that count as well (LB-001 to LB-003)."""
    timeout = group.health_check_timeout_seconds
    if not group.network and timeout is not None and timeout >= group.health_check_interval_seconds:
        message = (
            f"the health check's timeout of {timeout} s is not shorter than its interval of "
            f"{group.health_check_interval_seconds} s"
        )
        yield Refusal(("healthCheckTimeoutSeconds",), message, "LB-001")
    if group.health_check_path is not None and not group.health_check_path.startswith("/"):
        message = f"healthCheckPath: expected a path that begins with /, got {group.health_check_path!r}"
        yield Refusal(("healthCheckPath",), message, "LB-003")
    matcher = group.matcher or Matcher()
    if matcher.http_code is not None:
        low, high = (200, 599) if group.network else (200, 499)
        yield from _codes(matcher.http_code, low, high, "httpCode")
    if matcher.grpc_code is not None:
        yield from _codes(matcher.grpc_code, 0, 99, "grpcCode")


def _codes(written: str, low: int, high: int, key: str) -> Iterator[Refusal]:
    parts = [number for item in written.split(",") for number in item.split("-")]
    if not all(part.strip().isdecimal() and low <= int(part) <= high for part in parts):
        yield Refusal(("matcher", key), f"matcher: codes from {low} to {high}, got {written!r}", "LB-003")


def check_load_balancer(balancer: LoadBalancer) -> Iterator[Refusal]:
    """What ModifyLoadBalancerAttributes refuses."""
    yield from _attributes(balancer.attributes, LOAD_BALANCER_ATTRIBUTES)
    policy = "dns_record.client_routing_policy"
    if not balancer.network and balancer.attribute(policy) is not None:
        yield Refusal(_places(balancer.attributes)(policy), f"{policy} is a Network Load Balancer's", "LB-032")


def check_actions(actions: Sequence[ListenerAction], *, grpc: bool) -> Iterator[Refusal]:
    """What a rule's actions may not be: weights of nothing, stickiness out of range, gRPC that is not forwarded."""
    for number, action in enumerate(actions):
        if grpc and action.type is not ListenerActionType.FORWARD:
            message = f"a listener of a GRPC target group only forwards, it does not {action.type}"
            yield Refusal((number, "type"), message, "LB-030")
        sticky = action.sticky_seconds
        if sticky is not None and not 1 <= sticky <= 604800:
            message = f"target group stickiness lasts 1 to 604,800 s, got {sticky}"
            yield Refusal((number, "forwardConfig", "targetGroupStickinessConfig"), message, "LB-025")
        if action.forwards_to and sum(weight for _, weight in action.forwards_to) == 0:
            yield Refusal((number,), "a forward action needs a target group with a weight above 0", "LB-025")


def check_listener(listener: Listener, groups: Mapping[str, TargetGroup]) -> Iterator[Refusal]:
    """What CreateListener and CreateRule refuse."""

    def forwards_grpc(actions: Sequence[ListenerAction]) -> bool:
        named = (groups.get(name) for action in actions for name, _ in action.forwards_to)
        return any(group is not None and group.protocol_version == "GRPC" for group in named)

    grpc = forwards_grpc(listener.actions)
    for refusal in check_actions(listener.default_actions, grpc=grpc):
        yield refusal.inside(("defaultActions",))
    for number, rule in enumerate(listener.rules):
        for refusal in check_actions(rule.actions, grpc=grpc):
            yield refusal.inside(("rules", number, "actions"))
