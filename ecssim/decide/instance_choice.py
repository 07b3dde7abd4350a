"""Which instances ECS launches for tasks that wait on Managed Instances: by attributes, price and packing.

:func:`matching` leaves the types that satisfy the requirements, :func:`price_protected` those that are not too dear,
and :func:`plan` chooses what to launch: on the room that is on its way first, then again and again the type with the
lowest price for a task. Prices are whole nanodollars an hour, sizes CPU units and MiB. Implements CAP-062 to CAP-065.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from ecssim.decide.managed_scaling import Need


@dataclass(frozen=True, slots=True)
class Offer:
    """One instance type as ECS may buy it: what it registers, its attributes, its price for an hour."""

    name: str
    vcpu: int
    memory_mib: int
    cpu: int
    memory: int
    gpus: int
    eni_slots: int
    enis: int
    price: int
    architecture: str
    manufacturer: str
    series: str
    current: bool
    burstable: bool
    bare_metal: bool
    local_storage: bool

    @property
    def by_vcpu(self) -> Fraction:
        """Nanodollars for a vCPU-hour, by which types of all sizes can be compared."""
        return Fraction(self.price, self.vcpu)


class Range(NamedTuple):
    """At least ``low``, at most ``high`` (None: no limit)."""

    low: float = 0
    high: float | None = None

    def holds(self, value: float) -> bool:
        """Whether the value is within."""
        return value >= self.low and (self.high is None or value <= self.high)


ANY = Range()


@dataclass(frozen=True, slots=True)
class Requirements:
    """``instanceRequirements``: a type must satisfy all of them (CAP-062).

    Empty tuples allow anything; patterns of ``allowed`` and ``excluded`` may end in ``*``. Bare metal and burstable
    types are out unless they are asked for, local disks are allowed.
    """

    vcpu: Range = ANY
    memory_mib: Range = ANY
    memory_gib_per_vcpu: Range = ANY
    enis: Range = ANY
    gpus: Range = ANY
    needs_gpu: bool = False
    manufacturers: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    generations: tuple[str, ...] = ()
    bare_metal: str = "excluded"
    burstable: str = "excluded"
    local_storage: str = "included"


def matches(offer: Offer, wanted: Requirements) -> bool:
    """Whether a type satisfies every attribute."""
    return (
        wanted.vcpu.holds(offer.vcpu)
        and wanted.memory_mib.holds(offer.memory_mib)
        and wanted.memory_gib_per_vcpu.holds(offer.memory_mib / 1024 / offer.vcpu)
        and wanted.enis.holds(offer.enis)
        and wanted.gpus.holds(offer.gpus)
        and (offer.gpus > 0 or not wanted.needs_gpu)
        and (not wanted.manufacturers or offer.manufacturer in wanted.manufacturers)
        and (not wanted.allowed or _named(offer.name, wanted.allowed))
        and not _named(offer.name, wanted.excluded)
        and (not wanted.generations or ("current" if offer.current else "previous") in wanted.generations)
        and _present(offer.bare_metal, wanted.bare_metal)
        and _present(offer.burstable, wanted.burstable)
        and _present(offer.local_storage, wanted.local_storage)
    )


def _named(name: str, patterns: Iterable[str]) -> bool:
    return any(name.startswith(p[:-1]) if p.endswith("*") else name == p for p in patterns)


def _present(has: bool, wanted: str) -> bool:
    return wanted == "included" or has == (wanted == "required")


def general_purpose(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """What ECS chooses from without requirements: current types of the M series (CAP-063)."""
    plain = Requirements(generations=("current",), local_storage="excluded")
    return tuple(o for o in offers if o.series == "m" and matches(o, plain))


def price_protected(offers: Sequence[Offer], percent: int | None) -> tuple[Offer, ...]:
    """Leave out types dearer than ``percent`` over the cheapest current C, M or R type among them (CAP-063).

    Without such a type the cheapest current one, else the cheapest at all, is what the others are held to. Prices are
    compared by vCPU, so that the size of a type does not matter.
    """
    if percent is None or not offers:
        return tuple(offers)
    usual = [o for o in offers if o.current and o.series in ("c", "m", "r")]
    known = usual or [o for o in offers if o.current] or offers
    lowest = min(o.by_vcpu for o in known)
    return tuple(o for o in offers if 100 * o.by_vcpu <= (100 + percent) * lowest)


class Want(NamedTuple):
    """Tasks of one need that may run on one architecture (empty: on any)."""

    need: Need
    architecture: str = ""


class Launch(NamedTuple):
    """One instance to launch and the tasks that it is launched for."""

    offer: Offer
    tasks: Mapping[Want, int]


class _Room:
    """What an instance still has to give while it is being packed."""

    __slots__ = ("architecture", "cpu", "eni", "gpus", "memory", "ports")

    def __init__(self, offer: Offer) -> None:
        self.cpu, self.memory, self.gpus, self.eni = offer.cpu, offer.memory, offer.gpus, offer.eni_slots
        self.architecture = offer.architecture
        self.ports: set[object] = set()

    def take(self, want: Want, most: int) -> int:
        """Put up to ``most`` tasks on it; return how many it took."""
        need = want.need
        if want.architecture not in ("", self.architecture):
            return 0
        fits = most
        for have, ask in (
            (self.cpu, need.cpu),
            (self.memory, need.memory),
            (self.gpus, need.gpus),
            (self.eni, int(need.eni)),
        ):
            if ask:
                fits = min(fits, have // ask)
        if need.ports or need.alone:
            marks = {*need.ports, *((need,) if need.alone else ())}
            fits = 0 if marks & self.ports else min(fits, 1)
            if fits:
                self.ports |= marks
        self.cpu -= fits * need.cpu
        self.memory -= fits * need.memory
        self.gpus -= fits * need.gpus
        self.eni -= fits if need.eni else 0
        return fits


def _largest_first(want: Want) -> tuple[int, int, int]:
    return (-want.need.gpus, -want.need.cpu, -want.need.memory)


def _pack(offer: Offer, waiting: Mapping[Want, int]) -> dict[Want, int]:
    """Pack an empty instance, the largest tasks first."""
    room = _Room(offer)
    packed = {}
    for want in sorted(waiting, key=_largest_first):
        taken = room.take(want, waiting[want])
        if taken:
            packed[want] = taken
    return packed


def left_over(waiting: Mapping[Want, int], coming: Iterable[Offer]) -> dict[Want, int]:
    """What still waits when the instances on their way are filled, the largest tasks first (CAP-064)."""
    left = {want: count for want, count in waiting.items() if count}
    rooms = [_Room(offer) for offer in coming]
    for want in sorted(left, key=_largest_first):
        for room in rooms:
            left[want] -= room.take(want, left[want])
    return {want: count for want, count in left.items() if count}


def plan(waiting: Mapping[Want, int], offers: Sequence[Offer]) -> list[Launch]:
    """Choose the instances for what waits: always the lowest price for a task, ties to the smaller type (CAP-064).

    Tasks that no type holds are left.
    """
    left = {want: count for want, count in waiting.items() if count}
    launches = []
    while left:
        choices = [(offer, packed) for offer in offers if (packed := _pack(offer, left))]
        if not choices:
            break
        offer, packed = min(choices, key=_worth)
        # The same choice again as long as it can be filled the same way.
        for _ in range(min(left[want] // count for want, count in packed.items())):
            launches.append(Launch(offer, packed))
            for want, count in packed.items():
                left[want] -= count
        left = {want: count for want, count in left.items() if count}
    return launches


def _worth(choice: tuple[Offer, dict[Want, int]]) -> tuple[Fraction, int, int, str]:
    """The price for a task, then the size."""
    offer, packed = choice
    return Fraction(offer.price, sum(packed.values())), offer.vcpu, offer.memory_mib, offer.name


def by_zone(tasks: int, zones: Sequence[str], have: Mapping[str, int]) -> dict[str, int]:
    """Share tasks out among zones so that they even out what is there already (CAP-065); ties in the zones' order."""
    shares = dict.fromkeys(zones, 0)
    for _ in range(tasks):
        zone = min(zones, key=lambda z: (have.get(z, 0) + shares[z], zones.index(z)))
        shares[zone] += 1
    return shares
