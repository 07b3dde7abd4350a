"""What a service counts and tells: counts, its latest events, and every message in ECS's familiar shape."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    COLD,
    ENI_ATTACH,
    Sim,
    awsvpc,
    behind,
    call,
    fargate,
    fault,
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

from ecssim.engine.describe_services import service_document


def on_ec2(**more: Any) -> dict[str, Any]:
    base = {
        "duration": "10m",
        "taskDefinitions": [task_definition(), task_definition()],
        "autoScalingGroups": [group()],
        "timing": {"profile": "fixed", "instanceBoot": "0s"},
    }
    return scenario(**(base | more))


# -- counts ---------------------------------------------------------------------------------------------------


@pytest.mark.rule("SVC-004")
def test_pending_counts_every_task_on_its_way_and_running_those_that_run() -> None:
    document = on_ec2(
        taskDefinitions=[task_definition(networkMode="awsvpc")],
        services=[service(count=2, networkConfiguration=awsvpc())],
    )
    sim = Sim(document)
    seen = []
    for t in (0.0, ENI_ATTACH + 0.1, ENI_ATTACH + 0.5, ENI_ATTACH + COLD + 0.1):
        sim.to(t)
        shown = service_document(sim.engine, sim.service())
        seen.append((sim.statuses()[0], shown["pendingCount"], shown["runningCount"]))
    assert seen == [("PROVISIONING", 2, 0), ("PENDING", 2, 0), ("ACTIVATING", 2, 0), ("RUNNING", 0, 2)]


@pytest.mark.rule("SVC-004")
def test_a_task_that_is_to_stop_is_in_neither_count() -> None:
    document = on_ec2(services=[service(count=2)], behaviour={"app": {"stopsAfter": "25s"}})
    sim = Sim(document).to(60)
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=1)
    sim.to(62)
    shown = service_document(sim.engine, sim.service())
    assert (shown["pendingCount"], shown["runningCount"], sim.statuses()) == (0, 1, ["STOPPING", "RUNNING"])


# -- a target while its task lives ----------------------------------------------------------------------------


@pytest.mark.rule("SVC-071")
def test_a_task_is_a_target_from_running_on_and_is_signalled_only_when_it_has_drained() -> None:
    document = on_ec2(
        targetGroups=[target_group(deregistrationDelay=20)],
        services=[service(loadBalancers=behind())],
        behaviour={"app": {"stopsAfter": "5s"}},
    )
    sim = Sim(document)
    members = sim.engine.world.target_groups[0].members
    sim.to(COLD - 0.1)
    assert (sim.statuses(), len(members)) == (["ACTIVATING"], 0)
    sim.to(COLD + 0.1)
    assert (sim.statuses(), len(members)) == (["RUNNING"], 1)
    sim.to(60)
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=0)
    assert (sim.statuses(), len(members)) == (["DEACTIVATING"], 0)
    sim.to(79.9)
    assert sim.statuses() == ["DEACTIVATING"]
    sim.to(80.1)
    assert sim.statuses() == ["STOPPING"]
    [task] = run_dict(
        document | {"timeline": [call("60s", "UpdateService", service="web", desiredCount=0)]}
    ).tasks.itertuples()
    assert (task.stopping_at, task.drained_at, task.execution_stopped_at) == (60.0, 80.0, 85.0)


# -- events ---------------------------------------------------------------------------------------------------


@pytest.mark.rule("SVC-052")
def test_a_service_keeps_its_latest_hundred_events() -> None:
    sim = Sim(on_ec2(services=[service()])).to(60)
    events = sim.engine.services.events
    for number in range(150):
        events.write(sim.service(), None, f"number {number}", 0)
    kept = sim.service().events
    assert [m for _, _, m in kept] == [f"number {n}" for n in range(50, 150)]
    assert {t for t, _, _ in kept} == {60.0}


@pytest.mark.rule("DEPLOY-044")
def test_failed_tasks_of_a_deployment_are_those_in_a_row() -> None:
    sim = Sim(on_ec2(services=[service(count=2)])).to(5)
    primary = sim.service().deployments[0]
    for _ in range(3):
        sim.engine.services.deployments.rollouts.failed(primary, started=False)
    assert service_document(sim.engine, sim.service())["deployments"][0]["failedTasks"] == 3
    sim.to(COLD + 41)
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=3)
    assert service_document(sim.engine, sim.service())["deployments"][0]["failedTasks"] == 0


BIG = task_definition(cpu="1024", memory="1024")
HUGE = task_definition(cpu="256", memory="7000", container={"memory": 7000})
PORT = task_definition(container={"portMappings": [{"containerPort": 80, "hostPort": 8080}]})
VPC = task_definition(networkMode="awsvpc")
GPU = task_definition(container={"resourceRequirements": [{"type": "GPU", "value": "1"}]})
ON_A = {"networkConfiguration": awsvpc()}
UNABLE = "(service web) was unable to place a task because no container instance met all of its requirements. "
CLOSEST = f"{UNABLE}The closest matching (container-instance i-"
SICK = {"app": {"unhealthyAfter": "60s"}}
BROKEN = {"app": {"failsToStart": {"share": 1.0}}}
PLACEMENT, THROTTLED = "SERVICE_TASK_PLACEMENT_FAILURE", "ECS_OPERATION_THROTTLED"


@pytest.mark.rule("SVC-070")
@pytest.mark.parametrize(
    ("parts", "name", "begins", "ends"),
    [
        pytest.param({}, "SERVICE_STEADY_STATE", "(service web) has reached", "a steady state.", id="steady"),
        pytest.param(
            {"taskDefinitions": [BIG], "services": [service(count=3)]}, PLACEMENT, CLOSEST,
            ") has insufficient CPU units available.", id="no CPU",
        ),
        pytest.param(
            {"taskDefinitions": [HUGE], "services": [service(count=2)]}, PLACEMENT, CLOSEST,
            ") has insufficient memory available.", id="no memory",
        ),
        pytest.param(
            {"taskDefinitions": [PORT], "services": [service(count=2)]}, PLACEMENT, CLOSEST,
            ") is already using a port required by your task.", id="port in use",
        ),
        pytest.param(
            {"taskDefinitions": [VPC], "services": [service(count=3, **ON_A)]}, PLACEMENT, CLOSEST,
            ') encountered error "RESOURCE:ENI".', id="no interface",
        ),
        pytest.param(
            {"taskDefinitions": [GPU]}, PLACEMENT, CLOSEST, ") has insufficient GPUs available.", id="no GPU",
        ),
        pytest.param(
            {"autoScalingGroups": [group(0)]}, PLACEMENT, UNABLE,
            "Reason: No Container Instances were found in your cluster.", id="no instance",
        ),
        pytest.param(
            {
                "autoScalingGroups": [group(0)],
                "capacityProviders": [provider()],
                "clusters": [{"clusterName": "prod", "capacityProviders": ["ec2"]}],
                "services": [service(capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}])],
            },
            PLACEMENT, UNABLE, "Reason: No Container Instances were found in your capacity provider.",
            id="no instance of the provider",
        ),
        pytest.param(
            {"targetGroups": [target_group()], "services": [service(loadBalancers=behind())], "behaviour": SICK},
            None, "(service web) (task ", ") is unhealthy in (target-group tg) due to (reason Health checks failed)",
            id="unhealthy target",
        ),
        pytest.param(
            {"behaviour": BROKEN}, "SERVICE_TASK_START_IMPAIRED", "(service web) is unable",
            "to consistently start tasks successfully.", id="starts fail",
        ),
        pytest.param(
            {"taskDefinitions": [VPC], "services": [fargate(count=180)]}, THROTTLED,
            "(service web) operations are being throttled.", "Will try again later.", id="launch rate",
        ),
        pytest.param(
            {
                "taskDefinitions": [VPC],
                "services": [fargate(count=9)],
                "account": {"quotas": {"fargateOnDemandVcpu": 1}},
            },
            PLACEMENT, "(service web) was unable to place a task. Reason: You", "concurrently.", id="vCPU quota",
        ),
        pytest.param(
            {
                "services": [service(count=2, deploymentConfiguration=percent(100, 100))],
                "timeline": [call("5m", "UpdateService", service="web", taskDefinition="app:2")],
            },
            None, "(service web) was unable to stop or start tasks during a deployment because of the service",
            "try again.", id="limits that allow nothing",
        ),
        pytest.param(
            {
                "services": [service(count=2, deploymentConfiguration={
                    "deploymentCircuitBreaker": {"enable": True, "rollback": False}
                })],
                "behaviour": BROKEN,
            },
            "SERVICE_DEPLOYMENT_FAILED", "(service web) (deployment ecs-svc/",
            ") deployment failed: tasks failed to start. 3 failed tasks reached the threshold of 3.",
            id="circuit breaker",
        ),
    ],
)  # fmt: skip
def test_messages(parts: dict[str, Any], name: str | None, begins: str, ends: str) -> None:
    result = run_dict(on_ec2(**({"services": [service()]} | parts)))
    fitting = [m for _, n, m in service_events(result) if n == (name or "") and m.startswith(begins)]
    assert fitting, service_events(result)
    assert fitting[0].endswith(ends)


@pytest.mark.rule("SVC-070", "DEPLOY-019")
def test_protected_tasks_that_should_go_are_told_once() -> None:
    sim = Sim(on_ec2(services=[service(count=3)])).to(100)
    ids = [sim.engine.task_id(t) for t in sim.tasks()[:2]]
    sim.call("UpdateTaskProtection", cluster="prod", tasks=ids, protectionEnabled=True)
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=0)
    sim.to(200)
    told = [(t, n, m) for t, n, m in service_events(sim.finish()) if "protection" in m]
    [(t, name, message)] = told
    assert (t, name) == (100.0, "TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION")
    assert message == "(service web) was unable to scale in due to task protection: 2 tasks are protected."


@pytest.mark.rule("SVC-061")
def test_a_daemon_task_leaves_an_instance_that_its_constraints_exclude_now() -> None:
    stack = {"placementConstraints": [{"type": "memberOf", "expression": "attribute:stack == blue"}]}
    document = on_ec2(
        autoScalingGroups=[group(2, agent={"ECS_INSTANCE_ATTRIBUTES": {"stack": "blue"}})],
        services=[
            service("every", schedulingStrategy="DAEMON", **stack),
            service("web", 2, **stack),
            service("other", schedulingStrategy="DAEMON"),
        ],
    )
    sim = Sim(document).to(60)

    def on(name: str) -> list[int]:
        return sorted(t.instance for t in sim.tasks(name) if t.running)

    assert (on("every"), on("web"), on("other")) == ([0, 1], [0, 1], [0, 1])
    attributes = {"name": "stack", "targetId": sim.engine.world.instances[1].id}
    sim.call("PutAttributes", cluster="prod", attributes=[attributes | {"value": "green"}])
    # Constraints bind a replica service only while it places.
    assert (on("every"), on("web"), on("other")) == ([0], [0, 1], [0, 1])
    sim.to(120)
    sim.call("PutAttributes", cluster="prod", attributes=[attributes | {"value": "blue"}])
    assert on("every") == [0, 1]
    [(t, message)] = [
        (t, m)
        for t, n, m in service_events(sim.finish(), "every")
        if n == "SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED"
    ]
    assert t == 60.0
    assert "violates the placement constraints" in message


@pytest.mark.rule("SVC-021")
def test_surplus_tasks_that_fail_their_checks_in_grace_are_the_first_to_go() -> None:
    """The grace period keeps an unhealthy task from replacement, not from a scale-in."""
    document = on_ec2(
        targetGroups=[target_group()],
        services=[service(count=2, loadBalancers=behind(), healthCheckGracePeriodSeconds=600)],
        behaviour={"app:2": {"unhealthyAfter": "0s"}},
        timeline=[call("60s", "UpdateService", service="web", taskDefinition="app:2")],
    )
    sim = Sim(document).to(150)
    assert [t.template.revision for t in sim.tasks() if t.running] == [1, 1, 2, 2]
    sim.call("UpdateService", cluster="prod", service="web", taskDefinition="app:1")
    assert [t.template.revision for t in sim.tasks() if t.running and t.template.revision == 2] == []


def test_a_crash_says_nothing_to_the_operators() -> None:
    document = on_ec2(services=[service(count=2)], timeline=[fault("5m", "taskCrash", service="web", count=1)])
    assert [n for t, n, _ in service_events(run_dict(document)) if t >= 300] == ["SERVICE_STEADY_STATE"]
