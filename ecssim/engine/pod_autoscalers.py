"""Services under the Kubernetes HPA, a what-if: every 15 seconds one look at each and perhaps a new count (K8S-010).

Its metrics are the service's own CPU and memory since the last look, without CloudWatch in between. The desired count
moves through the one door; what is done is a row of ``scaling_activities`` under the autoscaler's name.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ecssim.aws.names import ScalingActivityStatus as Status
from ecssim.decide import hpa
from ecssim.engine.sampling import Sampler
from ecssim.errors import ClientError
from ecssim.world.scaling import ScalableTarget
from ecssim.world.services import Service

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine
    from ecssim.scenario.autoscalers import PodAutoscaler, ScalingRules

#: Who calls UpdateService.
CALLER: Final = "hpa"
#: Seconds of recommendations and changes that are remembered: the longest window and period there can be.
MEMORY: Final = 3600.0
LOOKS: Final = int(MEMORY) // hpa.LOOP + 1


class Autoscaler:
    """One HPA: what it has recommended and done lately."""

    def __init__(self, engine: Engine, document: PodAutoscaler, target: ScalableTarget, code: int) -> None:
        self.target = target
        self.code = code
        self.readings = [(m.resource.name, float(m.resource.target.average_utilization)) for m in document.metrics]
        behaviour = document.behavior
        self.up = _direction(behaviour.scale_up if behaviour is not None else None, hpa.SCALE_UP)
        self.down = _direction(behaviour.scale_down if behaviour is not None else None, hpa.SCALE_DOWN)
        self.moved: list[hpa.Event] = []


class PodAutoscalers:
    """All autoscalers of the run, looked at together: Python runs only for those that are off their target."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._all: list[Autoscaler] = []
        self._sampler = Sampler(engine, hpa.LOOP, self._on_step)
        #: What each has recommended at its newest looks: a ring of looks, one column an autoscaler.
        self._ring: npt.NDArray[np.int64] = np.zeros((LOOKS, 0), dtype=np.int64)
        self._looks = 0
        #: Their readings, all in a row: autoscaler, service, whether of memory, and target.
        self._of: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._service: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._memory: npt.NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self._target: npt.NDArray[np.float64] = np.zeros(0)
        self._least: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._most: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def add(self, document: PodAutoscaler) -> None:
        """Take up an autoscaler of the scenario."""
        engine = self.engine
        service = engine.world.service_named(document.scale_target_ref.name)
        assert service is not None
        resource = f"service/{service.cluster.name}/{service.name}"
        names = engine.recorder.names
        code = names.pool("scaling_target")[resource]
        target = ScalableTarget(service, resource, code, document.min_replicas, document.max_replicas)
        self._all.append(Autoscaler(engine, document, target, names.pool("policy")[document.name]))
        readings = [(i, a.target.service.ordinal, *reading) for i, a in enumerate(self._all) for reading in a.readings]
        self._of = np.array([r[0] for r in readings], dtype=np.int64)
        self._service = np.array([r[1] for r in readings], dtype=np.int64)
        self._memory = np.array([r[2] == "memory" for r in readings], dtype=np.bool_)
        self._target = np.array([r[3] for r in readings], dtype=np.float64)
        self._least = np.array([a.target.minimum for a in self._all], dtype=np.int64)
        self._most = np.array([a.target.maximum for a in self._all], dtype=np.int64)
        self._ring = np.zeros((LOOKS, len(self._all)), dtype=np.int64)
        self._sampler.watch([service.ordinal])

    def follow(self, old: Service, new: Service) -> None:
        """A service has been created again: its autoscalers scale the new one."""
        mine = [a for a in self._all if a.target.service is old]
        for autoscaler in mine:
            autoscaler.target.service = new
        if mine:
            self._service[self._service == old.ordinal] = new.ordinal
            self._sampler.watch([new.ordinal])

    def minute(self) -> None:
        """The look at a full minute."""
        if self._all:
            self._on_step(0)

    def _on_step(self, _step: int) -> None:
        look = self._sampler.latest
        values = np.where(self._memory, look.memory[self._service], look.cpu[self._service])
        replicas = np.array([a.target.service.desired for a in self._all], dtype=np.int64)
        at = self._looks % LOOKS
        self._ring[at] = replicas
        self._looks += 1
        # One that is on its target recommends what it has, unless it has to be brought within its bounds.
        off = (replicas < self._least) | (replicas > self._most)
        off[self._of[~(np.abs(values / self._target - 1.0) <= hpa.TOLERANCE - 1e-9)]] = True
        for i in np.flatnonzero(off).tolist():
            if self._all[i].target.service.status == "ACTIVE":
                mine = np.flatnonzero(self._of == i)
                readings = [
                    hpa.Reading(None if isnan(value) else value, wanted)
                    for value, wanted in zip(values[mine].tolist(), self._target[mine].tolist(), strict=True)
                ]
                self._decide(i, readings, at)

    def _recommended(self, i: int, now: float) -> list[hpa.Event]:
        """What one autoscaler has recommended, oldest first."""
        known = min(self._looks, LOOKS)
        column = self._ring[:, i]
        return [
            hpa.Event(now - hpa.LOOP * back, int(column[(self._looks - 1 - back) % LOOKS]))
            for back in range(known - 1, -1, -1)
        ]

    def _decide(self, i: int, readings: list[hpa.Reading], at: int) -> None:
        engine = self.engine
        now = engine.kernel._now
        autoscaler = self._all[i]
        target = autoscaler.target
        replicas = target.service.desired
        wanted = hpa.recommend(replicas, readings)
        self._ring[at, i] = wanted
        up, down = autoscaler.up, autoscaler.down
        wanted = hpa.stabilised(self._recommended(i, now), replicas, now, up, down)
        wanted = min(max(wanted, target.minimum), target.maximum) if replicas else 0
        to = hpa.paced(wanted, replicas, autoscaler.moved, now, up, down)
        if to == replicas:
            return
        event = engine.recorder.new_event()
        answer = engine.calls.set_desired_count(target.service, to, CALLER, event)
        refused = isinstance(answer, ClientError)
        if not refused:
            autoscaler.moved = [e for e in autoscaler.moved if e.t >= now - MEMORY]
            autoscaler.moved.append(hpa.Event(now, to - replicas))
        value = readings[0].value
        engine.scaling.note_activity(
            event,
            target,
            autoscaler.code,
            float("nan") if value is None else value,
            replicas,
            replicas if refused else to,
            Status.FAILED if refused else Status.SUCCESSFUL,
            answer.message if isinstance(answer, ClientError) else None,
        )


def _direction(rules: ScalingRules | None, default: hpa.Direction) -> hpa.Direction:
    """What is given replaces the default, part by part."""
    if rules is None:
        return default
    given = rules.stabilization_window_seconds
    window = default.window if given is None else float(given)
    paces = tuple(hpa.Pace(p.type, p.value, float(p.period_seconds)) for p in rules.policies)
    return hpa.Direction(
        default.window if window is None else float(window), paces or default.paces, rules.select_policy
    )
