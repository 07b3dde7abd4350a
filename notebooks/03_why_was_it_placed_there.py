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
# # 3. Why was it placed there?
#
# A cluster of instances, two services, and a scheduler that has to choose. ECS filters the instances that can take
# a task, and lets the placement strategy choose among them. Both steps can be looked at.
#
# In this notebook you **predict** a placement, **ask why** it was made, watch a task that finds no place although
# the cluster has room, and **change** the strategy until it does.

# %%
import pandas as pd

import ecssim
from ecssim.results.explain import explain
from ecssim.scenario.load import load_mapping

SPREAD = [{"type": "spread", "field": "attribute:ecs.availability-zone"}, {"type": "spread", "field": "instanceId"}]
BINPACK = [{"type": "binpack", "field": "memory"}]


def definition(family, cpu, memory):
    container = {"name": "app", "image": f"example/{family}", "essential": True}
    return {
        "family": family,
        "networkMode": "bridge",
        "cpu": str(cpu),
        "memory": str(memory),
        "containerDefinitions": [container],
    }


def cluster(strategy, small=12, constraint=None):
    """Three m6i.large (2,048 CPU units, some 7,700 MiB) in two zones; a service of small tasks, then one large."""
    large = {"serviceName": "large", "cluster": "prod", "taskDefinition": "large", "desiredCount": 0}
    if constraint:
        large["placementConstraints"] = [{"type": "memberOf", "expression": constraint}]
    return load_mapping(
        {
            "ecssim": 1,
            "name": "why-there",
            "start": "2026-03-02T08:00:00Z",
            "duration": "20m",
            "seed": 5,
            "subnets": [
                {"subnetId": "private-a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/24"},
                {"subnetId": "private-b", "availabilityZone": "us-east-1b", "cidrBlock": "10.0.1.0/24"},
            ],
            "autoScalingGroups": [
                {
                    "autoScalingGroupName": "instances",
                    "minSize": 3,
                    "maxSize": 3,
                    "desiredCapacity": 3,
                    "subnets": ["private-a", "private-b"],
                    "instances": {"instanceType": "m6i.large"},
                    "agent": {"ECS_CLUSTER": "prod"},
                }
            ],
            "clusters": [{"clusterName": "prod"}],
            "taskDefinitions": [definition("small", 256, 512), definition("large", 1536, 4096)],
            "services": [
                {
                    "serviceName": "small",
                    "cluster": "prod",
                    "taskDefinition": "small",
                    "desiredCount": 0,
                    "launchType": "EC2",
                    "placementStrategy": strategy,
                },
                {**large, "launchType": "EC2"},
            ],
            "timeline": [
                {
                    "at": "5m",
                    "call": "UpdateService",
                    "with": {"cluster": "prod", "service": "small", "desiredCount": small},
                },
                {
                    "at": "10m",
                    "call": "UpdateService",
                    "with": {"cluster": "prod", "service": "large", "desiredCount": 1},
                },
            ],
        }
    )


def where(result, service):
    """How many tasks of a service each instance has, with its zone."""
    tasks = result.tasks[result.tasks.service == service]
    return tasks.groupby(["availability_zone", "container_instance"], observed=True).size().rename("tasks").to_frame()


# %% [markdown]
# ## Guess first
#
# Twelve small tasks are started with the strategy that most people write: spread over zones, then over instances.
# Two of the three instances are in one zone, the third is alone in the other.
#
# **How many of the twelve tasks does the lonely instance get?**

# %%
my_guess = 4

# %%
spread = ecssim.run(cluster(SPREAD))
placed = where(spread, "small")
placed

# %%
by_zone = placed.groupby("availability_zone", observed=True)
alone = int(placed.tasks[by_zone.tasks.transform("size") == 1].iloc[0])
print(f"It gets {alone}.")
print(
    "Right: zones come first."
    if my_guess == alone
    else "The first strategy decides, the second only among its best. Which is first?"
)

# %% [markdown]
# ## Why?
#
# Every verdict of the scheduler is a row: how many instances it saw, how many fell out at which filter, how many
# were candidates, and what the strategy made of them.

