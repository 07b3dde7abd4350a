"""Whatever a scenario says, it runs or its problems are listed: no input makes anything else happen.

``mutations`` says what is done to the valid scenarios of ``small_scenarios``. The seeds of a test run are fixed,
so that a red build is the change's fault; ``-m slow`` tries many more.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml
from mutations import mutated
from small_scenarios import CASES
from yamlcore import CCoreDumper

from ecssim.cli import main
from ecssim.errors import BadInput
from ecssim.run import Simulation
from ecssim.scenario.load import Loaded, load_mapping, load_scenario

SOME, MANY = range(100), range(100, 1_500)
#: Long enough for every entry of the timelines.
HORIZON = 660.0


def _attempt(case: str, seed: int) -> str:
    """Load a mutation and play its first minutes: ``ran`` or ``refused``; anything else raises."""
    try:
        loaded = load_mapping(mutated(CASES[case](), seed))
    except BadInput as error:
        problems = error.problems
    else:
        return _play(loaded)
    assert problems
    assert all(problem.message and "\n" not in problem.message for problem in problems)
    return "refused"


def _play(loaded: Loaded) -> str:
    simulation = Simulation(loaded, until=HORIZON)
    result = simulation.finish()
    assert result.complete
    return "ran"


@pytest.mark.parametrize("case", CASES)
def test_a_valid_scenario_runs_whole_and_uses_every_section_it_names(case: str) -> None:
    result = Simulation(load_mapping(CASES[case]()), until=HORIZON).finish()
    counted = Counter(result.calls["result"])
    assert counted["ok"] >= len(CASES[case]()["timeline"])
    assert len(result.task_events) > 100


@pytest.mark.parametrize("case", CASES)
def test_mutations_run_or_are_refused(case: str) -> None:
    outcomes = Counter(_attempt(case, seed) for seed in SOME)
    # Were nearly all of one kind, the mutations would not be trying the other side.
    assert min(outcomes["ran"], outcomes["refused"]) > len(SOME) // 8


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_many_mutations_run_or_are_refused(case: str) -> None:
    for seed in MANY:
        try:
            _attempt(case, seed)
        except Exception as error:
            error.add_note(f"mutated(CASES[{case!r}](), {seed})")
            raise


@pytest.mark.parametrize("case", CASES)
def test_a_mutation_reads_the_same_from_yaml_as_from_python(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    compared = 0
    for seed in range(1, 80, 2):
        document = mutated(CASES[case](), seed)
        try:
            text = yaml.dump(document, Dumper=CCoreDumper, sort_keys=False, allow_unicode=True)
        except (yaml.YAMLError, UnicodeError):
            continue  # no YAML says this
        Path("s.yaml").write_text(text, "utf-8")
        try:
            expected = load_mapping(document).digest
        except BadInput:
            with pytest.raises(BadInput):
                load_scenario("s.yaml")
            continue
        assert load_scenario("s.yaml").digest == expected
        compared += 1
    assert compared > 10


@pytest.mark.parametrize("case", CASES)
def test_the_command_answers_mutations_with_its_exit_codes(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    codes: Counter[int] = Counter()
    for seed in range(14):
        try:
            text = yaml.dump(mutated(CASES[case](), seed), Dumper=CCoreDumper, allow_unicode=True)
            Path("s.yaml").write_text(text, "utf-8")
        except (yaml.YAMLError, UnicodeError):
            continue
        code = main(["run", "s.yaml", "--until", "90s", "--out", "out", "--output", "json"])
        said = capsys.readouterr()
        assert code in (0, 1, 2), said.err
        assert "Traceback" not in said.err
        assert (code == 2) == (said.out == "")
        codes[code] += 1
    assert codes[2] > 1
    assert codes[0] + codes[1] > 1
