"""The peak of a subnet: the instant, who held what, and what had made it so."""

from __future__ import annotations

from typing import Any

import pytest
from builders import awsvpc, fargate, percent, scenario, service, subnet, task_definition

import ecssim
from ecssim.results.address_demand import Demand, demands
from ecssim.results.facts import Facts
from ecssim.results.subnet_figures import held_at, subnet_figures
from ecssim.scenario.load import load_mapping


def peak(*timeline: dict[str, Any], **parts: Any) -> Demand:
    """The peak of a subnet with six tasks that ran before the hour began."""
    edge = task_definition("edge", networkMode="awsvpc", requiresCompatibilities=["FARGATE"])
    document = scenario(
        **{
            "initialState": "steady",
            "subnets": [subnet("a", addressesInUse=3)],
            "taskDefinitions": [edge],
            "services": [fargate("web", 6, taskDefinition="edge", deploymentConfiguration=percent(100, 150))],
            "timeline": list(timeline),
            **parts,
        }
    )
    facts = Facts(ecssim.run(load_mapping(document)))
    (found,) = demands(facts)
    assert sum(found.consumers.values()) == found.needed == subnet_figures(facts)[0].used_max
    return found


def call(at: str, **with_: Any) -> dict[str, Any]:
    return {"at": at, "call": "UpdateService", "with": {"cluster": "prod", "service": "web", **with_}}


def test_where_nothing_happens_the_usual_load_is_the_peak() -> None:
    found = peak()
    assert (found.needed, found.consumers, found.causes) == (9, {"web": 6, "declared": 3}, ())
    assert "usual load" in found.cause


def test_a_deployment_is_the_cause_from_its_begin_to_its_end() -> None:
    found = peak(call("20m", forceNewDeployment=True))
    assert found.consumers["web"] == 12
    assert [(c.kind, c.addresses, c.t) for c in found.causes] == [("deployment", 6, 1200.0)]
    assert "the deployment of edge:1 (service web, +6) that began at 20m00s" in found.cause


def test_a_scale_out_is_told_from_the_call_that_made_it() -> None:
    found = peak(call("20m", desiredCount=11))
    assert [(c.kind, c.addresses) for c in found.causes] == [("scale-out", 5)]
    assert "web scaled out from 6 to 11 tasks by a call at 20m00s" in found.cause


def test_a_scale_out_of_an_hour_ago_is_still_the_cause_of_a_peak_that_little_was_added_to() -> None:
    job = {
        "name": "nightly",
        "arrivals": {"every": "50m"},
        "runTask": {
            "cluster": "prod",
            "taskDefinition": "edge",
            "launchType": "FARGATE",
            "networkConfiguration": awsvpc(),
        },
    }
    found = peak(call("2m", desiredCount=11), jobs=[job], behaviour={"edge": {"stopsAfter": "1s"}})
    assert found.consumers["web"] == 11
    assert found.causes[0].kind == "scale-out"
    assert ("job", 1) in [(c.kind, c.addresses) for c in found.causes]
    assert "standalone tasks of edge (+1)" in found.cause


def test_tasks_that_replace_reclaimed_ones_are_told_by_the_reclaim() -> None:
    spot = service(
        "web", 6, taskDefinition="edge", networkConfiguration=awsvpc(),
        capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
    )  # fmt: skip
    found = peak(
        {"at": "20m", "fault": "spotReclaim", "with": {"capacityProvider": "FARGATE_SPOT", "fraction": 1.0}},
        clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE_SPOT"]}],
        services=[spot],
        model={"spotDroughtMinutes": 0},
    )
    assert found.needed == 3 + 12
    assert [(c.kind, c.of, c.addresses, c.t) for c in found.causes] == [("reclaim", "web", 6, 1200.0)]


def test_addresses_that_others_take_are_named() -> None:
    found = peak({"at": "20m", "fault": "addressesTaken", "with": {"subnet": "a", "count": 40}})
    assert (found.needed, found.causes[0].kind) == (49, "others")
    assert found.cause == "addresses that others took (+40)"


@pytest.mark.parametrize("name", ["spot_mix", "addresses_on_ec2"])
def test_what_is_told_of_a_peak_is_what_the_tables_say(name: str) -> None:
    from tests.golden.summaries import ROOT

    facts = Facts(ecssim.run(ecssim.load(ROOT / "scenarios" / f"{name}.yaml")))
    for found, figures in zip(demands(facts), subnet_figures(facts), strict=True):
        assert found.needed == figures.used_max == sum(found.consumers.values())
        tasks = {k: v for k, v in held_at(facts, figures.code, found.at).items() if k in ("feed", "shop-fargate")}
        assert tasks.items() <= found.consumers.items()
