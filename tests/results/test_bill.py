"""Bills of one simulated day, computed by hand, cent for cent; sums that agree; the same run at other prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from builders import call, fargate, group, scenario, service, task_definition

import ecssim
from ecssim.decide.pricing import PRECISION
from ecssim.errors import BadInput
from ecssim.results.bill import Bill
from ecssim.results.rates import spot_discount
from ecssim.results.result import Result
from ecssim.scenario.load import load_mapping

PUBLIC = {"awsvpcConfiguration": {"subnets": ["a"], "assignPublicIp": "ENABLED"}}
SPOT = {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}], "launchType": None}


def a_day(**parts: Any) -> dict[str, Any]:
    """A day that begins in the middle of normal operation, so that everything is there for 24 hours."""
    return scenario(duration="1d", initialState="steady", **parts)


def fargate_day(platform: dict[str, str] | None = None, **parts: Any) -> dict[str, Any]:
    """Three tasks of 1 vCPU and 2 GB for a day: 72 vCPU-hours and 144 GB-hours."""
    more = {"runtimePlatform": platform} if platform else {}
    definition = task_definition(
        networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="1024", memory="2048", **more, **parts
    )
    return a_day(taskDefinitions=[definition], services=[fargate(count=3)])


def ec2_day(market: str = "onDemand", **parts: Any) -> dict[str, Any]:
    """Two m5.large (2,048 CPU units, 4,096 MiB) for a day: 48 instance-hours, of which four tasks reserve 4 x 3/16:
    each has a quarter of the CPU and an eighth of the memory of one.
    """
    base: dict[str, Any] = {
        "autoScalingGroups": [
            group(
                2, agent={"ECS_RESERVED_MEMORY": 7987 - 4096}, instances={"instanceType": "m5.large", "market": market}
            )
        ],
        "taskDefinitions": [task_definition(cpu="512", memory="512")],
        "services": [service(count=4)],
    }
    return a_day(**(base | parts))


def played(document: dict[str, Any]) -> Result:
    return ecssim.run(load_mapping(document))


def lines(bill: Bill) -> dict[tuple[str, str, str], str]:
    """Printed dollars by service, resource and dimension."""
    return {(line.service, line.resource, line.dimension): str(line.printed) for line in bill.lines}


@pytest.mark.rule("COST-001", "FG-040", "FG-041", "COST-030")
def test_a_day_of_fargate():
    bill = played(fargate_day()).bill()
    assert lines(bill) == {
        ("web", "FARGATE", "vCPU"): "2.91",  # 72 x 0.04048 = 2.91456
        ("web", "FARGATE", "memory"): "0.64",  # 144 x 0.004445 = 0.64008
    }
    assert bill.total == Decimal("3.55")
    assert bill.exact == Decimal("3.55464")


@pytest.mark.rule("COST-002")
def test_a_day_of_fargate_on_arm():
    bill = played(fargate_day({"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"})).bill()
    assert lines(bill) == {
        ("web", "FARGATE", "vCPU"): "2.33",  # 72 x 0.03238 = 2.33136
        ("web", "FARGATE", "memory"): "0.51",  # 144 x 0.00356 = 0.51264
    }
    assert bill.total == Decimal("2.84")


@pytest.mark.rule("COST-003", "FG-041")
def test_a_day_of_fargate_on_windows():
    windows = {"cpuArchitecture": "X86_64", "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}
    bill = played(fargate_day(windows)).bill()
    assert lines(bill) == {
        ("web", "FARGATE", "vCPU"): "6.59",  # 72 x 0.0915 = 6.588
        ("web", "FARGATE", "memory"): "1.44",  # 144 x 0.01 = 1.44
        ("web", "FARGATE", "windowsLicence"): "3.31",  # 72 x 0.046 = 3.312
    }


@pytest.mark.rule("COST-005")
def test_a_day_of_fargate_spot():
    document = fargate_day()
    document["clusters"] = [{"clusterName": "prod", "capacityProviders": ["FARGATE_SPOT"]}]
    document["services"] = [fargate(count=3, **SPOT)]
    bill = played(document).bill()
    assert lines(bill) == {
        ("web", "FARGATE_SPOT", "vCPU"): "0.90",  # 72 x 0.01246287 = 0.89732664
        ("web", "FARGATE_SPOT", "memory"): "0.20",  # 144 x 0.00136851 = 0.19706544
    }
    assert bill.total == Decimal("1.10")


@pytest.mark.rule("COST-004")
def test_a_day_of_fargate_with_thirty_gib_of_storage():
    bill = played(fargate_day(ephemeralStorage={"sizeInGiB": 30})).bill()
    # 3 tasks x (30 - 20) GB x 24 h = 720 GB-hours x 0.000111 = 0.07992
    assert lines(bill)["web", "FARGATE", "ephemeralStorage"] == "0.08"


@pytest.mark.rule("COST-022")
def test_a_day_of_fargate_with_public_addresses():
    document = fargate_day()
    document["services"] = [fargate(count=3, networkConfiguration=PUBLIC)]
    # 72 address-hours x 0.005 = 0.36
    assert lines(played(document).bill())["web", "FARGATE", "publicIpv4"] == "0.36"


@pytest.mark.rule("COST-011", "COST-014", "COST-041")
def test_a_day_of_instances_is_divided_between_those_who_reserved_them_and_idle():
    bill = played(ec2_day()).bill()
    assert lines(bill) == {
        ("web", "asg", "instances"): "1.73",  # 4 x 3/16 x 24 h = 18 instance-hours x 0.096 = 1.728
        ("web", "asg", "volumes"): "0.06",  # 18 h x 30 GB x 0.08 / 730 = 0.05918
        ("", "asg", "idle"): "2.88",  # 48 - 18 = 30 instance-hours x 0.096 = 2.88
        ("", "asg", "idleVolumes"): "0.10",  # 30 h x 30 GB x 0.08 / 730 = 0.09863
    }
    assert bill.total == Decimal("4.77")  # 48 x 0.096 = 4.608, 48 x 30 x 0.08 / 730 = 0.15781
    assert bill.idle == Decimal("2.88") + Decimal(30 * 30) * Decimal("0.08") / 730 // PRECISION * PRECISION


@pytest.mark.rule("COST-014")
def test_a_day_of_spot_instances_at_a_price_that_the_scenario_gives():
    bill = played(ec2_day("spot", prices={"spot": {"m5.large": 0.04}})).bill()
    assert lines(bill) == {
        ("web", "asg", "instances"): "0.72",  # 18 x 0.04
        ("web", "asg", "volumes"): "0.06",
        ("", "asg", "idle"): "1.20",  # 30 x 0.04
        ("", "asg", "idleVolumes"): "0.10",
    }


@pytest.mark.rule("SPOT-020")
def test_the_price_of_a_spot_pool_is_drawn_once_from_55_to_75_percent_off():
    discounts = {
        (seed, zone): spot_discount(seed, "m5.large", zone)
        for seed in range(200)
        for zone in ("us-east-1a", "us-east-1b")
    }
    assert all(Decimal("0.55") <= d <= Decimal("0.75") for d in discounts.values())
    assert len(set(discounts.values())) > 100
    assert abs(sum(discounts.values()) / len(discounts) - Decimal("0.65")) < Decimal("0.01")
    costs = played(ec2_day("spot")).costs
    prices = costs.loc[costs["unit"] == "instance-hour", "unit_price"].unique()
    assert prices == pytest.approx([0.096 * (1 - float(discounts[1, "us-east-1a"]))])


@pytest.mark.rule("COST-025", "COST-022", "COST-020")
def test_a_day_of_a_load_balancer_and_a_nat_gateway():
    document = a_day(
        loadBalancers=[{"loadBalancerName": "public", "type": "application", "subnets": ["a", "b"]}],
        natGateways=[{"natGatewayId": "nat", "subnetId": "a"}],
    )
    bill = played(document).bill()
    assert lines(bill) == {
        ("", "public", "hours"): "0.54",  # 24 x 0.0225
        ("", "public", "publicIpv4"): "0.48",  # 2 zones x 2 addresses x 24 x 0.005
        ("", "nat", "hours"): "1.08",  # 24 x 0.045
        ("", "nat", "publicIpv4"): "0.12",  # 24 x 0.005
    }
    assert bill.total == Decimal("2.22")


@pytest.mark.rule("COST-015")
def test_reserved_instances_cover_services_and_idle_alike_and_are_paid_when_unused():
    bill = played(ec2_day(prices={"reservedInstances": [{"instanceType": "m5.large", "instanceCount": 3}]})).bill()
    # 37 % off 0.096 is 0.06048. Of 72 reserved instance-hours 48 are used: 18 by web, 30 idle.
    assert lines(bill) == {
        ("web", "asg", "instances"): "1.09",  # 18 x 0.06048 = 1.08864
        ("web", "asg", "volumes"): "0.06",
        ("", "asg", "idle"): "1.81",  # 30 x 0.06048 = 1.8144
        ("", "asg", "idleVolumes"): "0.10",
        ("", "reserved m5.large", "unusedCommitment"): "1.45",  # 24 x 0.06048 = 1.45152
    }
    volumes = bill.exact_by("dimension")["idleVolumes"]
    assert bill.idle == Decimal("3.26592") + volumes


@pytest.mark.rule("COST-006")
def test_a_savings_plan_takes_twenty_percent_off_fargate_up_to_its_commitment():
    plan = {"type": "compute", "commitment": 0.05}
    bill = played(fargate_day() | {"prices": {"savingsPlans": [plan]}}).bill()
    # An hour costs 3 x (0.04048 + 2 x 0.004445) = 0.14811, with the plan 0.118488. 0.05 / 0.118488 of it is covered;
    # a day of the covered part costs 24 x 0.05 = 1.20, and 24 x (0.14811 - 0.05 / 0.8) = 2.05464 stays at list price.
    by_source = {True: Decimal(0), False: Decimal(0)}
    for line in bill.lines:
        by_source["Savings Plan" in line.price_source] += line.usd
    assert by_source[True] == pytest.approx(Decimal("1.20"), abs=Decimal("0.000001"))
    assert by_source[False] == pytest.approx(Decimal("2.05464"), abs=Decimal("0.000001"))


@pytest.mark.rule("COST-015")
def test_an_instance_savings_plan_takes_37_percent_off_its_family_and_the_rest_stays_at_list_price():
    def by_source(family: str) -> dict[bool, Decimal]:
        plan = {"type": "ec2Instance", "instanceFamily": family, "commitment": 0.05}
        sums = {True: Decimal(0), False: Decimal(0)}
        for line in played(ec2_day(prices={"savingsPlans": [plan]})).bill().lines:
            if line.dimension in ("instances", "idle"):
                sums["Savings Plan" in line.price_source] += line.usd
        return sums

    # An hour costs 2 x 0.096 = 0.192. The plan pays 0.05 / 0.63 = 0.0793651 of it, 24 x 0.1126349 = 2.70324 stays.
    covered = by_source("m5")
    assert covered[True] == pytest.approx(Decimal("1.20"), abs=Decimal("0.000001"))
    assert covered[False] == pytest.approx(Decimal("2.703238"), abs=Decimal("0.000001"))
    assert by_source("c5") == {True: 0, False: Decimal("4.608")}


@pytest.mark.rule("COST-015", "COST-006")
def test_a_compute_savings_plan_takes_27_percent_off_every_family_and_is_paid_unused_too():
    bill = played(ec2_day(prices={"savingsPlans": [{"type": "compute", "commitment": 1}]})).bill()
    # 48 x 0.096 x 0.73 = 3.36384 of 24 dollars.
    by_dimension = bill.exact_by("dimension")
    assert by_dimension["instances"] + by_dimension["idle"] == Decimal("3.36384")
    assert by_dimension["unusedCommitment"] == Decimal("20.63616")


@pytest.mark.rule("COST-005", "COST-002")
def test_a_day_of_fargate_spot_on_arm_has_the_discount_of_x86():
    document = fargate_day({"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"})
    document["clusters"] = [{"clusterName": "prod", "capacityProviders": ["FARGATE_SPOT"]}]
    document["services"] = [fargate(count=3, **SPOT)]
    bill = played(document).bill()
    assert lines(bill) == {
        ("web", "FARGATE_SPOT", "vCPU"): "0.72",  # 72 x 0.03238 x 0.308 = 0.71806
        ("web", "FARGATE_SPOT", "memory"): "0.16",  # 144 x 0.00356 x 0.308 = 0.15789
    }


def everything() -> dict[str, Any]:
    """Fargate with addresses, Fargate Spot, both markets of EC2, jobs, a load balancer, and changes in mid-hour."""
    awsvpc = task_definition(
        "edge", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], ephemeralStorage={"sizeInGiB": 40}
    )
    job = {
        "name": "encode",
        "arrivals": {"poisson": "1/min"},
        "runTask": {"cluster": "prod", "taskDefinition": "app", "launchType": "EC2"},
    }
    return scenario(
        duration="150m",
        timing={"profile": "typical"},
        clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}],
        autoScalingGroups=[
            group(2),
            group(2, "spot", subnets=["b"], instances={"instanceType": "c5.large", "market": "spot"}),
        ],
        loadBalancers=[{"loadBalancerName": "public", "type": "application", "subnets": ["a", "b"]}],
        taskDefinitions=[task_definition(), awsvpc],
        services=[
            service(count=5),
            fargate("edge", 3, taskDefinition="edge", networkConfiguration=PUBLIC),
            fargate("batch", 4, taskDefinition="edge", **SPOT),
        ],
        jobs=[job],
        behaviour={"app": {"runsFor": {"lognormal": {"median": "3m", "p95": "10m"}}}},
        timeline=[
            call("50m", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=1),
            call("70m", "UpdateService", cluster="prod", service="edge", desiredCount=6),
        ],
        prices={
            "onDemand": {"m5.large": 0.0911},
            "savingsPlans": [{"type": "compute", "commitment": 0.0313}],
            "reservedInstances": [{"instanceType": "m5.large", "instanceCount": 1}],
        },
    )


@pytest.fixture(scope="module")
def mixed() -> Result:
    return played(everything())


@pytest.mark.rule("COST-041")
def test_the_sums_by_service_and_by_resource_are_the_total_to_the_cent(mixed):
    bill = mixed.bill()
    assert len(bill.lines) > 15
    assert sum(bill.by_service.values()) == sum(bill.by_resource.values()) == bill.total
    for column in ("service", "resource", "dimension"):
        assert sum(bill.exact_by(column).values()) == bill.exact
    assert bill.exact > 0
    assert abs(bill.total - bill.exact) < Decimal("0.005") * len(bill.lines)


def test_the_frame_adds_up_to_the_bill_and_has_the_columns_of_the_contract(mixed):
    costs = mixed.costs
    assert list(costs.columns[:9]) == [
        "hour", "service", "resource", "dimension", "quantity", "unit", "unit_price", "usd", "price_source",
    ]  # fmt: skip
    assert costs["usd"].sum() == pytest.approx(float(mixed.bill().exact), abs=1e-9)
    assert costs["usd"].tolist() == pytest.approx((costs["quantity"] * costs["unit_price"]).tolist())
    assert sorted(costs["hour"].unique()) == [0, 1, 2]
    assert isinstance(costs["service"].dtype, pd.CategoricalDtype)
    assert costs.loc[costs["dimension"] == "idle", "service"].isna().all()


def test_a_summary_has_the_total_the_services_and_the_waste(mixed):
    costs = mixed.summary()["costs"]
    bill = mixed.bill()
    assert costs["printed_total_usd"] == float(bill.total)
    assert set(costs["services"]) == {"web", "edge", "batch"}
    parts = sum(costs["services"].values()) + costs["idle_usd"] + costs["shared_usd"]
    assert parts == pytest.approx(costs["total_usd"], abs=0.001)


def test_a_run_can_be_priced_again_and_stays_as_it_was(mixed):
    before = mixed.bill()
    dear = mixed.priced({"fargate": {"X86_64": {"vcpuHour": 1}}, "rates": {"publicIpv4Hour": 0}})
    by_dimension = dear.bill().exact_by("dimension")
    assert by_dimension["publicIpv4"] == 0
    hours = sum(line.quantity for line in dear.bill().lines if (line.resource, line.dimension) == ("FARGATE", "vCPU"))
    assert dear.bill().exact_by("resource")["FARGATE"] > hours
    assert dear.costs["usd"].sum() == pytest.approx(float(dear.bill().exact))
    assert mixed.bill() == before
    quantities = [run.costs.groupby("unit", observed=True)["quantity"].sum() for run in (mixed.priced(), dear)]
    assert quantities[0].to_dict() == pytest.approx(quantities[1].to_dict())


def test_a_folder_keeps_the_prices_of_its_scenario_and_can_be_priced_again(mixed, tmp_path):
    result = ecssim.run(load_mapping(everything()), out=tmp_path / "run")
    opened = ecssim.open(tmp_path / "run")
    assert opened.bill() == result.bill() == mixed.bill()
    assert opened.priced({}).bill().exact != result.bill().exact
    table = pd.read_parquet(tmp_path / "run" / "tables" / "costs" / "part-00000.parquet")
    assert table["usd"].tolist() == opened.costs["usd"].tolist()


def test_two_services_of_one_name_have_lines_of_their_own():
    document = scenario(
        initialState="steady",
        clusters=[{"clusterName": "prod"}, {"clusterName": "test"}],
        taskDefinitions=[task_definition(networkMode="awsvpc", requiresCompatibilities=["FARGATE"])],
        services=[fargate(), fargate(count=2, cluster="test")],
    )
    exact = played(document).bill().exact_by("service")
    assert exact["test/web"] == 2 * exact["prod/web"]


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        pytest.param({"onDemand": {"m5.lrge": 1}}, "did you mean m5.large?", id="an instance type that does not exist"),
        pytest.param({"rates": {"albHours": 1}}, "did you mean albHour?", id="a price that does not exist"),
        pytest.param({"rates": {"albHour": -1}}, "not negative", id="a negative price"),
        pytest.param({"spot": {"m5.large": "0.1"}}, "US dollars", id="a price as text"),
        pytest.param({"spotDiscount": 65}, "a share from 0 to 1", id="a discount of 65 times"),
        pytest.param({"savingsPlans": [{"type": "ec2Instance", "commitment": 1}]}, "instanceFamily", id="no family"),
        pytest.param({"reserved": []}, "Extra inputs", id="an unknown key"),
    ],
)
def test_prices_that_are_wrong_are_refused(mixed, prices, words):
    with pytest.raises(BadInput, match=words.replace("?", r"\?")):
        mixed.priced(prices)


def test_prices_are_what_was_written_and_nothing_near_it():
    prices = load_mapping(
        scenario() | {"prices": {"onDemand": {"m5.large": 0.1}, "spotDiscount": "65%"}}
    ).scenario.prices
    assert prices.on_demand == {"m5.large": Decimal("0.1")}
    assert prices.written() == {"onDemand": {"m5.large": 0.1}, "spotDiscount": 0.65}
