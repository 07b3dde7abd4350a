"""Users' own placement strategies: found, looked at before anything runs, and obeyed."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import group, scenario, service, task_definition

from ecssim.cli.guard import main
from ecssim.decide.own_strategy import Instances, OwnField, TaskToPlace
from ecssim.decide.placement import StrategyItem, place
from ecssim.errors import BadInput, ClientError
from ecssim.run import load, run, simulate
from ecssim.scenario.load import Loaded, load_mapping
from ecssim.world.fleet import Fleet
from ecssim.world.naive_fleet import NaiveFleet
from ecssim.world.requests import InstanceSpec, Request

DOCS = Path(__file__).resolve().parents[2] / "docs" / "strategies.md"


def custom(field: str | None, *more: dict[str, str]) -> list[dict[str, Any]]:
    return [{"type": "custom", **({"field": field} if field is not None else {})}, *more]


def document(field: str | None, **more: Any) -> dict[str, Any]:
    base = scenario(
        duration="10m",
        allow=["customPlacementStrategy"],
        initialState="steady",
        taskDefinitions=[task_definition()],
        autoScalingGroups=[group(4, subnets=["a", "b"])],
        services=[service(count=6, placementStrategy=custom(field))],
    )
    return base | more


def loaded(tmp_path: Path, code: str, field: str = "own:chosen", **more: Any) -> Loaded:
    (tmp_path / "own.py").write_text(code)
    return load_mapping(document(field, **more), tmp_path)


def by_instance(tasks: Any) -> list[int]:
    return sorted(tasks.container_instance.value_counts().to_list(), reverse=True)


LAST = "import numpy as np\ndef chosen(task, instances):\n    return -np.arange(len(instances))\n"


@pytest.mark.rule("PLACE-020")
@pytest.mark.parametrize("field", ["own:chosen", "own.py:chosen", "./own.py:chosen"])
def test_a_function_beside_the_scenario_decides(tmp_path: Path, field: str) -> None:
    simulation = simulate(loaded(tmp_path, LAST, field))
    # always the instance that registered last, whose 2,048 CPU units take six tasks of 256
    assert {task.instance for task in simulation.engine.lifecycle.live.values()} == {3}
    assert set(simulation.finish().placements.strategy.astype(str)) == {f"custom({field})"}


def test_a_module_that_python_can_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere_strategies.py").write_text(LAST)
    monkeypatch.syspath_prepend(str(tmp_path))
    result = run(load_mapping(document("elsewhere_strategies:chosen"), tmp_path / "nowhere"))
    assert result.tasks.container_instance.nunique() == 1


def test_an_entry_point_of_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "packaged_strategies.py").write_text(LAST)
    monkeypatch.syspath_prepend(str(tmp_path))
    point = metadata.EntryPoint("last", "packaged_strategies:chosen", "ecssim.placement_strategies")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == point.group else [])
    assert run(load_mapping(document("last"), tmp_path)).tasks.container_instance.nunique() == 1
    with pytest.raises(BadInput, match=r"'lost'.*offered: last.*did you mean last"):
        load_mapping(document("lost"), tmp_path)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param("def chosen(task): return 0", "chosen(task) cannot be called", id="one argument"),
        pytest.param("def chosen(a, b, c): return 0", "chosen(a, b, c) cannot be called", id="three arguments"),
        pytest.param("def chosen(*, task, instances): return 0", "cannot be called", id="by keyword only"),
        pytest.param("async def chosen(task, instances): return 0", "async", id="async"),
        pytest.param("def chosen(task, instances):\n    yield 1", "generator", id="a generator"),
        pytest.param("chosen = 7", "int, not a function", id="no function"),
        pytest.param("class chosen:\n    def __init__(self, a, b): ...", "type, not a function", id="a class"),
        pytest.param("def other(task, instances): return 0", "no function 'chosen'", id="another name"),
        pytest.param("def chosne(task, instances): return 0", "did you mean chosne", id="a slip"),
        pytest.param("def chosen(task, instances): return 0", "array of shape () for 2 instances", id="one number"),
        pytest.param("def chosen(task, instances): return [1, 2, 3]", "3 scores for 2 instances", id="too many scores"),
        pytest.param("def chosen(task, instances): return ['a', 'b']", "ValueError", id="words"),
        pytest.param("def chosen(task, instances): return [1, float('nan')]", "NaN", id="not a number"),
        pytest.param("def chosen(task, instances): return task.disk", "AttributeError", id="what a task has not"),
        pytest.param("import nothing_like_this", "ModuleNotFoundError", id="a broken module"),
        pytest.param("def chosen(task instances)", "SyntaxError", id="no Python"),
    ],
)  # fmt: skip
def test_what_is_not_a_strategy_is_refused_before_anything_runs(tmp_path: Path, code: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        loaded(tmp_path, code)
    (problem,) = caught.value.problems
    assert words in problem.message
    assert problem.rule == "PLACE-020"


def test_the_place_and_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.py").write_text("def chosen(task): return 0\n")
    path = tmp_path / "s.json"
    path.write_text(json.dumps(document("own:chosen"), indent=1))
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if '"own:chosen"' in text)
    assert main(["run", str(path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{path}:{line}:")
    assert "cannot be called as (task, instances) [PLACE-020]" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"allow": []}, "allow: [customPlacementStrategy]", id="AWS has none"),
        pytest.param({"services": [service(placementStrategy=custom(None))]}, "module:function", id="no name"),
        pytest.param({"services": [service(placementStrategy=custom("none_such:f"))]}, "none_such", id="no module"),
        pytest.param({"services": [service(placementStrategy=custom("lib/no.py:f"))]}, "no file", id="no file"),
    ],
)  # fmt: skip
def test_what_the_scenario_must_say(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=re.escape(words)):
        loaded(tmp_path, LAST, **changes)


def test_a_strategy_that_breaks_during_the_run_is_bad_input(tmp_path: Path) -> None:
    code = "def chosen(task, instances):\n    return [0.0] * (len(instances) if len(instances) < 3 else 1)\n"
    with pytest.raises(BadInput, match="1 scores for 4 instances"):
        run(loaded(tmp_path, code))


def test_calls_may_bring_one_and_are_refused_with_a_wrong_one(tmp_path: Path) -> None:
    simulation = simulate(loaded(tmp_path, LAST + "def wrong(task): ...\n"))
    simulation.advance("1m")
    call = {"cluster": "prod", "taskDefinition": "app", "launchType": "EC2", "count": 3}
    simulation.call("RunTask", **call, placementStrategy=custom("own:chosen"))
    with pytest.raises(ClientError, match="cannot be called"):
        simulation.call("RunTask", **call, placementStrategy=custom("own:wrong"))
    tasks = simulation.finish().tasks
    assert len(tasks) == 9
    assert by_instance(tasks[tasks.service.isna()]) == [2, 1]  # two fit beside the six of the service


def test_the_digest_follows_the_function(tmp_path: Path) -> None:
    first = loaded(tmp_path, LAST).digest
    assert loaded(tmp_path, LAST).digest == first
    assert loaded(tmp_path, LAST.replace("-np", "+np")).digest != first


def test_the_resolved_scenario_runs_from_anywhere(tmp_path: Path) -> None:
    before = run(loaded(tmp_path, LAST), out=tmp_path / "run").tasks
    again = run(load(tmp_path / "run" / "scenario.yaml")).tasks
    assert again.container_instance.astype(str).to_list() == before.container_instance.astype(str).to_list()


# -- the decision ---------------------------------------------------------------------------------------------


def fleets() -> tuple[Fleet, NaiveFleet]:
    both = Fleet(), NaiveFleet()
    for n in range(6):
        spec = InstanceSpec(2048 - 256 * n, 4096, zone="ab"[n % 2], attributes={"rack": str(n // 3)})
        for fleet in both:
            fleet.add(spec)
    return both


SMALL = Request(256, 512)
ZONE_SPREAD = StrategyItem("spread", "attribute:ecs.availability-zone")


def item(score: Any) -> StrategyItem:
    return StrategyItem("custom", OwnField("f", score))


@pytest.mark.rule("PLACE-024")
def test_it_nests_and_leaves_ties_to_the_next() -> None:
    for fleet in fleets():
        fleet.reserve(0, SMALL, 1)
        least_cpu = item(lambda task, instances: instances.cpu)
        assert place(fleet, SMALL, 1, (least_cpu,)).ordinal == 5
        assert place(fleet, SMALL, 1, (ZONE_SPREAD, item(lambda t, i: -i.cpu))).ordinal == 1
        rack = item(lambda t, i: i.attribute("rack") == "0")  # the lowest score: the other rack
        assert place(fleet, SMALL, 1, (rack,)).ordinal == 3
        assert place(fleet, SMALL, 1, (rack, least_cpu)).ordinal == 5
        assert place(fleet, SMALL, 1, (rack, StrategyItem("random")), 0.99).ordinal == 5
        assert place(fleet, SMALL, 1, (item(lambda t, i: np.abs(np.arange(len(i)) - t.draw * 6)),), 0.5).ordinal == 3


def test_index_and_oracle_show_the_same_columns() -> None:
    index, naive = fleets()
    for fleet in (index, naive):
        for ordinal in (0, 0, 3):
            fleet.reserve(ordinal, SMALL, 1)
    one, other = (Instances(fleet, [0, 1, 3, 4], 1) for fleet in (index, naive))
    for column in ("cpu", "memory", "gpus", "enis", "registered_cpu", "registered_memory", "registered_gpus",
                   "registered_enis", "group_tasks", "zone_tasks", "zone"):  # fmt: skip
        assert getattr(one, column).tolist() == getattr(other, column).tolist(), column
    assert one.cpu.tolist() == [1536, 1792, 1024, 1024]
    assert one.group_tasks.tolist() == [2, 0, 1, 0]
    assert one.zone_tasks.tolist() == [2, 1, 1, 2]
    assert one.tasks_by("rack").tolist() == other.tasks_by("rack").tolist() == [2, 2, 1, 1]
    assert TaskToPlace(1, 2, 0, False, 0.5).draw == 0.5


# -- the page and the scenario --------------------------------------------------------------------------------


def test_the_example_of_the_page_does_what_it_says(tmp_path: Path) -> None:
    page = DOCS.read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", page, re.S)[:2])
    (tmp_path / "own.py").write_text(blocks["python"])
    path = tmp_path / "scenario.yaml"
    path.write_text(blocks["yaml"])
    result = run(load(path))
    # four tasks of 512 CPU units fill one instance of 2,048
    assert by_instance(result.tasks) == [4]
    first = result.summary()["findings"][0]
    assert first["what"] == "run.whatIf"
    assert "customPlacementStrategy" in first["text"]
