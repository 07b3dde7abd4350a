"""EC2 instance types as container instances: what they register and how many awsvpc tasks they take.

Sizes are MiB, CPU is in ECS CPU units (1,024 = one vCPU). The figures come from ``data/ec2_types.csv``, which
``make catalogue`` writes; every row names its source and date. Implements ASG-061, ASG-062, NET-010 to
NET-016.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import ascii_lowercase
from types import MappingProxyType
from typing import Literal, cast

DATA = Path(__file__).parent / "data"

Architecture = Literal["x86_64", "arm64"]

#: Families of the quotas "Standard (A, C, D, H, I, M, R, T, Z)"; Im and Is are storage families of I.
_STANDARD = frozenset({"a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"})


@dataclass(frozen=True, slots=True)
class InstanceType:
    """One EC2 type, as DescribeInstanceTypes answers, with the branch interfaces that no API tells.

    ``branch_enis`` is 0 where Amazon ECS does not trunk the type or where no figure is known to us: the type
    then takes the awsvpc tasks of its own ENIs, also with the account setting ``awsvpcTrunking`` on.
    """

    name: str
    vcpu: int
    memory_mib: int
    architecture: Architecture
    gpus: int
    gpu_model: str
    max_enis: int
    ipv4_per_eni: int
    network_cards: int
    branch_enis: int
    burstable: bool
    bare_metal: bool
    source: str
    as_of: str

    @property
    def trunking(self) -> bool:
        """Whether ECS can attach a trunk interface to it (NET-015, NET-016, NET-023)."""
        return self.branch_enis > 0

    @property
    def family(self) -> str:
        """The part before the dot: ``m6i`` of ``m6i.large``."""
        return self.name.split(".", 1)[0]

    @property
    def standard(self) -> bool:
        """Whether its vCPUs count against the quotas of the standard families (SPOT-019)."""
        return self.name[: len(self.name) - len(self.name.lstrip(ascii_lowercase))] in _STANDARD

    @property
    def cpu_units(self) -> int:
        """CPU units that the agent registers: 1,024 per vCPU (ASG-061)."""
        return 1024 * self.vcpu

    @property
    def registered_memory_mib(self) -> int:
        """MiB that a Linux agent registers when ``ECS_RESERVED_MEMORY`` is 0 (ASG-062).

        The operating system keeps part of the nominal memory: 97.5 % of it remain, rounded down. An
        assumption made from AWS's example of an 8 GiB instance that shows about 7,985 MiB.
        """
        return self.memory_mib * 975 // 1000

    @property
    def registered_memory_windows_mib(self) -> int:
        """MiB that a Windows agent registers when ``ECS_RESERVED_MEMORY`` is 0 (ASG-062)."""
        return self.memory_mib - 1

    def awsvpc_tasks(self, trunking: bool, *, documented: bool = False) -> int:
        """Most tasks in network mode ``awsvpc`` that one instance can hold at a time.

        Without a trunk each task needs an ENI of its own beside the primary one (NET-010). With ``trunking``
        (the setting that was in force at launch, NET-017) tasks sit on branch interfaces, and the ENIs left
        after primary and trunk are still used (NET-011). ``documented`` prefers the figures of the ECS
        developer guide of 2023 where they deviate from the two formulas (NET-012).
        """
        if documented:
            exceptions = _DOCUMENTED_TRUNKED if trunking else _DOCUMENTED_PLAIN
            if self.name in exceptions:
                return exceptions[self.name]
        if trunking and self.trunking:
            return self.branch_enis + self.max_enis - 2
        return self.max_enis - 1


# Where the ECS developer guide (container-instance-eni, 2023) deviates from the formulas. Its "-2" for
# i4i.large is left out: no number of tasks.
_DOCUMENTED_TRUNKED: Mapping[str, int] = MappingProxyType(
    {
        "i4i.16xlarge": 248,
        "i4i.32xlarge": 498,
        "i4i.metal": 498,
        "trn1n.32xlarge": 242,
        "p3.2xlarge": 40,
        "p3.8xlarge": 60,
        "p3.16xlarge": 120,
        "u-6tb1.56xlarge": 12,
    }
)
# These had 14 ENIs when the guide was written and have 16 now.
_DOCUMENTED_PLAIN: Mapping[str, int] = MappingProxyType(
    {f"{family}.{size}": 13 for family in ("m6in", "m6idn", "c6in", "r6in", "r6idn") for size in ("32xlarge", "metal")}
)


@cache
def instance_types() -> Mapping[str, InstanceType]:
    """Every type of the catalogue by its name, in the order of the names."""
    with (DATA / "ec2_types.csv").open(newline="", encoding="utf-8") as stream:
        return MappingProxyType({row["instance_type"]: _read(row) for row in csv.DictReader(stream)})


def instance_type(name: str) -> InstanceType:
    """The type called ``name``; ``KeyError`` names it if the catalogue does not have it."""
    return instance_types()[name]


def _read(row: Mapping[str, str]) -> InstanceType:
    return InstanceType(
        name=row["instance_type"],
        vcpu=int(row["vcpu"]),
        memory_mib=int(row["memory_mib"]),
        architecture=cast(Architecture, row["architecture"]),
        gpus=int(row["gpus"]),
        gpu_model=row["gpu_model"],
        max_enis=int(row["max_enis"]),
        ipv4_per_eni=int(row["ipv4_per_eni"]),
        network_cards=int(row["network_cards"]),
        branch_enis=int(row["branch_enis"]),
        burstable=row["burstable"] == "true",
        bare_metal=row["bare_metal"] == "true",
        source=row["source"],
        as_of=row["as_of"],
    )
