"""The printed summary: findings first, fixes that can be copied, names as they are."""

from __future__ import annotations

import re
from decimal import Decimal
from io import StringIO

import pytest
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


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_width_takes_a_digit_from_a_figure(width: int) -> None:
    result = ecssim.run(ecssim.load(ROOT / "scenarios" / "spot_mix.yaml"))
    summary = result.summary()
    lines = printed(result, width=width).splitlines()
    # The widest figures of the run, in the tables of requests and of services.
    asked, kept = summary["requests"]["shop-fargate"], summary["services"]["shop-fargate"]
    started = [f"{kept['time_to_running'][q]:,.1f} s" for q in ("p50", "p95")]
    slow = [f"{1000 * asked[name]:,.0f} ms" for name in ("latency_p95", "latency_p99_max")]
    for figures in (
        f"{asked['offered']:,} {asked['failed']:,} 1.24% {' '.join(slow)}",
        f"91.67% 16/16 25 {' '.join(started)} 0 9",
    ):
        assert any(figures in " ".join(line.split()) for line in lines), figures
    if width >= 80:
        assert max(len(line) for line in lines if "fix:" not in line) <= width


def test_the_rows_of_the_cost_add_up_to_its_total() -> None:
    for name in ("sidecar_chain", "spot_mix", "addresses_on_ec2", "gpu_on_ec2", "demo"):
        text = printed(ecssim.run(ecssim.load(ROOT / "scenarios" / f"{name}.yaml")))
        rows = text[text.index("\nCost") :].splitlines()[4:]
        cells = [re.search(r"\S  +([\d,]+\.\d\d)(\s|$)", row) for row in rows]
        figures = [Decimal(cell[1].replace(",", "")) for cell in cells if cell is not None]
        assert len(figures) >= 2
        assert sum(figures[:-1]) == figures[-1], name


def test_what_tasks_of_jobs_cost_is_not_called_shared() -> None:
    text = printed(ecssim.run(ecssim.load(ROOT / "scenarios" / "gpu_on_ec2.yaml")))
    assert re.search(r"^jobs and shared +39\.\d\d", text, re.MULTILINE)


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
