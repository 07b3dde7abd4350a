"""The resolved scenario: what a run folder keeps, in API form.

Overrides are applied, task definitions stand inline, shorthands are written as the API has them, files that
are referred to have absolute paths and digests. Reading it gives the same scenario again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ecssim.scenario.document import Scenario
from ecssim.scenario.files import digest_of, traces_of
from ecssim.scenario.nodes import Node

Document = dict[str, Any]


def resolved_document(root: Node, scenario: Scenario, base_dir: Path) -> Document:
    """Plain values of the resolved scenario; ``root`` is its validated tree."""
    document: Document = root.plain()
    document.pop("variants", None)
    for steps, trace in traces_of(scenario):
        written: Any = document
        for step in steps:
            written = written[step]
        path = (base_dir / trace.file).resolve()
        written["file"], written["digest"] = str(path), digest_of(path)
    _resolve_empirical(document.get("behaviour"), base_dir)
    _resolve_empirical(document.get("timing"), base_dir)
    if "customPlacementStrategy" in scenario.allow:
        from ecssim.scenario.own_strategies import absolute, own_strategies

        for steps, item in own_strategies(scenario):
            place: Any = document
            for step in steps[:-1]:
                place = place[step]
            place["field"] = absolute(item.field or "", base_dir)
    for section, expand in _EXPANSIONS.items():
        for item in document.get(section) or []:
            expand(item)
    return document


def _resolve_empirical(written: Any, base_dir: Path) -> None:
    if not isinstance(written, dict):
        return
    for key, value in written.items():
        if key == "empirical" and isinstance(value, str | dict):
            given = {"file": value} if isinstance(value, str) else value
            path = (base_dir / given["file"]).resolve()
            written[key] = {**given, "file": str(path), "digest": digest_of(path)}
        else:
            _resolve_empirical(value, base_dir)


def _expand_group(group: Document) -> None:
    subnets = group.pop("subnets", None)
    if subnets:
        group["vpcZoneIdentifier"] = ",".join(subnets)
    instances = group.pop("instances", None)
    if instances is not None:
        spot = instances.get("market") == "spot"
        override = {k: v for k, v in instances.items() if k != "market"}
        group["mixedInstancesPolicy"] = {
            "launchTemplate": {"overrides": [override]},
            "instancesDistribution": {
                "onDemandBaseCapacity": 0,
                "onDemandPercentageAboveBaseCapacity": 0 if spot else 100,
            },
        }


def _expand_provider(provider: Document) -> None:
    group = provider.get("autoScalingGroupProvider")
    if group is not None and "autoScalingGroup" in group:
        group["autoScalingGroupArn"] = group.pop("autoScalingGroup")


def _expand_target_group(group: Document) -> None:
    for short, key in (
        ("deregistrationDelay", "deregistration_delay.timeout_seconds"),
        ("slowStart", "slow_start.duration_seconds"),
    ):
        if short in group:
            group.setdefault("attributes", []).append({"key": key, "value": str(group.pop(short))})


def _expand_listener(listener: Document) -> None:
    if "loadBalancer" in listener:
        listener["loadBalancerArn"] = listener.pop("loadBalancer")
    rules = listener.get("rules", [])
    for action in [*listener.get("defaultActions", []), *(a for r in rules for a in r.get("actions", []))]:
        if "targetGroups" in action:
            action["forwardConfig"] = {"targetGroups": action.pop("targetGroups")}
        for target in action.get("forwardConfig", {}).get("targetGroups", []):
            if "targetGroup" in target:
                target["targetGroupArn"] = target.pop("targetGroup")


def _expand_vpc(vpc: Document) -> None:
    blocks = vpc.pop("cidrBlocks", None)
    if blocks:
        vpc.setdefault("cidrBlockAssociationSet", []).extend({"cidrBlock": block} for block in blocks)


def _expand_route_table(table: Document) -> None:
    subnets = table.pop("subnets", None)
    if subnets:
        table.setdefault("associations", []).extend({"subnetId": subnet} for subnet in subnets)


_EXPANSIONS: Mapping[str, Callable[[Document], None]] = {
    "autoScalingGroups": _expand_group,
    "capacityProviders": _expand_provider,
    "targetGroups": _expand_target_group,
    "listeners": _expand_listener,
    "vpcs": _expand_vpc,
    "routeTables": _expand_route_table,
}


def to_yaml(document: Mapping[str, Any]) -> str:
    """YAML 1.2 text that reads back as the same values."""
    import yaml
    from yamlcore import CCoreDumper

    text = yaml.dump(document, Dumper=CCoreDumper, sort_keys=False, allow_unicode=True, width=110)
    return str(text)
