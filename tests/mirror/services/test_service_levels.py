"""Whoever may read service levels sees the process' counts, or their own tenant's."""

from __future__ import annotations

import pytest

from api.operations.answers import recognise
from observability.health import Check, Finding, State
from observability.watch import Watch
from services.errors import Forbidden, NotFound
from services.principal import ALLOWED, Role
from services.service_levels import ServiceLevels
from tests.mirror.services.conftest import principal
from tests.mirror.store.world import OURS, THEIRS

pytestmark = pytest.mark.anyio


@pytest.fixture
def watch() -> Watch:
    async def away() -> Finding:
        return Finding(State.FAIL, "no answer in time")

    return Watch(version="1", checks=[Check(name="away", probe=away)], recognise=recognise)


@pytest.fixture
def levels(watch: Watch) -> ServiceLevels:
    return ServiceLevels(watch, "1")


def operate(watch: Watch, tenant: object, times: int) -> None:
    for _ in range(times):
        with watch.operations.operation(str(tenant)):
            pass


def test_every_objective_is_told_in_the_catalogues_order(
    levels: ServiceLevels, watch: Watch
) -> None:
    told = levels.status(principal(), None, own_only=False)
    assert [status.objective for status in told] == list(watch.objectives)


def test_the_named_ones_are_told_in_the_order_they_are_named_and_once(
    levels: ServiceLevels, watch: Watch
) -> None:
    names = [objective.name for objective in watch.objectives]
    asked = [names[1], names[0], names[1]]
    told = levels.status(principal(), asked, own_only=False)
    assert [status.objective.name for status in told] == [names[1], names[0]]
    assert levels.status(principal(), [], own_only=False) == []


def test_a_name_that_is_no_objective_is_not_found_and_the_others_are_named(
    levels: ServiceLevels, watch: Watch
) -> None:
    with pytest.raises(NotFound, match=watch.objectives[0].name):
        levels.status(principal(), [watch.objectives[0].name, "nonsense"], own_only=False)


def test_a_tenant_may_see_its_own_counts_alone(levels: ServiceLevels, watch: Watch) -> None:
    operate(watch, OURS, 3)
    operate(watch, THEIRS, 2)
    name = [watch.objectives[0].name]

    def valid(tenant_id: object, *, own_only: bool) -> int:
        asking = principal(tenant_id=tenant_id)  # type: ignore[arg-type] # a UUID
        return levels.status(asking, name, own_only=own_only)[0].live.valid

    assert valid(OURS, own_only=False) == valid(THEIRS, own_only=False) == 5
    assert valid(OURS, own_only=True) == 3
    assert valid(THEIRS, own_only=True) == 2


async def test_health_is_every_check_now(levels: ServiceLevels) -> None:
    report = await levels.health(principal(Role.VIEWER))
    found = {check.name: check.state for check in report.checks}
    assert found["away"] is State.FAIL
    assert {"memory", "disk"} <= set(found)
    assert report.state is State.FAIL


async def test_who_may_not_read_service_levels_reads_none(
    levels: ServiceLevels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ALLOWED, Role.VIEWER, frozenset())
    with pytest.raises(Forbidden):
        levels.status(principal(Role.VIEWER), None, own_only=False)
    with pytest.raises(Forbidden):
        await levels.health(principal(Role.VIEWER))
