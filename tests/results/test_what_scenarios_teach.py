"""What the comments of the scenarios say is what their runs show."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import ecssim
from ecssim.results.explain import explain
from ecssim.results.result import Result

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"


@cache
def played(name: str, variant: str | None = None) -> Result:
    return ecssim.run(ecssim.load(SCENARIOS / f"{name}.yaml", variant=variant))


def usd(name: str, variant: str | None = None) -> float:
    return float(played(name, variant).bill().total)


def lost(name: str, variant: str | None = None) -> int:
    return int(played(name, variant).service_metrics.failed_count.sum())


def whats(name: str, variant: str | None = None) -> set[str]:
    return {finding["what"] for finding in played(name, variant).summary()["findings"]}


@pytest.mark.rule("COST-015")
def test_a_reservation_makes_predictable_load_cheaper_than_fargate_and_list_prices_alone_hardly() -> None:
    reserved, listed, fargate = (usd("predictable_on_ec2", v) for v in (None, "list-prices", "on-fargate"))
    # A reservation is for instances; their volumes cost what they did.
    by_dimension = played("predictable_on_ec2").bill().exact_by("dimension")
    volumes = float(by_dimension["volumes"] + by_dimension["idleVolumes"])
    assert reserved - volumes == pytest.approx(0.63 * (listed - volumes), rel=0.005)
    assert 0.9 * fargate < listed < fargate


def test_a_burst_is_served_better_on_fargate_and_best_by_a_schedule() -> None:
    name = "burst_on_fargate"
    assert 0 == lost(name, "scheduled") < lost(name) < lost(name, "on-ec2")
    assert usd(name, "on-ec2-kept-ready") > 2.8 * usd(name)
    waited = {v: (t := played(name, v).tasks).started_at.sub(t.created_at).median() for v in (None, "on-ec2")}
    assert waited[None] < 40.0
    assert waited["on-ec2"] > 120.0


def test_a_release_of_state_goes_one_by_one_unless_it_may_take_all() -> None:
    rows = {v: played("stateful_on_ec2", v).service_metrics.healthy_count.min() for v in (None, "all-at-once")}
    assert rows == {None: 2, "all-at-once": 0}
    spread = played("stateful_on_ec2").tasks.query("origin == 'initial'")
    assert spread.container_instance.nunique() == spread.availability_zone.nunique() == 3


def test_batch_on_spot_costs_a_third_and_loses_some_work() -> None:
    name = "batch_on_fargate_spot"
    assert usd(name) < usd(name, "on-demand") / 3.0
    interrupted = {v: (played(name, v).tasks.stop_code == "SpotInterruption").sum() for v in (None, "on-demand")}
    assert interrupted[None] > 20
    assert interrupted["on-demand"] == 0


def test_gpus_that_come_when_they_are_wanted_cost_less_and_let_jobs_wait_longer() -> None:
    name = "gpu_on_ec2"
    assert usd(name) < 0.7 * usd(name, "always-there")
    waited = {v: (t := played(name, v).tasks).started_at.sub(t.created_at).mean() for v in (None, "always-there")}
    assert waited[None] > 3.0 * waited["always-there"]
    assert played(name).capacity_provider_metrics.instances.min() == 0


def test_sidecars_share_an_address_and_four_tasks_take_four() -> None:
    one, four = (played("sidecars_share_an_eni", v) for v in (None, "four-tasks"))
    at_rest = [int(r.subnet_metrics.query("t == 3600").used.iloc[0]) for r in (one, four)]
    assert at_rest == [16, 64]
    # 320 + 96 + 64 + 32 CPU units fit in half a vCPU; apart they are sold as 512 + 3 x 256.
    assert usd("sidecars_share_an_eni", "four-tasks") / usd("sidecars_share_an_eni") == pytest.approx(2.5, rel=0.03)
    assert "subnet.exhausted" not in whats("sidecars_share_an_eni")
    assert "subnet.exhausted" in whats("sidecars_share_an_eni", "four-tasks")


def test_the_spot_mix_saves_money_and_loses_requests_when_spot_goes() -> None:
    name = "spot_mix"
    assert usd(name, "all-spot") < usd(name) < usd(name, "spot-above-a-base") < usd(name, "all-on-demand")
    assert lost(name) > 0 == lost(name, "all-on-demand") == lost(name, "spot-above-a-base")
    tasks = played(name).tasks.query("origin == 'initial'")
    assert tasks.capacity_provider.value_counts().to_dict() == {"FARGATE_SPOT": 11, "FARGATE": 3, "shop-instances": 2}


def test_the_mix_that_aws_refuses_is_marked_as_a_what_if() -> None:
    first = played("spot_mix", "one-strategy").summary()["findings"][0]
    assert first["what"] == "run.whatIf"
    assert "whatIf" not in " ".join(whats("spot_mix"))


@pytest.mark.rule("DEPLOY-045", "SVC-040")
def test_a_stuck_deploy_keeps_half_of_the_tasks_away_until_a_breaker_ends_it() -> None:
    def least(variant: str | None) -> int:
        return int(played("stuck_deploy", variant).service_metrics.healthy_count.min())

    def at_the_end(variant: str | None) -> int:
        return int(played("stuck_deploy", variant).service_metrics.healthy_count.iloc[-1])

    variants = (None, "circuit-breaker", "without-rollback", "alarm", "new-tasks-first")
    assert [least(v) for v in variants] == [5, 5, 5, 5, 10]
    assert [at_the_end(v) for v in variants] == [5, 10, 5, 10, 10]
    assert "deployment.notComplete" in whats("stuck_deploy")
    assert "deployment.rolledBack" in whats("stuck_deploy", "circuit-breaker") & whats("stuck_deploy", "alarm")
    assert "deployment.failed" in whats("stuck_deploy", "without-rollback")
    first = played("stuck_deploy", "circuit-breaker").summary()["findings"][0]["text"]
    assert "failed 4.4s later after 5 failed tasks (circuit breaker); rolled back to shop:1 at 30m04s" in first


def test_explain_tells_of_the_rollback_and_leads_it_back_to_a_task() -> None:
    result = played("stuck_deploy", "circuit-breaker")
    text = explain(result, "service/shop").text
    assert "rolled back to shop:1" in text
    assert "deployment failed: tasks failed to start. 5 failed tasks reached the threshold of 5." in text
    told = result.service_events
    back = told[told.message.str.contains("rolling back")].iloc[0]
    chain = explain(result, f"event/{back.event_id}").text
    assert "deployment failed" in chain
    assert "unable to pull secrets" in chain


def test_a_chain_of_sidecars_starts_and_stops_later_and_its_helper_crashes_unnoticed() -> None:
    name = "sidecar_chain"
    started = {v: (t := played(name, v).tasks).started_at.sub(t.created_at)[t.origin != "initial"].median()
               for v in (None, "nothing-waits")}  # fmt: skip
    assert started[None] > started["nothing-waits"] + 8.0
    events = played(name).container_events
    assert events.restart_count.max() >= 3
    codes = set(played(name).tasks.stop_code.dropna())
    assert codes == {"ServiceSchedulerInitiated", "TaskFailedToStart"}
    failed = {v: played(name, v).tasks.stop_code.eq("TaskFailedToStart").sum() for v in (None, "gives-up")}
    assert 0 < failed[None] < failed["gives-up"]
    reasons = " ".join(set(played(name, "gives-up").tasks.stopped_reason.dropna()))
    assert "did not within its startTimeout of 20 s reach HEALTHY" in reasons
    # Four protected tasks outlive a scale-in to two for twenty minutes.
    running = played(name).service_metrics.set_index("t").running_count
    assert running[100 * 60] == 4
    assert running[112 * 60] == 2


@pytest.mark.rule("NET-087")
def test_endpoints_keep_the_layers_away_from_the_nat_gateways() -> None:
    name = "private_subnets_right"
    by = {v: played(name, v).bill().exact_by("dimension") for v in (None, "nat-only", "one-nat-gateway")}
    assert by["nat-only"]["natBytes"] > 7 * by[None]["natBytes"] > 0
    assert by["nat-only"]["hours"] < by[None]["hours"]
    # The second gateway costs more hours than its zone's bytes would cost on the way to the first.
    assert by[None]["hours"] - by["one-nat-gateway"]["hours"] > by["one-nat-gateway"]["crossZone"] > 0
    assert not whats(name)


def test_closed_subnets_without_the_endpoint_for_s3_fail_the_deployment_and_check_says_so_before() -> None:
    name = "private_subnets_wrong"
    warnings = ecssim.load(SCENARIOS / f"{name}.yaml").warnings
    assert len(warnings) == 2
    assert all("has no endpoint for s3 that serves it" in w.message for w in warnings)
    assert {"network.unreachable", "deployment.rolledBack"} <= whats(name)
    assert played(name).service_metrics.healthy_count.min() == 6
    assert not whats(name, "with-s3")
    assert not ecssim.load(SCENARIOS / f"{name}.yaml", variant="with-s3").warnings


@pytest.mark.rule("COST-026")
def test_grpc_over_long_connections_is_paid_by_the_byte_and_most_of_it_between_zones() -> None:
    name = "grpc_through_an_nlb"
    variants = (None, "zonal", "through-an-alb", "short-tls-connections")
    by = {v: played(name, v).bill().exact_by("dimension") for v in variants}
    assert by[None]["crossZone"] > by[None]["lcu.processedBytes"]
    assert "crossZone" not in by["zonal"]
    assert "crossZone" not in by["through-an-alb"]
    # The same bytes in units of the same size, and an ALB's unit is a third dearer.
    assert float(by["through-an-alb"]["lcu.processedBytes"]) == pytest.approx(
        0.008 / 0.006 * float(by[None]["lcu.processedBytes"])
    )
    assert by["short-tls-connections"]["lcu.newConnections"] > 1.9 * float(by[None]["lcu.processedBytes"])
    assert lost(name) == 0


def test_the_endpoint_that_the_summary_prints_is_the_cure() -> None:
    """Every printed fix, one after the other, until nothing is left to be said."""
    path = SCENARIOS / "private_subnets_wrong.yaml"
    sets = ["vpcEndpoints=[]"]
    fixed: list[str] = []
    while len(fixed) < 9:
        found = ecssim.run(ecssim.load(path, sets=sets)).summary()["findings"]
        broken = next((f for f in found if f["what"] == "network.unreachable"), None)
        if broken is None:
            break
        option = broken["fix"].removeprefix("--set '").removesuffix("'")
        assert option.startswith("vpcEndpoints.+=")
        fixed.append(option.partition("us-east-1.")[2].partition(",")[0])
        sets.append(option)
    assert fixed == ["ecr.api", "logs", "ecr.dkr", "s3"]


def test_explain_of_a_subnet_says_what_could_not_be_reached_from_it() -> None:
    text = explain(played("private_subnets_wrong"), "subnet/private-a").text
    assert "What could not be reached from it" in text
    assert "subnet private-a uses route table private, which has no route to an internet or NAT gateway" in text
    assert "private-b" not in text
