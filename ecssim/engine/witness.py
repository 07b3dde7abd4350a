"""A run played again with somebody looking: what stood behind single placements, at the moment they were made.

A run records of a placement what is cheap to record. All else follows from the world at that moment, and a run
played again comes to the same moment: same scenario, same seed, same version, same event numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ecssim.decide.counterfactual import Change, smaller, smallest_changes, without_rules
from ecssim.decide.decision import Decision, InstanceNote, Proof, Way
from ecssim.decide.placement import Strategy, Verdict, place
from ecssim.decide.placement_table import placement_table
from ecssim.engine.fleets import Fleets
from ecssim.engine.simulation import Engine
from ecssim.world.instances import Instance
from ecssim.world.requests import Request
from ecssim.world.services import Owner
from ecssim.world.tasks import Task, Template
from ecssim.world.trial_fleet import TrialFleet

if TYPE_CHECKING:
    from ecssim.world.places import Cluster


class WitnessEngine(Engine):
    """An engine whose placements with the ``wanted`` event numbers are looked at; the run itself is the same."""

    def __init__(self, wanted: Iterable[int], **given: Any) -> None:
        self.wanted = frozenset(wanted)
        self.decisions: dict[int, Decision] = {}
        super().__init__(**given)

    @property
    def fleets_type(self) -> type[Fleets]:
        """The witness instead of the plain writer of reservations."""
        return Witness


class Witness(Fleets):
    """Places as ever, and looks at the world first where the next event is one that is asked for."""

    engine: WitnessEngine

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._asked: tuple[Template, int] | None = None

    def place(self, template: Template, provider: int, owner: Owner, strategy: Strategy, cause: int) -> Instance | None:
        """See ``Fleets``. What is refused here is recorded by whoever asked: it stands as long as nothing moved."""
        self._asked = (template, provider)
        if self._next in self.engine.wanted:
            self._look(template, provider, owner, strategy, 1, self._draw(strategy, owner, owner.launched))
        return super().place(template, provider, owner, strategy, cause)

    def place_waiting(self, task: Task, strategy: Strategy, cause: int) -> tuple[Instance, int]:
        """See ``Fleets``."""
        if self._next in self.engine.wanted:
            self._look(task.template, task.provider, task.owner, strategy, 1, self._draw(strategy, task.owner, task.k))
        return super().place_waiting(task, strategy, cause)

    def place_on(self, instance: Instance, template: Template, owner: Owner, cause: int) -> None:
        """See ``Fleets``: the instance was given, so that there is nothing to choose."""
        if self._next in self.engine.wanted:
            self._look(template, 0, owner, (), 1, None, pinned=instance.fleet_ordinal)
        super().place_on(instance, template, owner, cause)

    def refuse(
        self, template: Template, provider: int, owner: Owner, strategy: Strategy, count: int, cause: int
    ) -> Verdict:
        """See ``Fleets``."""
        if self._next in self.engine.wanted:
            self._look(template, provider, owner, strategy, count, 0.0)
        return super().refuse(template, provider, owner, strategy, count, cause)

    def record(
        self,
        owner: Owner,
        task: int,
        verdict: Verdict,
        count: int,
        instance: Instance | None,
        cause: int,
        strategy: Strategy,
    ) -> int:
        """See ``Fleets``: a task that will wait for room has just been refused it."""
        if self._next in self.engine.wanted and instance is None and self._asked is not None:
            self._look(*self._asked, owner, strategy, count, 0.0)
        return super().record(owner, task, verdict, count, instance, cause, strategy)

    @property
    def _next(self) -> int:
        return self.recorder.events + 1

    def _draw(self, strategy: Strategy, owner: Owner, launch: int) -> float | None:
        return self.engine.luck("placement", owner.name)[launch] if self._known(strategy)[2] else None

    def _look(
        self,
        template: Template,
        provider: int,
        owner: Owner,
        strategy: Strategy,
        count: int,
        u: float | None,
        pinned: int = -1,
    ) -> None:
        """Take down all that decides, and for a refusal what would have helped."""
        cluster = owner.cluster
        fleet = cluster.fleet
        request = template.requests[provider]
        table = placement_table(fleet, request, owner.group, strategy, u, self._tie_break)
        if pinned >= 0:
            table = table._replace(chosen=pinned, steps=(), candidates=())
        proofs = self._proofs(cluster, request, owner.group, strategy) if table.chosen < 0 else ()
        spoken_of: set[int | None] = {table.chosen, *(c.ordinal for c in table.candidates)}
        spoken_of |= {ordinal for p in proofs for ordinal in (p.change.ordinal, p.placed_on, p.by_asking_less)}
        self.engine.decisions[self._next] = Decision(
            event=self._next,
            t=float(self.kernel.now),
            cluster=cluster.name,
            group=owner.name,
            task_definition=template.name,
            tasks=count,
            request=request,
            strategy=tuple(str(item) for item in strategy),
            table=table,
            pinned=pinned >= 0,
            instances={o: self._note(cluster, o) for o in sorted(o for o in spoken_of if o is not None and o >= 0)},
            proofs=proofs,
        )

    def _note(self, cluster: Cluster, ordinal: int) -> InstanceNote:
        instance = self.by_fleet[cluster.ordinal][ordinal]
        fleet = cluster.fleet
        return InstanceNote(
            instance.id, instance.type, instance.zone, fleet.registered(ordinal), fleet.remaining(ordinal)
        )

    def _proofs(self, cluster: Cluster, request: Request, group: int, strategy: Strategy) -> tuple[Proof, ...]:
        """Find the smallest changes and decide again with each of them made."""
        found = smallest_changes(cluster.fleet, request, group)
        named: tuple[tuple[Way, Change | None], ...] = (
            ("room", found.room),
            ("rule", found.rule),
            ("both", found.both),
        )
        return tuple(
            self._proof(cluster, request, group, strategy, way, change) for way, change in named if change is not None
        )

    def _proof(
        self, cluster: Cluster, request: Request, group: int, strategy: Strategy, way: Way, change: Change
    ) -> Proof:
        lack = change.lack
        changed = without_rules(request, lack)
        trial = TrialFleet.of(cluster.fleet)
        trial.grant(change.ordinal, lack)
        placed = place(trial, changed, group, strategy, 0.0, self._tie_break).ordinal
        less = None
        if lack.resources and not (lack.inactive or lack.disconnected or lack.attributes):
            less = place(cluster.fleet, smaller(changed, lack), group, strategy, 0.0, self._tie_break).ordinal
        return Proof(way, change, placed, less)
