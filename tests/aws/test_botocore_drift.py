"""Our documents against the API's own description: field names and enum values are a subset of botocore's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from ecssim.aws import cluster, load_balancing, names, network, requests, routing, scaling, service, task_definition
from ecssim.aws.shape import Shape, keys_of

ECS: dict[str, type[Shape]] = {
    "RegisterTaskDefinitionRequest": task_definition.TaskDefinition,
    "CreateServiceRequest": service.Service,
    "CreateClusterRequest": cluster.Cluster,
    "CreateCapacityProviderRequest": cluster.CapacityProvider,
    **{
        f"{name}Request": model
        for name, model in requests.REQUESTS.items()
        if model.__module__ == "ecssim.aws.requests"
        and name
        not in {
            "CreateDeployment",
            "DeleteScalingPolicy",
            "DeregisterScalableTarget",
            "ModifyListener",
            "ModifyRule",
            "SetDesiredCapacity",
            "TerminateInstanceInAutoScalingGroup",
            "UpdateAutoScalingGroup",
        }
    },
}
PARTS: dict[str, type[Shape]] = {
    "ContainerDefinition": task_definition.ContainerDefinition,
    "PortMapping": task_definition.PortMapping,
    "HealthCheck": task_definition.HealthCheck,
    "ContainerDependency": task_definition.ContainerDependency,
    "ResourceRequirement": task_definition.ResourceRequirement,
    "ContainerRestartPolicy": task_definition.ContainerRestartPolicy,
    "Volume": task_definition.Volume,
    "EphemeralStorage": task_definition.EphemeralStorage,
    "RuntimePlatform": task_definition.RuntimePlatform,
    "LogConfiguration": task_definition.LogConfiguration,
    "ProxyConfiguration": task_definition.ProxyConfiguration,
    "DeploymentConfiguration": service.DeploymentConfiguration,
    "DeploymentCircuitBreaker": service.DeploymentCircuitBreaker,
    "DeploymentAlarms": service.DeploymentAlarms,
    "DeploymentLifecycleHook": service.DeploymentLifecycleHook,
    "LinearConfiguration": service.LinearConfiguration,
    "CanaryConfiguration": service.CanaryConfiguration,
    "LoadBalancer": service.ServiceLoadBalancer,
    "AdvancedConfiguration": service.AdvancedConfiguration,
    "ServiceRegistry": service.ServiceRegistry,
    "AwsVpcConfiguration": service.AwsVpcConfiguration,
    "CapacityProviderStrategyItem": service.CapacityProviderStrategyItem,
    "PlacementConstraint": service.PlacementConstraint,
    "PlacementStrategy": service.PlacementStrategy,
    "AutoScalingGroupProvider": cluster.AutoScalingGroupProvider,
    "ManagedScaling": cluster.ManagedScaling,
    "TaskOverride": requests.TaskOverride,
    "ContainerOverride": requests.ContainerOverride,
    "Attribute": requests.Attribute,
}
OTHERS: list[tuple[str, str, type[Shape]]] = [
    ("autoscaling", "CreateAutoScalingGroupType", cluster.AutoScalingGroup),
    ("autoscaling", "MixedInstancesPolicy", cluster.MixedInstancesPolicy),
    ("autoscaling", "InstancesDistribution", cluster.InstancesDistribution),
    ("autoscaling", "LaunchTemplateOverrides", cluster.LaunchTemplateOverride),
    ("autoscaling", "SetDesiredCapacityType", requests.SetDesiredCapacity),
    ("elbv2", "TargetGroupTuple", load_balancing.TargetGroupTuple),
    ("elbv2", "Action", load_balancing.ListenerAction),
    ("elbv2", "RuleCondition", load_balancing.RuleCondition),
    ("elbv2", "ModifyListenerInput", requests.ModifyListener),
    ("application-autoscaling", "RegisterScalableTargetRequest", scaling.ScalableTarget),
    ("application-autoscaling", "PutScalingPolicyRequest", scaling.ScalingPolicy),
    ("application-autoscaling", "PutScheduledActionRequest", scaling.ScheduledAction),
    (
        "application-autoscaling",
        "TargetTrackingScalingPolicyConfiguration",
        scaling.TargetTrackingConfiguration,
    ),
    ("application-autoscaling", "StepScalingPolicyConfiguration", scaling.StepScalingConfiguration),
    ("cloudwatch", "PutMetricAlarmInput", scaling.Alarm),
]
ENUMS: dict[str, type[Any]] = {
    "NetworkMode": names.NetworkMode,
    "Compatibility": names.Compatibility,
    "LaunchType": names.LaunchType,
    "CapacityProviderType": names.CapacityProviderType,
    "TransportProtocol": names.TransportProtocol,
    "ApplicationProtocol": names.ApplicationProtocol,
    "ContainerCondition": names.ContainerCondition,
    "ResourceType": names.ResourceType,
    "CPUArchitecture": names.CpuArchitecture,
    "OSFamily": names.OsFamily,
    "LogDriver": names.LogDriver,
    "PlacementStrategyType": names.PlacementStrategyType,
    "PlacementConstraintType": names.PlacementConstraintType,
    "SchedulingStrategy": names.SchedulingStrategy,
    "AvailabilityZoneRebalancing": names.AvailabilityZoneRebalancing,
    "DeploymentControllerType": names.DeploymentControllerType,
    "DeploymentStrategy": names.DeploymentStrategy,
    "DeploymentRolloutState": names.DeploymentRolloutState,
    "DeploymentLifecycleHookStage": names.DeploymentLifecycleHookStage,
    "DesiredStatus": names.DesiredStatus,
    "HealthStatus": names.HealthStatus,
    "TaskStopCode": names.TaskStopCode,
    "ContainerInstanceStatus": names.ContainerInstanceStatus,
    "SettingName": names.SettingName,
    "PropagateTags": names.PropagateTags,
    "AssignPublicIp": names.EnabledDisabled,
    "ManagedScalingStatus": names.EnabledDisabled,
}


@pytest.fixture(scope="module")
def session() -> Any:
    return botocore.session.get_session()


def _members(session: Any, api: str, shape: str) -> set[str]:
    return set(session.get_service_model(api).shape_for(shape).members)


def _ours(model: type[Shape]) -> Iterator[str]:
    extra = frozenset[str]().union(*(cls.additions for cls in model.__mro__ if issubclass(cls, Shape)))
    yield from (key for key in keys_of(model) if key not in extra)


@pytest.mark.parametrize("shape", [*ECS, *PARTS])
def test_our_fields_are_fields_of_the_ecs_api(session: Any, shape: str) -> None:
    model = ECS.get(shape) or PARTS[shape]
    unknown = set(_ours(model)) - _members(session, "ecs", shape)
    assert unknown == set()


@pytest.mark.parametrize("shape", ["RegisterTaskDefinitionRequest", "CreateServiceRequest", "ContainerDefinition"])
def test_every_field_of_the_central_documents_is_accepted(session: Any, shape: str) -> None:
    model = ECS.get(shape) or PARTS[shape]
    assert _members(session, "ecs", shape) - set(keys_of(model)) == set()


@pytest.mark.parametrize(("api", "shape", "model"), OTHERS, ids=[shape for _, shape, _ in OTHERS])
def test_our_fields_are_fields_of_the_other_apis(session: Any, api: str, shape: str, model: type[Shape]) -> None:
    known = {member.lower() for member in _members(session, api, shape)}
    assert {key for key in _ours(model) if key.lower() not in known} == set()


@pytest.mark.parametrize(
    ("shape", "model"),
    [
        ("Route", routing.Route),
        ("RouteTableAssociation", routing.RouteTableAssociation),
        ("IpPermission", routing.IpPermission),
        ("IpRange", routing.IpRange),
        ("PrefixListId", routing.PrefixList),
        ("UserIdGroupPair", routing.UserIdGroupPair),
        ("RouteTable", network.RouteTable),
        ("SecurityGroup", network.SecurityGroup),
    ],
)
def test_what_ec2_describes_of_routes_and_groups_is_accepted_as_it_is(
    session: Any, shape: str, model: type[Shape]
) -> None:
    members = {name.lower() for name in _members(session, "ec2", shape)}
    assert {key.lower() for key in _ours(model)} - {key.lower() for key in model.additions} == members


@pytest.mark.parametrize("shape", list(ENUMS))
def test_our_enum_values_are_values_of_the_api(session: Any, shape: str) -> None:
    known = set(session.get_service_model("ecs").shape_for(shape).enum)
    assert {str(member) for member in ENUMS[shape]} - known == set()
