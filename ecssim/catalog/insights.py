"""Container Insights: the CloudWatch metrics that it publishes, each billed as a custom metric (COST-029).

The names are those of the CloudWatch user guide, page Container-Insights-metrics-ECS, read in 2026, by the dimensions
under which they are published: cluster, cluster and service, cluster and task definition family. Those of ephemeral
storage exist on Fargate only.
"""

from __future__ import annotations

from typing import Final

_USE: Final = (
    "CpuReserved",
    "CpuUtilized",
    "MemoryReserved",
    "MemoryUtilized",
    "NetworkRxBytes",
    "NetworkTxBytes",
    "StorageReadBytes",
    "StorageWriteBytes",
)
FARGATE_METRICS: Final = ("EphemeralStorageReserved", "EphemeralStorageUtilized")
FAMILY_METRICS: Final = _USE
SERVICE_METRICS: Final = (
    *_USE,
    "DeploymentCount",
    "DesiredTaskCount",
    "PendingTaskCount",
    "RunningTaskCount",
    "TaskSetCount",
)
CLUSTER_METRICS: Final = (*_USE, "ContainerInstanceCount", "ServiceCount", "TaskCount")
