"""A task's life as a chain of causes: who wanted it, where it was put and why, what each state waited for."""

from __future__ import annotations

from typing import Final

import numpy as np

from ecssim.record.codes import NETWORK_MODES, STOP_CODES, TASK_STATUSES
from ecssim.results.chronicle import Chronicle, Event
from ecssim.results.explain_decision import TABLES_ONLY, Look
from ecssim.results.explanation import Explanation, Section, Step, explanation
from ecssim.results.facts import INITIAL, Facts
from ecssim.results.wording import duration

_WAITS: Final = {
    "PROVISIONING": "its network interface was made and attached",
    "PENDING": "ECS handed it to its agent, and the agent waited until what it needs was free",
    "ACTIVATING": "images were pulled and containers started",
    "RUNNING": "its containers ran",
    "DEACTIVATING": "its targets were deregistered and drained",
    "STOPPING": "its containers were signalled and ended",
    "DEPROVISIONING": "its network interface was detached and deleted",
}
"""What a task does in each state, in the past (LIFE-004 to LIFE-011)."""


def explain_task(facts: Facts, at: int, look: Look = TABLES_ONLY) -> Explanation:
    """Explain the task at position ``at`` of the task index."""
    chronicle = Chronicle(facts)
    tasks = facts.tasks
    ordinal = int(tasks.task[at])
    events = facts.raw("task_events")
    rows = events[events["task"] == ordinal]
    name = chronicle.task_name(ordinal)
    placed, documents = look(_verdicts(facts, ordinal))
    sections = [
        Section("Why it exists", tuple(_origin(chronicle, rows, bool(tasks.origin[at] == INITIAL)))),
        Section("Where it went", tuple(_place(facts, chronicle, at, ordinal, rows))),
        *placed,
        Section("What it went through", tuple(_life(facts, at, rows))),
        Section("What its containers did", tuple(_containers(facts, chronicle, ordinal))),
        Section("Why it ended", tuple(_end(chronicle, rows))),
        Section("The chain of causes, from its root", tuple(_from_the_root(chronicle, rows))),
    ]
    answer = _answer(facts, chronicle, at, ordinal, rows)
    return explanation(facts.result.start, f"task/{name}", answer, sections, documents)


def _verdicts(facts: Facts, ordinal: int) -> list[int]:
    """Events of the task's placements that are worth a look: its first refusal, and the one that placed it."""
    rows = facts.raw("placements")
    rows = rows[rows["task"] == ordinal]
    placed = rows["container_instance"] > 0
    return [int(number) for group in (rows[~placed], rows[placed]) for number in group["event_id"][:1]]


def _from_the_root(chronicle: Chronicle, rows: np.ndarray) -> list[Step]:
    """Every state change with all that led to it, oldest first: a cause is always older than what it causes."""
    chain: dict[int, Event] = {}
    for number in rows["event_id"].tolist():
        for event in chronicle.causes(int(number)):
            chain.setdefault(event.number, event)
    steps = []
    for event in sorted(chain.values(), key=lambda event: event.number):
        because = f", because of event {event.cause}" if event.cause else ""
        steps.append(Step(event.t, chronicle.say(event) + because, event.number))
    return steps


def _answer(facts: Facts, chronicle: Chronicle, at: int, ordinal: int, rows: np.ndarray) -> str:
    tasks = facts.tasks
    text = f"{chronicle.owner_of(ordinal)}, launch {int(tasks.index.codes('launch_number')[at])}"
    started = tasks.started[at] - tasks.created[at]
    if tasks.origin[at] == INITIAL:
        text += "; it was running before the run began"
    elif not np.isnan(started):
        text += f"; it reached RUNNING {duration(float(started))} after it was created"
    else:
        text += "; it never reached RUNNING"
    if tasks.stop_code[at]:
        code = STOP_CODES[int(tasks.stop_code[at]) - 1]
        text += f"; it ended with {code}: {facts.name('text', int(tasks.reason[at]))}"
    elif len(rows):
        status = TASK_STATUSES[int(rows["last_status"][-1]) - 1]
        text += f"; it is {status} when the record ends"
    return text + "."


def _chain(chronicle: Chronicle, number: int, depth: int) -> list[Step]:
    chain: list[Event] = chronicle.causes(number)
    return [Step(e.t, chronicle.say(e), e.number, depth + i) for i, e in enumerate(chain)]


def _origin(chronicle: Chronicle, rows: np.ndarray, initial: bool) -> list[Step]:
    if not len(rows):
        return []
    first = rows[0]
    if initial:
        return [Step(float(first["t"]), "it was there when the run began (initialState: steady)")]
    steps = [Step(float(first["t"]), "it was created", int(first["event_id"]))]
    return steps + _chain(chronicle, int(first["cause_id"]), 1)


