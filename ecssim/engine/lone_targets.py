"""Targets that are moved by themselves: uneven routing, fail-open, clients that give up and try again.

The arithmetic of a cell is that of every other (:func:`ecssim.workload.flow.step`); what differs is how many of its
servers take requests, and who gets which share of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ecssim.engine.flow_targets import HOT, Holder, Stream, Target
from ecssim.engine.kernel import WORLD
from ecssim.engine.retries import STEP
from ecssim.engine.uneven import Settings, Uneven
from ecssim.workload.flow import shares, step

if TYPE_CHECKING:
    from ecssim.engine.targets import Target as Member
    from ecssim.engine.traffic import Traffic


def changes(traffic: Traffic, target: Target, i: int, holder: Holder, delta: int, *, again: bool) -> None:
    """A task comes to (``again``: it was there before) or leaves an uneven target: its segment ends here."""
    uneven = target.uneven
    assert uneven is not None
    now = traffic.kernel._now
    traffic.close(target, now)
    columns = traffic.cells.columns
    if delta > 0:
        task = getattr(holder, "task", None)
        registered = float(task.started_at) if task is not None and not again else math.inf
        uneven.joins(i, holder, columns, target.cells, now, registered)
    else:
        uneven.leaves(i, holder, columns["servers"][i])


def falls_silent(traffic: Traffic, target: Target, holder: Holder) -> None:
    """A task does not answer any more, and gets requests until its checks have failed often enough (LB-044)."""
    traffic.close(target, traffic.kernel._now)
    if target.uneven is None:
        target.uneven = Uneven(Settings())
        traffic.rewire()
    target.uneven.silent.setdefault(holder.cell, set()).add(holder)


def warms_up(traffic: Traffic, target: Target, i: int, warmup: tuple[float, float]) -> None:
    """The tasks of a cell are slow at first: seconds, and the share of their speed that they lack (TRAFFIC)."""
    if target.uneven is None:
        target.uneven = Uneven(Settings())
        traffic.lone.append(target)
    target.uneven.warmups[i] = warmup


def drift(stream: Stream, now: float) -> None:
    """Users who stick to a target group follow its new weights only as their stickiness ends (LB-025)."""
    goal = stream.goal
    assert goal is not None
    dt = now - stream.drifted
    if dt <= 0.0:
        return
    stream.drifted = now
    left = float(np.exp(-dt / stream.sticks)) if stream.sticks > 0.0 else 0.0
    stream.weights = [g + (w - g) * left for w, g in zip(stream.weights, goal, strict=True)]
    if left < 1e-9 or max(abs(w - g) for w, g in zip(stream.weights, goal, strict=True)) < 1e-9:
        stream.weights, stream.goal = list(goal), None


def arrive_odd(traffic: Traffic, stream: Stream, new: int) -> None:
    """Requests of a stream that some of its targets do not understand: those are answered 464 (LB-030)."""
    assert stream.odd is not None
    if stream.goal is not None:
        drift(stream, traffic.kernel._now)
    counts, stream.carry = shares(new, stream.weights, stream.carry)
    columns = traffic.cells.columns
    for target, count in zip(stream.targets, counts, strict=True):
        if target.index in stream.odd and target.cells:
            columns["offered"][target.cells[-1]] += count
            columns["f464"][target.cells[-1]] += count
        else:
            traffic.doors.columns["waiting"][target.index] += count


def close(traffic: Traffic, target: Target, dt: float, now: float) -> None:
    """Close the segment of one target; see :meth:`Traffic.close`, which has let its streams arrive."""
    columns = traffic.cells.columns
    doors = traffic.doors.columns
    uneven, retries = target.uneven, target.retries
    start = now - dt
    taking, working = [], []
    for i in target.cells:
        seconds = columns["servers"][i] * (now - columns["since"][i])
        columns["since"][i] = now
        columns["minute_seconds"][i] += seconds
        integral = columns["server_seconds"][i] + seconds
        columns["server_seconds"][i] = 0.0
        untaken = cold = 0.0
        if uneven is not None and integral > 0.0:
            untaken, cold = uneven.ramp(i, start, now)
            cold += uneven.unreached(i, dt) + len(uneven.silent.get(i, ())) * dt
        # A task that has only begun still takes something; the first ones of a group take all there is.
        taking.append(max(integral - untaken, 1e-3 * integral))
        working.append(max(integral - untaken - cold, 1e-3 * integral))
        columns["minute_idle"][i] += integral - working[-1]
    doors["closed"][target.index] = now
    offered = doors["waiting"][target.index]
    doors["waiting"][target.index] = 0
    again = 0
    if retries is not None:
        retries.arrived(offered)
        again = retries.due(now)
    before = _failures(traffic, target)
    n = offered + again
    served_before = sum(columns["served"][i] for i in target.cells)
    members = target.balanced and bool(traffic.engine.world.target_groups[target.group].members)
    if sum(taking) <= 0.0 or (members and _too_few(traffic, target)):
        traffic.refuse(target, offered, dt, now, again)
    else:
        _share_out(traffic, target, taking, working, offered, again, dt, now)
    traffic.finish_drained(target)
    if retries is not None:
        after = _failures(traffic, target)
        failed = {code: after[code] - before[code] for code in after}
        retries.settle(now, failed, sum(columns["served"][i] for i in target.cells) - served_before)
        if (retries.busy or any(n > 0 for n in failed.values())) and not retries.armed:
            retries.armed = True
            traffic.kernel.at(now + STEP, WORLD, _look_again, (traffic, target))
    target.stressed = target.stressed or n > 0


def _look_again(what: tuple[Traffic, Target], _: int) -> None:
    """Requests wait to be retried: the target's segment ends here."""
    traffic, target = what
    assert target.retries is not None
    target.retries.armed = False
    traffic.close(target, traffic.kernel._now)


