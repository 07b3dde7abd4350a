"""What ``check`` says of images that cannot be loaded lazily and of zones without Fargate."""

from __future__ import annotations

import pytest
from builders import Document, fargate, scenario, subnet, task_definition

from ecssim.catalog import fargate_in_zone
from ecssim.errors import BadInput
from ecssim.scenario.load import load_mapping

ECR = "123456789012.dkr.ecr.us-west-1.amazonaws.com/app:1"


def in_california(
    zone_id: str, windows: bool = False, region: str = "us-west-1", image: str = "app", **parts: object
) -> Document:
    platform = {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"} if windows else {}
    definition = task_definition(
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="1024",
        memory="2048",
        runtimePlatform=platform,
        container={"image": image},
        executionRoleArn="role",
    )
    base = scenario(images={image: {"size": "60MB"}})
    return base | dict(
        region=region,
        subnets=[subnet("a", f"{region}a", availabilityZoneId=zone_id)],
        taskDefinitions=[definition],
        services=[fargate()],
        **parts,
    )


def said(document: Document) -> list[tuple[str | None, str]]:
    return [(p.rule, p.message) for p in load_mapping(document).warnings]


@pytest.mark.rule("FG-014")
@pytest.mark.parametrize(
    ("zone", "region", "windows", "there"),
    [
        ("usw1-az1", "us-west-1", False, True),
        ("usw1-az2", "us-west-1", False, False),
        ("apne1-az3", "ap-northeast-1", False, False),
        ("use1-az3", "us-east-1", False, True),
        ("use1-az3", "us-east-1", True, False),
        ("use1-az1", "us-east-1", True, True),
    ],
)
def test_zones_without_fargate_are_known_by_their_ids(zone: str, region: str, windows: bool, there: bool):
    assert fargate_in_zone(zone, region, "WINDOWS" if windows else "LINUX") is there
    assert ([rule for rule, _ in said(in_california(zone, windows, region))] == []) is there


def test_a_zone_without_an_id_may_be_any():
    assert fargate_in_zone(None, "us-west-1")


@pytest.mark.rule("FG-021")
def test_lazy_loading_reads_from_private_repositories_of_ecr():
    images = {"public.ecr.aws/app:1": {"size": "400MB", "sociIndex": True}}
    with pytest.raises(BadInput) as caught:
        load_mapping(in_california("usw1-az1", image="public.ecr.aws/app:1", images=images))
    [problem] = caught.value.problems
    assert problem.rule == "FG-021"
    assert "private ECR repositories only" in problem.message
    assert said(in_california("usw1-az1", image=ECR, images={ECR: {"size": "400MB", "sociIndex": True}})) == []


@pytest.mark.rule("FG-021")
def test_an_index_of_a_small_image_is_worth_a_warning():
    [(rule, message)] = said(in_california("usw1-az1", image=ECR, images={ECR: {"size": "200MB", "sociIndex": True}}))
    assert rule == "FG-021"
    assert message == f"lazy loading is meant for images above 250 MiB; {ECR} has 200 MB"
