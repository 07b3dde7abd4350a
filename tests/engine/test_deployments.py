"""Deployments on the clock: what starts one, how it goes, when it is complete, and the limits all the way."""

from __future__ import annotations

import pytest
from builders import (
    COLD,
    WARM,
    Sim,
    awsvpc,
    behind,
    call,
    counts_over_time,
    fargate,
    group,
    percent,
    provider,
    run_dict,
    scenario,
    service,
    service_events,
    target_group,
    task_definition,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ecssim.decide.reconcile import limits


def on_ec2(**more):
    base = {
        "duration": "20m",
        "taskDefinitions": [task_definition(), task_definition(), task_definition()],
        "autoScalingGroups": [group(1, type="m5.4xlarge")],
        "timing": {"profile": "fixed", "instanceBoot": "0s"},
    }
    return scenario(**(base | more))


def update(at: str, name: str = "web", **params):
    return call(at, "UpdateService", cluster="prod", service=name, **params)


def of_revision(result, revision: int):
    return result.tasks[result.tasks.revision == revision]


# -- what starts a deployment ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"taskDefinition": "app:2"}, id="another revision"),
        pytest.param(
            {"forceNewDeployment": True}, id="a forced one with nothing changed", marks=pytest.mark.rule("DEPLOY-004")
        ),
        pytest.param({"loadBalancers": behind()}, id="another load balancer"),
    ],
)  # fmt: skip
@pytest.mark.rule("DEPLOY-002")
def test_these_updates_start_a_deployment(params: dict) -> None:
    port = {"portMappings": [{"containerPort": 80, "hostPort": 0}]}
    result = run_dict(
        on_ec2(
            taskDefinitions=[task_definition(container=port), task_definition(container=port)],
            targetGroups=[target_group()],
            services=[service(count=2)],
            timeline=[update("2m", **params)],
        )
    )
    assert len(result.deployments) == 2
    assert len(result.tasks) == 4


@pytest.mark.parametrize(
    ("balancer", "deployments"),
    [
        pytest.param({"containerPort": 8080}, 2, id="another port of the same container in the same group"),
        pytest.param({"targetGroupArn": "other"}, 2, id="another target group"),
        pytest.param({}, 1, id="what it has already"),
    ],
)
@pytest.mark.rule("DEPLOY-002")
def test_other_load_balancers_start_a_deployment(balancer: dict, deployments: int) -> None:
    """Also where the tasks of both revisions look alike; the new tasks are in the new group and the old one empties."""
    ports = {"portMappings": [{"containerPort": 80}, {"containerPort": 8080}]}
    document = on_ec2(
        initialState="steady",
        taskDefinitions=[task_definition(networkMode="awsvpc", container=ports)],
        targetGroups=[target_group(), target_group("other")],
        services=[fargate(count=2, loadBalancers=behind("tg"))],
        timeline=[update("2m", loadBalancers=[{**behind("tg")[0], **balancer}])],
    )
    sim = Sim(document)
    sim.to(900)
    members = {g.name: len(g.members) for g in sim.engine.world.target_groups}
    now = balancer.get("targetGroupArn", "tg")
    assert members == {"tg": 0, "other": 0, now: 2}
    result = sim.finish()
    assert len(result.deployments) == deployments
    assert len(result.tasks) == 2 * deployments
    assert set(result.deployments.rollout_state.astype(str)) == {"COMPLETED"}


@pytest.mark.parametrize(("version", "deployments"), [("1.3.0", 2), ("LATEST", 1)])
@pytest.mark.rule("DEPLOY-002")
def test_another_platform_version_starts_a_deployment(version: str, deployments: int) -> None:
    document = on_ec2(
        taskDefinitions=[task_definition(networkMode="awsvpc")],
        services=[fargate(count=2)],
        timeline=[update("2m", platformVersion=version)],
    )
    assert len(run_dict(document).deployments) == deployments


@pytest.mark.rule("DEPLOY-002")
def test_other_subnets_start_a_deployment_too() -> None:
    result = run_dict(
        on_ec2(
            taskDefinitions=[task_definition(networkMode="awsvpc")],
            services=[fargate(count=2)],
            timeline=[update("2m", networkConfiguration=awsvpc("b"))],
        )
    )
    assert len(result.deployments) == 2
    live = result.tasks[result.tasks.stopped_at.isna()]
    assert set(live.subnet.astype(str)) == {"b"}


