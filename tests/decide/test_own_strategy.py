"""What a user's own placement strategy is shown, and what becomes of what it returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecssim.decide.own_strategy import Instances, OwnField, best
from ecssim.decide.placement import RUN_TASK_DEFAULT, StrategyItem, place
from ecssim.errors import BadInput
from ecssim.world.fleet import Fleet
from ecssim.world.requests import InstanceSpec, Request

TASK = Request(256, 512, gpus=1, eni=True)
OTHER = 7


def cluster() -> Fleet:
    """Two instances in zone a, the first with a task of the group; one in b with a task of another group."""
    fleet = Fleet()
    fleet.add(InstanceSpec(1000, 2000, gpus=3, eni_slots=4, zone="a", attributes={"rack": "r1"}))
    fleet.add(InstanceSpec(1100, 2100, gpus=5, eni_slots=6, zone="a"))
    fleet.add(InstanceSpec(1200, 2200, gpus=7, eni_slots=8, zone="b", attributes={"rack": "r2"}))
    fleet.reserve(0, TASK, 1)
    fleet.reserve(2, TASK, OTHER)
    return fleet


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("cpu", [744, 1100, 944]),
        ("memory", [1488, 2100, 1688]),
        ("gpus", [2, 5, 6]),
        ("enis", [3, 6, 7]),
        ("registered_cpu", [1000, 1100, 1200]),
        ("registered_memory", [2000, 2100, 2200]),
        ("registered_gpus", [3, 5, 7]),
        ("registered_enis", [4, 6, 8]),
        ("group_tasks", [1, 0, 0]),
        ("zone_tasks", [1, 1, 0]),
        ("zone", ["a", "a", "b"]),
    ],
)
def test_columns(column: str, values: list[int | str]) -> None:
    instances = Instances(cluster(), [0, 1, 2], 1)
    assert getattr(instances, column).tolist() == values
    assert len(instances) == 3


def test_columns_of_attributes() -> None:
    instances = Instances(cluster(), [0, 1, 2], 1)
    assert instances.attribute("rack").tolist() == ["r1", "", "r2"]
    assert instances.tasks_by("rack").tolist() == [1, 0, 0]


def test_instances_with_equal_scores_stay_together_in_registration_order() -> None:
    own = OwnField("own:level", lambda task, instances: instances.zone_tasks)
    assert best(cluster(), [0, 1, 2], own, TASK, 1, 0.0) == [2]
    assert best(cluster(), [0, 1], own, TASK, 1, 0.0) == [0, 1]


@pytest.mark.rule("PLACE-020")
def test_a_wrong_answer_names_the_strategy_and_belongs_to_no_line() -> None:
    own = OwnField("own:short", lambda task, instances: [0.0])
    with pytest.raises(BadInput) as caught:
        best(cluster(), [0, 1], own, TASK, 1, 0.0)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column) == ("placementStrategy", 0, 0)
    assert problem.rule == "PLACE-020"
    assert "'own:short'" in problem.message


def drawing(seen: list[float]) -> tuple[StrategyItem, ...]:
    def score(task: Any, instances: Instances) -> Any:
        seen.append(task.draw)
        return -np.arange(len(instances))

    return (StrategyItem("custom", OwnField("own:last", score)),)


def test_a_strategy_of_ones_own_is_given_the_draw_of_the_launch_or_none() -> None:
    seen: list[float] = []
    assert place(cluster(), TASK, 1, drawing(seen), 0.25).ordinal == 2
    assert place(cluster(), TASK, 1, drawing(seen)).ordinal == 2
    assert seen == [0.25, 0.0]


def test_a_name_without_a_function_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match="has no function"):
        place(cluster(), TASK, 1, (StrategyItem("custom", "own:last"),), 0.0)


@pytest.mark.rule("PLACE-010")
def test_run_task_without_a_strategy_takes_any_instance_and_says_random() -> None:
    assert [(item.type, item.field, str(item)) for item in RUN_TASK_DEFAULT] == [("random", "", "random")]
    drawn = {place(cluster(), TASK, 1, RUN_TASK_DEFAULT, u / 10).ordinal for u in range(10)}
    assert drawn == {0, 1, 2}
