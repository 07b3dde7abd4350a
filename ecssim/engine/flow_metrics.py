"""From cells to the CloudWatch metrics of services: sums by service, utilisation, response times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ecssim.workload.queueing import Shape, Station, responses
from ecssim.world.services import Deployment, Service

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

Floats = npt.NDArray[np.float64]

#: Whole minutes, for as many services as there usually are.
_MINUTES = np.full(4096, 60.0)
_MINUTES.flags.writeable = False

RESPONSE_COLUMNS = ("target_response_time", "latency_p50", "latency_p95", "latency_p99")


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What the minute needs of services and only changes with a deployment; arrays by service ordinal.

    ``several`` are the services whose counts are more than those of their primary deployment; ``alive`` is None
    while no service is INACTIVE, ``shapes`` while the requests of all have exponential service times.
    """

    version: int
    codes: npt.NDArray[np.int64]
    clusters: npt.NDArray[np.int64]
    cpu: Floats
    memory: Floats
    idle_cpu: Floats
    idle_memory: Floats
    primaries: tuple[Deployment, ...]
    several: tuple[Service, ...]
    alive: npt.NDArray[np.bool_] | None
    shapes: tuple[Shape | None, ...] | None

    @classmethod
    def of(cls, services: Sequence[Service], version: int) -> ServiceFacts:
        """Collect the facts of all services at this version of them."""
        primaries = tuple(s.deployments[0] for s in services)
        templates = [d.template for d in primaries]
        shapes = tuple(t.laws.request.shape for t in templates)
        alive = np.array([s.status != "INACTIVE" for s in services], dtype=bool)
        return cls(
            version,
            np.array([s.service_code for s in services], dtype=np.int64),
            np.array([s.cluster.code for s in services], dtype=np.int64),
            np.array([t.cpu for t in templates], dtype=np.float64),
            np.array([t.memory for t in templates], dtype=np.float64),
            np.array([t.laws.request.idle_cpu for t in templates], dtype=np.float64),
            np.array([t.laws.request.idle_memory for t in templates], dtype=np.float64),
            primaries,
            tuple(s for s in services if len(s.deployments) > 1),
            None if alive.all() else alive,
            shapes if any(shape is not None for shape in shapes) else None,
        )


class Served(NamedTuple):
    """What the response times of one minute's services follow from; ``nothing`` marks those that served none."""

    station: Station
    nothing: npt.NDArray[np.bool_]


class Minute(NamedTuple):
    """The rows of one minute's services whose response times are still to be filled."""

    rows: npt.NDArray[np.void]
    served: Served
    shapes: tuple[Shape | None, ...] | None


def fill_responses(minutes: Sequence[Minute]) -> None:
    """Fill the response-time columns of many minutes at once: one formula over all costs as much as over one."""
    if not minutes:
        return
    stations, nothing = minutes[0].served
    if len(minutes) > 1:
        stations = Station(
            *(np.concatenate(column) for column in zip(*(m.served.station for m in minutes), strict=True))
        )
        nothing = np.concatenate([m.served.nothing for m in minutes])
    times: tuple[Floats, ...]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        if all(m.shapes is None for m in minutes):
            times = responses(stations)
        else:
            times = _by_shape(minutes, stations)
    for name, values in zip(RESPONSE_COLUMNS, times, strict=True):
        values[nothing] = np.nan
        at = 0
        for rows, *_ in minutes:
            rows[name] = values[at : at + len(rows)]
            at += len(rows)


def _by_shape(minutes: Sequence[Minute], stations: Station) -> tuple[Floats, ...]:
    """Response times where services differ in how their service times vary: one go for each shape."""
    places: dict[Shape | None, list[int]] = {}
    at = 0
    for rows, _, shapes in minutes:
        for i in range(len(rows)):
            places.setdefault(shapes[i] if shapes is not None else None, []).append(at + i)
        at += len(rows)
    out = tuple(np.empty(at) for _ in RESPONSE_COLUMNS)
    for shape, where in places.items():
        index = np.array(where, dtype=np.int64)
        for column, values in zip(out, responses(stations.at(index), shape), strict=True):
            column[index] = values
    return out


