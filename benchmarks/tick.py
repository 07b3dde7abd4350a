"""What one minute costs: flow, metrics, alarms and scaling, packed rows, for 1 and for 1,000 services.

    python -m benchmarks.tick

Every service is behind a load balancer in three zones, has a stream of its own and a target-tracking policy with its
alarms. The rival is the obvious model in the same run: one SimPy process per service that does the same arithmetic
with Python's own numbers once a minute and appends a dict. Bare SimPy's timeouts are timed beside it, so that the
figures of two machines can be compared.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections import deque
from collections.abc import Iterator
from statistics import median
from typing import Any

import simpy

from benchmarks.measure import Row, row
from ecssim.workload.flow import shares, step

MINUTES = {"small": 240, "full": 1000}
SERVICES = (1, 1000)
ZONES = ("a", "b", "c")


def document(services: int, minutes: int) -> dict[str, Any]:
    """A steady Region of ``services`` web services, each at its target."""
    definition = {
        "family": "web",
        "cpu": "1024",
        "memory": "2048",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{"name": "web", "image": "web", "portMappings": [{"containerPort": 80}]}],
    }
    numbers = range(services)
    policy = {
        "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
        "targetValue": 60,
    }
    return {
        "ecssim": 1,
        "name": "tick",
        "duration": f"{minutes + 2}m",
        "initialState": "steady",
        "clusters": [{"clusterName": "prod"}],
        "subnets": [
            {"subnetId": f"s-{z}", "availabilityZone": f"us-east-1{z}", "cidrBlock": f"10.{i}.0.0/16"}
            for i, z in enumerate(ZONES)
        ],
        "taskDefinitions": [definition],
        "behaviour": {"web": {"request": {"cpuSeconds": 0.01, "latency": "40ms"}, "idle": {"cpu": 10}}},
        "targetGroups": [{"targetGroupName": f"tg-{i}", "targetType": "ip"} for i in numbers],
        "services": [
            {
                "serviceName": f"web-{i}",
                "taskDefinition": "web",
                "desiredCount": 6,
                "launchType": "FARGATE",
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": [f"s-{z}" for z in ZONES]}},
                "loadBalancers": [{"targetGroupArn": f"tg-{i}", "containerName": "web", "containerPort": 80}],
            }
            for i in numbers
        ],
        "traffic": [
            {"name": f"t-{i}", "to": {"targetGroup": f"tg-{i}"}, "pattern": "constant", "rate": 345, "noise": 0.02}
            for i in numbers
        ],
        "scalableTargets": [
            {"resourceId": f"service/prod/web-{i}", "minCapacity": 2, "maxCapacity": 12} for i in numbers
        ],
        "scalingPolicies": [
            {
                "resourceId": f"service/prod/web-{i}",
                "policyName": f"cpu-{i}",
                "policyType": "TargetTrackingScaling",
                "targetTrackingScalingPolicyConfiguration": policy,
            }
            for i in numbers
        ],
    }


def with_every_policy(base: dict[str, Any], services: int) -> dict[str, Any]:
    """Give the services every kind of policy and metric in turn; a single service has all but the Kubernetes one."""
    policies: list[dict[str, Any]] = []
    more: dict[str, list[dict[str, Any]]] = {"alarms": [], "scheduledActions": [], "customMetrics": [], "schedules": []}
    autoscalers: list[dict[str, Any]] = []
    for i in range(services):
        kinds = KINDS if services == 1 else (KINDS[i % len(KINDS)],)
        for kind in kinds:
            if kind == "hpa" and services > 1:
                resource = {"name": "cpu", "target": {"averageUtilization": 60}}
                scaled = {"scaleTargetRef": {"name": f"prod/web-{i}"}, "minReplicas": 2, "maxReplicas": 12}
                autoscalers.append({"name": f"hpa-{i}", "metrics": [{"resource": resource}], **scaled})
            elif kind != "hpa":
                policies += _policies(i, kind, more)
        if "fine" in kinds:
            fine = {"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}
            base["services"][i]["monitoring"] = {"metricConfigurations": [fine]}
    base["scalingPolicies"] = policies
    taken = {a["scaleTargetRef"]["name"] for a in autoscalers}
    base["scalableTargets"] = [
        t for t in base["scalableTargets"] if t["resourceId"].removeprefix("service/") not in taken
    ]
    return base | more | {"horizontalPodAutoscalers": autoscalers, "allow": ["kubernetesAutoscaler"]}


#: Every kind of policy, or of metric under one.
KINDS = ("cpu", "fine", "requests", "steps", "math", "custom", "scheduled", "predictive", "event", "hpa")


def _policies(i: int, kind: str, more: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The policies of one service, steady at their targets; alarms, metrics and schedules go to ``more``."""
    resource = f"service/prod/web-{i}"
    dimensions = [{"name": "ClusterName", "value": "prod"}, {"name": "ServiceName", "value": f"web-{i}"}]

    def tracked(metric: dict[str, Any], value: float) -> dict[str, Any]:
        configuration = {"targetValue": value, **metric}
        name = {"resourceId": resource, "policyName": f"{kind}-{i}", "policyType": "TargetTrackingScaling"}
        return name | {"targetTrackingScalingPolicyConfiguration": configuration}

    def predefined(metric: str, **label: str) -> dict[str, Any]:
        return {"predefinedMetricSpecification": {"predefinedMetricType": metric, **label}}

    def query(key: str, metric: str, **rest: Any) -> dict[str, Any]:
        named = {"namespace": "AWS/ECS", "metricName": metric, "dimensions": dimensions}
        return {"id": key, "metricStat": {"metric": named, "stat": "Average"}, "returnData": False, **rest}

    if kind == "cpu":
        return [tracked(predefined("ECSServiceAverageCPUUtilization"), 60)]
    if kind == "fine":
        return [tracked(predefined("ECSServiceAverageCPUUtilizationHighResolution"), 63)]
    if kind == "requests":
        return [tracked(predefined("ALBRequestCountPerTarget", resourceLabel=f"tg-{i}"), 3650)]
    if kind == "math":
        math = [query("a", "CPUUtilization"), query("b", "MemoryUtilization"), {"id": "e", "expression": "a + b"}]
        return [tracked({"customizedMetricSpecification": {"metrics": math}}, 60)]
    if kind == "custom":
        named = {"namespace": "App", "metricName": "PerTask", "dimensions": dimensions[1:]}
        more["customMetrics"].append(
            {**named, "of": f"prod/web-{i}", "value": "served_count / running_count"},
        )
        return [tracked({"customizedMetricSpecification": {**named, "statistic": "Average"}}, 3650)]
    if kind == "steps":
        more["alarms"].append(
            {
                "alarmName": f"busy-{i}",
                "namespace": "AWS/ECS",
                "metricName": "CPUUtilization",
                "statistic": "Average",
                "dimensions": dimensions,
                "evaluationPeriods": 2,
                "datapointsToAlarm": 1,
                "threshold": 80,
                "comparisonOperator": "GreaterThanThreshold",
                "alarmActions": [f"steps-{i}"],
            }
        )
        step = {"metricIntervalLowerBound": 0, "scalingAdjustment": 1}
        configuration = {"adjustmentType": "ChangeInCapacity", "stepAdjustments": [step]}
        name = {"resourceId": resource, "policyName": f"steps-{i}", "policyType": "StepScaling"}
        return [name | {"stepScalingPolicyConfiguration": configuration}]
    if kind == "scheduled":
        bounds = {"minCapacity": 2}
        name = {"resourceId": resource, "scheduledActionName": "night", "schedule": "rate(10 minutes)"}
        more["scheduledActions"].append(name | {"scalableTargetAction": bounds})
        return []
    if kind == "event":
        call = {"arn": "arn:aws:scheduler:::aws-sdk:ecs:updateService"}
        parameters = {"cluster": "prod", "service": f"web-{i}", "desiredCount": 6}
        expression = {"name": f"count-{i}", "scheduleExpression": "rate(10 minutes)"}
        more["schedules"].append(expression | {"target": call | {"input": parameters}})
        return []
    pair = {"predefinedMetricPairSpecification": {"predefinedMetricType": "ECSServiceCPUUtilization"}}
    specification = {"metricSpecifications": [{"targetValue": 60, **pair}], "mode": "ForecastAndScale"}
    name = {"resourceId": resource, "policyName": f"ahead-{i}", "policyType": "PredictiveScaling"}
    return [name | {"predictiveScalingPolicyConfiguration": specification, "loadHistory": [345.0] * 48}]


