"""Load balancers before a running service: routing, thresholds, errors by cause, figures; every request accounted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ecssim.results.result import Result
from ecssim.run import Simulation, simulate
from ecssim.scenario.load import load_mapping
from ecssim.world.states import TARGET_HEALTHY, TARGET_UNHEALTHY
from tests.engine.test_traffic import _assert_conserved, _definition, _service

ZONES = ("us-east-1a", "us-east-1b")


def _document(**parts) -> dict:
    """Four tasks in two zones behind an ALB with one listener, 20 requests a second of 0.1 s each."""
    base = {
        "ecssim": 1,
        "name": "lb",
        "duration": "20m",
        "seed": 3,
        "initialState": "steady",
        "timing": {"profile": "fixed"},
        "clusters": [{"clusterName": "prod"}],
        "subnets": [
            {"subnetId": "a", "availabilityZone": ZONES[0], "cidrBlock": "10.0.0.0/24"},
            {"subnetId": "b", "availabilityZone": ZONES[1], "cidrBlock": "10.0.1.0/24"},
        ],
        "taskDefinitions": [_definition("web"), _definition("web")],
        "behaviour": {"web": {"request": {"cpuSeconds": 0.1}}},
        "targetGroups": [_group("web")],
        "loadBalancers": [{"loadBalancerName": "public", "subnets": ["a", "b"]}],
        "listeners": [_listener(web=1)],
        "services": [_service("web")],
        "traffic": [_stream(20)],
    }
    return base | parts


def _group(name: str, **attributes) -> dict:
    known = {k: attributes.pop(k) for k in ("protocol", "protocolVersion", "slowStart") if k in attributes}
    listed = [{"key": key.replace("__", "."), "value": str(value)} for key, value in attributes.items()]
    return {"targetGroupName": name, "targetType": "ip", "deregistrationDelay": 30, "attributes": listed} | known


def _listener(sticky: int | None = None, **weights) -> dict:
    forward = {"targetGroups": [{"targetGroup": name, "weight": weight} for name, weight in weights.items()]}
    if sticky is not None:
        forward["targetGroupStickinessConfig"] = {"enabled": True, "durationSeconds": sticky}
    return {
        "listenerArn": "front",
        "loadBalancer": "public",
        "port": 80,
        "defaultActions": [{"type": "forward", "forwardConfig": forward}],
    }


def _stream(rate: float, **parts) -> dict:
    return {"name": "users", "to": {"listener": "front"}, "pattern": "constant", "rate": rate} | parts


def _run(document: dict) -> Result:
    result = Simulation(load_mapping(document)).finish()
    _assert_conserved(result)
    return result


def _other(**parts) -> dict:
    return _service("o", loadBalancers=[{"targetGroupArn": "o", "containerName": "web", "containerPort": 80}], **parts)


NLB = [{"loadBalancerName": "public", "type": "network", "subnets": ["a", "b"]}]


# -- routing ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("LB-020", "LB-021")
def test_round_robin_gives_all_tasks_alike_and_least_outstanding_more_to_the_faster() -> None:
    slow = {"web": {"request": {"cpuSeconds": 0.02}}, "slow": {"request": {"cpuSeconds": 0.02, "latency": "180ms"}}}
    services = [_service("web"), _service("slow", taskDefinition="slow")]
    shares = {}
    for algorithm in ("round_robin", "least_outstanding_requests", "weighted_random"):
        group = _group("web", load_balancing__algorithm__type=algorithm)
        result = _run(
            _document(
                targetGroups=[group],
                behaviour=slow,
                services=services,
                taskDefinitions=[_definition("web"), _definition("slow")],
            )
        )
        offered = result.service_metrics.groupby("service", observed=True).offered_count.sum()
        shares[algorithm] = offered["web"] / offered.sum()
    assert shares["round_robin"] == pytest.approx(0.5, abs=0.001)
    assert shares["weighted_random"] == pytest.approx(0.5, abs=0.001)
    # Unloaded a request takes 20 ms here and 200 ms there: ten times as many are outstanding for the same number.
    assert shares["least_outstanding_requests"] == pytest.approx(10 / 11, abs=0.01)


@pytest.mark.rule("LB-023")
def test_slow_start_gives_a_new_target_a_growing_share() -> None:
    """Eight tasks come beside four: their capacity is there only as their share grows over five minutes."""
    scale = [{"at": "5m30s", "call": "UpdateService", "with": {"service": "web", "desiredCount": 8}}]
    waits = {}
    for seconds in (0, 300):
        document = _document(targetGroups=[_group("web", slowStart=seconds)], timeline=scale, traffic=[_stream(39)])
        result = _run(document)
        rows = result.service_metrics
        assert rows.healthy_count.iloc[8] == 8
        waits[seconds] = rows.target_response_time.to_numpy()
    # Without it all is well with the eight; with it the four still carry most until the new ones have their share.
    assert waits[0][9] == pytest.approx(waits[0][15], rel=0.05)
    assert waits[300][8] > 1.1 * waits[300][15]
    assert waits[300][15] == pytest.approx(waits[0][15], rel=0.05)


@pytest.mark.rule("LB-023")
def test_targets_that_come_together_into_an_empty_group_skip_slow_start() -> None:
    figures = []
    for seconds in (0, 900):
        group = _group("web", slowStart=seconds)
        result = _run(_document(initialState="empty", targetGroups=[group], traffic=[_stream(30)]))
        figures.append(result.service_metrics.target_response_time.iloc[5:].to_numpy())
    assert np.allclose(figures[0], figures[1], equal_nan=True)


@pytest.mark.rule("LB-024")
def test_sticky_users_stay_with_their_target_and_leave_one_that_is_gone() -> None:
    """New tasks of another service get only the users who come anew; users of a task that drains are sent on."""
    scale = [
        {"at": "4m", "call": "UpdateService", "with": {"service": "o", "desiredCount": 4}},
        {"at": "14m", "call": "UpdateService", "with": {"service": "web", "desiredCount": 0}},
    ]
    group = _group(
        "web", stickiness__enabled="true", stickiness__type="lb_cookie", stickiness__lb_cookie__duration_seconds=300
    )
    services = [_service("web"), _service("o", desiredCount=0)]
    offered = {}
    for sticky in (True, False):
        groups = [group if sticky else _group("web")]
        result = _run(_document(targetGroups=groups, services=services, timeline=scale))
        rows = result.service_metrics
        offered[sticky] = rows[rows.service == "o"].offered_count.to_numpy()
    joined = int(np.flatnonzero(offered[False])[0])
    assert offered[False][joined + 1] == pytest.approx(600, abs=1)
    # With a mean stay of 300 s the share of the new ones nears one half as 1 - e^(-t/300).
    for minute in (joined + 2, joined + 5):
        # The mean of a minute lies at its middle, and the tasks joined within minute ``joined``.
        wanted = [600 * (1 - math.exp(-60.0 * (minute - joined + late) / 300)) for late in (-0.5, 0.5)]
        assert wanted[0] < offered[True][minute] < wanted[1]
    # The cookies of the old tasks' users are worth nothing when those drain.
    assert offered[True][-1] == 1200


@pytest.mark.rule("LB-025")
def test_a_rule_shares_by_weight_and_modify_listener_moves_the_shares() -> None:
    groups, services = [_group("web"), _group("o")], [_service("web"), _other()]
    modify = [
        {
            "at": "10m",
            "call": "ModifyListener",
            "with": {
                "listenerArn": "front",
                "defaultActions": [
                    {
                        "type": "forward",
                        "targetGroups": [{"targetGroup": "web", "weight": 0}, {"targetGroup": "o", "weight": 1}],
                    }
                ],
            },
        }
    ]
    result = _run(_document(targetGroups=groups, services=services, listeners=[_listener(web=3, o=1)], timeline=modify))
    rows = result.service_metrics
    o, web = (rows[rows.service == name].offered_count.to_numpy() for name in ("o", "web"))
    assert (o[:10] == 300).all()
    assert (web[:10] == 900).all()
    assert (o[10:] == 1200).all()
    assert result.calls[result.calls.action == "ModifyListener"].result.tolist() == ["ok"]


@pytest.mark.rule("LB-025")
def test_users_who_stick_to_a_target_group_follow_new_weights_only_as_that_ends() -> None:
    groups, services = [_group("web"), _group("o")], [_service("web"), _other()]
    sticky = {"enabled": True, "durationSeconds": 300}
    forward = {"targetGroups": [{"targetGroup": "o", "weight": 1}], "targetGroupStickinessConfig": sticky}
    modify = [
        {
            "at": "10m",
            "call": "ModifyListener",
            "with": {"listenerArn": "front", "defaultActions": [{"type": "forward", "forwardConfig": forward}]},
        }
    ]
    result = _run(
        _document(
            targetGroups=groups, services=services, listeners=[_listener(web=1, o=0, sticky=300)], timeline=modify
        )
    )
    rows = result.service_metrics
    o = rows[rows.service == "o"].offered_count.to_numpy()
    assert (o[:10] == 0).all()
    assert 0 < o[10] < 600
    assert (np.diff(o[10:].astype(int)) > 0).all()
    assert o[15] == pytest.approx(1200 * (1 - math.exp(-360 / 300)), abs=60)


@pytest.mark.rule("LB-025")
def test_the_first_rule_that_matches_takes_a_request() -> None:
    listener = _listener(web=1) | {
        "rules": [
            {
                "priority": 20,
                "conditions": [{"field": "path-pattern", "values": ["/*"]}],
                "actions": [{"type": "forward", "targetGroups": [{"targetGroup": "web"}]}],
            },
            {
                "priority": 10,
                "conditions": [
                    {"field": "path-pattern", "pathPatternConfig": {"values": ["/api/*"]}},
                    {"field": "host-header", "values": ["*.Example.com"]},
                ],
                "actions": [{"type": "forward", "targetGroups": [{"targetGroup": "o"}]}],
            },
        ]
    }
    groups, services = [_group("web"), _group("o")], [_service("web"), _other()]
    streams = [
        _stream(5, name="api", host="www.example.com", path="/api/x"),
        _stream(3, name="elsewhere", host="other.org", path="/api/x"),
    ]
    rows = _run(
        _document(targetGroups=groups, services=services, listeners=[listener], traffic=streams)
    ).service_metrics
    offered = rows.groupby("service", observed=True).offered_count.sum()
    assert (offered["o"], offered["web"]) == (5 * 1200, 3 * 1200)


@pytest.mark.rule("LB-026", "LB-027")
@pytest.mark.parametrize(
    ("balancers", "attribute", "zonal"),
    [
        (None, None, False),
        (None, "false", True),
        (None, "use_load_balancer_configuration", False),
        (NLB, None, True),
        (NLB, "true", False),
        ([NLB[0] | {"attributes": [{"key": "load_balancing.cross_zone.enabled", "value": "true"}]}], None, False),
    ],
)
def test_nodes_keep_to_their_zone_where_cross_zone_is_off(balancers, attribute, zonal) -> None:
    """Three tasks in one zone and one in the other: each zone's node gets half, or every task a quarter."""
    attributes = {} if attribute is None else {"load_balancing__cross_zone__enabled": attribute}
    group = _group("web", protocol="TCP" if balancers else "HTTP", **attributes)
    network = {"awsvpcConfiguration": {"subnets": ["a"]}}
    more = {"taskDefinition": "web:1", "desiredCount": 2, "networkConfiguration": network}
    parts = {} if balancers is None else {"loadBalancers": balancers}
    services = [_service("web", desiredCount=2), _service("more", **more)]
    result = _run(_document(targetGroups=[group], services=services, traffic=[_stream(8)], **parts))
    by_zone = result.flow_metrics.groupby("availability_zone", observed=True).offered_count.sum()
    share = by_zone[ZONES[1]] / by_zone.sum()
    assert share == pytest.approx(0.5 if zonal else 0.25, abs=0.002)


