"""The names of a container's states and conditions: each code is the place of its name."""

from __future__ import annotations

import pytest

from ecssim.world import containers

STATES = ("NONE", "MANIFEST_PULLED", "PULLED", "CREATED", "RUNNING", "RESOURCES_PROVISIONED", "STOPPED")
CONDITIONS = ("START", "COMPLETE", "SUCCESS", "HEALTHY")


@pytest.mark.rule("LIFE-050")
def test_the_agent_knows_seven_states_of_a_container_and_ecs_is_told_three() -> None:
    assert containers.CONTAINER_STATUS_NAMES == STATES
    assert [getattr(containers, name) for name in STATES] == list(range(7))
    told = dict(zip(STATES, containers.BACKEND_STATUS, strict=True))
    assert told == {
        "NONE": "PENDING",
        "MANIFEST_PULLED": "PENDING",
        "PULLED": "PENDING",
        "CREATED": "PENDING",
        "RUNNING": "RUNNING",
        "RESOURCES_PROVISIONED": "RUNNING",
        "STOPPED": "STOPPED",
    }


def test_conditions_of_depends_on_are_spelt_as_the_api_does() -> None:
    assert containers.CONDITION_NAMES == CONDITIONS
    assert [getattr(containers, name) for name in CONDITIONS] == list(range(4))
