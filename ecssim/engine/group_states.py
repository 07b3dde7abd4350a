"""The lifecycle states of a group's instances, and the hooks that hold them there (ASG-046, ASG-054).

An instance is ``Pending`` until it has booted, ``Pending:Wait`` while a hook holds it, then ``InService``. Its agent
does not know of the hook and registers as soon as it runs. An instance that its group lets go is ``Terminating``,
``Terminating:Wait`` while a hook or managed draining holds it, then ``Terminated``. These are states of EC2 Auto
Scaling: rows of ``instance_lifecycle``, nothing that ECS sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecssim.decide.lifecycle_hooks import wait_of
from ecssim.engine.kernel import WORLD
from ecssim.world.instances import Instance

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

PENDING: Final = "Pending"
PENDING_WAIT: Final = "Pending:Wait"
PENDING_PROCEED: Final = "Pending:Proceed"
IN_SERVICE: Final = "InService"
TERMINATING: Final = "Terminating"
TERMINATING_WAIT: Final = "Terminating:Wait"
TERMINATING_PROCEED: Final = "Terminating:Proceed"
TERMINATED: Final = "Terminated"
WARMED_PENDING: Final = "Warmed:Pending"
WARMED_STOPPED: Final = "Warmed:Stopped"
WARMED_TERMINATED: Final = "Warmed:Terminated"


class GroupStates:
    """Writes the states down and decides when an instance is in service."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._rows = engine.recorder.tables["instance_lifecycle"]
        names = engine.recorder.names
        self._groups = names.pool("auto_scaling_group")
        self._states = names.pool("lifecycle_state")
        self._now: dict[int, str] = {}
        self._waits: dict[int, float] = {}
        #: When each instance that lives came into service.
        self.in_service_at: dict[int, float] = {}

    def state(self, instance: Instance) -> str:
        """Return the LifecycleState that DescribeAutoScalingInstances would show."""
        return self._now.get(instance.ordinal, TERMINATED)

    def move(self, instance: Instance, state: str, cause: int = 0) -> None:
        """The instance is in the state from now on."""
        if self._now.get(instance.ordinal) == state:
            return
        self._now[instance.ordinal] = state
        event = self.engine.recorder.new_event()
        group = instance.group
        self._rows.append(
            self.kernel._now,
            event,
            cause or instance.last_event,
            instance.code,
            self._groups[group.name],
            self._states[state],
            group.cluster.code,
            self.engine.region_code,
        )

    # -- into service -----------------------------------------------------------------------------------------

    def launched(self, instance: Instance) -> None:
        """The instance is Pending; its launch hooks begin."""
        self.move(instance, PENDING)
        hooks = instance.group.rules.hooks
        if hooks:
            wait = wait_of(hooks, launching=True)
            if wait.seconds or wait.abandoned:
                until = self._waits[instance.ordinal] = self.kernel._now + wait.seconds
                self.move(instance, PENDING_WAIT)
                self.kernel.at(until, WORLD, self._on_hook, (instance, wait.abandoned))

    def launched_long_ago(self, instance: Instance) -> None:
        """The instance was there before the run began."""
        self.in_service_at[instance.ordinal] = self.kernel._now
        self.move(instance, IN_SERVICE)

    def _on_hook(self, what: tuple[Instance, bool], _: int) -> None:
        """The last launch hook ended, or one gave the launch up."""
        instance, abandoned = what
        del self._waits[instance.ordinal]
        if instance.ended or instance.retiring:
            return
        if abandoned:
            self.engine.retiring.abandon(instance)
            return
        self.move(instance, PENDING_PROCEED)
        if instance.ordinal in self.in_service_at:
            self._serve(instance)

    def booted(self, instance: Instance) -> None:
        """The instance runs and passes its status checks."""
        self.in_service_at[instance.ordinal] = self.kernel._now
        if instance.ordinal not in self._waits and not instance.retiring:
            self._serve(instance)

    def serves(self, instance: Instance) -> bool:
        """Whether the instance is InService."""
        return self._now.get(instance.ordinal) == IN_SERVICE

    def _serve(self, instance: Instance) -> None:
        self.in_service_at[instance.ordinal] = self.kernel._now
        self.move(instance, IN_SERVICE)
        self.engine.succession.in_service(instance)
        self.engine.refreshes.in_service(instance)

    # -- out of service ---------------------------------------------------------------------------------------

    def leaving(self, instance: Instance, cause: int, *, drains: bool) -> float:
        """The group lets the instance go; return until when its hooks hold it."""
        self.move(instance, TERMINATING, cause)
        wait = wait_of(instance.group.rules.hooks, launching=False)
        if wait.seconds or drains:
            self.move(instance, TERMINATING_WAIT)
        return self.kernel._now + wait.seconds

    def gives_up_draining(self, instance: Instance) -> bool:
        """Whether a hook ends with ABANDON, which skips all others, that of managed draining too (ASG-046)."""
        return wait_of(instance.group.rules.hooks, launching=False).abandoned

    def gone(self, instance: Instance) -> None:
        """EC2 terminated the instance."""
        state = self._now.get(instance.ordinal, "")
        if state == TERMINATING_WAIT:
            self.move(instance, TERMINATING_PROCEED)
        self.move(instance, WARMED_TERMINATED if state.startswith("Warmed") else TERMINATED)
        self._now.pop(instance.ordinal, None)
        self.in_service_at.pop(instance.ordinal, None)
