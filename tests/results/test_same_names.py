"""Two services of one name in two clusters: each has its own dollars, requests and findings."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import pytest
from builders import fargate, scenario, task_definition
from scaling_rig import target, tracking

import ecssim
from ecssim.report.tables import tables as tables_of
from ecssim.results.facts import Facts
from ecssim.results.result import Result
from ecssim.results.scaling_figures import scaling_figures
from ecssim.scenario.load import load_mapping

TWINS = {"service/prod/web": 4, "service/test/web": 1}


@cache
def twins() -> Result:
    """Four tasks in one cluster and one in the other, with twice as many requests there."""
    return ecssim.run(
        load_mapping(scenario(
            duration="2h",
            initialState="steady",
            clusters=[{"clusterName": "prod"}, {"clusterName": "test"}],
            scalableTargets=[target(n, n) | {"resourceId": name} for name, n in TWINS.items()],
            scalingPolicies=[tracking() | {"resourceId": name} for name in TWINS],
            taskDefinitions=[task_definition(networkMode="awsvpc")],
            services=[fargate(count=4), fargate(count=1, cluster="test")],
            behaviour={"app": {"request": {"cpuSeconds": 0.001}}},
            traffic=[
                {"name": "a", "to": {"service": "prod/web"}, "pattern": "constant", "rate": 5},
                {"name": "b", "to": {"service": "test/web"}, "pattern": "constant", "rate": 10},
            ],
        ))
    )  # fmt: skip


def test_their_dollars_are_not_added_up() -> None:
    bill = twins().bill()
    assert bill.of("web", "prod") == pytest.approx(4 * bill.of("web", "test"), rel=Decimal("0.05"))
    assert {bill.label(line) for line in bill.lines if line.service} == {"prod/web", "test/web"}
    assert "prod/web" in bill.text()
    facts = Facts(twins())
    judged = {f.name: f.usd for f in scaling_figures(facts, bill, every=True)}
    assert judged == {
        "prod/web": pytest.approx(float(bill.of("web", "prod"))),
        "test/web": pytest.approx(float(bill.of("web", "test"))),
    }


def test_their_requests_are_not_added_up() -> None:
    summary = twins().summary()
    requests = {name: entry["offered"] for name, entry in summary["requests"].items()}
    assert requests == {"prod/web": 5 * 7200, "test/web": 10 * 7200}
    prices = summary["costs"]["per_million_requests_usd"]["services"]
    assert prices["prod/web"] == pytest.approx(8 * prices["test/web"], rel=0.05)


def test_the_report_tells_them_apart() -> None:
    tables = {table.heading: table for table in tables_of(twins(), twins().summary())}
    bill = tables["Bill"]
    assert {"prod/web", "test/web"} <= {row[0] for row in bill.rows}


def test_the_picture_of_money_tells_them_apart() -> None:
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    twins().plot.cost(ax=ax)
    labels = {text.get_text() for text in (ax.get_legend() or figure.legends[0]).get_texts()}
    assert {"prod/web", "test/web"} <= labels
    plt.close(figure)