@pytest.mark.rule("DEPLOY-002")
@pytest.mark.parametrize(("version", "deployments"), [("1.3.0", 2), ("1.4.0", 1)])
def test_a_platform_version_is_told_from_what_latest_means(version: str, deployments: int) -> None:
    result = run_dict(
        on_ec2(
            taskDefinitions=[task_definition(networkMode="awsvpc")],
            services=[fargate(count=2, platformVersion="1.4.0")],
            timeline=[update("2m", platformVersion=version)],
        )
    )
    assert len(result.deployments) == deployments


@pytest.mark.parametrize(
    ("groups", "deployments"),
    [
        pytest.param([], 2, id="none any more"),
        pytest.param(["sg-2"], 2, id="another"),
        pytest.param(["sg-1", "sg-2", "sg-3"], 2, id="one more"),
        pytest.param(["sg-2", "sg-1"], 1, id="the same in another order"),
    ],
)
@pytest.mark.rule("DEPLOY-002")
def test_other_security_groups_alone_start_a_deployment(groups: list[str], deployments: int) -> None:
    """They are part of the revision, though nothing in this network depends on them."""

    def network(*names: str) -> dict:
        return {"awsvpcConfiguration": {"subnets": ["a"], "securityGroups": list(names)}}

    result = run_dict(
        on_ec2(
            taskDefinitions=[task_definition(networkMode="awsvpc")],
            services=[fargate(count=2, networkConfiguration=network("sg-1", "sg-2"))],
            timeline=[update("2m", networkConfiguration=network(*groups))],
        )
    )
    assert len(result.deployments) == deployments
    assert len(result.tasks) == 2 * deployments


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"desiredCount": 2}, id="the desired count"),
        pytest.param({"deploymentConfiguration": percent(50, 150)}, id="the limits"),
        pytest.param({"placementStrategy": [{"type": "random"}]}, id="the placement strategy"),
        pytest.param({"placementConstraints": [{"type": "distinctInstance"}]}, id="the placement constraints"),
        pytest.param({"healthCheckGracePeriodSeconds": 30}, id="the grace period"),
        pytest.param({"taskDefinition": "app:1"}, id="the revision that it has already"),
    ],
)
@pytest.mark.rule("DEPLOY-003", "SVC-005")
def test_these_updates_start_none(params: dict) -> None:
    result = run_dict(on_ec2(services=[service(count=1)], timeline=[update("2m", **params)]))
    assert len(result.deployments) == 1
    assert result.tasks.stopped_at.isna().all()
    assert list(result.calls.result.astype(str))[-1] == "ok"


@pytest.mark.rule("DEPLOY-003", "CAP-036")
def test_another_strategy_moves_nothing_and_counts_for_the_next_tasks() -> None:
    result = run_dict(
        on_ec2(
            taskDefinitions=[task_definition(networkMode="awsvpc")],
            clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}],
            services=[fargate(count=2, capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}])],
            timeline=[
                update("2m", capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}]),
                update("3m", desiredCount=4),
            ],
        )
    )
    assert len(result.deployments) == 1
    assert list(result.tasks.capacity_provider.astype(str)) == ["FARGATE"] * 2 + ["FARGATE_SPOT"] * 2


@pytest.mark.rule("DEPLOY-003")
def test_new_constraints_hold_for_the_tasks_that_start_from_then_on() -> None:
    sim = Sim(on_ec2(autoScalingGroups=[group(2)], services=[service(count=1)])).to(60)
    sim.call("UpdateService", cluster="prod", service="web", placementConstraints=[{"type": "distinctInstance"}])
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=4)
    sim.to(120)
    assert [t.instance for t in sim.tasks()] == [0, 1]


# -- the way of a rolling update ------------------------------------------------------------------------------


@pytest.mark.rule("DEPLOY-011", "DEPLOY-013", "DEPLOY-015", "DEPLOY-005")
def test_by_default_the_new_tasks_come_first_and_the_old_go_when_they_are_healthy() -> None:
    result = run_dict(on_ec2(services=[service(count=3)], timeline=[update("5m", taskDefinition="app:2")]))
    old, new = of_revision(result, 1), of_revision(result, 2)
    assert list(new.created_at) == [300] * 3
    assert list(old.stopping_at) == pytest.approx([300 + WARM + 40] * 3, abs=1e-4)
    first, second = result.deployments.sort_values("started_at").itertuples()
    assert (first.rollout_state, second.rollout_state) == ("COMPLETED", "COMPLETED")
    assert second.finished_at == old.stopped_at.max()
    assert second.peak_tasks == 3
    assert first.finished_at == pytest.approx(COLD + 40, abs=1e-4)


