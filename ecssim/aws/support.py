"""The honesty list: what the simulation makes of every field that it accepts.

``modelled``: the field changes what happens. ``noEffect``: it has none on what is simulated (labels,
credentials, the program that a container runs). ``notModelled``: on AWS it could change the answer and here
it does not yet; ``check`` warns where one is in use and ``--strict`` fails. This file is the one place to
flip a word; a test holds it to the documents, field by field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from ecssim.aws.shape import Shape


class Support(StrEnum):
    """What becomes of a field."""

    MODELLED = "modelled"
    NO_EFFECT = "noEffect"
    NOT_MODELLED = "notModelled"


_M, _E, _N = Support.MODELLED, Support.NO_EFFECT, Support.NOT_MODELLED
_ALL = "*"

SUPPORT: Mapping[str, Mapping[Support, str]] = {
    # --- task definitions
    "TaskDefinition": {
        _M: "family containerDefinitions cpu memory networkMode requiresCompatibilities"
        " runtimePlatform placementConstraints ephemeralStorage",
        _E: "taskRoleArn executionRoleArn pidMode ipcMode tags enableFaultInjection",
        _N: "volumes proxyConfiguration inferenceAccelerators trustedExecutionConfiguration",
    },
    "ContainerDefinition": {
        _M: "name image cpu memory memoryReservation portMappings essential stopTimeout resourceRequirements"
        " dependsOn startTimeout healthCheck restartPolicy repositoryCredentials secrets logConfiguration",
        _E: "links entryPoint command environment environmentFiles"
        " mountPoints volumesFrom linuxParameters versionConsistency hostname user"
        " workingDirectory disableNetworking privileged readonlyRootFilesystem dnsServers"
        " dnsSearchDomains extraHosts dockerSecurityOptions interactive pseudoTerminal"
        " dockerLabels ulimits systemControls credentialSpecs",
        _N: "firelensConfiguration",
    },
    "PortMapping": {_M: "containerPort hostPort protocol", _E: "name appProtocol", _N: "containerPortRange"},
    "HealthCheck": {_M: "interval timeout retries startPeriod", _E: "command"},
    "ContainerDependency": {_M: _ALL},
    "ResourceRequirement": {_M: "type value", _N: "sharingStrategy"},
    "RuntimePlatform": {_M: _ALL},
    "TaskDefinitionPlacementConstraint": {_M: _ALL},
    "EphemeralStorage": {_M: _ALL},
    "ContainerRestartPolicy": {_M: _ALL},
    "InferenceAccelerator": {_N: _ALL},
    "ProxyConfiguration": {_N: _ALL},
    "Volume": {_N: _ALL},
    "HostVolumeProperties": {_N: _ALL},
    "EnvironmentFile": {_E: _ALL},
    "HostEntry": {_E: _ALL},
    "KeyValuePair": {_E: _ALL},
    "LogConfiguration": {_M: "logDriver options", _E: "secretOptions"},
    "MountPoint": {_E: _ALL},
    "RepositoryCredentials": {_M: _ALL},
    "Secret": {_M: "valueFrom", _E: "name"},
    "SystemControl": {_E: _ALL},
    "Tag": {_E: _ALL},
    "Ulimit": {_E: _ALL},
    "VolumeFrom": {_E: _ALL},
    # --- services
    "Service": {
        _M: "serviceName taskDefinition cluster desiredCount schedulingStrategy launchType"
        " capacityProviderStrategy deploymentConfiguration deploymentController"
        " placementConstraints placementStrategy networkConfiguration loadBalancers"
        " healthCheckGracePeriodSeconds availabilityZoneRebalancing platformVersion monitoring"
        " enableExecuteCommand",
        _E: "role clientToken tags enableECSManagedTags propagateTags",
        _N: "region serviceRegistries serviceConnectConfiguration"
        " volumeConfigurations vpcLatticeConfigurations gatewayConnectors",
    },
    "MonitoringConfiguration": {_M: _ALL},
    "MetricConfiguration": {_M: _ALL},
    "CapacityProviderStrategyItem": {_M: _ALL},
    "PlacementConstraint": {_M: _ALL},
    "PlacementStrategy": {_M: _ALL},
    "NetworkConfiguration": {_M: _ALL},
    "AwsVpcConfiguration": {_M: "subnets assignPublicIp securityGroups"},
    "DeploymentController": {_N: _ALL},
    "DeploymentConfiguration": {
        _M: "minimumHealthyPercent maximumPercent deploymentCircuitBreaker alarms bakeTimeInMinutes"
        " earlySuccessCriteria",
        _N: "strategy lifecycleHooks linearConfiguration canaryConfiguration",
    },
    "DeploymentCircuitBreaker": {_M: _ALL},
    "ThresholdConfiguration": {_M: _ALL},
    "DeploymentAlarms": {_M: _ALL},
    "DeploymentEarlySuccessCriteria": {_M: _ALL},
    "DeploymentLifecycleHook": {_N: _ALL},
    "LinearConfiguration": {_N: _ALL},
    "CanaryConfiguration": {_N: _ALL},
    "ServiceLoadBalancer": {
        _M: "targetGroupArn containerName containerPort",
        _N: "loadBalancerName advancedConfiguration",
    },
    "AdvancedConfiguration": {_N: _ALL},
    "ServiceRegistry": {_N: _ALL},
    # --- clusters and capacity
    "Cluster": {
        _M: "clusterName capacityProviders defaultCapacityProviderStrategy settings",
        _E: "configuration tags",
        _N: "region serviceConnectDefaults",
    },
    "ClusterSetting": {_M: _ALL},
    "ClusterServiceConnectDefaults": {_N: _ALL},
    "CapacityProvider": {
        _M: "name cluster autoScalingGroupProvider managedInstancesProvider",
        _E: "tags",
        _N: "region",
    },
    "ManagedInstancesProvider": {
        _M: "instanceLaunchTemplate infrastructureOptimization autoRepairConfiguration",
        _E: "infrastructureRoleArn propagateTags",
    },
    "InstanceLaunchTemplate": {
        _M: "networkConfiguration capacityOptionType instanceRequirements",
        _E: "ec2InstanceProfileArn monitoring instanceMetadataTagsPropagation fipsEnabled nitroEnclavesEnabled"
        " storageConfiguration",
        _N: "localStorageConfiguration capacityReservations",
    },
    "ManagedInstancesNetworkConfiguration": {_M: _ALL},
    "InstanceRequirements": {
        _M: "vCpuCount memoryMiB cpuManufacturers memoryGiBPerVCpu allowedInstanceTypes excludedInstanceTypes"
        " instanceGenerations bareMetal burstablePerformance localStorage networkInterfaceCount acceleratorCount"
        " acceleratorTypes onDemandMaxPricePercentageOverLowestPrice spotMaxPricePercentageOverLowestPrice",
        _N: "maxSpotPriceAsPercentageOfOptimalOnDemandPrice localStorageTypes totalLocalStorageGB"
        " baselineEbsBandwidthMbps networkBandwidthGbps acceleratorManufacturers acceleratorNames"
        " acceleratorTotalMemoryMiB requireHibernateSupport",
    },
    "CountRange": {_M: _ALL},
    "OptionalCountRange": {_M: _ALL},
    "AmountRange": {_M: _ALL},
    "CapacityReservations": {_N: _ALL},
    "InfrastructureOptimization": {_M: _ALL},
    "AutoRepairConfiguration": {_M: _ALL},
    "AutoScalingGroupProvider": {
        _M: "autoScalingGroupArn autoScalingGroup managedScaling managedTerminationProtection managedDraining",
    },
    "ManagedScaling": {_M: _ALL},
    "AutoScalingGroup": {
        _M: "autoScalingGroupName minSize maxSize desiredCapacity subnets"
        " vpcZoneIdentifier instances mixedInstancesPolicy agent terminationPolicies"
        " newInstancesProtectedFromScaleIn defaultCooldown healthCheckGracePeriod capacityRebalance"
        " maxInstanceLifetime availabilityZoneDistribution lifecycleHookSpecificationList warmPool"
        " interfacesAttachedByHand",
        _E: "launchTemplate launchConfigurationName instanceId context tags serviceLinkedRoleARN"
        " deletionProtection placementGroup operator availabilityZones availabilityZoneIds"
        " skipZonalShiftValidation",
        _N: "region defaultInstanceWarmup healthCheckType instanceMaintenancePolicy"
        " availabilityZoneImpairmentPolicy targetGroupARNs loadBalancerNames trafficSources desiredCapacityType"
        " capacityReservationSpecification instanceLifecyclePolicy",
    },
    "LifecycleHookSpecification": {
        _M: "lifecycleHookName lifecycleTransition heartbeatTimeout defaultResult completesAfter",
        _E: "notificationMetadata notificationTargetARN roleARN",
    },
    "WarmPool": {_M: _ALL},
    "InstanceReusePolicy": {_M: _ALL},
    "AvailabilityZoneDistribution": {_M: _ALL},
    "InstancesShorthand": {
        _M: "instanceType market imageId securityGroupIds associatePublicIpAddress blockDeviceMappings"
    },
    "BlockDeviceMapping": {_M: "ebs", _E: "deviceName"},
    "EbsBlockDevice": {_M: "volumeSize", _E: "volumeType deleteOnTermination encrypted"},
    "MixedInstancesPolicy": {_M: _ALL},
    "MixedLaunchTemplate": {_M: "overrides blockDeviceMappings", _E: "launchTemplateSpecification"},
    "LaunchTemplateOverride": {
        _M: "instanceType imageId weightedCapacity",
        _E: "launchTemplateSpecification",
        _N: "instanceRequirements",
    },
    "LaunchTemplateSpecification": {_E: _ALL},
    "InstancesDistribution": {
        _M: "onDemandBaseCapacity onDemandPercentageAboveBaseCapacity onDemandAllocationStrategy"
        " spotAllocationStrategy spotInstancePools spotMaxPrice",
        _N: "distributionSegments",
    },
    "AgentConfiguration": {
        _M: "version ECS_CLUSTER ECS_RESERVED_MEMORY ECS_INSTANCE_ATTRIBUTES ECS_RESERVED_PORTS ECS_RESERVED_PORTS_UDP"
        " ECS_ENABLE_SPOT_INSTANCE_DRAINING ECS_IMAGE_PULL_BEHAVIOR ECS_DYNAMIC_HOST_PORT_RANGE"
        " ECS_CONTAINER_START_TIMEOUT ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION"
        " ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER ECS_NUM_IMAGES_DELETE_PER_CYCLE ECS_IMAGE_CLEANUP_INTERVAL"
        " ECS_IMAGE_MINIMUM_CLEANUP_AGE ECS_DISABLE_IMAGE_CLEANUP ECS_ENABLE_TASK_ENI ECS_AVAILABLE_LOGGING_DRIVERS"
        " ECS_PULL_DEPENDENT_CONTAINERS_UPFRONT ECS_WARM_POOLS_CHECK",
        _E: "ECS_POLL_METRICS",
        _N: "ECS_CONTAINER_STOP_TIMEOUT ECS_CONTAINER_CREATE_TIMEOUT",
    },
    "AccountSettings": {
        _M: "awsvpcTrunking dualStackIPv6 containerInsights fargateTaskRetirementWaitPeriod",
        _E: "fargateFIPSMode tagResourceAuthorization guardDutyActivate"
        " defaultLogDriverMode serviceLongArnFormat taskLongArnFormat"
        " containerInstanceLongArnFormat",
        _N: "fargateEventWindows",
    },
    # --- network
    "Vpc": {
        _M: "vpcId cidrBlock cidrBlocks cidrBlockAssociationSet ipv6CidrBlock ipv6CidrBlockAssociationSet"
        " enableDnsSupport enableDnsHostnames",
        _E: "isDefault tags",
        _N: "region",
    },
    "Subnet": {
        _M: "subnetId availabilityZone availabilityZoneId cidrBlock addressesInUse vpcId ipv6CidrBlock"
        " mapPublicIpOnLaunch ipv6CidrBlockAssociationSet ipv6Native privateDnsNameOptionsOnLaunch ownerId",
        _E: "assignIpv6AddressOnCreation enableDns64 tags",
        _N: "region",
    },
    "NatGateway": {
        _M: "natGatewayId subnetId secondaryPrivateIpAddressCount connectivityType",
        _E: "vpcId allocationId tags",
        _N: "region",
    },
    "VpcEndpoint": {
        _M: "vpcEndpointId serviceName vpcEndpointType subnetIds vpcId routeTableIds securityGroupIds"
        " privateDnsEnabled",
        _E: "tags",
        _N: "region",
    },
    "SecurityGroup": {
        _M: "groupId groupName vpcId ipPermissions ipPermissionsEgress",
        _E: "description ownerId securityGroupArn tags",
        _N: "region",
    },
    "IpPermission": {_M: "ipProtocol fromPort toPort ipRanges prefixListIds userIdGroupPairs", _E: "ipv6Ranges"},
    "IpRange": {_M: "cidrIp", _E: "description"},
    "PrefixList": {_E: _ALL},
    "UserIdGroupPair": {
        _M: "groupId",
        _E: "groupName userId vpcId vpcPeeringConnectionId peeringStatus description",
    },
    "RouteTable": {
        _M: "routeTableId vpcId subnets associations routes",
        _E: "ownerId propagatingVgws tags",
        _N: "region",
    },
    "RouteTableAssociation": {
        _M: "subnetId main",
        _E: "routeTableAssociationId routeTableId gatewayId publicIpv4Pool associationState",
    },
    "Route": {
        _M: "destinationCidrBlock gatewayId natGatewayId transitGatewayId"
        " vpcPeeringConnectionId networkInterfaceId instanceId localGatewayId carrierGatewayId coreNetworkArn"
        " odbNetworkArn state",
        _E: "destinationIpv6CidrBlock destinationPrefixListId egressOnlyInternetGatewayId instanceOwnerId ipAddress"
        " origin",
    },
    "DBProxy": {
        _M: "dbProxyName vpcSubnetIds targetInstanceClass endpoints",
        _E: "vpcSecurityGroupIds engineFamily tags",
        _N: "region",
    },
    "Function": {_M: "functionName vpcConfig connections", _N: "region"},
    "VpcConfig": {_M: "subnetIds securityGroupIds", _E: "ipv6AllowedForDualStack"},
    "MountTarget": {_M: "fileSystemId subnetId", _E: "securityGroups", _N: "region"},
    # --- load balancing
    "TargetGroup": {
        _M: "targetGroupName targetGroupArn targetType protocol protocolVersion"
        " healthCheckIntervalSeconds healthCheckTimeoutSeconds healthyThresholdCount"
        " unhealthyThresholdCount deregistrationDelay slowStart attributes healthCheckProtocol",
        _E: "healthCheckEnabled port vpcId healthCheckPort healthCheckPath matcher ipAddressType targetControlPort"
        " tags",
        _N: "region",
    },
    "ElbAttribute": {_M: _ALL},
    "Matcher": {_E: _ALL},
    "LoadBalancer": {
        _M: "loadBalancerName loadBalancerArn type subnets subnetMappings scheme attributes",
        _E: "securityGroups ipAddressType customerOwnedIpv4Pool enablePrefixForIpv6SourceNat ipamPools tags",
        _N: "region",
    },
    "SubnetMapping": {
        _M: "subnetId",
        _E: "allocationId privateIPv4Address iPv6Address sourceNatIpv6Prefix",
    },
    "Listener": {
        _M: "listenerArn loadBalancer loadBalancerArn port defaultActions rules mutualAuthentication",
        _E: "protocol sslPolicy certificates alpnPolicy tags",
        _N: "region",
    },
    "ListenerRule": {_M: "ruleArn priority conditions actions", _E: "isDefault transforms tags"},
    "RuleCondition": {
        _M: "field values hostHeaderConfig pathPatternConfig httpRequestMethodConfig",
        _N: "regexValues httpHeaderConfig queryStringConfig sourceIpConfig",
    },
    "ConditionValues": {_M: "values", _N: "regexValues"},
    "ListenerAction": {
        _M: "type targetGroupArn targetGroups forwardConfig",
        _E: "order redirectConfig fixedResponseConfig authenticateOidcConfig authenticateCognitoConfig"
        " jwtValidationConfig",
    },
    "ForwardConfig": {_M: _ALL},
    "TargetGroupStickiness": {_M: _ALL},
    "TargetGroupTuple": {_M: _ALL},
    # --- scaling
    "ScalableTarget": {
        _M: "resourceId minCapacity maxCapacity serviceNamespace scalableDimension suspendedState",
        _E: "roleARN tags",
        _N: "region",
    },
    "SuspendedState": {_M: _ALL},
    "ScalingPolicy": {
        _M: "policyName resourceId policyType serviceNamespace scalableDimension"
        " targetTrackingScalingPolicyConfiguration stepScalingPolicyConfiguration"
        " predictiveScalingPolicyConfiguration loadHistory",
        _N: "region",
    },
    "PredictiveScalingConfiguration": {_M: _ALL},
    "PredictiveMetricSpecification": {
        _M: "targetValue predefinedMetricPairSpecification predefinedScalingMetricSpecification"
        " predefinedLoadMetricSpecification customizedScalingMetricSpecification customizedLoadMetricSpecification",
        _N: "customizedCapacityMetricSpecification",
    },
    "PredictiveMetric": {_M: _ALL},
    "PredictiveCustomMetric": {_M: _ALL},
    "MetricDataQuery": {_M: "id expression metricStat returnData period", _E: "label", _N: "accountId"},
    "MetricStat": {_M: "metric stat period", _E: "unit"},
    "MetricName": {_M: _ALL},
    "TargetTrackingConfiguration": {_M: _ALL},
    "PredefinedMetricSpecification": {_M: _ALL},
    "CustomizedMetricSpecification": {_M: "metricName namespace dimensions statistic metrics", _E: "unit"},
    "StepScalingConfiguration": {_M: _ALL},
    "StepAdjustment": {_M: _ALL},
    "ScheduledAction": {
        _M: "scheduledActionName resourceId schedule timezone startTime endTime serviceNamespace scalableDimension"
        " scalableTargetAction",
        _N: "region",
    },
    "ScalableTargetAction": {_M: _ALL},
    "EventSchedule": {
        _M: "name scheduleExpression target flexibleTimeWindow groupName scheduleExpressionTimezone startDate"
        " endDate state",
        _E: "description actionAfterCompletion kmsKeyArn",
        _N: "region",
    },
    "FlexibleTimeWindow": {_M: _ALL},
    "ScheduleTarget": {_M: "arn input", _E: "roleArn", _N: "retryPolicy deadLetterConfig"},
    "Alarm": {
        _M: "alarmName metricName namespace statistic dimensions period evaluationPeriods datapointsToAlarm"
        " threshold comparisonOperator treatMissingData actionsEnabled alarmActions extendedStatistic metrics"
        " evaluateLowSampleCountPercentile",
        _E: "alarmDescription unit okActions insufficientDataActions tags",
        _N: "region thresholdMetricId evaluationWindow warmUpConfiguration evaluationCriteria"
        " evaluationInterval actionConfiguration",
    },
    "Dimension": {_M: _ALL},
    # --- requests
    "RunTask": {
        _M: "taskDefinition cluster count launchType capacityProviderStrategy"
        " networkConfiguration overrides placementConstraints placementStrategy group"
        " startedBy platformVersion enableExecuteCommand",
        _E: "referenceId clientToken propagateTags tags enableECSManagedTags",
        _N: "region volumeConfigurations",
    },
    "StartTask": {
        _M: "taskDefinition containerInstances cluster networkConfiguration overrides group startedBy",
        _E: "referenceId propagateTags tags enableECSManagedTags enableExecuteCommand",
        _N: "volumeConfigurations",
    },
    "TaskOverride": {
        _M: "containerOverrides cpu memory ephemeralStorage",
        _E: "executionRoleArn taskRoleArn",
        _N: "inferenceAcceleratorOverrides",
    },
    "ContainerOverride": {
        _M: "name cpu memory memoryReservation resourceRequirements",
        _E: "command environment environmentFiles",
    },
    "UpdateService": {
        _M: "service cluster desiredCount taskDefinition capacityProviderStrategy"
        " deploymentConfiguration networkConfiguration placementConstraints placementStrategy"
        " forceNewDeployment healthCheckGracePeriodSeconds loadBalancers deploymentController"
        " availabilityZoneRebalancing monitoring platformVersion enableExecuteCommand",
        _E: "enableECSManagedTags propagateTags",
        _N: "serviceRegistries serviceConnectConfiguration"
        " volumeConfigurations vpcLatticeConfigurations gatewayConnectors",
    },
    "StopServiceDeployment": {_M: "serviceDeploymentArn", _N: "stopType"},
    "StopTask": {_M: _ALL},
    "DescribeTargetHealth": {_M: "targetGroupArn targets", _E: "include"},
    "TargetDescription": {_M: "id", _E: "port availabilityZone"},
    "DescribeTasks": {_M: "tasks cluster", _E: "include"},
    "ListTasks": {_M: _ALL},
    "DescribeContainerInstances": {_M: "containerInstances cluster", _E: "include"},
    "ListContainerInstances": {_M: _ALL},
    "DescribeServices": {_M: "services cluster", _E: "include"},
    "ListServices": {_M: _ALL},
    "DeleteService": {_M: _ALL},
    "UpdateContainerInstancesState": {_M: _ALL},
    "DeregisterContainerInstance": {_M: _ALL},
    "PutAttributes": {_M: _ALL},
    "DeleteAttributes": {_N: _ALL},
    "Attribute": {_M: _ALL},
    "PutAccountSettingDefault": {_M: _ALL},
    "PutAccountSetting": {_M: "name value", _E: "principalArn"},
    "PutClusterCapacityProviders": {_M: _ALL},
    "AutoScalingGroupProviderUpdate": {_M: _ALL},
    "DeleteCapacityProvider": {_M: _ALL},
    "DescribeCapacityProviders": {_M: "capacityProviders cluster", _E: "include"},
    "DeregisterTaskDefinition": {_N: _ALL},
    "SetDesiredCapacity": {_M: _ALL},
    "StartInstanceRefresh": {_M: "autoScalingGroupName preferences", _E: "strategy"},
    "RefreshPreferences": {_M: "minHealthyPercentage maxHealthyPercentage instanceWarmup", _N: "skipMatching"},
    "SuspendProcesses": {_M: _ALL},
    "ResumeProcesses": {_M: _ALL},
    "UpdateAutoScalingGroup": {_M: _ALL},
    "TerminateInstanceInAutoScalingGroup": {_M: _ALL},
    "UpdateTaskProtection": {_M: _ALL},
    "UpdateCapacityProvider": {_M: "name cluster autoScalingGroupProvider", _N: "managedInstancesProvider"},
    "ModifyListener": {
        _M: "listenerArn defaultActions",
        _E: "port protocol sslPolicy certificates alpnPolicy mutualAuthentication",
    },
    "ModifyRule": {_M: "ruleArn conditions actions", _E: "transforms resetTransforms"},
    "CreateDeployment": {_N: _ALL},
    "DeregisterScalableTarget": {_M: _ALL},
    "DeleteScalingPolicy": {_M: _ALL},
}

SECTIONS_NOT_MODELLED: frozenset[str] = frozenset()
"""Sections of a scenario that are read and checked and then left out."""

FAULTS_NOT_MODELLED = frozenset(
    {
        "slowTask",
        "dependencySlow",
    }
)
"""Faults of a timeline that are read and checked and then left out."""

HARMLESS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("DeploymentController", "type"): ("ECS",),
    ("DeploymentConfiguration", "strategy"): ("ROLLING",),
    ("StopServiceDeployment", "stopType"): ("ROLLBACK",),
}
"""Values of fields that are not modelled which ask for what the model does anyway."""


def support_of(model: type[Shape], key: str) -> Support:
    """What becomes of one field of a document, by its API key; ``KeyError`` if the list forgot it."""
    table = next(SUPPORT[cls.__name__] for cls in model.__mro__ if cls.__name__ in SUPPORT)
    for word, keys in table.items():
        if keys == _ALL or key in keys.split():
            return word
    raise KeyError(f"{model.__name__}.{key}")


def matters(model: type[Shape], key: str, value: object, home: str = "") -> bool:
    """Whether a field that is not modelled asks for something else than what the model does, in Region ``home``."""
    if key == "region" and value == home:
        return False
    if value in (None, (), {}, False):
        return False
    if key == "overrides" and isinstance(value, tuple) and len(value) == 1:
        return False  # one instance type is what `instances` says in short
    if str(value) in HARMLESS.get((model.__name__, key), ()):
        return False
    switch = getattr(value, "enable", None)
    if switch is None:
        switch = getattr(value, "status", None)
    return switch is not False and str(switch) != "DISABLED"


def listed() -> Iterator[tuple[str, str, Support]]:
    """The whole list for the documentation: document, field (or ``*``), word."""
    for name, table in SUPPORT.items():
        for word, keys in table.items():
            for key in keys.split():
                yield name, key, word
