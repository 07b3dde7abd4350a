"""The whole state of one simulated account and Region."""

from __future__ import annotations

from dataclasses import dataclass, field

from ecssim.aws.names import CapacityProviderType
from ecssim.world.instances import AutoScalingGroup, Instance
from ecssim.world.places import Cluster, Subnet, TargetGroup
from ecssim.world.providers import Provider
from ecssim.world.services import Owner, Service


@dataclass(slots=True, eq=False)
class World:
    """Entities by ordinal, and by the names that calls use. Clock, luck and queue are elsewhere."""

    clusters: list[Cluster] = field(default_factory=list)
    subnets: list[Subnet] = field(default_factory=list)
    target_groups: list[TargetGroup] = field(default_factory=list)
    groups: list[AutoScalingGroup] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    task_groups: dict[tuple[int, str], Owner] = field(default_factory=dict)
    providers: dict[str, Provider] = field(default_factory=dict)
    #: The kind of every provider that has not been deleted: what a request may name.
    provider_kinds: dict[str, CapacityProviderType] = field(default_factory=dict)

    def add_provider(self, provider: Provider) -> None:
        """A capacity provider is created."""
        self.providers[provider.name] = provider
        self.provider_kinds[provider.name] = provider.kind

    def cluster_named(self, name: str | None) -> Cluster | None:
        """Return a cluster by name or ARN; without a name ``default``, or the only one there is."""
        if name is None:
            if len(self.clusters) == 1:
                return self.clusters[0]
            name = "default"
        bare = _resource(name, "cluster/")
        return next((c for c in self.clusters if c.name == bare), None)

    def service_named(self, name: str, cluster: str | None = None) -> Service | None:
        """Return a service by ``name``, ``cluster/name`` or ARN; a bare name must be unique without a cluster."""
        within, _, bare = _resource(name, "service/").rpartition("/")
        wanted = within or (_resource(cluster, "cluster/") if cluster is not None else None)
        found = [
            s for s in self.services if s.name == bare and s.status != "INACTIVE" and wanted in (None, s.cluster.name)
        ]
        return found[0] if len(found) == 1 else None


def _resource(name: str, kind: str) -> str:
    """What an ARN names, without account and kind; a plain name is what it is."""
    return name.rpartition(":")[-1].removeprefix(kind)