@pytest.mark.rule("LB-027", "LB-043", "LB-011")
def test_a_zone_without_targets_answers_503_until_dns_forgets_it() -> None:
    """Cross-zone off: the empty zone's node is asked until it is out of DNS and clients' 60 s are over."""
    group = _group("web", load_balancing__cross_zone__enabled="false")
    network = {"awsvpcConfiguration": {"subnets": ["b"]}}
    services = [
        _service("web", desiredCount=2, networkConfiguration={"awsvpcConfiguration": {"subnets": ["a"]}}),
        _service("b", desiredCount=2, networkConfiguration=network),
    ]
    stop = [{"at": "5m", "call": "UpdateService", "with": {"service": "b", "desiredCount": 0}}]
    rows = _run(_document(targetGroups=[group], services=services, timeline=stop, traffic=[_stream(8)])).service_metrics
    lost = rows.groupby("t").http_503_count.sum().to_numpy()
    assert (lost[:5] == 0).all()
    # Half of 480 a minute at first, less and less as addresses expire, nothing when they have.
    assert 60 <= lost[5:8].sum() <= 240
    assert (lost[8:] == 0).all()


@pytest.mark.rule("LB-012", "LB-010")
def test_thresholds_hold_for_each_zone_only_where_cross_zone_is_off() -> None:
    """The targets of one zone hang. Across zones they are left out; alone in their zone they get its requests."""
    hang = _definition("hang")
    behaviour = {
        "web": {"request": {"cpuSeconds": 0.1}},
        "hang": {"request": {"cpuSeconds": 0.1}, "unhealthyAfter": "4m"},
    }
    zone_b = {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["b"]}}}
    zone_a = {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}}}
    grace = {"healthCheckGracePeriodSeconds": 3600}
    services = [
        _service("web", desiredCount=2, **zone_a),
        _service("hang", taskDefinition="hang", desiredCount=2, **zone_b, **grace),
    ]
    failed = {}
    for cross in ("true", "false"):
        group = _group(
            "web",
            load_balancing__cross_zone__enabled=cross,
            target_group_health__dns_failover__minimum_healthy_targets__count=1,
        )
        document = _document(
            targetGroups=[group],
            services=services,
            behaviour=behaviour,
            taskDefinitions=[_definition("web"), hang],
            traffic=[_stream(8)],
        )
        rows = _run(document).service_metrics
        failed[cross] = rows.groupby("t").http_502_count.sum().to_numpy()
    # When the checks have seen it only the zone by itself is open to all of its targets, and they refuse.
    assert failed["true"].sum() == 0
    # Half of 480 a minute at first, until the zone is out of DNS and clients have forgotten it.
    assert 60 < failed["false"][4:7].sum() < 240
    assert failed["false"][7:9].sum() == 0


