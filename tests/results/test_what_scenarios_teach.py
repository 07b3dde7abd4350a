"""What the comments of the scenarios say is what their runs show."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

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
    assert "failed 4.5s later after 5 failed tasks (circuit breaker); rolled back to shop:1 at 30m05s" in first


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


def refused(name: str, variant: str | None = None) -> int:
    return len(played(name, variant).subnet_events)


def test_smaller_waves_and_stopping_first_prevent_what_a_shorter_drain_does_not() -> None:
    name = "addresses_in_a_deploy"
    assert refused(name) > 0
    assert refused(name, "short-drain") > 0, "at the worst moment nothing drains yet"
    for variant in ("smaller-waves", "stop-first", "larger-subnets", "secondary-block"):
        assert refused(name, variant) == 0, variant
    healthy = {v: played(name, v).service_metrics.query("service == 'shop'").healthy_count.min() for v in
               ("smaller-waves", "stop-first")}  # fmt: skip
    assert healthy == {"smaller-waves": 24, "stop-first": 18}


def test_spot_tasks_hold_addresses_beside_their_successors() -> None:
    name = "addresses_and_spot_churn"
    fewer = [refused(name, variant) for variant in (None, "half-on-demand", "larger-subnets")]
    assert fewer[0] > fewer[1] >= fewer[2] == 0
    assert refused(name, "stops-at-once") < fewer[0]
    minutes = played(name).service_metrics
    assert (minutes.running_count < minutes.desired_count).sum() >= 4, "long after there is room again"


@pytest.mark.rule("NET-042", "NET-044")
def test_a_full_zone_is_tried_again_and_again_whatever_is_free_in_the_others() -> None:
    result = played("one_full_zone")
    assert set(result.subnet_events.subnet) == {"private-c"}
    tasks = result.tasks.query("created_at > 0 and stop_code != 'TaskFailedToStart'")
    assert tasks.subnet.value_counts().to_dict() == {"private-a": 4, "private-b": 4, "private-c": 1}
    (finding,) = (f for f in result.summary()["findings"] if f["what"] == "subnet.exhausted")
    assert "free addresses in private-a (107) and private-b (107)" in finding["text"]
    assert refused("one_full_zone", "two-zones") == 0
    assert played("one_full_zone", "two-zones").service_metrics.running_count.iloc[-1] == 48
    # Where both subnets are full, the other one is no consolation.
    assert "meanwhile" not in str(played("addresses_in_a_deploy").summary()["findings"])


@pytest.mark.rule("NET-010")
def test_interfaces_and_not_cpu_decide_how_many_instances_there_are() -> None:
    name = "addresses_on_ec2"
    first = {v: int((played(name, v).instances.registered_at <= 0).sum()) for v in (None, "trunking", "bridge")}
    assert first == {None: 12, "trunking": 6, "bridge": 6}
    assert refused(name) > 0 == refused(name, "bridge")
    used = played(name, "bridge").subnet_usage
    assert set(used.consumer) == {"instances"}


def scaling(name: str, service: str, variant: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = played(name, variant).summary()["services"][service]["scaling"]
    return found


def test_a_service_scales_on_what_its_load_fills_first() -> None:
    name = "metrics_that_suit"
    assert lost(name) == 0
    failed = {v: played(name, v).summary()["requests"] for v in (None, "all-on-cpu")}
    assert failed["all-on-cpu"]["gateway"]["failed"] > 0.1 * failed["all-on-cpu"]["gateway"]["offered"]
    assert failed["all-on-cpu"]["model"]["failed"] > 0.1 * failed["all-on-cpu"]["model"]["offered"]
    assert failed["all-on-cpu"]["api"] == failed[None]["api"]
    rows = played(name, "all-on-cpu").service_metrics
    assert rows[rows.service.isin(["sessions", "gateway", "model"])].cpu_utilization.max() < 40
    memory = {v: played(name, v).service_metrics.query("service == 'sessions' and t > 4800") for v in failed}
    at_peak = {v: m[m.t < 7200].memory_utilization.mean() for v, m in memory.items()}
    assert at_peak[None] < 60
    assert at_peak["all-on-cpu"] > 70


def test_who_scales_before_the_doors_open_loses_nothing_at_hardly_more_cost() -> None:
    name = "ahead_of_the_day"
    assert lost(name) > 10_000
    for ahead in ("scheduled", "predictive"):
        assert lost(name, ahead) == 0
        assert scaling(name, "shop", ahead)["time_to_capacity"]["max"] == 0.0
        assert usd(name) < usd(name, ahead) < 1.03 * usd(name)
    assert lost(name, "always-for-the-peak") == 0
    assert usd(name, "always-for-the-peak") > 1.8 * usd(name)
    waits = {v: scaling(name, "shop", v)["time_to_capacity"]["max"] for v in (None, "in-big-steps", "kubernetes")}
    assert waits["kubernetes"] < waits["in-big-steps"] < waits[None]


def test_metrics_of_20_seconds_see_a_step_in_a_third_of_the_time() -> None:
    name = "fast_metrics"
    waits = {
        v: scaling(name, "api", v)["time_to_capacity"]["max"]
        for v in (None, "every-20-seconds", "one-large-step", "scheduled")
    }
    assert waits["scheduled"] == 0.0
    assert waits["every-20-seconds"] < waits[None] / 2.5
    assert waits["every-20-seconds"] < waits["one-large-step"] < waits[None]
    assert lost(name, "every-20-seconds") == lost(name, "scheduled") == 0 < lost(name, "one-large-step") < lost(name)


def test_flapping_stops_where_a_step_fits_between_the_alarms_and_not_by_cooldowns_alone() -> None:
    name = "flapping"
    flaps = {
        v: scaling(name, "api", v)["flaps"]
        for v in (None, "cooldowns", "patient-alarm", "wider-gap", "small-steps-and-wider-gap", "target-tracking")
    }
    assert flaps[None] > 40
    assert flaps["target-tracking"] == 0
    assert flaps["small-steps-and-wider-gap"] <= 2
    assert all(10 < flaps[v] < flaps[None] for v in ("cooldowns", "patient-alarm", "wider-gap"))
    assert usd(name, "target-tracking") < usd(name, "small-steps-and-wider-gap") < usd(name)
