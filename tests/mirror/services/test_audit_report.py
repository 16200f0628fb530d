"""A period of the audit, added up by member, as data and as a page."""

from __future__ import annotations

from datetime import timedelta
from html import escape
from html.parser import HTMLParser
from uuid import UUID

import pytest

from services.audit import entry
from services.audit_page import page_of
from services.audit_report import SENSITIVE_MOST, AuditReport, document_of
from services.compute import Compute
from services.contents import Unit
from services.edits import Edit
from services.errors import QueryInvalid
from services.financial_models import ModelService
from services.kinds import DCF
from services.principal import Action, Role
from services.standing import KEY_SESSION
from services.valuations import ValuationService
from store import scope
from store.database import Database
from store.tables import MemberRow, OperatorGrantRow, TenantRow
from store.valuations import Valuations
from tests.mirror.services.audited import OURS
from tests.mirror.services.auditing_at_work import NOON, House, somebody
from tests.mirror.services.models_at_work import NobodyCounts, firm_inputs
from tests.mirror.services.tenants_at_work import tenant_service
from tests.model_edits import SHAPES

pytestmark = pytest.mark.anyio
ME = somebody(1)
DAY = timedelta(days=1)


@pytest.fixture
async def house(database: Database) -> House:
    house = House(database)
    await house.people(Role.ADMIN, Role.VIEWER)
    return house


async def report(house: House) -> AuditReport:
    return await house.reports.of(ME, NOON, NOON + DAY)


async def test_it_says_of_each_member_what_they_did(house: House) -> None:
    admin, viewer = somebody(2, Role.ADMIN), somebody(3, Role.VIEWER)
    await house.did(admin, "session.began", "model.read", "model.edited", "model.edited")
    await house.did(admin, "model.read", subject="y")
    await house.did(admin, "member.role_changed", "key.made", subject="z")
    await house.did(somebody(2, session_id=f"{KEY_SESSION}1"), "model.valued", subject="y")
    await house.did(viewer, "model.listed", "valuation.exported", "audit.exported")
    await house.did(None, "run.ended")
    found = await report(house)
    told = {each.name: each for each in found.members}
    two, three, system = told["Member 2"], told["Member 3"], told["The system itself"]
    assert (two.role, two.logins, two.reads, two.models_read) == ("ADMIN", 1, 3, {"x", "y"})
    assert (two.changes, two.models_changed, two.valuations) == (2, {"x"}, 1)
    assert (two.administrative, two.first_at) == (2, NOON + timedelta(seconds=1))
    assert (three.reads, three.exports, three.administrative) == (1, 2, 1)
    assert (system.actor_kind, system.reads) == ("SYSTEM", 0)
    assert found.by_action["model.edited"] == 2
    assert [link.action for link in found.sensitive] == [
        "audit.exported",
        "key.made",
        "member.role_changed",
    ]
    assert found.members[0] is two


async def test_what_operators_do_is_told_one_by_one(house: House) -> None:
    operator = somebody(9, Role.ANALYST, grant_id=UUID(int=7))
    await house.did(operator, "model.read")
    await house.did(ME, "model.read")
    found = await report(house)
    assert [(link.action, link.actor) for link in found.sensitive] == [
        ("model.read", operator.member_id)
    ]
    assert {each.name for each in found.members} >= {"Somebody 00000000"}
    assert "Somebody 00000000 (operator)" in page_of(found)


async def test_an_operator_is_named_as_in_the_grant(house: House) -> None:
    grant = UUID(int=7)
    async with house.database.writing(OURS) as session:
        await session.add_if_absent(
            OperatorGrantRow,
            id=grant,
            operator_id=UUID(int=9),
            operator_name="Olive Operator",
            role="ANALYST",
            reason="A ticket",
            created_at=NOON,
            ends_at=NOON + DAY,
            needs_approval=False,
            approved_by=None,
            approved_at=None,
            ended_by=None,
            ended_at=None,
        )
    await house.did(somebody(9, Role.ANALYST, grant_id=grant), "model.read")
    found = await report(house)
    assert {each.name for each in found.members} >= {"Olive Operator"}
    assert "Olive Operator (operator)" in page_of(found)


async def test_it_is_of_its_period_and_says_from_when_on_the_audit_is_kept(house: House) -> None:
    await house.did(ME, "model.read")
    house.at[0] = NOON + DAY - timedelta(seconds=1)
    await house.did(ME, "model.edited")  # at the end, which is not in the period
    found = await report(house)
    assert (found.events, list(found.by_action)) == (1, ["model.read"])
    assert found.kept_since == NOON + timedelta(seconds=1)
    assert found.head[0] == 3  # the look of whoever made the report is on record, at another time
    with pytest.raises(QueryInvalid, match="400 days"):
        await house.reports.of(ME, NOON, NOON + timedelta(days=401))


