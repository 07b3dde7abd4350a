"""What the summary finds in small records made by hand, and what it says of records that hold little."""

from __future__ import annotations

import json
import math
import re
from ipaddress import IPv4Network
from typing import Any

import numpy as np
import pytest
from builders import call, group, run_dict, scenario, service, task_definition
from hypothesis import given
from hypothesis import strategies as st

import ecssim
from ecssim.record.recorder import Recorder
from ecssim.record.sinks import MemorySink
from ecssim.results.address_fixes import _free_block
from ecssim.results.facts import Facts
from ecssim.results.finding import Finding, ordered
from ecssim.results.fleet_figures import most_of
from ecssim.results.repack import Demand, fits
from ecssim.results.result import Result
from ecssim.results.scaling_figures import scaling_figures
from ecssim.results.service_figures import PATIENCE_MINUTES, _after_patience, service_figures
from ecssim.results.subnet_figures import most_at_once
from ecssim.results.waits import waits_of
from ecssim.results.wording import duration, figure, listed, options, path
from ecssim.scenario.load import load_mapping
from tests.golden.summaries import ROOT

NAN = float("nan")


class Record:
    """A record made by hand: a service's minutes, calls and deployments."""

    def __init__(self, **manifest: Any) -> None:
        self.sink = MemorySink()
        setting = {
            "services": [
                {
                    "serviceName": "web",
                    "cluster": "prod",
                    "minimumHealthyPercent": 50,
                    "maximumPercent": 200,
                    "desiredCount": 4,
                    "subnets": [],
                }
            ]
        }
        start = {"start": "2026-03-02T08:00:00Z", "setting": setting, **manifest}
        self.recorder = Recorder(self.sink, manifest=start)
        self.code = self.recorder.names.code

    def minutes(self, healthy: list[int], desired: int | list[int] = 4) -> Record:
        wanted = desired if isinstance(desired, list) else [desired] * len(healthy)
        rows = self.recorder.tables["service_metrics"].new_rows(len(healthy))
        rows["t"] = [60.0 * i for i in range(len(healthy))]
        rows["service"], rows["cluster"] = self.code("service", "web"), self.code("cluster", "prod")
        rows["desired_count"], rows["running_count"], rows["healthy_count"] = wanted, healthy, healthy
        self.recorder.tables["service_metrics"].extend_array(rows)
        return self

    def call(self, t: float, caller: str, result: str, error: str | None = None) -> Record:
        code = self.code
        self.recorder.tables["calls"].append(
            t, self.recorder.new_event(), 0, code("caller", caller), code("action", "UpdateService"),
            code("call_target", "web"), code("call_result", result), code("text", error), 0, 0,
        )  # fmt: skip
        return self

    def deployment(self, name: str, started: float, finished: float, state: str, reason: str) -> Record:
        code = self.code
        self.recorder.tables["deployments"].append(
            code("deployment", name), code("service", "web"), 2, code("deployment_strategy", "ROLLING"), started,
            finished, code("rollout_state", state), code("text", reason), 0, 4, 0, 0, 0, NAN, NAN,
            code("cluster", "prod"), 0,
        )  # fmt: skip
        return self

    def summary(self, complete: bool = True, **manifest: Any) -> dict[str, Any]:
        self.recorder.close(complete, {"simulated": 3600.0, **manifest})
        summary = Result.from_sink(self.sink).summary()
        json.dumps(summary, allow_nan=False)
        return summary


def texts(summary: dict[str, Any], what: str) -> list[str]:
    return [finding["text"] for finding in summary["findings"] if finding["what"] == what]


def test_a_record_without_rows_has_a_summary_without_findings() -> None:
    summary = Record().summary()
    assert summary["findings"] == []
    assert summary["services"] == {}
    assert summary["tasks"] == {"created": 0, "initial": 0}


def test_a_run_that_did_not_reach_its_end_says_so_first() -> None:
    first = Record().minutes([4, 1, 4]).summary(complete=False)["findings"][0]
    assert first["what"] == "run.incomplete"
    assert "1h00m00s (09:00:00Z)" in first["text"]


def test_a_what_if_is_said_before_everything_else() -> None:
    summary = Record().minutes([4, 0, 4]).summary(allow=["mixedCapacityProviderStrategy"])
    assert summary["findings"][0]["what"] == "run.whatIf"
    assert "mixedCapacityProviderStrategy" in summary["findings"][0]["text"]
    assert len(summary["findings"]) > 1