def tick_us(services: int, minutes: int, *, every: bool = False) -> tuple[float, float]:
    """Return the median CPU microseconds of one minute's tick, and of the looks between two minutes.

    Asserts the rows that the ticks wrote. With ``every`` the services have all kinds of policies; those on metrics of
    20 seconds, and the Kubernetes autoscaler, look at their services between minutes.
    """
    from ecssim.run import simulate
    from ecssim.scenario.load import load_mapping

    given = document(services, minutes)
    simulation = simulate(load_mapping(with_every_policy(given, services) if every else given))
    engine = simulation.engine
    costs: list[int] = []
    publish, tick = engine.traffic.tick, engine.scaling.tick

    def begin() -> None:
        costs.append(-time.process_time_ns())
        publish()

    def end(minute: int) -> None:
        tick(minute)
        costs[-1] += time.process_time_ns()
        looks_cost.append(between[0])
        between[0] = 0

    between = [0]
    looks_cost: list[int] = []
    for sampler in (engine.scaling.high_resolution.sampler, engine.scaling.autoscalers._sampler):
        look = sampler._on_step

        def looks(arg: None, epoch: int, look: Any = look) -> None:
            between[0] -= time.process_time_ns()
            look(arg, epoch)
            between[0] += time.process_time_ns()

        vars(sampler)["_on_step"] = looks
    vars(engine.traffic)["tick"] = begin
    vars(engine.scaling)["tick"] = end
    simulation.advance(until=f"{minutes + 1}m")
    assert len(costs) == minutes, "a minute without its tick"
    simulation.finish()
    # The last two minutes end with the run, outside of what is timed.
    assert engine.recorder.tables["service_metrics"].rows == (minutes + 2) * services, "a tick without its rows"
    assert engine.recorder.tables["flow_metrics"].rows == 3 * (minutes + 2) * services, "a cell without its row"
    return median(costs) / 1000.0, median(looks_cost) / 1000.0


