"""Deployments: how one begins, when it is complete, and what is recorded of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.engine.rollouts import Rollouts
from ecssim.engine.service_events import ServiceEvents
from ecssim.record.ids import owner_key
from ecssim.record.tables import Table
from ecssim.world.services import Deployment, Service
from ecssim.world.states import COMPLETED, IN_PROGRESS, ROLLOUT_NAMES
from ecssim.world.tasks import NAN, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Deployments:
    """Begins and ends deployments of services (DEPLOY-005, DEPLOY-015, DEPLOY-016)."""

    def __init__(self, engine: Engine, events: ServiceEvents) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.events = events
        self._rows = engine.recorder.tables["deployments"]
        self._open = engine.recorder.tables["_deployments_open"]
        names = engine.recorder.names
        self._ids = names.pool("deployment")
        self._strategies = names.pool("deployment_strategy")
        self._states = names.pool("rollout_state")
        self._texts = names.pool("text")
        self._statuses = names.pool("service_deployment_status")
        self.rollouts = Rollouts(engine, self)
        self.count = 0

    def begin(self, service: Service, template: Template, cause: int, *, quiet: bool = False) -> Deployment:
        """Make ``template`` the PRIMARY deployment of the service; the others are now being replaced."""
        self.count += 1
        deployment = Deployment(self.count, service, template, self.kernel._now)
        service.revisions += 1
        number = owner_key(self.engine.luck.seed, "deployment", service.key, service.revisions)
        deployment.id = f"ecs-svc/{number % 10**19:019d}"
        deployment.code = self._ids[deployment.id]
        deployment.cause = cause
        service.deployments.insert(0, deployment)
        self.engine.services.version += 1
        service.steady = False
        service.impaired = False
        self.rollouts.begin(service, deployment)
        if not quiet:
            deployment.event = self.events.deployment_started(service, deployment, cause)
        self.note(deployment)
        return deployment

    def settle(self, service: Service) -> None:
        """Look whether the primary deployment is complete; drop older ones that are gone (DEPLOY-015)."""
        primary = service.deployments[0]
        older = service.deployments[1:]
        gone = [d for d in older if d.active == 0 and d.stopping == 0]
        for deployment in gone:
            # With every task gone it is INACTIVE; one that never completed was superseded (DEPLOY-008).
            service.deployments.remove(deployment)
            self.engine.services.version += 1
            if deployment.finished_at != deployment.finished_at:
                deployment.finished_at = self.kernel._now
                deployment.reason = "superseded by a newer deployment"
                self.rollouts.superseded(deployment)
                self.write(deployment)
        if (
            primary.rollout_state == IN_PROGRESS
            and service.status == "ACTIVE"
            and (self._through(service, primary) or self.rollouts.early(service, primary))
            and self.rollouts.baked(service, primary)
        ):
            primary.rollout_state = COMPLETED
            self.events.deployment_completed(service, primary)
            self.rollouts.completed(service, primary)
            if service.steady and service.rebalances:
                self.engine.rebalancing.watch(service)  # it was steady through the bake time
            if primary.finished_at != primary.finished_at:
                primary.finished_at = self.kernel._now
                primary.reason = f"ECS deployment {primary.id} completed."
                self.write(primary)

    @staticmethod
    def _through(service: Service, primary: Deployment) -> bool:
        """Whether all wanted tasks of the new revision are healthy and the old ones gone (DEPLOY-015)."""
        return (
            len(service.deployments) == 1
            and (primary.failed_in_row == 0 if service.daemon else primary.active == service.desired)
            and primary.running == primary.active
            and primary.healthy == primary.active
        )

    def complete_initially(self, service: Service) -> None:
        """The deployment was complete before the run began (initialState: steady)."""
        primary = service.deployments[0]
        primary.rollout_state = COMPLETED
        primary.created_at = primary.finished_at = 0.0
        primary.reason = "in place before the run began"
        self.rollouts.completed(service, primary)
        self.write(primary)

    def finish(self) -> None:
        """At the horizon: write the deployments that are still open, or whose rollback is."""
        for service in self.engine.world.services:
            for deployment in service.deployments:
                if deployment.finished_at != deployment.finished_at:
                    self.write(deployment)
                if deployment.rollback_of is not None:
                    self.write(deployment.rollback_of.deployment)

    def note(self, deployment: Deployment) -> None:
        """Write down how a deployment stands that is not at its end."""
        self._write(self._open, deployment)

    def write(self, deployment: Deployment) -> None:
        """Write a deployment's row: once, at its end, which for one that rolls back is the end of that."""
        self._write(self._rows, deployment)

    def _write(self, table: Table, deployment: Deployment) -> None:
        service = deployment.service
        rollback = deployment.rollout.rollback
        table.append(
            deployment.code,
            service.service_code,
            deployment.template.revision,
            self._strategies["ROLLING"],
            deployment.created_at,
            deployment.finished_at,
            self._states[ROLLOUT_NAMES[deployment.rollout_state]],
            self._texts[deployment.reason] if deployment.reason else 0,
            deployment.failed_tasks,
            deployment.peak_tasks,
            self._statuses[deployment.rollout.status.value],
            self._texts[deployment.rollout.status_reason] if deployment.rollout.status_reason else 0,
            rollback.deployment.code if rollback is not None else 0,
            rollback.started_at if rollback is not None else NAN,
            rollback.finished_at if rollback is not None else NAN,
            service.cluster.code,
            self.engine.region_code,
        )
