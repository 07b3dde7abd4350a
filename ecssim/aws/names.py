"""The enums of the AWS APIs, spelled exactly as the API spells them.

Members are the API's values, so that a name read from a scenario, written to a table or compared with a real
``describe-*`` document is the same string everywhere. This module imports nothing of ecssim and no pydantic:
every room may use it.
"""

from __future__ import annotations

from enum import StrEnum


class NetworkMode(StrEnum):
    """How the containers of a task reach the network (NET-001)."""

    BRIDGE = "bridge"
    HOST = "host"
    AWSVPC = "awsvpc"
    NONE = "none"


class Compatibility(StrEnum):
    """Where a task definition says that it can run."""

    EC2 = "EC2"
    FARGATE = "FARGATE"
    EXTERNAL = "EXTERNAL"
    MANAGED_INSTANCES = "MANAGED_INSTANCES"


class LaunchType(StrEnum):
    """The infrastructure that a request asks for without a capacity provider (CAP-018)."""

    EC2 = "EC2"
    FARGATE = "FARGATE"
    EXTERNAL = "EXTERNAL"
    MANAGED_INSTANCES = "MANAGED_INSTANCES"


class CapacityProviderType(StrEnum):
    """The four kinds of capacity provider (CAP-001)."""

    EC2_AUTOSCALING = "EC2_AUTOSCALING"
    MANAGED_INSTANCES = "MANAGED_INSTANCES"
    FARGATE = "FARGATE"
    FARGATE_SPOT = "FARGATE_SPOT"


class CapacityOptionType(StrEnum):
    """How Managed Instances are bought (CAP-061)."""

    ON_DEMAND = "ON_DEMAND"
    SPOT = "SPOT"
    RESERVED = "RESERVED"


class CapacityProviderStatus(StrEnum):
    """The status of a capacity provider (CAP-002)."""

    PROVISIONING = "PROVISIONING"
    ACTIVE = "ACTIVE"
    DEPROVISIONING = "DEPROVISIONING"
    INACTIVE = "INACTIVE"


class CapacityProviderUpdateStatus(StrEnum):
    """What the last change of a capacity provider has come to (CAP-002)."""

    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    CREATE_FAILED = "CREATE_FAILED"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    UPDATE_FAILED = "UPDATE_FAILED"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_COMPLETE = "DELETE_COMPLETE"
    DELETE_FAILED = "DELETE_FAILED"


class TransportProtocol(StrEnum):
    """Transport of a port mapping; TCP and UDP ports are separate sets (PLACE-006)."""

    TCP = "tcp"
    UDP = "udp"


class ApplicationProtocol(StrEnum):
    """Application protocol of a named port, used by Service Connect."""

    HTTP = "http"
    HTTP2 = "http2"
    GRPC = "grpc"


class ContainerCondition(StrEnum):
    """What a container waits for in the container that it depends on (LIFE-053)."""

    START = "START"
    COMPLETE = "COMPLETE"
    SUCCESS = "SUCCESS"
    HEALTHY = "HEALTHY"


class ResourceType(StrEnum):
    """A special resource of a container; GPUs are whole and pinned (PLACE-007)."""

    GPU = "GPU"
    INFERENCE_ACCELERATOR = "InferenceAccelerator"
    NEURON_DEVICE = "NeuronDevice"


class CpuArchitecture(StrEnum):
    """Processor architecture of a task (FG-005)."""

    X86_64 = "X86_64"
    ARM64 = "ARM64"


class OsFamily(StrEnum):
    """Operating system family of a task (FG-005)."""

    LINUX = "LINUX"
    WINDOWS_SERVER_2016_FULL = "WINDOWS_SERVER_2016_FULL"
    WINDOWS_SERVER_2004_CORE = "WINDOWS_SERVER_2004_CORE"
    WINDOWS_SERVER_2019_FULL = "WINDOWS_SERVER_2019_FULL"
    WINDOWS_SERVER_2019_CORE = "WINDOWS_SERVER_2019_CORE"
    WINDOWS_SERVER_2022_FULL = "WINDOWS_SERVER_2022_FULL"
    WINDOWS_SERVER_2022_CORE = "WINDOWS_SERVER_2022_CORE"
    WINDOWS_SERVER_2025_FULL = "WINDOWS_SERVER_2025_FULL"
    WINDOWS_SERVER_2025_CORE = "WINDOWS_SERVER_2025_CORE"
    WINDOWS_SERVER_20H2_CORE = "WINDOWS_SERVER_20H2_CORE"


