"""The CloudWatch metrics of a cluster's container instances, for alarms that look at them (ALARM-025, ALARM-026).

What running tasks reserve, and what the tasks of services use, in percent of what ACTIVE and DRAINING instances have
registered. Fargate tasks appear on neither side. Counting walks the cluster's tasks, once a minute, and only for a
cluster that an alarm or a policy looks at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ecssim.world.places import Cluster
from ecssim.world.services import Service
from ecssim.world.states import ACTIVE, DRAINING, RUNNING

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

Floats = npt.NDArray[np.float64]


def cluster_percent(engine: Engine, cluster: Cluster, quantity: Callable[[str], Floats]) -> dict[str, float]:
    """Return each metric of the cluster in percent, NaN where nothing is registered."""
    whole = [0, 0, 0]
    reserved = [0, 0, 0]
    used = [0.0, 0.0]
    shares = [np.nan_to_num(quantity(f"{name}_utilization")).tolist() for name in ("cpu", "memory")]
    for instance in cluster.instances.values():
        if instance.status not in (ACTIVE, DRAINING):
            continue
        shape = instance.shape
        for i, amount in enumerate((shape.cpu, shape.memory, shape.gpus)):
            whole[i] += amount
        for task in instance.tasks.values():
            if task.status != RUNNING:
                continue
            template = task.template
            amounts = (template.request.cpu, template.request.memory, template.gpus)
            for i, amount in enumerate(amounts):
                reserved[i] += amount
            owner = task.owner
            if isinstance(owner, Service) and owner.ordinal < len(shares[0]):
                for i in range(2):
                    used[i] += shares[i][owner.ordinal] / 100.0 * amounts[i]
    names = ("CPU", "Memory", "GPU")
    figures = {
        f"{name}Reservation": _percent(part, all_) for name, part, all_ in zip(names, reserved, whole, strict=True)
    }
    return figures | {
        f"{name}Utilization": _percent(part, all_) for name, part, all_ in zip(names[:2], used, whole[:2], strict=True)
    }


def _percent(part: float, whole: int) -> float:
    return 100.0 * part / whole if whole > 0 else float("nan")
