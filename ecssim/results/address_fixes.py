"""What would have kept a subnet from running out: smaller waves of a deployment, or a larger block.

How many addresses a rolling update holds in each zone is rehearsed (:mod:`ecssim.results.rehearsal`) with what the
run showed: how long a new task takes to become healthy, and how long a stopping task keeps its address (drain, stop,
deletion of its interface and cooling: NET-060). As a figure for all zones together there is a bound: at most ``n + w``
tasks want to run (DEPLOY-013), with waves of ``w = floor(n x maximumPercent / 100) - n``; each slot of a wave stops an
old task every ``turn`` seconds at most, which keeps its address for ``leave`` seconds; and tasks that may go before
their successors come (``b``, by minimumHealthyPercent) widen the wave: ``n + w + (w + b) x (floor(leave / turn) + 1)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from math import floor
from typing import Any

import numpy as np

from ecssim.decide.reconcile import limits
from ecssim.results.facts import Facts
from ecssim.results.rehearsal import most_in_a_zone, share_of_zone
from ecssim.results.subnet_figures import SubnetFigures, held_at, most_at_once
from ecssim.results.wording import options, path

#: Addresses that AWS keeps in every subnet (NET-031).
RESERVED = 5
#: Blocks of a VPC's subnets go from /28 to /16 (NET-030).
LARGEST_PREFIX, SMALLEST_PREFIX = 28, 16
#: Addresses to spare where a block is sized: the spread over zones is even to within one task.
UNEVEN = 1
#: Seconds from creation to healthy where no task of the run tells.
ASSUMED_TURN = 45.0
#: Stop, interface deletion and cooling where no task of the run tells, beside the drain (NET-055, NET-060).
ASSUMED_LEAVE = 90.0


@dataclass(frozen=True)
class Rollout:
    """One deployment as far as addresses are concerned."""

    code: int
    service: int
    cluster: int
    name: str
    revision: str
    begin: float
    end: float
    wanted: int
    minimum: int
    percent: int
    leave: float
    turn: float
    #: Seconds from creation to healthy of each of its tasks.
    turns: np.ndarray = field(compare=False, repr=False)

    def addresses(self, minimum: int, percent: int) -> int:
        """Most addresses held at once with these minimumHealthyPercent and maximumPercent."""
        above = max(0, self.wanted * percent // 100 - self.wanted)
        below = self.wanted - (self.wanted * minimum + 99) // 100
        held = self.wanted + above + (above + below) * (floor(self.leave / self.turn) + 1)
        return min(held, 2 * self.wanted)

    def share(self, minimum: int, percent: int, zones: Sequence[str]) -> int:
        """The most addresses held at once in one of its subnets, whose ``zones`` these are, with these percentages."""
        names = list(dict.fromkeys(zones))
        bounds = limits(self.wanted, minimum, percent)
        most = max(most_in_a_zone(self.wanted, len(names), bounds, self.turns, self.leave))
        return share_of_zone(most, max(zones.count(name) for name in names))


def rollout_at(facts: Facts, subnet: int, t: float) -> Rollout | None:
    """The deployment that was taking the most addresses of ``subnet`` at time ``t``; None outside of any."""
    return next(iter(rollouts_at(facts, subnet, t)), None)


def rollouts_at(facts: Facts, subnet: int, t: float) -> list[Rollout]:
    """The deployments that were taking addresses of ``subnet`` at time ``t``, those that took the most first."""
    tasks = facts.tasks
    here = (tasks.subnet == subnet) | ~tasks.has_address
    found: list[tuple[int, Rollout]] = []
    for row in facts.deployments:
        begin = float(row["started_at"])
        end = float(row["finished_at"])
        end = facts.end if np.isnan(end) else end
        if not begin <= t <= end or not _replaces(facts, row):
            continue
        mine = tasks.deployment == int(row["deployment_id"])
        born = int((mine & here & (tasks.created >= begin) & (tasks.created <= end)).sum())
        if born:
            found.append((born, _rollout(facts, row, end, mine)))
    return [rollout for _, rollout in sorted(found, key=lambda pair: -pair[0])]


def _replaces(facts: Facts, row: np.void) -> bool:
    """Whether the deployment is one of a service that had another before."""
    others = facts.deployments
    same = (others["service"] == row["service"]) & (others["cluster"] == row["cluster"])
    return bool(
        (same & (others["started_at"] <= row["started_at"]) & (others["deployment_id"] != row["deployment_id"])).any()
    )


def _rollout(facts: Facts, row: np.void, end: float, mine: np.ndarray) -> Rollout:
    tasks = facts.tasks
    service, cluster, begin = int(row["service"]), int(row["cluster"]), float(row["started_at"])
    name = facts.name("service", service)
    setting = facts.service_setting(name, facts.name("cluster", cluster))
    rows = facts.minutes.of(service, cluster)
    during = rows[(rows["t"] >= begin - 60.0) & (rows["t"] <= end)]
    wanted = int(during["desired_count"].max()) if len(during) else int(setting.get("desiredCount") or 0)
    old = (tasks.service == service) & (tasks.cluster == cluster) & (tasks.stopping >= begin)
    leave = (tasks.freed - tasks.stopping)[old & tasks.has_address & (tasks.started < tasks.stopping)]
    leave = leave[~np.isnan(leave)]
    turn = (np.fmax(tasks.healthy, tasks.started) - tasks.created)[mine & (tasks.created >= begin)]
    turn = turn[~np.isnan(turn)]
    code = int(row["deployment_id"])
    return Rollout(
        code,
        service,
        cluster,
        name,
        facts.deployment_revision[code],
        begin,
        end,
        wanted,
        int(setting.get("minimumHealthyPercent", 100)),
        int(setting.get("maximumPercent", 200)),
        float(leave.max()) if len(leave) else float(setting.get("drain", 0)) + ASSUMED_LEAVE,
        max(1.0, float(np.percentile(turn, 5))) if len(turn) else ASSUMED_TURN,
        turn if len(turn) else np.array([ASSUMED_TURN]),
    )


def smaller_waves(facts: Facts, rollout: Rollout) -> str | None:
    """The limits nearest to the present ones with which the deployment fits into its subnets; None if none."""
    setting = facts.service_setting(rollout.name, facts.name("cluster", rollout.cluster))
    if not setting.get("subnets") or setting.get("percentChangesLater"):
        return None
    subnets = [facts.code("subnet", name) for name in setting["subnets"]]
    zones = zones_of(facts, setting["subnets"])
    room = min(_room_for(facts, rollout, code) for code in subnets)
    where = ("services", rollout.name, "deploymentConfiguration")
    # First the way that changes less; stopping fewer tasks beforehand makes waves smaller, too.
    for minimum in dict.fromkeys((rollout.minimum, 100)):
        for percent in _percents(rollout.percent):
            if (minimum, percent) == (rollout.minimum, rollout.percent):
                continue
            if minimum == 100 and rollout.wanted * percent // 100 <= rollout.wanted:
                break
            if rollout.wanted * percent // 100 > room * len(subnets):
                continue  # not even those that want to run would have an address each
            if rollout.share(minimum, percent, zones) <= room:
                settings: list[tuple[str, object]] = [(path(*where, "maximumPercent"), percent)]
                if minimum != rollout.minimum:
                    settings.insert(0, (path(*where, "minimumHealthyPercent"), minimum))
                return options(settings)
    return None


def _percents(now: int) -> list[int]:
    """Percentages from ``now`` down, round ones while they are not small."""
    return [p for p in range(min(now, 200), 99, -1) if p % 5 == 0 or p < 110]


def _room_for(facts: Facts, rollout: Rollout, subnet: int) -> int:
    """Addresses of ``subnet`` that the deployment may use: all but what others held while it went on."""
    rows = facts.raw("subnet_metrics")
    mine = rows[rows["subnet"] == subnet]
    if not len(mine):
        return 0
    usable = int(mine["total"][0]) - int(mine["reserved"][0])
    return usable - _others(facts, subnet, rollout.service, rollout.cluster, rollout.begin, rollout.end)


def _others(facts: Facts, subnet: int, service: int, cluster: int, since: float, before: float) -> int:
    """The most addresses that anybody but this service held at once."""
    usage = facts.raw("subnet_usage")
    here = usage[(usage["subnet"] == subnet) & (usage["t"] >= since - 60.0) & (usage["t"] <= before)]
    fixed = 0
    for consumer in np.unique(here["consumer"]).tolist():
        if facts.name("consumer", consumer) not in ("tasks", "cooling"):
            fixed += int(here["used"][here["consumer"] == consumer].max())
    tasks = facts.tasks
    other = (tasks.subnet == subnet) & tasks.has_address
    other &= (tasks.service != service) | (tasks.cluster != cluster)
    return fixed + most_at_once(tasks.created[other], tasks.address_until[other], since, before)


def larger_blocks(facts: Facts, needed: Mapping[str, int]) -> str | None:
    """``--set`` options that give each of these subnets a block with that many usable addresses; None without room."""
    settings = block_settings(facts.setting, needed)
    return options(settings) if settings else None


def block_settings(setting: Mapping[str, Any], needed: Mapping[str, int]) -> list[tuple[str, object]] | None:
    """The same as paths and values; empty if all blocks are large enough, None if there is no room.

    A subnet grows in place where its neighbours leave room, else it moves to the first free block of its VPC
    (or of its /16 where the scenario names no VPC).
    """
    written: Mapping[str, Any] = setting.get("subnets", {})
    taken = [IPv4Network(s["cidrBlock"]) for name, s in written.items() if name not in needed]
    settings: list[tuple[str, object]] = []
    for name, addresses in needed.items():
        if name not in written:
            return None
        now = IPv4Network(written[name]["cidrBlock"])
        block = _free_block(now, addresses, _spaces(setting, written[name], now), taken)
        if block is None:
            return None
        taken.append(block)
        if block != now:
            settings.append((path("subnets", name, "cidrBlock"), str(block)))
    return settings


def another_block(setting: Mapping[str, Any], like: str, also_taken: Sequence[IPv4Network] = ()) -> IPv4Network | None:
    """A free block of the same size in the same VPC as the subnet ``like``; None if there is no room."""
    written: Mapping[str, Any] = setting.get("subnets", {})
    now = IPv4Network(written[like]["cidrBlock"])
    taken = [*(IPv4Network(s["cidrBlock"]) for s in written.values() if s.get("cidrBlock")), *also_taken]
    for space in _spaces(setting, written[like], now):
        for block in space.subnets(new_prefix=now.prefixlen) if space.prefixlen <= now.prefixlen else ():
            if not any(block.overlaps(other) for other in taken):
                return block
    return None


def _spaces(setting: Mapping[str, Any], subnet: Mapping[str, Any], now: IPv4Network) -> list[IPv4Network]:
    blocks = setting.get("vpcs", {}).get(subnet.get("vpcId") or "", [])
    spaces = [IPv4Network(block) for block in blocks]
    return spaces or [now.supernet(new_prefix=SMALLEST_PREFIX) if now.prefixlen > SMALLEST_PREFIX else now]


def _free_block(
    now: IPv4Network, addresses: int, spaces: Sequence[IPv4Network], taken: Sequence[IPv4Network]
) -> IPv4Network | None:
    prefix = 32 - (addresses + RESERVED - 1).bit_length()
    prefix = min(prefix, now.prefixlen, LARGEST_PREFIX)
    if prefix < SMALLEST_PREFIX:
        return None
    grown = now.supernet(new_prefix=prefix) if prefix < now.prefixlen else now
    if any(grown.subnet_of(space) for space in spaces) and not any(grown.overlaps(other) for other in taken):
        return grown
    for space in spaces:
        if space.prefixlen > prefix:
            continue
        for block in space.subnets(new_prefix=prefix):
            if not any(block.overlaps(other) for other in taken):
                return block
    return None


def addresses_needed(facts: Facts, subnets: Sequence[SubnetFigures], rollout: Rollout | None) -> dict[str, int]:
    """Usable addresses that each of these subnets would have needed, by name.

    In a deployment: what others held, and its share of the most that the deployment can hold at once. Else
    the most that was in use, and what wanted an address there at the worst moment and had none.
    """
    needed = {}
    for figures in subnets:
        most = figures.used_max + _unmet(facts, figures)
        if rollout is not None:
            setting = facts.service_setting(rollout.name, facts.name("cluster", rollout.cluster))
            zones = zones_of(facts, setting.get("subnets", ())) or [figures.zone]
            others = _others(facts, figures.code, rollout.service, rollout.cluster, rollout.begin, rollout.end)
            share = rollout.share(rollout.minimum, rollout.percent, zones) + UNEVEN
            # Its own running tasks cool their addresses while the next wave starts.
            most = max(figures.usable + 1, others + share)
        needed[figures.name] = most
    return needed


def _unmet(facts: Facts, figures: SubnetFigures) -> int:
    """The most that was missing in the subnet at once: tasks of services by their shares, instances."""
    missing = 0
    for setting in facts.setting.get("services", ()):
        if figures.name not in setting["subnets"]:
            continue
        service = facts.code("service", setting["serviceName"])
        mine = facts.minutes.of(service, facts.code("cluster", setting["cluster"]))
        if len(mine):
            short = mine["desired_count"] - mine["running_count"]
            missing += -(-max(0, int(short.max())) // len(setting["subnets"])) + UNEVEN
    for group in facts.setting.get("autoScalingGroups", {}).values():
        if figures.name in group["subnets"] and "instances" in figures.failed_by_consumer:
            missing += group["desiredCapacity"]
    if not missing:
        missing = figures.failed
    return missing


def zones_of(facts: Facts, subnets: Sequence[str]) -> list[str]:
    """The zone of each of these subnets."""
    written = facts.setting.get("subnets", {})
    return [str(written.get(name, {}).get("availabilityZone", name)) for name in subnets]


def holders(facts: Facts, subnet: int, t: float) -> list[str]:
    """Who held the addresses at ``t``, in words: ``checkout 34``."""
    return [f"{name} {number}" for name, number in held_at(facts, subnet, t).items()]