def test_demand_that_did_not_fit_at_the_start_comes_first() -> None:
    notes = ["web: 3 of 5 tasks did not fit at the start"]
    first = Record().minutes([4, 0, 4]).summary(notes=notes)["findings"][0]
    assert first["what"] == "service.didNotFit"
    assert first["of"] == "web"


@pytest.mark.parametrize(
    ("healthy", "desired", "availability", "found"),
    [
        pytest.param([4, 4, 4, 4], 4, 1.0, [], id="always whole"),
        pytest.param([4, 2, 2, 4], 4, 1.0, [], id="half is the minimum of 50 %"),
        pytest.param([4, 1, 4, 4], 4, 0.75, ["service.belowMinimum"], id="one minute short"),
        pytest.param([0, 0, 4, 4], 4, 0.5, [], id="starting up is no finding, but not available either"),
        pytest.param([0, 0, 1, 1], 4, 0.0, ["service.neverHealthy"], id="never had its minimum"),
        pytest.param([0, 0, 0, 0], 0, None, [], id="wanted nothing"),
        pytest.param([1, 1, 1, 4], [1, 4, 4, 4], 0.5, [], id="scaling out has its time"),
    ],
)
def test_availability_is_the_share_of_minutes_with_enough_healthy_tasks(
    healthy: list[int], desired: int | list[int], availability: float | None, found: list[str]
) -> None:
    summary = Record().minutes(healthy, desired).summary()
    assert summary["services"]["web"]["availability"] == availability
    assert [finding["what"] for finding in summary["findings"]] == found


def test_a_service_without_any_healthy_task_is_a_problem_and_not_a_warning() -> None:
    severities = [Record().minutes([4, least, 4]).summary()["findings"][0]["severity"] for least in (1, 0)]
    assert severities == ["warning", "problem"]


def test_a_scale_out_that_takes_too_long_is_found() -> None:
    healthy = [1] * (PATIENCE_MINUTES + 3) + [4]
    summary = Record().minutes(healthy, [1, *[4] * (len(healthy) - 1)]).summary()
    assert [finding["what"] for finding in summary["findings"]] == ["service.belowMinimum"]


def test_throttled_calls_are_counted_and_refused_ones_are_quoted() -> None:
    record = Record()
    for t in (10.0, 20.0):
        record.call(t, "job/encode", "ThrottlingException", "Rate exceeded")
    record.call(30.0, "timeline", "ServiceNotFoundException", "Service not found: web.")
    record.call(40.0, "timeline", "ok")
    record.call(50.0, "job/encode", "ClusterNotFoundException", "a caller that sees to it by itself")
    summary = record.summary()
    assert "2 calls of UpdateService by job/encode" in texts(summary, "calls.throttled")[0]
    assert len(texts(summary, "calls.refused")) == 1
    assert "Service not found: web." in texts(summary, "calls.refused")[0]
    assert summary["calls"]["UpdateService"]["ok"] == 1


@pytest.mark.parametrize(
    ("state", "finished", "what"),
    [
        pytest.param("FAILED", 900.0, "deployment.failed", id="failed"),
        pytest.param("IN_PROGRESS", 900.0, "deployment.superseded", id="superseded"),
        pytest.param("IN_PROGRESS", NAN, "deployment.notComplete", id="still going on"),
        pytest.param("COMPLETED", 900.0, None, id="complete"),
    ],
)
@pytest.mark.rule("DEPLOY-005", "DEPLOY-008")
def test_a_deployment_that_did_not_complete_is_found(state: str, finished: float, what: str | None) -> None:
    summary = Record().minutes([4] * 5).deployment("d", 600.0, finished, state, "because").summary()
    assert [finding["what"] for finding in summary["findings"]] == ([what] if what else [])


def test_a_young_deployment_is_only_noted() -> None:
    young = Record().deployment("d", 3500.0, NAN, "IN_PROGRESS", "").summary()["findings"][0]
    old = Record().deployment("d", 60.0, NAN, "IN_PROGRESS", "").summary()["findings"][0]
    assert (young["severity"], old["severity"]) == ("note", "problem")


def test_jobs_that_gave_up_are_a_problem() -> None:
    parts = ("done", "under_way", "failed_to_start", "waiting", "gave_up", "retried_calls")
    account = {"submitted": 10, **dict.fromkeys(parts, 0), "done": 6, "gave_up": 4, "retried_calls": 12}
    summary = Record().summary(jobs={"encode": account})
    assert "4 tasks of 10 gave up" in texts(summary, "job.gaveUp")[0]
    assert summary["jobs"] == {"encode": account}


