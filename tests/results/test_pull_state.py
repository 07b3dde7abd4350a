"""The option that shows an image pull as PENDING: other labels, the same times."""

from __future__ import annotations

from typing import Any

import pytest
from builders import COLD, DISPATCH, MANIFEST, PULL, Sim, call, group, path, scenario, task_definition

from ecssim.engine.describe_tasks import Words, task_document
from ecssim.engine.simulation import Engine
from ecssim.results.result import Result


def describe(engine: Engine, what: str) -> list[dict[str, Any]]:
    """The live tasks as DescribeTasks shows them."""
    assert what == "tasks"
    words = Words.of(engine)
    return [task_document(engine, t, words) for t in engine.lifecycle.live.values()]


def scene(state: str, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "duration": "5m",
        "taskDefinitions": [task_definition()],
        "autoScalingGroups": [group()],
        "timing": {"profile": "fixed", "instanceBoot": "0s"},
        "model": {"imagePullState": state},
        "timeline": [
            call(t, "RunTask", cluster="prod", taskDefinition="app", launchType="EC2") for t in ("10s", "11s")
        ],
    }
    return scenario(**(base | more))


def played(sim: Sim, state: str) -> Result:
    """The run's result, with the model in its manifest as ``ecssim.run`` puts it there."""
    result = sim.finish()
    sim.recorder.close(True, {"model": {"imagePullState": state}})
    return Result.from_sink(sim.sink) if result is not None else result


@pytest.mark.rule("LIFE-007")
def test_a_pull_is_shown_as_pending_and_takes_as_long() -> None:
    runs = {s: played(Sim(scene(s)), s) for s in ("ACTIVATING", "PENDING")}
    pulled = DISPATCH + MANIFEST + PULL
    for state, begins in (("ACTIVATING", DISPATCH), ("PENDING", pulled)):
        rows = [(round(t - 10.0, 3), s) for t, s in path(runs[state])]
        assert rows == [(0.0, "PENDING"), (round(begins, 3), "ACTIVATING"), (pytest.approx(COLD, abs=2e-3), "RUNNING")]
        assert runs[state].task_events.t.is_monotonic_increasing
    tasks = [r.tasks.drop(columns=[]) for r in runs.values()]
    assert tasks[0].equals(tasks[1])


@pytest.mark.rule("LIFE-007")
def test_a_task_that_ends_in_its_pull_was_never_activating() -> None:
    failing = {"app": {"failsToStart": {"share": 1.0, "reason": "CannotPullContainerError: no"}}}
    result = played(Sim(scene("PENDING", behaviour=failing)), "PENDING")
    assert [s for _, s in path(result)] == ["PENDING", "STOPPED"]


@pytest.mark.rule("LIFE-007")
def test_describe_shows_the_same_label() -> None:
    shown = {}
    for state in ("ACTIVATING", "PENDING"):
        sim = Sim(scene(state))
        shown[state] = [describe(sim.to(t).engine, "tasks")[0]["lastStatus"] for t in (10.1, 11.0, 12.0, 13.0)]
    assert shown["ACTIVATING"] == ["PENDING", "ACTIVATING", "ACTIVATING", "RUNNING"]
    assert shown["PENDING"] == ["PENDING", "PENDING", "ACTIVATING", "RUNNING"]
