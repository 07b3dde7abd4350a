"""Tables of small clusters: who takes the task, and why."""

from __future__ import annotations

import pytest

from ecssim.decide.placement import (
    RUN_TASK_DEFAULT,
    SERVICE_DEFAULT,
    Strategy,
    StrategyItem,
    place,
    strategy_label,
)
from ecssim.decide.placement_table import placement_table
from ecssim.decide.query import compile_expression
from ecssim.world.fleet import Fleet
from ecssim.world.requests import InstanceSpec, Request

ZONE = "attribute:ecs.availability-zone"
WEB, OTHER = 1, 2
SMALL = Request(256, 512)


def spread(field: str) -> StrategyItem:
    return StrategyItem("spread", field)


def binpack(field: str) -> StrategyItem:
    return StrategyItem("binpack", field)


def cluster(*specs: InstanceSpec) -> Fleet:
    fleet = Fleet()
    for spec in specs:
        fleet.add(spec)
    return fleet


def host(zone: str = "a", cpu: int = 4096, memory: int = 8192, **more) -> InstanceSpec:
    attributes = more.pop("attributes", {})
    return InstanceSpec(cpu, memory, zone=zone, attributes=attributes, **more)


def with_tasks(fleet: Fleet, tasks: dict[int, int], group: int = WEB, request: Request = SMALL) -> Fleet:
    for ordinal, count in tasks.items():
        for _ in range(count):
            fleet.reserve(ordinal, request, group)
    return fleet


SIX = tuple(host(zone) for zone in "aabbcc")

CHOICES = {
    "without tasks the instance that registered first": (SIX, {}, SERVICE_DEFAULT, 0),
    "the zone with the fewest tasks, then the emptiest instance there": (
        SIX,
        {0: 2, 2: 1, 4: 1, 5: 1},
        SERVICE_DEFAULT,
        3,
    ),
    "the default looks at zones before instances": (SIX, {0: 1, 2: 2, 4: 2}, SERVICE_DEFAULT, 1),
    "spread over instances alone ignores zones": (SIX, {0: 1, 1: 1, 2: 1}, (spread("instanceId"),), 3),
    "host is another name for instanceId": (SIX, {0: 1, 1: 1, 2: 1}, (spread("host"),), 3),
    "binpack by memory takes the fullest that fits": (
        SIX,
        {1: 3, 4: 5},
        (binpack("memory"),),
        4,
    ),
    "binpack by CPU looks at CPU only": (
        (host(cpu=2048, memory=9000), host(cpu=1024, memory=9999), host(cpu=4096, memory=600)),
        {},
        (binpack("cpu"),),
        1,
    ),
    "zones first, then the fullest instance of the best zone": (
        SIX,
        {0: 2, 2: 1, 3: 2, 5: 1},
        (spread(ZONE), binpack("memory")),
        5,
    ),
    "binpack first, then zones among the equally full": (
        SIX,
        {0: 2, 2: 2, 4: 1},
        (binpack("memory"), spread(ZONE)),
        0,
    ),
}


@pytest.mark.rule(
    "PLACE-010", "PLACE-011", "PLACE-020", "PLACE-021", "PLACE-022", "PLACE-024", "PLACE-026", "PLACE-027"
)
@pytest.mark.parametrize(("specs", "tasks", "strategy", "chosen"), CHOICES.values(), ids=CHOICES)
def test_strategies_in_order(
    specs: tuple[InstanceSpec, ...], tasks: dict[int, int], strategy: Strategy, chosen: int
) -> None:
    fleet = with_tasks(cluster(*specs), tasks)
    verdict = place(fleet, SMALL, WEB, strategy)
    assert verdict.ordinal == chosen
    assert verdict.reason == ""


@pytest.mark.rule("PLACE-022")
def test_tasks_of_other_groups_do_not_count_for_spread() -> None:
    fleet = with_tasks(cluster(*SIX), {2: 9, 3: 9}, OTHER)
    with_tasks(fleet, {0: 1, 4: 1})
    assert place(fleet, SMALL, WEB, SERVICE_DEFAULT).ordinal == 2


@pytest.mark.rule("PLACE-026")
def test_a_stopping_task_does_not_count_for_spread() -> None:
    fleet = with_tasks(cluster(host("a"), host("b")), {0: 1, 1: 2})
    fleet.release(1, SMALL, WEB)
    fleet.release(1, SMALL, WEB)
    assert place(fleet, SMALL, WEB, SERVICE_DEFAULT).ordinal == 1


