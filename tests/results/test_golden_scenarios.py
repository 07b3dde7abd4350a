"""The scenarios that come with ecssim: each gives the summary that was looked at; its fixes work."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.golden.summaries import GOLDEN, ROOT, SCENARIOS, comparable, summary_of


def whats(summary: dict[str, Any]) -> list[str]:
    return [finding["what"] for finding in summary["findings"]]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_gives_its_golden_summary(path: Path) -> None:
    assert comparable(summary_of(path)) == json.loads((GOLDEN / f"{path.stem}.json").read_text("utf-8"))


def test_every_golden_has_its_scenario() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == {path.stem for path in SCENARIOS}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_printed_fix_makes_its_problem_go_away(path: Path) -> None:
    fixes = [finding for finding in summary_of(path)["findings"] if "fix" in finding]
    for finding in fixes:
        assert finding["fix"] in finding["text"]
        sets = [part for part in shlex.split(finding["fix"]) if part != "--set"]
        again = summary_of(path, sets)
        assert finding["what"] not in whats(again)
        assert not [f for f in again["findings"] if f["severity"] == "problem"]


def test_the_demo_says_who_when_why_and_what_to_change() -> None:
    first = summary_of(ROOT / "scenarios" / "demo.yaml")["findings"][0]
    assert first["what"] == "subnet.exhausted"
    assert first["of"] == "private-a"
    for words in (r"2h00m00s \(09:00:00Z\)", "deployment of checkout:2", r"\d+ tasks failed to start", "cooling"):
        assert re.search(words, first["text"])


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("demo", "smaller-waves"),
        ("demo", "larger-subnets"),
        ("subnet_exhaustion", "larger-subnets"),
        ("subnet_exhaustion", "job-elsewhere"),
        ("placement_strategies", "pack-everything"),
        ("burst_on_fargate", "scheduled"),
    ],
)
def test_a_variant_that_is_offered_as_the_way_out_has_no_problem(name: str, variant: str) -> None:
    summary = summary_of(ROOT / "scenarios" / f"{name}.yaml", variant=variant)
    assert [f for f in summary["findings"] if f["severity"] == "problem"] == []


@pytest.mark.rule("SVC-011")
def test_a_deployment_that_its_limits_block_is_found_with_the_least_percent_that_frees_it() -> None:
    path = ROOT / "scenarios" / "rolling_update.yaml"
    blocked = [
        "services.shop.deploymentConfiguration.maximumPercent=108",  # floor(12 x 1.08) is 12: no task more
        'timeline=[{at: 30m, call: UpdateService, with: {cluster: prod, service: shop, taskDefinition: "shop:2"}}]',
    ]
    summary = summary_of(path, blocked)
    finding = summary["findings"][0]
    assert finding["what"] == "deployment.blocked"
    assert finding["fix"] == "--set services.shop.deploymentConfiguration.maximumPercent=109"
    blocked[0] = "services.shop.deploymentConfiguration.maximumPercent=109"
    assert "deployment.blocked" not in whats(summary_of(path, blocked))
