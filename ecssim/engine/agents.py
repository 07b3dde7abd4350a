"""The container agents: what is physically free on each instance, and who waits for it (AGENT-040, AGENT-041)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.decide.lifecycle import AGENT_READY
from ecssim.world.instances import Instance
from ecssim.world.states import PENDING
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Agents:
    """Each instance's agent takes tasks first in, first out, as soon as the head fits into what is really free.

    The ledger moves when containers really start and end, not when the control plane decides: that is why a task
    can wait in PENDING behind one that is still shutting down.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.instances = engine.world.instances
        self.advance = engine.lifecycle.advance
        engine.lifecycle.submit = self.submit
        self._step = engine.lifecycle.step
        #: What a plain task begins with; who looks at reachability puts itself in between (engine.reach).
        self.pull = engine.pulls.begin

    def submit(self, task: Task) -> None:
        """The agent received the task."""
        instance = self.instances[task.instance]
        template = task.template
        cpu, memory = template.cpu, template.memory
        if instance.agent_queue or not instance.online or cpu > instance.agent_cpu or memory > instance.agent_memory:
            instance.agent_queue.append(task)
        elif template.request.plain:
            # The common case at one go: nothing but CPU and memory to look at and to book.
            instance.agent_cpu -= cpu
            instance.agent_memory -= memory
            task.holds_agent = True
            now = task.connectivity_at = self.kernel._now
            if template.chain is None and task.status == PENDING:
                task.pull_started_at = now
                self._step(task, template.after_dispatch)
                self.pull(task)
            else:
                self.advance(task, AGENT_READY)
        elif self.fits(instance, task):
            self._take(instance, task)
        else:
            instance.agent_queue.append(task)

    def release(self, task: Task) -> None:
        """The task's containers have ended: its share is free, and the head of the queue may fit now."""
        task.holds_agent = False
        instance = self.instances[task.instance]
        template = task.template
        instance.agent_cpu += template.cpu
        instance.agent_memory += template.memory
        request = template.request
        if not request.plain:
            instance.agent_gpus += template.gpus
            instance.agent_ports.difference_update(("tcp", p) for p in request.tcp_ports)
            instance.agent_ports.difference_update(("udp", p) for p in request.udp_ports)
        if instance.agent_queue:
            self.wake(instance)

    def wake(self, instance: Instance) -> None:
        """Start what fits now, in order; the head blocks those behind it.

        Without a connection the queue stands still: what the agent takes is shown by ECS at once.
        """
        queue = instance.agent_queue
        while queue and instance.online:
            task = queue[0]
            if not task.running or task.status != PENDING:
                queue.popleft()
            elif self.fits(instance, task):
                queue.popleft()
                self._take(instance, task)
            else:
                return

    @staticmethod
    def fits(instance: Instance, task: Task) -> bool:
        """Whether what the task takes is physically free on the instance now (AGENT-040)."""
        template = task.template
        request = template.request
        if template.cpu > instance.agent_cpu or template.memory > instance.agent_memory:
            return False
        if request.plain:
            return True
        ports = instance.agent_ports
        return template.gpus <= instance.agent_gpus and not (
            any(("tcp", p) in ports for p in request.tcp_ports) or any(("udp", p) in ports for p in request.udp_ports)
        )

    def hold(self, instance: Instance, task: Task) -> None:
        """Book the task's share in the agent's ledger."""
        template = task.template
        instance.agent_cpu -= template.cpu
        instance.agent_memory -= template.memory
        request = template.request
        if not request.plain:
            instance.agent_gpus -= template.gpus
            instance.agent_ports.update(("tcp", p) for p in request.tcp_ports)
            instance.agent_ports.update(("udp", p) for p in request.udp_ports)
        task.holds_agent = True

    def _take(self, instance: Instance, task: Task) -> None:
        self.hold(instance, task)
        task.connectivity_at = self.kernel._now
        self.advance(task, AGENT_READY)
