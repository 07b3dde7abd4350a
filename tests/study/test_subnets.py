"""The planner of subnets: what it says is enough is enough when it is run, and one size smaller is not."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from typing import Any

import pytest
from builders import awsvpc, fargate, group, percent, provider, scenario, service, subnet, task_definition

import ecssim
from ecssim.errors import BadInput
from ecssim.scenario.load import Loaded, load_mapping
from ecssim.study import other_subnets
from ecssim.study import subnet_alternatives as ways
from ecssim.study.resizing import accepted, layout, resized, roomy, sizes, smallest_for, usable
from ecssim.study.sidecars import sidecars
from ecssim.study.subnet_plan import SubnetPlan
from tests.golden.summaries import ROOT

#: Scenarios of the planner: what runs out is a deployment, Spot churn, a zone, instances, a job, sidecars.
COMMITTED = [
    ("addresses_in_a_deploy", None),
    ("addresses_and_spot_churn", None),
    ("one_full_zone", None),
    ("addresses_on_ec2", None),
    ("subnet_exhaustion", None),
    ("sidecars_share_an_eni", "four-tasks"),
    ("demo", None),
    ("balancer_growth", None),
]


def edge(family: str = "edge", **more: Any) -> dict[str, Any]:
    return task_definition(family, networkMode="awsvpc", requiresCompatibilities=["FARGATE"], **more)


def small(**parts: Any) -> dict[str, Any]:
    """Eight tasks in a /28 of eleven usable addresses; at ten minutes they are deployed anew."""
    call = {"cluster": "prod", "service": "web", "forceNewDeployment": True}
    return scenario(
        **{
            "duration": "30m",
            "initialState": "steady",
            "subnets": [subnet("a", cidr="10.0.0.0/28")],
            "taskDefinitions": [edge()],
            "services": [fargate("web", 8, taskDefinition="edge", deploymentConfiguration=percent(100, 150))],
            "timeline": [{"at": "10m", "call": "UpdateService", "with": call}],
            **parts,
        }
    )


@pytest.fixture(scope="module")
def plan() -> SubnetPlan:
    return ecssim.subnets(load_mapping(small()), seeds=3, workers=1)


# -- the promise -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("name", "variant"), COMMITTED)
def test_the_smallest_block_has_no_failure_in_twenty_seeds_and_the_next_smaller_one_has(
    name: str, variant: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ECSSIM_CHECK", raising=False)
    loaded = ecssim.load(ROOT / "scenarios" / f"{name}.yaml", variant=variant)
    found = ecssim.subnets(loaded, seeds=20, workers=1, headroom=False, alternatives=False)
    for need in found.needs:
        assert (need.enough.runs, need.enough.failed_runs) == (20, 0)
        if need.smaller is not None and need.smaller.refused is None:
            assert need.smaller.failed_runs > 0, need.subnet
    assert any(need.smaller is not None and need.smaller.failed_runs == 20 for need in found.needs)
    # And not by the planner's own word: the sizes as they are, under every seed, and each subnet one size smaller.
    enough = resized(loaded, found.smallest)
    assert not [seed for seed in found.seeds if len(ecssim.run(enough, seed=seed).subnet_events)]
    for need in found.needs:
        if need.smaller is None or need.smaller.refused is not None:
            continue
        tight = resized(loaded, {**found.smallest, need.subnet: need.smaller.prefix})
        assert any(len(ecssim.run(tight, seed=seed).subnet_events) for seed in found.seeds), need.subnet


def test_a_block_is_measured_with_room_for_all_and_verified_by_running_it(plan: SubnetPlan) -> None:
    need = plan.of("a")
    # Eight tasks, four more at once, and those that stop and cool beside them: more than the eleven that there are.
    assert need.needed > 11
    assert need.present.failed_runs == need.present.runs == 3
    assert (need.smallest, need.enough.failed_runs, need.enough.runs) == (smallest_for(need.needed), 0, 3)
    assert need.smaller is not None
    assert (need.smaller.prefix, need.smaller.failed_runs) == (28, 3)


@pytest.mark.rule("NET-061")
def test_the_peak_of_a_deployment_is_its_maximum_with_those_that_stop_and_cool() -> None:
    # Waves of four, 58 s apart; a task stops for 11 s, and its address cools for a minute instead of half of one.
    timing = {"profile": "fixed", "addressRelease": "60s"}
    web = fargate("web", 12, taskDefinition="edge", deploymentConfiguration=percent(100, 134))
    document = small(timing=timing, services=[web], model={"fargatePullRates": "estimated"})
    peak = ecssim.subnets(load_mapping(document), seeds=1, workers=1, alternatives=False).of("a").peak
    maximum = 12 * 134 // 100
    assert peak.consumers == {"web": maximum + 4, "cooling": 4}
    assert peak.needed == maximum + 4 + 4
    assert peak.at == 600.0 + 2 * 58.0
    assert [(cause.kind, cause.of, cause.t) for cause in peak.causes] == [("deployment", "web", 600.0)]


def test_the_same_plan_from_any_number_of_workers(plan: SubnetPlan) -> None:
    again = ecssim.subnets(load_mapping(small()), seeds=3, workers=2)
    assert again.to_json() == plan.to_json()


def test_a_plan_is_one_json_document_and_a_text_that_says_what_to_do(plan: SubnetPlan) -> None:
    document = json.loads(plan.to_json())
    (found,) = document["subnets"]
    assert found["needed"] == plan.of("a").needed
    assert found["peak"]["causes"][0]["kind"] == "deployment"
    assert [a["alternative"]["kind"] for a in document["alternatives"]] == [e.alternative.kind for e in plan.effects]
    text = plan.text()
    assert "the deployment of edge:1 (service web, +" in text
    assert "fails in 3 of 3" in text
    assert "--set subnets.a.cidrBlock=10.0.0.0/27" in text


def test_a_subnet_that_nobody_uses_takes_one_line() -> None:
    found = ecssim.subnets(
        load_mapping(small(subnets=[subnet("a"), subnet("b", cidr="10.0.1.0/24")])), seeds=1, workers=1
    )
    assert (found.of("b").needed, found.of("b").smallest) == (0, 28)
    assert [line for line in found.text().splitlines() if line.startswith("b")][1:] == [
        "b: nobody has an address there"
    ]


def test_what_has_room_needs_no_alternatives() -> None:
    found = ecssim.subnets(load_mapping(small(subnets=[subnet("a")])), seeds=1, workers=1)
    assert found.effects == ()
    assert found.of("a").present.failed_runs == 0
    assert found.of("a").smallest == 27


def test_a_scenario_without_subnets_cannot_be_planned() -> None:
    bare = scenario(subnets=[], services=[], taskDefinitions=[])
    with pytest.raises(BadInput, match="no subnet with IPv4 addresses"):
        ecssim.subnets(load_mapping(bare), seeds=1)


# -- surprises -------------------------------------------------------------------------------------------------


def test_what_a_surprise_would_leave_is_measured_by_running_it(plan: SubnetPlan) -> None:
    need = plan.of("a")
    left = {item.event: item for item in need.headroom}
    assert set(left) == {"deployment of web", "scale-out to web 12"}
    assert left["scale-out to web 12"].needed == 12
    assert left["scale-out to web 12"].left == usable(28) - 12
    assert left["scale-out to web 12"].left_in_smallest == usable(need.smallest) - 12
    # A deployment at an ordinary moment is like the one that the scenario has.
    assert left["deployment of web"].needed == need.needed


def test_half_of_the_spot_tasks_are_reclaimed_as_a_surprise() -> None:
    document = small(
        clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE_SPOT"]}],
        services=[
            service(
                "web", 8, taskDefinition="edge", networkConfiguration=awsvpc(),
                capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
            )
        ],
        model={"spotDroughtMinutes": 0}, timeline=[],
    )  # fmt: skip
    found = ecssim.subnets(load_mapping(document), seeds=2, workers=1, alternatives=False)
    (reclaim,) = (item for item in found.of("a").headroom if item.event.startswith("reclaim of half"))
    # Each task that goes has a successor beside it.
    assert 8 < reclaim.needed <= 16


# -- sizes -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("NET-031")
@pytest.mark.parametrize(
    ("addresses", "prefix"), [(0, 28), (11, 28), (12, 27), (27, 27), (28, 26), (251, 24), (252, 23), (65_531, 16)]
)
def test_the_smallest_block_has_five_more_than_are_needed_and_is_one_that_exists(addresses: int, prefix: int) -> None:
    assert smallest_for(addresses) == prefix
    assert usable(prefix) >= addresses
    assert prefix == 28 or usable(prefix + 1) < addresses


@pytest.mark.rule("NET-030")
def test_subnets_of_any_sizes_lie_beside_each_other_in_their_vpcs() -> None:
    names = [subnet(str(i), cidr=f"10.0.{i}.0/24", vpcId=f"vpc-{i % 2}") for i in range(6)]
    vpcs = [{"vpcId": f"vpc-{i}", "cidrBlock": "10.0.0.0/16"} for i in range(2)]
    loaded = load_mapping(small(subnets=names, vpcs=vpcs, services=[], timeline=[]))
    wanted = {"0": 17, "1": 16, "2": 28, "3": 20, "4": 17, "5": 16}
    # The checks of a scenario find what overlaps or lies outside of its VPC.
    found = resized(loaded, wanted)
    assert sizes(found) == wanted
    assert [vpc.blocks for vpc in found.scenario.vpcs] == [
        ("10.0.0.0/16", "10.1.0.0/16"),
        ("10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"),
    ]
    assert all(IPv4Network(option.split("=")[1]) for option in layout(loaded, wanted) if option.startswith("subnets"))


def test_another_place_and_size_changes_nothing_where_nothing_fails() -> None:
    loaded = load_mapping(small(subnets=[subnet("a")], timing={"profile": "typical"}))
    one, other = ecssim.run(loaded), ecssim.run(resized(loaded, roomy(loaded)))
    assert (one.tasks.created_at == other.tasks.created_at).all()
    assert (one.tasks.stopped_at.fillna(-1) == other.tasks.stopped_at.fillna(-1)).all()


def test_a_size_that_the_api_refuses_is_not_offered() -> None:
    document = small(
        subnets=[subnet("a", cidr="10.0.0.0/27"), subnet("b", "us-east-1b", "10.0.0.32/27")],
        loadBalancers=[{"loadBalancerName": "lb", "type": "application", "subnets": ["a", "b"]}],
    )
    loaded = load_mapping(document)
    assert accepted(loaded, {"a": 28, "b": 28}) == {"a": 27, "b": 27}
    found = ecssim.subnets(loaded, seeds=1, workers=1, headroom=False, alternatives=False)
    smaller = found.of("b").smaller
    assert smaller is not None
    assert smaller.refused is not None
    assert "/27 or larger" in smaller.refused


# -- alternatives ----------------------------------------------------------------------------------------------


def kinds(found: SubnetPlan) -> dict[str, Any]:
    return {effect.alternative.kind: effect for effect in found.effects}


def test_each_alternative_that_is_said_to_fix_does_when_its_options_are_set(plan: SubnetPlan) -> None:
    found = kinds(plan)
    assert {"larger subnets", "smaller waves", "one more subnet"} <= set(found)
    base = load_mapping(small())
    for effect in plan.effects:
        assert effect.fixes
        result = ecssim.run(base.changed(effect.alternative.options))
        assert not len(result.subnet_events)
    assert found["larger subnets"].usd_difference == pytest.approx(0.0, abs=1e-9)
    # Fewer at a time takes longer.
    assert found["smaller waves"].deploys_for > found["larger subnets"].deploys_for


def test_the_largest_percentage_that_holds_is_found_by_running_them(plan: SubnetPlan) -> None:
    (option,) = kinds(plan)["smaller waves"].alternative.options
    percentage = int(option.rpartition("=")[2])
    above = [p for p in ways.PERCENTS if percentage < p < 150]
    assert above, "the first that was tried held: nothing was searched"
    where = "services.web.deploymentConfiguration.maximumPercent"
    assert len(ecssim.run(load_mapping(small()).changed([f"{where}={above[-1]}"])).subnet_events)


@pytest.mark.parametrize("written", ["subnets", "associations"])
def test_a_new_subnet_has_the_route_table_of_the_old_one(written: str) -> None:
    subnets = ["a"] if written == "subnets" else [{"subnetId": "a"}]
    vpc = {"vpcs": [{"vpcId": "vpc", "cidrBlock": "10.0.0.0/16"}]}
    table = {"routeTableId": "rt", "vpcId": "vpc", written: subnets}
    loaded = load_mapping(small(**vpc, subnets=[subnet("a", vpcId="vpc")], routeTables=[table]))
    changed = loaded.changed(other_subnets.one_more_subnet(loaded, ["a"]).options).scenario
    (found,) = changed.route_tables
    assert {*found.subnets, *(a.subnet_id for a in found.associations)} == {"a", "a-2"}
    assert changed.subnets[1].vpc_id == "vpc"


def test_a_percentage_that_a_call_sets_again_is_no_alternative() -> None:
    call = {"cluster": "prod", "service": "web", "taskDefinition": "edge", "deploymentConfiguration": percent(100, 150)}
    timeline = [{"at": "10m", "call": "UpdateService", "with": {**call, "forceNewDeployment": True}}]
    assert ways.smaller_waves(load_mapping(small(timeline=timeline)), ["web"]) == []


def test_a_vpc_without_room_refuses_a_larger_block_and_another_subnet() -> None:
    document = small(
        vpcs=[{"vpcId": "vpc", "cidrBlock": "10.0.0.0/28"}], subnets=[subnet("a", cidr="10.0.0.0/28", vpcId="vpc")]
    )
    found = kinds(ecssim.subnets(load_mapping(document), seeds=1, workers=1, headroom=False))
    assert "no free block" in found["larger subnets"].alternative.refused
    assert "no free block" in found["one more subnet"].alternative.refused
    assert not found["larger subnets"].fixes
    assert found["smaller waves"].fixes


def test_who_lists_other_subnets_can_do_without_the_full_one() -> None:
    document = small(
        subnets=[subnet("a", cidr="10.0.0.0/28", addressesInUse=5), subnet("b", "us-east-1b", "10.0.1.0/24")],
        services=[fargate("web", 14, taskDefinition="edge", networkConfiguration=awsvpc("a", "b"))],
        timeline=[],
    )
    loaded = load_mapping(document)
    alternative = other_subnets.elsewhere(loaded, ["a"])
    assert alternative is not None
    assert len(ecssim.run(loaded).subnet_events)
    assert not len(ecssim.run(loaded.changed(alternative.options)).subnet_events)
    assert other_subnets.elsewhere(loaded, ["a", "b"]) is None


def test_a_load_balancer_in_subnets_of_its_own_takes_none_of_the_tasks() -> None:
    document = small(
        subnets=[subnet("a", cidr="10.0.0.0/27"), subnet("b", "us-east-1b", "10.0.0.32/27")],
        loadBalancers=[{"loadBalancerName": "lb", "type": "application", "subnets": ["a", "b"]}],
        timeline=[],
    )
    loaded = load_mapping(document)
    alternative = other_subnets.balancers_apart(loaded, ["a"])
    assert alternative is not None
    assert alternative.text == "lb in a-lb (10.0.0.64/27)"
    usage = ecssim.run(loaded.changed(alternative.options)).subnet_usage
    held = usage[(usage.t == 0) & (usage.consumer == "load_balancers")]
    assert held.subnet.tolist() == ["b", "a-lb"]
    assert other_subnets.balancers_apart(load_mapping(small()), ["a"]) is None


def test_helpers_in_the_task_of_the_service_that_they_help_hold_one_address_with_it() -> None:
    services = [fargate(name, 4, taskDefinition=name) for name in ("web", "proxy", "logs")]
    services.append(fargate("other", 3, taskDefinition="other"))
    call = {"cluster": "prod", "service": "proxy", "forceNewDeployment": True}
    document = small(
        subnets=[subnet("a")],
        taskDefinitions=[edge("web"), edge("proxy"), edge("logs", cpu="512", memory="1024"), edge("other")],
        services=services, timeline=[{"at": "10m", "call": "UpdateService", "with": call}],
    )  # fmt: skip
    loaded = load_mapping(document)
    (alternative,) = sidecars(loaded)
    assert alternative.text == "proxy and logs as containers of web"
    merged = loaded.changed(alternative.options).scenario
    assert [s.service_name for s in merged.services] == ["web", "other"]
    assert merged.timeline == ()
    (definition,) = [d for d in merged.task_definitions if d.family == "web"]
    assert [c.name for c in definition.container_definitions] == ["web", "proxy-web", "logs-web"]
    assert (definition.cpu, definition.memory) == (1024, 2048), "256 + 256 + 512 units, as Fargate sells them"
    assert ecssim.run(loaded.changed(alternative.options)).subnet_metrics.used_max.max() == 4 + 3


def on_instances(**parts: Any) -> Loaded:
    feed = task_definition(
        "feed", networkMode="awsvpc", container={"portMappings": [{"containerPort": 80, "hostPort": 80}]}
    )
    base = {
        "autoScalingGroups": [group(4)],
        "capacityProviders": [provider()],
        "clusters": [{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        "taskDefinitions": [feed],
        "services": [
            service(
                "web", 8, taskDefinition="feed", networkConfiguration=awsvpc(),
                capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}],
            )
        ],
        "timeline": [],
    }  # fmt: skip
    return load_mapping(small(**(base | parts)))


def test_in_bridge_mode_tasks_hold_no_address() -> None:
    loaded = on_instances(subnets=[subnet("a")])
    alternative = ways.bridge(loaded)
    assert alternative is not None
    assert ecssim.run(loaded).subnet_metrics.used_max.max() == 4 + 8
    assert ecssim.run(loaded.changed(alternative.options)).subnet_metrics.used_max.max() == 4
    assert ways.bridge(load_mapping(small())) is None, "Fargate has no bridge"


@pytest.mark.rule("NET-018")
def test_with_trunking_each_instance_holds_two_addresses() -> None:
    loaded = on_instances(subnets=[subnet("a")])
    alternative = ways.trunking(loaded)
    assert alternative is not None
    assert ecssim.run(loaded.changed(alternative.options)).subnet_metrics.used_max.max() == 4 * 2 + 8
    assert ways.trunking(loaded.changed(alternative.options)) is None
    assert ways.trunking(load_mapping(small())) is None


def test_tasks_in_ipv6_only_subnets_hold_no_address_that_is_scarce() -> None:
    document = small(
        subnets=[subnet("a", cidr="10.0.0.0/27"), subnet("b", "us-east-1b", "10.0.0.32/27")],
        loadBalancers=[{"loadBalancerName": "lb", "type": "application", "subnets": ["a", "b"]}],
    )
    loaded = load_mapping(document)
    alternative = other_subnets.ipv6_only(loaded, ["a"])
    assert alternative is not None
    assert alternative.text == "tasks in a-ipv6"
    used = (
        ecssim.run(loaded.changed(alternative.options)).subnet_metrics.groupby("subnet", observed=True).used_max.max()
    )
    assert used.to_dict() == {"a": 2, "b": 2}, "what the load balancer holds"


def test_what_the_api_refuses_is_an_answer_too() -> None:
    refused = ways.changed(load_mapping(small()), ways.Alternative("x", "y", ("services.web.launchType=NOWHERE",)))
    assert isinstance(refused, ways.Alternative)
    assert "NOWHERE" in (refused.refused or "")
