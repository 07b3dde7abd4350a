"""Every question that placement and its explanations ask a fleet, answered alike by the index and by the plain scan."""

from __future__ import annotations

import pytest

from ecssim.world.fleet import Fleet
from ecssim.world.naive_fleet import NaiveFleet
from ecssim.world.requests import InstanceFacts, InstanceSpec, Request, Resources
from ecssim.world.views import Closest, FailureReason

TASK = Request(256, 512)
GROUP, OTHER = 1, 2
AnyFleet = Fleet | NaiveFleet
both = pytest.mark.parametrize("kind", [Fleet, NaiveFleet], ids=["index", "scan"])


class OnRack:
    """A ``memberOf`` of the test's own: instances with this rack."""

    dynamic = False

    def __init__(self, rack: str) -> None:
        self.rack, self.key = rack, f"rack {rack}"

    def __call__(self, facts: InstanceFacts) -> bool:
        return facts.attributes.get("rack") == self.rack


def cluster(kind: type[AnyFleet]) -> AnyFleet:
    """Zones a, a, b, c; racks r1, r2, r1, none. The group has two tasks on 0 and one on 2, another one on 3."""
    fleet = kind()
    for zone, rack, provider in (("a", "r1", "blue"), ("a", "r2", None), ("b", "r1", "blue"), ("c", None, None)):
        attributes = {"rack": rack} if rack else {}
        fleet.add(InstanceSpec(1024, 2048, 1, 2, zone, attributes, provider, reserved_tcp=(22,), reserved_udp=(53,)))
    for ordinal, group in ((0, GROUP), (0, GROUP), (2, GROUP), (3, OTHER)):
        fleet.reserve(ordinal, TASK, group)
    return fleet


@both
def test_candidates_are_counted_and_named_in_the_order_of_their_registration(kind: type[AnyFleet]) -> None:
    fleet = cluster(kind)
    candidates = fleet.eligible(Request(512, 1), GROUP)
    assert (fleet.count(candidates), fleet.ordinals(candidates), fleet.first(candidates)) == (4, [0, 1, 2, 3], 0)
    assert [fleet.nth(candidates, n) for n in range(-1, 5)] == [-1, 0, 1, 2, 3, -1]
    some = fleet.only([1, 3])
    assert (fleet.ordinals(some), fleet.first(some), fleet.nth(some, 1), fleet.nth(some, 2)) == ([1, 3], 1, 3, -1)
    nobody = fleet.eligible(Request(5000, 1), GROUP)
    assert (fleet.count(nobody), fleet.ordinals(nobody), fleet.first(nobody), fleet.nth(nobody, 0)) == (0, [], -1, -1)


@both
def test_candidates_of_an_instance_that_is_gone(kind: type[AnyFleet]) -> None:
    fleet = cluster(kind)
    fleet.remove(0)
    candidates = fleet.eligible(TASK, GROUP)
    assert (fleet.first(candidates), fleet.ordinals(candidates)) == (1, [1, 2, 3])
    assert fleet.spread_counts("attribute:rack", GROUP)["r1"] == 1
    assert not fleet.fits(0, TASK, GROUP)


@both
@pytest.mark.parametrize(
    ("field", "counts", "fewest"),
    [
        ("attribute:ecs.availability-zone", {"a": 2, "b": 1}, [3]),
        ("ecs.availability-zone", {"a": 2, "b": 1}, [3]),
        ("attribute:rack", {"r1": 3}, [1, 3]),
        ("rack", {"r1": 3}, [1, 3]),
    ],
)
@pytest.mark.rule("PLACE-022", "PLACE-025")
def test_spread_over_an_attribute(kind: type[AnyFleet], field: str, counts: dict[str, int], fewest: list[int]) -> None:
    fleet = cluster(kind)
    candidates = fleet.eligible(TASK, GROUP)
    assert fleet.ordinals(fleet.narrow_spread(candidates, field, GROUP)) == fewest
    assert {value: n for value, n in fleet.spread_counts(field, GROUP).items() if n} == counts
    # A group that has no task anywhere is spread evenly over everything.
    assert fleet.ordinals(fleet.narrow_spread(candidates, field, 99)) == [0, 1, 2, 3]
    assert not any(fleet.spread_counts(field, 99).values())


