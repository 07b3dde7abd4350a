"""`ecssim fit`: how many more tasks fit, for people and as JSON, and what cannot be asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Ecssim = Callable[..., Any]
SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
STRATEGIES = SCENARIOS / "placement_strategies.yaml"


def test_the_number_what_binds_and_on_how_many_instances(ecssim: Ecssim) -> None:
    code, out, err = ecssim("fit", STRATEGIES, "api")
    assert (code, err) == (0, "")
    assert "service api of cluster prod (EC2, capacity provider web-ec2): 20 more tasks; what binds: memory" in out
    assert "m6i.large              6          20  memory on 6" in out


def test_the_same_as_json_both_ways_to_ask(ecssim: Ecssim) -> None:
    answer = json.loads(ecssim("fit", STRATEGIES, "api:1", "--json").out)
    assert answer == json.loads(ecssim("fit", STRATEGIES, "api:1", "--output", "json").out)
    (fit,) = answer["fits"]
    assert (answer["t"], fit["service"], fit["more"], fit["binds"]) == (0.0, "api", 20, ["memory"])
    assert fit["asked"] == {"cpu": 256, "memory": 1024, "capacity_provider": "web-ec2"}
    assert fit["types"][0]["binds"] == {"memory": 6}


def test_sets_and_the_moment_change_the_answer(ecssim: Ecssim) -> None:
    def more(*options: str) -> int:
        answer = json.loads(ecssim("fit", STRATEGIES, "cache", "--json", *options).out)
        return int(answer["fits"][0]["more"])

    assert more() == 20
    assert more("--set", "services.worker.desiredCount=0") == 25
    assert more("--variant", "pack-everything") == 20
    stop = "timeline=[{at: 10m, call: UpdateService, with: {cluster: prod, service: api, desiredCount: 0}}]"
    assert more("--set", stop) == 20
    assert more("--set", stop, "--at", "20m") == 32


def test_fargate_is_answered_by_zone_and_subnet(ecssim: Ecssim) -> None:
    out = ecssim("fit", SCENARIOS / "demo.yaml", "checkout", "--at", "09:05").out
    assert "at 2h05m00s (09:05:00Z)" in out
    assert "subnet     zone        free  cooling" in out
    assert "what binds: addresses" in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(("cachet",), "nearest: cache", id="a misspelt family"),
        pytest.param(("cache:9",), "no such revision", id="a revision that is not there"),
        pytest.param(("cache", "--at", "soon"), "--at", id="no moment"),
        pytest.param(("cache", "--at", "9d"), "after the end", id="a moment after the end"),
        pytest.param(("cache", "--set", "services.cache.desiredCont=1"), "unknown key", id="a set that is misspelt"),
    ],
)
def test_what_cannot_be_asked_is_bad_input(ecssim: Ecssim, options: tuple[str, ...], words: str) -> None:
    code, out, err = ecssim("fit", STRATEGIES, *options)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
