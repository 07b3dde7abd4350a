"""When an agent is connected again and when its reports get through."""

from __future__ import annotations

from math import inf

import pytest

from ecssim.decide.agent import connected_again, reported_at, submit_wait, submitted_at

NONE = lambda i: 0.0  # noqa: E731


@pytest.mark.rule("AGENT-020", "AGENT-022")
@pytest.mark.parametrize(
    ("back", "jitter", "again"),
    [
        pytest.param(159, 0.0, 159, id="a loss shorter than the silence that the agent waits for"),
        pytest.param(160, 0.0, 160, id="the network is back at the moment at which it would have closed it"),
        pytest.param(160.1, 0.0, 160.25, id="a quarter of a second after the agent closed it"),
        pytest.param(160.26, 0.0, 160.26, id="the attempt under way gets through"),
        pytest.param(190.3, 0.0, 190.625, id="the next one is half as much later, after 30 s of trying"),
        pytest.param(190.3, 0.2, 190.75, id="a fifth more with the largest jitter"),
    ],
)
def test_when_the_agent_is_connected_again(back: float, jitter: float, again: float) -> None:
    # Lost at 100; the agent closes the connection after a minute of silence.
    assert connected_again(100, back, 60, lambda i: jitter) == pytest.approx(again)


@pytest.mark.rule("AGENT-022")
def test_every_wait_has_a_draw_of_its_own() -> None:
    drawn: list[int] = []

    def jitter(number: int) -> float:
        drawn.append(number)
        return 0.0

    connected_again(100, 300.0, 60, jitter)
    assert drawn == [0, 1, 2, 3, 4], "140 seconds hold four attempts of 30 s and the waits between them"


@pytest.mark.rule("AGENT-022")
def test_the_agent_never_waits_longer_than_two_minutes() -> None:
    back = [t * 10.0 for t in range(20, 3000)]
    late = [connected_again(0, t, 60, NONE) - t for t in back]
    assert 100 < max(late) <= 120


@pytest.mark.rule("AGENT-043")
def test_submissions_are_tried_for_a_day() -> None:
    waits = [submit_wait(n, 0.05) for n in range(1, 320)]
    assert waits[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert waits[12] == pytest.approx(409.6)
    assert waits[13:298] == [300.0] * 285
    assert waits[298:] == [inf] * 21
    assert 23.5 < sum(w for w in waits if w < inf) / 3600 < 25


@pytest.mark.rule("AGENT-043")
@pytest.mark.parametrize(
    ("back", "heard"),
    [
        pytest.param(10.0, 10.0, id="at once if nothing is wrong"),
        pytest.param(10.5, 10.7, id="at the third try"),
        pytest.param(820.0, 10 + 0.05 * 16382, id="at the last of the doubling waits"),
        pytest.param(840.0, 10 + 0.05 * 16382 + 300, id="every five minutes after that"),
    ],
)
def test_when_ecs_hears(back: float, heard: float) -> None:
    assert submitted_at(10.0, back, lambda n: 0.05) == pytest.approx(heard)


@pytest.mark.rule("AGENT-042")
def test_ten_tasks_are_submitted_at_once_and_the_others_follow() -> None:
    happened = [float(i) for i in range(13)]
    times = reported_at(happened, 100.0, lambda i, n: 0.05)
    alone = [submitted_at(t, 100.0, lambda n: 0.05) for t in happened]
    assert times[:10] == alone[:10]
    assert times[10:] == [min(times[:10])] * 3
    assert times[10:] != alone[10:]
