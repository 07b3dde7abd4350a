"""From ``traffic`` entries to streams: patterns and traces, and the targets that a destination stands for."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecssim.engine.traffic import Target
from ecssim.scenario.document import Scenario
from ecssim.scenario.traffic import Destination
from ecssim.scenario.traffic import Traffic as TrafficDocument
from ecssim.workload.arrivals import BLOCK, Floats, Pattern, PatternLoad, TraceLoad

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def add_targets(engine: Engine, scenario: Scenario) -> None:
    """Know every target that traffic reaches, before the first task serves."""
    for document in scenario.traffic:
        for destination, _ in _destinations(document):
            for target, _ in _targets(engine, scenario, destination):
                _stand_in(engine, scenario, target)


def add_streams(engine: Engine, scenario: Scenario) -> None:
    """Add the streams and load the first minute."""
    for document in scenario.traffic:
        targets: list[tuple[Target, float]] = []
        for destination, weight in _destinations(document):
            found = _targets(engine, scenario, destination)
            total = sum(w for _, w in found) or 1.0
            targets += [(target, weight * w / total) for target, w in found if w > 0]
        engine.traffic.add_stream(document.name, _source(engine, scenario, document), targets)
    engine.traffic.begin()


def _destinations(document: TrafficDocument) -> list[tuple[Destination, float]]:
    if document.to is not None:
        return [(document.to, 1.0)]
    return [(part.to, float(part.weight)) for part in document.split or ()]


def _targets(engine: Engine, scenario: Scenario, to: Destination) -> list[tuple[Target, float]]:
    """Return the flow targets of a destination with their weights: a listener forwards by weight (LB-025)."""
    traffic = engine.traffic
    if to.service is not None:
        service = engine.world.service_named(to.service)
        assert service is not None
        if service.deployments[0].template.target_groups:
            return [(traffic.target_for_group(service.deployments[0].template.target_groups[0]), 1.0)]
        return [(traffic.target_for_service(service.ordinal), 1.0)]
    if to.target_group is not None:
        return [(traffic.target_for_group(engine.builder.target_groups[_bare(to.target_group)]), 1.0)]
    name, _, port = (to.listener or "").partition(":")
    for listener in scenario.listeners:
        if to.listener == listener.listener_arn or (
            listener.load_balancer_name == name and port in ("", str(listener.port))
        ):
            forwards = [f for action in listener.actions for f in action.forwards_to]
            return [
                (traffic.target_for_group(engine.builder.target_groups[_bare(group)]), float(weight))
                for group, weight in forwards
            ]
    return []


def _stand_in(engine: Engine, scenario: Scenario, target: Target) -> None:
    """A target's requests belong to the first service that is registered with it."""
    for service in engine.world.services:
        groups = service.deployments[0].template.target_groups
        direct = engine.traffic.by_service.get(service.ordinal) is target
        if target.group in groups if target.balanced else direct:
            engine.traffic.stand_in(target, service)
            return


def _source(engine: Engine, scenario: Scenario, document: TrafficDocument) -> PatternLoad | TraceLoad:
    trace = document.trace
    if trace is not None:
        return _trace(scenario, document, engine.builder.base_dir)
    start = scenario.start
    pattern = Pattern(
        document.pattern or "constant",
        base=float(document.rate if document.rate is not None else document.base or 0.0),
        peak=float(document.peak or 0.0),
        peak_at=_clock(document.peak_at),
        at=float(document.at or 0.0),
        lasts=float(document.for_ or 0.0),
        ramp=float(document.ramp or 0.0),
        steps=tuple((float(s.at), float(s.rate)) for s in document.steps or ()),
        weekend=float(document.weekend) if document.weekend is not None else 1.0,
        midnight=start.hour * 3600.0 + start.minute * 60.0 + start.second,
        weekday=start.weekday(),
    )

    def draws(b: int) -> Floats:
        # A function of (seed, stream, hour): never of what the fleet does.
        return engine.luck.generator("traffic", document.name, str(b)).standard_normal(BLOCK)

    return PatternLoad(pattern, float(document.noise or 0.0), draws)


def _clock(text: str | None) -> float:
    parts = [int(p) for p in (text or "12:00").split(":")]
    return parts[0] * 3600.0 + parts[1] * 60.0 + (parts[2] if len(parts) > 2 else 0)


def _trace(scenario: Scenario, document: TrafficDocument, base_dir: Path) -> TraceLoad:
    """Read a trace: its first row is at t = 0, unless ``start`` names the moment of the trace that is."""
    trace = document.trace
    assert trace is not None
    times: list[float] = []
    values: list[float] = []
    with (base_dir / trace.file).open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if trace.where is not None and not row.get(trace.where):
                continue
            text = row[trace.time_column]
            try:
                t = float(text)
            except ValueError:
                t = _moment(text, scenario)
            times.append(t)
            values.append(float(row[trace.value_column]) if trace.value_column is not None else 1.0)
    first = times[0]
    if trace.start is not None and trace.start != "first":
        first = _moment(trace.start, scenario)
    shifted = np.asarray(times) - first
    interval = float(trace.interval) if trace.interval is not None else float(np.median(np.diff(shifted)))
    counts = np.asarray(values) * trace.scale * (interval if trace.unit == "rate" else 1.0)
    keep = shifted >= 0
    return TraceLoad(shifted[keep].tolist(), counts[keep].tolist(), interval, trace.after)


def _moment(text: str, scenario: Scenario) -> float:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=scenario.start.tzinfo)
    return moment.timestamp()


def _bare(name: str) -> str:
    return name.rsplit("targetgroup/", 1)[-1].split("/", maxsplit=1)[0]
