"""Who holds the addresses of a subnet over time, and what happens where there are none left."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from math import ceil
from typing import Any

import pytest
from builders import (
    Document,
    Sim,
    awsvpc,
    behind,
    call,
    fargate,
    fault,
    group,
    run_dict,
    scenario,
    service,
    subnet,
    target_group,
    task_definition,
)

from ecssim.results.result import Result
from ecssim.results.summary import summary

VPC = {"taskDefinitions": [task_definition(networkMode="awsvpc", container={"portMappings": [{"containerPort": 80}]})]}


def held(sim: Sim) -> dict[str, dict[str, int]]:
    """Addresses by subnet and consumer."""
    return {s.name: {k: n for k, n in s.used.items() if n} for s in sim.engine.world.subnets}


def usage(result: Result, name: str, consumer: str) -> list[int]:
    """Addresses of a consumer by minute."""
    rows = result.subnet_usage
    rows = rows[(rows.subnet.astype(str) == name) & (rows.consumer.astype(str) == consumer)]
    by_minute = dict(zip((rows.t // 60).astype(int), rows.used, strict=True))
    return [int(by_minute.get(m, 0)) for m in range(int(result.subnet_metrics.t.max() // 60) + 1)]


# -- one address each -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("holders", "expected"),
    [
        pytest.param(
            {"natGateways": [{"natGatewayId": "n", "subnetId": "a"}]},
            {"nat_gateways": 1},
            id="a NAT gateway",
            marks=pytest.mark.rule("NET-033"),
        ),
        pytest.param(
            {"natGateways": [{"natGatewayId": "n", "subnetId": "a", "secondaryPrivateIpAddressCount": 7}]},
            {"nat_gateways": 8},
            id="with seven secondary addresses",
            marks=pytest.mark.rule("NET-033"),
        ),
        pytest.param(
            {
                "vpcEndpoints": [
                    {"serviceName": f"s{i}", "vpcEndpointType": "Interface", "subnetIds": ["a"]} for i in (1, 2)
                ]
            },
            {"vpc_endpoints": 2},
            id="two interface endpoints",
            marks=pytest.mark.rule("NET-033"),
        ),
        pytest.param(
            {"vpcEndpoints": [{"serviceName": f"s{i}", "vpcEndpointType": "Gateway"} for i in (1, 2)]},
            {},
            id="gateway endpoints have none",
            marks=pytest.mark.rule("NET-034"),
        ),
        pytest.param(
            {"loadBalancers": [{"loadBalancerName": "n", "type": "network", "subnets": ["a"]}]},
            {"load_balancers": 1},
            id="an NLB",
            marks=pytest.mark.rule("NET-033", "NET-037"),
        ),
        pytest.param(
            {"loadBalancers": [{"loadBalancerName": "n", "type": "application", "subnets": ["a", "b"]}]},
            {"load_balancers": 2},
            id="an ALB has two in each zone",
            marks=pytest.mark.rule("NET-036"),
        ),
        pytest.param(
            {"mountTargets": [{"fileSystemId": "fs", "subnetId": "a"}]},
            {"mount_targets": 1},
            id="a mount target",
            marks=pytest.mark.rule("NET-033"),
        ),
        pytest.param(
            {"dbProxies": [{"dbProxyName": "p", "vpcSubnetIds": ["a", "b"], "targetInstanceClass": "db.r6g.2xlarge"}]},
            {"rds_proxies": 8},
            id="an RDS proxy of a 2xlarge has 15 over two subnets",
            marks=pytest.mark.rule("NET-038"),
        ),
        pytest.param(
            {"dbProxies": [{"dbProxyName": "p", "vpcSubnetIds": ["a"], "endpoints": 2}]},
            {"rds_proxies": 16},
            id="two further endpoints are six more than ten",
            marks=pytest.mark.rule("NET-038"),
        ),
        pytest.param(
            {
                "dbProxies": [
                    {"dbProxyName": f"p{i}", "vpcSubnetIds": ["a"], "targetInstanceClass": "db.r6g.24xlarge"}
                    for i in range(3)
                ]
            },
            {"rds_proxies": 215},
            id="never more than 215 in a VPC",
            marks=pytest.mark.rule("NET-038"),
        ),
        pytest.param(
            {"autoScalingGroups": [group(3)]}, {"instances": 3}, id="instances", marks=pytest.mark.rule("NET-033")
        ),
    ],
)
def test_what_each_holds(holders: Document, expected: dict[str, int]) -> None:
    sim = Sim(scenario(**holders)).to(1)
    assert held(sim)["a"] == expected
    assert sim.engine.world.subnets[0].pool.free == 251 - sum(expected.values())


@pytest.mark.rule("NET-039")
@pytest.mark.parametrize(
    ("functions", "interfaces"),
    [
        pytest.param([("f", ["x"], 0)], 1, id="one function"),
        pytest.param([("f", ["x"], 0), ("g", ["x"], 0)], 1, id="functions of the same groups share it"),
        pytest.param([("f", ["x", "y"], 0), ("g", ["y", "x"], 0)], 1, id="in whatever order they are written"),
        pytest.param([("f", ["x"], 0), ("g", ["y"], 0)], 2, id="others do not"),
        pytest.param([("f", ["x"], 65_000)], 1, id="65,000 connections"),
        pytest.param([("f", ["x"], 65_001)], 2, id="one more takes another"),
        pytest.param([("f", ["x"], 65_000), ("g", ["x"], 65_000), ("h", ["x"], 1)], 3, id="their connections add up"),
    ],
)
def test_lambda_shares_interfaces(functions: list, interfaces: int) -> None:
    documents = [
        {"functionName": n, "vpcConfig": {"subnetIds": ["a"], "securityGroupIds": groups}, "connections": connections}
        for n, groups, connections in functions
    ]
    assert held(Sim(scenario(functions=documents)).to(1))["a"] == {"lambda": interfaces}


# -- load balancers grow ------------------------------------------------------------------------------------------


def balanced(steps: list[tuple[str, float]], **more: Any) -> Document:
    """Two tasks behind an ALB in two zones, with the request rates that are given."""
    forward = {"type": "forward", "targetGroups": [{"targetGroup": "tg", "weight": 1}]}
    base = scenario(
        duration="40m",
        initialState="steady",
        **VPC,
        targetGroups=[target_group(targetType="ip")],
        loadBalancers=[{"loadBalancerName": "lb", "type": "application", "subnets": ["a", "b"]}],
        listeners=[{"loadBalancer": "lb", "port": 80, "protocol": "HTTP", "defaultActions": [forward]}],
        behaviour={"app": {"request": {"cpuSeconds": 0.00001, "latency": "5ms"}}},
        services=[fargate(count=2, loadBalancers=behind())],
        traffic=[
            {
                "name": "users",
                "to": {"targetGroup": "tg"},
                "pattern": "steps",
                "steps": [{"at": at, "rate": rate} for at, rate in steps],
            }
        ],
    )
    return base | more


@pytest.mark.rule("NET-036")
def test_nodes_come_with_the_load_and_go_a_quarter_of_an_hour_after_it() -> None:
    # 2,000 requests of 5 kB a second are 36 GB an hour, 36 capacity units, which five nodes a zone carry.
    result = run_dict(balanced([("0s", 10), ("5m", 2000), ("10m", 10)]))
    nodes = usage(result, "a", "load_balancers")
    assert nodes[:5] == [2] * 5
    assert nodes[5:24] == [5] * 19
    assert nodes[24:] == [2] * 16
    assert usage(result, "b", "load_balancers") == nodes
    events = result.load_balancer_events
    assert list(events.nodes) == [4, 10, 4]
    assert list(events.t) == [0, 360, 1500]
    assert events.consumed_lcus.iloc[1] == pytest.approx(36)
    # Their addresses cool like any other.
    assert max(usage(result, "a", "cooling")) == 3


SMALL = {"requestSize": "50B", "responseSize": "50B", "requestsPerConnection": 10, "connectionLasts": "1s"}


@pytest.mark.rule("NET-036")
@pytest.mark.parametrize(
    ("rate", "streams", "lcus"),
    [
        pytest.param(1000, [SMALL | {"requestsPerConnection": 1}], 1000 / 25, id="a connection for each request"),
        pytest.param(1000, [SMALL | {"connectionLasts": "1000s"}], 100_000 / 3000, id="connections that stay"),
        pytest.param(1000, [{}], 18, id="5 kB a request are 18 GB an hour"),
        pytest.param(6000, [SMALL], 600 / 25, id="small ones over six hundred connections a second"),
    ],
)
def test_a_load_balancer_grows_with_what_its_streams_say_of_their_requests(
    rate: float, streams: list[Document], lcus: float
) -> None:
    document = balanced([("0s", 1), ("2m", rate)], duration="8m")
    [stream] = document["traffic"]
    document["traffic"] = [stream | {"name": f"users{n}"} | figures for n, figures in enumerate(streams)]
    result = run_dict(document)
    assert result.load_balancer_events.consumed_lcus.iloc[1] == pytest.approx(lcus, rel=0.01)
    assert max(usage(result, "a", "load_balancers")) == max(2, ceil(lcus / 8))


@pytest.mark.rule("NET-036")
def test_a_load_balancer_grows_with_two_kinds_of_requests_by_how_many_of_each_come() -> None:
    """Large requests at 1,000 a second beside small ones at 3,000: 36 GB an hour and hardly any more."""
    document = balanced([("0s", 1), ("2m", 1000)], duration="8m")
    [stream] = document["traffic"]
    many = [{"at": "0s", "rate": 1}, {"at": "2m", "rate": 3000}]
    document["traffic"] = [stream | {"responseSize": "9500B"}, stream | SMALL | {"name": "small", "steps": many}]
    events = run_dict(document).load_balancer_events
    assert events.consumed_lcus.iloc[1] == pytest.approx(36 + 1.08, rel=0.01)


def test_a_target_group_that_a_rule_forwards_to_later_counts_for_growth() -> None:
    document = balanced([("0s", 2000)], duration="12m")
    document["traffic"][0]["to"] = {"listener": "lb:80"}
    document["targetGroups"].append(target_group("other", targetType="ip"))
    document["services"].append(fargate("second", count=2, loadBalancers=behind("other")))
    to_other = [{"type": "forward", "targetGroupArn": "other"}]
    document["timeline"] = [call("4m", "ModifyListener", listenerArn="lb:80", defaultActions=to_other)]
    result = run_dict(document)
    assert usage(result, "a", "load_balancers")[-1] == 5, "it carries as much as before"
    assert set(result.load_balancer_events.nodes.iloc[1:]) == {10}


@pytest.mark.rule("NET-035", "NET-036")
def test_no_load_balancer_grows_beyond_a_hundred_nodes() -> None:
    result = run_dict(balanced([("0s", 60_000)], duration="5m"))
    assert max(usage(result, "a", "load_balancers")) == 50
    assert result.load_balancer_events.nodes.max() == 100


@pytest.mark.rule("NET-036", "NET-035")
def test_a_load_balancer_that_finds_no_address_is_impaired_until_there_is_one() -> None:
    subnets = [subnet("a", cidr="10.0.0.0/24", addressesInUse=200), subnet("b", "us-east-1b", "10.0.1.0/27")]
    document = balanced(
        [("0s", 2000)],
        subnets=subnets,
        timeline=[fault("0s", "addressesTaken", subnet="b", count=24, **{"for": "10m"})],
    )
    result = run_dict(document)
    events = result.load_balancer_events
    assert list(events.state.astype(str)) == ["active", "active_impaired", "active"]
    assert list(events.nodes) == [4, 5 + 3, 5 + 5]
    assert set(events.wanted_nodes.iloc[1:]) == {10}
    # Zone a has its five nodes at once; zone b has what was left, and the rest once there are addresses again.
    assert usage(result, "a", "load_balancers")[1] == 5
    assert usage(result, "b", "load_balancers")[1] == 3
    assert usage(result, "b", "load_balancers")[-1] == 5
    refused = result.subnet_events
    refused = refused[refused.consumer.astype(str) == "load_balancers"]
    assert set(refused.subnet.astype(str)) == {"b"}
    assert set(refused.reason.astype(str)) == {"InsufficientFreeAddressesInSubnet"}
    found = [f for f in summary(result)["findings"] if f["what"] == "loadBalancer.impaired"]
    assert [f["of"] for f in found] == ["lb"]


@pytest.mark.rule("NET-037")
def test_an_nlb_keeps_its_one_address_whatever_it_carries() -> None:
    document = balanced([("0s", 5000)], duration="5m")
    document["loadBalancers"][0]["type"] = "network"
    document["listeners"][0]["protocol"] = "TCP"
    assert set(usage(run_dict(document), "a", "load_balancers")) == {1}


# -- blocks, IPv6 ---------------------------------------------------------------------------------------------------


@pytest.mark.rule("NET-032", "NET-044")
def test_a_secondary_block_helps_a_service_that_is_given_its_subnet() -> None:
    document = scenario(
        duration="20m",
        **VPC,
        vpcs=[{"vpcId": "vpc", "cidrBlock": "10.0.0.0/24", "cidrBlocks": ["100.64.0.0/16"]}],
        subnets=[
            subnet("a", cidr="10.0.0.0/28", addressesInUse=8, vpcId="vpc"),
            subnet("more", cidr="100.64.0.0/20", vpcId="vpc"),
        ],
        services=[fargate(count=6)],
        timeline=[
            call("5m", "UpdateService", cluster="prod", service="web", networkConfiguration=awsvpc("a", "more")),
        ],
    )
    sim = Sim(document).to(299)
    # Only three fit; the rest fail again and again, and the new block alone changes nothing.
    assert sim.statuses().count("RUNNING") == 3
    deployments = len(sim.service().deployments)
    sim.to(301)
    assert len(sim.service().deployments) == deployments + 1
    result = sim.finish()
    assert result.service_metrics.running_count.iloc[-1] == 6
    there = result.tasks[result.tasks.stopped_at.isna()]
    addresses = [IPv4Address(a) for a in there.private_ip.astype(str)]
    assert any(a in IPv4Network("100.64.0.0/20") for a in addresses)


def six(name: str = "v6", zone: str = "us-east-1a") -> Document:
    return {"subnetId": name, "availabilityZone": zone, "ipv6Native": True, "ipv6CidrBlock": "2600:1f00::/64"}


def addresses(sim: Sim) -> list[tuple[str | None, str | None]]:
    """IPv4 and IPv6 address of each task, as DescribeTasks shows them."""
    from ecssim.engine.describe_tasks import _addresses

    shown = [_addresses(sim.engine, task) for task in sim.tasks()]
    return [(a.get("privateIpv4Address"), a.get("ipv6Address")) for a in shown]


@pytest.mark.rule("NET-046")
@pytest.mark.parametrize("where", ["Fargate", "EC2"])
def test_tasks_of_an_ipv6_only_subnet_use_no_ipv4_address(where: str) -> None:
    network = {"networkConfiguration": awsvpc("v6")}
    services = [fargate(count=2, **network) if where == "Fargate" else service(count=2, **network)]
    document = scenario(
        duration="10m",
        **VPC,
        subnets=[subnet("a"), six()],
        autoScalingGroups=[group(1, subnets=["v6"])],
        services=services,
        timeline=[call("5m", "UpdateService", cluster="prod", service="web", desiredCount=0)],
    )
    sim = Sim(document).to(290)
    assert sim.statuses() == ["RUNNING", "RUNNING"]
    assert held(sim) == {"a": {}, "v6": {}}
    shown = addresses(sim)
    assert [a for a, _ in shown] == [None, None]
    assert all(IPv6Address(b) in IPv6Network("2600:1f00::/64") for _, b in shown)
    assert len({b for _, b in shown}) == 2
    result = sim.finish()
    assert result.tasks.private_ip.isna().all()
    assert result.tasks.address_freed_at.isna().all()
    assert set(result.subnet_metrics.subnet.astype(str)) == {"a"}
    assert sim.engine.subnets.interfaces == 1


@pytest.mark.rule("NET-045")
@pytest.mark.parametrize(
    ("more", "ipv6"),
    [
        pytest.param({}, True, id="by default"),
        pytest.param({"account": {"settings": {"dualStackIPv6": "enabled"}}}, True, id="switched on"),
        pytest.param({"account": {"settings": {"dualStackIPv6": "disabled"}}}, False, id="switched off"),
        pytest.param({"subnets": [subnet("a")]}, False, id="without an IPv6 block"),
        pytest.param({"agent": "1.44.4"}, False, id="an agent that is too old"),
        pytest.param({"agent": "1.45.0"}, True, id="the first agent that can"),
    ],
)
def test_dual_stack_adds_an_ipv6_address_and_still_uses_one_of_ipv4(more: dict, ipv6: bool) -> None:
    more = dict(more)
    agent = {"agent": {"version": more.pop("agent")}} if "agent" in more else {}
    document = scenario(
        **VPC,
        **{"subnets": [subnet("a", ipv6CidrBlock="2600:1f00::/64")]} | more,
        autoScalingGroups=[group(1, **agent)],
        services=[service(networkConfiguration=awsvpc())],
    )
    sim = Sim(document).to(120)
    assert sim.statuses() == ["RUNNING"]
    assert held(sim)["a"] == {"instances": 1, "tasks": 1}
    ((ipv4, got),) = addresses(sim)
    assert ipv4 is not None
    assert (got is not None) == ipv6


@pytest.mark.rule("NET-045")
def test_windows_on_instances_has_no_ipv6() -> None:
    definition = task_definition(
        networkMode="awsvpc", runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}
    )
    sim = Sim(
        scenario(
            subnets=[subnet("a", ipv6CidrBlock="2600:1f00::/64")],
            taskDefinitions=[definition],
            services=[fargate()],
        )
    ).to(5)
    assert addresses(sim)[0][1] is None


# -- where there is nothing left ------------------------------------------------------------------------------------


@pytest.mark.rule("NET-052")
def test_a_full_subnet_stops_launches_of_instances_and_tasks_on_them() -> None:
    document = scenario(
        duration="20m",
        **VPC,
        subnets=[subnet("a", cidr="10.0.0.0/28", addressesInUse=7), subnet("b", "us-east-1b", "10.0.1.0/24")],
        autoScalingGroups=[group(3)],
        services=[service(count=4, networkConfiguration=awsvpc("a"))],
    )
    sim = Sim(document).to(100)
    assert held(sim)["a"] == {"declared": 7, "instances": 3, "tasks": 1}
    # There are slots for five more tasks; what is missing are addresses.
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=5)
    sim.to(600)
    assert len(sim.engine.world.instances) == 3
    result = sim.finish()
    refused = result.subnet_events
    assert set(refused.reason.astype(str)) == {"InsufficientFreeAddressesInSubnet"}
    assert {"tasks", "instances"} <= set(refused.consumer.astype(str))
    failed = result.tasks[result.tasks.stop_code.astype(str) == "TaskFailedToStart"]
    assert len(failed) >= 3
    # What a Fargate task says of a public address has no place here.
    assert set(failed.stopped_reason.astype(str)) == {
        "Unexpected EC2 error while attempting to Create Network Interface in subnet 'a': "
        "InsufficientFreeAddressesInSubnet"
    }
    assert result.service_metrics.running_count.max() == 1
    # The scheduler tries again with longer and longer waits, and says that it cannot start tasks (SVC-040).
    assert "SERVICE_TASK_START_IMPAIRED" in set(result.service_events.event_name.astype(str))


@pytest.mark.rule("NET-052", "NET-018")
def test_an_instance_with_a_trunk_needs_two_free_addresses() -> None:
    for free, launched in ((2, 1), (1, 0)):
        document = scenario(
            subnets=[subnet("a", cidr="10.0.0.0/28", addressesInUse=11 - free)],
            account={"settings": {"awsvpcTrunking": "enabled"}},
            autoScalingGroups=[group(1)],
        )
        assert len(Sim(document).to(30).engine.world.instances) == launched


@pytest.mark.rule("NET-070")
def test_the_region_has_so_many_interfaces() -> None:
    document = scenario(
        duration="20m",
        **VPC,
        account={"quotas": {"networkInterfacesPerRegion": 9}},
        natGateways=[{"natGatewayId": "n", "subnetId": "b", "secondaryPrivateIpAddressCount": 7}],
        vpcEndpoints=[{"serviceName": "s", "vpcEndpointType": "Interface", "subnetIds": ["a", "b"]}],
        loadBalancers=[{"loadBalancerName": "n", "type": "network", "subnets": ["a"]}],
        autoScalingGroups=[group(1)],
        services=[fargate(count=7)],
    )
    sim = Sim(document).to(60)
    # A NAT gateway is one interface with eight addresses; endpoints, load balancer and instance have four.
    assert sim.engine.subnets.interfaces == 9
    assert sim.statuses().count("RUNNING") == 4
    result = sim.finish()
    failed = result.tasks[result.tasks.stop_code.astype(str) == "TaskFailedToStart"]
    assert all(str(reason).endswith("in subnet 'a': NetworkInterfaceLimitExceeded") for reason in failed.stopped_reason)
    findings = {f["what"] for f in summary(result)["findings"]}
    assert "account.networkInterfaces" in findings
    assert "subnet.exhausted" not in findings


@pytest.mark.rule("NET-070")
@pytest.mark.parametrize(("trunking", "interfaces"), [("disabled", 2 + 3), ("enabled", 4 + 3)])
def test_trunks_and_branches_count_as_one_each(trunking: str, interfaces: int) -> None:
    document = scenario(
        **VPC,
        account={"settings": {"awsvpcTrunking": trunking}},
        autoScalingGroups=[group(2)],
        services=[service(count=3, networkConfiguration=awsvpc())],
    )
    sim = Sim(document).to(200)
    assert sim.statuses() == ["RUNNING"] * 3
    assert sim.engine.subnets.interfaces == interfaces


@pytest.mark.rule("NET-070")
@pytest.mark.parametrize(("base", "most"), [("new", 5000), ("mature", float("inf"))])
def test_the_quota_of_a_new_account(base: str, most: float) -> None:
    assert Sim(scenario(account={"quotas": base})).engine.subnets.most_interfaces == most
