"""Identity providers: whom a tenant trusts to say who somebody is, and who their subjects are."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from engine.errors import InvalidInput, Problem
from services.administration import Administration, Change
from services.contents import canonical_text
from services.errors import Conflict, NotFound
from services.identity_provider import Given, Provider, check, check_line, mark_of
from services.ids import new_id
from services.issuers import Issuers, IssuerUnfit
from services.members import check_role, no_member
from services.plans import Feature, require_feature
from services.principal import Action, Principal, Role
from services.sealing import NotSealed, Sealer
from services.standing import Standings
from store import identity_providers as kept
from store import members
from store.directory import Directory
from store.identity_providers import IdentityProviders, IdentityRecord, ProviderRecord


class IdentityProviderService:
    """Each tenant's providers."""

    def __init__(
        self,
        store: IdentityProviders,
        directory: Directory,
        administration: Administration,
        standings: Standings,
        issuers: Issuers,
        sealer: Sealer,
    ) -> None:
        self._store, self._directory = store, directory
        self._administration, self._standings = administration, standings
        self._issuers, self._sealer = issuers, sealer

    async def all(self, principal: Principal) -> list[Provider]:
        """The tenant's own, the oldest first."""
        principal.require(Action.MANAGE_ACCESS)
        return [Provider.of(each) for each in await self._store.all(principal.tenant_id)]

    async def identities(self, principal: Principal, provider_id: UUID) -> list[IdentityRecord]:
        """Who a provider's subjects are."""
        principal.require(Action.MANAGE_ACCESS)
        return await self._store.identities(principal.tenant_id, provider_id)

    async def set(
        self, principal: Principal, given: Given, operation_id: str | None = None
    ) -> Provider:
        """Trust an issuer, or change how. It is asked first whether it can be used.

        Another issuer is another provider: who was somebody at one is nobody at the other.

        Raises:
            InvalidInput: with every problem. QuotaExceeded: if the plan has no such feature.
            Conflict: if the client is another tenant's. IdempotencyKeyReused.
        """
        principal.require(Action.MANAGE_ACCESS)
        terms = await self._standings.terms(principal.tenant_id)
        require_feature(terms.plan, terms.limits, Feature.IDENTITY_PROVIDER)
        check(given)
        try:
            await self._issuers.check(given.issuer)
        except IssuerUnfit as no:
            raise InvalidInput.of(
                [Problem("issuer", "OUT_OF_RANGE", str(no), "Mend it, or name another issuer.")]
            ) from None
        await self._claim(principal.tenant_id, given)
        sealed = None
        if given.client_secret is not None:
            purpose = _purpose(principal.tenant_id, given.issuer)
            sealed = self._sealer.seal(purpose, given.client_secret)

        async def work(change: Change) -> dict[str, str | None]:
            for role in {role for _, role in given.roles} | {given.default_role or Role.VIEWER}:
                await check_role(change, role)
            there = await kept.find_issuer(change.session, given.issuer)
            same_client = there is not None and there.client_id == given.client_id
            record = ProviderRecord(
                id=new_id() if there is None else there.id,
                issuer=given.issuer,
                client_id=given.client_id,
                client_secret=sealed or (there.client_secret if there and same_client else None),
                role_claim=given.role_claim,
                roles=canonical_text({value: role.value for value, role in given.roles}),
                default_role=None if given.default_role is None else given.default_role.value,
                enabled=True if there is None else there.enabled,
                created_by=principal.member_id if there is None else there.created_by,
                created_at=change.at if there is None else there.created_at,
                updated_at=change.at,
            )
            if there is None:
                await kept.add(change.session, record)
            else:
                await kept.change(change.session, record)
            await change.note(
                "identity_provider.set",
                "identity_provider",
                record.id,
                issuer=record.issuer,
                client=record.client_id,
                default_role=record.default_role,
                new_secret=sealed is not None,
            )
            was = there.client_id if there is not None else None
            return {"provider": str(record.id), "was": was}

        # Without the secret, which is not kept in any form that could be guessed at.
        asked = [
            given.issuer,
            given.client_id,
            given.role_claim,
            [[value, role.value] for value, role in given.roles],
            given.default_role,
        ]
        try:
            made = await self._administration.change(
                principal, "setIdentityProvider", asked, operation_id, work
            )
        except Exception:
            await self._settle(principal.tenant_id, given.issuer, given.client_id)
            raise
        if made.answer["was"] is not None:
            await self._settle(principal.tenant_id, given.issuer, made.answer["was"])
        return await self._found(principal, made.id("provider"))

    async def enable(
        self, principal: Principal, provider_id: UUID, operation_id: str | None = None
    ) -> Provider:
        """Let it say again who somebody is.

        Raises:
            NotFound; QuotaExceeded: if the plan has no such feature.
        """
        principal.require(Action.MANAGE_ACCESS)
        terms = await self._standings.terms(principal.tenant_id)
        require_feature(terms.plan, terms.limits, Feature.IDENTITY_PROVIDER)
        return await self._switch(principal, provider_id, operation_id, enabled=True)

    async def disable(
        self, principal: Principal, provider_id: UUID, operation_id: str | None = None
    ) -> Provider:
        """Believe it no more until it is enabled. Sessions that it began end. Raises NotFound."""
        principal.require(Action.MANAGE_ACCESS)
        return await self._switch(principal, provider_id, operation_id, enabled=False)

    async def remove(
        self, principal: Principal, provider_id: UUID, operation_id: str | None = None
    ) -> UUID:
        """Forget it, and who its subjects are. Sessions that it began end. Raises NotFound."""
        principal.require(Action.MANAGE_ACCESS)

        async def work(change: Change) -> dict[str, str]:
            there = await _there(change, provider_id)
            ended = await kept.end_sessions_of(
                change.session, provider_id, why="PROVIDER_REMOVED", at=change.at
            )
            await kept.remove(change.session, provider_id)
            await change.note(
                "identity_provider.removed",
                "identity_provider",
                provider_id,
                issuer=there.issuer,
                sessions=ended,
            )
            return {"issuer": there.issuer, "client": there.client_id}

        made = await self._administration.change(
            principal, "removeIdentityProvider", str(provider_id), operation_id, work
        )
        await self._settle(principal.tenant_id, made.answer["issuer"], made.answer["client"])
        return provider_id

    async def link(
        self,
        principal: Principal,
        provider_id: UUID,
        subject: str,
        member_id: UUID,
        operation_id: str | None = None,
    ) -> Provider:
        """Say who a provider's subject is here.

        Raises:
            InvalidInput: for the subject. NotFound: for the provider, or the member.
            Forbidden: for a member above the caller. Conflict: if the subject is somebody already.
        """
        principal.require(Action.MANAGE_ACCESS)
        problems: list[Problem] = []
        check_line(subject, "subject", problems)
        if problems:
            raise InvalidInput.of(problems)

        async def work(change: Change) -> dict[str, str]:
            await _there(change, provider_id)
            member = await members.find(change.session, member_id)
            if member is None or member.state != "ACTIVE" or member.kind != "PERSON":
                raise no_member()
            # Else an administrator could come in as an owner.
            await check_role(change, Role(member.role))
            link = IdentityRecord(
                provider_id=provider_id,
                subject=subject,
                member_id=member_id,
                linked_at=change.at,
            )
            if not await kept.link(change.session, link):
                raise Conflict("This subject is a member already. Unlink it first.")
            await change.note(
                "identity.linked", "member", member_id, provider=provider_id, by_hand=True
            )
            return {"provider": str(provider_id)}

        asked = [str(provider_id), subject, str(member_id)]
        await self._administration.change(principal, "linkIdentity", asked, operation_id, work)
        return await self._found(principal, provider_id)

    async def unlink(
        self,
        principal: Principal,
        provider_id: UUID,
        subject: str,
        operation_id: str | None = None,
    ) -> Provider:
        """Let a provider's subject be nobody here. Their sessions by providers end.

        Raises:
            NotFound; Forbidden: for a member above the caller.
        """
        principal.require(Action.MANAGE_ACCESS)

        async def work(change: Change) -> dict[str, str]:
            there = await kept.identity(change.session, provider_id, subject)
            if there is None:
                raise NotFound("There is no such link.")
            member = await members.find(change.session, there.member_id)
            if member is not None:
                await check_role(change, Role(member.role))
            await kept.unlink(change.session, provider_id, subject)
            ended = await kept.end_sessions(
                change.session, [there.member_id], why="IDENTITY_UNLINKED", at=change.at
            )
            await change.note(
                "identity.unlinked",
                "member",
                there.member_id,
                provider=provider_id,
                sessions=ended,
            )
            return {"provider": str(provider_id)}

        asked = [str(provider_id), subject]
        await self._administration.change(principal, "unlinkIdentity", asked, operation_id, work)
        return await self._found(principal, provider_id)

    def secret_of(self, tenant_id: UUID, record: ProviderRecord) -> str | None:
        """The client's secret. None also where its key is gone: then the issuer refuses."""
        if record.client_secret is None:
            return None
        try:
            return self._sealer.open(_purpose(tenant_id, record.issuer), record.client_secret)
        except NotSealed:
            return None

    def marks_of(self, provider_id: UUID, subject: str) -> list[str]:
        """As what a subject is linked whose member was erased."""
        return self._sealer.marks(mark_of(provider_id), subject)

    async def _claim(self, tenant_id: UUID, given: Given) -> None:
        """Have tokens of the issuer for the client lead to the tenant.

        Raises:
            Conflict: if they lead to another.
        """
        leads_to = await self._directory.put(
            "ISSUER", lead(given.issuer, given.client_id), tenant_id
        )
        if leads_to != tenant_id:
            raise Conflict("This client cannot be used. Register another one with the issuer.")

    async def _settle(self, tenant_id: UUID, issuer: str, client_id: str) -> None:
        """Have the directory lead to the tenant while it has a provider with this client.

        That is another transaction than the change: a repeat of the operation does it again.
        """
        name = lead(issuer, client_id)
        if await self._has(tenant_id, issuer, client_id):
            return
        if await self._directory.find("ISSUER", name) == tenant_id:
            await self._directory.remove("ISSUER", name)
        if await self._has(tenant_id, issuer, client_id):  # set again meanwhile
            await self._directory.put("ISSUER", name, tenant_id)

    async def _has(self, tenant_id: UUID, issuer: str, client_id: str) -> bool:
        found = await self._store.of_issuer(tenant_id, issuer)
        return found is not None and found.client_id == client_id

    async def _switch(
        self,
        principal: Principal,
        provider_id: UUID,
        operation_id: str | None,
        *,
        enabled: bool,
    ) -> Provider:
        async def work(change: Change) -> dict[str, str]:
            there = await _there(change, provider_id)
            await kept.change(change.session, replace(there, enabled=enabled, updated_at=change.at))
            ended = 0
            if not enabled:
                ended = await kept.end_sessions_of(
                    change.session, provider_id, why="PROVIDER_DISABLED", at=change.at
                )
            done = "enabled" if enabled else "disabled"
            await change.note(
                f"identity_provider.{done}", "identity_provider", provider_id, sessions=ended
            )
            return {"provider": str(provider_id)}

        verb = "enableIdentityProvider" if enabled else "disableIdentityProvider"
        await self._administration.change(principal, verb, str(provider_id), operation_id, work)
        return await self._found(principal, provider_id)

    async def _found(self, principal: Principal, provider_id: UUID) -> Provider:
        for each in await self._store.all(principal.tenant_id):
            if each.id == provider_id:
                return Provider.of(each)
        raise _no_provider()


def lead(issuer: str, client_id: str) -> str:
    """The name under which the directory leads from an issuer's tokens to a tenant.

    With the client: several tenants may have clients of their own at one issuer.
    """
    return f"{issuer} {client_id}"


async def _there(change: Change, provider_id: UUID) -> ProviderRecord:
    found = await kept.find(change.session, provider_id)
    if found is None:
        raise _no_provider()
    return found


def _no_provider() -> NotFound:
    return NotFound("There is no such identity provider.")


def _purpose(tenant_id: UUID, issuer: str) -> str:
    return f"oidc:{tenant_id}:{issuer}"
