"""What the one door refuses in any state of the world: the API's own checks, with the run's definitions and quotas.

The same checks answer ``ecssim check`` (``scenario/``) and a call that is made while the run goes on, so that a
service that could not be written into a scenario cannot be created by a call either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ecssim.aws.checks import check_request, check_update
from ecssim.aws.refusals import Refusal
from ecssim.aws.requests import UpdateService
from ecssim.aws.service import CapacityProviderStrategyItem
from ecssim.aws.shape import Shape
from ecssim.aws.task_definition import TaskDefinition
from ecssim.errors import ClientError
from ecssim.scenario.check_services import surroundings
from ecssim.scenario.document import Scenario
from ecssim.scenario.names import Names

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class DoorChecks:
    """Looks at a parsed request before its handler does; its first refusal is the answer."""

    def __init__(self, engine: Engine, scenario: Scenario) -> None:
        self.engine = engine
        self._around = replace(
            surroundings(Names(scenario)),
            providers=engine.world.provider_kinds,
            task_definition=self._definition,
            cluster_providers=self._providers_of,
            default_strategy=self._default_strategy,
            knows_all=True,
            limits=engine.limits,
        )

    def _definition(self, name: str) -> TaskDefinition | None:
        """A revision of the scenario, or one that was registered since."""
        found = self.engine.builder.templates.find(name)
        return found[0] if found is not None else None

    def _providers_of(self, cluster: str | None) -> frozenset[str] | None:
        """The usable providers that the cluster is associated with now (CAP-011)."""
        found = self.engine.world.cluster_named(cluster)
        if found is None:
            return None
        providers = self.engine.world.providers.values()
        return frozenset(p.name for p in providers if p.usable and found.name in p.clusters)

    def _default_strategy(self, cluster: str | None) -> Sequence[CapacityProviderStrategyItem]:
        found = self.engine.world.cluster_named(cluster)
        return found.default_strategy if found is not None else ()

    def refused(self, request: Shape) -> ClientError | None:
        """Why the API would not accept the request; None if it would."""
        refusals: Sequence[Refusal]
        if isinstance(request, UpdateService):
            service = self.engine.world.service_named(request.service, request.cluster)
            if service is None or service.status != "ACTIVE":
                return None  # the handler says so
            document = self.engine.builder.documents[service.ordinal]
            refusals = check_update(document, request, self._around)
        else:
            refusals = check_request(request, self._around)
        first = next((r for r in refusals if r.severity == "error"), None)
        if first is None:
            return None
        where = ".".join(str(step) for step in first.where)
        return ClientError(first.code, f"{where}: {first.message}" if where else first.message)
