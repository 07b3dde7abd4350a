"""Findings about addresses: subnets that ran out, and why (NET-050, NET-060)."""

from __future__ import annotations

from ecssim.results.address_fixes import (
    Rollout,
    addresses_needed,
    holders,
    larger_blocks,
    rollout_at,
    smaller_waves,
)
from ecssim.results.facts import Facts
from ecssim.results.finding import PROBLEM, WARNING, Finding
from ecssim.results.subnet_figures import SubnetFigures, most_cooling
from ecssim.results.wording import count, later, listed

#: A subnet with fewer free addresses than this share of its usable ones is worth a word.
NARROW = 0.05

#: Other zones are worth a word if they have more free addresses than this share of what the full one can use.
PLENTY = 0.5


def address_findings(facts: Facts, subnets: list[SubnetFigures]) -> list[Finding]:
    """One finding a subnet that ran out; one for those that came close."""
    exhausted = [s for s in subnets if s.first_failed is not None]
    found = []
    for figures in exhausted:
        assert figures.first_failed is not None
        rollout = rollout_at(facts, figures.code, figures.first_failed)
        fix = smaller_waves(facts, rollout) if rollout is not None else None
        if fix is None:
            # Neighbours that are full too need their blocks at the same time.
            fix = larger_blocks(facts, addresses_needed(facts, exhausted, rollout))
        found.append(_exhausted(facts, figures, rollout, fix))
    narrow = [s for s in subnets if s.first_failed is None and s.free_min < NARROW * s.usable]
    for figures in narrow:
        found.append(
            Finding(
                WARNING,
                "subnet.nearlyExhausted",
                figures.name,
                f"Subnet {figures.name} came down to "
                f"{count(figures.free_min, 'free address', 'free addresses')} of {figures.usable} "
                f"in the minute from {facts.at(figures.free_min_at)}; nothing failed.",
                figures.free_min_at,
            )
        )
    return found


def interface_findings(facts: Facts) -> list[Finding]:
    """One finding if the Region's quota of network interfaces refused some (NET-070)."""
    events = facts.raw("subnet_events")
    rows = [row for row in events if facts.name("text", int(row["reason"])) == "NetworkInterfaceLimitExceeded"]
    if not rows:
        return []
    t = float(rows[0]["t"])
    text = (
        f"The quota of network interfaces in the Region was used up at {facts.at(t)}; "
        f"{count(len(rows), 'interface')} could not be made. Fix: ask for a higher quota (networkInterfacesPerRegion), "
        "or run with fewer tasks in network mode awsvpc."
    )
    return [Finding(PROBLEM, "account.networkInterfaces", "account", text, t)]


def balancer_findings(facts: Facts) -> list[Finding]:
    """One finding a load balancer that could not grow because a subnet was full (NET-036)."""
    rows = facts.raw("load_balancer_events")
    found = []
    seen: set[int] = set()
    for row in rows:
        name, code = facts.name("load_balancer", int(row["load_balancer"])), int(row["load_balancer"])
        if code in seen or facts.name("load_balancer_state", int(row["state"])) == "active":
            continue
        seen.add(code)
        t = float(row["t"])
        text = (
            f"Load balancer {name} was impaired at {facts.at(t)}: it had {int(row['nodes'])} of the "
            f"{int(row['wanted_nodes'])} nodes that its load asks for, since a subnet had no free address."
        )
        found.append(Finding(PROBLEM, "loadBalancer.impaired", name, text, t))
    return found


def _exhausted(facts: Facts, figures: SubnetFigures, rollout: Rollout | None, fix: str | None) -> Finding:
    t = figures.first_failed
    assert t is not None
    assert figures.last_failed is not None
    during = ""
    if rollout is not None:
        during = f" during the deployment of {rollout.revision} (service {rollout.name})"
    parts = [f"Subnet {figures.name} ran out of addresses at {facts.at(t)}{during}"]
    parts.append(_failures(figures))
    lasted = figures.last_failed - t
    if lasted > 0:
        parts.append(f"the last one failed {later(lasted)}")
    held = listed(holders(facts, figures.code, t), 4)
    parts.append(f"its {figures.usable} usable addresses were then held by {held}")
    cooling = most_cooling(facts, figures.code, t, figures.last_failed)
    if cooling:
        freed = "1 freed address was" if cooling == 1 else f"up to {cooling} freed addresses were"
        parts.append(f"{freed} still cooling and could not be used again")
    elsewhere = _free_elsewhere(facts, figures, t)
    if elsewhere:
        free = listed([f"{name} ({number})" for name, number in elsewhere.items()])
        parts.append(f"meanwhile there were free addresses in {free}, which is not looked at when a zone is chosen")
    text = "; ".join(parts) + "."
    if fix is not None:
        text += f" Fix: {fix}"
    return Finding(PROBLEM, "subnet.exhausted", figures.name, text, t, fix)


def _free_elsewhere(facts: Facts, figures: SubnetFigures, t: float) -> dict[str, int]:
    """Subnets of other zones, listed with this one, with plenty of free addresses at ``t`` (NET-042, NET-044)."""
    listed_with = {
        name
        for setting in facts.setting.get("services", ())
        if figures.name in setting["subnets"]
        for name in setting["subnets"]
    }
    rows = facts.raw("subnet_metrics")
    rows = rows[(rows["t"] <= t) & (rows["t"] + 60.0 >= t) & (rows["subnet"] != figures.code)]
    found = {}
    for row in rows:
        name, free = facts.name("subnet", int(row["subnet"])), int(row["free_min"])
        zone = facts.name("availability_zone", int(row["availability_zone"]))
        if name in listed_with and zone != figures.zone and free >= PLENTY * figures.usable:
            found[name] = free
    return found


def _failures(figures: SubnetFigures) -> str:
    parts = []
    for consumer, number in figures.failed_by_consumer.items():
        if consumer == "tasks":
            parts.append(f"{count(number, 'task')} failed to start")
        elif consumer == "instances":
            parts.append(f"{count(number, 'launch', 'launches')} of an instance failed")
        else:
            parts.append(f"{count(number, 'allocation')} for {consumer} failed")
    return listed(parts)
