"""The state tables: total, forward only, and every way that the rules name."""

from __future__ import annotations

import re

import pytest

from ecssim.decide import lifecycle
from ecssim.decide.lifecycle import (
    AGENT_READY,
    CAPACITY_FOUND,
    CAUSE_NAMES,
    CONTAINERS_STOPPED,
    DRAINED,
    EXPIRED,
    INSTANCE_LOST,
    N_CAUSES,
    NETWORK_FAILED,
    NETWORK_READY,
    NETWORK_RELEASED,
    SIGNAL,
    START_FAILED,
    STARTED,
    STOP,
    Path,
    advance,
    diagram,
    flat,
    reachable,
    rows,
)
from ecssim.errors import IllegalTransition
from ecssim.world.states import (
    DELETED,
    PENDING,
    PROVISIONING,
    RUNNING,
    STOPPED,
    STOPPING,
    TASK_STATUS_NAMES,
)

PATHS = [Path(eni=e, targets=t) for e in (True, False) for t in (True, False)]
PATH_IDS = [f"{'awsvpc' if p.eni else 'bridge'}{' behind targets' if p.targets else ''}" for p in PATHS]
every_path = pytest.mark.parametrize("path", PATHS, ids=PATH_IDS)


def walk(path: Path, *causes: int, start: int | None = None) -> list[str]:
    status = start if start is not None else PROVISIONING if path.eni else PENDING
    seen = [TASK_STATUS_NAMES[status]]
    for cause in causes:
        status = advance(path, status, cause, who="task")
        seen.append(TASK_STATUS_NAMES[status])
    return seen


@pytest.mark.rule("LIFE-001")
def test_the_states_are_the_nine_of_the_api_in_their_order() -> None:
    assert TASK_STATUS_NAMES == (
        "PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING",
        "STOPPED", "DELETED",
    )  # fmt: skip


def test_the_codes_of_the_causes_count_up_in_the_order_of_their_names() -> None:
    names = (
        "CAPACITY_FOUND", "NETWORK_READY", "AGENT_READY", "STARTED", "START_FAILED", "NETWORK_FAILED", "STOP", "SIGNAL",
        "DRAINED", "CONTAINERS_STOPPED", "NETWORK_RELEASED", "INSTANCE_LOST", "EXPIRED",
    )  # fmt: skip
    assert names == CAUSE_NAMES
    assert [getattr(lifecycle, name) for name in names] == list(range(N_CAUSES))


@every_path
def test_the_table_is_total_and_terminal_states_have_rows(path: Path) -> None:
    table = rows(path)
    assert list(table) == list(range(len(TASK_STATUS_NAMES)))
    assert table[DELETED] == {}
    assert {c for row in table.values() for c in row} <= set(range(N_CAUSES))


@every_path
@pytest.mark.rule("LIFE-003")
def test_the_rank_only_rises(path: Path) -> None:
    for status, row in rows(path).items():
        for cause, nxt in row.items():
            # An awsvpc task that waited for an instance stays in PROVISIONING while its ENI is made.
            stays = path.eni and cause == CAPACITY_FOUND
            assert nxt > status or (stays and nxt == status), (status, CAUSE_NAMES[cause])


@every_path
def test_every_state_before_stopped_can_reach_stopped_and_then_deleted(path: Path) -> None:
    table = rows(path)
    for start in range(STOPPED):
        reached, edge = {start}, {start}
        while edge:
            edge = {n for s in edge for n in table[s].values()} - reached
            reached |= edge
        assert STOPPED in reached, TASK_STATUS_NAMES[start]
        assert DELETED in reached, TASK_STATUS_NAMES[start]


@every_path
def test_every_state_that_the_path_uses_is_reachable_and_no_other(path: Path) -> None:
    table = rows(path)
    reached = edge = {PROVISIONING, PENDING}
    while edge:
        edge = {n for s in edge for n in table[s].values()} - reached
        reached = reached | edge
    names = {TASK_STATUS_NAMES[s] for s in reached}
    assert ("DEACTIVATING" in names) == path.targets
    assert ("DEPROVISIONING" in names) == path.eni
    assert reachable(path) == tuple(sorted(reached))


@every_path
def test_an_illegal_cause_names_everything_and_leads_nowhere(path: Path) -> None:
    table = rows(path)
    for status, row in table.items():
        for cause in set(range(N_CAUSES)) - set(row):
            with pytest.raises(IllegalTransition) as caught:
                advance(path, status, cause, who="task 7")
            text = str(caught.value)
            assert "task 7" in text
            assert TASK_STATUS_NAMES[status] in text
            assert CAUSE_NAMES[cause] in text
            assert caught.value.allowed == tuple(CAUSE_NAMES[c] for c in row)


@every_path
def test_the_flat_table_says_the_same(path: Path) -> None:
    table, tuple_ = rows(path), flat(path)
    for status in table:
        for cause in range(N_CAUSES):
            assert tuple_[status * N_CAUSES + cause] == table[status].get(cause, -1)


