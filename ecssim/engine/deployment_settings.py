"""From the document of a deployment configuration to what watches over deployments."""

from __future__ import annotations

from ecssim.aws.names import ServiceRevisionCleanup
from ecssim.aws.service import DeploymentConfiguration
from ecssim.world.service_deployments import AlarmSettings, BreakerSettings, Detectors, EarlySuccess


def detectors_of(document: DeploymentConfiguration | None) -> Detectors | None:
    """What is enabled of the circuit breaker, alarms and early success criteria; None if nothing is."""
    if document is None:
        return None
    found = Detectors(_breaker(document), _alarms(document), _early(document))
    return None if found == Detectors() else found


def _breaker(document: DeploymentConfiguration) -> BreakerSettings | None:
    """The circuit breaker with its defaults: half of the desired count, reset by a healthy task (DEPLOY-040)."""
    given = document.deployment_circuit_breaker
    if given is None or not given.enable:
        return None
    reset = given.reset_on_healthy_task is not False
    limit = given.threshold_configuration
    if limit is None:
        return BreakerSettings(given.rollback, reset=reset)
    return BreakerSettings(given.rollback, limit.type, limit.value, reset)


def _alarms(document: DeploymentConfiguration) -> AlarmSettings | None:
    given = document.alarms
    if given is None or not given.enable or not given.alarm_names:
        return None
    minutes = document.bake_time_in_minutes
    return AlarmSettings(given.alarm_names, given.rollback, None if minutes is None else minutes * 60.0)


def _early(document: DeploymentConfiguration) -> EarlySuccess | None:
    """Early success; the old tasks go first unless it says DEFERRED (DEPLOY-018)."""
    given = document.early_success_criteria
    if given is None or not given.enable:
        return None
    percent = 100 if given.healthy_percent is None else given.healthy_percent
    return EarlySuccess(percent, given.source_service_revision_cleanup is ServiceRevisionCleanup.DEFERRED)
