"""The fleet index and the plain scan agree on every question, over random histories of clusters short of
CPU, memory, ports, ENI slots or GPUs."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecssim.decide.placement import RUN_TASK_DEFAULT, SERVICE_DEFAULT, StrategyItem, place
from ecssim.world import fleet as fleet_module
from ecssim.world import fleet_ladder
from ecssim.world.fleet import Fleet
from ecssim.world.lack import NOTHING
from ecssim.world.naive_fleet import NaiveFleet
from ecssim.world.requests import InstanceFacts, InstanceSpec, Request

ZONES = ("eu-a", "eu-b", "eu-c")
STRATEGIES = (
    SERVICE_DEFAULT,
    RUN_TASK_DEFAULT,
    (),
    (StrategyItem("binpack", "cpu"),),
    (StrategyItem("binpack", "memory"),),
    (StrategyItem("spread", "host"), StrategyItem("binpack", "memory")),
    (StrategyItem("spread", "attribute:rack"), StrategyItem("binpack", "CPU")),
    (StrategyItem("spread", "attribute:ecs.availability-zone"), StrategyItem("random")),
    (StrategyItem("binpack", "memory"), StrategyItem("binpack", "cpu"), StrategyItem("spread", "instanceId")),
)


@dataclass(frozen=True)
class Where:
    """A predicate of the test's own, so that this file does not depend on the query language."""

    key: str
    dynamic: bool

    def __call__(self, facts: InstanceFacts) -> bool:
        if self.key == "on rack r1":
            return facts.attributes.get("rack") == "r1"
        if self.key == "beside group 1":
            return "service:one" in facts.task_groups
        return facts.agent_connected and facts.running_tasks_count < 2


CONSTRAINTS = (Where("on rack r1", False), Where("beside group 1", True), Where("few tasks", True))


@dataclass(frozen=True)
class Scarcity:
    """What a cluster is short of: amounts registered, and the share of requests that ask for each thing."""

    cpu: int = 16384
    memory: int = 65536
    eni_slots: int = 50
    gpus: int = 0
    eni: float = 0.2
    ports: float = 0.1
    gpu: float = 0.0


SCARCITIES = {
    "cpu": Scarcity(cpu=4096),
    "memory": Scarcity(memory=8192),
    "eni": Scarcity(eni_slots=2, eni=0.9),
    "ports": Scarcity(ports=0.9),
    "gpu": Scarcity(gpus=2, gpu=0.8),
    "everything": Scarcity(cpu=4096, memory=8192, eni_slots=2, gpus=1, eni=0.5, ports=0.3, gpu=0.2),
}


def requests_of(luck: random.Random, scarce: Scarcity, odd: bool) -> list[Request]:
    made = []
    for _ in range(200 if odd else 20):
        cpu = luck.randrange(1, 3000) if odd else luck.choice((0, 256, 512, 1024, 2048))
        memory = luck.randrange(1, 6000) if odd else luck.choice((512, 1024, 2048, 4096))
        ports = luck.random() < scarce.ports
        made.append(
            Request(
                cpu,
                memory,
                gpus=luck.randrange(1, 3) if luck.random() < scarce.gpu else 0,
                eni=luck.random() < scarce.eni,
                tcp_ports=tuple(luck.sample((80, 443, 8080, 22), 2)) if ports else (),
                udp_ports=(53,) if ports and luck.random() < 0.5 else (),
                attributes=("ecs.capability.task-eni",) if luck.random() < 0.2 else (),
                zones=tuple(luck.sample(ZONES, 2)) if luck.random() < 0.2 else None,
                capacity_provider="blue" if luck.random() < 0.15 else None,
                constraints=tuple(luck.sample(CONSTRAINTS, 1)) if luck.random() < 0.2 else (),
                distinct=luck.random() < 0.15,
            )
        )
    return made


def spec_of(luck: random.Random, scarce: Scarcity) -> InstanceSpec:
    attributes: dict[str, str | None] = {}
    if luck.random() < 0.8:
        attributes["ecs.capability.task-eni"] = None
    if luck.random() < 0.8:
        attributes["rack"] = luck.choice(("r1", "r2", "r3", None))
    return InstanceSpec(
        scarce.cpu // luck.choice((1, 2)),
        scarce.memory // luck.choice((1, 2)) - luck.choice((0, 37)),
        scarce.gpus,
        scarce.eni_slots,
        luck.choice(ZONES),
        attributes,
        luck.choice(("blue", "green", None)),
        reserved_tcp=luck.choice(((), (22,))),
    )


