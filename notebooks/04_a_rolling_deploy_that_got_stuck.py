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
# # 4. A rolling deploy that got stuck
#
# A new revision is released, and an hour later the deployment is still IN_PROGRESS. Nothing has failed, nothing
# says why, and the old tasks serve as if nothing had been asked for.
#
# There are three ways to get there. In this notebook you meet all of them, find in the tables which one it is, and
# **change** the service until the release goes through, without ever having fewer healthy tasks than you want.

# %%
import pandas as pd

import ecssim
from ecssim.scenario.load import load_mapping


def release(revision="shop:2", minimum=100, maximum=200, instances=2):
    """Four tasks of half an m6i.large each behind a target group; ``revision`` is released after five minutes."""
    return load_mapping(
        {
            "ecssim": 1,
            "name": "stuck",
            "start": "2026-03-02T08:00:00Z",
            "duration": "1h",
            "seed": 3,
            "initialState": "steady",
            "subnets": [{"subnetId": "private-a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/24"}],
            "autoScalingGroups": [
                {
                    "autoScalingGroupName": "instances",
                    "minSize": instances,
                    "maxSize": instances,
                    "desiredCapacity": instances,
                    "subnets": ["private-a"],
                    "instances": {"instanceType": "m6i.large"},
                    "agent": {"ECS_CLUSTER": "prod"},
                }
            ],
            "clusters": [{"clusterName": "prod"}],
            "taskDefinitions": [
                {
                    "family": "shop",
                    "networkMode": "bridge",
                    "cpu": "1024",
                    "memory": "2048",
                    "containerDefinitions": [
                        {"name": "web", "image": f"example/shop:{n}", "portMappings": [{"containerPort": 80}]}
                    ],
                }
                for n in (1, 2, 3)
            ],
            "targetGroups": [
                {
                    "targetGroupName": "shop",
                    "targetType": "instance",
                    "healthCheckIntervalSeconds": 10,
                    "healthyThresholdCount": 2,
                    "deregistrationDelay": 20,
                }
            ],
            "services": [
                {
                    "serviceName": "shop",
                    "cluster": "prod",
                    "taskDefinition": "shop:1",
                    "desiredCount": 4,
                    "launchType": "EC2",
                    "deploymentConfiguration": {"minimumHealthyPercent": minimum, "maximumPercent": maximum},
                    "loadBalancers": [{"targetGroupArn": "shop", "containerName": "web", "containerPort": 80}],
                    "healthCheckGracePeriodSeconds": 30,
                }
            ],
            "behaviour": {"shop:3": {"unhealthyAfter": "0s"}},
            "timeline": [
                {
                    "at": "5m",
                    "call": "UpdateService",
                    "with": {"cluster": "prod", "service": "shop", "taskDefinition": revision},
                }
            ],
        }
    )


def look(result):
    """How the release ended, and what the service said of it."""
    deployment = result.deployments.query("started_at > 0").iloc[0]
    healthy = result.service_metrics.healthy_count.min()
    print(f"{deployment.rollout_state}, at least {healthy} healthy tasks in every minute")
    for event in result.service_events.head(4).itertuples():
        print(f"{event.time:%H:%M:%S}  {event.message}")
    return deployment.rollout_state == "COMPLETED"


# %% [markdown]
# ## The first way: neither more nor less
#
# Four tasks are wanted. With `minimumHealthyPercent` 100 no healthy task may be given up; with `maximumPercent` 100
# no fifth may be started.
#
# **After an hour, how many tasks of the new revision run?**

# %%
my_guess = 1

# %%
first = ecssim.run(release(minimum=100, maximum=100))
look(first)

new = int((first.tasks.revision == 2).sum())
print()
print(
    "Right."
    if my_guess == new
    else f"{new}: a new task may come when an old one has gone, and none may go before one has come."
)

# %% [markdown]
# ECS does the arithmetic in whole tasks. What may be missing and what may be too much:

