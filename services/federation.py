"""Signing in by a tenant's identity provider: whose proof it is, and who that is here.

The tenant is the one whose client a token is for, by our own records; nothing in a token names it.
Members are known by the provider's subject, never by an address: addresses are given to others.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from services.administration import Administration
from services.attempts import Attempts
from services.audit import entry
from services.errors import Forbidden, Unauthenticated
from services.id_tokens import (
    Expected,
    header_of,
    issuer_and_audiences,
    prove,
)
from services.identity_provider import GIVEN, Provider
from services.identity_providers import IdentityProviderService, lead
from services.ids import new_id
from services.issuers import Issuers, Metadata
from services.members import NAME_MOST, require_seat
from services.plans import Feature
from services.principal import Role
from services.signed_in import SignedIn, Tokens
from services.standing import Standings
from store import identity_providers as kept
from store import members
from store.audit import note
from store.directory import Directory
from store.identity_providers import IdentityProviders, IdentityRecord, ProviderRecord
from store.session import WriteSession
from store.tenants import MemberRecord

SCOPES: Final = "openid profile email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where a browser is sent, and what it has to bring back."""

    metadata: Metadata
    provider_id: UUID
    tenant_id: UUID
    client_id: str
    state: str
    nonce: str
    verifier: str  # of RFC 7636
    challenge: str  # its SHA-256, base64url


