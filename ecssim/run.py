"""The composition root: load -> compile -> simulate -> Result."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

from ecssim import __version__
from ecssim.engine.compile import compile_scenario
from ecssim.engine.fitting import Fit, how_many
from ecssim.engine.invariants import Watch
from ecssim.engine.kernel import CALL
from ecssim.engine.simulation import Engine
from ecssim.errors import ClientError
from ecssim.record.recorder import Recorder
from ecssim.record.sinks import FolderSink, MemorySink
from ecssim.replay import SCENARIO_FILE
from ecssim.results.bill import write_costs
from ecssim.results.expectations import Verdict, evaluate
from ecssim.results.result import Result
from ecssim.results.result import open as open_result
from ecssim.scenario.load import Loaded, load_scenario
from ecssim.scenario.setting import setting_of
from ecssim.scenario.units import parse_duration

if TYPE_CHECKING:
    from ecssim.engine.outside import Outside
    from ecssim.engine.simulation import Observer

#: What a run folder holds beside its manifest, its scenario and its tables.
SUMMARY_FILE: Final = "summary.json"

#: How many times a run comes up for air: progress, Ctrl-C.
CHUNKS = 200


def load(path: str | Path, *, sets: Sequence[str] = (), variant: str | None = None, seed: int | None = None) -> Loaded:
    """Read and check a scenario file; raises BadInput with every problem at once."""
    return load_scenario(path, sets=sets, variant=variant, seed=seed)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Entities live long and hardly form cycles: let the collector look at new ones seldom, at old ones never."""
    thresholds = gc.get_threshold()
    gc.set_threshold(200_000, 50, 1000)
    try:
        yield
    finally:
        # What is there goes to the oldest generation unlooked at: it would else be searched at the next allocation.
        gc.freeze()
        gc.unfreeze()
        gc.set_threshold(*thresholds)


