"""Choosing Managed Instances: attributes, price protection, packing, zones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.instance_choice import (
    Offer,
    Range,
    Requirements,
    Want,
    by_zone,
    general_purpose,
    left_over,
    matches,
    plan,
    price_protected,
)
from ecssim.decide.managed_scaling import Need

LARGE = Offer(
    name="m9x.large",
    vcpu=2,
    memory_mib=8192,
    cpu=2048,
    memory=8000,
    gpus=0,
    eni_slots=10,
    enis=3,
    price=100,
    architecture="x86_64",
    manufacturer="intel",
    series="m",
    current=True,
    burstable=False,
    bare_metal=False,
    local_storage=False,
)


def offer(name: str, times: int, price: int, **more: object) -> Offer:
    """A type ``times`` as large as m9x.large."""
    size = {"vcpu": 2 * times, "memory_mib": 8192 * times, "cpu": 2048 * times, "memory": 8000 * times}
    return replace(LARGE, name=name, price=price, **{**size, **more})  # type: ignore[arg-type]


XLARGE = offer("m9x.xlarge", 2, 200)
HALF = Want(Need(1024, 1024))
WHOLE = Want(Need(2048, 1024))


@pytest.mark.rule("CAP-062")
@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        pytest.param(Requirements(), True, id="anything"),
        pytest.param(Requirements(vcpu=Range(2, 2)), True, id="just its vCPUs"),
        pytest.param(Requirements(vcpu=Range(3)), False, id="more vCPUs"),
        pytest.param(Requirements(vcpu=Range(0, 1)), False, id="fewer vCPUs"),
        pytest.param(Requirements(memory_mib=Range(8193)), False, id="more memory"),
        pytest.param(Requirements(memory_gib_per_vcpu=Range(4, 4)), True, id="4 GiB for a vCPU"),
        pytest.param(Requirements(memory_gib_per_vcpu=Range(5)), False, id="5 GiB for a vCPU"),
        pytest.param(Requirements(enis=Range(4)), False, id="more interfaces"),
        pytest.param(Requirements(gpus=Range(1)), False, id="a GPU"),
        pytest.param(Requirements(needs_gpu=True), False, id="a GPU by type"),
        pytest.param(Requirements(gpus=Range(0, 0)), True, id="no GPU"),
        pytest.param(Requirements(manufacturers=("amd", "intel")), True, id="Intel among others"),
        pytest.param(Requirements(manufacturers=("amd",)), False, id="AMD alone"),
        pytest.param(Requirements(allowed=("m9x.*",)), True, id="allowed by a pattern"),
        pytest.param(Requirements(allowed=("m9y.*", "m9x.xlarge")), False, id="not among the allowed"),
        pytest.param(Requirements(excluded=("m9x.large",)), False, id="excluded by name"),
        pytest.param(Requirements(allowed=("m9.*",)), False, id="a pattern ends in its last letter"),
        pytest.param(Requirements(generations=("previous",)), False, id="previous generations"),
        pytest.param(Requirements(generations=("previous", "current")), True, id="any generation"),
        pytest.param(Requirements(bare_metal="required"), False, id="bare metal required"),
        pytest.param(Requirements(bare_metal="included"), True, id="bare metal allowed"),
        pytest.param(Requirements(burstable="required"), False, id="burstable required"),
        pytest.param(Requirements(local_storage="required"), False, id="disks required"),
        pytest.param(Requirements(vcpu=Range(2, 2), manufacturers=("amd",)), False, id="all must hold"),
    ],
)
def test_a_type_must_satisfy_every_attribute(wanted: Requirements, holds: bool) -> None:
    assert matches(LARGE, wanted) is holds


@pytest.mark.rule("CAP-062")
@pytest.mark.parametrize("attribute", ["burstable", "bare_metal", "local_storage"])
def test_what_is_out_unless_it_is_asked_for(attribute: str) -> None:
    special = replace(LARGE, **{attribute: True})
    assert matches(special, Requirements()) is (attribute == "local_storage")
    assert matches(special, Requirements(**{attribute: "required"}))
    assert matches(special, Requirements(**{attribute: "included"}))
    assert not matches(special, Requirements(**{attribute: "excluded"}))


@pytest.mark.rule("CAP-062")
def test_a_type_of_a_previous_generation_and_one_with_a_single_gpu() -> None:
    assert matches(replace(LARGE, current=False), Requirements(generations=("previous",)))
    assert matches(replace(LARGE, gpus=1), Requirements(needs_gpu=True))


@pytest.mark.rule("CAP-063")
def test_without_requirements_it_is_a_current_general_purpose_type() -> None:
    others = [
        replace(LARGE, series="c"),
        replace(LARGE, current=False),
        replace(LARGE, burstable=True),
        replace(LARGE, bare_metal=True),
        replace(LARGE, local_storage=True),
    ]
    assert general_purpose([LARGE, XLARGE, *others]) == (LARGE, XLARGE)


@pytest.mark.rule("CAP-063")
def test_price_protection_starts_from_the_cheapest_usual_type() -> None:
    dear = offer("m9d.large", 1, 121, series="m")
    just = offer("m9j.large", 1, 120, series="m")
    odd = offer("z9.large", 1, 50, series="z")
    old = offer("m1.large", 1, 60, current=False)
    everything = [LARGE, dear, just, odd, old]
    # 100 is the cheapest current C, M or R type: 50 and 60 do not count, and are cheap enough themselves.
    assert price_protected(everything, 20) == (LARGE, just, odd, old)
    assert price_protected(everything, None) == tuple(everything)
    # Without a usual type the cheapest current one counts, else the cheapest.
    assert price_protected([dear_z := replace(dear, series="z"), odd, old], 20) == (odd, old)
    assert price_protected([replace(dear_z, current=False), old], 20) == (old,)
    # C and R types are usual ones as well.
    for series in ("c", "r"):
        cheapest = offer(f"{series}9.large", 1, 100, series=series)
        assert price_protected([cheapest, dear, just, odd], 20) == (cheapest, just, odd)
    # A size does not make a type dear.
    assert price_protected([LARGE, offer("m9x.4xlarge", 4, 400)], 0) == (LARGE, offer("m9x.4xlarge", 4, 400))


@pytest.mark.rule("CAP-064")
def test_the_lowest_price_for_a_task_is_taken_and_ties_go_to_the_smaller_type() -> None:
    # Equal by task: the smaller one, four times.
    (launch,) = {(launch.offer.name) for launch in plan({HALF: 8}, [XLARGE, LARGE])}
    assert launch == "m9x.large"
    cheap = replace(XLARGE, price=199)
    assert [launch.offer.name for launch in plan({HALF: 8}, [LARGE, cheap])] == ["m9x.xlarge"] * 2
    # Of nine tasks the last one is alone: it pays for a whole instance, so for the smaller.
    assert [x.offer.name for x in plan({HALF: 9}, [LARGE, cheap])] == ["m9x.xlarge", "m9x.xlarge", "m9x.large"]


@pytest.mark.rule("CAP-064")
def test_enis_bound_what_an_instance_takes() -> None:
    small = Want(Need(64, 64, eni=True))
    assert [dict(x.tasks) for x in plan({small: 25}, [LARGE])] == [{small: 10}, {small: 10}, {small: 5}]


@pytest.mark.rule("CAP-064")
@pytest.mark.parametrize(
    ("need", "held"),
    [
        pytest.param(Need(64, 64), 9, id="nine tasks of no special need"),
        pytest.param(Need(64, 64, ports=(("tcp", 80),)), 1, id="a host port is there once"),
        pytest.param(Need(64, 64, alone=True), 1, id="distinctInstance takes one each"),
        pytest.param(Need(64, 64, gpus=1), 3, id="a GPU each"),
    ],
)
def test_what_one_instance_takes_of_nine_tasks(need: Need, held: int) -> None:
    with_gpus = replace(LARGE, gpus=3)
    launches = plan({Want(need): 9}, [with_gpus])
    assert [sum(launch.tasks.values()) for launch in launches] == [held] * (9 // held)


@pytest.mark.rule("CAP-064")
def test_ports_gpus_and_interfaces_that_one_need_took_are_gone_for_the_next() -> None:
    web, other = Want(Need(64, 64, ports=(("tcp", 80), ("tcp", 81)))), Want(Need(32, 32, ports=(("tcp", 81),)))
    elsewhere = Want(Need(32, 32, ports=(("tcp", 82),)))
    assert left_over({web: 1, other: 1, elsewhere: 1}, [LARGE]) == {other: 1}
    alone, beside = Want(Need(64, 64, alone=True)), Want(Need(32, 32, alone=True))
    assert left_over({alone: 1, beside: 1}, [LARGE]) == {}, "each is alone among its own"
    assert left_over({web: 2}, [LARGE, LARGE]) == {}
    gpus, more = Want(Need(64, 64, gpus=2)), Want(Need(32, 32, gpus=1))
    assert left_over({gpus: 1, more: 2}, [replace(LARGE, gpus=3)]) == {more: 1}
    enis, plain = Want(Need(64, 64, eni=True)), Want(Need(32, 32))
    small = Want(Need(16, 16, eni=True))
    assert left_over({enis: 8, plain: 5, small: 4}, [LARGE]) == {small: 2}


@pytest.mark.rule("CAP-064")
def test_gpus_come_before_cpu_and_cpu_before_memory() -> None:
    gpu, big, wide = Want(Need(64, 64, gpus=1)), Want(Need(2048, 64)), Want(Need(2048, 4000))
    room = replace(LARGE, gpus=1)
    assert left_over({big: 1, gpu: 1}, [room]) == {big: 1}
    assert left_over({big: 1, wide: 1}, [room]) == {big: 1}


@pytest.mark.rule("CAP-064")
def test_an_instance_is_launched_again_only_as_often_as_it_can_be_filled_the_same_way() -> None:
    small = Want(Need(512, 512))
    launches = plan({HALF: 3, small: 2}, [LARGE])
    assert [dict(launch.tasks) for launch in launches] == [{HALF: 2}, {HALF: 1, small: 2}]
    twice = plan({Want(Need(1024, 1)): 2, Want(Need(512, 1)): 9}, [LARGE])
    assert sum(sum(launch.tasks.values()) for launch in twice) == 11


@pytest.mark.rule("CAP-064")
def test_the_largest_tasks_are_packed_first_and_on_what_is_coming() -> None:
    small = Want(Need(512, 512))
    (launch,) = plan({small: 2, HALF: 1}, [LARGE])
    assert dict(launch.tasks) == {HALF: 1, small: 2}
    assert left_over({small: 3, HALF: 1}, [LARGE]) == {small: 1}
    assert left_over({WHOLE: 2, HALF: 2}, [LARGE, XLARGE]) == {}


@pytest.mark.rule("CAP-064")
def test_architectures_are_groups_of_their_own() -> None:
    arm = replace(LARGE, name="m9g.large", architecture="arm64", price=80)
    on_arm, on_x86, on_any = (Want(Need(1024, 1024), a) for a in ("arm64", "x86_64", ""))
    assert [x.offer.name for x in plan({on_any: 2}, [LARGE, arm])] == ["m9g.large"]
    assert [x.offer.name for x in plan({on_x86: 2}, [LARGE, arm])] == ["m9x.large"]
    assert sorted(x.offer.name for x in plan({on_arm: 2, on_x86: 2}, [LARGE, arm])) == ["m9g.large", "m9x.large"]
    assert plan({on_arm: 1}, [LARGE]) == []


@pytest.mark.rule("CAP-064")
@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 20000), st.integers(1, 30)), max_size=5))
def test_every_task_that_a_type_holds_is_on_one_instance(given_needs: list[tuple[int, int, int]]) -> None:
    waiting = {Want(Need(cpu, memory)): count for cpu, memory, count in given_needs}
    launches = plan(waiting, [LARGE, XLARGE])
    for want, count in waiting.items():
        fits = want.need.cpu <= XLARGE.cpu and want.need.memory <= XLARGE.memory
        assert sum(x.tasks.get(want, 0) for x in launches) == (count if fits else 0)
    for launch in launches:
        assert sum(w.need.cpu * n for w, n in launch.tasks.items()) <= launch.offer.cpu
        assert sum(w.need.memory * n for w, n in launch.tasks.items()) <= launch.offer.memory


@pytest.mark.rule("CAP-065")
def test_zones_are_evened_out() -> None:
    assert by_zone(7, ["a", "b", "c"], {}) == {"a": 3, "b": 2, "c": 2}
    assert by_zone(3, ["a", "b", "c"], {"a": 2}) == {"a": 0, "b": 2, "c": 1}
