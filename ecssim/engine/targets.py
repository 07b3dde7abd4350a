"""The one writer of target-group membership: registration, health (solved, not polled), draining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecssim.decide.target_health import Change, Check, changes
from ecssim.engine import lone_targets
from ecssim.engine.timing import READY
from ecssim.world.places import TargetGroup
from ecssim.world.services import Owner
from ecssim.world.states import TARGET_DRAINING, TARGET_HEALTHY, TARGET_INITIAL, TARGET_UNHEALTHY, TARGET_UNUSED
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.luck import Draws
    from ecssim.engine.simulation import Engine


NEVER: Final = float("inf")


def _noticed(ahead: tuple[Change, ...], timeout: float) -> tuple[Change, ...]:
    """A target that hangs is not refused at once: a failure is known when the check has timed out (LB-002)."""
    return tuple(c._replace(t=c.t + timeout) if c.state == TARGET_UNHEALTHY else c for c in ahead)


class Target:
    """One task in one target group. ``ahead`` are the changes of health to come, as solved.

    ``check`` and ``spans`` (when it answers) are set only where they may change: its container may be restarted.
    """

    check: Check
    spans: list[tuple[float, float]]

    __slots__ = ("ahead", "cell", "check", "epoch", "group", "spans", "state", "task")

    def __init__(self, group: TargetGroup, task: Task) -> None:
        self.group = group
        self.task = task
        self.state = TARGET_INITIAL
        self.ahead: tuple[Change, ...] = ()
        self.cell = -1
        self.epoch = 0


class Targets:
    """Keeps target groups: a task is healthy when it is healthy in every one of its groups (LB-064)."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.groups = engine.world.target_groups
        self._first_check = engine.timing["targetFirstCheck"]
        self._draws_of: dict[str, Draws] = {}
        # Bound once: every new target would else make a method object of its own.
        self._then_healthy = self._on_healthy

    def _draws(self, owner: Owner) -> Draws:
        """Return the draws of when the load balancer first looks at each of the owner's launches."""
        got = self._draws_of.get(owner.name)
        if got is None:
            got = self._draws_of[owner.name] = self.engine.luck("first-check", owner.name)
        return got

    def register(self, task: Task, *, healthy: bool = False) -> None:
        """Register a task that has just started with its groups (LB-006, LB-007, SVC-071).

        ``healthy`` is for tasks that were there before the run: they are past their first checks.
        """
        now = self.kernel._now
        template = task.template
        laws = template.laws
        ready = task.started_at + task.delays[READY]
        down = NEVER
        if task.containers:
            main = task.containers[template.chain.main] if template.chain is not None else task.containers[0]
            ready, down = main.up_from, main.up_to
        if laws.unhealthy_after is not None:
            base = max(0.0, task.started_at) if healthy else task.started_at
            down = base + laws.unhealthy_after.median
        u = self._draws(task.owner)[task.k] if self._first_check.kind == "uniform" else 0.0
        task.targets = []
        for ordinal in template.target_groups:
            group = self.groups[ordinal]
            target = Target(group, task)
            task.targets.append(target)
            group.members[task.ordinal] = target
            first = now + group.registration_delay + self._first_check.a
            first += (self._first_check.b - self._first_check.a) * u
            if group.zones is not None and self.engine.zone_of(task) not in group.zones:
                self._never_used(target, first)
                continue
            need = group.healthy_threshold if group.network else 1
            if healthy:
                target.state = TARGET_HEALTHY
                group.healthy += 1
                self._serve(target, 1)
            elif down == NEVER and ready <= first and not task.containers:
                # The common case: up before anybody looks, and for good.
                self.kernel.at(first + (need - 1) * group.interval, 0, self._then_healthy, target)
                continue
            check = Check(first, group.interval, group.healthy_threshold, group.unhealthy_threshold, need)
            if healthy:
                spans = [(-NEVER, down)]
            else:
                spans = [(ready, down)] if ready < down else []
            if task.containers:
                target.check, target.spans = check, spans
            ahead = changes(check, tuple(spans))
            if laws.unhealthy_after is not None:
                ahead = _noticed(ahead, group.check_timeout)
                self.kernel.at(max(down, now), 0, self._on_silent, target)
            target.ahead = ahead[1:] if healthy else ahead
            self._arm(target)

    def _on_silent(self, target: Target, _: int) -> None:
        """The task hangs: it answers neither checks nor requests (LB-044)."""
        flow = self.engine.traffic.by_group.get(target.group.ordinal)
        if flow is not None and target.state == TARGET_HEALTHY and target.cell >= 0 and not target.task.exited:
            lone_targets.falls_silent(self.engine.traffic, flow, target)

    def _never_used(self, target: Target, first: float) -> None:
        """The load balancer is not in the target's zone: it passes no check, and ECS replaces its task (LB-009)."""
        target.state = TARGET_UNUSED
        group = target.group
        seen = first + (group.unhealthy_threshold - 1) * group.interval
        self.kernel.at(seen, 0, self._on_unused, target)

    def _on_unused(self, target: Target, epoch: int) -> None:
        if target.epoch == epoch:
            self.engine.services.on_unhealthy(target.task, target.group)

    def answers_until(self, task: Task, t: float) -> None:
        """The task's container has exited at ``t``: checks fail from then on."""
        for target in task.targets or ():
            if target.spans and target.spans[-1][1] > t:
                begin = target.spans.pop()[0]
                if begin < t:
                    target.spans.append((begin, t))
            self._solve_again(target)

    def answers_from(self, task: Task, begin: float, end: float) -> None:
        """The task's container was started again and answers from ``begin`` until ``end``."""
        for target in task.targets or ():
            if begin < end:
                target.spans.append((begin, end))
            self._solve_again(target)

    def _solve_again(self, target: Target) -> None:
        """Solve a target's health from its whole history, and wait for what is to come of it."""
        if target.state == TARGET_DRAINING:
            return
        now = self.kernel._now
        ahead = [c for c in changes(target.check, tuple(target.spans)) if c.t >= now]
        while ahead and ahead[0].state == target.state:
            del ahead[0]
        target.ahead = tuple(ahead)
        target.epoch += 1
        self._arm(target)

    def _arm(self, target: Target) -> None:
        if target.ahead:
            self.kernel.at(target.ahead[0].t, 0, self._on_change, target, target.epoch)

    def _on_healthy(self, target: Target, epoch: int) -> None:
        """A new target passes its first checks."""
        if target.epoch != epoch:
            return
        target.state = TARGET_HEALTHY
        target.group.healthy += 1
        self._serve(target, 1)
        task = target.task
        targets = task.targets
        if targets is not None and (len(targets) == 1 or all(t.state == TARGET_HEALTHY for t in targets)):
            self.engine.services.on_healthy(task)

    def _on_change(self, target: Target, epoch: int) -> None:
        """The next solved change of health is due."""
        if target.epoch != epoch:
            return
        change, *rest = target.ahead
        target.ahead = tuple(rest)
        if target.state == TARGET_HEALTHY:
            target.group.healthy -= 1
            self._serve(target, -1)
        target.state = change.state
        task = target.task
        if change.state == TARGET_HEALTHY:
            target.group.healthy += 1
            self._serve(target, 1)
            if all(t.state == TARGET_HEALTHY for t in task.targets or ()):
                self.engine.services.on_healthy(task)
        elif change.state == TARGET_UNHEALTHY:
            self.engine.services.on_unhealthy(task, target.group)
        self._arm(target)

    def up_seconds(self, target: Target, start: float, end: float) -> float:
        """Return for how much of a span of time a target answered, whatever its checks say of it."""
        task = target.task
        spans: list[tuple[float, float]]
        if task.exited:
            return 0.0
        if task.containers:
            spans = target.spans
        else:
            laws = task.template.laws
            down = NEVER
            if laws.unhealthy_after is not None:
                down = max(0.0, task.started_at) + laws.unhealthy_after.median
            spans = [(task.started_at + task.delays[READY] if task.started_at > 0.0 else -NEVER, down)]
        return sum(max(0.0, min(end, until) - max(start, begin)) for begin, until in spans)

    def dies(self, task: Task) -> None:
        """The task's containers are gone and ECS does not know: from now on its checks fail (LB-007, SVC-021)."""
        now = self.kernel._now
        registered = max(0.0, task.started_at)
        u = self._draws(task.owner)[task.k] if self._first_check.kind == "uniform" else 0.0
        first = self._first_check.a + (self._first_check.b - self._first_check.a) * u
        ready = task.started_at + task.delays[READY] if task.started_at > 0.0 else -NEVER
        for target in task.targets or ():
            group = target.group
            if target.state == TARGET_DRAINING:
                continue
            check = Check(
                registered + group.registration_delay + first,
                group.interval,
                group.healthy_threshold,
                group.unhealthy_threshold,
                group.healthy_threshold if group.network else 1,
            )
            self._on_silent(target, 0)
            target.epoch += 1
            ahead = changes(check, ((ready, now),) if ready < now else ())
            target.ahead = tuple(change for change in ahead if change.t > now)
            self._arm(target)

    def _serve(self, target: Target, delta: int, *, lost: bool = False) -> None:
        """Tell the traffic that a task more or less takes requests."""
        traffic = self.engine.traffic
        flow = traffic.by_group.get(target.group.ordinal)
        if flow is not None:
            traffic.serving(flow, target.task, target, delta, lost=lost)

    def deregister(self, task: Task, *, lost: bool = False) -> float:
        """Take the task out of its groups; return the seconds until its targets are unused (LB-040, LB-062).

        ``lost``: its instance is gone, and with it the requests that it had in hand.
        """
        delay = 0.0
        for target in task.targets or ():
            if target.state == TARGET_DRAINING:
                continue
            group = target.group
            del group.members[task.ordinal]
            if target.state == TARGET_HEALTHY:
                group.healthy -= 1
                self._serve(target, -1, lost=lost or task.exited)
                if task.template.laws.request.unloaded > group.deregistration_delay:
                    self.engine.traffic.outlived(target, group.deregistration_delay)
            target.state = TARGET_DRAINING
            target.epoch += 1
            delay = max(delay, group.deregistration_delay)
        return delay