class Simulation:
    """A run held in the hand: advance it, call the control plane, look at it, finish it.

    ``until`` cuts the scenario's duration (seconds). With ``out`` the tables go to a run folder as they come.
    After ``finish()``, ``verdicts`` says whether what the scenario expects did hold (none if it was interrupted).
    ``check`` holds the world against its conservation laws every minute (without it: if ECSSIM_CHECK is set).
    """

    @_seldom_collected()
    def __init__(
        self,
        loaded: Loaded,
        *,
        seed: int | None = None,
        out: str | Path | None = None,
        until: float | None = None,
        sink: Any = None,
        check: bool | None = None,
    ) -> None:
        import numpy as np

        scenario = loaded.scenario
        self.loaded = loaded
        self.seed = scenario.seed if seed is None else seed
        self.sink: Any = sink if sink is not None else FolderSink(out) if out is not None else MemorySink()
        self.folder = Path(out) if out is not None else None
        self._began = time.perf_counter()
        manifest = {
            "ecssim": __version__,
            "python": sys.version.split()[0],
            "numpy": np.__version__,
            "scenario": scenario.name,
            "digest": loaded.digest,
            "seed": self.seed,
            "variant": getattr(loaded, "variant", None),
            "region": scenario.region,
            "start": scenario.start.isoformat(),
            "duration": float(scenario.duration),
            "prices": scenario.prices.written(),
            "setting": setting_of(scenario),
            "warnings": [warning.message for warning in loaded.warnings],
        }
        # Compiling reads files too: the folder is touched only when all input has been found good.
        self.recorder = Recorder(MemorySink(), manifest=manifest)
        self.engine: Engine = compile_scenario(scenario, self.recorder, self.seed, base_dir=loaded.base_dir)
        self.recorder.attach(self.sink, manifest)
        if self.folder is not None:
            (self.folder / SCENARIO_FILE).write_text(loaded.resolved_yaml(), "utf-8", "backslashreplace")
        self.engine.duration = min(float(scenario.duration), until if until is not None else float("inf"))
        if check or (check is None and os.environ.get("ECSSIM_CHECK")):
            self.engine.observers.append(Watch())
        self.interrupted = False
        self.verdicts: tuple[Verdict, ...] = ()
        self._result: Result | None = None

    @property
    def now(self) -> float:
        """Seconds since the start of the run."""
        return float(self.engine.kernel.now)

    @property
    def duration(self) -> float:
        """The horizon in seconds; what is due exactly then does not happen."""
        return self.engine.duration

    def advance(self, step: str | float | None = None, *, until: str | float | None = None) -> float:
        """Let time pass: by a step (``"10m"``), to a time, or to ``until="next_event"``; return the time now."""
        kernel = self.engine.kernel
        if until == "next_event":
            target = min(kernel.peek(), self.duration)
            if target < self.duration:
                before = self.recorder.events
                while kernel.peek() < self.duration and self.recorder.events == before:
                    kernel.step()
            self.recorder.hand_out()
            return self.now
        if until is not None:
            target = _seconds(until)
        else:
            target = self.now + _seconds(step if step is not None else "1m")
        self._run_to(min(target, self.duration))
        self.recorder.hand_out()
        return self.now

    @_seldom_collected()
    def _run_to(self, target: float) -> None:
        self.engine.kernel.run_until(target)

    def call(self, action: str, /, **params: Any) -> dict[str, Any]:
        """Make an API call now; raises ClientError if it is refused."""
        answer = self.engine.calls.call(action, params, "user")
        if isinstance(answer, ClientError):
            raise answer
        # What a call sets in motion at this instant belongs to it: controllers run before time goes on.
        kernel = self.engine.kernel
        while kernel.peek() <= kernel.now:
            kernel.step()
        self.recorder.hand_out()
        return answer

    @property
    def outside(self) -> Outside:
        """What the APIs show beyond what is true now: stopped tasks, versions, messages; from the first use on."""
        return self.engine.outside

    def describe(
        self,
        what: str,
        *,
        cluster: str | None = None,
        service: str | None = None,
        instance: str | None = None,
        task: str | None = None,
        family: str | None = None,
        desired_status: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return what exists now in the API's words and shapes, in the order of creation.

        ``what`` is ``tasks``, ``services``, ``service-deployments``, ``service-revisions``, ``container-instances``
        or ``subnets``; the others choose among them by name, id or ARN. Tasks that stopped within the last hour and
        the ``version`` of things are known if somebody described or used :attr:`outside` before they came to be.
        """
        from ecssim.engine.describe import KEYS, Query, answer

        query = Query(
            cluster,
            services=(service,) if service is not None else (),
            instances=(instance,) if instance is not None else (),
            tasks=(task,) if task is not None else (),
            family=family,
            desired=desired_status,
        )
        found: list[dict[str, Any]] = answer(self.engine, self.outside, what, query)[KEYS[what]]
        return found

    def metadata(self, task: str, *, path: str | None = None, container: str | None = None) -> dict[str, Any]:
        """Return what the task metadata endpoint v4 answers inside ``task`` (id or ARN) now.

        ``path`` is ``/task`` (the default), ``/taskWithTags`` or ``""``, the container that asks (the default if one
        is named).
        """
        from ecssim.engine.describe import task_named
        from ecssim.engine.task_metadata import metadata

        path = path if path is not None else "/task" if container is None else ""
        return metadata(self.engine, task_named(self.engine, self.outside, task), path, container)

    def introspection(self, instance: str, *, path: str = "/v1/tasks") -> dict[str, Any]:
        """Return what the container agent of ``instance`` (id or ARN) answers under ``path`` on its port 51678 now."""
        from ecssim.engine.describe import instance_named
        from ecssim.engine.introspection import introspection

        return introspection(self.engine, self.outside, instance_named(self.engine, instance), path)

    def subscribe(self, callback: Callable[[Mapping[str, Any]], None]) -> None:
        """Hand every recorded event to ``callback``, a dictionary each, when a minute, call or advance ends."""
        from ecssim.engine.feed import Feed

        Feed(self.engine, callback)

    def process(self, generator: Any) -> Any:
        """Start a user's own SimPy process; it runs in the phase of outside calls."""
        return self.engine.kernel.process(generator)

    def at(self, t: float, action: str, **params: Any) -> None:
        """Plan an API call for ``t`` seconds."""
        self.engine.kernel.at(t, CALL, lambda _arg, _epoch: self.engine.calls.call(action, params, "user"), None)

    @_seldom_collected()
    def finish(self, *, progress: Callable[[float], None] | None = None) -> Result:
        """Run to the horizon, close the tables and return the result."""
        if self._result is not None:
            return self._result
        kernel = self.engine.kernel
        self._listen()
        try:
            step = max(self.duration / CHUNKS, 60.0)
            while self.now < self.duration and not self.interrupted:
                self._run_to(min(self.now + step, self.duration))
                if progress is not None:
                    progress(min(1.0, self.now / self.duration))
        finally:
            self._hush()
        self.engine.finish()
        complete = not self.interrupted
        self.recorder.close(complete, self._closing(kernel.events_done))
        result = open_result(self.folder) if self.folder is not None else Result.from_sink(cast(MemorySink, self.sink))
        self._result = result
        if complete:
            self.verdicts = tuple(evaluate(result, self.loaded.scenario.expect))
        if self.folder is not None:
            summary = {**result.summary(), "expect": [asdict(verdict) for verdict in self.verdicts]}
            text = json.dumps(summary, indent=2, ensure_ascii=False)
            (self.folder / SUMMARY_FILE).write_text(text + "\n", "utf-8", "backslashreplace")
            write_costs(result, self.folder)
        return result

    def _closing(self, events: int) -> dict[str, Any]:
        engine = self.engine
        return {
            "model": engine.model.named(),
            "timing": engine.timing.profile,
            "quotas": self.loaded.scenario.account.quotas.base,
            "quota_overrides": dict(self.loaded.scenario.account.quotas.overrides),
            "requests_per_second": engine.builder.templates.request_rates(),
            "simulated": self.now,
            "wall": round(time.perf_counter() - self._began, 3),
            "queue_events": events,
            "notes": list(engine.notes),
            "jobs": {stream.name: stream.account() for stream in engine.job_streams},
            "allow": list(self.loaded.scenario.allow),
        }

    def _listen(self) -> None:
        """Turn Ctrl-C into a clean stop: tables are kept and readable."""
        self._previous = None
        try:
            self._previous = signal.signal(signal.SIGINT, self._on_interrupt)
        except ValueError:
            return  # not the main thread: whoever is, decides

    def _on_interrupt(self, _signal: int, _frame: Any) -> None:
        self.interrupted = True
        self.engine.kernel.stop_requested = True

    def _hush(self) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)


