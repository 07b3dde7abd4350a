"""Target tracking over time: alarms with their delays, activities, cooldowns, bounds, causes."""

from __future__ import annotations

import numpy as np
import pytest
from builders import call, fargate, fault, run_dict, scenario
from scaling_rig import (
    APP,
    RESOURCE,
    demand,
    moves,
    outcomes,
    rig,
    states,
    target,
    tracking,
)

NAN = float("nan")
#: From the end of a minute to its judgement: published 75 s later, judged at the next minute.
DELAY = 120.0


@pytest.mark.rule("SCALE-008", "SCALE-014", "SCALE-015", "ALARM-018", "ALARM-021")
def test_a_high_alarm_fires_after_three_minutes_and_the_delay() -> None:
    result = rig(demand((0, 190), (10, 800)), duration="17m").finish()
    at = 600 + 3 * 60 + DELAY
    assert states(result, "AlarmHigh") == [(at, "OK", "ALARM")]
    assert moves(result) == [(at, 4, 8)]


@pytest.mark.rule("SCALE-009")
def test_a_low_alarm_fires_after_fifteen_minutes_and_the_delay() -> None:
    result = rig(demand((0, 190), (10, 80)), duration="28m").finish()
    at = 600 + 15 * 60 + DELAY
    assert states(result, "AlarmLow") == [(at, "OK", "ALARM")]
    assert moves(result) == [(at, 4, 2)]


@pytest.mark.rule("SCALE-008", "SCALE-009")
@pytest.mark.parametrize("cpu", [45.0, 50.0], ids=["at 0.9 of the target", "at the target"])
def test_between_the_thresholds_nothing_happens(cpu: float) -> None:
    result = rig(lambda minute, running: cpu, duration="40m").finish()
    assert len(result.alarms) == 0
    assert len(result.scaling_activities) == 0


@pytest.mark.rule("SCALE-009")
def test_one_minute_above_the_low_threshold_begins_the_wait_anew() -> None:
    result = rig(lambda minute, running: 46.0 if minute == 9 else 20.0, duration="45m", initialState="empty").finish()
    assert states(result, "AlarmLow")[-1] == (600.0 + 15 * 60 + DELAY, "OK", "ALARM")


@pytest.mark.rule("SCALE-013", "SCALE-040", "SCALE-041", "SCALE-044")
def test_while_the_alarm_stays_the_policy_is_asked_each_minute_and_the_cooldown_decides() -> None:
    result = rig(demand((0, 190), (10, 600)), duration="40m").finish()
    # 900: 4 tasks show 100 % although they would need 150; the activity succeeds at the next minute, where the
    # cooldown of 300 s begins; in it the metric of 75 % asks for what was added already.
    assert moves(result) == [(900.0, 4, 8), (1260.0, 8, 12)]
    assert [s for s in states(result, "AlarmHigh") if s[2] == "ALARM"] == [(900.0, "OK", "ALARM")]
    assert (960.0, "Successful", None) in outcomes(result)


@pytest.mark.rule("SCALE-041")
def test_a_larger_excess_scales_out_inside_the_cooldown() -> None:
    result = rig(
        lambda minute, running: 40.0 if minute < 10 else 75.0 if minute < 16 else 200.0, duration="20m"
    ).finish()
    # 4 x 75 / 50 = 6; then 200 % of the same four tasks' worth asks for 16, at 16 closed + 120 s.
    assert moves(result) == [(900.0, 4, 6), (1140.0, 6, 16)]


@pytest.mark.rule("SCALE-041")
def test_the_option_computes_from_the_tasks_that_run_now() -> None:
    result = rig(
        lambda minute, running: 48.0 if minute < 10 else 75.0,
        duration="20m",
        model={"scaleOutCooldownBase": "running"},
    ).finish()
    assert moves(result)[:2] == [(900.0, 4, 6), (960.0, 6, 9)]


