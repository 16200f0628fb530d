"""What a tenant used is told by day, to the tenant and to operators."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.errors import Forbidden, QueryInvalid
from services.principal import Role
from services.usage import DAYS_MOST, Quota, QuotaName
from store.database import Database
from store.usage import Usage, Used
from tests.mirror.services.tenants_at_work import Desk
from tests.mirror.store.world import NOON, OURS, THEIRS

pytestmark = pytest.mark.anyio
TODAY = NOON.date()


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk.opened(database)


async def test_usage_is_told_by_day_of_the_last_thirty_or_of_those_asked_for(desk: Desk) -> None:
    (viewer,) = await desk.members(Role.VIEWER)
    usage = Usage(desk.database)
    for day in ("2026-01-30", "2026-01-31", "2026-03-01"):
        await usage.add(OURS, day, {"requests": 2, "points": 5})
    await usage.add(OURS, "2026-03-01", {"points": 1})
    await usage.add(THEIRS, "2026-03-01", {"points": 99})
    days = desk.tenancy.usage.days
    assert date(2026, 3, 1) == TODAY
    assert await days(viewer, OURS, None, None) == [
        Used("2026-01-31", "points", 5),
        Used("2026-01-31", "requests", 2),
        Used("2026-03-01", "points", 6),
        Used("2026-03-01", "requests", 2),
    ]
    assert len(await days(viewer, OURS, date(2026, 1, 30), date(2026, 1, 30))) == 2
    for first in (date(2026, 3, 2), date(TODAY.year - 2, 1, 1)):
        with pytest.raises(QueryInvalid, match=f"1 to {DAYS_MOST} days"):
            await days(viewer, OURS, first, TODAY)


async def test_usage_of_another_tenant_is_an_operators_alone(desk: Desk) -> None:
    (owner,) = await desk.members(Role.OWNER)
    operator = await desk.operator()
    await Usage(desk.database).add(THEIRS, "2026-03-01", {"points": 99})
    with pytest.raises(Forbidden):
        await desk.tenancy.usage.days(owner, THEIRS, None, None)
    with pytest.raises(Forbidden):
        await desk.tenancy.usage.quotas(replace(owner, role=Role.ADMIN), THEIRS)
    assert await desk.tenancy.usage.days(operator, THEIRS, None, None)
    assert await desk.tenancy.usage.quotas(operator, THEIRS)


def test_what_is_over_its_limit_has_nothing_left() -> None:
    """After a smaller plan was bought, there is more than it holds."""
    assert Quota(QuotaName.MODELS, 30, 20).left == 0
    assert Quota(QuotaName.MODELS, 30, None).left is None