class LogDriver(StrEnum):
    """Log driver of a container."""

    JSON_FILE = "json-file"
    SYSLOG = "syslog"
    JOURNALD = "journald"
    GELF = "gelf"
    FLUENTD = "fluentd"
    AWSLOGS = "awslogs"
    SPLUNK = "splunk"
    AWSFIRELENS = "awsfirelens"


class PidMode(StrEnum):
    """Process namespace of a task."""

    HOST = "host"
    TASK = "task"


class IpcMode(StrEnum):
    """IPC namespace of a task."""

    HOST = "host"
    TASK = "task"
    NONE = "none"


class VersionConsistency(StrEnum):
    """Whether an image tag is resolved to a digest once per deployment."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class PlacementStrategyType(StrEnum):
    """How to choose among the instances that fit (PLACE-020)."""

    RANDOM = "random"
    SPREAD = "spread"
    BINPACK = "binpack"


class PlacementStrategyChoice(StrEnum):
    """The API's three types, and ``custom``: a function of the user's, which AWS does not have."""

    RANDOM = "random"
    SPREAD = "spread"
    BINPACK = "binpack"
    CUSTOM = "custom"


class PlacementConstraintType(StrEnum):
    """What an instance must satisfy (PLACE-040)."""

    DISTINCT_INSTANCE = "distinctInstance"
    MEMBER_OF = "memberOf"


class SchedulingStrategy(StrEnum):
    """Replica services keep a count, daemon services one task per instance (SVC-060)."""

    REPLICA = "REPLICA"
    DAEMON = "DAEMON"


class AvailabilityZoneRebalancing(StrEnum):
    """Whether the scheduler moves tasks to even out the zones."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class DeploymentControllerType(StrEnum):
    """Who runs the deployments of a service."""

    ECS = "ECS"
    CODE_DEPLOY = "CODE_DEPLOY"
    EXTERNAL = "EXTERNAL"


class DeploymentStrategy(StrEnum):
    """How a new revision takes over under the ECS controller."""

    ROLLING = "ROLLING"
    BLUE_GREEN = "BLUE_GREEN"
    LINEAR = "LINEAR"
    CANARY = "CANARY"


class DeploymentRolloutState(StrEnum):
    """How far a deployment got."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class ServiceDeploymentStatus(StrEnum):
    """Where a service deployment stands (DEPLOY-006)."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESSFUL = "SUCCESSFUL"
    STOP_REQUESTED = "STOP_REQUESTED"
    STOPPED = "STOPPED"
    ROLLBACK_REQUESTED = "ROLLBACK_REQUESTED"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_SUCCESSFUL = "ROLLBACK_SUCCESSFUL"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"


class MonitorStatus(StrEnum):
    """What the circuit breaker or the alarms of a deployment do (DEPLOY-048)."""

    DISABLED = "DISABLED"
    MONITORING = "MONITORING"
    TRIGGERED = "TRIGGERED"
    MONITORING_COMPLETE = "MONITORING_COMPLETE"


class ThresholdType(StrEnum):
    """How the circuit breaker's threshold follows from its value (DEPLOY-040, DEPLOY-041)."""

    BOUNDED_PERCENT = "BOUNDED_PERCENT"
    UNBOUNDED_PERCENT = "UNBOUNDED_PERCENT"
    COUNT = "COUNT"


class ServiceRevisionCleanup(StrEnum):
    """When the tasks of the old revision go in a deployment that may succeed early (DEPLOY-018)."""

    BLOCKING = "BLOCKING"
    DEFERRED = "DEFERRED"


class StopServiceDeploymentStopType(StrEnum):
    """What StopServiceDeployment does beside stopping (DEPLOY-010)."""

    ROLLBACK = "ROLLBACK"
    ABORT = "ABORT"


class DeploymentLifecycleHookStage(StrEnum):
    """The stages of a deployment at which a hook may run."""

    RECONCILE_SERVICE = "RECONCILE_SERVICE"
    PRE_SCALE_UP = "PRE_SCALE_UP"
    POST_SCALE_UP = "POST_SCALE_UP"
    TEST_TRAFFIC_SHIFT = "TEST_TRAFFIC_SHIFT"
    POST_TEST_TRAFFIC_SHIFT = "POST_TEST_TRAFFIC_SHIFT"
    PRE_PRODUCTION_TRAFFIC_SHIFT = "PRE_PRODUCTION_TRAFFIC_SHIFT"
    PRODUCTION_TRAFFIC_SHIFT = "PRODUCTION_TRAFFIC_SHIFT"
    POST_PRODUCTION_TRAFFIC_SHIFT = "POST_PRODUCTION_TRAFFIC_SHIFT"


