"""A valuation is kept under its content's address: once, for its tenant, as long as promised."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from observability.metrics import Meter
from observability.objectives import edges_ns, load
from services import valuations as module
from services.compute import Compute
from services.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from services.kinds import DCF, KINDS
from services.plans import LIMITS, Plan
from services.principal import Role
from services.tenants import TenantService
from services.valuations import Recorded, ValuationService, canonical, content_id
from store.database import Database
from store.tables import KINDS as KINDS_OF_THE_TABLE
from store.tenants import Tenants
from store.valuations import Valuations
from tests.admitted import Unseen
from tests.dcf_documents import WORTH_A_SHARE, but, firm
from tests.mirror.services.conftest import principal
from tests.mirror.store.world import NOBODYS, OURS, THEIRS, tenant

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
Make = Callable[..., ValuationService]


@pytest.fixture
def meter() -> Meter:
    return Meter(edges_ns=edges_ns(load()), build={}, kinds=tuple(KINDS))


@pytest.fixture
def make(database: Database, tenants: TenantService, compute: Compute, meter: Meter) -> Make:
    """A service whose clock stands still."""

    def service(now: datetime = NOON) -> ValuationService:
        return ValuationService(
            Valuations(database), tenants, compute, meter, Unseen(), lambda: now
        )

    return service


def rows(file: Path) -> list[sqlite3.Row]:
    """What is in the file, by another road than the service's."""
    connection = sqlite3.connect(file / "valor.db")
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute("SELECT * FROM valuation ORDER BY id").fetchall()
    finally:
        connection.close()


def counted(meter: Meter, outcome: str) -> int:
    for line in meter.render()[0].decode().splitlines():
        if line.startswith(f'valor_valuations_total{{kind="DCF",outcome="{outcome}"}}'):
            return int(float(line.split()[-1]))
    return 0


async def test_the_same_inputs_have_one_id_and_the_first_moment_stays(make: Make) -> None:
    first = await make().value(principal(), DCF, firm())
    later = await make(NOON + timedelta(days=3)).value(principal(), DCF, firm())
    assert first.result["valuePerShare"] == WORTH_A_SHARE
    assert later.id == first.id
    assert first.computed_at == later.computed_at == NOON
    assert later.result == first.result


@pytest.mark.parametrize(
    "change",
    [
        {"capital.wacc": 0.1000000001},
        {"operations.revenue": 1000.5},
        {"timing.valuationDate": "2024-09-28"},
        {"timing.flows": "MID_YEAR"},
        {"terminal.gordon.discounting": "YEAR_END"},  # no other number at the end of the year
        {"currency": "EUR"},
        {"marketPrice": 10.0},
        {"operations.ebitMargin": {"byYear": [0.2, 0.2, 0.2]}},  # the same numbers, said otherwise
    ],
    ids=str,
)
async def test_any_other_input_has_another_id(make: Make, change: dict[str, Any]) -> None:
    service = make()
    one = await service.value(principal(), DCF, firm())
    assert (await service.value(principal(), DCF, firm(**change))).id != one.id


async def test_the_order_of_the_fields_is_no_input(make: Make) -> None:
    turned = json.loads(json.dumps(dict(reversed(firm().items()))))
    one, other = [await make().value(principal(), DCF, each) for each in (firm(), turned)]
    assert one.id == other.id


def test_an_id_is_the_sha_256_of_everything_that_a_result_depends_on() -> None:
    inputs = canonical(firm())
    known = content_id(DCF, inputs)
    assert len(known) == 64
    assert set(known) <= set("0123456789abcdef")
    assert content_id(DCF, inputs) == known
    assert content_id(DCF, inputs, seed=0) != known
    assert content_id(DCF, inputs, seed=1) != content_id(DCF, inputs, seed=2)
    assert content_id(replace(DCF, name="LBO"), inputs) != known
    assert content_id(replace(DCF, input_version=DCF.input_version + 1), inputs) != known
    assert content_id(DCF, canonical(but(firm(), "capital.wacc", 0.2))) != known


