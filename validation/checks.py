"""Run each measurement's set-up and say what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ecssim
from benchmarks.load_step import episode, tracking
from ecssim.scenario.load import load_mapping
from validation import setups
from validation.curves import LARGEST_MEAN_ERROR, LARGEST_TIME_ERROR, SHARES, CurveError, error_of
from validation.measured import Measurement, curve
from validation.outcome import Outcome, in_band, number, within_range

Check = Callable[[Measurement, "Effort"], list[Outcome]]


class Effort:
    """How much is simulated: ``seeds`` of each curve and load step, and where the published series are."""

    def __init__(self, seeds: int = 20, data: Path | None = None) -> None:
        self.seeds = seeds
        self.data = data


def played(document: Mapping[str, Any], seed: int = 1) -> Any:
    """The result of a set-up under one seed."""
    return ecssim.run(load_mapping({**document, "seed": seed}))


def scale_out(document: Mapping[str, Any]) -> Check:
    """A curve, under every seed; what is counted may come some seconds after a task's start."""

    def check(measurement: Measurement, effort: Effort) -> list[Outcome]:
        measured, whole = curve(measurement, effort.data)
        errors: list[CurveError] = []
        for seed in range(1, effort.seeds + 1):
            tasks = played(document, seed).tasks
            counted = tasks.started_at.to_numpy(float) + measurement.figures.get("reports_after", 0.0)
            errors.append(error_of(measured, counted, tasks.stopped_at.to_numpy(float)))
        final = errors[0].final
        points = len(measured)
        mean = [error.mean_error for error in errors]
        found = [
            Outcome(
                f"running tasks, {'whole series' if whole else 'typed-in points of the series'}",
                f"{points} points up to {number(final)} tasks",
                f"{effort.seeds} seeds",
                f"mean absolute error {np.mean(mean):.1%} of the final count, worst seed {max(mean):.1%} "
                f"(bound {LARGEST_MEAN_ERROR:.0%})",
                points,
                max(mean) <= LARGEST_MEAN_ERROR,
            )
        ]
        for i, share in enumerate(SHARES):
            target = errors[0].times[i][0]
            times = np.array([error.times[i][1] for error in errors])
            off = times / target - 1.0
            found.append(
                Outcome(
                    f"time to {share:.0%} of it",
                    f"{number(target)} s",
                    f"{number(float(times.mean()))} s ({number(float(times.min()))} to {number(float(times.max()))})",
                    f"{off.mean():+.1%}, worst seed {off[np.abs(off).argmax()]:+.1%} (bound {LARGEST_TIME_ERROR:.0%})",
                    1,
                    bool(np.all(np.abs(off) <= LARGEST_TIME_ERROR)),
                )
            )
        return found

    return check


def _took(tasks: pd.DataFrame, begin: str, end: str) -> np.ndarray:
    return (tasks[end] - tasks[begin]).to_numpy(float)