def _failures(traffic: Traffic, target: Target) -> dict[str, int]:
    columns = traffic.cells.columns
    return {code: sum(columns[f"f{code}"][i] for i in target.cells) for code in ("502", "503", "504", "460")}


def _too_few(traffic: Traffic, target: Target) -> bool:
    """Whether so few targets are healthy that all of them get requests (LB-010)."""
    if target.uneven is None:
        return False
    settings = target.uneven.settings
    if settings.zones or (settings.minimum <= 1 and settings.percent <= 0.0):
        return False
    group = traffic.engine.world.target_groups[target.group]
    healthy, there = group.healthy, len(group.members)
    return healthy < settings.minimum or 100.0 * healthy < settings.percent * there


def _retried(traffic: Traffic, target: Target, cells: list[int], counts: list[int]) -> None:
    column = traffic.cells.columns["retried"]
    for i, count in zip(cells, counts, strict=True):
        column[i] += count


def _share_out(
    traffic: Traffic,
    target: Target,
    taking: list[float],
    working: list[float],
    offered: int,
    again: int,
    dt: float,
    now: float,
) -> None:
    """Share what has arrived out over the cells, and move them."""
    columns = traffic.cells.columns
    doors = traffic.doors.columns
    cells = target.cells
    weights = taking
    if target.uneven is not None:
        weights, nowhere = target.uneven.shares(cells, columns, taking, dt, now)
        for zone, share in nowhere.items():
            lost, lost_again = round(offered * share), round(again * share)
            offered, again = offered - lost, again - lost_again
            _in_zone(traffic, target, zone, lost, lost_again, dt, now)
        if sum(weights) <= 0.0:
            return
    counts, doors["carry"][target.index] = shares(offered, weights, doors["carry"][target.index])
    tries = shares(again, weights, 0.0)[0] if again else [0] * len(cells)
    if again:
        _retried(traffic, target, cells, tries)
    stressed = False
    for i, count, more, integral in zip(cells, counts, tries, working, strict=True):
        columns["offered"][i] += count
        lost = _unanswered(target, i, count + more, columns["servers"][i])
        columns[target.late][i] += lost
        stressed = move(traffic, target, i, count + more - lost, integral, dt) or stressed
    target.stressed = stressed


