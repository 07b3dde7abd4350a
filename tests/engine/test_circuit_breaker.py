"""The deployment circuit breaker on the clock: what it counts, when it trips, and the way back."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    COLD,
    DISPATCH,
    MANIFEST,
    PULL,
    WARM,
    Sim,
    behind,
    call,
    counts_over_time,
    group,
    percent,
    run_dict,
    scenario,
    service,
    service_events,
    target_group,
    task_definition,
)

from ecssim.aws.names import MonitorStatus
from ecssim.aws.names import ServiceDeploymentStatus as Status
from ecssim.world.states import COMPLETED, FAILED, IN_PROGRESS

BROKEN = {"app:2": {"failsToStart": {"share": 1.0, "reason": "CannotPullContainerError"}}}


def breaker(rollback: bool = True, **more: Any) -> dict[str, Any]:
    return {"deploymentCircuitBreaker": {"enable": True, "rollback": rollback, **more}}


def on_ec2(config: dict[str, Any], count: int = 4, behaviour: dict[str, Any] = BROKEN, **more: Any) -> dict[str, Any]:
    """A service that is steady when app:2 is deployed at 300 s."""
    given = more.pop("service", {})
    base = {
        "duration": "1h",
        "taskDefinitions": [task_definition(), task_definition(), task_definition()],
        "autoScalingGroups": [group(1, type="m5.8xlarge")],
        "targetGroups": [target_group()],
        "timing": {"profile": "fixed", "instanceBoot": "0s"},
        "behaviour": behaviour,
        "services": [service(count=count, deploymentConfiguration=config, **given)],
        "timeline": [call("5m", "UpdateService", cluster="prod", service="web", taskDefinition="app:2")],
    }
    return scenario(**(base | more))


def failed_row(result: Any) -> Any:
    rows = result.deployments.sort_values("started_at")
    [row] = rows[rows.rollout_state.astype(str) == "FAILED"].itertuples()
    return row


def named(result: Any, name: str) -> list[float]:
    return [t for t, event, _ in service_events(result) if event == name]


# -- what trips it --------------------------------------------------------------------------------------------


@pytest.mark.rule("DEPLOY-041", "DEPLOY-042", "DEPLOY-045")
def test_a_revision_that_cannot_start_is_rolled_back_at_the_threshold() -> None:
    result = run_dict(on_ec2(breaker(), count=4))
    row = failed_row(result)
    # Four tasks fail at once, and the threshold of four wanted tasks is three.
    assert row.finished_at == pytest.approx(300 + DISPATCH + MANIFEST + PULL, abs=1e-3)
    assert row.failed_tasks == 4
    assert row.status_reason.endswith("3 failed tasks reached the threshold of 3.")
    new = result.tasks[result.tasks.revision == 2]
    assert len(new) == 4
    old = result.tasks[result.tasks.revision == 1]
    assert old.stopped_at.isna().all()
    assert row.status == "ROLLBACK_SUCCESSFUL"
    assert row.rolled_back_to == result.deployments.sort_values("started_at").deployment_id.iloc[0]


@pytest.mark.rule("DEPLOY-040", "DEPLOY-041")
@pytest.mark.parametrize(
    ("settings", "count", "failures"),
    [
        pytest.param({}, 12, 6, id="half of twelve by default"),
        pytest.param({"thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 25}}, 16, 4, id="a quarter"),
        pytest.param({"thresholdConfiguration": {"type": "UNBOUNDED_PERCENT", "value": 10}}, 4, 1, id="no lower bound"),
        pytest.param({"thresholdConfiguration": {"type": "COUNT", "value": 9}}, 4, 9, id="a number"),
    ],
)
def test_the_threshold_is_what_the_settings_say(settings: dict[str, Any], count: int, failures: int) -> None:
    row = failed_row(run_dict(on_ec2(breaker(**settings), count=count)))
    assert row.status_reason.endswith(f" reached the threshold of {failures}.")


@pytest.mark.rule("DEPLOY-041")
def test_the_threshold_follows_the_desired_count_at_all_times() -> None:
    limit = {"thresholdConfiguration": {"type": "UNBOUNDED_PERCENT", "value": 100}}
    sim = Sim(on_ec2(breaker(**limit) | percent(100, 150), count=12))
    sim.to(300 + DISPATCH + MANIFEST + PULL + 0.1)  # six of twelve have failed
    primary = sim.service().deployments[0]
    assert (primary.breaker.failures, primary.rollout_state) == (6, IN_PROGRESS)
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=6)
    assert primary.rollout_state == FAILED


@pytest.mark.rule("DEPLOY-042")
def test_tasks_that_are_replaced_for_their_health_count_once_one_runs() -> None:
    result = run_dict(
        on_ec2(
            breaker() | percent(100, 200),
            count=2,
            behaviour={"app:2": {"unhealthyAfter": "0s"}},
            service={"loadBalancers": behind()},
        )
    )
    row = failed_row(result)
    # The fourth was stopped in the same pass as the third.
    assert row.failed_tasks == 4
    assert row.status_reason.endswith("3 failed tasks reached the threshold of 3.")
    replaced = result.tasks[result.tasks.stopped_reason.astype(str).str.contains("it is unhealthy")]
    assert len(replaced) == 4
    assert row.finished_at == pytest.approx(replaced.stopping_at.max(), abs=1e-3)
    assert (result.tasks[result.tasks.revision == 1].stopped_at.isna()).all()


@pytest.mark.rule("DEPLOY-042")
def test_failed_starts_do_not_count_while_a_task_of_the_deployment_runs() -> None:
    sim = Sim(on_ec2(breaker(), behaviour={})).to(300.5)
    primary = sim.service().deployments[0]
    rollouts = sim.engine.services.deployments.rollouts
    sim.to(300 + WARM + 1)
    assert primary.running == 4
    rollouts.failed(primary, started=False)
    assert (primary.breaker.failures, primary.failed_in_row) == (0, 1)
    rollouts.failed(primary, started=True)
    assert (primary.breaker.failures, primary.failed_in_row) == (1, 2)


@pytest.mark.rule("SVC-043", "DEPLOY-042")
def test_a_task_that_exits_after_it_ran_is_no_failure_of_the_deployment() -> None:
    result = run_dict(on_ec2(breaker(), behaviour={"app:2": {"runsFor": "20s", "exitCode": 1}}, duration="20m"))
    rows = result.deployments.sort_values("started_at")
    assert list(rows.rollout_state.astype(str)) == ["COMPLETED", "IN_PROGRESS"]
    assert rows.failed_tasks.iloc[1] == 0


@pytest.mark.rule("DEPLOY-043", "DEPLOY-044")
@pytest.mark.parametrize(("reset", "left"), [(True, 0), (None, 0), (False, 2)])
def test_a_healthy_task_sets_the_count_to_zero_unless_told_otherwise(reset: bool | None, left: int) -> None:
    more = {} if reset is None else {"resetOnHealthyTask": reset}
    sim = Sim(on_ec2(breaker(**more), behaviour={})).to(300 + WARM + 1)
    primary = sim.service().deployments[0]
    for _ in range(2):
        sim.engine.services.deployments.rollouts.failed(primary, started=True)
    assert (primary.breaker.failures, primary.failed_in_row) == (2, 2)
    sim.to(300 + WARM + 41)
    assert primary.healthy == 4
    assert (primary.breaker.failures, primary.failed_in_row, primary.failed_tasks) == (left, 0, 2)


@pytest.mark.rule("SVC-032", "DEPLOY-042")
def test_failures_of_the_old_revision_are_not_counted_for_the_new_one() -> None:
    sim = Sim(on_ec2(breaker(), behaviour={})).to(301)
    primary, old = sim.service().deployments
    for _ in range(9):
        sim.engine.services.deployments.rollouts.failed(old, started=True)
    sim.settle()
    assert (primary.rollout_state, primary.breaker.failures) == (IN_PROGRESS, 0)
    assert old.rollout_state == COMPLETED


@pytest.mark.rule("DEPLOY-040")
def test_a_breaker_that_is_off_lets_it_go_on() -> None:
    off = {"deploymentCircuitBreaker": {"enable": False, "rollback": True}}
    result = run_dict(on_ec2(off))
    assert "FAILED" not in set(result.deployments.rollout_state.astype(str))
    assert not named(result, "SERVICE_DEPLOYMENT_FAILED")


# -- what follows ---------------------------------------------------------------------------------------------


@pytest.mark.rule("DEPLOY-005", "DEPLOY-008", "DEPLOY-045")
def test_without_rollback_it_launches_nothing_more_and_old_tasks_stay_and_are_replaced() -> None:
    sim = Sim(on_ec2(breaker(rollback=False) | percent(50, 100))).to(400)
    web = sim.service()
    failed, old = web.deployments
    assert (failed.rollout_state, failed.rollout.status, failed.active) == (FAILED, Status.STOPPED, 0)
    assert failed.rollout.stopped_at == failed.rollout.finished_at == failed.finished_at
    launched = web.launched
    assert old.active == 2
    sim.to(2000)
    assert web.launched == launched
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(next(iter(old.tasks.values()))))
    sim.to(2100)
    assert [t.template.revision for t in sim.tasks()] == [1, 1]
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=6)
    sim.to(2200)
    assert web.launched == launched + 1


@pytest.mark.rule("DEPLOY-005")
def test_a_failed_first_deployment_launches_nothing_ever() -> None:
    document = on_ec2(breaker(), behaviour={"app": {"failsToStart": {"share": 1.0}}}, timeline=[])
    sim = Sim(document).to(COLD + 0.1)
    web = sim.service()
    assert (web.deployments[0].rollout_state, web.launched) == (FAILED, 4)
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=7)
    sim.to(1800)
    assert web.launched == 4
    messages = [m for _, _, m in service_events(sim.finish())]
    assert any("cannot roll back: there is no deployment in the COMPLETED state" in m for m in messages)


@pytest.mark.rule("DEPLOY-045", "DEPLOY-046", "SVC-042")
def test_with_nothing_to_go_back_to_it_stalls_until_the_next_update() -> None:
    sim = Sim(on_ec2(breaker(), behaviour={"app:1": {"failsToStart": {"share": 1.0}}}, timeline=[])).to(60)
    [failed] = sim.service().deployments
    assert failed.rollout.status is Status.STOPPED
    sim.call("UpdateService", cluster="prod", service="web", taskDefinition="app:2")
    sim.to(120)
    [primary] = sim.service().deployments
    assert (primary.rollout_state, primary.rollout.status, primary.running) == (COMPLETED, Status.SUCCESSFUL, 4)


@pytest.mark.rule("DEPLOY-047", "DEPLOY-045")
@pytest.mark.parametrize(
    ("bounds", "trough"),
    [
        pytest.param((100, 200), 6, id="new first"),
        pytest.param((50, 100), 3, id="old first"),
        pytest.param((67, 134), 5, id="a little of both"),
    ],
)
def test_a_rollback_is_a_rolling_deployment_within_the_same_limits(bounds: tuple[int, int], trough: int) -> None:
    # Revision 2 starts, and turns unhealthy when part of the old tasks are gone already.
    result = run_dict(
        on_ec2(
            breaker() | percent(*bounds),
            count=6,
            behaviour={"app:2": {"unhealthyAfter": "0s"}},
            service={"loadBalancers": behind()},
        )
    )
    rows = result.deployments.sort_values("started_at")
    assert list(rows.status.astype(str)) == ["SUCCESSFUL", "ROLLBACK_SUCCESSFUL"]
    upper = 6 * bounds[1] // 100
    assert max(w for _, w, _ in counts_over_time(result)) <= upper
    tasks = result.tasks
    live = tasks[tasks.stopped_at.isna()]
    assert list(live.revision) == [1] * 6
    healthy = sorted(
        [(t, 1) for t in tasks.healthy_at.dropna()]
        + [(t, -1) for t in tasks.stopping_at[tasks.healthy_at.notna()].dropna()]
    )
    count, least = 0, 6
    for t, change in healthy:
        count += change
        least = min(least, count) if t >= 300 else least
    assert least == trough


@pytest.mark.rule("DEPLOY-009", "DEPLOY-047")
def test_after_a_rollback_the_service_is_what_it_was() -> None:
    sim = Sim(on_ec2(breaker())).to(300.1)
    web = sim.service()
    new, old = web.deployments
    sim.to(900)
    assert web.deployments == [old]
    assert (old.rollout_state, old.template.revision, old.rollback_of) == (COMPLETED, 1, None)
    assert sim.engine.builder.documents[web.ordinal].task_definition == "app:1"
    first, second = web.history
    assert (first.target.number, second.target.number) == (1, 2)
    assert second.sources == (first.target,)
    assert (second.target.document.task_definition, first.target.document.task_definition) == ("app:2", "app:1")
    assert second.rollback.deployment is old
    assert new.rollout is second
    # More of the same revision, and no deployment of the broken one.
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=6)
    sim.to(1000)
    assert [t.template.revision for t in sim.tasks()] == [1] * 6
    assert len(web.history) == 2


@pytest.mark.rule("DEPLOY-009")
def test_a_family_without_a_revision_means_the_one_that_was_the_latest_then() -> None:
    later = call("290s", "RegisterTaskDefinition", **task_definition())
    update = call("5m", "UpdateService", cluster="prod", service="web", taskDefinition="app")
    web = service(count=4, deploymentConfiguration=breaker(), taskDefinition="app")
    sim = Sim(on_ec2({}, taskDefinitions=[task_definition()], services=[web], timeline=[later, update])).to(295)
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=5)
    assert [t.template.revision for t in sim.tasks()] == [1] * 5
    sim.to(600)
    assert [t.template.revision for t in sim.tasks()] == [1] * 5
    assert [h.target.template.revision for h in sim.service().history] == [1, 2]
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=6)
    assert [t.template.revision for t in sim.tasks()] == [1] * 6


@pytest.mark.rule("DEPLOY-046")
def test_a_rollback_that_fails_cannot_be_rolled_back() -> None:
    sim = Sim(
        on_ec2(
            breaker() | percent(0, 100),
            count=4,
            initialState="steady",
            behaviour={"app": {"failsToStart": {"share": 1.0}}},
        )
    )
    sim.to(3000)
    web = sim.service()
    [primary] = web.deployments
    _, failed = web.history
    assert (primary.template.revision, primary.rollout_state) == (1, FAILED)
    assert failed.status is Status.ROLLBACK_FAILED
    result = sim.finish()
    assert len(named(result, "SERVICE_DEPLOYMENT_FAILED")) == 2
    assert len(result.deployments) == 2
    row = failed_row(result)
    assert row.status == "ROLLBACK_FAILED"
    assert row.rollback_finished_at > row.rollback_started_at == row.finished_at


@pytest.mark.rule("DEPLOY-008", "DEPLOY-016")
def test_a_new_deployment_ends_a_rollback_that_is_under_way() -> None:
    sim = Sim(
        on_ec2(
            breaker() | percent(50, 100),
            behaviour=BROKEN | {"app:1": {"stopsAfter": "5s"}},
            service={"loadBalancers": behind()},
        )
    ).to(300 + WARM + 0.2)
    sim.to(306)
    web = sim.service()
    assert web.deployments[0].rollback_of is web.history[1]
    sim.call("UpdateService", cluster="prod", service="web", taskDefinition="app:3")
    assert [h.status for h in web.history] == [Status.SUCCESSFUL, Status.ROLLBACK_FAILED, Status.IN_PROGRESS]
    sim.to(900)
    assert [t.template.revision for t in sim.tasks()] == [3] * 4
    assert web.history[2].status is Status.SUCCESSFUL


@pytest.mark.rule("DEPLOY-046")
def test_what_was_being_rolled_back_to_is_no_target_before_it_has_completed() -> None:
    behaviour = {"app:2": {"failsToStart": {"share": 1.0}}, "app:3": {"failsToStart": {"share": 1.0}}}
    sim = Sim(on_ec2(breaker() | percent(50, 100), behaviour=behaviour)).to(306)
    web = sim.service()
    assert web.deployments[0].rollback_of is web.history[1]
    sim.call("UpdateService", cluster="prod", service="web", taskDefinition="app:3")
    sim.to(900)
    third, first = web.deployments
    assert (third.template.revision, third.rollout_state, third.rollout.status) == (3, FAILED, Status.STOPPED)
    assert (first.template.revision, first.rollout_state) == (1, IN_PROGRESS)


@pytest.mark.rule("DEPLOY-006", "DEPLOY-008")
def test_a_deployment_that_another_one_overtakes_is_stopped_when_its_tasks_are_gone() -> None:
    sim = Sim(on_ec2(breaker(), behaviour={"app": {"stopsAfter": "5s"}})).to(303)
    web = sim.service()
    sim.call("UpdateService", cluster="prod", service="web", taskDefinition="app:3")
    overtaken = web.history[1]
    assert overtaken.status is Status.STOP_REQUESTED
    assert overtaken.breaker.status is MonitorStatus.MONITORING_COMPLETE
    sim.to(600)
    assert overtaken.status is Status.STOPPED
    assert 303 < overtaken.stopped_at <= 309
    assert web.history[2].status is Status.SUCCESSFUL


@pytest.mark.rule("DEPLOY-048")
def test_the_state_of_the_breaker() -> None:
    sim = Sim(on_ec2(breaker())).to(60)
    web = sim.service()
    first = web.history[0]
    assert first.breaker.status is MonitorStatus.MONITORING_COMPLETE
    sim.to(301)
    second = web.history[1]
    assert (second.breaker.status, second.breaker.failures) == (MonitorStatus.MONITORING, 0)
    sim.to(400)
    assert (second.breaker.status, second.breaker.failures) == (MonitorStatus.TRIGGERED, 3)


@pytest.mark.slow
@pytest.mark.rule("DEPLOY-009")
def test_deployments_are_remembered_for_ninety_days() -> None:
    sim = Sim(on_ec2({}, behaviour={}, duration="100d", timeline=[])).to(60)
    web = sim.service()
    for day in (1, 50, 92):
        sim.to(day * 86400.0)
        sim.call("UpdateService", cluster="prod", service="web", forceNewDeployment=True)
    assert [h.created_at / 86400.0 for h in web.history] == [50, 92]
    assert [h.target.number for h in web.history] == [3, 4]


@pytest.mark.rule("DEPLOY-005", "DEPLOY-020", "DEPLOY-045")
@pytest.mark.parametrize("rollback", [True, False])
def test_a_daemon_whose_update_fails_goes_back_or_stays_without(rollback: bool) -> None:
    config = breaker(rollback) | percent(0, 100)
    daemon = service("web", schedulingStrategy="DAEMON", deploymentConfiguration=config)
    sim = Sim(on_ec2({}, services=[daemon], autoScalingGroups=[group(4)])).to(300.5)
    new, old = sim.service().deployments
    assert (new.active, old.active) == (4, 0)
    sim.to(900)
    launched = sim.service().launched
    assert (new.rollout_state, old.rollout_state) == (FAILED, COMPLETED)
    if rollback:
        assert [t.template.revision for t in sim.tasks()] == [1] * 4
        assert launched == 12
    else:
        assert (sim.tasks(), launched) == ([], 8)
    assert sim.service().history[1].status is (Status.ROLLBACK_SUCCESSFUL if rollback else Status.STOPPED)


@pytest.mark.rule("DEPLOY-015", "DEPLOY-020")
def test_a_daemon_without_any_task_has_not_completed_its_update() -> None:
    daemon = service("web", schedulingStrategy="DAEMON", deploymentConfiguration=percent(0, 100))
    sim = Sim(on_ec2({}, services=[daemon], autoScalingGroups=[group(4)])).to(340)
    [new] = sim.service().deployments
    # Between two attempts that are far apart there is none, old or new.
    sim.to(new.throttle_until - 1.0)
    assert (new.active, new.rollout_state) == (0, IN_PROGRESS)


# -- what it says ---------------------------------------------------------------------------------------------


@pytest.mark.rule("DEPLOY-047", "META-018", "SVC-070")
def test_the_events_of_a_rollback_name_its_deployments_and_hang_together() -> None:
    result = run_dict(on_ec2(breaker()))
    rows = result.deployments.sort_values("started_at")
    first, second = rows.deployment_id.astype(str)
    events = [(t, n, m) for t, n, m in service_events(result) if 300 <= t < 310 and n.startswith("SERVICE_DEPLOYMENT")]
    assert [n for _, n, _ in events] == [
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_FAILED",
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_COMPLETED",
    ]
    assert events[1][2].startswith(f"(service web) (deployment {second}) deployment failed: tasks failed to start.")
    assert events[2][2].startswith(f"(service web) rolling back to deployment {first}.")
    assert rows.reason.iloc[1] == f"ECS deployment circuit breaker: rolling back to deploymentId {first}."
    told = result.service_events
    by_name = {
        n: told[told.event_name == n].iloc[-1] for n in ("SERVICE_DEPLOYMENT_FAILED", "SERVICE_DEPLOYMENT_IN_PROGRESS")
    }
    failure, way_back = by_name.values()
    assert way_back.cause_id == failure.event_id
    cause = result.task_events[result.task_events.event_id == failure.cause_id].iloc[0]
    assert cause.revision == 2


def test_the_same_run_twice_is_the_same() -> None:
    document = on_ec2(breaker(), timing={"profile": "typical"}, behaviour={"app:2": {"failsToStart": {"share": 0.8}}})
    one, two = (run_dict(document) for _ in range(2))
    assert one.task_events.equals(two.task_events)
    assert one.deployments.equals(two.deployments)