def single_tasks(measurement: Measurement, effort: Effort) -> list[Outcome]:
    """M6: phase by phase, on Fargate and on EC2."""
    given = measurement.figures
    tasks = played(setups.fargate_tasks(256, 512, 60)).tasks
    two = played(setups.fargate_tasks(256, 512, 110)).tasks
    with_exec = played(setups.with_exec(setups.fargate_tasks(512, 1024, 150))).tasks
    old = "17.6 s are of a task of 2021 (t01), whose machine came late; the eight others took 3.3 to 4.2"
    found = [
        in_band(
            "Fargate, created to connected",
            given["created_to_connectivity"],
            _took(tasks, "created_at", "connectivity_at"),
            cause=old,
        ),
        in_band(
            "Fargate, connected to pull",
            given["connectivity_to_pull_start"],
            _took(tasks, "connectivity_at", "pull_started_at"),
            cause="14.6 s are of the one task of 2 vCPU (t15); the nine others took 4.8 to 8.3",
        ),
        in_band(
            "Fargate, created to pull",
            given["created_to_pull_start"],
            _took(tasks, "created_at", "pull_started_at"),
            cause="22.4 s are of the task of 2021 (t01) again",
        ),
    ]
    for row in given["pulls"]:
        memory = {256: 512, 512: 1024, 1024: 2048}[row["cpu"]]
        pulls = _took(
            played(setups.fargate_tasks(row["cpu"], memory, row["mb"])).tasks, "pull_started_at", "pull_stopped_at"
        )
        figure = f"Fargate, pull of {row['image']} ({row['row']}, {row['cpu'] / 1024:g} vCPU, taken as {row['mb']} MB)"
        cause = "one image and one size of it stand for whatever the row had"
        found.append(in_band(figure, [row["seconds"]], pulls, cause=cause))
    found += [
        in_band(
            "Fargate, pull to RUNNING",
            given["pull_stop_to_started"],
            _took(tasks, "pull_stopped_at", "started_at"),
            cause="the container's own start differs from row to row",
        ),
        in_band(
            "Fargate, pull to RUNNING with ECS Exec (t09, t13, t15)",
            given["pull_stop_to_started_exec"],
            _took(with_exec, "pull_stopped_at", "started_at"),
            digits=0.5,
            cause="three tasks are all that is known",
        ),
        Outcome(
            "Fargate, pull to RUNNING with Service Connect (t18)",
            f"{number(given['pull_stop_to_started_service_connect'][0])} s",
            "not simulated",
            "",
            1,
            None,
            "its proxy has to be healthy before the application starts, whose own check comes after; `check` warns "
            "where serviceConnectConfiguration is in use",
        ),
        in_band(
            "Fargate, created to RUNNING, images not known to be large",
            given["created_to_started_small"],
            _took(two, "created_at", "started_at"),
            cause="one size of the images stands for whatever the row had",
        ),
        in_band(
            "Fargate, created to RUNNING with ECS Exec (t13)",
            given["created_to_started_exec"],
            _took(with_exec, "created_at", "started_at"),
            cause="the image is not named: it is taken as 150 MB",
        ),
    ]
    gone = _took(tasks, "stopping_at", "stopped_at")
    late = played(setups.patient(setups.fargate_tasks(256, 512, 60, stopsAfter=f"{given['stops_after']}s"))).tasks
    cause = "the interface's deletion (A: 10 s at the median, 30 s at the 95th percentile) may take longer than assumed"
    found += [
        in_band(
            "Fargate, stopping to stopped, container ended already", given["stopped_after_exit"], gone, cause=cause
        ),
        in_band("Fargate, stopping to stopped, nginx", given["stopped_by_user_at_once"], gone, cause=cause),
        in_band(
            "Fargate, stopping to stopped, container that took 48.1 s to end (t13)",
            given["stopped_by_user_late"],
            _took(late, "stopping_at", "stopped_at"),
            cause=cause,
        ),
    ]
    colds = [played(setups.on_instances("bridge"), seed).tasks for seed in range(1, 21)]
    cold = pd.concat(colds, ignore_index=True)
    to_pull = _took(cold, "created_at", "pull_started_at")
    found += [
        in_band("EC2, created to pull", given["ec2_created_to_pull_start"], to_pull),
        in_band(
            "EC2, created to pull, through a capacity provider (t25)",
            given["ec2_provider_created_to_pull_start"],
            to_pull,
            cause="a task of a provider with managed scaling is PROVISIONING until ECS has placed it; where there is "
            "room it is placed at once here; how long it takes is not published",
        ),
        in_band(
            "EC2, pull to RUNNING", given["ec2_pull_stop_to_started"], _took(cold, "pull_stopped_at", "started_at")
        ),
        in_band(
            "EC2, created to RUNNING with a pull of 300 MB",
            given["ec2_created_to_started_cold"],
            _took(cold, "created_at", "started_at"),
            cause="one row (t03), each of whose phases lies in the upper half of its own band",
        ),
    ]
    return found


def image_413(measurement: Measurement, effort: Effort) -> list[Outcome]:
    """M8."""
    starts = _took(played(setups.fargate_tasks(256, 512, 413)).tasks, "created_at", "started_at")
    return [in_band("created to RUNNING", measurement.figures["values"], starts, digits=0.5)]


