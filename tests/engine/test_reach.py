"""Tasks and instances of a described network: what they cannot reach, how long they try, how they end."""

from __future__ import annotations

from typing import Any

import pytest
from builders import fargate, group, path, run_dict, service, task_definition
from hypothesis import given, settings
from hypothesis import strategies as st
from network_rig import IN_ECR, INTERNET, endpoint, gateway_endpoint, on_fargate, vpc

from ecssim.results.explain import explain
from ecssim.results.result import Result
from ecssim.scenario.load import load_mapping

SECRET = {"name": "DB", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"}
LOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "app", "awslogs-region": "us-east-1"}}
EVERYTHING = [
    endpoint("ecr.api"),
    endpoint("ecr.dkr"),
    gateway_endpoint(),
    endpoint("logs"),
    endpoint("secretsmanager"),
]


def one(definition: dict[str, Any], *, without: str = "", private: str | None = None, **parts: Any) -> Result:
    """One Fargate task in a closed subnet with every endpoint but one."""
    endpoints = [e for e in EVERYTHING if not e["serviceName"].endswith(without or "nothing")]
    document = vpc(private, taskDefinitions=[definition], services=[fargate()], vpcEndpoints=endpoints, duration="4m")
    return run_dict(document | parts)


def ended(result: Result) -> tuple[float, str, str]:
    """When the first task got its stop code, with which one, and the error's name."""
    row = result.task_events[result.task_events["stop_code"].notna()].iloc[0]
    return round(row["t"], 3), str(row["stop_code"]), str(row["stopped_reason"]).partition(":")[0]


@pytest.mark.rule("NET-082")
def test_a_closed_vpc_with_all_endpoints_starts_the_task_as_one_with_a_way_out_does():
    definition = on_fargate(IN_ECR, secrets=[SECRET], logConfiguration=LOGS)
    assert path(one(definition)) == path(one(definition, private="nat"))
    assert path(one(definition))[-1][1] == "RUNNING"
    assert not len(one(definition).reachability_events)


@pytest.mark.rule("NET-081", "NET-085", "NET-086")
def test_without_a_route_out_a_public_image_fails_in_activating_after_two_minutes():
    result = one(on_fargate())
    assert path(result) == [
        (0.0, "PROVISIONING"),
        (4.0, "PENDING"),
        (11.0, "ACTIVATING"),
        (131.0, "DEPROVISIONING"),
        (141.0, "STOPPED"),
    ]
    assert ended(result) == (131.0, "TaskFailedToStart", "CannotPullContainerError")
    assert result.tasks["pull_started_at"].iloc[0] == 11.0
    assert path(one(on_fargate(), private="nat"))[-1][1] == "RUNNING"


@pytest.mark.rule("NET-086", "SEC-022")
def test_the_time_out_is_a_delay_of_the_timing_profile():
    secret = on_fargate(secrets=[SECRET])
    assert ended(one(secret, without="secretsmanager"))[0] == 11.0 + 120.0
    assert ended(one(secret, without="secretsmanager", timing={"profile": "fixed", "unreachable": "30s"}))[0] == 41.0


@pytest.mark.rule("NET-082", "NET-085")
@pytest.mark.parametrize(
    ("without", "error", "pulls"),
    [
        ("ecr.api", "ResourceInitializationError", False),
        ("secretsmanager", "ResourceInitializationError", False),
        ("logs", "ResourceInitializationError", False),
        ("ecr.dkr", "CannotPullContainerError", True),
        ("s3", "CannotPullContainerError", True),
    ],
)
def test_each_missing_endpoint_ends_the_start_with_its_own_error(without, error, pulls):
    result = one(on_fargate(IN_ECR, secrets=[SECRET], logConfiguration=LOGS), without=without)
    assert ended(result) == (131.0, "TaskFailedToStart", error)
    assert result.tasks["pull_started_at"].notna().iloc[0] == pulls
    event = result.reachability_events.iloc[0]
    assert event["endpoint_service"] == without
    assert f"vpc-default has no endpoint for {without}" in event["missing"]
    # Without a pull there is no bill (FG-042); one that fails is paid for.
    assert ("web" in result.bill().by_service) is pulls


@pytest.mark.rule("NET-082")
def test_an_older_platform_needs_the_image_alone():
    definition = on_fargate(IN_ECR, secrets=[SECRET], logConfiguration=LOGS)
    endpoints = [endpoint("ecr.dkr"), gateway_endpoint()]
    for platform, status in (("1.3.0", "RUNNING"), ("1.4.0", "STOPPED")):
        services = [fargate(platformVersion=platform)]
        assert path(one(definition, vpcEndpoints=endpoints, services=services))[-1][1] == status, platform


@pytest.mark.rule("NET-080", "NET-081")
def test_in_a_public_subnet_a_task_needs_a_public_address_which_is_off_by_default():
    def status(**more: Any) -> str:
        network = {"awsvpcConfiguration": {"subnets": ["public"], **more}}
        document = vpc(taskDefinitions=[on_fargate()], services=[fargate(networkConfiguration=network)], duration="4m")
        return path(run_dict(document))[-1][1]

    assert status() == "STOPPED"
    assert status(assignPublicIp="DISABLED") == "STOPPED"
    assert status(assignPublicIp="ENABLED") == "RUNNING"


