"""A rolling update played with bare counts, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ecssim.decide.reconcile import limits
from ecssim.results.rehearsal import most_in_a_zone, share_of_zone

TURN = np.array([40.0])


@pytest.mark.rule("DEPLOY-013")
def test_tasks_that_drain_do_not_count_against_the_maximum() -> None:
    # Four tasks, one more at a time, forty seconds each: with a drain of 90 s up to three old ones drain at once.
    assert most_in_a_zone(4, 1, limits(4, 100, 125), TURN, 90.0) == [4 + 1 + 3]
    assert most_in_a_zone(4, 1, limits(4, 100, 125), TURN, 30.0) == [4 + 1 + 1]


@pytest.mark.rule("DEPLOY-012")
def test_tasks_that_may_go_first_hold_their_addresses_beside_their_successors() -> None:
    # Two stop and drain, two start in their places, and so on: every old task beside every new one.
    assert most_in_a_zone(4, 1, limits(4, 50, 100), TURN, 30.0) == [6]
    assert most_in_a_zone(4, 1, limits(4, 50, 100), TURN, 300.0) == [8]


@pytest.mark.rule("PLACE-070")
def test_waves_of_an_odd_number_fill_one_zone_more_than_waves_of_an_even_number() -> None:
    even = most_in_a_zone(40, 2, limits(40, 100, 110), TURN, 300.0)
    odd = most_in_a_zone(40, 2, limits(40, 100, 108), TURN, 300.0)
    # Forty and the wave want to run, and eight waves drain at a time: waves of four divide evenly ...
    assert even == [(44 + 8 * 4) // 2] * 2
    # ... and those of three do not, although they are fewer.
    assert max(odd) > (43 + 8 * 3) / 2 + 3


def test_an_update_that_may_do_nothing_holds_what_there_was() -> None:
    assert most_in_a_zone(4, 2, limits(4, 100, 100), TURN, 60.0) == [2, 2]
    assert most_in_a_zone(0, 2, limits(0, 100, 200), TURN, 60.0) == [0, 0]


@pytest.mark.rule("NET-043")
def test_of_the_subnets_of_one_zone_one_may_get_more_than_its_part() -> None:
    assert share_of_zone(40, 1) == 40
    assert 20 < share_of_zone(40, 2) <= 40
    assert share_of_zone(1, 2) == 1