@pytest.mark.rule("DEPLOY-012", "DEPLOY-011")
def test_with_a_minimum_below_100_percent_old_tasks_stop_first() -> None:
    result = run_dict(
        on_ec2(
            services=[service(count=4, deploymentConfiguration=percent(50, 100))],
            timeline=[update("5m", taskDefinition="app:2")],
        )
    )
    old, new = of_revision(result, 1), of_revision(result, 2)
    assert sorted(old.stopping_at) == pytest.approx([300, 300] + [300 + WARM + 40] * 2, abs=1e-3)
    assert sorted(new.created_at) == pytest.approx([300, 300] + [300 + WARM + 40] * 2, abs=1e-3)


@pytest.mark.rule("DEPLOY-012")
def test_an_option_keeps_them_while_there_is_room() -> None:
    document = on_ec2(
        services=[service(count=4, deploymentConfiguration=percent(50, 200))],
        timeline=[update("5m", taskDefinition="app:2")],
    )
    assert sorted(of_revision(run_dict(document), 1).stopping_at)[0] == 300
    kept = run_dict(document | {"model": {"rollingStopFirst": "when_no_room"}})
    assert sorted(of_revision(kept, 1).stopping_at)[0] > 330


@pytest.mark.rule("DEPLOY-015", "DEPLOY-014", "LB-062")
def test_with_a_load_balancer_the_drain_of_the_old_tasks_counts() -> None:
    result = run_dict(
        on_ec2(
            targetGroups=[target_group(deregistrationDelay=100)],
            services=[service(count=2, loadBalancers=behind())],
            timeline=[update("5m", taskDefinition="app:2")],
        )
    )
    second = result.deployments.sort_values("started_at").iloc[1]
    old = of_revision(result, 1)
    assert second.finished_at == old.stopped_at.max()
    assert list(old.stopped_at - old.stopping_at) == pytest.approx([101] * 2, abs=1e-4)


@pytest.mark.rule("DEPLOY-013", "NET-061")
def test_stopping_tasks_do_not_count_against_the_maximum() -> None:
    result = run_dict(
        on_ec2(
            behaviour={"app": {"stopsAfter": "25s"}},
            services=[service(count=4, deploymentConfiguration=percent(50, 100))],
            timeline=[update("5m", taskDefinition="app:2")],
        )
    )
    new = of_revision(result, 2)
    # The first two start at the very instant at which two old ones are told to stop.
    assert (new.created_at == 300).sum() == 2


@pytest.mark.rule("SVC-011")
def test_a_deployment_that_may_neither_start_nor_stop_is_stuck_and_says_so() -> None:
    result = run_dict(
        on_ec2(
            services=[service(count=2, deploymentConfiguration=percent(100, 100))],
            timeline=[update("5m", taskDefinition="app:2")],
        )
    )
    assert len(result.tasks) == 2
    blocked = [t for t, _, m in service_events(result) if "unable to stop or start tasks" in m]
    assert blocked == [300]
    assert list(result.deployments.sort_values("started_at").rollout_state.astype(str)) == [
        "COMPLETED",
        "IN_PROGRESS",
    ]


@pytest.mark.rule("DEPLOY-016", "DEPLOY-008")
def test_a_second_update_replaces_the_first_one_half_way() -> None:
    result = run_dict(
        on_ec2(
            services=[service(count=4)],
            timeline=[update("5m", taskDefinition="app:2"), update("310s", taskDefinition="app:3")],
        )
    )
    first, second, third = (of_revision(result, n) for n in (1, 2, 3))
    assert (second.stopping_at == 310).all()
    assert (third.created_at >= 310).all()
    assert (first.stopping_at > third.healthy_at.min() - 1e-6).all()
    live = result.tasks[result.tasks.stopped_at.isna()]
    assert list(live.revision) == [3] * 4
    deployments = result.deployments.sort_values("started_at")
    assert list(deployments.rollout_state.astype(str)) == ["COMPLETED", "IN_PROGRESS", "COMPLETED"]
    assert deployments.reason.iloc[1] == "superseded by a newer deployment"


@pytest.mark.rule("SVC-005")
def test_scaling_out_during_a_deployment_starts_tasks_of_the_new_revision() -> None:
    result = run_dict(
        on_ec2(
            services=[service(count=2)],
            timeline=[update("5m", taskDefinition="app:2"), update("305s", desiredCount=5)],
        )
    )
    assert len(of_revision(result, 1)) == 2
    live = result.tasks[result.tasks.stopped_at.isna()]
    assert list(live.revision) == [2] * 5


