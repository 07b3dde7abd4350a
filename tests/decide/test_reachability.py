"""What a task fetches before it runs, and how it fails when no way leads there."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from typing import Any

import pytest

from ecssim.aws.task_definition import TaskDefinition
from ecssim.decide.reachability import Step, first_unreachable, unreachable
from ecssim.decide.routes import Endpoint, NetworkMap, Place, Source
from ecssim.scenario.needs import instance_needs, needs_of, registry_of

REGION = "us-east-1"
INNER = (IPv4Network("10.0.9.0/24"),)
IN_ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:1"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"
PARAMETER = "arn:aws:ssm:us-east-1:123456789012:parameter/db"
SERVICES = ("ecr.api", "ecr.dkr", "secretsmanager", "ssm", "logs", "ecs", "ecs-agent", "ecs-telemetry")


def definition(
    image: str = IN_ECR, *, secrets: tuple[str, ...] = (), logs: bool = False, **more: Any
) -> TaskDefinition:
    container: dict[str, Any] = {"name": "web", "image": image}
    container["secrets"] = [{"name": f"S{i}", "valueFrom": s} for i, s in enumerate(secrets)]
    if logs:
        container["logConfiguration"] = {"logDriver": "awslogs", "options": {"awslogs-group": "shop", **more}}
    return TaskDefinition.model_validate_json(json.dumps({"family": "shop", "containerDefinitions": [container]}))


def windows() -> TaskDefinition:
    """Its platform version 1.0.0 is as new as 1.4.0 of Linux."""
    document = definition().model_dump(mode="json", by_alias=True, exclude_unset=True)
    document["runtimePlatform"] = {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}
    return TaskDefinition.model_validate_json(json.dumps(document))


def closed(*services: str) -> NetworkMap:
    """A VPC without any way out but endpoints for these services."""
    endpoints = tuple(Endpoint(f"vpce-{s}", s, s == "s3", INNER, tables=frozenset({""})) for s in services)
    places = {"closed": Place("closed", "us-east-1b", "vpc", "", IPv4Network("10.0.2.0/24"))}
    return NetworkMap(frozenset({"vpc"}), places, endpoints={"vpc": endpoints})


HERE = Source("closed")


@pytest.mark.parametrize(
    ("image", "host", "region"),
    [
        ("nginx", "registry-1.docker.io", None),
        ("example/shop:1.0", "registry-1.docker.io", None),
        ("public.ecr.aws/nginx/nginx:1", "public.ecr.aws", None),
        ("ghcr.io/a/b@sha256:0", "ghcr.io", None),
        ("localhost/app", "localhost", None),
        ("registry:5000/app", "registry:5000", None),
        (IN_ECR, "123456789012.dkr.ecr.us-east-1.amazonaws.com", "us-east-1"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/a", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
    ],
)
def test_an_image_names_its_registry(image, host, region):
    assert registry_of(image) == (host, region)


@pytest.mark.rule("NET-082")
@pytest.mark.parametrize(
    ("needs", "services"),
    [
        (needs_of(definition(), REGION, fargate=True), ["ecr.api", "ecr.dkr", "s3"]),
        (needs_of(definition("nginx"), REGION, fargate=True), ["internet"]),
        (
            needs_of(definition(secrets=(SECRET, PARAMETER), logs=True), REGION, fargate=True, platform="1.4.0"),
            ["ecr.api", "secretsmanager", "ssm", "logs", "ecr.dkr", "s3"],
        ),
        # The platform before fetched everything but the image over a network of its own.
        (
            needs_of(definition(secrets=(SECRET,), logs=True), REGION, fargate=True, platform="1.3.0"),
            ["ecr.dkr", "s3"],
        ),
        (
            needs_of(windows(), REGION, fargate=True, platform="1.0.0"),
            ["ecr.api", "ecr.dkr", "s3"],
        ),
        (needs_of(definition(logs=True), REGION, fargate=False), ["ecr.api", "ecr.dkr", "s3", "logs"]),
        (needs_of(definition(secrets=("db-password",)), REGION, fargate=True), ["ecr.api", "ssm", "ecr.dkr", "s3"]),
    ],
)
def test_what_a_task_fetches_in_order(needs, services):
    assert [need.service for need in sorted(needs, key=lambda need: need.step)] == services


@pytest.mark.rule("NET-082", "NET-085")
@pytest.mark.parametrize(
    ("has", "step", "error"),
    [
        (("ecr.api", "ecr.dkr", "s3", "logs", "secretsmanager"), None, ""),
        (
            ("ecr.dkr", "s3", "logs", "secretsmanager"),
            Step.REGISTRY_AUTH,
            "ResourceInitializationError: unable to pull secr",
        ),
        (
            ("ecr.api", "s3", "logs", "secretsmanager"),
            Step.MANIFEST,
            "CannotPullContainerError: pull image manifest has",
        ),
        (
            ("ecr.api", "ecr.dkr", "logs", "secretsmanager"),
            Step.LAYERS,
            "CannotPullContainerError: ref pull has been ret",
        ),
        (
            ("ecr.api", "ecr.dkr", "s3", "secretsmanager"),
            Step.LOGS,
            "ResourceInitializationError: failed to validate lo",
        ),
        (
            ("ecr.api", "ecr.dkr", "s3", "logs"),
            Step.SECRET,
            "ResourceInitializationError: unable to pull secrets or reg",
        ),
    ],
)
def test_a_closed_vpc_on_fargate_needs_every_endpoint(has, step, error):
    needs = needs_of(definition(secrets=(SECRET,), logs=True), REGION, fargate=True)
    found = first_unreachable(closed(*has), HERE, needs, fargate=True)
    assert (found.need.step if found else None) == step
    if found is not None:
        assert found.reason.startswith(error)
        assert found.before_pull is (step < Step.MANIFEST)
        assert not found.after_pull


@pytest.mark.rule("NET-085")
@pytest.mark.parametrize(
    ("has", "error"),
    [
        (("ecr.dkr", "s3", "logs"), "CannotPullECRContainerError: RequestError: send request failed"),
        (("ecr.api", "s3", "logs"), "CannotPullContainerError: Error response from daemon: Get"),
        (
            ("ecr.api", "ecr.dkr", "s3"),
            "CannotStartContainerError: Error response from daemon: failed to initialize logging",
        ),
    ],
)
def test_on_an_instance_agent_and_daemon_say_it_in_their_own_words(has, error):
    needs = needs_of(definition(logs=True), REGION, fargate=False)
    found = first_unreachable(closed(*has), HERE, needs, fargate=False)
    assert found is not None
    assert found.reason.startswith(error)
    assert found.after_pull is error.startswith("CannotStart")


@pytest.mark.rule("NET-085", "SEC-021")
def test_words_about_secrets_name_their_service():
    needs = needs_of(definition("nginx", secrets=(SECRET, PARAMETER)), REGION, fargate=True)
    asm, ssm, pull = unreachable(closed(), HERE, needs, fargate=True)
    assert (
        "unable to retrieve secret from asm: There is a connection issue between the task and AWS Secrets" in asm.reason
    )
    assert "unable to retrieve secrets from ssm: service call has been retried 5 time(s)" in ssm.reason
    assert "nginx" in pull.reason
    on_instance = unreachable(
        closed(), HERE, needs_of(definition(secrets=(SECRET,)), REGION, fargate=False), fargate=False
    )
    assert any("fetching secret data from AWS Secrets Manager: Req" in u.reason for u in on_instance)
    parameter = needs_of(definition("nginx", secrets=(PARAMETER,)), REGION, fargate=False)
    assert (
        "secret data from AWS Systems Manager: Req" in unreachable(closed(), HERE, parameter, fargate=False)[0].reason
    )
    assert ssm.reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth: execution")
    assert ssm.reason.endswith("request context canceled caused by: context deadline exceeded")
    assert [int(step) for step in Step] == [0, 1, 2, 3, 4, 5]


@pytest.mark.rule("NET-084")
def test_endpoints_are_regional_and_lead_to_no_public_registry():
    everything = closed(*SERVICES, "s3")
    abroad = IN_ECR.replace("us-east-1", "eu-west-1")
    for image in (abroad, "nginx", "public.ecr.aws/nginx/nginx:1"):
        found = first_unreachable(everything, HERE, needs_of(definition(image), REGION, fargate=True), fargate=True)
        assert found is not None, image
        assert found.need.service == "internet", image
    logs = needs_of(definition(logs=True, **{"awslogs-region": "eu-west-1"}), REGION, fargate=True)
    assert [u.need.step for u in unreachable(everything, HERE, logs, fargate=True)] == [Step.LOGS]


@pytest.mark.rule("NET-083")
@pytest.mark.parametrize("lacks", ["ecs", "ecs-agent", "ecs-telemetry", None])
def test_an_instance_must_reach_three_endpoints_of_ecs(lacks):
    network = closed(*(s for s in SERVICES if s != lacks))
    found = first_unreachable(network, HERE, instance_needs(REGION), fargate=False)
    assert (found.need.service if found else None) == lacks