def test_explain_and_summary_name_the_missing_hop():
    result = one(on_fargate(IN_ECR), without="s3")
    hop = "subnet a uses route table rt-private, which has no route to an internet or NAT gateway"
    task = result.tasks["task_id"].iloc[0]
    assert hop in explain(result, f"task/{task}").text
    finding = next(f for f in result.summary()["findings"] if f["what"] == "network.unreachable")
    assert hop in finding["text"]
    assert "prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com" in finding["text"]
    failed = result.task_events[result.task_events["last_status"] == "DEPROVISIONING"].iloc[0]
    assert failed["cause_id"] == result.reachability_events["event_id"].iloc[0]


@pytest.mark.rule("NET-085")
def test_a_task_that_reaches_nothing_counts_as_a_failed_start():
    config = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
    services = [fargate(count=2, deploymentConfiguration=config)]
    result = one(on_fargate(), services=services, duration="30m")
    assert result.deployments["rollout_state"].astype(str).tolist() == ["FAILED"]


def test_a_task_that_is_stopped_while_it_waits_for_the_time_out_does_not_fail():
    stop = {"at": "60s", "call": "UpdateService", "with": {"cluster": "prod", "service": "web", "desiredCount": 0}}
    result = one(on_fargate(), timeline=[stop])
    assert ended(result)[1] == "ServiceSchedulerInitiated"
    assert len(result.tasks) == 1


def test_without_route_tables_or_with_the_option_open_everything_is_reachable():
    assert path(one(on_fargate(), routeTables=[], natGateways=[]))[-1][1] == "RUNNING"
    assert path(one(on_fargate(), model={"reachability": "open"}))[-1][1] == "RUNNING"


# -- on instances -------------------------------------------------------------------------------------------------


def hosts(*subnets: str, instances: dict[str, Any] | None = None, **agent: Any) -> dict[str, Any]:
    shape = {"instanceType": "m5.large", **(instances or {})}
    return group(1, subnets=list(subnets or ("a",)), instances=shape, agent=agent)


def on_hosts(
    definition: dict[str, Any], hosts: dict[str, Any], *endpoints: Any, private: str | None = "nat", **parts: Any
):
    document = vpc(
        private,
        autoScalingGroups=[hosts],
        taskDefinitions=[definition],
        services=[service()],
        vpcEndpoints=list(endpoints),
        duration="10m",
    )
    return run_dict(document | parts)


OF_ECS = [endpoint(s) for s in ("ecs", "ecs-agent", "ecs-telemetry")]


@pytest.mark.rule("NET-083")
@pytest.mark.parametrize("lacks", [0, 1, 2, None])
@pytest.mark.parametrize("initial", ["empty", "steady"])
def test_an_instance_that_does_not_reach_ecs_never_joins_and_is_paid_for(lacks, initial):
    endpoints = [e for i, e in enumerate(OF_ECS) if i != lacks]
    reach = [endpoint("ecr.api"), endpoint("ecr.dkr"), gateway_endpoint()]
    result = on_hosts(
        task_definition(container={"image": IN_ECR}), hosts(), *endpoints, *reach, private=None, initialState=initial
    )
    joined = set(result.instance_events["status"].astype(str)) >= {"ACTIVE"}
    assert joined is (lacks is None)
    assert len(result.tasks) == (lacks is None)
    assert any(line.dimension in ("instances", "idle") for line in result.bill().lines)
    if lacks is not None:
        event = result.reachability_events.iloc[0]
        assert event["endpoint_service"] == ("ecs", "ecs-agent", "ecs-telemetry")[lacks]
        assert str(event["instance"]).startswith("i-")
        texts = [f["text"] for f in result.summary()["findings"] if f["what"] == "network.unreachable"]
        assert len(texts) == 1
        assert "For that reason 1 instance never joined, the first at" in texts[0]


@pytest.mark.rule("NET-081")
def test_on_an_instance_the_pull_uses_the_network_of_the_instance():
    awsvpc = task_definition(networkMode="awsvpc")
    inside = {"awsvpcConfiguration": {"subnets": ["public"]}}
    runs = on_hosts(awsvpc, hosts("a"), services=[service(networkConfiguration=inside)])
    assert path(runs)[-1][1] == "RUNNING", "the task's own interface in a public subnet reaches nothing"
    outside = {"awsvpcConfiguration": {"subnets": ["a"]}}
    public = hosts("public", instances={"associatePublicIpAddress": True})
    runs = on_hosts(awsvpc, public, private=None, services=[service(networkConfiguration=outside)])
    assert path(runs)[-1][1] == "RUNNING", "the task's own interface in a closed subnet does not matter"
    none = hosts("public", instances={"associatePublicIpAddress": False})
    assert not len(on_hosts(awsvpc, none, services=[service(networkConfiguration=outside)]).tasks)


