"""Fargate: launch-rate buckets, the concurrent vCPU quota, and the spread over zones."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from ecssim.engine.service_events import UNAVAILABLE
from ecssim.world.buckets import TokenBucket
from ecssim.world.services import Deployment, Owner
from ecssim.world.tasks import Task, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Refused(NamedTuple):
    """Why Fargate takes no more tasks now, in ECS's words, and when to ask again (infinity: when one stops)."""

    event_name: str
    reason: str
    retry_at: float


class Fargate:
    """Launches Fargate tasks; On-Demand and Spot have buckets and quotas of their own (FG-010, FG-011)."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        limits = engine.limits
        self.buckets = {
            False: TokenBucket(limits.fargate_launch_burst, limits.fargate_launch_rate),
            True: TokenBucket(limits.fargate_launch_burst, limits.fargate_launch_rate),
        }
        #: Quota in CPU units, or None for a mature account without the limit.
        self.vcpu_quota = {
            False: None if limits.fargate_on_demand_vcpu is None else limits.fargate_on_demand_vcpu * 1024,
            True: None if limits.fargate_spot_vcpu is None else limits.fargate_spot_vcpu * 1024,
        }
        self.cpu_in_use = {False: 0, True: 0}
        self.waiting: dict[int, Owner] = {}

    def is_spot(self, provider: int) -> bool:
        """Whether a capacity provider's code is ``FARGATE_SPOT``."""
        return provider == self.engine.fargate_spot_code

    def room(self, template: Template, provider: int) -> int:
        """Return how many more tasks of ``template`` the vCPU quota allows (FG-010)."""
        if template.nowhere:
            return 0
        spot = self.is_spot(provider)
        quota = self.vcpu_quota[spot]
        return sys.maxsize if quota is None else max(0, (quota - self.cpu_in_use[spot]) // template.cpu)

    def admit(self, template: Template, provider: int, count: int) -> tuple[int, Refused | None]:
        """Take tokens and quota for up to ``count`` tasks; return how many may start and why not more."""
        spot = self.is_spot(provider)
        now = self.kernel._now
        refused = None
        if template.nowhere:
            return 0, Refused("SERVICE_TASK_PLACEMENT_FAILURE", "Internal error", float("inf"))
        if spot:
            dry = self.engine.spot.dry_zones(template)
            if dry and len(dry) == len(template.zones):
                # Asking again and again until capacity is back (CAP-040), solved instead of polled.
                return 0, Refused("SERVICE_TASK_PLACEMENT_FAILURE", UNAVAILABLE, min(dry.values()))
        room = self.room(template, provider)
        if room < count:
            count = room
            refused = Refused(
                "SERVICE_TASK_PLACEMENT_FAILURE",
                "You've reached the limit on the number of vCPUs you can run concurrently",
                float("inf"),
            )
        got = self.buckets[spot].take(count, now)
        if got < count:
            refused = Refused("ECS_OPERATION_THROTTLED", "throttled", self.buckets[spot].next_at(now))
        return got, refused

    def launch(
        self,
        template: Template,
        owner: Owner,
        deployment: Deployment | None,
        provider: int,
        origin: int,
        cause: int,
        runs_for: float = -1.0,
    ) -> Task:
        """Create one admitted task: choose zone and subnet, take an address (NET-042 to NET-044)."""
        engine = self.engine
        subnet = engine.subnets.choose(template, owner, None, provider)
        address = engine.subnets.take(subnet, "tasks")
        task = engine.lifecycle.create(
            template,
            owner,
            deployment,
            instance=None,
            subnet=subnet,
            address=address,
            provider=provider,
            origin=origin,
            cause=cause,
            runs_for=runs_for,
        )
        if address < 0:
            engine.subnets.refused(subnet, "tasks", task, task.last_event)
        return task

    def started(self, task: Task) -> None:
        """A task exists: it uses vCPU quota (FG-010) and counts in its zone."""
        self.cpu_in_use[self.is_spot(task.provider)] += task.template.cpu
        counts = task.owner.zone_counts
        key = (task.provider, self.engine.world.subnets[task.subnet].zone)
        counts[key] = counts.get(key, 0) + 1
        self.engine.meters.fargate_created(task)

    def stopping(self, task: Task) -> None:
        """Its desiredStatus is STOPPED: it does not count for the spread any more."""
        key = (task.provider, self.engine.world.subnets[task.subnet].zone)
        task.owner.zone_counts[key] -= 1

    def stopped(self, task: Task) -> None:
        """It is STOPPED: its share of the vCPU quota is free, and who waits for it may go on."""
        self.cpu_in_use[self.is_spot(task.provider)] -= task.template.cpu
        self.engine.meters.fargate_ended(task)
        if self.waiting:
            waiting, self.waiting = self.waiting, {}
            for owner in waiting.values():
                self.engine.room_for(owner)
