"""Metrics that applications publish by themselves: queue depth, backlog per task, latency of an inference.

``value`` is metric math over the quantities of one service's minute (``in_flight_count / running_count``); alarms and
policies then use the metric by its namespace, name and dimensions. ``delay`` is how long after a minute its point is
there, the delay of ECS metrics if it is not given.
"""

from __future__ import annotations

from ecssim.aws.scaling import Dimension
from ecssim.aws.shape import Name, Shape
from ecssim.scenario.units import Duration


class CustomMetric(Shape):
    """One metric, with a point a minute."""

    namespace: Name
    metric_name: Name
    of: str
    value: str
    dimensions: tuple[Dimension, ...] = ()
    delay: Duration | None = None