@pytest.mark.rule("LB-010")
def test_without_a_healthy_target_all_registered_ones_get_requests() -> None:
    """NLB targets wait for minutes to be checked, though they answer: they serve because nobody else is healthy."""
    group = _group("web", protocol="TCP")
    result = _run(_document(initialState="empty", loadBalancers=NLB, targetGroups=[group], traffic=[_stream(8)]))
    rows = result.service_metrics
    running = int(np.flatnonzero(rows.running_count == 4)[0])
    healthy = int(np.flatnonzero(rows.healthy_count == 4)[0])
    assert healthy > running + 2
    assert (rows.served_count.iloc[running + 1 : healthy] > 400).all()
    assert rows.failed_count.iloc[running + 2 : healthy].sum() == 0
    opened = result.target_group_metrics.unhealthy_routing_request_count
    assert (opened.iloc[running:healthy] == 480).all()
    assert opened.iloc[-1] == 0


@pytest.mark.rule("LB-010")
@pytest.mark.parametrize("key", ["count", "percentage"])
def test_below_the_threshold_targets_that_fail_their_checks_get_requests_too(key: str) -> None:
    """Two of four are healthy; at least three must be, or 60 %: the two that hang refuse their half."""
    value = 3 if key == "count" else 60
    name = f"target_group_health__unhealthy_state_routing__minimum_healthy_targets__{key}"
    behaviour = {
        "web": {"request": {"cpuSeconds": 0.1}},
        "hang": {"request": {"cpuSeconds": 0.1}, "unhealthyAfter": "3m"},
    }
    services = [
        _service("web", desiredCount=2),
        _service("hang", taskDefinition="hang", desiredCount=2, healthCheckGracePeriodSeconds=3600),
    ]
    failed = []
    for attributes in ({}, {name: value}):
        document = _document(
            targetGroups=[_group("web", **attributes)],
            services=services,
            behaviour=behaviour,
            taskDefinitions=[_definition("web"), _definition("hang")],
            traffic=[_stream(8)],
        )
        rows = _run(document).service_metrics
        failed.append(rows.groupby("t").http_502_count.sum().to_numpy()[8:])
    assert failed[0].sum() == 0
    assert failed[1] == pytest.approx(240, abs=2)


