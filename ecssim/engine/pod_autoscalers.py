"""Services under the Kubernetes HPA, a what-if: every 15 seconds one look at each and perhaps a new count (K8S-010).

Its metrics are the service's own CPU and memory since the last look, without CloudWatch in between. The desired count
moves through the one door; what is done is a row of ``scaling_activities`` under the autoscaler's name.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Final

from ecssim.aws.names import ScalingActivityStatus as Status
from ecssim.decide import hpa
from ecssim.engine.sampling import Sampler
from ecssim.errors import ClientError
from ecssim.world.scaling import ScalableTarget

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine
    from ecssim.scenario.autoscalers import PodAutoscaler, ScalingRules

#: Who calls UpdateService.
CALLER: Final = "hpa"
#: Seconds of recommendations and changes that are remembered: the longest window and period there can be.
MEMORY: Final = 3600.0


class Autoscaler:
    """One HPA: what it has recommended and done lately."""

    def __init__(self, engine: Engine, document: PodAutoscaler, target: ScalableTarget, code: int) -> None:
        self.target = target
        self.code = code
        self.readings = [(m.resource.name, float(m.resource.target.average_utilization)) for m in document.metrics]
        behaviour = document.behavior
        self.up = _direction(behaviour.scale_up if behaviour is not None else None, hpa.SCALE_UP)
        self.down = _direction(behaviour.scale_down if behaviour is not None else None, hpa.SCALE_DOWN)
        self.recommended: list[hpa.Event] = []
        self.moved: list[hpa.Event] = []


class PodAutoscalers:
    """All autoscalers of the run, looked at together."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._all: list[Autoscaler] = []
        self._sampler = Sampler(engine, hpa.LOOP, self._on_step)

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
        self._sampler.watch([service.ordinal])

    def minute(self) -> None:
        """The look at a full minute."""
        if self._all:
            self._on_step(0)

    def _on_step(self, _step: int) -> None:
        look = self._sampler.latest
        for autoscaler in self._all:
            service = autoscaler.target.service
            if service.status != "ACTIVE" or service.ordinal >= len(look.cpu):
                continue
            shown = {"cpu": float(look.cpu[service.ordinal]), "memory": float(look.memory[service.ordinal])}
            readings = [
                hpa.Reading(None if isnan(shown[name]) else shown[name], wanted) for name, wanted in autoscaler.readings
            ]
            self._decide(autoscaler, readings, shown[autoscaler.readings[0][0]])

    def _decide(self, autoscaler: Autoscaler, readings: list[hpa.Reading], value: float) -> None:
        engine = self.engine
        now = engine.kernel._now
        target = autoscaler.target
        replicas = target.service.desired
        wanted = hpa.recommend(replicas, readings)
        autoscaler.recommended = [e for e in autoscaler.recommended if e.t >= now - MEMORY]
        autoscaler.recommended.append(hpa.Event(now, wanted))
        up, down = autoscaler.up, autoscaler.down
        wanted = hpa.stabilised(autoscaler.recommended, replicas, now, up, down)
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
        engine.scaling.note_activity(
            event,
            target,
            autoscaler.code,
            value,
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
