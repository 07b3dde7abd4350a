"""Clusters and services by the names that a call may give them."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ecssim.aws.names import CapacityProviderStatus, CapacityProviderType
from ecssim.world.places import Cluster
from ecssim.world.providers import Provider
from ecssim.world.services import Service
from ecssim.world.world import World

ARN = "arn:aws:ecs:eu-west-1:111122223333:"


def world_of(*clusters: str, services: tuple[str, ...] = ()) -> World:
    """A world with these clusters, and with services named ``cluster/service`` in them."""
    nobody = cast("Any", None)
    world = World(clusters=[Cluster(i, name, i, nobody) for i, name in enumerate(clusters)])
    for i, both in enumerate(services):
        cluster, name = both.split("/")
        world.services.append(Service(i, name, world.clusters[clusters.index(cluster)], 0, 0, 0, nobody))
    return world


@pytest.mark.parametrize(
    ("clusters", "asked", "found"),
    [
        pytest.param(("blue", "green"), "green", "green", id="by its name"),
        pytest.param(("blue", "green"), f"{ARN}cluster/green", "green", id="by its ARN"),
        pytest.param(("blue", "green"), "red", None, id="none of that name"),
        pytest.param(("blue", "default"), None, "default", id="no name is the one called default"),
        pytest.param(("blue",), None, "blue", id="or the only one there is"),
        pytest.param(("blue", "green"), None, None, id="of two that are called otherwise it is neither"),
        pytest.param((), None, None, id="there is none at all"),
    ],
)
def test_clusters_by_name(clusters: tuple[str, ...], asked: str | None, found: str | None) -> None:
    got = world_of(*clusters).cluster_named(asked)
    assert (got.name if got is not None else None) == found


@pytest.mark.parametrize(
    ("asked", "cluster", "found"),
    [
        pytest.param("shop", None, 0, id="a bare name that is unique"),
        pytest.param("web", None, None, id="a bare name that two clusters have"),
        pytest.param("web", "green", 2, id="the name in a cluster"),
        pytest.param("web", f"{ARN}cluster/green", 2, id="the name in a cluster by its ARN"),
        pytest.param("green/web", None, 2, id="cluster and name"),
        pytest.param("blue/web", "green", 1, id="a cluster in the name is the one that counts"),
        pytest.param(f"{ARN}service/green/web", None, 2, id="the ARN with the cluster"),
        pytest.param(f"{ARN}service/shop", None, 0, id="the short ARN without it"),
        pytest.param("shop", "green", None, id="none of that name in that cluster"),
        pytest.param("nothing", None, None, id="none of that name"),
    ],
)
def test_services_by_name(asked: str, cluster: str | None, found: int | None) -> None:
    world = world_of("blue", "green", services=("blue/shop", "blue/web", "green/web"))
    got = world.service_named(asked, cluster)
    assert (got.ordinal if got is not None else None) == found


def test_a_cluster_may_be_called_like_the_kinds_of_an_arn() -> None:
    world = world_of("my-service", "my-cluster", services=("my-service/web", "my-cluster/web"))
    assert world.service_named(f"{ARN}service/my-service/web") is world.services[0]
    assert world.service_named(f"{ARN}service/my-cluster/web") is world.services[1]
    assert world.service_named("web", f"{ARN}cluster/my-cluster") is world.services[1]
    assert world.cluster_named("my-cluster") is world.clusters[1]


def test_a_service_that_is_inactive_is_not_found_and_leaves_its_name_to_another() -> None:
    world = world_of("blue", services=("blue/web", "blue/web"))
    assert world.service_named("web") is None
    world.services[0].status = "INACTIVE"
    assert world.service_named("web") is world.services[1]


@pytest.mark.parametrize("status", list(CapacityProviderStatus))
def test_a_strategy_may_name_an_active_provider_alone(status: CapacityProviderStatus) -> None:
    provider = Provider("blue", CapacityProviderType.EC2_AUTOSCALING, status=status)
    assert provider.usable is (status == "ACTIVE")


def test_a_provider_that_was_created_is_found_with_its_kind() -> None:
    world = World()
    world.add_provider(provider := Provider("blue", CapacityProviderType.FARGATE))
    assert (world.providers["blue"], world.provider_kinds["blue"]) == (provider, CapacityProviderType.FARGATE)
