"""Whatever happens to a cluster whose capacity moves: its laws hold, and nothing is lost or kept for ever."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    Document,
    Sim,
    awsvpc,
    behind,
    call,
    fault,
    group,
    scenario,
    service,
    target_group,
    task_definition,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecssim.world.services import Service
from ecssim.world.states import DRAINING, INACTIVE, PROVISIONING

PROVIDERS = ("ec2", "spots", "FARGATE_SPOT")


def moments() -> st.SearchStrategy[str]:
    return st.integers(0, 5400).map(lambda t: f"{t}s")


def events() -> st.SearchStrategy[Document]:
    names = st.sampled_from(["web", "packed", "light"])
    return st.one_of(
        st.builds(
            lambda at, name, n: call(at, "UpdateService", cluster="prod", service=name, desiredCount=n),
            moments(),
            names,
            st.integers(0, 14),
        ),
        st.builds(
            lambda at, name: call(at, "UpdateService", cluster="prod", service=name, forceNewDeployment=True),
            moments(),
            names,
        ),
        st.builds(
            lambda at, n: call(at, "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=n),
            moments(),
            st.integers(0, 6),
        ),
        st.builds(
            lambda at, provider, f: fault(at, "spotReclaim", capacityProvider=provider, fraction=f),
            moments(),
            st.sampled_from(PROVIDERS),
            st.sampled_from([0.3, 1.0]),
        ),
        st.builds(
            lambda at, provider, n: fault(at, "spotDrought", capacityProvider=provider, **{"for": f"{n}s"}),
            moments(),
            st.sampled_from(PROVIDERS),
            st.integers(30, 1200),
        ),
        st.builds(
            lambda at, n: fault(at, "instanceTermination", capacityProvider="ec2", count=n),
            moments(),
            st.integers(1, 3),
        ),
        st.builds(
            lambda at, n: fault(at, "azOutage", availabilityZone="us-east-1b", **{"for": f"{n}s"}),
            moments(),
            st.integers(60, 900),
        ),
        st.builds(
            lambda at, n: call(
                at,
                "RunTask",
                cluster="prod",
                taskDefinition="app",
                count=n,
                capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}],
                networkConfiguration=awsvpc("a", "b"),
            ),
            moments(),
            st.integers(1, 5),
        ),
    )


def providers(draining: str, protection: str, target: int) -> list[Document]:
    scaling = {"status": "ENABLED", "targetCapacity": target, "instanceWarmupPeriod": 120}
    more = {"managedScaling": scaling, "managedDraining": draining}
    return [
        {
            "name": "ec2",
            "autoScalingGroupProvider": {"autoScalingGroup": "asg", "managedTerminationProtection": protection} | more,
        },
        {"name": "spots", "autoScalingGroupProvider": {"autoScalingGroup": "spot-asg"} | more},
    ]


def world(timeline: list[Document], draining: str, protection: str, target: int, **more: Any) -> Document:
    both = [{"capacityProvider": "ec2", "weight": 1, "base": 1}, {"capacityProvider": "spots", "weight": 2}]
    quiet = {"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0}
    base = {
        "autoScalingGroups": [
            group(1, maxSize=6, subnets=["a", "b"]),
            group(
                0, "spot-asg", maxSize=6, subnets=["a", "b"], instances={"instanceType": "m5.large", "market": "spot"}
            ),
        ],
        "capacityProviders": providers(draining, protection, target),
        "clusters": [{"clusterName": "prod", "capacityProviders": [*PROVIDERS, "FARGATE"]}],
        "taskDefinitions": [
            task_definition("app", networkMode="awsvpc", cpu="512"),
            task_definition("bridged", cpu="1024"),
            task_definition("agent", cpu="64", memory="64"),
        ],
        "targetGroups": [target_group()],
        "services": [
            service(
                "web",
                4,
                capacityProviderStrategy=both,
                networkConfiguration=awsvpc("a", "b"),
                loadBalancers=behind(),
            ),
            service(
                "packed",
                3,
                taskDefinition="bridged",
                capacityProviderStrategy=both,
                placementStrategy=[{"type": "binpack", "field": "cpu"}],
            ),
            service(
                "light",
                3,
                capacityProviderStrategy=[
                    {"capacityProvider": "FARGATE", "weight": 1},
                    {"capacityProvider": "FARGATE_SPOT", "weight": 2},
                ],
                networkConfiguration=awsvpc("a", "b"),
            ),
            service("agents", taskDefinition="agent", schedulingStrategy="DAEMON"),
        ],
        "timeline": timeline,
        "model": quiet,
        "duration": "3h",
    }
    return scenario(**(base | more))


@given(
    timeline=st.lists(events(), max_size=8),
    draining=st.sampled_from(["ENABLED", "DISABLED"]),
    protection=st.sampled_from(["ENABLED", "DISABLED"]),
    target=st.sampled_from([100, 75]),
)
@example(
    timeline=[
        call("0s", "UpdateService", cluster="prod", service="web", desiredCount=12),
        call("171s", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=0),
    ],
    draining="ENABLED",
    protection="ENABLED",
    target=100,
)
@example(
    timeline=[
        call("0s", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=2),
        call("0s", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=0),
    ],
    draining="ENABLED",
    protection="ENABLED",
    target=100,
)
@settings(max_examples=25)
@pytest.mark.rule("CAP-044", "ASG-043", "SPOT-017", "ASG-034")
def test_the_laws_hold_and_the_cluster_settles(
    timeline: list[Document], draining: str, protection: str, target: int
) -> None:
    sim = Sim(world(timeline, draining, protection, target))
    for minute in range(1, 180):
        sim.to(60.0 * minute)
    for g in sim.engine.world.groups:
        assert g.min_size <= g.desired <= g.max_size
        if len(g.instances) > g.desired:
            # Somebody else lowered the capacity: instances that ECS protects stay as long as they are busy (ASG-040).
            assert protection == "ENABLED"
            busy = {t.instance for t in sim.tasks() if isinstance(t.owner, Service) and not t.owner.daemon}
            assert all(i.ordinal in busy for i in g.instances.values())
    now = sim.now
    full = {g.provider_code for g in sim.engine.world.groups if g.desired == g.max_size}
    unreplaced = [t.deployment for t in sim.tasks() if t.status == PROVISIONING and t.provider in full]
    for instance in sim.engine.world.instances:
        if instance.status == DRAINING:
            # A standalone task keeps a draining instance, or one whose replacement waits for a group at its maximum.
            assert any(t.deployment is None or t.deployment in unreplaced for t in instance.tasks.values())
        if instance.status == INACTIVE:
            assert not instance.tasks
    # The last event was 90 minutes ago: who still waits has just begun to, or his group is at its maximum.
    for task in sim.tasks():
        if task.status == PROVISIONING and task.instance < 0 and task.provider not in full:
            assert now - task.created_at < 1800.0
    for s in sim.engine.world.services:
        if not s.daemon:
            assert sum(d.active for d in s.deployments) >= min(s.desired, 1)
