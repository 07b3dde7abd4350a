"""Reservation and utilisation of a cluster, held against sums that can be done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from builders import call, group, scenario, service, task_definition

from ecssim.results.cluster_metrics import level
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping

M5_LARGE = (2048, 7987)


def result_of(**more):
    """Two instances from the first second on; a service of two tasks of 256 CPU units and 512 MiB."""
    base = {
        "duration": "10m",
        "taskDefinitions": [task_definition()],
        "autoScalingGroups": [group(2)],
        "services": [service("web", 2)],
        "timing": {"profile": "fixed", "instanceBoot": "5s"},
    }
    return Simulation(load_mapping(scenario(**(base | more)))).finish()


def column(result, name):
    return dict(zip(result.cluster_metrics["t"], result.cluster_metrics[name], strict=True))


@pytest.mark.rule("META-030")
def test_running_tasks_reserve_a_share_of_what_is_registered() -> None:
    result = result_of(
        timeline=[
            call("2m30s", "UpdateService", cluster="prod", service="web", desiredCount=4),
            call("5m30s", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=3),
        ]
    )
    cpu, memory = column(result, "cpu_reservation"), column(result, "memory_reservation")
    assert cpu[60.0] == pytest.approx(100 * 512 / (2 * M5_LARGE[0]))
    assert cpu[120.0] == cpu[60.0] * 2
    assert cpu[360.0] == pytest.approx(100 * 1024 / (3 * M5_LARGE[0]))
    assert memory[120.0] == pytest.approx(100 * 2048 / (2 * M5_LARGE[1]))
    assert np.isnan(list(column(result, "gpu_reservation").values())).all()


@pytest.mark.rule("META-030")
def test_memory_reservation_counts_where_it_is_set() -> None:
    containers = [
        {"name": "a", "image": "app", "cpu": 100, "memory": 900, "memoryReservation": 300},
        {"name": "b", "image": "app", "memory": 200},
    ]
    result = result_of(taskDefinitions=[{"family": "app", "containerDefinitions": containers}])
    assert column(result, "memory_reservation")[120.0] == pytest.approx(100 * 2 * 500 / (2 * M5_LARGE[1]))


@pytest.mark.rule("META-030")
def test_tasks_that_do_not_run_yet_or_any_more_reserve_nothing() -> None:
    slow = {"stopsAfter": "100s"}
    result = result_of(
        images={"app": {"size": "6000MB"}},
        taskDefinitions=[task_definition(container={"stopTimeout": 120})],
        behaviour={"app": slow},
        timeline=[call("5m", "UpdateService", cluster="prod", service="web", desiredCount=0)],
    )
    tasks = result.tasks
    assert tasks.created_at.max() < 60.0 < tasks.started_at.min() < 120.0
    assert tasks.stopping_at.max() == 300.0
    assert tasks.stopped_at.min() > 390.0
    cpu = column(result, "cpu_reservation")
    assert [cpu[t] for t in (0.0, 60.0, 240.0, 300.0)] == [0.0, 12.5, 12.5, 0.0]


@pytest.mark.rule("META-030")
def test_a_draining_instance_still_counts_and_a_terminated_one_does_not() -> None:
    document = scenario(
        duration="10m",
        taskDefinitions=[task_definition()],
        autoScalingGroups=[group(2, minSize=2)],
        timing={"profile": "fixed", "instanceBoot": "5s"},
        timeline=[call("1m", "RunTask", cluster="prod", taskDefinition="app", launchType="EC2")],
    )
    run = Simulation(load_mapping(document))
    run.advance("2m30s")
    free = [i["ec2InstanceId"] for i in run.describe("container-instances") if i["runningTasksCount"] == 0]
    run.call("UpdateContainerInstancesState", cluster="prod", containerInstances=free, status="DRAINING")
    run.advance("2m")
    assert [i["status"] for i in run.describe("container-instances", instance=free[0])] == ["DRAINING"]
    gone = next(i for i in run.engine.world.instances if i.id == free[0])
    run.engine.groups.terminate(gone, 0, replace=False)
    cpu = column(run.finish(), "cpu_reservation")
    assert (cpu[120.0], cpu[180.0]) == (pytest.approx(100 * 256 / 4096),) * 2
    assert cpu[240.0] == pytest.approx(100 * 256 / 2048)


def test_gpus_are_reserved_whole() -> None:
    containers = [{"name": "a", "image": "app", "memory": 100, "resourceRequirements": [{"type": "GPU", "value": "2"}]}]
    result = result_of(
        taskDefinitions=[{"family": "app", "containerDefinitions": containers}],
        autoScalingGroups=[group(1, type="g4dn.12xlarge")],
        services=[service("web", 1)],
    )
    assert column(result, "gpu_reservation")[120.0] == pytest.approx(50.0)


@pytest.mark.rule("META-031")
def test_what_services_use_is_a_share_of_the_cluster_and_of_their_own_size() -> None:
    result = result_of(behaviour={"app": {"idle": {"cpu": 64, "memory": "128MB"}}})
    minute = result.service_metrics[result.service_metrics["t"] == 120.0].iloc[0]
    mib = 128e6 / 2**20
    assert minute["cpu_utilization"] == pytest.approx(100 * 64 / 256)
    assert minute["memory_utilization"] == pytest.approx(100 * mib / 512)
    assert column(result, "cpu_utilization")[120.0] == pytest.approx(100 * 2 * 64 / (2 * M5_LARGE[0]))
    assert column(result, "memory_utilization")[120.0] == pytest.approx(100 * 2 * mib / (2 * M5_LARGE[1]))


def test_a_cluster_without_instances_has_no_rows() -> None:
    result = result_of(autoScalingGroups=[], services=[])
    assert len(result.cluster_metrics) == 0
    assert {"cluster", "cpu_reservation", "memory_utilization"} <= set(result.cluster_metrics.columns)


def test_a_level_is_what_is_held_just_before() -> None:
    nan = float("nan")
    begin, until = np.array([0.0, 10.0, nan, 20.0]), np.array([15.0, nan, 5.0, 20.0])
    held = level(begin, until, np.array([1, 2, 4, 8]), np.array([0.0, 1.0, 10.0, 10.5, 15.0, 15.5, 30.0]))
    assert held.tolist() == [0.0, 1.0, 1.0, 3.0, 3.0, 2.0, 2.0]