def _seconds(given: str | float) -> float:
    """Seconds of ``"10m"``, or of a number of seconds."""
    return float(given) if isinstance(given, int | float) else parse_duration(given)


def simulate(
    scenario: Loaded | str | Path,
    *,
    seed: int | None = None,
    out: str | Path | None = None,
    until: float | None = None,
    observers: Sequence[Observer] = (),
) -> Simulation:
    """Compile a scenario and return the simulation at t = 0."""
    loaded = scenario if isinstance(scenario, Loaded) else load(scenario)
    simulation = Simulation(loaded, seed=seed, out=out, until=until)
    simulation.engine.observers.extend(observers)
    return simulation


def run(
    scenario: Loaded | str | Path,
    *,
    seed: int | None = None,
    out: str | Path | None = None,
    until: float | None = None,
    progress: Callable[[float], None] | None = None,
    report: bool = False,
) -> Result:
    """Run a scenario to its end: the same engine as :func:`simulate`, ``finish()`` included.

    ``report`` writes the page ``report.html`` into the folder ``out`` too, as the command does: drawing it takes
    seconds, so a call has to ask for it. Of a result in memory, :meth:`Result.report` writes it anywhere.
    """
    if report and out is None:
        raise ValueError("report=True writes report.html into the run folder: give out, or call result.report(path)")
    result = simulate(scenario, seed=seed, out=out, until=until).finish(progress=progress)
    if report:
        result.report()
    return result


def fit(
    scenario: Loaded | str | Path, family: str, *, at: float | None = None, seed: int | None = None
) -> tuple[float, list[Fit]]:
    """Return how many more tasks of ``family`` (or ``family:revision``) fit at ``at`` seconds, and what binds first.

    Without ``at`` the moment is the start of a steady scenario and the end of one that begins empty. The answer
    begins with the moment; the list is empty if there is no such family.
    """
    simulation = simulate(scenario, seed=seed)
    steady = simulation.loaded.scenario.initial_state == "steady"
    moment = at if at is not None else 0.0 if steady else simulation.duration
    if moment > 0.0:
        simulation.advance(until=moment)
    return simulation.now, how_many(simulation.engine, family)


class _Run(ModuleType):
    """This module, which is also the function :func:`run`: importing a submodule puts it under its own name into
    the package, so ``ecssim.run`` is the module from the first import on, and the contract's function all the same.
    """

    def __call__(self, *args: Any, **named: Any) -> Result:
        return run(*args, **named)


sys.modules[__name__].__class__ = _Run