class DeploymentLifecycleHookTargetType(StrEnum):
    """What a deployment hook does."""

    AWS_LAMBDA = "AWS_LAMBDA"
    PAUSE = "PAUSE"


class PropagateTags(StrEnum):
    """Whose tags a task takes over."""

    TASK_DEFINITION = "TASK_DEFINITION"
    SERVICE = "SERVICE"
    NONE = "NONE"


class EnabledDisabled(StrEnum):
    """The switch that many APIs spell ``ENABLED`` and ``DISABLED``."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class LastStatus(StrEnum):
    """Where a task is in its life; DELETED is only ever seen in API documents (LIFE section)."""

    PROVISIONING = "PROVISIONING"
    PENDING = "PENDING"
    ACTIVATING = "ACTIVATING"
    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"
    STOPPING = "STOPPING"
    DEPROVISIONING = "DEPROVISIONING"
    STOPPED = "STOPPED"
    DELETED = "DELETED"


class DesiredStatus(StrEnum):
    """Where the control plane wants a task to be."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


class HealthStatus(StrEnum):
    """Health of a container or task (LIFE-063, LIFE-064)."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    UNKNOWN = "UNKNOWN"


class TaskStopCode(StrEnum):
    """Why a task stopped."""

    TASK_FAILED_TO_START = "TaskFailedToStart"
    ESSENTIAL_CONTAINER_EXITED = "EssentialContainerExited"
    USER_INITIATED = "UserInitiated"
    SERVICE_SCHEDULER_INITIATED = "ServiceSchedulerInitiated"
    SPOT_INTERRUPTION = "SpotInterruption"
    TERMINATION_NOTICE = "TerminationNotice"
    INFRASTRUCTURE_HEALTH = "InfrastructureHealth"


class ContainerInstanceStatus(StrEnum):
    """Status of a container instance."""

    ACTIVE = "ACTIVE"
    DRAINING = "DRAINING"
    REGISTERING = "REGISTERING"
    DEREGISTERING = "DEREGISTERING"
    REGISTRATION_FAILED = "REGISTRATION_FAILED"


class AttributeTargetType(StrEnum):
    """What a custom attribute is attached to."""

    CONTAINER_INSTANCE = "container-instance"


class SettingName(StrEnum):
    """Account settings of ECS."""

    SERVICE_LONG_ARN_FORMAT = "serviceLongArnFormat"
    TASK_LONG_ARN_FORMAT = "taskLongArnFormat"
    CONTAINER_INSTANCE_LONG_ARN_FORMAT = "containerInstanceLongArnFormat"
    AWSVPC_TRUNKING = "awsvpcTrunking"
    CONTAINER_INSIGHTS = "containerInsights"
    FARGATE_FIPS_MODE = "fargateFIPSMode"
    TAG_RESOURCE_AUTHORIZATION = "tagResourceAuthorization"
    FARGATE_TASK_RETIREMENT_WAIT_PERIOD = "fargateTaskRetirementWaitPeriod"
    GUARD_DUTY_ACTIVATE = "guardDutyActivate"
    DEFAULT_LOG_DRIVER_MODE = "defaultLogDriverMode"
    FARGATE_EVENT_WINDOWS = "fargateEventWindows"


class LoadBalancerType(StrEnum):
    """Kind of an Elastic Load Balancing v2 load balancer."""

    APPLICATION = "application"
    NETWORK = "network"
    GATEWAY = "gateway"


class LoadBalancerScheme(StrEnum):
    """Whether the nodes of a load balancer have public addresses."""

    INTERNET_FACING = "internet-facing"
    INTERNAL = "internal"


class ElbProtocol(StrEnum):
    """Protocol of a target group, a health check or a listener."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TCP = "TCP"
    TLS = "TLS"
    UDP = "UDP"
    TCP_UDP = "TCP_UDP"
    GENEVE = "GENEVE"
    QUIC = "QUIC"
    TCP_QUIC = "TCP_QUIC"


class TargetType(StrEnum):
    """What a target group registers: tasks in awsvpc need ``ip`` (NET-008)."""

    INSTANCE = "instance"
    IP = "ip"
    LAMBDA = "lambda"
    ALB = "alb"


