"""Financial models: made, edited, valued, and looked back on. Each change is one operation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import UUID

import orjson

from engine.errors import InvalidInput, Problem
from services.audit import entry
from services.audit_log import Looks
from services.contents import (
    OWN,
    Document,
    Unit,
    canonical_text,
    changes_text,
    differences,
    inputs_in,
    joined,
    touched_after,
)
from services.edits import Edit, ahead, edited, stale
from services.errors import Conflict, IdempotencyKeyReused, QuotaExceeded
from services.fitting import fit
from services.ids import new_id, operation_id_of
from services.kinds import Kind
from services.model import Changed, Model, document_of, kind_of
from services.model_reading import ModelReading
from services.model_rights import Access, administers, check, no_model
from services.principal import Action, Principal
from services.rates import Rate
from services.shapes import Group, Member
from services.tenants import TenantService
from services.valuations import ValuationService
from services.words import camel
from store.audit import Entry
from store.financial_models import (
    Appended,
    Decision,
    FinancialModels,
    ModelRecord,
    NewOperation,
    Room,
)

EDITS_PER_SECOND: Final = 20.0  # by one member, of one model
EDITS_AT_ONCE: Final = 40
NOTED: Final = {  # what the audit calls each verb
    "CREATE": "model.created",
    "DUPLICATE": "model.duplicated",
    "EDIT": "model.edited",
    "RESTORE": "model.restored",
    "ARCHIVE": "model.archived",
}


class Doorbell(Protocol):
    """Whoever follows a model hears that it has a new revision, and reads it in the log."""

    def ring(self, tenant_id: UUID, model_id: UUID, seq: int) -> None: ...  # at once, raises never


class NobodyHome:
    """The doorbell of a process that has no rooms."""

    def ring(self, tenant_id: UUID, model_id: UUID, seq: int) -> None:
        """Nobody hears it."""


class ModelService(ModelReading):
    """What a member may do with the tenant's models. ``doorbell`` is rung after each commit."""

    def __init__(
        self,
        models: FinancialModels,
        tenants: TenantService,
        valuations: ValuationService,
        shapes: Mapping[str, Group],
        looks: Looks,
        *,
        doorbell: Doorbell | None = None,
        rate: Rate | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(models, tenants, valuations, shapes, looks)
        self.doorbell: Doorbell = doorbell or NobodyHome()
        self._rate = rate or Rate("Edits of one model", EDITS_PER_SECOND, EDITS_AT_ONCE)
        self._clock = clock

    async def create(
        self,
        principal: Principal,
        *,
        kind: Kind[Any, Any],
        name: str,
        unit: Unit,
        inputs: Document,
        operation_id: str | None = None,
    ) -> Model:
        """A new model. A repeat of ``operation_id`` answers with the first one.

        Raises:
            InvalidInput, QuotaExceeded, IdempotencyKeyReused.
        """
        operation_id = operation_id_of(operation_id)
        self._begin(principal, operation_id)
        own: Document = {"name": name, "unit": unit.value, "archived": False, "scenarios": {}}
        asked = {"kind": kind.name, "name": name, "unit": unit.value, "inputs": inputs}
        return await self._add(principal, "CREATE", kind, joined(own, inputs), operation_id, asked)

    async def duplicate(
        self,
        principal: Principal,
        model_id: UUID,
        *,
        name: str,
        revision: int | None = None,
        operation_id: str | None = None,
    ) -> Model:
        """A new model with another's content, as it is or as it was at a revision.

        Raises:
            InvalidInput, QuotaExceeded, IdempotencyKeyReused.
        """
        operation_id = operation_id_of(operation_id)
        self._begin(principal, operation_id)
        source = await self._record(principal, model_id)
        then = source.revision if revision is None else revision
        document = await self._document(principal, source, then)
        await self._looks.saw(principal, "model.read", "model", model_id)
        document |= {"name": name, "archived": False}
        asked = {"model": str(model_id), "name": name, "revision": revision}
        kind = kind_of(source)
        return await self._add(
            principal, "DUPLICATE", kind, document, operation_id, asked, source.access
        )

    async def edit(
        self, principal: Principal, model_id: UUID, operation_id: str, edits: Sequence[Edit]
    ) -> Changed:
        """All edits, or none, as one operation.

        Raises:
            InvalidInput: with every problem of the edits, and of the model that they would leave.
            Conflict: for a base that is stale, with every stale path; or if it is archived.
            RateLimited, IdempotencyKeyReused.
        """
        self._begin(principal, operation_id, model_id)

        def decide(record: ModelRecord) -> Decision:
            _must_be_open(record)
            before = document_of(record)
            after = edited(self._rules[record.kind], before, edits)
            wrong = (*after.wrong, *ahead(edits, record.revision))
            touched: dict[str, int] = orjson.loads(record.touched)
            if not wrong and (found := stale(touched, before, edits, after)):
                raise Conflict(
                    "Somebody changed what you are changing since you read it. Look at what stands "
                    "there now, and edit on that.",
                    found,
                )
            if wrong or after.flaws:
                raise InvalidInput.of([*wrong, *after.flaws])
            return self._decision(record, before, after.document)

        asked = [
            {"path": edit.path, "value": edit.value, "baseRevision": edit.base_revision}
            for edit in edits
        ]
        return await self._append(principal, "EDIT", model_id, operation_id, asked, decide)

    async def restore(
        self, principal: Principal, model_id: UUID, revision: int, operation_id: str
    ) -> Changed:
        """Bring the content of a revision back, as a new operation. Nothing is lost by it.

        Raises:
            Conflict: if it is archived. InvalidInput: if the content has no value any more.
            RateLimited, IdempotencyKeyReused.
        """
        self._begin(principal, operation_id, model_id)
        source = await self._record(principal, model_id)
        past = await self._document(principal, source, revision)

        def decide(record: ModelRecord) -> Decision:
            _must_be_open(record)
            before = document_of(record)
            kind_of(record).door(inputs_in(past))
            return self._decision(record, before, past | {"archived": record.archived})

        return await self._append(principal, "RESTORE", model_id, operation_id, revision, decide)

    async def archive(
        self, principal: Principal, model_id: UUID, operation_id: str, *, archived: bool = True
    ) -> Changed:
        """Put a model away, or take it out again. In the archive it is read and not edited.

        Raises:
            QuotaExceeded: to take out what the plan has no room for.
            RateLimited, IdempotencyKeyReused.
        """
        self._begin(principal, operation_id, model_id)
        room = None
        if not archived:
            await self._record(principal, model_id)  # of what is not there nothing else is said
            room = await self._room(principal)

        def decide(record: ModelRecord) -> Decision:
            before = document_of(record)
            return self._decision(record, before, before | {"archived": archived})

        return await self._append(
            principal, "ARCHIVE", model_id, operation_id, archived, decide, room
        )

    # Inside

    async def _add(
        self,
        principal: Principal,
        verb: str,
        kind: Kind[Any, Any],
        document: Document,
        operation_id: str,
        asked: Any,
        access: str = Access.TENANT,
    ) -> Model:
        problems: list[Problem] = []
        document["name"] = _own("name", document["name"], problems)
        inputs = inputs_in(document)
        try:
            kind.door(inputs)
        except InvalidInput as no:
            problems += [replace(problem, path=camel(problem.path)) for problem in no.problems]
        if problems:
            raise InvalidInput.of(problems)
        operation = self._operation(principal, verb, operation_id, asked)
        room = await self._room(principal)
        record = ModelRecord(
            id=new_id(),
            kind=kind.name,
            input_version=kind.input_version,
            **_columns(document),
            touched="{}",
            revision=1,
            created_at=operation.at,
            created_by=operation.author,
            updated_at=operation.at,
            updated_by=operation.author,
            access=access,
        )
        appended = await self._models.create(principal.tenant_id, record, operation, room)
        return (await self._answer(principal, appended, operation)).model

    def _begin(self, principal: Principal, operation_id: str, model_id: UUID | None = None) -> None:
        """What can be said before anything is read. Of a model that is there, its grants decide."""
        if model_id is None or not principal.leaves_open(Action.EDIT_MODEL):
            principal.require(Action.EDIT_MODEL)
        operation_id_of(operation_id)
        if model_id is not None:
            self._rate.spend((principal.tenant_id, principal.member_id, model_id))

    async def _append(
        self,
        principal: Principal,
        verb: str,
        model_id: UUID,
        operation_id: str,
        asked: Any,
        decide: Callable[[ModelRecord], Decision],
        room: Room | None = None,
    ) -> Changed:
        def allowed(record: ModelRecord, granted: str | None) -> Decision:
            check(principal, Action.EDIT_MODEL, record, granted)
            return decide(record)

        operation = self._operation(principal, verb, operation_id, [str(model_id), asked])
        asking = None if administers(principal) else principal.member_id
        try:
            appended = await self._models.append(
                principal.tenant_id, model_id, operation, allowed, asking=asking, room=room
            )
        except (Conflict, InvalidInput):  # which say what stands there now, or what it allows
            await self._looks.saw(principal, "model.read", "model", model_id)
            raise
        if appended is None:
            raise no_model()
        if not appended.fresh:  # a repeat is answered to who may ask, and to nobody else
            await self._record(principal, model_id, Action.EDIT_MODEL)
        return await self._answer(principal, appended, operation)

    def _operation(
        self, principal: Principal, verb: str, operation_id: str, asked: Any
    ) -> NewOperation:
        # With the member: nobody learns another's answer by an id that was guessed.
        payload = canonical_text([verb, str(principal.member_id), asked])
        at = self._clock()

        def noted(model_id: UUID, seq: int) -> Entry:
            """Its place in the log, which has old and new."""
            return entry(
                principal,
                NOTED[verb],
                "model",
                model_id,
                operation_id=operation_id,
                at=at,
                seq=seq,
            )

        return NewOperation(
            operation_id=operation_id,
            fingerprint=hashlib.sha256(payload.encode()).hexdigest(),
            verb=verb,
            author=principal.member_id,
            at=at,
            noted=noted,
        )

    async def _answer(
        self, principal: Principal, appended: Appended, asked: NewOperation
    ) -> Changed:
        tenant_id, operation = principal.tenant_id, appended.operation
        record = appended.model
        if appended.fresh and record is not None:
            self.doorbell.ring(tenant_id, operation.model_id, operation.seq)
            model = await self._handed(tenant_id, record, document_of(record))
        elif operation.fingerprint != asked.fingerprint:
            raise IdempotencyKeyReused(
                "This operation id was used before, for something else. Draw a new one."
            )
        else:
            record = await self._record(principal, operation.model_id)
            await self._looks.saw(principal, "model.read", "model", record.id)
            model = await self._left_by(tenant_id, record, operation)
        (revision,) = await self.told(tenant_id, model, [operation])
        return Changed(model=model, revision=revision)

    def _decision(self, record: ModelRecord, before: Document, after: Document) -> Decision:
        kind = kind_of(record)
        changes = list(differences(self._rules[kind.name].model, before, after))
        touched = touched_after(orjson.loads(record.touched), changes, record.revision + 1)
        return Decision(
            **_columns(after),
            input_version=kind.input_version,
            touched=canonical_text(touched),
            changes=changes_text(changes),
        )

    async def _room(self, principal: Principal) -> Room | None:
        """What says no to one model more than the plan holds; None: it holds any number."""
        terms = await self._tenants.terms(principal.tenant_id)
        most = terms.limits.models
        if most is None:
            return None

        def room(taken: int) -> None:
            if taken >= most:
                raise QuotaExceeded(
                    f"The {terms.plan} plan holds {most:,} models. Archive one that is not needed "
                    "now, or change the plan."
                )

        return room


def _columns(document: Document) -> dict[str, Any]:
    """A model's document as the store has it."""
    return {
        "name": document["name"],
        "unit": document["unit"],
        "archived": document["archived"],
        "scenarios": canonical_text(document["scenarios"]),
        "inputs": canonical_text(inputs_in(document)),
    }


def _own(name: str, value: Any, problems: list[Problem]) -> Any:
    member: Member = OWN[name]
    return fit(member.shape, value, (name,), problems)


def _must_be_open(record: ModelRecord) -> None:
    if record.archived:
        raise Conflict(
            "The model is archived. Take it out first: archiveModel with archived: false."
        )
