"""How scaling is judged: demand against tasks, steps in load, flaps; by hand and in runs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from builders import Document, call, fargate, scenario, task_definition
from scaling_rig import target, tracking

import ecssim
from ecssim.results.facts import Facts
from ecssim.results.provisioning import flaps, mean_held, reached, rises, shortfall, surplus
from ecssim.results.result import Result
from ecssim.results.scaling_figures import Scaling, scaling_figures, total
from ecssim.scenario.load import load_mapping

#: One request takes 20 ms of one vCPU: a task is full at 50 a second.
COSTS = {"app": {"request": {"cpuSeconds": 0.02, "latency": "10ms"}}}
APP = task_definition(
    networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="1024", memory="2048",
    container={"portMappings": [{"containerPort": 80}]},
)  # fmt: skip


def played(*rates: tuple[str, int], count: int = 4, **parts: Any) -> Result:
    """A service under load that rises and falls in steps, with no delays but those of metrics and starts."""
    steps = [{"at": at, "rate": rate} for at, rate in rates]
    base: Document = {
        "duration": "1h",
        "initialState": "steady",
        "taskDefinitions": [APP],
        "services": [fargate(count=count)],
        "behaviour": COSTS,
        "traffic": [{"name": "users", "to": {"service": "web"}, "pattern": "steps", "steps": steps}],
    }
    return ecssim.run(load_mapping(scenario(**(base | parts))))


def judged(result: Result) -> Any:
    found = scaling_figures(Facts(result), result.bill(), every=True)
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("demand", "there", "short", "above"),
    [
        ([2.0, 2.0], [2, 2], [0, 0], [0, 0]),
        ([2.5, 2.5], [2, 4], [0.5, 0], [0, 1]),  # of four tasks three are wanted, the third half of the time
        ([0.0, 10.0], [3, 3], [0, 7], [3, 0]),
        ([0.1, 0.1], [1, 0.5], [0, 0], [0, 0]),
    ],
)
def test_too_few_and_too_many_tasks(demand, there, short, above):
    wanted, tasks = np.array(demand), np.array(there, float)
    assert shortfall(wanted, tasks) == pytest.approx(short)
    assert surplus(wanted, tasks) == pytest.approx(above)


@pytest.mark.parametrize(
    ("demand", "found"),
    [
        ([4, 4, 4], []),
        ([4, 8, 8], [(0, 1)]),
        ([4, 4.9, 6], []),  # by less than a quarter, and then by more: 1.1 of 4.9 is not a quarter either
        ([4, 5, 5], [(0, 1)]),
        ([0.1, 0.9, 0.9], []),  # less than one task
        ([2, 6, 10, 10, 20], [(0, 2), (3, 4)]),  # a ramp of two minutes is one step
        ([10, 5, 10], [(1, 2)]),
    ],
)
def test_steps_in_a_load(demand, found):
    assert rises(np.array(demand, float)) == found


@pytest.mark.parametrize(
    ("t", "change", "found"),
    [
        ([], [], 0),
        ([0, 600], [2, 2], 0),
        ([0, 600], [2, -1], 1),
        ([0, 1800], [2, -1], 1),
        ([0, 1801], [2, -1], 0),
        ([0, 600, 1200, 1800], [1, -1, 1, -1], 3),
        ([0, 600, 1200], [1, 0, -1], 1),  # what changed nothing is no activity
    ],
)
def test_flaps_are_reversals_within_half_an_hour(t, change, found):
    assert flaps(np.array(t, float), np.array(change)) == found


@pytest.mark.parametrize(
    ("wanted", "t", "end", "found"),
    [
        (2, 0.0, 100.0, 0.0),
        (3, 0.0, 100.0, 30.0),
        (4, 0.0, 100.0, 60.0),
        (4, 70.0, 100.0, math.nan),  # one has gone at 65, and nobody comes
        (4, 0.0, 60.0, math.nan),  # the load is gone when the fourth comes
        (5, 0.0, 100.0, math.nan),
    ],
)
def test_the_instant_at_which_so_many_are_there(wanted, t, end, found):
    begin, until = np.array([-9.0, -9.0, 30.0, 60.0]), np.array([65.0])
    assert reached(begin, until, wanted, t, end) == pytest.approx(found, nan_ok=True)


def test_the_mean_of_what_is_held_counts_parts_of_a_minute():
    begin, until = np.array([-100.0, 30.0, 90.0, np.nan]), np.array([np.nan, 75.0, np.nan, 80.0])
    assert mean_held(begin, until, np.array([0.0, 60.0, 120.0])) == pytest.approx([1.5, 1 + 15 / 60 + 30 / 60])


def test_demand_in_tasks_is_rate_times_cost():
    curves = Scaling(Facts(played(("0m", 100), ("30m", 25)))).curves(1, 1)
    assert curves is not None
    assert curves.demand[5:25].mean() == pytest.approx(2.0, rel=0.02)
    assert curves.demand[35:].mean() == pytest.approx(0.5, rel=0.03)
    assert curves.running.tolist() == curves.healthy.tolist() == [4.0] * 60


def test_a_service_of_four_tasks_for_two_has_two_too_many():
    figures = judged(played(("0m", 99)))
    assert figures.over == pytest.approx(2 * 60, rel=0.05)
    assert figures.under == 0.0
    assert figures.policies == ()
    assert figures.activities == figures.flaps == 0


def test_without_scaling_a_step_never_gets_its_tasks_and_the_missing_ones_are_counted():
    figures = judged(played(("0m", 100), ("20m", 300)))  # from two tasks to six, of which there are four
    assert [round(step.t / 60) for step in figures.steps] == [20]
    assert math.isnan(figures.steps[0].seconds)
    assert figures.under == pytest.approx(2 * 40, rel=0.03)
    assert figures.short_minutes == 40
    entry = figures.as_json()
    assert (entry["steps_in_load"], entry["steps_without_capacity"], entry["time_to_capacity"]) == (1, 1, None)
    assert entry["lost_requests"] > 0


def test_with_tracking_a_step_gets_its_tasks_when_the_last_of_them_is_healthy():
    result = played(
        ("0m", 100), ("20m", 300), scalableTargets=[target(2)], scalingPolicies=[tracking()]
    )  # fmt: skip
    figures = judged(result)
    (step,) = figures.steps
    curves = Scaling(Facts(result)).curves(figures.service, figures.cluster)
    assert curves is not None
    wanted = math.ceil(step.after)
    tasks = result.tasks
    healthy = np.sort(tasks.healthy_at.dropna())
    assert step.seconds == pytest.approx(healthy[wanted - 1] - 1200.0, abs=1e-3)
    assert 60 < step.seconds < 600
    assert figures.policies == ("cpu50",)
    moves = result.scaling_activities.query("from_count != to_count")
    assert figures.activities == len(moves) > 0
    assert result.summary()["services"]["web"]["scaling"] == figures.as_json()


def test_tasks_that_are_there_before_a_step_wait_no_time():
    result = played(("0m", 100), ("20m", 300), count=12)
    assert [step.seconds for step in judged(result).steps] == [0.0]
    assert total([judged(result)])["time_to_capacity"] == 0.0


def test_a_task_that_would_be_needed_in_part_is_needed():
    (step,) = judged(played(("0m", 100), ("20m", 320), count=6)).steps
    assert 6 < step.after < 7
    assert math.isnan(step.seconds)


def test_a_load_that_is_gone_before_its_tasks_come_has_missed_them():
    quick = played(("0m", 100), ("20m", 400), ("22m", 100), scalableTargets=[target(2)], scalingPolicies=[tracking()])
    assert total([judged(quick)])["steps_missed"] == 1.0


def test_a_service_without_policies_is_judged_in_comparisons_only():
    result = played(("0m", 100))
    assert scaling_figures(Facts(result), result.bill()) == []
    assert "scaling" not in result.summary()["services"]["web"]


def test_without_requests_there_is_no_demand_and_nothing_to_compare():
    result = ecssim.run(load_mapping(scenario(duration="10m", taskDefinitions=[APP], services=[fargate(count=2)])))
    assert all(math.isnan(value) for value in total(scaling_figures(Facts(result), result.bill(), every=True)).values())


def test_demand_is_counted_in_tasks_of_the_revision_that_serves_it():
    """The second revision has two vCPUs: the same load fills half as many of its tasks, from its release on."""
    larger = APP | {"cpu": "2048", "memory": "4096"}
    release = call("20m", "UpdateService", cluster="prod", service="web", taskDefinition="app:2")
    result = played(("0m", 100), taskDefinitions=[APP, larger], timeline=[release])
    (service, cluster), *_ = Scaling(Facts(result)).services()
    curves = Scaling(Facts(result)).curves(service, cluster)
    assert curves is not None
    assert curves.demand[:20].mean() == pytest.approx(2.0, rel=0.01)
    assert curves.demand[-20:].mean() == pytest.approx(1.0, rel=0.01)
    between = curves.demand[20:40]
    assert (between <= 2.0 * 1.05).all()
    assert (between >= 0.95).all()
