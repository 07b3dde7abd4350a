"""A service that goes to and fro is found, one that follows its load is not."""

from __future__ import annotations

import pytest

from ecssim.results.scaling_figures import ScalingFigures
from ecssim.results.scaling_findings import scaling_findings


def figures(flaps: int) -> ScalingFigures:
    return ScalingFigures(1, 1, "api", "prod", ("steps",), None, None, 0, (), 0, 40, flaps, 1.0)


@pytest.mark.parametrize(
    ("flaps", "hours", "found"),
    [
        pytest.param(5, 1, 0, id="five may be chance"),
        pytest.param(6, 1, 1, id="six in an hour are not"),
        pytest.param(6, 6, 1, id="one an hour"),
        pytest.param(6, 7, 0, id="less than one an hour"),
    ],
)
def test_flapping_is_found_from_six_on_and_one_an_hour(flaps: int, hours: int, found: int) -> None:
    told = scaling_findings([figures(flaps), figures(0)], hours * 3600.0)
    assert [(f.what, f.of) for f in told] == [("scaling.flaps", "api")] * found
    assert all(f"flapped: 40 scaling activities, {flaps} of them back" in f.text for f in told)
