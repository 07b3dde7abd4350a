"""A rolling update played with bare counts, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from builders import awsvpc, behind, fargate, percent, scenario, subnet, target_group, task_definition

import ecssim
from ecssim.decide.reconcile import limits
from ecssim.results.address_fixes import rollout_at
from ecssim.results.facts import Facts
from ecssim.results.rehearsal import most_in_a_zone, share_of_zone
from ecssim.results.subnet_figures import subnet_figures
from ecssim.scenario.load import load_mapping

TURN = np.array([40.0])


@pytest.mark.rule("DEPLOY-013")
def test_tasks_that_drain_do_not_count_against_the_maximum() -> None:
    # Four tasks, one more at a time, forty seconds each: with a drain of 90 s up to three old ones drain at once.
    assert most_in_a_zone(4, 1, limits(4, 100, 125), TURN, 90.0) == [4 + 1 + 3]
    assert most_in_a_zone(4, 1, limits(4, 100, 125), TURN, 30.0) == [4 + 1 + 1]


@pytest.mark.rule("DEPLOY-012")
def test_tasks_that_may_go_first_hold_their_addresses_beside_their_successors() -> None:
    # Two stop and drain, two start in their places, and so on: every old task beside every new one.
    assert most_in_a_zone(4, 1, limits(4, 50, 100), TURN, 30.0) == [6]
    assert most_in_a_zone(4, 1, limits(4, 50, 100), TURN, 300.0) == [8]


@pytest.mark.rule("PLACE-070")
def test_waves_of_an_odd_number_fill_one_zone_more_than_waves_of_an_even_number() -> None:
    even = most_in_a_zone(40, 2, limits(40, 100, 110), TURN, 300.0)
    odd = most_in_a_zone(40, 2, limits(40, 100, 108), TURN, 300.0)
    # Forty and the wave want to run, and eight waves drain at a time: waves of four divide evenly ...
    assert even == [(44 + 8 * 4) // 2] * 2
    # ... and those of three do not, although they are fewer.
    assert max(odd) > (43 + 8 * 3) / 2 + 3


def test_an_update_that_may_do_nothing_holds_what_there_was() -> None:
    assert most_in_a_zone(4, 2, limits(4, 100, 100), TURN, 60.0) == [2, 2]
    assert most_in_a_zone(0, 2, limits(0, 100, 200), TURN, 60.0) == [0, 0]


def test_of_the_subnets_of_one_zone_one_may_get_more_than_its_part() -> None:
    assert share_of_zone(40, 1) == 40
    assert share_of_zone(40, 2) == 30, "three standard deviations above the half"
    assert share_of_zone(1, 2) == 1


@pytest.mark.rule("DEPLOY-013", "PLACE-012")
@pytest.mark.parametrize("zones", [1, 2, 3])
@pytest.mark.parametrize(
    ("minimum", "maximum", "drain"),
    [(100, 200, 60), (100, 150, 300), (100, 110, 10), (100, 108, 300), (100, 115, 120), (50, 100, 60), (75, 125, 180)],
)
def test_no_zone_of_a_deployment_holds_more_than_was_rehearsed(
    zones: int, minimum: int, maximum: int, drain: int
) -> None:
    names = "abc"[:zones]
    deploy = {"cluster": "prod", "service": "web", "forceNewDeployment": True}
    document = scenario(
        timing={"profile": "typical"},
        initialState="steady",
        subnets=[subnet(name, f"us-east-1{name}", f"10.0.{i}.0/24") for i, name in enumerate(names)],
        taskDefinitions=[
            task_definition(
                "edge", networkMode="awsvpc", requiresCompatibilities=["FARGATE"],
                container={"portMappings": [{"containerPort": 80}]},
            )
        ],
        targetGroups=[target_group("tg", targetType="ip", deregistrationDelay=drain)],
        services=[
            fargate(
                "web", 37, taskDefinition="edge", networkConfiguration=awsvpc(*names), loadBalancers=behind("tg"),
                deploymentConfiguration=percent(minimum, maximum), healthCheckGracePeriodSeconds=120,
            )
        ],
        behaviour={"edge": {"readyAfter": {"lognormal": {"median": "10s", "p95": "25s"}}}},
        timeline=[{"at": "5m", "call": "UpdateService", "with": deploy}],
    )  # fmt: skip
    loaded = load_mapping(document)
    for seed in (1, 2, 3):
        facts = Facts(ecssim.run(loaded, seed=seed))
        figures = subnet_figures(facts)
        rollout = rollout_at(facts, figures[0].code, 310.0)
        assert rollout is not None
        rehearsed = rollout.share(minimum, maximum, [f"us-east-1{name}" for name in names])
        most = max(of.used_max for of in figures)
        assert most <= rehearsed
        # And it is no idle bound: a few addresses above what is held.
        assert rehearsed <= 1.25 * most + 3