def fill_flow(
    rows: npt.NDArray[np.void], engine: Engine, facts: ServiceFacts, running_seconds: Floats, span: float
) -> Served | None:
    """Fill the traffic and utilisation columns of one minute's service rows; return what response times need.

    ``running_seconds`` are the task-seconds in RUNNING of each service within the ``span`` seconds (ALARM-029).
    CPU % = 100 x CPU units used / (CPU units of the task definition x running tasks), memory % likewise (ALARM-022,
    ALARM-023); a service without a running task has neither (ALARM-020).
    """
    busy: Floats | float = 0.0
    held: Floats | float = 0.0
    station = None
    if engine.traffic.targets:
        busy, held, station = _sums(rows, engine, len(facts.codes), span)
    else:
        for name in (*RESPONSE_COLUMNS, "request_count_per_target"):
            rows[name] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        # A service without running tasks divides by zero, which gives the missing value that it wants: no row says 0.
        used = 1024.0 * busy + facts.idle_cpu * running_seconds
        percent = np.minimum(100.0 * used / (facts.cpu * running_seconds), 100.0)
        percent[running_seconds <= 0.0] = np.nan
        rows["cpu_utilization"] = percent
        tasks = running_seconds / span
        percent = 100.0 * (facts.idle_memory * tasks + held) / (facts.memory * tasks)
        percent[running_seconds <= 0.0] = np.nan
        rows["memory_utilization"] = percent
    return station


@dataclass(slots=True)
class Sums:
    """The cells of one minute summed by service; ``rate`` and ``base`` are weighted by ``capacity``, server-seconds.

    ``busy`` are CPU-seconds used, ``held`` MiB of requests in flight, ``per_target`` is RequestCountPerTarget.
    """

    offered: Floats
    served: Floats
    in_flight: Floats
    f502: Floats
    f503: Floats
    f504: Floats
    capacity: Floats
    rate: Floats
    base: Floats
    busy: Floats
    held: Floats
    per_target: Floats


def _sums(rows: npt.NDArray[np.void], engine: Engine, n: int, span: float) -> tuple[Floats, Floats, Served]:
    """Fill the request columns; return CPU-seconds used, MiB held by requests in flight, and the stations."""
    traffic = engine.traffic
    sums = _add_one_by_one(engine, n) if traffic.few else _add(engine, n)
    asked = sums.offered
    # A request that found no target is not in RequestCount (LB-046).
    counted = asked - sums.f503
    failed = sums.f502 + sums.f503 + sums.f504
    if traffic.lone:
        failed = failed + _rare(rows, engine, n)
        asked = asked + rows["retried_count"]
        counted = asked - sums.f503 - rows["http_464_count"]
    rows["offered_count"] = sums.offered
    rows["served_count"] = sums.served
    rows["in_flight_count"] = sums.in_flight
    rows["request_count"] = counted
    if failed.any():
        rows["http_502_count"] = sums.f502
        rows["http_503_count"] = sums.f503
        rows["http_504_count"] = sums.f504
        rows["failed_count"] = failed
    rows["request_count_per_target"] = sums.per_target
    capacity = sums.capacity
    offered_rate = asked / span
    with np.errstate(divide="ignore", invalid="ignore"):
        servers = capacity / span
        # Service-wide rate and base time: cells weighted by the server-seconds that they had.
        weight = np.where(capacity > 0.0, capacity, 1.0)
        rate = sums.rate / weight
        base = sums.base / weight
        speed = np.maximum(servers * rate, 1e-300)
        # What is in flight beyond what is being worked on, one request aside that rounding may leave, waits.
        working = offered_rate * (base + 1.0 / np.maximum(rate, 1e-12))
        after = np.maximum(sums.in_flight - working - 1.0, 0.0) / speed
    before = traffic.backlog
    if len(before) < n:
        before = np.concatenate([before, np.zeros(n - len(before))])
    traffic.backlog = after
    nothing = (sums.served <= 0.0) | (capacity <= 0.0)
    rate = np.where(rate > 0.0, rate, 1.0)
    station = Station(offered_rate, servers, rate, base, before, after, _spans(n, span))
    return sums.busy, sums.held, Served(station, nothing)


