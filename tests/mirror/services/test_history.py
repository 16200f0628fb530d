"""Every revision of a model can be had again, exactly, however it came to be."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidInput
from services import financial_models, history, kinds, model
from services.contents import Document, canonical_text
from services.edits import Edit
from services.errors import NotFound, Overloaded
from services.kinds import DCF, Kind
from services.model import Model
from store.database import Database
from store.financial_models import FinancialModels
from tests.mirror.services.models_at_work import Office, content, firm_inputs
from tests.mirror.store.world import OURS, opened, settle
from tests.model_edits import EDITS

pytestmark = pytest.mark.anyio
PAST_A_SNAPSHOT = 507  # a snapshot is taken at 500


@pytest.fixture
def office(database: Database) -> Office:
    return Office.opened(database)


async def passed(office: Office, of: Model) -> list[Document]:
    """Every content of a model, oldest first, as its revisions left it."""
    newest = (await office.service.find(office.me, of.id)).revision
    return [
        content(await office.service.at(office.me, of.id, revision))
        for revision in range(1, newest + 1)
    ]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(EDITS | st.integers(1, 6) | st.booleans(), min_size=1, max_size=8))
def test_whatever_happened_to_a_model_every_revision_is_had_again(
    calls: list[list[Edit] | int | bool], sqlite_template: Path, tmp_path: Path
) -> None:
    """A list is an edit, a number restores a revision, true puts it away, false takes it out."""

    async def happen() -> None:
        file = shutil.copy(sqlite_template, tmp_path / f"{uuid4()}.db")
        async with opened(f"sqlite:///{file}") as database:
            await settle(database)
            office = Office.opened(database)
            made = await office.make()
            then = [content(made)]
            for call in calls:
                try:
                    then.append(content(await done(office, made, call)))
                except (InvalidInput, NotFound, financial_models.Conflict):
                    continue  # refused: there is no revision of it
            assert list(map(canonical_text, await passed(office, made))) == list(
                map(canonical_text, then)
            )

    asyncio.run(happen())


async def done(office: Office, of: Model, call: list[Edit] | int | bool) -> Model:
    service, me, operation_id = office.service, office.me, str(uuid4())
    if isinstance(call, bool):
        return (await service.archive(me, of.id, operation_id, archived=call)).model
    if isinstance(call, int):
        return (await service.restore(me, of.id, call, operation_id)).model
    return (await office.edit(of, *call)).model


async def test_a_long_history_is_read_from_the_nearest_snapshot(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_AT_ONCE", 100)
    made = await office.make()
    debts = [made.inputs["bridge"]["debt"]]
    while len(debts) < PAST_A_SNAPSHOT:
        debts.append(float(len(debts) * 37 % 1_000))
        await office.edit(made, ("bridge.debt", debts[-1]))
    for revision in (1, 2, 250, 499, 500, 501, PAST_A_SNAPSHOT):
        found = await office.service.at(office.me, made.id, revision)
        assert (found.revision, found.inputs["bridge"]["debt"]) == (revision, debts[revision - 1])
    seq, _, _ = await FinancialModels(office.database).snapshot(OURS, made.id, 506) or (0, 0, "")
    assert seq == 500


async def test_a_revision_that_is_not_there_is_not_found(office: Office) -> None:
    made = await office.make()
    for revision in (-1, 0, 2, 2**31 - 1):
        with pytest.raises(NotFound):
            await office.service.at(office.me, made.id, revision)
        with pytest.raises(NotFound):
            await office.service.restore(office.me, made.id, revision, str(uuid4()))
        with pytest.raises(NotFound):
            await office.service.changes_between(office.me, made, 1, revision)
        with pytest.raises(NotFound):
            await office.service.duplicate(office.me, made.id, name="x", revision=revision)


async def test_a_revision_tells_when_and_by_whom_it_was_made(office: Office) -> None:
    made = await office.make()
    changed = await office.edit(made, ("bridge.debt", 1.0))
    await office.edit(made, ("bridge.debt", 2.0))
    found = await office.service.at(office.me, made.id, 2)
    assert found == changed.model
    assert found.created_at < found.updated_at == changed.revision.at
    assert found.updated_by is not None
    assert found.updated_by.name == "Member 1"


async def test_the_difference_of_two_revisions_is_told_in_the_fields_words(office: Office) -> None:
    made = await office.make()
    await office.edit(made, ("terminal.gordon.growth", 0.025), ("name", "Orchard"))
    await office.edit(made, ("operations.revenueGrowth", {"byYear": [0.1, 0.1, 0.1]}))
    await office.edit(made, ("operations.revenueGrowth[2]", 0.05))
    await office.edit(made, ("terminal.gordon.growth", 0.03))
    now = await office.service.find(office.me, made.id)
    forward = await office.service.changes_between(office.me, now, 1, 5)
    assert [change.text for change in forward] == [
        "Name from Firm to Orchard",
        "Revenue growth from 0 % to 10 %, 10 %, 5 %",
        "Terminal growth from 0 % to 3 %",
    ]
    (year, growth) = await office.service.changes_between(office.me, now, 3, 5)
    assert (year.path, year.label) == (
        "operations.revenueGrowth.byYear[2]",
        "Revenue growth, year 3",
    )
    assert (year.old, year.new, growth.text) == (
        0.1,
        0.05,
        "Terminal growth from 2.5 % to 3 %",
    )
    back = await office.service.changes_between(office.me, now, 5, 3)
    assert [(change.old, change.new) for change in back] == [(0.05, 0.1), (0.03, 0.025)]
    assert await office.service.changes_between(office.me, now, 4, 4) == []


# Input versions


def second(document: Document) -> Document:
    """What a second version of the inputs could be: a name in capitals, for every document."""
    return document | {"currency": f"X{document['currency'][1:]}"}


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Switches to a server whose DCF has a second input version."""

    def switch(to: Kind[Any, Any]) -> None:
        monkeypatch.setitem(kinds.KINDS, "DCF", to)

    assert model.KINDS is kinds.KINDS
    return switch