def test_findings_are_read_by_weight_and_then_by_time() -> None:
    findings = [
        Finding("note", "c", "x", "", 1.0),
        Finding("problem", "b", "x", "", 5.0),
        Finding("problem", "a", "x", ""),
        Finding("note", "d", "x", "", first=True),
        Finding("problem", "a", "x", "", 2.0),
    ]
    assert [(f.what, f.t) for f in ordered(findings)] == [
        ("d", None), ("a", 2.0), ("b", 5.0), ("a", None), ("c", 1.0)
    ]  # fmt: skip


# -- the sums below ---------------------------------------------------------------------------------------------

_SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 10)), max_size=12)


@given(_SPANS, st.integers(0, 20), st.integers(0, 10))
def test_most_at_once_is_what_counting_at_every_instant_gives(
    spans: list[tuple[int, int]], since: int, lasting: int
) -> None:
    import numpy as np

    begin = np.array([a for a, _ in spans], float)
    until = np.array([a + n for a, n in spans], float)
    instants = [since, *(t for t in begin.tolist() if since <= t <= since + lasting)]
    expected = max(int(((begin <= t) & (until > t)).sum()) for t in instants)
    assert most_at_once(begin, until, since, since + lasting) == expected


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 10), st.integers(1, 5)), max_size=12))
def test_most_of_is_what_summing_at_every_begin_gives(spans: list[tuple[int, int, int]]) -> None:
    import numpy as np

    begin = np.array([a for a, _, _ in spans], float)
    until = np.array([a + n for a, n, _ in spans], float)
    amount = np.array([m for _, _, m in spans], np.int64)
    expected = max((int(amount[(begin <= t) & (until > t)].sum()) for t in begin.tolist()), default=0)
    assert most_of(begin, until, amount) == [expected]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_patience_expects_the_least_of_the_minutes_before(lower: list[int]) -> None:
    import numpy as np

    expected = [min(lower[max(0, i - PATIENCE_MINUTES) : i + 1]) for i in range(len(lower))]
    assert _after_patience(np.array(lower)).tolist() == expected


