"""Explanations of the built-in scenarios: chains of causes from an end back to the call that began it."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

import ecssim
from ecssim.errors import BadInput
from ecssim.replay import decisions
from ecssim.results.explain import explain
from ecssim.results.explanation import Explanation, Section
from ecssim.results.result import Result
from tests.golden.summaries import ROOT


def run(name: str) -> Result:
    return ecssim.run(ecssim.load(ROOT / "scenarios" / f"{name}.yaml"))


@pytest.fixture(scope="module")
def demo() -> Result:
    return run("demo")


@pytest.fixture(scope="module")
def placement() -> Result:
    return run("placement_strategies")


def section(explanation: Explanation, heading: str) -> Section:
    return next(s for s in explanation.sections if s.heading == heading)


def first_task(result: Result, **wanted: object) -> str:
    tasks = result.tasks
    for column, value in wanted.items():
        tasks = tasks[tasks[column] == value]
    return str(tasks["task_id"].iloc[0])


def test_a_failed_start_leads_back_to_the_call_and_names_the_subnet(demo: Result) -> None:
    name = first_task(demo, stop_code="TaskFailedToStart")
    explanation = explain(demo, f"task/{name}")
    why = section(explanation, "Why it exists").steps
    assert why[-1].text == "timeline called UpdateService for checkout"
    assert [step.depth for step in why] == [0, 1, 2]
    assert "private-a had no free address" in section(explanation, "Where it went").steps[0].text
    assert "InsufficientFreeAddressesInSubnet" in section(explanation, "Why it ended").steps[0].text


def test_the_states_of_a_life_add_up_to_its_length(demo: Result) -> None:
    tasks = demo.tasks
    task = tasks[(tasks["stop_code"] == "ServiceSchedulerInitiated") & tasks["started_at"].notna()].iloc[0]
    steps = section(explain(demo, f"task/{task['task_id']}"), "What it went through").steps
    assert steps[-1].t == task["stopped_at"]
    assert [step.t for step in steps] == sorted(step.t for step in steps)
    assert steps[-1].text == "STOPPED"
    assert "drained" in " ".join(step.text for step in steps)


def test_the_beginning_of_an_id_is_enough_if_it_is_of_one_task(demo: Result) -> None:
    name = first_task(demo, service="checkout")
    assert explain(demo, f"task/{name[:10]}").subject == f"task/{name}"


def test_a_placement_says_what_was_looked_at_and_what_decided(placement: Result) -> None:
    name = first_task(placement, service="api")
    text = section(explain(placement, f"task/{name}"), "Where it went").steps[0].text
    assert text.startswith("placed on i-")
    for words in ("6 instances looked at", "spread(instanceId)", "goes to who registered first"):
        assert words in text


def test_a_service_that_found_no_place_says_how_many_instances_each_check_ruled_out(placement: Result) -> None:
    row = placement.placements
    number = int(row[row["reason"].notna()]["event_id"].iloc[0])
    text = section(explain(placement, f"event/{number}"), "What happened").steps[0].text
    assert "no place for 2 tasks of service:reports (RESOURCE:MEMORY)" in text
    assert "by memory" in text


def test_the_addresses_of_a_subnet_are_all_accounted_for(demo: Result) -> None:
    steps = section(explain(demo, "subnet/private-a"), "Who held its addresses").steps
    full = next(step for step in steps if step.t == 7200.0)
    assert full.text.startswith("59 of 59 held: checkout ")
    for who in ("search 10", "declared 9", "load_balancers 2"):
        assert who in full.text


def test_a_subnet_that_had_room_says_how_much(demo: Result) -> None:
    answer = explain(demo, "subnet/private-b").answer
    assert "It always had free addresses: 3 of 59 at the least" in answer


def test_the_fix_of_a_subnet_is_that_of_the_summary() -> None:
    """Two subnets need larger blocks, which must not overlap each other: a fix for one alone is another one."""
    result = ecssim.run(ecssim.load(ROOT / "scenarios" / "balancer_growth.yaml"))
    fixes = {f["of"]: f["fix"] for f in result.summary()["findings"] if f["what"] == "subnet.exhausted"}
    assert set(fixes) == {"shared-a", "shared-b"}
    for subnet, fix in fixes.items():
        assert f"Fix: {fix}" in explain(result, f"subnet/{subnet}").answer.splitlines()[0]


def test_a_service_tells_its_calls_and_events_in_the_order_of_time(demo: Result) -> None:
    explanation = explain(demo, "service/checkout")
    assert explanation == explain(demo, "service/prod/checkout")
    assert [step.t for step in section(explanation, "Calls").steps] == [4500.0, 7200.0]
    reported = section(explanation, "What it reported").steps
    assert [step.t for step in reported] == sorted(step.t for step in reported)


def test_every_event_of_a_run_can_be_explained_and_causes_are_older(demo: Result) -> None:
    last = int(demo.manifest["events"])
    for number in range(1, last + 1, 7):
        steps = section(explain(demo, f"event/{number}"), "What happened").steps
        assert steps[0].event_id == number
        assert [step.event_id for step in steps] == sorted((s.event_id for s in steps), reverse=True)


def test_an_explanation_is_json_and_its_text_has_every_step(demo: Result) -> None:
    explanation = explain(demo, "service/checkout")
    json.dumps(asdict(explanation), allow_nan=False)
    for part in explanation.sections:
        assert part.heading in explanation.text
        assert all(step.text in explanation.text for step in part.steps)


def again(result: Result, name: str, what: str) -> Explanation:
    loaded = ecssim.load(ROOT / "scenarios" / f"{name}.yaml")
    return explain(result, what, lambda numbers: decisions(result, numbers, loaded))


def test_a_refusal_says_the_smallest_change_and_that_it_was_tried(placement: Result) -> None:
    explanation = again(placement, "placement_strategies", "service/reports")
    lines = section(explanation, "What would have made one of the 2 tasks fit").lines
    # 1,024 + 6,144 asked for; the instance with one task of each spread service has 5,939 MiB of 7,987 left.
    assert lines[0].startswith("the smallest change: 205 MiB of memory more (it has 5,939 of 7,987 left), on i-")
    assert lines[0].endswith("2.57% of what it registered")
    assert "decided again with it, the task is placed on i-" in lines[1]
    assert "so is a task that asks for so much less" in lines[1]
    (decision,) = explanation.decisions
    json.dumps(decision, allow_nan=False)
    (change,) = decision["changes"]
    assert (change["way"], change["more"], change["holds"]) == ("room", {"memory": 205}, True)
    assert change["share_of_registered"] == 205 / 7987


def test_a_placement_has_its_filters_strategies_and_runners_up(placement: Result) -> None:
    task = placement.tasks[placement.tasks["service"] == "cache"].iloc[-1]
    explanation = again(placement, "placement_strategies", f"task/{task['task_id']}")
    heading = next(s.heading for s in explanation.sections if s.heading.startswith("How event"))
    text = "\n".join(section(explanation, heading).lines)
    assert "asks for 256 CPU units and 1,024 MiB" in text
    assert "binpack(memory): 1 of 6 left, the best score is" in text
    assert f"chosen: {task['container_instance']}" in text
    (decision,) = explanation.decisions
    scores = [candidate["scores"][0] for candidate in decision["candidates"]]
    assert scores == sorted(scores)
    assert scores[0] < scores[1], "the fullest wins, the next fullest is named after it"
    assert decision["candidates"][0]["container_instance"] == task["container_instance"]
    assert decision["candidates"][1]["out_at"] == "binpack(memory)"


def test_a_rule_in_the_way_is_named_and_goes() -> None:
    strategy = '[{type: memberOf, expression: "attribute:rack == r9"}]'
    path = ROOT / "scenarios" / "placement_strategies.yaml"
    loaded = ecssim.load(path, sets=[f"services.api.placementConstraints={strategy}"])
    result = ecssim.run(loaded)
    explanation = explain(result, "service/api", lambda numbers: decisions(result, numbers, loaded))
    lines = "\n".join(line for part in explanation.sections for line in part.lines)
    assert "constraint: 6 fell, 0 left" in lines
    assert "without memberOf(attribute:rack == r9), on i-" in lines
    assert "tried: decided again with it, the task is placed on i-" in lines


def test_a_life_is_a_chain_from_its_root_to_its_end(demo: Result) -> None:
    name = first_task(demo, stop_code="TaskFailedToStart")
    steps = section(explain(demo, f"task/{name}"), "The chain of causes, from its root").steps
    assert steps[0].text == "timeline called UpdateService for checkout"
    numbers = [step.event_id for step in steps]
    assert numbers == sorted(numbers)
    for step in steps[1:]:
        cause = int(step.text.rpartition(", because of event ")[2])
        assert cause in numbers, "every link of the chain is in the chain"
    assert f"task {name}" in steps[-1].text
    assert "is STOPPED" in steps[-1].text
    events = demo.task_events
    mine = events[events["task_id"] == name]
    assert set(mine["event_id"]) <= set(numbers), "every state change is a link"


@pytest.mark.parametrize(
    ("what", "message"),
    [
        pytest.param("service/chekout", "nearest: checkout", id="a service that is misspelt"),
        pytest.param("subnet/private-c", "nearest: private-", id="a subnet that is not there"),
        pytest.param("task/zz", "the record has no such task", id="no task id"),
        pytest.param("event/0", "events have numbers from 1 to", id="an event before the first"),
        pytest.param("event/many", "events have numbers from 1 to", id="an event without a number"),
        pytest.param("alarm/cpu", "no change of such an alarm", id="an alarm that never changed"),
        pytest.param("thing/x", "expected one of task/ID", id="another kind of thing"),
        pytest.param("task/", "expected one of task/ID", id="nothing at all"),
    ],
)
def test_what_is_not_in_the_record_is_bad_input_with_the_nearest_names(demo: Result, what: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        explain(demo, what)


def test_a_beginning_of_several_ids_is_refused(demo: Result) -> None:
    with pytest.raises(BadInput, match="tasks have ids that begin so"):
        explain(demo, f"task/{first_task(demo)[:1]}")


def test_a_task_that_a_policy_started_or_stopped_leads_back_to_the_alarm() -> None:
    result = run("balancer_growth")
    activities, tasks = result.scaling_activities, result.tasks
    moved = activities[activities["status_code"] == "InProgress"]
    outward = moved[moved["from_count"] < moved["to_count"]].iloc[0]
    inward = moved[moved["from_count"] > moved["to_count"]].iloc[0]
    started = tasks[tasks["created_at"] == outward["t"]]
    assert len(started) == outward["to_count"] - outward["from_count"]
    stopped = tasks[(tasks["stopping_at"] == inward["t"]) & (tasks["stop_code"] == "ServiceSchedulerInitiated")]
    assert len(stopped) > 0
    for names, heading, row in ((started, "Why it exists", outward), (stopped, "Why it ended", inward)):
        for name in names["task_id"]:
            steps = section(explain(result, f"task/{name}"), heading).steps
            at = [step.text for step in steps].index("autoscaling called UpdateService for sale")
            activity, alarm = steps[at + 1 : at + 3]
            assert activity.event_id == row["event_id"]
            assert activity.text == f"cpu60 set service/prod/sale from {row['from_count']} to {row['to_count']}"
            assert alarm.text.startswith("alarm TargetTracking-service/prod/sale-Alarm")