@pytest.mark.rule("PLACE-009")
def test_the_best_zone_without_room_gives_way_to_the_next() -> None:
    fleet = with_tasks(cluster(host("a", cpu=100), host("b")), {1: 3})
    assert place(fleet, SMALL, WEB, SERVICE_DEFAULT).ordinal == 1


@pytest.mark.rule("PLACE-025")
def test_instances_without_the_spread_attribute_form_one_group() -> None:
    fleet = cluster(host(attributes={"rack": "r1"}), host(), host())
    with_tasks(fleet, {0: 1, 1: 2})
    by_rack = (spread("attribute:rack"), spread("instanceId"))
    assert place(fleet, SMALL, WEB, by_rack).ordinal == 0, "two tasks count for both that lack it"
    fleet.reserve(0, SMALL, WEB)
    fleet.reserve(0, SMALL, WEB)
    assert place(fleet, SMALL, WEB, by_rack).ordinal == 2


@pytest.mark.rule("PLACE-010", "PLACE-023")
@pytest.mark.parametrize(("u", "chosen"), [(0.0, 1), (0.34, 2), (0.99, 4)])
def test_random_takes_the_drawn_one_of_those_that_fit(u: float, chosen: int) -> None:
    fleet = cluster(host(cpu=10), host(), host(), host(cpu=10), host())
    verdict = place(fleet, SMALL, WEB, RUN_TASK_DEFAULT, u)
    assert (verdict.ordinal, verdict.reason) == (chosen, "")
    assert place(fleet, SMALL, WEB, (StrategyItem("random", "memory"),), u).ordinal == chosen


@pytest.mark.rule("PLACE-027")
def test_a_random_tie_break_draws_among_the_best_only() -> None:
    fleet = with_tasks(cluster(*SIX), {0: 1, 1: 1})
    drawn = {place(fleet, SMALL, WEB, SERVICE_DEFAULT, u / 10, "random").ordinal for u in range(10)}
    assert drawn == {2, 3, 4, 5}


def test_a_random_choice_without_a_draw_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="needs a draw"):
        place(cluster(host()), SMALL, WEB, RUN_TASK_DEFAULT)


ON_GPU_TYPE = compile_expression("attribute:ecs.instance-type =~ 'p3.*'")

REFUSALS = {
    "no instance at all": ((), SMALL, "NO ACTIVE INSTANCES"),
    "no instance of the provider": (
        (host(),),
        Request(1, 1, capacity_provider="spot"),
        "EMPTY CAPACITY PROVIDER",
    ),
    "every zone is another one": ((host("a"),), Request(1, 1, zones=("b",)), "LOCATION"),
    "a capability is missing": ((host(),), Request(1, 1, attributes=("ecs.capability.x",)), "ATTRIBUTE"),
    "more CPU than is left": ((host(),), Request(4097, 1), "RESOURCE:CPU"),
    "more memory than is left": ((host(),), Request(1, 8193), "RESOURCE:MEMORY"),
    "a TCP port that the agent holds": (
        (host(reserved_tcp=(22,)),),
        Request(1, 1, tcp_ports=(22,)),
        "RESOURCE:PORTS",
    ),
    "a GPU where there is none": ((host(),), Request(1, 1, gpus=1), "RESOURCE:GPU"),
    "an ENI where no slot is left": ((host(eni_slots=0),), Request(1, 1, eni=True), "RESOURCE:ENI"),
    "an expression that no instance satisfies": (
        (host(attributes={"ecs.instance-type": "m5.large"}),),
        Request(1, 1, constraints=(ON_GPU_TYPE,)),
        "MEMBEROF",
    ),
    "the closest instance fails one check and not two": (
        (host("b", cpu=10), host("a", cpu=10)),
        Request(256, 1, zones=("a",)),
        "RESOURCE:CPU",
    ),
    "of two lacks the one tested first": ((host(cpu=10), host(memory=10)), SMALL, "RESOURCE:CPU"),
}


