"""Whatever happens to an Auto Scaling group: each instance is in one place, and the group comes to rest at its size."""

from __future__ import annotations

from typing import Any

from builders import Document, Sim, call, fault, scenario, service, task_definition
from hypothesis import given, settings
from hypothesis import strategies as st

from ecssim.decide.allocation import SPOT_STRATEGIES

TYPES = ("m5.xlarge", "m5.large", "m4.large")
ZONES = ("us-east-1a", "us-east-1b")
LAST = 5400


def moments() -> st.SearchStrategy[str]:
    return st.integers(0, LAST).map(lambda t: f"{t}s")


def _call(action: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    return st.builds(lambda at, **with_: call(at, action, autoScalingGroupName="asg", **with_), moments(), **parts)


def _fault(name: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    return st.builds(lambda at, with_: fault(at, name, **with_), moments(), st.fixed_dictionaries(parts))


def spans(low: int, high: int) -> st.SearchStrategy[str]:
    return st.integers(low, high).map(lambda n: f"{n}s")


PROVIDER = st.just("ec2")
PACES: list[Document] = [{}, {"minHealthyPercentage": 0}, {"maxHealthyPercentage": 150}]
PROCESSES = ("Launch", "Terminate", "AZRebalance", "InstanceRefresh", "HealthCheck")

EVENTS = st.one_of(
    _call("SetDesiredCapacity", desiredCapacity=st.integers(0, 6)),
    _call("UpdateAutoScalingGroup", vpcZoneIdentifier=st.sampled_from(["a", "b", "a,b"])),
    _call("StartInstanceRefresh", preferences=st.sampled_from(PACES)),
    _call("SuspendProcesses", scalingProcesses=st.sampled_from(PROCESSES).map(lambda name: [name])),
    _call("ResumeProcesses"),
    _fault("spotReclaim", capacityProvider=PROVIDER, fraction=st.sampled_from([0.4, 1.0]), noticeAfter=spans(0, 600)),
    _fault("spotDrought", **{"capacityProvider": PROVIDER, "for": spans(30, 900)}),
    _fault("insufficientCapacity", **{"instanceType": st.sampled_from(TYPES), "for": spans(30, 900)}),
    _fault("azOutage", **{"availabilityZone": st.sampled_from(ZONES), "for": spans(60, 900)}),
    _fault("instanceImpairment", **{"capacityProvider": PROVIDER, "count": st.integers(1, 2), "for": spans(60, 900)}),
    _fault("instanceTermination", capacityProvider=PROVIDER, count=st.integers(1, 3)),
)  # fmt: skip


@st.composite
def groups(draw: st.DrawFn) -> Document:
    hooks = draw(
        st.lists(
            st.builds(
                lambda transition, seconds, result: {
                    "lifecycleTransition": f"autoscaling:EC2_INSTANCE_{transition}",
                    "heartbeatTimeout": seconds,
                    "defaultResult": result,
                },
                st.sampled_from(["LAUNCHING", "TERMINATING"]),
                st.integers(30, 200),
                st.just("CONTINUE"),
            ),
            max_size=2,
        )
    )
    document: Document = {
        "autoScalingGroupName": "asg",
        "minSize": 0,
        "maxSize": draw(st.integers(6, 8)),
        "desiredCapacity": draw(st.integers(0, 6)),
        "subnets": ["a", "b"],
        "capacityRebalance": draw(st.booleans()),
        "lifecycleHookSpecificationList": [h | {"lifecycleHookName": str(n)} for n, h in enumerate(hooks)],
    }
    if draw(st.booleans()):
        distribution = {
            "onDemandBaseCapacity": draw(st.integers(0, 2)),
            "onDemandPercentageAboveBaseCapacity": draw(st.sampled_from([0, 50, 100])),
            "spotAllocationStrategy": draw(st.sampled_from(SPOT_STRATEGIES)),
        }
        overrides = [{"instanceType": t} for t in TYPES[: draw(st.integers(1, 3))]]
        policy = {"launchTemplate": {"overrides": overrides}, "instancesDistribution": distribution}
        return document | {"mixedInstancesPolicy": policy}
    warm = draw(st.booleans())
    pool = {"warmPool": {"minSize": draw(st.integers(0, 2))}, "agent": {"ECS_WARM_POOLS_CHECK": True}}
    market = {} if warm else {"market": draw(st.sampled_from(["spot", "onDemand"]))}
    return document | {"instances": {"instanceType": "m5.large"} | market} | (pool if warm else {})


@settings(max_examples=25, deadline=None)
@given(size=groups(), draining=st.sampled_from(["ENABLED", "DISABLED"]), timeline=st.lists(EVENTS, max_size=12))
def test_any_history_of_a_group(size: Document, draining: str, timeline: list[Document]) -> None:
    used = {
        t["instanceType"] for t in size.get("mixedInstancesPolicy", {}).get("launchTemplate", {}).get("overrides", [])
    }
    used |= {size["instances"]["instanceType"]} if "instances" in size else set()
    kept = [e for e in timeline if e.get("with", {}).get("instanceType", next(iter(used))) in used]
    behind = {"autoScalingGroup": "asg", "managedScaling": {"status": "DISABLED"}, "managedDraining": draining}
    document = scenario(
        autoScalingGroups=[size],
        capacityProviders=[{"name": "ec2", "autoScalingGroupProvider": behind}],
        clusters=[{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        taskDefinitions=[task_definition(cpu="1024")],
        services=[service("web", 4, capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}])],
        model={"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0},
        timeline=[*kept, call(f"{LAST + 100}s", "ResumeProcesses", autoScalingGroupName="asg")],
        duration="4h",
    )
    sim = Sim(document)
    for t in range(0, 14_400, 60):
        sim.to(float(t))
    asg = sim.engine.world.groups[0]
    # At rest: as many as wanted, in balance, nobody on the way out.
    assert asg.size == asg.desired
    counts = [
        sum(i.zone == z for i in asg.instances.values())
        for z in {sim.engine.world.subnets[s].zone for s in asg.subnets}
    ]
    assert max(counts) - min(counts) <= 1
    assert not asg.retiring
    rules = asg.rules.warm
    assert len(asg.warm) == (rules.wanted(asg.desired, asg.max_size) if rules else 0)
    sim.finish()
