"""A small run that no engine played: every table filled, with what its frames must show kept beside it.

As a script it forks children that record into folders and die there:
``python synthetic_run.py FOLDER HOURS PART_ROWS JSON`` with one entry of the JSON list per child:
``{"name": ..., "after": seconds}`` (killed from outside), ``{"name": ..., "rename": n}`` (kills itself before
the n-th rename), ``{"name": ..., "drop": n}`` (between a part's rename and the n-th dropping of a tail) or
``{"name": ...}`` (lives).
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from ecssim.record.codes import DESIRED_STATUSES, FIXED_POOLS, TASK_STATUSES
from ecssim.record.ids import owner_key, task_id
from ecssim.record.recorder import Recorder
from ecssim.record.schema import TABLES
from ecssim.record.sinks import FolderSink

MANIFEST = {"start": "2026-03-02T08:00:00Z", "seed": 7}
NAN = float("nan")
JOINED = ("task_events", "tasks")
PLAIN = [table for table in TABLES if not table.internal and table.name not in JOINED]
STAGES = (*TASK_STATUSES[:6], "STOPPED")
PLACE_COLUMNS = ("availability_zone", "container_instance", "subnet", "private_ip")


class SyntheticRun:
    """Plays minutes into a recorder; ``expected[table]`` has what a frame must show, in plain rows."""

    def __init__(self, recorder: Recorder, seed: int = 1) -> None:
        self.recorder = recorder
        self.random = random.Random(seed)
        self.expected: dict[str, list[dict[str, Any]]] = {table.name: [] for table in TABLES}
        self.launched = 0
        self.alive: dict[int, dict[str, Any]] = {}
        for template in (0, 1):
            code = recorder.names.code
            recorder.tables["_templates"].append(
                template,
                code("task_definition", f"web-{template}"),
                template + 3,
                256 * (template + 1),
                512,
                2 - template,
                1 + template,
                0,
            )

    def hour(self, hour: int) -> None:
        for minute in range(hour * 60, hour * 60 + 60):
            self.minute(minute)
            self.recorder.spill()
        self.meter(hour)
        self.recorder.commit_hour(hour + 1)

    def meter(self, hour: int) -> None:
        """One vCPU of a Fargate service through the hour."""
        code = self.recorder.names.code
        self.recorder.tables["_meters"].append(
            hour,
            code("service", "web"),
            code("cluster", "prod"),
            code("resource", "FARGATE"),
            code("dimension", "vCPU"),
            code("sku", "FARGATE/LINUX/X86_64"),
            3600 * 1024,
            code("unit", "CPU-unit-second"),
            code("region", "us-east-1"),
        )

    def minute(self, minute: int) -> None:
        t = minute * 60.0
        if minute % 2 == 0:
            self.launch(t + 0.125)
        for task in list(self.alive):
            if self.random.random() < 0.4:
                self.step(task, t + 0.25)
        for table in PLAIN:
            if self.random.random() < 0.2 and table.name not in ("instances", "deployments"):
                self.plain_row(table, t)

    def launch(self, t: float) -> None:
        recorder, code = self.recorder, self.recorder.names.code
        self.launched += 1
        task, k = self.launched, self.launched // 3
        service = ("web", "api", None)[task % 3]
        group = f"service:{service}" if service else "family:job"
        key, template = owner_key(7, group), task % 2
        row = {
            "task_id": task_id(key, k),
            "group": group,
            "service": service,
            "revision": template + 3,
            "capacity_provider": ("FARGATE_SPOT", None)[task % 2],
            "launch_type": ("FARGATE", "EC2")[template],
            "origin": "job" if service is None else "service",
            "cluster": "prod",
            "region": "us-east-1",
        } | dict.fromkeys(PLACE_COLUMNS)
        times = {column.name: NAN for column in recorder.tables["tasks"].schema.columns[1:12]}
        self.alive[task] = {"row": row, "stage": -1, "times": times | {"created_at": t}, "event": 0}
        recorder.tables["_task_ids"].append(
            task,
            recorder.events + 1,
            code("group", group),
            code("service", service),
            key,
            k,
            template,
            code("deployment", f"ecs-svc/{service}"),
            code("origin", row["origin"]),
            code("capacity_provider", row["capacity_provider"]),
            code("cluster", "prod"),
            code("region", "us-east-1"),
            t,
            *(0, 0, 0, 0),
        )
        self.step(task, t)

    def step(self, task: int, t: float) -> None:
        recorder, state = self.recorder, self.alive[task]
        code = recorder.names.code
        state["stage"] += 1
        stage = STAGES[state["stage"]]
        event = recorder.new_event()
        if stage == "PENDING":
            place = {
                "availability_zone": "us-east-1a",
                "container_instance": f"i-{task % 5}" if state["row"]["launch_type"] == "EC2" else None,
                "subnet": "private-a",
                "private_ip": f"10.0.0.{task % 250 + 1}",
            }
            state["row"] |= place
            recorder.tables["_task_places"].append(
                task,
                event,
                code("instance", place["container_instance"]),
                code("subnet", place["subnet"]),
                (10 << 24) + task % 250 + 1,
                code("availability_zone", place["availability_zone"]),
            )
        ends = stage == "STOPPED"
        reason = f"Task {task % 4} stopped" if ends else None
        desired = "STOPPED" if state["stage"] > 3 else "RUNNING"
        recorder.tables["task_events"].append(
            t,
            event,
            state["event"],
            task,
            TASK_STATUSES.index(stage) + 1,
            DESIRED_STATUSES.index(desired) + 1,
            3 if ends else 0,
            code("text", reason),
        )
        self.expected["task_events"].append(
            {
                "t": t,
                "event_id": event,
                "cause_id": state["event"],
                **state["row"],
                "last_status": stage,
                "desired_status": desired,
                "stop_code": "UserInitiated" if ends else None,
                "stopped_reason": reason,
            }
        )
        state["event"] = event
        name = {"RUNNING": "started_at", "DEACTIVATING": "stopping_at", "STOPPED": "stopped_at"}.get(stage)
        if name:
            state["times"][name] = t
        if ends:
            self.end(task, 3, reason)

    def end(self, task: int, stop_code: int, reason: str | None) -> None:
        state = self.alive.pop(task)
        text = self.recorder.names.code("text", reason)
        self.recorder.tables["tasks"].append(task, *state["times"].values(), stop_code, text)
        stop = "UserInitiated" if stop_code else None
        row = {**state["row"], **state["times"], "stop_code": stop, "stopped_reason": reason, "task": task}
        self.expected["tasks"].append(row)

    def finish(self) -> None:
        """What the engine does at the end of a run: tasks that still live get their rows."""
        for task in list(self.alive):
            self.end(task, 0, None)
        for table in PLAIN:
            self.plain_row(table, 0.0)

    def plain_row(self, table: Any, t: float) -> None:
        """A row of random values of every kind; a third of the texts are null."""
        packed: list[Any] = []
        shown: dict[str, Any] = {}
        for column in table.columns:
            name, kind = column.name, column.kind
            value: Any
            if name in ("instance_id", "deployment_id"):
                value = f"{name}-{self.recorder.tables[table.name].rows}"
                packed.append(self.recorder.names.code(column.pool, value))
            elif column.pool is not None:
                members = FIXED_POOLS.get(column.pool) or [f"{column.pool} {n}: a, b\u00e9\n" for n in range(9)]
                value = self.random.choice([None, *members[:2]])
                packed.append(self.recorder.names.code(column.pool, value))
            elif kind == "task":
                task = self.random.randint(0, self.launched)
                service = ("web", "api", None)[task % 3]
                key = owner_key(7, f"service:{service}" if service else "family:job")
                name, value = "task_id", task_id(key, task // 3) if task else None
                packed.append(task)
            elif name == "t":
                value = t
                packed.append(value)
            elif kind == "f64":
                value = self.random.choice([NAN, 0.1, -3e300])
                packed.append(value)
            else:
                top = {"u8": 255, "u32": 2**32 - 1, "i32": 2**31 - 1, "u64": 2**63 - 1}[kind]
                value = self.random.choice([0, 1, top, *([-5] if kind == "i32" else [])])
                packed.append(value)
            shown[name] = value
        self.recorder.tables[table.name].append(*packed)
        self.expected[table.name].append(shown)


def record(folder: Path, hours: int, part_rows: int, rename: int = 0, drop: int = 0) -> None:
    """Record a run; die before rename ``rename``, or before the tail is dropped for the ``drop``-th time."""
    left = {"rename": rename, "drop": drop}

    def count(what: str) -> None:
        left[what] -= 1
        if left[what] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    class Mortal(FolderSink):
        def _drop_tail(self, name: str) -> None:
            if name in self._tails:
                count("drop")
            super()._drop_tail(name)

    recorder = Recorder(Mortal(folder, lambda _: count("rename")), manifest=MANIFEST, part_rows=part_rows)
    run = SyntheticRun(recorder)
    for hour in range(hours):
        run.hour(hour)
    run.finish()
    recorder.close(complete=True)


def main(folder: Path, hours: int, part_rows: int, deaths: list[dict[str, Any]]) -> None:
    for death in deaths:
        child = os.fork()
        if child == 0:
            record(folder / death["name"], hours, part_rows, death.get("rename", 0), death.get("drop", 0))
            os._exit(3 if "pandas" in sys.modules else 0)
        if "after" in death:
            time.sleep(death["after"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
            sys.exit(f"{death['name']}: recording failed or imported pandas ({status})")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4]))
