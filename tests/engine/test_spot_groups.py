"""EC2 Spot in groups: recommendations, Capacity Rebalancing, missing notices, bands, and what strategies risk."""

from __future__ import annotations

from typing import Any

import pytest
from builders import Document, Sim, fault, group, run_dict, scenario, service, task_definition

from ecssim.catalog import fargate_price
from ecssim.decide.spot import HOURS_PER_MONTH, hazard_of_band
from ecssim.engine.spot import Pool, Reclaim
from ecssim.results.result import Result

QUIET = {"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0}
BOOT = 45.0


def spots(count: int, **more: Any) -> Document:
    return group(count, instances={"instanceType": "m5.large", "market": "spot"}, **more)


def mixed(count: int, strategy: str, *types: str, **more: Any) -> Document:
    distribution = {"onDemandPercentageAboveBaseCapacity": 0}
    if strategy:
        distribution |= {"spotAllocationStrategy": strategy}
    overrides = [{"instanceType": t} for t in types or ("m5.large",)]
    policy = {"launchTemplate": {"overrides": overrides}, "instancesDistribution": distribution}
    document = group(count, mixedInstancesPolicy=policy, **more)
    del document["instances"]
    return document


def world(size: Document, *services: Document, draining: str = "DISABLED", **more: Any) -> Document:
    behind = {"autoScalingGroup": "asg", "managedScaling": {"status": "DISABLED"}, "managedDraining": draining}
    base: Document = {
        "autoScalingGroups": [size],
        "capacityProviders": [{"name": "ec2", "autoScalingGroupProvider": behind}],
        "clusters": [{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        "taskDefinitions": [task_definition()],
        "services": list(services),
        "model": QUIET,
        "duration": "30m",
    }
    return scenario(**(base | more))


def web(count: int = 1, **more: Any) -> Document:
    return service("web", count, capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}], **more)


def reclaim(at: str, fraction: float = 1.0, **more: Any) -> Document:
    return fault(at, "spotReclaim", capacityProvider="ec2", fraction=fraction, **more)


def lives(result: Result) -> list[tuple[float, float]]:
    """(launched, terminated or 0) of the instances."""
    rows = result.instances.sort_values("launched_at")
    return list(zip(rows["launched_at"], rows["terminated_at"].fillna(0.0), strict=True))


# -- recommendations and Capacity Rebalancing -----------------------------------------------------------------


@pytest.mark.rule("SPOT-013", "SPOT-014")
@pytest.mark.parametrize(
    ("rebalance", "timeline", "expected"),
    [
        pytest.param(
            False,
            reclaim("10m", noticeAfter="5m"),
            [(0.0, 1020.0), (1020.0, 0.0)],
            id="off: replaced when it has ended",
        ),
        pytest.param(
            True, reclaim("10m", noticeAfter="5m"), [(0.0, 645.0), (600.0, 0.0)], id="on: at the recommendation"
        ),
        pytest.param(True, reclaim("10m"), [(0.0, 645.0), (600.0, 0.0)], id="with the notice at the latest"),
    ],
)
def test_a_replacement_at_the_recommendation(rebalance: bool, timeline: Document, expected: list[Any]) -> None:
    size = spots(1, maxSize=1, capacityRebalance=rebalance)
    assert lives(run_dict(world(size, timeline=[timeline]))) == expected


@pytest.mark.rule("SPOT-014")
def test_the_maximum_is_passed_by_a_tenth_and_the_others_take_their_turns() -> None:
    size = spots(20, maxSize=20, capacityRebalance=True)
    sim = Sim(world(size, timeline=[reclaim("10m", noticeAfter="20m")])).to(601.0)
    asg = sim.engine.world.groups[0]
    assert len(asg.instances) == 22
    sim.to(600.0 + BOOT + 1.0)
    assert len(asg.instances) == 22
    assert sum(i.ordinal >= 20 for i in asg.instances.values()) == 4
    sim.to(600.0 + 12 * 60.0)
    assert len(asg.instances) == 20
    assert all(i.ordinal >= 20 for i in asg.instances.values())


@pytest.mark.rule("SPOT-018")
@pytest.mark.parametrize(
    ("draining", "code"),
    [
        pytest.param("DISABLED", "TerminationNotice", id="ECS hears nothing: the task dies with the instance"),
        pytest.param("ENABLED", "ServiceSchedulerInitiated", id="managed draining moves it first"),
    ],
)
def test_capacity_rebalancing_tells_ecs_only_with_managed_draining(draining: str, code: str) -> None:
    size = spots(1, maxSize=1, capacityRebalance=True, agent={"ECS_ENABLE_SPOT_INSTANCE_DRAINING": True})
    document = world(size, web(), draining=draining, timeline=[reclaim("10m", noticeAfter="10m")])
    result = run_dict(document)
    first = result.tasks[result.tasks["created_at"] < 600.0].iloc[0]
    assert first["stop_code"] == code
    assert 600.0 + BOOT <= first["stopped_at"] < 720.0


@pytest.mark.rule("SPOT-013", "SPOT-015")
def test_half_of_the_pools_reclaims_are_announced_early() -> None:
    """A month of many reclaims: the times of recommendations and of the reclaims that they announce."""
    model = {"spotInterruptionsPerMonth": 400.0, "spotShortagesPerWeek": 0, "spotDroughtMinutes": 0}
    result = run_dict(world(spots(5), model=model, duration="3d"))
    notes = result.calls[result.calls["caller"].astype(str) == "aws"]
    early = sorted(notes[notes["action"] == "RebalanceRecommendation"]["t"])
    reclaims = sorted(notes[notes["action"] == "SpotReclaim"]["t"])
    assert len(reclaims) > 40
    assert 0.3 < len(early) / len(reclaims) < 0.7
    leads = [min(at for at in reclaims if at >= t) - t for t in early if t <= reclaims[-1]]
    assert 300.0 < sum(leads) / len(leads) < 1200.0


def test_a_pool_at_risk_is_left_by_those_who_look() -> None:
    size = mixed(1, "capacity-optimized-prioritized", "m5.large", "m4.large", maxSize=2, capacityRebalance=True)
    sim = Sim(world(size)).to(100.0)
    pool = Pool("m5.large", "us-east-1a")
    sim.engine.advice._risk_until[pool] = 1000.0
    sim.engine.advice.advise(sim.engine.world.instances[0], 0)
    assert [i.type for i in sim.engine.world.instances] == ["m5.large", "m4.large"]


@pytest.mark.rule("SPOT-011")
@pytest.mark.parametrize(("notice", "ends"), [("120s", 720.0), ("30s", 630.0), ("0s", 600.0)])
def test_the_notice_is_best_effort(notice: str, ends: float) -> None:
    size = spots(1, agent={"ECS_ENABLE_SPOT_INSTANCE_DRAINING": True})
    result = run_dict(world(size, web(), timeline=[reclaim("10m", notice=notice)]))
    assert lives(result)[0] == (0.0, ends)
    assert (result.instances["draining_at"] == 600.0).any() == (ends > 600.0)


@pytest.mark.rule("SPOT-012")
def test_a_reclaim_for_capacity_says_so_and_which_pool() -> None:
    model = {"spotInterruptionsPerMonth": 300.0, "spotShortagesPerWeek": 0}
    calls = run_dict(world(spots(2), model=model, duration="2d")).calls
    notes = calls[calls["action"].astype(str) == "SpotReclaim"]
    assert set(notes["target"].astype(str)) == {"m5.large/us-east-1a"}
    assert set(notes["caller"].astype(str)) == {"aws"}


def test_a_fault_may_name_the_type() -> None:
    size = mixed(4, "lowest-price", "m5.large", "m4.large", maxSize=4)
    result = run_dict(world(size, duration="15m", timeline=[reclaim("5m", instanceType="m4.large")]))
    ended = result.instances[result.instances["terminated_at"].notna()]
    assert list(ended["instance_type"].astype(str)) == ["m4.large"] * 2


# -- hazards --------------------------------------------------------------------------------------------------


def history(document: Document, pool: Pool, count: int = 400, *, cheap: bool = False) -> list[tuple[float, Reclaim]]:
    """The first reclaims of a pool's history, each with the seconds since the one before, without playing it."""
    engine = Sim(document).engine
    armed: list[tuple[float, Reclaim]] = []

    def note(t: float, phase: int, fn: Any, what: Any, epoch: int = 0) -> None:
        if fn == engine.spot._on_reclaim:
            armed.append((t, what[1]))

    engine.kernel.at = note  # type: ignore[method-assign]
    for number in range(count):
        engine.spot._next_reclaim(pool, 0.0, number, cheap)
    return armed


@pytest.mark.rule("SPOT-030", "SPOT-031", "SPOT-034")
@pytest.mark.parametrize("band", range(5))
def test_a_band_sets_the_rate_of_its_pool(band: int) -> None:
    document = world(spots(1), spotPools={"m5.large": {"interruptionBand": band}})
    waits = [t for t, _ in history(document, Pool("m5.large", "us-east-1a"))]
    # A reclaim takes two thirds of the pool, so that they come half as often again as an instance is interrupted.
    hours = sum(waits) / len(waits) / 3600.0
    assert hours == pytest.approx((2.0 / 3.0) / hazard_of_band(band), rel=0.1)


@pytest.mark.rule("SPOT-030")
def test_a_zone_has_a_band_of_its_own() -> None:
    pools = {
        "m5.large": {"interruptionBand": 0},
        "m5.large/us-east-1b": {"interruptionBand": 4},
        "FARGATE_SPOT": {"interruptionBand": 3},
    }
    sim = Sim(world(spots(0, subnets=["a", "b"]), spotPools=pools))
    spot = sim.engine.spot
    assert spot.band(Pool("m5.large", "us-east-1a")) == 0
    assert spot.band(Pool("m5.large", "us-east-1b")) == 4
    assert spot.band(Pool("ARM64", "us-east-1a", True)) == 3
    assert spot.band(Pool("c5.large", "us-east-1a")) == 1


@pytest.mark.rule("SPOT-037")
def test_cheap_strategies_are_interrupted_more_and_careful_ones_less() -> None:
    """Reclaims an hour that touch a group, of both histories of its pool, against those of a group without strategy."""

    def rate(strategy: str) -> float:
        model = QUIET | {"spotInterruptionsPerMonth": 0.1}
        document = world(mixed(1, strategy) if strategy else spots(1), model=model)
        asg = Sim(document).engine.world.groups[0]
        total = 0.0
        for cheap in (False, True):
            reclaims = history(document, Pool("m5.large", "us-east-1a"), 600, cheap=cheap)
            total += sum(r.touches(asg) for _, r in reclaims) / sum(t for t, _ in reclaims)
        return total

    plain = rate("")
    assert rate("lowest-price") / plain == pytest.approx(1.5, abs=0.1)
    for strategy in ("capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized"):
        assert rate(strategy) / plain == pytest.approx(0.7, abs=0.05)


@pytest.mark.rule("SPOT-037")
def test_only_those_who_chose_by_price_alone_play_the_second_history() -> None:
    def reclaims(size: Document) -> set[float]:
        model = {"spotInterruptionsPerMonth": 3000.0, "spotShortagesPerWeek": 0, "spotDroughtMinutes": 0}
        calls = run_dict(world(size, model=model, duration="12h")).calls
        return set(calls[calls["action"].astype(str) == "SpotReclaim"]["t"])

    plain, cheap = reclaims(spots(30)), reclaims(mixed(30, "lowest-price"))
    assert len(plain) > 50
    assert len(cheap - plain) > 15
    # With 30 instances, hardly any reclaim passes without a victim.
    assert len(plain - cheap) <= 3
    # The API's default is the cheap one.
    assert Sim(world(mixed(1, ""))).engine.world.groups[0].rules.spot_strategy == "lowest-price"


@pytest.mark.rule("SPOT-033", "SPOT-034")
def test_pools_do_not_know_what_the_group_does() -> None:
    """The same reclaims hit a group of two and a group that others reclaim all the time."""

    def notes(*timeline: Document) -> set[float]:
        model = {"spotInterruptionsPerMonth": 600.0, "spotShortagesPerWeek": 0, "spotDroughtMinutes": 0}
        calls = run_dict(world(spots(30), model=model, duration="1d", timeline=list(timeline))).calls
        return set(calls[calls["action"].astype(str) == "SpotReclaim"]["t"])

    assert notes() == notes(reclaim("1h", 0.5), reclaim("9h", 0.9))


@pytest.mark.rule("SPOT-032")
def test_a_fleet_over_pools_of_the_best_band_loses_under_five_percent_a_month() -> None:
    types = ("m4.large", "m5.large", "m6i.large", "c5.large", "r5.large")
    document = world(mixed(1, "capacity-optimized", *types), spotPools={t: {"interruptionBand": 0} for t in types})
    months = [w / 3600.0 / HOURS_PER_MONTH for t in types for w, _ in history(document, Pool(t, "us-east-1a"), 200)]
    # Reclaims a month, of which each takes two thirds of the pool, seven in ten of them from a careful group.
    assert 0.01 < len(months) / sum(months) * 2.0 / 3.0 * 0.7 < 0.05


@pytest.mark.rule("SPOT-005")
def test_fargate_spot_is_up_to_seventy_percent_off() -> None:
    full = fargate_price("us-east-1", "LINUX", "X86_64", False)
    spot = fargate_price("us-east-1", "LINUX", "X86_64", True)
    assert (str(spot.vcpu_hour), str(spot.gb_hour)) == ("0.01246287", "0.00136851")
    for cheap, dear in ((spot.vcpu_hour, full.vcpu_hour), (spot.gb_hour, full.gb_hour)):
        assert float(1 - cheap / dear) == pytest.approx(0.692, abs=5e-4)
    arm = fargate_price("eu-west-1", "LINUX", "ARM64", True), fargate_price("eu-west-1", "LINUX", "ARM64", False)
    assert 0.0 < float(1 - arm[0].vcpu_hour / arm[1].vcpu_hour) <= 0.70
