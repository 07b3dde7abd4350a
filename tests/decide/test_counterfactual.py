"""The smallest change that would have made a task fit: tables, and a search of everything on small clusters."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations, product
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecssim.decide.counterfactual import Change, smaller, smallest_changes, without_rules
from ecssim.decide.decision import Proof
from ecssim.decide.placement import SERVICE_DEFAULT, place
from ecssim.decide.query import compile_expression
from ecssim.world.fleet import Fleet
from ecssim.world.lack import Lack
from ecssim.world.naive_fleet import NaiveFleet, NaiveInstance
from ecssim.world.requests import InstanceSpec, Request
from ecssim.world.trial_fleet import TrialFleet

WEB, OTHER = 1, 2
ON_R1 = compile_expression("attribute:rack == r1")
BESIDE = compile_expression("task:group == service:other")
TASK = Request(512, 1024)


def cluster(*specs: InstanceSpec) -> Fleet:
    fleet = Fleet()
    for spec in specs:
        fleet.add(spec)
    return fleet


def host(cpu: int = 1024, memory: int = 2048, **more: Any) -> InstanceSpec:
    return InstanceSpec(cpu, memory, **{"zone": "a", **more})


def room(fleet: Fleet, request: Request) -> Change:
    found = smallest_changes(fleet, request, WEB).room
    assert found is not None
    return found


ROOM = {
    "one resource short beats two, however little of both": (
        (host(511, 1023), host(100, 4096)),
        TASK,
        Change(1, Lack(cpu=412), 412 / 100),
    ),
    "of one resource, the smaller share of what is registered": (
        (host(256, 4096), host(4096, 1000)),
        TASK,
        Change(1, Lack(memory=24), 24 / 1000),
    ),
    "a larger amount can be the smaller share": (
        (host(1024, 1000), host(1024, 2000)),
        Request(512, 2100),
        Change(1, Lack(memory=100), 100 / 2000),
    ),
    "equal shares go to the instance that registered first": (
        (host(256), host(256)),
        TASK,
        Change(0, Lack(cpu=256), 1.0),
    ),
    "a taken port is a small share of all ports": (
        (host(500), host(reserved_tcp=(80,))),
        replace(TASK, tcp_ports=(80, 443)),
        Change(1, Lack(tcp_ports=(80,)), 1 / 65535),
    ),
    "TCP and UDP ports are one kind of resource": (
        (host(reserved_tcp=(80,), reserved_udp=(53,)), host(256)),
        replace(TASK, tcp_ports=(80,), udp_ports=(53,)),
        Change(0, Lack(tcp_ports=(80,), udp_ports=(53,)), 2 / 65535),
    ),
    "what was never registered is no share of anything": (
        (host(), host(256, 512, gpus=1)),
        replace(TASK, gpus=1),
        Change(0, Lack(gpus=1), inf),
    ),
    "an ENI slot is a resource": ((host(eni_slots=0), host(256, 10)), replace(TASK, eni=True), None),
    "instances of other capacity providers do not count": (
        (host(511, capacity_provider="blue"), host(100, capacity_provider="green")),
        replace(TASK, capacity_provider="green"),
        Change(1, Lack(cpu=412), 4.12),
    ),
}


@pytest.mark.parametrize(("specs", "request_", "change"), ROOM.values(), ids=ROOM)
def test_the_smallest_room(specs: tuple[InstanceSpec, ...], request_: Request, change: Change | None) -> None:
    found = room(cluster(*specs), request_)
    assert found == (change or Change(0, Lack(eni_slots=1), inf))


RULES = {
    "one constraint": (replace(TASK, constraints=(ON_R1,)), Lack(constraints=(ON_R1,))),
    "both constraints, where both exclude it": (
        replace(TASK, constraints=(ON_R1, BESIDE)),
        Lack(constraints=(ON_R1, BESIDE)),
    ),
    "the zones of its subnets": (replace(TASK, zones=("b", "c")), Lack(zone="a")),
    "an attribute that no instance has": (
        replace(TASK, attributes=("ecs.capability.gmsa",)),
        Lack(attributes=("ecs.capability.gmsa",)),
    ),
}


@pytest.mark.parametrize(("request_", "lack"), RULES.values(), ids=RULES)
def test_the_rule_that_must_go_where_there_is_room(request_: Request, lack: Lack) -> None:
    found = smallest_changes(cluster(host(), host()), request_, WEB)
    assert found == (None, Change(0, lack, 0.0), None)
    assert found.smallest == found.rule


def test_distinct_instances_that_all_have_one() -> None:
    fleet = cluster(host(), host())
    fleet.reserve(0, TASK, WEB)
    fleet.reserve(1, TASK, WEB)
    found = smallest_changes(fleet, replace(TASK, distinct=True), WEB)
    assert found.rule == Change(0, Lack(distinct=True), 0.0)
    assert smallest_changes(fleet, replace(TASK, distinct=True), OTHER).rule == Change(0, Lack(), 0.0), "nothing lacks"


def test_an_instance_without_its_agent_and_one_that_drains() -> None:
    fleet = cluster(host(256), host(), host())
    fleet.set_status(1, False)
    fleet.set_connected(2, False)
    found = smallest_changes(fleet, TASK, WEB)
    assert found.room == Change(0, Lack(cpu=256), 1.0)
    assert found.rule == Change(1, Lack(inactive=True), 0.0)
    assert found.smallest == found.room, "room is what can be freed; a rule is the other answer"


def test_where_neither_is_enough_both_are_named_and_the_fewest_things_win() -> None:
    fleet = cluster(host(256, zone="b"), host(256, 512, zone="b"))
    found = smallest_changes(fleet, replace(TASK, zones=("a",)), WEB)
    assert found == (None, None, Change(0, Lack(cpu=256, zone="b"), 1.0))


def test_without_instances_nothing_smaller_than_an_instance_helps() -> None:
    found = smallest_changes(cluster(), TASK, WEB)
    assert found == (None, None, None)
    assert found.smallest is None


def test_without_the_rules_in_the_way_all_else_stays() -> None:
    task = replace(TASK, zones=("b",), constraints=(ON_R1, BESIDE), distinct=True)
    assert without_rules(task, Lack()) == task
    assert without_rules(TASK, Lack(zone="a")) == TASK, "any zone is any zone"
    gone = without_rules(task, Lack(zone="a", constraints=(ON_R1,), distinct=True))
    assert gone == replace(TASK, zones=("b", "a"), constraints=(BESIDE,))


def test_asking_moves_nothing() -> None:
    fleet = cluster(host(256))
    before = fleet.epoch
    smallest_changes(fleet, TASK, WEB)
    trial = TrialFleet.of(fleet)
    trial.grant(0, Lack(cpu=256))
    assert trial.remaining(0).cpu == 512
    assert (fleet.epoch, fleet.remaining(0).cpu) == (before, 256)


# -- a search of everything -----------------------------------------------------------------------------------

HOSTS = st.builds(
    InstanceSpec,
    cpu=st.integers(0, 3),
    memory=st.integers(0, 3),
    gpus=st.integers(0, 1),
    eni_slots=st.integers(0, 1),
    zone=st.sampled_from("ab"),
    attributes=st.sampled_from(({}, {"gmsa": None}, {"rack": "r1"}, {"rack": "r1", "gmsa": None})),
    reserved_tcp=st.sampled_from(((), (80,), (80, 81))),
)
REQUESTS = st.builds(
    Request,
    cpu=st.integers(0, 4),
    memory=st.integers(0, 4),
    gpus=st.integers(0, 2),
    eni=st.booleans(),
    tcp_ports=st.sampled_from(((), (80,), (80, 81))),
    attributes=st.sampled_from(((), ("gmsa",))),
    zones=st.sampled_from((None, ("a",))),
    constraints=st.sampled_from(((), (ON_R1,))),
    distinct=st.booleans(),
)
STATES = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=4, max_size=4)


def subsets(items: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return list(chain.from_iterable(combinations(items, n) for n in range(len(items) + 1)))


def every_change(request: Request) -> list[Lack]:
    """Every change of one instance or of the task that could matter to ``request``."""
    return [
        Lack(cpu, memory, tcp, (), gpus, eni, inactive, disconnected, zone, attributes, constraints, distinct)
        for cpu, memory, tcp, gpus, eni, inactive, disconnected, zone, attributes, constraints, distinct in product(
            range(request.cpu + 1),
            range(request.memory + 1),
            subsets(request.tcp_ports),
            range(request.gpus + 1),
            range(1 + request.eni),
            (False, True),
            (False, True),
            (None,) if request.zones is None else (None, "b"),
            subsets(request.attributes),
            subsets(request.constraints),
            {False, request.distinct},
        )
    ]


def takes(instance: NaiveInstance, request: Request, change: Lack) -> bool:
    """Whether the instance takes the task when the change is made: an instance like it, asked anew."""
    spec = instance.spec
    changed = NaiveInstance(
        replace(
            spec,
            cpu=spec.cpu + change.cpu,
            memory=spec.memory + change.memory,
            gpus=spec.gpus + change.gpus,
            eni_slots=spec.eni_slots + change.eni_slots,
            zone="a" if change.zone is not None else spec.zone,
            reserved_tcp=tuple(p for p in spec.reserved_tcp if p not in change.tcp_ports),
        ),
        {**instance.attributes, **dict.fromkeys(change.attributes)},
        {},
        instance.active or change.inactive,
        instance.agent_connected or change.disconnected,
        [] if change.distinct else instance.tasks,
    )
    constraints = tuple(c for c in request.constraints if c not in change.constraints)
    return not changed.failed_checks(replace(request, constraints=constraints), WEB)


def measure(change: Lack, spec: InstanceSpec) -> tuple[int, int, float]:
    """Things to change, rules among them, the share of what is registered: said once more, for the test."""
    pairs = [(change.cpu, spec.cpu), (change.memory, spec.memory), (change.gpus, spec.gpus)]
    pairs.append((change.eni_slots, spec.eni_slots))
    kinds = sum(amount > 0 for amount, _ in pairs) + bool(change.tcp_ports)
    rules = change.inactive + change.disconnected + (change.zone is not None) + change.distinct
    rules += len(change.attributes) + len(change.constraints)
    share = len(change.tcp_ports) / 65535
    for amount, whole in pairs:
        if amount:
            share += amount / whole if whole else inf
    return kinds + rules, rules, share


@settings(max_examples=60, deadline=None)
@given(specs=st.lists(HOSTS, min_size=1, max_size=3), states=STATES, request=REQUESTS)
def test_the_change_makes_it_fit_and_nothing_smaller_does(
    specs: list[InstanceSpec], states: list[tuple[bool, bool, bool]], request: Request
) -> None:
    index, naive = Fleet(), NaiveFleet()
    for spec, (active, connected, has_one) in zip(specs, states, strict=False):
        for fleet in (index, naive):
            ordinal = fleet.add(spec)
            fleet.set_status(ordinal, active)
            fleet.set_connected(ordinal, connected)
            if has_one:
                fleet.reserve(ordinal, Request(0, 0), WEB)
    found = smallest_changes(index, request, WEB)
    assert found == smallest_changes(naive, request, WEB)
    if place(index, request, WEB, SERVICE_DEFAULT).ordinal >= 0:
        assert found.smallest is not None
        assert found.smallest.lack == Lack(), "what fits lacks nothing"
        return
    sizes = [
        (*measure(change, specs[ordinal]), ordinal)
        for change in every_change(request)
        for ordinal, instance in naive.instances.items()
        if takes(instance, request, change)
    ]
    smallest = found.smallest
    assert smallest is not None
    assert (*measure(smallest.lack, specs[smallest.ordinal]), smallest.ordinal) in sizes, "it makes the task fit"
    for change, mine in (
        (found.room, [size for size in sizes if size[1] == 0]),
        (found.rule, [size for size in sizes if size[0] == size[1]]),
    ):
        best = min(mine, default=None)
        assert best == ((*measure(change.lack, specs[change.ordinal]), change.ordinal) if change else None)
    if found.both is not None:
        assert (*measure(found.both.lack, specs[found.both.ordinal]), found.both.ordinal) == min(sizes)

    trial = TrialFleet.of(index)
    trial.grant(smallest.ordinal, smallest.lack)
    changed = without_rules(request, smallest.lack)
    assert trial.fits(smallest.ordinal, changed, WEB), "granted on the index, it fits there"
    assert place(trial, changed, WEB, SERVICE_DEFAULT).ordinal >= 0
    if not (smallest.lack.inactive or smallest.lack.disconnected or smallest.lack.attributes):
        assert index.fits(smallest.ordinal, smaller(changed, smallest.lack), WEB), "or the task asks for less"


def test_a_task_that_asks_for_less_keeps_what_is_not_in_the_way() -> None:
    asked = Request(512, 1024, 3, True, (80, 443), (53, 99))
    assert smaller(asked, Lack(cpu=12, memory=24, gpus=1, tcp_ports=(80,), udp_ports=(99,))) == Request(
        500, 1000, 2, True, (443,), (53,)
    )
    assert smaller(asked, Lack(eni_slots=1)) == replace(asked, eni=False)


@pytest.mark.parametrize(
    ("placed_on", "by_asking_less", "holds"),
    [
        pytest.param(0, 0, True, id="the first instance takes it, and a smaller task is placed"),
        pytest.param(3, 1, True, id="any instance will do"),
        pytest.param(3, None, True, id="the task cannot make the difference"),
        pytest.param(-1, 0, False, id="the changed instance does not take it"),
        pytest.param(3, -1, False, id="the smaller task is not placed"),
        pytest.param(-1, None, False, id="nothing of it is true"),
    ],
)
def test_a_claim_holds_if_both_of_its_sides_do(placed_on: int, by_asking_less: int | None, holds: bool) -> None:
    assert Proof("room", Change(0, Lack(cpu=1), 0.1), placed_on, by_asking_less).holds is holds
