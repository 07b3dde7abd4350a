"""What `check` says about Auto Scaling groups: errors of the API, advice of AWS, what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from builders import Document, fault, group, provider, scenario, task_definition

from ecssim.errors import BadInput
from ecssim.scenario.load import load_mapping


def mixed(*types: Any, distribution: Document | None = None, **more: Any) -> Document:
    overrides = [t if isinstance(t, dict) else {"instanceType": t} for t in types]
    document = group(
        0,
        mixedInstancesPolicy={
            "launchTemplate": {"overrides": overrides},
            "instancesDistribution": distribution or {},
        },
        **more,
    )
    del document["instances"]
    return document


def world(size: Document, *, behind: Document | None = None, **more: Any) -> Document:
    parts: Document = {"autoScalingGroups": [size], "taskDefinitions": [task_definition()]}
    if behind is not None:
        parts["capacityProviders"] = [behind]
        parts["clusters"] = [{"clusterName": "prod", "capacityProviders": [behind["name"]]}]
    return scenario(**(parts | more))


def problems(document: Document) -> list[str]:
    try:
        return [str(p) for p in load_mapping(document).warnings]
    except BadInput as error:
        return [str(p) for p in error.problems]


def refused(document: Document) -> str:
    with pytest.raises(BadInput) as caught:
        load_mapping(document)
    return "\n".join(str(p) for p in caught.value.problems)


PROTECTED = {"managedTerminationProtection": "ENABLED", "managedScaling": {"status": "ENABLED"}}


@pytest.mark.rule("ASG-002")
def test_managed_termination_protection_needs_managed_scaling_and_protected_instances() -> None:
    behind = provider() | {"autoScalingGroupProvider": {"autoScalingGroup": "asg", **PROTECTED}}
    assert problems(world(group(0), behind=behind)) == []
    off = {"managedTerminationProtection": "ENABLED", "managedScaling": {"status": "DISABLED"}}
    without = provider() | {"autoScalingGroupProvider": {"autoScalingGroup": "asg", **off}}
    assert "needs managedScaling with status ENABLED [ASG-002]" in refused(world(group(0), behind=without))
    unprotected = group(0, newInstancesProtectedFromScaleIn=False)
    assert "needs newInstancesProtectedFromScaleIn on group asg" in refused(world(unprotected, behind=behind))


@pytest.mark.rule("ASG-006")
def test_weights_do_not_go_with_a_capacity_provider() -> None:
    weighted = mixed("m5.xlarge", {"instanceType": "m5.large", "weightedCapacity": "2"})
    assert problems(world(weighted)) == []
    for behind in (provider(), provider() | {"autoScalingGroupProvider": {"autoScalingGroup": "asg"}}):
        assert "weightedCapacity) do not go with a capacity provider [ASG-006]" in refused(
            world(weighted, behind=behind)
        )


@pytest.mark.rule("ASG-046")
def test_fifty_hooks_and_no_name_twice() -> None:
    def hooks(count: int, name: str = "hook{}") -> list[Document]:
        transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
        return [{"LifecycleHookName": name.format(n), "LifecycleTransition": transition} for n in range(count)]

    assert problems(world(group(0, lifecycleHookSpecificationList=hooks(50)))) == []
    many = refused(world(group(0, lifecycleHookSpecificationList=hooks(51))))
    assert "a group has at most 50 lifecycle hooks, got 51 [ASG-046]" in many
    assert "'same' is given twice" in refused(world(group(0, lifecycleHookSpecificationList=hooks(2, "same"))))


@pytest.mark.rule("ASG-052")
@pytest.mark.parametrize(
    ("distribution", "words"),
    [
        ({"spotAllocationStrategy": "cheapest"}, "spotAllocationStrategy"),
        ({"onDemandAllocationStrategy": "capacity-optimized"}, "onDemandAllocationStrategy"),
        ({"spotInstancePools": 21}, "spotInstancePools"),
        ({"spotInstancePools": 3, "spotAllocationStrategy": "capacity-optimized"}, "lowest-price only"),
        ({"spotMaxPrice": "cheap"}, "expected US dollars an hour"),
        ({"onDemandPercentageAboveBaseCapacity": 101}, "onDemandPercentageAboveBaseCapacity"),
    ],
)
def test_what_a_distribution_cannot_say(distribution: Document, words: str) -> None:
    assert words in refused(world(mixed("m5.large", distribution=distribution)))


def test_attribute_based_types_are_refused_by_name() -> None:
    override = {"instanceType": "m5.large", "instanceRequirements": {"vCpuCount": {"min": 2}}}
    assert "instanceRequirements is not modelled" in refused(world(mixed(override)))


@pytest.mark.rule("ASG-053")
def test_larger_types_come_first_behind_a_provider() -> None:
    words = "the larger types first in the list [ASG-053]"
    assert words in "\n".join(problems(world(mixed("m5.large", "m5.xlarge"), behind=provider())))
    assert problems(world(mixed("m5.xlarge", "m5.large"), behind=provider())) == []
    assert problems(world(mixed("m5.large", "m5.xlarge"))) == []


@pytest.mark.rule("SPOT-038")
def test_ten_types_and_every_zone_for_spot() -> None:
    spot = {"onDemandPercentageAboveBaseCapacity": 0}
    few = "\n".join(problems(world(mixed("m5.large", "m4.large", distribution=spot, subnets=["a", "b"]))))
    assert "Spot from 2 types in 2 zones are 4 pools; AWS advises at least 10 types and every zone [SPOT-038]" in few
    many = [f"{family}.large" for family in ("m4", "m5", "m5a", "m5d", "m5n", "m6i", "m6a", "c5", "c6i", "r5")]
    assert problems(world(mixed(*many, distribution=spot))) == []
    assert problems(world(mixed("m5.large", "m4.large"))) == []


@pytest.mark.rule("ASG-056")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({}, "", id="well"),
        pytest.param({"warmPool": {"instanceReusePolicy": {"reuseOnScaleIn": True}}}, "reuseOnScaleIn", id="reuse"),
        pytest.param({"agent": {}}, "ECS_WARM_POOLS_CHECK", id="without the agent's check"),
        pytest.param({"agent": {"version": "1.58.0", "ECS_WARM_POOLS_CHECK": True}}, "agent 1.59.0", id="old agent"),
        pytest.param({"warmPool": {"poolState": "Running"}}, "poolState Running is not modelled", id="running"),
        pytest.param({"instances": {"instanceType": "m5.large", "market": "spot"}}, "On-Demand", id="Spot"),
    ],
)
def test_what_a_warm_pool_of_ecs_may_be(change: Document, words: str) -> None:
    size = group(0, warmPool={}, agent={"ECS_WARM_POOLS_CHECK": True})
    document = world(size | change)
    if words:
        assert words in refused(document)
    else:
        assert problems(document) == []


@pytest.mark.rule("ASG-042")
def test_termination_policies_are_those_of_the_api() -> None:
    policies = [
        "Default", "OldestInstance", "NewestInstance", "OldestLaunchConfiguration", "OldestLaunchTemplate",
        "ClosestToNextInstanceHour", "AllocationStrategy",
    ]  # fmt: skip
    assert problems(world(group(0, terminationPolicies=policies))) == []
    assert "did you mean" in refused(world(group(0, terminationPolicies=["OldestInstances"])))


def test_faults_name_types_that_a_group_has() -> None:
    well = fault("1m", "insufficientCapacity", instanceType="m5.large", **{"for": "5m"})
    assert problems(world(group(0), timeline=[well])) == []
    wrong = fault("1m", "insufficientCapacity", instanceType="m5.larg", **{"for": "5m"})
    assert "m5.larg" in refused(world(group(0), timeline=[wrong]))
    long = fault("1m", "spotReclaim", capacityProvider="ec2", fraction=1.0, notice="3m")
    assert "notice: expected at most 2m" in refused(world(group(0), behind=provider(), timeline=[long]))


@pytest.mark.rule("SPOT-030")
def test_bands_are_given_by_type_or_by_type_and_zone() -> None:
    pools = {"m5.large": {"interruptionBand": 0}, "m5.large/us-east-1a": {"interruptionBand": 4}}
    assert problems(world(group(0), spotPools=pools | {"FARGATE_SPOT": {"interruptionBand": 2}})) == []
    assert "interruptionBand" in refused(world(group(0), spotPools={"m5.large": {"interruptionBand": 5}}))
    misspelt = refused(world(group(0), spotPools={"m5.lorge": {"interruptionBand": 1}}))
    assert "did you mean m5.large?" in misspelt
    elsewhere = {"m5.large/us-east-1f": {"interruptionBand": 1}}
    assert "us-east-1f" in refused(world(group(0), spotPools=elsewhere))
