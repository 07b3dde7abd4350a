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
# # 5. Where did my addresses go?
#
# *InsufficientFreeAddressesInSubnet.* The subnets looked half empty yesterday, the dashboards show CPU and memory, and
# nobody has a graph of addresses.
#
# In this notebook you run out of them in five ways: by a **deploy**, by **Spot churn**, by a **load balancer** that
# grows, in **one zone** of three, and on **instances**. Each time you guess first. Then you **prevent** it, compare
# what prevention costs, and let the planner say how large the subnets have to be.

# %%
from dataclasses import asdict
from pathlib import Path

import pandas as pd

import ecssim

SCENARIOS = Path("../scenarios")


def load(name, variant=None, sets=()):
    """One of the scenarios, perhaps under a variant or with options."""
    return ecssim.load(SCENARIOS / f"{name}.yaml", variant=variant, sets=list(sets))


def failed(result):
    """How many tasks or instances found no address."""
    return len(result.subnet_events)


def most(result):
    """The most addresses in use at once, by subnet."""
    return result.subnet_metrics.groupby("subnet", observed=True).used_max.max()


# %% [markdown]
# ## How many are there?
#
# The shop has two subnets, each a /27. **How many addresses of a /27 can be used?** It has 32.

# %%
my_usable = 32

# %%
shop = load("addresses_in_a_deploy")
result = ecssim.run(shop)
row = result.subnet_metrics.iloc[0]
usable = int(row.total - row.reserved)
print(
    "Right."
    if my_usable == usable
    else f"{usable}: AWS keeps five of every subnet, the first four and the last, whatever its size."
)
print(f"At 08:00 {int(row.used)} are in use in {row.subnet}:")
result.subnet_usage.query("t == 0 and subnet == @row.subnet")[["consumer", "used"]]

# %% [markdown]
# ## By a deploy
#
# The shop runs 24 tasks, twelve in each zone. At 08:10 it is deployed, with `maximumPercent` 200: all new tasks start
# at once, and an old one goes when the new ones are healthy. Then it drains for a minute, is stopped, its interface
# is deleted, and after half a minute more its address can be used again.
#
# **How many addresses would the deploy want in each subnet**, if there were enough?

# %%
my_want = 24

# %%
roomy = load(
    "addresses_in_a_deploy",
    sets=[
        "vpcs.vpc-shop.cidrBlock=10.0.0.0/16",
        "subnets.private-a.cidrBlock=10.0.0.0/24",
        "subnets.private-b.cidrBlock=10.0.1.0/24",
    ],
)
wanted = int(most(ecssim.run(roomy)).max())
print(
    "That is it."
    if my_want == wanted
    else f"{wanted}: twelve old tasks, twelve new ones, three workers and two nodes of the load balancer."
)
print(f"There are {usable}, so {failed(result)} tasks failed to start.")

# %% [markdown]
# Only two too few in each subnet, and yet dozens of failures: what fails is tried again, in seconds at first, and
# finds the subnet as full as before. Above the addresses: the deployment, the calls, and every allocation that failed.

# %%
result.plot.subnets()

# %% [markdown]
# The question of the title, asked for the first of them:

# %%
from ecssim.results.explain import explain

print(explain(result, "subnet/private-a").text)

# %% [markdown]
# ## Prevent it
#
# The scenario knows five ways. Three cost no address at all:
#
# - `smaller-waves`: at most 125 % at a time
# - `stop-first`: a quarter of the old tasks goes before the new ones come
# - `short-drain`: connections get ten seconds instead of sixty
#
# **One of the three does not help. Which?**

# %%
my_suspect = "stop-first"

# %%
rows = {}
for name in ["(as it is)", *shop.scenario.variants]:
    run = ecssim.run(shop if name == "(as it is)" else shop.under(name))
    deploy = run.deployments.query("started_at > 0").iloc[0]
    minutes = run.service_metrics.query("service == 'shop'")
    rows[name] = {
        "failed": failed(run),
        "most in private-a": int(most(run)["private-a"]),
        "least healthy": int(minutes.healthy_count.min()),
        "deploy takes (min)": (deploy.finished_at - deploy.started_at) / 60,
        "USD": float(run.bill().total),
    }
compared = pd.DataFrame(rows).T
useless = compared.index[(compared.failed > 0) & (compared.index != "(as it is)")]
print(
    "Yes: the new tasks all come before the first old one goes, and a drain that has not begun cannot be shortened."
    if list(useless) == [my_suspect]
    else f"No help: {', '.join(useless)}. At the worst moment nothing drains yet."
)
compared.round(2)

# %% [markdown]
# ## Your own waves
#
# Smaller waves take longer. **How large may `maximumPercent` be so that nothing fails, in ten of ten runs?**

# %%
my_percent = 130

# %%
mine = load("addresses_in_a_deploy", sets=[f"services.shop.deploymentConfiguration.maximumPercent={my_percent}"])
failures = [failed(ecssim.run(mine, seed=seed)) for seed in range(10)]
print(
    "All ten runs have room. Can it be more?"
    if not any(failures)
    else f"{sum(f > 0 for f in failures)} of ten runs fail: a wave that has room in one run has none in another."
)

# %% [markdown]
# ## By Spot churn
#
# Forty Spot tasks in two /27, twenty in each: seven addresses are free in each. At 12:10, 12:12 and 12:14 a share of
# 30 % is reclaimed. A task that is reclaimed works on for up to two minutes, and its successor starts at once.
#
# **For how many minutes is the service short of tasks?** Nothing is scaled, nothing deployed, and the pool has
# capacity all the time.

# %%
my_minutes = 2

