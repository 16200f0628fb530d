"""Financial models as they are, as they were, and what happened in between. Nothing is changed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from engine.comparison import Case, Comparison, check_total, weighed
from engine.door import Door
from engine.errors import InvalidInput, Problem
from services.audit_log import Looks
from services.contents import Document, changes_of, differences
from services.edits import Rules, in_scenario
from services.history import History, Revision, ToldChange, in_words
from services.kinds import KINDS
from services.model import Key, Listing, Model, Page, document_of, kind_of
from services.model_rights import Right, administers, check, no_model
from services.principal import Action, Principal
from services.shapes import Group
from services.tenants import TenantService
from services.valuations import OfModel, Recorded, ValuationService
from store.financial_models import FinancialModels, ModelPage, ModelRecord, OperationRecord


@dataclass(frozen=True, slots=True)
class Likely:
    """How likely a scenario is; None: the model itself."""

    scenario: str | None
    probability: float


class ModelReading:
    """What a member may read of the tenant's models.

    Every method may raise Forbidden; where a model is named, NotFound.
    """

    def __init__(
        self,
        models: FinancialModels,
        tenants: TenantService,
        valuations: ValuationService,
        shapes: Mapping[str, Group],
        looks: Looks,
    ) -> None:
        self._models, self._tenants, self._valuations = models, tenants, valuations
        self._looks = looks
        self._rules = {name: Rules.of(shapes[name], KINDS[name].door) for name in KINDS}
        self._history = History(models)

    async def find(self, principal: Principal, model_id: UUID) -> Model:
        """The model as it is now."""
        record = await self._record(principal, model_id)
        await self._looks.saw(principal, "model.read", "model", model_id)
        return await self._handed(principal.tenant_id, record, document_of(record))

    async def right(self, principal: Principal, model_id: UUID) -> Right:
        """What the caller may do with the model."""
        _, right = await self._allowed(principal, model_id, Action.READ_MODEL)
        return right

    async def page(
        self,
        principal: Principal,
        listing: Listing,
        *,
        limit: int,
        after: Key | None = None,
        backwards: bool = False,
    ) -> Page:
        """Models in the listing's order from a key on, or the ones before it."""
        principal.require(Action.READ_MODEL)
        records = await self._models.page(
            principal.tenant_id,
            ModelPage(
                kinds=None if listing.kind is None else (listing.kind,),
                archived=listing.archived,
                name_prefix=listing.name_prefix.casefold() or None,
                order=listing.order.value,
                descending=listing.descending != backwards,
                after=after,
                limit=limit + 1,
                seen_by=None if administers(principal) else principal.member_id,
            ),
        )
        found = records[:limit]
        if backwards:
            found.reverse()
        seen = [record.id for record in found]
        await self._looks.saw_all(principal, "model.listed", "model", seen)
        models = [
            await self._handed(principal.tenant_id, record, document_of(record)) for record in found
        ]
        return Page(models=models, more=len(records) > limit)

    async def at(self, principal: Principal, model_id: UUID, revision: int) -> Model:
        """The model as a revision left it.

        Raises:
            NotFound: also if there is no such revision.
        """
        record = await self._record(principal, model_id)
        operation = await self._history.operation_at(principal.tenant_id, model_id, revision)
        await self._looks.saw(principal, "model.history_read", "model", model_id)
        return await self._left_by(principal.tenant_id, record, operation)

    async def revisions(
        self,
        principal: Principal,
        model: Model,
        *,
        limit: int,
        beyond: int | None = None,
        newer: bool = False,
    ) -> list[Revision]:
        """Operations of a model: those older than a revision, newest first; or newer, oldest first.

        Without ``beyond`` they begin at the newest, or at the oldest.
        """
        principal.require(Action.READ_MODEL)
        operations = await self._models.operations(
            principal.tenant_id, model.id, after=beyond, limit=limit, descending=not newer
        )
        await self._looks.saw(principal, "model.history_read", "model", model.id)
        return await self.told(principal.tenant_id, model, operations)

    async def changes_between(
        self, principal: Principal, model: Model, old: int, new: int
    ) -> list[ToldChange]:
        """What differs at revision ``new`` from revision ``old``; either may be the earlier one.

        Raises:
            NotFound: also if there is no such revision.
        """
        principal.require(Action.READ_MODEL)
        before, after = [
            await self._history.document_at(principal.tenant_id, model.id, model.kind, revision)
            for revision in (old, new)
        ]
        await self._looks.saw(principal, "model.history_read", "model", model.id)
        shape = self._rules[model.kind.name].model
        return in_words(model.kind, model.unit, differences(shape, before, after))

    async def value(
        self,
        principal: Principal,
        model_id: UUID,
        scenario: str | None = None,
        *,
        where: str = "scenario",
    ) -> tuple[Model, Recorded]:
        """Value a model as it is now, or with a scenario's changes made, named under ``where``.

        The valuation has the id that the same inputs have anywhere.

        Raises:
            InvalidInput: also for a scenario that is not there, or no longer fits the model.
            Infeasible.
        """
        principal.require(Action.VALUE)
        model = await self.find(principal, model_id)
        inputs = self.inputs_in_scenario(model, scenario, where)
        of = OfModel(model.id, model.revision, scenario)
        return model, await self._valuations.value(principal, model.kind, inputs, of)

    async def compare_scenarios(
        self, principal: Principal, model: Model, likely: Sequence[Likely] | None
    ) -> tuple[list[Case], Comparison]:
        """Every scenario beside the model itself, by their keys; a case's name is its key.

        Raises:
            InvalidInput: for the probabilities, or for a scenario that no longer fits the model.
            Infeasible: if one has no finite value.
        """
        principal.require(Action.READ_MODEL)
        keys = sorted(model.scenarios)
        weights = _weights(keys, likely)
        documents = [partial(self.inputs_in_scenario, model, key) for key in (None, *keys)]
        values = await self._valuations.outputs_of(model.kind, documents)
        cases = [Case(name=key, changes=(), probability=weights.get(key)) for key in keys]
        # The model itself is the base; where it is weighed, it is a case too, without a line.
        compared = weighed(values[0], values[1:], [case.probability for case in cases])
        if compared.expected is not None:
            own = weights.get(None, 0.0)
            with_own = {
                name: math.fsum((own * values[0][name], mean))
                for name, mean in compared.expected.items()
            }
            compared = replace(compared, expected=with_own)
        return cases, compared

    async def left(self, principal: Principal, model_id: UUID) -> Model:
        """The model for somebody who has just changed it, and may have shut themselves out."""
        record = await self._models.find(principal.tenant_id, model_id)
        if record is None:
            raise no_model()
        await self._looks.saw(principal, "model.read", "model", model_id)
        return await self._handed(principal.tenant_id, record, document_of(record))

    # For rooms, which ask for permission when somebody comes in, and when grants have changed

    async def let_in(self, principal: Principal, model_id: UUID) -> None:
        """Nothing, for somebody who may be in the model's room."""
        await self._record(principal, model_id, Action.JOIN_ROOM)

    async def joined(self, principal: Principal, model_id: UUID) -> None:
        """Put on record that somebody is in the model's room, and sees what there is new in it."""
        await self._looks.saw(principal, "model.joined", "model", model_id)

    async def told(
        self, tenant_id: UUID, model: Model, operations: Sequence[OperationRecord]
    ) -> list[Revision]:
        """Operations of a model's log in the field's words, in the order given."""
        people = await self._tenants.people(tenant_id, {each.author for each in operations})
        return [
            Revision(
                model_id=each.model_id,
                revision=each.seq,
                operation_id=each.operation_id,
                verb=each.verb,
                author=people.get(each.author),
                at=each.at,
                changes=in_words(model.kind, model.unit, changes_of(each.changes)),
            )
            for each in operations
        ]

    def inputs_in_scenario(
        self, model: Model, scenario: str | None, where: str = "scenario"
    ) -> Document:
        """The model's inputs, with a scenario's changes made where one is named.

        Raises:
            InvalidInput: if it is not there, or no longer fits the model.
        """
        if scenario is None:
            return model.inputs
        kept = model.scenarios.get(scenario)
        if kept is None:
            known = f"Name one of: {', '.join(model.scenarios)}." if model.scenarios else "Add one."
            problem = Problem(where, "UNKNOWN", "The model has no such scenario.", known)
            raise InvalidInput.of([problem])
        at = f"scenarios.{scenario}.changes"
        try:
            rules = self._rules[model.kind.name]
            return in_scenario(rules, model.inputs, kept["changes"], at)
        except InvalidInput as no:
            message = f"The scenario {scenario} no longer fits the model. {no.message}"
            raise InvalidInput(message, no.problems) from no

    # Inside

    async def _record(
        self, principal: Principal, model_id: UUID, action: Action = Action.READ_MODEL
    ) -> ModelRecord:
        """The model, for somebody who may do this with it."""
        record, _ = await self._allowed(principal, model_id, action)
        return record

    async def _allowed(
        self, principal: Principal, model_id: UUID, action: Action
    ) -> tuple[ModelRecord, Right]:
        record, granted = await self._models.find(principal.tenant_id, model_id), None
        if record is None:
            raise no_model()
        if not administers(principal):
            granted = await self._models.granted(principal.tenant_id, model_id, principal.member_id)
        return record, check(principal, action, record, granted)

    async def _document(self, principal: Principal, record: ModelRecord, revision: int) -> Document:
        if revision == record.revision:
            return document_of(record)
        kind = kind_of(record)
        return await self._history.document_at(principal.tenant_id, record.id, kind, revision)

    async def _left_by(
        self, tenant_id: UUID, record: ModelRecord, operation: OperationRecord
    ) -> Model:
        """The model as one of its operations left it; ``record`` is it as it is now."""
        if operation.seq == record.revision:
            return await self._handed(tenant_id, record, document_of(record))
        kind = kind_of(record)
        document = await self._history.document_at(tenant_id, record.id, kind, operation.seq)
        then = replace(
            record, revision=operation.seq, updated_at=operation.at, updated_by=operation.author
        )
        return await self._handed(tenant_id, then, document)

    async def _handed(self, tenant_id: UUID, record: ModelRecord, document: Document) -> Model:
        people = await self._tenants.people(tenant_id, {record.created_by, record.updated_by})
        return Model.of(record, document, people)


def _weights(keys: Sequence[str], likely: Sequence[Likely] | None) -> dict[str | None, float]:
    """Key to probability; none where nothing is weighed.

    Raises:
        InvalidInput: with every problem of them.
    """
    door = Door()
    weights: dict[str | None, float] = {}
    for number, each in enumerate(likely or ()):
        where = f"probabilities[{number}]"
        if each.scenario is not None and each.scenario not in keys:
            known = f"Name one of: {', '.join(keys)}." if keys else "Add one."
            door.refuse(f"{where}.scenario", "UNKNOWN", "The model has no such scenario.", known)
        elif each.scenario in weights:
            door.refuse(
                f"{where}.scenario", "CONTRADICTION", "It has a probability already.", "Give one."
            )
        door.within(f"{where}.probability", each.probability, 0.0, 1.0)
        weights[each.scenario] = each.probability
    lacking = [key for key in keys if key not in weights]
    if likely is not None and not door.problems:
        if lacking:
            door.refuse(
                "probabilities",
                "MISSING",
                f"There is none for: {', '.join(lacking)}.",
                "Give one for every scenario, or leave all of them out.",
            )
        else:
            check_total(door, "probabilities", list(weights.values()))
    door.close()
    return weights
