"""The control plane's ledger of one cluster: what reserving, releasing and leaving move."""

from __future__ import annotations

import pytest

from ecssim.errors import InvariantBroken
from ecssim.world import fleet as fleet_module
from ecssim.world import fleet_masks
from ecssim.world.fleet import Fleet
from ecssim.world.naive_fleet import NaiveFleet
from ecssim.world.requests import InstanceSpec, Request, Resources

SPEC = InstanceSpec(4096, 8000, gpus=2, eni_slots=2, zone="a", reserved_tcp=(22, 51678))
TASK = Request(1024, 2000, gpus=1, eni=True, tcp_ports=(80,), udp_ports=(53,))


def one_instance() -> tuple[Fleet, int]:
    fleet = Fleet()
    return fleet, fleet.add(SPEC)


@pytest.mark.rule("PLACE-008")
def test_a_reservation_takes_all_of_the_shape_and_one_eni_slot() -> None:
    fleet, ordinal = one_instance()
    fleet.reserve(ordinal, TASK, 7)
    assert fleet.remaining(ordinal) == Resources(3072, 6000, 1, 1)
    assert fleet.registered(ordinal) == Resources(4096, 8000, 2, 2)
    assert fleet.group_count(7, ordinal) == 1
    assert not fleet.fits(ordinal, TASK, 7), "ports 80 and 53 are taken"


@pytest.mark.rule("AGENT-041")
def test_stopping_a_task_gives_all_back_but_the_eni_slot() -> None:
    fleet, ordinal = one_instance()
    fleet.reserve(ordinal, TASK, 7)
    fleet.release(ordinal, TASK, 7)
    assert fleet.remaining(ordinal) == Resources(4096, 8000, 2, 1)
    assert fleet.group_count(7, ordinal) == 0
    fleet.release_eni(ordinal)
    assert fleet.remaining(ordinal) == fleet.registered(ordinal)


@pytest.mark.parametrize(
    "request_",
    [
        Request(4097, 1),
        Request(1, 8001),
        Request(1, 1, gpus=3),
        Request(1, 1, tcp_ports=(22,)),
    ],
    ids=["too much CPU", "too much memory", "too many GPUs", "a port of the agent"],
)
def test_what_does_not_fit_cannot_be_reserved_and_changes_nothing(request_: Request) -> None:
    fleet, ordinal = one_instance()
    before = fleet.epoch, fleet.remaining(ordinal)
    with pytest.raises(InvariantBroken):
        fleet.reserve(ordinal, request_, 1)
    assert (fleet.epoch, fleet.remaining(ordinal)) == before


def test_without_a_free_eni_slot_an_awsvpc_task_cannot_be_reserved() -> None:
    fleet, ordinal = one_instance()
    task = Request(1, 1, eni=True)
    fleet.reserve(ordinal, task, 1)
    fleet.reserve(ordinal, task, 1)
    with pytest.raises(InvariantBroken):
        fleet.reserve(ordinal, task, 1)


def test_what_was_never_reserved_cannot_be_released() -> None:
    fleet, ordinal = one_instance()
    with pytest.raises(InvariantBroken):
        fleet.release(ordinal, TASK, 7)
    with pytest.raises(InvariantBroken):
        fleet.release_eni(ordinal)
    assert fleet.remaining(ordinal) == fleet.registered(ordinal)


def test_releases_on_an_instance_that_is_gone_change_nothing() -> None:
    fleet, ordinal = one_instance()
    fleet.reserve(ordinal, TASK, 7)
    fleet.remove(ordinal)
    epoch = fleet.epoch
    fleet.release(ordinal, TASK, 7)
    fleet.release_eni(ordinal)
    assert fleet.epoch == epoch
    assert ordinal not in fleet
    assert not fleet.fits(ordinal, TASK, 7)
    assert fleet.add(SPEC) == ordinal + 1, "an ordinal is never used again"