@pytest.mark.rule("SCALE-042")
def test_a_scale_in_waits_for_its_cooldown_and_a_scale_out_does_not() -> None:
    result = rig(lambda minute, running: 30.0 if minute < 30 else 90.0, count=10, duration="40m").finish()
    # Low from the start (primed): the first tick scales in, then every 300 s after its success, down to ...
    assert moves(result)[:3] == [(60.0, 10, 6), (420.0, 6, 4), (780.0, 4, 3)]
    assert moves(result)[-1][0] == 1800.0 + 180.0 + DELAY


@pytest.mark.rule("SCALE-023", "SCALE-046")
def test_at_its_bound_a_policy_says_so_once() -> None:
    result = rig(demand((0, 190), (10, 4000)), scalableTargets=[target(1, 6)], duration="1h").finish()
    assert moves(result) == [(900.0, 4, 6)]
    reasons = [o for o in outcomes(result) if o[2] == "AlreadyAtMaxCapacity"]
    assert len(reasons) == 1
    assert reasons[0][1] == "Failed"


@pytest.mark.rule("SCALE-032")
def test_a_deployment_holds_scale_in_up_and_not_scale_out() -> None:
    never_done = {"profile": "fixed", "healthyAfterRunning": "3h"}
    deploy = [call("5m", "UpdateService", cluster="prod", service="web", forceNewDeployment=True)]
    calm = rig(
        lambda minute, running: 48.0 if minute < 10 else 5.0,
        timing=never_done,
        timeline=deploy,
        duration="50m",
    ).finish()
    assert moves(calm) == []
    assert (1620.0, "Failed", "TargetServicePutResourceAsUnscalable") in outcomes(calm)
    busy = rig(
        lambda minute, running: 48.0 if minute < 10 else 75.0,
        timing=never_done,
        timeline=deploy,
        duration="20m",
    ).finish()
    assert moves(busy)[0][0] == 900.0


@pytest.mark.rule("SCALE-032")
def test_scale_in_resumes_when_the_deployment_is_complete() -> None:
    deploy = [call("26m", "UpdateService", cluster="prod", service="web", forceNewDeployment=True)]
    sim = rig(demand((0, 190), (10, 80)), timeline=deploy, duration="50m")
    result = sim.finish()
    done = result.deployments["finished_at"].max()
    assert len(moves(result)) == 1
    when, before, after = moves(result)[0]
    assert (before, after) == (4, 2)
    assert 1620.0 < done <= when <= done + 120.0


@pytest.mark.rule("SCALE-027", "SCALE-029")
@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        pytest.param(20.0, [(1620.0, 4, 2)], id="both are ready, the larger capacity wins"),
        pytest.param(48.0, [], id="one is not ready"),
        pytest.param(NAN, [], id="one has no data"),
    ],
)
def test_scale_in_needs_every_policy(memory: float, expected: list[tuple[float, int, int]]) -> None:
    result = rig(
        demand((0, 190), (10, 40)),
        memory=lambda minute, running: memory,
        scalingPolicies=[tracking(), tracking("memory50", metric="Memory")],
        duration="28m",
    ).finish()
    assert [m for m in moves(result) if m[0] < 1680.0] == expected


@pytest.mark.rule("SCALE-027")
def test_a_policy_without_scale_in_does_not_vote_and_has_no_low_alarm() -> None:
    sim = rig(
        demand((0, 190), (10, 80)),
        memory=lambda minute, running: 48.0,
        scalingPolicies=[tracking(), tracking("memory50", metric="Memory", disableScaleIn=True)],
        duration="28m",
    )
    assert sum("AlarmLow" in name for name in sim.engine.scaling.alarms.by_name) == 1
    assert moves(sim.finish()) == [(1620.0, 4, 2)]


