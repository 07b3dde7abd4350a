"""The scenario in which a load balancer grows into the addresses of its service, and its two cures."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from ecssim.results.summary import summary
from ecssim.run import load, run

SCENARIO = Path(__file__).resolve().parents[2] / "scenarios" / "balancer_growth.yaml"


def told(**options: Any) -> dict[str, Any]:
    return summary(run(load(SCENARIO, **options)))


@pytest.mark.rule("NET-036", "NET-050")
def test_a_load_balancer_grows_into_the_addresses_of_its_service() -> None:
    said = told()
    found = {f["what"] for f in said["findings"]}
    assert {"subnet.exhausted", "loadBalancer.impaired"} <= found
    assert said["subnets"]["shared-a"]["free_min"] == 0
    text = next(f for f in said["findings"] if f["what"] == "subnet.exhausted")
    assert re.search(r"then held by sale \d+, load_balancers \d+ and declared 3", text["text"])
    # The printed fix does what it says.
    options = [o for o in shlex.split(text["fix"]) if o != "--set"]
    assert not {f["what"] for f in told(sets=options)["findings"]} & {"subnet.exhausted", "loadBalancer.impaired"}


@pytest.mark.rule("NET-036")
@pytest.mark.parametrize("variant", ["subnets-of-its-own", "larger-subnets"])
def test_room_for_the_nodes_is_the_cure(variant: str) -> None:
    assert told(variant=variant)["findings"] == []