def test_only_what_may_let_a_task_fit_counts_as_a_release() -> None:
    fleet, ordinal = one_instance()

    def grew(act, *args: object) -> bool:
        before = fleet.releases
        act(*args)
        return fleet.releases > before

    assert not grew(fleet.reserve, ordinal, TASK, 7)
    assert grew(fleet.release, ordinal, TASK, 7)
    assert grew(fleet.release_eni, ordinal)
    assert grew(fleet.add, SPEC)
    assert not grew(fleet.set_status, ordinal, False)
    assert grew(fleet.set_status, ordinal, True)
    assert not grew(fleet.set_connected, ordinal, False)
    assert grew(fleet.set_connected, ordinal, True)
    assert grew(fleet.set_attribute, ordinal, "rack", "r1")
    assert not grew(fleet.remove, ordinal)


@pytest.mark.parametrize("kind", [Fleet, NaiveFleet], ids=["index", "scan"])
def test_every_act_moves_the_epoch_up_and_no_question_does(kind: type[Fleet | NaiveFleet]) -> None:
    fleet = kind()
    epochs = [fleet.epoch]
    for act, *args in (
        (fleet.add, SPEC),
        (fleet.reserve, 0, TASK, 7),
        (fleet.release, 0, TASK, 7),
        (fleet.release_eni, 0),
        (fleet.set_status, 0, False),
        (fleet.set_connected, 0, False),
        (fleet.set_attribute, 0, "rack", "r1"),
        (fleet.remove, 0),
    ):
        act(*args)
        epochs.append(fleet.epoch)
        fleet.rejections(TASK, 7)
        assert fleet.epoch == epochs[-1]
    assert epochs == sorted(set(epochs))
    for act, *args in ((fleet.release, 0, TASK, 7), (fleet.release_eni, 0)):
        act(*args)
        assert fleet.epoch == epochs[-1], "nothing moves on an instance that is gone"


def test_shapes_that_are_asked_for_once_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_masks, "SHAPES_KEPT", 5)
    fleet, ordinal = one_instance()
    for cpu in range(1, 40):
        assert fleet.ordinals(fleet.eligible(Request(cpu * 200, 1), 1)) == ([ordinal] if cpu <= 20 else [])
    assert len(fleet._shapes) <= 5


def test_candidates_follow_the_instances_state_without_another_question_in_between() -> None:
    fleet, ordinal = one_instance()
    assert fleet.ordinals(fleet.eligible(TASK, 7)) == [ordinal]
    fleet.set_status(ordinal, False)
    assert fleet.ordinals(fleet.eligible(TASK, 7)) == []
    fleet.set_status(ordinal, True)
    assert fleet.ordinals(fleet.eligible(TASK, 7)) == [ordinal]


@pytest.mark.parametrize(
    "request_",
    [Request(101, 100), Request(100, 101), Request(100, 100, gpus=1)],
    ids=["more CPU", "more memory", "a GPU"],
)
def test_no_task_gives_back_more_than_it_holds(request_: Request) -> None:
    fleet, ordinal = one_instance()
    fleet.reserve(ordinal, Request(100, 100), 7)
    with pytest.raises(InvariantBroken, match="holds no"):
        fleet.release(ordinal, request_, 7)
    assert fleet.remaining(ordinal) == Resources(3996, 7900, 2, 2)


def test_what_was_learnt_of_a_request_is_learnt_anew_when_positions_close_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "RENUMBER_FROM", 4)
    fleet, task = Fleet(), Request(100, 100)
    for _ in range(6):
        fleet.add(SPEC)
    for ordinal in range(4):
        fleet.remove(ordinal)
    assert fleet.ordinals(fleet.eligible(task, 1)) == [4, 5]
    assert fleet.add(SPEC) == 6
    assert fleet.ordinals(fleet.eligible(task, 1)) == [4, 5, 6]


def test_a_group_without_a_task_there_releases_none() -> None:
    fleet, ordinal = one_instance()
    fleet.reserve(ordinal, TASK, 7)
    with pytest.raises(InvariantBroken, match="holds no"):
        fleet.release(ordinal, TASK, 8)
    assert fleet.group_count(7, ordinal) == 1
