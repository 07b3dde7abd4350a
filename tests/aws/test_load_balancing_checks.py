"""What Elastic Load Balancing refuses: attributes, health checks, actions; one line for each, with its rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from ecssim.aws.check_load_balancing import check_listener, check_load_balancer, check_target_group
from ecssim.aws.load_balancing import Listener, LoadBalancer, TargetGroup
from ecssim.errors import BadInput
from ecssim.scenario.load import load_mapping
from tests.engine.test_load_balancers import _document, _group, _listener, _stream


def _target_group(**parts: Any) -> TargetGroup:
    attributes = [{"key": k.replace("__", "."), "value": str(v)} for k, v in parts.pop("attributes", {}).items()]
    return TargetGroup.model_validate_json(json.dumps({"targetGroupName": "web", "attributes": attributes, **parts}))


def _rules(found: Any) -> set[str | None]:
    return {refusal.rule for refusal in found}


ALGORITHM = "load_balancing.algorithm.type"
ROUTING = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"
DNS = "target_group_health.dns_failover.minimum_healthy_targets"


def _lines(rule: str, *lines: tuple[dict[str, Any], bool]) -> list[Any]:
    return [pytest.param(parts, rule, wrong, marks=pytest.mark.rule(rule)) for parts, wrong in lines]


@pytest.mark.parametrize(
    ("parts", "rule", "wrong"),
    [
        *_lines(
            "LB-001",
            ({"healthCheckIntervalSeconds": 5, "healthCheckTimeoutSeconds": 5}, True),
            ({"healthCheckIntervalSeconds": 6, "healthCheckTimeoutSeconds": 5}, False),
        ),
        *_lines(
            "LB-003",
            ({"matcher": {"httpCode": "200-499"}}, False),
            ({"matcher": {"httpCode": "200,301"}}, False),
            ({"matcher": {"httpCode": "200-500"}}, True),
            ({"matcher": {"httpCode": "199"}}, True),
            ({"protocol": "TCP", "matcher": {"httpCode": "200-599"}}, False),
            ({"protocol": "TCP", "matcher": {"httpCode": "600"}}, True),
            ({"protocolVersion": "GRPC", "matcher": {"grpcCode": "0-99"}}, False),
            ({"protocolVersion": "GRPC", "matcher": {"grpcCode": "100"}}, True),
        ),
        *_lines(
            "LB-010",
            ({"attributes": {f"{ROUTING}.count": 1}}, False),
            ({"attributes": {f"{ROUTING}.count": 0}}, True),
            ({"attributes": {f"{ROUTING}.percentage": "off"}}, False),
            ({"attributes": {f"{ROUTING}.percentage": 101}}, True),
        ),
        *_lines(
            "LB-011",
            ({"attributes": {f"{ROUTING}.count": 3, f"{DNS}.count": 2}}, True),
            ({"attributes": {f"{ROUTING}.count": 3, f"{DNS}.count": 3}}, False),
            ({"attributes": {f"{ROUTING}.percentage": 50, f"{DNS}.percentage": 40}}, True),
            ({"attributes": {f"{DNS}.percentage": "none"}}, True),
        ),
        *_lines(
            "LB-020",
            ({"attributes": {ALGORITHM: "least_outstanding_requests"}}, False),
            ({"attributes": {ALGORITHM: "fastest"}}, True),
        ),
        *_lines(
            "LB-023",
            ({"slowStart": 30}, False),
            ({"slowStart": 29}, True),
            ({"attributes": {"slow_start.duration_seconds": 0}}, False),
            ({"attributes": {"slow_start.duration_seconds": 901}}, True),
            ({"slowStart": 60, "attributes": {ALGORITHM: "weighted_random"}}, True),
            ({"slowStart": 60, "attributes": {ALGORITHM: "least_outstanding_requests"}}, True),
        ),
        *_lines(
            "LB-024",
            ({"attributes": {"stickiness.enabled": "true", "stickiness.lb_cookie.duration_seconds": 604800}}, False),
            ({"attributes": {"stickiness.lb_cookie.duration_seconds": 604801}}, True),
            ({"attributes": {"stickiness.app_cookie.duration_seconds": 0}}, True),
            ({"attributes": {"stickiness.enabled": "true", "load_balancing.cross_zone.enabled": "false"}}, True),
        ),
        *_lines("LB-026", ({"attributes": {"load_balancing.cross_zone.enabled": "maybe"}}, True)),
        *_lines("LB-040", ({"attributes": {"deregistration_delay.timeout_seconds": 3601}}, True)),
    ],
)
def test_attributes_and_health_checks_of_a_target_group(parts: dict[str, Any], rule: str, wrong: bool) -> None:
    assert _rules(check_target_group(_target_group(**parts))) == ({rule} if wrong else set())


@pytest.mark.rule("LB-001")
@pytest.mark.parametrize(
    ("key", "low", "high", "default"),
    [
        ("healthCheckIntervalSeconds", 5, 300, 30),
        ("healthyThresholdCount", 2, 10, 5),
        ("unhealthyThresholdCount", 2, 10, 2),
        ("healthCheckTimeoutSeconds", 2, 120, None),
    ],
)
def test_the_ranges_of_a_health_check_and_its_defaults(key: str, low: int, high: int, default: int | None) -> None:
    attribute = "".join(f"_{c.lower()}" if c.isupper() else c for c in key)
    assert getattr(_target_group(), attribute) == default
    for value in (low, high):
        assert getattr(_target_group(**{key: value}), attribute) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ValidationError, match="LB-001|" + key):
            _target_group(**{key: value})


@pytest.mark.rule("LB-002")
@pytest.mark.parametrize(
    ("parts", "seconds"),
    [
        ({}, 5),
        ({"protocol": "TCP"}, 10),
        ({"protocol": "TLS"}, 10),
        ({"protocol": "TCP", "healthCheckProtocol": "HTTPS"}, 10),
        ({"protocol": "TCP", "healthCheckProtocol": "HTTP"}, 6),
        ({"protocol": "TCP", "healthCheckTimeoutSeconds": 7}, 7),
    ],
)
def test_how_long_a_check_waits_for_an_answer(parts: dict[str, Any], seconds: int) -> None:
    assert _target_group(**parts).health_check_timeout == seconds


@pytest.mark.rule("LB-003")
@pytest.mark.parametrize(
    ("parts", "protocol", "path", "codes"),
    [
        ({}, "HTTP", "/", "200"),
        ({"healthCheckPath": "/up", "matcher": {"httpCode": "200-299"}}, "HTTP", "/up", "200-299"),
        ({"protocolVersion": "GRPC"}, "HTTP", "/AWS.ALB/healthcheck", "12"),
        ({"protocol": "TCP"}, "TCP", "/", "200-399"),
    ],
)
def test_what_a_check_asks_for_and_what_counts_as_well(parts, protocol, path, codes) -> None:
    group = _target_group(**parts)
    assert (group.check_protocol, group.check_path, group.success_codes) == (protocol, path, codes)


def _balancer(kind: str, key: str, value: str) -> LoadBalancer:
    document = {"loadBalancerName": "lb", "type": kind, "subnets": ["a"], "attributes": [{"key": key, "value": value}]}
    return LoadBalancer.model_validate_json(json.dumps(document))


@pytest.mark.parametrize(
    ("kind", "key", "value", "rule"),
    [
        pytest.param("application", "idle_timeout.timeout_seconds", "4000", None, marks=pytest.mark.rule("LB-031")),
        pytest.param("application", "idle_timeout.timeout_seconds", "4001", "LB-031", marks=pytest.mark.rule("LB-031")),
        pytest.param("application", "idle_timeout.timeout_seconds", "0", "LB-031", marks=pytest.mark.rule("LB-031")),
        pytest.param("application", "client_keep_alive.seconds", "59", "LB-031", marks=pytest.mark.rule("LB-031")),
        pytest.param("application", "client_keep_alive.seconds", "604800", None, marks=pytest.mark.rule("LB-031")),
        pytest.param(
            "network", "dns_record.client_routing_policy", "nearest", "LB-032", marks=pytest.mark.rule("LB-032")
        ),
        pytest.param("network", "dns_record.client_routing_policy", "availability_zone_affinity", None),
        pytest.param("application", "dns_record.client_routing_policy", "any_availability_zone", "LB-032"),
    ],
)
def test_attributes_of_a_load_balancer(kind: str, key: str, value: str, rule: str | None) -> None:
    assert _rules(check_load_balancer(_balancer(kind, key, value))) == ({rule} if rule else set())


@pytest.mark.rule("LB-031")
def test_the_idle_timeouts_that_nobody_set() -> None:
    assert _balancer("application", "x", "y").idle_timeout == 60
    assert _balancer("network", "x", "y").idle_timeout == 350


def _listens(action: dict[str, Any]) -> Listener:
    return Listener.model_validate_json(json.dumps({"loadBalancer": "lb", "port": 80, "defaultActions": [action]}))


FORWARD = {"type": "forward", "targetGroupArn": "web"}
FIXED = {"type": "fixed-response", "targetGroupArn": "web"}


@pytest.mark.rule("LB-030")
@pytest.mark.parametrize(
    ("action", "version", "wrong"), [(FORWARD, "GRPC", False), (FIXED, "GRPC", True), (FIXED, "HTTP1", False)]
)
def test_a_listener_of_a_grpc_group_only_forwards(action, version, wrong) -> None:
    groups = {"web": _target_group(protocolVersion=version)}
    assert _rules(check_listener(_listens(action), groups)) == ({"LB-030"} if wrong else set())


@pytest.mark.rule("LB-025")
@pytest.mark.parametrize(
    ("weights", "seconds", "wrong"),
    [((1, 999), None, False), ((0, 0), None, True), ((1,), 604800, False), ((1,), 604801, True), ((1,), -1, True)],
)
def test_weights_and_stickiness_of_a_forward_action(weights, seconds, wrong) -> None:
    config: dict[str, Any] = {"targetGroups": [{"targetGroup": f"g{n}", "weight": w} for n, w in enumerate(weights)]}
    if seconds is not None:
        config["targetGroupStickinessConfig"] = {"enabled": True, "durationSeconds": seconds}
    assert _rules(check_listener(_listens({"type": "forward", "forwardConfig": config}), {})) == (
        {"LB-025"} if wrong else set()
    )
    with pytest.raises(ValidationError):
        _listens({"type": "forward", "forwardConfig": {"targetGroups": [{"targetGroup": "g", "weight": 1000}]}})


def _problems(document: dict[str, Any]) -> str:
    try:
        scenario = load_mapping(document)
    except BadInput as error:
        return "\n".join(str(problem) for problem in error.problems)
    return "\n".join(str(problem) for problem in scenario.warnings)


@pytest.mark.rule("LB-030")
def test_check_warns_of_requests_that_a_target_group_does_not_understand() -> None:
    stream = _stream(1) | {"to": {"targetGroup": "web"}}
    grpc = _document(targetGroups=[_group("web", protocolVersion="GRPC")], traffic=[stream])
    assert "answered 464" in _problems(grpc)
    assert "464" not in _problems(_document(traffic=[stream]))


@pytest.mark.rule("LB-066")
def test_check_looks_at_time_outs_that_were_all_written_down() -> None:
    patient = _stream(1, clients={"timeout": "40s"}) | {"to": {"targetGroup": "web"}}
    assert "before clients give up" in _problems(_document(traffic=[patient]))
    quick = _stream(1, clients={"timeout": "20s"}) | {"to": {"targetGroup": "web"}}
    assert "before clients give up" not in _problems(_document(traffic=[quick]))
    for stop, said in ((20, True), (60, False)):
        document = _document()
        document["taskDefinitions"][0]["containerDefinitions"][0]["stopTimeout"] = stop
        assert ("stopTimeout of web" in _problems(document)) is said
    # Where nobody wrote a delay nothing is said: the defaults would always trip it.
    document["targetGroups"][0].pop("deregistrationDelay")
    document["taskDefinitions"][0]["containerDefinitions"][0]["stopTimeout"] = 20
    assert "stopTimeout" not in _problems(document)


def test_a_stream_that_no_rule_takes_is_bad_input() -> None:
    listener = _listener(web=1) | {"defaultActions": [{"type": "fixed-response"}]}
    assert "traffic is only modelled to targets" in _problems(_document(listeners=[listener]))
    nobody = {"path": "/x"}
    rules = [{"priority": 1, "conditions": [{"field": "path-pattern", "values": ["/y"]}], "actions": [FORWARD]}]
    document = _document(
        listeners=[_listener(web=1) | {"defaultActions": [], "rules": rules}], traffic=[_stream(1, **nobody)]
    )
    assert "no rule of front takes /x" in _problems(document)


MITIGATION = {"load_balancing.algorithm.anomaly_mitigation": "on"}


@pytest.mark.rule("LB-021")
@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({ALGORITHM: "weighted_random"}, False),
        ({}, True),
        ({ALGORITHM: "least_outstanding_requests"}, True),
        ({ALGORITHM: "weighted_random", "stickiness.enabled": "true"}, True),
    ],
)
def test_anomaly_mitigation_needs_weighted_random_and_no_sticky_sessions(more: dict[str, str], wrong: bool) -> None:
    found = list(check_target_group(_target_group(attributes=MITIGATION | more)))
    assert _rules(found) == ({"LB-021"} if wrong else set())


@pytest.mark.rule("LB-021", "LB-023")
def test_weighted_random_does_not_go_with_slow_start() -> None:
    group = _target_group(slowStart=60, attributes={ALGORITHM: "weighted_random"})
    assert _rules(check_target_group(group)) == {"LB-023"}


@pytest.mark.rule("LB-028")
@pytest.mark.parametrize(
    ("attributes", "wrong"),
    [({}, False), ({"stickiness.enabled": "true"}, True), ({ALGORITHM: "weighted_random"}, True)],
)
def test_target_optimizer_balances_round_robin_and_forbids_stickiness(attributes: dict[str, str], wrong: bool) -> None:
    group = _target_group(targetControlPort=3000, attributes=attributes)
    assert _rules(check_target_group(group)) == ({"LB-028"} if wrong else set())
