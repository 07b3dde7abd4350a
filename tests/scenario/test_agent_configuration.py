"""What an agent can be told, and what is said about the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecssim.aws.agent import go_seconds
from ecssim.errors import BadInput
from ecssim.scenario.load import load_scenario

WELL = Path(__file__).parent / "wrong" / "well.yaml"
AGENT = "autoScalingGroups.web-asg.agent="


def problems(agent: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        load_scenario(WELL, sets=[AGENT + agent])
    return [p.message for p in caught.value.problems]


def warnings(agent: str) -> list[str]:
    return [p.message for p in load_scenario(WELL, sets=[AGENT + agent]).warnings]


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("3h", 10800), ("1h30m", 5400), ("1.5m", 90), ("250ms", 0.25), ("", 0)]
)
def test_durations_are_written_as_go_writes_them(text: str, seconds: float) -> None:
    assert go_seconds(text) == seconds


@pytest.mark.rule("AGENT-007")
@pytest.mark.parametrize(
    ("agent", "ports"),
    [
        pytest.param(f"{{ECS_RESERVED_PORTS: {list(range(1, 102))}}}", 101, id="TCP"),
        pytest.param(f"{{ECS_RESERVED_PORTS_UDP: {list(range(1, 97))}}}", 101, id="UDP and the agent's five"),
    ],
)
def test_more_than_a_hundred_reserved_ports_are_refused(agent: str, ports: int) -> None:
    (message,) = problems(agent)
    assert "at most 100 reserved ports" in message
    assert f"got {ports}" in message


@pytest.mark.rule("AGENT-007")
@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(f"{{ECS_RESERVED_PORTS: {list(range(1, 101))}}}", id="a hundred"),
        pytest.param(f"{{ECS_RESERVED_PORTS: {[*range(1, 101), *range(1, 10)]}}}", id="some of them twice"),
        pytest.param(f"{{ECS_RESERVED_PORTS_UDP: {list(range(1, 96))}}}", id="with the agent's own"),
    ],
)
def test_a_hundred_reserved_ports_are_taken(agent: str) -> None:
    assert warnings(agent) == []


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("{ECS_DYNAMIC_HOST_PORT_RANGE: 50000-40000}", "the lower one first"),
        ("{ECS_DYNAMIC_HOST_PORT_RANGE: 50000-70000}", "expected two ports"),
        ("{ECS_IMAGE_CLEANUP_INTERVAL: soon}", "ECS_IMAGE_CLEANUP_INTERVAL"),
        ("{ECS_NUM_IMAGES_DELETE_PER_CYCLE: 0}", "ECS_NUM_IMAGES_DELETE_PER_CYCLE"),
        ("{ECS_RESERVED_PORTS: [0]}", "ECS_RESERVED_PORTS"),
        ("{ECS_IMAGE_PULL_BEHAVIOR: sometimes}", "ECS_IMAGE_PULL_BEHAVIOR"),
    ],
)
def test_what_makes_no_sense_is_refused(agent: str, words: str) -> None:
    (message,) = problems(agent)
    assert words in message


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        pytest.param(
            "{ECS_RESERVED_MEMORY: 7988, ECS_CLUSTER: prod}",
            "its agent fails to register",
            marks=pytest.mark.rule("AGENT-005"),
            id="memory",
        ),
        pytest.param(
            "{ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION: 10ms}",
            "does not take 10ms",
            marks=pytest.mark.rule("AGENT-035"),
            id="task cleanup",
        ),
        pytest.param(
            "{ECS_IMAGE_CLEANUP_INTERVAL: 5m}",
            "600 s is the least",
            marks=pytest.mark.rule("AGENT-036"),
            id="image cleanup",
        ),
        pytest.param(
            "{ECS_CONTAINER_START_TIMEOUT: 30s}",
            "45 s is the least",
            marks=pytest.mark.rule("AGENT-033"),
            id="start time-out",
        ),
        pytest.param("{ECS_CONTAINER_CREATE_TIMEOUT: 5m}", "not modelled yet", id="create time-out"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(agent: str, words: str) -> None:
    (message,) = warnings(agent)
    assert words in message


def test_the_largest_reserve_of_memory_that_works_is_no_warning() -> None:
    assert not any("register" in line for line in warnings("{ECS_RESERVED_MEMORY: 7987}"))
