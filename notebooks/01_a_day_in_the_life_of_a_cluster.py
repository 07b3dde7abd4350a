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
# # 1. A day in the life of a cluster
#
# A shop has visitors: few at night, many at lunch. One ECS service on Fargate serves them. Target tracking
# keeps its CPU at 60 %, and at 12:50 somebody releases a new version.
#
# In this notebook you **load** the scenario, **run** a whole day of it in a second, **look** at what
# happened, **change one thing**, and **compare** it with what else could have been changed. Twice you guess
# first; the next cell checks.

# %%
from pathlib import Path

import ecssim

SCENARIO = Path("../scenarios/a_day.yaml")
day = ecssim.load(SCENARIO)

print(day.scenario.description)
for subnet in day.scenario.subnets:
    print(f"{subnet.subnet_id}: {subnet.cidr_block}, {subnet.addresses_in_use} addresses are taken by others")

# %% [markdown]
# ## Guess first
#
# At lunch 1,500 requests arrive a second. One request takes 20 ms of a vCPU, and a task has one vCPU: it is
# full at 50 a second. Target tracking wants it at 60 %, so at 30 a second.
#
# **How many tasks run at the busiest time, before the release?** Put your guess here.

# %%
my_guess = 50

# %% [markdown]
# ## Run
#
# The same scenario and seed always give the same result, to the bit.

# %%
result = ecssim.run(day, seed=1)

minutes = result.service_metrics.set_index("t")
before_the_release = minutes.loc[: 12 * 3600 + 50 * 60 - 1]
most = int(before_the_release.running_count.max())

print(f"{most} tasks at the most")
print(
    "That is close." if abs(my_guess - most) <= 5 else "Look at the sum again: 1,500 / 30, and some more for the noise."
)

# %% [markdown]
# ## Look
#
# Demand against capacity. The dashed line is what the healthy tasks could serve: it follows the visitors,
# some minutes late on the way up and a quarter of an hour late on the way down. Target tracking is quick to
# add and slow to remove.

# %%
result.plot.demand()

# %% [markdown]
# Every task on Fargate has a network interface, and with it an address of its own. This is who held the
# addresses of the two subnets around the release.

# %%
result.plot.subnets()

# %% [markdown]
# The findings say it in words, and give the option that would have avoided it.

# %%
for finding in result.summary()["findings"]:
    print(f"{finding['severity']}: {finding['text']}\n")

# %% [markdown]
# ## Why?
#
# A rolling update may have `maximumPercent` of the tasks at once, here 200 %: fifty old ones and fifty new
# ones. The two subnets have 86 addresses for them, and an address that a task gave back rests for half a
# minute before it can be used again.
#
# **How large may `maximumPercent` be, so that the release fits?** Try a value. Too small is slow, too large
# is this again.

# %%
my_percent = 110

# %% [markdown]
# ## Change one thing

# %%
changed = ecssim.load(SCENARIO, sets=[f"services.shop.deploymentConfiguration.maximumPercent={my_percent}"])
again = ecssim.run(changed, seed=1)

failed = int((again.tasks.stop_code == "TaskFailedToStart").sum())
release = again.deployments.query("started_at > 0").iloc[0]
print(f"{failed} tasks failed to start; the release took {(release.finished_at - release.started_at) / 60:.0f} minutes")
print("It fits." if failed == 0 else "It does not fit yet: try less.")

# %%
again.plot.services()

# %% [markdown]
# ## Compare
#
# One day is one throw of the dice. `compare` plays every variant of the scenario under the same luck, seed by
# seed, and says which differences are more than luck. Three ways out are in the scenario: smaller waves, a
# release in the morning, and larger subnets.

# %%
comparison = ecssim.compare(SCENARIO, seeds=3, workers=1)
print(comparison.text())

# %% [markdown]
# ## What did it cost?
#
# Prices meet what was metered only now, so the same run can be priced again, for example with a Savings Plan.

# %%
print(result.bill().text())

saving = result.priced({"savingsPlans": [{"type": "compute", "commitment": 0.4}]})
print(f"\nwith a Savings Plan of $0.40 an hour: ${saving.bill().total} instead of ${result.bill().total}")

# %% [markdown]
# ## Your turn
#
# - Release at 06:00 and let it double: `--variant release-in-the-morning`. Why does nobody notice?
# - Set `targetValue` to 80. What becomes of the bill, and of the response time at lunch?
# - Give the visitors a spike at 11:00. How many minutes does the service need to follow?
