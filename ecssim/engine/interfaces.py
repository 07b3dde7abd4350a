"""What can go wrong with the interface of a task, where a run asks for it: throttled calls of EC2, slots that are
not free yet, interfaces that somebody attached by hand.

Nothing of it costs a plain run anything: the hooks are set when the first of them is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ecssim.aws.network import INTERFACE_ACTIONS
from ecssim.decide.interface_calls import retry_after
from ecssim.decide.lifecycle import NETWORK_FAILED
from ecssim.world.buckets import TokenBucket
from ecssim.world.instances import Instance
from ecssim.world.services import Service
from ecssim.world.states import DEPROVISIONING, PROVISIONING, STOPPED
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: The account's bucket for calls that change interfaces, while a fault throttles them (assumed: EC2 does not publish
#: those of single actions for every account).
BURST: Final = 100
RATE: Final = 5.0
#: The agent's error for an interface beyond those that the instance takes (NET-021).
NO_SLOT: Final = "Unable to attach network interface to unused device index"


class Interfaces:
    """Stands between a task and its interface: lets it be made, made later, or not at all."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._early = engine.model.eni_slot_release == "early"
        #: Tasks whose slot placement counts as free although their interface is still there (NET-021).
        self.freed: set[int] = set()
        self._hooked = False
        self._by_hand = False
        self._factors: dict[str, float] = {}
        self._bucket: TokenBucket | None = None
        self._attempts: dict[int, int] = {}
        self._limit = engine.timing["eniTimeout"].median

    def begin(self, by_hand: bool) -> None:
        """Set the hooks if the scenario needs them from the start."""
        self._by_hand = by_hand
        if by_hand or self._early:
            self._hook()

    def _hook(self) -> None:
        if self._hooked:
            return
        self._hooked = True
        lifecycle = self.engine.lifecycle
        self._attached = lifecycle.on_network
        self._released = lifecycle.then_network_released
        lifecycle.then_network = self.on_network
        lifecycle.then_network_released = self.on_released
        if self._early:
            self._deprovision = lifecycle.entering(DEPROVISIONING, self.on_deprovisioning)
            self._stop = lifecycle.entering(STOPPED, self.on_stopped)
            self.engine.fleets.eni_deleted = _nothing

    # -- throttling (NET-056) ---------------------------------------------------------------------------------

    def throttle(self, action: str, factor: float) -> None:
        """Calls of one EC2 action come ``factor`` times slower from now on; 1 is as usual."""
        if action not in INTERFACE_ACTIONS:
            return
        if factor == 1.0:
            self._factors.pop(action, None)
        else:
            self._factors[action] = factor
            self._hook()
        slowest = max(self._factors.values(), default=0.0)
        self._bucket = TokenBucket(max(1, int(BURST / slowest)), RATE / slowest) if slowest else None

    def _waits(self, task: Task, epoch: int, again: Callable[[Task, int], None]) -> bool:
        """Whether EC2 throttles the call now: it is tried again with exponential back-off, and the service says so."""
        bucket = self._bucket
        if bucket is None or bucket.take(1, self.kernel._now):
            self._attempts.pop(task.ordinal, None)
            return False
        attempt = self._attempts.get(task.ordinal, 0)
        self._attempts[task.ordinal] = attempt + 1
        owner = task.owner
        if isinstance(owner, Service):
            events = self.engine.services.events
            events.fargate_refused(owner, "ECS_OPERATION_THROTTLED", "network interface", task.last_event)
        due = self.kernel._now + retry_after(attempt)
        late = task.created_at + self._limit
        if task.status == PROVISIONING and due > late:
            self._attempts.pop(task.ordinal, None)
            self.kernel.at(max(late, self.kernel._now), 0, self.engine.lifecycle.then_late_network, task, epoch)
        else:
            self.kernel.at(due, 0, again, task, epoch)
        return True

    # -- making and deleting ----------------------------------------------------------------------------------

    def on_network(self, task: Task, epoch: int) -> None:
        """The interface would be attached now, if EC2 takes the call and the instance has a slot."""
        if task.epoch != epoch:
            self._attempts.pop(task.ordinal, None)
            return
        if self._waits(task, epoch, self.on_network):
            return
        if task.instance >= 0 and not self._slot(task, self.engine.world.instances[task.instance], epoch):
            return
        self._attached(task, epoch)

    def on_released(self, task: Task, epoch: int) -> None:
        """The interface would be deleted now, if EC2 takes the call."""
        if task.epoch == epoch and not self._waits(task, epoch, self.on_released):
            self._released(task, epoch)

    def _slot(self, task: Task, instance: Instance, epoch: int) -> bool:
        """Whether the instance has a device index for one more interface; if not, say what becomes of the task."""
        others = sum(1 for t in instance.tasks.values() if t.template.eni and t is not task and t.status > PROVISIONING)
        if others >= instance.shape.eni_slots:
            # Placement counted a slot as free whose interface is not deleted yet (NET-021).
            self.engine.lifecycle.fail(task, NETWORK_FAILED, NO_SLOT)
            return False
        if others >= instance.shape.eni_slots - instance.group.interfaces_by_hand:
            # ECS knows nothing of what was attached by hand, and waits in vain (NET-022).
            due = max(self.kernel._now, task.created_at + self._limit)
            self.kernel.at(due, 0, self.engine.lifecycle.then_late_network, task, epoch)
            return False
        return True

    def on_deprovisioning(self, task: Task) -> None:
        """Placement counts the slot as free although the interface is still there (NET-021)."""
        self._free_slot(task)
        self._deprovision(task)

    def on_stopped(self, task: Task) -> None:
        """A task that did not pass DEPROVISIONING gives its slot back at its end."""
        if task.ordinal in self.freed:
            self.freed.discard(task.ordinal)
        else:
            self._free_slot(task)
            self.freed.discard(task.ordinal)
        self._stop(task)

    def _free_slot(self, task: Task) -> None:
        if task.instance >= 0 and task.template.eni:
            self.freed.add(task.ordinal)
            self.engine.fleets.release_eni(self.engine.world.instances[task.instance])


def _nothing(instance: Instance) -> None:
    """The slot was given back before."""
