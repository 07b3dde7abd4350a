"""``report.html``: one self-contained page about a run, which opens offline and needs no script.

Findings first, each with the ``--set`` that would have avoided it; then charts on one time axis; then the tables of
the summary. The same run gives the same bytes: no date, no random id.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecssim.engine.model_options import ModelOptions
from ecssim.report.sections import sections
from ecssim.report.tables import tables
from ecssim.results.facts import Facts
from ecssim.results.wording import duration, listed

if TYPE_CHECKING:
    from ecssim.results.result import Result

TEMPLATE: Final = "report.html.j2"
REPORT_FILE: Final = "report.html"
#: Findings that are open on the page; the others are below a fold.
OPEN: Final = 8
_WORDS: Final = {"problem": "Problem", "warning": "Warning", "note": "Note"}


@dataclass(frozen=True)
class Line:
    """One finding on the page."""

    severity: str
    word: str
    text: str
    fix: str | None


def write_report(result: Result, path: str | Path) -> Path:
    """Write the page to ``path`` (replaced by rename); return the path."""
    path = Path(path)
    hidden = path.with_name(f".{path.name}")
    hidden.write_text(page(result), "utf-8", "backslashreplace")
    os.replace(hidden, path)
    return path


def page(result: Result) -> str:
    """The report as HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    facts = Facts(result)
    summary = result.summary()
    parts, left_out = sections(facts)
    environment = Environment(
        loader=PackageLoader("ecssim.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found = [_line(finding) for finding in summary["findings"]]
    return environment.get_template(TEMPLATE).render(
        scenario=summary["scenario"] or "run",
        what_if=listed([str(item) for item in result.manifest.get("allow") or ()]),
        facts=_facts(result),
        options=_options(result),
        incomplete=not result.complete,
        headline=_headline(summary, facts),
        findings=found[:OPEN],
        more=found[OPEN:],
        sections=parts,
        left_out=left_out,
        tables=tables(result, summary),
    )


def _line(finding: Mapping[str, Any]) -> Line:
    fix, text = finding.get("fix"), str(finding["text"])
    if fix is not None:
        text = text.removesuffix(f" Fix: {fix}")
    return Line(finding["severity"], _WORDS[finding["severity"]], text, fix)


def _headline(summary: Mapping[str, Any], facts: Facts) -> list[tuple[str, str]]:
    """The figures that a reader wants before anything else, each with its name."""
    found = []
    services = summary["services"].values()
    known = [s["availability"] for s in services if s["availability"] is not None]
    if known:
        found.append(("least available service", f"{min(known):.2%}"))
    rows = facts.raw("service_metrics")
    offered, failed = int(rows["offered_count"].sum()), int(rows["failed_count"].sum())
    if offered:
        found.append(("requests lost", f"{failed / offered:.3%}" if failed else "none"))
    found.append(("tasks started", f"{summary['tasks']['created']:,}"))
    lost = sum(sum(s["failed_starts"].values()) for s in services)
    if lost:
        found.append(("failed to start", f"{lost:,}"))
    broken = sum(s["interruptions"] for s in services)
    if broken:
        found.append(("interrupted", f"{broken:,}"))
    free = [s["free_min"] for s in summary["subnets"].values()]
    if free:
        found.append(("fewest free addresses", f"{min(free):,}"))
    total = facts.result.bill().total
    if total:
        found.append(("cost", f"${total:,.2f}"))
    return found


def _facts(result: Result) -> list[tuple[str, str]]:
    """What makes the run repeatable and what it assumed: seed, digest, versions, quotas, model options."""
    manifest = result.manifest
    quotas = str(manifest.get("quotas") or "")
    other = manifest.get("quota_overrides") or {}
    usual = ModelOptions().named()
    found = [
        ("seed", str(manifest.get("seed"))),
        ("variant", str(manifest.get("variant") or "")),
        ("digest", str(manifest.get("digest") or "")[:16]),
        ("region", str(manifest.get("region") or "")),
        ("starts", f"{result.start:%Y-%m-%d %H:%M}Z"),
        ("simulated", duration(result.end)),
        ("quotas", ", ".join([quotas, *(f"{name} = {value:g}" for name, value in sorted(other.items()))]).strip(", ")),
        ("timing", str(manifest.get("timing") or "")),
        ("prices", "own" if manifest.get("prices") else "list"),
        ("ecssim", str(manifest.get("ecssim") or "")),
        ("Python", str(manifest.get("python") or "")),
        ("numpy", str(manifest.get("numpy") or "")),
        *((name, value) for name, value in _options(result) if value != str(usual.get(name))),
    ]
    return [(name, value) for name, value in found if value]


def _options(result: Result) -> list[tuple[str, str]]:
    """Every model option of the run."""
    return [(name, str(value)) for name, value in (result.manifest.get("model") or {}).items()]