@pytest.mark.rule("SCALE-028")
def test_of_two_that_scale_out_the_larger_wins() -> None:
    result = rig(
        lambda minute, running: 48.0 if minute < 10 else 75.0,
        memory=lambda minute, running: 48.0 if minute < 10 else 100.0,
        scalingPolicies=[tracking(), tracking("memory50", metric="Memory")],
        duration="16m",
    ).finish()
    assert moves(result) == [(900.0, 4, 8)]
    assert result.scaling_activities["policy"].astype(str).tolist()[0] == "memory50"


@pytest.mark.rule("SCALE-029", "ALARM-012")
def test_no_data_is_no_low_use() -> None:
    result = rig(lambda minute, running: 48.0 if minute < 10 else NAN, duration="1h").finish()
    assert moves(result) == []
    # The range of the high alarm is 5 minutes, that of the low one 17.
    assert states(result, "AlarmHigh") == [(600.0 + 5 * 60 + DELAY, "OK", "INSUFFICIENT_DATA")]
    assert states(result, "AlarmLow") == [(600.0 + 17 * 60 + DELAY, "OK", "INSUFFICIENT_DATA")]


@pytest.mark.rule("SCALE-030")
def test_from_zero_one_point_of_demand_starts_one_task() -> None:
    result = rig(
        lambda minute, running: 5.0 if minute >= 10 and running == 0 else NAN,
        scalableTargets=[target(0, 20)],
        count=0,
        duration="15m",
    ).finish()
    assert moves(result) == [(600.0 + 60 + DELAY, 0, 1)]


@pytest.mark.rule("SCALE-030", "SCALE-031")
def test_the_last_points_of_tasks_that_are_gone_wake_nobody() -> None:
    sim = rig(lambda minute, running: 48.0, scalableTargets=[target(0, 20)], duration="30m")
    metrics = sim.engine.metrics
    publish = metrics.publish

    def with_zeros() -> None:
        publish()
        if metrics.minute >= 11:
            metrics.latest["cpu_utilization"] = np.array([NAN])

    metrics.publish = with_zeros
    sim.to(630.0)
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=0)
    assert moves(sim.finish()) == []


@pytest.mark.rule("SCALE-044", "SCALE-046")
def test_an_activity_that_is_not_fulfilled_in_time_starts_no_cooldown() -> None:
    result = rig(
        demand((0, 190), (10, 800)),
        account={"quotas": {"base": "new", "fargateOnDemandVcpu": 1}},
        duration="40m",
    ).finish()
    ends = [o for o in outcomes(result) if o[1] in ("Unfulfilled", "Successful")]
    assert ends == [(1500.0, "Unfulfilled", None)]


@pytest.mark.rule("SCALE-046")
def test_a_change_by_somebody_else_overrides_the_activity() -> None:
    sim = rig(demand((0, 190), (10, 800)), duration="20m").to(910.0)
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=5)
    assert (960.0, "Overridden", None) in outcomes(sim.finish())


@pytest.mark.rule("SCALE-045")
@pytest.mark.parametrize(
    ("flag", "load"),
    [("dynamicScalingOutSuspended", 800.0), ("dynamicScalingInSuspended", 80.0)],
)
def test_a_suspended_direction_waits_for_its_resumption(flag: str, load: float) -> None:
    resume = [call("50m", "RegisterScalableTarget", **target(suspendedState={flag: False}))]
    result = rig(
        demand((0, 190), (10, load)),
        scalableTargets=[target(suspendedState={flag: True})],
        timeline=resume,
        duration="52m",
    ).finish()
    assert [t for t, *_ in moves(result)] == [3000.0]


