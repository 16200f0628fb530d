"""Whom a tenant's provider vouches for: who that is here, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from observability.logs import Logs
from services.administration import Administration
from services.attempts import OF_ADDRESS, Attempts
from services.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    RateLimited,
    Unauthenticated,
)
from services.federation import Federation, challenge_of, role_of
from services.holds import HoldService
from services.id_tokens import Header, IssuerKey
from services.identity_provider import Given, Provider
from services.identity_providers import IdentityProviderService, lead
from services.issuers import Issuers, IssuerUnfit, Metadata
from services.principal import Principal, Role
from services.signed_in import Tokens
from store import members, scope
from store.changes import Changes
from store.database import Database
from store.directory import Directory
from store.financial_models import FinancialModels
from store.holds import Holds
from store.identity_providers import IdentityProviders
from store.tables import FederatedIdentityRow, IdentityProviderRow, MemberRow, SessionRow, TenantRow
from store.tenants import Tenants
from tests.mirror.services.signing_in import ADA, HOME, OWNER, Desk, desk, somebody
from tests.mirror.store.conftest import (
    database,
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
    sqlite_template,
)
from tests.mirror.store.world import OURS, THEIRS

__all__ = [
    "database", "place", "postgres_place", "postgres_roles", "postgres_template", "sqlite_place",
    "sqlite_template",
]  # fmt: skip

pytestmark = pytest.mark.anyio
# What is decided here, from rows that either database hands over alike, is asked of one.
rule = pytest.mark.parametrize("place", ["sqlite"], indirect=True)

ISSUER: Final = "https://login.example"
SECRET: Final = "a secret of the client"
KEY: Final = ECKey.generate_key("P-256", {"kid": "k"})
BOSS: Final = somebody(OWNER, Role.OWNER)
GIVEN: Final = Given(
    issuer=ISSUER,
    client_id="valor",
    client_secret=SECRET,
    role_claim="groups",
    roles=[("desk", Role.ANALYST), ("heads", Role.ADMIN)],
    default_role=Role.VIEWER,
)


class World(Issuers):
    """An issuer that always answers; what it says is a token signed with its key."""

    def __init__(self) -> None:
        self.unfit: str | None = None
        self.redeemed: list[tuple[str, str | None]] = []
        self.token = ""
        self.meanwhile: Callable[[], Awaitable[object]] | None = None  # while it is asked

    async def check(self, issuer: str) -> Metadata:
        if self.unfit is not None:
            raise IssuerUnfit(self.unfit)
        return await self.metadata(issuer)

    async def metadata(self, issuer: str) -> Metadata:
        return Metadata(
            issuer=issuer,
            authorization_endpoint=f"{issuer}/auth",
            token_endpoint=f"{issuer}/token",
            jwks_uri=f"{issuer}/jwks",
            algorithms=frozenset({"ES256"}),
            secret_in_body=False,
            says_issuer=False,
        )

    async def key(self, issuer: str, header: Header) -> IssuerKey:
        assert issuer.startswith("https://")
        if self.meanwhile is not None:
            await self.meanwhile()
        return IssuerKey(KEY, header.kid, frozenset({"ES256"}))

    async def redeem(
        self, metadata: Metadata, client: tuple[str, str | None], **_: Any
    ) -> dict[str, Any]:
        assert metadata.issuer == ISSUER
        self.redeemed.append(client)
        return {"id_token": self.token}


@dataclass
class Here:
    """Where people come in."""

    desk: Desk
    world: World
    providers: IdentityProviderService
    federation: Federation
    seen: list[Tokens] = field(default_factory=list)

    def token(self, subject: str, **claims: Any) -> str:
        now = int(self.desk.clock.now.timestamp())
        said = {
            "iss": ISSUER, "aud": "valor", "sub": subject, "iat": now, "exp": now + 300, **claims
        }  # fmt: skip
        return jwt.encode({"alg": "ES256", "kid": "k"}, said, KEY, ["ES256"])

    async def come(self, subject: str, **claims: Any) -> Principal:
        """Who somebody is here whom the provider vouches for."""
        tokens = await self.federation.exchange(self.token(subject, **claims), address=HOME)
        self.seen.append(tokens)
        return tokens.principal

    async def member(self, member_id: UUID) -> Any:
        async with self.desk.database.reading(OURS) as session:
            return await members.find(session, member_id)

    async def rows(self, row: Any) -> list[Any]:
        async with self.desk.database.reading(OURS) as session:
            return list(await session.all(scope.select(row)))

    async def erase(self, member_id: UUID) -> None:
        """Forget who a member is."""
        database = self.desk.database
        holds = HoldService(
            Holds(database),
            Tenants(database),
            FinancialModels(database),
            Administration(Changes(database), self.desk.standings, self.desk.clock),
            self.desk.identity.sealer,
        )
        await holds.erase(BOSS, member_id)

    async def buy(self, plan: str, settings: str = "{}") -> None:
        change = scope.update(TenantRow, "plan", "settings")
        async with self.desk.database.writing(OURS) as session:
            await session.execute(change, plan=plan, settings=settings)
        self.desk.standings.forget(OURS)


@pytest.fixture
async def here(database: Database) -> AsyncIterator[Here]:
    async with desk(database) as made:
        world, directory = World(), Directory(database)
        administration = Administration(Changes(database), made.standings, made.clock)
        store = IdentityProviders(database)
        providers = IdentityProviderService(
            store, directory, administration, made.standings, world, made.identity.sealer
        )
        federation = Federation(
            store,
            directory,
            providers,
            administration,
            made.standings,
            world,
            made.identity.signed_in,
            Attempts(Logs("CRITICAL").get("identity")),
            made.clock,
        )
        it = Here(made, world, providers, federation)
        await it.buy("ENTERPRISE")
        yield it


async def test_a_stranger_becomes_a_member_and_is_the_same_one_the_next_time(here: Here) -> None:
    provider = await here.providers.set(BOSS, GIVEN)
    first = await here.come("sub-1", name="  Ada\u0007 L. ", email="a@x.example", groups=["desk"])
    again = await here.come("sub-1", name="Another", email="b@x.example", groups=["desk"])
    other = await here.come("sub-2", name="Ada L.", email="a@x.example", groups=["desk"])
    assert first.member_id == again.member_id != other.member_id
    member = await here.member(first.member_id)
    assert (member.name, member.role, member.email) == ("Ada L.", "ANALYST", None)
    links = await here.providers.identities(BOSS, provider.id)
    assert [link.subject for link in links] == ["sub-1", "sub-2"]
    log = await here.desk.audit()
    assert log[-5:] == [
        "member.joined", "session.began", "session.began", "member.joined", "session.began",
    ]  # fmt: skip


@rule
async def test_an_address_is_kept_only_if_the_provider_has_verified_it(here: Here) -> None:
    await here.providers.set(BOSS, GIVEN)
    sure = await here.come("a", email="a@x.example", email_verified=True)
    assert (await here.member(sure.member_id)).email == "a@x.example"
    for number, said in enumerate((False, "true", 1, None)):
        unsure = await here.come(f"u{number}", email="u@x.example", email_verified=said)
        assert (await here.member(unsure.member_id)).email is None


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"groups": ["desk"]}, Role.ANALYST),
        ({"groups": ["desk", "heads"]}, Role.ADMIN),
        ({"groups": "heads"}, Role.ADMIN),
        ({"groups": ["DESK"]}, Role.VIEWER),
        ({"groups": []}, Role.VIEWER),
        ({"groups": {"desk": True}}, Role.VIEWER),
        ({"groups": [["desk"], 1, None]}, Role.VIEWER),
        ({"groups": "OWNER"}, Role.VIEWER),
        ({}, Role.VIEWER),
        ({"role": "OWNER"}, Role.VIEWER),
    ],
    ids=str,
)
def test_the_claims_values_say_what_somebody_is_and_the_mightiest_counts(
    claims: dict[str, Any], role: Role
) -> None:
    assert role_of(provider_of(GIVEN), claims) == role
    assert role_of(provider_of(replace(GIVEN, default_role=None)), claims) == (
        None if role is Role.VIEWER else role
    )


@pytest.mark.parametrize("name", ["realm_access.roles", "https://x.example/roles"])
def test_a_claim_may_lie_inside_another_and_may_have_dots_in_its_name(name: str) -> None:
    provider = provider_of(replace(GIVEN, role_claim=name))
    claims = {"realm_access": {"roles": ["desk"]}, "https://x.example/roles": ["desk"]}
    assert role_of(provider, claims) is Role.ANALYST
    assert role_of(provider, {"realm_access": "desk"}) is Role.VIEWER


def provider_of(given: Given) -> Provider:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Provider(
        id=UUID(int=1),
        issuer=given.issuer,
        client_id=given.client_id,
        has_secret=False,
        role_claim=given.role_claim,
        roles=dict(given.roles),
        default_role=given.default_role,
        enabled=True,
        created_at=moment,
        updated_at=moment,
    )


@rule
async def test_todays_claim_counts_and_who_has_no_role_stays_out(here: Here) -> None:
    await here.providers.set(BOSS, GIVEN)
    who = await here.come("max", groups=["heads"])
    assert who.role is Role.ADMIN
    assert (await here.come("max", groups=["desk"])).role is Role.ANALYST
    assert (await here.desk.standings.of(here.seen[0].principal)).principal.role is Role.ANALYST
    assert (await here.come("max")).role is Role.VIEWER
    await here.providers.set(BOSS, replace(GIVEN, default_role=None))
    with pytest.raises(Unauthenticated):
        await here.come("max")
    assert (await here.come("max", groups=["heads"])).role is Role.ADMIN


@rule
async def test_an_owner_stays_one_and_without_a_claim_everybody_stays_what_they_are(
    here: Here,
) -> None:
    provider = await here.providers.set(BOSS, GIVEN)
    await here.providers.link(BOSS, provider.id, "olga", OWNER)
    assert (await here.come("olga", groups=["desk"])).role is Role.OWNER
    await here.providers.set(BOSS, replace(GIVEN, role_claim=None, roles=[]))
    await here.providers.link(BOSS, provider.id, "ada", ADA)
    assert (await here.come("ada", groups=["heads"])).role is Role.ANALYST


@rule
async def test_strangers_stay_out_unless_it_was_said_what_they_become(here: Here) -> None:
    provider = await here.providers.set(BOSS, replace(GIVEN, default_role=None))
    with pytest.raises(Unauthenticated):
        await here.come("nobody", groups=["desk"])
    await here.providers.link(BOSS, provider.id, "nobody", ADA)
    assert (await here.come("nobody", groups=["desk"])).member_id == ADA


@rule
async def test_a_plan_without_a_seat_or_without_providers_lets_nobody_new_in(here: Here) -> None:
    await here.providers.set(BOSS, GIVEN)
    ada = await here.come("first")
    seats = len([row for row in await here.rows(MemberRow) if row["state"] == "ACTIVE"])
    await here.buy("ENTERPRISE", f'{{"contract": {{"members": {seats}}}}}')
    with pytest.raises(QuotaExceeded):
        await here.come("second")
    assert (await here.come("first")).member_id == ada.member_id
    await here.buy("PRO")
    with pytest.raises(Unauthenticated):
        await here.come("first")
    with pytest.raises(QuotaExceeded, match="ENTERPRISE"):
        await here.providers.set(BOSS, GIVEN)


@rule
async def test_a_tenant_that_is_suspended_lets_nobody_in(here: Here) -> None:
    await here.providers.set(BOSS, GIVEN)
    async with here.desk.database.writing(OURS) as session:
        change = scope.update(TenantRow, "state", "state_reason")
        await session.execute(change, state="SUSPENDED", state_reason="Unpaid.")
    here.desk.standings.forget(OURS)
    with pytest.raises(Forbidden, match="Unpaid"):
        await here.come("ada")


async def test_whoever_was_removed_or_unlinked_is_nobody(here: Here) -> None:
    provider = await here.providers.set(BOSS, GIVEN)
    who = await here.come("max")
    await here.providers.unlink(BOSS, provider.id, "max")
    with pytest.raises(Unauthenticated):
        await here.desk.standings.of(who)  # the session ended with it
    again = await here.come("max")
    assert again.member_id != who.member_id
    member = await here.member(again.member_id)
    async with here.desk.database.writing(OURS) as session:
        await members.change(session, replace(member, state="REMOVED"))
    with pytest.raises(Unauthenticated):
        await here.come("max")


async def test_whoever_was_erased_does_not_come_back_as_a_stranger(here: Here) -> None:
    """What is kept of them tells nobody who they are, and is let go of by hand."""
    provider = await here.providers.set(BOSS, GIVEN)
    who = await here.come("max@x.example", groups=["desk"])
    await here.erase(who.member_id)
    with pytest.raises(Unauthenticated):
        await here.come("max@x.example", groups=["desk"])
    (kept,) = await here.providers.identities(BOSS, provider.id)
    assert kept.member_id == who.member_id
    assert "max" not in str([dict(row) for row in await here.rows(FederatedIdentityRow)])
    with pytest.raises(Unauthenticated):
        await here.come(kept.subject)  # as somebody would be who has seen what is kept
    assert (await here.come("mia@x.example")).member_id != who.member_id
    await here.providers.unlink(BOSS, provider.id, kept.subject)
    again = await here.come("max@x.example")
    assert again.member_id != who.member_id


@rule
async def test_whoever_was_erased_comes_back_as_the_member_that_an_administrator_names(
    here: Here,
) -> None:
    provider = await here.providers.set(BOSS, GIVEN)
    await here.erase((await here.come("max")).member_id)
    await here.providers.link(BOSS, provider.id, "max", ADA)
    assert (await here.come("max", groups=["desk"])).member_id == ADA


async def test_two_first_visits_at_one_moment_make_one_member(here: Here) -> None:
    await here.providers.set(BOSS, GIVEN)
    both = await asyncio.gather(*(here.come("max") for _ in range(4)))
    assert len({who.member_id for who in both}) == 1


async def test_sessions_end_when_their_provider_is_disabled_or_removed_and_others_do_not(
    here: Here,
) -> None:
    provider = await here.providers.set(BOSS, GIVEN)
    await here.providers.link(BOSS, provider.id, "ada", ADA)
    by_password = (await here.desk.sign_in()).principal
    for end in (here.providers.disable, here.providers.remove):
        await here.providers.enable(BOSS, provider.id)
        who = await here.come("ada", groups=["desk"])
        await here.desk.standings.of(who)
        await end(BOSS, provider.id)
        with pytest.raises(Unauthenticated):
            await here.desk.standings.of(who)
        with pytest.raises(Unauthenticated):
            await here.come("ada", groups=["desk"])
    await here.desk.standings.of(by_password)
    assert await here.providers.all(BOSS) == []
    why = {row["ended_why"] for row in await here.rows(SessionRow)}
    assert {"PROVIDER_DISABLED", "PROVIDER_REMOVED"} <= why
    await here.providers.set(BOSS, GIVEN)  # anew: nobody is linked
    assert (await here.come("ada")).member_id != ADA


async def test_whatever_is_done_to_a_provider_while_it_is_asked_counts(here: Here) -> None:
    provider = await here.providers.set(BOSS, GIVEN)
    for meanwhile in (
        lambda: here.providers.disable(BOSS, provider.id),
        lambda: here.providers.set(BOSS, replace(GIVEN, client_id="another")),
        lambda: here.providers.remove(BOSS, provider.id),
    ):
        await here.providers.set(BOSS, GIVEN)
        await here.providers.enable(BOSS, provider.id)
        here.world.meanwhile = meanwhile
        with pytest.raises(Unauthenticated):
            await here.come("ada")
        here.world.meanwhile = None
    assert "ada" not in str([dict(row) for row in await here.rows(FederatedIdentityRow)])


@rule
async def test_an_administrator_makes_no_way_in_for_an_owner(here: Here) -> None:
    provider = await here.providers.set(BOSS, GIVEN)
    admin = await here.come("boss", groups=["heads"])
    with pytest.raises(Forbidden):
        await here.providers.link(admin, provider.id, "boss-2", OWNER)
    await here.providers.link(BOSS, provider.id, "olga", OWNER)
    with pytest.raises(Forbidden):
        await here.providers.unlink(admin, provider.id, "olga")
    with pytest.raises(Forbidden):
        await here.providers.set(somebody(), GIVEN)
    # Another issuer, which is theirs alone, is another provider: nobody is an owner by it.
    await here.providers.set(admin, replace(GIVEN, issuer="https://mine.example"))
    token = here.token("olga", iss="https://mine.example")
    found = await here.federation.exchange(token, address=HOME)
    assert found.principal.role is Role.VIEWER


async def test_a_client_leads_to_one_tenant(here: Here) -> None:
    directory = Directory(here.desk.database)
    await directory.put("ISSUER", lead(ISSUER, "theirs"), THEIRS)
    with pytest.raises(Conflict):
        await here.providers.set(BOSS, replace(GIVEN, client_id="theirs"))
    assert await here.providers.all(BOSS) == []
    await here.providers.set(BOSS, GIVEN)
    await here.providers.set(BOSS, replace(GIVEN, client_id="renewed"))
    assert await directory.find("ISSUER", lead(ISSUER, "valor")) is None
    with pytest.raises(Unauthenticated):
        await here.come("ada")  # for the client of before
    assert (await here.come("ada", aud="renewed")).role is Role.VIEWER
    await directory.put("ISSUER", lead(ISSUER, "stale"), OURS)  # as a process that died leaves it
    with pytest.raises(Unauthenticated):
        await here.come("ada", aud="stale")


async def test_a_client_that_was_given_up_is_free_and_a_repeat_takes_it_from_nobody(
    here: Here,
) -> None:
    directory = Directory(here.desk.database)
    provider = await here.providers.set(BOSS, GIVEN)
    await here.providers.remove(BOSS, provider.id, "remove")
    assert await directory.put("ISSUER", lead(ISSUER, "valor"), THEIRS) == THEIRS
    await here.providers.remove(BOSS, provider.id, "remove")
    assert await directory.find("ISSUER", lead(ISSUER, "valor")) == THEIRS


async def test_a_change_is_made_once_and_its_secret_is_in_no_row(here: Here) -> None:
    first = await here.providers.set(BOSS, GIVEN, "op-1")
    again = await here.providers.set(BOSS, GIVEN, "op-1")
    assert first == again
    with pytest.raises(IdempotencyKeyReused):
        await here.providers.set(BOSS, replace(GIVEN, client_id="other"), "op-1")
    directory = Directory(here.desk.database)
    assert await directory.find("ISSUER", lead(ISSUER, "other")) is None  # anybody's still
    assert await directory.find("ISSUER", lead(ISSUER, "valor")) == OURS
    (row,) = await here.rows(IdentityProviderRow)
    assert SECRET not in str(dict(row))
    log = await here.desk.audit()
    assert log.count("identity_provider.set") == 1
    kept = await here.providers.set(BOSS, replace(GIVEN, client_secret=None))
    assert kept.has_secret
    public = await here.providers.set(BOSS, replace(GIVEN, client_id="another", client_secret=None))
    assert not public.has_secret  # a secret is its client's


@rule
async def test_a_code_is_redeemed_with_the_secret_and_proves_what_the_browser_asked_for(
    here: Here,
) -> None:
    await here.providers.set(BOSS, GIVEN)
    there = await here.federation.depart("ours")
    assert there.challenge == challenge_of(there.verifier)
    arriving: dict[str, Any] = {
        "code": "c",
        "verifier": there.verifier,
        "nonce": there.nonce,
        "redirect_uri": "https://us.example/back",
        "address": HOME,
        "agent": "test",
    }
    here.world.token = here.token("ada", nonce=there.nonce)
    for named in (None, ISSUER):
        tokens = await here.federation.arrive(
            there.tenant_id, there.provider_id, named=named, **arriving
        )
        assert tokens.principal.role is Role.VIEWER
    assert here.world.redeemed == [("valor", SECRET)] * 2
    with pytest.raises(Unauthenticated):
        await here.federation.arrive(
            there.tenant_id, there.provider_id, named="https://other.example", **arriving
        )
    for token in (here.token("ada"), here.token("ada", nonce="another"), "", "a.b.c"):
        here.world.token = token
        with pytest.raises(Unauthenticated):
            await here.federation.arrive(there.tenant_id, there.provider_id, named=None, **arriving)


@rule
async def test_whose_provider_there_is_none_cannot_be_departed_to(here: Here) -> None:
    await here.providers.set(BOSS, GIVEN)
    for slug in ("theirs", "nobody", "system", ""):
        with pytest.raises(Unauthenticated):
            await here.federation.depart(slug)
    with pytest.raises(Unauthenticated):
        await here.federation.depart("ours", "https://other.example")


@rule
async def test_whoever_tries_too_often_waits_and_whoever_was_right_was_not_counted(
    here: Here,
) -> None:
    await here.providers.set(BOSS, GIVEN)
    for _ in range(OF_ADDRESS + 1):
        await here.come("ada")
    for _ in range(OF_ADDRESS):
        with pytest.raises(Unauthenticated):
            await here.come("ada", aud="another")
    with pytest.raises(RateLimited):
        await here.come("ada")


@rule
async def test_every_problem_is_said_at_once(here: Here) -> None:
    bad = Given(
        issuer="http://login.example?x",
        client_id=" valor",
        client_secret="",
        role_claim=None,
        roles=[("desk", Role.OWNER), ("desk", Role.VIEWER), ("", Role.OPERATOR)],
        default_role=Role.OWNER,
    )
    with pytest.raises(InvalidInput) as no:
        await here.providers.set(BOSS, bad)
    assert [problem.path for problem in no.value.problems] == [
        "issuer", "clientId", "clientSecret", "roleClaim", "roles[0].role", "roles[1].value",
        "roles[2].value", "roles[2].role", "defaultRole",
    ]  # fmt: skip
    here.world.unfit = "It lists no key that can be used here."
    with pytest.raises(InvalidInput) as no:
        await here.providers.set(BOSS, GIVEN)
    assert [problem.path for problem in no.value.problems] == ["issuer"]


async def test_what_is_another_tenants_is_not_there(here: Here) -> None:
    provider = await here.providers.set(BOSS, GIVEN)
    stranger = replace(BOSS, tenant_id=THEIRS, member_id=UUID(int=2))
    assert await here.providers.all(stranger) == []
    assert await here.providers.identities(stranger, provider.id) == []
    for change in (here.providers.disable, here.providers.remove):
        with pytest.raises(NotFound):
            await change(stranger, provider.id)
    with pytest.raises(NotFound):
        await here.providers.link(stranger, provider.id, "x", UUID(int=2))
