"""Any sequence of calls and faults leaves a sound world: the conservation laws after every single step.

The machine is small in ``make test``; the ``soak`` profile runs it long.
"""

from __future__ import annotations

import contextlib

from builders import (
    Sim,
    awsvpc,
    behind,
    fargate,
    group,
    percent,
    provider,
    scenario,
    service,
    subnet,
    target_group,
    task_definition,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from ecssim.engine.invariants import never_backwards
from ecssim.errors import ClientError
from ecssim.world.states import ACTIVE, DRAINING

#: Calls that the state of the world makes impossible are part of life: the world must stay as it was.
NAMES = ("bridge", "vpc", "balanced", "farm", "every")
PERCENTS = st.sampled_from([(0, 100), (50, 100), (100, 150), (100, 200), (50, 200), (0, 200), (100, 100)])
FAMILIES = st.sampled_from(["app", "vpcapp", "big", "port", "broken", "short", "chain"])


#: Containers with an order, checks, a restart policy and a start that may fail.
CHAIN = [
    {
        "name": "web",
        "image": "app",
        "dependsOn": [
            {"containerName": "init", "condition": "SUCCESS"},
            {"containerName": "side", "condition": "HEALTHY"},
        ],
        "restartPolicy": {"enabled": True, "restartAttemptPeriod": 60},
    },
    {"name": "init", "image": "app", "essential": False},
    {
        "name": "side",
        "image": "app",
        "startTimeout": 30,
        "stopTimeout": 5,
        "healthCheck": {"command": ["CMD"], "interval": 5, "retries": 2},
    },
]
_SIDE = {
    "init": {"exitCode": {"0": 0.8, "1": 0.2}},
    "side": {
        "readyAfter": {"exponential": {"mean": "8s"}},
        "unhealthyAfter": {"exponential": {"mean": "300s"}},
        "stopsAfter": "never",
    },
}


def _document(steady: bool) -> dict[str, object]:
    return scenario(
        duration="30d",
        initialState="steady" if steady else "empty",
        subnets=[
            subnet("a", "us-east-1a", "10.0.0.0/27"),
            subnet("b", "us-east-1b", "10.0.1.0/27"),
            subnet("a2", "us-east-1a", "10.0.2.0/28"),
        ],
        timing={"profile": "typical"},
        clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT", "ec2"]}],
        account={"quotas": {"fargateOnDemandVcpu": 2, "base": "mature"}},
        capacityProviders=[provider()],
        autoScalingGroups=[group(2, subnets=["a", "b"], maxSize=4), group(1, name="other", type="c5.large")],
        targetGroups=[target_group(), target_group("nlb", protocol="TCP")],
        taskDefinitions=[
            task_definition(),
            task_definition(),
            task_definition("vpcapp", networkMode="awsvpc"),
            task_definition("vpcapp", networkMode="awsvpc", containerDefinitions=CHAIN),
            task_definition("chain", containerDefinitions=CHAIN),
            task_definition("big", cpu="1024", memory="2048"),
            task_definition("port", container={"portMappings": [{"containerPort": 80, "hostPort": 8080}]}),
            task_definition("broken"),
            task_definition("short"),
        ],
        behaviour={
            "broken": {"failsToStart": {"share": 1.0}},
            "short": {"runsFor": {"exponential": {"mean": "40s"}}, "stopsAfter": {"exponential": {"mean": "9s"}}},
            "vpcapp": {"readyAfter": "5s"},
            "vpcapp:3": {"runsFor": {"exponential": {"mean": "150s"}}, "exitCode": 1, "containers": _SIDE},
            "chain": {"runsFor": {"exponential": {"mean": "100s"}}, "exitCode": 1, "containers": _SIDE},
            "vpcapp:2": {"unhealthyAfter": "45s", "failure": {"rate": 0.3, "after": "20s"}},
        },
        services=[
            service("bridge", 3),
            service("vpc", 2, taskDefinition="vpcapp:1", networkConfiguration=awsvpc("a", "b", "a2")),
            service(
                "balanced",
                2,
                taskDefinition="vpcapp:1",
                networkConfiguration=awsvpc("a", "b"),
                loadBalancers=behind(),
                healthCheckGracePeriodSeconds=10,
            ),
            fargate("farm", 3, taskDefinition="vpcapp:1", networkConfiguration=awsvpc("a", "b")),
            service("every", schedulingStrategy="DAEMON"),
        ],
        jobs=[
            {
                "name": "batch",
                "arrivals": {"poisson": "2/min"},
                "runTask": {"cluster": "prod", "taskDefinition": "short", "launchType": "EC2", "count": 2},
                "retry": {"attempts": 4, "backoff": "5s"},
            }
        ],
    )


class AnyHistory(RuleBasedStateMachine):
    """Calls and faults in any order."""

    sim: Sim

    @initialize(steady=st.booleans(), seed=st.integers(0, 50))
    def begin(self, steady: bool, seed: int) -> None:
        self.sim = Sim(_document(steady), seed)
        self.sim.settle()
        self.before: dict[int, int] = {}
        self.made = 0

    def _call(self, action: str, **params: object) -> None:
        world = self.sim.engine.lifecycle.live
        before = {o: t.status for o, t in world.items()}
        with contextlib.suppress(ClientError):
            self.sim.call(action, **params)
        assert not never_backwards(before, world)

    def _pick(self, items: list, n: int) -> object | None:
        return items[n % len(items)] if items else None

    @rule(seconds=st.sampled_from([0.5, 3.0, 11.0, 47.0, 200.0, 1500.0]))
    def let_time_pass(self, seconds: float) -> None:
        before = {o: t.status for o, t in self.sim.engine.lifecycle.live.items()}
        self.sim.to(self.sim.now + seconds)
        assert not never_backwards(before, self.sim.engine.lifecycle.live)

    @rule(name=st.sampled_from(NAMES[:4]), count=st.integers(0, 9))
    def scale(self, name: str, count: int) -> None:
        self._call("UpdateService", cluster="prod", service=name, desiredCount=count)

    @rule(name=st.sampled_from(NAMES), bounds=PERCENTS)
    def change_limits(self, name: str, bounds: tuple[int, int]) -> None:
        if name == "every":
            bounds = (bounds[0] % 100, 100)
        self._call("UpdateService", cluster="prod", service=name, deploymentConfiguration=percent(*bounds))

    @rule(name=st.sampled_from(NAMES), revision=st.integers(1, 3), odd=st.sampled_from(["", "broken", "chain"]))
    def deploy(self, name: str, revision: int, odd: str) -> None:
        family = "app" if name in ("bridge", "every") else "vpcapp"
        wanted = f"{family}:{min(revision, 2) if family == 'app' else revision}"
        if (odd and name == "bridge") or (odd == "broken" and name == "every"):
            wanted = odd
        self._call("UpdateService", cluster="prod", service=name, taskDefinition=wanted)

    @rule(
        name=st.sampled_from(NAMES),
        enable=st.booleans(),
        rollback=st.booleans(),
        reset=st.booleans(),
        count=st.integers(1, 4),
    )
    def change_circuit_breaker(self, name: str, enable: bool, rollback: bool, reset: bool, count: int) -> None:
        breaker = {
            "enable": enable,
            "rollback": rollback,
            "resetOnHealthyTask": reset,
            "thresholdConfiguration": {"type": "COUNT", "value": count},
        }
        self._call(
            "UpdateService",
            cluster="prod",
            service=name,
            deploymentConfiguration={"deploymentCircuitBreaker": breaker},
        )

    @rule(name=st.sampled_from(NAMES))
    def stop_deployment(self, name: str) -> None:
        self._call("StopServiceDeployment", serviceDeploymentArn=f"prod/{name}")

    @rule(name=st.sampled_from(NAMES))
    def deploy_again(self, name: str) -> None:
        self._call("UpdateService", cluster="prod", service=name, forceNewDeployment=True)

    @rule(family=FAMILIES, count=st.integers(0, 4))
    def create(self, family: str, count: int) -> None:
        self.made += 1
        document = service(f"new{self.made}", count, taskDefinition=family)
        if family == "vpcapp":
            document["networkConfiguration"] = awsvpc("a2", "b")
        self._call("CreateService", **document)

    @precondition(lambda self: self.made)
    @rule(n=st.integers(0, 99), force=st.booleans())
    def delete(self, n: int, force: bool) -> None:
        self._call("DeleteService", cluster="prod", service=f"new{n % self.made + 1}", force=force)

    @rule(family=FAMILIES, count=st.integers(1, 10), farm=st.booleans())
    def run_task(self, family: str, count: int, farm: bool) -> None:
        params: dict[str, object] = {"launchType": "EC2"}
        if family == "vpcapp":
            params = {"launchType": "FARGATE" if farm else "EC2", "networkConfiguration": awsvpc("b", "a2")}
        self._call("RunTask", cluster="prod", taskDefinition=family, count=count, **params)

    @rule(n=st.integers(0, 999))
    def stop_task(self, n: int) -> None:
        task = self._pick(self.sim.tasks(), n)
        if task is not None:
            self._call("StopTask", cluster="prod", task=self.sim.engine.task_id(task))

    @rule(n=st.integers(0, 999), on=st.booleans())
    def protect(self, n: int, on: bool) -> None:
        task = self._pick(self.sim.tasks(), n)
        if task is not None:
            self._call(
                "UpdateTaskProtection",
                cluster="prod",
                tasks=[self.sim.engine.task_id(task)],
                protectionEnabled=on,
                expiresInMinutes=5,
            )

    @rule(n=st.integers(0, 99), drain=st.booleans())
    def drain_or_activate(self, n: int, drain: bool) -> None:
        alive = [i for i in self.sim.engine.world.instances if i.status in (ACTIVE, DRAINING)]
        instance = self._pick(alive, n)
        if instance is not None:
            self._call(
                "UpdateContainerInstancesState",
                cluster="prod",
                containerInstances=[instance.id],
                status="DRAINING" if drain else "ACTIVE",
            )

    @rule(n=st.integers(0, 99), force=st.booleans())
    def deregister(self, n: int, force: bool) -> None:
        alive = [i for i in self.sim.engine.world.instances if i.status in (ACTIVE, DRAINING)]
        instance = self._pick(alive, n)
        if instance is not None:
            self._call(
                "DeregisterContainerInstance",
                cluster="prod",
                containerInstance=instance.id,
                force=force,
            )

    @rule(name=st.sampled_from(["asg", "other"]), count=st.integers(0, 4))
    def resize(self, name: str, count: int) -> None:
        self._call("SetDesiredCapacity", autoScalingGroupName=name, desiredCapacity=count)

    @rule(n=st.integers(0, 99))
    def terminate(self, n: int) -> None:
        instance = self._pick(self.sim.engine.world.instances, n)
        if instance is not None:
            self.sim.engine.groups.terminate(instance, 0)
            self.sim.settle()

    @rule(n=st.integers(0, 99), connected=st.booleans())
    def connect(self, n: int, connected: bool) -> None:
        alive = [i for i in self.sim.engine.world.instances if i.status in (ACTIVE, DRAINING)]
        instance = self._pick(alive, n)
        if instance is not None:
            self.sim.engine.groups.connect(instance, connected, 0)
            self.sim.settle()

    @rule(name=st.sampled_from(NAMES[:4]))
    def crash(self, name: str) -> None:
        for task in self.sim.tasks(name)[:2]:
            self.sim.engine.lifecycle.crash(task, 0)
        self.sim.settle()

    @rule(subnet=st.sampled_from([0, 1, 2]), count=st.integers(1, 30))
    def take_addresses(self, subnet: int, count: int) -> None:
        subnets = self.sim.engine.subnets
        taken = [a for a in (subnets.take(subnet, "others") for _ in range(count)) if a >= 0]
        for address in taken[len(taken) // 2 :]:
            subnets.give_back(subnet, address, "others", self.sim.now)
        self.sim.settle()

    def teardown(self) -> None:
        if hasattr(self, "sim"):
            self.sim.engine.duration = self.sim.now + 60.0
            self.sim.finish()


class TestAnyHistory(AnyHistory.TestCase):
    settings = settings(
        settings.get_profile("ci"),
        max_examples=300 if settings.get_current_profile_name() == "soak" else 20,
        stateful_step_count=120 if settings.get_current_profile_name() == "soak" else 100,
    )
