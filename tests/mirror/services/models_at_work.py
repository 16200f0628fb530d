"""A model service on a database of a test's own, and what tests do with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from observability.outcomes import Outcome
from services.compute import Compute
from services.contents import Document, Unit
from services.edits import Edit
from services.financial_models import ModelService
from services.kinds import DCF
from services.model import Changed, Model
from services.principal import Principal
from services.rates import Rate
from services.valuations import ValuationService
from store.database import Database
from store.financial_models import FinancialModels
from store.valuations import Valuations
from tests.admitted import Unseen
from tests.mirror.services.conftest import principal
from tests.mirror.services.tenants_at_work import tenant_service
from tests.model_edits import SHAPES, model

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Bell:
    """A doorbell that remembers who rang."""

    def __init__(self) -> None:
        self.rings: list[tuple[UUID, UUID, int]] = []

    def ring(self, tenant_id: UUID, model_id: UUID, seq: int) -> None:
        self.rings.append((tenant_id, model_id, seq))


class NobodyCounts:
    """Nobody asks these tests how many valuations there were."""

    def valued(self, kind: str, outcome: Outcome, duration_s: float) -> None:
        """Nothing is kept."""


@dataclass
class Office:
    """One tenant's desk: the service, who works at it, and a clock that goes a minute a look."""

    database: Database
    service: ModelService
    valuations: ValuationService
    bell: Bell
    at: list[datetime] = field(default_factory=lambda: [NOON])
    me: Principal = field(default_factory=principal)

    @classmethod
    def opened(cls, database: Database, *, rate: Rate | None = None) -> Office:
        tenants = tenant_service(database)
        valuations = ValuationService(
            Valuations(database), tenants, Compute(), NobodyCounts(), Unseen()
        )
        at, bell = [NOON], Bell()

        def clock() -> datetime:
            at[0] += timedelta(minutes=1)
            return at[0]

        service = ModelService(
            FinancialModels(database),
            tenants,
            valuations,
            SHAPES,
            Unseen(),
            doorbell=bell,
            rate=rate or Rate("Edits", 1e6, 1_000_000),
            clock=clock,
        )
        return cls(database, service, valuations, bell, at)

    async def make(self, name: str = "Firm", **given: Any) -> Model:
        """A model of the firm; ``inputs`` and ``operation_id`` may be given."""
        plain: dict[str, Any] = {"kind": DCF, "unit": Unit.ONES, "inputs": firm_inputs()}
        return await self.service.create(self.me, name=name, **(plain | given))

    async def edit(
        self, of: Model, *edits: tuple[str, Any] | Edit, operation_id: str | None = None
    ) -> Changed:
        made: Sequence[Edit] = [
            edit if isinstance(edit, Edit) else Edit(edit[0], edit[1]) for edit in edits
        ]
        return await self.service.edit(self.me, of.id, operation_id or str(uuid4()), made)


def firm_inputs(**changes: Any) -> Document:
    """The firm's inputs, defaults written out."""
    document = model(**changes)
    for own in ("name", "unit", "archived", "scenarios"):
        del document[own]
    return document


def content(of: Model) -> Document:
    """All that a model says."""
    own = {"name": of.name, "unit": of.unit, "archived": of.archived, "scenarios": of.scenarios}
    return own | of.inputs
