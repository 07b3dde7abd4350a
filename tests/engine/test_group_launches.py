"""Auto Scaling groups that launch: markets, pools, zones, refusals of EC2, quotas, weights."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from builders import COOLING, Document, Sim, call, fault, group, run_dict, scenario, subnet, task_definition

from ecssim.engine.spot import Pool
from ecssim.results.explain import explain
from ecssim.results.result import Result

QUIET = {"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0}


def mixed(count: int, *types: Any, **more: Any) -> Document:
    distribution = more.pop("distribution", {})
    overrides = [t if isinstance(t, dict) else {"instanceType": t} for t in types]
    document = group(
        count,
        mixedInstancesPolicy={"launchTemplate": {"overrides": overrides}, "instancesDistribution": distribution},
        **more,
    )
    del document["instances"]
    return document


def world(size: Document, **more: Any) -> Document:
    base: Document = {"autoScalingGroups": [size], "taskDefinitions": [task_definition()], "model": QUIET}
    return scenario(**(base | {"duration": "20m"} | more))


def launched(result: Result) -> list[tuple[str, str, str]]:
    rows = result.instances
    columns = (rows[c].astype(str) for c in ("instance_type", "availability_zone", "market"))
    return list(zip(*columns, strict=True))


def failures(result: Result) -> list[tuple[float, str]]:
    rows = result.scaling_activities
    rows = rows[rows["status_code"] == "Failed"]
    return list(zip(rows["t"], rows["not_scaled_reason"].astype(str), strict=True))


def spot(strategy: str, **more: Any) -> Document:
    return {"onDemandPercentageAboveBaseCapacity": 0, "spotAllocationStrategy": strategy} | more


PRICES = {"onDemand": {"m5.large": 0.10, "m4.large": 0.08, "c5.large": 0.09}}
TYPES = ("m5.large", "c5.large", "m4.large")


# -- allocation -----------------------------------------------------------------------------------------------


@pytest.mark.rule("ASG-052")
@pytest.mark.parametrize(
    ("strategy", "chosen"),
    [({}, "m5.large"), ({"onDemandAllocationStrategy": "lowest-price"}, "m4.large")],
    ids=["prioritized by default", "lowest-price"],
)
def test_on_demand_types(strategy: Document, chosen: str) -> None:
    result = run_dict(world(mixed(3, *TYPES, distribution=strategy), prices=PRICES))
    assert launched(result) == [(chosen, "us-east-1a", "onDemand")] * 3


@pytest.mark.rule("ASG-052")
@pytest.mark.parametrize(
    ("distribution", "types"),
    [
        pytest.param({}, {"m4.large": 3, "c5.large": 3}, id="lowest-price over two pools by default"),
        pytest.param({"spotInstancePools": 1}, {"m4.large": 6}, id="or over one"),
        pytest.param({"spotAllocationStrategy": "capacity-optimized-prioritized"}, {"m5.large": 6}, id="prioritized"),
        pytest.param({"spotAllocationStrategy": "capacity-optimized"}, {"c5.large": 6}, id="the best band"),
        pytest.param({"spotAllocationStrategy": "price-capacity-optimized"}, {"c5.large": 6}, id="price and capacity"),
    ],
)
def test_spot_types(distribution: Document, types: dict[str, int]) -> None:
    size = mixed(6, *TYPES, distribution={"onDemandPercentageAboveBaseCapacity": 0} | distribution)
    bands = {"m5.large": {"interruptionBand": 2}, "m4.large": {"interruptionBand": 3}}
    if "prioritized" in str(distribution):
        bands = {}
    result = run_dict(
        world(size, prices=PRICES | {"spotDiscount": 0.6}, spotPools=bands | {"c5.large": {"interruptionBand": 1}})
    )
    # Two bands are in the deeper half of three: the best one is the cheaper of c5 and m5.
    assert Counter(t for t, _, _ in launched(result)) == types


@pytest.mark.rule("ASG-052")
def test_base_then_percentage_rounded_up_for_on_demand() -> None:
    distribution = {"onDemandBaseCapacity": 2, "onDemandPercentageAboveBaseCapacity": 25}
    result = run_dict(world(mixed(10, "m5.large", distribution=distribution | {"spotMaxPrice": ""})))
    markets = [m for _, _, m in launched(result)]
    assert markets.count("onDemand") == 4
    assert markets[:2] == ["onDemand"] * 2


@pytest.mark.rule("ASG-052", "SPOT-012")
def test_a_pool_above_the_maximum_price_is_not_bought() -> None:
    distribution = spot("lowest-price", spotMaxPrice="0.05", spotInstancePools=1)
    prices = PRICES | {"spot": {"m4.large": 0.06, "m5.large": 0.04}}
    size = mixed(2, "m4.large", "m5.large", distribution=distribution)
    assert launched(run_dict(world(size, prices=prices))) == [("m5.large", "us-east-1a", "spot")] * 2
    dear = run_dict(world(size, prices=PRICES | {"spot": {"m4.large": 0.06, "m5.large": 0.07}}))
    assert launched(dear) == []
    assert failures(dear) == [(0.0, "SpotMaxPriceTooLow")]


@pytest.mark.rule("ASG-042", "ASG-052")
def test_a_group_that_shrinks_keeps_its_mix_and_its_best_types() -> None:
    distribution = {"onDemandBaseCapacity": 1, "onDemandPercentageAboveBaseCapacity": 0}
    strategy = {"spotAllocationStrategy": "capacity-optimized-prioritized"}
    sim = Sim(world(mixed(3, "m5.large", "c5.large", distribution=distribution | strategy)))
    sim.engine.spot.drought((Pool("m5.large", "us-east-1a"),), 600.0)
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=5)
    sim.to(700.0)
    for wanted, left in (
        (4, {("m5.large", False): 1, ("m5.large", True): 2, ("c5.large", True): 1}),
        (2, {("m5.large", False): 1, ("m5.large", True): 1}),
        (1, {("m5.large", False): 1}),
    ):
        sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=wanted)
        alive = sim.engine.world.groups[0].instances.values()
        assert Counter((i.type, i.spot) for i in alive) == left


def test_weights_count_towards_the_desired_capacity() -> None:
    types = [
        {"instanceType": "m5.xlarge", "weightedCapacity": "4"},
        {"instanceType": "m5.large", "weightedCapacity": "2"},
    ]
    sim = Sim(world(mixed(10, *types))).to(100.0)
    asg = sim.engine.world.groups[0]
    # Three of four units: two would be eight of ten.
    assert (len(asg.instances), asg.size) == (3, 12)
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=5)
    # One more would leave four of five.
    assert (len(asg.instances), asg.size) == (2, 8)
    cheap = {"onDemandAllocationStrategy": "lowest-price"}
    prices = {"onDemand": {"m5.xlarge": 0.2, "m5.large": 0.11}}
    sim = Sim(world(mixed(4, *types, distribution=cheap), prices=prices)).to(10.0)
    # By price of a unit, not of an instance.
    assert [i.type for i in sim.engine.world.instances] == ["m5.xlarge"]


# -- zones and refusals ---------------------------------------------------------------------------------------


@pytest.mark.rule("ASG-058", "ASG-050")
def test_on_demand_capacity_that_is_missing_is_looked_for_in_other_zones_and_types() -> None:
    def short(zone: str | None = None) -> Document:
        where = {} if zone is None else {"availabilityZone": zone}
        return fault("0s", "insufficientCapacity", instanceType="m5.large", **{"for": "150s"}, **where)

    grow = call("1s", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=3)
    elsewhere = run_dict(world(group(0, subnets=["a", "b"]), timeline=[short("us-east-1a"), grow]))
    assert launched(elsewhere) == [("m5.large", "us-east-1b", "onDemand")] * 3
    assert failures(elsewhere) == []
    other = run_dict(world(mixed(0, "m5.large", "m4.large"), timeline=[short(), grow]))
    assert launched(other) == [("m4.large", "us-east-1a", "onDemand")] * 3
    nowhere = run_dict(world(group(0, subnets=["a", "b"]), timeline=[short(), grow]))
    # Tried at 1, 61, 121 and 181, and said once.
    assert list(nowhere.instances["launched_at"]) == [181.0] * 3
    assert failures(nowhere) == [(1.0, "InsufficientInstanceCapacity")]


def test_a_group_that_cannot_launch_is_found_and_its_rows_are_explained() -> None:
    short = fault("0s", "insufficientCapacity", instanceType="m5.large", **{"for": "150s"})
    grow = call("1s", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=3)
    result = run_dict(world(group(0), timeline=[short, grow]))
    texts = [f["text"] for f in result.summary()["findings"] if f["what"] == "group.launchFailed"]
    assert len(texts) == 1
    assert texts[0].startswith("Group asg could not launch instances from 1s")
    assert "(InsufficientInstanceCapacity): EC2 had no capacity" in texts[0]
    assert texts[0].endswith("; the next launch came 3m00s later.")
    quiet = run_dict(world(group(1), timeline=[]))
    assert [f for f in quiet.summary()["findings"] if f["what"] == "group.launchFailed"] == []
    pending = result.instance_lifecycle.iloc[0]
    assert "is Pending in group asg" in str(explain(result, f"event/{pending['event_id']}"))


@pytest.mark.rule("ASG-050")
def test_balanced_only_waits_for_its_zone() -> None:
    short = fault(
        "0s", "insufficientCapacity", instanceType="m5.large", availabilityZone="us-east-1a", **{"for": "90s"}
    )
    grow = call("1s", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=2)
    for strategy, launches in (
        ("balanced-best-effort", [(1.0, "us-east-1b")] * 2),
        ("balanced-only", [(121.0, "us-east-1a"), (121.0, "us-east-1b")]),
    ):
        size = group(0, subnets=["a", "b"], availabilityZoneDistribution={"capacityDistributionStrategy": strategy})
        rows = run_dict(world(size, duration="3m", timeline=[short, grow])).instances
        assert list(zip(rows["launched_at"], rows["availability_zone"].astype(str), strict=True))[:2] == launches


@pytest.mark.rule("ASG-058")
def test_a_full_subnet_refuses_the_launch_and_the_next_zone_takes_it() -> None:
    subnets = [
        subnet("a", "us-east-1a", "10.0.0.0/28", addressesInUse=11),
        subnet("b", "us-east-1b", "10.0.1.0/28", addressesInUse=9),
    ]
    result = run_dict(world(group(3, subnets=["a", "b"]), subnets=subnets))
    assert [zone for _, zone, _ in launched(result)] == ["us-east-1b"] * 2
    events = result.subnet_events
    assert set(events["reason"].astype(str)) == {"InsufficientFreeAddressesInSubnet"}
    # The third is tried every minute.
    assert list(events["t"])[:3] == [0.0, 60.0, 120.0]
    assert COOLING < 60.0


@pytest.mark.rule("SPOT-019", "ASG-058")
@pytest.mark.parametrize(
    ("market", "quota", "code"),
    [
        ("spot", "spotStandardVcpu", "MaxSpotInstanceCountExceeded"),
        ("onDemand", "onDemandStandardVcpu", "VcpuLimitExceeded"),
    ],
)
def test_vcpu_quotas_count_what_runs_and_what_is_asked_for(market: str, quota: str, code: str) -> None:
    size = group(4, instances={"instanceType": "m5.large", "market": market})
    document = world(size, account={"quotas": {quota: 5}})
    sim = Sim(document).to(200.0)
    # Two vCPUs each: a third instance would be the sixth vCPU.
    assert len(sim.engine.world.groups[0].instances) == 2
    sim.engine.groups.terminate(sim.engine.world.instances[0], 0)
    sim.to(300.0)
    assert len(sim.engine.world.groups[0].instances) == 2
    # Its successor came at once, and the fourth had to wait again.
    assert {code} == {reason for _, reason in failures(sim.finish())}


@pytest.mark.rule("SPOT-019")
def test_families_have_quotas_of_their_own() -> None:
    quotas = {"spotStandardVcpu": 0, "spotAcceleratedVcpu": 4}
    size = mixed(2, "m5.large", "g4dn.xlarge", distribution=spot("capacity-optimized-prioritized"))
    result = run_dict(world(size, account={"quotas": quotas}))
    assert launched(result) == [("g4dn.xlarge", "us-east-1a", "spot")]
    assert Sim(world(group(0), account={"quotas": "new"})).engine.limits.spot_standard_vcpu == 5


@pytest.mark.rule("SPOT-010", "SPOT-038")
def test_pools_are_types_times_zones() -> None:
    size = mixed(0, *TYPES, distribution=spot("capacity-optimized"), subnets=["a", "b"])
    sim = Sim(world(size))
    pools = sim.engine.spot.of(sim.engine.world.groups[0])
    assert len(pools) == 6
    # A drought of one leaves the others as they are.
    sim.engine.spot.drought((pools[0],), 600.0)
    assert [sim.engine.spot.is_dry(pool) for pool in pools] == [True] + [False] * 5
