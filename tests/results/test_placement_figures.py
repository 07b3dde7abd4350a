"""What the tables say about placement: instances needed, fragments, strands, zones, waits; and what a repack saves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import Sim, awsvpc, call, fargate, group, provider, scenario, service, task_definition

from ecssim.cli.guard import main
from ecssim.results.facts import Facts
from ecssim.results.packing import Packing
from ecssim.results.placement_figures import placement_figures
from ecssim.results.repacking import Step, repack
from ecssim.run import run
from ecssim.scenario.load import load_mapping

#: An m5.large has 2,048 CPU units, 7,987 MiB and 2 slots for interfaces.
CPU, MEMORY = 2048, 7987
BINPACK = [{"type": "binpack", "field": "cpu"}]
SPREAD = [{"type": "spread", "field": "instanceId"}]
STILL = {"availabilityZoneRebalancing": "DISABLED"}


def world(*services: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {
        "duration": "10m",
        "initialState": "steady",
        "taskDefinitions": [
            task_definition("half", cpu="1024", memory="1024"),
            task_definition("quarter", cpu="512", memory="512"),
            task_definition("vpc", cpu="256", memory="512", networkMode="awsvpc"),
        ],
        "autoScalingGroups": [group(4)],
        "services": list(services),
    }
    return scenario(**(base | more))


def of(family: str, count: int, strategy: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    return service(family, count, taskDefinition=family, placementStrategy=strategy, **STILL, **more)


def played(document: dict[str, Any]) -> Any:
    return run(load_mapping(document))


def figures(document: dict[str, Any]) -> Any:
    return placement_figures(Facts(played(document)))


def test_packed_tasks_need_fewer_instances_than_spread_ones() -> None:
    assert figures(world(of("half", 4, BINPACK))).instances_needed == 2
    assert figures(world(of("half", 4, SPREAD))).instances_needed == 4
    assert figures(world(of("half", 4, SPREAD))).occupied_instances == 4


def test_free_cpu_where_a_task_does_not_fit_is_fragmented() -> None:
    # four instances with 1,536 CPU units left each: a half fits, and so does a quarter
    even = world(of("quarter", 4, SPREAD), of("half", 0, SPREAD))
    assert figures(even).fragmentation == 0
    # twelve quarters: 512 left on each, on which none of the halves fits; of two sizes that is one
    found = figures(world(of("quarter", 12, SPREAD), of("half", 0, SPREAD)))
    assert found.fragmentation == 0.5
    assert found.stranded_cpu == 0
    packed = figures(world(of("quarter", 12, BINPACK), of("half", 0, SPREAD)))
    # three full instances without CPU strand their memory: 5,939 of their and the empty one's 25,804 MiB
    assert packed.fragmentation == pytest.approx(3 * 5939 / (3 * 5939 + MEMORY) / 2)
    assert packed.stranded_memory == pytest.approx(3 * 5939 / (4 * MEMORY))


def test_without_a_slot_for_an_interface_the_rest_of_the_instance_is_stranded() -> None:
    document = world(
        of("vpc", 4, BINPACK, networkConfiguration=awsvpc()), taskDefinitions=world()["taskDefinitions"][2:]
    )
    found = figures(document)
    assert found.stranded_cpu == pytest.approx(2 * (CPU - 512) / (4 * CPU))
    assert found.stranded_enis == 0
    full = world(
        of("vpc", 1, BINPACK, networkConfiguration=awsvpc()),
        of("half", 7, BINPACK),
        autoScalingGroups=[group(4)],
    )
    # half of an instance with a vpc task is left; three are full of halves, and so are their six slots
    assert figures(full).stranded_enis == pytest.approx(6 / 8)


def test_tasks_above_an_even_split_over_the_zones() -> None:
    two = [group(2), group(2, name="b", subnets=["b"])]
    assert figures(world(of("half", 4, BINPACK), autoScalingGroups=two)).zone_imbalance == 2
    assert figures(world(of("half", 4, SPREAD), autoScalingGroups=two)).zone_imbalance == 0
    assert figures(world(of("half", 4, BINPACK))).zone_imbalance == 0  # there is one zone only


def test_the_wait_for_an_instance_that_becomes_free() -> None:
    document = world(
        of("half", 8, BINPACK),
        of("quarter", 0, BINPACK),
        timeline=[
            call("1m", "UpdateService", cluster="prod", service="quarter", desiredCount=2),
            call("4m", "UpdateService", cluster="prod", service="half", desiredCount=7),
        ],
    )
    assert figures(document).p95_time_to_place == pytest.approx(180, abs=6)


def test_the_wait_for_an_instance_that_has_to_be_launched() -> None:
    managed = provider()
    managed["autoScalingGroupProvider"]["managedScaling"] = {"status": "ENABLED"}
    document = world(
        service("half", 4, taskDefinition="half", capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}]),
        initialState="empty",
        autoScalingGroups=[group(0)],
        capacityProviders=[managed],
        clusters=[{"clusterName": "prod", "capacityProviders": ["ec2"]}],
    )
    result = played(document)
    placed = result.task_events[result.task_events.container_instance.notna()].groupby("task_id", observed=True).t.min()
    assert placement_figures(Facts(result)).p95_time_to_place == pytest.approx(np.percentile(placed, 95))


def test_a_run_without_instances_has_no_figures() -> None:
    found = figures(world(fargate(taskDefinition="vpc"), autoScalingGroups=[]))
    assert all(np.isnan(value) for value in vars(found).values())


def test_what_is_left_is_what_the_ledger_says() -> None:
    sim = Sim(
        world(
            of("half", 3, SPREAD), of("quarter", 3, BINPACK), of("vpc", 3, SPREAD, networkConfiguration=awsvpc()),
            behaviour={"quarter": {"runsFor": {"exponential": {"mean": "1m"}}}},
        )
    )  # fmt: skip
    sim.to(400)
    fleet = sim.engine.world.clusters[0].fleet
    ids = [sim.engine.recorder.names.pool("instance")[i.id] for i in sim.engine.world.instances]
    wanted = {
        code: (left.cpu, left.memory, left.eni_slots)
        for code, left in zip(ids, (fleet.remaining(n) for n in range(4)), strict=True)
    }
    packing = Packing(Facts(sim.finish()))
    left = packing.at(400.0001).left
    found = {int(code): tuple(row) for code, row in zip(packing.rows["instance_id"], left.tolist(), strict=True)}
    assert found == wanted


# -- the repack -----------------------------------------------------------------------------------------------


def test_a_repack_of_spread_tasks_saves_every_second_instance() -> None:
    found = repack(Facts(played(world(of("half", 4, SPREAD)))))
    assert (found.instances, found.empty, found.saved, found.restarts) == (4, 0, 2, 2)
    assert found.steps == (Step(1, 1), Step(2, 2))
    assert found.usd_per_hour == pytest.approx(2 * 0.096)
    assert found.text.splitlines() == [
        "A repack would save 2 of 4 instances, at 2 restarts: 0.192 USD an hour at On-Demand prices.",
        "  1 restart: 1 saved",
        "  2 restarts: 2 saved",
    ]


def test_empty_instances_go_without_a_restart_and_packed_ones_stay() -> None:
    found = repack(Facts(played(world(of("half", 4, BINPACK)))))
    assert (found.instances, found.empty, found.saved, found.restarts) == (4, 2, 2, 0)
    assert found.steps == (Step(0, 2),)
    full = repack(Facts(played(world(of("half", 8, BINPACK)))))
    assert full.saved == 0
    assert full.text == "A repack would save none of 4 instances."


def test_tasks_stay_in_their_zone_and_with_their_interfaces() -> None:
    zones = [group(1), group(1, name="b", subnets=["b"])]
    assert repack(Facts(played(world(of("half", 2, SPREAD), autoScalingGroups=zones)))).saved == 0
    # each instance has one slot left for the two of the other
    pairs = world(of("vpc", 3, BINPACK, networkConfiguration=awsvpc()), autoScalingGroups=[group(2)])
    assert repack(Facts(played(pairs))).saved == 0


def test_daemons_end_with_their_instance() -> None:
    daemon = service("agent", taskDefinition="quarter", schedulingStrategy="DAEMON")
    found = repack(Facts(played(world(of("quarter", 4, SPREAD), daemon))))
    # beside the daemon three quarters fit on one instance
    assert (found.instances, found.empty, found.saved, found.restarts) == (4, 0, 2, 2)


def test_the_moment_matters() -> None:
    document = world(
        of("half", 4, SPREAD), timeline=[call("5m", "UpdateService", cluster="prod", service="half", desiredCount=8)]
    )
    result = played(document)
    assert result.repack(60.0).saved == 2
    assert result.repack().saved == 0


def test_the_command_answers_for_a_run_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(load_mapping(world(of("half", 4, SPREAD))), out=tmp_path / "run")
    assert main(["repack", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out.startswith("A repack would save 2 of 4 instances, at 2 restarts")
    assert main(["repack", str(tmp_path / "run"), "--at", "2m", "--output", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["t"], answer["saved"], answer["restarts"]) == (120, 2, 2)
