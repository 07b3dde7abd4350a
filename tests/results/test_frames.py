from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_run import MANIFEST, PLAIN, SyntheticRun

import ecssim.results
from ecssim.record.codes import TASK_STATUSES
from ecssim.record.recorder import Recorder
from ecssim.record.sinks import FolderSink, MemorySink
from ecssim.results import Result

CONTRACT = {
    "task_events": """
        t time event_id cause_id task_id group service revision last_status desired_status
        capacity_provider launch_type availability_zone container_instance subnet private_ip stop_code
        stopped_reason cluster
    """,
    "container_events": """
        t time event_id cause_id task_id container status health_status exit_code restart_count reason cluster
    """,
    "tasks": """
        task_id group service task_definition revision deployment_id launch_number origin
        capacity_provider launch_type availability_zone container_instance subnet private_ip cpu memory
        created_at connectivity_at pull_started_at pull_stopped_at started_at healthy_at stopping_at
        drained_at execution_stopped_at stopped_at address_freed_at stop_code stopped_reason cluster
    """,
    "placements": """
        t event_id cause_id group task_id count container_instance candidates rejected_cpu
        rejected_memory rejected_ports rejected_eni rejected_gpu rejected_attribute rejected_constraint
        rejected_location rejected_agent strategy reason cluster
    """,
    "service_events": """
        t time event_id cause_id service event_name message cluster
    """,
    "traffic_shifts": """
        t event_id cause_id service deployment_id step test_weight production_weight cluster
    """,
    "calls": """
        t event_id cause_id caller action target result error
    """,
    "service_metrics": """
        t time service desired_count running_count pending_count healthy_count cpu_utilization
        memory_utilization offered_count served_count failed_count retried_count in_flight_count
        request_count request_count_per_target target_response_time latency_p50 latency_p95 latency_p99
        http_502_count http_503_count http_504_count cluster
    """,
    "flow_metrics": """
        t target service revision availability_zone offered_count served_count failed_count
        in_flight_count healthy_count cluster
    """,
    "load_balancer_metrics": """
        t load_balancer request_count new_connection_count active_connection_count processed_bytes
        rule_evaluation_count elb_4xx_count elb_5xx_count elb_502_count elb_503_count elb_504_count
        target_5xx_count unhealthy_routing_request_count
    """,
    "target_group_metrics": """
        t target_group load_balancer request_count request_count_per_target healthy_host_count
        healthy_host_count_minimum healthy_host_count_maximum unhealthy_host_count
        unhealthy_host_count_minimum unhealthy_host_count_maximum target_5xx_count
        target_connection_error_count unhealthy_routing_request_count
    """,
    "instance_events": """
        t event_id cause_id instance_id instance_type market capacity_provider availability_zone status
        cluster
    """,
    "instances": """
        instance_id instance_type market capacity_provider availability_zone status launched_at
        registered_at draining_at terminated_at cluster
    """,
    "instance_lifecycle": """
        t event_id cause_id instance_id auto_scaling_group lifecycle_state cluster
    """,
    "capacity_provider_metrics": """
        t capacity_provider capacity_provider_reservation desired_capacity instances empty_instances
        running_tasks provisioning_tasks
    """,
    "capacity_provider_decisions": """
        t capacity_provider needed instances busy_instances waiting_tasks task_groups left_out_groups
        left_out_tasks lower_bound step capacity_provider_reservation target_capacity alarm_high low_datapoints action
        from_count to_count effective_at groups cluster
    """,
    "subnet_metrics": """
        t subnet availability_zone total reserved used free free_min used_max failed_allocations
    """,
    "subnet_usage": """
        t subnet consumer used
    """,
    "subnet_events": """
        t event_id cause_id subnet consumer task_id reason
    """,
    "load_balancer_events": """
        t event_id cause_id load_balancer nodes wanted_nodes consumed_lcus state
    """,
    "reachability_events": """
        t event_id cause_id subnet task_id instance endpoint_service host what missing
    """,
    "alarms": """
        t event_id cause_id alarm_name old_state new_state metric_name datapoints threshold reason
    """,
    "scaling_activities": """
        t event_id cause_id target policy metric_value from_count to_count status_code not_scaled_reason
    """,
    "capacity_forecasts": "t target policy hour_at load capacity cluster",
    "deployments": """
        deployment_id service revision strategy started_at finished_at rollout_state reason failed_tasks
        peak_tasks cluster
    """,
    "costs": """
        hour service resource dimension quantity unit unit_price usd price_source
    """,
}
FRACTIONS = {"target_response_time", "capacity_provider_reservation", "metric_value", "threshold", "quantity"}
FRACTIONS |= {"unit_price", "usd", "consumed_lcus", "request_count_per_target", "t"}
FRACTIONS |= {"healthy_host_count", "unhealthy_host_count", "load"}
FRACTION_ENDS = ("_at", "_weight", "_utilization")


