"""A described VPC for tests: a public subnet with a NAT gateway in zone a, private ones in a and b, endpoints."""

from __future__ import annotations

from typing import Any

from builders import Document, scenario, subnet, task_definition

IN_ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1"
ROLE = "arn:aws:iam::123456789012:role/ecsTaskExecutionRole"
INTERNET = "0.0.0.0/0"


def endpoint(service: str, *subnets: str, **more: Any) -> Document:
    base = {
        "vpcEndpointId": f"vpce-{service}",
        "serviceName": f"com.amazonaws.us-east-1.{service}",
        "vpcEndpointType": "Interface",
        "subnetIds": list(subnets or ("a",)),
    }
    return base | more


def gateway_endpoint(service: str = "s3", *tables: str) -> Document:
    return {
        "vpcEndpointId": f"vpce-{service}",
        "serviceName": f"com.amazonaws.us-east-1.{service}",
        "vpcEndpointType": "Gateway",
        "routeTableIds": list(tables or ("rt-private",)),
    }


def tables(private: str | None = "nat") -> list[Document]:
    """The route tables: ``private`` is where the private subnets' default route leads, None: nowhere."""
    out = [{"destinationCidrBlock": INTERNET, "natGatewayId": private}] if private is not None else []
    return [
        {
            "routeTableId": "rt-public",
            "subnets": ["public"],
            "routes": [{"destinationCidrBlock": INTERNET, "gatewayId": "igw-1"}],
        },
        {"routeTableId": "rt-private", "subnets": ["a", "b"], "routes": out},
    ]


def vpc(private: str | None = "nat", *, nat: bool = True, **parts: Any) -> Document:
    """A scenario in that VPC."""
    base: Document = {
        "subnets": [
            subnet("a", "us-east-1a", "10.0.0.0/24"),
            subnet("b", "us-east-1b", "10.0.1.0/24"),
            subnet("public", "us-east-1a", "10.0.2.0/24", mapPublicIpOnLaunch=True),
        ],
        "routeTables": tables(private),
        "natGateways": [{"natGatewayId": "nat", "subnetId": "public"}] if nat else [],
    }
    return scenario(**(base | parts))


def on_fargate(image: str = "app", **container: Any) -> Document:
    """A task definition for Fargate whose container has ``container`` besides."""
    base = task_definition(networkMode="awsvpc", requiresCompatibilities=["FARGATE"], executionRoleArn=ROLE)
    first = {**base["containerDefinitions"][0], "image": image, **container}
    return {**base, "containerDefinitions": [first]}
