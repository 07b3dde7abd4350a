"""EC2 types as container instances: what they register, how many awsvpc tasks they take."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from ecssim.catalog import ENI_EXCEPTIONS, instance_type, instance_types
from ecssim.catalog.instances import DATA


@pytest.mark.rule("NET-010", "NET-011", "NET-013", "NET-014")
@pytest.mark.parametrize(
    ("name", "plain", "trunked"),
    [
        pytest.param("c5.large", 2, 10, id="c5.large takes 2 tasks and 10 with a trunk"),
        pytest.param("m5.xlarge", 3, 20, id="m5.xlarge takes 3 tasks and 20 with a trunk"),
        pytest.param("m6g.medium", 1, 4, id="two ENIs and 4 branches make 4"),
        pytest.param("a1.medium", 1, 10, id="two ENIs and 10 branches make 10"),
        pytest.param("m6i.2xlarge", 3, 40, id="four ENIs and 38 branches make 40"),
        pytest.param("c5.9xlarge", 7, 60, id="eight ENIs and 54 branches make 60"),
        pytest.param("m6a.8xlarge", 7, 90, id="eight ENIs and 84 branches make 90"),
        pytest.param("r6i.12xlarge", 7, 120, id="eight ENIs and 114 branches make 120"),
        pytest.param("m5.24xlarge", 14, 120, id="fifteen ENIs and 107 branches make 120"),
        pytest.param("m6in.32xlarge", 15, 120, id="sixteen ENIs on two cards and 106 branches make 120"),
        pytest.param("m8gn.48xlarge", 23, 120, id="24 ENIs and 98 branches make 120"),
        pytest.param("g5.xlarge", 3, 6, id="the small g5 leaves the pattern"),
        pytest.param("c7i-flex.large", 2, 4, id="a flex type trunks like the next smaller size"),
    ],
)
def test_awsvpc_tasks_per_instance(name: str, plain: int, trunked: int) -> None:
    kind = instance_type(name)
    assert kind.awsvpc_tasks(trunking=False) == plain
    assert kind.awsvpc_tasks(trunking=True) == trunked


@pytest.mark.rule("NET-015")
@pytest.mark.parametrize("family", ["t2", "t3", "t3a", "t4g"])
def test_the_t_family_never_trunks(family: str) -> None:
    members = [t for t in instance_types().values() if t.family == family]
    assert members
    for kind in members:
        assert not kind.trunking
        assert kind.awsvpc_tasks(trunking=True) == kind.awsvpc_tasks(trunking=False) == kind.max_enis - 1


@pytest.mark.rule("NET-016")
@pytest.mark.parametrize(
    "name",
    [
        *("m5.metal", "c5.metal", "r5.metal", "a1.metal", "c5d.metal", "r5d.metal", "r5.8xlarge", "c5ad.8xlarge"),
        *("m5n.24xlarge", "m5n.metal", "m5zn.12xlarge", "r5b.large", "r5dn.24xlarge"),
    ],
)
def test_types_that_ecs_excludes_do_not_trunk_although_ec2_could(name: str) -> None:
    assert instance_type(name).awsvpc_tasks(trunking=True) == instance_type(name).max_enis - 1


@pytest.mark.rule("NET-016")
@pytest.mark.parametrize(
    ("name", "trunked"),
    [("c5a.8xlarge", 60), ("m5n.16xlarge", 120), ("m5zn.large", 14), ("r5b.16xlarge", 120), ("r5dn.16xlarge", 120)],
)
def test_a_type_that_the_guide_excludes_and_lists_trunks_as_listed(name: str, trunked: int) -> None:
    assert instance_type(name).awsvpc_tasks(trunking=True) == trunked


@pytest.mark.rule("NET-023")
@pytest.mark.parametrize("name", ["c5n.large", "r5n.large", "m5dn.large", "g4dn.xlarge", "i3.large"])
def test_families_outside_the_documented_table_do_not_trunk(name: str) -> None:
    assert instance_type(name).awsvpc_tasks(trunking=True) == instance_type(name).max_enis - 1


@pytest.mark.rule("NET-023")
@pytest.mark.parametrize(
    ("name", "trunked"),
    [
        pytest.param("c9g.12xlarge", 60, id="twelve ENIs and 50 branches of a Graviton type"),
        pytest.param("m8in.8xlarge", 90, id="eight ENIs and 84 branches of an x86 type"),
        pytest.param("f2.6xlarge", 90, id="the small f2 leaves the pattern"),
        pytest.param("i7ie.large", 20, id="the small i7ie leave the pattern"),
        pytest.param("i8ge.3xlarge", 29, id="six ENIs and 25 branches"),
        pytest.param("g7e.2xlarge", 122, id="a type with 120 branches beside all its ENIs"),
        pytest.param("p5.48xlarge", 182, id="64 ENIs on 32 cards and 120 branches"),
        pytest.param("r9g.large", 2, id="no figure is known"),
    ],
)
def test_families_newer_than_the_table_trunk_if_the_limits_say_so(name: str, trunked: int) -> None:
    assert instance_type(name).awsvpc_tasks(trunking=True) == trunked


@pytest.mark.rule("NET-012")
@pytest.mark.parametrize(
    ("name", "trunking", "formula", "documented"),
    [
        pytest.param("i4i.32xlarge", True, 133, 498, id="the guide's 498 for the largest i4i"),
        pytest.param("trn1n.32xlarge", True, 198, 242, id="the guide's 242 for trn1n"),
        pytest.param("m6in.32xlarge", False, 15, 13, id="two-card types had 14 ENIs in 2023"),
        pytest.param("m5.xlarge", True, 20, 20, id="no exception leaves the formula"),
    ],
)
def test_documented_exceptions_apply_only_when_asked_for(
    name: str, trunking: bool, formula: int, documented: int
) -> None:
    assert instance_type(name).awsvpc_tasks(trunking) == formula
    assert instance_type(name).awsvpc_tasks(trunking, documented=True) == documented


@pytest.mark.rule("NET-010", "NET-011")
def test_the_tasks_of_every_type_come_from_its_interfaces_alone() -> None:
    with (DATA / "ec2_types.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(instance_types()) > 1_300
    for row in rows:
        interfaces, branches = int(row["max_enis"]), int(row["branch_enis"])
        kind = instance_type(row["instance_type"])
        assert kind.awsvpc_tasks(trunking=False) == interfaces - 1, kind.name
        trunked = branches + interfaces - 2 if branches else interfaces - 1
        assert kind.awsvpc_tasks(trunking=True) == trunked, kind.name
    # No column of the file is a number of tasks.
    assert not [column for column in rows[0] if "task" in column]


@pytest.mark.rule("NET-012", "NET-011", "NET-010")
def test_exceptions_are_listed_with_their_reason_and_source_and_nothing_else_deviates() -> None:
    for (name, trunking), row in ENI_EXCEPTIONS.items():
        assert row.reason
        assert "container-instance-eni" in row.source
        kind = instance_types().get(name)
        if kind is None:
            assert name.startswith("p3.")
            continue
        assert kind.awsvpc_tasks(trunking, documented=True) == row.documented
        assert kind.awsvpc_tasks(trunking) != row.documented
    for kind in instance_types().values():
        for trunking in (False, True):
            if (kind.name, trunking) not in ENI_EXCEPTIONS:
                assert kind.awsvpc_tasks(trunking, documented=True) == kind.awsvpc_tasks(trunking)


@pytest.mark.rule("ASG-061")
@pytest.mark.parametrize(("name", "units"), [("t3.micro", 2048), ("m6g.medium", 1024), ("m5.metal", 98304)])
def test_registered_cpu_is_1024_units_per_vcpu(name: str, units: int) -> None:
    assert instance_type(name).cpu_units == units


@pytest.mark.rule("ASG-062")
@pytest.mark.parametrize(
    ("name", "linux", "windows"),
    [
        pytest.param("m5.large", 7987, 8191, id="8 GiB show 7,987 MiB, near the documented 7,985"),
        pytest.param("t3.nano", 499, 511, id="half a GiB is rounded down"),
        pytest.param("m5.xlarge", 15974, 16383, id="16 GiB"),
    ],
)
def test_registered_memory_is_what_the_operating_system_sees(name: str, linux: int, windows: int) -> None:
    assert instance_type(name).registered_memory_mib == linux
    assert instance_type(name).registered_memory_windows_mib == windows


def test_every_type_is_usable() -> None:
    assert len(instance_types()) > 1_300
    for kind in instance_types().values():
        assert kind.vcpu >= 1, kind
        assert kind.memory_mib >= 512, kind
        assert kind.architecture in ("x86_64", "arm64"), kind
        assert kind.max_enis >= 1, kind
        assert bool(kind.gpus) == bool(kind.gpu_model), kind
        assert kind.source, kind
        assert len(kind.as_of) == 10, kind
        assert kind.awsvpc_tasks(trunking=True) >= kind.awsvpc_tasks(trunking=False), kind


def test_every_branch_figure_names_the_text_it_was_read_in() -> None:
    with (DATA / "ec2_types.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    trunked = [row for row in rows if row["branch_enis"] != "0"]
    assert len(trunked) > 800
    for row in trunked:
        # repository, commit and path, and the day of that text (the guide gives only its year)
        assert re.fullmatch(r"[\w-]+/[\w-]+ [0-9a-f]{12}, [\w/.-]+\.(go|md)", row["branch_source"]), row
        assert re.fullmatch(r"20\d\d(-\d\d-\d\d)?", row["branch_as_of"]), row
    assert not any(row["branch_source"] or row["branch_as_of"] for row in rows if row["branch_enis"] == "0")


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(KeyError, match=r"m5\.tiny"):
        instance_type("m5.tiny")


def test_facts_agree_with_an_independent_list(shared_data: Path) -> None:
    compared = 0
    with (shared_data / "ec2_instances.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            kind = instance_types().get(row["instance_type"])
            if kind is None:
                continue
            compared += 1
            theirs = (
                int(row["vcpu"]),
                int(row["memory_mib"]),
                row["arch"],
                int(row["gpu_count"]),
                int(row["max_enis"]),
                int(row["ipv4_per_eni"]),
                row["bare_metal"] == "true",
                row["burstable"] == "true",
            )
            ours = (
                kind.vcpu,
                kind.memory_mib,
                kind.architecture,
                kind.gpus,
                kind.max_enis,
                kind.ipv4_per_eni,
                kind.bare_metal,
                kind.burstable,
            )
            assert ours == theirs, kind.name
            if kind.trunking:
                assert kind.branch_enis == int(row["branch_enis"]), kind.name
    assert compared > 1_000
