"""What ``check`` says about blocks, quotas and holders of addresses, and about IPv6."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from builders import Document, awsvpc, behind, fargate, group, scenario, service, subnet, target_group, task_definition

from ecssim.aws.address_usage import UNITS, address_units
from ecssim.errors import BadInput
from ecssim.scenario.check_addresses import usage_counts
from ecssim.scenario.load import load_mapping
from ecssim.scenario.names import Names

NEW = {"quotas": "new"}


def said(document: Document) -> list[tuple[str | None, str]]:
    """``(rule, message)`` of every error, or of every warning of a scenario without errors."""
    try:
        loaded = load_mapping(document)
    except BadInput as error:
        return [(p.rule, p.message) for p in error.problems if p.severity == "error"]
    return [(p.rule, p.message) for p in loaded.warnings]


def rules(document: Document) -> list[str]:
    """The rules about networks that are said to be broken."""
    return [rule for rule, _ in said(document) if rule is not None and rule.startswith("NET-")]


def balancer(name: str = "lb", type: str = "application", **more: Any) -> Document:
    return {"loadBalancerName": name, "type": type, "subnets": ["a", "b"], **more}


def six(name: str, zone: str = "us-east-1a", block: str = "2600:1f00::/64") -> Document:
    """An IPv6-only subnet."""
    return {"subnetId": name, "availabilityZone": zone, "ipv6Native": True, "ipv6CidrBlock": block}


TWO = [subnet("a", "us-east-1a", "10.0.0.0/24"), subnet("b", "us-east-1b", "10.0.1.0/24")]


# -- blocks of a VPC ------------------------------------------------------------------------------------------


@pytest.mark.rule("NET-030", "NET-032")
@pytest.mark.parametrize(
    ("vpc", "subnets", "rule"),
    [
        pytest.param({"cidrBlock": "10.0.0.0/16"}, TWO, None, id="the primary block"),
        pytest.param(
            {"cidrBlock": "10.0.0.0/24", "cidrBlocks": ["10.0.1.0/24"]}, TWO, None, id="a secondary block takes one"
        ),
        pytest.param(
            {
                "CidrBlock": "10.0.0.0/24",
                "CidrBlockAssociationSet": [{"CidrBlock": "10.0.0.0/24"}, {"CidrBlock": "10.0.1.0/24"}],
            },
            TWO,
            None,
            id="as DescribeVpcs shows it, the primary one twice",
        ),
        pytest.param({"cidrBlock": "10.0.0.0/24"}, TWO, "NET-030", id="a subnet outside of all blocks"),
        pytest.param({"cidrBlock": "10.0.0.0/15"}, [], "NET-030", id="a block that is too large"),
        pytest.param({"cidrBlock": "10.0.0.0/29"}, [], "NET-030", id="a block that is too small"),
        pytest.param(
            {"cidrBlock": "10.0.0.0/16", "cidrBlocks": ["10.0.128.0/17"]}, [], "NET-032", id="a block inside another"
        ),
        pytest.param(
            {"cidrBlock": "10.0.0.0/16", "cidrBlocks": ["100.64.0.0/16"]},
            [*TWO, subnet("c", "us-east-1a", "100.64.7.0/24")],
            None,
            id="the usual remedy",
        ),
        pytest.param(
            {"cidrBlock": "10.0.0.0/16"},
            [subnet("a", "us-east-1a", "10.0.0.0/24"), subnet("b", "us-east-1b", "10.0.0.128/25")],
            "NET-030",
            id="subnets that overlap",
        ),
        pytest.param(
            {"cidrBlock": "10.0.0.0/16"}, [subnet("a", "us-west-2a", "10.0.0.0/24")], "NET-030", id="another Region"
        ),
    ],
)
def test_blocks_of_a_vpc_and_its_subnets(vpc: Document, subnets: list, rule: str | None) -> None:
    placed = [s | {"vpcId": "vpc"} for s in subnets]
    assert rules(scenario(vpcs=[{"vpcId": "vpc"} | vpc], subnets=placed or TWO)) == ([] if rule is None else [rule])


@pytest.mark.rule("NET-032")
@pytest.mark.parametrize(
    ("account", "blocks", "refused"),
    [
        pytest.param(NEW, 5, False, id="five in a new account"),
        pytest.param(NEW, 6, True, id="six in a new account"),
        pytest.param({"quotas": "mature"}, 50, False, id="fifty are the most"),
        pytest.param({"quotas": "mature"}, 51, True, id="for everybody"),
        pytest.param({"quotas": {"base": "new", "ipv4BlocksPerVpc": 6}}, 6, False, id="a quota that was raised"),
    ],
)
def test_a_vpc_has_so_many_blocks(account: Document, blocks: int, refused: bool) -> None:
    vpc = {"vpcId": "vpc", "cidrBlock": "10.0.0.0/16", "cidrBlocks": [f"10.{i}.0.0/16" for i in range(1, blocks)]}
    assert rules(scenario(account=account, vpcs=[vpc])) == (["NET-032"] if refused else [])


# -- address usage ----------------------------------------------------------------------------------------------


@pytest.mark.rule("NET-047")
def test_units_of_a_vpc_are_counted_by_what_stands_in_it() -> None:
    document = scenario(
        account={"settings": {"awsvpcTrunking": "enabled"}},
        autoScalingGroups=[group(2, maxSize=10)],
        taskDefinitions=[task_definition(networkMode="awsvpc")],
        services=[
            service("one", 7, networkConfiguration=awsvpc("a")),
            fargate("two", 9, networkConfiguration=awsvpc("a", "b")),
        ],
        natGateways=[{"natGatewayId": "n", "subnetId": "a"}],
        vpcEndpoints=[{"serviceName": "ecr", "vpcEndpointType": "Interface", "subnetIds": ["a", "b"]}],
        loadBalancers=[balancer("nlb", "network"), balancer()],
        functions=[{"functionName": "f", "vpcConfig": {"subnetIds": ["a"], "securityGroupIds": []}}],
        mountTargets=[{"fileSystemId": "fs", "subnetId": "a"}],
    )
    (counts,) = usage_counts(Names(load_mapping(document).scenario)).values()
    assert counts == Counter(
        instances=10, trunks=10, tasks_on_instances=7, tasks_on_fargate=9, nat_gateways=1, vpc_endpoints=2,
        network_load_balancers=2, mount_targets=1, **{"lambda": 1},
    )  # fmt: skip
    # An address on an interface 1, an additional interface 1; what AWS counts six times a zone, six.
    assert address_units(counts) == 10 + 10 + 2 * 7 + 9 + 6 * (1 + 2 + 2 + 1 + 1)
    assert {kind for kind, units in UNITS.items() if units == 6} == {
        "network_load_balancers", "vpc_endpoints", "nat_gateways", "lambda", "mount_targets",
    }  # fmt: skip


@pytest.mark.rule("NET-047")
@pytest.mark.parametrize(("most", "warned"), [(45, True), (46, False)])
def test_a_vpc_beyond_its_units_is_a_warning(most: int, warned: bool) -> None:
    document = scenario(
        account={"quotas": {"networkAddressUnitsPerVpc": most}},
        taskDefinitions=[task_definition(networkMode="awsvpc", requiresCompatibilities=["FARGATE"])],
        services=[fargate(count=40)],
        natGateways=[{"natGatewayId": "n", "subnetId": "a"}],
    )
    assert rules(document) == (["NET-047"] if warned else [])


# -- who wants room ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            {"subnets": [subnet("a", "us-east-1a", "10.0.0.0/28"), TWO[1]], "loadBalancers": [balancer()]},
            ["NET-035"],
            id="an ALB in a 28",
            marks=pytest.mark.rule("NET-035"),
        ),
        pytest.param(
            {"subnets": [subnet("a", "us-east-1a", "10.0.0.0/27"), TWO[1]], "loadBalancers": [balancer()]},
            [],
            id="an ALB in a 27",
            marks=pytest.mark.rule("NET-035"),
        ),
        pytest.param(
            {
                "subnets": [subnet("a", "us-east-1a", "10.0.0.0/27", addressesInUse=19), TWO[1]],
                "loadBalancers": [balancer()],
            },
            [],
            id="an ALB with eight free addresses",
            marks=pytest.mark.rule("NET-035"),
        ),
        pytest.param(
            {
                "subnets": [subnet("a", "us-east-1a", "10.0.0.0/27", addressesInUse=19), TWO[1]],
                "loadBalancers": [balancer()],
                "natGateways": [{"natGatewayId": "n", "subnetId": "a"}],
            },
            ["NET-035"],
            id="and seven once a NAT gateway has one",
            marks=pytest.mark.rule("NET-035", "NET-033"),
        ),
        pytest.param(
            {
                "subnets": [subnet("a", "us-east-1a", "10.0.0.0/27", addressesInUse=19), TWO[1]],
                "loadBalancers": [balancer()],
                "vpcEndpoints": [{"serviceName": "s3", "vpcEndpointType": "Gateway"}],
            },
            [],
            id="a gateway endpoint has none",
            marks=pytest.mark.rule("NET-034"),
        ),
        pytest.param(
            {
                "subnets": [subnet("a", "us-east-1a", "10.0.0.0/27", addressesInUse=18), TWO[1]],
                "loadBalancers": [balancer("one"), balancer("two")],
            },
            ["NET-035"],
            id="a second ALB beside the two nodes of the first",
            marks=pytest.mark.rule("NET-035"),
        ),
        pytest.param(
            {"subnets": TWO, "loadBalancers": [balancer(subnets=["a"])]},
            ["NET-035"],
            id="an ALB in one zone",
            marks=pytest.mark.rule("NET-035"),
        ),
        pytest.param(
            {
                "subnets": [subnet("a", "us-east-1a", "10.0.0.0/28"), TWO[1]],
                "loadBalancers": [balancer(type="network")],
            },
            [],
            id="an NLB in a 28",
            marks=pytest.mark.rule("NET-037"),
        ),
        pytest.param(
            {
                "subnets": [subnet("a", "us-east-1a", "10.0.0.0/28", addressesInUse=4), TWO[1]],
                "loadBalancers": [balancer(type="network")],
            },
            ["NET-037"],
            id="an NLB wants eight free addresses, too",
            marks=pytest.mark.rule("NET-037"),
        ),
        pytest.param(
            {
                "subnets": [subnet("a", "us-east-1a", "10.0.0.0/28", addressesInUse=4), TWO[1]],
                "loadBalancers": [
                    {
                        "loadBalancerName": "nlb",
                        "type": "network",
                        "scheme": "internal",
                        "subnetMappings": [{"subnetId": "a", "privateIPv4Address": "10.0.0.9"}, {"subnetId": "b"}],
                    }
                ],
            },
            [],
            id="but not where it brings its own",
            marks=pytest.mark.rule("NET-037"),
        ),
    ],
)
def test_a_load_balancer_wants_room_in_each_subnet(document: Document, expected: list) -> None:
    assert rules(scenario(**document)) == expected


@pytest.mark.rule("NET-038")
@pytest.mark.parametrize(
    ("kind", "endpoints", "in_use", "warned"),
    [
        pytest.param("db.r6g.xlarge", 0, 246, False, id="xlarge and smaller want ten"),
        pytest.param("db.r6g.xlarge", 0, 247, True, id="and not nine"),
        pytest.param("db.r6g.2xlarge", 0, 243, False, id="2xlarge 15"),
        pytest.param("db.r6g.2xlarge", 0, 244, True, id="2xlarge not 14"),
        pytest.param("db.r6g.24xlarge", 0, 196, False, id="24xlarge 110"),
        pytest.param("db.r6g.24xlarge", 0, 197, True, id="24xlarge not 108"),
        pytest.param("db.r6g.large", 2, 243, False, id="two further endpoints make 16"),
        pytest.param("db.r6g.large", 2, 244, True, id="and not 14"),
    ],
)
def test_an_rds_proxy_wants_free_addresses_by_its_size(kind: str, endpoints: int, in_use: int, warned: bool) -> None:
    proxy = {"dbProxyName": "p", "vpcSubnetIds": ["a", "b"], "targetInstanceClass": kind, "endpoints": endpoints}
    subnets = [s | {"addressesInUse": in_use} for s in TWO]
    got = set(rules(scenario(subnets=subnets, dbProxies=[proxy])))
    assert got == ({"NET-038"} if warned else set())


@pytest.mark.rule("NET-038")
def test_an_rds_proxy_is_in_two_zones() -> None:
    assert rules(scenario(dbProxies=[{"DBProxyName": "p", "VpcSubnetIds": ["a"]}])) == ["NET-038"]


def test_holders_name_subnets_that_are_there() -> None:
    messages = [
        message
        for _, message in said(
            scenario(
                dbProxies=[{"dbProxyName": "p", "vpcSubnetIds": ["a", "bb"]}],
                functions=[{"functionName": "f", "vpcConfig": {"subnetIds": ["c"], "securityGroupIds": []}}],
                mountTargets=[{"fileSystemId": "fs", "subnetId": "d"}],
            )
        )
    ]
    assert [m.split(";")[0] for m in messages] == [f"there is no subnet {name!r}" for name in ("bb", "c", "d")]


# -- what cannot trunk, ports -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "subnets", "expected"),
    [
        pytest.param({}, TWO, [], id="an m5.large trunks", marks=pytest.mark.rule("NET-023")),
        pytest.param({"type": "t3.large"}, TWO, ["NET-015"], id="a t3 never", marks=pytest.mark.rule("NET-015")),
        pytest.param({"type": "c5.metal"}, TWO, ["NET-016"], id="excluded", marks=pytest.mark.rule("NET-016")),
        pytest.param({"agent": {"version": "1.28.0"}}, TWO, ["NET-017"], id="old", marks=pytest.mark.rule("NET-017")),
        pytest.param(
            {},
            [TWO[0] | {"ownerId": "210987654321"}, TWO[1]],
            ["NET-017"],
            id="shared",
            marks=pytest.mark.rule("NET-017"),
        ),
    ],
)
def test_what_cannot_trunk_is_said_where_trunking_is_on(more: Document, subnets: list, expected: list) -> None:
    on = scenario(
        account={"settings": {"awsvpcTrunking": "enabled"}}, subnets=subnets, autoScalingGroups=[group(1, **more)]
    )
    assert rules(on) == expected
    assert rules(on | {"account": {}}) == []


@pytest.mark.rule("NET-006")
@pytest.mark.parametrize(
    ("port", "agent", "more", "warned"),
    [
        pytest.param(32767, {}, {}, False, id="below the range of Linux"),
        pytest.param(32768, {}, {}, True, id="its first"),
        pytest.param(60999, {}, {}, True, id="its last"),
        pytest.param(61000, {}, {}, False, id="above it"),
        pytest.param(40000, {"ECS_DYNAMIC_HOST_PORT_RANGE": "50000-60000"}, {}, False, id="outside the agent's own"),
        pytest.param(50000, {"ECS_DYNAMIC_HOST_PORT_RANGE": "50000-60000"}, {}, True, id="inside it"),
        pytest.param(40000, {}, {"networkMode": "host"}, False, id="host mode has no dynamic ports"),
    ],
)
def test_a_static_port_in_the_dynamic_range_is_a_warning(port: int, agent: dict, more: dict, warned: bool) -> None:
    container_port = port if more else 80
    definition = task_definition(
        container={"portMappings": [{"containerPort": container_port, "hostPort": port}]}, **more
    )
    document = scenario(taskDefinitions=[definition], autoScalingGroups=[group(1, agent=agent)])
    assert rules(document) == (["NET-006"] if warned else [])


# -- IPv6 ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule("NET-045", "NET-046")
@pytest.mark.parametrize(
    ("vpc", "one", "rule"),
    [
        pytest.param({}, six("v"), None, id="an IPv6-only subnet"),
        pytest.param({}, subnet("v", ipv6CidrBlock="2600:1f00::/64", cidr="10.0.7.0/24"), None, id="dual stack"),
        pytest.param({}, six("v", block="2600:1f00::/63"), "NET-045", id="no multiple of four"),
        pytest.param({}, six("v", block="2600:1f00::1/64"), "NET-045", id="a block that begins inside one"),
        pytest.param({}, six("v") | {"cidrBlock": "10.0.7.0/24"}, "NET-046", id="both only and not only IPv6"),
        pytest.param({}, six("v") | {"addressesInUse": 3}, "NET-046", id="IPv4 addresses in use"),
        pytest.param(
            {}, {"subnetId": "v", "availabilityZone": "us-east-1a", "ipv6Native": True}, "NET-046", id="without a block"
        ),
        pytest.param({}, {"subnetId": "v", "availabilityZone": "us-east-1a"}, "NET-030", id="nothing at all"),
        pytest.param({"ipv6CidrBlock": "2600:1f00::/56"}, six("v"), None, id="inside the block of its VPC"),
        pytest.param({"ipv6CidrBlock": "2600:1f01::/56"}, six("v"), "NET-045", id="outside of it"),
        pytest.param({"cidrBlock": "10.0.0.0/16"}, six("v"), "NET-045", id="in a VPC without IPv6"),
    ],
)
def test_ipv6_blocks(vpc: Document, one: Document, rule: str | None) -> None:
    vpcs = [{"vpcId": "vpc", "cidrBlock": "10.0.0.0/16", **vpc}] if vpc else []
    subnets = [*TWO, one | ({"vpcId": "vpc"} if vpc else {})]
    assert rules(scenario(vpcs=vpcs, subnets=subnets)) == ([] if rule is None else [rule])


@pytest.mark.rule("NET-046")
@pytest.mark.parametrize(
    ("balancer_type", "group_type", "problems"),
    [
        pytest.param("dualstack", "ipv6", 0, id="dual stack with IPv6 targets"),
        pytest.param(None, "ipv6", 1, id="a load balancer of IPv4"),
        pytest.param("dualstack", None, 1, id="targets of IPv4"),
        pytest.param("ipv4", "ipv4", 2, id="neither"),
    ],
)
def test_tasks_of_ipv6_only_subnets_want_a_dual_stack_load_balancer(
    balancer_type: str | None, group_type: str | None, problems: int
) -> None:
    definition = task_definition(
        networkMode="awsvpc", requiresCompatibilities=["FARGATE"], container={"portMappings": [{"containerPort": 80}]}
    )
    forward = {"type": "forward", "targetGroups": [{"targetGroup": "tg", "weight": 1}]}
    document = scenario(
        subnets=[*TWO, six("v")],
        taskDefinitions=[definition],
        targetGroups=[target_group(targetType="ip", **({"ipAddressType": group_type} if group_type else {}))],
        loadBalancers=[balancer(**({"ipAddressType": balancer_type} if balancer_type else {}))],
        listeners=[{"loadBalancer": "lb", "port": 80, "protocol": "HTTP", "defaultActions": [forward]}],
        services=[fargate(networkConfiguration=awsvpc("v"), loadBalancers=behind())],
    )
    assert rules(document) == ["NET-046"] * problems


@pytest.mark.rule("NET-046")
def test_what_needs_ipv4_cannot_be_in_an_ipv6_only_subnet() -> None:
    document = scenario(
        subnets=[*TWO, six("v", "us-east-1c")],
        natGateways=[{"natGatewayId": "n", "subnetId": "v"}],
        loadBalancers=[balancer(subnets=["a", "v"])],
    )
    assert rules(document) == ["NET-046", "NET-046"]


@pytest.mark.rule("NET-045")
def test_windows_tasks_have_no_ipv6() -> None:
    definition = task_definition(
        networkMode="awsvpc",
        cpu="1024",
        memory="2048",
        requiresCompatibilities=["FARGATE"],
        runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
    )
    services = [fargate(networkConfiguration=awsvpc("v"))]
    document = scenario(subnets=[*TWO, six("v")], taskDefinitions=[definition], services=services)
    assert rules(document) == ["NET-045"]


# -- awsvpcConfiguration --------------------------------------------------------------------------------------------


@pytest.mark.rule("NET-040")
@pytest.mark.parametrize(
    ("network", "refused"),
    [
        pytest.param({"subnets": [f"s{i}" for i in range(16)]}, False, id="16 subnets"),
        pytest.param({"subnets": [f"s{i}" for i in range(17)]}, True, id="17 subnets"),
        pytest.param({"subnets": []}, True, id="no subnet"),
        pytest.param({"subnets": ["s0"], "securityGroups": [f"sg-{i}" for i in range(5)]}, False, id="five groups"),
        pytest.param({"subnets": ["s0"], "securityGroups": [f"sg-{i}" for i in range(6)]}, True, id="six groups"),
        pytest.param({"subnets": ["s0"]}, False, id="no group: the VPC's default"),
        pytest.param({"subnets": ["s0", "s0"]}, True, id="one subnet twice"),
        pytest.param({"subnets": ["s0", "other"]}, True, id="two VPCs"),
    ],
)
def test_subnets_and_security_groups_of_a_service(network: Document, refused: bool) -> None:
    vpcs = [{"vpcId": "one", "cidrBlock": "10.0.0.0/16"}, {"vpcId": "two", "cidrBlock": "10.1.0.0/16"}]
    subnets = [subnet(f"s{i}", "us-east-1a", f"10.0.{i}.0/24", vpcId="one") for i in range(17)]
    subnets.append(subnet("other", "us-east-1a", "10.1.0.0/24", vpcId="two"))
    groups = [{"groupId": f"sg-{i}", "vpcId": "one"} for i in range(6)]
    document = scenario(
        vpcs=vpcs,
        subnets=subnets,
        securityGroups=groups,
        taskDefinitions=[task_definition(networkMode="awsvpc", requiresCompatibilities=["FARGATE"])],
        services=[fargate(networkConfiguration={"awsvpcConfiguration": network})],
    )
    problems = {rule for rule, _ in said(document)} & {"NET-040", "QUOTA-009"}
    assert bool(problems) is refused


@pytest.mark.rule("NET-008")
@pytest.mark.parametrize(("mode", "target", "refused"), [("awsvpc", "instance", True), ("awsvpc", "ip", False)])
def test_awsvpc_services_have_ip_targets(mode: str, target: str, refused: bool) -> None:
    definition = task_definition(
        networkMode=mode, requiresCompatibilities=["FARGATE"], container={"portMappings": [{"containerPort": 80}]}
    )
    forward = {"type": "forward", "targetGroups": [{"targetGroup": "tg", "weight": 1}]}
    document = scenario(
        taskDefinitions=[definition],
        targetGroups=[target_group(targetType=target)],
        loadBalancers=[balancer()],
        listeners=[{"loadBalancer": "lb", "port": 80, "protocol": "HTTP", "defaultActions": [forward]}],
        services=[fargate(loadBalancers=behind())],
    )
    assert rules(document) == (["NET-008"] if refused else [])


@pytest.mark.rule("NET-005")
def test_mode_none_has_no_port_mappings() -> None:
    definition = task_definition(networkMode="none", container={"portMappings": [{"containerPort": 80}]})
    assert rules(scenario(taskDefinitions=[definition])) == ["NET-005"]


@pytest.mark.rule("NET-001")
def test_a_mode_that_does_not_exist_and_a_fargate_definition_without_awsvpc_are_refused() -> None:
    assert len(said(scenario(taskDefinitions=[task_definition(networkMode="nat")]))) == 1
    bridge = task_definition(networkMode="bridge", requiresCompatibilities=["FARGATE"])
    assert any("awsvpc" in message for _, message in said(scenario(taskDefinitions=[bridge])))
