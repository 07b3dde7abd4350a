"""Two weeks of a real web site: the World Cup of 1998 behind an Application Load Balancer and target tracking."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecssim.report.html import page
from ecssim.results.result import Result
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping

TRACE = "web_worldcup98_1min.csv"
DAYS = 14
#: Requests a minute for each target: 50 a second fill the vCPU of a task, so this is 60 %.
WANTED = 1800


def document(trace: Path) -> dict[str, Any]:
    return {
        "ecssim": 1,
        "name": "worldcup",
        "start": "1998-06-08T00:00:00Z",
        "duration": f"{DAYS}d",
        "seed": 98,
        "initialState": "steady",
        "clusters": [{"clusterName": "prod"}],
        "subnets": [
            {"subnetId": "a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/24"},
            {"subnetId": "b", "availabilityZone": "us-east-1b", "cidrBlock": "10.0.1.0/24"},
        ],
        "taskDefinitions": [
            {
                "family": "web",
                "cpu": "1024",
                "memory": "2048",
                "networkMode": "awsvpc",
                "requiresCompatibilities": ["FARGATE"],
                "containerDefinitions": [{"name": "web", "image": "web", "portMappings": [{"containerPort": 80}]}],
            }
        ],
        "behaviour": {
            "web": {"readyAfter": "8s", "stopsAfter": "2s", "request": {"cpuSeconds": 0.02, "latency": "20ms"}}
        },
        "targetGroups": [
            {"targetGroupName": "web", "targetType": "ip", "healthCheckIntervalSeconds": 10, "deregistrationDelay": 30}
        ],
        "loadBalancers": [{"loadBalancerName": "public", "type": "application", "subnets": ["a", "b"]}],
        "listeners": [
            {
                "loadBalancer": "public",
                "port": 80,
                "protocol": "HTTP",
                "defaultActions": [{"type": "forward", "targetGroups": [{"targetGroup": "web", "weight": 1}]}],
            }
        ],
        "services": [
            {
                "serviceName": "web",
                "taskDefinition": "web",
                "desiredCount": 4,
                "launchType": "FARGATE",
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a", "b"]}},
                "loadBalancers": [{"targetGroupArn": "web", "containerName": "web", "containerPort": 80}],
            }
        ],
        "scalableTargets": [{"resourceId": "service/prod/web", "minCapacity": 3, "maxCapacity": 200}],
        "scalingPolicies": [
            {
                "resourceId": "service/prod/web",
                "policyName": "requests",
                "policyType": "TargetTrackingScaling",
                "targetTrackingScalingPolicyConfiguration": {
                    "predefinedMetricSpecification": {
                        "predefinedMetricType": "ALBRequestCountPerTarget",
                        "resourceLabel": "web",
                    },
                    "targetValue": WANTED,
                },
            }
        ],
        "traffic": [
            {
                "name": "visitors",
                "to": {"listener": "public:80"},
                "trace": {
                    "file": str(trace),
                    "timeColumn": "time_utc",
                    "valueColumn": "requests",
                    "interval": "60s",
                    "unit": "count",
                },
            }
        ],
    }


@pytest.fixture(scope="module")
def trace(shared_data: Path) -> Path:
    found = shared_data / "traces" / TRACE
    if not found.is_file():
        pytest.skip(f"{TRACE} is not here")
    return found


@pytest.fixture(scope="module")
def result(trace: Path) -> Result:
    return Simulation(load_mapping(document(trace))).finish()


@pytest.fixture(scope="module")
def counts(trace: Path) -> list[int]:
    with trace.open(newline="", encoding="utf-8") as stream:
        return [int(row["requests"]) for row in csv.DictReader(stream)]


def test_every_request_of_the_trace_arrives_once_and_in_its_minute(result: Result, counts: list[int]) -> None:
    offered = result.service_metrics.offered_count
    assert int(offered.sum()) == sum(counts)
    assert offered.tolist() == counts


def test_no_row_loses_or_invents_a_request(result: Result) -> None:
    for rows in (
        result.service_metrics,
        *(g for _, g in result.flow_metrics.groupby(["target", "revision", "availability_zone"], observed=True)),
    ):
        before = rows.in_flight_count.shift(fill_value=0)
        retried = rows.retried_count if "retried_count" in rows else 0
        after = rows.served_count + rows.failed_count + rows.in_flight_count
        assert (before + rows.offered_count + retried == after).all()


@pytest.mark.rule("SCALE-005", "LB-046")
def test_the_service_follows_the_visitors(result: Result, counts: list[int]) -> None:
    rows = result.service_metrics
    assert len(rows) == DAYS * 24 * 60
    running = rows.running_count.to_numpy()
    needed = np.ceil(np.array(counts) / WANTED)
    assert running.min() == 3
    # The busiest minute of the two weeks needs 86 tasks, and the quiet nights three.
    assert running.max() >= 0.8 * needed.max()
    per_target = rows.request_count_per_target
    # Target tracking scales out above the target and in below nine tenths of it: most minutes lie between or under.
    assert (per_target <= 1.1 * WANTED).mean() > 0.9
    assert rows.failed_count.sum() < 0.001 * sum(counts)
    activities = result.scaling_activities
    assert (activities.to_count > activities.from_count).sum() > 20
    assert (activities.to_count < activities.from_count).sum() > 20


def test_it_takes_well_under_a_minute(result: Result) -> None:
    assert result.manifest["wall"] < 60.0


def test_its_report_is_small_and_keeps_the_busiest_minute(result: Result) -> None:
    text = page(result)
    assert len(text.encode()) < 1_000_000
    assert "would make this page larger" not in text
