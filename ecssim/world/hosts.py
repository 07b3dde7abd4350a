"""One container instance as the control plane's ledger holds it.

The ledger moves with the control plane's own acts (AGENT-041); what physically runs on the instance is the
agent's ledger and lives elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ecssim.world.requests import ZONE_ATTRIBUTE, InstanceSpec, Resources


class Host:
    """What one instance still has to give. Only the fleet that owns it writes to it."""

    __slots__ = (
        "active",
        "attributes",
        "bit",
        "connected",
        "cpu",
        "eni",
        "gpus",
        "groups",
        "memory",
        "ordinal",
        "position",
        "spec",
        "tasks",
        "tcp",
        "udp",
    )

    def __init__(self, ordinal: int, position: int, spec: InstanceSpec) -> None:
        self.ordinal = ordinal
        self.place_at(position)
        self.spec = spec
        self.cpu = spec.cpu
        self.memory = spec.memory
        self.gpus = spec.gpus
        self.eni = spec.eni_slots
        self.tcp = set(spec.reserved_tcp)
        self.udp = set(spec.reserved_udp)
        self.attributes: dict[str, str | None] = {**spec.attributes, ZONE_ATTRIBUTE: spec.zone}
        self.groups: dict[int, int] = {}
        self.tasks = 0
        self.active = True
        self.connected = True

    def place_at(self, position: int) -> None:
        """Take the bit at ``position`` in every bitset of the fleet."""
        self.position = position
        self.bit = 1 << position

    def remaining(self) -> Resources:
        """Return what is neither reserved nor held by an ENI that still exists."""
        return Resources(self.cpu, self.memory, self.gpus, self.eni)


class HostFacts:
    """A host as the cluster query language sees it; implements ``InstanceFacts``."""

    __slots__ = ("_group_names", "_host")

    def __init__(self, host: Host, group_names: Mapping[int, str]) -> None:
        self._host = host
        self._group_names = group_names

    @property
    def attributes(self) -> Mapping[str, str | None]:
        """Attributes with the zone among them."""
        return self._host.attributes

    @property
    def agent_connected(self) -> bool:
        """As last set."""
        return self._host.connected

    @property
    def agent_version(self) -> str:
        """As registered."""
        return self._host.spec.agent_version

    @property
    def ec2_instance_id(self) -> str:
        """As registered."""
        return self._host.spec.ec2_instance_id

    @property
    def registered_at(self) -> float:
        """As registered, seconds since 1970 UTC."""
        return self._host.spec.registered_at

    @property
    def running_tasks_count(self) -> int:
        """Tasks with desired status RUNNING (AGENT-011)."""
        return self._host.tasks

    @property
    def task_groups(self) -> Collection[str]:
        """Names of the groups present; a group without a name cannot be asked for."""
        names = self._group_names
        return [names[group] for group in self._host.groups if group in names]
