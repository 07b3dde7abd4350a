"""How long things take: the timing profile, and the delays that one launch owns.

Delays are not in the state tables. Each named delay is a law with a documented default (confidence A values
are calibrated against published measurements); a scenario may override any of them under ``timing:``.
``profile: fixed`` puts every delay at its median.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ecssim.engine.luck import BLOCK, LaunchDraws
from ecssim.workload.distributions import Law, constant, exponential, lognormal, uniform
from ecssim.workload.queueing import Shape

#: The named delays in seconds (unless the name says otherwise) with the rule that each comes from.
DEFAULTS: Final[Mapping[str, tuple[Law, str]]] = {
    "eniAttach": (lognormal(4.0, 12.0), "NET-054"),
    "branchEniExtra": (constant(1.0), "NET-054"),
    "eniDelete": (lognormal(10.0, 30.0), "NET-055"),
    "addressRelease": (constant(30.0), "NET-060"),
    "addressFailure": (uniform(5.0, 15.0), "NET-051"),
    # Median and 95th percentile of nine published tasks, createdAt to connectivityAt (docs/validation.md).
    "fargateProvision": (lognormal(4.0, 12.0), "FG-023"),
    # The spread that the rule gives both: 150 s x 25 / 12.
    "fargateProvisionWindows": (lognormal(150.0, 312.5), "FG-023"),
    # Of ten published tasks, connectivityAt to pullStartedAt.
    "fargateAgent": (lognormal(7.0, 12.0), "LIFE-081"),
    # At the median the 2 s of the rule, as wide as six published starts; with ECS Exec its agent has to run first.
    "fargateStart": (lognormal(2.0, 8.0), "FG-024"),
    "fargateExecStart": (lognormal(20.0, 30.0), "FG-024"),
    "fargatePullNoise": (lognormal(1.0, float(np.exp(0.25 * 1.6448536269514722))), "FG-024"),
    # So wide that a task with a cached image takes the rule's 1 to 3 s in 90 of 100 cases.
    "agentDispatch": (lognormal(0.3, 1.6), "LIFE-082"),
    "containerStart": (lognormal(0.8, 2.0), "LIFE-082"),
    "initContainer": (constant(1.0), "LIFE-053"),
    "pullManifest": (constant(0.5), "LIFE-084"),
    "pullNoise": (constant(1.0), "LIFE-084"),
    "containerStop": (constant(1.0), "LIFE-060"),
    "imageDelete": (constant(1.0), "AGENT-031"),
    "agentRetryJitter": (uniform(0.0, 0.2), "AGENT-032"),
    "agentHeartbeat": (uniform(60.0, 120.0), "AGENT-020"),
    "submitRetry": (uniform(0.030, 0.059), "AGENT-043"),
    "eniTimeout": (constant(180.0), "NET-053"),
    "fargateRevision": (exponential(60.0 * 86400.0), "FG-032"),
    "unreachable": (constant(120.0), "NET-086"),
    "agentLossNoticed": (constant(90.0), "AGENT-024"),
    # Nothing registers sooner than the quickest published machine answers, without an agent (docs/validation.md).
    "instanceBoot": (lognormal(45.0, 90.0, least=22.6), "ASG-070"),
    "agentFirstPull": (constant(0.0), "ASG-071"),
    "statusCheck": (constant(120.0), "ASG-055"),
    "trunkRegistration": (constant(10.0), "NET-019"),
    "targetRegistration": (constant(5.0), "LB-006"),
    "targetFirstCheck": (uniform(0.0, 2.0), "LB-006"),
    "networkTargetRegistration": (constant(120.0), "LB-007"),
    "healthyAfterRunning": (constant(40.0), "SVC-020"),
    "schedulerPass": (constant(5.0), "PLACE-092"),
    "deploymentAlarmPoll": (constant(30.0), "DEPLOY-052"),
    "deploymentBake": (constant(240.0), "DEPLOY-051"),
    "zoneRebalancing": (constant(60.0), "PLACE-085"),
    "launchRetry": (constant(60.0), "ASG-058"),
    "managedScalingDelay": (uniform(60.0, 150.0), "ASG-039"),
    "managedDecision": (constant(5.0), "CAP-077"),
    "managedIdle": (constant(300.0), "CAP-071"),
    "provisioningTimeout": (uniform(600.0, 1800.0), "CAP-046"),
    "metricPublish": (uniform(60.0, 90.0), "ALARM-021"),
    "albMetricPublish": (uniform(90.0, 120.0), "ALARM-021"),
    "fineMetricPublish": (constant(15.0), "SCALE-015"),
    "insightsMetricPublish": (uniform(90.0, 120.0), "ALARM-021"),
    "scheduledAction": (constant(3.0), "SCALE-064"),
    "scalingFulfilment": (constant(600.0), "SCALE-044"),
}

#: Compressed megabytes a second by task CPU units on Fargate, download and unpack together (FG-024). ``measured``: one
#: vCPU and less from the published starts with images of 350 to 900 MB (docs/validation.md); above, where nothing is
#: published, as much faster than one vCPU as the estimate has it. ``estimated``: from the size of tasks alone.
FARGATE_PULL_RATES: Final[Mapping[str, tuple[tuple[int, float], ...]]] = {
    "measured": ((256, 10.5), (512, 11.0), (1024, 12.0), (2048, 19.0), (4096, 27.0), (8192, 34.0)),
    "estimated": ((256, 12.0), (512, 20.0), (1024, 35.0), (2048, 55.0), (4096, 80.0), (8192, 100.0)),
}


def fargate_pull_rate(cpu: int, rates: str = "measured") -> float:
    """Return the pull rate in MB/s of a Fargate task with ``cpu`` CPU units (FG-024)."""
    table = FARGATE_PULL_RATES[rates]
    rate = table[0][1]
    for units, mb_per_s in table:
        if cpu >= units:
            rate = mb_per_s
    return rate


@dataclass(frozen=True, slots=True)
class Timing:
    """The timing profile of one run: a law for each named delay."""

    laws: Mapping[str, Law]
    profile: str = "typical"

    @classmethod
    def of(cls, profile: str = "typical", overrides: Mapping[str, Law] | None = None) -> Timing:
        """Build a profile: the documented defaults, overridden by name, at their medians if ``fixed``."""
        laws = {name: law for name, (law, _) in DEFAULTS.items()} | dict(overrides or {})
        if profile == "fixed":
            laws = {name: law.fixed() for name, law in laws.items()}
        return cls(laws, profile)

    def __getitem__(self, name: str) -> Law:
        return self.laws[name]


# Where each delay of a launch stands in its tuple; also its column in the block of draws.
PROVISION: Final = 0
DISPATCH: Final = 1
PULL: Final = 2
START: Final = 3
STOP: Final = 4
RELEASE: Final = 5
READY: Final = 6
RUNS_FOR: Final = 7
CRASH_AFTER: Final = 8
ADDRESS_FAILURE: Final = 9
#: Uniforms in [0, 1): does it fail to start, does it crash, which exit code.
CHANCE: Final = 10
EXIT: Final = 11

#: Lazy loading slows a container for so long after its start (FG-025).
LAZY_SECONDS: Final = 60.0

_ZERO: Final = constant(0.0)
_NEVER: Final = constant(-1.0)


@dataclass(frozen=True, slots=True)
class RequestLaw:
    """What requests cost a task of one template, and what it uses without any.

    ``cpu_seconds`` of one vCPU a request, ``latency`` seconds spent elsewhere, ``memory`` MiB while in flight;
    ``cores`` servers in one task, each completing ``rate`` requests a second; ``unloaded`` the response time
    without a queue; ``idle_cpu`` CPU units and ``idle_memory`` MiB of a task that runs.
    """

    cpu_seconds: float = 0.0
    latency: float = 0.0
    memory: float = 0.0
    cores: float = 1.0
    rate: float = float("inf")
    unloaded: float = 0.0
    idle_cpu: float = 0.0
    idle_memory: float = 0.0
    #: How the service time varies; None: exponentially.
    shape: Shape | None = None
    #: The share of the requests that the task answers with a status of 500 and more.
    errors: float = 0.0
    #: For how long a new task is slower, and by which share at first (cold caches); None: not at all.
    warmup: tuple[float, float] | None = None
    #: Bytes that a task sends to and receives from the internet for each request (COST-045).
    internet_sent: int = 0
    internet_received: int = 0

    @classmethod
    def of(
        cls,
        cpu: int,
        cpu_seconds: float,
        latency: float,
        memory: float,
        concurrency: int | None,
        idle_cpu: float,
        idle_memory: float,
        shape: Shape | None = None,
        errors: float = 0.0,
        warmup: tuple[float, float] | None = None,
    ) -> RequestLaw:
        """Work out servers and rate of a task with ``cpu`` CPU units.

        Up to one vCPU a task is one server that is as fast as its share; above, one server for each vCPU.
        ``concurrency`` bounds the requests that a task works on at a time.
        """
        vcpu = cpu / 1024.0 if cpu else 1.0
        cores = max(1.0, vcpu)
        service = cpu_seconds / min(1.0, vcpu)
        rate = 1.0 / service if service > 0 else float("inf")
        unloaded = latency + service
        if concurrency is not None and unloaded > 0:
            rate = min(rate, concurrency / cores / unloaded)
        return cls(cpu_seconds, latency, memory, cores, rate, unloaded, idle_cpu, idle_memory, shape, errors, warmup)


@dataclass(slots=True, eq=False)
class LaunchLaws:
    """The laws of one template's launches, and the block of delays that was computed last.

    ``fails_share``: share of launches that fail to start; ``crash_share``: share that exit ``CRASH_AFTER``
    seconds after RUNNING; ``exit_codes``: (cumulative share, code) of the ordinary end; ``crash_code``.
    """

    columns: tuple[Law, ...]
    fails_share: float = 0.0
    fails_reason: str = ""
    crash_share: float = 0.0
    crash_code: int = 1
    exit_codes: tuple[tuple[float, int], ...] = ((1.0, 0),)
    stops_never: bool = False
    unhealthy_after: Law | None = None
    request: RequestLaw = RequestLaw()
    #: What lazy loading takes of the CPU in a container's first minute (FG-025); 0 without it.
    lazy_penalty: float = 0.0
    #: Bytes that a running task logs to CloudWatch in a second, and for each request that it serves.
    log_rate: float = 0.0
    log_request: float = 0.0
    _block: int = -1
    _draws: LaunchDraws | None = None
    _rows: list[tuple[float, ...]] | None = None

    def delays(self, draws: LaunchDraws, k: int) -> tuple[float, ...]:
        """Return the delays that launch ``k`` owns, indexed by the names of this module."""
        b = k // BLOCK
        if b != self._block or draws is not self._draws:
            z, u = draws.block(b)
            columns = [
                [law.a] * BLOCK if law.kind == "constant" else law.values_of(z[:, i], u[:, i]).tolist()
                for i, law in enumerate(self.columns)
            ]
            if self.lazy_penalty:
                columns[READY] = [slowed(ready, self.lazy_penalty) for ready in columns[READY]]
            self._rows = list(zip(*columns, u[:, CHANCE].tolist(), u[:, EXIT].tolist(), strict=True))
            self._block, self._draws = b, draws
        assert self._rows is not None
        return self._rows[k & (BLOCK - 1)]

    def exit_code(self, chance: float) -> int:
        """Return the exit code of a launch whose draw is ``chance``."""
        for share, code in self.exit_codes:
            if chance < share:
                return code
        return self.exit_codes[-1][1]


def slowed(ready: float, penalty: float) -> float:
    """How long a start lasts that takes ``ready`` seconds at full speed, if its first minute is slower (FG-025)."""
    return min(ready / (1.0 - penalty), ready + LAZY_SECONDS * penalty)


def launch_laws(
    timing: Timing,
    *,
    fargate: bool,
    eni: bool,
    windows: bool = False,
    trunk: bool = False,
    starts: Law | None = None,
    ready: Law | None = None,
    runs_for: Law | None = None,
    stops_after: Law | None = None,
    crash_after: Law | None = None,
) -> tuple[Law, ...]:
    """Put the columns of a launch together from the profile and the user's behaviour of the family."""
    machine = "fargateProvisionWindows" if windows else "fargateProvision"
    attach = timing[machine] if fargate else timing["eniAttach"] if eni else _ZERO
    return (
        attach,
        timing["fargateAgent"] if fargate else timing["agentDispatch"],
        timing["fargatePullNoise"] if fargate else timing["pullNoise"],
        starts or timing["fargateStart" if fargate else "containerStart"],
        stops_after or timing["containerStop"],
        timing["eniDelete"] if eni else _ZERO,
        ready or _ZERO,
        runs_for or _NEVER,
        crash_after or _ZERO,
        timing["addressFailure"],
    )