@given(st.integers(1, 400), st.integers(20, 28), st.lists(st.integers(0, 60), max_size=6))
def test_a_larger_block_holds_what_is_needed_and_overlaps_nobody(
    addresses: int, prefix: int, neighbours: list[int]
) -> None:
    now = IPv4Network("10.0.0.0/16").subnets(new_prefix=prefix)
    mine = next(now)
    taken = [IPv4Network((int(mine.network_address) + 1024 * (n + 64), 26)) for n in neighbours]
    block = _free_block(mine, addresses, [IPv4Network("10.0.0.0/16")], taken)
    assert block is not None
    assert block.num_addresses - 5 >= addresses
    assert block.prefixlen <= prefix
    assert not any(block.overlaps(other) for other in taken)
    # No smaller block that is larger than the present one would do.
    assert block.prefixlen == prefix or (block.num_addresses // 2) - 5 < addresses


def test_a_block_that_fits_nowhere_is_none() -> None:
    space = [IPv4Network("10.0.0.0/24")]
    taken = [IPv4Network("10.0.0.128/25")]
    assert _free_block(IPv4Network("10.0.0.0/26"), 200, space, taken) is None


@pytest.mark.parametrize(
    ("demands", "instances", "expected"),
    [
        pytest.param([Demand(4, (1, 2, 0), "binpack"), Demand(1, (1, 8, 0), "binpack")], 2, True, id="packed"),
        pytest.param([Demand(4, (1, 2, 0), "spread"), Demand(1, (1, 8, 0), "binpack")], 2, False, id="spread"),
        pytest.param([Demand(4, (1, 2, 0), "random"), Demand(1, (1, 8, 0), "binpack")], 2, False, id="at worst"),
        pytest.param([Demand(4, (1, 2, 0), "spread"), Demand(1, (1, 8, 0), "binpack")], 5, True, id="enough"),
        pytest.param([Demand(3, (1, 1, 1), "binpack")], 1, False, id="no network interface left"),
    ],
)
def test_whether_tasks_fit_depends_on_how_they_are_placed(
    demands: list[Demand], instances: int, expected: bool
) -> None:
    assert fits(demands, instances, (8, 8, 2)) is expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.25, "0.2s"), (59.96, "60s"), (61, "1m01s"), (7211, "2h00m11s"), (90061, "1d1h01m01s")],
)
def test_durations_read_like_speech(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_options_are_quoted_for_the_grammar_and_for_the_shell() -> None:
    assert path("services", "check.out", "desiredCount") == 'services["check.out"].desiredCount'
    assert options([("a.b", 1)]) == "--set a.b=1"
    assert options([("a", "[x, y]")]) == "--set 'a=[x, y]'"
    assert listed(["a", "b", "c", "d"], 3) == "a, b, c and 1 more"
    assert figure(NAN) is None
    assert math.isclose(figure(1 / 3) or 0.0, 0.333333)


@pytest.mark.parametrize(
    ("largest", "text"),
    [
        pytest.param(100, "could not place 200 tasks from 0s (00:00:00Z) on for up to 8m00s", id="until there is room"),
        pytest.param(10, "could not place 200 tasks from 0s (00:00:00Z) on and still has not", id="for ever"),
    ],
)
def test_tasks_that_wait_for_instances_are_counted_together(largest: int, text: str) -> None:
    """Each has a verdict of its own; 320 fail in the second world, never more than 200 at a time wait."""
    behind = {"autoScalingGroup": "asg", "managedScaling": {"status": "ENABLED"}}
    document = scenario(
        duration="1h",
        taskDefinitions=[task_definition(cpu="512", memory="512")],
        capacityProviders=[{"name": "ec2", "autoScalingGroupProvider": behind}],
        clusters=[{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        autoScalingGroups=[group(0, maxSize=largest)],
        services=[service(count=200, capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}])],
    )
    found = [f for f in run_dict(document).summary()["findings"] if f["what"] == "placement.unplaced"]
    assert [text in f["text"] for f in found] == [True]


def test_requests_of_services_of_one_name_in_two_clusters_are_told_apart() -> None:
    there = [{"clusterName": "prod"}, {"clusterName": "back"}]
    document = scenario(
        clusters=there,
        autoScalingGroups=[group(1), group(1, "other", agent={"ECS_CLUSTER": "back"})],
        taskDefinitions=[task_definition()],
        services=[service(count=1), service(count=1, cluster="back")],
        behaviour={"app": {"request": {"cpuSeconds": 0.001}}},
        traffic=[
            {"name": name, "to": {"service": f"{name}/web"}, "pattern": "constant", "rate": rate}
            for name, rate in (("prod", 30), ("back", 10))
        ],
        timeline=[call("10m", "UpdateService", cluster="back", service="web", desiredCount=0)],
    )
    result = ecssim.run(load_mapping(document))
    summary = result.summary()
    judged = {f.name: f.usd for f in scaling_figures(Facts(result), result.bill(), every=True)}
    assert judged == pytest.approx(
        {name: float(usd) for name, usd in result.bill().exact_by("service").items() if name}
    )
    requests = summary["requests"]
    assert {name: r["offered"] for name, r in requests.items()} == {"prod/web": 108_000, "back/web": 36_000}
    assert requests["back/web"]["failed"] > 29_000 > requests["prod/web"]["failed"]
    lost = [f["of"] for f in summary["findings"] if f["what"] == "service.lostRequests"]
    assert set(lost) == {"back/web", "prod/web"}
    prices = summary["costs"]["per_million_requests_usd"]["services"]
    assert min(prices.values()) > 0


def test_tasks_of_a_new_revision_wait_although_the_service_has_all_of_its_old_ones() -> None:
    """A deployment that doubles the tasks waits for an instance: for minutes, not for 0 s."""
    behind = {"autoScalingGroup": "asg", "managedScaling": {"status": "ENABLED"}}
    document = scenario(
        duration="1h",
        initialState="steady",
        taskDefinitions=[task_definition(cpu="512", memory="512"), task_definition(cpu="512", memory="512")],
        capacityProviders=[{"name": "ec2", "autoScalingGroupProvider": behind}],
        clusters=[{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        autoScalingGroups=[group(1, maxSize=10)],
        services=[
            service(
                count=4, taskDefinition="app:1", capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}]
            )
        ],
        timeline=[
            {
                "at": "10m",
                "call": "UpdateService",
                "with": {"cluster": "prod", "service": "web", "taskDefinition": "app:2"},
            }
        ],
    )
    result = run_dict(document)
    (waited,) = [f for f in result.summary()["findings"] if f["what"].startswith("placement.")]
    # 2,048 CPU units hold four tasks: those of the new revision start when an instance of the group is there.
    new = result.tasks[result.tasks["task_definition"].astype(str).str.endswith(":2")]
    longest = float((new["started_at"] - new["created_at"]).max())
    found = re.search(r"could not place 4 tasks from 10m00s .* on for up to (\d+)m(\d\d)s", waited["text"])
    assert found is not None, waited["text"]
    assert longest - 10 < int(found[1]) * 60 + int(found[2]) < longest


def test_a_fix_is_said_once() -> None:
    result = ecssim.run(ecssim.load(ROOT / "scenarios" / "stuck_deploy.yaml"))
    (stuck,) = [f for f in result.summary()["findings"] if f["what"] == "deployment.notComplete"]
    # In the form that the terminal and the page know, or they print it twice.
    assert stuck["text"].endswith(f" Fix: {stuck['fix']}")


def short_of_room(*hours: int, minutes: int = 20) -> list[dict[str, Any]]:
    """Findings of a service with room for four tasks that wants six for some minutes at some hours."""
    timeline = []
    for hour in hours:
        ask = {"cluster": "prod", "service": "web"}
        timeline.append(call(f"{hour}h", "UpdateService", desiredCount=6, **ask))
        timeline.append(call(f"{hour * 60 + minutes}m", "UpdateService", desiredCount=4, **ask))
    document = scenario(
        duration=f"{max(hours) + 1}h",
        initialState="steady",
        taskDefinitions=[task_definition(cpu="512", memory="512")],
        autoScalingGroups=[group(1)],
        services=[service(count=4)],
        timeline=timeline,
    )
    return [f for f in run_dict(document).summary()["findings"] if f["what"].startswith("placement.")]


def test_waits_that_are_hours_apart_are_findings_of_their_own() -> None:
    found = short_of_room(1, 4)
    assert [(f["what"], f["t"]) for f in found] == [("placement.unplaced", 3600.0), ("placement.unplaced", 14400.0)]
    for finding, start in zip(found, ("1h00m00s", "4h00m00s"), strict=True):
        assert f"could not place 2 tasks from {start}" in finding["text"]
        assert "for up to 20m00s" in finding["text"]


def test_of_many_waits_the_longest_are_told_and_the_rest_is_counted() -> None:
    found = short_of_room(1, 2, 3, 4, 5)
    assert len(found) == 4
    assert [f["text"] for f in found if "could not place tasks 2 more times, first from 4h00m00s" in f["text"]]


def test_short_waits_are_one_note() -> None:
    found = short_of_room(1, 3, minutes=2)
    assert [f["what"] for f in found] == ["placement.waited"]
    assert "2 times, first from 1h00m00s (01:00:00Z), last from 3h00m00s (03:00:00Z) on" in found[0]["text"]


@pytest.mark.parametrize(
    ("finished", "waits"),
    [
        pytest.param(NAN, 1, id="old tasks make it look whole"),
        pytest.param(600.0, 2, id="over before the second refusal"),
    ],
)
def test_refusals_in_one_deployment_are_one_wait(finished: float, waits: int) -> None:
    """A service that waits for room for new tasks has all of its old ones the whole time."""
    record = Record().minutes([4] * 60).deployment("ecs-svc/1", 60.0, finished, "IN_PROGRESS", "")
    record.recorder.close(True, {"simulated": 3600.0})
    facts = Facts(Result.from_sink(record.sink))
    rows = np.array([(300.0, 0), (1800.0, 0)], dtype=[("t", np.float64), ("task", np.int64)])
    figures = service_figures(facts)[0]
    assert [wait.t for wait in waits_of(facts, rows, figures)] == [300.0, 1800.0][:waits]


@pytest.mark.parametrize("begun", [3600.0, 3599.97])
def test_a_deployment_that_begins_as_the_record_ends_has_only_just_begun(begun: float) -> None:
    """A killed run is cut at a whole hour, and what a timeline does at that hour is still in it."""
    text = texts(Record().deployment("d", begun, NAN, "IN_PROGRESS", "").summary(), "deployment.notComplete")[0]
    assert "had only just begun when the record ends" in text
    assert "later" not in text


def test_what_ends_as_it_begins_ends_at_once() -> None:
    text = texts(Record().deployment("d", 600.0, 600.0, "FAILED", "because").summary(), "deployment.failed")[0]
    assert "failed at once" in text
    record = Record().deployment("d", 600.0, 600.03, "IN_PROGRESS", "").deployment("e", 600.03, 900.0, "COMPLETED", "")
    assert " at once" in texts(record.summary(), "deployment.superseded")[0]
