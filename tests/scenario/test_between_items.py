"""Checks between items: names, lookups, lint, times, and the real documents."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ecssim.errors import BadInput
from ecssim.scenario.load import load_mapping, load_scenario
from ecssim.scenario.names import Names, name_of
from ecssim.scenario.schema import SCHEMA_FILE, schema, schema_text, shorthands
from ecssim.scenario.source import read_document
from ecssim.scenario.timeline import seconds_of

WRONG = Path(__file__).parent / "wrong"
WELL = WRONG / "well.yaml"


_ON_INSTANCES = "taskDefinition: agent, desiredCount: 1, launchType: EC2"


def _warnings(*sets: str) -> list[str]:
    return [p.message for p in load_scenario(WELL, sets=sets).warnings]


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("prod", "prod"),
        ("prod/web", "prod/web"),
        ("arn:aws:ecs:us-east-1:123456789012:cluster/prod", "prod"),
        ("arn:aws:ecs:us-east-1:123456789012:service/prod/web", "prod/web"),
        ("arn:aws:ecs:us-east-1:123456789012:task-definition/web:3", "web:3"),
        ("arn:aws:ecs:us-east-1:123456789012:capacity-provider/web-ec2", "web-ec2"),
        ("arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/web/abc123", "web"),
        ("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/public/abc123", "public"),
    ],
)
def test_an_arn_means_the_name_in_it(reference: str, name: str) -> None:
    assert name_of(reference) == name


def test_services_are_found_bare_while_unique_and_else_by_cluster() -> None:
    other = f"services.+={{serviceName: web, cluster: test, {_ON_INSTANCES}}}"
    loaded = load_scenario(
        WELL,
        sets=["clusters.+={clusterName: test}", other, "timeline[0].with.service=web"],
    )
    names = Names(loaded.scenario)
    assert names.service("web") is None
    assert names.service("prod/web") is loaded.scenario.services[0]
    assert names.service("web", "test") is loaded.scenario.services[2]
    assert names.service("agent") is loaded.scenario.services[1]


def test_a_bare_name_that_two_services_have_is_refused_with_both() -> None:
    other = f"services.+={{serviceName: web, cluster: test, {_ON_INSTANCES}}}"
    crash = "timeline.+={at: 5m, fault: taskCrash, with: {service: web, count: 1}}"
    with pytest.raises(BadInput, match="not unique; name it with its cluster: prod/web, test/web"):
        load_scenario(WELL, sets=["clusters.+={clusterName: test}", other, crash])


def test_a_bare_family_means_the_latest_revision() -> None:
    revision = "{family: agent, networkMode: host, containerDefinitions: [{name: a, image: x, memory: 64}]}"
    loaded = load_scenario(WELL, sets=[f"taskDefinitions.+={revision}"])
    names = Names(loaded.scenario)
    assert names.task_definition("agent") is loaded.scenario.task_definitions[2]
    assert names.task_definition("agent:1") is loaded.scenario.task_definitions[1]
    assert names.task_definition("agent:3") is None


def test_what_the_timeline_creates_may_be_named() -> None:
    service = "{cluster: prod, serviceName: late, taskDefinition: late, desiredCount: 1, launchType: EC2}"
    family = "{family: late, containerDefinitions: [{name: a, image: x, memory: 64}]}"
    load_scenario(
        WELL,
        sets=[
            f"timeline.+={{at: 1m, call: RegisterTaskDefinition, with: {family}}}",
            f"timeline.+={{at: 2m, call: CreateService, with: {service}}}",
            "timeline.+={at: 3m, call: UpdateService, with: {service: late, cluster: prod, desiredCount: 2}}",
            "behaviour.late={stopsAfter: 1s}",
        ],
    )


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("90s", 90.0),
        ("0", 0.0),
        ("13:00", 18_000.0),
        ("08:00", 0.0),
        ("07:59:30", 86_370.0),
        ("2026-03-02T09:00:00Z", 3_600.0),
        ("2026-03-02T09:00:00+02:00", -3_600.0),
    ],
)
def test_moments_are_seconds_from_the_start(moment: str, seconds: float) -> None:
    assert seconds_of(moment, datetime(2026, 3, 2, 8, tzinfo=UTC)) == seconds


def test_a_scenario_that_uses_only_what_is_modelled_has_no_warnings() -> None:
    assert _warnings() == []
    assert _warnings(f"services.web.region={load_scenario(WELL).scenario.region}") == []


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (
            "services.web.deploymentConfiguration={lifecycleHooks: [{targetType: PAUSE}]}",
            "lifecycleHooks is accepted but not modelled yet",
        ),
        (
            "autoScalingGroups.web-asg.defaultInstanceWarmup=60",
            "defaultInstanceWarmup is accepted but not modelled yet",
        ),
        ("services.web.region=eu-west-1", "region is accepted but not modelled yet"),
        ("account.settings.fargateEventWindows=enabled", "fargateEventWindows is accepted but not modelled yet"),
        (
            "traffic=[{name: t, to: {discoveryName: web}, pattern: constant, rate: 1}]",
            "traffic to a discoveryName is accepted but not modelled yet",
        ),
        (
            "traffic=[{name: t, split: [{to: {discoveryName: web}, weight: 1}], pattern: constant, rate: 1}]",
            "traffic to a discoveryName is accepted but not modelled yet",
        ),
        (
            "schedules=[{name: s, scheduleExpression: rate(1 hours), flexibleTimeWindow: {mode: 'OFF'}, target: {"
            "arn: 'arn:aws:scheduler:::aws-sdk:ecs:updateService', "
            "input: {Cluster: prod, Service: web, DesiredCount: 9}, "
            "roleArn: 'arn:aws:iam::123456789012:role/r', retryPolicy: {maximumRetryAttempts: 3}}}]",
            "retryPolicy is accepted but not modelled yet",
        ),
        ("timeline[0].at=3h", "this never happens"),
        ("images={example/ap:1: {size: 5MB}}", "did you mean example/app:1?"),
        ("taskDefinitions.agent.containerDefinitions[0].memory=9000", "the largest instance has 7,987"),
        (
            "taskDefinitions.web.containerDefinitions[0].secrets=[{name: A, valueFrom: b}]",
            "no executionRoleArn, which secrets needs",
        ),
        (
            "services.web.deploymentConfiguration={minimumHealthyPercent: 100, maximumPercent: 100}",
            "no deployment can move",
        ),
        ("targetGroups.+={targetGroupName: spare}", "no service registers in target group 'spare'"),
        ("loadBalancers.public.subnets=[private-a]", "load balancer public is not in us-east-1b"),
    ],
)
def test_lint_warns_and_does_not_refuse(override: str, words: str) -> None:
    sets = [override]
    if "loadBalancers" in override:
        sets.append("loadBalancers.public.type=network")
    warnings = _warnings(*sets)
    assert any(words in line for line in warnings), warnings


@pytest.mark.parametrize(
    "override",
    [
        "services.web.deploymentConfiguration={deploymentCircuitBreaker: {enable: false, rollback: false}}",
        "services.web.deploymentController={type: ECS}",
        "capacityProviders.web-ec2.autoScalingGroupProvider.managedScaling={status: DISABLED}",
        "services.web.availabilityZoneRebalancing=DISABLED",
    ],
)
def test_a_switch_that_is_off_asks_for_what_the_model_does_anyway(override: str) -> None:
    assert _warnings(override) == []


def test_every_item_that_parsed_is_checked_and_references_to_broken_ones_are_not() -> None:
    with pytest.raises(BadInput) as caught:
        load_scenario(
            WELL,
            sets=[
                "subnets.private-b.cidrBlock=nonsense",
                "services.web.networkConfiguration.awsvpcConfiguration.subnets=[private-b, private-x]",
            ],
        )
    messages = [p.message for p in caught.value.problems]
    assert len(messages) == 2, messages
    assert messages[0].startswith("cidrBlock: expected an IPv4 block")
    assert messages[1] == "there is no subnet 'private-x'; did you mean private-b?"


def test_the_committed_schema_is_fresh() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run: ecssim schema --write"


def test_the_schema_accepts_what_loads_and_refuses_unknown_keys() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    root = read_document(WELL, "well.yaml", [])
    assert root is not None
    document: dict[str, Any] = root.plain()
    assert list(validator.iter_errors(document)) == []
    document["services"][0]["desiredCont"] = 4
    assert [e.validator for e in validator.iter_errors(document)] == ["additionalProperties"]
    del document["services"][0]["desiredCont"]
    document["taskDefinitions"] = [{"file": "web.json"}]
    assert list(validator.iter_errors(document)) == []


def test_the_resolved_scenario_fits_the_schema() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    root = from_text(load_scenario(WELL).resolved_yaml())
    assert list(validator.iter_errors(root)) == []


def from_text(text: str) -> Any:
    import yaml
    from yamlcore import CCoreLoader

    return yaml.load(text, Loader=CCoreLoader)


def test_the_list_of_shorthands_names_the_documented_ones() -> None:
    listed = {(document, key) for document, key, _ in shorthands()}
    assert {
        ("AutoScalingGroup", "subnets"),
        ("AutoScalingGroup", "instances"),
        ("AutoScalingGroupProvider", "autoScalingGroup"),
        ("Listener", "loadBalancer"),
        ("TargetGroupTuple", "targetGroup"),
    } <= listed


def _with_document(path: Path) -> dict[str, Any]:
    return {"ecssim": 1, "name": "real", "duration": "1h", "taskDefinitions": [{"file": str(path)}]}


REAL = [
    "aws-containers-task-definitions__consul__ConsulServer.json",
    "aws-containers-task-definitions__kibana__kibana_fargate.json",
    "aws-containers-task-definitions__nginx__nginx_ec2.json",
    "aws-containers-task-definitions__nginx__nginx_fargate.json",
    "aws-containers-task-definitions__wildfly__wildfly_ec2.json",
    "container-patterns__inject-config-files-ecs-task-definition__task-definition.json",
    "container-patterns__task-definition-across-ec2-and-fargate__task-definition.json",
]


@pytest.mark.parametrize("name", REAL)
def test_a_real_task_definition_is_read_as_it_is(shared_data: Path, name: str) -> None:
    (definition,) = load_mapping(_with_document(shared_data / "taskdefs" / name)).scenario.task_definitions
    assert definition.container_definitions[0].image
    assert definition.memory_need > 0


@pytest.mark.rule("NET-009")
def test_the_real_tomcat_document_is_refused_at_its_host_port(shared_data: Path) -> None:
    path = shared_data / "taskdefs" / "aws-containers-task-definitions__tomcat__tomcat_ec2.json"
    with pytest.raises(BadInput) as caught:
        load_mapping(_with_document(path))
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.rule) == (str(path), 12, "NET-009")


def test_the_corpus_of_real_documents_is_whole(shared_data: Path) -> None:
    files = {f.name for f in (shared_data / "taskdefs").glob("*.json")}
    assert files == {*REAL, "aws-containers-task-definitions__tomcat__tomcat_ec2.json"}


def test_delays_options_and_faults_are_those_of_the_engine() -> None:
    from ecssim.aws.support import FAULTS_NOT_MODELLED
    from ecssim.engine.model_options import OPTIONS
    from ecssim.engine.timeline import SUPPORTED_FAULTS
    from ecssim.engine.timing import DEFAULTS
    from ecssim.scenario.delays import DELAYS
    from ecssim.scenario.options import MODEL_OPTIONS
    from ecssim.scenario.timeline import FAULTS

    assert {name: delay.rule for name, delay in DELAYS.items()} == {n: r for n, (_, r) in DEFAULTS.items()}
    assert {n: (o.choices, o.rule) for n, o in MODEL_OPTIONS.items()} == {
        n: (o.values, o.rule) for n, o in OPTIONS.items()
    }
    assert set(FAULTS) - FAULTS_NOT_MODELLED == set(SUPPORTED_FAULTS)


def test_calls_that_the_engine_does_not_know_are_said_not_to_be_modelled() -> None:
    from ecssim.aws.requests import REQUESTS
    from ecssim.aws.shape import keys_of
    from ecssim.aws.support import Support, support_of
    from ecssim.engine.call_handlers import HANDLERS

    left_out = {
        action
        for action, model in REQUESTS.items()
        if all(support_of(model, key) is Support.NOT_MODELLED for key in keys_of(model))
    }
    assert set(REQUESTS) - left_out == set(HANDLERS)


def test_the_time_of_a_health_check_that_is_not_there_is_a_warning() -> None:
    task = _warnings("behaviour.web.healthCheckTakes=1s")
    one = _warnings("behaviour.web.containers={app: {healthCheckTakes: 1s}}")
    said = [w for w in (*task, *one) if w.startswith("healthCheckTakes")]
    assert said == [
        "healthCheckTakes says nothing: no container of web has a healthCheck",
        "healthCheckTakes says nothing: container app of web has no healthCheck",
    ]


@pytest.mark.rule("LIFE-044")
@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("CannotPullContainerError: no such image", None),
        ("CannotPullContainerErorr", "did you mean CannotPullContainerError?"),
        ("it is Monday", '"it is Monday" is not an error name of ECS'),
    ],
)
def test_a_reason_that_no_stopped_task_shows_is_a_warning(reason: str, said: str | None) -> None:
    warnings = _warnings(f'behaviour.web.failsToStart={{share: 0.1, reason: "{reason}"}}')
    about = [w for w in warnings if w.startswith("reason")]
    assert [said in w for w in about] == ([True] if said else [])


_MOVE = "timeline[0].with.loadBalancers=[{targetGroupArn: %s, containerName: app, containerPort: 8080}]"
_TO_WEB = "traffic=[{name: users, to: {%s}, pattern: constant, rate: 1}]"


@pytest.mark.rule("LB-060")
def test_an_update_to_a_target_group_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadInput, match="there is no target group 'webb'; did you mean web"):
        load_scenario(WELL, sets=[_MOVE % "webb"])


@pytest.mark.parametrize(
    ("group", "to", "warned"),
    [
        pytest.param("green", "service: prod/web", True, id="the stream stays behind"),
        pytest.param("web", "service: prod/web", False, id="the group that it has"),
        pytest.param("green", 'listener: "public:80"', False, id="a listener can be moved"),
    ],
)
def test_a_stream_to_a_service_that_moves_to_another_target_group_is_warned_of(
    group: str, to: str, warned: bool
) -> None:
    green = "targetGroups.+={targetGroupName: green, targetType: ip}"
    found = _warnings(green, _MOVE % group, _TO_WEB % to)
    said = "traffic users goes to service web, which means its target group web, also after this update"
    assert [w for w in found if said in w] == [w for w in found if "traffic" in w]
    assert bool([w for w in found if said in w]) is warned


@pytest.mark.rule("NET-030")
@pytest.mark.parametrize(
    ("block", "said"),
    [
        pytest.param("10.0.2.7/24", "did you mean 10.0.2.0/24?", id="free"),
        pytest.param("10.0.1.7/24", "that overlaps 10.0.1.0/24 of another subnet; 10.0.2.0/24 is free", id="taken"),
        pytest.param("10.0.1.7/25", "overlaps 10.0.1.0/24 of another subnet; 10.0.2.0/25 is free", id="inside one"),
        pytest.param("10.0.3.7/24", "overlaps 10.0.3.0/24 of another subnet; 10.0.2.0/24 is free", id="from the start"),
        pytest.param("10.0.1.7/23", "no block of its size is free in 10.0.0.0/22", id="none left"),
        pytest.param("10.9.0.7/24", "that is outside of the VPC; 10.0.2.0/24 is free", id="of another VPC"),
    ],
)
def test_the_block_that_is_named_instead_is_free(block: str, said: str) -> None:
    sets = [
        "vpcs=[{vpcId: main, cidrBlock: 10.0.0.0/22}]",
        "subnets.+={subnetId: c, availabilityZone: us-east-1c, cidrBlock: 10.0.3.0/24}",
        f"subnets.+={{subnetId: d, availabilityZone: us-east-1d, cidrBlock: {block}}}",
        *(f"subnets.{name}.vpcId=main" for name in ("private-a", "private-b", "c", "d")),
    ]
    with pytest.raises(BadInput) as refused:
        load_scenario(WELL, sets=sets)
    assert said in str(refused.value)
