"""Comparing variants under the same luck: the same answer from any number of workers, and true verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import fargate, group, run_dict, scenario, service, task_definition

import ecssim
from ecssim.cli.guard import main
from ecssim.errors import BadInput
from ecssim.scenario.load import load_mapping
from ecssim.study.comparison import Comparison
from ecssim.study.measures import MEASURES, measures


def document() -> dict[str, Any]:
    """Jobs of a lognormal time on two instances for an hour; variants with more tasks, other prices, no change."""
    job = {
        "name": "encode",
        "arrivals": {"poisson": "3/min"},
        "runTask": {"cluster": "prod", "taskDefinition": "app", "launchType": "EC2"},
    }
    return scenario(
        timing={"profile": "typical"},
        autoScalingGroups=[group(2)],
        taskDefinitions=[
            task_definition(),
            task_definition("edge", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256"),
        ],
        services=[service(count=2), fargate("edge", 2, taskDefinition="edge")],
        jobs=[job],
        behaviour={"app": {"runsFor": {"lognormal": {"median": "2m", "p95": "8m"}}}},
        variants={
            "more-edge": {"services.edge.desiredCount": 6},
            "half-price": {"prices": {"onDemand": {"m5.large": 0.048}}},
            "same": {"services.edge.desiredCount": 2},
        },
    )


@pytest.fixture(scope="module")
def compared() -> Comparison:
    return ecssim.compare(load_mapping(document()), seeds=4, workers=1)


def test_a_scenario_is_compared_with_all_its_variants_over_the_same_seeds(compared):
    assert compared.arms == ("base", "more-edge", "half-price", "same")
    assert compared.seeds == (1, 2, 3, 4)
    assert all(len(compared.values[arm][name]) == 4 for arm in compared.arms for name in MEASURES)


def test_two_workers_find_the_same_as_one(compared):
    again = ecssim.compare(load_mapping(document()), seeds=4, workers=2)
    assert again.to_json() == compared.to_json()


def test_a_value_is_the_measure_of_the_run_of_that_seed(compared):
    run = ecssim.run(load_mapping(document()), seed=3)
    assert {name: values[2] for name, values in compared.values["base"].items()} == pytest.approx(
        measures(run), nan_ok=True
    )


def test_the_same_luck_makes_the_same_runs(compared):
    equal = compared.differences["same"]
    assert all(equal[name].mean == 0.0 for name in compared.measures)
    assert len(set(compared.values["base"]["cost_usd"])) == 4, "the seeds differ"
    assert compared.verdict[2].startswith("same against base (4 seeds). The same in every run: cost,")


def test_a_price_moves_the_cost_by_the_instances_and_nothing_else(compared):
    found = compared.differences["half-price"]
    # Two instances for an hour at 0.048 instead of 0.096.
    assert found["cost_usd"].mean == pytest.approx(-0.096)
    assert found["cost_usd"].variance_reduction == pytest.approx(1.0)
    assert {name for name in compared.measures if found[name].mean} == {"cost_usd", "idle_usd"}
    assert "Better: cost" in compared.verdict[1]
    assert "worse" not in compared.verdict[1]


def test_pairing_is_worth_more_than_independent_runs(compared):
    found = compared.differences["more-edge"]["cost_usd"]
    assert found.clear
    assert found.low > 0
    assert 0.0 < found.variance_reduction <= 1.0
    assert "Worse: cost" in compared.verdict[0]


def test_the_table_has_a_row_for_each_arm_and_measure(compared):
    table = compared.table()
    assert len(table) == len(compared.arms) * len(compared.measures)
    assert "lost_requests" not in set(table["measure"]), "there is no traffic"
    row = table[(table["arm"] == "half-price") & (table["measure"] == "cost_usd")].iloc[0]
    assert row["difference"] == pytest.approx(-0.096)
    assert table.loc[table["arm"] == "base", "difference"].isna().all()


def test_one_seed_has_differences_and_no_verdict_on_them():
    one = ecssim.compare(load_mapping(document()), variants=["more-edge"], seeds=[9], workers=1)
    assert one.differences["more-edge"]["cost_usd"].mean > 0
    assert "Not told apart; one seed cannot tell." in one.verdict[0]
    json.loads(one.to_json())


def test_several_scenarios_are_compared_by_name():
    other = document() | {"name": "other"}
    other["autoScalingGroups"] = [group(4)]
    found = ecssim.compare([load_mapping(document()), load_mapping(other)], seeds=2, workers=1)
    assert found.arms == ("test", "other")
    # Two instances more, each with 30 GB of gp3.
    assert found.differences["other"]["cost_usd"].mean == pytest.approx(2 * (0.096 + 30 * 0.08 / 730))
    variants = ecssim.compare([load_mapping(document()), load_mapping(other)], ["same"], seeds=1, workers=1)
    assert variants.arms == ("test", "test/same", "other", "other/same")


@pytest.mark.parametrize(
    ("variants", "seeds", "words"),
    [
        pytest.param(["more-edges"], 2, "did you mean more-edge", id="a variant that does not exist"),
        pytest.param([], 2, "nothing to compare", id="one scenario and no variant"),
        pytest.param(["same"], 0, "nothing to compare", id="no seed"),
        pytest.param(["same"], [1, 1], "nothing to compare", id="one seed twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(variants, seeds, words):
    with pytest.raises(BadInput, match=words):
        ecssim.compare(load_mapping(document()), variants, seeds, workers=1)


def test_options_of_a_scenario_hold_in_its_variants(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(document()))
    loaded = ecssim.load(path, sets=["duration=20m"])
    assert loaded.under("same").scenario.duration == 1200.0


def test_the_command_prints_a_table_with_a_verdict_or_json(tmp_path: Path, capsys):
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(document()))
    arguments = ["compare", str(path), "--variants", "more-edge,same", "--seeds", "2", "--workers", "1"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "more-edge against base (2 seeds)." in text
    assert main([*arguments, "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["arms"] == ["base", "more-edge", "same"]
    assert found["seeds"] == [1, 2]
    assert main(["compare", str(path), "--variants", "nobody"]) == 2
    assert "no variant 'nobody'" in capsys.readouterr().err


def test_the_measures_of_a_run_are_what_its_tables_say():
    result = run_dict(document())
    found = measures(result)
    tasks = result.tasks
    started = (tasks["started_at"] - tasks["created_at"]).dropna()
    assert found["p95_time_to_running"] == pytest.approx(started.quantile(0.95))
    assert found["min_free_addresses"] == result.subnet_metrics["free_min"].min()
    rows = result.service_metrics
    assert found["missing_task_minutes"] == (rows["desired_count"] - rows["running_count"]).clip(lower=0).sum() > 0
    assert found["failed_starts"] == (tasks["stop_code"] == "TaskFailedToStart").sum()
    assert found["cost_usd"] == pytest.approx(result.costs["usd"].sum())
