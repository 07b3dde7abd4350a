"""Events of all tables by their number: what each one says in words, what caused it, what it caused.

Every row of an event table has ``event_id`` and ``cause_id``; numbers count up over all tables of a run, and
within a table in the order of its rows, so that an event is found by bisection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from ecssim.record.codes import STOP_CODES, TASK_STATUSES
from ecssim.record.ids import task_id
from ecssim.results.facts import Facts
from ecssim.results.wording import count, listed

TABLES: Final = (
    "task_events",
    "container_events",
    "placements",
    "service_events",
    "calls",
    "instance_events",
    "instance_lifecycle",
    "subnet_events",
    "reachability_events",
    "alarms",
    "scaling_activities",
    "traffic_shifts",
)
"""The event tables."""

CHECKS: Final = ("cpu", "memory", "ports", "eni", "gpu", "attribute", "constraint", "location", "agent")
"""The checks of a placement, in the order in which an instance fails them (PLACE-003)."""

#: Longest chain of causes that is followed: a service's life can be one.
FAR: Final = 25


@dataclass(frozen=True)
class Event:
    """One row of an event table."""

    number: int
    cause: int
    t: float
    table: str
    row: np.void


class Chronicle:
    """Finds events by number and puts them into words."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._say: Mapping[str, Callable[[np.void], str]] = {
            "task_events": self._task_event,
            "container_events": self._container_event,
            "placements": self.placement,
            "service_events": self._service_event,
            "calls": self._call,
            "instance_events": self._instance_event,
            "instance_lifecycle": self._instance_state,
            "subnet_events": self._subnet_event,
            "reachability_events": self._unreachable,
            "alarms": self._alarm,
            "scaling_activities": self._scaling,
            "traffic_shifts": self._shift,
        }

    def event(self, number: int) -> Event | None:
        """The event with this number; None if the record has none."""
        for table in TABLES:
            rows = self.facts.raw(table)
            numbers = self._numbers(table)
            at = int(np.searchsorted(numbers, number))
            if at < len(numbers) and numbers[at] == number:
                row = rows[at]
                return Event(number, int(row["cause_id"]), float(row["t"]), table, row)
        return None

    def _numbers(self, table: str) -> np.ndarray:
        found = self._known.get(table)
        if found is None:
            found = self._known[table] = np.ascontiguousarray(self.facts.raw(table)["event_id"])
        return found

    @cached_property
    def _known(self) -> dict[str, np.ndarray]:
        return {}

    def causes(self, number: int) -> list[Event]:
        """The event's causes, nearest first, up to what nothing inside the run caused."""
        chain: list[Event] = []
        while number and len(chain) < FAR:
            event = self.event(number)
            # A cause is older than what it causes; anything else would be a loop.
            if event is None or (chain and event.number >= chain[-1].number):
                break
            chain.append(event)
            number = event.cause
        return chain

    def effects(self, number: int, most: int = 10) -> tuple[list[Event], int]:
        """The first events that ``number`` caused, and how many there are."""
        found: list[Event] = []
        total = 0
        for table in TABLES:
            rows = self.facts.raw(table)
            mine = np.flatnonzero(rows["cause_id"] == number)
            total += len(mine)
            for at in mine[:most].tolist():
                row = rows[at]
                found.append(Event(int(row["event_id"]), number, float(row["t"]), table, row))
        found.sort(key=lambda event: event.number)
        return found[:most], total

    def say(self, event: Event) -> str:
        """The event in words."""
        return self._say[event.table](event.row)

    # -- one kind of row each --------------------------------------------------------------------------------

    def task_name(self, ordinal: int) -> str:
        """The id of a task by its ordinal; empty for none."""
        index = self.facts.tasks.index
        at = int(index.at(np.array([ordinal], np.int64))[0]) if ordinal else -1
        if at < 0:
            return ""
        return task_id(int(index.codes("key")[at]), int(index.codes("launch_number")[at]))

    def owner_of(self, ordinal: int) -> str:
        """``checkout:2`` of ``service:checkout`` in words: what the task runs and who started it."""
        facts = self.facts
        index = facts.tasks.index
        at = int(index.at(np.array([ordinal], np.int64))[0])
        template = int(index.template_at()[at])
        templates = facts.raw("_templates")
        runs = ""
        if template >= 0:
            runs = facts.name("task_definition", int(templates["task_definition"][template]))
            if ":" not in runs:
                runs = f"{runs}:{int(templates['revision'][template])}"
        group = facts.name("group", int(facts.tasks.owner[at]))
        kind, _, name = group.partition(":")
        return f"{runs} of service {name}" if kind == "service" else f"{runs} in group {group}"

    def _task_event(self, row: np.void) -> str:
        status = TASK_STATUSES[int(row["last_status"]) - 1]
        text = f"task {self.task_name(int(row['task']))} ({self.owner_of(int(row['task']))}) is {status}"
        if row["stop_code"]:
            reason = self.facts.name("text", int(row["stopped_reason"]))
            text += f": {STOP_CODES[int(row['stop_code']) - 1]}: {reason}"
        return text

    def container(self, row: np.void) -> str:
        """What one container of a task became: its status, health, exit code and restarts."""
        facts = self.facts
        status = facts.name("container_status", int(row["status"]))
        health = facts.name("health_status", int(row["health_status"]))
        text = f"container {facts.name('container', int(row['container']))} is {status}"
        if health != "UNKNOWN":
            text += f" and {health}"
        if status == "STOPPED" and row["exit_code"] >= 0:
            text += f", exit code {int(row['exit_code'])}"
        if row["restart_count"]:
            text += f", {count(int(row['restart_count']), 'restart')} so far"
        reason = facts.name("text", int(row["reason"])) if row["reason"] else ""
        return f"{text}: {reason}" if reason else text

    def _container_event(self, row: np.void) -> str:
        return f"task {self.task_name(int(row['task']))}: {self.container(row)}"

    def placement(self, row: np.void) -> str:
        """A verdict with its reasons: who was looked at, what ruled instances out, what decided."""
        facts = self.facts
        group = facts.name("group", int(row["group"]))
        ruled = [f"{int(row[f'rejected_{c}'])} by {c}" for c in CHECKS if row[f"rejected_{c}"]]
        fitting = int(row["candidates"])
        seen = fitting + sum(int(row[f"rejected_{c}"]) for c in CHECKS)
        out = f", ruled out {listed(ruled, 9)}" if ruled else ", none ruled out"
        if not row["container_instance"]:
            reason = facts.name("placement_reason", int(row["reason"]))
            looked = f"{count(seen, 'instance')} looked at{out}" if seen else "there was no instance to look at"
            return f"no place for {count(int(row['count']), 'task')} of {group} ({reason}): {looked}"
        strategy = facts.name("strategy", int(row["strategy"]))
        by = f"strategy {strategy}" if strategy else "no strategy (a daemon's or a named instance)"
        instance = facts.name("instance", int(row["container_instance"]))
        text = f"placed on {instance}: {count(seen, 'instance')} looked at{out}, {fitting} could take it"
        text += f"; {by}"
        if fitting > 1 and strategy and not strategy.startswith("random"):
            text += f"; what is still equal {self._tie}"
        return text

    @property
    def _tie(self) -> str:
        model = self.facts.manifest.get("model") or {}
        return "is drawn by lot" if model.get("tieBreak") == "random" else "goes to who registered first"

    def _service_event(self, row: np.void) -> str:
        name = self.facts.name("event_name", int(row["event_name"]))
        message = self.facts.name("text", int(row["message"]))
        return f"{name}: {message}" if name else message

    def _call(self, row: np.void) -> str:
        facts = self.facts
        caller = facts.name("caller", int(row["caller"]))
        action = facts.name("action", int(row["action"]))
        fault = action.removeprefix("fault:")
        text = f"{caller} called {action}" if fault == action else f"the fault {fault} happened"
        target = facts.name("call_target", int(row["target"]))
        result = facts.name("call_result", int(row["result"]))
        text += f" for {target}" if target else ""
        error = facts.name("text", int(row["error"]))
        return text if result == "ok" else f"{text}: {result}{': ' + error if error else ''}"

    def _instance_event(self, row: np.void) -> str:
        facts = self.facts
        instance, status = facts.name("instance", int(row["instance_id"])), int(row["status"])
        kind = facts.name("instance_type", int(row["instance_type"]))
        return f"instance {instance} ({kind}) is {facts.name('instance_status', status)}"

    def _instance_state(self, row: np.void) -> str:
        facts = self.facts
        instance = facts.name("instance", int(row["instance_id"]))
        group = facts.name("auto_scaling_group", int(row["auto_scaling_group"]))
        return f"instance {instance} is {facts.name('lifecycle_state', int(row['lifecycle_state']))} in group {group}"

    def _subnet_event(self, row: np.void) -> str:
        facts = self.facts
        subnet, who = facts.name("subnet", int(row["subnet"])), facts.name("consumer", int(row["consumer"]))
        task = self.task_name(int(row["task"]))
        whom = f"task {task}" if task else who
        return f"subnet {subnet} had no free address for {whom}"

    def _unreachable(self, row: np.void) -> str:
        facts = self.facts
        task = self.task_name(int(row["task"]))
        who = f"task {task}" if task else f"instance {facts.name('instance', int(row['instance']))}"
        what = facts.name("text", int(row["what"]))
        missing = facts.name("text", int(row["missing"]))
        return f"{who} could not reach {facts.name('text', int(row['host']))} for {what}: {missing}"

    def _alarm(self, row: np.void) -> str:
        facts = self.facts
        name = facts.name("alarm", int(row["alarm_name"]))
        states = [facts.name("alarm_state", int(row[key])) for key in ("old_state", "new_state")]
        return f"alarm {name} went from {states[0]} to {states[1]}: {facts.name('text', int(row['reason']))}"

    def _scaling(self, row: np.void) -> str:
        facts = self.facts
        target = facts.name("scaling_target", int(row["target"]))
        policy = facts.name("policy", int(row["policy"]))
        why = facts.name("text", int(row["not_scaled_reason"]))
        text = f"{policy} set {target} from {int(row['from_count'])} to {int(row['to_count'])}"
        return f"{text}: not scaled: {why}" if why else text

    def _shift(self, row: np.void) -> str:
        service = self.facts.name("service", int(row["service"]))
        return f"{row['production_weight']:g} % of the production traffic of {service} goes to the new revision"