@pytest.mark.rule("LB-029")
def test_behind_an_nlb_new_tasks_get_only_new_connections() -> None:
    """A gRPC client keeps its connection for ten minutes: the task beside a full one stays nearly idle."""
    scale = [{"at": "4m", "call": "UpdateService", "with": {"service": "web", "desiredCount": 8}}]
    group = _group("web", protocol="TCP", load_balancing__cross_zone__enabled="true")
    waits = {}
    for per_connection in (1, 5000):
        connections = {"requestsPerConnection": per_connection, "connectionLasts": "10m"}
        stream = _stream(39, clients={"protocol": "grpc"}, **connections)
        rows = _run(
            _document(duration="45m", loadBalancers=NLB, targetGroups=[group], timeline=scale, traffic=[stream])
        ).service_metrics
        at = int(np.flatnonzero(rows.healthy_count == 8)[0]) + 2
        waits[per_connection] = rows.target_response_time.to_numpy()[[at, -1]]
    assert waits[5000][0] > 1.2 * waits[1][0]
    assert waits[5000][1] == pytest.approx(waits[1][1], rel=0.1)


@pytest.mark.rule("LB-030")
def test_a_grpc_group_balances_per_request_and_answers_http_with_464() -> None:
    scale = [{"at": "4m", "call": "UpdateService", "with": {"service": "web", "desiredCount": 8}}]
    group = _group("web", protocolVersion="GRPC")
    connections = {"requestsPerConnection": 5000, "connectionLasts": "10m"}
    streams = [
        _stream(39, name="grpc", clients={"protocol": "grpc"}, **connections),
        _stream(1, name="old", clients={"protocol": "http1"}),
    ]
    result = _run(_document(targetGroups=[group], timeline=scale, traffic=streams))
    rows = result.service_metrics
    assert (rows.http_464_count == 60).all()
    assert (rows.request_count == 39 * 60).all()
    # Per request, not per connection: the new tasks share the load as soon as they are healthy.
    at = int(np.flatnonzero(rows.healthy_count == 8)[0]) + 2
    assert rows.target_response_time.iloc[at] == pytest.approx(rows.target_response_time.iloc[-1], rel=0.02)
    assert (result.load_balancer_metrics.elb_4xx_count == 60).all()


