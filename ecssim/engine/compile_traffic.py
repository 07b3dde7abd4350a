"""From ``traffic`` entries to streams: patterns and traces, and the targets that a destination stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ecssim.engine.flow_targets import PLAIN, Clients, Target
from ecssim.engine.routing import route_target
from ecssim.engine.traces import trace_load
from ecssim.scenario.clients import Clients as ClientsDocument
from ecssim.scenario.document import Scenario
from ecssim.scenario.timeline import seconds_of
from ecssim.scenario.traffic import Destination
from ecssim.scenario.traffic import Traffic as TrafficDocument
from ecssim.workload.arrivals import BLOCK, MINUTE, Burst, BurstyLoad, Floats, Load, Pattern, PatternLoad, TraceLoad

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Way(NamedTuple):
    """How a part of a stream gets to its targets: by which listener and rule, if any."""

    targets: list[tuple[Target, float]]
    listener: str = ""
    rule: str = ""
    rules: int = 0
    sticky: bool = False


def add_targets(engine: Engine, scenario: Scenario) -> None:
    """Know every target that traffic reaches, before the first task serves."""
    for document in scenario.traffic:
        for destination, _ in _destinations(document):
            for target, _ in _way(engine, scenario, destination, document).targets:
                stand_in(engine, target)


def add_streams(engine: Engine, scenario: Scenario) -> None:
    """Add the streams, give the targets their routing, and load the first minute."""
    for document in scenario.traffic:
        targets: dict[Target, float] = {}
        way = Way([])
        for destination, weight in _destinations(document):
            way = _way(engine, scenario, destination, document)
            total = sum(w for _, w in way.targets) or 1.0
            for target, w in way.targets:
                if w > 0 or len(way.targets) > 1:
                    targets[target] = targets.get(target, 0.0) + weight * w / total
        clients = _clients(document)
        stream = engine.traffic.add_stream(
            document.name, _source(engine, scenario, document), [*targets.items()], clients
        )
        stream.listener, stream.rule, stream.rules = way.listener, way.rule, way.rules
        odd = frozenset(t.index for t in targets if t.balanced and mismatched(engine, t.group, clients.protocol))
        stream.odd = odd or None
        for target in targets:
            target.mismatched = target.mismatched or target.index in odd
    for target in engine.traffic.targets:
        route_target(engine, target)
    engine.traffic.begin()


def mismatched(engine: Engine, group: int, protocol: str) -> bool:
    """Whether a target group's protocol version does not take such requests (LB-030)."""
    document = engine.balancers.documents[group]
    if document.network:
        return False
    version = document.protocol_version or "HTTP1"
    takes = {"HTTP1": ("http1", "http2"), "HTTP2": ("http2", "grpc"), "GRPC": ("grpc",)}
    return protocol not in takes.get(version, ("http1", "http2"))


def _clients(stream: TrafficDocument) -> Clients:
    document = stream.clients or ClientsDocument()
    retries = document.retries
    return Clients(
        patience=float(document.timeout) if document.timeout is not None else float("inf"),
        attempts=retries.attempts if retries is not None else 1,
        backoff=float(retries.backoff) if retries is not None else 1.0,
        factor=retries.factor if retries is not None else 2.0,
        on=frozenset(retries.on) if retries is not None else PLAIN.on,
        stays=float(document.stays_for) if document.stays_for is not None else None,
        per_connection=stream.requests_per_connection,
        connection_lasts=float(stream.connection_lasts),
        sent=int(stream.request_size),
        received=int(stream.response_size),
        egress="response_size" in stream.model_fields_set,
        zones=tuple(document.zones.items()),
        protocol=document.protocol,
    )


def _destinations(document: TrafficDocument) -> list[tuple[Destination, float]]:
    if document.to is not None:
        return [(document.to, 1.0)]
    return [(part.to, float(part.weight)) for part in document.split or ()]