@pytest.mark.parametrize("version", ["ENGINE_VERSION", "STREAM_VERSION", "NUMPY_VERSION"])
def test_another_engine_gives_another_id(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = canonical(firm())
    known = content_id(DCF, inputs)
    monkeypatch.setattr(module, version, "another")
    assert content_id(DCF, inputs) != known


async def test_the_result_hash_is_of_what_is_kept(make: Make, tmp_path: Path) -> None:
    recorded = await make().value(principal(), DCF, firm())
    (row,) = rows(tmp_path)
    assert row["result_hash"] == recorded.result_hash
    assert hashlib.sha256(row["result"].encode()).hexdigest() == recorded.result_hash
    assert json.loads(row["result"]) == recorded.result
    assert json.loads(row["inputs"]) == recorded.inputs == firm()
    assert (row["kind"], row["seed"], row["engine_version"]) == (
        "DCF",
        None,
        recorded.engine_version,
    )


async def test_what_was_kept_is_found_as_it_was(make: Make) -> None:
    kept = await make().value(principal(), DCF, firm(marketPrice=12.5))
    found = await make(NOON + timedelta(days=1)).find(principal(Role.VIEWER), kept.id)
    assert found == kept


@pytest.mark.parametrize(
    "unknown", ["0" * 64, "", "x", "0" * 63, "' OR 1=1 --", "é\0", "x" * 9_999]
)
async def test_what_was_never_kept_is_not_found(make: Make, unknown: str) -> None:
    await make().value(principal(), DCF, firm())
    with pytest.raises(NotFound) as no:
        await make().find(principal(), unknown)
    assert no.value.code == "NOT_FOUND"
    assert unknown not in no.value.message or not unknown


async def test_a_tenant_neither_sees_nor_shares_what_another_keeps(
    make: Make, tmp_path: Path
) -> None:
    ours = await make().value(principal(), DCF, firm())
    foreign = principal(tenant_id=THEIRS)
    with pytest.raises(NotFound) as no:
        await make().find(foreign, ours.id)
    with pytest.raises(NotFound) as never:
        await make().find(foreign, "0" * 64)
    assert no.value.message == never.value.message  # nor can they tell that it exists
    later = NOON + timedelta(days=1)
    theirs = await make(later).value(foreign, DCF, firm())
    assert theirs.id == ours.id
    assert theirs.computed_at == later
    assert (await make().find(principal(), ours.id)).computed_at == NOON
    assert sorted(UUID(row["tenant_id"]) for row in rows(tmp_path)) == [OURS, THEIRS]


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN, Role.ANALYST])
async def test_those_who_may_value_do(make: Make, role: Role) -> None:
    assert (await make().value(principal(role), DCF, firm())).id


async def test_a_viewer_may_not_value_and_nothing_is_kept_or_counted(
    make: Make, tmp_path: Path, meter: Meter
) -> None:
    with pytest.raises(Forbidden):
        await make().value(principal(Role.VIEWER), DCF, firm())
    assert rows(tmp_path) == []
    assert [counted(meter, outcome) for outcome in ("good", "bad", "excluded")] == [0, 0, 0]


async def test_a_viewer_finds_what_others_kept(make: Make) -> None:
    kept = await make().value(principal(), DCF, firm())
    assert (await make().find(principal(Role.VIEWER), kept.id)).id == kept.id


async def test_a_refusal_keeps_nothing_and_is_no_fault_of_ours(
    make: Make, tmp_path: Path, meter: Meter
) -> None:
    with pytest.raises(InvalidInput) as no:
        await make().value(principal(), DCF, firm(**{"terminal.gordon.growth": 0.2}))
    assert [problem.path for problem in no.value.problems] == ["terminal.gordon.growth"]
    assert rows(tmp_path) == []
    assert (counted(meter, "good"), counted(meter, "bad"), counted(meter, "excluded")) == (0, 0, 1)


async def test_a_fault_of_ours_is_counted_as_one_and_keeps_nothing(
    make: Make, tmp_path: Path, meter: Meter
) -> None:
    def broken(_inputs: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await make().value(principal(), replace(DCF, value=broken), firm())
    assert rows(tmp_path) == []
    assert (counted(meter, "good"), counted(meter, "bad"), counted(meter, "excluded")) == (0, 1, 0)


async def test_each_valuation_is_counted_even_when_it_was_there(make: Make, meter: Meter) -> None:
    for _ in range(3):
        await make().value(principal(), DCF, firm())
    assert counted(meter, "good") == 3


async def test_a_token_of_a_tenant_that_is_not_here_values_nothing(
    make: Make, tmp_path: Path
) -> None:
    with pytest.raises(Unauthenticated):
        await make().value(principal(tenant_id=NOBODYS), DCF, firm())
    assert rows(tmp_path) == []


@pytest.mark.parametrize(
    ("plan", "kept_for"),
    [
        (Plan.FREE, timedelta(days=30)),
        (Plan.PRO, timedelta(days=400)),
        (Plan.ENTERPRISE, None),
    ],
)
async def test_a_valuation_is_kept_as_long_as_the_plan_says(
    make: Make, database: Database, tmp_path: Path, plan: Plan, kept_for: timedelta | None
) -> None:
    payer = UUID(int=99)
    await Tenants(database).ensure(tenant(payer, plan=plan.value, slug="payer"), [])
    await make().value(principal(tenant_id=payer), DCF, firm())
    (row,) = rows(tmp_path)
    until = row["keep_until"]
    if kept_for is None:
        assert until is None
    else:
        assert datetime.fromisoformat(until).replace(tzinfo=UTC) == NOON + kept_for
    assert LIMITS[plan].valuations_kept == kept_for


def test_every_kind_of_the_service_may_be_kept() -> None:
    assert set(KINDS) <= set(KINDS_OF_THE_TABLE)
    assert all(KINDS[name].name == name for name in KINDS)


def test_canonical_json_is_one_text_for_equal_documents() -> None:
    assert canonical({"b": 1.0, "a": [True, None, "é"]}) == '{"a":[true,null,"é"],"b":1.0}'.encode()
    assert canonical({"x": 0.1}) == canonical({"x": 0.1000000000000000055})


def test_a_record_cannot_be_changed() -> None:
    assert Recorded.__dataclass_params__.frozen  # type: ignore[attr-defined] # of every dataclass
