"""Retries of throttled calls about network interfaces."""

from __future__ import annotations

import pytest

from ecssim.decide.interface_calls import retry_after


@pytest.mark.rule("NET-056")
@pytest.mark.parametrize(
    ("attempts", "seconds"), [(0, 1.0), (1, 2.0), (2, 4.0), (5, 32.0), (6, 60.0), (16, 60.0), (5000, 60.0)]
)
def test_the_wait_doubles_up_to_a_minute(attempts: int, seconds: float) -> None:
    assert retry_after(attempts) == seconds
