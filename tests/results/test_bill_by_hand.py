"""Bills by hand of what stands beside tasks and instances: volumes, interruptions, logs, alarms, metrics, balancers."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from builders import Sim, fargate, fault, group, scenario, service, task_definition

import ecssim
from ecssim.decide.pricing import BILLED, Unit
from ecssim.results.bill import Bill
from ecssim.results.result import Result
from ecssim.scenario.load import load_mapping

LOGS = {"logDriver": "awslogs"}
NANO = Decimal("0.000000001")


def a_day(**parts: Any) -> dict[str, Any]:
    return scenario(**({"duration": "1d", "initialState": "steady"} | parts))


def played(document: dict[str, Any]) -> Result:
    return ecssim.run(load_mapping(document))


def lines(bill: Bill, resource: str | None = None) -> dict[tuple[str, str], str]:
    """Printed dollars by service and dimension, of one resource."""
    chosen = [line for line in bill.lines if resource in (None, line.resource)]
    return {(line.service, line.dimension): str(line.printed) for line in chosen}


def exact(bill: Bill, dimension: str, service: str | None = None) -> Decimal:
    return sum(
        (line.usd for line in bill.lines if line.dimension == dimension and service in (None, line.service)),
        Decimal(0),
    )


def sums_agree(bill: Bill) -> None:
    """Sums by service, by resource and in all are the same to the cent, and exactly."""
    assert sum(bill.by_service.values()) == sum(bill.by_resource.values()) == bill.total
    assert sum(bill.exact_by("service").values()) == sum(bill.exact_by("resource").values()) == bill.exact


def on_fargate(**parts: Any) -> dict[str, Any]:
    """One task of 1 vCPU and 2 GB that logs to CloudWatch, for a day."""
    definition = task_definition(
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        executionRoleArn="role",
        cpu="1024",
        memory="2048",
        container={"logConfiguration": LOGS},
    )
    return a_day(**({"taskDefinitions": [definition], "services": [fargate()]} | parts))


# -- volumes --------------------------------------------------------------------------------------------------


def volumes(instances: dict[str, Any], count: int = 3, duration: str = "1d") -> Bill:
    document = a_day(duration=duration, autoScalingGroups=[group(count, instances=instances)])
    bill = played(document).bill()
    sums_agree(bill)
    return bill


@pytest.mark.rule("COST-027", "COST-014", "COST-046")
def test_an_instance_has_a_gp3_root_volume_of_30_gib_while_it_exists():
    bill = volumes({"instanceType": "m5.large"})
    # 3 x 24 h x 30 GB x 0.08 / 730 h = 0.236712...
    assert lines(bill)["", "idleVolumes"] == "0.24"
    assert exact(bill, "idleVolumes") == pytest.approx(Decimal(3 * 24 * 30) * Decimal("0.08") / 730, abs=NANO)


@pytest.mark.rule("COST-027")
def test_volumes_have_the_size_that_their_mapping_says():
    mappings = [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": 100}}, {"ebs": {"volumeSize": 50}}]
    bill = volumes({"instanceType": "m5.large", "blockDeviceMappings": mappings}, duration="10h")
    # 3 x 10 h x 150 GB x 0.08 / 730 h = 0.49315
    assert lines(bill)["", "idleVolumes"] == "0.49"


@pytest.mark.rule("COST-027")
def test_a_mixed_group_says_it_beside_its_launch_template():
    template = {"overrides": [{"instanceType": "m5.large"}], "blockDeviceMappings": [{"ebs": {"volumeSize": 73}}]}
    document = a_day(
        duration="10h",
        autoScalingGroups=[group(1, instances=None, mixedInstancesPolicy={"launchTemplate": template})],
    )
    # 10 h x 73 GB x 0.08 / 730 h = 0.08
    assert exact(played(document).bill(), "idleVolumes") == Decimal("0.08")


@pytest.mark.rule("COST-027", "COST-014")
def test_a_volume_is_divided_like_its_instance():
    document = a_day(
        autoScalingGroups=[group(1, agent={"ECS_RESERVED_MEMORY": 7987 - 4096})],
        taskDefinitions=[task_definition(cpu="1024", memory="2048")],
        services=[service()],
    )
    bill = played(document).bill()
    # Half of the CPU and of the memory: half of 24 x 30 x 0.08 / 730.
    assert exact(bill, "volumes", "web") == exact(bill, "idleVolumes") > 0
    sums_agree(bill)


def test_an_idle_group_says_what_it_costs():
    document = a_day(autoScalingGroups=[group(4)], taskDefinitions=[task_definition()], services=[service(count=1)])
    result = played(document)
    [found] = [f for f in result.summary()["findings"] if f["what"] == "fleet.idle"]
    # 96 hours at 0.096 + 30 x 0.08 / 730 are 9.5316; the task has the mean of 1/8 of the CPU and 512 of 7,987 MiB for
    # 24 of them, which is 0.2253.
    assert "$9.31 of the $9.53 that the group cost went unused." in found["text"]
    bill = result.bill()
    assert bill.idle == exact(bill, "idle") + exact(bill, "idleVolumes")


def test_every_price_of_a_bill_has_a_source_and_a_date():
    balancer = {"loadBalancerName": "public", "type": "application", "subnets": ["a", "b"]}
    settings = {"settings": {"containerInsights": "enabled"}}
    document = on_fargate(
        duration="2h",
        account=settings,
        autoScalingGroups=[group(1)],
        loadBalancers=[balancer],
        alarms=[alarm("hot")],
        behaviour={"app": {"logs": {"perHour": "1GB"}}},
    )
    costs = played(document).costs
    assert set(costs.dimension) >= {"vCPU", "memory", "idle", "idleVolumes", "hours", "publicIpv4", "logsIngested"}
    assert set(costs.dimension) >= {"logsStored", "metrics", "alarms"}
    assert costs.price_source.astype(str).str.contains(r", 20\d\d").all()


# -- interruptions --------------------------------------------------------------------------------------------


def interrupted(at: str) -> Bill:
    """One Spot instance that is told at ``at`` and taken two minutes later; its group launches no other."""
    document = scenario(
        duration="3h",
        autoScalingGroups=[group(1, instances={"instanceType": "m5.large", "market": "spot"})],
        prices={"spot": {"m5.large": 0.03}},
        model={"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0},
        timeline=[
            fault("1s", "spotDrought", capacityProvider="asg", **{"for": "3h"}),
            fault(at, "spotReclaim", capacityProvider="asg", fraction=1.0),
        ],
    )
    # The group is named by its provider in faults: without one it goes by its own name.
    document["capacityProviders"] = [{"name": "asg", "autoScalingGroupProvider": {"autoScalingGroup": "asg"}}]
    document["clusters"] = [{"clusterName": "prod", "capacityProviders": ["asg"]}]
    bill = played(document).bill()
    sums_agree(bill)
    return bill


@pytest.mark.rule("COST-042")
def test_what_ec2_interrupts_in_its_first_hour_is_not_charged():
    bill = interrupted("40m")
    assert exact(bill, "idle") == Decimal("0.021")  # 42 minutes x 0.03
    assert exact(bill, "interruptedFirstHour") == -Decimal("0.021")


@pytest.mark.rule("COST-042")
def test_after_the_first_hour_the_seconds_used_are_charged():
    bill = interrupted("88m")
    assert exact(bill, "idle") == Decimal("0.045")  # 90 minutes x 0.03
    assert exact(bill, "interruptedFirstHour") == 0


@pytest.mark.rule("COST-042")
def test_an_end_that_is_not_ec2_s_doing_is_charged_in_the_first_hour_too():
    document = scenario(
        duration="1h",
        autoScalingGroups=[group(1, minSize=0, instances={"instanceType": "m5.large", "market": "spot"})],
        prices={"spot": {"m5.large": 0.03}},
        model={"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0},
        timeline=[
            {"at": "30m", "call": "SetDesiredCapacity", "with": {"autoScalingGroupName": "asg", "desiredCapacity": 0}}
        ],
    )
    bill = played(document).bill()
    assert exact(bill, "idle") == Decimal("0.015")
    assert exact(bill, "interruptedFirstHour") == 0


@pytest.mark.rule("COST-042")
def test_fargate_spot_is_charged_for_the_seconds_used():
    document = on_fargate(
        duration="1h",
        clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE_SPOT"]}],
        services=[
            fargate(launchType=None, capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}])
        ],
        model={"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0},
        timeline=[
            fault("9m", "spotDrought", capacityProvider="FARGATE_SPOT", **{"for": "3h"}),
            fault("10m", "spotReclaim", capacityProvider="FARGATE_SPOT", fraction=1.0),
        ],
    )
    result = played(document)
    seconds = int(-(-result.tasks.stopped_at[0] // 1))
    assert 600 < seconds < 650
    assert exact(result.bill(), "vCPU") == pytest.approx(Decimal(seconds) * Decimal("0.01246287") / 3600, abs=NANO)


# -- Managed Instances ----------------------------------------------------------------------------------------


@pytest.mark.rule("COST-016")
@pytest.mark.parametrize(
    ("kind", "spot", "fee"),
    [
        pytest.param("m5.large", False, "0.01152", id="12 percent of 0.096"),
        pytest.param("m5.large", True, "0.01152", id="on Spot too of the On-Demand price"),
        pytest.param("g6.xlarge", False, "0.0627744", id="7.8 percent of 0.8048 with a GPU"),
    ],
)
def test_managed_instances_cost_a_fee_on_the_on_demand_price(kind: str, spot: bool, fee: str):
    sim = Sim(scenario(duration="1h"))
    group_of_it = SimpleNamespace(name="managed", cluster=SimpleNamespace(code=0), volume_gib=80, managed=True)
    shape = SimpleNamespace(cpu=2048, memory=4096)
    instance: Any = SimpleNamespace(group=group_of_it, type=kind, spot=spot, zone="a", ordinal=999, shape=shape)
    sim.engine.meters.launched(instance)
    bill = sim.finish().priced({"savingsPlans": [{"type": "compute", "commitment": 1}]}).bill()
    assert exact(bill, "managementFee") == Decimal(fee)
    assert exact(sim.finish().priced({"rates": {"managementFeeShare": 0.2}}).bill(), "managementFee") == (
        Decimal("0.0192") if kind == "m5.large" else Decimal(fee)
    )


def test_an_auto_scaling_group_has_no_such_fee():
    assert exact(volumes({"instanceType": "m5.large"}, duration="1h"), "managementFee") == 0


# -- CloudWatch -----------------------------------------------------------------------------------------------


@pytest.mark.rule("COST-028", "COST-046")
def test_logs_are_paid_when_they_come_and_while_they_are_kept():
    bill = played(on_fargate(behaviour={"app": {"logs": {"perHour": "1GB"}}})).bill()
    # 24 GB x 0.50; after hour n there are n GB: 0 + 1 + ... + 23 = 276 GB-hours x 0.03 / 730 h = 0.01134.
    assert lines(bill, "CloudWatch") == {("web", "logsIngested"): "12.00", ("web", "logsStored"): "0.01"}
    assert exact(bill, "logsStored") == pytest.approx(Decimal(276) * Decimal("0.03") / 730, abs=1000 * NANO)
    sums_agree(bill)


@pytest.mark.rule("COST-028")
def test_requests_are_logged_where_they_are_served():
    document = on_fargate(
        duration="2h",
        behaviour={"app": {"logs": {"perRequest": "10KB"}, "request": {"latency": "1ms"}}},
        traffic=[{"name": "users", "to": {"service": "web"}, "pattern": "constant", "rate": 10}],
    )
    result = played(document)
    served = int(result.service_metrics.served_count.sum())
    assert served == pytest.approx(72_000, abs=60)
    assert exact(result.bill(), "logsIngested") == Decimal(served) * 10_000 / 10**9 * Decimal("0.5")


@pytest.mark.rule("COST-028")
def test_a_container_that_logs_elsewhere_costs_nothing():
    document = on_fargate(behaviour={"app": {"logs": {"perHour": "1GB"}}})
    document["taskDefinitions"][0]["containerDefinitions"][0]["logConfiguration"] = {"logDriver": "json-file"}
    assert lines(played(document).bill(), "CloudWatch") == {}


@pytest.mark.rule("COST-028", "COST-029")
def test_a_check_says_what_the_bill_leaves_out():
    def said(**parts: Any) -> list[tuple[str | None, str]]:
        document = on_fargate(**parts)
        document["taskDefinitions"][0]["containerDefinitions"][0].pop("logConfiguration")
        return [(p.rule, p.message.split(":")[0]) for p in load_mapping(document).warnings]

    logs = said(behaviour={"app": {"logs": {"perHour": "1GB"}}})
    assert logs == [("COST-028", "the logs of app cost nothing")]
    settings = [{"name": "containerInsights", "value": "enhanced"}]
    assert said(clusters=[{"clusterName": "prod", "settings": settings}]) == [("COST-029", "enhanced")]
    assert said(account={"settings": {"containerInsights": "enhanced"}}) == [("COST-029", "enhanced")]
    assert said() == []


def alarm(name: str) -> dict[str, Any]:
    dimensions = [{"name": "ClusterName", "value": "prod"}, {"name": "ServiceName", "value": "web"}]
    return {
        "alarmName": name,
        "namespace": "AWS/ECS",
        "metricName": "CPUUtilization",
        "statistic": "Average",
        "dimensions": dimensions,
        "period": 60,
        "evaluationPeriods": 3,
        "threshold": 80,
        "comparisonOperator": "GreaterThanThreshold",
    }


@pytest.mark.rule("COST-029", "COST-046")
def test_an_alarm_costs_ten_cents_a_month_of_730_hours():
    bill = played(on_fargate(duration="73h", alarms=[alarm("hot"), alarm("hotter")])).bill()
    # 2 alarms x 73 h / 730 h x 0.10
    assert exact(bill, "alarms", "web") == Decimal("0.02")
    sums_agree(bill)


@pytest.mark.rule("COST-029")
def test_target_tracking_has_two_alarms_until_the_policy_is_deleted():
    target = {"resourceId": "service/prod/web", "minCapacity": 1, "maxCapacity": 2}
    policy = {
        "policyName": "cpu",
        "resourceId": "service/prod/web",
        "policyType": "TargetTrackingScaling",
        "targetTrackingScalingPolicyConfiguration": {
            "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
            "targetValue": 50,
        },
    }
    gone = {
        "at": "5h",
        "call": "DeleteScalingPolicy",
        "with": {
            "policyName": "cpu",
            "resourceId": "service/prod/web",
        },
    }
    document = on_fargate(duration="10h", scalableTargets=[target], scalingPolicies=[policy], timeline=[gone])
    assert exact(played(document).bill(), "alarms") == pytest.approx(Decimal("0.10") * 2 * 5 / 730, abs=NANO)


@pytest.mark.rule("COST-029")
def test_container_insights_publishes_custom_metrics_of_cluster_service_and_family():
    settings = [{"name": "containerInsights", "value": "enabled"}]
    document = on_fargate(duration="10h", clusters=[{"clusterName": "prod", "settings": settings}])
    bill = played(document).bill()
    # On Fargate: service 13 + 2 and family 8 + 2 by web, cluster 11 + 2 by nobody; x 10 h / 730 h x 0.30
    assert exact(bill, "metrics", "web") == pytest.approx(Decimal(25 * 10) * Decimal("0.3") / 730, abs=NANO)
    assert exact(bill, "metrics", "") == pytest.approx(Decimal(13 * 10) * Decimal("0.3") / 730, abs=NANO)
    account = {"settings": {"containerInsights": "enabled"}}
    assert exact(played(on_fargate(duration="10h", account=account)).bill(), "metrics") == exact(bill, "metrics")
    off = [{"name": "containerInsights", "value": "disabled"}]
    document = on_fargate(duration="1h", account=account, clusters=[{"clusterName": "prod", "settings": off}])
    assert exact(played(document).bill(), "metrics") == 0


# -- by the hour ----------------------------------------------------------------------------------------------


@pytest.mark.rule("COST-025", "COST-026", "COST-043")
@pytest.mark.parametrize(
    ("kind", "addresses"), [pytest.param("application", 4, id="ALB"), pytest.param("network", 2, id="NLB")]
)
def test_a_load_balancer_costs_by_started_hours_and_its_addresses_by_the_second(kind: str, addresses: int):
    balancer = {"loadBalancerName": "public", "type": kind, "subnets": ["a", "b"]}
    bill = played(scenario(duration="90m", loadBalancers=[balancer])).bill()
    hours = [line for line in bill.lines if line.dimension == "hours"]
    assert [(line.quantity, line.usd) for line in hours] == [(2, Decimal("0.045"))]  # 2 x 0.0225
    assert exact(bill, "publicIpv4") == Decimal(addresses) * Decimal("1.5") * Decimal("0.005")
    sums_agree(bill)


@pytest.mark.rule("COST-046")
def test_a_month_has_730_hours():
    monthly = {unit: per for unit, per in BILLED.items() if per[0].endswith("-month")}
    assert set(monthly) == {Unit.BYTE_SECOND, Unit.VOLUME_TICK, Unit.METRIC_SECOND, Unit.ALARM_SECOND}
    assert monthly[Unit.ALARM_SECOND] == ("alarm-month", 730 * 3600)
    assert monthly[Unit.BYTE_SECOND] == ("GB-month", 10**9 * 730 * 3600)
    assert monthly[Unit.VOLUME_TICK] == ("GB-month", 2**20 * 730 * 3600)
