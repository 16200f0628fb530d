"""A kept valuation of any kind is said by its own type, and found by an id of that type alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import strawberry

from resolvers.ids import global_id
from resolvers.valuations.dcf import DcfValuation
from resolvers.valuations.kinds import TYPES, ValuationQuery, kept_id, said
from services.errors import NotFound
from services.kinds import KINDS
from services.valuations import Recorded
from tests.the_schema import GRAPHQL

ADDRESS = "ab" * 32


class LboValuation:
    """A kind to come."""

    def __init__(self, recorded: Any) -> None:
        self.id = global_id("LboValuation", recorded.id)

    @classmethod
    def of(cls, recorded: Any) -> LboValuation:
        return cls(recorded)


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TYPES, "LBO", LboValuation)  # type: ignore[arg-type] # as if there were two


def recorded_lbo() -> Any:
    return SimpleNamespace(id=ADDRESS, kind=SimpleNamespace(name="LBO"))


async def asked(given: str) -> Any:
    async def find(_principal: object, valuation_id: str) -> Recorded:
        assert valuation_id == ADDRESS
        found: Recorded = recorded_lbo()
        return found

    valuations = SimpleNamespace(find=find)
    services = SimpleNamespace(valuations=valuations)
    info: Any = SimpleNamespace(context=SimpleNamespace(services=services, principal=None))
    return await ValuationQuery().valuation(info, strawberry.ID(given))


def test_every_kind_that_can_be_valued_has_a_type_in_the_schema() -> None:
    assert TYPES.keys() == KINDS.keys()
    known = GRAPHQL.type_map
    assert all(each.__name__ in known for each in TYPES.values())


@pytest.mark.usefixtures("second")
def test_a_kept_valuation_is_said_by_the_type_of_its_kind() -> None:
    assert isinstance(said(recorded_lbo()), LboValuation)


@pytest.mark.usefixtures("second")
def test_an_id_leads_to_its_address_whatever_the_kind() -> None:
    for name in (DcfValuation.__name__, "LboValuation"):
        assert kept_id(global_id(name, ADDRESS)) == ADDRESS


@pytest.mark.parametrize("given", [global_id("FinancialModel", ADDRESS), "", "x", "ÿ"])
def test_what_is_no_id_of_a_valuation_is_not_found(given: str) -> None:
    with pytest.raises(NotFound, match="no such valuation"):
        kept_id(given)


@pytest.mark.anyio
@pytest.mark.usefixtures("second")
async def test_an_address_under_the_type_of_another_kind_is_not_found() -> None:
    right = global_id("LboValuation", ADDRESS)
    assert (await asked(right)).id == right
    with pytest.raises(NotFound):
        await asked(global_id("DcfValuation", ADDRESS))