# %%
verdicts = spread.placements[spread.placements.group == "service:small"]
rejected = [name for name in verdicts.columns if name.startswith("rejected_")]
verdicts[["t", "container_instance", "candidates", "strategy", *rejected]]

# %% [markdown]
# `explain` tells the story of one task, from what asked for it to where it went.

# %%
first = spread.tasks[spread.tasks.service == "small"].iloc[0].task_id
print(explain(spread, f"task/{first}").text)

# %% [markdown]
# ## A task without a place
#
# At ten minutes one large task is wanted: 1,536 of the 2,048 CPU units of an instance. Three instances, twelve
# small tasks of 256 units: half of the cluster's CPU is free.
#
# **Does the large task find a place?**

# %%
it_fits = True

# %%
large = spread.placements[spread.placements.group == "service:large"]
found = bool(large.container_instance.notna().any())
print("It is placed." if found else f"It is not placed: {large.iloc[-1].reason}.")
print("As you said." if found == it_fits else "The room is there, and not in one piece.")

# %% [markdown]
# What each instance had left, as ECS itself would have shown it at that moment:

# %%
sim = ecssim.simulate(cluster(SPREAD))
sim.outside  # from here on the simulation remembers what happens, as the API would tell it
sim.advance("11m")


def left(sim):
    """CPU units and MiB that each instance has left."""
    rows = []
    for instance in sim.describe("container-instances"):
        has = {r["name"]: r.get("integerValue") for r in instance["remainingResources"]}
        rows.append((instance["ec2InstanceId"], has["CPU"], has["MEMORY"], instance["runningTasksCount"]))
    return pd.DataFrame(rows, columns=["instance", "CPU", "MiB", "tasks"])


left(sim)

# %% [markdown]
# And what the service told its operators:

# %%
events = sim.describe("services", service="large")[0]["events"]
assert events
for event in events:
    print(event["message"])

# %% [markdown]
# ## Change one thing
#
# The small tasks came first and took a little of every instance.
#
# **Give them another strategy, so that the large task fits.** You can use `binpack` with the field `cpu` or
# `memory`, `random`, or any list of them.

# %%
my_strategy = BINPACK

# %%
packed = ecssim.run(cluster(my_strategy))
fits = packed.placements[packed.placements.group == "service:large"].container_instance.notna().any()

print(where(packed, "small").to_string())
print("The large task has a place." if fits else "Not yet: the small tasks still touch every instance.")
fuller = where(packed, "small").groupby("availability_zone", observed=True).tasks.sum().max()
print(f"The fuller zone has {fuller} of the 12 small tasks: so many would go with it.")

# %% [markdown]
# Packing keeps whole instances free, spreading survives the loss of a zone: one wants both, and `spread` over zones
# first, `binpack` second is the usual answer. Is it one here?

# %%
both = [{"type": "spread", "field": "attribute:ecs.availability-zone"}, {"type": "binpack", "field": "memory"}]
result = ecssim.run(cluster(both))
fits = result.placements[result.placements.group == "service:large"].container_instance.notna().any()
print(where(result, "small").to_string())
print(f"the large task {'has a place' if fits else 'has no place'}")

# %% [markdown]
# ## A filter that lets nobody through
#
# Constraints are binding, strategies are not. This one asks for an instance type that the cluster does not have. An
# instance counts under the first check that it fails, and room is looked at before constraints.

# %%
refused = ecssim.run(cluster(BINPACK, constraint="attribute:ecs.instance-type == c6i.large"))
last = refused.placements[refused.placements.group == "service:large"].iloc[-1]
print(f"{last.rejected_cpu} instances had too little CPU, {last.rejected_constraint} fell out at the constraint")
print(f"{last.candidates} candidates are left: {last.reason}")

# %% [markdown]
# ## Your turn
#
# - How many small tasks fit before the large one has no place even with `binpack`? Try `cluster(BINPACK, small=...)`.
# - Write a constraint with `=~` that every instance satisfies.
# - Spread over instances alone: which zone gets more tasks, and why?