@pytest.mark.rule("LB-032")
@pytest.mark.parametrize(
    ("policy", "share"),
    [
        ("any_availability_zone", 0.5),
        ("partial_availability_zone_affinity", 0.15 * 0.5 + 0.85 * 0.8),
        ("availability_zone_affinity", 0.8),
    ],
)
def test_zonal_clients_are_sent_to_the_node_of_their_zone(policy: str, share: float) -> None:
    balancer = NLB[0] | {"attributes": [{"key": "dns_record.client_routing_policy", "value": policy}]}
    stream = _stream(8, clients={"zones": {ZONES[0]: 0.8, ZONES[1]: 0.2}})
    result = _run(_document(loadBalancers=[balancer], targetGroups=[_group("web", protocol="TCP")], traffic=[stream]))
    by_zone = result.flow_metrics.groupby("availability_zone", observed=True).offered_count.sum()
    assert by_zone[ZONES[0]] / by_zone.sum() == pytest.approx(share, abs=0.002)


# -- errors by cause --------------------------------------------------------------------------------------------


@pytest.mark.rule("LB-031", "LB-044")
def test_who_waits_longer_than_the_idle_timeout_gets_504() -> None:
    """At twice the capacity the queue is as long as the load balancer is patient."""
    longest = {}
    for idle in (None, 20, 120):
        attributes = [] if idle is None else [{"key": "idle_timeout.timeout_seconds", "value": str(idle)}]
        balancers = [{"loadBalancerName": "public", "subnets": ["a", "b"], "attributes": attributes}]
        rows = _run(_document(loadBalancers=balancers, traffic=[_stream(80)])).service_metrics
        assert rows.http_504_count.sum() > 0
        longest[idle] = rows.target_response_time.iloc[-1]
    assert longest[None] == pytest.approx(60, rel=0.02)
    assert longest[20] == pytest.approx(20, rel=0.02)
    assert longest[120] == pytest.approx(120, rel=0.02)


