"""``ecssim subnets``: a text for people, one JSON document for programs, and messages about what is wrong."""

from __future__ import annotations

import json

from tests.golden.summaries import ROOT

SCENARIO = ROOT / "scenarios" / "addresses_in_a_deploy.yaml"


def test_the_plan_is_printed(ecssim) -> None:
    code, out, err = ecssim("subnets", SCENARIO, "--seeds", "1", "--workers", "1")
    assert (code, err) == (0, "")
    assert out.startswith("Subnets of addresses-in-a-deploy, over 1 seed\n")
    assert "the deployment of shop:2 (service shop, +12) that began at 10m00s (08:10:00Z)" in out
    assert "smaller waves: --set services.shop.deploymentConfiguration.maximumPercent=" in out


def test_the_plan_is_one_json_document_with_options_applied(ecssim) -> None:
    arguments = ("--seeds", "2", "--workers", "1", "--variant", "short-drain", "--output", "json")
    code, out, _ = ecssim("subnets", SCENARIO, *arguments, "--set", "services.shop.desiredCount=4")
    assert code == 0
    document = json.loads(out)
    assert document["seeds"] == [5, 6]
    assert [s["present"]["failed"] for s in document["subnets"]] == [0, 0]
    assert document["alternatives"] == []


def test_a_scenario_that_is_wrong_is_refused(ecssim) -> None:
    code, out, err = ecssim("subnets", SCENARIO, "--set", "services.shop.desiredCount=many")
    assert (code, out) == (2, "")
    assert "services.shop.desiredCount=many" in err
