"""A fix is computed, so it is tried: in many settings the printed options make the problem go away."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from builders import group, scenario, service, task_definition

from tests.golden.summaries import ROOT, summary_of

DEMO = ROOT / "scenarios" / "demo.yaml"
PLACEMENT = ROOT / "scenarios" / "placement_strategies.yaml"
SUBNETS = ROOT / "scenarios" / "subnet_exhaustion.yaml"


def problems(summary: dict[str, Any], what: str) -> list[dict[str, Any]]:
    return [finding for finding in summary["findings"] if finding["what"] == what]


def sets_of(finding: dict[str, Any]) -> list[str]:
    return [part for part in shlex.split(finding["fix"]) if part != "--set"]


def percent(value: int) -> str:
    return f"services.checkout.deploymentConfiguration.maximumPercent={value}"


@pytest.mark.rule("NET-050", "NET-060", "DEPLOY-013", "PLACE-012")
@pytest.mark.parametrize(
    "sets",
    [
        pytest.param(["seed=1"], id="another seed"),
        pytest.param(["seed=2", "targetGroups.checkout.deregistrationDelay=10"], id="a short drain"),
        pytest.param(["targetGroups.checkout.deregistrationDelay=240"], id="a drain of four minutes"),
        pytest.param(["targetGroups.checkout.deregistrationDelay=300"], id="a drain of five minutes"),
        pytest.param(["seed=1", "targetGroups.checkout.deregistrationDelay=300"], id="and another seed"),
        pytest.param(["targetGroups.checkout.deregistrationDelay=900"], id="a drain longer than the release"),
        pytest.param([percent(150)], id="smaller waves that are still too large"),
        pytest.param(["services.search.desiredCount=30"], id="a larger neighbour"),
        pytest.param(["subnets.private-a.addressesInUse=20"], id="hardly any room: the block has to grow"),
        pytest.param(["timing={profile: fixed}"], id="no noise"),
        pytest.param(
            ["services.checkout.deploymentConfiguration={minimumHealthyPercent: 50, maximumPercent: 200}"],
            id="half may go first",
        ),
        pytest.param(
            ["services.checkout.networkConfiguration.awsvpcConfiguration.subnets=[private-a]"], id="one subnet"
        ),
        pytest.param(["subnets.private-b.addressesInUse=24"], id="both subnets run out"),
    ],
)
def test_a_subnet_that_ran_out_in_a_deployment_does_not_with_the_fix(sets: list[str]) -> None:
    found = problems(summary_of(DEMO, sets), "subnet.exhausted")
    assert found, "the setting does not run out of addresses: it tests nothing"
    # The options are for the scenario as it was run, so they come on top of what was set.
    again = summary_of(DEMO, [*sets, *sets_of(found[0])])
    assert problems(again, "subnet.exhausted") == []


@pytest.mark.rule("NET-030", "NET-031")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_subnet_that_a_scale_out_and_a_job_filled_gets_a_block_that_is_large_enough(seed: int) -> None:
    sets = [f"seed={seed}"]
    found = problems(summary_of(SUBNETS, sets), "subnet.exhausted")
    assert "cidrBlock" in found[0]["fix"]
    assert problems(summary_of(SUBNETS, [*sets, *sets_of(found[0])]), "subnet.exhausted") == []


@pytest.mark.rule("PLACE-061", "PLACE-065", "ASG-062")
@pytest.mark.parametrize(
    ("sets", "fix"),
    [
        pytest.param([], "placementStrategy", id="there is room in sum: pack"),
        pytest.param(["services.api.desiredCount=24", "services.cache.desiredCount=16"], "desiredCapacity",
                     id="the group is too small: grow"),
        pytest.param(["autoScalingGroups.web-asg.agent={ECS_RESERVED_MEMORY: 2000}"],
                     "instanceType", id="no instance of the type is large enough: take a larger one"),
    ],
)  # fmt: skip
def test_demand_that_fitted_nowhere_does_with_the_fix(sets: list[str], fix: str) -> None:
    found = problems(summary_of(PLACEMENT, sets), "placement.unplaced")
    assert fix in found[0]["fix"]
    assert problems(summary_of(PLACEMENT, [*sets, *sets_of(found[0])]), "placement.unplaced") == []


def test_an_idle_group_can_be_as_small_as_the_fix_says() -> None:
    sets = [
        "timeline=[]",
        "services.api.desiredCount=3",
        "services.cache.desiredCount=1",
        "services.worker.desiredCount=1",
    ]
    found = problems(summary_of(PLACEMENT, sets), "fleet.idle")
    assert found[0]["of"] == "web-ec2"
    again = summary_of(PLACEMENT, [*sets, *sets_of(found[0])])
    assert [f for f in again["findings"] if f["severity"] == "problem" or f["what"] == "fleet.idle"] == []


def test_a_percentage_that_a_later_call_sets_again_is_not_offered_as_the_fix() -> None:
    call = (
        "timeline.1.with={cluster: prod, service: checkout, taskDefinition: 'checkout:2', "
        "deploymentConfiguration: {minimumHealthyPercent: 100, maximumPercent: 200}}"
    )
    found = problems(summary_of(DEMO, [call]), "subnet.exhausted")
    assert "maximumPercent" not in found[0]["fix"]


@pytest.mark.parametrize(
    ("size", "scaling", "fix"),
    [
        pytest.param({"minSize": 8, "desiredCapacity": 8}, {}, {"minSize=1", "maxSize=1", "desiredCapacity=1"},
                     id="its minimum holds it"),
        pytest.param({}, {"targetCapacity": 10}, {"maxSize=1"}, id="its target holds spare instances"),
    ],
)  # fmt: skip
def test_an_idle_group_with_managed_scaling_gets_limits_that_it_keeps(
    tmp_path: Path, size: dict[str, int], scaling: dict[str, int], fix: set[str]
) -> None:
    """Its desired capacity is what managed scaling makes of it: to set that would help for some minutes."""
    behind = {"autoScalingGroup": "asg", "managedScaling": {"status": "ENABLED", "targetCapacity": 100} | scaling}
    document = scenario(
        duration="6h",
        initialState="steady",
        taskDefinitions=[task_definition(cpu="512", memory="1024")],
        capacityProviders=[{"name": "ec2", "autoScalingGroupProvider": behind}],
        clusters=[{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        autoScalingGroups=[group(0, maxSize=20) | size],
        services=[service(count=2, capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}])],
    )
    path = tmp_path / "idle.json"
    path.write_text(json.dumps(document), "utf-8")
    [found] = problems(summary_of(path), "fleet.idle")
    assert {part.removeprefix("autoScalingGroups.asg.") for part in sets_of(found)} == fix
    again = summary_of(path, sets_of(found))
    assert [f for f in again["findings"] if f["severity"] == "problem" or f["what"] == "fleet.idle"] == []
