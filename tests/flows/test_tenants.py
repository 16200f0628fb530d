"""Tenants are made, suspended and settled, and members come and go, on a live server."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from uuid import UUID

import pytest

from services.principal import Role
from store.database import Database
from store.directory import Directory
from tests.dcf_documents import firm
from tests.flows.administering import (
    VALUE,
    Join,
    accept,
    create,
    done,
    join,
    refused,
    server,
)
from tests.served import OURS, Served, http
from tests.sockets import talking

__all__ = ["join", "server"]

pytestmark = pytest.mark.anyio

PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000020000000100806000000") + bytes(4)
PNG += bytes(4) + b"IEND" + bytes.fromhex("ae426082")


# Tenants


def test_a_tenant_is_made_and_its_first_owner_comes_in(server: Served, join: Join) -> None:
    with server.operator() as operator:
        made = create(operator, "acme", op="acme")
        again = create(operator, "acme", op="acme")
        listed = operator.data("{ tenants { edges { node { slug } } } }")["tenants"]["edges"]
    assert made["link"] == f"#invitation={made['secret']}"
    assert again["tenant"] == made["tenant"]
    assert again["secret"] is None  # it is told once
    slugs = [edge["node"]["slug"] for edge in listed]
    assert slugs == sorted(slugs)
    assert {"acme", "ours", "theirs"} <= set(slugs)
    assert "system" not in slugs

    ada = join(made["secret"])
    seen = ada.data("{ viewer { role member { name } } tenant { slug members { name role } } }")
    assert seen["viewer"] == {"role": "OWNER", "member": {"name": "Ada"}}
    assert seen["tenant"] == {"slug": "acme", "members": [{"name": "Ada", "role": "OWNER"}]}
    assert accept(server, made["secret"]).status_code == 401  # it is good once


def test_everything_wrong_with_a_new_tenant_is_said_at_once(server: Served) -> None:
    with server.operator() as operator:
        no = refused(
            operator,
            'createTenant(input: {slug: "A B", name: " ", plan: FREE, owner: {email: "ada"}})',
        )
        taken = refused(
            operator,
            'createTenant(input: {slug: "ours", name: "Ours", plan: FREE, '
            'owner: {email: "ada@example.com"}})',
        )
    assert no["code"] == "INVALID_INPUT"
    paths = [issue["path"] for issue in no["issues"]]
    assert paths == ["input.slug", "input.name", "input.owner.email"]
    assert [issue["path"] for issue in taken["issues"]] == ["input.slug"]


def test_an_operation_id_is_for_one_tenant(server: Served) -> None:
    with server.operator() as operator:
        create(operator, "once", op="once")
        no = refused(
            operator,
            'createTenant(input: {slug: "twice", name: "Twice", plan: FREE, '
            'owner: {email: "ada@example.com"}}, operationId: "once")',
        )
    assert no["code"] == "IDEMPOTENCY_KEY_REUSED"


def test_an_operator_sees_what_tenants_have_and_nothing_of_their_own(server: Served) -> None:
    with server.operator() as operator:
        seen = operator.data(
            "{ tenants { edges { node { plan quotas { used } usage { day } } } } }"
        )
        answer = operator.ask("{ tenants { edges { node { members { name } } } } }")
    assert seen["tenants"]["edges"]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}
    assert "openOperatorGrant" in answer["errors"][0]["message"]


async def test_a_suspended_tenant_is_told_why_and_loses_nothing(server: Served, join: Join) -> None:
    with server.operator() as operator:
        made = create(operator, "late-payer")
        owner = join(made["secret"])
        owner.data(VALUE, {"input": firm()})
        token = owner.http.headers["authorization"].removeprefix("Bearer ")
        async with talking(server.origin) as talk:
            await talk.introduce(token)
            done(operator, 'suspendTenant(id: $id, reason: "Unpaid.")', "", id=made["tenant"]["id"])
            code, _ = await talk.ending()
        assert code == 4403
        refusal = owner.post("{ viewer { role } }")
        assert refusal.status_code == 403
        error = refusal.json()["errors"][0]
        assert error["extensions"]["code"] == "FORBIDDEN"
        assert "Unpaid." in error["message"]
        assert accept(server, made["secret"]).status_code == 401  # strangers learn nothing
        done(operator, "resumeTenant(id: $id)", "", id=made["tenant"]["id"])
    seen = owner.data("{ tenant { state stateReason } }")["tenant"]
    assert seen == {"state": "ACTIVE", "stateReason": None}


def test_the_system_is_never_suspended_or_stopped(server: Served) -> None:
    with server.operator() as operator:
        system = operator.data("{ tenant { id } }")["tenant"]["id"]
        no = refused(operator, 'suspendTenant(id: $id, reason: "Why not")', id=system)
        stop = refused(operator, 'stop(target: {tenant: $id}, reason: "Why not")', id=system)
    assert (no["code"], stop["code"]) == ("FORBIDDEN", "INVALID_INPUT")


def test_a_contract_says_instead_of_the_plan(server: Served, join: Join) -> None:
    with server.operator() as operator:
        made = create(operator, "big", plan="FREE")
        wrong = refused(
            operator,
            "setContract(tenantId: $id, contract: {runs: 0, trials: 2000000000, members: 7})",
            id=made["tenant"]["id"],
        )
        done(
            operator,
            "setContract(tenantId: $id, contract: {members: 7, features: [BRANDING]})",
            "",
            id=made["tenant"]["id"],
        )
    paths = [issue["path"] for issue in wrong["issues"]]
    assert paths == ["contract.runs", "contract.trials"]
    owner = join(made["secret"])
    seen = owner.data("{ tenant { plan limits { members models features } } }")["tenant"]
    assert seen["plan"] == "FREE"
    assert seen["limits"] == {"members": 7, "models": 20, "features": ["BRANDING"]}


# Members


def test_roles_are_felt_at_once_and_never_above_oneself(server: Served, join: Join) -> None:
    with server.operator() as operator:
        owner = join(create(operator, "roles")["secret"])
    selected = "... on InvitedMember { secret }"
    invited = done(owner, 'inviteMember(email: "bob@example.com", role: ADMIN)', selected)
    bob = join(invited["secret"], "Bob")
    people = bob.data("{ tenant { members { id name role } } }")["tenant"]["members"]
    ids = {each["name"]: each["id"] for each in people}
    above = refused(bob, "changeRole(memberId: $id, role: OWNER)", id=ids["Bob"])
    at_owner = refused(bob, "removeMember(memberId: $id)", id=ids["Ada"])
    last = refused(owner, "changeRole(memberId: $id, role: ADMIN)", id=ids["Ada"])
    leaving = refused(owner, "removeMember(memberId: $id)", id=ids["Ada"])
    codes = [no["code"] for no in (above, at_owner, last, leaving)]
    assert codes == ["FORBIDDEN", "FORBIDDEN", "CONFLICT", "CONFLICT"]
    done(owner, "changeRole(memberId: $id, role: VIEWER)", "", id=ids["Bob"])
    assert bob.data("{ viewer { role } }") == {"viewer": {"role": "VIEWER"}}
    assert bob.data(VALUE, {"input": firm()})["valueDcf"]["__typename"] == "Refusal"


def test_who_was_removed_is_out_at_once_and_stays_an_author(server: Served, join: Join) -> None:
    with server.operator() as operator:
        owner = join(create(operator, "leavers")["secret"])
    call = 'inviteMember(email: "eve@example.com", role: ANALYST)'
    invited = done(owner, call, "... on InvitedMember { secret }")
    eve = join(invited["secret"], "Eve")
    model = done(
        eve,
        'createModel(input: {name: "Firm", inputs: {dcf: $input}})',
        "... on FinancialModel { id }",
        input=firm(),
    )
    whom = eve.data("{ viewer { member { id } } }")["viewer"]["member"]["id"]
    done(owner, "removeMember(memberId: $id)", "... on Member { state }", id=whom)
    assert eve.post("{ viewer { role } }").status_code == 401
    wrote = owner.data(
        "query ($id: ID!) { model(id: $id) { createdBy { name state } } }", {"id": model["id"]}
    )
    assert wrote["model"]["createdBy"] == {"name": "Eve", "state": "REMOVED"}
    assert [m["name"] for m in owner.data("{ tenant { members { name } } }")["tenant"]["members"]]
    again = join(done(owner, call, "... on InvitedMember { secret }")["secret"], "Eve")
    me = again.data("{ viewer { role member { id } } }")["viewer"]
    assert (me["role"], me["member"]["id"]) == ("ANALYST", whom)  # who they were
    assert eve.post("{ viewer { role } }").status_code == 401  # what has ended stays so


def test_an_invitation_ends_by_a_word_and_by_a_newer_one(server: Served, join: Join) -> None:
    with server.operator() as operator:
        owner = join(create(operator, "inviting")["secret"])
    selected = "... on InvitedMember { secret invitation { id } }"
    call = 'inviteMember(email: "Flo@Example.com", name: "Flo", role: VIEWER)'
    first, second = done(owner, call, selected), done(owner, call, selected)
    assert accept(server, first["secret"]).status_code == 401
    done(owner, "revokeInvitation(id: $id)", "", id=second["invitation"]["id"])
    assert accept(server, second["secret"]).status_code == 401
    assert accept(server, second["secret"][:-1] + "x").status_code == 401
    assert owner.data("{ tenant { invitations { email } } }")["tenant"]["invitations"] == []


def test_a_plan_holds_so_many_members_and_invitations(server: Served, join: Join) -> None:
    with server.operator() as operator:
        owner = join(create(operator, "small", plan="FREE")["secret"])
    call = 'createServiceAccount(name: "Robot", role: ANALYST)'
    made = done(owner, call, "... on Member { kind role }")
    assert (made["kind"], made["role"]) == ("SERVICE", "ANALYST")
    done(owner, 'inviteMember(email: "a@example.com", role: VIEWER)', "")
    no = refused(owner, 'inviteMember(email: "b@example.com", role: VIEWER)')
    assert (no["code"], "FREE plan holds 3" in no["message"]) == ("QUOTA_EXCEEDED", True)
    quotas = owner.data("{ tenant { quotas { name used left } } }")["tenant"]["quotas"]
    assert {"name": "MEMBERS", "used": 3, "left": 0} in quotas


# What a tenant decides


def test_settings_are_checked_and_changed_by_whoever_saw_them(server: Served) -> None:
    with server.caller(Role.ADMIN) as admin:
        no = refused(
            admin,
            'updateTenant(input: {name: "", origins: ["https://a.example/", "http://a.example", '
            '"https://a.example:443", "https://[:::]", "https://ok.example"]})',
        )
        assert [issue["path"] for issue in no["issues"]] == [
            "input.name",
            "input.origins[0]",
            "input.origins[1]",
            "input.origins[2]",
            "input.origins[3]",
        ]
        revision = admin.data("{ tenant { revision } }")["tenant"]["revision"]
        seen = f'updateTenant(input: {{origins: ["https://ok.example"], baseRevision: {revision}}})'
        changed = done(admin, seen, "... on Tenant { revision origins }")
        assert (changed["revision"], changed["origins"]) == (revision + 1, ["https://ok.example"])
        assert refused(admin, seen)["code"] == "CONFLICT"
    assert asyncio.run(origins(server)) == [(f"https://ok.example {OURS}", OURS)]


async def origins(server: Served) -> list[tuple[str, UUID]]:
    """What the directory leads to from pages."""
    database = Database.open(server.parts.settings.database_url)
    try:
        return await Directory(database).page("ORIGIN", limit=10)
    finally:
        await database.close()


def test_a_console_is_branded_by_what_was_looked_at(server: Served) -> None:
    colours = (
        'colours: {primary: "#112233", accent: "#AABBCC", background: "#ffffff", text: "#222222"}'
    )
    with server.caller(Role.OWNER) as owner, http(base_url=server.origin) as anybody:
        assert anybody.get("/branding/ours.json").status_code == 404
        assert (
            anybody.get("/branding/nobody.json").content
            == anybody.get("/branding/theirs.json").content
        )  # no hint of who there is
        pale = refused(owner, f"updateBranding(input: {{{colours.replace('#222222', '#999999')}}})")
        svg = b64encode(b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>').decode()
        script = refused(owner, f"updateBranding(input: {{{colours}, logo: $logo}})", logo=svg)
        assert [issue["path"] for issue in pale["issues"]] == ["input.colours.text"]
        assert [issue["path"] for issue in script["issues"]] == ["input.logo"]
        empty = refused(owner, f"updateBranding(input: {{{colours}, logo: $logo}})", logo="")
        assert [issue["path"] for issue in empty["issues"]] == ["input.logo"]
        done(
            owner,
            f'updateBranding(input: {{name: "Ours & Co", {colours}, logo: $logo}})',
            "... on Tenant { branding { url logoUrl } }",
            logo=b64encode(PNG).decode(),
        )
        page = anybody.get("/branding/ours.json")
        logo = anybody.get(page.json()["logo"])
        fresh = anybody.get("/branding/ours.json", headers={"if-none-match": page.headers["etag"]})
    assert page.json()["name"] == "Ours & Co"
    assert page.json()["colours"]["accent"] == "#aabbcc"
    assert (logo.content, logo.headers["content-type"]) == (PNG, "image/png")
    assert logo.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in logo.headers["content-security-policy"]
    assert (fresh.status_code, fresh.content) == (304, b"")


def test_branding_comes_with_a_plan(server: Served, join: Join) -> None:
    with server.operator() as operator:
        owner = join(create(operator, "plain", plan="FREE")["secret"])
    no = refused(
        owner,
        'updateBranding(input: {colours: {primary: "#112233", accent: "#aabbcc", '
        'background: "#ffffff", text: "#222222"}})',
    )
    assert (no["code"], "PRO plan" in no["message"]) == ("QUOTA_EXCEEDED", True)


def test_plans_are_told_in_numbers_and_words(server: Served) -> None:
    with server.caller(Role.VIEWER) as viewer:
        plans = viewer.data("{ plans { plan description limits { trials models features } } }")
    assert [plan["plan"] for plan in plans["plans"]] == ["FREE", "PRO", "ENTERPRISE"]
    assert plans["plans"][0]["limits"] == {"trials": 100_000, "models": 20, "features": []}
    assert plans["plans"][2]["limits"]["models"] is None
