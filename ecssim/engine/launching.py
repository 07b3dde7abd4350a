"""How a service's missing tasks come into being: throttle, launch rate, then instances or Fargate."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from ecssim.decide.reconcile import start_delay
from ecssim.world.instances import Instance
from ecssim.world.requests import Request
from ecssim.world.services import Deployment, Service
from ecssim.world.states import FAILED, SERVICE_SCHEDULER_INITIATED
from ecssim.world.tasks import Template

if TYPE_CHECKING:
    from ecssim.engine.services import Services
    from ecssim.engine.simulation import Engine

#: (provider code, tasks) for each capacity provider of a strategy; code 0 is a launch type.
Shares = list[tuple[int, int]]

#: Record codes of a task's origin (record.codes).
ORIGIN_SERVICE = 2
ORIGIN_DAEMON = 3

#: A shape that fits on every instance that may take tasks and has none of the group.
WITHOUT_ONE = Request(0, 0, distinct=True)


class Launching:
    """Starts the tasks that a pass asked for, as far as rates, quotas and room allow."""

    def __init__(self, engine: Engine, services: Services) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.services = services

    def launch(self, service: Service, deployment: Deployment, count: int) -> int:
        """Start up to ``count`` tasks of ``deployment``; return how many there are now.

        Start throttling first (SVC-040), then the launch rate per service (PLACE-090, CAP-050), then capacity.
        What cannot start is not a task: it is a count that waits (LIFE-014).
        """
        now = self.kernel._now
        if now < deployment.throttle_until:
            self.services.dirty.mark_at(service, deployment.throttle_until)
            return 0
        granted = service.bucket.take(count, now)
        if granted < count:
            self.services.dirty.mark_at(service, service.bucket.next_at(now))
        template = deployment.template
        strategy = service.provider_strategy
        if granted == 1 and len(strategy) < 2 and not (template.fargate or template.on_instances):
            provider = strategy[0].provider if strategy else 0
            started = self._on_one_instance(service, deployment, template, provider)
            if not started:
                service.bucket.give_back(1)
            return started
        if strategy:
            shares = self.engine.providers.split(service, deployment, granted)
        else:
            shares = [(0, granted)]
        if template.on_instances is not None:
            started = self._on_both(service, deployment, template, shares)
        elif template.fargate:
            started = self._on_fargate(service, deployment, template, shares)
        else:
            started = self._on_instances(service, deployment, template, shares)
        # The rate counts launches: what found no room or no token elsewhere has used none of this one.
        if started < granted:
            service.bucket.give_back(granted - started)
        return started

    def _on_one_instance(self, service: Service, deployment: Deployment, template: Template, provider: int) -> int:
        """Start one task of one provider: what :meth:`_on_instances` does, for the one lost task of most passes.

        Its loops over providers and tasks are a twentieth of a large run.
        """
        engine = self.engine
        cluster = service.cluster
        if cluster.waiting and service.group in cluster.waiting:
            return 0
        if cluster.provisioning:
            engine.waiting.settle(cluster)
        cause = deployment.event
        instance = engine.fleets.place(template, provider, service, service.strategy, cause)
        if instance is None:
            if engine.capacity.manages(provider):
                return self._provision(service, deployment, template, provider, 1)
            self._unplaced(service, deployment, template, provider, 1)
            return 0
        subnet = address = -1
        if template.eni:
            subnet, address = engine.subnets.acquire(template, service, instance.zone, provider)
        create = engine.lifecycle.create
        task = create(template, service, deployment, instance, subnet, address, provider, ORIGIN_SERVICE, cause)
        if address < 0 <= subnet:
            engine.subnets.refused(subnet, "tasks", task, task.last_event)
        service.unplaced = 0
        return 1

    def _on_both(self, service: Service, deployment: Deployment, template: Template, shares: Shares) -> int:
        """A strategy that AWS refuses (CAP-010): each part of it as if it stood alone."""
        instances = [share for share in shares if share[0] in template.instance_providers]
        elsewhere = [share for share in shares if share not in instances]
        started = self._on_fargate(service, deployment, template, elsewhere)
        if instances and template.on_instances is not None:
            started += self._on_instances(service, deployment, template.on_instances, instances)
        return started

    def _on_fargate(self, service: Service, deployment: Deployment, template: Template, shares: Shares) -> int:
        engine = self.engine
        started = 0
        for provider, share in shares:
            got, refused = engine.fargate.admit(template, provider, share)
            for _ in range(got):
                engine.fargate.launch(template, service, deployment, provider, ORIGIN_SERVICE, deployment.event)
            started += got
            if refused is not None:
                self.services.events.fargate_refused(service, refused.event_name, refused.reason, deployment.event)
                if refused.retry_at == inf:
                    engine.fargate.waiting[service.ordinal] = service
                else:
                    self.services.dirty.mark_at(service, refused.retry_at)
        return started

    def _on_instances(self, service: Service, deployment: Deployment, template: Template, shares: Shares) -> int:
        engine = self.engine
        if service.group in service.cluster.waiting:
            return 0
        if service.cluster.provisioning:
            engine.waiting.settle(service.cluster)
        total = 0
        place, launch_on, create = engine.fleets.place, engine.launch_on, engine.lifecycle.create
        strategy, cause = service.strategy, deployment.event
        for provider, share in shares:
            for started in range(share):
                instance = place(template, provider, service, strategy, cause)
                if instance is None and engine.capacity.manages(provider):
                    total += self._provision(service, deployment, template, provider, share - started)
                    break
                if instance is None:
                    self._unplaced(service, deployment, template, provider, share - started)
                    break
                if template.eni:
                    launch_on(instance, template, service, deployment, provider, ORIGIN_SERVICE, cause)
                else:
                    create(template, service, deployment, instance, -1, -1, provider, ORIGIN_SERVICE, cause)
                total += 1
            else:
                service.unplaced = 0
        return total

    def _provision(
        self, service: Service, deployment: Deployment, template: Template, provider: int, count: int
    ) -> int:
        """Nothing fits, but the provider's group can grow: the tasks exist and wait (LIFE-004 b, CAP-044).

        Beyond the tasks that may wait in a cluster the scheduler backs off: 20 s, doubling up to 27 minutes, with
        the event of a throttled operation (CAP-045; delays and event as SVC-041 and FG-013, assumed).
        """
        engine = self.engine
        started = len(
            engine.waiting.enter(
                template,
                service,
                deployment,
                provider,
                service.strategy,
                count,
                origin=ORIGIN_SERVICE,
                cause=deployment.event,
            )
        )
        service.unplaced = count - started
        if started:
            service.backoffs = 0
        if started < count:
            service.backoffs += 1
            self.services.dirty.mark_at(service, self.kernel._now + start_delay(service.backoffs + 3))
            cause = deployment.event
            self.services.events.fargate_refused(service, "ECS_OPERATION_THROTTLED", "PROVISIONING", cause)
        return started

    def _unplaced(
        self, service: Service, deployment: Deployment, template: Template, provider: int, count: int
    ) -> None:
        """Nothing fits: record the verdict once, and wait for an instance that becomes freer (SVC-044)."""
        engine = self.engine
        verdict = engine.fleets.refuse(template, provider, service, service.strategy, count, deployment.event)
        event = engine.recorder.events
        service.unplaced = count
        engine.fleets.wait(service, template, provider)
        if self.services.events.may_tell_unplaced(service, verdict.reason):
            closest = engine.fleets.closest(service, template, provider)
            self.services.events.unplaced(service, verdict.reason, closest, event, provider=provider != 0)

    def leave(self, instance: Instance, cause: int) -> None:
        """An instance's attributes changed: daemon tasks whose constraints it violates now are stopped (SVC-061)."""
        engine = self.engine
        for task in list(instance.tasks.values()):
            deployment = task.deployment
            if deployment is None or not deployment.service.daemon or not task.running:
                continue
            service = deployment.service
            wanted = Request(0, 0, constraints=task.template.request.constraints)
            if wanted.constraints and not service.cluster.fleet.fits(instance.fleet_ordinal, wanted, service.group):
                event = self.services.events.constraint_violated(service, engine.task_id(task), instance.id, cause)
                reason = f"Task stopped by (deployment {deployment.id}): placement constraint violated"
                engine.lifecycle.stop(task, SERVICE_SCHEDULER_INITIATED, reason, event)

    def run_daemon(self, service: Service) -> None:
        """Keep one task on every ACTIVE instance that fits (SVC-001, SVC-060, SVC-061, DEPLOY-020).

        In an update the old task of an instance stops before its new one starts, and at most as many instances
        are without a task at once as minimumHealthyPercent allows.
        """
        engine = self.engine
        fleet = service.cluster.fleet
        primary = service.deployments[0]
        if primary.rollout_state == FAILED:
            return
        template = primary.template
        old = [t for d in service.deployments[1:] for t in d.tasks.values() if t.running]
        if old:
            total = len(old) + primary.active
            lower = (total * service.minimum_healthy_percent + 99) // 100
            room = sum(d.healthy for d in service.deployments) - lower
            for task in old[: max(0, room)]:
                engine.lifecycle.stop(
                    task,
                    SERVICE_SCHEDULER_INITIATED,
                    f"Task stopped by (deployment {primary.id}): daemon update",
                    primary.event,
                )
        if primary.unhealthy:
            # maximumPercent is 100 (SVC-012): an unhealthy task goes before its successor comes (LIFE-065).
            self.services.stop_unhealthy(primary)
        now = self.kernel._now
        if now < primary.throttle_until:
            self.services.dirty.mark_at(service, primary.throttle_until)
            return
        by_fleet = engine.fleets.by_fleet.get(service.cluster.ordinal, [])
        for ordinal in fleet.ordinals(fleet.eligible(template.request, service.group)):
            instance = by_fleet[ordinal]
            engine.fleets.place_on(instance, template, service, primary.event)
            engine.launch_on(instance, template, service, primary, 0, ORIGIN_DAEMON, primary.event)
        if fleet.count(fleet.eligible(WITHOUT_ONE, service.group)):
            # An instance without its task may yet have room for it.
            engine.fleets.wait(service, template, 0)
