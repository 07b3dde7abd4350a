"""From cells to the CloudWatch metrics of services: sums by service, utilisation, response times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ecssim.workload.flow import latency

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

Floats = npt.NDArray[np.float64]


def fill_flow(rows: npt.NDArray[np.void], engine: Engine, running_seconds: Floats, span: float) -> None:
    """Fill the traffic and utilisation columns of one minute's service rows.

    ``running_seconds`` are the task-seconds in RUNNING of each service within the ``span`` seconds (ALARM-029).
    CPU % = 100 x CPU units used / (CPU units of the task definition x running tasks), memory % likewise (ALARM-022,
    ALARM-023); a service without a running task has neither (ALARM-020).
    """
    services = engine.world.services
    n = len(services)
    templates = [s.deployments[0].template for s in services]
    cpu = np.array([t.cpu for t in templates], dtype=np.float64)
    memory = np.array([t.memory for t in templates], dtype=np.float64)
    idle_cpu = np.array([t.laws.request.idle_cpu for t in templates])
    idle_memory = np.array([t.laws.request.idle_memory for t in templates])
    alive = running_seconds > 0.0
    busy = np.zeros(n)
    held = np.zeros(n)
    for name in ("target_response_time", "latency_p50", "latency_p95", "latency_p99", "request_count_per_target"):
        rows[name] = np.nan
    traffic = engine.traffic
    if traffic.targets:
        busy, held = _sums(rows, engine, n, span)
    with np.errstate(divide="ignore", invalid="ignore"):
        used = 1024.0 * busy + idle_cpu * running_seconds
        percent = 100.0 * used / (cpu * running_seconds)
        rows["cpu_utilization"] = np.where(alive & (cpu > 0), np.minimum(percent, 100.0), np.nan)
        mean_tasks = running_seconds / span
        used_memory = idle_memory * mean_tasks + held
        rows["memory_utilization"] = np.where(
            alive & (memory > 0), 100.0 * used_memory / (memory * mean_tasks), np.nan
        )


def _sums(rows: npt.NDArray[np.void], engine: Engine, n: int, span: float) -> tuple[Floats, Floats]:
    """Sum the cells by service; return CPU-seconds used and MiB held by requests in flight."""
    view = engine.traffic.cells.view
    service = view("service")

    def by_service(values: npt.NDArray[np.generic]) -> Floats:
        return np.bincount(service, weights=values, minlength=n).astype(np.float64)

    offered, served = by_service(view("offered")), by_service(view("served"))
    f502, f503, f504 = (by_service(view(name)) for name in ("f502", "f503", "f504"))
    in_flight = by_service(view("in_flight"))
    rows["offered_count"] = offered
    rows["served_count"] = served
    rows["failed_count"] = f502 + f503 + f504
    rows["in_flight_count"] = in_flight
    rows["http_502_count"] = f502
    rows["http_503_count"] = f503
    rows["http_504_count"] = f504
    # A request that found no target is not in RequestCount (LB-046).
    rows["request_count"] = offered - f503
    _per_target(rows, engine, n)
    seconds = view("minute_seconds")
    capacity = by_service(seconds * view("cores"))
    with np.errstate(divide="ignore", invalid="ignore"):
        servers = capacity / span
        # Service-wide rate and base time: cells weighted by the server-seconds that they had.
        weight = np.where(capacity > 0, capacity, 1.0)
        rate = by_service(np.where(np.isfinite(view("rate")), view("rate"), 1e12) * seconds * view("cores")) / weight
        base = by_service(view("base") * seconds * view("cores")) / weight
        working = np.minimum(in_flight, offered / span * (base + np.where(rate > 0, 1.0 / rate, 0.0)))
        backlog = np.where(servers * rate > 0, (in_flight - working) / (servers * rate), 0.0)
        some = (served > 0) & (servers > 0)
        times = latency(offered / span, servers, np.where(rate > 0, rate, 1.0), base, np.maximum(backlog, 0.0))
    for name, values in zip(
        ("target_response_time", "latency_p50", "latency_p95", "latency_p99"), times, strict=True
    ):
        rows[name] = np.where(some, values, np.nan)
    return by_service(view("served") * view("cpu_seconds")), by_service(view("in_flight") * view("memory"))


def _per_target(rows: npt.NDArray[np.void], engine: Engine, n: int) -> None:
    """RequestCountPerTarget: requests of the target group over its targets in the minute (LB-046, SCALE-005)."""
    traffic = engine.traffic
    cells = traffic.cells
    balanced = np.array([t.balanced for t in traffic.targets])
    target = cells.view("target")
    m = len(traffic.targets)
    requests = np.bincount(target, weights=cells.view("offered") - cells.view("f503"), minlength=m)
    seconds = np.bincount(target, weights=cells.view("minute_seconds"), minlength=m)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_target = np.where(seconds > 0, requests / (seconds / 60.0), 0.0)
    values = np.full(n, np.nan)
    # Every service behind the group sees the group's figure, whichever of them served.
    cell_values = np.where(balanced[target], per_target[target], np.nan)
    values[cells.view("service")] = cell_values
    rows["request_count_per_target"] = values
