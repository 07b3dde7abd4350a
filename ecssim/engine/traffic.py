"""Traffic: streams of requests, the targets that they reach, and what becomes of every single one of them.

At each minute all cells move at once as vectors. Between minutes a change of the serving fleet only integrates
server-seconds while its target is calm; when it queues, runs hot, or loses or gains its first server, the segment is
closed at that instant with the scalar form of the same formula (design rule 11). Any cut of time conserves the
streams, since arrivals are the floor of a cumulative load.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ecssim.engine import flow_rows, lone_targets
from ecssim.engine.columns import CELL_FLOATS, CELL_INTEGERS, Columns
from ecssim.engine.flow_targets import FEW, HOT, PLAIN, WHOLE, Clients, Holder, Stream, Target
from ecssim.engine.kernel import WORLD
from ecssim.workload.arrivals import BLOCK, MINUTE, Load, Pieces, share_until
from ecssim.workload.flow import IDLE_TIMEOUT, shares, steps
from ecssim.world.services import Service
from ecssim.world.tasks import Task, Template

if TYPE_CHECKING:
    from ecssim.engine.data_use import DataUse
    from ecssim.engine.simulation import Engine


class Traffic:
    """Moves requests through cells and keeps the figures of the minute."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.cells = Columns(CELL_INTEGERS, CELL_FLOATS)
        self._bind()
        self.streams: list[Stream] = []
        self.targets: list[Target] = []
        self.by_group: dict[int, Target] = {}
        self.by_service = engine.services.by_service
        self._cell_of: dict[tuple[int, int, int, str], int] = {}
        self._free: list[int] = []
        self._rows = engine.recorder.tables["flow_metrics"]
        self._names = engine.recorder.names.pool("flow_target")
        self.minute = 0
        self._block = -1
        self._loads: npt.NDArray[np.float64] = np.zeros((0, BLOCK))
        self._pieces: list[tuple[Stream, Pieces]] = []
        self._stale_order = True
        self.blank: npt.NDArray[np.void] | None = None
        self.rows = self._rows
        #: Targets that are moved by themselves, one by one.
        self.lone: list[Target] = []
        #: Seconds of work in the backlog of each service as the minute began.
        self.backlog: npt.NDArray[np.float64] = np.zeros(0)
        #: Who meters what the requests cost on their way; None where nothing does (engine.data_use).
        self.data_use: DataUse | None = None

    # -- set-up -----------------------------------------------------------------------------------------------

    def target_for_group(self, ordinal: int) -> Target:
        """Return the flow target of a target group."""
        target = self.by_group.get(ordinal)
        if target is None:
            name = self.engine.world.target_groups[ordinal].name
            target = Target(len(self.targets), self._names[name], ordinal, balanced=True)
            self.by_group[ordinal] = target
            self.targets.append(target)
        return target

    def target_for_service(self, ordinal: int) -> Target:
        """Return the flow target of a service that is reached without a load balancer."""
        target = self.by_service.get(ordinal)
        if target is None:
            name = self.engine.world.services[ordinal].name
            target = Target(len(self.targets), self._names[name], -1, balanced=False)
            self.by_service[ordinal] = target
            self.targets.append(target)
        return target

    def stand_in(self, target: Target, service: Service) -> None:
        """Give the target a cell of ``service``, so that its requests have an owner also without any task."""
        if target.default < 0:
            template = service.deployments[0].template
            zone = template.zones[0] if template.zones else self.engine.world.subnets[0].zone
            target.default = self._new_cell((target.index, service.ordinal, template.code, zone), target, template)

    def follow(self, old: int, new: int) -> None:
        """A service (ordinals) has been created again: requests that were the old one's are the new one's."""
        for key, i in list(self._cell_of.items()):
            if key[1] == old:
                del self._cell_of[key]
                self._cell_of[key[0], new, key[2], key[3]] = i
                self.cells.columns["service"][i] = new
                self._stale_order = True
        target = self.by_service.pop(old, None)
        if target is not None:
            self.by_service[new] = target

    def add_stream(
        self, name: str, source: Load, targets: list[tuple[Target, float]], clients: Clients = PLAIN
    ) -> Stream:
        """Add a stream; weights are relative."""
        stream = Stream(len(self.streams), name, source, [t for t, _ in targets], [w for _, w in targets], clients)
        self.streams.append(stream)
        for target, _ in targets:
            target.streams.append(stream)
        return stream

    def opens(self, target: Target) -> None:
        """A target joins while the run is under way: a listener forwards to it from now on."""
        self.doors.add()
        self.doors.columns["closed"][target.index] = self.kernel._now

    def begin(self) -> None:
        """All streams are known: lay their columns out and load the first minute."""
        self.flows = Columns(("arrived",), ("before", "load"), len(self.streams))
        self.doors = Columns(("waiting",), ("carry", "closed"), len(self.targets))
        #: Positions of the targets that no load balancer stands before: they have no requests per target.
        self.direct = np.array([t.index for t in self.targets if not t.balanced], dtype=np.int64)
        self.rewire()
        self._load_minute()

    def rewire(self) -> None:
        """Know again which streams go to one target only, and which targets are moved by themselves."""
        alone = [s for s in self.streams if len(s.targets) == 1 and s.odd is None]
        self._alone = np.array([s.index for s in alone], dtype=np.int64)
        self._alone_target = np.array([s.targets[0].index for s in alone], dtype=np.int64)
        self._shared = [s for s in self.streams if len(s.targets) > 1 or s.odd is not None]
        self.lone = [t for t in self.targets if t.alone]
        self._stale_order = True

    def _load_minute(self) -> None:
        if not self.streams:
            return
        b = self.minute // BLOCK
        if b != self._block:
            self._loads = np.stack([s.source.block(b) for s in self.streams])
            self._block = b
            for stream, _ in self._pieces:
                stream.pieces = ()
            self._pieces = [(s, p) for s in self.streams if (p := s.source.pieces(b))]
        self.flows.view("load")[:] = self._loads[:, self.minute % BLOCK]
        for stream, pieces in self._pieces:
            stream.pieces = pieces.get(self.minute, ())
            for part, _ in stream.pieces[:-1]:
                self.kernel.at((self.minute + part) * MINUTE, WORLD, self._on_change, stream)

    def _on_change(self, stream: Stream, _: int) -> None:
        """The rate of a stream changes inside of a minute: what came until now came at the old one (design rule 11)."""
        for target in stream.targets:
            self.close(target, self.kernel._now)

    # -- between minutes --------------------------------------------------------------------------------------

    def serving(self, target: Target, task: Task, holder: Holder, delta: int, *, lost: bool = False) -> None:
        """One task more or less takes requests behind ``target``; ``lost``: it ended with requests in its hands.

        ``holder`` remembers the task's cell from its coming to its going.
        """
        now = self.kernel._now
        if delta < 0:
            i = holder.cell
            if i < 0:
                return  # it came before the stream did
        else:
            deployment = task.deployment
            assert deployment is not None
            key = (target.index, deployment.service.ordinal, deployment.template.code, self.engine.zone_of(task))
            known = self._cell_of.get(key)
            before = holder.cell
            i = holder.cell = self._new_cell(key, target, task.template) if known is None else known
        if target.uneven is not None:
            lone_targets.changes(self, target, i, holder, delta, again=delta > 0 and before >= 0)
        servers, since, server_seconds, minute_seconds = self._hot
        had = servers[i]
        if target.stressed or had + delta <= 0 or had <= 0:
            self.close(target, now)
        seconds = had * (now - since[i])
        server_seconds[i] += seconds
        minute_seconds[i] += seconds
        since[i] = now
        if lost and had > 0:
            columns = self.cells.columns
            # Its share of the requests in flight is gone: the client sees a reset connection (LB-042). In a calm
            # minute their number is that of the last close.
            gone = columns["in_flight"][i] if had <= 1 else int(columns["in_flight"][i] // had)
            columns["in_flight"][i] -= gone
            columns["f502"][i] += gone
        servers[i] = had + delta

    def outlived(self, holder: Holder, delay: float) -> None:
        """A task is deregistered whose requests take longer than the drain: what is left then gets 502 (LB-041).

        Requests under way are at a random point of their time; the task's share of them is one of the servers'.
        """
        i = holder.cell
        if i < 0:
            return
        columns = self.cells.columns
        there = columns["servers"][i] + 1.0
        late = 1.0 - delay / columns["unloaded"][i]
        gone = floor(columns["in_flight"][i] / there * late)
        columns["in_flight"][i] -= gone
        columns["f502"][i] += gone

    def cell_for(self, target: Target, task: Task) -> int:
        """Return the cell in which a task serves behind ``target``."""
        deployment = task.deployment
        assert deployment is not None
        key = (target.index, deployment.service.ordinal, deployment.template.code, self.engine.zone_of(task))
        known = self._cell_of.get(key)
        return self._new_cell(key, target, task.template) if known is None else known

    def _bind(self) -> None:
        """Take hold of the columns that every change of a task's service touches; growing moves them."""
        columns = self.cells.columns
        self._hot = columns["servers"], columns["since"], columns["server_seconds"], columns["minute_seconds"]

    def _new_cell(self, key: tuple[int, int, int, str], target: Target, template: Template) -> int:
        """Make the cell of one service revision in one zone behind one target."""
        _, service, _, zone = key
        reuse = self._free.pop() if self._free else -1
        zone_code = self.engine.zone_codes[zone]
        i = reuse if reuse >= 0 else self.cells.add()
        self._bind()
        request = template.laws.request
        columns = self.cells.columns
        columns["target"][i] = target.index
        columns["service"][i] = service
        columns["revision"][i] = template.revision
        columns["zone"][i] = zone_code
        columns["since"][i] = self.kernel._now
        columns["cpu_seconds"][i] = request.cpu_seconds
        columns["base"][i] = request.latency
        columns["cores"][i] = request.cores
        columns["rate"][i] = request.rate
        columns["unloaded"][i] = request.unloaded
        columns["memory"][i] = request.memory
        columns["errors"][i] = request.errors
        columns["patience"][i] = target.patience
        if request.warmup is not None:
            lone_targets.warms_up(self, target, i, request.warmup)
        self._cell_of[key] = i
        target.cells.append(i)
        self._stale_order = True
        return i

    def _advance(self, stream: Stream, part: float) -> None:
        """Let requests of one stream arrive until ``part`` (0 to 1) of the minute; put them before the targets."""
        columns = self.flows.columns
        i = stream.index
        if stream.pieces:
            part = share_until(stream.pieces, part)
        n = floor(columns["before"][i] + columns["load"][i] * part + WHOLE)
        new = n - columns["arrived"][i]
        if new <= 0:
            return
        columns["arrived"][i] = n
        waiting = self.doors.columns["waiting"]
        if stream.odd is not None:
            lone_targets.arrive_odd(self, stream, new)
            return
        if len(stream.targets) == 1:
            waiting[stream.targets[0].index] += new
            return
        if stream.goal is not None:
            lone_targets.drift(stream, self.kernel._now)
        counts, stream.carry = shares(new, stream.weights, stream.carry)
        for target, count in zip(stream.targets, counts, strict=True):
            waiting[target.index] += count

    def close(self, target: Target, now: float) -> None:
        """Close the running segment of one target: share out what has arrived, move its cells."""
        doors = self.doors.columns
        dt = now - doors["closed"][target.index]
        if dt <= 0.0:
            return
        part = min(1.0, (now - self.minute * MINUTE) / MINUTE)
        for stream in target.streams:
            self._advance(stream, part)
        if self.lone and target.alone:
            lone_targets.close(self, target, dt, now)
            return
        columns = self.cells.columns
        integrals = []
        for i in target.cells:
            seconds = columns["servers"][i] * (now - columns["since"][i])
            columns["since"][i] = now
            columns["minute_seconds"][i] += seconds
            integrals.append(columns["server_seconds"][i] + seconds)
            columns["server_seconds"][i] = 0.0
        doors["closed"][target.index] = now
        n = doors["waiting"][target.index]
        doors["waiting"][target.index] = 0
        if sum(integrals) <= 0.0:
            self.refuse(target, n, dt, now)
            self.finish_drained(target)
            return
        counts, doors["carry"][target.index] = shares(n, integrals, doors["carry"][target.index])
        stressed = False
        for i, count, integral in zip(target.cells, counts, integrals, strict=True):
            columns["offered"][i] += count
            stressed = lone_targets.move(self, target, i, count, integral, dt) or stressed
        target.stressed = stressed
        self.finish_drained(target)

    def finish_drained(self, target: Target) -> None:
        """Tasks that drain finish what they hold: a cell without servers keeps nothing in flight (LB-040)."""
        columns = self.cells.columns
        for i in target.cells:
            if columns["servers"][i] <= 0.0 and columns["in_flight"][i] > 0:
                columns["served"][i] += columns["in_flight"][i]
                columns["in_flight"][i] = 0

    def refuse(self, target: Target, count: int, dt: float, now: float, again: int = 0) -> None:
        """No healthy server: 503 without targets (LB-043); with some, all of them get requests (LB-010)."""
        if count + again == 0 or not target.cells:
            return
        if target.balanced and self.engine.world.target_groups[target.group].members:
            lone_targets.open_to_all(self, target, count, dt, now, again)
            return
        i = target.cells[-1]
        self.cells.columns["offered"][i] += count
        self.cells.columns["retried"][i] += again
        self.cells.columns["f503"][i] += count + again

    # -- the minute -------------------------------------------------------------------------------------------

    @property
    def few(self) -> bool:
        """Whether there are so few cells that one by one is faster than vectors."""
        return self.cells.count <= FEW

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """The cells that are in use, by target; those of targets that are moved by themselves come last."""
        return self._order

    @property
    def with_cells(self) -> list[Target]:
        """The targets that have cells, in the order of their cells."""
        return self._with_cells

    def arrived(self, stream: Stream) -> int:
        """Requests of a stream up to the last close."""
        return int(self.flows.columns["arrived"][stream.index])

    def cells_by_key(self) -> Iterable[tuple[tuple[int, int, int, str], int]]:
        """Every cell by its target, service, template code and zone."""
        return self._cell_of.items()

    def tick(self) -> None:
        """Close the minute for every target, all cells as vectors."""
        if not self.targets:
            self.minute += 1
            return
        if self._stale_order:
            self.sort()
        if self.few:
            # A handful of cells is moved faster one by one; the arithmetic is the same.
            now = self.kernel._now
            for target in self.targets:
                self.close(target, now)
            flows = self.flows
            before, load = flows.columns["before"], flows.columns["load"]
            for i in range(flows.count):
                before[i] += load[i]
        else:
            for target in self.lone:
                self.close(target, self.kernel._now)
            self._arrive()
            if len(self._starts):
                self._flow(self.kernel._now)
        if self._stale_order:
            self.sort()
        self.minute += 1
        self._load_minute()

    def finish(self) -> None:
        """At the horizon: close what is left of a minute that is not over."""
        now = self.kernel._now
        if now > self.minute * MINUTE:
            for target in self.targets:
                self.close(target, now)
            if self.targets and self._stale_order:
                self.sort()

    def _arrive(self) -> None:
        """Let the rest of the minute's requests arrive at every target's door."""
        flows, doors = self.flows.view, self.doors.view
        for stream in self._shared:
            self._advance(stream, 1.0)
        before, load, arrived = flows("before"), flows("load"), flows("arrived")
        n = np.floor(before + load + WHOLE).astype(np.int64)
        new = np.maximum(0, n - arrived)
        arrived += new
        alone = new[self._alone]
        waiting = np.bincount(self._alone_target, weights=alone, minlength=len(self.targets))
        doors("waiting")[:] += waiting.astype(np.int64)
        before += load

    def sort(self) -> None:
        """Cells by target, for the split of every target's requests over its cells in one go."""
        plain = [t for t in self.targets if t.cells and not t.alone]
        with_cells = plain + [t for t in self.targets if t.cells and t.alone]
        self._with_cells = with_cells
        self._order = np.array([i for t in with_cells for i in t.cells], dtype=np.int64)
        sizes = np.array([len(t.cells) for t in plain], dtype=np.int64)
        self._plain = plain
        self._moved = self._order[: int(sizes.sum())] if len(plain) < len(with_cells) else self._order
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64) if plain else sizes
        self._ends = self._starts + sizes - 1
        self._owners = np.array([t.index for t in plain], dtype=np.int64)
        self._group_of = np.repeat(np.arange(len(plain)), sizes)
        self._several = sizes > 1
        self.blank = None
        patience, unloaded = self.cells.view("patience")[self._moved], self.cells.view("unloaded")[self._moved]
        #: Whether all time-outs are the usual ones, and nobody's requests take longer anyway.
        self._patient = bool(((patience == IDLE_TIMEOUT) & (unloaded <= IDLE_TIMEOUT)).all())
        self._stale_order = False

    def _flow(self, now: float) -> None:
        """Split what waits before every target over its cells, and move all cells over their segment."""
        view, doors = self.cells.view, self.doors.view
        order, starts, ends, owners, group = self._moved, self._starts, self._ends, self._owners, self._group_of
        seconds = view("servers")[order] * (now - view("since")[order])
        integrals = view("server_seconds")[order] + seconds
        view("minute_seconds")[order] += seconds
        view("since")[order] = now
        view("server_seconds")[order] = 0.0
        waiting = doors("waiting")[owners]
        carry = doors("carry")[owners]
        dt = now - doors("closed")[owners]
        # Server-seconds are multiples of the clock's grid, so sums and differences of them are exact.
        cumulative = np.cumsum(integrals)
        before = cumulative[starts] - integrals[starts]
        total = cumulative[ends] - before
        up = total > 0.0
        safe = np.where(up, total, 1.0)
        exact = waiting[group] * ((cumulative - before[group]) / safe[group]) + carry[group]
        upto = np.minimum(waiting[group], np.floor(exact).astype(np.int64))
        upto[ends] = waiting
        counts = np.diff(upto, prepend=0)
        counts[starts] = upto[starts]
        counts[~up[group]] = 0
        inner = exact[np.maximum(ends - 1, 0)]
        doors("carry")[owners] = np.where(up, np.where(self._several, inner - np.floor(inner), 0.0), carry)
        doors("waiting")[owners] = 0
        doors("closed")[owners] = now
        rate = view("rate")[order] * view("cores")[order]
        in_flight = view("in_flight")[order]
        span = dt[group]
        with np.errstate(divide="ignore", invalid="ignore"):
            servers = np.where(span > 0.0, integrals / span, 0.0)
        served, late, left, rest = steps(
            in_flight,
            counts,
            span,
            servers,
            rate,
            view("unloaded")[order],
            view("carry")[order],
            IDLE_TIMEOUT if self._patient else view("patience")[order],
        )
        # Tasks that drain finish what they hold: a cell without servers keeps nothing in flight.
        empty = (view("servers")[order] <= 0.0) & (left > 0)
        served += np.where(empty, left, 0)
        left[empty] = 0
        view("offered")[order] += counts
        view("served")[order] += served
        view("f504")[order] += late
        view("in_flight")[order] = left
        view("carry")[order] = rest
        hot = (counts > HOT * rate * integrals) | (rest > 0.0)
        hot_targets = np.logical_or.reduceat(hot, starts)
        for i in np.flatnonzero(~up & (waiting > 0)).tolist():
            self.refuse(self._plain[i], int(waiting[i]), float(dt[i]), now)
        for target, flag in zip(self._plain, hot_targets.tolist(), strict=True):
            target.stressed = flag

    def record(self, t: float) -> None:
        """Write the minute's row of every cell and start the next minute's figures."""
        if not self.targets or self._stale_order:
            return
        if self.data_use is not None:
            self.data_use.minute(self)
        if self.few:
            flow_rows.record_one_by_one(self, t)
        else:
            flow_rows.record_all(self, t)
        self._retire()

    def _retire(self) -> None:
        """Forget cells of revisions that are gone; what they held has been served or has failed."""
        if self.minute % BLOCK:
            return
        services = self.engine.world.services
        columns = self.cells.columns
        for key, i in list(self._cell_of.items()):
            index, service, code, _ = key
            target = self.targets[index]
            if i == target.default or columns["servers"][i] > 0 or columns["in_flight"][i] > 0:
                continue
            if all(d.template.code != code for d in services[service].deployments):
                target.cells.remove(i)
                del self._cell_of[key]
                self.cells.clear(i)
                self._free.append(i)
                self._stale_order = True
