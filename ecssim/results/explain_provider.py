"""A capacity provider's minutes: the value of each, what it was made of, and what followed, or why nothing did.

Made of ``capacity_provider_decisions`` alone: M, N, the task groups with their lower bound, the step, the two
alarms, and the action with its time. Minutes that differ in nothing are told once with their number.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ecssim.results.chronicle import Chronicle
from ecssim.results.explanation import Explanation, Section, Step, explanation
from ecssim.results.facts import Facts
from ecssim.results.wording import count

LOW_POINTS: Final = 15
VALUE: Final = "capacity_provider_reservation"
#: Columns that make two minutes alike; the points of the low alarm count up meanwhile.
_ALIKE: Final = (
    "needed", "instances", "busy_instances", "waiting_tasks", "step", VALUE, "action", "from_count",
    "to_count", "groups", "alarm_high",
)  # fmt: skip


def explain_provider(facts: Facts, code: int) -> Explanation:
    """Explain the capacity provider with this code."""
    name = facts.name("capacity_provider", code)
    rows = facts.raw("capacity_provider_decisions")
    rows = rows[rows["capacity_provider"] == code]
    calls = _own_calls(facts, name)
    if len(calls):
        return _explain_managed(facts, code, calls)
    sections = [
        Section("Minute by minute, each as it ended", tuple(_minutes(facts, rows))),
        Section("What changed its size", tuple(_changes(facts, name))),
    ]
    return explanation(facts.result.start, f"capacityProvider/{name}", _answer(facts, code, rows), sections)


def _own_calls(facts: Facts, name: str) -> np.ndarray:
    """The calls by which ECS moved the instances of a provider of Managed Instances."""
    rows = facts.raw("calls")
    mine = [facts.name("call_target", int(target)).startswith(f"{name}: ") for target in rows["target"]]
    own: np.ndarray = rows[(rows["caller"] == facts.code("caller", "ecs")) & np.array(mine, bool)]
    return own


def _explain_managed(facts: Facts, code: int, calls: np.ndarray) -> Explanation:
    """A provider of Managed Instances: every launch with what it was for, every end with its reason."""
    name = facts.name("capacity_provider", code)
    chronicle = Chronicle(facts)
    instances = facts.result.settled("instances")
    mine = instances[instances["capacity_provider"] == code]
    ended = int((~np.isnan(mine["terminated_at"])).sum())
    metrics = facts.raw("capacity_provider_metrics")
    waiting = int(metrics[metrics["capacity_provider"] == code]["provisioning_tasks"].max(initial=0))
    answer = (
        f"ECS launched {count(len(mine), 'instance')} of its own choice, and {ended:,} of them ended; at the most "
        f"{count(waiting, 'task')} waited for one."
    )
    found = [chronicle.event(int(number)) for number in calls["event_id"]]
    steps = [Step(event.t, chronicle.say(event), event.number) for event in found if event is not None]
    sections = [Section("What ECS did with its instances", tuple(steps))]
    return explanation(facts.result.start, f"capacityProvider/{name}", answer, sections)


def _answer(facts: Facts, code: int, rows: np.ndarray) -> str:
    metrics = facts.raw("capacity_provider_metrics")
    metrics = metrics[metrics["capacity_provider"] == code]
    if not len(rows):
        text = "It has no managed scaling: nothing but calls changes the size of its group"
        return f"{text}; it had {int(metrics['instances'].max(initial=0)):,} instances at the most."
    out = rows["action"] == facts.code("scaling_action", "ordered")
    into = rows["action"] == facts.code("scaling_action", "scaled in")
    largest = int(metrics["instances"].max(initial=0))
    left_out = int(rows["left_out_tasks"].max(initial=0))
    text = (
        f"Target {int(rows['target_capacity'][-1])} %; the value was between {rows[VALUE].min():g} and "
        f"{rows[VALUE].max():g} %. It ordered more instances {count(int(out.sum()), 'time')}, let some go in "
        f"{count(int(into.sum()), 'minute')}, and had {largest:,} at the most."
    )
    if left_out:
        text += f" Up to {count(left_out, 'task')} waited that fit no type of the group and are left out of the count."
    return text


def _minutes(facts: Facts, rows: np.ndarray) -> list[Step]:
    """A step for each minute; what is alike for several is one step that says so."""
    if not len(rows):
        return []
    new = np.r_[True, [tuple(a) != tuple(b) for a, b in zip(rows[list(_ALIKE)][1:], rows[list(_ALIKE)], strict=False)]]
    starts = np.flatnonzero(new)
    ends = np.r_[starts[1:], len(rows)] - 1
    steps = []
    for first, last in zip(starts.tolist(), ends.tolist(), strict=True):
        text = minute_in_words(facts, rows[first])
        if last > first:
            text += f" (and the same in {count(last - first, 'minute')} more"
            points = int(rows[last]["low_datapoints"])
            text += f", then {points} of {LOW_POINTS} points below)" if points else ")"
        steps.append(Step(float(rows[first]["t"]), text))
    return steps


def minute_in_words(facts: Facts, row: np.void) -> str:
    """One minute: the value with its arithmetic, the alarms, the action."""
    return f"{value_in_words(facts, row)}; {_alarms(row)}; {_action(facts, row)}"


def value_in_words(facts: Facts, row: np.void) -> str:
    """``reservation 150 % = M 3 / N 2`` and where M comes from (ASG-010 to ASG-020)."""
    needed, instances, step = int(row["needed"]), int(row["instances"]), int(row["step"])
    text = f"reservation {row[VALUE]:g} %"
    waiting, left_out = int(row["waiting_tasks"]), int(row["left_out_tasks"])
    if step:
        bound = int(row["lower_bound"])
        said = f"M {needed:,} = N {instances:,} + step {step:,}"
        text += f", {said}: {count(waiting, 'task')} wait in {count(int(row['task_groups']), 'group')}, which need "
        text += f"{bound:,} or more" + (f", bounded to {step:,}" if step != bound else "")
        if not instances:
            text += "; without instances the value is 200"
    elif left_out:
        text += f", at the target: all {count(waiting, 'task')} that wait fit no type of the group"
    elif not instances:
        text += ", N 0 and nothing waits"
    else:
        empty = instances - int(row["busy_instances"])
        text += f" = M {needed:,} / N {instances:,}: nothing waits, {count(empty, 'instance')} empty"
    groups = facts.name("text", int(row["groups"]))
    return f"{text} [{groups}]" if groups else text


def _alarms(row: np.void) -> str:
    target, points = int(row["target_capacity"]), int(row["low_datapoints"])
    if row["alarm_high"]:
        return f"above {target}, the high alarm is on"
    if not points:
        return f"at {target}, no alarm"
    low = ", the low alarm is on" if points >= LOW_POINTS else ""
    return f"below {target}, {points} of {LOW_POINTS} points{low}"


def _action(facts: Facts, row: np.void) -> str:
    before, after = int(row["from_count"]), int(row["to_count"])
    at = facts.at(float(row["effective_at"])) if row["effective_at"] == row["effective_at"] else ""
    return {
        "none": f"desired stays {after:,}",
        "ordered": f"desired {before:,} to {after:,} ordered, in effect at {at}",
        "ordered before": f"waits for the order that takes effect at {at}",
        "warming up": f"desired stays {after:,}: the youngest instance warms up until {at}",
        "launching": f"desired is {after:,} already: instances are on their way",
        "at maximum": f"desired stays {after:,}: the group may not be larger",
        "scaled in": f"desired {before:,} to {after:,}",
        "at its size": f"desired stays {after:,}: that is its size at the target",
        "at minimum": f"desired stays {after:,}: the group may not be smaller",
        "suspended": f"desired stays {after:,}: the group's process for it is suspended",
        "protected": f"desired stays {after:,}: every instance is protected by its tasks",
    }[facts.name("scaling_action", int(row["action"]))]


def _changes(facts: Facts, name: str) -> list[Step]:
    chronicle = Chronicle(facts)
    rows = facts.raw("scaling_activities")
    mine = rows[rows["policy"] == facts.code("policy", f"ECSManagedAutoScalingPolicy-{name}")]
    found = [chronicle.event(int(number)) for number in mine["event_id"]]
    return [Step(event.t, chronicle.say(event), event.number) for event in found if event is not None]