@pytest.mark.rule("LB-031")
def test_an_nlb_waits_for_350_seconds() -> None:
    group = _group("web", protocol="TCP", load_balancing__cross_zone__enabled="true")
    rows = _run(
        _document(duration="30m", loadBalancers=NLB, targetGroups=[group], traffic=[_stream(80)])
    ).service_metrics
    assert rows.target_response_time.iloc[-1] == pytest.approx(350, rel=0.02)


@pytest.mark.rule("LB-044")
def test_a_task_that_hangs_gets_requests_until_its_checks_have_failed() -> None:
    """Two of four hang after three minutes: their half of 8 a second is lost for two checks and a time-out."""
    behaviour = {
        "web": {"request": {"cpuSeconds": 0.1}},
        "hang": {"request": {"cpuSeconds": 0.1}, "unhealthyAfter": "3m"},
    }
    services = [_service("web", desiredCount=2), _service("hang", taskDefinition="hang", desiredCount=2)]
    document = _document(
        services=services,
        behaviour=behaviour,
        taskDefinitions=[_definition("web"), _definition("hang")],
        traffic=[_stream(8)],
    )
    rows = _run(document).service_metrics
    late = rows.groupby("t").http_504_count.sum().to_numpy()
    # Checks at 186 and 216 s fail, the second is known at 221 s.
    assert late[3] == pytest.approx(41 * 4, abs=3)
    assert late[:3].sum() == 0
    assert late[4] == 0


@pytest.mark.rule("LB-044")
def test_responses_that_take_longer_than_the_idle_timeout_are_all_504() -> None:
    behaviour = {"web": {"request": {"cpuSeconds": 0.001, "latency": "70s"}}}
    rows = _run(_document(behaviour=behaviour)).service_metrics
    assert rows.served_count.sum() == 0
    assert rows.http_504_count.iloc[5] == 1200


@pytest.mark.rule("LB-044")
def test_clients_that_give_up_before_the_load_balancer_are_counted_460() -> None:
    rows = _run(_document(traffic=[_stream(80, clients={"timeout": "5s"})])).service_metrics
    assert rows.http_504_count.sum() == 0
    assert (rows.http_460_count.iloc[2:] == 2400).all()
    assert rows.target_response_time.iloc[-1] == pytest.approx(5, rel=0.05)


@pytest.mark.rule("LB-041")
@pytest.mark.parametrize(("delay", "lost"), [(300, False), (5, True)])
def test_requests_that_outlive_the_drain_get_502(delay: int, lost: bool) -> None:
    behaviour = {"web": {"request": {"cpuSeconds": 0.01, "latency": "20s"}}}
    group = {"targetGroupName": "web", "targetType": "ip", "deregistrationDelay": delay}
    stop = [{"at": "5m", "call": "UpdateService", "with": {"service": "web", "desiredCount": 2}}]
    rows = _run(_document(behaviour=behaviour, targetGroups=[group], timeline=stop)).service_metrics
    # Two of four tasks go with half of the 400 requests in flight; three quarters of those need more than 5 s still.
    assert rows.http_502_count.sum() == pytest.approx(150 if lost else 0, abs=2)


@pytest.mark.rule("LB-045")
def test_errors_of_the_tasks_are_counted_apart_from_those_of_the_load_balancer() -> None:
    behaviour = {"web": {"request": {"cpuSeconds": 0.1, "errors": 0.05}}}
    result = _run(_document(behaviour=behaviour, traffic=[_stream(80)]))
    balancer = result.load_balancer_metrics
    rows = result.service_metrics
    assert balancer.target_5xx_count.sum() == math.floor(
        rows.served_count.sum() * 0.05 + 1e-9
    ) or balancer.target_5xx_count.sum() == pytest.approx(rows.served_count.sum() * 0.05, abs=3)
    assert balancer.elb_504_count.sum() == rows.http_504_count.sum() > 0
    assert (balancer.elb_5xx_count == balancer.elb_502_count + balancer.elb_503_count + balancer.elb_504_count).all()
    assert result.target_group_metrics.target_5xx_count.sum() == balancer.target_5xx_count.sum()


# -- targets and their states -----------------------------------------------------------------------------------


