"""What the agent decides about the containers of one task, without a clock."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.containers import (
    MET,
    NEVER,
    WAIT,
    HealthChange,
    dependency,
    gives_up_at,
    health_changes,
    known_status,
    may_stop,
    passes,
    restarts,
    task_health,
)
from ecssim.world.containers import (
    BACKEND_STATUS,
    COMPLETE,
    CONTAINER_STATUS_NAMES,
    CREATED,
    NONE,
    PULLED,
    RUNNING,
    START,
    STOPPED,
    SUCCESS,
    HealthCheck,
    RestartPolicy,
)
from ecssim.world.containers import HEALTHY as UNTIL_HEALTHY
from ecssim.world.states import HEALTHY, UNHEALTHY, UNKNOWN


@dataclass
class Seen:
    """A container as a decision sees it."""

    status: int = RUNNING
    exit_code: int = -1
    health: int = UNKNOWN
    ran: bool = True


def ended(code: int) -> Seen:
    return Seen(STOPPED, code)


NEVER_RAN = Seen(STOPPED, -1, ran=False)


@pytest.mark.rule("LIFE-050")
def test_the_agent_has_seven_states_and_tells_of_three() -> None:
    assert dict(zip(CONTAINER_STATUS_NAMES, BACKEND_STATUS, strict=True)) == {
        "NONE": "PENDING",
        "MANIFEST_PULLED": "PENDING",
        "PULLED": "PENDING",
        "CREATED": "PENDING",
        "RUNNING": "RUNNING",
        "RESOURCES_PROVISIONED": "RUNNING",
        "STOPPED": "STOPPED",
    }


@pytest.mark.rule("LIFE-053")
@pytest.mark.parametrize(
    ("condition", "target", "verdict"),
    [
        pytest.param(START, Seen(CREATED, ran=False), WAIT, id="START waits for the start"),
        pytest.param(START, Seen(), MET, id="START is met by a running container"),
        pytest.param(START, ended(1), MET, id="START is met by one that has run and stopped"),
        pytest.param(COMPLETE, Seen(), WAIT, id="COMPLETE waits for the end"),
        pytest.param(COMPLETE, ended(3), MET, id="COMPLETE is met by any exit code"),
        pytest.param(SUCCESS, Seen(), WAIT, id="SUCCESS waits for the end"),
        pytest.param(SUCCESS, ended(0), MET, id="SUCCESS is met by exit code 0"),
        pytest.param(UNTIL_HEALTHY, Seen(), WAIT, id="HEALTHY waits for the check"),
        pytest.param(UNTIL_HEALTHY, Seen(health=UNHEALTHY), WAIT, id="HEALTHY waits even for an unhealthy one"),
        pytest.param(UNTIL_HEALTHY, Seen(health=HEALTHY), MET, id="HEALTHY is met by a check that passed"),
    ],
)
def test_a_dependency(condition: int, target: Seen, verdict: int) -> None:
    assert dependency(condition, target) == verdict


@pytest.mark.rule("LIFE-056")
@pytest.mark.parametrize(
    ("condition", "target"),
    [
        pytest.param(SUCCESS, ended(1), id="SUCCESS of one that failed"),
        pytest.param(START, NEVER_RAN, id="START of one that cannot start"),
        pytest.param(COMPLETE, NEVER_RAN, id="COMPLETE of one that cannot start"),
        pytest.param(SUCCESS, NEVER_RAN, id="SUCCESS of one that cannot start"),
        pytest.param(UNTIL_HEALTHY, NEVER_RAN, id="HEALTHY of one that cannot start"),
        pytest.param(UNTIL_HEALTHY, ended(0), id="HEALTHY of one that has ended"),
    ],
)
def test_a_dependency_that_can_never_be_met(condition: int, target: Seen) -> None:
    assert dependency(condition, target) == NEVER


def test_the_three_verdicts_are_different() -> None:
    assert len({WAIT, MET, NEVER}) == 3


@pytest.mark.rule("LIFE-056", "LIFE-058")
def test_the_time_out_counts_from_the_start_of_the_target_and_not_for_start() -> None:
    assert gives_up_at(UNTIL_HEALTHY, 100.0, 30.0) == 130.0
    assert gives_up_at(COMPLETE, 100.0, 30.0) == 130.0
    assert gives_up_at(SUCCESS, 100.0, 30.0) == 130.0
    assert gives_up_at(START, 100.0, 30.0) == inf
    assert gives_up_at(UNTIL_HEALTHY, 100.0, inf) == inf


@pytest.mark.rule("LIFE-051")
@pytest.mark.parametrize(
    ("known", "containers", "expected"),
    [
        pytest.param(NONE, [(RUNNING, True), (PULLED, False)], PULLED, id="the least of them"),
        pytest.param(NONE, [(RUNNING, True), (STOPPED, False)], RUNNING, id="a helper that is done is no obstacle"),
        pytest.param(PULLED, [(STOPPED, True), (RUNNING, True)], PULLED, id="what was known stays after the end"),
        pytest.param(RUNNING, [(STOPPED, True), (CREATED, False)], RUNNING, id="it does not fall back either"),
        pytest.param(RUNNING, [(STOPPED, True), (STOPPED, False)], STOPPED, id="until all have stopped"),
    ],
)
def test_the_known_status_of_a_task(known: int, containers: list[tuple[int, bool]], expected: int) -> None:
    assert known_status(known, containers) == expected


@pytest.mark.rule("LIFE-057")
def test_a_container_stops_after_all_that_depend_on_it() -> None:
    # 2 depends on 1 and 0, 1 depends on 0; 3 stands alone
    dependents = [(1, 2), (2,), (), ()]
    statuses = [RUNNING] * 4
    order = []
    while any(s != STOPPED for s in statuses):
        now = may_stop(statuses, dependents)
        order.append(now)
        for i in now:
            statuses[i] = STOPPED
    assert order == [[2, 3], [1], [0]]


@given(st.data())
def test_the_stop_order_of_any_graph_ends_and_never_stops_a_dependency_first(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 8))
    # container i may depend on earlier ones only, so that there is no circle
    depends = [data.draw(st.sets(st.integers(0, i - 1), max_size=3)) if i else set() for i in range(n)]
    dependents = [tuple(d for d in range(n) if i in depends[d]) for i in range(n)]
    statuses = [RUNNING] * n
    while any(s != STOPPED for s in statuses):
        now = may_stop(statuses, dependents)
        assert now
        i = data.draw(st.sampled_from(now))
        assert all(statuses[d] == STOPPED for d in dependents[i])
        statuses[i] = STOPPED


POLICY = RestartPolicy(frozenset({0, 7}), 60.0)


@pytest.mark.rule("LIFE-069")
@pytest.mark.parametrize(
    ("policy", "wanted", "code", "since", "expected"),
    [
        pytest.param(POLICY, True, 1, 60.0, True, id="an exit after the attempt period"),
        pytest.param(POLICY, True, 1, 59.9, False, id="an exit too soon after the last start"),
        pytest.param(POLICY, True, 7, 600.0, False, id="an exit code that is ignored"),
        pytest.param(POLICY, True, 0, 600.0, False, id="zero may be ignored too"),
        pytest.param(POLICY, True, -1, 600.0, False, id="an exit code that nobody knows"),
        pytest.param(POLICY, False, 1, 600.0, False, id="a task that is to stop"),
        pytest.param(RestartPolicy(), True, 0, 300.0, True, id="by default every code, after five minutes"),
        pytest.param(RestartPolicy(), True, 0, 299.0, False, id="and not before"),
        pytest.param(None, True, 1, 600.0, False, id="no policy"),
    ],
)
def test_a_restart(policy: RestartPolicy | None, wanted: bool, code: int, since: float, expected: bool) -> None:
    assert restarts(policy, wanted=wanted, exit_code=code, now=1000.0, last_started_at=1000.0 - since) is expected


@pytest.mark.rule("LIFE-064")
@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        pytest.param([(True, HEALTHY), (True, HEALTHY)], HEALTHY, id="all essential ones"),
        pytest.param([(True, HEALTHY), (True, UNKNOWN)], UNKNOWN, id="one is being evaluated"),
        pytest.param([(True, UNKNOWN), (True, UNHEALTHY)], UNHEALTHY, id="unhealthy comes before unknown"),
        pytest.param([(True, HEALTHY), (False, UNHEALTHY)], HEALTHY, id="the others do not count"),
        pytest.param([(True, UNKNOWN), (False, HEALTHY)], UNKNOWN, id="nor do they help"),
    ],
)
def test_the_health_of_a_task(containers: list[tuple[bool, int]], expected: int) -> None:
    assert task_health(containers) == expected


@pytest.mark.rule("SVC-020")
def test_the_scheduler_asks_only_essential_containers_with_a_check() -> None:
    assert passes([(True, True, HEALTHY), (True, False, UNKNOWN), (False, True, UNHEALTHY)])
    assert not passes([(True, True, HEALTHY), (True, True, UNKNOWN)])


# -- health checks --------------------------------------------------------------------------------------------


def polled(check: HealthCheck, started: float, up: tuple[float, float], until: float) -> list[HealthChange]:
    """The same by looking at every probe in turn."""
    health, failures, ever = UNKNOWN, 0, False
    out = []
    t = started + check.interval
    while t < until:
        lasts = min(check.takes, check.timeout)
        if up[0] <= t < up[1] and check.takes <= check.timeout:
            failures, ever = 0, True
            if health != HEALTHY:
                health = HEALTHY
                out.append(HealthChange(t + lasts, health))
        else:
            if ever or t - started >= check.start_period:
                failures += 1
            if health != UNHEALTHY and failures >= check.retries:
                health = UNHEALTHY
                out.append(HealthChange(t + lasts, health))
        t += lasts + check.interval
    return out


@pytest.mark.rule("LIFE-062", "LB-065")
@pytest.mark.parametrize(
    ("check", "up", "expected"),
    [
        pytest.param(HealthCheck(10), (0, inf), [(110, HEALTHY)], id="the first probe is an interval after the start"),
        pytest.param(HealthCheck(10), (inf, inf), [(130, UNHEALTHY)], id="three failures in a row"),
        pytest.param(HealthCheck(10, retries=1), (inf, inf), [(110, UNHEALTHY)], id="as many as retries says"),
        pytest.param(
            HealthCheck(10, start_period=50), (inf, inf), [(170, UNHEALTHY)], id="failures in the start period are free"
        ),
        pytest.param(
            HealthCheck(10, start_period=100), (115, 125), [(120, HEALTHY), (150, UNHEALTHY)],
            id="a success in the start period ends it",
        ),
        pytest.param(
            HealthCheck(10), (145, inf), [(130, UNHEALTHY), (150, HEALTHY)], id="one success makes it healthy again"
        ),
        pytest.param(HealthCheck(10), (115, 118), [(130, UNHEALTHY)], id="what no probe sees has not been"),
        pytest.param(
            HealthCheck(10, timeout=5, takes=4), (0, inf), [(114, HEALTHY)], id="a probe takes its time"
        ),
        pytest.param(
            HealthCheck(10, timeout=5, retries=2, takes=6), (0, inf), [(130, UNHEALTHY)],
            id="a probe that takes too long fails at its timeout",
        ),
    ],
)  # fmt: skip
def test_health_checks(check: HealthCheck, up: tuple[float, float], expected: list[tuple[float, int]]) -> None:
    assert list(health_changes(check, 100.0, *up)) == expected


@given(
    interval=st.integers(5, 40),
    timeout=st.integers(2, 20),
    retries=st.integers(1, 5),
    start_period=st.integers(0, 120),
    takes=st.sampled_from([0.0, 1.0, 2.5, 7.0]),
    begin=st.integers(0, 500),
    length=st.one_of(st.just(inf), st.integers(0, 400)),
)
@pytest.mark.rule("LIFE-062")
def test_solving_health_checks_is_polling_them(
    interval: int, timeout: int, retries: int, start_period: int, takes: float, begin: int, length: float
) -> None:
    check = HealthCheck(interval, timeout, retries, start_period, takes)
    up = (64.0 + begin, 64.0 + begin + length)
    solved = health_changes(check, 64.0, *up)
    assert list(solved) == polled(check, 64.0, up, 3000.0)


@pytest.mark.rule("LIFE-062")
@pytest.mark.parametrize("takes", [0.1, 0.7, 1.3])
@pytest.mark.parametrize("interval", [5.3, 10.0, 29.9])
def test_a_process_that_is_up_just_when_a_probe_begins_is_seen_by_it(interval: float, takes: float) -> None:
    """Dividing the time by the distance of the probes may miss a whole number by a hair, either way."""
    check = HealthCheck(interval, 5.0, retries=5000, takes=takes)
    step = interval + takes
    for number in range(0, 2000, 7):
        begins = 100.0 + interval + number * step
        assert health_changes(check, 100.0, begins, inf) == ((begins + takes, HEALTHY),), number
