"""Addresses are conserved, whatever the scenario: a property over random networks, holders and histories.

An oracle of its own stands at the door of the pools: it knows who holds which address and since when a freed one
cools. The tables must add up, too.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pandas as pd
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
    percent,
    scenario,
    service,
    target_group,
    task_definition,
)
from builders import subnet as subnet_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ecssim.results.result import Result

ZONES = ("us-east-1a", "us-east-1b")
#: Blocks of the VPC: the primary one and a secondary one.
BLOCKS = ("10.0.0.0/20", "100.64.0.0/20")
CONTAINER = {"portMappings": [{"containerPort": 80}]}


class Oracle:
    """Watches every address that is handed out and taken back."""

    def __init__(self, sim: Sim, release: float) -> None:
        self.sim, self.release = sim, release
        self.held: dict[tuple[int, int], str] = {}
        self.freed: dict[tuple[int, int], float] = {}
        self.taken = 0
        subnets = sim.engine.subnets
        self._take, self._give = subnets.take, subnets.give_back
        self._acquire = subnets.acquire
        subnets.take, subnets.give_back = self.take, self.give_back  # type: ignore[method-assign]
        subnets.acquire = self.acquire  # type: ignore[method-assign]

    def take(self, ordinal: int, consumer: str) -> int:
        address = self._take(ordinal, consumer)
        self.note(ordinal, address, consumer)
        return address

    def acquire(self, *arguments: Any) -> tuple[int, int]:
        before = self.taken
        ordinal, address = self._acquire(*arguments)
        if self.taken == before:  # it did not go through take
            self.note(ordinal, address, "tasks")
        return ordinal, address

    def note(self, ordinal: int, address: int, consumer: str) -> None:
        if address > 0:
            self.taken += 1
            key = (ordinal, address)
            subnet = self.sim.engine.world.subnets[ordinal]
            assert subnet.base + 4 <= address < subnet.base + subnet.total - 1, "an address that nobody gets"
            assert key not in self.held, "an address that is held"
            assert self.sim.now >= self.freed.get(key, -1e9) + self.release, "an address that still cools"
            self.held[key] = consumer

    def give_back(self, ordinal: int, address: int, consumer: str, now: float) -> None:
        if address:
            # What was there before the oracle came is nobody's.
            assert self.held.pop((ordinal, address), consumer) == consumer
            self.freed[ordinal, address] = now
        self._give(ordinal, address, consumer, now)


def add_up(result: Result) -> None:
    """The tables: consumers sum to used, and used, free and reserved are the block."""
    metrics = result.subnet_metrics
    assert ((metrics.used + metrics.free + metrics.reserved) == metrics.total).all()
    assert (metrics.reserved == 5).all()
    assert (metrics.free_min <= metrics.free).all()
    assert (metrics.used_max == metrics.total - 5 - metrics.free_min).all()
    by_consumer = result.subnet_usage.groupby(["t", "subnet"], observed=True).used.sum()
    said = metrics.set_index(["t", "subnet"]).used
    for key, used in said.items():
        assert by_consumer.get(key, 0) == used, key


def held_once(result: Result, blocks: dict[str, str]) -> None:
    """The tasks: each address inside its subnet, and held by one task at a time until it has cooled."""
    tasks = result.tasks[result.tasks.private_ip.notna()]
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for name, ip, since, until in zip(
        tasks.subnet.astype(str), tasks.private_ip.astype(str), tasks.created_at, tasks.address_freed_at, strict=True
    ):
        block = IPv4Network(blocks[name])
        address = IPv4Address(ip)
        assert address in block
        assert int(block.network_address) + 4 <= int(address) < int(block.broadcast_address)
        spans[f"{name} {ip}"].append((since, float("inf") if pd.isna(until) else until))
    for address, of in spans.items():
        of.sort()
        assert all(b >= e for (_, e), (b, _) in itertools.pairwise(of)), address


@st.composite
def networks(draw: st.DrawFn) -> Document:
    """Some subnets out of two blocks of a VPC, with holders of all kinds."""
    count = draw(st.integers(2, 4))
    subnets = []
    for i in range(count):
        prefix = draw(st.sampled_from([28, 27, 26]))
        block = BLOCKS[draw(st.integers(0, 1))]
        base = IPv4Network(block).network_address + 256 * i
        more: dict[str, Any] = {"vpcId": "vpc", "addressesInUse": draw(st.integers(0, 4))}
        if draw(st.booleans()):
            more["ipv6CidrBlock"] = f"2600:1f00:0:{i}::/64"
        subnets.append(subnet_of(f"s{i}", ZONES[i % 2], f"{base}/{prefix}", **more))
    native = {
        "subnetId": "six",
        "availabilityZone": ZONES[0],
        "ipv6Native": True,
        "ipv6CidrBlock": "2600:1f00:0:9::/64",
    }
    names = st.sampled_from([s["subnetId"] for s in subnets])
    return {
        "vpcs": [{"vpcId": "vpc", "cidrBlock": BLOCKS[0], "cidrBlocks": [BLOCKS[1]]}],
        "subnets": [*subnets, native],
        "natGateways": [
            {
                "natGatewayId": f"n{i}",
                "subnetId": draw(names),
                "secondaryPrivateIpAddressCount": draw(st.integers(0, 2)),
            }
            for i in range(draw(st.integers(0, 2)))
        ],
        "vpcEndpoints": [
            {"serviceName": f"e{i}", "vpcEndpointType": "Interface", "subnetIds": [draw(names)]}
            for i in range(draw(st.integers(0, 2)))
        ],
        "loadBalancers": [{"loadBalancerName": "lb", "type": "application", "subnets": ["s0", "s1"]}],
        "dbProxies": [{"dbProxyName": "p", "vpcSubnetIds": [draw(names)]}] if draw(st.booleans()) else [],
        "mountTargets": [{"fileSystemId": "fs", "subnetId": draw(names)}],
    }


@st.composite
def scenarios(draw: st.DrawFn) -> tuple[Document, float]:
    """A network with services on it that come, go, fail and are deployed again."""
    network = draw(networks())
    names = [s["subnetId"] for s in network["subnets"]]
    lists = st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True)
    release = draw(st.sampled_from([0.0, 30.0, 90.0]))
    definition = task_definition(networkMode="awsvpc", cpu="64", memory="64", container=CONTAINER)
    forward = {"type": "forward", "targetGroups": [{"targetGroup": "tg", "weight": 1}]}
    maximum = draw(st.sampled_from([100, 150, 200]))
    timeline = [
        call(f"{draw(st.integers(1, 14))}m", "UpdateService", cluster="prod", service=who, **what)
        for who in ("farm", "fleet")
        for what in draw(
            st.lists(
                st.sampled_from(
                    [{"desiredCount": 0}, {"desiredCount": 9}, {"desiredCount": 3}, {"forceNewDeployment": True}]
                ),
                max_size=3,
            )
        )
    ]
    if draw(st.booleans()):
        timeline.append(fault("3m", "addressesTaken", subnet=names[0], count=draw(st.integers(1, 40)), **{"for": "4m"}))
    if draw(st.booleans()):
        timeline.append(fault("5m", "instanceTermination", capacityProvider="asg", count=1))
    document = scenario(
        duration="20m",
        initialState=draw(st.sampled_from(["empty", "steady"])),
        timing={"profile": "typical", "addressRelease": f"{release:g}s"},
        model={"subnetChoice": draw(st.sampled_from(["random", "most_free"]))},
        account={
            "quotas": {"networkInterfacesPerRegion": draw(st.sampled_from([25, 5000]))},
            "settings": {"awsvpcTrunking": draw(st.sampled_from(["enabled", "disabled"]))},
        },
        autoScalingGroups=[group(2, subnets=draw(lists))],
        taskDefinitions=[definition],
        targetGroups=[target_group(targetType="ip")],
        listeners=[{"loadBalancer": "lb", "port": 80, "protocol": "HTTP", "defaultActions": [forward]}],
        behaviour={"app": {"request": {"cpuSeconds": 0.0001, "latency": "5ms"}, "failsToStart": {"share": 0.1}}},
        services=[
            fargate(
                "farm", draw(st.integers(0, 9)), networkConfiguration=awsvpc(*draw(lists)), loadBalancers=behind(),
                deploymentConfiguration=percent(50, maximum),
            ),
            service("fleet", draw(st.integers(0, 6)), networkConfiguration=awsvpc(*draw(lists))),
        ],
        traffic=[
            {
                "name": "users",
                "to": {"targetGroup": "tg"},
                "pattern": "steps",
                "steps": [{"at": "0s", "rate": draw(st.sampled_from([1, 900]))}, {"at": "2m", "rate": 1}],
            }
        ],
        timeline=timeline,
        **network,
    )  # fmt: skip
    return document, release


@pytest.mark.rule("NET-031", "NET-032", "NET-033", "NET-060")
@settings(deadline=None, max_examples=150 if settings.get_current_profile_name() == "soak" else 12)
@given(scenarios(), st.integers(0, 3))
def test_addresses_are_conserved(given_: tuple[Document, float], seed: int) -> None:
    document, release = given_
    sim = Sim(document, seed)
    oracle = Oracle(sim, release)
    result = sim.finish()
    for (ordinal, _), consumer in oracle.held.items():
        assert sim.engine.world.subnets[ordinal].used[consumer] > 0
    add_up(result)
    held_once(result, {s["subnetId"]: s["cidrBlock"] for s in document["subnets"] if "cidrBlock" in s})
    assert sim.engine.subnets.interfaces <= sim.engine.subnets.most_interfaces
