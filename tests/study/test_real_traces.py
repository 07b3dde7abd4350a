"""Six policies under three days as they were: a World Cup with its matches, a load balancer, bursty mentions.

The traces are read where they are; without them there is nothing to test.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import Document, fargate, scenario, task_definition
from scaling_rig import RESOURCE, steps, target, tracking

import ecssim
from ecssim.report import plots
from ecssim.results.result import Result
from ecssim.scenario.load import load_mapping
from ecssim.study.comparison import Comparison

#: One request takes 20 ms of one vCPU: a task is full at 50 a second.
FULL = 50.0
FINE = "ECSServiceAverageCPUUtilizationHighResolution"


@dataclass(frozen=True)
class Day:
    """A day of a trace, in requests; ``scale`` makes it fill some forty tasks at its height, ``cpu`` is the target."""

    file: str
    time: str
    value: str
    interval: int
    date: str
    scale: float
    cpu: float = 60.0


DAYS = {
    "world-cup": Day("web_worldcup98_1min.csv", "time_utc", "requests", 60, "1998-06-16", 1.2, 85.0),
    "load-balancer": Day("web_nab_elb_requests_5min.csv", "time", "requests", 300, "2014-04-22", 700.0),
    "mentions": Day("web_nab_twitter_amzn_5min.csv", "time", "mentions", 300, "2015-03-11", 300.0),
}
Value = Callable[[str, str, str], float]
ARMS = ("base", "every-20-seconds", "steps", "scheduled", "predictive", "kept-for-the-peak")


def hourly(day: Day, traces: Path) -> tuple[pd.Series, pd.Series]:
    """Requests a second: of each hour of up to six days before the day, and of each row of the day itself."""
    rows = pd.read_csv(traces / day.file)
    rate = pd.Series(rows[day.value].to_numpy() * day.scale / day.interval, pd.to_datetime(rows[day.time], utc=True))
    start = pd.Timestamp(day.date, tz="UTC")
    before = rate[(rate.index >= start - pd.Timedelta(days=6)) & (rate.index < start)].resample("h").mean()
    return before.dropna(), rate[(rate.index >= start) & (rate.index < start + pd.Timedelta(days=1))]


def document(name: str, traces: Path) -> Document:
    day = DAYS[name]
    before, today = hourly(day, traces)
    of_hour = before.groupby(before.index.hour).mean()
    peak = math.ceil(float(today.max()) / FULL / 0.8)
    cpu = tracking("cpu", day.cpu)
    at_target = FULL * day.cpu / 100.0
    fine: Document = {"predefinedMetricSpecification": {"predefinedMetricType": FINE}, "targetValue": day.cpu}
    ahead = {
        "resourceId": RESOURCE,
        "policyName": "ahead",
        "policyType": "PredictiveScaling",
        "predictiveScalingPolicyConfiguration": {
            "mode": "ForecastAndScale",
            "metricSpecifications": [
                {
                    "targetValue": day.cpu,
                    "predefinedMetricPairSpecification": {"predefinedMetricType": "ECSServiceCPUUtilization"},
                }
            ],
        },
        # The CPU of all tasks together, in percent of one.
        "loadHistory": [round(100.0 * rate / FULL, 1) for rate in before],
    }
    # What somebody who looked at the days before writes into the calendar, ten minutes ahead of each hour.
    calendar = [
        {
            "resourceId": RESOURCE,
            "scheduledActionName": f"for-{hour}",
            "schedule": f"cron(50 {(hour - 1) % 24} * * ? *)",
            "scalableTargetAction": {"minCapacity": max(2, math.ceil(rate / at_target))},
        }
        for hour, rate in of_hour.items()
    ]
    dimensions = [{"name": "ClusterName", "value": "prod"}, {"name": "ServiceName", "value": "web"}]
    watch = {"namespace": "AWS/ECS", "metricName": "CPUUtilization", "statistic": "Average", "dimensions": dimensions}
    rise = steps("rise", {"metricIntervalLowerBound": 0, "metricIntervalUpperBound": 20, "scalingAdjustment": 30},
                 {"metricIntervalLowerBound": 20, "scalingAdjustment": 120}, kind="PercentChangeInCapacity",
                 cooldown=120)  # fmt: skip
    high = {"alarmName": "busy", **watch, "period": 60, "evaluationPeriods": 1, "threshold": day.cpu + 5.0}
    trace = {"file": str(traces / day.file), "timeColumn": day.time, "valueColumn": day.value, "unit": "count"}
    return scenario(
        start=f"{day.date}T00:00:00Z",
        duration="24h",
        initialState="steady",
        subnets=[{"subnetId": "a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/22"}],
        taskDefinitions=[
            task_definition(
                networkMode="awsvpc",
                requiresCompatibilities=["FARGATE"],
                cpu="1024",
                memory="2048",
                container={"portMappings": [{"containerPort": 80}]},
            )
        ],
        services=[fargate(count=max(2, math.ceil(float(today.iloc[0]) / at_target)))],
        behaviour={"app": {"readyAfter": "10s", "request": {"cpuSeconds": 0.02, "latency": "20ms"}}},
        timing={"profile": "typical"},
        traffic=[
            {
                "name": name,
                "to": {"service": "web"},
                "trace": {
                    **trace,
                    "interval": f"{day.interval}s",
                    "start": f"{day.date}T00:00:00Z",
                    "scale": day.scale,
                },
            }
        ],
        scalableTargets=[target(2, 200)],
        scalingPolicies=[cpu],
        variants={
            "every-20-seconds": {
                "services.web.monitoring": {
                    "metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]
                },
                "scalingPolicies.cpu.targetTrackingScalingPolicyConfiguration": fine,
            },
            "steps": {
                "scalingPolicies": [cpu, rise],
                "alarms": [{**high, "comparisonOperator": "GreaterThanThreshold", "alarmActions": ["rise"]}],
            },
            "scheduled": {"scheduledActions": calendar},
            "predictive": {"scalingPolicies": [cpu, ahead]},
            "kept-for-the-peak": {
                "services.web.desiredCount": peak,
                f"scalableTargets.{RESOURCE}.minCapacity": peak,
            },
        },
    )


@cache
def played(name: str, traces: Path) -> Comparison:
    found: Comparison = ecssim.compare(load_mapping(document(name, traces)), seeds=1, workers=1)
    return found


@pytest.fixture(scope="session")
def traces(shared_data: Path) -> Path:
    """The folder of recorded traces."""
    folder = shared_data / "traces"
    if not all((folder / day.file).is_file() for day in DAYS.values()):
        pytest.skip("the traces are not there")
    return folder


@pytest.fixture
def compared(traces: Path) -> Callable[[str], Comparison]:
    return lambda name: played(name, traces)


@pytest.fixture
def value(traces: Path) -> Callable[[str, str, str], float]:
    """A measure of an arm of a day."""
    return lambda name, arm, measure: played(name, traces).values[arm][measure][0]


pytestmark = pytest.mark.slow
every_day = pytest.mark.parametrize("name", DAYS)


@every_day
def test_the_day_is_the_recorded_one(name: str, traces: Path) -> None:
    result = ecssim.run(load_mapping(document(name, traces)))
    _, today = hourly(DAYS[name], traces)
    offered = int(result.service_metrics.offered_count.sum())
    assert offered == pytest.approx(float(today.sum()) * DAYS[name].interval, rel=0.02)


@every_day
def test_who_is_ready_for_the_peak_all_day_loses_least_and_pays_most(name: str, value: Value) -> None:
    for arm in ARMS[:-1]:
        assert value(name, "kept-for-the-peak", "lost_requests") <= value(name, arm, "lost_requests")
        assert value(name, "kept-for-the-peak", "under_provisioned") <= value(name, arm, "under_provisioned")
        assert value(name, "kept-for-the-peak", "cost_usd") > 1.2 * value(name, arm, "cost_usd")


@every_day
@pytest.mark.parametrize("arm", ["every-20-seconds", "steps", "scheduled", "predictive"])
def test_whatever_comes_on_top_of_target_tracking_is_short_of_fewer_tasks(name: str, arm: str, value: Value) -> None:
    assert value(name, arm, "under_provisioned") <= value(name, "base", "under_provisioned")
    assert value(name, arm, "lost_requests") <= value(name, "base", "lost_requests")


def test_a_forecast_helps_where_days_are_alike_and_not_against_bursts(value: Value) -> None:
    spared = {n: 1 - value(n, "predictive", "under_provisioned") / value(n, "base", "under_provisioned") for n in DAYS}
    assert spared["world-cup"] > 0.8
    assert spared["mentions"] < 0.1
    assert spared["mentions"] < spared["load-balancer"] < spared["world-cup"]


def test_a_day_that_rises_slowly_loses_nothing_and_a_burst_costs_whoever_reacts(value: Value) -> None:
    assert [value("world-cup", arm, "lost_requests") for arm in ARMS] == [0.0] * len(ARMS)
    short = [
        value("world-cup", arm, "under_provisioned") for arm in ("predictive", "steps", "every-20-seconds", "base")
    ]
    assert short == sorted(short)
    assert short[0] < short[-1] / 10
    for arm in ARMS[:-1]:
        assert value("mentions", arm, "success") < 0.95


@every_day
def test_the_ranking_begins_with_the_fewest_losses(
    name: str, value: Value, compared: Callable[[str], Comparison]
) -> None:
    first, *rest = compared(name).ranking
    assert first.startswith("Ranking")
    order = [line.split(". ", 1)[1].split(":")[0] for line in rest]
    assert sorted(order) == sorted(ARMS)
    shares = np.array([1.0 - value(name, arm, "success") for arm in order])
    assert shares[0] <= shares.min() + 1e-4
    assert (np.diff(shares) > -1e-4).all()


@every_day
def test_a_picture_shows_all_policies_on_one_scale(name: str, tmp_path: Path, traces: Path) -> None:
    loaded = load_mapping(document(name, traces))
    results: dict[str, Result] = {"target-tracking": ecssim.run(loaded)}
    results |= {arm: ecssim.run(loaded.under(arm)) for arm in ARMS[1:]}
    figure = plots.policies(results)
    plots.save(figure, tmp_path / f"{name}.png")
    assert (tmp_path / f"{name}.png").stat().st_size > 50_000
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title.split(":")[0] for title in titles] == list(results)
    for title, result in zip(titles, results.values(), strict=True):
        lost: Any = int(result.service_metrics.failed_count.sum())
        assert (f"{lost:,} requests lost" if lost else "nothing lost") in title
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