@pytest.mark.rule("META-014", "SCALE-047")
def test_causes_lead_from_the_service_event_back_to_the_alarm() -> None:
    result = rig(demand((0, 190), (10, 800)), duration="17m").finish()
    event = result.service_events[result.service_events["event_name"] == "SERVICE_DESIRED_COUNT_UPDATED"].iloc[0]
    asked = result.calls[result.calls["event_id"] == event["cause_id"]].iloc[0]
    assert (asked["caller"], asked["action"], asked["target"]) == ("autoscaling", "UpdateService", "web")
    activity = result.scaling_activities[result.scaling_activities["event_id"] == asked["cause_id"]].iloc[0]
    assert (activity["target"], activity["policy"], activity["metric_value"]) == (RESOURCE, "cpu50", 100.0)
    alarm = result.alarms[result.alarms["event_id"] == activity["cause_id"]].iloc[0]
    assert alarm["new_state"] == "ALARM"
    assert "3 out of the last 3 datapoints [100, 100, 100] were greater than the threshold (50)" in alarm["reason"]


@pytest.mark.rule("QUOTA-020")
def test_a_throttled_call_is_tried_again_with_the_next_minute() -> None:
    sim = rig(demand((0, 190), (10, 800)), duration="20m").to(890.0)
    sim.engine.calls.throttle("UpdateService", 1e9)
    for _ in range(200):
        sim.engine.calls.call("UpdateService", {"cluster": "prod", "service": "web"}, "user")
    sim.to(930.0)
    sim.engine.calls.throttle("UpdateService", 1.0)
    result = sim.finish()
    assert (900.0, "Failed", "Rate exceeded") in outcomes(result)
    assert moves(result) == [(960.0, 4, 8)]


@pytest.mark.rule("SCALE-007")
def test_policies_come_and_go_with_their_alarms() -> None:
    sim = rig(demand((0, 800)), scalingPolicies=[], duration="1h").to(1210.0)
    assert not sim.engine.scaling.alarms.by_name
    answer = sim.call("PutScalingPolicy", **tracking())
    names = [a["alarmName"] for a in answer["alarms"]]
    assert [n.rsplit("-", 5)[0] for n in names] == [
        f"TargetTracking-{RESOURCE}-AlarmHigh",
        f"TargetTracking-{RESOURCE}-AlarmLow",
    ]
    sim.to(1270.0)
    # The metric was there before the alarm: its first judgement is of the last minutes.
    assert sim.service().desired == 8
    sim.call("DeleteScalingPolicy", policyName="cpu50", resourceId=RESOURCE)
    result = sim.finish()
    assert len(moves(result)) == 1
    assert states(result, "AlarmHigh") == [(1260.0, "INSUFFICIENT_DATA", "ALARM")]


@pytest.mark.rule("SCALE-001", "SCALE-002")
@pytest.mark.parametrize(
    ("action", "params", "code"),
    [
        ("PutScalingPolicy", tracking() | {"resourceId": "service/prod/other"}, "ObjectNotFoundException"),
        ("PutScalingPolicy", tracking("again"), "ValidationException"),
        ("RegisterScalableTarget", target(5, 4), "ValidationException"),
        ("RegisterScalableTarget", target() | {"resourceId": "service/prod/x"}, "ValidationException"),
        ("DeleteScalingPolicy", {"policyName": "x", "resourceId": RESOURCE}, "ObjectNotFoundException"),
    ],
    ids=["no target", "the same metric twice", "minimum above maximum", "no such service", "no such policy"],
)
def test_what_the_state_refuses_is_a_client_error(action: str, params: dict[str, object], code: str) -> None:
    sim = rig(demand((0, 190)))
    answer = sim.engine.calls.call(action, params, "user")
    assert getattr(answer, "code", None) == code


@pytest.mark.rule("SCALE-034")
@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        pytest.param(6, 20, [(605.0, 4, 6)], id="below the new minimum"),
        pytest.param(1, 3, [(605.0, 4, 3)], id="above the new maximum"),
        pytest.param(2, 9, [], id="inside the new bounds"),
    ],
)
def test_new_bounds_move_the_count_at_once(low: int, high: int, expected: list[tuple[float, int, int]]) -> None:
    change = [call("605s", "RegisterScalableTarget", **target(low, high))]
    assert moves(rig(demand((0, 190)), timeline=change, duration="11m").finish()) == expected


