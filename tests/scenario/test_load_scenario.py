"""Loading: values, places, overrides, variants, resolved form and digest."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ecssim.aws.names import NetworkMode
from ecssim.errors import BadInput
from ecssim.scenario.distributions import Constant, Empirical, Lognormal
from ecssim.scenario.load import Loaded, load_mapping, load_scenario

WELL = Path(__file__).parent / "wrong" / "well.yaml"


def _load(tmp_path: Path, text: str, **options: Any) -> Loaded:
    file = tmp_path / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    return load_scenario(file, **options)


def _refused(tmp_path: Path, text: str, **options: Any) -> list[str]:
    with pytest.raises(BadInput) as caught:
        _load(tmp_path, text, **options)
    prefix = f"{tmp_path / 'scenario.yaml'}:"
    return [str(problem).removeprefix(prefix) for problem in caught.value.problems]


MINIMAL = "ecssim: 1\nname: small\nduration: 90s\n"


def test_a_minimal_scenario_has_the_documented_defaults(tmp_path: Path) -> None:
    scenario = _load(tmp_path, MINIMAL).scenario
    assert scenario.duration == 90.0
    assert scenario.region == "us-east-1"
    assert scenario.initial_state == "empty"
    assert scenario.seed == 0
    assert scenario.account.quotas.base == "mature"
    assert scenario.timing.profile == "typical"


def test_yaml_values_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    loaded = _load(tmp_path, MINIMAL + "description: yes\nseed: 0o14\n")
    assert loaded.scenario.description == "yes"
    assert loaded.scenario.seed == 12


def test_versions_and_account_ids_are_read_as_text(tmp_path: Path) -> None:
    text = MINIMAL + (
        "account: {accountId: 001234567890}\n"
        "subnets: [{subnetId: a, availabilityZone: us-east-1a, cidrBlock: 10.0.0.0/24}]\n"
        "autoScalingGroups:\n  - {autoScalingGroupName: g, minSize: 1, maxSize: 1, subnets: [a],"
        " instances: {instanceType: m6i.large}, agent: {version: 1.90}}\n"
    )
    scenario = _load(tmp_path, text).scenario
    assert scenario.account.account_id == "001234567890"
    assert scenario.auto_scaling_groups[0].agent.version == "1.90"


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert load_scenario(file).scenario.name == "small"


def test_an_alias_is_its_own_copy_and_reports_where_it_is_used(tmp_path: Path) -> None:
    text = MINIMAL + (
        "subnets:\n"
        "  - &a {subnetId: a, availabilityZone: us-east-1a, cidrBlock: 10.0.0.0/24}\n"
        "variants: {other: {subnets: [*a]}}\n"
        "images: {x: {size: &s 5MB}, y: {size: *s}}\n"
    )
    loaded = _load(tmp_path, text, sets=["images.y.size=7MB"])
    assert {k: v.size for k, v in loaded.scenario.images.items()} == {"x": 5_000_000, "y": 7_000_000}
    wrong = text.replace("&s 5MB", "&s 5")
    assert [line.split(" ")[0] for line in _refused(tmp_path, wrong)] == ["7:20:", "7:37:"]


def test_json_scenarios_are_read_as_json(tmp_path: Path) -> None:
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps({"ecssim": 1, "name": "tab\tand\u2028", "duration": "1h"}), encoding="utf-8")
    assert load_scenario(file).scenario.name == "tab\tand\u2028"


def test_pascal_case_of_the_other_apis_is_accepted_in_their_blocks(tmp_path: Path) -> None:
    text = MINIMAL + (
        "subnets: [{SubnetId: a, AvailabilityZone: us-east-1a, CidrBlock: 10.0.0.0/24}]\n"
        "autoScalingGroups:\n"
        "  - AutoScalingGroupName: g\n    MinSize: 1\n    MaxSize: 2\n    VPCZoneIdentifier: a\n"
        "    MixedInstancesPolicy:\n"
        "      LaunchTemplate: {Overrides: [{InstanceType: m6i.large}, {InstanceType: m5.large}]}\n"
        "      InstancesDistribution: {OnDemandPercentageAboveBaseCapacity: 50}\n"
        "targetGroups: [{Name: web, HealthCheckIntervalSeconds: 20, HealthCheckPath: /up}]\n"
        "taskDefinitions: [{family: web, memory: 128, containerDefinitions: [{name: a, image: x}]}]\n"
        "clusters: [{clusterName: default}]\n"
        "services: [{serviceName: web, taskDefinition: web, desiredCount: 1}]\n"
        "alarms:\n"
        "  - {AlarmName: high, Namespace: AWS/ECS, MetricName: CPUUtilization, Statistic: Average,\n"
        "     Dimensions: [{Name: ServiceName, Value: web}], Threshold: 60, EvaluationPeriods: 3,\n"
        "     ComparisonOperator: GreaterThanThreshold}\n"
    )
    scenario = _load(tmp_path, text).scenario
    group = scenario.auto_scaling_groups[0]
    assert group.subnet_ids == ("a",)
    assert [c.instance_type for c in group.choices] == ["m6i.large", "m5.large"]
    assert group.on_demand_percent == 50
    assert scenario.target_groups[0].target_group_name == "web"
    assert scenario.target_groups[0].health_check_interval_seconds == 20
    assert scenario.alarms[0].alarm_name == "high"


def test_distributions_carry_their_unit(tmp_path: Path) -> None:
    text = MINIMAL + (
        "taskDefinitions: [{family: web, memory: 128, containerDefinitions: [{name: a, image: x}]}]\n"
        "behaviour: {web: {readyAfter: {lognormal: {median: 12s, p95: 1m}}, runsFor: 2h}}\n"
        "timing: {profile: fixed, eniAttach: 3s}\n"
    )
    scenario = _load(tmp_path, text).scenario
    assert scenario.behaviour["web"].ready_after == Lognormal(12.0, 60.0)
    assert scenario.behaviour["web"].runs_for == Constant(7200.0)
    assert scenario.timing.overrides == {"eniAttach": Constant(3.0)}


def test_later_sets_win_and_the_seed_option_wins_over_the_file() -> None:
    loaded = load_scenario(WELL, sets=["services.web.desiredCount=5", "services.web.desiredCount=6", "seed=3"], seed=9)
    assert loaded.scenario.services[0].desired_count == 6
    assert loaded.scenario.seed == 9


def test_a_variant_applies_its_patches_and_sets_come_after_it() -> None:
    assert load_scenario(WELL, variant="night").scenario.services[0].desired_count == 1
    loaded = load_scenario(WELL, variant="night", sets=["services.web.desiredCount=2"])
    assert loaded.scenario.services[0].desired_count == 2


def test_a_set_may_open_a_section_that_is_not_written() -> None:
    loaded = load_scenario(WELL, sets=["services.web.deploymentConfiguration.maximumPercent=150"])
    assert loaded.scenario.services[0].maximum_percent == 150


def test_a_set_reaches_into_a_task_definition_file(tmp_path: Path) -> None:
    document = {"family": "web", "memory": "512", "containerDefinitions": [{"name": "a", "image": "x"}]}
    (tmp_path / "web.json").write_text(json.dumps(document), encoding="utf-8")
    text = MINIMAL + "taskDefinitions: [{file: web.json}, {file: web.json}]\n"
    loaded = _load(tmp_path, text, sets=['taskDefinitions["web:1"].networkMode=host'])
    modes = [d.effective_network_mode for d in loaded.scenario.task_definitions]
    assert modes == [NetworkMode.HOST, NetworkMode.BRIDGE]


def test_null_deletes_and_plus_appends() -> None:
    loaded = load_scenario(
        WELL, sets=["behaviour.web.stopsAfter=null", "clusters.+={clusterName: test, capacityProviders: []}"]
    )
    assert loaded.scenario.behaviour["web"].stops_after is None
    assert [c.cluster_name for c in loaded.scenario.clusters] == ["prod", "test"]


def test_the_resolved_scenario_reads_back_as_the_same_scenario(tmp_path: Path) -> None:
    loaded = load_scenario(WELL, sets=['services.web.platformVersion="1.4"'])
    again = _load(tmp_path, loaded.resolved_yaml())
    assert again.digest == loaded.digest
    assert again.resolved_yaml() == loaded.resolved_yaml()
    assert again.scenario.services == loaded.scenario.services
    group, before = again.scenario.auto_scaling_groups[0], loaded.scenario.auto_scaling_groups[0]
    assert (group.subnet_ids, group.choices) == (before.subnet_ids, before.choices)
    assert group.on_demand_percent == before.on_demand_percent == 100


def test_the_resolved_scenario_is_in_api_form() -> None:
    text = load_scenario(WELL).resolved_yaml()
    assert "vpcZoneIdentifier: private-a,private-b" in text
    assert "autoScalingGroupArn: web-asg" in text
    assert "forwardConfig" in text
    assert "variants" not in text


def test_the_digest_follows_the_content_and_not_the_spelling(tmp_path: Path) -> None:
    one = _load(tmp_path, MINIMAL)
    assert _load(tmp_path, "# a comment\n" + MINIMAL).digest == one.digest
    assert _load(tmp_path, MINIMAL, seed=1).digest != one.digest


def test_the_digest_follows_the_trace_that_is_referred_to(tmp_path: Path) -> None:
    trace = tmp_path / "day.csv"
    trace.write_text("t,v\n0,1\n", encoding="utf-8")
    text = WELL.read_text(encoding="utf-8") + (
        "traffic: [{name: s, to: {service: web}, trace: {file: day.csv, timeColumn: t, valueColumn: v}}]\n"
    )
    loaded = _load(tmp_path, text)
    assert str(trace) in loaded.resolved_yaml()
    trace.write_text("t,v\n0,2\n", encoding="utf-8")
    assert _load(tmp_path, text).digest != loaded.digest


def test_a_resolved_scenario_refuses_a_trace_that_changed(tmp_path: Path) -> None:
    trace = tmp_path / "day.csv"
    trace.write_text("t,v\n0,1\n", encoding="utf-8")
    text = WELL.read_text(encoding="utf-8") + (
        "traffic: [{name: s, to: {service: web}, trace: {file: day.csv, timeColumn: t, valueColumn: v}}]\n"
    )
    resolved = _load(tmp_path, text).resolved_yaml()
    trace.write_text("t,v\n0,2\n", encoding="utf-8")
    (line,) = _refused(tmp_path, resolved)
    assert "is not the file it was" in line


def test_a_column_that_the_trace_has_not_is_named(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("submit_s,cpu_units\n0,1\n", encoding="utf-8")
    text = WELL.read_text(encoding="utf-8") + (
        "jobs:\n  - name: batch\n"
        "    arrivals: {trace: {file: jobs.csv, timeColumn: submit_s}}\n"
        "    perRow: {cpu: cpu_unit}\n"
        "    runTask: {cluster: prod, taskDefinition: agent, launchType: EC2}\n"
    )
    (line,) = _refused(tmp_path, text)
    assert line.endswith("cpu: jobs.csv has no column 'cpu_unit'; did you mean cpu_units?")


def test_python_mappings_load_like_files() -> None:
    loaded = load_mapping({"ecssim": 1, "name": "x", "duration": "1h", "subnets": ()})
    assert loaded.scenario.duration == 3600
    with pytest.raises(BadInput, match=r"<scenario>: durration: did you mean duration\?"):
        load_mapping({"ecssim": 1, "name": "x", "durration": "1h"})
    with pytest.raises(BadInput, match="a object cannot stand in a scenario"):
        load_mapping({"ecssim": 1, "name": object()})


def test_the_what_if_of_a_mixed_strategy_is_let_through_when_it_is_asked_for() -> None:
    strategy = "[{capacityProvider: FARGATE, weight: 1}, {capacityProvider: web-ec2, weight: 1}]"
    sets = ["services.web.launchType=null", f"services.web.capacityProviderStrategy={strategy}"]
    with pytest.raises(BadInput, match="CAP-010"):
        load_scenario(WELL, sets=sets)
    loaded = load_scenario(WELL, sets=[*sets, "allow=[mixedCapacityProviderStrategy]"])
    assert loaded.scenario.allow == ("mixedCapacityProviderStrategy",)


def test_check_imports_nothing_heavy() -> None:
    code = (
        f"import sys; from ecssim.scenario.load import load_scenario; load_scenario({str(WELL)!r});"
        "print(*{m.split('.')[0] for m in sys.modules}"
        " & {'numpy', 'pandas', 'matplotlib', 'scipy', 'simpy', 'pyarrow', 'lark'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("text", "written", "values"),
    [
        ("3\n1\n2\n", "empirical: runs.csv", (3.0, 1.0, 2.0)),
        ("job,seconds\na,3\nb,4.5\n", "empirical: {file: runs.csv, column: seconds}", (3.0, 4.5)),
    ],
    ids=["plain numbers", "a column of a table"],
)
def test_measured_values_are_read_from_their_file(
    tmp_path: Path, text: str, written: str, values: tuple[float, ...]
) -> None:
    (tmp_path / "runs.csv").write_text(text, encoding="utf-8")
    loaded = load_scenario(WELL)
    document = WELL.read_text(encoding="utf-8").replace("stopsAfter: 3s", f"runsFor: {{{written}}}")
    again = _load(tmp_path, document)
    given = again.scenario.behaviour["web"].runs_for
    assert isinstance(given, Empirical)
    assert given.values == values
    assert again.digest != loaded.digest
    assert _load(tmp_path, again.resolved_yaml()).digest == again.digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "empirical: runs.csv: no such file"),
        ("", "empirical: runs.csv is empty"),
        ("a\n1\n", "empirical: runs.csv, line 1: expected a number that is not negative, got 'a'"),
        ("1\n-1\n", "empirical: runs.csv, line 2: expected a number that is not negative, got '-1'"),
    ],
    ids=["no file", "an empty file", "words", "a negative number"],
)
def test_files_without_measured_values_are_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "runs.csv").write_text(text, encoding="utf-8")
    document = WELL.read_text(encoding="utf-8").replace("stopsAfter: 3s", "runsFor: {empirical: runs.csv}")
    (line,) = _refused(tmp_path, document)
    assert line.endswith(message)
