"""Task scale-in protection: by id or by the shorthand of the timeline, and when it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from builders import Sim, call, group, scenario, service, task_definition


def scene(**more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "duration": "40m",
        "taskDefinitions": [task_definition(), task_definition()],
        "autoScalingGroups": [group(2)],
        "timing": {"profile": "fixed", "instanceBoot": "0s"},
        "services": [service(count=4)],
    }
    return scenario(**(base | more))


def protect(at: str, **more: Any) -> dict[str, Any]:
    return call(at, "UpdateTaskProtection", cluster="prod", service="web", protectionEnabled=True, **more)


def left(sim: Sim) -> list[int]:
    return [t.ordinal for t in sim.tasks() if t.running]


@pytest.mark.rule("LIFE-070")
def test_the_timeline_protects_the_tasks_that_started_first() -> None:
    sim = Sim(
        scene(
            timeline=[
                protect("2m", count=3, expiresInMinutes=10),
                call("3m", "UpdateService", cluster="prod", service="web", desiredCount=0),
            ]
        )
    ).to(179)
    first = [t.ordinal for t in sorted(sim.tasks(), key=lambda t: (t.started_at, t.ordinal))][:3]
    sim.to(719)
    assert sorted(left(sim)) == sorted(first)
    sim.to(721)
    assert left(sim) == []


@pytest.mark.rule("LIFE-070")
def test_protecting_again_starts_the_time_anew_and_it_can_be_taken_back() -> None:
    sim = Sim(
        scene(
            timeline=[
                protect("2m", expiresInMinutes=5),
                call("3m", "UpdateService", cluster="prod", service="web", desiredCount=0),
                protect("4m", expiresInMinutes=30),
            ]
        )
    ).to(8 * 60)
    assert len(left(sim)) == 4
    sim.call("UpdateTaskProtection", cluster="prod", service="web", protectionEnabled=False)
    sim.to(8 * 60 + 1)
    assert left(sim) == []


@pytest.mark.rule("LIFE-071")
def test_protection_is_refused_while_protected_tasks_hold_up_a_deployment() -> None:
    sim = Sim(scene(timeline=[protect("2m", count=3, expiresInMinutes=30)])).to(150)
    ids = [sim.engine.task_id(t) for t in sim.tasks()]

    def answer(name: str) -> Any:
        return sim.call("UpdateTaskProtection", cluster="prod", tasks=[name], protectionEnabled=True)["failures"]

    # More protected tasks than the service wants, but no deployment that waits for them.
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=2)
    sim.to(200)
    assert len(left(sim)) == 3
    assert answer(ids[0]) == []
    sim.call("UpdateService", cluster="prod", service="web", taskDefinition="app:2")
    sim.to(300)
    new = next(sim.engine.task_id(t) for t in sim.tasks() if t.running and sim.engine.task_id(t) not in ids)
    assert answer(new) == [{"arn": new, "reason": "DEPLOYMENT_BLOCKED"}]
    # As many as it wants are no obstacle.
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=3)
    sim.to(320)
    assert answer(new) == []
