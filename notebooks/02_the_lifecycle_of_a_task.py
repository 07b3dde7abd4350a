# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 2. The lifecycle of a task
#
# A task of Amazon ECS goes through up to eight states, from PROVISIONING to STOPPED. Which ones, and for how
# long, depends on where it runs and what is attached to it.
#
# In this notebook you hold a simulation **in the hand**, follow one task from its creation to its end, see what
# ECS would have shown of it, and then **change** where it runs. Three times you guess first; the next cell checks.

# %%
import pandas as pd

import ecssim
from ecssim.scenario.load import load_mapping


def one_task(launch_type="FARGATE", deregistration_delay=60, image="450MB"):
    """One service of one task, with a target group on Fargate, that is scaled to nothing after ten minutes."""
    on_fargate = launch_type == "FARGATE"
    service = {"serviceName": "web", "cluster": "prod", "taskDefinition": "web", "desiredCount": 1}
    service["launchType"] = launch_type
    if on_fargate:
        service["networkConfiguration"] = {"awsvpcConfiguration": {"subnets": ["private-a"]}}
        service["loadBalancers"] = [{"targetGroupArn": "web", "containerName": "web", "containerPort": 8080}]
    instances = {
        "autoScalingGroupName": "instances",
        "minSize": 1,
        "maxSize": 1,
        "desiredCapacity": 1,
        "subnets": ["private-a"],
        "instances": {"instanceType": "m6i.large"},
        "agent": {"ECS_CLUSTER": "prod"},
    }
    container = {"name": "web", "image": "example/web", "portMappings": [{"containerPort": 8080}]}
    return load_mapping(
        {
            "ecssim": 1,
            "name": "one-task",
            "start": "2026-03-02T08:00:00Z",
            "duration": "20m",
            "seed": 2,
            "subnets": [{"subnetId": "private-a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/26"}],
            "autoScalingGroups": [] if on_fargate else [instances],
            "clusters": [{"clusterName": "prod"}],
            "taskDefinitions": [
                {
                    "family": "web",
                    "networkMode": "awsvpc" if on_fargate else "bridge",
                    "cpu": "256",
                    "memory": "512",
                    "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
                    "containerDefinitions": [container],
                }
            ],
            "targetGroups": [
                {"targetGroupName": "web", "targetType": "ip", "deregistrationDelay": deregistration_delay}
            ],
            "services": [service],
            "images": {"example/web": {"size": image}},
            "behaviour": {"web": {"stopsAfter": "4s"}},
            "timeline": [
                {"at": "10m", "call": "UpdateService", "with": {"cluster": "prod", "service": "web", "desiredCount": 0}}
            ],
        }
    )


# %% [markdown]
# ## Guess first
#
# The task runs on Fargate, behind a target group, and its image has 450 MB. A quarter of a vCPU is not much, and
# what a small task may pull is not much either.
#
# **How many seconds from its creation until it is RUNNING?**

# %%
my_guess = 30

# %% [markdown]
# ## Follow it
#
# `advance(until="next_event")` lets time pass until something happens; `describe` answers what the API would
# answer now. (Asking `describe` at the start makes the simulation remember tasks that have stopped.)

# %%
sim = ecssim.simulate(one_task())
sim.describe("tasks")

states = []
while not states or states[-1][1] != "STOPPED":
    sim.advance(until="next_event")
    for task in sim.describe("tasks"):
        if not states or states[-1][1] != task["lastStatus"]:
            states.append((sim.now, task["lastStatus"], task["desiredStatus"], task["version"]))

life = pd.DataFrame(states, columns=["t", "lastStatus", "desiredStatus", "version"])
life["seconds"] = life["t"].shift(-1) - life["t"]
life

# %%
started = life.set_index("lastStatus").t
seconds = started["RUNNING"] - started["PROVISIONING"]
print(f"{seconds:.0f} seconds from its creation to RUNNING")
print("That is close." if abs(my_guess - seconds) <= 5 else "Where did the time go? Look at the column `seconds`.")

# %% [markdown]
# ACTIVATING is where the image is pulled. `desiredStatus` turns to STOPPED long before `lastStatus` does: from
# that moment on ECS has given the task up, and the task is still there.

# %% [markdown]
# ## What ECS shows of it
#
# A stopped task is described for an hour more: why it ended, and the network interface that it no longer has.

# %%
(task,) = sim.describe("tasks")
{
    key: task[key]
    for key in ("lastStatus", "stopCode", "stoppedReason", "version", "startedAt", "stoppingAt", "stoppedAt")
}

# %%
task["attachments"]

# %% [markdown]
# While it ran, its container could ask the task metadata endpoint about itself:

# %%
again = ecssim.simulate(one_task())
again.advance("5m")
(running,) = again.describe("tasks")
again.metadata(running["taskArn"], container="web")["Networks"]

# %% [markdown]
# ## The map
#
# Every way through the states is in one table, which is what the simulator follows. This is a line for each
# arrow of a task with a network interface and targets (paste it into anything that draws Mermaid).

# %%
from ecssim.decide.lifecycle import Path, diagram

print(diagram(Path(eni=True, targets=True)))

# %% [markdown]
# ## Guess again
#
# Now the same container runs on an instance, in network mode `bridge`, without a load balancer: no interface of
# its own to make or to delete, no target to drain.
#
# **Which states will it not pass?**

# %%
my_missing_states = {"PROVISIONING"}

# %%
on_instance = ecssim.run(one_task("EC2"))
passed = list(dict.fromkeys(on_instance.task_events.last_status.astype(str)))
missing = set(life.lastStatus) - set(passed)

print(" -> ".join(passed))
print(
    "Right."
    if my_missing_states == missing
    else f"Not quite: {len(missing)} states are missing. Compare the two lists."
)

# %% [markdown]
# ## Change one thing
#
# Scaling in took longer than starting: the target of the task drains for the whole deregistration delay, although
# nobody is connected any more, then the container has its four seconds, then the interface is deleted.
#
# **Find a `deregistrationDelay` with which the Fargate task is STOPPED within 30 seconds of the call.**

# %%
my_delay = 10

# %%
changed = ecssim.run(one_task(deregistration_delay=my_delay)).tasks.iloc[0]
took = changed.stopped_at - changed.stopping_at

print(f"{took:.0f} seconds from the call to STOPPED, {changed.drained_at - changed.stopping_at:.0f} of them draining")
print("Fast enough." if took <= 30 else "Still too slow: try less.")

# %% [markdown]
# ## Your turn
#
# - Give the image 50 MB. Which state shrinks, and by how much?
# - Let the container ignore its stop signal (`"stopsAfter": "never"`). How long is STOPPING then, and why?
# - `cpu` "1024" and `memory` "2048": why is ACTIVATING shorter with a larger task?