@pytest.mark.rule("PLACE-002", "PLACE-003", "PLACE-005", "PLACE-006", "PLACE-007", "PLACE-008", "NET-010", "NET-041")
@pytest.mark.rule("PLACE-042", "PLACE-061", "PLACE-063", "PLACE-065")
@pytest.mark.parametrize(("specs", "request_", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_name_what_the_closest_instance_lacks(
    specs: tuple[InstanceSpec, ...], request_: Request, reason: str
) -> None:
    verdict = place(cluster(*specs), request_, WEB, SERVICE_DEFAULT)
    assert (verdict.ordinal, verdict.reason) == (-1, reason)
    assert verdict.rejections.fitting == 0


@pytest.mark.rule("PLACE-002", "AGENT-024")
def test_draining_and_disconnected_instances_take_nothing() -> None:
    fleet = cluster(host(), host(), host())
    fleet.set_status(0, False)
    fleet.set_connected(1, False)
    assert place(fleet, SMALL, WEB, ()).ordinal == 2
    fleet.set_connected(2, False)
    verdict = place(fleet, SMALL, WEB, ())
    assert (verdict.reason, verdict.rejections.agent) == ("AGENT", 3)
    assert fleet.closest(SMALL, WEB).ordinal == 1, "a disconnected agent is closer than a draining instance"
    fleet.remove(1)
    fleet.remove(2)
    assert place(fleet, SMALL, WEB, ()).reason == "NO ACTIVE INSTANCES"


@pytest.mark.rule("PLACE-041")
def test_distinct_instance_looks_at_desired_status() -> None:
    fleet = with_tasks(cluster(host(), host()), {0: 1})
    distinct = Request(256, 512, distinct=True)
    assert place(fleet, distinct, WEB, ()).ordinal == 1
    assert place(fleet, distinct, OTHER, ()).ordinal == 0, "other groups do not block"
    fleet.reserve(1, distinct, WEB)
    verdict = place(fleet, distinct, WEB, ())
    assert (verdict.reason, verdict.rejections.constraint) == ("DISTINCTINSTANCE", 2)
    fleet.release(0, SMALL, WEB)
    assert place(fleet, distinct, WEB, ()).ordinal == 0, "a stopping task does not block"


@pytest.mark.rule("PLACE-050")
def test_task_group_constraints_follow_the_tasks() -> None:
    fleet = cluster(host(), host())
    fleet.name_group(OTHER, "service:db")
    beside = Request(256, 512, constraints=(compile_expression("task:group == service:db"),))
    apart = Request(256, 512, constraints=(compile_expression("not(task:group == service:db)"),))
    assert place(fleet, beside, WEB, ()).reason == "MEMBEROF"
    before = fleet.releases
    fleet.reserve(1, SMALL, OTHER)
    assert fleet.releases > before, "a new neighbour can make a task fit"
    assert place(fleet, beside, WEB, ()).ordinal == 1
    assert place(fleet, apart, WEB, (binpack("memory"),)).ordinal == 0
    fleet.release(1, SMALL, OTHER)
    assert place(fleet, beside, WEB, ()).ordinal == -1
    fleet.reserve(0, SMALL, 3)
    assert place(fleet, beside, WEB, ()).ordinal == -1
    fleet.name_group(3, "service:db")
    assert place(fleet, beside, WEB, ()).ordinal == 0, "a group may get its name after its first task"


@pytest.mark.rule("PLACE-003")
def test_an_instance_counts_under_its_first_failing_check() -> None:
    fleet = cluster(host("z", cpu=10), host(cpu=10, memory=10), host(memory=10), host(eni_slots=1), host())
    verdict = place(fleet, Request(256, 512, eni=True, zones=("a",)), WEB, ())
    counts = verdict.rejections
    assert (counts.location, counts.cpu, counts.memory, counts.eni, counts.fitting) == (1, 1, 1, 1, 1)
    assert counts.seen == 5


@pytest.mark.rule("PLACE-065")
def test_the_closest_instance_has_the_most_of_what_it_lacks() -> None:
    fleet = cluster(host(cpu=100), host(cpu=200), host(cpu=200), host(cpu=300, memory=1))
    assert fleet.closest(SMALL, WEB) == (1, "RESOURCE:CPU")


def test_a_decision_moves_nothing() -> None:
    fleet = with_tasks(cluster(*SIX), {0: 1})
    epoch = fleet.epoch
    for strategy in (SERVICE_DEFAULT, RUN_TASK_DEFAULT, (binpack("cpu"), spread("attribute:rack"))):
        place(fleet, SMALL, WEB, strategy, 0.5)
        placement_table(fleet, SMALL, WEB, strategy, 0.5)
    assert fleet.epoch == epoch


def test_strategies_have_one_label() -> None:
    label = strategy_label((spread(ZONE), binpack("memory"), StrategyItem("random", "x")))
    assert label == "spread(attribute:ecs.availability-zone),binpack(memory),random"
