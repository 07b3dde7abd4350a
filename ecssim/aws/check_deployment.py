"""What a deployment configuration says beyond its percentages: circuit breaker, alarms, early success.

Implements DEPLOY-018, DEPLOY-040, DEPLOY-050, DEPLOY-051.
"""

from __future__ import annotations

from collections.abc import Iterator

from ecssim.aws.names import DeploymentStrategy, ThresholdType
from ecssim.aws.refusals import Refusal
from ecssim.aws.service import DeploymentConfiguration, Service

_WHERE = ("deploymentConfiguration",)


def check_deployment(service: Service) -> Iterator[Refusal]:
    """Why the deployment configuration of a service would be refused, or looked at again."""
    given = service.deployment_configuration
    if given is None:
        return
    yield from _breaker(given)
    yield from _alarms(given)
    yield from _early(given, service)


def _breaker(given: DeploymentConfiguration) -> Iterator[Refusal]:
    breaker = given.deployment_circuit_breaker
    limit = breaker.threshold_configuration if breaker is not None else None
    if limit is not None and limit.type is not ThresholdType.COUNT and limit.value > 100:
        where = (*_WHERE, "deploymentCircuitBreaker", "thresholdConfiguration", "value")
        message = f"value of {limit.type} is a percentage from 1 to 100, got {limit.value}"
        yield Refusal(where, message, "DEPLOY-040")


def _alarms(given: DeploymentConfiguration) -> Iterator[Refusal]:
    alarms = given.alarms
    if alarms is not None and alarms.enable and not alarms.alarm_names:
        yield Refusal((*_WHERE, "alarms", "alarmNames"), "alarms are enabled and none is named", "DEPLOY-050")
    rolling = given.strategy in (None, DeploymentStrategy.ROLLING)
    if given.bake_time_in_minutes is not None and rolling:
        if alarms is None or not alarms.enable or not alarms.rollback:
            message = "a rolling deployment bakes only with alarms that roll back: bakeTimeInMinutes changes nothing"
            yield Refusal((*_WHERE, "bakeTimeInMinutes"), message, "DEPLOY-051", severity="warning")


def _early(given: DeploymentConfiguration, service: Service) -> Iterator[Refusal]:
    early = given.early_success_criteria
    if early is None or not early.enable:
        return
    where = (*_WHERE, "earlySuccessCriteria")
    if given.strategy not in (None, DeploymentStrategy.ROLLING) or service.is_daemon:
        yield Refusal(where, "earlySuccessCriteria go with rolling deployments of replica services", "DEPLOY-018")
        return
    for key, value in (
        ("healthyPercent", early.healthy_percent),
        ("sourceServiceRevisionCleanup", early.source_service_revision_cleanup),
    ):
        if value is None:
            yield Refusal(where, f"earlySuccessCriteria that are enabled need {key}", "DEPLOY-018")
    least = service.minimum_healthy_percent
    if early.healthy_percent is not None and early.healthy_percent < least:
        message = f"healthyPercent is at least minimumHealthyPercent ({least}), got {early.healthy_percent}"
        yield Refusal((*where, "healthyPercent"), message, "DEPLOY-018")