def quantile(tail: float, mu: float, chance: float, drain: float) -> float:
    """The response time that a share of ``tail`` exceeds: service plus wait, one Newton step as ecssim takes."""
    gap = mu - drain
    factor = chance * mu / gap
    t = -math.log(tail) * (1.0 / mu + chance / drain)
    a, b = math.exp(-mu * t), math.exp(-drain * t)
    above = a + factor * (b - a)
    slope = mu * a - factor * (mu * a - drain * b)
    return t + (math.log(above) - math.log(tail)) * above / slope


def rival_us(services: int, minutes: int) -> float:
    """Return the CPU microseconds a minute of one process per service doing the same arithmetic."""
    environment = simpy.Environment()
    record: list[dict[str, Any]] = []
    rnd = random.Random(1)

    def service(number: int) -> Iterator[simpy.Event]:
        highs: deque[bool] = deque(maxlen=3)
        lows: deque[bool] = deque(maxlen=15)
        cells = [{"zone": zone, "servers": 2, "in_flight": 0, "carry": 0.0} for zone in ZONES]
        load, arrived, carry, state_high, state_low = 0.0, 0, 0.0, "OK", "OK"
        while True:
            yield environment.timeout(60.0)
            load += max(0.0, 345 * 60 * (1 + 0.02 * rnd.gauss(0, 1)))
            new = math.floor(load) - arrived
            arrived += new
            counts, carry = shares(new, [cell["servers"] * 60.0 for cell in cells], carry)
            offered = served = late = in_flight = 0
            for cell, count in zip(cells, counts, strict=True):
                done = step(cell["in_flight"], count, 60.0, float(cell["servers"]), 100.0, 0.05, cell["carry"])
                cell["in_flight"], cell["carry"] = done.in_flight, done.carry
                offered += count
                served += done.served
                late += done.timed_out
                in_flight += done.in_flight
                record.append(
                    {
                        "t": environment.now,
                        "target": f"tg-{number}",
                        "service": f"web-{number}",
                        "zone": cell["zone"],
                        "offered": count,
                        "served": done.served,
                        "failed": done.timed_out,
                        "in_flight": done.in_flight,
                        "healthy": cell["servers"],
                    }
                )
            servers = sum(cell["servers"] for cell in cells)
            rho = min(0.98, offered / 60.0 / (servers * 100.0))
            chance = rho ** (math.sqrt(2.0 * (servers + 1.0)) - 1.0)
            drain = servers * 100.0 * (1.0 - rho)
            backlog = max(0.0, in_flight - offered / 60.0 * 0.05) / (servers * 100.0)
            cpu = min(100.0, 100.0 * (1024.0 * served * 0.01 + 10 * servers * 60.0) / (1024.0 * servers * 60.0))
            highs.append(cpu > 60.0)
            lows.append(cpu < 54.0)
            state_high = "ALARM" if len(highs) == 3 and all(highs) else "OK"
            state_low = "ALARM" if len(lows) == 15 and all(lows) else "OK"
            record.append(
                {
                    "t": environment.now,
                    "service": f"web-{number}",
                    "desired": servers,
                    "running": servers,
                    "pending": 0,
                    "healthy": servers,
                    "cpu": cpu,
                    "memory": 100.0 * in_flight * 0.0 / 2048.0,
                    "offered": offered,
                    "served": served,
                    "failed": late,
                    "in_flight": in_flight,
                    "requests": offered,
                    "per_target": offered / servers,
                    "mean": 0.04 + 0.01 + chance / drain + backlog,
                    "p50": 0.04 + backlog + quantile(0.5, 100.0, chance, drain),
                    "p95": 0.04 + backlog + quantile(0.05, 100.0, chance, drain),
                    "p99": 0.04 + backlog + quantile(0.01, 100.0, chance, drain),
                    "high": state_high,
                    "low": state_low,
                }
            )

    for number in range(services):
        environment.process(service(number))
    began = time.process_time_ns()
    environment.run(until=60.0 * minutes + 1.0)
    spent = time.process_time_ns() - began
    assert len(record) == 4 * minutes * services
    return spent / 1000.0 / minutes


