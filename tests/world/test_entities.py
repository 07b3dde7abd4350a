"""What a new entity says of itself before anything has happened to it."""

from __future__ import annotations

from math import inf, isnan
from typing import Any, cast

import pytest

from ecssim.world.containers import Container
from ecssim.world.fleet import Fleet
from ecssim.world.instances import AutoScalingGroup, Instance, InstanceKind, InstanceShape
from ecssim.world.places import Subnet
from ecssim.world.requests import ZONE_ATTRIBUTE, InstanceSpec, Request, Resources
from ecssim.world.services import Deployment, Owner, Service
from ecssim.world.states import ACTIVE, IN_PROGRESS, NOT_STOPPED, PROVISIONING, STOPPED, STOPPING, UNKNOWN
from ecssim.world.tasks import Task, Template


def test_a_new_task_has_no_place_no_end_and_no_times() -> None:
    nobody = cast("Any", None)
    task = Task(7, nobody, nobody, None, 3, (), 12.0)
    assert (task.ordinal, task.k, task.created_at) == (7, 3, 12.0)
    assert (task.status, task.running, task.health) == (PROVISIONING, True, UNKNOWN)
    assert (task.instance, task.subnet, task.address, task.exit_code, task.cell) == (-1, -1, -1, -1, -1)
    assert (task.provider, task.last_event, task.epoch, task.reason, task.stop_code) == (0, 0, 0, 0, NOT_STOPPED)
    assert (task.holds_agent, task.exited, task.targets) == (False, False, None)
    assert task.runs_for < 0.0 == task.protected_until
    times = [name for name in Task.__slots__ if name.endswith("_at") and name != "created_at"]
    assert all(isnan(getattr(task, name)) for name in times)


def test_an_instance_of_which_no_more_is_said_has_no_zone_no_provider_and_nothing_to_attach_to() -> None:
    fleet = Fleet()
    ordinal = fleet.add(InstanceSpec(cpu=1024, memory=512))
    assert fleet.registered(ordinal) == Resources(cpu=1024, memory=512, gpus=0, eni_slots=0)
    assert fleet.spread_value(ordinal, f"attribute:{ZONE_ATTRIBUTE}") == ""
    assert fleet.ports(ordinal) == (frozenset(), frozenset())
    assert fleet.fits(ordinal, Request(1024, 512), 1)
    assert not fleet.fits(ordinal, Request(1, 1, capacity_provider="blue"), 1)
    assert not fleet.fits(ordinal, Request(1, 1, zones=("a",)), 1)


def nobodys(kind: type) -> Any:
    """One of the kind whose cluster, template, luck and the like do not matter here."""
    nobody = cast("Any", None)
    if kind is Deployment:
        return Deployment(4, nobody, nobody, 12.0)
    return kind(4, "web", nobody, 2, 9, 77, nobody)


def test_a_new_owner_has_launched_nothing() -> None:
    owner = nobodys(Owner)
    assert (owner.ordinal, owner.name, owner.group, owner.code, owner.key) == (4, "web", 2, 9, 77)
    assert (owner.launched, owner.service_code, owner.job) == (0, 0, None)


def test_a_new_service_wants_nothing_and_has_the_percentages_of_a_rolling_update() -> None:
    service = nobodys(Service)
    assert (service.desired, service.minimum_healthy_percent, service.maximum_percent) == (0, 100, 200)
    assert (service.created_at, service.grace, service.pass_phase, service.next_steady_event) == (0, 0, 0, 0)
    assert (service.revisions, service.unplaced, service.backoffs, service.wake_at) == (0, 0, 0, inf)
    flags = "daemon", "dirty", "steady", "reminded", "impaired", "rebalancing", "rebalances", "rebalance_armed"
    assert [name for name in flags if getattr(service, name)] == []
    assert service.status == "ACTIVE"


@pytest.mark.rule("SVC-052")
def test_a_service_keeps_its_latest_hundred_events() -> None:
    service = nobodys(Service)
    service.events.extend((float(i), i, "") for i in range(250))
    assert [event[0] for event in service.events] == list(range(150, 250))


def test_a_new_deployment_is_in_progress_and_has_counted_nothing() -> None:
    deployment = nobodys(Deployment)
    assert (deployment.ordinal, deployment.created_at, deployment.primary_at) == (4, 12.0, 12.0)
    assert deployment.rollout_state == IN_PROGRESS
    assert (deployment.reason, deployment.id) == ("", "")
    counts = (
        "active", "running", "healthy", "stopping", "failed_tasks", "failed_in_row", "failures", "lost", "replaced",
        "peak_tasks", "code", "event", "cause", "throttle_until",
    )  # fmt: skip
    assert {name: getattr(deployment, name) for name in counts} == dict.fromkeys(counts, 0)
    # Both are compared with times from the start of the run on: "never yet" lies before it.
    assert deployment.attempt_failed_at < 0.0 > deployment.ripe_last
    assert isnan(deployment.finished_at)