def image_900(measurement: Measurement, effort: Effort) -> list[Outcome]:
    """M10: in PENDING on Fargate; on an instance with the image."""
    given = measurement.figures
    tasks = played(setups.fargate_tasks(512, 1024, 890)).tasks
    events = played(setups.fargate_tasks(512, 1024, 890)).task_events
    pending = events[events.last_status == "PENDING"].drop_duplicates("task_id").set_index("task_id").t
    in_pending = tasks.set_index("task_id").started_at - pending.rename_axis("task_id")
    low, high = given["ec2_cached"]
    warm = played(setups.on_instances("bridge", warm=True)).tasks
    warm = warm[warm.created_at >= 600]
    return [
        in_band("Fargate, PENDING to RUNNING", given["values"], in_pending.to_numpy(float), digits=0.5),
        within_range(
            "EC2 with a cached image, created to RUNNING", low, high, _took(warm, "created_at", "started_at"), unit="s"
        ),
    ]


def registries(measurement: Measurement, effort: Effort) -> list[Outcome]:
    """M12: the model knows no distance."""
    low, high = measurement.figures["values"]
    starts = _took(played(setups.fargate_tasks(256, 512, 100)).tasks, "created_at", "started_at")
    far = Outcome(
        "created to RUNNING, from Docker Hub",
        "over 60 s",
        "as above",
        "not simulated",
        1,
        None,
        "all registries are equally far; `registrySlow` in the timeline slows one down",
    )
    return [within_range("created to RUNNING, within the VPC", low, high, starts, unit="s"), far]


def windows(measurement: Measurement, effort: Effort) -> list[Outcome]:
    """M5: minutes, of which only one task's are known to the second."""
    given = measurement.figures
    core = "WINDOWS_SERVER_2019_CORE"
    full = played(setups.windows_tasks("WINDOWS_SERVER_2019_FULL", 2000, 1500)).tasks
    base = played(setups.windows_tasks(core, 1500, 1499)).tasks
    dotnet = played(setups.windows_tasks("WINDOWS_SERVER_2022_CORE", 4500, 1500)).tasks
    cause = (
        "a remark, in round minutes: a machine of Windows Server in full takes longer than one of the core, and no "
        "second publication says how much; FG-023 has one figure for both"
    )
    found = [
        in_band(f"core, {words}", given[key], _took(base, *phase))
        for words, key, phase in (
            ("created to connected", "core_created_to_connectivity", ("created_at", "connectivity_at")),
            ("created to pull", "core_created_to_pull_start", ("created_at", "pull_started_at")),
            ("created to RUNNING", "core_created_to_started", ("created_at", "started_at")),
        )
    ]
    return [
        in_band("in full, created to RUNNING", given["values"], _took(full, "created_at", "started_at"), cause=cause),
        *found,
        in_band(
            "core, base image: 3 minutes",
            given["core_base_image"],
            _took(base, "created_at", "started_at"),
            digits=30.0,
        ),
        in_band(
            "core with .NET: 8 minutes", given["core_dotnet"], _took(dotnet, "created_at", "started_at"), digits=30.0
        ),
    ]


