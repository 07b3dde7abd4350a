"""The honesty list is whole: every field of every document has one word, and nothing in it is invented."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from ecssim.aws import names
from ecssim.aws.load_balancing import TargetGroup
from ecssim.aws.scaling import ScalableTarget
from ecssim.aws.service import DeploymentConfiguration, Service
from ecssim.aws.shape import Shape, keys_of
from ecssim.aws.support import (
    FAULTS_NOT_MODELLED,
    HARMLESS,
    SECTIONS_NOT_MODELLED,
    SUPPORT,
    Support,
    listed,
    matters,
    support_of,
)
from ecssim.scenario.document import Scenario
from ecssim.scenario.timeline import FAULTS


def _documents(base: type[Shape] = Shape) -> Iterator[type[Shape]]:
    for model in base.__subclasses__():
        if model.__module__.startswith("ecssim.aws") and model.model_fields:
            yield model
        yield from _documents(model)


DOCUMENTS = {model.__name__: model for model in _documents()}


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_every_field_has_one_word(name: str) -> None:
    for key in keys_of(DOCUMENTS[name]):
        assert support_of(DOCUMENTS[name], key) in Support


@pytest.mark.parametrize("name", list(SUPPORT))
def test_the_list_names_only_fields_that_exist_and_each_once(name: str) -> None:
    keys = [key for document, key, _ in listed() if document == name]
    assert Counter(keys).most_common(1)[0][1] == 1
    assert set(keys) <= {*keys_of(DOCUMENTS[name]), "*"}


def test_sections_faults_and_harmless_values_exist() -> None:
    assert set(keys_of(Scenario)) >= SECTIONS_NOT_MODELLED
    assert set(FAULTS) >= FAULTS_NOT_MODELLED
    for document, key in HARMLESS:
        assert key in keys_of(DOCUMENTS[document])


def test_what_is_off_does_not_matter() -> None:
    off = DeploymentConfiguration.model_validate_json(
        json.dumps({"deploymentCircuitBreaker": {"enable": False, "rollback": False}, "strategy": "ROLLING"})
    )
    assert not matters(DeploymentConfiguration, "deploymentCircuitBreaker", off.deployment_circuit_breaker)
    assert not matters(DeploymentConfiguration, "strategy", off.strategy)
    assert matters(DeploymentConfiguration, "strategy", names.DeploymentStrategy.CANARY)


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_documents_are_frozen_and_hold_no_lists(name: str) -> None:
    model = DOCUMENTS[name]
    assert model.model_config["frozen"]
    assert model.model_config["extra"] == "forbid"
    assert not [n for n, field in model.model_fields.items() if "list[" in str(field.annotation)]


@pytest.mark.parametrize(
    "document",
    [
        {"serviceName": "a", "desiredCount": "4"},
        {"serviceName": "a", "desiredCount": True},
        {"serviceName": "a", "desiredCount": 4.0},
        {"serviceName": 4},
        {"serviceName": "a", "desired_count": 4},
        {"serviceName": "a", "enableExecuteCommand": "yes"},
    ],
    ids=["text for a number", "true for a number", "a float", "a number for text", "snake_case", "yes"],
)
def test_documents_are_strict(document: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Service.model_validate_json(json.dumps(document))


def test_a_resource_of_another_region_is_not_modelled_and_the_scenarios_own_is() -> None:
    for document in (Service, ScalableTarget, TargetGroup):
        assert support_of(document, "region") is Support.NOT_MODELLED
        assert matters(document, "region", "eu-west-1", "us-east-1")
        assert not matters(document, "region", "us-east-1", "us-east-1")