# %%
desired = 4
for minimum, maximum in ((100, 200), (100, 100), (75, 100), (50, 200), (100, 124), (100, 125)):
    lower = -(-desired * minimum // 100)
    upper = desired * maximum // 100
    print(f"{minimum:3} / {maximum:3}: may stop {desired - lower}, may start {upper - desired}")

# %% [markdown]
# ## The second way: no room
#
# With 100 / 200 four new tasks may come first. An m6i.large has 2,048 CPU units, a task takes 1,024.
#
# **Does the release go through on the two instances that are there?**

# %%
it_goes_through = True

# %%
second = ecssim.run(release(minimum=100, maximum=200))
done = look(second)
print()
print(
    "As you said."
    if done == it_goes_through
    else "Four old tasks fill both instances: the limits allow more, the cluster does not."
)

# %% [markdown]
# The event names the reason; the verdicts of the scheduler count it.

# %%
verdict = second.placements.iloc[-1]
print(
    f"{verdict.reason}: {verdict.rejected_cpu} instances had too little CPU left, {verdict.candidates} were candidates"
)

# %% [markdown]
# What an operator sees when it is stuck, in the words of the API:

# %%
sim = ecssim.simulate(release(minimum=100, maximum=200))
sim.advance("30m")
(service,) = sim.describe("services")
pd.DataFrame(service["deployments"])[
    ["status", "rolloutState", "taskDefinition", "desiredCount", "runningCount", "pendingCount"]
]

# %% [markdown]
# ## Change one thing
#
# **Let the release go through with at least three healthy tasks in every minute.** You may change the two percentages
# and the number of instances. The next cell says whether it worked, and what an instance more would cost.

# %%
mine = {"minimum": 75, "maximum": 100, "instances": 2}

# %%
result = ecssim.run(release(**mine))
done = look(result)
healthy = int(result.service_metrics.healthy_count.min())
took = result.deployments.query("started_at > 0").iloc[0]
hourly = float(result.bill().total)

print()
if done and healthy >= 3:
    print(f"It goes through in {took.finished_at - took.started_at:.0f} seconds, for ${hourly:.3f} an hour.")
elif done:
    print(f"It goes through, but only {healthy} tasks were healthy at times: give up fewer at once.")
else:
    print("Still stuck: may anything be stopped, or is there room for anything to start?")

# %% [markdown]
# ## The third way: it never gets healthy
#
# Revision 3 starts, listens, and answers its health checks with an error. There is room now, and the limits are
# good.
#
# **How many tasks of revision 3 are started within the 55 minutes?** None of them ever serves.

# %%
my_number = 10

# %%
third = ecssim.run(release("shop:3", minimum=75, maximum=150, instances=4))
look(third)

wasted = third.tasks[third.tasks.revision == 3]
print()
print(f"{len(wasted)} tasks were started")
print(
    "That is close."
    if abs(my_number - len(wasted)) <= 10
    else "Each lives for its grace period and a few checks; then the next one comes."
)

# %% [markdown]
# They do reach RUNNING, so nothing slows their replacement down: the throttle of failed starts counts tasks that
# never ran. Their way, in the states of one of them:

# %%
one = wasted.iloc[0].task_id
third.task_events[third.task_events.task_id == one][["time", "last_status", "desired_status", "stopped_reason"]]

# %% [markdown]
# ## Which of the three is it?
#
# All three look alike from far away: IN_PROGRESS, and enough healthy tasks. Up close they differ in what the tables
# hold. **Write a function that tells them apart**; here is one that is not finished.


# %%
def my_diagnosis(result):
    """``limits``, ``room`` or ``health``."""
    if (result.placements.reason == "RESOURCE:CPU").any():
        return "room"
    return "limits"


# %%
right = {"limits": first, "room": second, "health": third}
answers = {name: my_diagnosis(result) for name, result in right.items()}
for name, answer in answers.items():
    print(f"{name}: {'right' if answer == name else f'you said {answer}'}")
if answers["health"] != "health":
    print("What do the tasks of revision 3 have that nobody else has? Look at `stopped_reason`.")

# %% [markdown]
# ## The way back
#
# A stuck deployment is ended by the next one. Somebody goes back to revision 1 at half past eight:

# %%
sim = ecssim.simulate(release("shop:3", minimum=75, maximum=150, instances=4))
sim.advance("30m")
sim.call("UpdateService", cluster="prod", service="shop", taskDefinition="shop:1")
result = sim.finish()
result.deployments[["revision", "started_at", "finished_at", "rollout_state", "reason"]]

# %% [markdown]
# ## Your turn
#
# - With 100 / 125 and three instances: how long does the release take, and why in four steps?
# - Set `deregistrationDelay` to 300. Which of the ways gets slower, and which does not care?
# - Give the service ten tasks and 100 / 105. Is it stuck? Do the arithmetic first.