def played(sink: Any, hours: int = 2, part_rows: int = 50, end: bool = True) -> SyntheticRun:
    recorder = Recorder(sink, manifest=MANIFEST, part_rows=part_rows)
    run = SyntheticRun(recorder)
    for hour in range(hours):
        run.hour(hour)
    if end:
        run.finish()
    recorder.close(complete=end)
    return run


@pytest.fixture(scope="module", params=["memory", "folder"])
def pair(request, tmp_path_factory) -> tuple[SyntheticRun, Result]:
    if request.param == "memory":
        sink = MemorySink()
        return played(sink), Result.from_sink(sink)
    folder = tmp_path_factory.mktemp("frames") / "run"
    return played(FolderSink(folder)), ecssim.results.open(folder)


def shown(value: Any) -> Any:
    """A cell as the expectation has it: nulls as None."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return None if value is pd.NaT else value


def rows_of(frame: pd.DataFrame, columns: list[str]) -> list[list[Any]]:
    lists = [frame[name].astype(object).tolist() for name in columns]
    return [[shown(value) for value in row] for row in zip(*lists, strict=True)]


@pytest.mark.parametrize("table", [table.name for table in PLAIN])
def test_a_table_shows_the_rows_that_were_recorded(pair, table):
    run, result = pair
    expected = run.expected[table]
    columns = list(expected[0])
    wanted = [[shown(value) for value in row.values()] for row in expected]
    assert rows_of(result.frame(table), columns) == wanted


def test_task_events_show_the_joined_columns_and_places_only_once_placed(pair):
    run, result = pair
    expected = run.expected["task_events"]
    columns = list(expected[0])
    assert rows_of(result.task_events, columns) == [list(row.values()) for row in expected]


def test_tasks_show_one_row_a_task_in_the_order_of_their_ids(pair):
    run, result = pair
    expected = sorted(run.expected["tasks"], key=lambda row: row["task"])
    columns = [name for name in expected[0] if name != "task"]
    wanted = [[shown(row[name]) for name in columns] for row in expected]
    assert rows_of(result.tasks, columns) == wanted
    assert result.tasks["cpu"].tolist() == [256 * (row["task"] % 2 + 1) for row in expected]


@pytest.mark.parametrize("full", [True, False], ids=["with rows", "of an empty run"])
@pytest.mark.parametrize("table", CONTRACT)
def test_a_frame_has_the_columns_and_types_of_the_contract(table, full):
    sink = MemorySink()
    if full:
        played(sink, hours=1)
    else:
        Recorder(sink).close(complete=True)
    frame = getattr(Result.from_sink(sink), table)
    columns = [*CONTRACT[table].split(), "region"]
    assert set(columns) <= set(frame.columns)
    assert [name for name in frame.columns if name in columns and name not in ("cluster", "region")] == [
        name for name in columns if name not in ("cluster", "region")
    ]
    for name, dtype in frame.dtypes.items():
        if name == "time":
            assert str(dtype) == "datetime64[us, UTC]"
        elif str(name).endswith(FRACTION_ENDS) or str(name).startswith("latency") or name in FRACTIONS:
            assert dtype == np.float64
        else:
            assert dtype == np.int64 or isinstance(dtype, pd.CategoricalDtype)
    assert (len(frame) > 0) == full


def test_the_contract_names_every_public_table():
    assert Result.from_sink(MemorySink()).tables == tuple(CONTRACT)


def test_time_is_the_virtual_clock_to_the_microsecond():
    sink = MemorySink()
    recorder = Recorder(sink, manifest={"start": "2026-03-02T09:00:00+01:00"})
    for t in (0.0, 1.5, 86_400.0000004, 100 * 86_400 + 2**-20, float("nan")):
        recorder.tables["subnet_usage"].append(t, 0, 0, 0, 0)
    recorder.close(complete=True)
    times = Result.from_sink(sink).subnet_usage["time"]
    assert [None if time is pd.NaT else time.isoformat() for time in times] == [
        "2026-03-02T08:00:00+00:00",
        "2026-03-02T08:00:01.500000+00:00",
        "2026-03-03T08:00:00+00:00",
        "2026-06-10T08:00:00.000001+00:00",
        None,
    ]


def test_equal_sentences_with_two_codes_are_one_category():
    sink = MemorySink()
    recorder = Recorder(sink)
    for _ in range(2):
        text = recorder.names.pool("text").fresh("has reached a steady state.")
        recorder.tables["service_events"].append(0.0, recorder.new_event(), 0, 0, 0, text, 0, 0)
    recorder.close(complete=True)
    message = Result.from_sink(sink).service_events["message"]
    assert message.tolist() == ["has reached a steady state."] * 2
    assert len(message.cat.categories) == 1


def test_counts_can_be_subtracted_below_zero():
    sink = MemorySink()
    recorder = Recorder(sink)
    table = recorder.tables["service_metrics"]
    rows = table.new_rows(1)
    rows["desired_count"], rows["running_count"] = 1, 3
    table.extend_array(rows)
    recorder.close(complete=True)
    frame = Result.from_sink(sink).service_metrics
    assert (frame["desired_count"] - frame["running_count"]).tolist() == [-2]


def test_what_a_user_adds_to_a_frame_does_not_come_back():
    sink = MemorySink()
    played(sink, hours=1)
    result = Result.from_sink(sink)
    frame = result.tasks
    frame["mine"] = 1
    assert "mine" not in result.tasks
    assert result.tasks.columns.tolist() == frame.columns.tolist()[:-1]


@pytest.mark.rule("LIFE-035")
def test_a_task_that_has_not_ended_shows_what_its_events_tell():
    sink = MemorySink()
    run = played(sink, end=False)
    result = Result.from_sink(sink)
    frame = result.tasks.set_index("task_id")
    assert not result.complete
    assert len(frame) == run.launched
    for state in run.alive.values():
        row = frame.loc[state["row"]["task_id"]]
        assert {name: shown(row[name]) for name in state["times"]} == {
            name: shown(value) for name, value in state["times"].items()
        }
    ended = {row["task_id"]: row["stopped_at"] for row in run.expected["tasks"]}
    assert frame["stopped_at"].dropna().to_dict() == ended


def test_what_was_known_before_the_start_beats_the_first_event():
    # A steady start shows a RUNNING event at t = 0 of a task that has been running for long.
    sink = MemorySink()
    recorder = Recorder(sink)
    recorder.tables["_task_ids"].append(1, 1, 0, 0, 99, 0, 0, 0, 1, 0, 0, 0, -500.0, 0, 0, 0, 0)
    recorder.tables["_tasks_open"].append(1, -500.0, *[float("nan")] * 3, -400.0, -390.0, *[float("nan")] * 5)
    running = TASK_STATUSES.index("RUNNING") + 1
    recorder.tables["task_events"].append(0.0, recorder.new_event(), 0, 1, running, 2, 0, 0)
    recorder.close(complete=False)
    task = Result.from_sink(sink).tasks.iloc[0]
    assert (task["created_at"], task["started_at"], task["healthy_at"]) == (-500.0, -400.0, -390.0)
    assert (task["origin"], task["stopped_at"] != task["stopped_at"]) == ("initial", True)


@pytest.mark.parametrize("table", ["instances", "deployments"])
def test_an_entity_that_has_not_ended_is_shown_as_last_described(table):
    sink = MemorySink()
    recorder = Recorder(sink)
    schema = recorder.tables[table].schema
    key, status = schema.columns[0], next(c for c in schema.columns if c.name in ("status", "rollout_state"))

    def row(target: str, entity: str, state: str) -> None:
        rows = recorder.tables[target].new_rows(1)
        rows[key.name] = recorder.names.code(str(key.pool), entity)
        rows[status.name] = recorder.names.code(str(status.pool), state)
        recorder.tables[target].extend_array(rows)

    for entity, state in (("a", "new"), ("b", "new"), ("c", "new"), ("b", "busy")):
        row(f"_{table}_open", entity, state)
    row(table, "a", "gone")
    recorder.close(complete=False)
    frame = Result.from_sink(sink).frame(table)
    assert list(zip(frame[key.name], frame[status.name], strict=True)) == [
        ("a", "gone"),
        ("c", "new"),
        ("b", "busy"),
    ]


def test_only_public_tables_are_attributes():
    result = Result.from_sink(MemorySink())
    assert "task_events" in dir(result)
    for name in ("_task_places", "nonsense"):
        with pytest.raises(AttributeError):
            getattr(result, name)
        with pytest.raises(KeyError):
            result.frame(name)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["rows", "array"]), st.integers(0, 30)),
        st.tuples(st.sampled_from(["spill", "commit"]), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=25)
@given(STEPS, st.booleans())
def test_any_pattern_of_spills_and_commits_gives_the_same_values(tmp_path_factory, steps, killed):
    folder = tmp_path_factory.mktemp("chunks")
    recorder = Recorder(FolderSink(folder), part_rows=7)
    table = recorder.tables["subnet_usage"]
    recorded: list[float] = []
    committed, hours = 0, 0
    for step, count in steps:
        new = [float(len(recorded) + n) for n in range(count)]
        if step == "rows":
            for t in new:
                table.append(t, 0, 0, 0, 0)
        elif step == "array":
            rows = table.new_rows(count)
            rows["t"] = new
            table.extend_array(rows)
        elif step == "spill":
            recorder.spill()
        else:
            hours += 1
            recorder.commit_hour(hours)
            committed = len(recorded)
        recorded += new
    if not killed:
        recorder.close(complete=True)
    result = ecssim.results.open(folder)
    assert result.raw("subnet_usage")["t"].tolist() == (recorded[:committed] if killed else recorded)
    assert len(result.hours) == hours
