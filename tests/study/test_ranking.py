"""The ranking of policies: fewer lost requests first, what is equal but for luck by dollars."""

from __future__ import annotations

from typing import Any

import pytest
from builders import fargate, scenario, task_definition
from scaling_rig import target, tracking

import ecssim
from ecssim.scenario.load import load_mapping
from ecssim.study.comparison import Comparison
from ecssim.study.measures import MEASURES
from ecssim.study.ranking import ranked

NAN = float("nan")


def compared(arms: dict[str, dict[str, tuple[float, ...]]]) -> Comparison:
    """A comparison of made-up figures; what is not given is as good as unknown."""
    seeds = len(next(iter(arms.values()))["success"])
    whole = {"activities": (4.0,) * seeds, "flaps": (0.0,) * seeds}
    values = {arm: {m: {**whole, **given}.get(m, (NAN,) * seeds) for m in MEASURES} for arm, given in arms.items()}
    return Comparison(tuple(arms), tuple(range(seeds)), values, dict.fromkeys(arms, ""))


def arm(success: Any, cost: Any) -> dict[str, tuple[float, ...]]:
    return {"success": tuple(success), "cost_usd": tuple(cost)}


def test_who_loses_fewer_comes_first_whatever_it_costs():
    found = compared({"cheap": arm([0.9], [1.0]), "dear": arm([1.0], [9.0])})
    assert ranked(found) == (("dear",), ("cheap",))


def test_who_loses_as_many_is_ordered_by_cost():
    found = compared({"dear": arm([1.0], [9.0]), "cheap": arm([0.99995], [1.0]), "worse": arm([0.99], [0.5])})
    assert ranked(found) == (("cheap", "dear"), ("worse",))


def test_what_luck_can_make_does_not_decide():
    found = compared({"dear": arm([0.99, 0.95, 0.97], [9.0] * 3), "cheap": arm([0.96, 0.97, 0.95], [1.0] * 3)})
    assert ranked(found) == (("cheap", "dear"),)
    surely = compared({"dear": arm([0.99, 0.95, 0.97], [9.0] * 3), "cheap": arm([0.96, 0.92, 0.94], [1.0] * 3)})
    assert ranked(surely) == (("dear",), ("cheap",))


def test_few_seeds_decide_if_all_of_them_say_the_same():
    found = compared({"dear": arm([1.0, 1.0], [9.0] * 2), "cheap": arm([0.99, 0.95], [1.0] * 2)})
    assert ranked(found) == (("dear",), ("cheap",))


def test_there_is_no_ranking_where_nothing_scales_or_nobody_asks():
    still = {"activities": (0.0,), "flaps": (0.0,)}
    assert ranked(compared({"a": arm([1.0], [1.0]) | still, "b": arm([1.0], [2.0]) | still})) == ()
    assert compared({"a": arm([NAN], [1.0]), "b": arm([NAN], [2.0])}).ranking == ()


@pytest.fixture(scope="module")
def played() -> Comparison:
    document = scenario(
        duration="1h",
        initialState="steady",
        taskDefinitions=[
            task_definition(
                networkMode="awsvpc",
                requiresCompatibilities=["FARGATE"],
                cpu="1024",
                memory="2048",
                container={"portMappings": [{"containerPort": 80}]},
            )
        ],
        services=[fargate(count=4)],
        scalableTargets=[target(2)],
        behaviour={"app": {"request": {"cpuSeconds": 0.02, "latency": "10ms"}}},
        traffic=[
            {
                "name": "users",
                "to": {"service": "web"},
                "pattern": "steps",
                "steps": [{"at": "0m", "rate": 60}, {"at": "30m", "rate": 300}],
            }
        ],
        variants={"tracked": {"scalingPolicies": [tracking()]}, "kept": {"services.web.desiredCount": 12}},
    )
    return ecssim.compare(load_mapping(document), seeds=1, workers=1)


def test_a_run_is_ranked_in_words(played):
    first, *rest = played.ranking
    assert first.startswith("Ranking")
    assert [line.split(":")[0] for line in rest] == ["1. kept", "2. tracked", "3. base"]
    assert "is there before a step" in rest[0]
    assert "has the tasks for a step in load after" in rest[1]
    assert "has the tasks for a step in load too late" in rest[2]
    assert played.text().endswith("\n".join(played.ranking))


def waiting(*p95: float) -> dict[str, tuple[float, ...]]:
    return {"p95_latency": p95}


def test_of_those_who_lose_as_many_the_much_slower_one_comes_later_whatever_it_saves():
    found = compared({"cheap": arm([1.0], [1.0]) | waiting(4.0), "quick": arm([1.0], [9.0]) | waiting(0.2)})
    assert ranked(found) == (("quick",), ("cheap",))


@pytest.mark.parametrize(
    ("quick", "slow"),
    [
        pytest.param((0.2,), (0.25,), id="not much longer"),
        pytest.param((0.02,), (0.08,), id="by so little that nobody feels it"),
        pytest.param((1.0, 4.0, 1.2), (3.0, 2.0, 4.0), id="luck can make it"),
        pytest.param((NAN,), (4.0,), id="not known"),
    ],
)
def test_response_times_that_say_little_leave_the_order_to_cost(quick: tuple, slow: tuple):
    ones = [1.0] * len(quick)
    found = compared(
        {
            "dear": arm(ones, [9.0] * len(ones)) | waiting(*quick),
            "cheap": arm(ones, ones) | waiting(*slow),
        }
    )
    assert ranked(found) == (("cheap", "dear"),)


def test_lost_requests_weigh_more_than_response_times():
    found = compared({"quick": arm([0.9], [1.0]) | waiting(0.1), "slow": arm([1.0], [9.0]) | waiting(9.0)})
    assert ranked(found) == (("slow",), ("quick",))


def test_the_ranking_says_how_long_clients_wait(played):
    assert all("answers within " in line for line in played.ranking[1:])