# %%
churn = ecssim.run(load("addresses_and_spot_churn"))
minutes = churn.service_metrics
short = int((minutes.running_count < minutes.desired_count).sum())
print(f"{failed(churn)} starts failed, and in {short} minutes tasks were missing.")
print("Close." if abs(my_minutes - short) <= 1 else "Tasks that fail to start are held back, longer each time.")
churn.plot.subnets()

# %% [markdown]
# **Change one thing**: behaviour, capacity, or the subnets.

# %%
my_variant = "stops-at-once"  # or half-on-demand, larger-subnets

# %%
other = ecssim.run(load("addresses_and_spot_churn", my_variant))
minutes = other.service_metrics
print(f"{failed(other)} starts failed, {int((minutes.running_count < minutes.desired_count).sum())} minutes short")
print(f"cost {float(churn.bill().total):.3f} -> {float(other.bill().total):.3f} USD")

# %% [markdown]
# ## By a load balancer
#
# A load balancer has its nodes in the subnets of the twelve tasks behind it, and a sale brings eleven times the
# requests. Auto scaling may go to 44 tasks. There are 27 usable addresses in each of the two subnets.
#
# **How many addresses does the load balancer want in each zone at the height of the sale?** It begins with two.

# %%
my_nodes = 4

# %%
sale = ecssim.run(load("balancer_growth"))
wanted = int(sale.load_balancer_events.wanted_nodes.max()) // 2
print(
    "Right."
    if my_nodes == wanted
    else f"{wanted}: an Application Load Balancer grows with what it carries, and nobody sees it in the list of tasks."
)
print(f"{failed(sale)} allocations failed, of tasks and of the load balancer:")
sale.plot.subnets(subnet="shared-a")

# %% [markdown]
# The curve by which it grows is an assumption (AWS publishes none); that it grows, and that each node takes an
# address, is not. With subnets of its own it takes nobody's:

# %%
apart = ecssim.run(load("balancer_growth", "subnets-of-its-own"))
print(f"{failed(apart)} failures")

# %% [markdown]
# ## In one zone of three
#
# Three subnets: two of 123 usable addresses with twelve tasks each, and one of 27 that others share. The service
# scales out from 36 to 48.
#
# **How many of the twelve new tasks get a place in the zones that have room?**

# %%
my_placed = 12

# %%
zones = ecssim.run(load("one_full_zone"))
last = zones.service_metrics.iloc[-1]
placed = int(last.running_count) - 36
free = zones.subnet_metrics.query("t == t.max()")[["subnet", "free"]]
print(
    "Right."
    if my_placed == placed
    else f"{placed}. Fargate goes where the fewest tasks are, full or not, and there they fail again and again."
)
print(f"{failed(zones)} tries, and {int(free.free.sum())} free addresses at the end:")
free

# %% [markdown]
# Fewer zones can be more. The same scale-out with two of the three subnets:

# %%
two = ecssim.run(load("one_full_zone", "two-zones"))
print(f"{failed(two)} failures, {int(two.service_metrics.iloc[-1].running_count)} tasks at the end")

# %% [markdown]
# ## On instances
#
# With `awsvpc` on EC2 a task needs a free slot for an interface on its instance, too. An m5.large has three
# interfaces, and one is its own.
#
# **How many instances do 24 tasks of half a vCPU need?** Their CPU and memory would fit on six.

# %%
my_instances = 6

# %%
plain = ecssim.run(load("addresses_on_ec2"))
at_first = int((plain.instances.registered_at <= 0).sum())
print(
    "Yes."
    if my_instances == at_first
    else f"{at_first}, because two tasks fill an instance. So addresses are held twice."
)
plain.plot.enis()

# %%
rows = {}
for variant in (None, "smaller-waves", "trunking", "bridge"):
    run = ecssim.run(load("addresses_on_ec2", variant))
    rows[variant or "(as it is)"] = {
        "failed": failed(run),
        "most in private-a": int(most(run)["private-a"]),
        "instances": int(run.capacity_provider_metrics.instances.max()),
        "USD": float(run.bill().total),
    }
pd.DataFrame(rows).T.round(2)

# %% [markdown]
# Trunking saves instances and their addresses; the deploy itself still wants twice the tasks. In bridge mode a task
# has no address at all: it has a port of its instance's.
#
# ## How large, then?
#
# Guessing is over. The planner runs every seed with room for all, sizes the subnets by what was in use at once, runs
# these sizes, and runs each of them one size smaller to see it fail. Then it tries what else would help.

# %%
plan = ecssim.subnets(shop, seeds=5, workers=1)
print(plan.text())

# %% [markdown]
# A smallest block is enough for what the scenario has in it. What it does not have is a surprise: a deployment, a
# scale-out, a reclaim at a busy moment. The planner runs these, too. Here are the three zones again, whose largest
# subnets have 123 usable addresses and need 16.
#
# **Which surprise would not fit into the smallest blocks?** A `deployment`, or a `scale-out` by half?

# %%
my_surprise = "scale-out"

# %%
plan = ecssim.subnets(load("one_full_zone"), seeds=3, workers=1, alternatives=False)
left = pd.DataFrame([{"subnet": need.subnet, **asdict(item)} for need in plan.needs for item in need.headroom])
short = sorted(left[left.left_in_smallest < 0].event.str.split().str[0].unique())
print(
    "Right." if short == [my_surprise] else f"{', '.join(short)}: old and new tasks hold their addresses side by side."
)
left

# %% [markdown]
# ## Your turn
#
# - Give the shop's subnets a /28 by hand and check it: which rule says no before anything runs?
# - Plan `one_full_zone`. Why is the zone that fails not the one that needs most?
# - Set `deregistrationDelay` to 300 and let the summary print its fix. Does `maximumPercent` go up or down?
# - Which of your own services would find no address if half of its Spot tasks were reclaimed during a deploy?