@both
@pytest.mark.parametrize("field", ["instanceId", "host"])
@pytest.mark.rule("PLACE-022")
def test_spread_over_instances(kind: type[AnyFleet], field: str) -> None:
    fleet = cluster(kind)
    assert fleet.ordinals(fleet.narrow_spread(fleet.only([0, 2]), field, GROUP)) == [2]
    assert fleet.ordinals(fleet.narrow_spread(fleet.eligible(TASK, GROUP), field, GROUP)) == [1, 3]
    assert [fleet.spread_value(ordinal, field) for ordinal in range(4)] == ["0", "1", "2", "3"]


@both
def test_value_groups(kind: type[AnyFleet]) -> None:
    fleet = cluster(kind)
    assert [fleet.spread_value(ordinal, "attribute:rack") for ordinal in range(4)] == ["r1", "r2", "r1", ""]
    assert [fleet.group_count(GROUP, ordinal) for ordinal in range(4)] == [2, 0, 1, 0]


@both
@pytest.mark.rule("PLACE-021")
@pytest.mark.parametrize("resource", ["cpu", "CPU", "memory", "MEMORY"])
def test_binpack_takes_what_has_least_left(kind: type[AnyFleet], resource: str) -> None:
    fleet = cluster(kind)
    candidates = fleet.eligible(TASK, GROUP)
    assert fleet.ordinals(fleet.narrow_binpack(candidates, resource, TASK)) == [0]
    assert fleet.ordinals(fleet.narrow_binpack(fleet.only([1, 2, 3]), resource, TASK)) == [2, 3]
    # Another amount of the one resource than of the other.
    fleet.reserve(1, Request(1, 2000), OTHER)
    assert fleet.ordinals(fleet.narrow_binpack(candidates, "cpu", Request(1, 1))) == [0]
    assert fleet.ordinals(fleet.narrow_binpack(candidates, "memory", Request(1, 1))) == [1]
    # A cluster that grows is followed.
    fleet.add(InstanceSpec(100, 9000))
    assert fleet.ordinals(fleet.narrow_binpack(fleet.eligible(Request(1, 1), GROUP), "cpu", Request(1, 1))) == [4]
    fleet.remove(4)
    assert fleet.ordinals(fleet.narrow_binpack(fleet.eligible(Request(1, 1), GROUP), "cpu", Request(1, 1))) == [0]


@both
def test_amounts(kind: type[AnyFleet]) -> None:
    fleet = cluster(kind)
    assert fleet.registered(0) == Resources(1024, 2048, 1, 2)
    assert fleet.remaining(0) == Resources(512, 1024, 1, 2)


@both
@pytest.mark.rule("PLACE-065")
@pytest.mark.parametrize(
    ("request_", "closest"),
    [
        pytest.param(Request(1025, 1), Closest(1, FailureReason.CPU), id="the one with most CPU left"),
        pytest.param(Request(1, 2049), Closest(1, FailureReason.MEMORY), id="with most memory left"),
        pytest.param(Request(1, 1, gpus=2), Closest(0, FailureReason.GPU), id="the first of equal ones"),
        pytest.param(Request(1, 1, tcp_ports=(22,)), Closest(0, FailureReason.PORTS), id="a TCP port of the host"),
        pytest.param(Request(1, 1, udp_ports=(53,)), Closest(0, FailureReason.PORTS), id="a UDP port of the host"),
        pytest.param(Request(1, 1, zones=("d",)), Closest(0, FailureReason.LOCATION), id="a zone without instances"),
        pytest.param(Request(1, 1, attributes=("x",)), Closest(0, FailureReason.ATTRIBUTE), id="an attribute"),
        pytest.param(
            Request(1, 1, constraints=(OnRack("r3"),)), Closest(0, FailureReason.MEMBER_OF), id="an expression"
        ),
        pytest.param(
            Request(1, 1, constraints=(OnRack("r1"), OnRack("r2"))), Closest(1, FailureReason.MEMBER_OF),
            id="the first instance that fails the first of two expressions",
        ),
        pytest.param(
            Request(1, 1, capacity_provider="red"), Closest(-1, FailureReason.EMPTY_CAPACITY_PROVIDER),
            id="a provider without instances",
        ),
        pytest.param(
            Request(1025, 1, capacity_provider="blue"), Closest(2, FailureReason.CPU), id="a provider's own instances"
        ),
    ],
)  # fmt: skip
def test_the_closest_instance(kind: type[AnyFleet], request_: Request, closest: Closest) -> None:
    fleet = cluster(kind)
    assert fleet.closest(request_, GROUP) == closest
    assert fleet.shortfall(request_, GROUP) is closest.reason
    assert fleet.count(fleet.eligible(request_, GROUP)) == 0


