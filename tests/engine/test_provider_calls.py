"""Capacity providers while a run goes on: precedence, put, create, change, delete, and services that move."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    Document,
    Sim,
    awsvpc,
    call,
    group,
    provider,
    run_dict,
    scenario,
    service,
    service_events,
    task_definition,
)

from ecssim.errors import BadInput, ClientError
from ecssim.scenario.load import load_mapping

QUIET = {"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0}
FARGATES = ["FARGATE", "FARGATE_SPOT"]


def only(name: str, base: int = 0) -> list[Document]:
    return [{"capacityProvider": name, "weight": 1, "base": base}]


def world(*services: Document, default: list[Document] | None = None, **more: Any) -> Document:
    """Two groups with a provider each, unscaled, beside Fargate; tasks in network mode awsvpc."""
    base = {
        "autoScalingGroups": [group(4, type="m5.xlarge"), group(4, "other", "m5.xlarge")],
        "capacityProviders": [provider(), provider("ec2b", "other")],
        "clusters": [
            {
                "clusterName": "prod",
                "capacityProviders": [*FARGATES, "ec2", "ec2b"],
                "defaultCapacityProviderStrategy": default or [],
            }
        ],
        "taskDefinitions": [task_definition(networkMode="awsvpc")],
        "services": list(services),
        "model": QUIET,
    }
    return scenario(**(base | more))


def web(count: int = 4, **more: Any) -> Document:
    return service("web", count, networkConfiguration=awsvpc(), **more)


def where(sim: Sim, name: str = "web") -> dict[str, int]:
    """How many tasks of the service each provider (or launch type) has; stopping ones do not count."""
    texts = {code: text for text, code in sim.engine.recorder.names.pool("capacity_provider").items()}
    found: dict[str, int] = {}
    for task in sim.tasks(name):
        if task.running:
            # A task is where its provider says: on an instance, unless that is one of Fargate.
            on_fargate = (texts[task.provider] or task.template.launch_type).startswith("FARGATE")
            assert on_fargate == task.template.fargate == (task.instance < 0)
            key = texts[task.provider] if task.provider else task.template.launch_type
            found[key] = found.get(key, 0) + 1
    return found


def update(sim: Sim, **changes: Any) -> None:
    sim.call("UpdateService", cluster="prod", service="web", **changes)


# -- which strategy applies ---------------------------------------------------------------------------------


@pytest.mark.rule("CAP-021", "CAP-022")
@pytest.mark.parametrize(
    ("given", "default", "expected"),
    [
        pytest.param({"capacityProviderStrategy": only("ec2b")}, only("FARGATE"), {"ec2b": 4}, id="its own strategy"),
        pytest.param({"launchType": "EC2"}, only("FARGATE"), {"EC2": 4}, id="its own launch type"),
        pytest.param({"launchType": None}, only("FARGATE_SPOT"), {"FARGATE_SPOT": 4}, id="the cluster's default"),
        pytest.param({"launchType": None}, [], {"EC2": 4}, id="EC2 if nothing is said"),
    ],
)
def test_precedence_of_services_and_calls(given: Document, default: list[Document], expected: dict[str, int]) -> None:
    sim = Sim(world(web(**given), default=default)).to(60.0)
    assert where(sim) == expected
    more = {key: value for key, value in given.items() if value is not None}
    sim.call("RunTask", cluster="prod", taskDefinition="app", count=4, networkConfiguration=awsvpc(), **more)
    assert where(sim, "app") == expected


@pytest.mark.rule("CAP-020")
def test_a_call_with_both_is_refused() -> None:
    sim = Sim(world())
    with pytest.raises(ClientError, match="not both"):
        sim.call(
            "RunTask", cluster="prod", taskDefinition="app", launchType="EC2", capacityProviderStrategy=only("ec2")
        )


@pytest.mark.rule("CAP-007", "CAP-008", "CAP-009")
@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        pytest.param([("ec2", 1, 0), ("ec2b", 0, 0)], {"ec2": 6}, id="weight 0 gets none"),
        pytest.param([("ec2", 1, 0), ("ec2b", 0, 2)], {"ec2b": 2, "ec2": 4}, id="weight 0 gets its base"),
        pytest.param([("ec2b", 0, 0)], {"ec2b": 6}, id="alone it gets all"),
    ],
)
def test_items_of_weight_zero(strategy: list[tuple[str, int, int]], expected: dict[str, int]) -> None:
    items = [{"capacityProvider": name, "weight": weight, "base": base} for name, weight, base in strategy]
    assert where(Sim(world(web(6, capacityProviderStrategy=items))).to(60.0)) == expected


@pytest.mark.rule("CAP-030", "CAP-032", "CAP-033", "CAP-035")
def test_base_and_weights_hold_as_tasks_come_and_go() -> None:
    """Base 3 on ec2, then 1 to 2: exact at every full cycle, at most one off between, whichever way it went."""
    strategy = [
        {"capacityProvider": "ec2", "weight": 1, "base": 3},
        {"capacityProvider": "ec2b", "weight": 2},
    ]
    groups = [group(30, name, "m5.xlarge") for name in ("asg", "other")]
    sim = Sim(world(web(0, capacityProviderStrategy=strategy), autoScalingGroups=groups)).to(60.0)
    for step, count in enumerate([2, 9, 30, 4, 31, 32, 6, 3, 1, 45]):
        update(sim, desiredCount=count)
        sim.to(60.0 + 300.0 * (step + 1))
        found = where(sim)
        base, rest = min(3, count), max(0, count - 3)
        assert sum(found.values()) == count
        assert found.get("ec2", 0) >= base
        assert abs(found.get("ec2", 0) - (base + rest / 3)) <= (0 if rest % 3 == 0 else 0.67)


@pytest.mark.rule("CAP-048")
def test_a_provider_without_instances_is_named_so() -> None:
    empty = world(web(1, capacityProviderStrategy=only("ec2")), autoScalingGroups=[group(0), group(0, "other")])
    told = [message for _, _, message in service_events(run_dict(empty | {"duration": "5m"}))]
    expected = (
        "(service web) was unable to place a task because no container instance met all of its requirements. "
        "Reason: No Container Instances were found in your capacity provider."
    )
    assert any(message.startswith(expected) for message in told)


# -- the cluster's providers --------------------------------------------------------------------------------


def put(sim: Sim, providers: list[str], default: list[Document]) -> None:
    sim.call(
        "PutClusterCapacityProviders",
        cluster="prod",
        capacityProviders=providers,
        defaultCapacityProviderStrategy=default,
    )


@pytest.mark.rule("CAP-024")
def test_a_new_default_does_not_move_the_services_that_are_there() -> None:
    sim = Sim(world(web(launchType=None), default=only("ec2"))).to(60.0)
    put(sim, [*FARGATES, "ec2", "ec2b"], only("ec2b"))
    update(sim, desiredCount=6)
    sim.to(120.0)
    assert where(sim) == {"ec2": 6}
    sim.call("CreateService", **(web(2, launchType=None) | {"serviceName": "new"}))
    sim.to(180.0)
    assert where(sim, "new") == {"ec2b": 2}


@pytest.mark.rule("CAP-014")
def test_put_replaces_the_whole_list_unless_tasks_use_what_is_left_out() -> None:
    sim = Sim(world(web(capacityProviderStrategy=only("ec2")))).to(60.0)
    with pytest.raises(ClientError, match="ec2 is in use by tasks of cluster prod") as refused:
        put(sim, ["ec2b"], [])
    assert refused.value.code == "ResourceInUseException"
    put(sim, ["ec2"], only("ec2"))
    with pytest.raises(ClientError, match="ec2b is not associated"):
        update(sim, capacityProviderStrategy=only("ec2b"))


@pytest.mark.rule("CAP-011")
def test_a_provider_that_is_nowhere_cannot_be_named() -> None:
    sim = Sim(world(web(launchType="EC2"))).to(60.0)
    with pytest.raises(ClientError, match="'nowhere' was not found"):
        update(sim, capacityProviderStrategy=only("nowhere"))


@pytest.mark.rule("CAP-016")
def test_a_scaled_provider_is_put_on_one_cluster() -> None:
    scaled = {"autoScalingGroup": "asg", "managedScaling": {"status": "ENABLED"}}
    document = world(
        capacityProviders=[{"name": "ec2", "autoScalingGroupProvider": scaled}, provider("ec2b", "other")],
        clusters=[{"clusterName": "prod"}, {"clusterName": "test", "capacityProviders": ["ec2", "ec2b"]}],
    )
    sim = Sim(document)
    put(sim, ["ec2b"], [])
    with pytest.raises(ClientError, match="belongs to cluster test already"):
        put(sim, ["ec2"], [])


@pytest.mark.rule("CAP-002", "CAP-013", "CAP-015")
def test_a_provider_is_deleted_when_nothing_uses_it() -> None:
    sim = Sim(world(web(capacityProviderStrategy=only("ec2")))).to(60.0)

    def delete(name: str) -> None:
        sim.call("DeleteCapacityProvider", capacityProvider=name)

    with pytest.raises(ClientError, match="reserved and cannot be deleted"):
        delete("FARGATE")
    with pytest.raises(ClientError, match="strategy of service web"):
        delete("ec2")
    with pytest.raises(ClientError, match="associated with cluster prod"):
        delete("ec2b")
    put(sim, [*FARGATES, "ec2"], [])
    delete("ec2b")
    (gone,) = sim.call("DescribeCapacityProviders", capacityProviders=["ec2b"])["capacityProviders"]
    assert (gone["status"], gone["updateStatus"]) == ("INACTIVE", "DELETE_COMPLETE")
    left = {p["name"]: p for p in sim.call("DescribeCapacityProviders")["capacityProviders"]}
    assert set(left) == {"FARGATE", "FARGATE_SPOT", "ec2"}
    assert (left["ec2"]["status"], left["ec2"]["updateStatus"], left["ec2"]["type"]) == (
        "ACTIVE",
        "CREATE_COMPLETE",
        "EC2_AUTOSCALING",
    )
    assert left["FARGATE"]["type"] == "FARGATE"


def test_an_updated_provider_scales_by_its_new_words() -> None:
    sim = Sim(world(web(20, capacityProviderStrategy=only("ec2")), duration="20m")).to(60.0)
    assert len(sim.tasks("web")) == 12
    scaling = {"status": "ENABLED", "targetCapacity": 100, "maximumScalingStepSize": 1}
    sim.call("UpdateCapacityProvider", name="ec2", autoScalingGroupProvider={"managedScaling": scaling})
    (shown,) = sim.call("DescribeCapacityProviders", capacityProviders=["ec2"])["capacityProviders"]
    assert shown["updateStatus"] == "UPDATE_COMPLETE"
    assert shown["autoScalingGroupProvider"]["managedScaling"]["maximumScalingStepSize"] == 1
    update(sim, desiredCount=21)
    sim.to(420.0)
    assert sim.engine.world.groups[0].desired == 5


def test_a_provider_that_is_created_gets_the_instances_launched_from_then_on() -> None:
    document = world(web(2, launchType="EC2"), capacityProviders=[provider()])
    document["clusters"][0]["capacityProviders"] = ["ec2"]
    sim = Sim(document).to(60.0)
    behind = {"autoScalingGroup": "other"}
    sim.call("CreateCapacityProvider", name="late", autoScalingGroupProvider=behind)
    put(sim, ["ec2", "late"], [])
    update(sim, capacityProviderStrategy=only("late"), desiredCount=4)
    sim.to(120.0)
    assert where(sim) == {"EC2": 2}
    sim.call("SetDesiredCapacity", autoScalingGroupName="other", desiredCapacity=5)
    sim.to(300.0)
    assert where(sim) == {"EC2": 2, "late": 2}


def test_a_timeline_may_put_what_it_uses_later() -> None:
    document = world(web(2, launchType="EC2"))
    document["clusters"][0]["capacityProviders"] = []
    document["timeline"] = [
        call("1m", "PutClusterCapacityProviders", cluster="prod", capacityProviders=["ec2b"],
             defaultCapacityProviderStrategy=[]),
        call("2m", "UpdateService", cluster="prod", service="web", capacityProviderStrategy=only("ec2b")),
    ]  # fmt: skip
    load_mapping(document)
    with pytest.raises(BadInput, match="there is no capacity provider 'ec2c'; did you mean"):
        load_mapping(document | {"timeline": [call("1m", "PutClusterCapacityProviders", cluster="prod",
                     capacityProviders=["ec2c"], defaultCapacityProviderStrategy=[])]})  # fmt: skip


# -- services that move -------------------------------------------------------------------------------------


@pytest.mark.rule("CAP-025", "CAP-036")
def test_a_new_strategy_is_for_later_tasks_unless_a_deployment_is_forced() -> None:
    sim = Sim(world(web(capacityProviderStrategy=only("ec2")))).to(60.0)
    update(sim, capacityProviderStrategy=only("ec2b"))
    sim.to(120.0)
    assert len(sim.service().deployments) == 1
    assert where(sim) == {"ec2": 4}
    update(sim, desiredCount=6)
    sim.to(180.0)
    assert where(sim) == {"ec2": 4, "ec2b": 2}
    update(sim, forceNewDeployment=True)
    sim.to(600.0)
    assert where(sim) == {"ec2b": 6}


@pytest.mark.rule("CAP-026")
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({"launchType": "FARGATE"}, only("ec2"), "ec2", id="Fargate to a group"),
        pytest.param({"launchType": "EC2"}, only("FARGATE_SPOT"), "FARGATE_SPOT", id="EC2 to Fargate Spot"),
        pytest.param({"capacityProviderStrategy": only("FARGATE")}, only("ec2"), "ec2", id="provider to group"),
        pytest.param({"capacityProviderStrategy": only("ec2")}, only("FARGATE"), "FARGATE", id="group to Fargate"),
        pytest.param({"launchType": "EC2"}, only("ec2"), "ec2", id="EC2 to a group"),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_a_service_moves_between_kinds(before: Document, after: list[Document], expected: str, force: bool) -> None:
    sim = Sim(world(web(**before))).to(90.0)
    (old,) = where(sim)
    update(sim, capacityProviderStrategy=after, forceNewDeployment=force)
    (shown,) = sim.call("DescribeServices", cluster="prod", services=["web"])["services"]
    assert "launchType" not in shown
    assert shown["capacityProviderStrategy"] == after
    sim.to(600.0)
    assert where(sim) == ({expected: 4} if force else {old: 4})
    update(sim, desiredCount=7)
    sim.to(700.0)
    assert where(sim) == ({expected: 7} if force else {old: 4, expected: 3})
    # What the strategy does not name any more goes first.
    update(sim, desiredCount=3)
    sim.to(900.0)
    assert where(sim) == {expected: 3}


@pytest.mark.rule("CAP-026", "CAP-027")
def test_an_empty_strategy_goes_back_to_the_launch_type() -> None:
    sim = Sim(world(web(launchType="FARGATE"))).to(90.0)
    update(sim, capacityProviderStrategy=only("ec2"), forceNewDeployment=True)
    sim.to(600.0)
    assert where(sim) == {"ec2": 4}
    update(sim, capacityProviderStrategy=[], desiredCount=6)
    sim.to(900.0)
    assert where(sim) == {"ec2": 4, "FARGATE": 2}
    update(sim, desiredCount=2)
    sim.to(1200.0)
    assert where(sim) == {"FARGATE": 2}


@pytest.mark.rule("CAP-027")
def test_an_empty_strategy_takes_the_default_first_and_needs_something_to_fall_back_to() -> None:
    sim = Sim(world(web(capacityProviderStrategy=only("ec2")))).to(60.0)
    with pytest.raises(ClientError) as refused:
        update(sim, capacityProviderStrategy=[])
    assert refused.value.message == (
        "No launch type to fall back to for empty capacity provider strategy. Your service was not created with a "
        "launch type."
    )
    put(sim, [*FARGATES, "ec2", "ec2b"], only("ec2b"))
    update(sim, capacityProviderStrategy=[], forceNewDeployment=True)
    sim.to(600.0)
    assert where(sim) == {"ec2b": 4}


# -- jobs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [4, 8])
def test_a_job_with_a_mixed_strategy_runs_on_both_kinds(count: int) -> None:
    """In the what-if that AWS refuses, each part of one call runs as its provider does (CAP-010, CAP-037)."""
    strategy = [{"capacityProvider": name, "weight": 1} for name in ("FARGATE", "ec2")]
    job = {
        "name": "batch",
        "arrivals": {"every": "2h"},
        "runTask": {
            "cluster": "prod",
            "taskDefinition": "app",
            "count": count,
            "capacityProviderStrategy": strategy,
            "networkConfiguration": awsvpc(),
        },
    }
    document = world(jobs=[job], allow=["mixedCapacityProviderStrategy"], initialState="steady", duration="10m")
    tasks = run_dict(document).tasks
    found = tasks.groupby(["capacity_provider", "launch_type"], observed=True).size().to_dict()
    assert found == {("FARGATE", "FARGATE"): count // 2, ("ec2", "EC2"): count // 2}
    assert tasks["started_at"].notna().all()