async def test_a_long_period_is_added_up_in_pages(house: House) -> None:
    for start in range(0, 2_500, 500):
        await house.note(
            *(
                entry(ME, "key.made", "key", f"k{number}", at=NOON)
                for number in range(start, start + 500)
            )
        )
    found = await report(house)
    assert (found.events, found.sensitive_events) == (2_500, 2_500)
    assert len(found.sensitive) == SENSITIVE_MOST
    assert "2,000 came before" in page_of(found)


async def test_it_is_json(house: House) -> None:
    await house.did(ME, "model.read", "key.made")
    told = document_of(await report(house))
    assert told["members"][0]["modelsRead"] == ["x"]
    assert told["sensitive"][0]["action"] == "key.made"
    assert told["from"] == "2026-03-01T12:00:00.000000Z"


class Strict(HTMLParser):
    """Every element that begins ends, in order; and which elements and attributes there are."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_the_page_is_well_formed_and_nothing_in_it_is_taken_for_html(house: House) -> None:
    evil = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"
    async with house.database.writing(OURS) as session:
        await session.execute(scope.update(TenantRow, "name"), name=evil)
        await session.execute(
            scope.update(MemberRow, "name").where(scope.equals(MemberRow, "id", "who")),
            who=UUID(int=2),
            name=evil,
        )
    await house.note(entry(somebody(2), f"key.<{evil}"[:60], "<b>", evil[:100], at=NOON, told=evil))
    page = page_of(await report(house))
    parser = Strict()
    parser.feed(page)
    assert parser.open == []
    assert not {"script", "img", "b", "link", "iframe"} & parser.seen
    assert not {"src", "href", "onerror", "onclick"} & parser.attributes
    assert "&lt;script&gt;" in page
    assert "http://" not in page
    assert "https://" not in page


async def test_old_and_new_values_are_told_and_that_is_a_look(
    house: House,
) -> None:
    tenants = tenant_service(house.database)
    valuations = ValuationService(
        Valuations(house.database), tenants, Compute(), NobodyCounts(), house.looks
    )
    models = ModelService(
        house.models, tenants, valuations, SHAPES, house.looks, clock=lambda: house.at[0]
    )
    made = await models.create(ME, kind=DCF, name="<Firm>", unit=Unit.ONES, inputs=firm_inputs())
    wacc = made.inputs["capital"]["wacc"]
    await models.edit(ME, made.id, "first", [Edit("capital.wacc", 0.11)])
    await models.edit(ME, made.id, "second", [Edit("capital.wacc", 0.12), Edit("name", "<Co>")])
    before = await house.actions()
    found = await report(house)
    assert [action for action in await house.actions() if action not in before] == [
        "audit.read",
        "model.history_read",
    ]
    told = document_of(found)["edits"]
    assert [(each["operationId"], each["revision"], each["name"]) for each in told] == [
        ("second", 3, "<Co>"),
        ("first", 2, "<Co>"),
    ]
    assert {(each["path"], each["from"], each["to"]) for each in told[0]["changes"]} == {
        ("capital.wacc", 0.11, 0.12),
        ("name", "<Firm>", "<Co>"),
    }
    (only,) = told[1]["changes"]
    assert (only["path"], only["from"], only["to"]) == ("capital.wacc", wacc, 0.11)
    page = page_of(found)
    assert escape(only["text"]) in page
    assert "&lt;Co&gt;" in page
    # A key that may read the audit and no model is told that there were edits, and not which.
    key = somebody(1, scopes=frozenset({Action.READ_AUDIT}))
    kept_back = await house.reports.of(key, NOON, NOON + DAY)
    assert (kept_back.by_action["model.edited"], len(kept_back.edits)) == (2, 0)


async def test_a_failed_sign_in_and_a_token_that_was_used_twice_are_told(house: House) -> None:
    await house.did(None, "session.refused", "session.reused", "session.refused")
    found = await report(house)
    assert [link.action for link in found.sensitive] == [
        "session.refused",
        "session.reused",
        "session.refused",
    ]


async def test_an_empty_period_has_a_page_too(house: House) -> None:
    found = await house.reports.for_tenant(OURS, NOON, NOON + DAY)
    page = page_of(found)
    assert "The audit holds no event." in page
    assert "Nobody did anything in this period." in page