def lazily(measurement: Measurement, effort: Effort) -> list[Outcome]:
    """M13: the gain of lazy loading where the pull has the published share of a start, and for larger images."""
    given = measurement.figures
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1"
    starts: dict[tuple[int, bool], float] = {}
    share = 0.0
    for mb in (250, 480, 1000):
        for index in (False, True):
            document = setups.fargate_tasks(512, 1024, mb, 200)
            document["taskDefinitions"][0]["containerDefinitions"][0]["image"] = image
            document["images"] = {image: {"size": f"{mb}MB", "sociIndex": index}}
            tasks = played(document).tasks
            starts[mb, index] = float(np.median(_took(tasks, "created_at", "started_at")))
            if (mb, index) == (480, False):
                pull = _took(tasks, "pull_started_at", "pull_stopped_at")
                share = float(np.median(pull / _took(tasks, "created_at", "started_at")))
    most = given["faster_percent_at_most"] / 100.0
    wanted = given["pull_share_percent"] / 100.0
    off = starts[480, True] / starts[480, False] / (1.0 - most) - 1.0
    gain = {mb: 100.0 * (1.0 - starts[mb, True] / starts[mb, False]) for mb in (250, 480, 1000)}
    return [
        Outcome(
            "share of the pull in a start, 480 MB",
            f"{wanted:.0%}",
            f"{share:.0%}",
            f"{100.0 * (share - wanted):+.0f} points (the size is chosen for it)",
            1,
            None,
            "a check of the set-up",
        ),
        Outcome(
            "time of a start with an index, in parts of that without, 480 MB",
            f"{1.0 - most:.0%} at the least",
            f"{starts[480, True] / starts[480, False]:.0%}",
            f"{off:+.0%} (bound {LARGEST_TIME_ERROR:.0%})",
            1,
            off >= -LARGEST_TIME_ERROR,
        ),
        Outcome(
            "sooner with an index, 250 MB",
            "some",
            f"{gain[250]:.0f} %",
            "",
            1,
            gain[250] > 0.0,
        ),
        Outcome(
            "sooner with an index, 1,000 MB",
            f"not published; up to {given['faster_percent_at_most']} % is said of any",
            f"{gain[1000]:.0f} %",
            "",
            1,
            None,
            "0.3 of the pull whatever the size (FG-025, assumed): images whose pull is more of their start gain more",
        ),
    ]


def cold_launch(measurement: Measurement, effort: Effort) -> list[Outcome]:
    """M15: a floor."""
    (floor,) = measurement.figures["values"]
    document = setups.on_instances("bridge", autoScalingGroups=[])
    document["autoScalingGroups"] = setups.on_instances("bridge")["autoScalingGroups"]
    document["autoScalingGroups"][0] |= {"minSize": 0, "maxSize": 400, "desiredCapacity": 0}
    document["timeline"] = [
        {
            "at": "1m",
            "call": "SetDesiredCapacity",
            "with": {"autoScalingGroupName": "instances", "desiredCapacity": 400},
        }
    ]
    took = _took(played(document).instances, "launched_at", "registered_at")
    below = float(np.mean(took < floor))
    return [
        Outcome(
            "launched to registered",
            f"no less than {number(floor)} s",
            f"{number(float(np.percentile(took, 5)))} to {number(float(np.percentile(took, 95)))} s, "
            f"median {number(float(np.median(took)))}",
            f"{below:.1%} of {len(took)} simulated launches are quicker",
            9,
            below <= 0.01,
            "" if below <= 0.01 else "the law of ASG-070 goes below it",
        )
    ]


def load_step(measurement: Measurement, effort: Effort) -> list[Outcome]:
    """M18: from the step to the decision, and to the tasks."""
    given = measurement.figures
    episodes = [episode(seed, tracking(60)) for seed in range(5 * effort.seeds)]
    triggers = [one.trigger for one in episodes]
    provisioned = [one.total for one in episodes]
    found = []
    for figure, key, simulated in (
        ("step to scale-out", "to_trigger", triggers),
        ("step to the first new task", "to_provisioned", provisioned),
    ):
        outcome = in_band(figure, given[key], simulated, digits=0.5)
        off = float(np.mean(simulated)) / given[key][0] - 1.0
        found.append(
            Outcome(
                figure,
                outcome.measured,
                outcome.simulated,
                f"mean of {len(simulated)} seeds {off:+.1%} (bound {LARGEST_TIME_ERROR:.0%})",
                1,
                abs(off) <= LARGEST_TIME_ERROR,
            )
        )
    return found


def scale_in(measurement: Measurement, effort: Effort) -> list[Outcome]:
    """M20: until the first instance leaves, after most tasks went."""
    low, high = measurement.figures["minutes"]
    took = []
    for seed in range(1, effort.seeds + 1):
        instances = played(setups.managed_scaling(10, [("5m", 8), ("60m", 2)]), seed).instances
        took.append((float(instances.terminated_at.min()) - 3600.0) / 60.0)
    return [within_range("tasks gone to first instance gone", low, high, took, unit="minutes")]