def _way(engine: Engine, scenario: Scenario, to: Destination, document: TrafficDocument) -> Way:
    """Return the flow targets of a destination with their weights: a listener forwards by weight (LB-025)."""
    traffic = engine.traffic
    if to.service is not None:
        service = engine.world.service_named(to.service)
        assert service is not None
        if service.deployments[0].template.target_groups:
            return Way([(traffic.target_for_group(service.deployments[0].template.target_groups[0]), 1.0)])
        return Way([(traffic.target_for_service(service.ordinal), 1.0)])
    balancers = engine.balancers
    if to.target_group is not None:
        return Way([(traffic.target_for_group(balancers.group(to.target_group)), 1.0)])
    door = balancers.door(to.listener or "")
    rule = door.rule_for(document.host, document.path, document.method) if door is not None else None
    if door is None or rule is None:
        return Way([])
    forwards = [
        (balancers.group(name), float(weight)) for action in rule.actions for name, weight in action.forwards_to
    ]
    targets = [(traffic.target_for_group(group), weight) for group, weight in forwards]
    return Way(targets, door.name, rule.arn, len(door.rules))


def stand_in(engine: Engine, target: Target) -> None:
    """A target's requests belong to the first service that is registered with it."""
    for service in engine.world.services:
        groups = service.deployments[0].template.target_groups
        direct = engine.traffic.by_service.get(service.ordinal) is target
        if target.group in groups if target.balanced else direct:
            engine.traffic.stand_in(target, service)
            return


def _source(engine: Engine, scenario: Scenario, document: TrafficDocument) -> Load:
    load = _steady_source(engine, scenario, document)
    if not document.bursts:
        return load
    start = scenario.start
    bursts = [
        Burst(b.factor, float(b.for_), seconds_of(b.at or "0", start), float(b.every or 0.0)) for b in document.bursts
    ]

    def draws(number: int, hour: int) -> Floats:
        # As many gaps as an hour can hold with room to spare; a function of (seed, stream, hour) as the noise is.
        most = 8 + int(8 * BLOCK * MINUTE / bursts[number].every)
        return engine.luck.generator("burst", document.name, f"{number}/{hour}").random(most)

    return BurstyLoad(load, bursts, draws)


def _steady_source(engine: Engine, scenario: Scenario, document: TrafficDocument) -> PatternLoad | TraceLoad:
    trace = document.trace
    if trace is not None:
        return trace_load(scenario, trace, engine.builder.base_dir)
    start = scenario.start
    pattern = Pattern(
        document.pattern or "constant",
        base=float(document.rate if document.rate is not None else document.base or 0.0),
        peak=float(document.peak or 0.0),
        peak_at=_clock(document.peak_at),
        at=seconds_of(document.at or "0", start),
        lasts=float(document.for_ or 0.0),
        ramp=float(document.ramp or 0.0),
        steps=tuple((seconds_of(s.at, start), float(s.rate)) for s in document.steps or ()),
        stages=_corners(document),
        weekend=float(document.weekend) if document.weekend is not None else 1.0,
        midnight=start.hour * 3600.0 + start.minute * 60.0 + start.second,
        weekday=start.weekday(),
    )

    def draws(b: int) -> Floats:
        # A function of (seed, stream, hour): never of what the fleet does.
        return engine.luck.generator("traffic", document.name, str(b)).standard_normal(BLOCK)

    return PatternLoad(pattern, float(document.noise or 0.0), draws)


def _corners(document: TrafficDocument) -> tuple[tuple[float, float], ...]:
    """The corners of a load test's rate: it begins at 0, and is 0 again after its last stage."""
    at, corners = 0.0, [(0.0, 0.0)]
    for stage in document.stages or ():
        at += float(stage.duration)
        corners.append((at, float(stage.target)))
    return tuple(corners)


def _clock(text: str | None) -> float:
    parts = [int(p) for p in (text or "12:00").split(":")]
    return parts[0] * 3600.0 + parts[1] * 60.0 + (parts[2] if len(parts) > 2 else 0)
