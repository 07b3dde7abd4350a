"""Traffic through a running service: conservation in every row, errors by cause, utilisation, two services."""

from __future__ import annotations

import numpy as np
import pytest

import ecssim.engine.traffic as traffic_module
from ecssim.results.result import Result
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping


def _web(**parts) -> dict:
    base = {
        "ecssim": 1,
        "name": "web",
        "duration": "30m",
        "seed": 3,
        "initialState": "steady",
        "timing": {"profile": "fixed"},
        "clusters": [{"clusterName": "prod"}],
        "subnets": [
            {"subnetId": "a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/24"},
            {"subnetId": "b", "availabilityZone": "us-east-1b", "cidrBlock": "10.0.1.0/24"},
        ],
        "taskDefinitions": [_definition("web"), _definition("web")],
        "behaviour": {
            "web": {
                "request": {"cpuSeconds": 0.1, "latency": "50ms", "memory": "1MB"},
                "idle": {"cpu": 20, "memory": "100MiB"},
            }
        },
        "targetGroups": [{"targetGroupName": "web", "targetType": "ip", "deregistrationDelay": 30}],
        "services": [_service("web")],
        "traffic": [{"name": "users", "to": {"targetGroup": "web"}, "pattern": "constant", "rate": 10}],
    }
    return base | parts


def _definition(family: str) -> dict:
    return {
        "family": family,
        "cpu": "1024",
        "memory": "2048",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{"name": "web", "image": "web", "portMappings": [{"containerPort": 80}]}],
    }


def _service(name: str, **parts) -> dict:
    base = {
        "serviceName": name,
        "taskDefinition": "web:1",
        "desiredCount": 4,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a", "b"]}},
        "loadBalancers": [{"targetGroupArn": "web", "containerName": "web", "containerPort": 80}],
    }
    return base | parts


def _run(document: dict) -> Result:
    return Simulation(load_mapping(document)).finish()


def _assert_conserved(result: Result) -> None:
    """In flight before + offered + retried = served + failed + in flight now, in every row of both tables."""
    cells = result.flow_metrics
    for rows in (
        *(g for _, g in result.service_metrics.groupby("service", observed=True)),
        *(g for _, g in cells.groupby(["target", "service", "revision", "availability_zone"], observed=True)),
    ):
        before = rows.in_flight_count.shift(fill_value=0)
        retried = rows.retried_count if "retried_count" in rows else 0
        after = rows.served_count + rows.failed_count + rows.in_flight_count
        assert (before + rows.offered_count + retried == after).all()


def test_a_quiet_service_serves_everything_at_its_utilisation() -> None:
    result = _run(_web())
    rows = result.service_metrics
    _assert_conserved(result)
    assert rows.offered_count.sum() == 10 * 60 * 30
    assert rows.failed_count.sum() == 0
    # 10 requests a second x 0.1 s on 4 vCPU is 25 %, and 20 of 1,024 units idle.
    assert rows.cpu_utilization.iloc[10] == pytest.approx(25 + 100 * 20 / 1024, abs=0.1)
    # 100 MiB idle, and of 2 requests in flight half a MB each.
    assert rows.memory_utilization.iloc[10] == pytest.approx(100 * 100.5 / 2048, abs=0.05)
    assert rows.request_count_per_target.iloc[10] == pytest.approx(150)
    assert rows.target_response_time.iloc[10] == pytest.approx(0.15, rel=0.02)


def test_overload_queues_then_times_out_and_recovers() -> None:
    steps = [{"at": "0s", "rate": 20}, {"at": "5m", "rate": 120}, {"at": "10m", "rate": 5}]
    result = _run(_web(traffic=[{"name": "t", "to": {"targetGroup": "web"}, "pattern": "steps", "steps": steps}]))
    _assert_conserved(result)
    rows = result.service_metrics
    assert rows.http_504_count.iloc[:5].sum() == 0
    assert rows.http_504_count.iloc[6:10].sum() > 0
    assert rows.cpu_utilization.iloc[8] == pytest.approx(100, abs=0.5)
    assert rows.target_response_time.iloc[9] > 30
    assert rows.target_response_time.iloc[20] < 0.2


@pytest.mark.rule("LB-043")
def test_without_any_target_the_load_balancer_answers_503() -> None:
    timeline = [{"at": "10m", "call": "UpdateService", "with": {"service": "web", "desiredCount": 0}}]
    result = _run(_web(timeline=timeline))
    _assert_conserved(result)
    rows = result.service_metrics
    assert rows.http_503_count.iloc[:10].sum() == 0
    assert (rows.http_503_count.iloc[11:] == 600).all()
    assert (rows.request_count.iloc[11:] == 0).all()
    assert rows.cpu_utilization.iloc[12:].isna().all()


@pytest.mark.rule("LB-042")
def test_a_crash_loses_what_the_tasks_had_in_hand() -> None:
    crash = [{"at": "10m30s", "fault": "taskCrash", "with": {"service": "web", "count": 2}}]
    document = _web(timeline=crash)
    document["traffic"][0]["rate"] = 38
    result = _run(document)
    _assert_conserved(result)
    lost = result.service_metrics.http_502_count
    assert lost.iloc[10] > 0
    assert lost.drop(10).sum() == 0


def test_a_rolling_update_loses_no_request() -> None:
    update = [{"at": "10m", "call": "UpdateService", "with": {"service": "web", "taskDefinition": "web:2"}}]
    result = _run(_web(timeline=update))
    _assert_conserved(result)
    assert result.service_metrics.failed_count.sum() == 0
    served = result.flow_metrics.groupby("revision").served_count.sum()
    assert served[1] > 0
    assert served[2] > 0