@pytest.mark.rule("LB-009")
def test_a_target_outside_of_the_load_balancers_zones_is_unused_and_replaced_for_ever() -> None:
    balancers = [{"loadBalancerName": "public", "subnets": ["a", "c"]}]
    document = _document(initialState="empty", duration="30m", loadBalancers=balancers)
    document["subnets"].append({"subnetId": "c", "availabilityZone": "us-east-1c", "cidrBlock": "10.0.2.0/24"})
    sim = simulate(load_mapping(document))
    sim.advance("3m")
    shown = sim.call("DescribeTargetHealth", targetGroupArn="web")["TargetHealthDescriptions"]
    states = {
        (d["Target"]["AvailabilityZone"], d["TargetHealth"]["State"], d["TargetHealth"].get("Reason")) for d in shown
    }
    assert (ZONES[0], "healthy", None) in states
    assert (ZONES[1], "unused", "Target.NotInUse") in states
    result = sim.finish()
    tasks = result.tasks
    outside = tasks[tasks.availability_zone == ZONES[1]]
    assert outside.healthy_at.isna().all()
    assert len(outside) > 4
    assert len(tasks[tasks.availability_zone == ZONES[0]]) < len(outside)


@pytest.mark.rule("LB-008")
def test_describe_target_health_names_states_and_reasons() -> None:
    behaviour = {"web": {"request": {"cpuSeconds": 0.1}}, "web:2": {"unhealthyAfter": "2m"}}
    update = [{"at": "10m", "call": "UpdateService", "with": {"service": "web", "taskDefinition": "web:2"}}]
    services = [_service("web", healthCheckGracePeriodSeconds=3600)]
    group = {"targetGroupName": "web", "targetType": "ip", "deregistrationDelay": 120}
    sim = simulate(
        load_mapping(
            _document(
                initialState="empty",
                duration="40m",
                behaviour=behaviour,
                services=services,
                timeline=update,
                targetGroups=[group],
            )
        )
    )

    def reasons() -> set:
        shown = sim.call("DescribeTargetHealth", targetGroupArn="web")["TargetHealthDescriptions"]
        return {(d["TargetHealth"]["State"], d["TargetHealth"].get("Reason")) for d in shown}

    seen = set()
    while sim.now < 900:
        sim.advance("1s" if sim.now < 120 else "7s")
        seen |= reasons()
    assert seen == {
        ("initial", "Elb.RegistrationInProgress"),
        ("initial", "Elb.InitialHealthChecking"),
        ("healthy", None),
        ("unhealthy", "Target.Timeout"),
        ("draining", "Target.DeregistrationInProgress"),
    }
    named = sim.call("DescribeTargetHealth", targetGroupArn="web", targets=[{"id": "10.9.9.9"}])
    assert named["TargetHealthDescriptions"][0]["TargetHealth"] == {"State": "unused", "Reason": "Target.NotRegistered"}


@pytest.mark.rule("LB-002", "LB-001")
@pytest.mark.parametrize(("protocol", "timeout", "wanted"), [("HTTP", None, 5), ("HTTP", 9, 9)])
def test_a_target_that_hangs_is_noticed_when_its_last_check_times_out(protocol, timeout, wanted) -> None:
    """Checks every 30 s, two failures: hung at 100 s, the second check that fails after that plus its timeout."""
    group = _group("web", protocol=protocol) | {"healthCheckIntervalSeconds": 10, "unhealthyThresholdCount": 3}
    if timeout is not None:
        group["healthCheckTimeoutSeconds"] = timeout
    behaviour = {"web": {"request": {"cpuSeconds": 0.1}, "unhealthyAfter": "100s"}}
    sim = simulate(
        load_mapping(_document(initialState="empty", targetGroups=[group], behaviour=behaviour, traffic=[_stream(1)]))
    )
    while not sim.engine.world.target_groups[0].healthy:
        sim.advance("1s")
    target = next(iter(sim.engine.world.target_groups[0].members.values()))
    while target.state == TARGET_HEALTHY:
        sim.advance("1s")
    # First check 5 s + 1 s after RUNNING, then every 10 s: failures at 106, 116 and 126 s.
    assert sim.now - target.task.started_at == pytest.approx(126 + wanted, abs=1.01)
    assert target.state == TARGET_UNHEALTHY


