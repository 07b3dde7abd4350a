"""Every command: what it prints where, what it writes, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import ecssim as package
from ecssim.cli.app import PLANNED, app
from ecssim.cli.demo import scenarios

Ecssim = Callable[..., Any]


def document(text: str) -> Any:
    """The one JSON document that stdout holds, and nothing else."""
    return json.loads(text)


@pytest.fixture
def folder(ecssim: Ecssim, small: Path) -> Path:
    answer = ecssim("run", small, "--out", "out", "--output", "json")
    assert answer.code == 0, answer.err
    return Path("out").resolve()


# -- the command itself ---------------------------------------------------------------------------------------


def test_version_names_the_package_version(ecssim: Ecssim) -> None:
    assert ecssim("--version") == (0, f"ecssim {package.__version__}\n", "")


def test_help_lists_every_command_once(ecssim: Ecssim) -> None:
    answer = ecssim("--help")
    assert answer.code == 0
    shown = [
        line.split()[0]
        for line in answer.out.split("Commands:")[1].splitlines()
        if line.startswith("  ") and line[2] != " "
    ]
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert shown[: len(names)] == names
    assert "..." not in answer.out.split("Commands:")[1]


@pytest.mark.parametrize("command", sorted(PLANNED))
def test_a_planned_command_says_so_in_one_line(ecssim: Ecssim, command: str) -> None:
    code, out, err = ecssim(command, "x.yaml", "--seeds", "3")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "is planned" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("chekc", "x"), "Did you mean 'check'?", id="a misspelt command names the nearest"),
        pytest.param(("run",), "SCENARIO", id="a missing argument is named"),
        pytest.param(("run", "x.yaml", "--sed", "3"), "--sed", id="an unknown option is named"),
        pytest.param(("run", "x.yaml", "--seed", "x"), "--seed", id="a seed that is no number"),
        pytest.param(("run", "x.yaml", "--seed", "-1"), "--seed", id="a seed below zero"),
        pytest.param(("run", "x.yaml", "--output", "xml"), "xml", id="an output that does not exist"),
        pytest.param(("run", "nothing.yaml"), "nothing.yaml: no such file", id="a scenario that is not there"),
        pytest.param(("describe", "x", "pods", "--at", "1h"), "pods", id="a thing that cannot be described"),
        pytest.param(("explain", "nowhere", "task/1"), "nowhere: holds no run", id="a folder that is not there"),
        pytest.param(("events", "nowhere"), "nowhere: holds no run", id="events of a folder that is not there"),
    ],
)
def test_bad_usage_is_refused_with_2(ecssim: Ecssim, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = ecssim(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


# -- check, schema, init, catalog -----------------------------------------------------------------------------


def test_check_says_that_a_scenario_is_good(ecssim: Ecssim, small: Path) -> None:
    assert ecssim("check", small) == (0, f"{small}: good\n", "")


def test_lint_alone_is_no_failure_unless_strict(ecssim: Ecssim, small: Path) -> None:
    text = small.read_text("utf-8")
    spare = "targetGroups:\n  - {targetGroupName: spare, targetType: ip, protocol: HTTP, port: 80}"
    small.write_text(text.replace("targetGroups:", spare, 1), "utf-8")
    code, out, err = ecssim("check", small)
    assert (code, err.count("\n")) == (0, 1)
    assert "warning:" in err
    assert "1 warning" in out
    assert ecssim("check", small, "--strict").code == 2


def test_check_applies_set_and_variant(ecssim: Ecssim, small: Path) -> None:
    assert ecssim("check", small, "--set", "services.web.desiredCount=3").code == 0
    code, _, err = ecssim("check", small, "--set", "services.web.desiredCount=many")
    assert code == 2
    assert "desiredCount" in err
    assert ecssim("check", small, "--variant", "nobody").code == 2


def test_check_as_json_is_one_document(ecssim: Ecssim, small: Path) -> None:
    assert document(ecssim("check", small, "--output", "json").out)["good"] is True
    code, out, _ = ecssim("check", small, "--set", "duration=soon", "--output", "json")
    assert code == 2
    (problem,) = document(out)["problems"]
    assert problem["severity"] == "error"


def test_schema_accepts_the_starter(ecssim: Ecssim) -> None:
    import yaml
    from jsonschema import Draft202012Validator
    from yamlcore import CoreLoader

    from ecssim.cli.starter import STARTER

    schema = document(ecssim("schema").out)
    written = yaml.load(STARTER.read_text("utf-8"), Loader=CoreLoader)
    assert not list(Draft202012Validator(schema).iter_errors(written))


def test_init_writes_a_scenario_that_is_good_and_holds_what_it_expects(ecssim: Ecssim) -> None:
    assert ecssim("init", "new.yaml").code == 0
    assert ecssim("check", "new.yaml", "--strict").code == 0
    answer = ecssim("run", "new.yaml", "--output", "json")
    assert answer.code == 0
    assert all(verdict["held"] for verdict in document(answer.out)["expect"])


def test_init_overwrites_nothing(ecssim: Ecssim) -> None:
    Path("scenario.yaml").write_text("mine", "utf-8")
    code, _, err = ecssim("init")
    assert (code, err) == (2, "scenario.yaml: is there already: choose another name\n")
    assert Path("scenario.yaml").read_text("utf-8") == "mine"


def test_init_is_content_with_what_it_wrote_before(ecssim: Ecssim) -> None:
    """Every page of the documentation begins with it."""
    assert ecssim("init", "my.yaml").code == 0
    assert ecssim("init", "my.yaml") == (0, "my.yaml is there already, unchanged; next: ecssim run my.yaml\n", "")
    with Path("my.yaml").open("a", encoding="utf-8") as file:
        file.write("# mine\n")
    assert ecssim("init", "my.yaml").code == 2


@pytest.mark.parametrize("command", [(), ("run",), ("catalog",)])
def test_help_has_a_short_name(ecssim: Ecssim, command: tuple[str, ...]) -> None:
    assert ecssim(*command, "-h") == ecssim(*command, "--help")
    assert ecssim(*command, "-h").code == 0


@pytest.mark.parametrize(
    ("topic", "row"),
    [
        pytest.param("instance-types", {"instanceType": "m5.large", "vCpu": 2, "memoryMiB": 8192}, id="instance types"),
        pytest.param("fargate", {"cpu": 256, "memoryMiB": 512, "operatingSystem": "Linux"}, id="Fargate sizes"),
        pytest.param("prices", {"name": "natGatewayHour", "usd": "0.045", "unit": "hour"}, id="prices"),
        pytest.param("quotas", {"quota": "fargateOnDemandVcpu", "mature": None, "new": 6}, id="quotas"),
        pytest.param(
            "eni-exceptions", {"instanceType": "i4i.metal", "awsvpcTasks": 133, "documented": 498}, id="exceptions"
        ),
    ],
)
def test_catalog_lists_what_aws_publishes(ecssim: Ecssim, topic: str, row: dict[str, Any]) -> None:
    rows = document(ecssim("catalog", topic, "--output", "json").out)
    assert any(row.items() <= found.items() for found in rows)
    table = ecssim("catalog", topic).out.splitlines()
    assert len(table) == len(rows) + 1
    assert table[0].split() == list(rows[0])


# -- run ------------------------------------------------------------------------------------------------------


def test_run_as_json_prints_one_document_and_is_silent_beside_it(ecssim: Ecssim, small: Path) -> None:
    code, out, err = ecssim("run", small, "--output", "json")
    summary = document(out)
    assert (code, err) == (0, "")
    assert summary["complete"] is True
    assert summary["scenario"] == "my-first-scenario"
    assert not list(Path().glob("*/"))


def test_a_run_folder_holds_what_the_contract_says(folder: Path) -> None:
    names = {entry.name for entry in folder.iterdir()}
    assert names == {"manifest.json", "report.html", "scenario.yaml", "summary.json", "tables"}
    summary = document((folder / "summary.json").read_text("utf-8"))
    assert summary["complete"] is True
    assert [verdict["held"] for verdict in summary["expect"]] == [True, True]
    assert package.open(folder).complete


def test_the_scenario_in_the_folder_gives_the_same_run(ecssim: Ecssim, folder: Path) -> None:
    assert ecssim("run", folder / "scenario.yaml", "--out", "again", "--output", "json").code == 0
    first, second = (json.loads((f / "manifest.json").read_text("utf-8")) for f in (folder, Path("again")))
    assert first["digest"] == second["digest"]
    assert first["tables"] == second["tables"]


def test_a_run_folder_is_replaced(ecssim: Ecssim, small: Path, folder: Path) -> None:
    before = package.open(folder).manifest["seed"]
    assert ecssim("run", small, "--seed", "99", "--out", folder, "--output", "json").code == 0
    assert (before, package.open(folder).manifest["seed"]) == (7, 99)


def test_another_folder_is_refused_and_left_alone(ecssim: Ecssim, small: Path) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("all of it", "utf-8")
    code, out, err = ecssim("run", small, "--out", "mine")
    assert (code, out) == (2, "")
    assert err == "mine: is not empty and holds no run: choose another folder\n"
    assert [entry.name for entry in Path("mine").iterdir()] == ["thesis.txt"]


def test_a_folder_that_cannot_be_made_gives_one_line(ecssim: Ecssim, small: Path) -> None:
    Path("file").write_text("", "utf-8")
    code, out, err = ecssim("run", small, "--out", "file/out")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("file/out: cannot be written: ")


def test_a_full_disk_gives_one_line(ecssim: Ecssim, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ecssim.record.sinks import FolderSink

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FolderSink, "part", full)
    code, out, err = ecssim("run", small, "--out", "out", "--output", "json")
    assert (code, out, err) == (2, "", "out: cannot be written: No space left on device\n")


def test_bad_input_leaves_an_older_run_alone(ecssim: Ecssim, small: Path, folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert ecssim("run", small, "--set", "services.web.cluster=nobody", "--out", folder).code == 2
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_what_only_compiling_finds_leaves_an_older_run_alone(
    ecssim: Ecssim, small: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ecssim.errors import BadInput, Problem

    def refuse(*_: object, **_more: object) -> None:
        raise BadInput([Problem("trace.csv", 3, 1, "expected a number, got 'x'")])

    # Not by its dotted name: once it was used, `ecssim.run` is the function.
    monkeypatch.setattr(import_module("ecssim.run"), "compile_scenario", refuse)
    before = (folder / "manifest.json").read_bytes()
    code, _, err = ecssim("run", small, "--out", folder)
    assert (code, err) == (2, "trace.csv:3:1: expected a number, got 'x'\n")
    assert (folder / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        pytest.param("90s", 90.0, id="a duration"),
        pytest.param("08:05", 300.0, id="a clock time"),
        pytest.param("2026-03-02T08:10:00Z", 600.0, id="a timestamp"),
        pytest.param("9h", 1200.0, id="beyond the end is the end"),
    ],
)
def test_until_stops_the_run(ecssim: Ecssim, small: Path, until: str, seconds: float) -> None:
    assert ecssim("run", small, "--until", until, "--out", "out", "--output", "json").code in (0, 1)
    assert package.open("out").manifest["simulated"] == seconds


@pytest.mark.parametrize("until", ["soon", "-5m", "90", "0", "25:00", "2026-03-02T08:10:00", "2026-03-01T08:00:00Z"])
def test_until_must_be_a_moment_of_the_run(ecssim: Ecssim, small: Path, until: str) -> None:
    code, out, err = ecssim("run", small, f"--until={until}")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("--until: ")


def test_an_expectation_that_fails_gives_1_and_is_named(ecssim: Ecssim, small: Path) -> None:
    small.write_text(small.read_text("utf-8").replace("atLeast: 10", "atLeast: 60"), "utf-8")
    code, out, _ = ecssim("run", small, "--output", "json")
    held, failed = document(out)["expect"]
    assert (code, held["held"], failed["held"]) == (1, True, False)
    assert failed["text"].startswith("FAILED: min of subnet.freeAddresses of private-a was ")


def test_a_bug_gives_3_with_its_traceback_and_the_replay(
    ecssim: Ecssim, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ecssim.engine.lifecycle import Lifecycle

    def broken(*_: object) -> None:
        raise RuntimeError("the moon is wrong")

    monkeypatch.setattr(Lifecycle, "_enter_activating", broken)
    code, out, err = ecssim("run", small, "--set", "seed=8", "--out", "out", "--output", "json")
    assert (code, out) == (3, "")
    assert "Traceback (most recent call last)" in err
    assert "RuntimeError: the moon is wrong" in err
    digest = package.open("out").manifest["digest"]
    assert f"scenario digest {digest}, seed 8, event " in err
    assert f"replay: ecssim run {small} --set seed=8 --seed 8" in err


def test_invariants_can_be_checked(ecssim: Ecssim, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECSSIM_CHECK", "")
    monkeypatch.setattr("ecssim.engine.invariants.violations", lambda engine: ["one task too many"])
    assert ecssim("run", small, "--output", "json").code == 0
    code, _, err = ecssim("run", small, "--output", "json", "--check-invariants")
    assert code == 3
    assert "one task too many" in err


# -- questions to a run folder --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "key", "count"),
    [
        ("tasks", "tasks", 12),
        ("services", "services", 1),
        ("container-instances", "containerInstances", 0),
        ("subnets", "Subnets", 2),
    ],
)
def test_describe_plays_the_run_again_to_the_moment(
    ecssim: Ecssim, folder: Path, what: str, key: str, count: int
) -> None:
    answer = ecssim("describe", folder, what, "--at", "5m")
    assert answer.code == 0
    assert len(document(answer.out)[key]) == count


def test_describe_shows_the_moment_and_not_the_end(ecssim: Ecssim, folder: Path) -> None:
    def definition(at: str) -> str:
        (service,) = document(ecssim("describe", folder, "services", "--at", at).out)["services"]
        return str(service["taskDefinition"]).rsplit("/", 1)[-1]

    assert [definition(at) for at in ("9m", "08:11", "2026-03-02T08:15:00Z")] == ["web:1", "web:2", "web:2"]


def test_describe_answers_as_the_api_does(ecssim: Ecssim, folder: Path) -> None:
    answer = document(ecssim("describe", folder, "tasks", "--at", "5m", "--service", "web").out)
    assert set(answer) == {"tasks", "failures"}
    task, other = answer["tasks"][:2]
    one = document(ecssim("describe", folder, "tasks", "--at", "5m", "--task", task["taskArn"], "--task", "0").out)
    assert one == {"tasks": [task], "failures": [{"arn": "0", "reason": "MISSING"}]}
    assert task["version"] >= 1
    assert document(ecssim("describe", folder, "tasks", "--at", "5m", "--desired-status", "STOPPED").out)["tasks"] == []
    stopped = document(ecssim("describe", folder, "tasks", "--at", "19m", "--desired-status", "STOPPED").out)["tasks"]
    assert {t["desiredStatus"] for t in stopped} == {"STOPPED"}
    assert other["taskArn"] in {t["taskArn"] for t in stopped}
    subnets = document(ecssim("describe", folder, "subnets", "--at", "5m").out)["Subnets"]
    name = subnets[0]["SubnetId"]
    assert document(ecssim("describe", folder, "subnets", "--at", "5m", "--subnet", name).out)["Subnets"] == subnets[:1]


def test_describe_shows_what_a_container_sees(ecssim: Ecssim, folder: Path) -> None:
    task = document(ecssim("describe", folder, "tasks", "--at", "5m").out)["tasks"][0]
    asked = ("describe", folder, "metadata", "--at", "5m", "--task", task["taskArn"])
    shown = document(ecssim(*asked).out)
    assert shown["TaskARN"] == task["taskArn"]
    (container,) = shown["Containers"]
    assert document(ecssim(*asked, "--container", container["Name"]).out) == container
    assert document(ecssim(*asked, "--path", "/taskWithTags").out) == {**shown, "TaskTags": {}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tasks", "--service", "wbe"), "there is no service 'wbe'; did you mean web?"),
        (("tasks", "--instance", "i-0"), "there is no container instance 'i-0'"),
        (("metadata",), "name it with --task"),
        (("introspection",), "name its instance with --instance"),
        (("metadata", "--task", "0"), "there is no task '0'"),
        (("tasks", "--desired-status", "PENDING"), "PENDING"),
    ],
)
def test_describe_refuses_what_names_nothing(
    ecssim: Ecssim, folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = ecssim("describe", folder, *arguments, "--at", "5m")
    assert (code, out) == (2, "")
    assert words in err


def test_describe_ends_where_the_run_did(ecssim: Ecssim, folder: Path) -> None:
    assert ecssim("describe", folder, "tasks", "--at", "20m").code == 0
    assert ecssim("describe", folder, "tasks", "--at", "21m") == (2, "", "--at: the run ended at 20m00s (08:20:00Z)\n")


def test_events_are_sent_as_lines_of_eventbridge(ecssim: Ecssim, folder: Path) -> None:
    answer = ecssim("events", folder, "--format", "eventbridge")
    assert (answer.code, answer.err) == (0, "")
    lines = [document(line) for line in answer.out.splitlines()]
    assert {line["source"] for line in lines} == {"aws.ecs"}
    kinds = [line["detail-type"] for line in lines]
    assert kinds.count("ECS Task State Change") == len(package.open(folder).task_events)
    assert ecssim("events", folder, "--format", "eventbridge", "--kind", "calls").code == 2


def test_a_run_that_was_steered_by_hand_does_not_come_out_again(ecssim: Ecssim, small: Path, tmp_path: Path) -> None:
    simulation = package.simulate(small, out=tmp_path / "steered")
    simulation.advance("5m")
    simulation.call("UpdateService", service="web", desiredCount=1)
    simulation.finish()
    answer = ecssim("events", tmp_path / "steered", "--format", "eventbridge")
    assert answer.code == 0
    assert "steered by hand" in answer.err


def test_events_come_in_the_order_of_their_ids(ecssim: Ecssim, folder: Path) -> None:
    rows = document(ecssim("events", folder, "--format", "json").out)
    ids = [row["event_id"] for row in rows]
    assert ids == sorted(ids)
    assert len(ids) == package.open(folder).manifest["events"]
    assert {"task_events", "calls", "service_events"} <= {row["kind"] for row in rows}


def test_events_as_lines_are_one_line_each(ecssim: Ecssim, folder: Path) -> None:
    lines = ecssim("events", folder, "--kind", "calls").out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("2026-03-02T08:10:00.000Z #")
    assert "action=UpdateService" in lines[0]


def test_events_of_no_table_name_the_nearest(ecssim: Ecssim, folder: Path) -> None:
    code, _, err = ecssim("events", folder, "--kind", "service_event")
    assert (code, err) == (2, "--kind: there is no table of events 'service_event'; did you mean service_events?\n")


def test_the_built_in_scenarios_are_listed(ecssim: Ecssim) -> None:
    answer = ecssim("demo", "--list")
    assert answer.code == 0
    for path in scenarios().glob("*.yaml"):
        assert str(path) in answer.out