@pytest.mark.rule("NET-085", "NET-086")
def test_agent_and_daemon_fail_in_their_own_words():
    bridge = task_definition(container={"image": IN_ECR, "logConfiguration": LOGS})
    reach = {e["serviceName"].rsplit("us-east-1.")[-1]: e for e in EVERYTHING}
    words = {
        "ecr.api": "CannotPullECRContainerError",
        "ecr.dkr": "CannotPullContainerError",
        "s3": "CannotPullContainerError",
        "logs": "CannotStartContainerError",
    }
    for lacks, error in words.items():
        endpoints = [*OF_ECS, *(e for name, e in reach.items() if name != lacks)]
        result = on_hosts(bridge, hosts(), *endpoints, private=None)
        assert ended(result)[1:] == ("TaskFailedToStart", error), lacks
        events = result.task_events
        waited = (
            events["t"][events["last_status"] == "STOPPED"].iloc[0]
            - events["t"][events["last_status"] == "ACTIVATING"].iloc[0]
        )
        # Without its log group the container fails after its image has come and the daemon has tried.
        assert waited == pytest.approx(120 + 0.5 + 100 / 60 + 0.8 if lacks == "logs" else 120.0, abs=1e-5), lacks


def test_an_image_on_the_disk_needs_no_registry_unless_the_agent_asks_it():
    def second(behavior: str | None) -> str:
        """Steady: the image is there. Another task of the same revision starts when the service grows."""
        agent = {"ECS_IMAGE_PULL_BEHAVIOR": behavior} if behavior is not None else {}
        grow = {"at": "60s", "call": "UpdateService", "with": {"cluster": "prod", "service": "web", "desiredCount": 2}}
        result = on_hosts(
            task_definition(), hosts(**agent), *OF_ECS, private=None, initialState="steady", timeline=[grow]
        )
        return path(result, 1)[-1][1], round(path(result, 1)[-1][0])

    assert second("prefer-cached") == ("RUNNING", 61)
    # The default agent asks, is not answered for two minutes, and takes what it has (AGENT-030).
    assert second(None) == ("RUNNING", 181)
    assert second("always")[0] == "STOPPED"


# -- check and run agree ------------------------------------------------------------------------------------------


@given(
    has=st.sets(st.sampled_from(["ecr.api", "ecr.dkr", "s3", "logs", "secretsmanager"])),
    private=st.sampled_from([None, "nat"]),
    image=st.sampled_from(["app", IN_ECR]),
    more=st.sets(st.sampled_from(["secrets", "logConfiguration"])),
    where=st.sampled_from([("a", "DISABLED"), ("a", "ENABLED"), ("public", "DISABLED"), ("public", "ENABLED")]),
    inbound=st.booleans(),
    outbound=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_check_warns_if_and_only_if_a_task_fails_in_the_run(has, private, image, more, where, inbound, outbound):
    given = {"secrets": [SECRET], "logConfiguration": LOGS}
    subnet, public = where
    endpoints = [
        {**e, **({} if e["vpcEndpointType"] == "Gateway" else {"securityGroupIds": ["sg-endpoints"]})}
        for e in EVERYTHING
        if e["serviceName"].removeprefix("com.amazonaws.us-east-1.") in has
    ]
    https = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
    groups = [
        {"groupId": "sg-endpoints", "ipPermissions": [{**https, "ipRanges": [{"cidrIp": "10.0.0.0/16"}]}] * inbound},
        {
            "groupId": "sg-tasks",
            "ipPermissionsEgress": [{"ipProtocol": "-1", "ipRanges": [{"cidrIp": INTERNET}]}] * outbound,
        },
    ]
    network = {"subnets": [subnet], "assignPublicIp": public, "securityGroups": ["sg-tasks"]}
    document = vpc(
        private,
        taskDefinitions=[on_fargate(image, **{key: given[key] for key in more})],
        services=[fargate(networkConfiguration={"awsvpcConfiguration": network})],
        vpcEndpoints=endpoints,
        securityGroups=groups,
        duration="3m",
    )
    warned = [w.message for w in load_mapping(document).warnings if w.rule in ("NET-081", "NET-082")]
    result = run_dict(document)
    assert bool(warned) == bool(len(result.reachability_events)) == (path(result)[-1][1] != "RUNNING")
    if warned:
        event = result.reachability_events.iloc[0]
        assert str(event["host"]) in warned[0]
        assert str(event["missing"]) in warned[0]
        error = str(result.task_events["stopped_reason"].dropna().iloc[0]).partition(":")[0]
        assert warned[0].endswith(f"they will fail with {error}")


def test_the_summary_counts_tasks_and_says_whose_they_are():
    """Tries of one service are tasks of it; a task that lacks two hosts behind one hop is one task."""
    result = one(on_fargate(IN_ECR), without="s3", duration="10m")
    (finding,) = [f for f in result.summary()["findings"] if f["what"] == "network.unreachable"]
    tasks = result.reachability_events["task_id"].nunique()
    assert tasks >= 2
    assert f"For that reason {tasks} tasks of service web could not start, the first at" in finding["text"]
