"""Availability Zone rebalancing: a steady service's tasks move until its zones are even (PLACE-080 to PLACE-085).

While a service is steady, its tasks do not move: one look when it becomes steady tells whether there is anything to
do, and only then is a check armed, 60 s later and every 60 s until the zones are even. A move starts tasks where
there are too few, within maximumPercent, waits until they are RUNNING and healthy, and stops as many where there are
too many. Balanced are, on Fargate, the tasks of each capacity provider for itself (PLACE-012); on instances those of
the service, over the zones in which it could run on an instance that exists (PLACE-084).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ecssim.decide.rebalance import gaps, is_even, surplus
from ecssim.decide.reconcile import limits
from ecssim.engine.kernel import CONTROLLER
from ecssim.world.instances import Instance
from ecssim.world.places import Cluster
from ecssim.world.requests import ZONE_ATTRIBUTE
from ecssim.world.services import Deployment, Service
from ecssim.world.states import COMPLETED, HEALTHY, SERVICE_SCHEDULER_INITIATED
from ecssim.world.tasks import Task, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: Record code of a service task's origin (record.codes).
ORIGIN_SERVICE = 2


class Move(NamedTuple):
    """The tasks that were started to even out the zones, while the service wanted ``desired``."""

    desired: int
    tasks: tuple[Task, ...]
    event: int


class Rebalancing:
    """Watches the zones of steady services and moves tasks between them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._period = engine.timing["zoneRebalancing"].median
        #: What :meth:`_zones` found, by service.
        self._known: dict[int, tuple[Template, int, tuple[str, ...]]] = {}
        #: Templates for one zone, by the template that they narrow, which is kept beside them.
        self._narrow: dict[tuple[int, str], tuple[Template, Template]] = {}

    # -- looking ----------------------------------------------------------------------------------------------

    def watch(self, service: Service) -> None:
        """The service is steady: arm a check if its deployment is complete, its zones uneven (PLACE-080, PLACE-085)."""
        if service.moving is not None:
            self._finish(service)
        if service.rebalance_armed or service.deployments[0].rollout_state != COMPLETED:
            return
        at = self.kernel._now + self._period
        if not self._uneven(service):
            # A zone without Spot capacity does not count; when it has some again there is something to even out.
            template = service.deployments[0].template
            dry = self.engine.spot.dry_zones(template) if template.fargate else {}
            if not dry or self.engine.fargate_spot_code not in self._providers(service):
                return
            at = max(at, min(dry.values()))
        service.rebalance_armed = True
        self.kernel.at(at, CONTROLLER, self._check, service)

    def look_again(self, cluster: Cluster | None = None) -> None:
        """Zones came or went: what is even for a service may be something else now."""
        for service in self.engine.world.services:
            if service.rebalances and service.steady and cluster in (None, service.cluster):
                self.watch(service)

    def arrived(self, instance: Instance) -> None:
        """An instance can take tasks; the first one of its zone makes a zone for the services of its cluster."""
        cluster = instance.group.cluster
        if cluster.fleet.active_in(instance.zone, instance.group.provider) == 1:
            self.look_again(cluster)

    def _counts(self, service: Service) -> list[tuple[int, dict[str, int]]]:
        """The tasks by zone that should be even among themselves, for each provider that is balanced for itself."""
        template = service.deployments[0].template
        if template.fargate:
            tasks = service.zone_counts
            up = [z for z in template.zones if z not in self.engine.zones_down]
            found_by = []
            for provider in dict.fromkeys(provider for provider, _ in tasks):
                dry = self.engine.spot.dry_zones(template) if self.engine.fargate.is_spot(provider) else ()
                found_by.append((provider, {z: tasks.get((provider, z), 0) for z in up if z not in dry}))
            return found_by
        by_zone = service.cluster.fleet.spread_counts(ZONE_ATTRIBUTE, service.group)
        return [(-1, {zone: by_zone.get(zone, 0) for zone in self._zones(service)})]

    def _zones(self, service: Service) -> tuple[str, ...]:
        """The zones with instances that the service may use; they stand while no instance's facts move."""
        fleet = service.cluster.fleet
        template = service.deployments[0].template
        known = self._known.get(service.ordinal)
        if known is not None and known[0] is template and known[1] == fleet.facts:
            return known[2]
        found: list[str] = []
        for provider in self._providers(service):
            found += fleet.zones_for(template.requests[provider])
        zones = tuple(dict.fromkeys(found))
        if not any(predicate.dynamic for predicate in template.request.constraints):
            self._known[service.ordinal] = (template, fleet.facts, zones)
        return zones

    @staticmethod
    def _providers(service: Service) -> tuple[int, ...]:
        return tuple(share.provider for share in service.provider_strategy) or (0,)

    def _uneven(self, service: Service) -> bool:
        template = service.deployments[0].template
        if template.fargate:
            return any(counts and not is_even(counts.values()) for _, counts in self._counts(service))
        fleet = service.cluster.fleet
        known = self._known.get(service.ordinal)
        fresh = known is not None and known[0] is template and known[1] == fleet.facts
        zones = known[2] if known is not None and fresh else self._zones(service)
        if len(zones) < 2:
            return False
        tasks = fleet.spread_counts(ZONE_ATTRIBUTE, service.group).get
        return not is_even([tasks(zone, 0) for zone in zones])

    # -- starting where there are too few -------------------------------------------------------------------

    def _check(self, service: Service, _: int) -> None:
        service.rebalance_armed = False
        deployment = service.deployments[0]
        if not service.steady or not service.rebalances or service.status != "ACTIVE" or service.moving is not None:
            return  # it is looked at again when it becomes steady
        if deployment.rollout_state != COMPLETED:
            return  # never during a deployment (PLACE-084), and one that has failed launches nothing (DEPLOY-005)
        bounds = limits(service.desired, service.minimum_healthy_percent, service.maximum_percent)
        room = bounds.upper - deployment.active
        events = self.engine.services.events
        tasks: list[Task] = []
        lacking = False
        begun = 0
        for provider, counts in self._counts(service):
            wanted = gaps(counts, sum(counts.values())) if len(counts) > 1 else {}
            for zone, missing in wanted.items():
                lacking = True
                for _ in range(min(missing, room - len(tasks))):
                    begun = begun or events.rebalancing(service, "SERVICE_REBALANCING_STARTED", deployment.event)
                    task = self._start(service, deployment, provider, zone, begun)
                    if task is None:
                        break
                    tasks.append(task)
        if tasks:
            service.moving = Move(service.desired, tuple(tasks), begun)
            service.steady = False
            events.rebalancing(service, "TASKS_STARTED", begun, tasks=len(tasks))
        elif lacking:
            if begun:
                events.rebalancing(service, "SERVICE_REBALANCING_STOPPED", begun, why="no task could be started")
            self.watch(service)  # there may be room in 60 s

    def _start(self, service: Service, deployment: Deployment, provider: int, zone: str, cause: int) -> Task | None:
        """Start one task in a zone that has too few; None if there is no token, quota or room for it."""
        engine = self.engine
        if not service.bucket.take(1, self.kernel._now):
            return None
        task = (
            self._on_fargate(service, deployment, provider, cause)
            if deployment.template.fargate
            else self._on_instances(service, deployment, zone, cause)
        )
        if task is None:
            service.bucket.give_back(1)
            if not deployment.template.fargate:
                engine.services.events.unplaced_rebalancing(service, zone, cause)
        return task

    def _on_fargate(self, service: Service, deployment: Deployment, provider: int, cause: int) -> Task | None:
        """Fargate itself takes the zone with the fewest tasks of the provider (PLACE-013)."""
        fargate = self.engine.fargate
        got, refused = fargate.admit(deployment.template, provider, 1)
        if not got:
            if refused is not None:
                self.engine.services.events.fargate_refused(service, refused.event_name, refused.reason, cause)
            return None
        return fargate.launch(deployment.template, service, deployment, provider, ORIGIN_SERVICE, cause)

    def _on_instances(self, service: Service, deployment: Deployment, zone: str, cause: int) -> Task | None:
        """Place one task on an instance of the zone; nothing is launched for it (PLACE-084)."""
        engine = self.engine
        template = deployment.template
        inside = self._in(template, zone)
        for provider in self._providers(service):
            instance = engine.fleets.place(inside, provider, service, service.strategy, cause)
            if instance is not None:
                return engine.launch_on(instance, template, service, deployment, provider, ORIGIN_SERVICE, cause)
        return None

    def _in(self, template: Template, zone: str) -> Template:
        """The template whose requests only instances of one zone satisfy."""
        known = self._narrow.get((id(template), zone))
        if known is None:
            requests = {code: replace(request, zones=(zone,)) for code, request in template.requests.items()}
            known = self._narrow[id(template), zone] = (template, replace(template, requests=requests))
        return known[1]

    # -- stopping where there are too many ------------------------------------------------------------------

    def goes_on(self, service: Service) -> bool:
        """Whether a move accounts for the tasks above the desired count; if it is over, the scheduler decides.

        Called by the service's pass. A deployment, another desired count, or tasks that want replacement end the
        move (PLACE-084).
        """
        move = service.moving
        assert move is not None
        primary = service.deployments[0]
        alive = [task for task in move.tasks if task.running]
        disturbed = len(service.deployments) > 1 or service.desired != move.desired
        if disturbed or primary.unhealthy or primary.displaced or not alive:
            service.moving = None
            why = "the service is changing" if disturbed else "tasks are not healthy"
            self.engine.services.events.rebalancing(service, "SERVICE_REBALANCING_STOPPED", move.event, why=why)
            return False
        if any(task.health != HEALTHY for task in alive):
            return True
        stopped, protected = self._stop(service, primary, move)
        events = self.engine.services.events
        if stopped:
            events.rebalancing(service, "TASKS_STOPPED", move.event, tasks=stopped)
        if protected and primary.active > service.desired:
            events.protected_rebalancing(service, move.event)
            self.engine.services.dirty.mark_at(service, protected)
        return True

    def _stop(self, service: Service, deployment: Deployment, move: Move) -> tuple[int, float]:
        """Stop what is too much; return how many, and when the first of the protected that held is free (0: none)."""
        engine = self.engine
        now = self.kernel._now
        left = deployment.active - service.desired
        done, until = 0, 0.0
        started = {task.provider for task in move.tasks}
        for provider, counts in self._counts(service):
            total = sum(counts.values())
            over = total - left if provider < 0 else total - sum(t.provider == provider for t in move.tasks)
            for zone, many in (surplus(counts, over) if counts else {}).items():
                here = [
                    t
                    for t in deployment.tasks.values()
                    if t.running and engine.zone_of(t) == zone and provider in (-1, t.provider)
                ]
                by_provider = [t for t in here if t.provider in started] or here
                held = [t for t in by_provider if t.protected_until > now]
                free = [t for t in by_provider if t.protected_until <= now]
                if len(free) < many and held:
                    first = min(t.protected_until for t in held)
                    until = min(until, first) if until else first
                count = min(many, left - done, len(free))
                for task in engine.services.chosen_to_stop(service, free, count):
                    reason = f"Task stopped by (deployment {deployment.id}): Availability Zone rebalancing"
                    engine.lifecycle.stop(task, SERVICE_SCHEDULER_INITIATED, reason, move.event)
                    done += 1
        return done, until

    def _finish(self, service: Service) -> None:
        move = service.moving
        assert move is not None
        service.moving = None
        events = self.engine.services.events
        if self._uneven(service):
            events.rebalancing(service, "SERVICE_REBALANCING_STOPPED", move.event, why="the zones are still uneven")
        else:
            events.rebalancing(service, "SERVICE_REBALANCING_COMPLETED", move.event)
