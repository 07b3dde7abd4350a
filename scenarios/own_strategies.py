"""Placement strategies of one's own for placement_strategies.yaml; docs/strategies.md explains how they are written."""

import numpy as np


def tightest(task, instances):
    """Take the instance that the task leaves the smallest share of, counting CPU and memory alike.

    AWS's binpack looks at one of the two; an instance without CPU and with much memory looks roomy to
    binpack(memory), and the other way round.
    """
    cpu = (instances.cpu - task.cpu) / instances.registered_cpu
    memory = (instances.memory - task.memory) / instances.registered_memory
    return np.maximum(cpu, memory)


def keep_room_for(cpu, memory):
    """Make a strategy that spares the instances on which a task of this size would still fit."""

    def strategy(task, instances):
        fits = (instances.cpu >= cpu) & (instances.memory >= memory)
        still = (instances.cpu - task.cpu >= cpu) & (instances.memory - task.memory >= memory)
        return fits & ~still

    return strategy


spare_reports = keep_room_for(cpu=1024, memory=6144)
