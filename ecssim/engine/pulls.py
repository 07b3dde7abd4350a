"""Image pulls: who asks the registry, over a link that an instance's pulls share, and what an instance keeps.

An instance knows when each image is, or will be, on its disk. The time of a pull is solved when it begins; while
others are under way on the same instance all of them are solved again, and tasks that wait for one are told
(AGENT-031). Nothing is polled: image cleanup, too, is worked out when the next pull begins (AGENT-036).
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf
from typing import TYPE_CHECKING, Final

from ecssim.decide.lifecycle import START_FAILED
from ecssim.decide.pulls import attempts, finished_at
from ecssim.engine.kernel import WORLD
from ecssim.engine.timing import PULL, START, fargate_pull_rate
from ecssim.world.instances import Instance
from ecssim.world.states import ACTIVATING
from ecssim.world.tasks import Image, Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

NO_ANSWER: Final = "CannotPullContainerError: pull image has been retried 5 time(s): the registry does not answer"
#: A task whose pull fails: the offsets of the agent's attempts from the first one, and which comes next.
Trying = tuple[Task, float, list[float], int]


class Pulls:
    """Brings images to tasks that begin to activate, and starts their containers."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.instances = engine.world.instances
        self._manifest = engine.timing["pullManifest"].median
        self._delete = engine.timing["imageDelete"].median
        self._jitter = engine.timing["agentRetryJitter"]
        self._rate = engine.model.pull_rate
        self._shared = engine.model.pull_bandwidth == "shared"
        self._rates = engine.model.fargate_pull_rates
        #: Until when the registry answers nobody (fault ``registryDown``).
        self.down_until = 0.0
        #: What happens when a plain task's containers have started; who looks at reachability puts itself in between.
        self.then_started = engine.lifecycle.then_started
        #: Told of every image that is pulled, where what that costs is metered.
        self.meter: Callable[[Task, Image], None] | None = None
        self._then_timed_out = self._on_timed_out

    def begin(self, task: Task) -> None:
        """The task begins to activate: pull what its instance does not have, then start the containers.

        Implements LIFE-007, LIFE-032, LIFE-084, LIFE-085, FG-024 and AGENT-030.
        """
        now = self.kernel._now
        template = task.template
        delays = task.delays
        if template.fargate:
            if now < self.down_until:
                self._ask_again(task, now)
                return
            size = 0.0
            for image in template.images:
                size += image.size_mb
            if self.meter is not None:
                for image in template.images:
                    self.meter(task, image)
            pull = size / fargate_pull_rate(template.cpu, self._rates) * delays[PULL] * self.engine.registry_factor
            task.pull_stopped_at = now + pull
            self.kernel.after(pull + delays[START], self.then_started, task, task.epoch)
            return
        instance = self.instances[task.instance]
        agent = instance.group.agent
        if now >= instance.clean_at:
            self.clean_before(instance, task)
        there_at = instance.images
        if now < self.down_until and (agent.eager or any(i.code not in there_at for i in template.images)):
            self._ask_again(task, now)
            return
        pull = self._manifest if agent.eager else 0.0
        for image in template.images:
            ready = there_at.get(image.code)
            if ready is None:
                self._fetch(instance, task, delays[PULL])
                ready = there_at[image.code]
            # A task that comes while the image is on its way waits for the same pull.
            if ready - now > pull:
                pull = ready - now
        start = delays[START]
        if start > agent.start_timeout or agent.dynamic_ports >= 0:
            self._start(task, instance, pull)
        else:
            task.pull_stopped_at = now + pull
            self.kernel.after(pull + start, self.then_started, task, task.epoch)

    def clean_before(self, instance: Instance, task: Task) -> None:
        """A task begins whose images may have been deleted by now: do what the cleanups did (AGENT-036)."""
        left = instance.left_at.get(task.template.image_set)
        wait = instance.group.agent.cleanup_wait
        if self._overlapping() if left is None else self.kernel._now >= left + wait:
            self._clean(instance, task)

    def _overlapping(self) -> bool:
        return self.engine.builder.templates.overlapping

    def _start(self, task: Task, instance: Instance, pull: float) -> None:
        """Start the containers ``pull`` seconds from now; the agent waits only so long for that (AGENT-033)."""
        kernel = self.kernel
        task.pull_stopped_at = kernel._now + pull
        start = task.delays[START]
        agent = instance.group.agent
        limit = agent.windows_start_timeout if task.template.windows else agent.start_timeout
        if start > limit:
            kernel.after(pull + limit, self._then_timed_out, task, task.epoch)
        elif agent.dynamic_ports >= 0 and not self._has_ports(task, instance, agent.dynamic_ports):
            kernel.after(pull + start, self._on_no_port, task, task.epoch)
        else:
            kernel.after(pull + start, self.then_started, task, task.epoch)

    def _on_timed_out(self, task: Task, epoch: int) -> None:
        if task.epoch == epoch:
            agent = self.instances[task.instance].group.agent
            limit = agent.windows_start_timeout if task.template.windows else agent.start_timeout
            reason = f"ContainerRuntimeTimeoutError: could not start the container within {limit:g} s"
            self.engine.lifecycle.fail(task, START_FAILED, reason)

    @staticmethod
    def _has_ports(task: Task, instance: Instance, limit: int) -> bool:
        """Whether the host has a port of its dynamic range for each container port that wants one (AGENT-008)."""
        used = sum(t.template.dynamic_ports for t in instance.tasks.values() if t.holds_agent)
        return used <= limit

    def _on_no_port(self, task: Task, epoch: int) -> None:
        if task.epoch == epoch:
            reason = "CannotStartContainerError: all ports of the host's dynamic range are allocated"
            self.engine.lifecycle.fail(task, START_FAILED, reason)

    # -- the link ---------------------------------------------------------------------------------------------

    def _fetch(self, instance: Instance, task: Task, noise: float) -> None:
        """Pull every image of the task that is neither there nor on its way."""
        if self.kernel._now >= instance.clean_at:
            self._clean(instance, task)
        start = self.kernel._now
        start = max(start, instance.locked_until)
        self._transfer(instance, task, task.template.images, start + self._manifest, noise)

    def fetch_one(self, instance: Instance, task: Task, image: Image, start: float) -> None:
        """Pull one image of a task whose containers have lives of their own, from ``start`` on at the earliest.

        What its other containers have pulled is in use: only those who have left clean up after themselves.
        """
        if self.kernel._now >= instance.clean_at:
            self._clean(instance, None)
        self._transfer(instance, task, (image,), max(start, instance.locked_until), task.delays[PULL])

    def _transfer(self, instance: Instance, task: Task, images: tuple[Image, ...], start: float, noise: float) -> None:
        """Put images that are not there on the instance's link, which all pulls under way share (AGENT-031)."""
        there_at = instance.images
        transfers = instance.transfers
        if start >= instance.busy_until:
            transfers.clear()
        scale = noise * self.engine.registry_factor
        for image in images:
            if image.code not in there_at:
                seconds = image.size_mb / self._rate * scale
                if self.meter is not None:
                    self.meter(task, image)
                there_at[image.code] = end = start + seconds
                transfers.append((image.code, start, seconds))
                instance.busy_until = max(instance.busy_until, end)
        if len(transfers) > 1 and self._shared:
            self._share(instance)

    def _share(self, instance: Instance) -> None:
        """Several pulls are under way: solve all of them, and tell the tasks whose images come at another time."""
        there_at = instance.images
        transfers = instance.transfers
        moved = False
        for (code, _, _), end in zip(transfers, finished_at([(s, w) for _, s, w in transfers]), strict=True):
            moved |= there_at[code] != end
            there_at[code] = end
            instance.busy_until = max(instance.busy_until, end)
        if not moved:
            return
        now = self.kernel._now
        for task in instance.tasks.values():
            # Containers with lives of their own look again when their image was to be there.
            if task.status == ACTIVATING and task.running and not task.containers and task.pull_stopped_at > now:
                ready = max(there_at.get(image.code, 0.0) for image in task.template.images)
                if ready > task.pull_stopped_at:
                    task.epoch += 1
                    self._start(task, instance, ready - now)

    # -- a registry that does not answer ----------------------------------------------------------------------

    def unanswered(self, task: Task) -> bool:
        """Whether the task needs the registry, which does not answer; the agent then asks again (AGENT-032)."""
        now = self.kernel._now
        if now >= self.down_until:
            return False
        if not task.template.fargate:
            instance = self.instances[task.instance]
            if not instance.group.agent.eager and all(i.code in instance.images for i in task.template.images):
                return False
        self._ask_again(task, now)
        return True

    def _ask_again(self, task: Task, now: float) -> None:
        """The registry does not answer: the agent asks again, and again, and gives up (AGENT-032)."""
        luck, owner, law = self.engine.luck, task.owner.name, self._jitter

        def jitter(i: int) -> float:
            return luck.value(law, "pull-retry", owner, str(task.k), str(i))

        self._on_attempt((task, now, attempts(jitter), 0), task.epoch)

    def _on_attempt(self, trying: Trying, epoch: int) -> None:
        task, began, offsets, number = trying
        if task.epoch != epoch:
            return
        if self.kernel._now >= self.down_until:
            self.engine.lifecycle.activate(task)
            return
        # Every attempt before the registry is back fails, so the next one that matters is known.
        left = range(number + 1, len(offsets))
        after = next((i for i in left if began + offsets[i] >= self.down_until), len(offsets))
        if after < len(offsets):
            self.kernel.at(began + offsets[after], WORLD, self._on_attempt, (*trying[:3], after), epoch)
        else:
            self.kernel.at(began + offsets[-1], WORLD, self._on_given_up, task, epoch)

    def _on_given_up(self, task: Task, epoch: int) -> None:
        """No attempt got an answer: a cached image will do, unless the agent always pulls (AGENT-030)."""
        if task.epoch == epoch and not self.start_cached(task):
            self.engine.lifecycle.fail(task, START_FAILED, NO_ANSWER)

    def start_cached(self, task: Task) -> bool:
        """Start with what the instance has of the task's images; whether it may and has all of them (AGENT-030)."""
        now = self.kernel._now
        template = task.template
        if not template.fargate:
            instance = self.instances[task.instance]
            there_at = instance.images
            if instance.group.agent.fallback and all(image.code in there_at for image in template.images):
                if template.chain is not None and self.engine.containers.begin(task, asked=True):
                    return True
                ready = max((there_at[image.code] for image in template.images), default=now)
                self._start(task, instance, max(0.0, ready - now))
                return True
        return False

    # -- cleanup ----------------------------------------------------------------------------------------------

    def _clean(self, instance: Instance, newcomer: Task | None) -> None:
        """Delete what the cleanups up to now deleted, a few unused images each (AGENT-035, AGENT-036).

        An image is in use while a task that pulled it has containers on the instance, stopped ones included; the
        sets of images that tasks have left stand in ``left_at`` in the order of leaving, and each is looked at once.
        Deleting waits for pulls under way, and pulls wait for it (AGENT-031).
        """
        agent = instance.group.agent
        now = self.kernel._now
        if not agent.cleans:
            instance.clean_at = inf
            return
        left_at = instance.left_at
        templates = self.engine.builder.templates
        used = {
            t.template.image_set
            for t in instance.tasks.values()
            if t is not newcomer and t.pull_started_at == t.pull_started_at
        }
        in_order = not agent.cleanup_jitter and agent.cleanup_wait >= agent.image_age
        done = []
        for key, left in left_at.items():
            tick = self._deleted_at(instance, key, left)
            if tick <= now:
                done.append(key)
                if key not in used:
                    images = templates.image_sets[key]
                    if templates.overlapping:
                        others = [templates.image_sets[k] for k in {*used, *left_at} if k not in done]
                        images = tuple(i for i in images if not any(i in other for other in others))
                    self._delete_images(instance, images, tick)
            elif in_order:
                break
        for key in done:
            del left_at[key]
        # What somebody leaves from now on stays for the wait at least.
        first = min(left_at.values(), default=now) if not in_order else next(iter(left_at.values()), now)
        instance.clean_at = self._tick(instance, first + agent.cleanup_wait)

    def _deleted_at(self, instance: Instance, key: int, left: float) -> float:
        """Return the cleanup that deletes a set of images that a task left at ``left``, if nobody uses it again."""
        agent = instance.group.agent
        gone = left + agent.cleanup_wait
        if agent.cleanup_jitter:
            gone += agent.cleanup_jitter * self.engine.luck.number("cleanup", instance.id, str(key), f"{left}")
        for image in self.engine.builder.templates.image_sets[key]:
            gone = max(gone, instance.images.get(image.code, 0.0) + agent.image_age)
        tick, count = instance.cleaned
        if count >= agent.images_per_cycle:
            tick += agent.image_interval
        return max(tick, self._tick(instance, gone))

    def _delete_images(self, instance: Instance, images: tuple[Image, ...], tick: float) -> None:
        there_at = instance.images
        for image in images:
            if there_at.pop(image.code, None) is not None:
                before, count = instance.cleaned
                count = count + 1 if tick == before else 1
                instance.cleaned = (tick, count)
                # The lock is taken once a cycle, when no pull is under way.
                begins = max([tick, *(there_at.get(code, 0.0) for code, _, _ in instance.transfers)])
                instance.locked_until = max(begins + count * self._delete, instance.locked_until)

    @staticmethod
    def _tick(instance: Instance, t: float) -> float:
        """Return the first cleanup of the instance's agent at or after ``t``."""
        period = instance.group.agent.image_interval
        return instance.registered_at + ceil((t - instance.registered_at) / period) * period
