"""The named delays of the timing profile ``typical``, each a distribution in seconds with its rule.

``timing: {profile: fixed}`` takes every one at its median; ``timing: {eniAttach: 3s}`` overrides one by name.
Rates (image throughput) are in MB/s and not overridden here; images have sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecssim.scenario.distributions import Constant, Distribution, Lognormal, Uniform


@dataclass(frozen=True, slots=True)
class Delay:
    """One named delay: its typical distribution in seconds, its rule, what it delays."""

    typical: Distribution
    rule: str
    meaning: str


DELAYS: Mapping[str, Delay] = {
    "fargateProvision": Delay(Lognormal(12.0, 25.0), "FG-023", "micro-VM and ENI of a Linux Fargate task"),
    "fargateProvisionWindows": Delay(Lognormal(150.0, 312.5), "FG-023", "the same of a Windows task"),
    "fargateConnect": Delay(
        Lognormal(5.0, 12.0), "LIFE-081", "agent of a Fargate task connects and prepares"
    ),
    "fargateContainerStart": Delay(
        Constant(2.0), "FG-024", "containers of a Fargate task start after the pull"
    ),
    "fargateAddressFailure": Delay(
        Uniform(5.0, 15.0), "NET-051", "task creation to its failure in a full subnet"
    ),
    "eniAttach": Delay(Lognormal(4.0, 12.0), "NET-054", "ENI of an awsvpc task is attached to its instance"),
    "eniAttachTrunkExtra": Delay(Constant(1.0), "NET-054", "what a branch interface takes longer"),
    "eniRelease": Delay(Lognormal(10.0, 30.0), "NET-055", "ENI is detached and deleted (DEPROVISIONING)"),
    "addressCooling": Delay(Constant(30.0), "NET-060", "a freed address cannot be handed out yet"),
    "agentAccept": Delay(Lognormal(1.0, 2.5), "LIFE-082", "agent of an instance takes a task over"),
    "manifestPull": Delay(Constant(0.5), "LIFE-084", "manifest of an image, before its layers"),
    "containerStart": Delay(
        Lognormal(1.0, 2.5), "LIFE-082", "containers start on an instance with cached images"
    ),
    "targetRegistration": Delay(Constant(5.0), "LB-006", "ALB registers a target before its first check"),
    "firstTargetCheck": Delay(Uniform(0.0, 2.0), "LB-006", "first check after the registration"),
    "nlbTargetRegistration": Delay(
        Constant(120.0), "LB-007", "NLB registers a target before its first check"
    ),
    "instanceLaunch": Delay(Lognormal(45.0, 90.0), "ASG-070", "EC2 instance from launch to registered agent"),
    "instanceLaunchWindows": Delay(Lognormal(300.0, 600.0), "ASG-070", "the same of a Windows instance"),
    "instanceFirstPull": Delay(Constant(0.0), "ASG-071", "extra time of an agent before its first pulls"),
    "managedScalingDelay": Delay(
        Uniform(60.0, 150.0), "ASG-039", "a task that waits for an instance to the raised desired capacity"
    ),
    "provisioningTimeout": Delay(
        Uniform(600.0, 1800.0), "CAP-046", "a task that waits for capacity gives up"
    ),
    "eniTimeout": Delay(Constant(180.0), "NET-053", "an ENI that is not there by then fails the task"),
    "instanceLaunchRetry": Delay(
        Constant(60.0), "ASG-058", "an Auto Scaling group tries a failed launch again"
    ),
}
