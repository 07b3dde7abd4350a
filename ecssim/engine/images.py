"""What an image of a task weighs where the task runs: in full, less what Fargate keeps, or loaded lazily.

Fargate keeps no image between tasks (FG-020) but for Windows' base layer, which is the ``shared`` part of a Windows
image. An image with a SOCI index in a private ECR repository is loaded lazily on Linux platform 1.4.0 (FG-021): its
containers start after a part of the pull, and read the rest while they already run (FG-025).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ecssim.aws.task_definition import TaskDefinition
from ecssim.scenario.behaviour import PRIVATE_ECR, ImageFacts
from ecssim.world.tasks import Image

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: How a request names the newest platform version of Fargate on Linux (FG-007).
NEWEST: Final = (None, "LATEST", "1.4.0")
_MB: Final = 1e6


class Images:
    """The facts about images, by name; what is not listed has the default size."""

    def __init__(self, engine: Engine, facts: Mapping[str, ImageFacts]) -> None:
        self.engine = engine
        self._facts = facts
        self._codes = engine.recorder.names.pool("image")

    def of(self, definition: TaskDefinition, *, fargate: bool, newest_platform: bool = True) -> dict[str, Image]:
        """Return the images of a task definition by name, with the MB that are pulled before a container starts."""
        names = dict.fromkeys(c.image for c in definition.container_definitions if c.image)
        lazy = fargate and newest_platform and not definition.is_windows
        return {n: self._image(n, lazy=lazy, kept=fargate and definition.is_windows) for n in names}

    def _image(self, name: str, *, lazy: bool, kept: bool) -> Image:
        facts = self._facts.get(name)
        if facts is None:
            return Image(self._codes[name], self.engine.model.image_size_mb)
        size = facts.size / _MB
        if kept and facts.shared is not None:
            return Image(self._codes[name], size * (1.0 - facts.shared))
        if lazy and loads_lazily(name, facts):
            return Image(self._codes[name], size * self.engine.model.lazy_pull_share, lazy=True)
        return Image(self._codes[name], size)


def loads_lazily(name: str, facts: ImageFacts) -> bool:
    """Whether Fargate can load the image lazily: it has an index, in a private ECR repository (FG-021)."""
    return facts.soci_index and PRIVATE_ECR.match(name) is not None
