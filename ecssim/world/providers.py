"""The capacity providers of the account, as calls find them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ecssim.aws.names import CapacityProviderStatus, CapacityProviderType, CapacityProviderUpdateStatus
from ecssim.world.instances import AutoScalingGroup

FARGATE_PROVIDERS = (CapacityProviderType.FARGATE, CapacityProviderType.FARGATE_SPOT)


@dataclass(slots=True, eq=False)
class Provider:
    """One capacity provider (CAP-001, CAP-002): what it is, who uses it, and where its last change has got to.

    ``group`` is what its instances belong to, None for the two of Fargate. ``clusters`` are the names of the
    clusters with which it is associated; a provider of Managed Instances has one for life (CAP-060).
    """

    name: str
    kind: CapacityProviderType
    group: AutoScalingGroup | None = None
    status: CapacityProviderStatus = CapacityProviderStatus.ACTIVE
    update_status: CapacityProviderUpdateStatus = CapacityProviderUpdateStatus.CREATE_COMPLETE
    clusters: dict[str, None] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether a strategy may name it (CAP-011)."""
        return self.status is CapacityProviderStatus.ACTIVE
