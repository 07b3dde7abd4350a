"""From the user's ``behaviour`` of a family, a revision and a container to the laws of a launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isinf
from typing import TYPE_CHECKING, Any, Final

from ecssim.aws.reasons import cut
from ecssim.aws.task_definition import TaskDefinition
from ecssim.engine.timing import LaunchLaws, RequestLaw, launch_laws
from ecssim.scenario.behaviour import Behaviour, ContainerBehaviour
from ecssim.workload.distributions import Law
from ecssim.workload.queueing import shape_of

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: What the task's own behaviour says of every container; all else is about its main one.
SHARED: Final = frozenset({"starts_after", "ready_after", "stops_after"})


def law_of(given: Any) -> Law:
    """Turn a distribution of the scenario into a law; files of values have been read by the loader."""
    kind = type(given).__name__
    match kind:
        case "Constant":
            return Law("constant", given.value)
        case "Exponential":
            return Law("exponential", given.mean)
        case "Lognormal":
            return Law("lognormal", given.median, given.p95)
        case "Normal":
            return Law("normal", given.mean, given.sd)
        case "Uniform":
            return Law("uniform", given.min, given.max)
        case "Empirical":
            return Law("empirical", values=tuple(given.values))
    raise TypeError(f"not a distribution: {given!r}")


class Layers:
    """Layers of behaviour, each over the one before: family, its containers, revision, its containers."""

    def __init__(
        self,
        behaviour: Mapping[str, Behaviour],
        definition: TaskDefinition,
        revision: int,
        containers: Sequence[str],
        *,
        shared_only: bool = False,
    ) -> None:
        self._layers: list[tuple[ContainerBehaviour, bool]] = []
        for key in (definition.family, f"{definition.family}:{revision}"):
            given = behaviour.get(key)
            if given is not None:
                self._layers.append((given, shared_only))
                self._layers += [(given.containers[n], False) for n in containers if n in given.containers]

    def pick(self, name: str) -> Any:
        """Return what the last layer that says anything says; None if none does."""
        value = None
        for layer, shared_only in self._layers:
            if not shared_only or name in SHARED:
                got = getattr(layer, name)
                value = got if got is not None else value
        return value


def laws_of(
    engine: Engine,
    layers: Layers,
    cpu: int,
    *,
    fargate: bool,
    eni: bool,
    windows: bool = False,
    lazy: bool = False,
    logged: bool = False,
    runs_for: Law | None = None,
    starts: Law | None = None,
) -> LaunchLaws:
    """Put the user's behaviour over the profile's delays; ``runs_for`` and ``starts`` hold where nothing is said.

    ``logged``: a container writes its log to CloudWatch. ``lazy``: the containers read the rest of their image in
    their first minute (FG-025).
    """
    fixed = engine.timing.profile == "fixed"
    pick = layers.pick

    def law(name: str) -> Law | None:
        given = pick(name)
        if given is None:
            return None
        return law_of(given).fixed() if fixed else law_of(given)

    stops = pick("stops_after")
    never = stops is not None and type(stops).__name__ == "Constant" and isinf(stops.value)
    failure = pick("failure")
    fails = pick("fails_to_start")
    codes = pick("exit_code")
    logs = pick("logs")
    crash_code = 1
    cumulative: list[tuple[float, int]] = []
    if codes is not None:
        total = 0.0
        for code, share in codes:
            total += share
            cumulative.append((total, code))
        crash_code = max((code for code, _ in codes), default=1) or 1
    return LaunchLaws(
        launch_laws(
            engine.timing,
            fargate=fargate,
            eni=eni,
            windows=windows,
            starts=law("starts_after") or starts,
            ready=law("ready_after"),
            runs_for=law("runs_for") or runs_for,
            stops_after=None if stops is None or never else law("stops_after"),
            crash_after=law_of(failure.after) if failure is not None else None,
        ),
        fails_share=fails.share if fails is not None else 0.0,
        fails_reason=cut(fails.reason) if fails is not None else "",
        crash_share=failure.rate if failure is not None else 0.0,
        crash_code=crash_code,
        exit_codes=tuple(cumulative) or ((1.0, 0),),
        stops_never=never,
        unhealthy_after=law("unhealthy_after"),
        request=_request_law(
            cpu, pick("request"), pick("idle"), pick("warmup"), varies=engine.model.plain_service_times == "exponential"
        ),
        lazy_penalty=engine.model.lazy_cpu_penalty if lazy else 0.0,
        log_rate=logs.per_hour / 3600.0 if logs is not None and logged else 0.0,
        log_request=float(logs.per_request) if logs is not None and logged else 0.0,
    )


def _request_law(cpu: int, request: Any, idle: Any, warmup: Any, *, varies: bool) -> RequestLaw:
    """Turn the user's ``request`` and ``idle`` into what the flow model uses: means, in MiB and CPU units.

    A law of ``cpuSeconds`` is taken as it is. A plain number is the mean of exponential service times, or with
    ``varies`` off the time of every request (model option ``plainServiceTimes``).
    """
    mib = 1024.0 * 1024.0

    def mean(given: Any) -> float:
        return law_of(given).mean if given is not None else 0.0

    shape = None
    if request is not None and request.cpu_seconds is not None:
        law = law_of(request.cpu_seconds)
        if law.kind != "constant" or not varies:
            shape = shape_of(law)
    made = RequestLaw.of(
        cpu,
        mean(request.cpu_seconds) if request is not None else 0.0,
        mean(request.latency) if request is not None else 0.0,
        mean(request.memory) / mib if request is not None else 0.0,
        request.concurrency if request is not None else None,
        float(idle.cpu) if idle is not None else 0.0,
        float(idle.memory) / mib if idle is not None else 0.0,
        shape,
        float(request.errors or 0.0) if request is not None else 0.0,
        (float(warmup.for_), 1.0 - float(warmup.speed)) if warmup is not None else None,
    )
    if request is None or not (request.internet_sent or request.internet_received):
        return made
    return replace(made, internet_sent=int(request.internet_sent), internet_received=int(request.internet_received))
