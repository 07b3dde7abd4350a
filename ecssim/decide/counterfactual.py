"""What would have made it fit: the smallest change for a task that no instance takes.

Every instance is one way to place the task, and what it lacks is the change that this way needs. Changes are
compared as people would: fewest kinds of resources, then the smallest share of what the instance registered,
then who registered first (or, of rules in the way, the fewest). Pure: it says what would help; the caller proves
it by deciding again with the change applied.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import inf
from typing import NamedTuple

from ecssim.world.lack import Lack
from ecssim.world.requests import Request, Resources
from ecssim.world.views import FleetView

#: Host ports that an instance has, of each protocol: what a taken one is a share of.
PORTS = 65535


class Change(NamedTuple):
    """One way to make a task fit: on which instance, and all that has to be different about it or the task.

    ``share`` adds up, over the missing resources, the part of what the instance registered that is missing;
    it is infinite where the instance registered none of a resource.
    """

    ordinal: int
    lack: Lack
    share: float


class Changes(NamedTuple):
    """The smallest change of each kind; None where no instance could be helped that way.

    ``room`` frees or adds resources and nothing else; ``rule`` lets constraints, attributes, zones or the state
    of an instance go and nothing else; ``both`` is looked for only where neither is enough.
    """

    room: Change | None
    rule: Change | None
    both: Change | None

    @property
    def smallest(self) -> Change | None:
        """The first of them that there is; None without any instance."""
        return self.room or self.rule or self.both


def share_of(lack: Lack, registered: Resources) -> float:
    """Return the missing part of what is registered, added up over the missing resources."""
    ports = (len(lack.tcp_ports) + len(lack.udp_ports)) / PORTS
    amounts = ((lack.cpu, registered.cpu), (lack.memory, registered.memory), (lack.gpus, registered.gpus))
    return ports + sum(
        (amount / whole if whole else inf)
        for amount, whole in (*amounts, (lack.eni_slots, registered.eni_slots))
        if amount
    )


def smallest_changes(view: FleetView, request: Request, group: int) -> Changes:
    """Return the smallest changes that would let one task of ``group`` be placed, which fits nowhere now.

    Reads only; looks at every instance that placement sees for ``request``.
    """
    found = [
        Change(ordinal, lack, share_of(lack, view.registered(ordinal)))
        for ordinal in view.ordinals(view.seen(request))
        for lack in (view.lack(ordinal, request, group),)
    ]
    room = _smallest(change for change in found if not change.lack.rules)
    rule = _smallest(change for change in found if not change.lack.resources)
    return Changes(room, rule, None if room or rule else _smallest(found))


def size(change: Change) -> tuple[int, int, float, int]:
    """Return what changes are compared by: things to change, rules among them, share, registration order."""
    lack = change.lack
    return lack.resources + lack.rules, lack.rules, change.share, change.ordinal


def _smallest(changes: Iterable[Change]) -> Change | None:
    return min(changes, key=size, default=None)


def without_rules(request: Request, lack: Lack) -> Request:
    """Return the task without those of its own rules that an instance breaks: zones, constraints, distinctness."""
    zones = request.zones
    return replace(
        request,
        zones=(*zones, lack.zone) if zones is not None and lack.zone is not None else zones,
        constraints=tuple(c for c in request.constraints if c not in lack.constraints),
        distinct=request.distinct and not lack.distinct,
    )


def smaller(request: Request, lack: Lack) -> Request:
    """Return the task that asks for so much less that the instance's room is enough: the same change, turned round."""
    return replace(
        request,
        cpu=request.cpu - lack.cpu,
        memory=request.memory - lack.memory,
        gpus=request.gpus - lack.gpus,
        eni=request.eni and not lack.eni_slots,
        tcp_ports=tuple(port for port in request.tcp_ports if port not in lack.tcp_ports),
        udp_ports=tuple(port for port in request.udp_ports if port not in lack.udp_ports),
    )
