"""The report: one page, self-contained, the same bytes each time, and honest about what the run was."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import ecssim
from ecssim.report.html import page, write_report
from ecssim.results.result import Result

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1_000_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def run(name: str, out: Path | None = None, **how: Any) -> Result:
    return ecssim.run(ecssim.load(ROOT / "scenarios" / f"{name}.yaml", **how), out=out)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run("demo", tmp_path_factory.mktemp("demo") / "run")


@pytest.fixture(scope="module")
def mix(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run("spot_mix", tmp_path_factory.mktemp("mix") / "run", variant="one-strategy")


class Outline(HTMLParser):
    """What a reader meets in order: headings, findings, and whatever would be loaded from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.anchors: list[str] = []
        self.loads: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "section":
            self.anchors.append(given["id"] or "")
        if tag == "script":
            self.loads.append("script")
        for name in ("src", "href", "xlink:href"):
            target = given.get(name) or "#"
            if not target.startswith(("#", "data:")):
                self.loads.append(target)

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data.strip())


def test_the_page_loads_nothing_and_runs_nothing(demo: Result, mix: Result) -> None:
    for result in (demo, mix):
        text = page(result)
        assert Outline(text).loads == []
        assert not re.search(r"url\((?!#)|@import", text)
        assert len(text.encode()) < MEGABYTE


def test_the_same_run_gives_the_same_bytes_also_when_it_is_read_back(demo: Result, tmp_path: Path) -> None:
    first = write_report(demo, tmp_path / "a.html").read_bytes()
    assert demo.folder is not None
    assert write_report(ecssim.open(demo.folder), tmp_path / "b.html").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.html"]


def test_findings_come_first_with_the_fix_that_can_be_copied(demo: Result) -> None:
    outline = Outline(page(demo))
    assert outline.anchors[:2] == ["findings", "close-up"]
    words = " ".join(outline.words)
    fix = demo.summary()["findings"][0]["fix"]
    assert fix in outline.words
    assert words.index("Subnet private-a ran out of addresses") < words.index(fix) < words.index("Tasks by state")


def test_a_what_if_is_the_first_thing_that_the_page_says(mix: Result) -> None:
    words = Outline(page(mix)).words
    body = words[words.index(next(w for w in words if w.startswith("What-if"))) :]
    assert body[0] == "What-if: allows mixedCapacityProviderStrategy, which AWS refuses today"
    assert body[1:3] == ["seed", "7"]


def test_the_first_line_names_seed_digest_versions_and_the_rest_that_makes_a_run_repeatable(demo: Result) -> None:
    words = Outline(page(demo)).words
    head = words[: words.index("deploy-at-peak-in-two-small-subnets", 1)]
    for name in ("seed", "digest", "quotas", "timing", "prices", "ecssim", "Python", "numpy", "model options"):
        assert name in head
    assert demo.manifest["digest"][:16] in head
    for name in demo.manifest["model"]:
        assert name in head


def test_quotas_and_options_that_differ_are_named(tmp_path: Path) -> None:
    sets = ["account.quotas={fargateOnDemandVcpu: 40}", "model.subnetChoice=most_free"]
    words = Outline(page(run("sidecars_share_an_eni", sets=sets))).words
    head = words[: words.index("model options")]
    assert "mature, fargateOnDemandVcpu = 40" in head
    assert head[head.index("subnetChoice") + 1] == "most_free"


def test_only_what_has_data_is_shown(demo: Result, mix: Result) -> None:
    assert Outline(page(demo)).anchors == [
        "findings", "close-up", "events", "tasks", "services", "addresses", "cost", "tables",
    ]  # fmt: skip
    assert "demand" in Outline(page(mix)).anchors
    assert "capacity" in Outline(page(mix)).anchors


def test_every_chart_is_drawn_for_a_desk_and_for_a_phone_on_one_time_axis(mix: Result) -> None:
    text = page(mix)
    wide, narrow = (
        re.findall(f'<svg class="{width}"[^>]*viewBox="0 0 ([0-9.]+) ', text) for width in ("wide", "narrow")
    )
    assert len(wide) == len(narrow) > 8
    assert set(wide) == {"1040"}
    assert set(narrow) == {"352"}


def test_ids_on_the_page_are_unique_and_every_reference_leads_to_one(mix: Result) -> None:
    text = page(mix)
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(ids)


def test_a_subnet_without_a_free_address_is_not_hidden_with_the_columns_of_zeros(demo: Result) -> None:
    words = Outline(page(demo)).words
    table = words[words.index("Subnets") :]
    assert "fewest free" in table
    assert "interrupted" not in words


def test_colours_of_text_and_of_alarms_follow_a_dark_page(demo: Result) -> None:
    drawings = re.sub(r"<style>.*?</style>", "", page(demo), flags=re.S)
    assert "#b2182b" not in drawings.lower()
    assert "#222222" not in drawings
    assert "var(--problem)" in drawings


def test_names_are_text_and_never_markup(tmp_path: Path) -> None:
    text = page(run("sidecars_share_an_eni", sets=["name=<script>alert(1)</script>"]))
    assert "&lt;script&gt;alert(1)" in text
    assert Outline(text).loads == []


def test_an_interrupted_run_says_so_and_has_a_page(tmp_path: Path) -> None:
    loaded = ecssim.load(ROOT / "scenarios" / "demo.yaml")
    simulation = ecssim.Simulation(loaded, out=tmp_path / "run")
    simulation.advance(until="2h5m")
    simulation.interrupted = True
    result = simulation.finish()
    assert not result.complete
    assert "did not reach its end" in page(result)


def test_a_run_in_which_nothing_happens_has_a_page() -> None:
    sets = ["services=[]", "timeline=[]", "listeners=[]", "loadBalancers=[]"]
    outline = Outline(page(run("demo", sets=sets)))
    assert "Nothing to report: nothing failed, nothing ran out." in outline.words


def test_a_browser_opens_the_page_offline_and_has_nothing_to_complain_about(demo: Result, tmp_path: Path) -> None:
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no chromium here to open the page with")
    report = write_report(demo, tmp_path / "report.html")
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
        "--proxy-server=127.0.0.1:9", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", report.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True, env={**os.environ, "HOME": str(tmp_path)}
    )
    assert "Subnet private-a ran out of addresses" in done.stdout
    assert done.stdout.count("<svg") == page(demo).count("<svg")
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []


def test_a_run_from_python_writes_its_report_where_it_is_told_to(tmp_path: Path) -> None:
    """The command writes it always; a call has to ask, for the pictures take seconds."""
    import ecssim
    from ecssim.scenario.load import load_mapping

    document = {"ecssim": 1, "name": "small", "duration": "10m"}
    loaded = load_mapping(document)
    quiet = ecssim.run(loaded, out=tmp_path / "quiet")
    assert not (tmp_path / "quiet" / "report.html").exists()
    assert quiet.report() == tmp_path / "quiet" / "report.html"
    assert (tmp_path / "quiet" / "report.html").exists()
    ecssim.run(loaded, out=tmp_path / "told", report=True)
    assert "<html" in (tmp_path / "told" / "report.html").read_text("utf-8")
    assert ecssim.run(loaded).report(tmp_path / "page.html").exists()
    with pytest.raises(ValueError, match="in memory"):
        ecssim.run(loaded).report()
    with pytest.raises(ValueError, match="give out"):
        ecssim.run(loaded, report=True)
