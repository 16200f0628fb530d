"""Reading the audit: what is on record of real models, who saw them, and copies to take away."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import orjson
import pytest

from services.audit import entry
from services.audit_export import PAGE, Format, csv_text
from services.audit_log import COALESCED_S
from services.audit_reading import EventFilter
from services.compute import Compute
from services.contents import Unit
from services.edits import Edit
from services.errors import Forbidden, NotFound, QueryInvalid, QuotaExceeded
from services.financial_models import ModelService
from services.kinds import DCF
from services.principal import ALLOWED, Action, Principal, Role
from services.standing import KEY_SESSION
from services.valuations import ValuationService
from store.database import Database
from store.valuations import Valuations
from tests.mirror.services.audited import KEY, OURS, THEIRS
from tests.mirror.services.auditing_at_work import House, somebody
from tests.mirror.services.models_at_work import NobodyCounts, firm_inputs
from tests.mirror.services.tenants_at_work import tenant_service
from tests.model_edits import SHAPES

pytestmark = pytest.mark.anyio
ME = somebody(1)
GRANT = UUID(int=77)
OPERATOR = somebody(9, Role.ANALYST, grant_id=GRANT)


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


@pytest.fixture
def models(house: House) -> ModelService:
    """Models at work in this house, whose looks are on record."""
    tenants = tenant_service(house.database)
    valuations = ValuationService(
        Valuations(house.database), tenants, Compute(), NobodyCounts(), house.looks
    )
    return ModelService(house.models, tenants, valuations, SHAPES, house.looks)


async def made(models: ModelService, who: Principal = ME, name: str = "Firm") -> UUID:
    model = await models.create(
        who, kind=DCF, name=name, unit=Unit.ONES, inputs=firm_inputs(), operation_id="make"
    )
    return model.id


async def hows(house: House, model_id: UUID, **period: object) -> list[tuple[str, int]]:
    """How somebody saw it, and who, oldest first."""
    wanted = {"since": None, "until": None} | period
    found = await house.reading.access_list(ME, model_id, limit=100, **wanted)  # type: ignore[arg-type] # a period's ends
    return [
        (seen.how, 0 if seen.event.link.actor is None else seen.event.link.actor.int)
        for seen in reversed(found)
    ]


async def test_each_change_of_a_model_is_on_record_with_its_operation(
    house: House, models: ModelService
) -> None:
    model_id = await made(models)
    await models.edit(ME, model_id, "edit", [Edit("name", "Company")])
    await models.archive(ME, model_id, "away")
    await models.archive(ME, model_id, "back", archived=False)
    await models.restore(ME, model_id, 1, "again")
    await house.chainer.drain(OURS)
    links = await house.found.page(OURS, EventFilter(subjects=(str(model_id),)), limit=10)
    assert [(link.action, link.operation_id, link.details) for link in links] == [
        ("model.created", "make", '{"seq":1}'),
        ("model.edited", "edit", '{"seq":2}'),
        ("model.archived", "away", '{"seq":3}'),
        ("model.archived", "back", '{"seq":4}'),
        ("model.restored", "again", '{"seq":5}'),
    ]
    assert {(link.actor_kind, link.actor, link.session) for link in links} == {
        ("MEMBER", ME.member_id, "session-1")
    }


async def test_a_repeat_and_a_refusal_are_looks_and_no_change(
    house: House, models: ModelService
) -> None:
    model_id = await made(models)
    await models.edit(ME, model_id, "edit", [Edit("name", "Company")])
    await models.edit(ME, model_id, "edit", [Edit("name", "Company")])
    with pytest.raises(Exception, match="name"):
        await models.edit(ME, model_id, "wrong", [Edit("name", "")])
    assert await house.actions() == ["model.created", "model.edited", "model.read"]
    house.timer[0] += COALESCED_S
    await models.edit(ME, model_id, "edit", [Edit("name", "Company")])
    assert (await house.actions())[-1] == "model.read"


async def test_the_access_list_says_who_saw_a_model_how_and_by_which_grant(
    house: House, models: ModelService
) -> None:
    await house.people(Role.ADMIN, Role.VIEWER)
    model_id = await made(models)
    other = await models.create(ME, kind=DCF, name="Other", unit=Unit.ONES, inputs=firm_inputs())
    seen = await models.find(somebody(3, Role.VIEWER), model_id)
    await models.revisions(somebody(3, Role.VIEWER), seen, limit=10)
    await models.find(OPERATOR, model_id)
    _, recorded = await models.value(somebody(2, Role.ADMIN), model_id)
    await models._valuations.find(somebody(3, Role.VIEWER), recorded.id)
    await house.looks.took(
        somebody(3, Role.VIEWER), "valuation.exported", "valuation", recorded.id, format="xlsx"
    )
    await models.find(ME, other.id)
    assert await hows(house, model_id) == [
        ("CHANGED", 1),
        ("READ", 3),
        ("HISTORY", 3),
        ("READ", 9),
        ("READ", 2),
        ("VALUED", 2),
        ("VALUATION_READ", 3),
        ("WORKBOOK", 3),
    ]
    found = await house.reading.access_list(ME, model_id, None, None, limit=100)
    assert [(seen.event.link.actor_kind, seen.grant_id) for seen in found if seen.grant_id] == [
        ("OPERATOR", GRANT)
    ]


async def test_the_access_list_is_of_a_period_and_comes_in_pages(
    house: House, models: ModelService
) -> None:
    model_id = await made(models)
    for number in range(5):
        await house.note(
            entry(ME, "model.read", "model", model_id, at=house.at[0] + timedelta(hours=number))
        )
    since, until = (house.at[0] + timedelta(hours=hours) for hours in (1, 3))
    assert len(await hows(house, model_id, since=since, until=until)) == 2
    first = await house.reading.access_list(ME, model_id, None, None, limit=2)
    then = await house.reading.access_list(
        ME, model_id, None, None, limit=2, beyond=first[-1].event.link.seq
    )
    seqs = [seen.event.link.seq for seen in (*first, *then)]
    assert seqs == sorted(seqs, reverse=True)
    assert len(set(seqs)) == 4


async def test_nobody_learns_of_another_tenants_models(house: House, models: ModelService) -> None:
    model_id = await made(models)
    theirs = somebody(2, tenant_id=THEIRS)
    for id_ in (model_id, uuid4()):
        with pytest.raises(NotFound):
            await house.reading.access_list(theirs, id_, None, None, limit=1)


@pytest.mark.parametrize("role", Role)
async def test_those_who_may_read_the_audit_do(house: House, role: Role) -> None:
    who = somebody(role=role)
    allowed = Action.READ_AUDIT in ALLOWED[role]
    for ask in (
        lambda: house.reading.events(who, EventFilter(), limit=1),
        lambda: house.reports.of(who, house.at[0], house.at[0] + timedelta(days=1)),
    ):
        if allowed:
            await ask()
        else:
            with pytest.raises(Forbidden):
                await ask()


async def test_whoever_reads_the_audit_is_in_it(house: House) -> None:
    found = await house.reading.events(ME, EventFilter(), limit=10)
    assert [event.link.action for event in found] == ["audit.read"]


async def test_a_period_that_ends_before_it_begins_is_none(house: House) -> None:
    wrong = EventFilter(since=house.at[0], until=house.at[0])
    with pytest.raises(QueryInvalid, match="ends before it begins"):
        await house.reading.events(ME, wrong, limit=10)


async def test_a_key_is_told_from_the_member_whose_it_is(house: House) -> None:
    await house.did(somebody(session_id=f"{KEY_SESSION}5"), "model.read")
    (event,) = await house.reading.events(ME, EventFilter(actor=ME.member_id), limit=1)
    assert event.link.action == "audit.read"
    await house.chainer.drain(OURS)
    (link,) = await house.found.page(OURS, EventFilter(actions=("model.read",)), limit=2)
    assert (link.actor_kind, link.actor) == ("SERVICE", ME.member_id)


async def exported(
    house: House, written_as: Format = Format.JSONL, wanted: EventFilter | None = None
) -> bytes:
    pages = await house.reading.export(ME, wanted or EventFilter(), written_as)
    return b"".join([page async for page in pages])


async def test_an_export_is_whole_signed_to_its_end_and_on_record(house: House) -> None:
    from services.audit_verification import verify

    await house.plan("ENTERPRISE")
    await house.did(ME, *["model.read"] * 3)
    text = (await exported(house)).decode()
    found = verify(text.splitlines(), KEY.public)
    assert (found.events, found.signed) == (4, 4)
    last = orjson.loads(text.splitlines()[-3])["event"]
    assert (last["action"], last["details"]) == ("audit.exported", '{"format":"JSONL"}')


async def test_a_long_export_comes_in_pages_and_is_whole(house: House) -> None:
    many = 2 * PAGE + 7
    await house.note(*[entry(ME, "model.read", "model", "m", at=house.at[0])] * 1)
    for start in range(1, many, 500):
        await house.note(
            *(
                entry(ME, "model.read", "model", f"m{number}", at=house.at[0])
                for number in range(start, min(start + 500, many))
            )
        )
    await house.chainer.drain(OURS)
    await house.chainer.sign(OURS)
    sizes = [len(page) async for page in house.export.pages(OURS)]
    assert max(sizes) <= PAGE + 1
    assert len(sizes) == 5
    assert (await house.verified()).events == many


async def test_what_happens_while_it_is_exported_is_not_in_it(house: House) -> None:
    await house.did(ME, "model.read")
    await house.chainer.drain(OURS)
    lines = []
    async for page in house.export.pages(OURS):
        lines += page
        await house.did(ME, "model.edited")
        await house.chainer.drain(OURS)
        await house.chainer.sign(OURS)
    assert [line["event"]["action"] for line in lines if "event" in line] == ["model.read"]
    assert lines[-1]["end"]["seq"] == 1


async def test_an_export_may_be_of_some_events(house: House) -> None:
    from services.audit_verification import verify

    await house.plan("ENTERPRISE")
    await house.did(ME, "model.read", "model.edited", "model.read")
    wanted = EventFilter(actions=("model.read",))
    text = (await exported(house, wanted=wanted)).decode()
    found = verify(text.splitlines(), KEY.public)
    assert (found.events, found.filtered) == (2, True)


async def test_no_cell_of_a_spreadsheet_is_a_formula(house: House) -> None:
    await house.plan("ENTERPRISE")
    evil = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", 'x",=1']
    await house.note(
        *(
            entry(ME, "model.read", "model", text, operation_id="=1+1", at=house.at[0])
            for text in evil
        )
    )
    rows = list(csv.reader(io.StringIO((await exported(house, Format.CSV)).decode(), newline="")))
    assert rows[0][0] == "seq"
    subjects = {row[6] for row in rows[1:-1]}
    assert subjects == {*(f"'{text}" for text in evil[:-1]), evil[-1]}
    assert {row[7] for row in rows[1:-1]} == {"'=1+1"}
    assert csv_text([("a;=1;2; @B", " =1")]) == b"a;'=1;2;' @B,' =1\r\n"
    assert csv_text([("=1", 5, None)]) == b"'=1,5,\r\n"


async def test_the_export_is_what_a_plan_has(house: House) -> None:
    with pytest.raises(QuotaExceeded, match="ENTERPRISE"):
        await exported(house)
    with pytest.raises(Forbidden):
        await house.reading.export(somebody(role=Role.ANALYST), EventFilter(), Format.CSV)
    assert await house.actions() == []


async def test_a_model_that_is_listed_was_seen(house: House, models: ModelService) -> None:
    from services.model import Listing

    model_id = await made(models)
    viewer = somebody(3, Role.VIEWER)
    await house.people(Role.ADMIN, Role.VIEWER)
    await models.page(viewer, Listing(), limit=10)
    await models.duplicate(ME, model_id, name="Copy")
    assert await hows(house, model_id) == [("CHANGED", 1), ("LISTED", 3), ("READ", 1)]


async def test_a_valuation_of_no_model_is_on_record_too(house: House, models: ModelService) -> None:
    recorded = await models._valuations.value(ME, DCF, firm_inputs())
    again = await models._valuations.value(replace(ME, session_id="x"), DCF, firm_inputs())
    assert recorded.id == again.id
    await house.chainer.drain(OURS)
    links = await house.found.page(OURS, EventFilter(subjects=(recorded.id,)), limit=5)
    assert [link.action for link in links] == ["valuation.made"] * 2
