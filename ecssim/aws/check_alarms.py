"""What CloudWatch refuses in an alarm, and what of alarms the project does not model.

Implements ALARM-002 to ALARM-004, ALARM-006, ALARM-014, ALARM-016, ALARM-017.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ecssim.aws.check_metrics import CODE, ECS, check_metric, check_percentile, check_queries
from ecssim.aws.refusals import Refusal
from ecssim.aws.scaling import Alarm

#: Longest period of an alarm that is modelled, in seconds.
LONGEST_PERIOD: Final = 7200
#: The period of alarms on the fine metrics of a service.
FINE: Final = 20
#: Most evaluation periods of such an alarm.
MOST_FINE: Final = 50


def check_alarm(alarm: Alarm) -> Iterator[Refusal]:
    """Every reason for which an alarm would be refused, whatever else there is."""
    if alarm.threshold_metric_id:
        message = "thresholdMetricId of an alarm is not modelled (notModelled)"
        yield Refusal(("thresholdMetricId",), message, "ALARM-016", CODE)
        return
    yield from _watched(alarm)
    if alarm.evaluation_periods is None or alarm.threshold is None or alarm.comparison_operator is None:
        yield Refusal((), "an alarm needs evaluationPeriods, threshold, comparisonOperator", "ALARM-003", CODE)
        return
    if "Lower" in alarm.comparison_operator or "Upper" in alarm.comparison_operator:
        message = "anomaly detection is not modelled (notModelled)"
        yield Refusal(("comparisonOperator",), message, "ALARM-003", CODE)
    if (alarm.datapoints_to_alarm or 1) > alarm.evaluation_periods:
        message = f"datapointsToAlarm is at most evaluationPeriods, {alarm.evaluation_periods}"
        yield Refusal(("datapointsToAlarm",), message, "ALARM-004", CODE)
    yield from _period(alarm, alarm.evaluation_periods)


def _watched(alarm: Alarm) -> Iterator[Refusal]:
    """A metric with a statistic or a percentile, or metric math."""
    if alarm.metrics:
        if alarm.metric_name is not None or alarm.statistic is not None or alarm.extended_statistic is not None:
            yield Refusal(("metrics",), "give one of metricName, metrics", "ALARM-016", CODE)
        yield from check_queries(alarm.metrics, ("metrics",), "ALARM-016")
        if alarm.period is not None:
            yield Refusal(("period",), "with metrics, each of them has its period", "ALARM-016", CODE)
    elif alarm.extended_statistic is not None:
        if alarm.statistic is not None:
            yield Refusal((), "give one of statistic, extendedStatistic", "ALARM-003", CODE)
        yield from check_metric(alarm.namespace, alarm.metric_name, alarm.extended_statistic, ())
        yield from check_percentile(alarm.extended_statistic, alarm.metric_name, ("extendedStatistic",))
        if alarm.period not in (None, 60):
            message = "a percentile over other periods than 60 s is not modelled (notModelled)"
            yield Refusal(("period",), message, "ALARM-014", CODE)
    else:
        yield from check_metric(alarm.namespace, alarm.metric_name, alarm.statistic, ())
    if alarm.evaluate_low_sample_count_percentile not in (None, "evaluate", "ignore"):
        message = "evaluateLowSampleCountPercentile is evaluate or ignore"
        yield Refusal(("evaluateLowSampleCountPercentile",), message, "ALARM-014", CODE)


def _period(alarm: Alarm, periods: int) -> Iterator[Refusal]:
    period = alarm.period or 60
    fine = period == FINE and alarm.namespace == ECS and alarm.metric_name in ("CPUUtilization", "MemoryUtilization")
    if fine and periods > MOST_FINE:
        message = f"more than {MOST_FINE} periods of {FINE} s are not modelled (notModelled)"
        yield Refusal(("evaluationPeriods",), message, "ALARM-002", CODE)
    if not fine and (period % 60 or period > LONGEST_PERIOD):
        if period in (10, 20, 30):
            message = (
                f"a period of {period} s is not modelled (notModelled): of all metrics only CPUUtilization and "
                "MemoryUtilization of a service have points every 20 s"
            )
        elif period % 60 == 0:
            message = f"a period of {period} s is not modelled (notModelled): at most {LONGEST_PERIOD} s"
        else:
            message = f"a period is 10, 20, 30 or a multiple of 60, got {period}"
        yield Refusal(("period",), message, "ALARM-002", CODE)
    most = 86_400 if period < 3600 else 604_800
    if periods * period > most:
        message = f"evaluationPeriods x period is at most {most:,} s, got {periods * period:,}"
        yield Refusal(("evaluationPeriods",), message, "ALARM-006", CODE)
