"""The minute's row of every flow cell, and the end of its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ecssim.engine.traffic import Traffic

#: What is counted from minute to minute.
COUNTED: Final = ("offered", "served", "f502", "f503", "f504")
#: What only targets count that are moved by themselves.
RARELY: Final = ("retried", "f460", "f464")


def record_one_by_one(traffic: Traffic, t: float) -> None:
    """Write the rows of a handful of cells."""
    c = traffic.cells.columns
    engine = traffic.engine
    services = engine.world.services
    for target in traffic.with_cells:
        alone = bool(traffic.lone) and target.alone
        for i in target.cells:
            service = services[c["service"][i]]
            failed = c["f502"][i] + c["f503"][i] + c["f504"][i]
            retried = 0
            if alone:
                failed += c["f460"][i] + c["f464"][i]
                retried = c["retried"][i]
                for name in RARELY:
                    c[name][i] = 0
                c["minute_idle"][i] = 0.0
            traffic.rows.append(
                t,
                target.code,
                service.service_code,
                c["revision"][i],
                c["zone"][i],
                c["offered"][i],
                c["served"][i],
                failed,
                c["in_flight"][i],
                int(c["servers"][i]),
                retried,
                service.cluster.code,
                engine.region_code,
            )
            for name in COUNTED:
                c[name][i] = 0
            c["minute_seconds"][i] = 0.0
        target.opened = 0


def _named(traffic: Traffic) -> npt.NDArray[np.void]:
    """One row per cell with what stays the same from minute to minute: its names, and zeros."""
    view, order = traffic.cells.view, traffic.order
    services = traffic.engine.world.services
    of = view("service")[order]
    rows = traffic.rows.new_rows(len(order))
    rows["target"] = np.array([target.code for target in traffic.targets])[view("target")[order]]
    rows["service"] = np.array([s.service_code for s in services])[of]
    rows["cluster"] = np.array([s.cluster.code for s in services])[of]
    rows["revision"] = view("revision")[order]
    rows["availability_zone"] = view("zone")[order]
    rows["region"] = traffic.engine.region_code
    return rows


def record_all(traffic: Traffic, t: float) -> None:
    """Write the rows of all cells as vectors."""
    view, order = traffic.cells.view, traffic.order
    if traffic.blank is None:
        traffic.blank = _named(traffic)
    rows = traffic.blank.copy()
    rows["t"] = t
    rows["offered_count"] = view("offered")[order]
    rows["served_count"] = view("served")[order]
    failed = view("f502") + view("f503") + view("f504")
    if traffic.lone:
        failed += view("f460") + view("f464")
        rows["retried_count"] = view("retried")[order]
    rows["failed_count"] = failed[order]
    rows["in_flight_count"] = view("in_flight")[order]
    rows["healthy_count"] = view("servers")[order]
    traffic.rows.extend_array(rows)
    for name in COUNTED:
        view(name)[:] = 0
    view("minute_seconds")[:] = 0.0
    if traffic.lone:
        for name in RARELY:
            view(name)[:] = 0
        view("minute_idle")[:] = 0.0
    if traffic.engine.balancers.balancers:
        for target in traffic.targets:
            target.opened = 0
