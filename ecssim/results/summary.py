"""``result.summary()``: what the run means, findings in words first (design section 6).

Works on whatever the record holds: a finished run, an interrupted or killed one, empty tables. Floats have six
significant digits, unknown ones are null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecssim.results.address_findings import address_findings
from ecssim.results.facts import Facts
from ecssim.results.finding import ordered
from ecssim.results.service_figures import service_figures
from ecssim.results.subnet_figures import subnet_figures

if TYPE_CHECKING:
    from ecssim.results.result import Result

_RUN = ("ecssim", "seed", "variant", "region", "start", "duration", "simulated", "timing", "quotas", "model")


def summary(result: Result) -> dict[str, Any]:
    """The summary of a run, as JSON values."""
    facts = Facts(result)
    subnets = subnet_figures(facts)
    services = service_figures(facts)
    findings = ordered(address_findings(facts, subnets))
    manifest = result.manifest
    return {
        "findings": [finding.as_json() for finding in findings],
        "scenario": manifest.get("scenario"),
        "complete": result.complete,
        "services": {s.name: s.as_json() for s in services},
        "subnets": {s.name: s.as_json() for s in subnets},
        "run": {key: manifest.get(key) for key in _RUN if key in manifest},
    }
