"""What moving data costs: images through NAT, requests through load balancers, bytes between zones and outside."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from builders import Sim, awsvpc, fargate, run_dict, target_group, task_definition
from network_rig import IN_ECR, endpoint, gateway_endpoint, on_fargate, vpc
from pydantic import ValidationError

from ecssim.results.result import Result


def totals(result: Result) -> dict[tuple[str | None, str, str], int]:
    """Metered quantities of the whole run by service, resource and dimension."""
    names = result.names
    found: dict[tuple[str | None, str, str], int] = {}
    for _, s, _, r, d, _, quantity, _, _ in result.raw("_meters").tolist():
        key = names.get("service", [None])[s], str(names["resource"][r]), str(names["dimension"][d])
        found[key] = found.get(key, 0) + quantity
    return found


ALL = [endpoint("ecr.api"), endpoint("ecr.dkr"), gateway_endpoint()]
IMAGES = {"app": {"size": "60MB"}, IN_ECR: {"size": "500MB"}}


def pulls(image: str, *endpoints: Any, subnets: tuple[str, ...] = ("a",), count: int = 3, **parts: Any) -> Result:
    document = vpc(
        taskDefinitions=[on_fargate(image)],
        services=[fargate(count=count, networkConfiguration=awsvpc(*subnets))],
        vpcEndpoints=list(endpoints),
        images=IMAGES,
        duration="10m",
    )
    return run_dict(document | parts)


@pytest.mark.rule("NET-087", "COST-020")
def test_layers_pass_the_nat_gateway_unless_s3_has_a_gateway_endpoint():
    assert totals(pulls(IN_ECR))["web", "nat", "natBytes"] == 3 * 500_000_000
    with_api_only = totals(pulls(IN_ECR, endpoint("ecr.api"), endpoint("ecr.dkr")))
    assert with_api_only["web", "nat", "natBytes"] == 3 * 500_000_000
    assert ("web", "nat", "natBytes") not in totals(pulls(IN_ECR, *ALL))
    # What is not in ECR does not come from this S3.
    assert totals(pulls("app", *ALL))["web", "nat", "natBytes"] == 3 * 60_000_000
    line = next(line for line in pulls(IN_ECR).bill().lines if line.dimension == "natBytes")
    assert (line.quantity, line.unit_price, line.printed) == (Decimal("1.5"), Decimal("0.045"), Decimal("0.07"))


@pytest.mark.rule("COST-021")
def test_layers_that_pass_an_interface_endpoint_are_paid_for_by_the_gb():
    s3 = endpoint("s3", privateDnsEnabled=True)
    result = pulls(IN_ECR, endpoint("ecr.api"), endpoint("ecr.dkr"), s3)
    assert totals(result)["web", "vpce-s3", "endpointBytes"] == 3 * 500_000_000
    assert totals(result)[None, "vpce-s3", "hours"] == 1
    assert next(x for x in result.bill().lines if x.dimension == "endpointBytes").unit_price == Decimal("0.01")


@pytest.mark.rule("COST-023", "COST-045")
def test_a_nat_gateway_in_another_zone_costs_a_gb_twice_more():
    # The gateway is in zone a: two tasks beside it, two in zone b.
    found = totals(pulls(IN_ECR, subnets=("a", "b"), count=4))
    assert found["web", "nat", "natBytes"] == 4 * 500_000_000
    assert found["web", "nat", "crossZone"] == 2 * 2 * 500_000_000
    assert ("web", "nat", "crossZone") not in totals(pulls(IN_ECR, subnets=("a",), count=4))


def test_an_instance_pulls_an_image_once():
    from builders import group, service

    document = vpc(
        autoScalingGroups=[group(1)],
        taskDefinitions=[task_definition(container={"image": IN_ECR})],
        services=[service(count=3)],
        images=IMAGES,
        duration="10m",
    )
    assert totals(run_dict(document))["web", "nat", "natBytes"] == 500_000_000


def test_containers_with_lives_of_their_own_pull_each_image_once():
    both = on_fargate(IN_ECR)
    first = both["containerDefinitions"][0]
    side = {**first, "name": "side", "essential": False}
    both["containerDefinitions"] = [{**first, "dependsOn": [{"containerName": "side", "condition": "START"}]}, side]
    document = vpc(taskDefinitions=[both], services=[fargate()], images=IMAGES, duration="10m")
    assert totals(run_dict(document))["web", "nat", "natBytes"] == 500_000_000


# -- traffic ------------------------------------------------------------------------------------------------------


def balanced(kind: str = "application", *, listener: Any = None, balancer: Any = None, **stream: Any) -> dict[str, Any]:
    """A service behind a load balancer with 100 requests a second for two hours."""
    network = kind == "network"
    protocol = "TCP" if network else "HTTP"
    definition = on_fargate(portMappings=[{"containerPort": 8080}])
    service = fargate(
        count=2,
        networkConfiguration=awsvpc("a", "b"),
        loadBalancers=[{"targetGroupArn": "tg", "containerName": "web", "containerPort": 8080}],
    )
    return vpc(
        duration="2h",
        taskDefinitions=[definition],
        services=[service],
        targetGroups=[target_group(protocol=protocol, targetType="ip")],
        loadBalancers=[{"loadBalancerName": "lb", "type": kind, "subnets": ["public", "b"], **(balancer or {})}],
        listeners=[
            {
                "loadBalancer": "lb",
                "port": 80,
                "protocol": protocol,
                "defaultActions": [{"type": "forward", "targetGroupArn": "tg"}],
                **(listener or {}),
            }
        ],
        traffic=[{"name": "shop", "to": {"targetGroup": "tg"}, "pattern": "constant", "rate": 100, **stream}],
    )


HOUR = 3600 * 100


@pytest.mark.rule("COST-025", "COST-024")
def test_an_alb_is_paid_by_the_capacity_units_of_what_its_clients_do():
    # 5 kB a request make 1.8 GB an hour, more units than 36,000 connections of a minute.
    found = totals(run_dict(balanced()))
    assert found[None, "lb", "lcu.processedBytes"] == 2 * 1_800_000
    assert (None, "lb", "internetEgress") not in found, "nobody has said how large a response is"
    assert totals(run_dict(balanced(responseSize="4500B")))[None, "lb", "internetEgress"] == 2 * HOUR * 4500
    # One request a connection, a small one: new connections count, 100 a second in units of 25.
    small = {"requestSize": "10B", "responseSize": "10B", "requestsPerConnection": 1, "connectionLasts": "1s"}
    assert totals(run_dict(balanced(**small)))[None, "lb", "lcu.newConnections"] == 2 * 4_000_000
    # Connections that stay for ten minutes: 60,000 at a time in units of 3,000.
    stay = small | {"connectionLasts": "10m"}
    assert totals(run_dict(balanced(**stay)))[None, "lb", "lcu.activeConnections"] == 2 * 20_000_000
    mutual = {"protocol": "HTTPS", "mutualAuthentication": {"mode": "verify"}}
    assert totals(run_dict(balanced(listener=mutual, **stay)))[None, "lb", "lcu.activeConnections"] == 2 * 40_000_000
    forward = [{"type": "forward", "targetGroupArn": "tg"}]
    rules = {"rules": [{"priority": i, "actions": forward} for i in range(1, 111)]}
    assert totals(run_dict(balanced(listener=rules, **small)))[None, "lb", "lcu.ruleEvaluations"] == 2 * 10_000_000


@pytest.mark.rule("COST-024")
def test_egress_beyond_the_free_part_of_the_month_is_paid_and_an_internal_balancer_has_none():
    result = run_dict(balanced(responseSize="1MB"))
    lines = {line.unit_price: line.quantity for line in result.bill().lines if line.dimension == "internetEgress"}
    free = Decimal(100) * Decimal(str(result.end / 3600)) / 730
    total = Decimal(2 * HOUR * 10**6) / 10**9
    assert sum(lines.values()) == total
    assert abs(lines[Decimal("0.09")] - (total - free)) < Decimal("0.000001")
    assert abs(result.bill().exact_by("dimension")["internetEgress"] - (total - free) * Decimal("0.09")) < Decimal(
        "1e-5"
    )
    inside = totals(run_dict(balanced(balancer={"scheme": "internal"}, responseSize="1MB")))
    assert (None, "lb", "internetEgress") not in inside
    own = result.priced({"rates": {"internetEgressGb": 0.02}}).bill()
    assert own.exact_by("dimension")["internetEgress"] == total * Decimal("0.02"), "own rates know no free part"


@pytest.mark.rule("COST-026", "COST-023", "COST-044")
def test_an_nlb_counts_by_protocol_and_pays_for_crossing_zones_only_if_it_does():
    found = totals(run_dict(balanced("network", requestSize="1B", responseSize="1B", requestsPerConnection=1)))
    # 100 new flows a second of 800; 6,000 at a time of 100,000.
    assert found[None, "lb", "lcu.newConnections"] == 2 * 125_000
    crossing = {"attributes": [{"key": "load_balancing.cross_zone.enabled", "value": "true"}]}
    assert (None, "lb", "crossZone") not in found
    found = totals(run_dict(balanced("network", balancer=crossing)))
    assert found[None, "lb", "crossZone"] == 2 * HOUR * 5000  # half of the bytes, charged on both sides
    assert (None, "lb", "crossZone") not in totals(run_dict(balanced(balancer=crossing)))
    tls = totals(
        run_dict(balanced("network", listener={"protocol": "TLS"}, requestsPerConnection=1, responseSize="1B"))
    )
    assert tls[None, "lb", "lcu.newConnections"] == 2 * 2_000_000
    bill = run_dict(balanced("network", listener={"protocol": "TLS"}, requestsPerConnection=1)).bill()
    line = next(line for line in bill.lines if line.dimension == "lcu.newConnections")
    assert (line.unit_price, line.quantity, line.unit) == (Decimal("0.006"), 4, "LCU-hour")


def test_every_request_of_a_stream_is_counted_once_however_it_is_split():
    document = balanced(responseSize="4500B")
    document["targetGroups"].append(target_group("other", targetType="ip"))
    document["listeners"][0]["defaultActions"] = [
        {
            "type": "forward",
            "targetGroups": [{"targetGroup": "tg", "weight": 2}, {"targetGroup": "other", "weight": 1}],
        }
    ]
    document["traffic"][0]["to"] = {"listener": "lb:80"}
    assert totals(run_dict(document))[None, "lb", "internetEgress"] == 2 * HOUR * 4500


@pytest.mark.rule("COST-045", "COST-020")
def test_what_tasks_send_to_the_internet_passes_the_nat_gateway_of_their_subnet():
    document = balanced()
    document["behaviour"] = {"app": {"request": {"internetSent": "1kB", "internetReceived": "9kB"}}}
    found = totals(run_dict(document))
    rows = run_dict(document).flow_metrics
    asked = int(rows["offered_count"].sum())
    in_b = int(rows["offered_count"][rows["availability_zone"] == "us-east-1b"].sum())
    pulled = 2 * 60_000_000
    assert found["web", "nat", "natBytes"] == asked * 10_000 + pulled
    assert found["web", "nat", "internetEgress"] == asked * 1000
    # Half of the tasks are in zone b, the gateway in zone a.
    assert found["web", "nat", "crossZone"] == 2 * (in_b * 10_000 + pulled // 2)
    assert 0 < in_b < asked


@pytest.mark.parametrize("sizes", [{}, {"requestSize": "1kB", "responseSize": "9kB", "requestsPerConnection": 4}])
def test_the_bill_and_the_metrics_of_a_load_balancer_count_the_same_requests(sizes: dict):
    result = run_dict(balanced(**sizes))
    rows = result.load_balancer_metrics
    per_request, per_connection = (10_000, 4) if sizes else (5000, 10)
    assert rows.processed_bytes.sum() == rows.request_count.sum() * per_request
    assert rows.new_connection_count.sum() == rows.request_count.sum() // per_connection
    billed = totals(result)[None, "lb", "lcu.processedBytes"]
    assert billed == pytest.approx(rows.processed_bytes.sum() / 1e9 * 1e6, abs=2)


def test_how_requests_are_is_said_beside_the_stream_and_nowhere_else():
    document = balanced()
    document["traffic"][0]["clients"] = {"requestSize": "1kB"}
    with pytest.raises(ValidationError, match="requestSize"):
        run_dict(document)


@pytest.mark.rule("COST-025", "NET-036")
@pytest.mark.parametrize(("mode", "nodes"), [("off", 3), ("verify", 5)])
def test_with_mutual_tls_an_alb_grows_at_half_the_open_connections(mode: str, nodes: int) -> None:
    """60,000 open connections are 20 capacity units of 3,000, or 40 of 1,500: a node for eight of them in each zone."""
    clients = {"requestSize": "10B", "responseSize": "10B", "requestsPerConnection": 1, "connectionLasts": "10m"}
    listener = {"protocol": "HTTPS", "mutualAuthentication": {"mode": mode}}
    sim = Sim(balanced(listener=listener, **clients)).to(1800)
    (balancer,) = sim.engine.balancer_nodes.balancers
    assert {len(held) for held in balancer.nodes.values()} == {nodes}
