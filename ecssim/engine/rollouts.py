"""Service deployments: what watches over them, how one fails, and the way back to the last good one.

The circuit breaker counts failed tasks (DEPLOY-040 to DEPLOY-044), the alarms are looked at every 30 seconds
(DEPLOY-050 to DEPLOY-052); whichever speaks first fails the deployment, and rolls back if it was told to
(DEPLOY-045 to DEPLOY-047). Nothing here costs a service without either: failures are rare, and a verdict is an
entry of the queue that comes before the passes of its instant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.aws.names import MonitorStatus
from ecssim.aws.names import ServiceDeploymentStatus as Status
from ecssim.decide import alarms as judge
from ecssim.decide.deployment_failure import counts_as_failure, enough_for_success, next_look, threshold
from ecssim.decide.service_deployment import STOPPABLE, moved
from ecssim.engine.kernel import CONTROLLER, WORLD
from ecssim.errors import ClientError
from ecssim.record.ids import owner_key
from ecssim.world.service_deployments import (
    AlarmMonitor,
    CircuitBreaker,
    Detectors,
    Rollback,
    ServiceDeployment,
    ServiceRevision,
)
from ecssim.world.services import Deployment, Service
from ecssim.world.states import COMPLETED, FAILED, IN_PROGRESS
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.deployments import Deployments
    from ecssim.engine.simulation import Engine

#: ECS shows the deployments of so many seconds (DEPLOY-009).
REMEMBERED = 90 * 86400.0
_NOTHING = Detectors()


class Rollouts:
    """Keeps the service deployments of every service, and their monitors."""

    def __init__(self, engine: Engine, deployments: Deployments) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.deployments = deployments
        self.events = deployments.events
        self._every = engine.timing["deploymentAlarmPoll"].median
        self._bake = engine.timing["deploymentBake"].median
        #: By alarm name: the deployments that it may fail.
        self._watched: dict[str, list[Deployment]] = {}
        self._then_trip = self._trip
        self._then_look = self._look
        self._then_return = self._return

    # -- the ordinary life ------------------------------------------------------------------------------------

    def begin(self, service: Service, deployment: Deployment) -> None:
        """A deployment begins: its revision is fixed, those before it stop, its monitors watch (DEPLOY-009)."""
        now = self.kernel._now
        detectors = service.detectors or _NOTHING
        seed = self.engine.luck.seed
        revision = ServiceRevision(
            f"{owner_key(seed, 'revision', service.key, service.revisions) % 10**19:019d}",
            service.revisions,
            deployment.template,
            self.engine.builder.documents[service.ordinal],
            now,
        )
        number = owner_key(seed, "service-deployment", service.key, service.revisions)
        sources = tuple(d.rollout.target for d in service.deployments[1:] if d.active or d.stopping)
        rollout = ServiceDeployment(f"{number:020d}", deployment, revision, sources, now)
        deployment.rollout = rollout
        rollout.early = detectors.early
        if detectors.breaker is not None:
            deployment.breaker = rollout.breaker = CircuitBreaker(detectors.breaker)
        if detectors.alarms is not None:
            rollout.alarms = AlarmMonitor(detectors.alarms)
            self._watch(deployment, rollout.alarms)
        for older in service.deployments[1:]:
            self._give_way(service, older)
        history = service.history
        while history and history[0].created_at < now - REMEMBERED:
            del history[0]
        history.append(rollout)
        self._move(rollout, Status.IN_PROGRESS)
        rollout.started_at = now

    def _give_way(self, service: Service, older: Deployment) -> None:
        """The user started another deployment: this one, or the rollback to it, is over (DEPLOY-008)."""
        if older.rollout.status in STOPPABLE:
            self._move(older.rollout, Status.STOP_REQUESTED, "A newer deployment was started.")
            self._stop_watching(older)
        failed = older.rollback_of
        if failed is not None:
            self._end_rollback(older, failed, Status.ROLLBACK_FAILED, "a newer deployment was started.")
            self._stop_watching(older)

    def superseded(self, deployment: Deployment) -> None:
        """The last task of a deployment that never completed is gone."""
        rollout = deployment.rollout
        if rollout.status is Status.STOP_REQUESTED:
            self._move(rollout, Status.STOPPED)
            rollout.stopped_at = rollout.finished_at = self.kernel._now

    def early(self, service: Service, primary: Deployment) -> bool:
        """Whether enough new tasks are healthy to call a deployment done early (DEPLOY-018)."""
        criteria = primary.rollout.early
        if criteria is None or primary.rollback_of is not None or service.daemon:
            return False
        if len(service.deployments) > 1 and not criteria.deferred:
            return False
        return enough_for_success(primary.healthy, service.desired, criteria.healthy_percent)

    def baked(self, service: Service, primary: Deployment) -> bool:
        """Whether the bake time of a deployment with alarms that roll back is over (DEPLOY-051, DEPLOY-015)."""
        monitor = primary.rollout.alarms
        if monitor is None or monitor.status is not MonitorStatus.MONITORING or not monitor.settings.rollback:
            return True
        if monitor.bake_until != monitor.bake_until:
            bake = monitor.settings.bake
            monitor.bake_until = self.kernel._now + (self._bake if bake is None else bake)
            self.engine.services.dirty.mark_at(service, monitor.bake_until)
        elif self.kernel._now < monitor.bake_until:
            self.engine.services.dirty.mark_at(service, monitor.bake_until)
        return bool(self.kernel._now >= monitor.bake_until)

    def completed(self, service: Service, primary: Deployment) -> None:
        """A deployment, or the rollback to it, is complete."""
        service.last_completed = primary
        self._stop_watching(primary)
        failed = primary.rollback_of
        if failed is not None:
            self._end_rollback(primary, failed, Status.ROLLBACK_SUCCESSFUL)
            return
        rollout = primary.rollout
        self._move(rollout, Status.SUCCESSFUL)
        rollout.finished_at = self.kernel._now

    # -- the circuit breaker ----------------------------------------------------------------------------------

    def failed(self, deployment: Deployment, task: Task | None = None, *, started: bool) -> None:
        """A task of the deployment failed: it did not start, or is replaced for its health (DEPLOY-042)."""
        deployment.last_failure = task
        deployment.failed_tasks += 1
        deployment.failed_in_row += 1
        breaker = deployment.breaker
        if (
            breaker is None
            or breaker.status is not MonitorStatus.MONITORING
            or not counts_as_failure(deployment.running, started=started)
        ):
            return
        breaker.failures += 1
        self._judge(deployment)

    def healthy(self, deployment: Deployment) -> None:
        """A task became healthy after failures: only consecutive ones count (DEPLOY-043, DEPLOY-044)."""
        deployment.failed_in_row = 0
        breaker = deployment.breaker
        if breaker is not None and breaker.settings.reset and breaker.status is MonitorStatus.MONITORING:
            breaker.failures = 0

    def desired_changed(self, service: Service) -> None:
        """The threshold follows the desired count at all times (DEPLOY-041)."""
        primary = service.deployments[0]
        if primary.breaker is not None and primary.breaker.status is MonitorStatus.MONITORING:
            self._judge(primary)

    @staticmethod
    def limit(service: Service, breaker: CircuitBreaker) -> int:
        """The threshold of a circuit breaker now (DEPLOY-041)."""
        return threshold(breaker.settings.kind, breaker.settings.value, service.desired)

    def _judge(self, deployment: Deployment) -> None:
        """At the threshold the breaker trips; the deployment fails before the scheduler's next pass."""
        breaker = deployment.breaker
        if self._may_fail(deployment) and 0 < breaker.failures >= self.limit(deployment.service, breaker):
            breaker.status = MonitorStatus.TRIGGERED
            self.kernel.soon(WORLD, self._then_trip, deployment)

    def _trip(self, deployment: Deployment, _: int) -> None:
        """The circuit breaker has tripped at this instant; what else failed in it is past counting."""
        if not self._may_fail(deployment):
            return
        breaker = deployment.breaker
        tasks = "1 failed task" if breaker.failures == 1 else f"{breaker.failures} failed tasks"
        self._fail(
            deployment,
            "tasks failed to start",
            "ECS deployment circuit breaker: ",
            f"{tasks} reached the threshold of {self.limit(deployment.service, breaker)}.",
            rollback=breaker.settings.rollback,
            cause=deployment.last_failure.last_event if deployment.last_failure is not None else 0,
        )

    # -- alarms -----------------------------------------------------------------------------------------------

    def _watch(self, deployment: Deployment, monitor: AlarmMonitor) -> None:
        """Watch the alarms, unless one is in ALARM already: then all are ignored for this deployment (DEPLOY-050)."""
        if self._in_alarm(monitor):
            monitor.status = MonitorStatus.DISABLED
            return
        self.engine.scaling.on_alarm(self._on_alarm)
        for name in monitor.settings.names:
            self._watched.setdefault(name, []).append(deployment)

    def _in_alarm(self, monitor: AlarmMonitor) -> tuple[str, ...]:
        scaling = self.engine.scaling
        known = [(name, scaling.alarm_named(name)) for name in monitor.settings.names]
        return tuple(name for name, alarm in known if alarm is not None and scaling.state(alarm) == judge.ALARM)

    def _on_alarm(self, name: str) -> None:
        """An alarm went into ALARM: the deployments that watch it see so when they next look (DEPLOY-052)."""
        for deployment in self._watched.get(name, ()):
            at = next_look(deployment.created_at, self.kernel._now, self._every)
            self.kernel.at(at, CONTROLLER, self._then_look, deployment)

    def _look(self, deployment: Deployment, _: int) -> None:
        monitor = deployment.rollout.alarms
        if not self._may_fail(deployment) or monitor.status is not MonitorStatus.MONITORING:
            return
        triggered = self._in_alarm(monitor)
        if not triggered:
            return
        monitor.status = MonitorStatus.TRIGGERED
        monitor.triggered = triggered
        first = self.engine.scaling.alarm_named(triggered[0])
        self._fail(
            deployment,
            "alarm detected",
            "ECS deployment alarm detected: ",
            f"In ALARM: {', '.join(triggered)}.",
            rollback=monitor.settings.rollback,
            cause=first.last_event if first is not None else 0,
        )

    def _may_fail(self, deployment: Deployment) -> bool:
        service = deployment.service
        return (
            service.status == "ACTIVE"
            and deployment is service.deployments[0]
            and deployment.rollout_state == IN_PROGRESS
        )

    def _stop_watching(self, deployment: Deployment) -> None:
        """Nothing watches over the deployment any more: it is complete, has failed, or was superseded."""
        breaker, monitor = deployment.breaker, deployment.rollout.alarms
        if breaker is not None and breaker.status is MonitorStatus.MONITORING:
            breaker.status = MonitorStatus.MONITORING_COMPLETE
        if monitor is None:
            return
        if monitor.status is MonitorStatus.MONITORING:
            monitor.status = MonitorStatus.MONITORING_COMPLETE
        for name in monitor.settings.names:
            watching = self._watched.get(name, [])
            if deployment in watching:
                watching.remove(deployment)

    # -- failure and the way back -----------------------------------------------------------------------------

    def _fail(self, deployment: Deployment, why: str, detector: str, more: str, *, rollback: bool, cause: int) -> None:
        """The deployment has failed: it launches nothing more, and rolls back if that is on (DEPLOY-045)."""
        service = deployment.service
        rollout = deployment.rollout
        deployment.rollout_state = FAILED
        self._stop_watching(deployment)
        event = self.events.deployment_failed(service, deployment, why, more, cause or deployment.event)
        again = deployment.rollback_of
        if again is not None:
            # A rollback that fails cannot roll back: its target is not COMPLETED (DEPLOY-046).
            deployment.reason = f"{detector}{why}."
            self._end_rollback(deployment, again, Status.ROLLBACK_FAILED, f"{detector}{why}.")
            self.events.not_rolled_back(service, deployment, event)
            return
        deployment.finished_at = self.kernel._now
        deployment.reason = f"{detector}{why}."
        if not rollback:
            self._move(rollout, Status.STOP_REQUESTED, f"{detector}{why}. {more}")
            self._move(rollout, Status.STOPPED)
            rollout.stopped_at = rollout.finished_at = self.kernel._now
            self.deployments.write(deployment)
            return
        target = self._last_good(service)
        if target is None:
            self._move(rollout, Status.STOPPED, f"{detector}{why}. {more}")
            rollout.stopped_at = rollout.finished_at = self.kernel._now
            self.events.not_rolled_back(service, deployment, event)
            self.deployments.write(deployment)
            return
        deployment.reason = f"{detector}rolling back to deploymentId {target.id}."
        self._go_back(deployment, target, f"{detector}{why}. {more}", event)

    @staticmethod
    def _last_good(service: Service) -> Deployment | None:
        """What a rollback goes back to: the last deployment that completed, if it is COMPLETED (DEPLOY-046)."""
        target = service.last_completed
        return target if target is not None and target.rollout_state == COMPLETED else None

    def _go_back(self, failed: Deployment, target: Deployment, reason: str, cause: int) -> None:
        """Make ``target`` PRIMARY again: a rolling deployment of the old revision (DEPLOY-045, DEPLOY-047)."""
        service = failed.service
        rollout = failed.rollout
        now = self.kernel._now
        self._move(rollout, Status.ROLLBACK_IN_PROGRESS, reason)
        rollout.rollback = Rollback(reason, now, target)
        target.rollback_of = rollout
        target.rollout_state = IN_PROGRESS
        target.primary_at = now
        target.lost = target.replaced = target.failures = target.failed_in_row = 0
        target.throttle_until = 0.0
        if service.detectors is not None and service.detectors.breaker is not None:
            target.breaker = CircuitBreaker(service.detectors.breaker)
        if target in service.deployments:
            service.deployments.remove(target)
        service.deployments.insert(0, target)
        failed.lost = 0
        self.engine.services.version += 1
        service.steady = service.impaired = False
        target.event = self.events.rolling_back(service, failed, target, cause)
        self.engine.builder.restore(service, target.rollout.target.document)
        service.cluster.waiting.pop(service.group, None)
        self.deployments.note(failed)
        self.engine.services.mark(service)

    def _end_rollback(self, target: Deployment, failed: ServiceDeployment, status: Status, unless: str = "") -> None:
        """The rollback of ``failed`` to ``target`` is through, ``unless`` for a reason it will never be."""
        target.rollback_of = None
        self._move(failed, status, f"{failed.status_reason} The rollback failed: {unless}" if unless else "")
        assert failed.rollback is not None
        failed.rollback.finished_at = failed.finished_at = self.kernel._now
        self.deployments.write(failed.deployment)

    # -- StopServiceDeployment --------------------------------------------------------------------------------

    def named(self, name: str) -> ServiceDeployment:
        """The service deployment that a call means: by ARN or id, or a service's newest one.

        :raises ClientError: if there is none.
        """
        last = name.rsplit("/", 1)[-1]
        for service in self.engine.world.services:
            for rollout in service.history:
                if last in (rollout.id, rollout.deployment.id.rsplit("/", 1)[-1]):
                    match: ServiceDeployment = rollout
                    return match
        found = self.engine.world.service_named(name) if not name.startswith("arn:") else None
        if found is None or not found.history:
            raise ClientError("ServiceDeploymentNotFoundException", f"Service deployment not found: {name}.")
        newest: ServiceDeployment = found.history[-1]
        return newest

    def stop(self, rollout: ServiceDeployment, event: int) -> None:
        """Stop a deployment that is under way and go back, whether or not rollback is configured (DEPLOY-010).

        :raises ClientError: if it is at its end, or stopping already.
        """
        deployment = rollout.deployment
        if rollout.status not in STOPPABLE or not self._may_fail(deployment):
            raise ClientError("ConflictException", f"The service deployment is {rollout.status} and cannot be stopped.")
        self._move(rollout, Status.ROLLBACK_REQUESTED, "Stopped by a call of StopServiceDeployment.")
        self.kernel.soon(WORLD, self._then_return, (deployment, event))

    def _return(self, what: tuple[Deployment, int], _: int) -> None:
        deployment, event = what
        rollout = deployment.rollout
        if rollout.status is not Status.ROLLBACK_REQUESTED:
            return
        service = deployment.service
        now = self.kernel._now
        deployment.rollout_state = FAILED
        deployment.finished_at = now
        self._stop_watching(deployment)
        target = self._last_good(service)
        if target is None:
            deployment.reason = "ECS deployment stopped: there is no completed deployment to roll back to."
            self._move(rollout, Status.STOPPED)
            rollout.stopped_at = rollout.finished_at = now
            self.events.not_rolled_back(service, deployment, event)
            self.deployments.write(deployment)
            return
        deployment.reason = f"ECS deployment stopped: rolling back to deploymentId {target.id}."
        self._go_back(deployment, target, rollout.status_reason, event)

    def _move(self, rollout: ServiceDeployment, to: Status, reason: str = "") -> None:
        """Change the state, by the table (DEPLOY-007)."""
        rollout.status = moved(f"service deployment {rollout.id}", rollout.status, to)
        rollout.updated_at = self.kernel._now
        if reason:
            rollout.status_reason = reason