class ListenerActionType(StrEnum):
    """What a listener rule does with a request."""

    FORWARD = "forward"
    AUTHENTICATE_OIDC = "authenticate-oidc"
    AUTHENTICATE_COGNITO = "authenticate-cognito"
    REDIRECT = "redirect"
    FIXED_RESPONSE = "fixed-response"
    JWT_VALIDATION = "jwt-validation"


class VpcEndpointType(StrEnum):
    """Gateway endpoints use no address, interface endpoints one per subnet (NET-033, NET-034)."""

    INTERFACE = "Interface"
    GATEWAY = "Gateway"
    GATEWAY_LOAD_BALANCER = "GatewayLoadBalancer"


class ServiceNamespace(StrEnum):
    """Application Auto Scaling namespace; only ECS services are scaled here."""

    ECS = "ecs"


class ScalableDimension(StrEnum):
    """The dimension that Application Auto Scaling moves."""

    ECS_SERVICE_DESIRED_COUNT = "ecs:service:DesiredCount"


class ScalingPolicyType(StrEnum):
    """Kinds of Application Auto Scaling policies."""

    STEP_SCALING = "StepScaling"
    TARGET_TRACKING_SCALING = "TargetTrackingScaling"
    PREDICTIVE_SCALING = "PredictiveScaling"


class PredefinedMetricType(StrEnum):
    """Predefined metrics that a service can track (SCALE-003)."""

    ECS_SERVICE_AVERAGE_CPU_UTILIZATION = "ECSServiceAverageCPUUtilization"
    ECS_SERVICE_AVERAGE_MEMORY_UTILIZATION = "ECSServiceAverageMemoryUtilization"
    ALB_REQUEST_COUNT_PER_TARGET = "ALBRequestCountPerTarget"
    ECS_SERVICE_AVERAGE_CPU_UTILIZATION_HIGH_RESOLUTION = "ECSServiceAverageCPUUtilizationHighResolution"
    ECS_SERVICE_AVERAGE_MEMORY_UTILIZATION_HIGH_RESOLUTION = "ECSServiceAverageMemoryUtilizationHighResolution"


class MonitoredMetric(StrEnum):
    """Metrics of a service whose resolution can be chosen (SCALE-011)."""

    CPU_UTILIZATION = "CPUUtilization"
    MEMORY_UTILIZATION = "MemoryUtilization"


class PredictiveMetricType(StrEnum):
    """What predictive scaling knows by name: pairs, loads and scaling metrics (SCALE-074)."""

    ECS_SERVICE_CPU_UTILIZATION = "ECSServiceCPUUtilization"
    ECS_SERVICE_MEMORY_UTILIZATION = "ECSServiceMemoryUtilization"
    ALB_REQUEST_COUNT = "ALBRequestCount"
    ECS_SERVICE_TOTAL_CPU_UTILIZATION = "ECSServiceTotalCPUUtilization"
    ECS_SERVICE_TOTAL_MEMORY_UTILIZATION = "ECSServiceTotalMemoryUtilization"
    TOTAL_ALB_REQUEST_COUNT = "TotalALBRequestCount"
    ECS_SERVICE_AVERAGE_CPU_UTILIZATION = "ECSServiceAverageCPUUtilization"
    ECS_SERVICE_AVERAGE_MEMORY_UTILIZATION = "ECSServiceAverageMemoryUtilization"
    ALB_REQUEST_COUNT_PER_TARGET = "ALBRequestCountPerTarget"


class PredictiveScalingMode(StrEnum):
    """Whether a forecast is only shown or also scales (SCALE-070)."""

    FORECAST_ONLY = "ForecastOnly"
    FORECAST_AND_SCALE = "ForecastAndScale"


class MaxCapacityBreachBehavior(StrEnum):
    """Whether a forecast may go beyond the maximum capacity (SCALE-073)."""

    HONOR_MAX_CAPACITY = "HonorMaxCapacity"
    INCREASE_MAX_CAPACITY = "IncreaseMaxCapacity"


class AdjustmentType(StrEnum):
    """How a step changes the capacity."""

    CHANGE_IN_CAPACITY = "ChangeInCapacity"
    PERCENT_CHANGE_IN_CAPACITY = "PercentChangeInCapacity"
    EXACT_CAPACITY = "ExactCapacity"


class MetricStatistic(StrEnum):
    """Statistic of a metric over a period."""

    AVERAGE = "Average"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"
    SAMPLE_COUNT = "SampleCount"
    SUM = "Sum"


