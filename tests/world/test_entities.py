"""What a new entity says of itself before anything has happened to it."""

from __future__ import annotations

from math import isnan
from typing import Any, cast

from ecssim.world.entities import Task
from ecssim.world.fleet import Fleet
from ecssim.world.requests import ZONE_ATTRIBUTE, InstanceSpec, Request, Resources
from ecssim.world.states import NOT_STOPPED, PROVISIONING, UNKNOWN


def test_a_new_task_has_no_place_no_end_and_no_times() -> None:
    nobody = cast("Any", None)
    task = Task(7, nobody, nobody, None, 3, (), 12.0)
    assert (task.ordinal, task.k, task.created_at) == (7, 3, 12.0)
    assert (task.status, task.running, task.health) == (PROVISIONING, True, UNKNOWN)
    assert (task.instance, task.subnet, task.address, task.exit_code) == (-1, -1, -1, -1)
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
