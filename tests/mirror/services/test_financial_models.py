"""Models are made, edited, put away and valued: each change once, for its tenant, by its author."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.contents import Unit
from services.edits import Edit
from services.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    RateLimited,
)
from services.kinds import DCF
from services.model import Changed, Listing, Model, Order
from services.plans import LIMITS, Plan
from services.principal import Principal, Role
from services.rates import Rate
from services.valuations import canonical, content_id
from store.database import Database
from store.financial_models import FinancialModels
from store.tables import UNITS, VERBS
from store.tenants import Tenants
from tests.dcf_documents import WORTH_A_SHARE
from tests.mirror.services.conftest import principal
from tests.mirror.services.models_at_work import NOON, Office, content, firm_inputs
from tests.mirror.store.conftest import (
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
)
from tests.mirror.store.world import NOBODYS, OURS, THEIRS, member, opened, settle, tenant

__all__ = ["place", "postgres_place", "postgres_roles", "postgres_template", "sqlite_place"]
pytestmark = pytest.mark.anyio

COLLEAGUE = UUID(int=11)
CAPM = {
    "riskFreeRate": 0.04,
    "equityRiskPremium": 0.05,
    "beta": 1.0,
    "preTaxCostOfDebt": 0.06,
    "debtWeight": 0.2,
    "taxRate": 0.25,
}


@pytest.fixture
async def database(place: Any) -> Any:
    """Every test of this file runs on both databases."""
    async with opened(place.url) as database:
        await settle(database)
        await Tenants(database).ensure(tenant(OURS), [member(11)])
        yield database


@pytest.fixture
def office(database: Database) -> Office:
    return Office.opened(database)


def as_(of: Office, **changes: Any) -> Principal:
    return replace(of.me, **changes)


def by(changed: Changed) -> str:
    assert changed.revision.author is not None
    return changed.revision.author.name


# Making


async def test_a_model_is_what_was_given_and_is_found_again(office: Office) -> None:
    made = await office.make(" Apple ", unit=Unit.MILLIONS)
    assert (made.name, made.unit, made.kind, made.revision) == ("Apple", Unit.MILLIONS, DCF, 1)
    assert (made.archived, made.scenarios, made.inputs) == (False, {}, firm_inputs())
    assert made.created_at == made.updated_at > NOON
    assert made.created_by is not None
    assert made.created_by.name == "Member 1"
    assert await office.service.find(office.me, made.id) == made
    assert office.bell.rings == [(OURS, made.id, 1)]


async def test_everything_wrong_with_a_new_model_is_said_at_once(office: Office) -> None:
    inputs = firm_inputs(**{"capital.wacc": 9.0, "bridge.debt": -1.0})
    with pytest.raises(InvalidInput) as no:
        await office.make("", inputs=inputs)
    paths = [problem.path for problem in no.value.problems]
    assert paths == ["name", "capital.wacc", "bridge.debt"]
    assert office.bell.rings == []
    assert (await office.service.page(office.me, Listing(), limit=10)).models == []


async def test_a_plan_holds_so_many_models_and_archived_ones_do_not_count(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, Plan.PRO, replace(LIMITS[Plan.PRO], models=2))
    first, _ = await office.make("One", operation_id="one"), await office.make("Two")
    with pytest.raises(QuotaExceeded, match="The PRO plan holds 2 models"):
        await office.make("Three")
    with pytest.raises(QuotaExceeded):
        await office.service.duplicate(office.me, first.id, name="Three")
    assert await office.make("One", operation_id="one") == first  # it fits: it is there
    await office.service.archive(office.me, first.id, "away")
    await office.make("Three")
    with pytest.raises(QuotaExceeded):
        await office.service.archive(office.me, first.id, "back", archived=False)
    three = (await office.service.page(office.me, Listing(), limit=1)).models[0]
    await office.service.archive(office.me, three.id, "three")
    back = await office.service.archive(office.me, first.id, "back", archived=False)
    assert (back.model.archived, back.revision.revision) == (False, 3)
    again = await office.service.archive(office.me, first.id, "back", archived=False)
    assert again == back


def test_plans_hold_as_many_models_as_was_promised() -> None:
    assert {plan: LIMITS[plan].models for plan in Plan} == {
        Plan.FREE: 20,
        Plan.PRO: 1_000,
        Plan.ENTERPRISE: None,
    }


def test_units_and_verbs_are_the_tables() -> None:
    assert tuple(Unit) == UNITS
    assert set(VERBS) == {"CREATE", "DUPLICATE", "EDIT", "RESTORE", "ARCHIVE"}


# Editing


async def test_edits_are_one_operation_and_one_revision(office: Office) -> None:
    made = await office.make()
    changed = await office.edit(
        made, ("terminal.gordon.growth", 0.03), ("name", "Orchard"), ("bridge.debt", 700)
    )
    assert changed.model.revision == changed.revision.revision == 2
    assert (changed.revision.verb, by(changed)) == ("EDIT", "Member 1")
    assert [(each.path, each.old, each.new) for each in changed.revision.changes] == [
        ("name", "Firm", "Orchard"),
        ("terminal.gordon.growth", 0.0, 0.03),
        ("bridge.debt", 500.0, 700.0),
    ]
    assert changed.revision.changes[1].text == "Terminal growth from 0 % to 3 %"
    assert await office.service.find(office.me, made.id) == changed.model
    assert office.bell.rings[1:] == [(OURS, made.id, 2)]


async def test_all_edits_or_none(office: Office) -> None:
    made = await office.make()
    with pytest.raises(InvalidInput) as no:
        await office.edit(made, ("name", "Orchard"), ("bridge.dept", 1.0), ("capital.wacc", 2.0))
    assert [problem.path for problem in no.value.problems] == ["edits[1].path", "capital.wacc"]
    assert await office.service.find(office.me, made.id) == made
    assert len(office.bell.rings) == 1


async def test_an_edit_that_changes_nothing_is_an_operation_all_the_same(office: Office) -> None:
    made = await office.make()
    changed = await office.edit(made, ("bridge.debt", 500.0))
    assert (changed.revision.revision, changed.revision.changes) == (2, [])


async def test_the_last_writer_wins_unless_they_say_what_they_have_seen(office: Office) -> None:
    made = await office.make()
    await office.edit(made, ("bridge.debt", 600.0))
    await office.edit(made, ("bridge.debt", 650.0))  # without a base: so be it
    await office.edit(made, Edit("bridge.cash", 1.0, 1))  # another path has not changed
    with pytest.raises(Conflict) as no:
        await office.edit(
            made,
            Edit("bridge.debt", 700.0, 2),
            Edit("bridge.cash", 2.0, 4),
            Edit("bridge.cash", 2.0, 3),
        )
    assert [(each.path, each.value, each.revision) for each in no.value.stale] == [
        ("bridge.debt", 650.0, 3),
        ("bridge.cash", 1.0, 4),
    ]
    assert (await office.service.find(office.me, made.id)).revision == 4
    changed = await office.edit(made, Edit("bridge.debt", 700.0, 3))
    assert changed.model.inputs["bridge"]["debt"] == 700.0


async def test_what_is_wrong_at_any_revision_is_said_before_what_is_stale(office: Office) -> None:
    made = await office.make()
    await office.edit(made, ("bridge.debt", 600.0))
    with pytest.raises(InvalidInput) as no:
        await office.edit(made, Edit("bridge.debt", 7.0, 1), Edit("bridge.dept", 7.0, 9))
    assert [problem.path for problem in no.value.problems] == [
        "edits[1].path",
        "edits[1].baseRevision",
    ]


async def test_fifty_who_edit_at_once_make_fifty_revisions(office: Office) -> None:
    made = await office.make()
    done = await asyncio.gather(
        *(
            office.edit(made, (f"scenarios.key-{n % 7}", None), ("bridge.debt", n))
            for n in range(50)
        )
    )
    assert sorted(changed.revision.revision for changed in done) == list(range(2, 52))
    now = await office.service.find(office.me, made.id)
    last = max(done, key=lambda changed: changed.revision.revision)
    assert content(now) == content(last.model)
    assert {seq for _, _, seq in office.bell.rings} == set(range(1, 52))


# Operation ids


async def test_a_repeat_gets_the_first_answer_and_does_nothing(office: Office) -> None:
    made = await office.make(operation_id="make")
    first = await office.edit(made, ("bridge.debt", 600.0), operation_id="edit")
    await office.edit(made, ("bridge.debt", 700.0))
    rings = list(office.bell.rings)
    again = await office.edit(made, ("bridge.debt", 600.0), operation_id="edit")
    assert again == first
    assert await office.make(operation_id="make") == made
    assert (await office.service.find(office.me, made.id)).revision == 3
    assert len((await office.service.page(office.me, Listing(), limit=9)).models) == 1
    assert office.bell.rings == rings


async def test_a_repeat_is_answered_though_the_model_is_archived_since(office: Office) -> None:
    made = await office.make()
    first = await office.edit(made, ("bridge.debt", 600.0), operation_id="edit")
    await office.service.archive(office.me, made.id, "away")
    assert await office.edit(made, ("bridge.debt", 600.0), operation_id="edit") == first


async def test_an_id_that_was_used_for_something_else_is_refused(office: Office) -> None:
    await Tenants(office.database).ensure(tenant(OURS), [member(3)])
    made, other = await office.make(operation_id="make"), await office.make("Other")
    await office.edit(made, ("bridge.debt", 600.0), operation_id="edit")
    await office.service.restore(office.me, made.id, 1, "restore")
    service, me = office.service, office.me
    colleague = as_(office, member_id=COLLEAGUE)
    reused = [
        office.edit(made, ("bridge.debt", 601.0), operation_id="edit"),
        office.edit(made, Edit("bridge.debt", 600.0, 2), operation_id="edit"),
        office.edit(other, ("bridge.debt", 600.0), operation_id="edit"),
        office.edit(made, ("bridge.debt", 600.0), operation_id="make"),
        office.make("Another", operation_id="make"),
        office.make(unit=Unit.BILLIONS, operation_id="make"),
        office.make(operation_id="edit"),
        service.archive(me, made.id, "edit"),
        service.restore(me, made.id, 1, "edit"),
        service.restore(me, made.id, 2, "restore"),
        service.duplicate(me, made.id, name="Firm", operation_id="make"),
        # What one member was answered, another does not learn by the id.
        service.edit(colleague, made.id, "edit", [Edit("bridge.debt", 600.0)]),
    ]
    for call in reused:
        with pytest.raises(IdempotencyKeyReused):
            await call
    theirs = as_(office, tenant_id=THEIRS, member_id=UUID(int=2))
    plain: dict[str, Any] = {"kind": DCF, "unit": Unit.ONES, "inputs": firm_inputs()}
    assert await service.create(theirs, name="Firm", operation_id="make", **plain)


async def test_equal_ids_at_the_same_moment_are_one_operation(office: Office) -> None:
    models = await asyncio.gather(*(office.make(operation_id="make") for _ in range(8)))
    assert len({model.id for model in models}) == 1
    done = await asyncio.gather(
        *(office.edit(models[0], ("bridge.debt", 7.0), operation_id="edit") for _ in range(8))
    )
    assert {changed.revision.revision for changed in done} == {2}
    assert len(office.bell.rings) == 2


@pytest.mark.parametrize("given", ["", "x" * 65, "two words", "line\n", "nul\0", "ümlaut"])
async def test_an_operations_id_is_short_and_plain(office: Office, given: str) -> None:
    made = await office.make()
    calls = [
        office.make(operation_id=given),
        office.service.edit(office.me, made.id, given, [Edit("bridge.debt", 1.0)]),
        office.service.archive(office.me, made.id, given, archived=False),
        office.service.restore(office.me, made.id, 1, given),
        office.service.duplicate(office.me, made.id, name="x", operation_id=given),
    ]
    for call in calls:
        with pytest.raises(InvalidInput) as no:
            await call
        assert no.value.problems[0].path == "operationId"


# The archive, restoring, duplicates


async def test_an_archived_model_is_read_and_valued_and_not_edited(office: Office) -> None:
    made = await office.make()
    away = await office.service.archive(office.me, made.id, "away")
    assert (away.revision.verb, away.revision.changes[0].text) == ("ARCHIVE", "Archived")
    for call in (
        office.edit(made, ("bridge.debt", 1.0)),
        office.service.restore(office.me, made.id, 1, "restore"),
    ):
        with pytest.raises(Conflict, match="archived: false") as no:
            await call
        assert no.value.stale == ()
    assert (await office.service.find(office.me, made.id)).archived
    assert (await office.service.value(office.me, made.id))[1].result["valuePerShare"]
    back = await office.service.archive(office.me, made.id, "back", archived=False)
    assert back.revision.changes[0].text == "Taken out of the archive"
    assert (await office.edit(made, ("bridge.debt", 1.0))).model.revision == 4


async def test_a_revision_is_restored_by_a_new_one(office: Office) -> None:
    made = await office.make()
    await office.edit(
        made,
        ("name", "Orchard"),
        ("unit", "MILLIONS"),
        ("capital", {"capm": CAPM}),
        ("scenarios.bear", {"name": "Bear", "changes": []}),
    )
    changed = await office.service.restore(office.me, made.id, 1, "restore")
    assert content(changed.model) == content(made)
    assert (changed.revision.verb, changed.revision.revision) == ("RESTORE", 3)
    assert {each.path for each in changed.revision.changes} == {
        "name",
        "unit",
        "capital",
        "scenarios.bear",
    }
    forth = await office.service.restore(office.me, made.id, 2, "forth")
    assert forth.model.inputs["capital"] == {"capm": CAPM}
    # What was restored has changed: who has seen only revision 1 is told so.
    with pytest.raises(Conflict):
        await office.edit(made, Edit("capital.wacc", 0.1, 1))


async def test_restoring_leaves_the_archive_alone(office: Office) -> None:
    made = await office.make()
    await office.service.archive(office.me, made.id, "away")
    await office.service.archive(office.me, made.id, "back", archived=False)
    changed = await office.service.restore(office.me, made.id, 2, "restore")
    assert not changed.model.archived
    assert changed.revision.changes == []


async def test_a_duplicate_begins_with_the_content_and_a_history_of_its_own(
    office: Office,
) -> None:
    made = await office.make()
    await office.edit(
        made, ("bridge.debt", 1.0), ("scenarios.bear", {"name": "Bear", "changes": []})
    )
    await office.edit(made, ("bridge.debt", 2.0))
    copy = await office.service.duplicate(office.me, made.id, name="Copy")
    then = await office.service.duplicate(office.me, made.id, name="Then", revision=2)
    assert (copy.revision, copy.name, copy.inputs["bridge"]["debt"]) == (1, "Copy", 2.0)
    assert (then.inputs["bridge"]["debt"], list(then.scenarios)) == (1.0, ["bear"])
    (only,) = await office.service.revisions(office.me, copy, limit=5)
    assert (only.verb, only.changes) == ("DUPLICATE", [])
    await office.edit(copy, ("bridge.debt", 3.0))
    assert (await office.service.find(office.me, made.id)).inputs["bridge"]["debt"] == 2.0
    with pytest.raises(InvalidInput):
        await office.service.duplicate(office.me, made.id, name="\n")


async def test_a_duplicate_of_an_archived_model_is_not_archived(office: Office) -> None:
    made = await office.make()
    await office.service.archive(office.me, made.id, "away")
    assert not (await office.service.duplicate(office.me, made.id, name="Copy")).archived


# Valuing


async def test_a_model_has_the_valuation_that_its_inputs_have_anywhere(office: Office) -> None:
    made = await office.make()
    model, recorded = await office.service.value(office.me, made.id)
    assert model == made
    assert recorded.result["valuePerShare"] == WORTH_A_SHARE
    direct = await office.valuations.value(office.me, DCF, firm_inputs())
    assert recorded.id == direct.id == content_id(DCF, canonical(firm_inputs()))
    changed = await office.edit(made, ("operations.taxRate", {"byYear": [0.2, 0.2, 0.3]}))
    _, recorded = await office.service.value(office.me, made.id)
    assert recorded.id == content_id(DCF, canonical(changed.model.inputs))


async def test_a_scenario_is_valued_as_if_it_had_been_edited_in(office: Office) -> None:
    made = await office.make()
    bear = {
        "name": "Bear",
        "changes": [
            {"path": "operations.ebitMargin.level", "value": 0.15},
            {"path": "capital", "value": {"capm": CAPM}},
        ],
    }
    await office.edit(made, ("scenarios.bear", bear))
    _, plain = await office.service.value(office.me, made.id)
    _, recorded = await office.service.value(office.me, made.id, "bear")
    assert plain.id != recorded.id
    edited = await office.make("Edited")
    await office.edit(edited, ("operations.ebitMargin", {"level": 0.15}), ("capital.capm", CAPM))
    assert (await office.service.value(office.me, edited.id))[1].id == recorded.id


async def test_a_scenario_that_no_longer_fits_says_which_it_is(office: Office) -> None:
    made = await office.make(inputs=firm_inputs(**{"operations.taxRate": {"byYear": [0.2] * 3}}))
    year = {"name": "Bear", "changes": [{"path": "operations.taxRate[2]", "value": 0.5}]}
    await office.edit(made, ("scenarios.bear", year))
    await office.edit(made, ("operations.taxRate", {"level": 0.2}))
    with pytest.raises(InvalidInput, match="The scenario bear no longer fits the model") as no:
        await office.service.value(office.me, made.id, "bear")
    assert [problem.path for problem in no.value.problems] == ["scenarios.bear.changes[0].path"]
    with pytest.raises(InvalidInput) as no:
        await office.service.value(office.me, made.id, "bull")
    (problem,) = no.value.problems
    assert (problem.path, problem.suggestion) == ("scenario", "Name one of: bear.")


async def test_valuing_records_nothing_in_the_model(office: Office) -> None:
    made = await office.make()
    await office.service.value(office.me, made.id)
    assert await office.service.find(office.me, made.id) == made


# Who may


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OPERATOR])
async def test_a_viewer_reads_and_the_others_edit(office: Office, role: Role) -> None:
    made = await office.make()
    office.me = principal(role)
    changes = [
        office.make,
        lambda: office.edit(made, ("bridge.debt", 1.0)),
        lambda: office.service.archive(office.me, made.id, "away"),
        lambda: office.service.archive(office.me, made.id, "back", archived=False),
        lambda: office.service.restore(office.me, made.id, 1, "restore"),
        lambda: office.service.duplicate(office.me, made.id, name="Copy"),
        lambda: office.service.value(office.me, made.id),
    ]
    for change in changes:
        if role is Role.VIEWER:
            with pytest.raises(Forbidden):
                await change()
        else:
            await change()
    assert (await office.service.find(office.me, made.id)).id == made.id
    assert await office.service.revisions(office.me, made, limit=9)
    assert await office.service.at(office.me, made.id, 1)
    assert await office.service.changes_between(office.me, made, 1, 1) == []
    assert (await office.service.page(office.me, Listing(), limit=9)).models


async def test_another_tenants_model_is_not_there(office: Office) -> None:
    made = await office.make()
    for tenant_id in (THEIRS, NOBODYS):
        them = as_(office, tenant_id=tenant_id)
        service = office.service
        calls = [
            service.find(them, made.id),
            service.edit(them, made.id, "edit", [Edit("bridge.debt", 1.0)]),
            service.archive(them, made.id, "archive"),
            service.archive(them, made.id, "back", archived=False),
            service.restore(them, made.id, 1, "restore"),
            service.duplicate(them, made.id, name="Copy"),
            service.value(them, made.id),
        ]
        for call in calls:
            with pytest.raises(NotFound):
                await call
    assert await office.service.find(office.me, made.id) == made


async def test_who_has_left_is_nobody_and_who_has_joined_is_somebody(office: Office) -> None:
    stranger = as_(office, member_id=UUID(int=99))
    made = await office.service.create(
        stranger, kind=DCF, name="Firm", unit=Unit.ONES, inputs=firm_inputs()
    )
    assert (made.created_by, made.updated_by) == (None, None)
    colleague = as_(office, member_id=COLLEAGUE)
    changed = await office.service.edit(colleague, made.id, "edit", [Edit("name", "x")])
    assert by(changed) == "Member 11"
    assert changed.model.updated_by is not None


async def test_edits_of_a_model_are_as_many_as_a_person_makes(database: Database) -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    office = Office.opened(database, rate=Rate("Edits", 20.0, 3, clock=clock))
    one, two = await office.make("One"), await office.make("Two")
    for _ in range(3):
        await office.edit(one, ("bridge.debt", 1.0))
    for call in (
        office.edit(one, ("bridge.debt", 1.0)),
        office.service.archive(office.me, one.id, "away"),
        office.service.restore(office.me, one.id, 1, "restore"),
    ):
        with pytest.raises(RateLimited) as no:
            await call
        assert no.value.retry_after_s == pytest.approx(0.05)
    await office.edit(two, ("bridge.debt", 1.0))
    colleague = as_(office, member_id=COLLEAGUE)
    await office.service.edit(colleague, one.id, "theirs", [Edit("bridge.debt", 2.0)])
    clock.now += 0.05
    assert (await office.edit(one, ("bridge.debt", 3.0))).model.revision == 6


# Lists


async def names(office: Office, listing: Listing, **window: Any) -> tuple[list[str], bool]:
    page = await office.service.page(office.me, listing, **({"limit": 100} | window))
    return [model.name for model in page.models], page.more


async def test_models_are_listed_by_name_by_age_and_by_change(office: Office) -> None:
    made = [await office.make(name) for name in ("pear", "Apple", "Äpfel", "apple 2")]
    await office.edit(made[1], ("bridge.debt", 1.0))
    by_name = Listing(order=Order.NAME, descending=False)
    assert await names(office, by_name) == (["Apple", "apple 2", "pear", "Äpfel"], False)
    by_age = Listing(order=Order.CREATED, descending=False)
    assert await names(office, by_age) == (["pear", "Apple", "Äpfel", "apple 2"], False)
    assert await names(office, Listing()) == (["Apple", "apple 2", "Äpfel", "pear"], False)


async def test_models_are_filtered(office: Office) -> None:
    for name in ("pear", "Apple", "apple 2", "app%le", "a_pple", "ÄPFEL"):
        await office.make(name)
    away = await office.make("Apple away")
    await office.service.archive(office.me, away.id, "away")
    order = Listing(order=Order.NAME, descending=False)
    assert await names(office, replace(order, name_prefix="APPLE")) == (["Apple", "apple 2"], False)
    assert await names(office, replace(order, name_prefix="app%")) == (["app%le"], False)
    assert await names(office, replace(order, name_prefix="a_")) == (["a_pple"], False)
    assert await names(office, replace(order, name_prefix="äp")) == (["ÄPFEL"], False)
    assert (await names(office, replace(order, name_prefix="apple ", archived=None)))[0] == [
        "apple 2",
        "Apple away",
    ]
    assert await names(office, replace(order, archived=True)) == (["Apple away"], False)
    assert len((await names(office, replace(order, kind="DCF")))[0]) == 6
    assert await names(office, replace(order, kind="LBO")) == ([], False)


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("descending", [False, True])
async def test_pages_in_either_direction_have_everything_once(
    office: Office, order: Order, descending: bool
) -> None:
    for number in range(7):
        await office.make(f"Model {number % 3}")  # names that are equal: the id decides
    listing = Listing(order=order, descending=descending)
    everything, _ = await names(office, listing)
    ids = [model.id for model in (await office.service.page(office.me, listing, limit=9)).models]
    for backwards in (False, True):
        found: list[Model] = []
        while True:
            edge = found[0] if backwards and found else found[-1] if found else None
            page = await office.service.page(
                office.me,
                listing,
                limit=3,
                after=edge and edge.key(order),
                backwards=backwards,
            )
            found = page.models + found if backwards else found + page.models
            if not page.more:
                break
        assert [model.id for model in found] == ids
        assert [model.name for model in found] == everything


async def test_a_page_goes_on_where_it_was_though_models_come_and_change(office: Office) -> None:
    made = [await office.make(f"Model {number}") for number in range(6)]
    first = await office.service.page(office.me, Listing(), limit=3)
    assert [model.id for model in first.models] == [model.id for model in made[:2:-1]]
    await office.make("New")
    await office.edit(made[4], ("bridge.debt", 1.0))  # was on the page, moves to the front
    edge = first.models[-1].key(Order.UPDATED)
    second = await office.service.page(office.me, Listing(), limit=3, after=edge)
    assert [model.id for model in second.models] == [model.id for model in made[2::-1]]
    assert not second.more


async def test_revisions_are_read_from_either_end(office: Office) -> None:
    made = await office.make()
    for number in range(6):
        await office.edit(made, ("bridge.debt", float(number)))

    async def seqs(**window: Any) -> list[int]:
        found = await office.service.revisions(office.me, made, **({"limit": 3} | window))
        return [each.revision for each in found]

    assert await seqs() == [7, 6, 5]
    assert await seqs(beyond=5) == [4, 3, 2]
    assert await seqs(newer=True) == [1, 2, 3]
    assert await seqs(beyond=5, newer=True) == [6, 7]
    assert await seqs(beyond=1) == []


async def test_the_store_is_asked_for_one_tenant(office: Office) -> None:
    await office.make()
    models = FinancialModels(office.database)
    assert [await models.count(tenant_id) for tenant_id in (OURS, THEIRS)] == [1, 0]
