"""Suggested sizes are tried: the run with the suggestion costs what was promised, and has its headroom."""

from __future__ import annotations

import io
import shlex
from decimal import Decimal
from typing import Any

import pytest
from builders import Document, call, fargate, group, scenario, service, task_definition
from rich.console import Console

import ecssim
from ecssim.report.terminal import print_summary
from ecssim.results.result import Result
from ecssim.scenario.load import load_mapping

#: 10 requests a second on two tasks cost 5 x 0.03 s = 0.15 of a vCPU each; and 300 MB without any.
BUSY = {"app": {"request": {"cpuSeconds": 0.03, "latency": "10ms"}, "idle": {"memory": "300MB"}}}
USERS = [{"name": "users", "to": {"service": "web"}, "pattern": "constant", "rate": 10}]


def on_fargate(size: tuple[str, str] = ("1024", "4096"), **parts: Any) -> Document:
    of = parts.pop("definition", {})
    base: Document = {
        "duration": "1d",
        "initialState": "steady",
        "taskDefinitions": [
            task_definition(
                networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu=size[0], memory=size[1], **of
            )
        ],
        "services": [fargate(count=2)],
        "behaviour": BUSY,
        "traffic": USERS,
    }
    return scenario(**(base | parts))


def played(document: Document, sets: list[str] | None = None) -> Result:
    return ecssim.run(load_mapping(document, sets=sets or []))


def suggestion(result: Result) -> dict[str, Any] | None:
    found = [f for f in result.summary()["findings"] if f["what"] == "service.oversized"]
    assert len(found) <= 1
    return found[0] if found else None


def sets_of(finding: dict[str, Any]) -> list[str]:
    return [part for part in shlex.split(finding["fix"]) if part != "--set"]


@pytest.mark.rule("FG-001", "FG-041", "ALARM-022", "ALARM-023")
def test_a_task_on_fargate_gets_the_smallest_size_with_headroom_and_costs_as_promised():
    document = on_fargate()
    before = played(document)
    found = suggestion(before)
    assert found is not None
    # 154 of 1,024 CPU units need 220, 286 of 4,096 MiB need 358.
    assert sets_of(found) == ["taskDefinitions.app:1.cpu=256", "taskDefinitions.app:1.memory=512"]
    assert "154 of 1,024 CPU units and 286 of 4,096 MiB in their busiest minute" in found["text"]
    # 48 task-hours: 1 x 0.04048 + 4 x 0.004445 an hour each, and a quarter of one and half of a GB instead.
    assert "256 CPU units and 512 MiB would do and save $2.20 of $2.80." in found["text"]
    assert "takes 4 times as long then" in found["text"]
    after = played(document, sets_of(found))
    assert before.bill().exact - after.bill().exact == Decimal(48) * (
        Decimal("0.75") * Decimal("0.04048") + Decimal("3.5") * Decimal("0.004445")
    )
    metrics = after.service_metrics
    assert metrics.cpu_utilization.max() == pytest.approx(60, abs=1)
    assert metrics.memory_utilization.max() < 80
    assert metrics.failed_count.sum() == 0
    assert suggestion(after) is None


@pytest.mark.parametrize(
    ("parts", "size"),
    [
        pytest.param({"behaviour": {}, "traffic": []}, None, id="nothing is known of what it uses"),
        pytest.param({"duration": "30m"}, None, id="half an hour says nothing"),
        pytest.param({"behaviour": {"app": {"idle": {"memory": "300MB"}}}}, (1024, 2048), id="the CPU is not known"),
        pytest.param(
            {"definition": {"container": {"cpu": 400, "memoryReservation": 1000}}},
            (512, 1024),
            id="the container reserves as much",
        ),
    ],
)
def test_what_is_suggested(parts: dict[str, Any], size: tuple[int, int] | None):
    found = suggestion(played(on_fargate(**({"duration": "2h"} | parts))))
    if size is None:
        assert found is None
    else:
        assert found is not None
        assert f"{size[0]:,} CPU units and {size[1]:,} MiB would do" in found["text"]


def test_a_service_that_scales_on_cpu_keeps_its_cpu():
    policy = {
        "policyName": "cpu",
        "resourceId": "service/prod/web",
        "policyType": "TargetTrackingScaling",
        "targetTrackingScalingPolicyConfiguration": {
            "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
            "targetValue": 50,
        },
    }
    target = {"resourceId": "service/prod/web", "minCapacity": 2, "maxCapacity": 4}
    found = suggestion(played(on_fargate(duration="2h", scalableTargets=[target], scalingPolicies=[policy])))
    assert found is not None
    assert sets_of(found) == ["taskDefinitions.app:1.memory=2048"]