def _spans(n: int, span: float) -> Floats:
    """The length of the minute, for each service."""
    if span == 60.0 and n <= len(_MINUTES):
        return _MINUTES[:n]
    return np.full(n, span)


def _rare(rows: npt.NDArray[np.void], engine: Engine, n: int) -> Floats:
    """Fill what only targets count that are moved by themselves; return what failed there by other codes."""
    view = engine.traffic.cells.view
    service = view("service")
    gave_up, mismatched, retried = (
        np.bincount(service, weights=view(name), minlength=n) for name in ("f460", "f464", "retried")
    )
    rows["http_460_count"] = gave_up
    rows["http_464_count"] = mismatched
    rows["retried_count"] = retried
    out: Floats = (gave_up + mismatched).astype(np.float64)
    return out


def _add(engine: Engine, n: int) -> Sums:
    """Sum all cells as vectors."""
    traffic = engine.traffic
    view = traffic.cells.view
    service = view("service")

    def by_service(values: npt.NDArray[np.generic]) -> Floats:
        return np.bincount(service, weights=values, minlength=n).astype(np.float64, copy=False)

    seconds = view("minute_seconds") * view("cores")
    if traffic.lone:
        seconds -= view("minute_idle") * view("cores")
    # RequestCountPerTarget: requests of the target group over its targets in the minute (LB-046, SCALE-005). Every
    # service behind the group sees the group's figure, whichever of them served.
    m = len(traffic.targets)
    target = view("target")
    asked = view("offered") - view("f503")
    if traffic.lone:
        asked = asked + view("retried") - view("f464")
    requests = np.bincount(target, weights=asked, minlength=m)
    minutes = np.bincount(target, weights=view("minute_seconds"), minlength=m) / 60.0
    per_target = np.divide(requests, minutes, out=np.zeros(m), where=minutes > 0.0)
    per_target[traffic.direct] = np.nan
    figures = np.full(n, np.nan)
    figures[service[traffic.order]] = per_target[target[traffic.order]]
    return Sums(
        by_service(view("offered")),
        by_service(view("served")),
        by_service(view("in_flight")),
        by_service(view("f502")),
        by_service(view("f503")),
        by_service(view("f504")),
        by_service(seconds),
        by_service(np.minimum(view("rate"), 1e12) * seconds),
        by_service(view("base") * seconds),
        by_service(view("served") * view("cpu_seconds")),
        by_service(view("in_flight") * view("memory")),
        figures,
    )


def _add_one_by_one(engine: Engine, n: int) -> Sums:
    """Sum a handful of cells with Python's own numbers: the same sums in the same order, in a fraction of the time."""
    traffic = engine.traffic
    c = traffic.cells.columns
    sums = [[0.0] * n for _ in range(11)]
    offered, served, in_flight, f502, f503, f504, capacity, rate, base, busy, held = sums
    m = len(traffic.targets)
    lone = bool(traffic.lone)
    requests, minutes = [0.0] * m, [0.0] * m
    for i in range(traffic.cells.count):
        s, t = c["service"][i], c["target"][i]
        seconds = c["minute_seconds"][i] * c["cores"][i]
        if lone:
            seconds -= c["minute_idle"][i] * c["cores"][i]
            requests[t] += c["retried"][i] - c["f464"][i]
        offered[s] += c["offered"][i]
        served[s] += c["served"][i]
        in_flight[s] += c["in_flight"][i]
        f502[s] += c["f502"][i]
        f503[s] += c["f503"][i]
        f504[s] += c["f504"][i]
        capacity[s] += seconds
        rate[s] += min(c["rate"][i], 1e12) * seconds
        base[s] += c["base"][i] * seconds
        busy[s] += c["served"][i] * c["cpu_seconds"][i]
        held[s] += c["in_flight"][i] * c["memory"][i]
        requests[t] += c["offered"][i] - c["f503"][i]
        minutes[t] += c["minute_seconds"][i]
    figures = [float("nan")] * n
    for target in traffic.targets:
        if target.balanced:
            spent = minutes[target.index] / 60.0
            for i in target.cells:
                figures[c["service"][i]] = requests[target.index] / spent if spent > 0.0 else 0.0
    return Sums(*np.array([*sums, figures]))