class ComparisonOperator(StrEnum):
    """How an alarm compares a metric with its threshold."""

    GREATER_THAN_OR_EQUAL_TO_THRESHOLD = "GreaterThanOrEqualToThreshold"
    GREATER_THAN_THRESHOLD = "GreaterThanThreshold"
    LESS_THAN_THRESHOLD = "LessThanThreshold"
    LESS_THAN_OR_EQUAL_TO_THRESHOLD = "LessThanOrEqualToThreshold"
    LESS_THAN_LOWER_OR_GREATER_THAN_UPPER_THRESHOLD = "LessThanLowerOrGreaterThanUpperThreshold"
    LESS_THAN_LOWER_THRESHOLD = "LessThanLowerThreshold"
    GREATER_THAN_UPPER_THRESHOLD = "GreaterThanUpperThreshold"


class TreatMissingData(StrEnum):
    """What an alarm makes of a period without data."""

    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"
    IGNORE = "ignore"
    MISSING = "missing"


class NotScaledReason(StrEnum):
    """Why a scaling policy left the capacity as it was (SCALE-046)."""

    ANTICIPATED_FLAPPING = "AutoScalingAnticipatedFlapping"
    TARGET_SERVICE_PUT_RESOURCE_AS_UNSCALABLE = "TargetServicePutResourceAsUnscalable"
    ALREADY_AT_MAX_CAPACITY = "AlreadyAtMaxCapacity"
    ALREADY_AT_MIN_CAPACITY = "AlreadyAtMinCapacity"
    ALREADY_AT_DESIRED_CAPACITY = "AlreadyAtDesiredCapacity"


class ScalingActivityStatus(StrEnum):
    """What became of a scaling activity (SCALE-046)."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCESSFUL = "Successful"
    OVERRIDDEN = "Overridden"
    UNFULFILLED = "Unfulfilled"
    FAILED = "Failed"


class Market(StrEnum):
    """How an EC2 instance is bought."""

    ON_DEMAND = "onDemand"
    SPOT = "spot"


class OnDemandAllocationStrategy(StrEnum):
    """How a mixed group chooses the type of its On-Demand instances (ASG-052)."""

    PRIORITIZED = "prioritized"
    LOWEST_PRICE = "lowest-price"


class SpotAllocationStrategy(StrEnum):
    """How a mixed group chooses the pools of its Spot instances (ASG-052)."""

    LOWEST_PRICE = "lowest-price"
    CAPACITY_OPTIMIZED = "capacity-optimized"
    CAPACITY_OPTIMIZED_PRIORITIZED = "capacity-optimized-prioritized"
    PRICE_CAPACITY_OPTIMIZED = "price-capacity-optimized"


class CapacityDistributionStrategy(StrEnum):
    """Where a group tries again after a failed launch (ASG-050)."""

    BALANCED_BEST_EFFORT = "balanced-best-effort"
    BALANCED_ONLY = "balanced-only"


class LifecycleTransition(StrEnum):
    """When a lifecycle hook holds an instance (ASG-046)."""

    LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
    TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"


class LifecycleActionResult(StrEnum):
    """How a lifecycle hook ends (ASG-046)."""

    CONTINUE = "CONTINUE"
    ABANDON = "ABANDON"


class WarmPoolState(StrEnum):
    """In which state the instances of a warm pool wait (ASG-056)."""

    STOPPED = "Stopped"
    RUNNING = "Running"
    HIBERNATED = "Hibernated"


class TerminationPolicy(StrEnum):
    """How a group chooses the instances that it ends (ASG-042)."""

    DEFAULT = "Default"
    OLDEST_INSTANCE = "OldestInstance"
    NEWEST_INSTANCE = "NewestInstance"
    OLDEST_LAUNCH_CONFIGURATION = "OldestLaunchConfiguration"
    OLDEST_LAUNCH_TEMPLATE = "OldestLaunchTemplate"
    CLOSEST_TO_NEXT_INSTANCE_HOUR = "ClosestToNextInstanceHour"
    ALLOCATION_STRATEGY = "AllocationStrategy"


class ScalingProcess(StrEnum):
    """A process of an Auto Scaling group that can be suspended."""

    LAUNCH = "Launch"
    TERMINATE = "Terminate"
    ADD_TO_LOAD_BALANCER = "AddToLoadBalancer"
    ALARM_NOTIFICATION = "AlarmNotification"
    AZ_REBALANCE = "AZRebalance"
    HEALTH_CHECK = "HealthCheck"
    INSTANCE_REFRESH = "InstanceRefresh"
    REPLACE_UNHEALTHY = "ReplaceUnhealthy"
    SCHEDULED_ACTIONS = "ScheduledActions"
