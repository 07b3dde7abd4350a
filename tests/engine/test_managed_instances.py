"""Managed Instances: ECS chooses, launches, empties and ends the instances of a provider itself."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    Document,
    Sim,
    awsvpc,
    call,
    group,
    path,
    run_dict,
    scenario,
    service,
    subnet,
    task_definition,
)

from ecssim.errors import BadInput, ClientError
from ecssim.results.explain import explain
from ecssim.results.result import Result
from ecssim.scenario.load import load_mapping

DAY = 86400.0
#: In the fixed profile: ECS decides, and the instance boots and gets its trunk interface.
DECISION, BOOT, TRUNK = 5.0, 45.0, 10.0
ARRIVED = DECISION + BOOT + TRUNK
QUIET = {"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0}
#: Two sizes of one family, at the same price for a vCPU.
M5 = {"vCpuCount": {"min": 1}, "memoryMiB": {"min": 1}, "allowedInstanceTypes": ["m5.large", "m5.xlarge"]}


def provider(name: str = "mi", subnets: tuple[str, ...] = ("a",), **more: Any) -> Document:
    template = {
        "ec2InstanceProfileArn": "arn:aws:iam::123456789012:instance-profile/ecs",
        "networkConfiguration": {"subnets": list(subnets)},
        "instanceRequirements": more.pop("requirements", M5),
        **more.pop("template", {}),
    }
    managed = {"infrastructureRoleArn": "arn:aws:iam::123456789012:role/ecs", "instanceLaunchTemplate": template}
    after = more.pop("after", None)
    if after is not None:
        managed["infrastructureOptimization"] = {"scaleInAfter": after}
    return {"name": name, "cluster": "prod", "managedInstancesProvider": managed | more}


def on_managed(count: int = 1, name: str = "web", subnets: tuple[str, ...] = ("a",), **more: Any) -> Document:
    strategy = [{"capacityProvider": "mi", "weight": 1}]
    return service(name, count, capacityProviderStrategy=strategy, networkConfiguration=awsvpc(*subnets), **more)


def world(*services: Document, given: Document | None = None, **more: Any) -> Document:
    base = {
        "subnets": [subnet(z, f"us-east-1{z}", f"10.0.{n}.0/24") for n, z in enumerate("abc")],
        "capacityProviders": [given or provider()],
        "clusters": [{"clusterName": "prod"}],
        # Two fit on an m5.large, four on an m5.xlarge.
        "taskDefinitions": [task_definition(networkMode="awsvpc", cpu="1024", memory="1024")],
        "services": list(services),
        "model": QUIET,
    }
    return scenario(**(base | more))


def launches(result: Result) -> list[str]:
    rows = result.calls
    return [str(target) for target in rows[rows["action"].astype(str) == "CreateFleet"]["target"]]


def ends(result: Result) -> list[tuple[float, str, str]]:
    rows = result.calls
    mine = rows[rows["action"].astype(str).isin(["TerminateInstances", "DrainInstance"])]
    return [
        (t, str(action), str(target).partition(", ")[2])
        for t, action, target in zip(mine["t"], mine["action"], mine["target"], strict=True)
    ]


def set_count(at: str, count: int, name: str = "web") -> Document:
    return call(at, "UpdateService", cluster="prod", service=name, desiredCount=count)


# -- launching ----------------------------------------------------------------------------------------------


@pytest.mark.rule("CAP-077", "CAP-044")
def test_instances_are_launched_without_metric_or_alarm() -> None:
    result = run_dict(world(on_managed(1), duration="10m"))
    rows = result.instances
    assert list(rows["launched_at"]) == [DECISION]
    assert list(rows["registered_at"]) == [ARRIVED]
    assert path(result)[:2] == [(0.0, "PROVISIONING"), (ARRIVED + 5.0, "PENDING")]
    assert result.scaling_activities.empty
    assert result.alarms.empty
    metrics = result.capacity_provider_metrics
    assert metrics["capacity_provider_reservation"].isna().all()
    assert list(metrics["desired_capacity"].iloc[:2]) == [1, 1]


@pytest.mark.rule("CAP-064")
@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(1, ["mi: 1 x m5.large in us-east-1a for 1 waiting tasks"], id="one"),
        pytest.param(3, ["mi: 2 x m5.large in us-east-1a for 3 waiting tasks"], id="three"),
        pytest.param(8, ["mi: 4 x m5.large in us-east-1a for 8 waiting tasks"], id="eight: ties to the smaller type"),
    ],
)
def test_what_is_launched_for_what_waits(count: int, expected: list[str]) -> None:
    assert launches(run_dict(world(on_managed(count), duration="10m"))) == expected


@pytest.mark.rule("CAP-064")
def test_what_is_on_its_way_is_not_launched_twice() -> None:
    """A third task that begins to wait fits on the second instance, a fourth too, a fifth does not."""
    changes = [set_count("20s", 4), set_count("40s", 5)]
    result = run_dict(world(on_managed(3), timeline=changes, duration="10m"))
    assert launches(result) == [
        "mi: 2 x m5.large in us-east-1a for 3 waiting tasks",
        "mi: 1 x m5.large in us-east-1a for 1 waiting tasks",
    ]
    assert result.service_metrics["running_count"].iloc[-1] == 5


@pytest.mark.rule("CAP-045")
def test_more_than_500_may_wait() -> None:
    """The quota is of the tasks of scaled groups."""
    definition = task_definition(networkMode="host", cpu="256", memory="256")
    hosts = service("web", 600, capacityProviderStrategy=[{"capacityProvider": "mi", "weight": 1}])
    sim = Sim(world(hosts, taskDefinitions=[definition], duration="5m")).to(20.0)
    assert len(sim.engine.world.clusters[0].provisioning) == 600
    result = sim.finish()
    assert len(result.tasks) == 600
    assert result.service_metrics["running_count"].iloc[-1] == 600


@pytest.mark.rule("CAP-067")
def test_trunking_is_on_by_itself() -> None:
    small = task_definition(networkMode="awsvpc", cpu="128", memory="128")
    result = run_dict(world(on_managed(10), taskDefinitions=[small], duration="10m"))
    # 3 interfaces give 2 tasks without a trunk, and 10 with one.
    assert launches(result) == ["mi: 1 x m5.large in us-east-1a for 10 waiting tasks"]


@pytest.mark.rule("CAP-065")
@pytest.mark.parametrize(("count", "zones"), [(2, "ab"), (3, "abc"), (6, "abc")])
def test_several_subnets_mean_several_zones_before_packing(count: int, zones: str) -> None:
    everywhere = ("a", "b", "c")
    document = world(on_managed(count, subnets=everywhere), given=provider(subnets=everywhere), duration="10m")
    result = run_dict(document)
    assert sorted(result.instances["availability_zone"].astype(str)) == [f"us-east-1{z}" for z in zones]
    tasks = result.tasks["availability_zone"].astype(str).value_counts()
    assert tasks.max() - tasks.min() <= 1


@pytest.mark.rule("CAP-065")
@pytest.mark.parametrize("seed", range(4))
def test_the_first_instance_that_comes_does_not_take_what_is_meant_for_another_zone(seed: int) -> None:
    everywhere = ("a", "b", "c")
    large = provider(subnets=everywhere, requirements=M5 | {"allowedInstanceTypes": ["m5.xlarge"]})
    document = world(on_managed(3, subnets=everywhere), given=large, timing={"profile": "typical"}, duration="10m")
    result = run_dict(document, seed)
    assert result.instances["registered_at"].nunique() == 3
    assert list(result.tasks["availability_zone"].astype(str).value_counts()) == [1, 1, 1]


@pytest.mark.rule("CAP-065")
def test_one_subnet_is_packed() -> None:
    result = run_dict(world(on_managed(4), duration="10m"))
    assert list(result.tasks["container_instance"].astype(str).value_counts()) == [2, 2]


@pytest.mark.rule("CAP-066")
@pytest.mark.parametrize(
    ("platform", "types"),
    [
        pytest.param({}, {"m6g.large"}, id="any: the cheaper one"),
        pytest.param({"runtimePlatform": {"cpuArchitecture": "X86_64"}}, {"m5.large"}, id="x86"),
        pytest.param({"runtimePlatform": {"cpuArchitecture": "ARM64"}}, {"m6g.large"}, id="ARM"),
    ],
)
def test_a_task_gets_its_architecture(platform: Document, types: set[str]) -> None:
    both = M5 | {"allowedInstanceTypes": ["m5.large", "m6g.large"]}
    both["onDemandMaxPricePercentageOverLowestPrice"] = 100
    definition = task_definition(networkMode="awsvpc", cpu="1024", memory="1024", **platform)
    document = world(on_managed(2), given=provider(requirements=both), taskDefinitions=[definition], duration="10m")
    result = run_dict(document)
    assert set(result.instances["instance_type"].astype(str)) == types
    assert result.service_metrics["running_count"].iloc[-1] == 2


@pytest.mark.rule("CAP-066", "CAP-064")
def test_tasks_of_two_architectures_never_share() -> None:
    both = M5 | {"allowedInstanceTypes": ["m5.large", "m6g.large"], "onDemandMaxPricePercentageOverLowestPrice": 100}
    definitions = [
        task_definition(name, networkMode="awsvpc", cpu="512", memory="512", runtimePlatform={"cpuArchitecture": arch})
        for name, arch in (("arm", "ARM64"), ("x86", "X86_64"))
    ]
    services = [on_managed(1, name, taskDefinition=name) for name in ("arm", "x86")]
    given = provider(requirements=both)
    result = run_dict(world(*services, given=given, taskDefinitions=definitions, duration="10m"))
    kinds = dict(zip(result.instances["instance_id"].astype(str), result.instances["instance_type"], strict=True))
    tasks = result.tasks
    pairs = zip(tasks["service"].astype(str), tasks["container_instance"].astype(str), strict=True)
    assert {name: kinds[instance] for name, instance in pairs} == {"arm": "m6g.large", "x86": "m5.large"}


@pytest.mark.rule("CAP-061", "CAP-076")
def test_spot_has_its_notice_and_its_shortages() -> None:
    spot = provider(template={"capacityOptionType": "SPOT"})
    reclaim = {"at": "10m", "fault": "spotReclaim", "with": {"capacityProvider": "mi", "fraction": 1}}
    result = run_dict(world(on_managed(2), given=spot, timeline=[reclaim], duration="20m"))
    rows = result.instances
    assert set(rows["market"].astype(str)) == {"spot"}
    first = rows.iloc[0]
    assert (first["draining_at"], first["terminated_at"]) == (600.0, 720.0)
    # The replacements wait for a new instance while the old one drains.
    assert rows["launched_at"].iloc[1] == 600.0 + DECISION
    assert result.service_metrics["running_count"].iloc[-1] == 2
    dry = {"at": "1s", "fault": "spotDrought", "with": {"capacityProvider": "mi", "for": "3m"}}
    later = run_dict(world(on_managed(2), given=spot, timeline=[dry], duration="20m"))
    # Every type is out: ECS tries again every minute until one is there.
    assert list(later.instances["launched_at"]) == [DECISION + 180.0]
    assert set(run_dict(world(on_managed(2), duration="5m")).instances["market"].astype(str)) == {"onDemand"}


@pytest.mark.rule("CAP-060")
def test_without_an_address_another_zone_is_taken() -> None:
    both = ("a", "b")
    full = {"at": "0s", "fault": "addressesTaken", "with": {"subnet": "a", "count": 251}}
    document = world(on_managed(2, subnets=both), given=provider(subnets=both), timeline=[full], duration="10m")
    result = run_dict(document)
    assert set(result.instances["availability_zone"].astype(str)) == {"us-east-1b"}
    assert result.service_metrics["running_count"].iloc[-1] == 2


def test_it_is_there_when_a_steady_run_begins() -> None:
    everywhere = ("a", "b", "c")
    document = world(on_managed(9, subnets=everywhere), given=provider(subnets=everywhere), initialState="steady")
    result = run_dict(document | {"duration": "30m"})
    assert (result.tasks["origin"] == "initial").sum() == len(result.tasks) == 9
    assert sorted(result.instances["availability_zone"].astype(str).value_counts()) == [1, 2, 2]


# -- letting go ---------------------------------------------------------------------------------------------


@pytest.mark.rule("CAP-068", "CAP-070", "CAP-071")
@pytest.mark.parametrize(("after", "delay"), [(None, 300.0), (60, 60.0), (0, 0.0), (3600, 3600.0), (-1, None)])
def test_an_idle_instance_ends_after_its_delay(after: int | None, delay: float | None) -> None:
    result = run_dict(world(on_managed(2), given=provider(after=after), timeline=[set_count("10m", 0)], duration="2h"))
    gone = result.tasks["stopped_at"].max()
    row = result.instances.iloc[0]
    if delay is None:
        assert row["terminated_at"] != row["terminated_at"]
        assert ends(result) == []
    else:
        assert row["terminated_at"] == gone + delay
        assert ends(result) == [(gone + delay, "TerminateInstances", "it is idle")]
        states = list(result.instance_events["status"].astype(str))
        assert states == ["REGISTERING", "ACTIVE", "DEREGISTERING", "INACTIVE"]


@pytest.mark.rule("CAP-068")
def test_a_task_that_comes_meanwhile_cancels_it() -> None:
    changes = [set_count("10m", 0), set_count("14m", 1), set_count("30m", 0)]
    result = run_dict(world(on_managed(2), timeline=changes, duration="1h"))
    assert len(result.instances) == 1
    assert result.instances["terminated_at"].iloc[0] == result.tasks["stopped_at"].max() + 300.0


@pytest.mark.rule("CAP-068")
def test_daemons_do_not_keep_an_instance() -> None:
    daemon = service("agent", schedulingStrategy="DAEMON", taskDefinition="small", networkConfiguration=awsvpc())
    definitions = [
        task_definition(networkMode="awsvpc", cpu="1024", memory="1024"),
        task_definition("small", networkMode="awsvpc", cpu="128", memory="128"),
    ]
    document = world(on_managed(1), daemon, taskDefinitions=definitions, timeline=[set_count("10m", 0)])
    result = run_dict(document)
    web = result.tasks[result.tasks["service"].astype(str) == "web"]
    assert result.instances["terminated_at"].iloc[0] == web["stopped_at"].max() + 300.0


@pytest.mark.rule("CAP-069")
def test_an_under_used_instance_is_drained_onto_the_others() -> None:
    """Four tasks on two instances, then one on each: one instance takes both, without a task too few meanwhile."""
    sim = Sim(world(on_managed(4, deploymentConfiguration={"minimumHealthyPercent": 100}), duration="1h")).to(600.0)
    first, second = sim.engine.world.instances
    spared = [next(iter(i.tasks.values())) for i in (first, second)]
    sim.call("UpdateTaskProtection", cluster="prod", tasks=[sim.engine.task_id(t) for t in spared],
             protectionEnabled=True, expiresInMinutes=10)  # fmt: skip
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=2)
    sim.to(1190.0)
    # Protected tasks keep their instances.
    assert [len(i.tasks) for i in (first, second)] == [1, 1]
    result = sim.finish()
    (drain,) = [row for row in ends(result) if row[1] == "DrainInstance"]
    assert drain[2] == "its tasks fit on the others"
    assert result.instances["terminated_at"].notna().sum() == 1
    after = result.service_metrics[result.service_metrics["t"] > 900.0]
    assert after["running_count"].min() >= 2


@pytest.mark.rule("CAP-069")
def test_standalone_tasks_keep_an_instance() -> None:
    sim = Sim(world(on_managed(3), duration="2h")).to(600.0)
    run = {"cluster": "prod", "taskDefinition": "app", "networkConfiguration": awsvpc()}
    strategy = [{"capacityProvider": "mi", "weight": 1}]
    sim.call("RunTask", **run, capacityProviderStrategy=strategy)
    sim.to(700.0)
    first, second = sim.engine.world.instances
    holder, other = (first, second) if any(t.deployment is None for t in first.tasks.values()) else (second, first)
    kept = next(iter(other.tasks.values()))
    sim.call("UpdateTaskProtection", cluster="prod", tasks=[sim.engine.task_id(kept)], protectionEnabled=True)
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=1)
    sim.to(5000.0)
    # One task each, and room for it on the other: neither may be moved.
    assert [len(i.tasks) for i in (holder, other)] == [1, 1]
    assert ends(sim.finish()) == []


@pytest.mark.slow
@pytest.mark.rule("CAP-072", "CAP-073")
def test_every_instance_is_replaced_after_fourteen_days() -> None:
    result = run_dict(world(on_managed(1), duration="15d"))
    old, new = (row for _, row in result.instances.sort_values("launched_at").iterrows())
    assert old["draining_at"] == DECISION + 14 * DAY
    assert new["launched_at"] == old["draining_at"] + DECISION
    assert old["terminated_at"] > new["registered_at"]
    assert result.service_metrics["running_count"].iloc[2:].min() == 1


@pytest.mark.slow
@pytest.mark.rule("CAP-073")
def test_a_standalone_task_has_seven_days_of_grace() -> None:
    sim = Sim(world(duration="22d"))
    strategy = [{"capacityProvider": "mi", "weight": 1}]
    run = {"cluster": "prod", "taskDefinition": "app", "networkConfiguration": awsvpc()}
    sim.call("RunTask", **run, capacityProviderStrategy=strategy)
    sim.to(DECISION + 21 * DAY - 1)
    assert sim.statuses() == ["RUNNING"]
    result = sim.finish()
    assert result.tasks["stopped_at"].iloc[0] == DECISION + 21 * DAY
    assert str(result.tasks["stopped_reason"].iloc[0]) == "Host EC2 (instance) terminated."


@pytest.mark.rule("CAP-074")
def test_deregistering_by_force_ends_the_instance_at_once() -> None:
    sim = Sim(world(on_managed(2), duration="20m")).to(300.0)
    (instance,) = sim.engine.world.instances
    with pytest.raises(ClientError, match="running tasks"):
        sim.call("DeregisterContainerInstance", cluster="prod", containerInstance=instance.id)
    sim.call("DeregisterContainerInstance", cluster="prod", containerInstance=instance.id, force=True)
    assert instance.terminated_at == 300.0
    result = sim.finish()
    assert len(result.instances) == 2
    assert result.service_metrics["running_count"].iloc[-1] == 2


@pytest.mark.rule("CAP-075")
@pytest.mark.parametrize("status", ["ENABLED", "DISABLED", None])
def test_an_impaired_instance_is_replaced_if_auto_repair_is_on(status: str | None) -> None:
    repair = {"autoRepairConfiguration": {"actionsStatus": status}} if status is not None else {}
    impaired = {
        "at": "310s",
        "fault": "instanceImpairment",
        "with": {"capacityProvider": "mi", "count": 1, "for": "1h"},
    }
    sim = Sim(world(on_managed(2), given=provider(**repair), timeline=[impaired], duration="20m")).to(315.0)
    (instance,) = sim.engine.world.instances
    (shown,) = sim.call("DescribeContainerInstances", cluster="prod", containerInstances=[instance.id])[
        "containerInstances"
    ]
    assert shown["healthStatus"] == {"overallStatus": "IMPAIRED"}
    result = sim.finish()
    if status == "ENABLED":
        # Registered at 60: the check after 310 is at 330.
        assert ends(result)[0] == (330.0, "DrainInstance", "it is IMPAIRED")
        assert len(result.instances) == 2
        assert result.service_metrics["running_count"].iloc[2:].min() == 2
    else:
        assert ends(result) == []
        assert len(result.instances) == 1


# -- what is refused ----------------------------------------------------------------------------------------


def refused(document: Document) -> str:
    with pytest.raises(BadInput) as error:
        load_mapping(document)
    return "\n".join(problem.message for problem in error.value.problems)


@pytest.mark.rule("CAP-060", "CAP-061", "CAP-062", "CAP-070")
@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(provider() | {"cluster": None}, "give cluster", id="no cluster"),
        pytest.param(provider(subnets=()), "need a networkConfiguration with subnets", id="no subnets"),
        pytest.param(provider(subnets=("z",)), "there is no subnet 'z'", id="a subnet that is not there"),
        pytest.param(provider(subnets=("a", "b")), "all must be in one VPC", id="two VPCs"),
        pytest.param(
            provider(template={"capacityOptionType": "RESERVED"}), "reservations are not modelled", id="reserved"
        ),
        pytest.param(provider(requirements={"memoryMiB": {"min": 1}}), "vCpuCount", id="requirements without vCPUs"),
        pytest.param(
            provider(requirements=M5 | {"vCpuCount": {"min": 8}}), "no instance type", id="nothing that satisfies"
        ),
        pytest.param(
            provider(requirements=M5 | {"excludedInstanceTypes": ["m5.large"]}), "not both", id="allowed and excluded"
        ),
        pytest.param(provider(after=3601), "3600", id="too long a delay"),
    ],
)
def test_providers_that_cannot_be(given: Document, words: str) -> None:
    given = {key: value for key, value in given.items() if value is not None}
    document = world(given=given)
    document["subnets"][1]["vpcId"] = "other"
    document["subnets"][0]["vpcId"] = "one"
    document["vpcs"] = [{"vpcId": name, "cidrBlock": "10.0.0.0/16"} for name in ("one", "other")]
    assert words in refused(document)


@pytest.mark.rule("CAP-066", "CAP-067")
@pytest.mark.parametrize(
    ("more", "definition", "words"),
    [
        pytest.param({"placementStrategy": [{"type": "random"}]}, {}, "leave out placementStrategy", id="strategy"),
        pytest.param({}, {"networkMode": "bridge"}, "take network modes awsvpc, host and none", id="bridge"),
        pytest.param(
            {}, {"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}, "Linux only", id="Windows"
        ),
    ],
)
def test_tasks_that_cannot_be(more: Document, definition: Document, words: str) -> None:
    base = {"networkMode": "awsvpc", "cpu": "1024", "memory": "1024"}
    assert words in refused(world(on_managed(1, **more), taskDefinitions=[task_definition(**(base | definition))]))


@pytest.mark.rule("CAP-066")
def test_placement_constraints_are_fine() -> None:
    only = [{"type": "memberOf", "expression": "attribute:ecs.instance-type == m5.xlarge"}]
    result = run_dict(world(on_managed(1, placementConstraints=only), duration="5m"))
    # They do not steer the launch: one m5.large comes, on which the task may not run, and no other.
    assert list(result.instances["instance_type"].astype(str)) == ["m5.large"]
    assert result.tasks["container_instance"].isna().all()
    spread = [{"type": "distinctInstance"}]
    apart = run_dict(world(on_managed(3, placementConstraints=spread), duration="10m"))
    assert list(apart.tasks["container_instance"].astype(str).value_counts()) == [1, 1, 1]


def test_it_is_explained() -> None:
    result = run_dict(world(on_managed(3), timeline=[set_count("10m", 1)], duration="40m"))
    text = explain(result, "capacityProvider/mi").text
    assert "ECS launched 2 instances" in text
    assert "2 x m5.large in us-east-1a for 3 waiting tasks" in text
    assert "it is idle" in text


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.rule("NET-083")
def test_in_a_described_network_they_join_where_they_reach_ecs(closed: bool) -> None:
    out = [] if closed else [{"destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}]
    tables = [{"routeTableId": "rt", "subnets": ["a", "b", "c"], "routes": out}]
    public = [subnet(z, f"us-east-1{z}", f"10.0.{n}.0/24", mapPublicIpOnLaunch=True) for n, z in enumerate("abc")]
    document = world(on_managed(2), subnets=public, routeTables=tables, duration="5m")
    result = run_dict(document)
    running = result.tasks["started_at"].notna().sum()
    assert (running, len(result.reachability_events) > 0) == ((0, True) if closed else (2, False))
    warnings = [w.message for w in load_mapping(document).warnings if w.rule == "NET-083"]
    assert [w.partition(" cannot")[0] for w in warnings] == (["instances of mi in subnet a"] if closed else [])


def test_an_instance_in_a_subnet_that_its_group_was_told_of_later_joins() -> None:
    tables = [
        {
            "routeTableId": "rt",
            "subnets": ["a", "b"],
            "routes": [{"destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}],
        }
    ]
    document = scenario(
        subnets=[subnet(z, f"us-east-1{z}", f"10.0.{n}.0/24", mapPublicIpOnLaunch=True) for n, z in enumerate("ab")],
        routeTables=tables,
        autoScalingGroups=[group(1)],
        timeline=[
            call("1m", "UpdateAutoScalingGroup", autoScalingGroupName="asg", vpcZoneIdentifier="b", desiredCapacity=2)
        ],
        duration="10m",
    )
    zones = run_dict(document).instances
    assert set(zones[zones["registered_at"].notna()]["availability_zone"].astype(str)) >= {"us-east-1b"}