def from_zero(measurement: Measurement, effort: Effort) -> list[Outcome]:
    """M22: the first step, and how long tasks wait for capacity that never comes."""
    given = measurement.figures
    first, waits = [], []
    for seed in range(1, effort.seeds + 1):
        metrics = played(setups.managed_scaling(10, [("5m", 1)], "15m"), seed).capacity_provider_metrics
        first.append(float(metrics[metrics.desired_capacity > 0].desired_capacity.iloc[0]))
        tasks = played(setups.managed_scaling(0, [("5m", 1)]), seed).tasks
        waits += (_took(tasks, "created_at", "stopped_at") / 60.0).tolist()
    low, high = given["minutes"]
    wanted = given["instances"]
    return [
        Outcome(
            "instances of the first step",
            str(wanted),
            f"{number(min(first))} to {number(max(first))}",
            "equal" if set(first) == {wanted} else "not equal",
            1,
            set(first) == {wanted},
        ),
        within_range("PROVISIONING until given up", low, high, waits, unit="minutes"),
    ]


def never_attached(measurement: Measurement, effort: Effort) -> list[Outcome]:
    """M24: the time-out alone; what the task takes to be gone comes after it."""
    document = setups.on_instances(
        "awsvpc", timing={"profile": "fixed", "eniAttach": "600s", "eniDelete": "0s", "agentDispatch": "0s"}
    )
    took = _took(played(document).tasks, "created_at", "stopped_at")
    wanted = measurement.figures["seconds"]
    off = float(np.nanmedian(took)) / wanted - 1.0
    return [
        Outcome(
            "created to STOPPED",
            f"{wanted} s",
            f"median {number(float(np.nanmedian(took)))} s",
            f"{off:+.1%} (the interface's deletion set to 0 s)",
            1,
            abs(off) <= LARGEST_TIME_ERROR,
        )
    ]


def spot_rate(measurement: Measurement, effort: Effort) -> list[Outcome]:
    """M25: ended by EC2, of all Spot instances, in a month."""
    most = measurement.figures["percent"] / 100.0
    found = []
    for figure, bands in (
        ("interrupted within a month, of a fleet that may choose", measurement.figures["bands"]),
        ("the same, three instances in each pool, of bands that nobody gave", None),
    ):
        lost, months = 0, 0.0
        for seed in range(1, max(2, effort.seeds * 3 // 5) + 1):
            instances = played(setups.spot_instances(bands), seed).instances
            ends = instances.terminated_at.fillna(30 * 86400.0)
            lost += int(instances.terminated_at.notna().sum())
            months += float((ends - instances.launched_at).sum()) / (30 * 86400.0)
        share = 1.0 - float(np.exp(-lost / months))
        found.append(
            Outcome(
                figure,
                f"about {most:.0%} or less" if bands is not None else "not published",
                f"{share:.1%} ({lost} interruptions in {months:.0f} instance-months)",
                f"{100.0 * (share - most):+.1f} points",
                2 if bands is not None else 1,
                share <= most * 1.1 if bands is not None else None,
                ""
                if bands is not None
                else "nobody runs Spot so: the published figure is of fleets that choose among pools. A pool that "
                "`spotPools` does not list is in the band of 5 to 10 % (SPOT-006, SPOT-031)",
            )
        )
    return found


CHECKS: Mapping[str, Check] = {
    "M1": scale_out(setups.scale_out_2020()),
    "M3": scale_out(setups.scale_out_2022()),
    "M5": windows,
    "M6": single_tasks,
    "M8": image_413,
    "M10": image_900,
    "M12": registries,
    "M13": lazily,
    "M15": cold_launch,
    "M18": load_step,
    "M20": scale_in,
    "M22": from_zero,
    "M24": never_attached,
    "M25": spot_rate,
}