class Federation:
    """How those come in whom a provider vouches for."""

    def __init__(
        self,
        store: IdentityProviders,
        directory: Directory,
        providers: IdentityProviderService,
        administration: Administration,
        standings: Standings,
        issuers: Issuers,
        signed_in: SignedIn,
        attempts: Attempts,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._directory, self._providers = store, directory, providers
        self._administration, self._standings = administration, standings
        self._issuers, self._signed_in, self._attempts = issuers, signed_in, attempts
        self._clock = clock

    async def depart(self, slug: str, issuer: str | None = None) -> Departure:
        """Begin at the provider of a tenant; of several at the oldest, unless one is named.

        Raises:
            Unauthenticated: if the tenant has none, or there is no such tenant.
            Overloaded: while the provider does not answer.
        """
        tenant_id = await self._directory.find("SLUG", slug)
        record = None if tenant_id is None else await self._usable(tenant_id, issuer)
        if tenant_id is None or record is None:
            raise Unauthenticated
        metadata = await self._issuers.metadata(record.issuer)
        verifier = secrets.token_urlsafe(48)
        return Departure(
            metadata=metadata,
            provider_id=record.id,
            tenant_id=tenant_id,
            client_id=record.client_id,
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=verifier,
            challenge=challenge_of(verifier),
        )

    async def arrive(
        self,
        tenant_id: UUID,
        provider_id: UUID,
        *,
        code: str,
        verifier: str,
        nonce: str,
        redirect_uri: str,
        named: str | None,
        address: str,
        agent: str | None,
    ) -> Tokens:
        """Sign in whoever came back with a code. ``named``: the issuer that sent them, RFC 9207.

        Raises:
            Unauthenticated: whatever is wrong, with one message. QuotaExceeded: there is no seat.
            Forbidden: if the tenant is suspended. Overloaded. RateLimited.
        """
        # Counted first: each code that is tried is a request to somebody else's server.
        await self._attempts.from_address(address)
        record = next((r for r in await self._store.all(tenant_id) if r.id == provider_id), None)
        if record is None or not record.enabled:
            raise Unauthenticated
        metadata = await self._issuers.metadata(record.issuer)
        if named != record.issuer and (named is not None or metadata.says_issuer):
            raise Unauthenticated
        secret = self._providers.secret_of(tenant_id, record)
        answer = await self._issuers.redeem(
            metadata,
            (record.client_id, secret),
            code=code,
            verifier=verifier,
            redirect_uri=redirect_uri,
        )
        token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(token, str) or not isinstance(access_token, str | None):
            raise Unauthenticated
        expected = Expected(
            issuer=record.issuer,
            client_id=record.client_id,
            nonce=nonce,
            access_token=access_token,
        )
        claims = await self._proved(token, expected)
        tokens = await self._sign_in(tenant_id, record, claims, agent)
        await self._attempts.was_right(address)
        return tokens

    async def exchange(
        self,
        token: str,
        access_token: str | None = None,
        *,
        address: str,
        agent: str | None = None,
    ) -> Tokens:
        """Sign in whoever holds a token of a provider's: an ID token, or an access token that is
        a JWT, for a client that some tenant named. ``access_token``: that came beside it.

        Raises:
            Unauthenticated, QuotaExceeded, Forbidden, Overloaded, RateLimited: as `arrive`.
        """
        await self._attempts.from_address(address)
        issuer, audiences = issuer_and_audiences(token)
        for client_id in audiences:
            tenant_id = await self._directory.find("ISSUER", lead(issuer, client_id))
            record = None if tenant_id is None else await self._usable(tenant_id, issuer)
            if tenant_id is None or record is None or record.client_id != client_id:
                continue
            expected = Expected(
                issuer=issuer,
                client_id=client_id,
                access_token=access_token,
                access_tokens_too=True,
            )
            claims = await self._proved(token, expected)
            tokens = await self._sign_in(tenant_id, record, claims, agent)
            await self._attempts.was_right(address)
            return tokens
        raise Unauthenticated

    async def _usable(self, tenant_id: UUID, issuer: str | None) -> ProviderRecord | None:
        found = [
            each
            for each in await self._store.all(tenant_id)
            if each.enabled and issuer in (None, each.issuer)
        ]
        return found[0] if found else None

    async def _proved(self, token: str, expected: Expected) -> dict[str, Any]:
        key = await self._issuers.key(expected.issuer, header_of(token))
        return prove(token, key, expected, self._clock())

    async def _sign_in(
        self,
        tenant_id: UUID,
        record: ProviderRecord,
        claims: Mapping[str, Any],
        agent: str | None,
    ) -> Tokens:
        terms = await self._standings.terms(tenant_id)
        if terms.suspended is not None:
            raise Forbidden(f"This tenant is suspended. {terms.suspended}".rstrip())
        if Feature.IDENTITY_PROVIDER not in terms.limits.features:
            raise Unauthenticated  # what the plan has no more; the rows wait
        subject = str(claims["sub"])

        async def work(session: WriteSession, now: datetime) -> Tokens:
            # Looked at again: it may have been disabled while its issuer was asked.
            there = await kept.find(session, record.id)
            if there is None or not there.enabled or there.client_id != record.client_id:
                raise Unauthenticated
            provider = Provider.of(there)
            for name in (subject, *self._providers.marks_of(provider.id, subject)):
                identity = await kept.identity(session, provider.id, name)
                if identity is not None:
                    break
            if identity is None:
                member = await _welcome(session, provider, subject, claims, now)
            else:
                member = await _welcome_back(session, provider, identity, claims, now)
            return await self._signed_in.begin_in(
                session, member.id, Role(member.role), "OIDC", agent
            )

        return await self._administration.alone(tenant_id, work)


def challenge_of(verifier: str) -> str:
    """RFC 7636, S256."""

    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


async def _welcome(
    session: WriteSession,
    provider: Provider,
    subject: str,
    claims: Mapping[str, Any],
    now: datetime,
) -> MemberRecord:
    """Somebody who was never here.

    Raises:
        Unauthenticated: if strangers stay out. QuotaExceeded: if there is no seat.
    """
    role = role_of(provider, claims)
    if provider.default_role is None or role is None:
        raise Unauthenticated
    await require_seat(session, now)
    member_id = new_id()
    member = MemberRecord(
        id=member_id,
        subject=f"oidc-{member_id}",
        name=_name(claims) or subject[:NAME_MOST],
        role=role.value,
        email=_email(claims),
        joined_at=now,
        changed_at=now,
    )
    await members.add(session, member)
    link = IdentityRecord(
        provider_id=provider.id, subject=subject, member_id=member_id, linked_at=now
    )
    if not await kept.link(session, link):
        raise Unauthenticated  # the same person, twice at one moment
    await note(
        session,
        entry(
            None,
            "member.joined",
            "member",
            member_id,
            at=now,
            provider=provider.id,
            role=role.value,
        ),
    )
    return member


async def _welcome_back(
    session: WriteSession,
    provider: Provider,
    identity: IdentityRecord,
    claims: Mapping[str, Any],
    now: datetime,
) -> MemberRecord:
    """Somebody who was here.

    Raises:
        Unauthenticated: if they are no member any more, or were erased, or have no role.
    """
    member = await members.find(session, identity.member_id)
    if member is None or member.state != "ACTIVE":
        raise Unauthenticated
    if provider.role_claim is None or member.role == Role.OWNER:
        return member  # what they are is decided here
    role = role_of(provider, claims)
    if role is None:
        raise Unauthenticated
    if role.value == member.role:
        return member
    after = replace(member, role=role.value, changed_at=now)
    await members.change(session, after)
    await note(
        session,
        entry(
            None,
            "member.role_changed",
            "member",
            member.id,
            at=now,
            provider=provider.id,
            before=member.role,
            after=after.role,
        ),
    )
    return after


def role_of(provider: Provider, claims: Mapping[str, Any]) -> Role | None:
    """The mightiest role that the claim's values have, else the default; None: there is none."""
    if provider.role_claim is not None:
        given = {provider.roles.get(value) for value in _values(claims, provider.role_claim)}
        for role in GIVEN:
            if role in given:
                return role
    return provider.default_role


def _values(claims: Mapping[str, Any], name: str) -> list[str]:
    """The texts of a claim; ``realm_access.roles`` is also looked for inside ``realm_access``."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for step in name.split("."):
            found = found.get(step) if isinstance(found, dict) else None
    several = found if isinstance(found, list) else [found]
    return [each for each in several if isinstance(each, str)]


def _name(claims: Mapping[str, Any]) -> str | None:
    for claim in ("name", "preferred_username", "email"):
        said = claims.get(claim)
        if isinstance(said, str):
            name = "".join(letter for letter in said if letter.isprintable()).strip()[:NAME_MOST]
            if name:
                return name
    return None


def _email(claims: Mapping[str, Any]) -> str | None:
    """An address that the provider has verified."""
    said = claims.get("email")
    if not isinstance(said, str) or claims.get("email_verified") is not True:
        return None
    return said if said.isprintable() and len(said) <= 254 else None
