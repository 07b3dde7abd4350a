"""The arrivals of ``jobs``: a Poisson rate, a fixed interval, or the rows of a trace with overrides."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ecssim.engine.jobs import Arrival, JobStream, RetryPolicy
from ecssim.engine.standalone import RunTaskPlan
from ecssim.scenario.document import Scenario
from ecssim.scenario.jobs import Job
from ecssim.world.services import Owner

if TYPE_CHECKING:
    from ecssim.engine.builder import Builder
    from ecssim.engine.simulation import Engine

ORIGIN_JOB = 4


def job_stream(engine: Engine, job: Job, scenario: Scenario) -> JobStream:
    """Turn one entry of ``jobs`` into a stream of planned RunTask calls."""
    builder = engine.builder
    call = job.run_task
    cluster = builder.cluster(call.cluster)
    group = call.group or f"family:{builder.definition(call.task_definition)[0].family}"
    code, key, draws = engine.owner_parts("job", cluster, job.name)
    code = engine.recorder.names.pool("group")[group]
    owner = Owner(len(engine.world.task_groups), group, cluster, builder.group_number(cluster, group), code, key, draws)
    engine.world.task_groups[(cluster.ordinal, f"job/{job.name}")] = owner
    plan = builder.run_task_plan(call, owner=owner, origin=ORIGIN_JOB)
    retry = RetryPolicy(
        job.retry.attempts,
        float(job.retry.backoff),
        float(job.retry.max_backoff) if job.retry.max_backoff is not None else float("inf"),
    )
    stream = JobStream(engine, job.name, _arrivals(engine, job, plan, scenario), retry)
    stream.started_by = call.started_by
    owner.job = stream
    return stream


def _arrivals(engine: Engine, job: Job, plan: RunTaskPlan, scenario: Scenario) -> Callable[[], Iterator[Arrival]]:
    given = job.arrivals
    end = engine.duration

    def poisson() -> Iterator[Arrival]:
        # A function of (seed, job, time) alone: never of what the cluster does (design rule 13).
        generator = engine.luck.generator("arrivals", job.name)
        t = 0.0
        rate = float(given.poisson or 0.0)
        while rate > 0:
            for gap in generator.exponential(1.0 / rate, 256).tolist():
                t += gap
                if t >= end:
                    return
                yield Arrival(t, plan)

    def every() -> Iterator[Arrival]:
        n = 0
        step = float(given.every or 0.0)
        while n * step < end:
            yield Arrival(n * step, plan)
            n += 1

    def trace() -> Iterator[Arrival]:
        yield from _trace(engine.builder, job, plan, scenario, end)

    if given.poisson is not None:
        return poisson
    return every if given.every is not None else trace


def _trace(builder: Builder, job: Job, plan: RunTaskPlan, scenario: Scenario, end: float) -> Iterator[Arrival]:
    trace = job.arrivals.trace
    assert trace is not None
    rows = read_rows(builder.base_dir / trace.file, trace.time_column or "", trace.where, scenario.start)
    per_row = job.per_row
    base = plan.template
    templates = builder.templates
    definition = templates.find(base.name)
    assert definition is not None
    from dataclasses import replace

    wish = templates.wish_of(base)
    for t, row in rows:
        if t >= end:
            return
        if per_row is None:
            yield Arrival(t, plan)
            continue
        template = builder.made(
            *definition,
            replace(
                wish,
                cpu=int(float(row[per_row.cpu])) if per_row.cpu else wish.cpu,
                memory=int(float(row[per_row.memory])) if per_row.memory else wish.memory,
                gpus=int(float(row[per_row.gpus])) if per_row.gpus else wish.gpus,
            ),
        )
        runs_for = float(row[per_row.runs_for]) if per_row.runs_for else -1.0
        yield Arrival(
            t,
            RunTaskPlan(template, plan.owner, plan.count, plan.strategy, plan.provider_strategy, runs_for, ORIGIN_JOB),
        )


def read_rows(path: Path, time_column: str, where: str | None, start: datetime) -> list[tuple[float, dict[str, str]]]:
    """Read a trace in order of time; rows whose ``where`` column is empty are left out.

    Times are seconds from start, or timestamps that count from the scenario's start.
    """
    rows: list[tuple[float, dict[str, str]]] = []
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if where is not None and not row.get(where):
                continue
            text = row[time_column]
            try:
                t = float(text)
            except ValueError:
                moment = datetime.fromisoformat(text)
                if moment.tzinfo is None:
                    moment = moment.replace(tzinfo=start.tzinfo)
                t = (moment - start).total_seconds()
            rows.append((t, row))
    rows.sort(key=lambda r: r[0])
    return rows
