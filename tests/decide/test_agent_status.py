"""How the agent names a task's state, and what its introspection API makes of that."""

from __future__ import annotations

import pytest

from ecssim.decide.agent_status import agent_status, introspected
from ecssim.world.states import TASK_STATUS_NAMES


@pytest.mark.rule("LIFE-051")
@pytest.mark.parametrize(
    ("status", "pulled", "known"),
    [
        ("PROVISIONING", False, "NONE"),
        ("PENDING", False, "NONE"),
        ("ACTIVATING", False, "MANIFEST_PULLED"),
        ("ACTIVATING", True, "CREATED"),
        ("RUNNING", True, "RUNNING"),
        ("DEACTIVATING", True, "RUNNING"),
        ("STOPPING", True, "RUNNING"),
        ("DEPROVISIONING", True, "STOPPED"),
        ("STOPPED", False, "STOPPED"),
    ],
)
def test_the_agent_has_words_of_its_own(status: str, pulled: bool, known: str) -> None:
    assert agent_status(TASK_STATUS_NAMES.index(status), pulled) == known


@pytest.mark.rule("META-007")
@pytest.mark.parametrize(
    ("known", "desired", "shown"),
    [
        pytest.param("NONE", "RUNNING", ("PENDING", "RUNNING"), id="just received"),
        pytest.param("CREATED", "RUNNING", ("PENDING", "RUNNING"), id="containers created"),
        pytest.param("RUNNING", "RUNNING", ("RUNNING", "RUNNING"), id="runs as it should"),
        pytest.param("RUNNING", "STOPPED", ("RUNNING", "STOPPED"), id="is being stopped"),
        pytest.param("STOPPED", "STOPPED", ("STOPPED", "STOPPED"), id="has stopped as it should"),
        pytest.param("STOPPED", "RUNNING", ("STOPPED", ""), id="stopped though nobody wanted it"),
        pytest.param("STOPPED", "CREATED", ("STOPPED", ""), id="stopped before it was wanted to run"),
        pytest.param("RUNNING", "CREATED", ("RUNNING", ""), id="runs while it is wanted pending"),
        pytest.param("CREATED", "CREATED", ("PENDING", "PENDING"), id="pending as it should"),
    ],
)
def test_a_desired_status_that_lags_behind_is_empty(known: str, desired: str, shown: tuple[str, str]) -> None:
    assert introspected(known, desired) == shown
