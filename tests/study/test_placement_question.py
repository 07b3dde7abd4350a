"""The placement question: what each strategy needs, wastes and costs, on the scenario and on a recorded batch."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from builders import group, scenario

import ecssim
from ecssim.scenario.load import load_mapping
from ecssim.study.comparison import Comparison

ROOT = Path(__file__).resolve().parents[2]
ASKED = (
    "instances_needed", "occupied_instances", "fragmentation", "stranded_cpu", "stranded_memory", "stranded_enis",
    "zone_imbalance", "cost_usd", "repack_saves", "repack_restarts",
)  # fmt: skip


@pytest.fixture(scope="module")
def question() -> Comparison:
    return ecssim.compare(ROOT / "scenarios" / "placement_strategies.yaml", seeds=2, workers=1)


def mean(found: Comparison, arm: str, measure: str) -> float:
    return found.means[arm][measure].mean


def test_every_arm_answers_the_whole_question(question: Comparison) -> None:
    assert {"pack-everything", "spread-everything", "random-everything", "zones-then-pack", "own-tightest"} <= set(
        question.arms
    )
    assert set(ASKED) <= set(question.measures)
    assert "p95_time_to_place" in question.measures


def test_packing_needs_fewer_instances_and_gives_up_the_zones(question: Comparison) -> None:
    assert mean(question, "pack-everything", "instances_needed") < mean(
        question, "spread-everything", "instances_needed"
    )
    assert mean(question, "spread-everything", "zone_imbalance") == 0
    assert mean(question, "pack-everything", "zone_imbalance") > 0
    # the nesting keeps the zones even and still needs fewer on average
    assert mean(question, "zones-then-pack", "zone_imbalance") == 0
    assert mean(question, "zones-then-pack", "occupied_instances") < mean(question, "base", "occupied_instances")


def test_spreading_leaves_no_room_for_the_reports_and_our_own_strategy_does(question: Comparison) -> None:
    for arm, short in (("spread-everything", True), ("own-spare-reports", False), ("pack-everything", False)):
        assert (mean(question, arm, "missing_task_minutes") > 100) is short, arm
    assert mean(question, "base", "fragmentation") > 0  # there is room for reports in sum, and on no instance
    assert mean(question, "spread-everything", "repack_saves") > 0
    assert mean(question, "spread-everything", "repack_restarts") > 0


def batch(trace: Path) -> dict[str, Any]:
    """Two busy days of a recorded batch, CPU and memory only, on eight instances."""
    strategies = {
        "spread": [{"type": "spread", "field": "instanceId"}],
        "random": [{"type": "random"}],
        "own": [{"type": "custom", "field": f"{ROOT / 'scenarios' / 'own_strategies.py'}:tightest"}],
    }
    return scenario(
        name="batch",
        duration="2d",
        allow=["customPlacementStrategy"],
        autoScalingGroups=[group(8, type="m6i.32xlarge", subnets=["a", "b"])],
        taskDefinitions=[
            {
                "family": "pod",
                "networkMode": "bridge",
                "cpu": "1024",
                "memory": "2048",
                "containerDefinitions": [{"name": "pod", "image": "app"}],
            }
        ],
        jobs=[
            {
                "name": "openb",
                "arrivals": {"trace": {"file": str(trace), "timeColumn": "submit_s", "where": "runtime_s"}},
                "perRow": {"cpu": "cpu_units", "memory": "memory_mib", "runsFor": "runtime_s"},
                "runTask": {
                    "cluster": "prod",
                    "taskDefinition": "pod",
                    "launchType": "EC2",
                    "placementStrategy": [{"type": "binpack", "field": "memory"}],
                },
                "retry": {"attempts": 1000, "backoff": "30s", "maxBackoff": "10m"},
            }
        ],
        variants={name: {"jobs.openb.runTask.placementStrategy": given} for name, given in strategies.items()},
    )


@pytest.mark.slow
def test_the_question_on_a_recorded_batch(shared_data: Path, tmp_path: Path) -> None:
    first, last = 119 * 86400, 121 * 86400
    with (shared_data / "traces" / "batch_openb_pods.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if first <= float(row["submit_s"]) < last]
    with (tmp_path / "days.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows({**row, "submit_s": str(float(row["submit_s"]) - first)} for row in rows)
    document = batch(tmp_path / "days.csv")
    found = ecssim.compare(load_mapping(document), seeds=1, workers=1)
    assert found.arms == ("base", "spread", "random", "own")
    for measure in (*ASKED, "p95_time_to_place"):
        assert all(mean(found, arm, measure) >= 0 for arm in found.arms), measure
    # packing keeps instances empty, so that a repack has less to move
    for packed in ("base", "own"):
        assert mean(found, packed, "occupied_instances") < mean(found, "random", "occupied_instances")
        assert mean(found, packed, "repack_restarts") < mean(found, "spread", "repack_restarts")
    assert mean(found, "random", "occupied_instances") < mean(found, "spread", "occupied_instances")