@pytest.mark.rule("SCALE-034")
def test_a_manual_count_stays_until_a_policy_changes_it() -> None:
    change = [call("5m", "UpdateService", cluster="prod", service="web", desiredCount=7)]
    sim = rig(lambda minute, running: 47.0, timeline=change, duration="40m")
    result = sim.finish()
    assert moves(result) == []
    assert sim.service().desired == 7


@pytest.mark.rule("ALARM-001")
def test_an_empty_run_begins_without_data() -> None:
    result = rig(lambda minute, running: 47.0 if running else NAN, initialState="empty", duration="10m").finish()
    assert states(result, "AlarmHigh") == [(60.0 + DELAY, "INSUFFICIENT_DATA", "OK")]


def test_a_steady_run_with_a_lot_of_room_scales_in_at_its_first_minute() -> None:
    """Metrics are primed: the low alarm has looked at 15 such minutes, and acts no earlier than t = 0."""
    result = rig(demand((0, 80)), duration="5m").finish()
    assert moves(result)[0] == (60.0, 4, 2)


def test_metrics_that_come_late_hold_alarms_up_and_are_caught_up_with() -> None:
    sim = rig(demand((0, 190), (10, 800)), duration="30m").to(700.0)
    sim.engine.scaling.alarms.behind = 5
    sim.to(1110.0)
    sim.engine.scaling.alarms.behind = 0
    assert moves(sim.finish())[0] == (1140.0, 4, 8)


def test_services_without_scaling_cost_no_rows() -> None:
    result = rig(demand((0, 800)), scalableTargets=[], scalingPolicies=[], duration="20m").finish()
    assert len(result.alarms) == len(result.scaling_activities) == 0


@pytest.mark.rule("SCALE-003", "SCALE-004", "SCALE-005", "SCALE-006")
def test_requests_per_target_follow_the_target_group() -> None:
    group = {"targetGroupName": "tg", "targetType": "ip"}
    balanced = [{"targetGroupArn": "tg", "containerName": "web", "containerPort": 80}]
    policy = tracking("rpt", 1000.0)
    policy["targetTrackingScalingPolicyConfiguration"]["predefinedMetricSpecification"] = {
        "predefinedMetricType": "ALBRequestCountPerTarget",
        "resourceLabel": "app/public/1/targetgroup/tg/2",
    }
    document = scenario(
        duration="30m",
        initialState="steady",
        taskDefinitions=[APP],
        targetGroups=[group],
        services=[fargate(count=4, loadBalancers=balanced)],
        scalableTargets=[target()],
        scalingPolicies=[policy],
        behaviour={"app": {"request": {"cpuSeconds": 0.001}}},
        traffic=[
            {
                "name": "s",
                "to": {"targetGroup": "tg"},
                "pattern": "steps",
                "steps": [{"at": "0s", "rate": 65}, {"at": "10m", "rate": 130}],
            }
        ],
    )
    result = run_dict(document)
    assert moves(result) == [(900.0, 4, 8)]
    assert result.scaling_activities["metric_value"].iloc[0] == pytest.approx(1950.0)


@pytest.mark.rule("ALARM-012", "ALARM-021")
def test_metrics_that_a_fault_delays_look_missing_until_it_ends() -> None:
    late = [fault("11m", "metricDelay", **{"delay": "6m", "for": "10m"})]
    result = rig(demand((0, 190), (10, 800)), timeline=late, duration="25m").finish()
    # The newest point is of minute 7 until the range of 5 minutes has passed it by.
    assert states(result, "AlarmHigh") == [
        (60.0 * (7 + 5 + 2) + 60.0, "OK", "INSUFFICIENT_DATA"),
        (1260.0, "INSUFFICIENT_DATA", "ALARM"),
    ]
    assert moves(result)[0] == (1260.0, 4, 8)