@pytest.mark.rule("LB-004")
def test_every_target_is_checked_on_its_own_clock() -> None:
    """One checker a target: its phase is its own, and how long a check takes does not move the next one."""
    document = _document(
        initialState="empty", timing={"profile": "typical"}, services=[_service("web", desiredCount=12)]
    )
    tasks = _run(document).tasks
    delays = (tasks.healthy_at - tasks.started_at).dropna().to_numpy()
    assert len(set(np.round(delays, 3))) > 8
    assert (delays > 5).all()
    assert (delays < 7.001).all()


@pytest.mark.rule("LB-061")
def test_registration_takes_no_time_of_activating_and_the_checks_run_from_running() -> None:
    plain = _document(
        targetGroups=[],
        loadBalancers=[],
        listeners=[],
        services=[_service("web", loadBalancers=[])],
        traffic=[],
        initialState="empty",
    )
    behind = _document(initialState="empty")
    without, with_one = (_run(document).tasks for document in (plain, behind))
    assert (without.started_at.to_numpy() == with_one.started_at.to_numpy()).all()
    delays = with_one.healthy_at - with_one.started_at
    assert delays.to_numpy() == pytest.approx(6.0)
    events = _run(behind).task_events
    order = events[events.task_id == events.task_id.iloc[0]].last_status.tolist()
    assert order.index("ACTIVATING") < order.index("RUNNING")


# -- figures ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("LB-047")
def test_host_counts_are_extremes_and_mean_of_what_the_nodes_see() -> None:
    group = _group("web", load_balancing__cross_zone__enabled="false")
    network = {"awsvpcConfiguration": {"subnets": ["a"]}}
    services = [_service("web", desiredCount=2), _service("more", desiredCount=2, networkConfiguration=network)]
    last = _run(_document(targetGroups=[group], services=services)).target_group_metrics.iloc[-1]
    assert (last.healthy_host_count_minimum, last.healthy_host_count_maximum, last.healthy_host_count) == (1, 3, 2.0)
    across = _run(_document(services=services)).target_group_metrics.iloc[-1]
    assert (across.healthy_host_count_minimum, across.healthy_host_count_maximum, across.healthy_host_count) == (
        4,
        4,
        4.0,
    )


def test_connections_bytes_and_rule_evaluations_are_whole_numbers_that_add_up() -> None:
    rules = [
        {
            "priority": n,
            "conditions": [{"field": "path-pattern", "values": [f"/{n}"]}],
            "actions": [{"type": "forward", "targetGroups": [{"targetGroup": "web"}]}],
        }
        for n in range(1, 15)
    ]
    sizes = {"requestsPerConnection": 7, "connectionLasts": "30s", "requestSize": "1KB", "responseSize": "9KB"}
    result = _run(_document(listeners=[_listener(web=1) | {"rules": rules}], traffic=[_stream(20, **sizes)]))
    rows = result.load_balancer_metrics
    assert rows.request_count.sum() == 20 * 1200
    assert rows.new_connection_count.sum() == 20 * 1200 // 7
    assert (rows.active_connection_count - 20 / 7 * 30).abs().max() < 1
    assert rows.processed_bytes.sum() == 20 * 1200 * 10_000
    # Fourteen rules and the default one: five more than are free.
    assert rows.rule_evaluation_count.sum() == 20 * 1200 * 5


def test_alone_and_as_vectors_the_minute_is_the_same_beside_an_uneven_target(monkeypatch: pytest.MonkeyPatch) -> None:
    import ecssim.engine.traffic as traffic_module

    document = _document(
        targetGroups=[_group("web", slowStart=60), _group("o")],
        services=[_service("web"), _other()],
        listeners=[_listener(web=3, o=1)],
        timeline=[{"at": "7m10s", "fault": "taskCrash", "with": {"service": "web", "count": 3}}],
        traffic=[_stream(45, noise=0.2, clients={"retries": {"attempts": 3}})],
    )
    one_by_one = _run(document)
    monkeypatch.setattr(traffic_module, "FEW", 0)
    vectors = _run(document)
    for table in ("flow_metrics", "service_metrics"):
        columns = one_by_one.raw(table), vectors.raw(table)
        assert sorted(columns[0].tolist()) == sorted(columns[1].tolist())
