"""What mutated scenarios have broken once, each as small as it can be."""

from __future__ import annotations

import pytest
from small_scenarios import fargate

from ecssim.errors import BadInput
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping


@pytest.mark.rule("FG-010")
def test_a_steady_start_stays_within_the_vcpu_quota() -> None:
    """One vCPU of each kind is four tasks of 256 CPU units: the rest is demand that did not fit."""
    document = fargate()
    document["account"] = {"quotas": {"base": "new", "fargateOnDemandVcpu": 1, "fargateSpotVcpu": 1}}
    document["timeline"] = []
    run = Simulation(load_mapping(document), until=300.0, check=True)
    (service,) = run.describe("services")
    assert (service["desiredCount"], service["runningCount"]) == (12, 8)
    result = run.finish()
    assert result.manifest["notes"] == ["web: 4 of 12 tasks did not fit at the start"]
    assert result.service_metrics["running_count"].max() == 8


def test_a_target_group_named_twice_gets_each_task_once() -> None:
    document = fargate()
    (service,) = document["services"]
    service["loadBalancers"] *= 2
    run = Simulation(load_mapping(document), until=660.0, check=True)
    assert run.finish().complete


def test_half_of_a_surrogate_pair_is_refused_at_its_place() -> None:
    document = fargate()
    document["services"][0]["serviceName"] = "w\ud800b"
    with pytest.raises(BadInput, match="half of a surrogate pair"):
        load_mapping(document)