def test_of_many_services_those_that_would_save_most_are_named():
    services = [fargate(f"s{i:02}", count=1 + i % 7) for i in range(14)]
    idle = {"app": {"idle": {"cpu": 50, "memory": "300MB"}}}
    document = on_fargate(duration="2h", services=services, behaviour=idle, traffic=[])
    found = [f for f in played(document).summary()["findings"] if f["what"] == "service.oversized"]
    assert len(found) == 11
    # Left are the two of one task and the two of two: 6 tasks for 2 hours.
    [rest] = [f for f in found if f["of"] == "others"]
    assert {f["of"] for f in found} == {"others"} | {f"s{i:02}" for i in range(14) if i % 7 > 1}
    saved = 12 * (Decimal("0.75") * Decimal("0.04048") + Decimal("3.5") * Decimal("0.004445"))
    assert rest["text"] == (
        "Tasks of 4 more services are larger than what they use; smaller ones would save "
        f"${saved:.2f} of ${12 * (Decimal('0.04048') + 4 * Decimal('0.004445')):.2f}."
    )


def test_of_two_revisions_nothing_is_said():
    two = on_fargate(
        duration="2h", timeline=[call("1h", "UpdateService", cluster="prod", service="web", taskDefinition="app:2")]
    )
    two["taskDefinitions"] *= 2
    assert suggestion(played(two)) is None


@pytest.mark.rule("PLACE-004")
@pytest.mark.parametrize("on_task", [True, False], ids=["the task's own size", "its container's"])
def test_a_reservation_on_instances_shrinks_and_the_service_pays_its_smaller_share(on_task: bool):
    container = {"cpu": 1024, "memory": 2048}
    definition = task_definition(container=container if not on_task else {}, cpu="1024", memory="2048")
    if not on_task:
        del definition["cpu"], definition["memory"]
    document = scenario(
        duration="1d",
        initialState="steady",
        autoScalingGroups=[group(2)],
        taskDefinitions=[definition],
        services=[service(count=2)],
        behaviour=BUSY,
        traffic=USERS,
    )
    before = played(document)
    found = suggestion(before)
    assert found is not None
    where = "taskDefinitions.app:1" + ("" if on_task else ".containerDefinitions.web")
    # 220 and 358 in steps of 32.
    assert sets_of(found) == [f"{where}.cpu=224", f"{where}.memory=384"]
    assert "once its group is as much smaller" in found["text"]
    after = played(document, sets_of(found))
    bills = [run.bill().exact_by("service")["web"] for run in (before, after)]
    # An m5.large has 2,048 CPU units and 7,987 MiB: its hour and 30 GB cost 0.096 + 30 x 0.08 / 730.
    hour = Decimal("0.096") + Decimal(30) * Decimal("0.08") / 730

    def share(cpu: int, memory: int) -> Decimal:
        return (Decimal(cpu) / 2048 + Decimal(memory) / 7987) / 2

    for usd, size in zip(bills, ((1024, 2048), (224, 384)), strict=True):
        assert abs(usd - 48 * hour * share(*size)) < Decimal("0.00001")
    saved = bills[0] - bills[1]
    assert f"save ${saved.quantize(Decimal('0.01'))} of ${bills[0].quantize(Decimal('0.01'))}," in found["text"]
    assert before.bill().exact - after.bill().exact < Decimal("0.00001"), "the group is as large as before"
    assert suggestion(after) is None


@pytest.mark.rule("FG-001")
def test_a_definition_that_must_run_on_fargate_too_keeps_a_size_of_fargate():
    document = scenario(
        duration="2h",
        initialState="steady",
        autoScalingGroups=[group(2)],
        taskDefinitions=[
            task_definition(networkMode="awsvpc", requiresCompatibilities=["EC2", "FARGATE"], cpu="1024", memory="2048")
        ],
        services=[service(count=2, networkConfiguration=fargate()["networkConfiguration"])],
        behaviour=BUSY,
        traffic=USERS,
    )
    found = suggestion(played(document))
    assert found is not None
    assert sets_of(found) == ["taskDefinitions.app:1.cpu=256", "taskDefinitions.app:1.memory=512"]
    assert suggestion(played(document, sets_of(found))) is None


def test_a_million_requests_have_a_price():
    result = played(on_fargate())
    costs = result.summary()["costs"]
    served = int(result.service_metrics.served_count.sum())
    assert served == pytest.approx(864_000, abs=60)
    by_hand = Decimal(48) * (Decimal("0.04048") + 4 * Decimal("0.004445")) / served * 10**6
    prices = costs["per_million_requests_usd"]
    assert prices["services"] == {"web": pytest.approx(float(by_hand), abs=1e-4)}
    assert prices["all"] == prices["services"]["web"]
    text = io.StringIO()
    print_summary(Console(file=text, width=120), result)
    assert "USD per million requests" in text.getvalue()


def test_without_requests_there_is_no_such_price():
    assert "per_million_requests_usd" not in played(on_fargate(duration="1h", traffic=[])).summary()["costs"]


@pytest.mark.rule("COST-002")
def test_what_arm64_would_cost_is_what_it_does_cost():
    document = on_fargate(duration="10h")
    promised = played(document).summary()["costs"]["on_arm64_usd"]
    there = played(document, ["taskDefinitions.app:1.runtimePlatform.cpuArchitecture=ARM64"]).summary()["costs"]
    assert promised == there["total_usd"]
    assert "on_arm64_usd" not in there
