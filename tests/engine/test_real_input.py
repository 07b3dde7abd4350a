"""Documents and traces from the real world, unchanged: services through a rolling update, 150 days of GPU jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecssim.errors import BadInput
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping

SAMPLES = "aws-containers-task-definitions"


def _vpc(*subnets: str) -> dict:
    return {"awsvpcConfiguration": {"subnets": list(subnets)}}


def _scenario(folder: Path) -> dict:
    """Nginx and kibana on Fargate, nginx on instances; each is updated to the same document again."""
    nginx = str(folder / f"{SAMPLES}__nginx__nginx_fargate.json")
    kibana = str(folder / f"{SAMPLES}__kibana__kibana_fargate.json")
    on_ec2 = str(folder / f"{SAMPLES}__nginx__nginx_ec2.json")
    fargate = {"desiredCount": 4, "launchType": "FARGATE", "networkConfiguration": _vpc("a", "b")}
    return {
        "ecssim": 1,
        "name": "real-documents",
        "duration": "1h",
        "seed": 5,
        "clusters": [{"clusterName": "prod"}],
        "subnets": [
            {"subnetId": "a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/24"},
            {"subnetId": "b", "availabilityZone": "us-east-1b", "cidrBlock": "10.0.1.0/24"},
        ],
        "autoScalingGroups": [
            {
                "autoScalingGroupName": "web",
                "minSize": 0,
                "maxSize": 4,
                "desiredCapacity": 3,
                "subnets": ["a", "b"],
                "instances": {"instanceType": "m6i.large"},
            }
        ],
        # The family nginx has three revisions: Fargate, EC2, and Fargate again.
        "taskDefinitions": [{"file": nginx}, {"file": on_ec2}, {"file": nginx}, {"file": kibana}, {"file": kibana}],
        "services": [
            {"serviceName": "web", "taskDefinition": "nginx:1", **fargate},
            {"serviceName": "search", "taskDefinition": "kibana:1", **fargate},
            {
                "serviceName": "edge",
                "taskDefinition": "nginx:2",
                "desiredCount": 6,
                "launchType": "EC2",
                # Three instances in two zones: evening them out would move tasks beside the deployment.
                "availabilityZoneRebalancing": "DISABLED",
            },
        ],
        "timeline": [
            {"at": "20m", "call": "UpdateService", "with": {"service": "web", "taskDefinition": "nginx:3"}},
            {"at": "20m", "call": "UpdateService", "with": {"service": "search", "taskDefinition": "kibana:2"}},
            {"at": "20m", "call": "UpdateService", "with": {"service": "edge", "forceNewDeployment": True}},
        ],
    }


def test_real_task_definitions_go_through_a_rolling_update(shared_data: Path) -> None:
    result = Simulation(load_mapping(_scenario(shared_data / "taskdefs")), check=True).finish()
    assert (result.calls.result == "ok").all()
    deployments = result.deployments
    assert (deployments.rollout_state == "COMPLETED").all()
    assert dict(deployments.groupby("service", observed=True).size()) == {"web": 2, "search": 2, "edge": 2}
    tasks = result.tasks
    assert dict(tasks.groupby("service", observed=True).size()) == {"web": 8, "search": 8, "edge": 12}
    edge = tasks[tasks.service == "edge"]
    assert set(edge.launch_type) == {"EC2"}
    assert set(edge.network_mode) == {"bridge"}
    assert set(edge.cpu) == {256}
    assert set(tasks[tasks.service == "search"].memory) == {2048}
    last = result.service_metrics.groupby("service", observed=True).tail(1)
    assert (last.running_count == last.desired_count).all()


@pytest.mark.rule("NET-009")
def test_the_document_that_the_api_refuses_is_refused_at_its_place(shared_data: Path) -> None:
    document = _scenario(shared_data / "taskdefs")
    path = shared_data / "taskdefs" / f"{SAMPLES}__tomcat__tomcat_ec2.json"
    document["taskDefinitions"].append({"file": str(path)})
    with pytest.raises(BadInput) as caught:
        load_mapping(document)
    (problem,) = caught.value.problems
    assert problem.rule == "NET-009"
    assert problem.file == str(path)
    assert '"hostPort": 80' in path.read_text().splitlines()[problem.line - 1]


def jobs_on_gpus(trace: Path, instances: int) -> dict:
    """The scheduled jobs of a GPU cluster's trace as RunTask calls on one named fleet."""
    return {
        "ecssim": 1,
        "name": "gpu-jobs",
        "duration": "150d",
        "clusters": [{"clusterName": "gpu"}],
        "subnets": [
            {"subnetId": "a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/20"},
            {"subnetId": "b", "availabilityZone": "us-east-1b", "cidrBlock": "10.0.16.0/20"},
        ],
        "autoScalingGroups": [
            {
                "autoScalingGroupName": "gpus",
                "minSize": 0,
                "maxSize": instances,
                "desiredCapacity": instances,
                "subnets": ["a", "b"],
                "instances": {"instanceType": "g5.48xlarge"},
            }
        ],
        "taskDefinitions": [
            {
                "family": "pod",
                "networkMode": "bridge",
                "containerDefinitions": [{"name": "pod", "image": "pod", "cpu": 1024, "memory": 1024}],
            }
        ],
        "jobs": [
            {
                "name": "openb",
                "arrivals": {"trace": {"file": str(trace), "timeColumn": "submit_s", "where": "runtime_s"}},
                "perRow": {"cpu": "cpu_units", "memory": "memory_mib", "gpus": "gpus", "runsFor": "runtime_s"},
                "runTask": {
                    "taskDefinition": "pod",
                    "launchType": "EC2",
                    "placementStrategy": [{"type": "binpack", "field": "memory"}],
                },
                "retry": {"attempts": 1000, "backoff": "30s", "maxBackoff": "1h"},
            }
        ],
    }


@pytest.mark.slow
def test_every_job_of_a_real_trace_is_accounted_for_after_150_days(shared_data: Path) -> None:
    trace = shared_data / "traces" / "batch_openb_pods.csv"
    result = Simulation(load_mapping(jobs_on_gpus(trace, 8)), check=False).finish()
    account = result.manifest["jobs"]["openb"]
    assert account["submitted"] == 7255
    parts = ("done", "under_way", "failed_to_start", "waiting", "gave_up")
    assert sum(account[part] for part in parts) == 7255
    # The fleet is short of GPUs at times, so that callers do retry, and in the end everything ran.
    assert account["retried_calls"] > 20
    assert account["done"] == 7255