@pytest.mark.rule("SVC-032")
def test_an_old_task_that_ends_during_a_deployment_is_replaced_by_its_own_revision() -> None:
    sim = Sim(on_ec2(behaviour={"app:2": {"failsToStart": {"share": 1.0}}}, services=[service(count=2)])).to(300)
    sim.call("UpdateService", cluster="prod", service="web", taskDefinition="app:2")
    sim.to(302)
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    sim.to(310)
    revisions = [t.template.revision for t in sim.tasks() if t.running and t.template.revision == 1]
    assert revisions == [1, 1]


@pytest.mark.rule("DEPLOY-016", "SVC-042")
def test_the_way_back_from_a_broken_revision() -> None:
    sim = Sim(on_ec2(behaviour={"app:2": {"failsToStart": {"share": 1.0}}}, services=[service(count=3)])).to(300)
    sim.call("UpdateService", cluster="prod", service="web", taskDefinition="app:2")
    sim.to(600)
    assert sum(t.template.revision == 1 and t.running for t in sim.tasks()) == 3
    sim.call("UpdateService", cluster="prod", service="web", taskDefinition="app:1")
    sim.to(900)
    assert [t.template.revision for t in sim.tasks()] == [1, 1, 1]
    assert len(sim.service().deployments) == 1


# -- the limits, all the way ----------------------------------------------------------------------------------


@settings(max_examples=25)
@given(
    desired=st.integers(1, 9),
    bounds=st.sampled_from([(0, 100), (50, 100), (100, 150), (100, 200), (50, 200), (67, 134)]),
    targets=st.booleans(),
    first=st.sampled_from(["always", "when_no_room"]),
)
@pytest.mark.rule("DEPLOY-011", "DEPLOY-013", "SVC-011", "SVC-010")
def test_a_rolling_update_never_leaves_its_limits(
    desired: int, bounds: tuple[int, int], targets: bool, first: str
) -> None:
    document = service(count=desired, deploymentConfiguration=percent(*bounds))
    if targets:
        document["loadBalancers"] = behind()
    result = run_dict(
        on_ec2(
            duration="1h",
            targetGroups=[target_group()],
            model={"rollingStopFirst": first},
            services=[document],
            timeline=[update("5m", taskDefinition="app:2")],
        )
    )
    lower, upper = limits(desired, *bounds)
    assert max(w for _, w, _ in counts_over_time(result)) <= upper
    healthy = sorted(
        [(t, 1) for t in result.tasks.healthy_at.dropna()] + [(t, -1) for t in result.tasks.stopping_at.dropna()],
        key=lambda change: (change[0], -change[1]),
    )
    count = 0
    for t, change in healthy:
        count += change
        assert t < 300 or count >= lower, (t, count, lower)
    if lower < desired or upper > desired:
        live = result.tasks[result.tasks.stopped_at.isna()]
        assert list(live.revision) == [2] * desired
        assert list(result.deployments.rollout_state.astype(str)) == ["COMPLETED"] * 2


@pytest.mark.rule("CAP-038", "CAP-031")
def test_each_revision_is_split_over_the_providers_on_its_own() -> None:
    result = run_dict(
        on_ec2(
            taskDefinitions=[task_definition(networkMode="awsvpc"), task_definition(networkMode="awsvpc")],
            clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}],
            services=[
                fargate(
                    count=4,
                    capacityProviderStrategy=[
                        {"capacityProvider": "FARGATE", "weight": 1, "base": 2},
                        {"capacityProvider": "FARGATE_SPOT", "weight": 1},
                    ],
                )
            ],
            timeline=[update("5m", taskDefinition="app:2")],
        )
    )
    for revision in (1, 2):
        providers = of_revision(result, revision).capacity_provider.astype(str)
        assert dict(providers.value_counts()) == {"FARGATE": 3, "FARGATE_SPOT": 1}


def test_an_asg_provider_keeps_its_tasks_on_its_own_instances() -> None:
    sim = Sim(
        on_ec2(
            capacityProviders=[provider("one", "first"), provider("two", "second")],
            clusters=[{"clusterName": "prod", "capacityProviders": ["one", "two"]}],
            autoScalingGroups=[group(1, "first"), group(1, "second")],
            services=[
                service(
                    count=4,
                    capacityProviderStrategy=[
                        {"capacityProvider": "one", "weight": 1},
                        {"capacityProvider": "two", "weight": 3},
                    ],
                )
            ],
        )
    ).to(60)
    assert sorted(t.instance for t in sim.tasks()) == [0, 1, 1, 1]
