"""Each code of a state is the place of its name, and the names are the API's."""

from __future__ import annotations

import pytest

from ecssim.world import states

TABLES = {
    "TASK_STATUS_NAMES": (
        "PROVISIONING",
        "PENDING",
        "ACTIVATING",
        "RUNNING",
        "DEACTIVATING",
        "STOPPING",
        "DEPROVISIONING",
        "STOPPED",
        "DELETED",
    ),
    "INSTANCE_STATUS_NAMES": (
        "REGISTERING",
        "REGISTRATION_FAILED",
        "ACTIVE",
        "DRAINING",
        "DEREGISTERING",
        "INACTIVE",
    ),
    "ROLLOUT_NAMES": ("IN_PROGRESS", "COMPLETED", "FAILED"),
    "HEALTH_NAMES": ("UNKNOWN", "HEALTHY", "UNHEALTHY"),
}


@pytest.mark.parametrize(("table", "names"), TABLES.items(), ids=TABLES)
def test_the_codes_count_up_in_the_order_of_their_names(table: str, names: tuple[str, ...]) -> None:
    assert getattr(states, table)[: len(names)] == names
    assert [getattr(states, name) for name in names] == list(range(len(names)))


def test_stop_codes_and_target_states_are_spelt_as_the_api_does() -> None:
    codes = {
        "TASK_FAILED_TO_START": "TaskFailedToStart",
        "ESSENTIAL_CONTAINER_EXITED": "EssentialContainerExited",
        "USER_INITIATED": "UserInitiated",
        "SERVICE_SCHEDULER_INITIATED": "ServiceSchedulerInitiated",
        "SPOT_INTERRUPTION": "SpotInterruption",
        "TERMINATION_NOTICE": "TerminationNotice",
        "INFRASTRUCTURE_HEALTH": "InfrastructureHealth",
    }
    assert {name: states.STOP_CODE_NAMES[getattr(states, name)] for name in codes} == codes
    assert states.STOP_CODE_NAMES[states.NOT_STOPPED] == ""
    assert [states.STOP_CODE_NAMES.index(code) for code in codes.values()] == list(range(1, 1 + len(codes)))
    targets = ("initial", "healthy", "unhealthy", "draining", "unused")
    assert tuple(states.TARGET_STATE_NAMES[getattr(states, f"TARGET_{name.upper()}")] for name in targets) == targets