def _place(facts: Facts, chronicle: Chronicle, at: int, ordinal: int, rows: np.ndarray) -> list[Step]:
    steps = []
    verdicts = facts.raw("placements")
    for row in verdicts[verdicts["task"] == ordinal]:
        steps.append(Step(float(row["t"]), chronicle.placement(row), int(row["event_id"])))
    tasks = facts.tasks
    subnet = facts.name("subnet", int(tasks.subnet[at]))
    when = max(0.0, float(tasks.created[at]))
    refusals = facts.raw("subnet_events")
    for row in refusals[refusals["task"] == ordinal]:
        full = facts.name("subnet", int(row["subnet"]))
        text = f"subnet {full} had no free address for it (who held them: explain subnet/{full})"
        steps.append(Step(float(row["t"]), text, int(row["event_id"])))
    if subnet:
        zone = facts.name("availability_zone", int(tasks.index.place_codes("zone")[at]))
        steps.append(Step(when, f"it got an address in subnet {subnet} ({zone})"))
    return steps


def _life(facts: Facts, at: int, rows: np.ndarray) -> list[Step]:
    tasks = facts.tasks
    steps = []
    templates = facts.raw("_templates")
    template = int(tasks.index.template_at()[at])
    network = templates["network_mode"][template] if template >= 0 else 0
    awsvpc = network == NETWORK_MODES.index("awsvpc") + 1
    for i, row in enumerate(rows):
        status = TASK_STATUSES[int(row["last_status"]) - 1]
        t = float(row["t"])
        until = float(rows["t"][i + 1]) if i + 1 < len(rows) else None
        if status == "STOPPED":
            text = "STOPPED"
        elif until is None:
            text = f"{status}, and still is when the record ends"
        else:
            text = f"{status} for {duration(until - t)}{_waited(facts, at, status, rows, i, awsvpc)}"
        steps.append(Step(t, text, int(row["event_id"])))
    return steps


def _containers(facts: Facts, chronicle: Chronicle, ordinal: int) -> list[Step]:
    """The story of containers that have an order, checks or restarts of their own; others have none to tell."""
    rows = facts.raw("container_events")
    rows = rows[rows["task"] == ordinal]
    return [Step(float(row["t"]), chronicle.container(row), int(row["event_id"])) for row in rows]


def _waited(facts: Facts, at: int, status: str, rows: np.ndarray, i: int, awsvpc: bool) -> str:
    """What the time in a state was spent on."""
    tasks = facts.tasks
    failed = TASK_STATUSES[int(rows["last_status"][i + 1]) - 1] not in _WAITS or rows["stop_code"][i + 1]
    if status == "PROVISIONING":
        verdicts = facts.raw("placements")
        verdicts = verdicts[verdicts["task"] == tasks.task[at]]
        if len(verdicts) and not verdicts["container_instance"][0]:
            return _waited_for_room(verdicts, float(rows["t"][i + 1]), awsvpc)
    if status == "PROVISIONING" and failed and not tasks.has_address[at]:
        return ": its network interface could not be made"
    if status == "ACTIVATING":
        pull = float(tasks.times["pull_stopped_at"][at] - tasks.times["pull_started_at"][at])
        if not np.isnan(pull):
            rest = float(rows["t"][i + 1]) - float(tasks.times["pull_stopped_at"][at])
            return f": pulling images took {duration(pull)}, starting containers {duration(max(0.0, rest))}"
    if status == "RUNNING":
        healthy = float(tasks.healthy[at] - tasks.started[at])
        if not np.isnan(healthy) and healthy >= 0:
            return f": its containers ran; it counted as healthy {duration(healthy)} after it started"
    if status == "DEPROVISIONING" and not awsvpc:
        return ": what it held on its instance was given back"
    return f": {_WAITS[status]}" if status in _WAITS else ""


def _waited_for_room(verdicts: np.ndarray, until: float, awsvpc: bool) -> str:
    """A task of a capacity provider that scales its group waits in PROVISIONING for an instance (LIFE-004)."""
    placed = verdicts["t"][verdicts["container_instance"] > 0]
    if not len(placed):
        return ": it waited for an instance of its capacity provider, and none came"
    text = f": it waited {duration(float(placed[0] - verdicts['t'][0]))} for an instance of its capacity provider"
    if awsvpc:
        text += f", and {duration(until - float(placed[0]))} for its network interface"
    return text


def _end(chronicle: Chronicle, rows: np.ndarray) -> list[Step]:
    ended = np.flatnonzero(rows["stop_code"])
    if not len(ended):
        return []
    row = rows[ended[0]]
    code = STOP_CODES[int(row["stop_code"]) - 1]
    reason = chronicle.facts.name("text", int(row["stopped_reason"]))
    steps = [Step(float(row["t"]), f"{code}: {reason}", int(row["event_id"]))]
    before = int(rows["event_id"][ended[0] - 1]) if ended[0] else 0
    if int(row["cause_id"]) == before:
        # It ended by itself: a timer's cause is the task's own last event, which says nothing more.
        return steps
    return steps + _chain(chronicle, int(row["cause_id"]), 1)
