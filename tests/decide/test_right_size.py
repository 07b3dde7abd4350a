"""Smaller sizes by hand: headroom, floors, the cheapest size that Fargate has, whole steps on instances."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ecssim.catalog import fargate_sizes
from ecssim.decide.right_size import Peak, Size, fargate_size, needed, reservation

NONE = Size(0, 0)
PRICES = Decimal("0.04048") / 1024, Decimal("0.004445") / 1024


@pytest.mark.parametrize(
    ("peak", "floor", "need"),
    [
        pytest.param(Peak(307.2, 1024.0), NONE, Size(439, 1280), id="307.2 / 0.7 and 1,024 / 0.8, rounded up"),
        pytest.param(Peak(0.0, 1024.0), NONE, Size(1024, 1280), id="nothing is known of the CPU: it stays"),
        pytest.param(Peak(307.2, 0.0), NONE, Size(439, 4096), id="nothing is known of the memory: it stays"),
        pytest.param(Peak(1000.0, 4000.0), NONE, Size(1024, 4096), id="a full task gets no larger"),
        pytest.param(Peak(7.0, 8.0), Size(512, 2048), Size(512, 2048), id="containers keep it from shrinking further"),
        pytest.param(Peak(0.5, 0.5), NONE, Size(1, 1), id="less than a unit and less than a MiB"),
        pytest.param(Peak(70.0, 80.0), NONE, Size(100, 100), id="exactly at the headroom"),
    ],
)
def test_what_a_task_needs(peak: Peak, floor: Size, need: Size):
    assert needed(Size(1024, 4096), peak, floor) == need


@pytest.mark.rule("FG-001")
@pytest.mark.parametrize(
    ("size", "need", "better"),
    [
        (Size(1024, 4096), Size(439, 1280), Size(512, 2048)),
        (Size(1024, 4096), Size(200, 3000), Size(512, 3072)),
        (Size(1024, 2048), Size(1000, 2000), Size(1024, 2048)),
        (Size(256, 512), Size(10, 10), Size(256, 512)),
        (Size(16384, 122880), Size(300, 50_000), Size(8192, 53248)),
        (Size(2048, 4096), Size(257, 512), Size(512, 1024)),
        (Size(2048, 4096), Size(512, 1024), Size(512, 1024)),
    ],
    ids=str,
)
def test_the_cheapest_size_that_holds_it(size: Size, need: Size, better: Size):
    assert fargate_size(size, need, fargate_sizes(), *PRICES) == better
    assert better.cpu >= need.cpu
    assert better.memory >= need.memory


@pytest.mark.parametrize(
    ("vcpu_price", "gb_price", "better"),
    [("0.1", "1", Size(512, 512)), ("1", "0.1", Size(256, 1024))],
    ids=["memory is dear", "CPU is dear"],
)
def test_prices_decide_between_more_cpu_and_more_memory(vcpu_price: str, gb_price: str, better: Size):
    sizes = {256: frozenset({1024}), 512: frozenset({512})}
    assert fargate_size(Size(1024, 2048), Size(100, 100), sizes, Decimal(vcpu_price), Decimal(gb_price)) == better


@pytest.mark.rule("FG-005")
def test_windows_has_no_task_below_one_vcpu():
    assert fargate_size(Size(2048, 4096), Size(10, 10), fargate_sizes("WINDOWS"), *PRICES) == Size(1024, 2048)


def test_reservations_on_instances_come_in_whole_steps():
    assert reservation(Size(1024, 2048), Size(439, 1281)) == Size(448, 1312)
    assert reservation(Size(1024, 2048), Size(1, 1)) == Size(32, 32)
    assert reservation(Size(20, 2048), Size(1, 2048)) == Size(20, 2048)
