"""A copy of a fleet: filled to what placement would place, and the fleet itself untouched."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.placement import RUN_TASK_DEFAULT, place
from ecssim.world.fleet import Fleet
from ecssim.world.requests import InstanceSpec, Request
from ecssim.world.trial_fleet import TrialFleet
from tests.world.test_fleet_oracle import SCARCITIES, Pair


@given(seed=st.integers(0, 2**32), instances=st.integers(0, 12))
def test_instances_filled_one_by_one_hold_what_placement_would_place(seed: int, instances: int) -> None:
    pair = Pair(random.Random(seed), SCARCITIES["everything"], False, instances)
    for _ in range(60):
        pair.act()
    request, group = pair.luck.choice(pair.requests), 1
    if not request.cpu and not request.memory:
        return
    trial = TrialFleet.of(pair.index)
    before = (pair.index.epoch, [pair.index.remaining(o) for o in pair.naive.instances])
    filled = {o: trial.fill(o, request, group, 10_000) for o in trial.ordinals(trial.seen(request))}
    for ordinal in filled:
        assert trial.lack(ordinal, request, group).checks, "a full instance says what it lacks"
    assert (pair.index.epoch, [pair.index.remaining(o) for o in pair.naive.instances]) == before

    placed = dict.fromkeys(filled, 0)
    while True:
        verdict = place(pair.naive, request, group, RUN_TASK_DEFAULT, pair.luck.random())
        if verdict.ordinal < 0:
            break
        pair.naive.reserve(verdict.ordinal, request, group)
        placed[verdict.ordinal] += 1
    assert placed == filled


def test_at_most_as_many_as_asked_for() -> None:
    fleet = Fleet()
    fleet.add(InstanceSpec(cpu=1024, memory=1024))
    trial = TrialFleet.of(fleet)
    assert trial.fill(0, Request(256, 1), 1, 2) == 2
    assert trial.group_count(1, 0) == 2
    assert trial.fill(0, Request(256, 1), 1, 99) == 2
    assert trial.fill(0, Request(256, 1), 1, 99) == 0
