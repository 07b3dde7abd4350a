"""The account's quotas: every one is held, and ``account.quotas`` moves it."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    Sim,
    awsvpc,
    behind,
    call,
    fargate,
    fault,
    group,
    provider,
    run_dict,
    scenario,
    service,
    target_group,
    task_definition,
)

from ecssim.errors import BadInput, ClientError
from ecssim.scenario.load import load_mapping
from ecssim.world.states import INSTANCE_STATUS_NAMES


def on_ec2(**more: Any) -> dict[str, Any]:
    base = {
        "duration": "10m",
        "taskDefinitions": [task_definition()],
        "autoScalingGroups": [group()],
        "timing": {"profile": "fixed", "instanceBoot": "0s"},
    }
    return scenario(**(base | more))


def quotas(**values: int) -> dict[str, Any]:
    return {"account": {"quotas": values}}


def refused(sim: Sim, action: str, **params: Any) -> str:
    """The error code of a call, empty if it was accepted."""
    answer = sim.engine.calls.call(action, params, "user")
    return answer.code if isinstance(answer, ClientError) else ""


def said_by_check(document: dict[str, Any]) -> set[str | None]:
    """The rules by which ``check`` refuses a scenario."""
    try:
        load_mapping(document)
    except BadInput as error:
        return {problem.rule for problem in error.problems}
    return set()


TAGS = [{"key": f"k{n}", "value": "v"} for n in range(4)]
TWO_CLUSTERS = [{"clusterName": "prod"}, {"clusterName": "test"}]
PROVIDERS = {
    "autoScalingGroups": [group(), group(name="other")],
    "capacityProviders": [provider(), provider("ec2-b", "other")],
    "clusters": [{"clusterName": "prod", "capacityProviders": ["ec2", "ec2-b"]}],
}
BOTH = [{"capacityProvider": "ec2", "weight": 1}, {"capacityProvider": "ec2-b", "weight": 1}]


@pytest.mark.parametrize(
    ("rule", "quota", "just_enough", "document"),
    [
        pytest.param("QUOTA-001", "clustersPerAccount", 2, on_ec2(clusters=TWO_CLUSTERS), id="clusters",
                     marks=pytest.mark.rule("QUOTA-001")),
        pytest.param("QUOTA-002", "servicesPerCluster", 2, on_ec2(services=[service("a"), service("b")]),
                     id="services of a cluster", marks=pytest.mark.rule("QUOTA-002")),
        pytest.param("QUOTA-003", "tasksPerService", 7, on_ec2(services=[service(count=7)]),
                     id="tasks of a service", marks=pytest.mark.rule("QUOTA-003")),
        pytest.param(
            "QUOTA-003", "tasksPerServiceWithDiscovery", 7,
            on_ec2(services=[service(count=7, serviceRegistries=[{"registryArn": "arn:aws:servicediscovery:x"}])]),
            id="tasks of a service with discovery", marks=pytest.mark.rule("QUOTA-003", "SVC-072"),
        ),
        pytest.param(
            "QUOTA-003", "tasksPerServiceWithDiscovery", 7,
            on_ec2(services=[service(count=7, serviceConnectConfiguration={"enabled": True})]),
            id="tasks of a service with Service Connect", marks=pytest.mark.rule("QUOTA-003", "SVC-072"),
        ),
        pytest.param("QUOTA-007", "capacityProvidersPerCluster", 2, on_ec2(**PROVIDERS),
                     id="capacity providers of a cluster", marks=pytest.mark.rule("QUOTA-007")),
        pytest.param(
            "CAP-004", "capacityProvidersPerCluster", 2,
            on_ec2(**PROVIDERS, services=[service(capacityProviderStrategy=BOTH)]),
            id="items of a strategy", marks=pytest.mark.rule("QUOTA-007"),
        ),
        pytest.param("QUOTA-008", "containersPerTaskDefinition", 1, on_ec2(), id="containers of a task definition",
                     marks=pytest.mark.rule("QUOTA-008")),
        pytest.param("QUOTA-008", "revisionsPerFamily", 2, on_ec2(taskDefinitions=[task_definition()] * 2),
                     id="revisions of a family", marks=pytest.mark.rule("QUOTA-008")),
        pytest.param(
            "QUOTA-009", "subnetsPerAwsvpcConfiguration", 2,
            on_ec2(
                taskDefinitions=[task_definition(networkMode="awsvpc")],
                services=[service(networkConfiguration=awsvpc("a", "b"))],
            ),
            id="subnets of a service", marks=pytest.mark.rule("QUOTA-009"),
        ),
        pytest.param(
            "QUOTA-010", "targetGroupsPerService", 2,
            on_ec2(
                taskDefinitions=[task_definition(container={"portMappings": [{"containerPort": 80, "hostPort": 0}]})],
                targetGroups=[target_group("one"), target_group("two")],
                services=[service(loadBalancers=behind("one", "two"))],
            ),
            id="target groups of a service", marks=pytest.mark.rule("QUOTA-010"),
        ),
        pytest.param("QUOTA-015", "tagsPerResource", 4, on_ec2(services=[service(tags=TAGS)]),
                     id="tags of a service", marks=pytest.mark.rule("QUOTA-015")),
        pytest.param("QUOTA-015", "tagsPerResource", 4, on_ec2(taskDefinitions=[task_definition(tags=TAGS)]),
                     id="tags of a task definition", marks=pytest.mark.rule("QUOTA-015")),
        pytest.param("QUOTA-015", "tagsPerResource", 4, on_ec2(clusters=[{"clusterName": "prod", "tags": TAGS}]),
                     id="tags of a cluster", marks=pytest.mark.rule("QUOTA-015")),
    ],
)  # fmt: skip
def test_a_scenario_of_one_more_than_the_account_may_have_is_refused(
    rule: str, quota: str, just_enough: int, document: dict[str, Any]
) -> None:
    assert said_by_check(document | quotas(**{quota: just_enough})) == set()
    assert rule in said_by_check(document | quotas(**{quota: just_enough - 1}))


@pytest.mark.rule("QUOTA-010")
def test_a_second_classic_load_balancer_is_refused() -> None:
    ports = {"portMappings": [{"containerPort": 80, "hostPort": 0}]}
    classic = [{"loadBalancerName": name, "containerName": "web", "containerPort": 80} for name in ("one", "two")]
    document = on_ec2(taskDefinitions=[task_definition(container=ports)])
    assert said_by_check(document | {"services": [service(loadBalancers=classic[:1])]}) == set()
    assert said_by_check(document | {"services": [service(loadBalancers=classic)]}) == {"QUOTA-010"}


@pytest.mark.parametrize(
    ("quota", "most", "action", "params", "code"),
    [
        pytest.param("servicesPerCluster", 1, "CreateService", service("more"), "ClientException",
                     id="one service more than the cluster may have", marks=pytest.mark.rule("QUOTA-002")),
        pytest.param("tasksPerService", 5, "CreateService", service("more", 6), "InvalidParameterException",
                     id="a service of too many tasks", marks=pytest.mark.rule("QUOTA-003")),
        pytest.param(
            "tasksPerService", 5, "UpdateService", {"cluster": "prod", "service": "web", "desiredCount": 6},
            "InvalidParameterException", id="too many tasks for a service that is there",
            marks=pytest.mark.rule("QUOTA-003"),
        ),
        pytest.param(
            "instancesPerStartTask", 1, "StartTask",
            {"cluster": "prod", "taskDefinition": "app", "containerInstances": ["i-1", "i-2"]},
            "InvalidParameterException", id="StartTask on one instance too many", marks=pytest.mark.rule("QUOTA-004"),
        ),
        pytest.param(
            "tasksPerRunTask", 2, "RunTask",
            {"cluster": "prod", "taskDefinition": "app", "launchType": "EC2", "count": 3},
            "InvalidParameterException", id="RunTask of one task too many", marks=pytest.mark.rule("QUOTA-006"),
        ),
        pytest.param("revisionsPerFamily", 1, "RegisterTaskDefinition", task_definition(), "ClientException",
                     id="one revision too many", marks=pytest.mark.rule("QUOTA-008")),
        pytest.param("containersPerTaskDefinition", 0, "RegisterTaskDefinition", task_definition("other"),
                     "ClientException", id="one container too many", marks=pytest.mark.rule("QUOTA-008")),
        pytest.param(
            "tasksPerDescribeTasks", 2, "DescribeTasks", {"cluster": "prod", "tasks": ["1", "2", "3"]},
            "InvalidParameterException", id="a look at one task too many", marks=pytest.mark.rule("QUOTA-027"),
        ),
    ],
)  # fmt: skip
def test_a_call_beyond_a_quota_is_refused_and_changes_nothing(
    quota: str, most: int, action: str, params: dict[str, Any], code: str
) -> None:
    document = on_ec2(services=[service()])
    assert refused(Sim(document).to(60), action, **params) == ""
    sim = Sim(document | quotas(**{quota: most})).to(60)
    before = sim.engine.lifecycle.created
    assert refused(sim, action, **params) == code
    sim.settle()
    assert sim.engine.lifecycle.created == before
    assert sim.finish().calls.iloc[-1].result == code


@pytest.mark.rule("QUOTA-006", "QUOTA-004", "QUOTA-027")
def test_the_published_sizes_of_calls() -> None:
    sim = Sim(on_ec2()).to(60)
    run = {"cluster": "prod", "taskDefinition": "app", "launchType": "EC2"}
    names = [f"i-{n}" for n in range(11)]
    assert refused(sim, "RunTask", **run, count=10) == ""
    assert refused(sim, "RunTask", **run, count=11) == "InvalidParameterException"
    start = {"cluster": "prod", "taskDefinition": "app"}
    assert refused(sim, "StartTask", **start, containerInstances=names[:10]) == ""
    assert refused(sim, "StartTask", **start, containerInstances=names) == "InvalidParameterException"
    tasks = [f"{n:032x}" for n in range(101)]
    assert refused(sim, "DescribeTasks", cluster="prod", tasks=tasks[:100]) == ""
    assert refused(sim, "DescribeTasks", cluster="prod", tasks=tasks) == "InvalidParameterException"


@pytest.mark.rule("QUOTA-003")
def test_scaling_cannot_raise_a_service_above_its_most_tasks() -> None:
    sim = Sim(on_ec2(services=[service()]) | quotas(tasksPerService=2)).to(60)
    web = sim.service()
    answer = sim.engine.calls.set_desired_count(web, 3, "application-autoscaling")
    assert isinstance(answer, ClientError)
    assert web.desired == 1
    assert not isinstance(sim.engine.calls.set_desired_count(web, 2, "application-autoscaling"), ClientError)
    assert web.desired == 2


@pytest.mark.rule("QUOTA-004")
def test_an_instance_that_is_one_too_many_waits_until_another_leaves() -> None:
    sim = Sim(on_ec2(autoScalingGroups=[group(2)]) | quotas(containerInstancesPerCluster=1)).to(60)
    first, second = sim.engine.world.instances
    assert [INSTANCE_STATUS_NAMES[i.status] for i in (first, second)] == ["ACTIVE", "REGISTERING"]
    assert "QUOTA-004" in sim.engine.notes[-1]
    sim.call("TerminateInstanceInAutoScalingGroup", instanceId=first.id, shouldDecrementDesiredCapacity=True)
    sim.to(599)
    assert INSTANCE_STATUS_NAMES[second.status] == "ACTIVE"
    # 3, 6, 12, 24, 48 and 96 s after the attempt before: the first after the 60th second is the one at 93 s
    assert second.registered_at == 93


@pytest.mark.rule("QUOTA-004")
def test_a_steady_cluster_has_no_more_instances_than_it_may() -> None:
    document = on_ec2(autoScalingGroups=[group(3)], initialState="steady") | quotas(containerInstancesPerCluster=2)
    assert len(Sim(document).engine.world.clusters[0].instances) == 2


@pytest.mark.rule("QUOTA-024", "AGENT-010")
def test_agents_that_register_at_once_are_throttled_and_try_again() -> None:
    document = on_ec2(autoScalingGroups=[group(9)])
    sim = Sim(document | quotas(agentModifyBurst=5, agentModifyRate=1)).to(600)
    at = [instance.registered_at for instance in sim.engine.world.instances]
    assert at == [0] * 5 + [3] * 3 + [9]
    # by default the bucket holds 200 and gets 120 a second
    bucket = Sim(document).engine.limits.api_bucket("RegisterContainerInstance")
    assert bucket is not None
    assert (bucket.burst, bucket.rate) == (200, 120)


@pytest.mark.rule("QUOTA-005", "PLACE-064")
def test_a_cluster_has_at_most_so_many_waiting_tasks() -> None:
    managed = provider()
    managed["autoScalingGroupProvider"]["managedScaling"] = {"status": "ENABLED"}
    document = on_ec2(
        autoScalingGroups=[group(0, maxSize=1)],
        capacityProviders=[managed],
        clusters=[{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        timing={"profile": "fixed", "instanceBoot": "9m"},
    )
    run = {"cluster": "prod", "taskDefinition": "app", "capacityProviderStrategy": BOTH[:1], "count": 3}
    sim = Sim(document | quotas(provisioningTasksPerCluster=3)).to(1)
    assert refused(sim, "RunTask", **run) == ""
    assert sim.statuses() == ["PROVISIONING"] * 3
    assert refused(sim, "RunTask", **run) == "ClientException"
    assert len(sim.tasks()) == 3
    assert Sim(document).engine.limits.provisioning_tasks_per_cluster == 500


# -- rates ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("QUOTA-012", "PLACE-091")
@pytest.mark.parametrize(
    ("region", "burst", "rate"),
    [pytest.param("us-east-1", 100, 20, id="a large Region"), pytest.param("eu-south-1", 25, 5, id="a newer Region")],
)
def test_fargate_launches_draw_on_two_buckets_of_the_account(region: str, burst: int, rate: int) -> None:
    zone = f"{region}a"
    document = scenario(
        duration="10m",
        region=region,
        subnets=[{"subnetId": "a", "availabilityZone": zone, "cidrBlock": "10.0.0.0/20"}],
        taskDefinitions=[task_definition(networkMode="awsvpc")],
        clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}],
        services=[
            fargate("one", 120, launchType=None, capacityProviderStrategy=[{"capacityProvider": p, "weight": 1}])
            | {"serviceName": p}
            for p in ("FARGATE", "FARGATE_SPOT")
        ],
    )
    sim = Sim(document).to(0)
    assert [len(sim.tasks(p)) for p in ("FARGATE", "FARGATE_SPOT")] == [burst, burst]
    sim.to(1)
    assert [len(sim.tasks(p)) for p in ("FARGATE", "FARGATE_SPOT")] == [
        min(120, burst + rate),
        min(120, burst + rate),
    ]


@pytest.mark.rule("QUOTA-013", "FG-010")
def test_a_new_account_runs_six_vcpus_of_each_kind() -> None:
    document = scenario(
        duration="10m",
        account={"quotas": "new"},
        taskDefinitions=[task_definition(networkMode="awsvpc", cpu="1024", memory="2048")],
        clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}],
        services=[
            fargate(p, 9, launchType=None, capacityProviderStrategy=[{"capacityProvider": p, "weight": 1}])
            for p in ("FARGATE", "FARGATE_SPOT")
        ],
    )
    sim = Sim(document).to(300)
    assert [len(sim.tasks(p)) for p in ("FARGATE", "FARGATE_SPOT")] == [6, 6]
    mature = Sim(document | {"account": {"quotas": "mature"}}).to(300)
    assert len(mature.tasks()) == 18


@pytest.mark.rule("QUOTA-014")
def test_run_task_on_fargate_has_a_second_bucket_of_twenty_calls() -> None:
    document = on_ec2(taskDefinitions=[task_definition(networkMode="awsvpc"), task_definition("plain")])
    sim = Sim(document).to(1)
    run = {"cluster": "prod", "launchType": "FARGATE", "networkConfiguration": awsvpc()}

    def allowed(family: str, many: int, **params: Any) -> int:
        codes = [refused(sim, "RunTask", taskDefinition=family, **params) for _ in range(many)]
        assert set(codes) <= {"", "ThrottlingException"}
        return codes.count("")

    assert allowed("app", 25, **run) == 20
    # on instances only the API's bucket counts, which has 75 of its 100 left
    assert allowed("plain", 80, cluster="prod", launchType="EC2") == 75
    sim.to(3)
    assert allowed("app", 25, **run) == 20


def test_jobs_on_fargate_draw_on_it_too() -> None:
    document = on_ec2(
        taskDefinitions=[task_definition(networkMode="awsvpc")],
        jobs=[
            {
                "name": "many",
                "arrivals": {"every": "10ms"},
                "runTask": {
                    "cluster": "prod", "taskDefinition": "app", "launchType": "FARGATE",
                    "networkConfiguration": awsvpc(),
                },
            }
        ],
        duration="1s",
    )  # fmt: skip
    tasks = run_dict(document | quotas(fargateRunTaskRate=10)).tasks
    assert len(tasks) == 19  # ten at once, then one as soon as a tenth of a second is over


READS = {"cluster": "prod"}


@pytest.mark.parametrize(
    ("action", "params", "burst", "rate"),
    [
        pytest.param("DescribeTasks", {**READS, "tasks": ["0"]}, 100, 20, id="DescribeTasks",
                     marks=pytest.mark.rule("QUOTA-022")),
        pytest.param("ListContainerInstances", READS, 100, 20, id="ListContainerInstances",
                     marks=pytest.mark.rule("QUOTA-022")),
        pytest.param("DescribeServices", {**READS, "services": ["web"]}, 100, 20, id="DescribeServices",
                     marks=pytest.mark.rule("QUOTA-023")),
        pytest.param("CreateTaskSet", {}, 100, 20, id="task sets", marks=pytest.mark.rule("QUOTA-025")),
        *(
            pytest.param(action, {}, burst, rate, id=action, marks=pytest.mark.rule("QUOTA-026"))
            for action, burst, rate in [
                ("CreateCluster", 20, 1),
                ("DescribeClusters", 50, 20),
                ("UpdateCapacityProvider", 10, 1),
                ("DescribeCapacityProviders", 50, 20),
                ("RegisterTaskDefinition", 20, 1),
                ("DescribeTaskDefinition", 50, 20),
                ("DeleteTaskDefinitions", 5, 1),
                ("TagResource", 20, 10),
                ("ListTagsForResource", 50, 20),
                ("PutAccountSetting", 10, 1),
                ("ListAccountSettings", 50, 20),
                ("ListServicesByNamespace", 10, 1),
            ]
        ),
    ],
)  # fmt: skip
@pytest.mark.rule("QUOTA-020")
def test_each_category_of_calls_has_its_bucket(action: str, params: dict[str, Any], burst: int, rate: int) -> None:
    sim = Sim(on_ec2(services=[service()])).to(60)

    def throttled(many: int) -> list[bool]:
        return [refused(sim, action, **params) == "ThrottlingException" for _ in range(many)]

    assert throttled(burst + 3) == [False] * burst + [True] * 3
    sim.to(61)
    assert throttled(rate + 1) == [False] * rate + [True]


@pytest.mark.rule("QUOTA-021")
def test_the_rate_of_a_category_is_a_quota_of_the_account() -> None:
    sim = Sim(on_ec2() | quotas(clusterResourceModifyBurst=3, clusterResourceModifyRate=2)).to(60)

    def allowed() -> int:
        stop = {"cluster": "prod", "task": "0" * 32}
        return sum(refused(sim, "StopTask", **stop) != "ThrottlingException" for _ in range(10))

    assert allowed() == 3
    sim.to(61)
    assert allowed() == 2


@pytest.mark.rule("QUOTA-028")
@pytest.mark.parametrize(("days", "wrong"), [("0", False), ("7", False), ("14", False), ("10", True)])
def test_the_wait_before_a_fargate_task_retires_is_0_7_or_14_days(days: str, wrong: bool) -> None:
    document = on_ec2(account={"settings": {"fargateTaskRetirementWaitPeriod": days}})
    if wrong:
        with pytest.raises(BadInput, match="fargateTaskRetirementWaitPeriod"):
            load_mapping(document)
    else:
        load_mapping(document)


def test_timeline_calls_are_held_to_the_same_quotas() -> None:
    document = on_ec2(timeline=[call("1m", "CreateService", **service("late", 6))])
    assert said_by_check(document | quotas(tasksPerService=5)) == {"QUOTA-003"}
    assert said_by_check(document | {"timeline": [fault("1m", "registrySlow", factor=2, **{"for": "1m"})]}) == set()
