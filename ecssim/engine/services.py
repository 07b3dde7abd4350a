"""The service scheduler: one pass per dirty service (look, decide, apply, record), and what makes one dirty."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ecssim.decide.placement import SERVICE_DEFAULT
from ecssim.decide.provider_split import Share, surplus
from ecssim.decide.reconcile import Counts, Plan, limits, reconcile, start_delay
from ecssim.decide.stop_choice import RunningTask, choose_to_stop
from ecssim.engine.columns import Columns
from ecssim.engine.controllers import Dirty
from ecssim.engine.deployments import Deployments
from ecssim.engine.kernel import WORLD
from ecssim.engine.launching import Launching
from ecssim.engine.service_events import ServiceEvents
from ecssim.world.places import TargetGroup
from ecssim.world.services import Deployment, Service
from ecssim.world.states import (
    COMPLETED,
    FAILED,
    HEALTHY,
    IN_PROGRESS,
    RUNNING,
    SERVICE_SCHEDULER_INITIATED,
    TASK_FAILED_TO_START,
    UNHEALTHY,
    UNKNOWN,
)
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.flow_targets import Target
    from ecssim.engine.simulation import Engine


#: A launch type is no capacity provider: its tasks have code 0.
LAUNCH_TYPE = (Share(0, 0, 1),)


class Services:
    """Keeps every service at what it wants, one pass at a time."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.ripe_after = engine.timing["healthyAfterRunning"].median
        self.dirty = Dirty(engine.kernel, self.run_pass, engine.timing["schedulerPass"].median)
        self.mark = self.dirty.mark
        #: By service ordinal: running tasks, and the ``acc`` that makes their integral over the minute up to T
        #: ``acc + running * T`` (ALARM-029), so that a change never looks at the past.
        self.columns = Columns(("running",), ("acc",))
        #: Services whose tasks serve traffic without a load balancer, by ordinal; engine.traffic fills it.
        self.by_service: dict[int, Target] = {}
        self._bind()
        #: Goes up when a service or a deployment comes or goes: what is cached about them is stale then.
        self.version = 0
        #: (when it counts as healthy, task), in order of time.
        self.ripening: deque[tuple[float, Task]] = deque()
        self.events = ServiceEvents(engine)
        self.deployments = Deployments(engine, self.events)
        self.launching = Launching(engine, self)

    def _bind(self) -> None:
        """Take hold of the columns that every start and stop touches; growing moves them."""
        self._running, self._acc = self.columns.columns["running"], self.columns.columns["acc"]

    def add_row(self) -> None:
        """A service comes: it has a row of its own in the columns."""
        self.columns.add()
        self._bind()

    # -- what happens to tasks --------------------------------------------------------------------------------

    def on_running(self, task: Task) -> None:
        """The task reached RUNNING: a successful start, which ends the throttle (SVC-042)."""
        deployment = task.deployment
        assert deployment is not None
        service = deployment.service
        deployment.running = running = deployment.running + 1
        # count_running, written out: a call for every start and every stop is a hundredth of a large run.
        i = service.ordinal
        self._running[i] += 1
        self._acc[i] -= self.kernel._now
        if i in self.by_service:
            self.engine.traffic.serving(self.by_service[i], task, task, 1, lost=False)
        if deployment.failures:
            deployment.failures = 0
            deployment.throttle_until = 0.0
            service.impaired = False
        template = task.template
        if template.target_groups:
            self.engine.targets.register(task)
        if template.ripens:
            # SVC-020: without any check a task counts as healthy 40 s after RUNNING.
            ripe = deployment.ripe_last = task.started_at + self.ripe_after
            self.ripening.append((ripe, task))
            if (
                len(service.deployments) > 1
                or service.moving is not None
                or deployment.displaced
                or deployment.unhealthy
                or deployment.finished_at != deployment.finished_at
            ):
                # Somebody may stop once this one counts (DEPLOY-011, AGENT-053).
                self.kernel.at(ripe, WORLD, self._on_ripe, service)
            elif running == service.desired and not service.steady:
                self.dirty.mark_at(service, ripe)

    def count_running(self, service: Service, task: Task, delta: int) -> None:
        """Integrate the service's running tasks over time (ALARM-029); without a load balancer they also serve."""
        i = service.ordinal
        self._running[i] += delta
        self._acc[i] -= delta * self.kernel._now
        by_service = self.by_service
        if i in by_service:
            self.engine.traffic.serving(by_service[i], task, task, delta, lost=delta < 0 and task.exited)

    def _on_ripe(self, service: Service, _: int) -> None:
        """A task became healthy for which others wait to be stopped (DEPLOY-011, AGENT-053)."""
        self.mark(service)

    def on_healthy(self, task: Task) -> None:
        """All of the task's targets and containers pass their checks (LB-064, SVC-020)."""
        deployment = task.deployment
        if deployment is None or not task.running or task.health == HEALTHY:
            return
        if task.containers and not self.engine.containers.health.good(task):
            return
        if task.health == UNHEALTHY:
            deployment.unhealthy.pop(task.ordinal, None)
        task.health = HEALTHY
        self._count_healthy(task, deployment)
        if task.healthy_at != task.healthy_at:
            task.healthy_at = self.kernel._now
        self.dirty.mark_at_grid(deployment.service)

    def on_evaluating(self, task: Task) -> None:
        """The checks of a task say nothing now: a container has been started again, say (SVC-020)."""
        deployment = task.deployment
        if deployment is None or not task.running or task.health == UNKNOWN:
            return
        if task.health == UNHEALTHY:
            deployment.unhealthy.pop(task.ordinal, None)
        elif deployment.displaced.pop(task.ordinal, None) is None:
            deployment.healthy -= 1
        task.health = UNKNOWN
        deployment.service.steady = False
        self.dirty.mark_at_grid(deployment.service)

    def on_unhealthy(self, task: Task, group: TargetGroup | None) -> None:
        """A target of the task fails its checks, or an essential container does (no group).

        Inside the grace period that is ignored (SVC-021, SVC-022).
        """
        deployment = task.deployment
        if deployment is None or not task.running:
            return
        if task.health == HEALTHY:
            if deployment.displaced.pop(task.ordinal, None) is None:
                deployment.healthy -= 1
            task.health = UNKNOWN
        grace_ends = task.started_at + deployment.service.grace
        if self.kernel._now < grace_ends:
            self.kernel.at(grace_ends, 0, self._on_grace_over, (task, group), task.epoch)
            return
        task.health = UNHEALTHY
        deployment.unhealthy[task.ordinal] = task
        if group is not None:
            self.events.unhealthy_target(deployment.service, task, group)
        else:
            self.events.unhealthy_container(deployment.service, task)
        self.dirty.mark_at_grid(deployment.service)

    def _on_grace_over(self, what: tuple[Task, TargetGroup | None], epoch: int) -> None:
        task, group = what
        if group is None and not self.engine.containers.health.bad(task):
            return
        if task.epoch == epoch and task.health == UNKNOWN:
            self.on_unhealthy(task, group)

    def on_stopping(self, task: Task, deployment: Deployment) -> None:
        """desiredStatus became STOPPED: the task is out of every count of the scheduler, and a pass is due."""
        service = deployment.service
        now = self.kernel._now
        ripening = self.ripening
        if ripening and ripening[0][0] <= now:
            self.ripen()
        deployment.active -= 1
        if task.provider:
            deployment.by_provider[task.provider] -= 1
        deployment.stopping += 1
        if task.health == HEALTHY and not (deployment.displaced and task.ordinal in deployment.displaced):
            deployment.healthy -= 1
        if task.status == RUNNING:
            deployment.running -= 1
            i = service.ordinal
            self._running[i] -= 1
            self._acc[i] += now
            if i in self.by_service:
                self.engine.traffic.serving(self.by_service[i], task, task, -1, lost=task.exited)
        elif task.stop_code == TASK_FAILED_TO_START:
            self._failed_start(task, deployment)
        if deployment.unhealthy:
            deployment.unhealthy.pop(task.ordinal, None)
        if deployment.displaced:
            deployment.displaced.pop(task.ordinal, None)
        if (
            deployment is not service.deployments[0]
            and task.stop_code != SERVICE_SCHEDULER_INITIATED
            and deployment.rollout_state != FAILED
        ):
            deployment.lost += 1
        service.steady = False
        self.mark(service)

    def _failed_start(self, task: Task, deployment: Deployment) -> None:
        """Count one failed start; the tasks of one attempt count once (SVC-040, SVC-041)."""
        self.deployments.rollouts.failed(deployment, task, started=False)
        if task.created_at >= deployment.attempt_failed_at:
            deployment.attempt_failed_at = self.kernel._now
            deployment.failures += 1
            delay = start_delay(deployment.failures)
            deployment.throttle_until = self.kernel._now + delay
            if delay > 0 and not deployment.service.impaired:
                deployment.service.impaired = True
                self.events.impaired(deployment.service, task.last_event)

    def on_stopped(self, task: Task, deployment: Deployment) -> None:
        """The task is STOPPED: it matters to a deployment that waits for its old tasks to be gone (DEPLOY-015)."""
        deployment.stopping -= 1
        service = deployment.service
        if len(service.deployments) > 1 or service.status != "ACTIVE":
            self.mark(service)

    def ripen(self) -> None:
        """Count as healthy every running task whose 40 s are over by now (SVC-020).

        The wait is the same for all, so one queue in order of time serves every service, and no task needs a
        timer.
        """
        now = self.kernel._now
        ripening = self.ripening
        while ripening and ripening[0][0] <= now:
            t, task = ripening.popleft()
            if task.running and task.health == UNKNOWN:
                task.health = HEALTHY
                task.healthy_at = t
                deployment = task.deployment
                if deployment is not None:
                    self._count_healthy(task, deployment)

    def _count_healthy(self, task: Task, deployment: Deployment) -> None:
        """The task is healthy now: it counts, or on a draining instance it waits to be replaced (AGENT-050)."""
        if deployment.failed_in_row:
            self.deployments.rollouts.healthy(deployment)
        if self.engine.groups.draining and self.engine.groups.drains(task):
            deployment.displaced[task.ordinal] = task
        else:
            deployment.healthy += 1

    def displace(self, task: Task) -> None:
        """The task's instance drains: it wants a replacement (AGENT-050, SVC-013)."""
        deployment = task.deployment
        assert deployment is not None
        self.ripen()
        if task.status != RUNNING:
            self.engine.lifecycle.stop(
                task, SERVICE_SCHEDULER_INITIATED, "Task stopped: its container instance is DRAINING"
            )
            return
        # One that runs and is not healthy yet is displaced when it becomes healthy: AGENT-053 holds for it too.
        if task.health == HEALTHY:
            deployment.healthy -= 1
            deployment.displaced[task.ordinal] = task
        elif task.template.ripens:
            self.kernel.at(task.started_at + self.ripe_after, WORLD, self._on_ripe, deployment.service)
        deployment.service.steady = False
        self.mark(deployment.service)

    # -- the pass ---------------------------------------------------------------------------------------------

    def run_pass(self, service: Service) -> None:
        """Look at the service, decide, apply (SVC-003)."""
        if service.status != "ACTIVE":
            self._delete(service)
            return
        ripening = self.ripening
        if ripening and ripening[0][0] <= self.kernel._now:
            self.ripen()
        if service.daemon:
            self.launching.run_daemon(service)
            self.settle(service)
            return
        deployments = service.deployments
        primary = deployments[0]
        missing = service.desired - primary.active
        if missing < 0 or primary.unhealthy or primary.displaced or len(deployments) > 1:
            if service.moving is None or not self.engine.rebalancing.goes_on(service):
                self._apply(service, self._plan(service))
        elif missing and primary.rollout_state != FAILED:
            # The common case needs no plan: one revision, nothing wrong with it.
            if self.launching.launch(service, primary, missing) and primary.rollout_state == COMPLETED:
                return  # what has just been launched does not run yet: there is nothing to settle
        self.settle(service)

    def _delete(self, service: Service) -> None:
        """A deleted service starts nothing; with its last task it is INACTIVE (SVC-002)."""
        self.deployments.settle(service)
        if service.status == "DRAINING" and not any(d.tasks for d in service.deployments):
            service.status = "INACTIVE"
            self.version += 1
            self.events.deleted(service, service.deployments[0].event)

    def _plan(self, service: Service) -> Plan:
        counts = [
            Counts(d.active, d.healthy, len(d.unhealthy), len(d.displaced), d.lost, self._kept(d))
            for d in service.deployments
        ]
        return reconcile(
            service.desired,
            counts[0],
            tuple(counts[1:]),
            limits(service.desired, service.minimum_healthy_percent, service.maximum_percent),
            stop_first=self.engine.model.rolling_stop_first,
            primary_may_start=service.deployments[0].rollout_state != FAILED,
        )

    def _kept(self, deployment: Deployment) -> int:
        """Tasks of an older deployment that replace its own lost ones and are not healthy yet (SVC-032)."""
        if not deployment.replaced:
            return 0
        tasks = deployment.tasks.values()
        return sum(1 for t in tasks if self._is_successor(t) and t.running and t.health == UNKNOWN)

    @staticmethod
    def _is_successor(task: Task) -> bool:
        deployment = task.deployment
        if deployment is None or not deployment.replaced:
            return False
        return task.created_at >= deployment.service.deployments[0].primary_at

    def _apply(self, service: Service, plan: Plan) -> None:
        deployments = list(service.deployments)
        for i, deployment in enumerate(deployments):
            if plan.stop_unhealthy[i]:
                self._stop_some(deployment, list(deployment.unhealthy.values()), plan.stop_unhealthy[i], "unhealthy")
            if plan.stop_starting[i]:
                starting = [
                    t
                    for t in deployment.tasks.values()
                    if t.running and t.health == UNKNOWN and not (i and self._is_successor(t))
                ]
                self._stop_some(deployment, starting, plan.stop_starting[i], "starting")
            if plan.stop_healthy[i]:
                healthy = [
                    t
                    for t in deployment.tasks.values()
                    if t.running and t.health == HEALTHY and t.ordinal not in deployment.displaced
                ]
                self._stop_some(deployment, healthy, plan.stop_healthy[i], "healthy")
        if plan.stop_displaced:
            left = plan.stop_displaced
            for deployment in deployments:
                for task in list(deployment.displaced.values())[:left]:
                    if task.template.fargate:
                        self.engine.retirement.retire(task)
                    else:
                        self._stop(task, deployment, "its container instance is draining")
                    left -= 1
        if plan.start:
            self.launching.launch(service, deployments[0], plan.start)
        for i, count in enumerate(plan.start_old):
            if count:
                older = deployments[i + 1]
                launched = self.launching.launch(service, older, count)
                older.lost -= launched
                older.replaced += launched
        if plan.blocked:
            self.events.blocked(service)

    def stop_unhealthy(self, deployment: Deployment) -> None:
        """Stop every unhealthy task of the deployment that is not protected (SVC-031, LIFE-065)."""
        tasks = list(deployment.unhealthy.values())
        self._stop_some(deployment, tasks, len(tasks), "unhealthy")

    def _stop_some(self, deployment: Deployment, tasks: list[Task], count: int, kind: str) -> None:
        """Stop ``count`` of ``tasks``: protected ones never, and which ones follows PLACE-070 to PLACE-073."""
        now = self.kernel._now
        free = [t for t in tasks if t.protected_until <= now]
        if len(free) < count and len(free) < len(tasks):
            self.events.protected(deployment.service, len(tasks) - len(free))
        strategy = deployment.service.provider_strategy or LAUNCH_TYPE
        if count < len(free) and kind != "unhealthy" and (len(strategy) > 1 or len({t.provider for t in free}) > 1):
            # First what the strategy names no more, then the provider with the largest surplus (CAP-035).
            counts = deployment.by_provider
            counts = {**counts, 0: deployment.active - sum(counts.values())}  # 0: tasks of a launch type
            by_provider: dict[int, list[Task]] = {}
            for task in free:
                by_provider.setdefault(task.provider, []).append(task)
            able = {p: len(t) for p, t in by_provider.items()}
            for provider, share in surplus(strategy, counts, able, count):
                self._stop_chosen(deployment, by_provider[provider], share, kind)
            return
        self._stop_chosen(deployment, free, count, kind)

    def _stop_chosen(self, deployment: Deployment, free: list[Task], count: int, kind: str) -> None:
        for task in self.chosen_to_stop(deployment.service, free, count):
            if kind == "unhealthy":
                # Before the stop: the task that fails is one of those that run (DEPLOY-042).
                self.deployments.rollouts.failed(deployment, task, started=True)
                self._stop(task, deployment, "it is unhealthy")
            else:
                self._stop(task, deployment, "scaling activity initiated by")

    def chosen_to_stop(self, service: Service, free: list[Task], count: int) -> list[Task]:
        """Choose ``count`` of ``free`` by PLACE-070 to PLACE-073; all other tasks of the service count where they are.

        With an explicit ``spread`` what is equally good is drawn (PLACE-071).
        """
        if count >= len(free):
            return free[:count]
        drawn = self.engine.model.random_ties or any(i.type == "random" for i in service.strategy)
        drawn = drawn or (service.strategy is not SERVICE_DEFAULT and any(i.type == "spread" for i in service.strategy))
        luck = self.engine.luck("stop", service.name)
        draws = [luck[t.k] for t in free[:count]] if drawn else None
        by_ordinal = {t.ordinal: t for t in free}
        # On Fargate each provider spreads for itself (PLACE-012).
        alone = {t.provider for t in free} if free[0].template.fargate else None
        tasks = [t for d in service.deployments for t in d.tasks.values()]
        wanted = [t for t in tasks if t.running and (alone is None or t.provider in alone)]
        everyone = [self._view(t, t.ordinal not in by_ordinal) for t in wanted]
        return [by_ordinal[o] for o in choose_to_stop(everyone, count, service.strategy, draws)]

    def _view(self, task: Task, kept: bool) -> RunningTask:
        """What the choice of tasks to stop may know of one task; a kept one may not be chosen."""
        world = self.engine.world
        if task.instance < 0:
            zone = world.subnets[task.subnet].zone if task.subnet >= 0 else ""
            return RunningTask(
                task.ordinal,
                zone,
                running=task.status == RUNNING,
                healthy=task.health != UNHEALTHY,
                created_at=task.created_at,
                protected=kept,
            )
        instance = world.instances[task.instance]
        left = instance.group.cluster.fleet.remaining(instance.fleet_ordinal)
        return RunningTask(
            task.ordinal,
            instance.zone,
            instance=task.instance,
            running=task.status == RUNNING,
            healthy=task.health != UNHEALTHY,
            created_at=task.created_at,
            protected=kept,
            cpu=task.template.cpu,
            memory=task.template.memory,
            left_cpu=left.cpu,
            left_memory=left.memory,
            attributes=instance.attributes,
        )

    def _stop(self, task: Task, deployment: Deployment, why: str) -> None:
        if why.startswith("scaling"):
            reason = f"Scaling activity initiated by (deployment {deployment.service.deployments[0].id})"
        else:
            reason = f"Task stopped by (deployment {deployment.id}): {why}"
        cause = deployment.service.deployments[0].event
        self.engine.lifecycle.stop(task, SERVICE_SCHEDULER_INITIATED, reason, cause)

    def settle(self, service: Service) -> None:
        """After a pass: is the deployment complete, is the service steady, when is the next look due?"""
        deployments = service.deployments
        primary = deployments[0]
        if primary.rollout_state == IN_PROGRESS or len(deployments) > 1:
            self.deployments.settle(service)
            if len(deployments) > 1:
                return
        if service.daemon and service.status == "ACTIVE":
            service.desired = primary.active
        desired = service.desired
        if primary.running != desired or primary.active != desired or primary.displaced:
            return
        if service.status != "ACTIVE":
            return
        now = self.kernel._now
        if primary.healthy == desired:
            if not service.steady:
                service.steady = True
                self.events.steady(service)
                service.next_steady_event = now + 6 * 3600.0
                self.dirty.remind(service)
                if service.rebalances:
                    self.engine.rebalancing.watch(service)
            elif now >= service.next_steady_event:
                self.events.steady(service)
                service.next_steady_event = now + 6 * 3600.0
                self.dirty.remind(service)
        elif service.ripens_by_time and primary.ripe_last > now:
            self.dirty.mark_at(service, primary.ripe_last)
