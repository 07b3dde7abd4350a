"""From a task definition to the chain of its containers; None where a task starts and stops as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from ecssim.aws.names import ContainerCondition, LogDriver
from ecssim.aws.reasons import fails_before_pull, fails_in_pull
from ecssim.aws.task_definition import ContainerDefinition, TaskDefinition
from ecssim.engine.behaviours import Layers, laws_of
from ecssim.engine.timing import LaunchLaws
from ecssim.scenario.behaviour import Behaviour
from ecssim.world.containers import CONDITION_NAMES, Chain, ContainerSpec, HealthCheck, RestartPolicy
from ecssim.world.tasks import Image

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: stopTimeout of a container that sets none (LIFE-059).
STOP_TIMEOUT = 30.0
_ENDS = (ContainerCondition.COMPLETE, ContainerCondition.SUCCESS)


def ordered(definition: TaskDefinition, behaviour: Layers) -> bool:
    """Whether the containers have lives of their own: an order, checks, restarts, or starts of different length."""
    return any(
        c.depends_on or c.health_check is not None or (c.restart_policy is not None and c.restart_policy.enabled)
        for c in definition.container_definitions
    ) or (behaviour.pick("starts_after") is not None)


def main_of(definition: TaskDefinition, serving: str | None) -> int:
    """Return the index of the main container: the one behind the load balancer, else the first essential one."""
    containers = definition.container_definitions
    for i, container in enumerate(containers):
        if serving is not None and container.name == serving:
            return i
    return next((i for i, c in enumerate(containers) if c.essential), 0)


def name_of(container: ContainerDefinition, index: int) -> str:
    """The container's name; one without gets its number."""
    return container.name or f"container-{index}"


class Chains:
    """Makes chains; ``images`` are those of the definition by name."""

    def __init__(self, engine: Engine, behaviour: Mapping[str, Behaviour]) -> None:
        self.engine = engine
        self.behaviour = behaviour

    def make(
        self,
        definition: TaskDefinition,
        revision: int,
        cpu: int,
        images: Mapping[str, Image],
        serving: str | None,
        *,
        fargate: bool,
        eni: bool,
        exec_agent: bool = False,
    ) -> tuple[LaunchLaws, Chain | None]:
        """Return the laws of a launch as a whole, and its chain of containers if it has one."""
        containers = definition.container_definitions
        essential = [name_of(c, i) for i, c in enumerate(containers) if c.essential]
        every = [name_of(c, i) for i, c in enumerate(containers)]
        task = Layers(self.behaviour, definition, revision, essential)
        windows = definition.is_windows
        lazy = any(image.lazy for image in images.values())
        logged = any(
            c.log_configuration is not None and c.log_configuration.log_driver is LogDriver.AWSLOGS for c in containers
        )
        begins = self.engine.timing["fargateExecStart"] if fargate and exec_agent else None
        whole = laws_of(
            self.engine,
            task,
            cpu,
            fargate=fargate,
            eni=eni,
            windows=windows,
            lazy=lazy,
            logged=logged,
            starts=begins,
        )
        self.engine.monitoring.logs |= whole.log_rate > 0.0 or whole.log_request > 0.0
        if not ordered(definition, Layers(self.behaviour, definition, revision, every)):
            if whole.fails_share and (fails_before_pull(whole.fails_reason) or fails_in_pull(whole.fails_reason)):
                early = Chain((), early=whole.fails_share, early_reason=whole.fails_reason)
                return replace(whole, fails_share=0.0), early
            return whole, None
        main = main_of(definition, serving)
        specs = []
        for i in range(len(containers)):
            name = every[i]
            layers = Layers(self.behaviour, definition, revision, [name], shared_only=i != main)
            once = any(d.container_name == name and d.condition in _ENDS for c in containers for d in c.depends_on)
            rest = self.engine.timing["initContainer"] if once else None
            image = images.get(containers[i].image or "")
            lazy = image is not None and image.lazy
            laws = laws_of(
                self.engine,
                layers,
                cpu,
                fargate=fargate,
                eni=eni,
                windows=windows,
                lazy=lazy,
                runs_for=rest,
                starts=begins,
            )
            takes = layers.pick("health_check_takes")
            specs.append(self._spec(definition, i, images, laws, takes.median if takes is not None else 0.0, once))
        laws = specs[main].laws
        chain = Chain(tuple(specs), main, checked=any(s.essential and s.check is not None for s in specs), early=0.0)
        if laws.fails_share and fails_before_pull(laws.fails_reason):
            chain = replace(chain, early=laws.fails_share, early_reason=laws.fails_reason)
            laws.fails_share = 0.0
        # What becomes of the task is what becomes of its containers; the launch's own draws are the main one's.
        summary = LaunchLaws(laws.columns, request=whole.request, lazy_penalty=laws.lazy_penalty)
        summary.log_rate, summary.log_request = whole.log_rate, whole.log_request
        return summary, chain

    def _spec(
        self,
        definition: TaskDefinition,
        index: int,
        images: Mapping[str, Image],
        laws: LaunchLaws,
        takes: float,
        runs_once: bool,
    ) -> ContainerSpec:
        containers = definition.container_definitions
        container = containers[index]
        by_name = {name_of(c, i): i for i, c in enumerate(containers)}
        name = name_of(container, index)
        check, policy = container.health_check, container.restart_policy
        return ContainerSpec(
            index=index,
            name=name,
            essential=container.essential,
            image=images.get(container.image or ""),
            depends=tuple(
                (by_name[d.container_name], CONDITION_NAMES.index(d.condition.value)) for d in container.depends_on
            ),
            dependents=tuple(
                i for i, c in enumerate(containers) if any(d.container_name == name for d in c.depends_on)
            ),
            start_timeout=float(container.start_timeout) if container.start_timeout is not None else inf,
            stop_timeout=float(container.stop_timeout) if container.stop_timeout is not None else STOP_TIMEOUT,
            check=HealthCheck(
                float(check.interval), float(check.timeout), check.retries, float(check.start_period), takes
            )
            if check is not None
            else None,
            restart=RestartPolicy(frozenset(policy.ignored_exit_codes), float(policy.restart_attempt_period))
            if policy is not None and policy.enabled
            else None,
            runs_once=runs_once,
            laws=laws,
        )
