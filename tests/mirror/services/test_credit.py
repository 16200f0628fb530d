"""A firm's debt by the equity value of a kept valuation: what is kept is what is taken."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import orjson
import pytest

from observability.metrics import Meter
from observability.objectives import edges_ns, load
from services.compute import Compute
from services.credit import CreditService, EquityOf
from services.errors import Forbidden
from services.kinds import DCF, KINDS
from services.principal import ALLOWED, Action, Role
from services.replay import ReplayService, Verdict
from services.tenants import TenantService
from services.valuations import KeptId, Recorded, ValuationService
from store.database import Database
from store.valuations import KeptValuation, Valuations
from tests.admitted import Unseen
from tests.credit_documents import indebted
from tests.dcf_documents import firm
from tests.mirror.services.conftest import principal
from tests.mirror.store.world import OURS

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(database: Database) -> Valuations:
    return Valuations(database)


@pytest.fixture
def valuations(store: Valuations, tenants: TenantService, compute: Compute) -> ValuationService:
    meter = Meter(edges_ns=edges_ns(load()), build={}, kinds=tuple(KINDS))
    return ValuationService(store, tenants, compute, meter, Unseen())


def inputs(**changes: Any) -> dict[str, Any]:
    document = indebted(currency="USD", debt=500.0, **changes)
    del document["equityValue"]
    return document


def of(recorded: Recorded) -> EquityOf:
    return EquityOf(KeptId(recorded.kind.name, recorded.id), "RGNm")


async def kept_by_an_older_engine(
    store: Valuations, recorded: Recorded, equity: float
) -> KeptValuation:
    """The same firm, of which an engine of before said another equity value."""
    kept = await store.find(OURS, recorded.id)
    assert kept is not None
    result = orjson.dumps(recorded.result | {"equityValue": equity}).decode()
    older = replace(kept, id="0" * 64, engine_version="0.9.0", result=result)
    await store.keep(OURS, older)
    return older


async def test_the_number_is_the_one_that_is_kept_whichever_engine_found_it(
    store: Valuations, valuations: ValuationService, compute: Compute
) -> None:
    recorded = await valuations.value(principal(), DCF, firm())
    older = await kept_by_an_older_engine(store, recorded, 777.25)
    asked = EquityOf(KeptId("DCF", older.id), "T2xk")
    given = inputs()
    found = await CreditService(valuations).value(principal(), given, asked)
    source = {"path": "equityValue", "source": "Equity value of the DCF T2xk"}
    assert found.inputs == given | {"equityValue": 777.25, "assumptions": [source]}
    assert given == inputs()  # what the caller gave is left as it was
    replayed = await ReplayService(store, compute).replay(principal(), found.id)
    assert replayed.verdict is Verdict.IDENTICAL


async def test_the_number_is_kept_where_its_source_is_gone(
    valuations: ValuationService, store: Valuations
) -> None:
    service = CreditService(valuations)
    recorded = await valuations.value(principal(), DCF, firm())
    found = await service.value(principal(), inputs(), of(recorded))
    kept = await store.find(OURS, found.id)
    assert kept is not None
    document = orjson.loads(kept.inputs)
    assert document["equityValue"] == recorded.result["equityValue"]
    assert recorded.id not in kept.inputs  # only the id by which callers find it
    by_hand = await service.value(principal(), document, None)
    assert dataclasses.replace(by_hand, computed_at=found.computed_at, duration_ms=0.0) == (
        dataclasses.replace(found, duration_ms=0.0)
    )


@pytest.mark.parametrize("left", [Action.VALUE, Action.READ_VALUATION])
async def test_taking_an_equity_value_needs_the_right_to_read_and_the_right_to_value(
    valuations: ValuationService, monkeypatch: pytest.MonkeyPatch, left: Action
) -> None:
    recorded = await valuations.value(principal(), DCF, firm())
    monkeypatch.setitem(ALLOWED, Role.ANALYST, frozenset({left}))
    with pytest.raises(Forbidden):
        await CreditService(valuations).value(principal(), inputs(), of(recorded))