def test_two_services_behind_one_target_group_share_one_stream() -> None:
    result = _run(_web(services=[_service("web"), _service("spot", desiredCount=12)]))
    _assert_conserved(result)
    offered = result.service_metrics.groupby("service", observed=True).offered_count.sum()
    assert offered.sum() == 10 * 60 * 30
    assert offered["spot"] == pytest.approx(3 * offered["web"], rel=0.01)
    per_target = result.service_metrics.request_count_per_target
    assert np.allclose(per_target, 600 / 16)


def test_a_split_goes_by_weight_to_the_last_request() -> None:
    split = [{"to": {"targetGroup": "web"}, "weight": 90}, {"to": {"targetGroup": "other"}, "weight": 10}]
    result = _run(
        _web(
            targetGroups=[
                {"targetGroupName": "web", "targetType": "ip"},
                {"targetGroupName": "other", "targetType": "ip"},
            ],
            services=[
                _service("web"),
                _service("o", loadBalancers=[{"targetGroupArn": "other", "containerName": "web", "containerPort": 80}]),
            ],
            traffic=[{"name": "t", "split": split, "pattern": "constant", "rate": 10}],
        )
    )
    _assert_conserved(result)
    offered = result.service_metrics.groupby("service", observed=True).offered_count.sum()
    assert offered["web"] == 16_200
    assert offered["o"] == 1_800


def test_one_by_one_and_as_vectors_the_minute_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handful of cells is moved by scalars, many by numpy: the tables do not know which."""
    crash = [
        {"at": "7m10s", "fault": "taskCrash", "with": {"service": "web", "count": 3}},
        {"at": "12m", "call": "UpdateService", "with": {"service": "web", "taskDefinition": "web:2"}},
    ]
    document = _web(timeline=crash)
    document["traffic"] = [
        {
            "name": "t",
            "to": {"targetGroup": "web"},
            "pattern": "spike",
            "base": 7.3,
            "peak": 90,
            "at": "9m",
            "for": "8m",
            "ramp": "1m",
            "noise": 0.2,
        }
    ]
    one_by_one = _run(document)
    monkeypatch.setattr(traffic_module, "FEW", 0)
    vectors = _run(document)
    _assert_conserved(vectors)
    for table in ("flow_metrics", "service_metrics"):
        assert one_by_one.raw(table).tobytes() == vectors.raw(table).tobytes()


def test_a_service_without_a_load_balancer_is_reached_directly() -> None:
    document = _web(targetGroups=[], services=[_service("web", loadBalancers=[])])
    document["traffic"] = [{"name": "t", "to": {"service": "web"}, "pattern": "constant", "rate": 10}]
    result = _run(document)
    _assert_conserved(result)
    assert result.service_metrics.served_count.sum() >= 10 * 60 * 30 - 5
    assert result.service_metrics.request_count_per_target.isna().all()


@pytest.mark.parametrize("few", [24, 0], ids=["one by one", "as vectors"])
@pytest.mark.parametrize(
    ("at", "minute", "count"),
    [
        pytest.param("10m30s", 10, 10 * 30 + 90 * 30, id="half a minute"),
        pytest.param("08:10:30", 10, 10 * 30 + 90 * 30, id="a clock time"),
        pytest.param("10m59s", 10, 10 * 59 + 90, id="the last second"),
        pytest.param("10m", 10, 90 * 60, id="a whole minute"),
    ],
)
def test_a_step_takes_effect_at_its_second(
    at: str, minute: int, count: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its minute counts in proportion, and nothing of the new rate comes before (design rule 11)."""
    monkeypatch.setattr(traffic_module, "FEW", few)
    for load in (
        {"pattern": "steps", "steps": [{"at": "0s", "rate": 10}, {"at": at, "rate": 90}]},
        {"pattern": "spike", "base": 10, "peak": 90, "at": at, "for": "1h"},
    ):
        document = _web(traffic=[{"name": "t", "to": {"targetGroup": "web"}, **load}], start="2026-03-02T08:00:00Z")
        result = _run(document)
        _assert_conserved(result)
        offered = result.service_metrics.offered_count
        assert offered.iloc[minute] == count
        assert offered.iloc[:minute].tolist() == [600] * minute
        assert (offered.iloc[minute + 1 :] == 5400).all()


def test_nothing_of_a_step_arrives_before_its_second() -> None:
    """However a minute is cut: also the minutes after the one of the change, and those of the next hour."""
    steps = [{"at": "0s", "rate": 10}, {"at": "59m30s", "rate": 90}]
    stream = {"name": "t", "to": {"targetGroup": "web"}, "pattern": "steps", "steps": steps}
    sim = Simulation(load_mapping(_web(traffic=[stream], duration="2h")))
    traffic = sim.engine.traffic
    arrived = []
    for until in ("59m29s", "59m40s", "60m30s"):
        sim.advance(until=until)
        for target in traffic.targets:
            traffic.close(target, sim.engine.kernel.now)
        arrived.append(traffic.arrived(traffic.streams[0]))
    assert arrived == [10 * 3569, 10 * 3570 + 90 * 10, 10 * 3570 + 90 * 60]


def test_a_queue_grows_from_the_second_of_the_step_on() -> None:
    """Four tasks serve 40 a second: half a minute of 90 leaves 1,500 waiting, a minute of 50 would leave 600."""
    steps = [{"at": "0s", "rate": 10}, {"at": "10m30s", "rate": 90}]
    result = _run(_web(traffic=[{"name": "t", "to": {"targetGroup": "web"}, "pattern": "steps", "steps": steps}]))
    assert result.service_metrics.in_flight_count.iloc[10] == pytest.approx(1500, abs=20)
