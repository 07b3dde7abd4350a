"""``initialState: steady``: the world as it would stand if it had run for long before t = 0 (design rule 16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.decide.provider_split import split
from ecssim.engine.luck import BLOCK
from ecssim.engine.timing import READY, RUNS_FOR
from ecssim.workload.distributions import residual
from ecssim.world.instances import AutoScalingGroup, Instance
from ecssim.world.services import Deployment, Service
from ecssim.world.tasks import Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: How long a task without a natural end, and an instance, is assumed to have been there (seconds).
SETTLED_AGE = 3600.0


def settle(engine: Engine) -> None:
    """Place every service's tasks by the ordinary decisions, running and healthy, with no time passing.

    Daemons first (SVC-060). What does not fit stays unplaced demand and becomes the first finding.
    """
    services = sorted(engine.world.services, key=lambda s: (not s.daemon, s.ordinal))
    for service in services:
        if service.daemon:
            _daemon(engine, service)
        else:
            _replica(engine, service)
    for group in engine.world.groups:
        if engine.capacity.manages(group.provider_code) and group.managed is None:
            _grow(engine, group, engine.capacity.right_size(group))
    for service in services:
        primary = service.deployments[0]
        if service.daemon or primary.active == service.desired:
            engine.services.deployments.complete_initially(service)
            service.steady = True
            service.next_steady_event = 6 * 3600.0
            engine.services.dirty.remind(service)
            if service.rebalances:
                engine.rebalancing.watch(service)
        else:
            engine.notes.append(
                f"{service.name}: {service.desired - primary.active} of {service.desired} tasks did not fit at the "
                "start"
            )
            engine.services.mark(service)


def _daemon(engine: Engine, service: Service) -> None:
    primary = service.deployments[0]
    fleet = service.cluster.fleet
    template = primary.template
    by_fleet = engine.fleets.by_fleet.get(service.cluster.ordinal, [])
    for ordinal in fleet.ordinals(fleet.eligible(template.request, service.group)):
        engine.fleets.place_on(by_fleet[ordinal], template, service, 0)
        _put(engine, service, primary, by_fleet[ordinal], 0)
    service.desired = primary.active


def _replica(engine: Engine, service: Service) -> None:
    primary = service.deployments[0]
    strategy = service.provider_strategy
    shares = split(strategy, {}, service.desired) if strategy else [(0, service.desired)]
    for provider, count in shares:
        template = primary.template.of_provider(provider)
        if template.fargate:
            count = min(count, engine.fargate.room(template, provider))
        for placed in range(count):
            instance = None
            if not template.fargate:
                instance = engine.fleets.place(template, provider, service, service.strategy, 0)
                while instance is None and _one_more(engine, template, provider, count - placed):
                    instance = engine.fleets.place(template, provider, service, service.strategy, 0)
                if instance is None:
                    break
            if not _put(engine, service, primary, instance, provider):
                break


def _one_more(engine: Engine, template: Template, provider: int, tasks: int) -> bool:
    """Let a provider have one more instance for the ``tasks`` tasks that are left, if it grows by itself and can."""
    if not engine.capacity.manages(provider):
        return False
    if provider in engine.managed:
        return engine.managed[provider].one_more(template, tasks)
    group = next(g for g in engine.world.groups if g.provider_code == provider)
    return _grow(engine, group, min(group.max_size, len(group.instances) + 1))


def _grow(engine: Engine, group: AutoScalingGroup, size: int) -> bool:
    """Launch instances up to ``size``, daemons of the cluster first on each; False if there were none to launch."""
    before = len(group.instances)
    while len(group.instances) < size:
        instance = engine.groups.launch(group, booted=True)
        if instance is None:
            break
        for service in engine.world.services:
            if service.daemon and service.cluster is group.cluster:
                _daemon(engine, service)
    group.desired = len(group.instances)
    return group.desired > before


def _put(engine: Engine, service: Service, deployment: Deployment, instance: Instance | None, provider: int) -> bool:
    """Put one task in place; False if its subnet has no address left."""
    template = deployment.template.of_provider(provider)
    subnet = address = -1
    if template.eni:
        zone = instance.zone if instance is not None else None
        subnet = engine.subnets.choose(template, service, zone, provider)
        address = engine.subnets.take(subnet, "tasks")
        if address < 0:
            engine.subnets.refused(subnet, "tasks", None, 0)
            if instance is not None:
                fleet = service.cluster.fleet
                fleet.release(instance.fleet_ordinal, template.requests[provider], service.group)
                fleet.release_eni(instance.fleet_ordinal)
            return False
    laws = template.laws
    law = laws.columns[RUNS_FOR]
    age, rest = SETTLED_AGE, -1.0
    if law.a >= 0.0:
        k = service.launched
        z, u = service.draws.block(k // BLOCK)
        i = k % BLOCK
        age, rest = residual(law, float(z[i, RUNS_FOR]), float(u[i, RUNS_FOR]), float(u[i, READY]))
    engine.lifecycle.create_initial(
        template,
        service,
        deployment,
        instance=instance,
        subnet=subnet,
        address=address,
        provider=provider,
        age=age,
        rest=rest,
    )
    return True