SHAPE = InstanceShape(2048, 3900, 1, 3, False, (("tcp", 22),), (("ecs.os-type", "linux"),))


def instance_of(ordinal: int, zone: str = "a", *, type: str = "m5.large", weight: int = 1, spot: bool = False) -> Any:
    return Instance(ordinal, f"i-{ordinal}", 0, cast("Any", None), zone, 0, InstanceKind(type, SHAPE, weight), spot)


def test_a_new_instance_is_up_empty_and_registered_nowhere() -> None:
    instance = instance_of(3)
    assert (instance.status, instance.connected, instance.online) == (ACTIVE, True, True)
    assert (instance.fleet_ordinal, instance.address, instance.trunk_address) == (-1, -1, -1)
    assert (instance.number, instance.claims, instance.epoch, instance.last_event) == (0, 0, 0, 0)
    assert (instance.taken_back, instance.retiring, instance.ended) == (False, False, False)
    assert (instance.agent_cpu, instance.agent_memory, instance.agent_gpus) == (2048, 3900, 1)
    assert instance.agent_ports == {("tcp", 22)}
    assert instance.attributes == {"ecs.os-type": "linux"}
    # Nothing is under way: these are compared with times from the start of the run on.
    assert (instance.busy_until, instance.clean_at, instance.locked_until, instance.cut_until) == (0, 0, 0, 0)
    assert instance.cleaned == (0.0, 0)
    for name in ("launched_at", "registered_at", "draining_at", "terminated_at"):
        assert isnan(getattr(instance, name)), name
    instance.terminated_at = 0.0
    assert instance.ended


def group_of(**said: Any) -> AutoScalingGroup:
    nobody = cast("Any", None)
    return AutoScalingGroup(0, "g", 0, nobody, "m5.large", SHAPE, (0,), 0, 10, 2, None, 0, (), **said)


def test_a_group_counts_its_instances_by_zone_market_and_weight() -> None:
    group = group_of()
    members = [
        instance_of(0, "a", weight=2),
        instance_of(1, "b", type="c5.large", weight=4, spot=True),
        instance_of(2, "b", type="c5.large", weight=4, spot=True),
        instance_of(3, "a", type="c5.large", weight=4, spot=True),
    ]
    for member in members:
        group.join(member)
    assert list(group.instances) == [0, 1, 2, 3]
    assert (group.size, group.on_demand_size) == (14, 2)
    assert group.zone_counts == {"a": 2, "b": 2}
    assert group.spot_counts == {("c5.large", "b"): 2, ("c5.large", "a"): 1}
    group.part(members[0])
    group.part(members[1])
    assert list(group.instances) == [2, 3]
    assert (group.size, group.on_demand_size) == (8, 0)
    assert group.zone_counts == {"a": 1, "b": 1}
    assert group.spot_counts == {("c5.large", "b"): 1, ("c5.large", "a"): 1}


def test_a_new_subnet_has_failed_nobody_and_no_ipv6() -> None:
    subnet = Subnet(0, "subnet-a", 0, "eu-west-1a", 167772160, 256, None)
    assert (subnet.reserved, subnet.failed, subnet.ipv6, dict(subnet.used)) == (5, 0, 0, {})
    assert isnan(subnet.exhausted_at)


def test_a_new_container_has_not_run_and_nobody_has_been_told_of_it() -> None:
    nobody = cast("Any", None)
    container = Container(nobody, nobody)
    assert (container.epoch, container.status, container.restarts, container.last_event) == (0, 0, 0, 0)
    assert (container.exit_code, container.ends_with) == (-1, -1)
    assert (container.reason, container.signalled, container.ran) == ("", False, False)
    assert (container.health, container.reported) == (UNKNOWN, UNKNOWN)
    # It has asked for no image, and its run is given no end.
    assert container.pulled_at < 0.0 > container.given
    assert (container.manifest_at, container.up_to) == (0.0, inf)
    container.first_started_at = 0.0
    assert container.ran


def test_a_container_waits_for_what_was_queued_last_until_its_task_is_stopped() -> None:
    nobody = cast("Any", None)
    task = Task(7, nobody, nobody, None, 3, (), 12.0)
    container = Container(task, nobody)
    container.epoch = 2
    task.status = STOPPING
    assert [container.waits(epoch) for epoch in (1, 2, 3)] == [False, True, False]
    task.status = STOPPED
    assert not container.waits(2)


def template_of(family: str, **said: Any) -> Template:
    request = Request(256, 512)
    return Template(1, family, 3, "EC2", "bridge", 256, 512, 0, request, {0: request}, (), False, False, **said)


def test_a_template_of_a_mixed_strategy_is_another_one_on_instances() -> None:
    there = template_of("web-on-instances")
    mixed = template_of("web", on_instances=there, instance_providers=frozenset({4, 5}))
    assert [mixed.of_provider(provider) for provider in (4, 5, 6)] == [there, there, mixed]
    assert there.of_provider(4) is there
    assert mixed.name == "web:3"
