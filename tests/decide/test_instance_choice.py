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
        pytest.param(Requirements(generations=("previous",)), False, id="previous generations"),
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


@pytest.mark.rule("CAP-063")
def test_without_requirements_it_is_a_current_general_purpose_type() -> None:
    others = [
        replace(LARGE, series="c"),
        replace(LARGE, current=False),
        replace(LARGE, burstable=True),
        replace(LARGE, bare_metal=True),
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