class Pair:
    """Both fleets under the same history, with what runs on them."""

    def __init__(self, luck: random.Random, scarce: Scarcity, odd: bool, instances: int) -> None:
        self.luck, self.scarce = luck, scarce
        self.index, self.naive = Fleet(), NaiveFleet()
        self.requests = requests_of(luck, scarce, odd)
        self.running: list[tuple[int, Request, int]] = []
        self.enis: list[int] = []
        for fleet in (self.index, self.naive):
            fleet.name_group(1, "service:one")
        for _ in range(instances):
            self.add()

    def add(self) -> None:
        spec = spec_of(self.luck, self.scarce)
        assert self.index.add(spec) == self.naive.add(spec)

    def act(self) -> None:
        luck = self.luck
        ordinals = list(self.naive.instances)
        dice = luck.random()
        if dice < 0.55 or not ordinals:
            self.place()
        elif dice < 0.8 and self.running:
            ordinal, request, group = self.running.pop(luck.randrange(len(self.running)))
            self.both("release", ordinal, request, group)
            if request.eni:
                self.enis.append(ordinal)
        elif dice < 0.86 and self.enis:
            self.both("release_eni", self.enis.pop(luck.randrange(len(self.enis))))
        elif dice < 0.89:
            self.add()
        elif dice < 0.92:
            self.both("remove", luck.choice(ordinals))
        elif dice < 0.95:
            self.both("set_status", luck.choice(ordinals), luck.random() < 0.6)
        elif dice < 0.98:
            self.both("set_connected", luck.choice(ordinals), luck.random() < 0.6)
        else:
            name = luck.choice(("rack", "ecs.capability.task-eni", "new"))
            self.both("set_attribute", luck.choice(ordinals), name, luck.choice(("r1", "r2", None)))

    def both(self, act: str, *args: object) -> None:
        getattr(self.index, act)(*args)
        getattr(self.naive, act)(*args)

    def place(self) -> None:
        luck = self.luck
        request, group = luck.choice(self.requests), luck.randrange(4)
        strategy, u = luck.choice(STRATEGIES), luck.random()
        tie = luck.choice(("ordinal", "random"))
        epochs = self.index.epoch, self.naive.epoch
        mine = place(self.index, request, group, strategy, u, tie)
        theirs = place(self.naive, request, group, strategy, u, tie)
        assert mine.ordinal == theirs.ordinal
        assert mine.reason == theirs.reason
        assert mine.rejections[1:] == theirs.rejections[1:]
        assert self.index.ordinals(mine.rejections.candidates) == list(theirs.rejections.candidates)
        assert self.index.eligible(request, group) == mine.rejections.candidates
        if mine.ordinal < 0:
            assert self.index.closest(request, group) == self.naive.closest(request, group)
        elif self.naive.instances:
            probe = luck.choice(list(self.naive.instances))
            assert self.index.fits(probe, request, group) == self.naive.fits(probe, request, group)
        assert tuple(self.index.ordinals(self.index.seen(request))) == self.naive.seen(request)
        for ordinal in self.naive.seen(request)[:5]:
            lack = self.index.lack(ordinal, request, group)
            assert lack == self.naive.lack(ordinal, request, group)
            assert list(lack.checks) == self.naive.instances[ordinal].failed_checks(request, group)
            assert (lack == NOTHING) == self.naive.fits(ordinal, request, group)
        assert (self.index.epoch, self.naive.epoch) == epochs, "a decision moved the world"
        if mine.ordinal >= 0:
            self.both("reserve", mine.ordinal, request, group)
            self.running.append((mine.ordinal, request, group))

    def same_ledger(self) -> None:
        for ordinal, instance in self.naive.instances.items():
            left = self.index.remaining(ordinal)
            assert left == instance.remaining()
            assert min(left) >= 0
            for group in range(4):
                assert self.index.group_count(group, ordinal) == instance.tasks_of(group)


@pytest.mark.rule("PLACE-001", "PLACE-002", "PLACE-003", "PLACE-005", "PLACE-006", "PLACE-007", "PLACE-008")
@pytest.mark.rule("PLACE-021", "PLACE-022", "PLACE-024", "PLACE-025", "PLACE-026", "PLACE-027", "PLACE-041")
@pytest.mark.parametrize("odd", [False, True], ids=["20 round sizes", "200 odd sizes"])
@pytest.mark.parametrize("scarce", SCARCITIES.values(), ids=[f"short of {name}" for name in SCARCITIES])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), instances=st.integers(0, 30))
def test_index_and_oracle_agree(scarce: Scarcity, odd: bool, seed: int, instances: int) -> None:
    pair = Pair(random.Random(seed), scarce, odd, instances)
    for _ in range(120):
        pair.act()
    pair.same_ledger()
    assert pair.index.epoch >= instances


@pytest.mark.parametrize("odd", [False, True], ids=["20 round sizes", "200 odd sizes"])
def test_they_agree_when_positions_are_renumbered_and_sizes_outgrow_the_thresholds(
    odd: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_module, "RENUMBER_FROM", 8)
    monkeypatch.setattr(fleet_ladder, "EXACT_SIZES", 4)
    monkeypatch.setattr(fleet_ladder, "KNOWN_SIZES", 12)
    luck = random.Random(11)
    pair = Pair(luck, SCARCITIES["everything"], odd, 12)
    for _ in range(40):
        for _ in range(30):
            pair.act()
        for ordinal in list(pair.naive.instances)[: luck.randrange(4)]:
            pair.both("remove", ordinal)
        pair.add()
        pair.add()
        pair.same_ledger()
    assert max(pair.naive.instances) > 60, "the history must bury more instances than it keeps"
