"""The scenario's scalable targets, policies, alarms and scheduled actions, put in place at t = 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.aws.check_metrics import ECS
from ecssim.engine import scaling_requests as requests
from ecssim.engine.calls import SCENARIO
from ecssim.engine.metric_sources import expression_series, published_after

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine
    from ecssim.scenario.document import Scenario


def compile_scaling(engine: Engine, scenario: Scenario) -> None:
    """Register targets, put policies, alarms and scheduled actions, as calls at t = 0.

    In a steady state the metrics have been there for long, and these calls are no news.
    """
    quiet = scenario.initial_state == "steady"
    if quiet:
        engine.scaling.alarms.prime()
        engine.scaling.fine_alarms.prime()

    def note(action: str, target: str) -> int:
        return 0 if quiet else engine.calls.note(SCENARIO, action, target)

    _custom_metrics(engine, scenario)
    for target in scenario.scalable_targets:
        event = note("RegisterScalableTarget", target.resource_id)
        requests.register_target(engine, target, event)
    for policy in scenario.scaling_policies:
        note("PutScalingPolicy", policy.resource_id)
        requests.put_policy(engine, policy)
    for alarm in scenario.alarms:
        note("PutMetricAlarm", alarm.alarm_name)
        requests.put_alarm(engine, alarm)
    for autoscaler in scenario.horizontal_pod_autoscalers:
        engine.scaling.autoscalers.add(autoscaler)
    for action in scenario.scheduled_actions:
        note("PutScheduledAction", action.resource_id)
        requests.put_action(engine, action)


def _custom_metrics(engine: Engine, scenario: Scenario) -> None:
    """The metrics that applications publish by themselves, before anybody looks at them."""
    for metric in scenario.custom_metrics:
        service = engine.world.service_named(metric.of)
        assert service is not None
        delay = published_after(engine, ECS, service) if metric.delay is None else float(metric.delay)
        key = (metric.namespace, metric.metric_name, frozenset((d.name, d.value) for d in metric.dimensions))
        engine.series.custom[key] = expression_series(engine, metric.value, service, delay)
