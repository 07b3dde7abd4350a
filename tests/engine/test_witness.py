"""A run played again comes to the same placements, and what stood behind them agrees with what was recorded."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from small_scenarios import CASES

import ecssim
from ecssim.decide.decision import Decision
from ecssim.replay import AnotherRun, decisions
from ecssim.results.result import Result
from ecssim.scenario.load import Loaded, load_mapping
from tests.golden.summaries import ROOT

CHECKS = ("agent", "location", "attribute", "cpu", "memory", "ports", "gpu", "eni", "constraint")


def played(loaded: Loaded) -> tuple[Result, Mapping[int, Decision]]:
    result = ecssim.run(loaded)
    numbers = [int(number) for number in result.placements["event_id"]]
    return result, decisions(result, numbers, loaded)


def as_recorded(result: Result, seen: Mapping[int, Decision]) -> None:
    """Every row of placements is the decision that was seen."""
    rows = result.placements
    assert set(seen) == set(rows["event_id"])
    for row in rows.itertuples():
        decision = seen[row.event_id]
        table = decision.table
        chosen = decision.instances[table.chosen].id if table.chosen >= 0 else None
        recorded = row.container_instance if isinstance(row.container_instance, str) else None
        assert (decision.t, decision.tasks, chosen) == (row.t, row.count, recorded)
        fell = {step.check: step.dropped for step in table.filters}
        assert {c: n for c in CHECKS if (n := getattr(row, f"rejected_{c}"))} == fell
        assert table.fitting == row.candidates
        for proof in decision.proofs:
            assert proof.holds, f"event {row.event_id}: {proof}"
        assert bool(decision.proofs) == (chosen is None and table.seen > 0)


def test_every_placement_of_a_cluster_with_daemons_jobs_and_faults() -> None:
    loaded = load_mapping(CASES["fleet"]())
    result, seen = played(loaded)
    as_recorded(result, seen)
    assert {decision.pinned for decision in seen.values()} == {False, True}
    assert any(decision.strategy == ("random",) for decision in seen.values())


@pytest.mark.parametrize("name", ["placement_strategies", "spot_mix", "stateful_on_ec2", "gpu_on_ec2"])
def test_every_placement_and_refusal_of_a_scenario(name: str) -> None:
    result, seen = played(ecssim.load(ROOT / "scenarios" / f"{name}.yaml"))
    as_recorded(result, seen)
    assert any(decision.table.chosen < 0 for decision in seen.values())


def test_playing_again_writes_the_same_events() -> None:
    loaded = ecssim.load(ROOT / "scenarios" / "spot_mix.yaml")
    first, second = ecssim.run(loaded), ecssim.run(loaded)
    decisions(first, [int(first.placements["event_id"].iloc[-1])], loaded)
    assert first.manifest["events"] == second.manifest["events"]


def test_another_seed_is_another_run() -> None:
    loaded = ecssim.load(ROOT / "scenarios" / "placement_strategies.yaml")
    result = ecssim.run(loaded)
    other = ecssim.load(ROOT / "scenarios" / "placement_strategies.yaml", sets=["services.api.desiredCount=3"])
    number = int(result.placements["event_id"].iloc[-1])
    with pytest.raises(AnotherRun, match=f"event/{number}"):
        decisions(result, [number], other)


def test_without_folder_or_scenario_there_is_nothing_to_play() -> None:
    result = ecssim.run(ecssim.load(ROOT / "scenarios" / "spot_mix.yaml"))
    assert decisions(result, [int(result.placements["event_id"].iloc[0])]) == {}
    assert decisions(result, [0]) == {}
