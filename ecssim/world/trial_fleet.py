"""A copy of a fleet on which a change can be tried, so that a claim about it is proved and nothing is moved."""

from __future__ import annotations

import copy
from dataclasses import replace

from ecssim.world.fleet import Fleet
from ecssim.world.lack import Lack
from ecssim.world.requests import Request

#: The group of the task that is thought to have given room back; no owner has it.
NOBODY = -1


class TrialFleet(Fleet):
    """What a cluster's instances would be after a change. Made from a fleet by :meth:`of`."""

    @classmethod
    def of(cls, fleet: Fleet) -> TrialFleet:
        """Copy ``fleet`` as it is now."""
        trial = cls()
        trial.__dict__.update(copy.deepcopy(fleet.__dict__))
        # Shapes are known by the identity of requests, which a copy does not share.
        trial._shapes.clear()
        return trial

    def fill(self, ordinal: int, request: Request, group: int, most: int) -> int:
        """Reserve the instance for tasks of one shape until no more fits, at most ``most``; return how many did."""
        for count in range(most):
            if not self.fits(ordinal, request, group):
                return count
            self.reserve(ordinal, request, group)
        return most

    def grant(self, ordinal: int, lack: Lack) -> None:
        """Give the instance what it lacks, as far as that is the instance's: room, ports, attributes, its agent.

        Room comes as if a task that held it had stopped. What the instance never registered it has from now on
        as if it were a larger one. What is the task's, its zones and constraints, is not touched.
        """
        host = self._hosts[ordinal]
        spec = host.spec
        host.spec = replace(
            spec,
            cpu=max(spec.cpu, host.cpu + lack.cpu),
            memory=max(spec.memory, host.memory + lack.memory),
            gpus=max(spec.gpus, host.gpus + lack.gpus),
            eni_slots=max(spec.eni_slots, host.eni + lack.eni_slots),
        )
        self.reserve(ordinal, Request(0, 0), NOBODY)
        held = Request(lack.cpu, lack.memory, lack.gpus, tcp_ports=lack.tcp_ports, udp_ports=lack.udp_ports)
        self.release(ordinal, held, NOBODY)
        for _ in range(lack.eni_slots):
            self.release_eni(ordinal)
        for name in lack.attributes:
            self.set_attribute(ordinal, name, None)
        if lack.inactive:
            self.set_status(ordinal, True)
        if lack.disconnected:
            self.set_connected(ordinal, True)
