"""The printed summary: findings first, fixes that can be copied, names as they are."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

import ecssim
from ecssim.record.recorder import Recorder
from ecssim.record.sinks import MemorySink
from ecssim.report.terminal import print_summary
from ecssim.results.result import Result
from tests.golden.summaries import ROOT


def printed(result: Result, width: int = 100) -> str:
    out = StringIO()
    print_summary(Console(file=out, width=width, highlight=False), result)
    return out.getvalue()


def test_the_first_line_is_the_worst_finding_and_the_fix_is_one_line() -> None:
    result = ecssim.run(ecssim.load(ROOT / "scenarios" / "placement_strategies.yaml"))
    text = printed(result, width=60)
    assert text.startswith("PROBLEM  ")
    fix = next(f["fix"] for f in result.summary()["findings"] if "fix" in f)
    assert fix in text.splitlines()[[line.strip()[:4] for line in text.splitlines()].index("fix:")]


def test_tables_have_every_service_and_subnet() -> None:
    text = printed(ecssim.run(ecssim.load(ROOT / "scenarios" / "demo.yaml")))
    for words in ("Services", "checkout", "search", "Addresses", "private-a", "private-b", "Fargate"):
        assert words in text


def test_a_run_without_rows_has_nothing_to_report() -> None:
    sink = MemorySink()
    Recorder(sink, manifest={"scenario": "empty"}).close(True, {"simulated": 60.0})
    assert printed(Result.from_sink(sink)).startswith("Nothing to report")


def test_a_bracket_in_a_name_is_no_markup() -> None:
    sink = MemorySink()
    recorder = Recorder(sink, manifest={"scenario": "[red]x[/red]"})
    rows = recorder.tables["service_metrics"].new_rows(2)
    rows["service"] = recorder.names.code("service", "[bold]web")
    rows["desired_count"] = 2
    recorder.tables["service_metrics"].extend_array(rows)
    recorder.close(True, {"simulated": 120.0})
    text = printed(Result.from_sink(sink))
    assert "[bold]web" in text
    assert "[red]x[/red]" in text
