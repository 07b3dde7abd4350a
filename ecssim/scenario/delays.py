"""The named delays of the timing profile that a scenario may override, each with its rule.

``timing: {eniAttach: 3s}`` replaces one by a distribution in seconds (``fargatePullNoise``, ``pullNoise`` and
``agentRetryJitter`` are factors: a constant there is written as seconds too). The laws behind the names are the
engine's; a test holds the two lists together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Delay(NamedTuple):
    """One named delay: the rule that it comes from and what it delays."""

    rule: str
    meaning: str


DELAYS: Mapping[str, Delay] = {
    "eniAttach": Delay("NET-054", "ENI of an awsvpc task is attached to its instance"),
    "branchEniExtra": Delay("NET-054", "what a branch interface of a trunk takes longer"),
    "eniDelete": Delay("NET-055", "ENI of a task is detached and deleted (DEPROVISIONING)"),
    "addressRelease": Delay("NET-060", "a freed address cannot be handed out yet"),
    "addressFailure": Delay("NET-051", "creation of a Fargate task to its failure in a full subnet"),
    "fargateProvision": Delay("FG-023", "micro-VM and ENI of a Fargate task, until its agent connects"),
    "fargateProvisionWindows": Delay("FG-023", "the same of a Windows task"),
    "fargateRevision": Delay("FG-032", "time between two revisions of Fargate's platform that retire tasks"),
    "fargateAgent": Delay("LIFE-081", "connected agent of a Fargate task prepares until the pull"),
    "fargateStart": Delay("FG-024", "containers of a Fargate task start after the pull"),
    "fargateExecStart": Delay("FG-024", "the same of a task with ECS Exec, whose agent has to run too"),
    "fargatePullNoise": Delay("FG-024", "factor on the pull time of a Fargate task"),
    "agentDispatch": Delay("LIFE-082", "agent of an instance takes a task over"),
    "containerStart": Delay("LIFE-082", "containers start on an instance"),
    "initContainer": Delay("LIFE-053", "a container whose end others wait for runs, unless behaviour says otherwise"),
    "pullManifest": Delay("LIFE-084", "manifest of an image, before its layers"),
    "pullNoise": Delay("LIFE-084", "factor on the pull time on an instance"),
    "containerStop": Delay("LIFE-060", "a container ends after its stop signal, unless behaviour says otherwise"),
    "imageDelete": Delay("AGENT-031", "an unused image is deleted; no pull begins meanwhile"),
    "agentRetryJitter": Delay("AGENT-032", "share by which the agent's waits between two tries are longer"),
    "agentHeartbeat": Delay("AGENT-020", "silence after which the agent closes its connection and opens another"),
    "submitRetry": Delay("AGENT-043", "unit of the doubling waits between two submissions of a state change"),
    "eniTimeout": Delay("NET-053", "an interface that is not attached by then fails its task"),
    "unreachable": Delay("NET-086", "a registry, secret or log group that no way leads to fails its task"),
    "agentLossNoticed": Delay("AGENT-024", "a lost agent shows agentConnected false"),
    "instanceBoot": Delay("ASG-070", "EC2 instance from launch to registered agent"),
    "agentFirstPull": Delay("ASG-071", "agent of a fresh instance before its first pull"),
    "statusCheck": Delay("ASG-055", "status checks fail until the group gives an impaired instance up"),
    "trunkRegistration": Delay("NET-019", "trunk interface of an instance is made before it registers"),
    "targetRegistration": Delay("LB-006", "ALB registers a target before its first check"),
    "targetFirstCheck": Delay("LB-006", "first check after the registration"),
    "networkTargetRegistration": Delay("LB-007", "NLB registers a target before its first check"),
    "healthyAfterRunning": Delay("SVC-020", "a task without load balancer counts as settled"),
    "schedulerPass": Delay("PLACE-092", "time between two passes of the service scheduler"),
    "deploymentAlarmPoll": Delay("DEPLOY-052", "time between two looks of a deployment at its alarms"),
    "deploymentBake": Delay("DEPLOY-051", "a deployment with alarms waits before it is complete"),
    "zoneRebalancing": Delay("PLACE-085", "a steady service looks whether its zones are even"),
    "managedScalingDelay": Delay("ASG-039", "a task that waits for an instance to the raised desired capacity"),
    "managedDecision": Delay("CAP-077", "a task that waits for a Managed Instance to the launch of one"),
    "managedIdle": Delay("CAP-071", "an idle Managed Instance ends, if its provider does not say when"),
    "provisioningTimeout": Delay("CAP-046", "a task that waits for an instance gives up"),
    "launchRetry": Delay("ASG-058", "an Auto Scaling group tries a failed launch again"),
    "metricPublish": Delay("ALARM-021", "ECS metrics of a minute are published after its end"),
    "albMetricPublish": Delay("ALARM-021", "the same of load balancer metrics"),
    "fineMetricPublish": Delay("SCALE-015", "ECS metrics of 20 seconds are published after their end"),
    "insightsMetricPublish": Delay("ALARM-021", "Container Insights of a minute are published after its end"),
    "scheduledAction": Delay("SCALE-064", "a scheduled action takes effect, one after the other"),
    "scalingFulfilment": Delay("SCALE-044", "a scaling activity is given up when its count is not reached"),
}