UP = (NETWORK_READY, AGENT_READY, STARTED)
WAYS = [
    pytest.param(
        Path(eni=True, targets=True),
        (*UP, STOP, DRAINED, CONTAINERS_STOPPED, NETWORK_RELEASED),
        "PROVISIONING PENDING ACTIVATING RUNNING DEACTIVATING STOPPING DEPROVISIONING STOPPED",
        id="a service task with an ENI behind targets passes all states",
        marks=pytest.mark.rule("LIFE-020", "LIFE-022"),
    ),
    pytest.param(
        Path(eni=True, targets=False),
        (*UP, STOP, CONTAINERS_STOPPED, NETWORK_RELEASED),
        "PROVISIONING PENDING ACTIVATING RUNNING STOPPING DEPROVISIONING STOPPED",
        id="without targets there is nothing to deactivate",
        marks=pytest.mark.rule("LIFE-021"),
    ),
    pytest.param(
        Path(eni=False, targets=False),
        (AGENT_READY, STARTED, STOP, CONTAINERS_STOPPED),
        "PENDING ACTIVATING RUNNING STOPPING STOPPED",
        id="without an ENI nothing is provisioned and nothing deprovisioned",
        marks=pytest.mark.rule("LIFE-023"),
    ),
    pytest.param(
        Path(eni=False, targets=True),
        (AGENT_READY, STARTED, STOP, DRAINED, CONTAINERS_STOPPED),
        "PENDING ACTIVATING RUNNING DEACTIVATING STOPPING STOPPED",
        id="a bridge task behind a target group drains first",
        marks=pytest.mark.rule("LIFE-023"),
    ),
    pytest.param(
        Path(eni=True, targets=False),
        (NETWORK_READY, AGENT_READY, START_FAILED, NETWORK_RELEASED),
        "PROVISIONING PENDING ACTIVATING DEPROVISIONING STOPPED",
        id="a start that fails releases the ENI that exists",
        marks=pytest.mark.rule("LIFE-026"),
    ),
    pytest.param(
        Path(eni=True, targets=True),
        (NETWORK_FAILED,),
        "PROVISIONING STOPPED",
        id="without an address there is no ENI to release",
        marks=pytest.mark.rule("LIFE-047"),
    ),
    pytest.param(
        Path(eni=True, targets=True),
        (*UP, SIGNAL, CONTAINERS_STOPPED, NETWORK_RELEASED),
        "PROVISIONING PENDING ACTIVATING RUNNING STOPPING DEPROVISIONING STOPPED",
        id="a signal does not wait for the drain",
        marks=pytest.mark.rule("LIFE-009"),
    ),
    pytest.param(
        Path(eni=True, targets=False),
        (*UP, STOP, CONTAINERS_STOPPED, NETWORK_RELEASED, EXPIRED),
        "PROVISIONING PENDING ACTIVATING RUNNING STOPPING DEPROVISIONING STOPPED DELETED",
        id="an hour after STOPPED it is DELETED",
    ),
]


@pytest.mark.parametrize(("path", "causes", "expected"), WAYS)
def test_the_ways_of_the_rules(path: Path, causes: tuple[int, ...], expected: str) -> None:
    assert walk(path, *causes) == expected.split()


@pytest.mark.rule("LIFE-024")
def test_a_bridge_task_that_waited_for_an_instance_goes_from_provisioning_to_pending() -> None:
    path = Path(eni=False, targets=False)
    assert walk(path, CAPACITY_FOUND, start=PROVISIONING) == ["PROVISIONING", "PENDING"]


@every_path
@pytest.mark.rule("LIFE-028")
def test_a_lost_instance_stops_a_task_at_once_from_every_live_state(path: Path) -> None:
    for status in range(STOPPED):
        assert advance(path, status, INSTANCE_LOST, who="task") == STOPPED


@pytest.mark.rule("LIFE-027")
def test_an_exit_by_itself_takes_the_same_way_down_as_a_stop() -> None:
    assert rows(Path(eni=True, targets=True))[RUNNING][STOP] == lifecycle.DEACTIVATING
    assert rows(Path(eni=True, targets=False))[RUNNING][STOP] == STOPPING


@every_path
def test_the_diagram_draws_every_way_of_the_path_and_no_other(path: Path) -> None:
    lines = diagram(path).splitlines()
    assert lines[0] == "stateDiagram-v2"
    drawn = {
        (before, cause, after)
        for before, after, causes in (re.fullmatch(r" +(\w+) --> (\w+): (.*)", s).groups() for s in lines if ": " in s)
        for cause in causes.split(", ")
    }
    ways = {
        (TASK_STATUS_NAMES[status], CAUSE_NAMES[cause], TASK_STATUS_NAMES[after])
        for status in reachable(path)
        for cause, after in rows(path)[status].items()
    }
    assert drawn == ways
    assert len(lines) == len(set(lines))
    assert ("    [*] --> PENDING" in lines) != path.eni