@both
@pytest.mark.rule("PLACE-041", "PLACE-065")
def test_distinct_instances_run_out(kind: type[AnyFleet]) -> None:
    fleet = cluster(kind)
    alone = Request(1, 1, distinct=True)
    assert fleet.ordinals(fleet.eligible(alone, GROUP)) == [1, 3]
    fleet.reserve(1, alone, GROUP)
    fleet.reserve(3, alone, GROUP)
    assert fleet.closest(alone, GROUP) == Closest(0, FailureReason.DISTINCT_INSTANCE)


@both
@pytest.mark.rule("PLACE-065")
def test_agents_that_are_away_come_before_instances_that_drain(kind: type[AnyFleet]) -> None:
    fleet = cluster(kind)
    for ordinal in range(4):
        fleet.set_status(ordinal, False)
    assert fleet.closest(TASK, GROUP) == Closest(0, FailureReason.NO_ACTIVE_INSTANCES)
    fleet.set_status(2, True)
    fleet.set_connected(2, False)
    assert fleet.closest(TASK, GROUP) == Closest(2, FailureReason.AGENT)
    assert kind().closest(TASK, GROUP) == Closest(-1, FailureReason.NO_ACTIVE_INSTANCES)


# -- what only the index is asked -------------------------------------------------------------------------------


def index() -> Fleet:
    fleet = cluster(Fleet)
    assert isinstance(fleet, Fleet)
    return fleet


def test_zones_that_a_request_may_use_whatever_is_left_there() -> None:
    fleet = index()
    big = Request(9999, 1)
    assert fleet.zones_for(big) == ["a", "b", "c"]
    assert fleet.zones_for(Request(1, 1, capacity_provider="blue")) == ["a", "b"]
    assert fleet.zones_for(Request(1, 1, constraints=(OnRack("r2"),))) == ["a"]
    fleet.set_status(3, False)
    assert fleet.zones_for(big) == ["a", "b"], "what was learnt of the request is learnt anew"


def test_active_instances_of_a_zone() -> None:
    fleet = index()
    assert [fleet.active_in(zone, None) for zone in "abcd"] == [2, 1, 1, 0]
    assert [fleet.active_in(zone, "blue") for zone in "abcd"] == [1, 1, 0, 0]
    assert fleet.active_in("a", "red") == 0
    fleet.set_status(0, False)
    assert (fleet.active_in("a", None), fleet.active_in("a", "blue")) == (1, 0)


def test_facts_move_with_instances_and_not_with_tasks() -> None:
    fleet = index()
    before = fleet.facts
    fleet.reserve(1, TASK, GROUP)
    fleet.release(1, TASK, GROUP)
    assert fleet.facts == before
    moved = [before]
    for act in (
        lambda: fleet.set_status(1, False),
        lambda: fleet.set_connected(1, False),
        lambda: fleet.set_attribute(1, "rack", "r9"),
        lambda: fleet.add(InstanceSpec(1, 1)),
        lambda: fleet.remove(1),
    ):
        act()
        moved.append(fleet.facts)
    assert moved == sorted(set(moved))


def test_a_group_is_known_by_its_name_from_then_on() -> None:
    fleet = index()
    assert list(fleet.facts_of(0).task_groups) == []
    fleet.name_group(GROUP, "service:web")
    facts = fleet.facts_of(0)
    assert (list(facts.task_groups), facts.running_tasks_count) == (["service:web"], 2)
    assert (facts.agent_connected, facts.attributes["rack"]) == (True, "r1")


def test_ports_are_those_of_tasks_and_of_the_host() -> None:
    fleet = index()
    fleet.reserve(1, Request(1, 1, tcp_ports=(80,), udp_ports=(99,)), OTHER)
    assert fleet.ports(1) == (frozenset({22, 80}), frozenset({53, 99}))
    fleet.release(1, Request(1, 1, tcp_ports=(80,), udp_ports=(99,)), OTHER)
    assert fleet.ports(1) == (frozenset({22}), frozenset({53}))


def test_a_reservation_of_a_gpu_that_is_taken_is_a_mistake_of_the_program() -> None:
    fleet = index()
    gpu = Request(1, 1, gpus=1)
    assert fleet.fits(0, gpu, GROUP)
    fleet.reserve(0, gpu, GROUP)
    assert not fleet.fits(0, gpu, GROUP)
    assert fleet.remaining(0).gpus == 0
    fleet.release(0, gpu, GROUP)
    assert fleet.remaining(0).gpus == 1
