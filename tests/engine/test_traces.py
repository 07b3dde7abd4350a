"""Loads from files and patterns: Parquet, get-metric-data JSON, load-test stages, bursts, cold caches."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecssim.errors import BadInput
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping
from tests.engine.test_load_balancers import _document, _run

COUNTS = [600, 120, 0, 3000, 60, 61]


def _traced(file: Path, **trace) -> dict:
    stream = {"name": "t", "to": {"listener": "front"}, "trace": {"file": str(file), "interval": "60s"} | trace}
    return _document(duration="6m", traffic=[stream])


def _offered(document: dict) -> list[int]:
    return _run(document).service_metrics.offered_count.tolist()


def _times() -> list[str]:
    return [f"2026-03-02T08:0{minute}:00Z" for minute in range(len(COUNTS))]


def test_parquet_and_csv_give_the_same_load_to_the_last_request(tmp_path: Path) -> None:
    frame = pd.DataFrame({"time": pd.to_datetime(_times()), "requests": COUNTS, "seconds": range(0, 360, 60)})
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    for name in ("t.parquet", "t.csv"):
        for column in ("time", "seconds"):
            assert _offered(_traced(tmp_path / name, timeColumn=column, valueColumn="requests")) == COUNTS


def test_get_metric_data_is_read_as_cloudwatch_gives_it_newest_first(tmp_path: Path) -> None:
    other = {"Id": "m2", "Label": "Errors", "Timestamps": _times()[:2], "Values": [1.0, 2.0], "StatusCode": "Complete"}
    wanted = {
        "Id": "m1",
        "Label": "RequestCount",
        "Timestamps": _times()[::-1],
        "Values": COUNTS[::-1],
        "StatusCode": "Complete",
    }
    (tmp_path / "m.json").write_text(json.dumps({"MetricDataResults": [other, wanted], "Messages": []}))
    for name in ("m1", "RequestCount"):
        assert _offered(_traced(tmp_path / "m.json", valueColumn=name)) == COUNTS
    with pytest.raises(BadInput, match="no column 'm3'"):
        load_mapping(_traced(tmp_path / "m.json", valueColumn="m3"))
    with pytest.raises(BadInput, match="has several results"):
        load_mapping(_traced(tmp_path / "m.json"))
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(BadInput, match="get-metric-data"):
        load_mapping(_traced(tmp_path / "bad.json"))


def test_a_wrong_column_of_a_parquet_file_is_named(tmp_path: Path) -> None:
    pd.DataFrame({"time": [0.0], "requests": [1]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(BadInput, match=r"no column 'request'.*requests"):
        load_mapping(_traced(tmp_path / "t.parquet", timeColumn="time", valueColumn="request"))


def test_the_stages_of_a_load_test_ramp_from_one_rate_to_the_next() -> None:
    stages = [{"duration": "2m", "target": 12}, {"duration": "2m", "target": 12}, {"duration": "1m", "target": 0}]
    document = _document(
        duration="6m", traffic=[{"name": "k6", "to": {"listener": "front"}, "pattern": "stages", "stages": stages}]
    )
    assert _offered(document) == [180, 540, 720, 720, 360, 0]


def test_a_burst_multiplies_the_load_for_a_while() -> None:
    stream = {"name": "t", "to": {"listener": "front"}, "pattern": "constant", "rate": 5}
    at = stream | {"bursts": [{"at": "2m30s", "for": "1m", "factor": 3}]}
    assert _offered(_document(duration="6m", traffic=[at])) == [300, 300, 600, 600, 300, 300]


def test_bursts_at_random_times_come_as_often_as_said_and_belong_to_the_seed() -> None:
    stream = {"name": "t", "to": {"listener": "front"}, "pattern": "constant", "rate": 1}
    document = _document(duration="50h", traffic=[stream | {"bursts": [{"every": "1h", "for": "2m", "factor": 11}]}])
    first, second = _offered(document), _offered(document)
    assert first == second
    extra = sum(first) / (3600 * 50) - 1
    assert extra == pytest.approx(10 * 120 / 3600, rel=0.3)
    other = Simulation(load_mapping(document), seed=99).finish().service_metrics.offered_count.tolist()
    assert other != first


def test_new_tasks_with_cold_caches_are_slow_at_first() -> None:
    scale = [{"at": "2m", "call": "UpdateService", "with": {"service": "web", "desiredCount": 8}}]
    stream = {"name": "t", "to": {"listener": "front"}, "pattern": "constant", "rate": 60}
    served = {}
    for warm in (None, {"for": "5m", "speed": 0.1}):
        behaviour = {"web": {"request": {"cpuSeconds": 0.1}} | ({"warmup": warm} if warm is not None else {})}
        rows = _run(_document(behaviour=behaviour, timeline=scale, traffic=[stream])).service_metrics
        # The tasks of a steady start are warm.
        assert rows.served_count.iloc[0] == 2400
        joined = int(np.flatnonzero(rows.healthy_count == 8)[0])
        served[warm is not None] = rows.served_count.to_numpy()[joined + 1 :]
    # Eight tasks could do 4,800 a minute, and 3,600 come; cold ones do a tenth of theirs at first.
    assert served[False][0] == 4800
    assert 2400 < served[True][0] < 4000
    assert served[True][6] >= 3600


def test_the_memory_and_cpu_of_requests_show_in_utilisation() -> None:
    behaviour = {
        "web": {"request": {"cpuSeconds": 0.1, "latency": "10s", "memory": "10MiB"}, "idle": {"memory": "100MiB"}}
    }
    last = _run(_document(behaviour=behaviour)).service_metrics.iloc[-1]
    assert last.cpu_utilization == pytest.approx(100 * 20 * 0.1 / 4, abs=0.5)
    assert last.memory_utilization == pytest.approx(100 * (100 + 20 * 10.1 / 4 * 10) / 2048, rel=0.02)
