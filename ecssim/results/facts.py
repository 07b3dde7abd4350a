"""The packed rows of a run as the summary reads them: codes and numpy arrays, no frames.

A summary of a million tasks is due in seconds, so nothing here looks at a row by itself. Times are seconds
from the start, NaN where not reached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ecssim.record.codes import ORIGINS, STOP_CODES
from ecssim.results import taskframes
from ecssim.results.minutes import FIELDS, Minutes
from ecssim.results.wording import moment

if TYPE_CHECKING:
    from ecssim.results.result import Result

TASK_FAILED_TO_START = STOP_CODES.index("TaskFailedToStart") + 1
ESSENTIAL_CONTAINER_EXITED = STOP_CODES.index("EssentialContainerExited") + 1
INTERRUPTIONS = tuple(
    STOP_CODES.index(code) + 1 for code in ("SpotInterruption", "TerminationNotice", "InfrastructureHealth")
)
INITIAL = ORIGINS.index("initial") + 1


class Tasks:
    """One entry a task, in the order in which the tasks got their ids."""

    def __init__(self, result: Result) -> None:
        index = result.task_index
        self.index = index
        self.task = index.task
        times, stop_code, reason = taskframes.ends(result.raw, index)
        self.created = times["created_at"]
        self.started = times["started_at"]
        self.healthy = times["healthy_at"]
        self.stopping = times["stopping_at"]
        self.stopped = times["stopped_at"]
        self.freed = times["address_freed_at"]
        self.times = times
        self.stop_code = stop_code
        self.reason = reason
        self.owner = index.codes("owner")
        self.service = index.codes("service")
        self.cluster = index.codes("cluster")
        self.deployment = index.codes("deployment")
        self.origin = index.codes("origin")
        self.provider = index.codes("capacity_provider")

    @cached_property
    def subnet(self) -> np.ndarray:
        """Code of the subnet of each task that has a place."""
        return self.index.place_codes("subnet")

    @cached_property
    def instance(self) -> np.ndarray:
        """Code of the container instance of each task that has one."""
        return self.index.place_codes("instance")

    @cached_property
    def has_address(self) -> np.ndarray:
        """Whether the task got an address."""
        got: np.ndarray = self.index.place_codes("private_ip") != 0
        return got

    @cached_property
    def address_until(self) -> np.ndarray:
        """When the address of the task can be used again; infinity if that was after the end of the run."""
        freed: np.ndarray = np.where(np.isnan(self.freed), np.inf, self.freed)
        return freed

    @cached_property
    def cpu(self) -> np.ndarray:
        """CPU units of each task."""
        return self.index.numbers("cpu")

    @cached_property
    def memory(self) -> np.ndarray:
        """MiB of each task."""
        return self.index.numbers("memory")

    @cached_property
    def gpus(self) -> np.ndarray:
        """GPUs of each task."""
        return self.index.numbers("gpus")


class Facts:
    """What the parts of a summary share: decoded names, tables, the tasks, the scenario's setting."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.manifest = result.manifest
        self.setting: Mapping[str, Any] = result.manifest.get("setting") or {}
        self._codes: dict[str, dict[str, int]] = {}

    def raw(self, table: str, *columns: str) -> np.ndarray:
        """The packed rows of a table; with ``columns`` at least these of them."""
        return self.result.raw(table, columns or None)

    @cached_property
    def tasks(self) -> Tasks:
        """The tasks."""
        return Tasks(self.result)

    @cached_property
    def minutes(self) -> Minutes:
        """The minutes of each service."""
        return Minutes(self.raw("service_metrics", "service", "cluster", *(name for name, _ in FIELDS)))

    @cached_property
    def end(self) -> float:
        """Where the record ends: simulated time of a closed run, the last committed hour of a killed one."""
        simulated = self.manifest.get("simulated")
        if simulated is not None:
            return float(simulated)
        hours = self.result.hours
        return float(hours[-1].t) if hours else 0.0

    def name(self, pool: str, code: int) -> str:
        """The text of a code; empty for null."""
        texts = self.result.names.get(pool, [None])
        return (texts[code] if 0 <= code < len(texts) else None) or ""

    def code(self, pool: str, text: str) -> int:
        """The code of a text; -1 if nothing was recorded of it."""
        known = self._codes.get(pool)
        if known is None:
            texts = self.result.names.get(pool, [None])
            known = self._codes[pool] = {t: i for i, t in enumerate(texts) if t is not None}
        return known.get(text, -1)

    def at(self, t: float) -> str:
        """A time of the run in words."""
        return moment(self.result.start, t)

    def service_setting(self, service: str, cluster: str) -> Mapping[str, Any]:
        """What the scenario says of a service; empty for one that a call created."""
        return self._services.get((service, cluster), {})

    @cached_property
    def _services(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        return {(s["serviceName"], s["cluster"]): s for s in self.setting.get("services", ())}

    @cached_property
    def deployments(self) -> np.ndarray:
        """One row a deployment, also of those that had not ended in the record."""
        return self.result.settled("deployments")

    @cached_property
    def deployment_revision(self) -> dict[int, str]:
        """``family:revision`` of each deployment, by code."""
        tasks = self.tasks
        codes, first = np.unique(tasks.deployment, return_index=True)
        templates = self.raw("_templates")
        named = {}
        for code, at in zip(codes.tolist(), tasks.index.template_at()[first].tolist(), strict=True):
            if code and at >= 0:
                family = self.name("task_definition", int(templates["task_definition"][at]))
                revision = int(templates["revision"][at])
                named[code] = family if ":" in family else f"{family}:{revision}"
        for row in self.deployments:
            service = self.name("service", int(row["service"]))
            named.setdefault(int(row["deployment_id"]), f"{service} revision {int(row['revision'])}")
        return named

    def label(self, service: int, cluster: int) -> str:
        """A service's name, with its cluster where two clusters have one of that name."""
        name = self.name("service", service)
        return f"{self.name('cluster', cluster)}/{name}" if service in self._ambiguous else name

    @cached_property
    def _ambiguous(self) -> set[int]:
        names = Counter(service for service, _ in self.minutes.services)
        return {service for service, number in names.items() if number > 1}