def timeouts_per_second() -> float:
    """Return how many timeouts bare SimPy does in a second with 1,000 processes."""
    environment = simpy.Environment()

    def process() -> Iterator[simpy.Event]:
        while True:
            yield environment.timeout(1.0)

    for _ in range(1000):
        environment.process(process())
    began = time.process_time()
    environment.run(until=300.0)
    return 300_000 / (time.process_time() - began)


def run(size: str = "full") -> list[Row]:
    """Return one row a number of services, the rival, and the machine's own pace."""
    minutes = MINUTES[size]
    rows = [
        row(
            f"minute_tick_us_{services}",
            round(tick_us(services, minutes)[0], 1),
            "us",
            f"median CPU of {minutes} minutes: flow, metrics, alarms, rows; {services} services in three zones",
        )
        for services in SERVICES
    ]
    ours = float(rows[-1]["value"])
    for services in SERVICES:
        tick, looks = tick_us(services, minutes, every=True)
        what = "every kind of policy in turn" if services > 1 else "all kinds of policies at once"
        rows += [
            row(f"minute_tick_every_policy_us_{services}", round(tick, 1), "us", f"the same, {services} with {what}"),
            row(
                f"looks_every_policy_us_{services}", round(looks, 1), "us", "looks every 20 s and 15 s, all of a minute"
            ),
        ]
    rival = rival_us(SERVICES[-1], max(30, minutes // 20))
    rows.append(
        row(
            "minute_tick_vs_process_per_service",
            round(rival / ours, 2),
            "times faster",
            f"{SERVICES[-1]} processes with the same arithmetic and a list of dicts: {rival:.0f} us a minute",
        )
    )
    pace = timeouts_per_second()
    rows.append(row("bare_timeouts_per_second", round(pace), "1/s", "1,000 SimPy processes, one timeout a second each"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(MINUTES), default="full")
    print(json.dumps(run(parser.parse_args().size), indent=1))


if __name__ == "__main__":
    main()
