"""What alarms and policies can look at, from a running scenario: formulas, clusters, custom metrics, math."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import Document, Sim, call, fargate, group, run_dict, scenario, service, task_definition
from scaling_rig import RESOURCE, moves, rig, states, steps, target

OPEN = task_definition(
    networkMode="awsvpc",
    requiresCompatibilities=["FARGATE"],
    cpu="1024",
    memory="2048",
    container={"portMappings": [{"containerPort": 80}]},
)
LAW = {"request": {"cpuSeconds": 0.1, "latency": "50ms", "memory": "1MB"}, "idle": {"cpu": 20, "memory": "256MiB"}}
UP = {"metricIntervalLowerBound": 0, "scalingAdjustment": 2}


def busy(rate: float = 20.0, count: int = 4, **parts: Any) -> Document:
    """A steady service of one-vCPU tasks that serve requests of 0.1 CPU seconds each."""
    defaults: Document = {
        "duration": "20m",
        "initialState": "steady",
        "taskDefinitions": [OPEN],
        "behaviour": {"app": LAW},
        "services": [fargate(count=count)],
        "traffic": [{"name": "t", "to": {"service": "prod/web"}, "pattern": "constant", "rate": rate}],
        "scalableTargets": [target()],
    }
    return scenario(**(defaults | parts))


def watching(metric: Document, threshold: float, **more: Any) -> Document:
    base = {"alarmName": "a", "evaluationPeriods": 1, "threshold": threshold, "alarmActions": []}
    return base | {"comparisonOperator": "GreaterThanThreshold", "statistic": "Average"} | metric | more


def of_service(metric: str, namespace: str = "AWS/ECS") -> Document:
    dimensions = [{"name": "ClusterName", "value": "prod"}, {"name": "ServiceName", "value": "web"}]
    return {"namespace": namespace, "metricName": metric, "dimensions": dimensions}


def seen(document: Document, **more: Any) -> list[float]:
    """The points of the only alarm of a run, that the record shows when it changes its state."""
    result = run_dict(document, **more)
    shown = result.alarms["datapoints"].astype(object)
    return [float(text.split(",")[0]) for text in shown if isinstance(text, str)]


# -- formulas -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("ALARM-022", "ALARM-023")
def test_utilisation_is_what_is_used_over_what_the_task_definition_has_times_the_tasks() -> None:
    result = run_dict(busy(rate=20.0, count=4))
    rows = result.service_metrics.iloc[2:-1]
    # 20 requests a second take 2 vCPU; four tasks of one vCPU also idle at 20 units each.
    assert rows["cpu_utilization"].to_numpy() == pytest.approx(100 * (2 * 1024 + 80) / (4 * 1024), rel=2e-3)
    held = rows["in_flight_count"].to_numpy() * (1_000_000 / 2**20)
    assert rows["memory_utilization"].to_numpy() == pytest.approx(100 * (4 * 256 + held) / (4 * 2048), rel=1e-6)


@pytest.mark.rule("ALARM-024")
def test_cpu_of_a_task_with_a_size_of_its_own_ends_at_100_percent() -> None:
    idle = LAW | {"idle": {"cpu": 4000, "memory": "3GiB"}}
    result = run_dict(busy(rate=1.0, behaviour={"app": idle}))
    assert result.service_metrics["cpu_utilization"].iloc[3] == 100.0


IDLE = 100 * 20 / 1024


@pytest.mark.rule("ALARM-028")
def test_a_point_is_the_mean_over_its_minute(tmp_path: Path) -> None:
    """Half a minute of three times the load shows as twice the load."""
    trace = tmp_path / "load.csv"
    rates = [30 if 330 <= t < 360 else 10 for t in range(0, 1200, 30)]
    trace.write_text("t,rate\n" + "".join(f"{30 * i},{rate}\n" for i, rate in enumerate(rates)))
    given = {"file": str(trace), "timeColumn": "t", "valueColumn": "rate", "unit": "rate", "interval": "30s"}
    rows = run_dict(busy(traffic=[{"name": "t", "to": {"service": "prod/web"}, "trace": given}])).service_metrics
    quiet, spike = rows["cpu_utilization"].iloc[3], rows["cpu_utilization"].iloc[5]
    assert spike - IDLE == pytest.approx(2 * (quiet - IDLE), rel=0.01)


@pytest.mark.rule("ALARM-029")
def test_tasks_count_for_the_part_of_the_minute_in_which_they_ran() -> None:
    """Two of four tasks leave some seconds into minute 5: its point lies as their task-seconds say."""
    change = [call("5m30s", "UpdateService", cluster="prod", service="web", desiredCount=2)]
    result = run_dict(busy(timeline=change))
    rows, tasks = result.service_metrics, result.tasks
    left = tasks.loc[tasks["stopping_at"].notna(), "stopping_at"].to_numpy()
    assert len(left) == 2
    assert ((left >= 330.0) & (left < 360.0)).all()
    seconds = 2 * 60.0 + (left - 300.0).sum()
    work = 20 * 0.1 * 60 * 1024 + 20 * seconds
    assert rows["cpu_utilization"].iloc[5] == pytest.approx(100 * work / (1024 * seconds), rel=0.01)


@pytest.mark.rule("ALARM-020")
def test_a_service_without_running_tasks_publishes_neither_cpu_nor_memory() -> None:
    result = run_dict(
        busy(timeline=[call("5m", "UpdateService", cluster="prod", service="web", desiredCount=0)], scalableTargets=[])
    )
    rows = result.service_metrics.iloc[8:]
    assert rows["cpu_utilization"].isna().all()
    assert rows["memory_utilization"].isna().all()
    assert not result.service_metrics["cpu_utilization"].iloc[:4].isna().any()


# -- clusters ------------------------------------------------------------------------------------------------------


def on_instances(metric: str, threshold: float, **parts: Any) -> Document:
    """Three bridge tasks of 256 CPU units and 512 MiB on two m5.large of 2,048 units and 7,987 MiB each."""
    dimensions = [{"name": "ClusterName", "value": "prod"}]
    given = {"namespace": "AWS/ECS", "metricName": metric, "dimensions": dimensions}
    defaults: Document = {
        "duration": "20m",
        "initialState": "steady",
        "autoScalingGroups": [group(2)],
        "taskDefinitions": [task_definition()],
        "behaviour": {"app": {"idle": {"cpu": 128, "memory": "256MiB"}}},
        "services": [service(count=3)],
        "alarms": [watching(given, threshold)],
    }
    return scenario(**(defaults | parts))


@pytest.mark.rule("ALARM-025", "ALARM-026")
@pytest.mark.parametrize("metric", ["CPUReservation", "MemoryReservation", "CPUUtilization", "MemoryUtilization"])
def test_metrics_of_a_cluster_are_over_what_its_instances_have_registered(metric: str) -> None:
    part = {
        "CPUReservation": 3 * 256 / (2 * 2048),
        "MemoryReservation": 3 * 512 / (2 * 7987),
        "CPUUtilization": 3 * 128 / (2 * 2048),
        "MemoryUtilization": 3 * 256 / (2 * 7987),
    }[metric]
    sim = Sim(on_instances(metric, 0.0))
    result = sim.finish()
    values = [float(text) for text in result.alarms["datapoints"].astype(object) if isinstance(text, str)]
    assert values == [pytest.approx(100 * part, rel=1e-4)]


@pytest.mark.rule("ALARM-025")
def test_only_running_tasks_reserve_and_an_instance_that_drains_still_counts() -> None:
    series = Sim(on_instances("CPUReservation", 1000.0))
    series.to(301.0)
    before = _newest(series)
    instance = next(iter(series.engine.world.clusters[0].instances.values()))
    series.engine.calls.call(
        "UpdateContainerInstancesState",
        {"cluster": "prod", "containerInstances": [instance.id], "status": "DRAINING"},
    )
    series.to(661.0)
    assert _newest(series) == pytest.approx(before)
    series.engine.calls.call("UpdateService", {"cluster": "prod", "service": "web", "desiredCount": 1})
    series.to(1021.0)
    assert _newest(series) == pytest.approx(before / 3)


def _newest(sim: Sim) -> float:
    alarms = sim.engine.scaling.alarms
    return alarms.history.value("series", alarms.minute, 0)


@pytest.mark.rule("ALARM-025")
def test_fargate_tasks_do_not_appear_in_the_metrics_of_a_cluster() -> None:
    sim = Sim(on_instances("CPUReservation", 1000.0, services=[fargate(count=3)], taskDefinitions=[OPEN]))
    sim.to(301.0)
    assert _newest(sim) == 0.0


# -- Container Insights, custom metrics, math ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("CpuUtilized", 2 * 1024 + 80),
        ("CpuReserved", 4096),
        ("MemoryReserved", 8192),
        ("MemoryUtilized", 4 * 256),
        ("DesiredTaskCount", 4),
        ("RunningTaskCount", 4),
        ("DeploymentCount", 1),
        ("TaskCpuUtilization", 100 * (2 * 1024 + 80) / 4096),
    ],
)
def test_container_insights_have_their_names_and_units(metric: str, expected: float) -> None:
    watched = watching(of_service(metric, "ECS/ContainerInsights"), 0.0)
    assert seen(busy(alarms=[watched])) == [pytest.approx(expected, rel=3e-3)]


@pytest.mark.rule("ALARM-021")
def test_container_insights_come_half_a_minute_later_than_the_metrics_of_ecs() -> None:
    # Published 75 s (ECS) and 105 s after the minute at the medians; a point is judged at a minute: both at 120 s.
    # With a shorter delay of both, the order shows.
    timing = {"profile": "fixed", "metricPublish": "40s", "insightsMetricPublish": "70s"}
    law = {"app": LAW}
    when = []
    for namespace, name in (("AWS/ECS", "CPUUtilization"), ("ECS/ContainerInsights", "TaskCpuUtilization")):
        steps_ = [{"at": "0s", "rate": 1}, {"at": "5m", "rate": 30}]
        traffic = [{"name": "t", "to": {"service": "prod/web"}, "pattern": "steps", "steps": steps_}]
        watched = watching(of_service(name, namespace), 50.0)
        result = run_dict(busy(alarms=[watched], traffic=traffic, timing=timing, behaviour=law))
        when.append(states(result, "a")[-1][0])
    assert when == [420.0, 480.0]


@pytest.mark.rule("SCALE-006")
def test_a_policy_tracks_a_metric_that_the_scenario_defines() -> None:
    """Backlog per task: a queue that the tasks do not keep up with makes the service grow."""
    custom = [
        {
            "namespace": "Shop",
            "metricName": "BacklogPerTask",
            "dimensions": [{"name": "Queue", "value": "orders"}],
            "of": "prod/web",
            "value": "queued_count / running_count",
        }
    ]
    tracked = {
        "resourceId": RESOURCE,
        "policyName": "backlog",
        "policyType": "TargetTrackingScaling",
        "targetTrackingScalingPolicyConfiguration": {
            "targetValue": 5,
            "customizedMetricSpecification": {
                "namespace": "Shop",
                "metricName": "BacklogPerTask",
                "dimensions": [{"name": "Queue", "value": "orders"}],
                "statistic": "Average",
            },
        },
    }
    jump = [{"at": "0s", "rate": 20}, {"at": "5m", "rate": 45}]
    traffic = [{"name": "t", "to": {"service": "prod/web"}, "pattern": "steps", "steps": jump}]
    parts: Document = {"customMetrics": custom, "scalingPolicies": [tracked], "scalableTargets": [target(4)]}
    result = run_dict(busy(traffic=traffic, duration="12m", **parts))
    t, before, after = moves(result)[0]
    assert (t, before) == (300.0 + 3 * 60 + 120, 4)
    assert after > 4
    assert moves(run_dict(busy(rate=20.0, duration="12m", **parts))) == []


@pytest.mark.rule("ALARM-016")
def test_an_alarm_on_metric_math_triggers_a_step_policy() -> None:
    """Errors per hundred requests: no metric of the API, but math over two."""

    def query(key: str, metric: str, stat: str = "Average") -> Document:
        return {
            "id": key,
            "returnData": False,
            "metricStat": {"metric": of_service(metric), "stat": stat, "period": 60},
        }

    math = {
        "alarmName": "weighted",
        "metrics": [
            query("c", "CPUUtilization"),
            query("n", "CPUUtilization", "SampleCount"),
            {"id": "total", "expression": "c * n", "returnData": False},
            {"id": "e", "expression": "IF(total > 300, 1, 0)"},
        ],
        "evaluationPeriods": 2,
        "threshold": 0.5,
        "comparisonOperator": "GreaterThanThreshold",
        "alarmActions": ["up"],
    }
    result = rig(
        lambda minute, running: 40.0 if minute < 10 else 80.0,
        scalingPolicies=[steps("up", UP)],
        alarms=[math],
        duration="15m",
    ).finish()
    # Four tasks at 40 % are 160, at 80 % 320: minutes 10 and 11, judged two minutes after the second.
    assert moves(result) == [(840.0, 4, 6)]


@pytest.mark.rule("ALARM-014")
@pytest.mark.parametrize(
    ("setting", "rate", "fires"),
    [("evaluate", 4.0, True), ("ignore", 4.0, True), ("evaluate", 3.0, True), ("ignore", 3.0, False)],
)
def test_a_percentile_of_few_requests_may_be_ignored(setting: str, rate: float, fires: bool) -> None:
    """p95 needs 10 / (1 - 0.95) = 200 requests a minute: 240 are enough, 180 are not."""
    lb = {"loadBalancers": [{"targetGroupArn": "web", "containerName": "app", "containerPort": 80}]}
    document = busy(
        services=[fargate(count=4, **lb)],
        targetGroups=[{"targetGroupName": "web", "targetType": "ip"}],
        traffic=[{"name": "t", "to": {"targetGroup": "web"}, "pattern": "constant", "rate": rate}],
        alarms=[
            {
                "alarmName": "slow",
                "namespace": "AWS/ApplicationELB",
                "metricName": "TargetResponseTime",
                "dimensions": [{"name": "TargetGroup", "value": "targetgroup/web/1"}],
                "extendedStatistic": "p95",
                "evaluateLowSampleCountPercentile": setting,
                "period": 60,
                "evaluationPeriods": 3,
                "threshold": 0.01,
                "comparisonOperator": "GreaterThanThreshold",
            }
        ],
        initialState="empty",
    )
    result = run_dict(document)
    assert bool([s for s in states(result, "slow") if s[2] == "ALARM"]) == fires


@pytest.mark.rule("ALARM-005")
def test_an_alarm_on_the_response_time_sees_what_the_record_says() -> None:
    lb = {"loadBalancers": [{"targetGroupArn": "web", "containerName": "app", "containerPort": 80}]}
    document = busy(
        services=[fargate(count=4, **lb)],
        targetGroups=[{"targetGroupName": "web", "targetType": "ip"}],
        traffic=[{"name": "t", "to": {"targetGroup": "web"}, "pattern": "constant", "rate": 20}],
        alarms=[
            watching(
                {
                    "namespace": "AWS/ApplicationELB",
                    "metricName": "TargetResponseTime",
                    "dimensions": [{"name": "TargetGroup", "value": "web"}],
                },
                0.1,
            )
        ],
    )
    result = run_dict(document)
    recorded = result.service_metrics["target_response_time"].to_numpy()
    assert np.nanmin(recorded[2:]) > 0.1
    assert [s[2] for s in states(result, "a")] == ["ALARM"]
    plain = run_dict(document | {"alarms": []}).service_metrics["target_response_time"].to_numpy()
    np.testing.assert_array_equal(recorded, plain)


def test_alarms_on_metric_math_are_billed_to_nobody_however_many_series_there_are() -> None:
    from benchmarks.tick import document, with_every_policy

    # A series has a number of its own, beyond that of the last service.
    result = run_dict(with_every_policy(document(1, 90), 1))
    costs = result.costs[result.costs["dimension"] == "alarms"]
    assert costs["service"].isna().any()
    assert not costs["service"].isna().all()
    assert costs["quantity"].min() > 0
