"""Managed scaling told minute by minute: to 3,500 tasks and back, flapping, and with a task that fits no type."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from builders import Document, call, group, run_dict, scenario, service, task_definition

from ecssim.results.explain import explain
from ecssim.results.explanation import Step
from ecssim.results.result import Result

QUIET = {"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0}
#: From the first waiting task to the order in the fixed profile, and from launch to registered.
ORDER, BOOT = 105.0, 45.0


def world(count: int, cpu: str = "1024", size: Document | None = None, **more: Any) -> Document:
    """A service on one group of m5.4xlarge (16,384 CPU units: 16 tasks each), scaled from zero."""
    behind = {"autoScalingGroup": "asg", "managedScaling": {"status": "ENABLED", **more.pop("scaling", {})}}
    base = {
        "autoScalingGroups": [size or group(0, type="m5.4xlarge", maxSize=1000)],
        "capacityProviders": [
            {
                "name": "ec2",
                "autoScalingGroupProvider": behind
                | {"managedTerminationProtection": "ENABLED", "managedDraining": "DISABLED"},
            }
        ],
        "clusters": [{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        "taskDefinitions": [task_definition(cpu=cpu, memory="512")],
        "services": [
            service(
                "web",
                count,
                capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}],
                placementStrategy=[{"type": "binpack", "field": "cpu"}],
            )
        ],
        "model": QUIET,
    }
    return scenario(**(base | more))


def set_count(at: str, count: int) -> Document:
    return call(at, "UpdateService", cluster="prod", service="web", desiredCount=count)


def minutes(result: Result) -> list[Step]:
    """The steps of the explanation, one for each run of alike minutes."""
    explanation = explain(result, "capacityProvider/ec2")
    return list(next(s for s in explanation.sections if s.heading == "Minute by minute, each as it ended").steps)


def check_every_minute(result: Result) -> None:
    """Hold each minute's row against the rules: M, N, the step, the value, the alarms, and what followed."""
    rows = result.capacity_provider_decisions
    metrics = result.capacity_provider_metrics.set_index("t")
    policy = {"minimum": 1, "maximum": 10000}
    changes = result.scaling_activities
    points, high_before = 0, False
    ordered_until = np.nan
    assert list(np.diff(rows["t"])) == [60.0] * (len(rows) - 1)
    for row in rows.itertuples():
        value, target = row.capacity_provider_reservation, row.target_capacity
        metric = metrics.loc[row.t]
        assert (metric.instances, metric.provisioning_tasks) == (row.instances, row.waiting_tasks)
        assert metric.capacity_provider_reservation == value
        if row.waiting_tasks > row.left_out_tasks:
            assert row.step == min(max(row.lower_bound, policy["minimum"]), policy["maximum"])
            assert row.needed == row.instances + row.step
            assert value == (100 * row.needed / row.instances if row.instances else 200)
        elif row.left_out_tasks:
            assert (row.step, value) == (0, target)
        else:
            assert (row.step, row.needed) == (0, row.busy_instances)
            assert value == (100 * row.needed / row.instances if row.instances else 100)
        points = 0 if value >= target else min(15, points + 1)
        assert row.alarm_high == (value > target)
        now = row.t + 60.0
        here = changes[(changes["t"] == now) & (changes["from_count"] > changes["to_count"])]
        assert (row.action == "scaled in") == (not here.empty)
        if row.action == "scaled in":
            assert row.low_datapoints == 15
            gone = row.from_count - row.to_count
            assert 1 <= gone <= max(1, -(-row.instances // 2) - 1)
        if row.action == "ordered":
            assert row.alarm_high
            wanted = 2 if not row.instances else -(-100 * row.needed // target)
            assert row.to_count == max(row.from_count, wanted)
            taken = changes[changes["t"] == row.effective_at]
            assert (row.from_count, row.to_count) in set(zip(taken["from_count"], taken["to_count"], strict=True))
            ordered_until = row.effective_at
        if row.action == "ordered before":
            assert row.effective_at == ordered_until >= now
        if row.action == "warming up":
            assert row.effective_at > now
        if row.action == "none":
            assert not row.alarm_high
            assert row.low_datapoints < 15
        high_before = bool(row.alarm_high)
    assert not high_before


@pytest.fixture(scope="module")
def there_and_back() -> Result:
    return run_dict(world(3500, timeline=[set_count("70m", 0)], duration="100m"))


@pytest.mark.rule("ASG-010", "ASG-018", "ASG-020", "ASG-032", "ASG-033", "ASG-034", "CAP-045")
def test_from_zero_to_3500_tasks_in_steps_of_what_may_wait(there_and_back: Result) -> None:
    """500 tasks may wait at a time: 32 instances a step, the next one when the last are past their warm-up."""
    ups = there_and_back.scaling_activities.query("to_count > from_count")
    assert (ups["t"].iloc[0], ups["to_count"].iloc[0]) == (ORDER, 2)
    assert there_and_back.capacity_provider_metrics["provisioning_tasks"].max() == 500
    most = there_and_back.service_metrics["running_count"].max()
    assert most == 3500
    rows = there_and_back.capacity_provider_decisions
    full = rows[rows["waiting_tasks"] == 500]
    assert set(full["lower_bound"]) == {32}
    assert set(full["needed"] - full["instances"]) == {32}
    assert set(full["groups"]) == {"500 x (1,024 CPU units, 512 MiB) 16 each = 32"}
    # Between two scale-outs lies a warm-up at least.
    assert np.diff(ups["t"]).min() >= 300.0


@pytest.mark.rule("ASG-031", "ASG-035", "ASG-040", "ASG-013")
def test_and_back_to_zero(there_and_back: Result) -> None:
    downs = there_and_back.scaling_activities.query("to_count < from_count")
    # The last datapoint above is of the minute before 70:00; the first point below is that of 70:00.
    assert downs["t"].iloc[0] == 70 * 60.0 + 15 * 60.0
    assert there_and_back.capacity_provider_metrics["instances"].iloc[-1] == 0
    sizes = [downs["from_count"].iloc[0], *downs["to_count"]]
    assert sizes[-1] == 0
    assert all(b >= a - max(1, -(-a // 2) - 1) for a, b in pairwise(sizes))


def test_every_minute_of_it_is_explained(there_and_back: Result) -> None:
    check_every_minute(there_and_back)
    steps = minutes(there_and_back)
    assert steps[0].text == (
        "reservation 200 %, M 32 = N 0 + step 32: 500 tasks wait in 1 group, which need 32 or more; without instances "
        "the value is 200 [500 x (1,024 CPU units, 512 MiB) 16 each = 32]; above 100, the high alarm is on; desired 0 "
        "to 2 ordered, in effect at 1m45s (00:01:45Z)"
    )
    said = " ".join(step.text for step in steps)
    for words in (
        "the youngest instance warms up until",
        "nothing waits, 219 instances empty",
        "below 100, 1 of 15 points",
        "15 of 15 points, the low alarm is on; desired 219 to 110",
        "N 0 and nothing waits; at 100, no alarm",
    ):
        assert words in said


@pytest.mark.rule("ASG-036")
def test_flapping_load_scales_in_only_after_fifteen_quiet_minutes() -> None:
    """Ten minutes of much, ten of little: the alarm's points never come to fifteen, until the load stays low."""
    flaps = [set_count(f"{10 * n}m", 160 if n % 2 == 0 else 16) for n in range(1, 8)]
    result = run_dict(world(160, timeline=flaps, duration="120m"))
    check_every_minute(result)
    rows = result.capacity_provider_decisions
    first = rows[rows["action"] == "scaled in"]["t"].min()
    high = rows[(rows["capacity_provider_reservation"] >= 100) & (rows["t"] < first)]["t"].max()
    # The last change to little is at 70:00; before it the load never stayed low for fifteen minutes.
    assert (high, first) == (4140.0, 4200.0 + 14 * 60.0)
    quiet = rows[(rows["t"] > high) & (rows["t"] <= first)]
    assert list(quiet["low_datapoints"]) == list(range(1, 16))
    assert rows[rows["t"] <= high]["low_datapoints"].max() < 15
    assert result.scaling_activities["to_count"].iloc[-1] == 1


@pytest.mark.rule("ASG-017", "CAP-046", "CAP-049")
def test_a_type_that_no_task_fits_keeps_the_value_at_the_target() -> None:
    result = run_dict(world(3, cpu="32768", size=group(2, type="m5.4xlarge"), duration="40m"))
    check_every_minute(result)
    rows = result.capacity_provider_decisions
    waiting = rows[rows["waiting_tasks"] > 0]
    assert len(waiting) >= 20
    assert set(waiting["capacity_provider_reservation"]) == {100.0}
    assert set(waiting["left_out_tasks"]) == {3}
    assert set(waiting["action"]) == {"none"}
    assert minutes(result)[0].text.startswith(
        "reservation 100 %, at the target: all 3 tasks that wait fit no type of the group "
        "[3 x (32,768 CPU units, 512 MiB) left out: CPU of the smallest instance]; at 100, no alarm; desired stays 2"
    )
    (finding,) = [f for f in result.summary()["findings"] if f["what"] == "capacity.leftOut"]
    assert "(3 x (32,768 CPU units, 512 MiB) left out: CPU of the smallest instance)" in finding["text"]
    text = explain(result, "capacityProvider/ec2").text
    assert "3 tasks waited that fit no type of the group and are left out" in text


@pytest.mark.rule("ASG-017", "ASG-016")
def test_one_small_type_in_the_group_leaves_large_tasks_out() -> None:
    """The task fits the larger of two types; the smallest value decides, so nothing is ordered for it."""
    both = {
        "launchTemplate": {"overrides": [{"instanceType": "m5.large"}, {"instanceType": "m5.4xlarge"}]},
    }
    size = group(0, mixedInstancesPolicy=both)
    del size["instances"]
    result = run_dict(world(1, cpu="4096", size=size, duration="15m"))
    assert result.scaling_activities.empty
    assert set(result.capacity_provider_decisions["left_out_groups"]) == {1}
