"""How much of a cluster's instances is reserved and used, minute by minute, as CloudWatch shows it for EC2 clusters.

Reservation is what running tasks reserve over what ACTIVE and DRAINING instances have registered, at the end of
each minute, in percent (META-030). Utilisation is what services use over the same (META-031); standalone tasks use
nothing that anybody knows of. Without a registered instance there is no value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ecssim.catalog import instance_type
from ecssim.results.columns import Coded, utc_times
from ecssim.results.facts import Facts
from ecssim.results.fleet_figures import group_named, registered
from ecssim.results.groups import key_of, positions

if TYPE_CHECKING:
    import pandas as pd

    from ecssim.results.result import Result

Floats = npt.NDArray[np.float64]

MINUTE: Final = 60.0
RESOURCES: Final = ("cpu", "memory", "gpu")
#: What services have a utilisation of.
USED: Final = ("cpu", "memory")


def cluster_metrics(result: Result) -> pd.DataFrame:
    """One row a minute and cluster that has had container instances; a row carries its minute's start."""
    import pandas as pd

    facts = Facts(result)
    instances = facts.result.settled("instances")
    clusters = np.unique(instances["cluster"])
    starts = np.arange(0.0, facts.end, MINUTE)
    ends = np.minimum(starts + MINUTE, facts.end)
    parts = [_cluster(facts, instances[instances["cluster"] == code], int(code), ends) for code in clusters]
    named = np.repeat(clusters, len(starts)).astype(np.int64)
    t = np.tile(starts, len(clusters))
    region = str(result.manifest.get("region", ""))
    columns: dict[str, object] = {"t": t, "time": utc_times(result.start, t)}
    columns["cluster"] = Coded.of(named, result.names.get("cluster", [None])).categorical()
    for name in (*(f"{r}_reservation" for r in RESOURCES), *(f"{r}_utilization" for r in USED)):
        columns[name] = np.concatenate([part[name] for part in parts]) if parts else np.empty(0)
    columns["region"] = Coded(np.zeros(len(t), np.int32), (region,)).categorical()
    return pd.DataFrame(columns)


def _cluster(facts: Facts, instances: np.ndarray, cluster: int, ends: Floats) -> dict[str, Floats]:
    """The columns of one cluster at the ends of its minutes."""
    whole = dict(zip(RESOURCES, _registered(facts, instances, ends), strict=True))
    tasks = facts.tasks
    here = np.flatnonzero((tasks.instance != 0) & (tasks.cluster == cluster))
    begin, until = tasks.started[here], tasks.stopping[here]
    amounts = {"cpu": tasks.cpu[here], "memory": tasks.memory[here], "gpu": tasks.gpus[here]}
    shown: dict[str, Floats] = {}
    for name in RESOURCES:
        shown[f"{name}_reservation"] = _percent(level(begin, until, amounts[name], ends), whole[name])
    used = {name: np.zeros(len(ends)) for name in USED}
    shares = _utilisation(facts, cluster, len(ends))
    for service, mine in positions(tasks.service[here].astype(np.int64)):
        for name in USED if service in shares else ():
            held = level(begin[mine], until[mine], amounts[name][mine], ends)
            used[name] += np.nan_to_num(shares[service][name]) / 100.0 * held
    for name in USED:
        shown[f"{name}_utilization"] = _percent(used[name], whole[name])
    return shown


def _registered(facts: Facts, instances: np.ndarray, ends: Floats) -> tuple[Floats, Floats, Floats]:
    """What the instances that are there at each of ``ends`` have registered: CPU units, MiB, GPUs."""
    sizes = np.zeros((len(instances), 3), np.int64)
    for key in np.unique(instances[["capacity_provider", "cluster", "instance_type"]]):
        provider = facts.name("capacity_provider", int(key["capacity_provider"]))
        kind = facts.name("instance_type", int(key["instance_type"]))
        group = group_named(facts, provider, facts.name("cluster", int(key["cluster"])), kind)
        like = instances[["capacity_provider", "cluster", "instance_type"]] == key
        sizes[like] = (*registered(facts, group, kind), instance_type(kind).gpus)
    begin, until = instances["registered_at"], instances["terminated_at"]
    cpu, memory, gpus = (level(begin, until, sizes[:, column], ends) for column in range(3))
    return cpu, memory, gpus


def _utilisation(facts: Facts, cluster: int, minutes: int) -> dict[int, dict[str, Floats]]:
    """Percent used of what a service's tasks reserve, by service code and minute; NaN where it has no value."""
    rows = facts.raw("service_metrics")
    rows = rows[rows["cluster"] == cluster]
    found: dict[int, dict[str, Floats]] = {}
    for key, mine in positions(key_of(rows["service"], rows["cluster"])):
        at = (rows["t"][mine] / MINUTE).astype(np.int64)
        inside = at < minutes
        shares = {name: np.full(minutes, np.nan) for name in USED}
        for name in USED:
            shares[name][at[inside]] = rows[f"{name}_utilization"][mine][inside]
        found[key >> 32] = shares
    return found


def level(begin: Floats, until: Floats, amount: np.ndarray, at: Floats) -> Floats:
    """How much is held just before each of ``at`` by what is there from ``begin`` to ``until`` (NaN: never)."""

    def sum_before(times: Floats) -> Floats:
        known = ~np.isnan(times)
        order = np.argsort(times[known], kind="stable")
        sums = np.concatenate([[0], np.cumsum(amount[known][order])])
        before: Floats = sums[np.searchsorted(times[known][order], at, side="left")].astype(np.float64)
        return before

    # What never began does not end either: a task that failed to start has an end and no beginning.
    return sum_before(begin) - sum_before(np.where(np.isnan(begin), np.nan, until))


def _percent(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        percent: Floats = np.where(whole > 0.0, 100.0 * part / whole, np.nan)
    return percent
