"""What ``check`` says of a described network before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from builders import fargate, group, service, task_definition
from network_rig import IN_ECR, INTERNET, endpoint, gateway_endpoint, on_fargate, vpc

from ecssim.errors import BadInput, Problem
from ecssim.scenario.load import load_mapping

ALL = [endpoint("ecr.api"), endpoint("ecr.dkr"), gateway_endpoint()]
OF_ECS = [endpoint(s) for s in ("ecs", "ecs-agent", "ecs-telemetry")]


def said(document: dict[str, Any], *rules: str) -> list[str]:
    """The warnings of some rules (of NET if none is named)."""
    warnings = load_mapping(document).warnings
    return [w.message for w in warnings if (w.rule in rules if rules else (w.rule or "").startswith("NET"))]


def refused(document: dict[str, Any]) -> list[Problem]:
    with pytest.raises(BadInput) as caught:
        load_mapping(document)
    return list(caught.value.problems)


@pytest.mark.rule("NET-081", "NET-082", "SEC-025")
def test_a_service_that_cannot_pull_is_a_warning_with_the_missing_hop_and_the_error_to_come():
    closed = vpc(None, taskDefinitions=[on_fargate(IN_ECR)], services=[fargate()], vpcEndpoints=ALL)
    assert said(closed) == []
    [text] = said(closed | {"vpcEndpoints": ALL[:2]})
    assert text == (
        "tasks of web in subnet a cannot reach prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com for "
        f"{IN_ECR}: subnet a uses route table rt-private, which has no route to an internet or NAT gateway, and "
        "vpc-default has no endpoint for s3 that serves it; they will fail with CannotPullContainerError"
    )
    assert said(closed | {"model": {"reachability": "open"}, "vpcEndpoints": []}) == []
    [text] = said(vpc(None, taskDefinitions=[on_fargate()], services=[fargate()], vpcEndpoints=ALL), "NET-081")
    assert "cannot reach registry-1.docker.io for app" in text


def test_the_warning_stands_at_the_subnet_in_the_file(tmp_path):
    import yaml

    from ecssim.scenario.load import load_scenario

    file = tmp_path / "closed.yaml"
    network = {"awsvpcConfiguration": {"subnets": ["a", "b"]}}
    document = vpc(None, taskDefinitions=[on_fargate()], services=[fargate(networkConfiguration=network)])
    file.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    warnings = [w for w in load_scenario(file).warnings if w.rule == "NET-081"]
    lines = file.read_text("utf-8").splitlines()
    assert [lines[w.line - 1].strip() for w in warnings] == ["- a", "- b"]


def test_jobs_are_looked_at_as_services_are():
    run = {"cluster": "prod", "taskDefinition": "app", "launchType": "FARGATE"}
    run["networkConfiguration"] = {"awsvpcConfiguration": {"subnets": ["a"]}}
    jobs = [{"name": "nightly", "arrivals": {"every": "10m"}, "runTask": run}]
    [text] = said(vpc(None, taskDefinitions=[on_fargate()], jobs=jobs))
    assert text.startswith("tasks of nightly in subnet a cannot reach registry-1.docker.io")


@pytest.mark.rule("NET-083", "SEC-025")
def test_instances_that_do_not_reach_ecs_are_a_warning():
    document = vpc(
        None,
        autoScalingGroups=[group(1)],
        taskDefinitions=[task_definition(container={"image": IN_ECR})],
        services=[service()],
        vpcEndpoints=[*ALL, *OF_ECS],
    )
    assert said(document) == []
    [text] = said(document | {"vpcEndpoints": [*ALL, *OF_ECS[:2]]})
    assert text.startswith("instances of asg in subnet a cannot reach ecs-telemetry: subnet a uses route table")
    [text] = said(document | {"vpcEndpoints": OF_ECS})
    assert text.startswith("tasks of web on instances of asg in subnet a cannot reach api.ecr.us-east-1")


@pytest.mark.rule("NET-080")
def test_a_public_address_on_an_instance_is_refused():
    network = {"awsvpcConfiguration": {"subnets": ["a"], "assignPublicIp": "ENABLED"}}
    document = vpc(
        autoScalingGroups=[group(1)],
        taskDefinitions=[task_definition(networkMode="awsvpc")],
        services=[service(networkConfiguration=network)],
    )
    [problem] = refused(document)
    assert "Assign public IP is not supported for this launch type" in problem.message
    assert problem.rule == "NET-080"
    network["awsvpcConfiguration"]["assignPublicIp"] = "DISABLED"
    load_mapping(document)


@pytest.mark.rule("NET-082")
def test_ecs_exec_needs_an_endpoint_of_its_own():
    document = vpc(
        None,
        taskDefinitions=[on_fargate(IN_ECR)],
        services=[fargate(enableExecuteCommand=True)],
        vpcEndpoints=ALL,
    )
    [text] = said(document)
    assert text.startswith("ECS Exec of web cannot reach ssmmessages from subnet a")
    assert said(document | {"vpcEndpoints": [*ALL, endpoint("ssmmessages")]}) == []


@pytest.mark.rule("NET-084")
def test_an_endpoint_of_another_region_is_of_no_use():
    abroad = {**endpoint("ecr.api"), "serviceName": "com.amazonaws.eu-west-1.ecr.api"}
    document = vpc(None, taskDefinitions=[on_fargate(IN_ECR)], services=[fargate()], vpcEndpoints=[abroad, *ALL[1:]])
    texts = said(document)
    assert any("is not a service of us-east-1: endpoints are regional" in t for t in texts)
    assert any("cannot reach api.ecr.us-east-1.amazonaws.com" in t for t in texts)


@pytest.mark.rule("NET-075")
def test_an_interface_endpoint_has_one_subnet_in_a_zone():
    twice = endpoint("ecr.api", "a", "public")
    [problem] = refused(vpc(vpcEndpoints=[twice]))
    assert problem.message == "public and a are both in us-east-1a; an endpoint has one subnet a zone"
    load_mapping(vpc(vpcEndpoints=[endpoint("ecr.api", "a", "b")]))


def test_names_between_the_parts_of_a_network_must_be_there():
    document = vpc(
        vpcEndpoints=[gateway_endpoint("s3", "rt-privat")], natGateways=[{"natGatewayId": "n", "subnetId": "b"}]
    )
    messages = [p.message for p in refused(document)]
    assert any("there is no NAT gateway 'nat'" in m for m in messages)
    assert any("there is no route table 'rt-privat'" in m for m in messages)
    twice = vpc()
    twice["routeTables"].append({"routeTableId": "more", "associations": [{"subnetId": "a"}, {"subnetId": "nowhere"}]})
    messages = [p.message for p in refused(twice)]
    assert any("subnet a uses route table rt-private already" in m for m in messages)
    assert any("there is no subnet 'nowhere'" in m for m in messages)
    without = vpc()
    without["routeTables"][0]["routes"] = [{"destinationCidrBlock": INTERNET}]
    assert any("a route needs a target" in p.message for p in refused(without))


def test_documents_as_ec2_prints_them_are_read():
    document = vpc(taskDefinitions=[on_fargate()], services=[fargate()])
    document["routeTables"] = [
        {
            "RouteTableId": "rtb-1",
            "VpcId": "vpc-1",
            "Associations": [{"Main": True, "RouteTableAssociationId": "rtbassoc-1", "RouteTableId": "rtb-1"}],
            "Routes": [
                {
                    "DestinationCidrBlock": "10.0.0.0/16",
                    "GatewayId": "local",
                    "Origin": "CreateRouteTable",
                    "State": "active",
                },
                {"DestinationCidrBlock": INTERNET, "TransitGatewayId": "tgw-1", "State": "active"},
            ],
        }
    ]
    document["vpcs"] = [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]
    document["securityGroups"] = [
        {
            "GroupId": "sg-1",
            "IpPermissions": [],
            "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": INTERNET}], "Ipv6Ranges": []}],
        }
    ]
    assert said(document) == []
    document["routeTables"][0]["Routes"].pop()
    assert "the main route table of vpc-1" not in said(document)[0]
    assert "subnet a uses route table rtb-1" in said(document)[0]


@pytest.mark.rule("NET-072")
def test_quotas_of_a_vpc_are_warnings_since_aws_raises_them():
    assert said(vpc(), "NET-072") == []
    many = [endpoint(f"service{i}") for i in range(51)]
    assert said(vpc(vpcEndpoints=many), "NET-072") == [
        "51 interface endpoints in a VPC; the quota is 50 and can be raised"
    ]
    gateways = [{**gateway_endpoint(), "vpcEndpointId": f"vpce-{i}"} for i in range(21)]
    assert said(vpc(vpcEndpoints=gateways), "NET-072") == [
        "21 gateway endpoints in a Region; the quota is 20 and can be raised"
    ]
    nats = [{"natGatewayId": n, "subnetId": "public"} for n in ("nat", *"12345")]
    assert said(vpc(natGateways=nats), "NET-072") == ["6 NAT gateways in a zone; the quota is 5 and can be raised"]
    vpcs = [{"vpcId": f"vpc-{i}", "cidrBlock": f"10.{i}.0.0/16"} for i in range(6)]
    assert said(vpc(vpcs=vpcs), "NET-072") == ["6 VPCs in a Region; the quota is 5 and can be raised"]
    document = vpc()
    document["routeTables"] += [{"routeTableId": f"rt-{i}"} for i in range(199)]
    assert said(document, "NET-072") == ["201 route tables in a VPC; the quota is 200 and can be raised"]
    document = vpc()
    routes = [{"destinationCidrBlock": f"172.16.{i}.0/24", "transitGatewayId": "tgw"} for i in range(51)]
    document["routeTables"][0]["routes"] += routes
    assert said(document, "NET-072") == ["rt-public has 52 routes; the quota is 50, at most 1,000"]


@pytest.mark.rule("NET-071")
def test_security_groups_have_a_number_of_rules_alone_and_together():
    def sized(name: str, count: int) -> dict[str, Any]:
        ranges = [{"cidrIp": f"10.{i}.0.0/16"} for i in range(count)]
        return {"groupId": name, "ipPermissions": [{"ipProtocol": "-1", "ipRanges": ranges}]}

    assert said(vpc(securityGroups=[sized("sg", 60)]), "NET-071") == []
    [text] = said(vpc(securityGroups=[sized("sg", 61)]), "NET-071")
    assert text == "sg has 61 rules one way; the quota is 60 and can be raised"
    names = ["sg-1", "sg-2", "sg-3", "sg-4", "sg-5"]
    network = {"awsvpcConfiguration": {"subnets": ["a"], "securityGroups": names}}
    document = vpc(
        taskDefinitions=[on_fargate()],
        services=[fargate(networkConfiguration=network)],
        securityGroups=[sized(name, 200) for name in names],
    )
    assert len(said(document, "NET-071")) == 5
    document["securityGroups"][0] = sized("sg-1", 201)
    assert any("hold 1,001 rules; 1,000 is the most" in p.message for p in refused(document))
    document["services"][0]["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"] = [*names, "sg-6"]
    assert any("at most 5 security groups, got 6" in p.message for p in refused(document))


def test_what_the_timeline_starts_is_looked_at_and_said_once():
    network = {"awsvpcConfiguration": {"subnets": ["a"]}}
    public = {"awsvpcConfiguration": {"subnets": ["public"], "assignPublicIp": "ENABLED"}}
    run = {"cluster": "prod", "taskDefinition": "app", "launchType": "FARGATE", "networkConfiguration": network}
    move = {"cluster": "prod", "service": "web", "networkConfiguration": network}
    document = vpc(None, taskDefinitions=[on_fargate(IN_ECR)], services=[fargate(networkConfiguration=public)])
    assert said(document) == []
    document["timeline"] = [
        {"at": "1m", "call": "UpdateService", "with": move},
        {"at": "2m", "call": "UpdateService", "with": move},
        {"at": "3m", "call": "RunTask", "with": run},
        {"at": "4m", "call": "CreateService", "with": fargate("late", cluster="prod")},
    ]
    assert [text.partition(" in subnet a ")[0] for text in said(document)] == [
        "tasks of web",
        "tasks of app",
        "tasks of late",
    ]


@pytest.mark.rule("NET-082")
def test_private_names_need_the_vpc_to_resolve_them():
    def document(private: bool | None, **attributes: bool) -> dict[str, Any]:
        more = {} if private is None else {"privateDnsEnabled": private}
        return vpc(
            None,
            vpcs=[{"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/16", **attributes}],
            taskDefinitions=[on_fargate(IN_ECR)],
            services=[fargate()],
            vpcEndpoints=[{**endpoint("ecr.api"), "vpcId": "vpc-1", **more}, *ALL[1:]],
        )

    assert said(document(None)) == said(document(True, enableDnsHostnames=True)) == []
    assert any("vpce-ecr.api has no private DNS" in t for t in said(document(False)))
    assert any("vpce-ecr.api has no private DNS" in t for t in said(document(None, enableDnsHostnames=False)))
    [problem] = refused(document(True, enableDnsSupport=False))
    assert problem.message.startswith("private DNS needs enableDnsSupport and enableDnsHostnames of vpc-1")
