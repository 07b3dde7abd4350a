"""Valid scenarios that between them use every section, small enough to run in milliseconds."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

_ROLE = "arn:aws:iam::123456789012:role/ecsTaskExecutionRole"


def _definition(family: str, mode: str, image: str = "app", **more: Any) -> Document:
    ports = [{"containerPort": 8080}] if mode != "bridge" else [{"containerPort": 8080, "hostPort": 0}]
    container = {"name": "web", "image": image, "essential": True, "portMappings": ports, "stopTimeout": 10}
    base = {"family": family, "networkMode": mode, "cpu": "256", "memory": "512", "executionRoleArn": _ROLE}
    return {**base, "containerDefinitions": [container], **more}


def fargate() -> Document:
    """A Fargate service behind a target group, deployed while it runs, with faults, in a steady state."""
    return {
        "ecssim": 1,
        "name": "fargate",
        "region": "us-east-1",
        "start": "2026-03-02T08:00:00Z",
        "duration": "1h",
        "seed": 7,
        "initialState": "steady",
        "account": {"quotas": {"base": "new", "fargateOnDemandVcpu": 50}, "settings": {"awsvpcTrunking": "enabled"}},
        "subnets": [
            {"subnetId": "a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/27", "addressesInUse": 3},
            {"subnetId": "b", "availabilityZone": "us-east-1b", "cidrBlock": "10.0.0.32/27"},
        ],
        "natGateways": [{"natGatewayId": "nat", "subnetId": "a"}],
        "clusters": [{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}],
        "taskDefinitions": [
            _definition("web", "awsvpc", requiresCompatibilities=["FARGATE"]),
            _definition("web", "awsvpc", "app:2", requiresCompatibilities=["FARGATE"]),
        ],
        "targetGroups": [{"targetGroupName": "web", "targetType": "ip", "healthCheckIntervalSeconds": 5}],
        "loadBalancers": [{"loadBalancerName": "public", "type": "application", "subnets": ["a", "b"]}],
        "listeners": [
            {
                "loadBalancer": "public",
                "port": 443,
                "protocol": "HTTPS",
                "defaultActions": [{"type": "forward", "targetGroups": [{"targetGroup": "web", "weight": 100}]}],
            }
        ],
        "services": [
            {
                "serviceName": "web",
                "cluster": "prod",
                "taskDefinition": "web:1",
                "desiredCount": 12,
                "capacityProviderStrategy": [
                    {"capacityProvider": "FARGATE", "weight": 1, "base": 2},
                    {"capacityProvider": "FARGATE_SPOT", "weight": 3},
                ],
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a", "b"]}},
                "deploymentConfiguration": {"maximumPercent": 150, "minimumHealthyPercent": 100},
                "healthCheckGracePeriodSeconds": 30,
                "loadBalancers": [{"targetGroupArn": "web", "containerName": "web", "containerPort": 8080}],
            }
        ],
        "images": {"app": {"size": "60MB"}, "app:2": {"size": "61MB"}},
        "behaviour": {
            "web": {"readyAfter": {"lognormal": {"median": "5s", "p95": "9s"}}, "stopsAfter": "2s"},
            "web:2": {"failure": {"rate": 0.3, "after": "20s"}, "exitCode": 1},
        },
        "timeline": [
            {
                "at": "1m",
                "call": "UpdateService",
                "with": {"cluster": "prod", "service": "web", "taskDefinition": "web:2"},
            },
            {"at": "2m", "fault": "addressesTaken", "with": {"subnet": "a", "count": 5, "for": "30s"}},
            {"at": "3m", "fault": "taskCrash", "with": {"service": "web", "fraction": 0.5}},
            {"at": "08:04", "fault": "registrySlow", "with": {"factor": 3, "for": "1m"}},
        ],
        "timing": {"profile": "typical"},
        "model": {"subnetChoice": "random"},
        "variants": {"half": {"services.web.desiredCount": 6}},
        "expect": [
            {"metric": "subnet.freeAddresses", "of": "a", "statistic": "min", "atLeast": 1},
            {"metric": "service.runningCount", "of": "prod/web", "atLeast": 5, "after": "2m", "share": 0.9},
        ],
    }


def scaled() -> Document:
    """The Fargate service under a target-tracking and a step policy, with an alarm and a scheduled action."""
    scaling: Document = {
        "scalableTargets": [{"resourceId": "service/prod/web", "minCapacity": 6, "maxCapacity": 16}],
        "scalingPolicies": [
            {
                "resourceId": "service/prod/web",
                "policyName": "cpu",
                "policyType": "TargetTrackingScaling",
                "targetTrackingScalingPolicyConfiguration": {
                    "targetValue": 50,
                    "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
                    "scaleOutCooldown": 60,
                },
            },
            {
                "resourceId": "service/prod/web",
                "policyName": "ladder",
                "policyType": "StepScaling",
                "stepScalingPolicyConfiguration": {
                    "adjustmentType": "PercentChangeInCapacity",
                    "stepAdjustments": [{"metricIntervalLowerBound": 0, "scalingAdjustment": 10}],
                    "minAdjustmentMagnitude": 2,
                    "cooldown": 120,
                },
            },
        ],
        "alarms": [
            {
                "alarmName": "many-tasks",
                "namespace": "AWS/ECS",
                "metricName": "CPUUtilization",
                "dimensions": [{"name": "ClusterName", "value": "prod"}, {"name": "ServiceName", "value": "web"}],
                "statistic": "SampleCount",
                "evaluationPeriods": 2,
                "datapointsToAlarm": 1,
                "threshold": 11,
                "comparisonOperator": "GreaterThanOrEqualToThreshold",
                "treatMissingData": "notBreaching",
                "alarmActions": ["ladder"],
            }
        ],
        "scheduledActions": [
            {
                "resourceId": "service/prod/web",
                "scheduledActionName": "quarter-past",
                "schedule": "cron(15 9 ? * MON-FRI *)",
                "timezone": "Europe/Berlin",
                "scalableTargetAction": {"minCapacity": 8},
            }
        ],
    }
    return fargate() | {"name": "scaled"} | scaling


def fleet() -> Document:
    """A group of instances with services in bridge and awsvpc, a daemon, and jobs that retry."""
    return {
        "ecssim": 1,
        "name": "fleet",
        "duration": "1h",
        "subnets": [
            {"subnetId": "a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/24"},
            {"subnetId": "b", "availabilityZone": "us-east-1b", "cidrBlock": "10.0.1.0/24"},
        ],
        "autoScalingGroups": [
            {
                "autoScalingGroupName": "asg",
                "minSize": 0,
                "maxSize": 8,
                "desiredCapacity": 4,
                "subnets": ["a", "b"],
                "instances": {"instanceType": "m5.xlarge"},
                "agent": {
                    "version": "1.90.0",
                    "ECS_RESERVED_MEMORY": 256,
                    "ECS_INSTANCE_ATTRIBUTES": {"stack": "blue"},
                },
            }
        ],
        "capacityProviders": [
            {
                "name": "ec2",
                "autoScalingGroupProvider": {"autoScalingGroup": "asg", "managedScaling": {"status": "DISABLED"}},
            }
        ],
        "clusters": [{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        "taskDefinitions": [
            _definition("bridge", "bridge"),
            _definition("vpc", "awsvpc"),
            _definition("agent", "host", cpu="64", memory="128"),
            _definition("job", "bridge"),
        ],
        "services": [
            {
                "serviceName": "bridge",
                "cluster": "prod",
                "taskDefinition": "bridge",
                "desiredCount": 9,
                "launchType": "EC2",
                "placementStrategy": [
                    {"type": "spread", "field": "attribute:ecs.availability-zone"},
                    {"type": "binpack", "field": "memory"},
                ],
                "placementConstraints": [{"type": "memberOf", "expression": "attribute:stack == blue"}],
            },
            {
                "serviceName": "vpc",
                "cluster": "prod",
                "taskDefinition": "vpc",
                "desiredCount": 3,
                "capacityProviderStrategy": [{"capacityProvider": "ec2", "weight": 1}],
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a", "b"]}},
            },
            {
                "serviceName": "agent",
                "cluster": "prod",
                "taskDefinition": "agent",
                "schedulingStrategy": "DAEMON",
                "launchType": "EC2",
            },
        ],
        "behaviour": {"job": {"runsFor": {"exponential": {"mean": "1m"}}, "exitCode": {"0": 0.9, "1": 0.1}}},
        "jobs": [
            {
                "name": "work",
                "arrivals": {"poisson": "20/min"},
                "runTask": {"cluster": "prod", "taskDefinition": "job", "launchType": "EC2", "count": 1},
                "retry": {"attempts": 3, "backoff": "10s"},
            }
        ],
        "timeline": [
            {"at": "4m", "call": "SetDesiredCapacity", "with": {"autoScalingGroupName": "asg", "desiredCapacity": 5}},
            {
                "at": "5m",
                "call": "RunTask",
                "with": {"cluster": "prod", "taskDefinition": "job", "launchType": "EC2", "count": 2},
                "every": "1m",
                "times": 3,
            },
            {"at": "6m", "fault": "instanceTermination", "with": {"capacityProvider": "ec2", "count": 1}},
            {"at": "7m", "fault": "agentDisconnect", "with": {"capacityProvider": "ec2", "count": 1, "for": "1m"}},
            {"at": "8m", "fault": "azOutage", "with": {"availabilityZone": "us-east-1b", "for": "1m"}},
            {"at": "9m", "fault": "apiThrottling", "with": {"action": "RunTask", "factor": 10, "for": "1m"}},
        ],
    }


def network() -> Document:
    """A described VPC: a public service over NAT, a closed one over endpoints that are not enough, traffic."""
    base = fargate()
    https = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
    in_ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1"
    closed = _definition("closed", "awsvpc", in_ecr, requiresCompatibilities=["FARGATE"])
    closed["containerDefinitions"][0] |= {
        "secrets": [{"name": "DB", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"}],
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "app"}},
    }

    def endpoint(service: str, **more: Any) -> Document:
        kind = {"vpcEndpointType": "Interface", "subnetIds": ["c"], "securityGroupIds": ["sg-endpoints"]}
        name = {
            "vpcEndpointId": f"vpce-{service}",
            "vpcId": "vpc-1",
            "serviceName": f"com.amazonaws.us-east-1.{service}",
        }
        return name | (more or kind)

    return base | {
        "name": "network",
        "vpcs": [{"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True}],
        "subnets": [
            *base["subnets"],
            {"subnetId": "c", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.1.0/24", "vpcId": "vpc-1"},
        ],
        "routeTables": [
            {
                "routeTableId": "rt-main",
                "vpcId": "vpc-1",
                "associations": [{"main": True}],
                "routes": [{"destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}],
            },
            {
                "routeTableId": "rt-b",
                "subnets": ["b"],
                "routes": [{"destinationCidrBlock": "0.0.0.0/0", "natGatewayId": "nat"}],
            },
            {"routeTableId": "rt-c", "vpcId": "vpc-1", "subnets": ["c"]},
        ],
        "vpcEndpoints": [
            *(endpoint(service) for service in ("ecr.api", "ecr.dkr", "logs")),
            endpoint("s3", vpcEndpointType="Gateway", routeTableIds=["rt-c"]),
        ],
        "securityGroups": [
            {
                "groupId": "sg-tasks",
                "vpcId": "vpc-1",
                "ipPermissionsEgress": [{"ipProtocol": "-1", "ipRanges": [{"cidrIp": "0.0.0.0/0"}]}],
            },
            {
                "groupId": "sg-endpoints",
                "vpcId": "vpc-1",
                "ipPermissions": [{**https, "userIdGroupPairs": [{"groupId": "sg-tasks"}]}],
            },
        ],
        "taskDefinitions": [*base["taskDefinitions"], closed],
        "services": [
            base["services"][0] | {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["b"]}}},
            {
                "serviceName": "closed",
                "cluster": "prod",
                "taskDefinition": "closed",
                "desiredCount": 3,
                "launchType": "FARGATE",
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["c"], "securityGroups": ["sg-tasks"]}},
            },
        ],
        "behaviour": base["behaviour"] | {"web": {"request": {"cpuSeconds": 0.001, "internetSent": "1kB"}}},
        "traffic": [
            {
                "name": "shop",
                "to": {"targetGroup": "web"},
                "pattern": "constant",
                "rate": 20,
                "responseSize": "2kB",
                "requestsPerConnection": 4,
                "connectionLasts": "10s",
            }
        ],
    }


CASES = {"fargate": fargate, "fleet": fleet, "scaled": scaled, "network": network}
