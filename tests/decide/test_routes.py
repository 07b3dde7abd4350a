"""Which way a packet takes: one VPC with public and private subnets, its endpoints and its security groups."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from ecssim.decide.routes import (
    ANYWHERE,
    GATEWAY_SERVICES,
    Endpoint,
    Group,
    Kind,
    Nat,
    NetworkMap,
    Permission,
    Place,
    Source,
    Table,
    way,
)

HTTPS = {"protocol": "tcp", "first": 443, "last": 443}
WORLD = IPv4Network("0.0.0.0/0")


def block(text: str) -> IPv4Network:
    return IPv4Network(text)


PLACES = {
    name: Place(name, zone, "vpc", table, block(cidr))
    for name, zone, table, cidr in (
        ("public", "a", "rt-public", "10.0.0.0/24"),
        ("private", "b", "rt-nat", "10.0.1.0/24"),
        ("closed", "b", "", "10.0.2.0/24"),
        ("dead", "b", "rt-dead", "10.0.3.0/24"),
        ("transit", "b", "rt-tgw", "10.0.4.0/24"),
        ("wrong", "b", "rt-wrong", "10.0.5.0/24"),
        ("shut", "b", "rt-shut", "10.0.6.0/24"),
    )
}
TABLES = {
    t.name: t
    for t in (
        Table("rt-public", "igw-1", Kind.INTERNET_GATEWAY),
        Table("rt-nat", "nat-1", Kind.NAT),
        Table("rt-dead", "nat-1", Kind.NAT, blackhole=True),
        Table("rt-tgw", "tgw-1", Kind.OTHER),
        Table("rt-wrong", "nat-2", Kind.NAT),
        Table("rt-shut", "nat-3", Kind.NAT),
    )
}
NATS = {
    "nat-1": Nat("nat-1", "public"),
    "nat-2": Nat("nat-2", "closed"),
    "nat-3": Nat("nat-3", "public", public=False),
}
MAP = NetworkMap(frozenset({"vpc"}), PLACES, TABLES, NATS)
ECR = Endpoint("vpce-ecr", "ecr.dkr", False, (block("10.0.9.0/24"),))
S3 = Endpoint("vpce-s3", "s3", True, tables=frozenset({"", "rt-nat"}))


def with_endpoints(*endpoints: Endpoint, **more: object) -> NetworkMap:
    return replace(MAP, endpoints={"vpc": endpoints}, **more)  # type: ignore[arg-type]


@pytest.mark.rule("NET-081")
@pytest.mark.parametrize(
    ("source", "kind", "name", "missing"),
    [
        (Source("public", public=True), Kind.INTERNET_GATEWAY, "igw-1", ""),
        (Source("public"), Kind.NONE, "", "without a public address nothing gets through igw-1"),
        (Source("private"), Kind.NAT, "nat-1", ""),
        (
            Source("closed"),
            Kind.NONE,
            "",
            "subnet closed uses the main route table of vpc, which has no route to an internet or",
        ),
        (Source("closed", public=True), Kind.NONE, "", "has no route to an internet or NAT gateway"),
        (Source("dead"), Kind.NONE, "", "leads to nat-1, which is a blackhole"),
        (Source("transit"), Kind.OTHER, "tgw-1", ""),
        (Source("wrong"), Kind.NONE, "", "nat-2 stands in subnet closed, and the main route table of vpc"),
        (Source("shut"), Kind.NONE, "", "nat-3 is a private NAT gateway"),
    ],
)
def test_the_internet_is_reached_over_what_the_default_route_leads_to(source, kind, name, missing):
    found = way(MAP, source, "internet")
    assert (found.kind, found.name) == (kind, name)
    assert missing in found.missing
    assert bool(found.missing) == (not found.open)


def test_a_nat_gateway_knows_its_zone():
    assert way(MAP, Source("private"), "internet").zone == "a"


@pytest.mark.parametrize("service", ["internet", "ecr.api"])
def test_of_a_vpc_without_described_routes_everything_is_reachable(service):
    assert way(replace(MAP, described=frozenset()), Source("closed"), service) == ANYWHERE
    assert way(MAP, Source("elsewhere"), service) == ANYWHERE


@pytest.mark.rule("NET-082", "NET-084")
@pytest.mark.parametrize(
    ("source", "service", "endpoints", "kind", "missing"),
    [
        ("closed", "ecr.dkr", (ECR,), Kind.ENDPOINT, ""),
        ("closed", "ecr.api", (ECR,), Kind.NONE, "has no endpoint for ecr.api"),
        ("closed", "internet", (ECR, S3), Kind.NONE, "has no route to an internet or NAT gateway"),
        # The name of a service with a private DNS name leads to the endpoint wherever the subnet is.
        ("private", "ecr.dkr", (ECR,), Kind.ENDPOINT, ""),
        ("private", "ecr.dkr", (replace(ECR, private_dns=False),), Kind.NAT, ""),
        ("closed", "ecr.dkr", (replace(ECR, private_dns=False),), Kind.NONE, "vpce-ecr has no private DNS"),
        ("closed", "s3", (S3,), Kind.GATEWAY_ENDPOINT, ""),
        ("private", "s3", (S3,), Kind.GATEWAY_ENDPOINT, ""),
        ("private", "s3", (replace(S3, tables=frozenset({"rt-dead"})),), Kind.NAT, ""),
        ("closed", "s3", (replace(S3, tables=frozenset({"rt-nat"})),), Kind.NONE, "vpce-s3 is not in the main route"),
    ],
)
def test_an_endpoint_serves_its_service_and_its_route_tables_alone(source, service, endpoints, kind, missing):
    found = way(with_endpoints(*endpoints), Source(source), service)
    assert found.kind is kind
    assert missing in found.missing


def group(name: str, *, inbound: tuple[Permission, ...] = (), outbound: tuple[Permission, ...] | None = None) -> Group:
    return Group(name, inbound, outbound)


FROM_TASKS = Permission(**HTTPS, groups=("sg-task",))  # type: ignore[arg-type]
FROM_SUBNET = Permission(**HTTPS, blocks=(block("10.0.0.0/16"),))  # type: ignore[arg-type]
HTTP_ONLY = Permission("tcp", 80, 80, blocks=(WORLD,))
ANY_PROTOCOL = Permission("-1", 0, 65535, blocks=(WORLD,))
TASK = Source("closed", groups=("sg-task",))


@pytest.mark.rule("NET-084")
@pytest.mark.parametrize(
    ("inbound", "opens"),
    [
        ((), False),
        ((FROM_TASKS,), True),
        ((FROM_SUBNET,), True),
        ((HTTP_ONLY,), False),
        ((ANY_PROTOCOL,), True),
        ((replace(FROM_TASKS, protocol="6"),), True),
        ((replace(FROM_TASKS, first=0, last=442),), False),
        ((replace(FROM_TASKS, first=444, last=65535),), False),
        ((replace(FROM_TASKS, first=80, last=443),), True),
        ((replace(FROM_SUBNET, blocks=(block("10.1.0.0/16"),)),), False),
        ((replace(FROM_TASKS, protocol="udp"),), False),
        ((replace(FROM_TASKS, groups=("sg-other",)),), False),
    ],
)
def test_the_security_group_of_an_endpoint_must_let_tcp_443_in_from_the_tasks(inbound, opens):
    network = with_endpoints(
        replace(ECR, groups=("sg-vpce",)),
        groups={"sg-vpce": group("sg-vpce", inbound=inbound), "sg-task": group("sg-task")},
        grouped=frozenset({"vpc"}),
    )
    found = way(network, TASK, "ecr.dkr")
    assert found.open is opens
    if not opens:
        assert found.missing == (
            "security group sg-vpce of endpoint vpce-ecr does not let TCP 443 in from sg-task in subnet closed"
        )
    # A way past the endpoint is no help: its private name is the one that is resolved.
    assert way(network, replace(TASK, subnet="private"), "ecr.dkr").open is opens


@pytest.mark.rule("NET-084")
@pytest.mark.parametrize(
    ("outbound", "endpoint", "s3", "internet"),
    [
        (None, True, True, True),
        ((), False, False, False),
        ((ANY_PROTOCOL,), True, True, True),
        ((HTTP_ONLY,), False, False, False),
        ((FROM_SUBNET,), True, False, False),
        ((replace(FROM_TASKS, groups=("sg-vpce",)),), True, False, False),
        ((Permission("tcp", 443, 443, prefix_lists=True),), False, True, False),
    ],
)
def test_the_security_group_of_a_task_must_let_tcp_443_out(outbound, endpoint, s3, internet):
    network = with_endpoints(
        replace(ECR, groups=("sg-vpce",)),
        S3,
        groups={
            "sg-task": group("sg-task", outbound=outbound),
            "sg-vpce": group("sg-vpce", inbound=(ANY_PROTOCOL,)),
        },
        grouped=frozenset({"vpc"}),
    )
    source = replace(TASK, subnet="private")
    assert [way(network, source, s).open for s in ("ecr.dkr", "s3", "internet")] == [endpoint, s3, internet]


def test_an_endpoint_without_groups_has_the_default_one_which_lets_its_own_members_in():
    network = with_endpoints(ECR, groups={"sg-task": group("sg-task")}, grouped=frozenset({"vpc"}))
    assert way(network, Source("closed"), "ecr.dkr").open
    assert way(network, TASK, "ecr.dkr").missing == (
        "the default security group of endpoint vpce-ecr does not let TCP 443 in from sg-task in subnet closed"
    )
    named = replace(network, default_groups={"vpc": "sg-0"}, groups={"sg-0": group("sg-0", inbound=(FROM_TASKS,))})
    assert way(named, TASK, "ecr.dkr").open
    assert way(named, Source("closed"), "ecr.dkr").missing == (
        "the default security group of endpoint vpce-ecr does not let TCP 443 in from the default security group in "
        "subnet closed"
    )
    # One that is described lets only in what it says; after a group that nobody describes, the next one is asked.
    unknown = replace(ECR, groups=("sg-unknown", "sg-vpce"))
    assert way(with_endpoints(unknown, grouped=frozenset({"vpc"})), TASK, "ecr.dkr").open


def test_the_ways_have_names_and_a_missing_hop_names_the_groups_on_its_way():
    names = ["open", "interface endpoint", "gateway endpoint", "internet gateway", "NAT gateway", "other", "none"]
    assert [str(kind) for kind in Kind] == names
    nothing = group("sg-0", outbound=())
    shut = with_endpoints(
        ECR,
        default_groups={"vpc": "sg-0"},
        groups={"sg-0": nothing, "sg-1": group("sg-1", outbound=())},
        grouped=frozenset({"vpc"}),
    )
    said = {
        ("private", ()): "security group of the VPC's default does not let TCP 443 out to the internet",
        ("private", ("sg-1", "sg-0")): "security group sg-1, sg-0 does not let TCP 443 out to the internet",
    }
    for (subnet, groups), text in said.items():
        assert way(shut, Source(subnet, groups=groups), "internet").missing == text
    closed = with_endpoints(
        replace(ECR, groups=("sg-x", "sg-y")),
        groups={"sg-x": group("sg-x"), "sg-y": group("sg-y"), "sg-1": group("sg-1"), "sg-2": group("sg-2")},
        grouped=frozenset({"vpc"}),
    )
    assert way(closed, Source("closed", groups=("sg-1", "sg-2")), "ecr.dkr").missing == (
        "security group sg-x, sg-y of endpoint vpce-ecr does not let TCP 443 in from sg-1, sg-2 in subnet closed"
    )
    assert way(MAP, Source("closed"), "internet").missing == (
        "subnet closed uses the main route table of vpc, which has no route to an internet or NAT gateway"
    )


def test_one_of_several_groups_or_blocks_is_enough():
    groups = {"sg-task": group("sg-task"), "sg-vpce": group("sg-vpce", inbound=(FROM_TASKS,)), "sg-2": group("sg-2")}
    network = with_endpoints(replace(ECR, groups=("sg-2", "sg-vpce")), groups=groups, grouped=frozenset({"vpc"}))
    assert way(network, replace(TASK, groups=("sg-2", "sg-task")), "ecr.dkr").open
    other = block("10.9.0.0/16")
    inbound = (replace(FROM_SUBNET, blocks=(other, block("10.0.0.0/16"))),)
    network = replace(network, groups=groups | {"sg-vpce": group("sg-vpce", inbound=inbound)})
    assert way(network, TASK, "ecr.dkr").open
    out = (replace(FROM_SUBNET, blocks=(other, block("10.0.9.0/24"))),)
    both = replace(ECR, blocks=(block("10.0.8.0/24"), *ECR.blocks), groups=("sg-vpce", "sg-2"))
    for permission in (*out, replace(FROM_TASKS, groups=("sg-x", "sg-vpce"))):
        groups["sg-task"] = group("sg-task", outbound=(HTTP_ONLY, permission))
        assert way(with_endpoints(both, groups=groups), TASK, "ecr.dkr").open


@pytest.mark.rule("NET-034")
def test_gateway_endpoints_exist_for_two_services():
    assert set(GATEWAY_SERVICES) == {"s3", "dynamodb"}


def test_of_a_way_past_an_endpoint_that_serves_the_name_nothing_is_said_of_it():
    found = way(with_endpoints(ECR), Source("closed"), "ecr.api")
    assert found.missing.endswith("and vpc has no endpoint for ecr.api that serves it")
    assert (found.name, found.zone) == ("", "")
    assert way(MAP, Source("transit"), "internet").zone == ""


def test_groups_that_nobody_describes_let_everything_through():
    assert way(with_endpoints(replace(ECR, groups=("sg-vpce",))), TASK, "ecr.dkr").open