async def test_an_old_document_is_upgraded_when_it_is_read_and_stays_as_it_was(
    office: Office, newer: Any
) -> None:
    made = await office.make(inputs=firm_inputs())
    await office.edit(made, ("bridge.debt", 1.0))
    newer(replace(DCF, input_version=2, upgrades={1: second}))
    models = FinancialModels(office.database)
    read = await office.service.find(office.me, made.id)
    assert read.inputs["currency"] == "XSD"
    kept = await models.find(OURS, made.id)
    assert kept is not None
    assert (kept.input_version, orjson.loads(kept.inputs)["currency"]) == (1, "USD")
    # An edit is made on what was upgraded, and keeps the whole document in today's version.
    await office.edit(made, ("bridge.cash", 2.0))
    kept = await models.find(OURS, made.id)
    assert kept is not None
    assert (kept.input_version, orjson.loads(kept.inputs)["currency"]) == (2, "XSD")
    # The log has both versions, and the past is read through it as it would be read today.
    past = await passed(office, made)
    assert [each["currency"] for each in past] == ["XSD"] * 3
    assert [(each["bridge"]["debt"], each["bridge"]["cash"]) for each in past] == [
        (500.0, 100.0),
        (1.0, 100.0),
        (1.0, 2.0),
    ]


async def test_operations_of_each_version_are_played_on_a_document_of_that_version(
    office: Office, newer: Any
) -> None:
    """An upgrade that depends on what stood there: it may not be done before its time."""

    def doubled(document: Document) -> Document:
        bridge = document["bridge"]
        return document | {"bridge": bridge | {"debt": bridge["debt"] * 2.0}}

    made = await office.make()
    await office.edit(made, ("bridge.debt", 10.0))
    newer(replace(DCF, input_version=2, upgrades={1: doubled}))
    await office.edit(made, ("bridge.cash", 2.0))
    await office.edit(made, ("bridge.debt", 7.0))
    await office.edit(made, ("name", "Newest"))
    past = await passed(office, made)
    assert [each["bridge"]["debt"] for each in past] == [1000.0, 20.0, 20.0, 7.0, 7.0]


async def test_what_a_newer_server_has_written_is_not_read_by_guessing(
    office: Office, newer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_come = replace(DCF, input_version=2, upgrades={1: second})
    newer(to_come)
    made = await office.make(kind=to_come)
    newer(DCF)
    with pytest.raises(Overloaded):
        await office.service.find(office.me, made.id)
    with pytest.raises(Overloaded):
        await office.edit(made, ("bridge.debt", 1.0))
    monkeypatch.delitem(kinds.KINDS, "DCF")  # or of a kind that we have not heard of
    for call in (
        office.service.find(office.me, made.id),
        office.service.at(office.me, made.id, 1),
        office.service.archive(office.me, made.id, "away"),
        office.service.page(office.me, model.Listing(), limit=1),
    ):
        with pytest.raises(Overloaded):
            await call
    with pytest.raises(Overloaded):
        await history.History(FinancialModels(office.database)).document_at(OURS, made.id, DCF, 1)


async def test_another_tenants_history_is_not_there(office: Office) -> None:
    made = await office.make()
    them = replace(office.me, tenant_id=UUID("01900000-0000-7000-8000-00000000000b"))
    with pytest.raises(NotFound):
        await office.service.at(them, made.id, 1)
    assert await office.service.revisions(them, made, limit=10) == []
    with pytest.raises(NotFound):
        await office.service.changes_between(them, made, 1, 1)