def _unanswered(target: Target, i: int, count: int, servers: float) -> int:
    """How many of a cell's requests went to tasks that do not answer: they get 504 (LB-044)."""
    silent = len(target.uneven.silent.get(i, ())) if target.uneven is not None else 0
    return min(count, round(count * silent / servers)) if silent and servers > 0.0 else 0


def move(traffic: Traffic, target: Target, i: int, count: int, integral: float, dt: float) -> bool:
    """Move one cell whose servers worked ``integral`` seconds over ``dt``; whether it is hot."""
    columns = traffic.cells.columns
    rate = columns["rate"][i] * columns["cores"][i]
    done = step(
        columns["in_flight"][i],
        count,
        dt,
        integral / dt,
        rate,
        columns["unloaded"][i],
        columns["carry"][i],
        columns["patience"][i],
    )
    columns["served"][i] += done.served
    columns[target.late][i] += done.timed_out
    columns["in_flight"][i] = done.in_flight
    columns["carry"][i] = done.carry
    return bool(count > HOT * rate * integral or done.carry > 0.0)


def _in_zone(traffic: Traffic, target: Target, zone: int, count: int, again: int, dt: float, now: float) -> None:
    """A zone that keeps to itself has no healthy target: its others get the requests, without any it is 503."""
    if count + again == 0:
        return
    columns = traffic.cells.columns
    home = next((i for i in target.cells if columns["zone"][i] == zone), target.cells[-1])
    name = traffic.engine.zone_codes
    members = [
        m
        for m in traffic.engine.world.target_groups[target.group].members.values()
        if name[traffic.engine.zone_of(m.task)] == zone
    ]
    if members:
        open_to(traffic, target, members, count, dt, now, again)
    else:
        columns["offered"][home] += count
        columns["retried"][home] += again
        columns["f503"][home] += count + again


def open_to_all(traffic: Traffic, target: Target, count: int, dt: float, now: float, again: int = 0) -> None:
    """Too few targets are healthy: all that are registered get requests, whatever their checks say (LB-010)."""
    members = list(traffic.engine.world.target_groups[target.group].members.values())
    open_to(traffic, target, members, count, dt, now, again)


def open_to(
    traffic: Traffic, target: Target, members: list[Member], count: int, dt: float, now: float, again: int = 0
) -> None:
    """Send requests to these targets alike: who is up serves them, the others refuse the connection (LB-042)."""
    columns = traffic.cells.columns
    up: dict[int, float] = {}
    for member in members:
        seconds = traffic.engine.targets.up_seconds(member, now - dt, now)
        if seconds > 0.0:
            i = traffic.cell_for(target, member.task)
            up[i] = up.get(i, 0.0) + seconds
    columns = traffic.cells.columns
    target.opened += count + again
    total = len(members) * dt
    reached = min(count + again, round((count + again) * sum(up.values()) / total)) if up else 0
    home = next(iter(up), target.cells[-1])
    columns["offered"][home] += count - min(count, reached)
    columns["retried"][home] += again - (reached - min(count, reached))
    columns["f502"][home] += count + again - reached
    first = min(count, reached)
    if not up:
        return
    weights = list(up.values())
    counts, tries = shares(first, weights, 0.0)[0], shares(reached - first, weights, 0.0)[0]
    for (i, integral), n, more in zip(up.items(), counts, tries, strict=True):
        columns["offered"][i] += n
        columns["retried"][i] += more
        columns["minute_seconds"][i] += integral
        move(traffic, target, i, n + more, integral, dt)
