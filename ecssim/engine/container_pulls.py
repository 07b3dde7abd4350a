"""How long the images of single containers take to come (LIFE-055, LIFE-084, FG-024, AGENT-031)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.engine.timing import PULL, fargate_pull_rate
from ecssim.world.containers import Container
from ecssim.world.tasks import Image, Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class ContainerPulls:
    """Works out when the image of a container is there, if its pull begins now."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.manifest = engine.timing["pullManifest"].median

    def done_at(self, container: Container) -> float:
        """Pull the container's image; return when it is there. One that the task is getting is not pulled twice."""
        now = self.kernel._now
        image = container.spec.image
        task = container.task
        if image is None:
            return max(now, container.manifest_at)
        if not task.template.fargate:
            return max(now, container.manifest_at, self._on_instance(container, image))
        others = task.containers or ()
        for other in others:
            if other.spec.image is image and other.pulled_at >= 0.0:
                return max(now, other.pulled_at)
        self._meter(task, image)
        # The containers of a Fargate task share its bandwidth: one pull after the other takes as long as both.
        begins = max([now, *(c.pulled_at for c in others)])
        return begins + self._seconds(task, image.size_mb)

    def _on_instance(self, container: Container, image: Image) -> float:
        """When the image is on the instance's disk: it may be there, on its way, or pulled from now on.

        Its pull shares the link with all others of the instance (AGENT-031): see :meth:`still`.
        """
        instance = self.engine.world.instances[container.task.instance]
        if image.code not in instance.images:
            # A manifest that has been there for a while leaves the layers alone to pull.
            begins = max(self.kernel._now, container.manifest_at)
            self.engine.pulls.fetch_one(instance, container.task, image, begins)
        return instance.images[image.code]

    def still(self, container: Container) -> float:
        """Until when the container's image is still on its way, though it was to be there by now; 0: it is there.

        Pulls that began on the same instance in the meantime have slowed it down.
        """
        image = container.spec.image
        if image is None or container.task.template.fargate:
            return 0.0
        ready = self.engine.world.instances[container.task.instance].images.get(image.code, 0.0)
        return ready if ready > self.kernel._now else 0.0

    def clean(self, task: Task) -> None:
        """The task begins on its instance: what was cleaned up since somebody last looked is gone (AGENT-036)."""
        if not task.template.fargate:
            instance = self.engine.world.instances[task.instance]
            if self.kernel._now >= instance.clean_at:
                self.engine.pulls.clean_before(instance, task)

    def _meter(self, task: Task, image: Image) -> None:
        meter = self.engine.pulls.meter
        if meter is not None:
            meter(task, image)

    def failing(self, task: Task) -> float:
        """Seconds of a pull that fails: as long as one that succeeds, and nothing stays on the instance."""
        sizes = [image.size_mb for image in task.template.images]
        if task.template.fargate:
            return self._seconds(task, sum(sizes))
        return self.manifest + self._seconds(task, max(sizes, default=0.0))

    def _seconds(self, task: Task, size_mb: float) -> float:
        template = task.template
        model = self.engine.model
        rate = fargate_pull_rate(template.cpu, model.fargate_pull_rates) if template.fargate else model.pull_rate
        return size_mb / rate * task.delays[PULL] * self.engine.registry_factor
