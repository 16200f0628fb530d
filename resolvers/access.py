"""How members get in: sessions, passwords, second factors and API keys."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias
from uuid import UUID

import strawberry

from resolvers.context import Info
from resolvers.ids import global_id, inner_id
from resolvers.members import MemberId, OperationId
from resolvers.refusal import Refusal
from services.api_keys import ApiKeyRecord, NewKey, scopes_of
from services.errors import NotFound
from services.principal import Action
from services.signed_in import SessionRecord


@strawberry.enum(description="How somebody signed in.")
class SignInMethod(StrEnum):
    PASSWORD = "PASSWORD"  # noqa: S105 - the name of a method
    OIDC = "OIDC"
    INVITATION = "INVITATION"
    OPERATOR = "OPERATOR"


@strawberry.type(
    description="Somebody who is signed in at one client, until they sign out or are idle too long."
)
class SignIn:
    id: strawberry.ID = strawberry.field(description="Global id.")
    method: SignInMethod = strawberry.field(description="How they signed in.")
    current: bool = strawberry.field(description="Whether this is the one that asks.")
    agent: str | None = strawberry.field(description="As the client called itself.")
    created_at: datetime = strawberry.field(description="When they signed in, UTC.")
    used_at: datetime = strawberry.field(description="When it was last refreshed, UTC.")
    expires_at: datetime = strawberry.field(description="When it ends, whatever is done, UTC.")

    @classmethod
    def of(cls, session: SessionRecord, asking: str) -> SignIn:
        return cls(
            id=global_id("SignIn", str(session.id)),
            method=SignInMethod(session.method),
            current=str(session.id) == asking,
            agent=session.agent,
            created_at=session.created_at,
            used_at=session.used_at,
            expires_at=session.expires_at,
        )


@strawberry.type(description="A machine's way in, as one of the tenant's members.")
class ApiKey:
    id: strawberry.ID = strawberry.field(description="Global id.")
    name: str = strawberry.field(description="What it is for.")
    member_id: strawberry.ID = strawberry.field(description="Global id of whom it acts as.")
    scopes: list[Action] = strawberry.field(
        description="What it may do, as long as the member may."
    )
    created_at: datetime = strawberry.field(description="When it was made, UTC.")
    expires_at: datetime | None = strawberry.field(description="When it ends, UTC; null: never.")
    used_at: datetime | None = strawberry.field(
        description="When it was last used, UTC, to the minute; null: never."
    )
    revoked_at: datetime | None = strawberry.field(
        description="When it was ended, UTC; null: it was not."
    )

    @classmethod
    def of(cls, key: ApiKeyRecord) -> ApiKey:
        return cls(
            id=global_id("ApiKey", str(key.id)),
            name=key.name,
            member_id=global_id("Member", str(key.member_id)),
            scopes=sorted(scopes_of(key), key=list(Action).index),
            created_at=key.created_at,
            expires_at=key.expires_at,
            used_at=key.used_at,
            revoked_at=key.ended_at,
        )


@strawberry.type(description="An API key, and its secret where it was made just now.")
class MadeApiKey:
    key: ApiKey = strawberry.field(description="The key.")
    secret: str | None = strawberry.field(
        description="What is sent as a bearer token. Told this once; null: this is a repeat."
    )


@strawberry.type(description="Sessions that were ended, at once and everywhere.")
class EndedSessions:
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="A password that was changed. Its other sessions have ended.")
class PasswordChanged:
    ended_sessions: int = strawberry.field(description="How many others were signed in.")


@strawberry.type(description="A way for a member to a new password. Hand it over yourself.")
class PasswordReset:
    secret: str | None = strawberry.field(
        description="For POST /auth/reset. Told this once; null in the answer to a repeat."
    )
    expires_at: datetime = strawberry.field(description="Until when it is good, UTC.")


@strawberry.type(description="What an authenticator app is told. It counts once it is confirmed.")
class SecondFactorEnrolment:
    secret: str = strawberry.field(description="In base 32, to be typed. Told this once.")
    uri: str = strawberry.field(description="The same as an address: show it as a QR code.")


@strawberry.type(description="A second factor that is on.")
class SecondFactorOn:
    recovery_codes: list[str] = strawberry.field(
        description="Ten codes, each good once, for when the app is lost. Told this once."
    )


@strawberry.type(description="A second factor that is off.")
class SecondFactorOff:
    off: bool = strawberry.field(description="True.")


@strawberry.type(description="The second factor of the caller's own account.")
class SecondFactor:
    on: bool = strawberry.field(description="Whether signing in asks for a code.")
    recovery_codes_left: int = strawberry.field(description="How many were not used, of ten.")


@strawberry.input(description="An API key that is wanted.")
class ApiKeyInput:
    name: str = strawberry.field(description="What it is for: 1 to 100 characters.")
    scopes: list[Action] = strawberry.field(
        description="What it may do: no more than its member and the caller, nothing in person."
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it ends, within five years; left out: never."
    )
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="A service account; left out: the caller."
    )


EndSessionOutcome: TypeAlias = Annotated[
    EndedSessions | Refusal,
    strawberry.union("EndSessionOutcome", description="How many sessions ended, or why none."),
]
ChangePasswordOutcome: TypeAlias = Annotated[
    PasswordChanged | Refusal,
    strawberry.union("ChangePasswordOutcome", description="What was done, or why not."),
]
ResetPasswordOutcome: TypeAlias = Annotated[
    PasswordReset | Refusal,
    strawberry.union("ResetPasswordOutcome", description="The way to a new one, or why not."),
]
BeginSecondFactorOutcome: TypeAlias = Annotated[
    SecondFactorEnrolment | Refusal,
    strawberry.union("BeginSecondFactorOutcome", description="What the app is told, or why not."),
]
ConfirmSecondFactorOutcome: TypeAlias = Annotated[
    SecondFactorOn | Refusal,
    strawberry.union("ConfirmSecondFactorOutcome", description="That it is on, or why not."),
]
EndSecondFactorOutcome: TypeAlias = Annotated[
    SecondFactorOff | Refusal,
    strawberry.union("EndSecondFactorOutcome", description="That it is off, or why not."),
]
CreateApiKeyOutcome: TypeAlias = Annotated[
    MadeApiKey | Refusal,
    strawberry.union("CreateApiKeyOutcome", description="The key, or what to mend."),
]
RevokeApiKeyOutcome: TypeAlias = Annotated[
    ApiKey | Refusal,
    strawberry.union("RevokeApiKeyOutcome", description="The key that ended, or why not."),
]
SessionId: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="A session's id.")]
KeyId: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="An API key's id.")]
Code: TypeAlias = Annotated[
    str, strawberry.argument(description="Six digits of the app; or a recovery code.")
]


@strawberry.type(description="How the caller gets in.")
class ViewerAccess:
    @strawberry.field(description="Where the caller is signed in, the newest first; at most 100.")
    async def sessions(self, info: Info) -> list[SignIn]:
        asking = info.context.principal
        found = await info.context.services.identity.signed_in.of_member(asking)
        return [SignIn.of(each, asking.session_id) for each in found]

    @strawberry.field(description="The caller's own keys that were not revoked, the newest first.")
    async def api_keys(self, info: Info) -> list[ApiKey]:
        keys = await info.context.services.identity.keys.live(info.context.principal)
        return [ApiKey.of(each) for each in keys]

    @strawberry.field(description="The second factor of the caller's password.")
    async def second_factor(self, info: Info) -> SecondFactor:
        left = await info.context.services.identity.enrolments.spares_left(info.context.principal)
        return SecondFactor(on=left is not None, recovery_codes_left=left or 0)


@strawberry.type
class AccessQuery:
    @strawberry.field(description="Where a member is signed in, the newest first; at most 100.")
    async def member_sessions(self, info: Info, member_id: MemberId) -> list[SignIn]:
        asking = info.context.principal
        whose = _id("Member", member_id, "member")
        found = await info.context.services.identity.signed_in.of_member(asking, whose)
        return [SignIn.of(each, asking.session_id) for each in found]

    @strawberry.field(description="The tenant's keys that were not revoked, the newest first.")
    async def api_keys(self, info: Info) -> list[ApiKey]:
        keys = await info.context.services.identity.keys.live(info.context.principal, of_all=True)
        return [ApiKey.of(each) for each in keys]


@strawberry.type
class AccessMutation:
    @strawberry.mutation(
        description="End a session, at once and on all its sockets; who manages access, anybody's."
    )
    async def end_session(
        self,
        info: Info,
        id: SessionId,  # noqa: A002 - the field's name in the schema
    ) -> EndSessionOutcome:
        session_id = _id("SignIn", id, "session")
        await info.context.services.identity.signed_in.end(info.context.principal, session_id)
        return EndedSessions(count=1)

    @strawberry.mutation(description="End all of the caller's sessions but the one that asks.")
    async def end_other_sessions(self, info: Info) -> EndSessionOutcome:
        ended = await info.context.services.identity.signed_in.end_others(info.context.principal)
        return EndedSessions(count=ended)

    @strawberry.mutation(description="Choose another password. Other sessions end.")
    async def change_password(
        self,
        info: Info,
        current: Annotated[str, strawberry.argument(description="The one until now.")],
        new: Annotated[str, strawberry.argument(description="12 to 256 characters.")],
    ) -> ChangePasswordOutcome:
        ended = await info.context.services.identity.accounts.change_password(
            info.context.principal, current, new
        )
        return PasswordChanged(ended_sessions=ended)

    @strawberry.mutation(
        description="A way for a member to a new password, good once within a day."
    )
    async def reset_password(
        self, info: Info, member_id: MemberId, operation_id: OperationId = None
    ) -> ResetPasswordOutcome:
        secret, until = await info.context.services.identity.accounts.offer_reset(
            info.context.principal, _id("Member", member_id, "member"), operation_id
        )
        return PasswordReset(secret=secret, expires_at=until)

    @strawberry.mutation(description="Begin to set up a second factor of the caller's password.")
    async def begin_second_factor(self, info: Info) -> BeginSecondFactorOutcome:
        made = await info.context.services.identity.enrolments.begin(info.context.principal)
        return SecondFactorEnrolment(secret=made.secret, uri=made.uri)

    @strawberry.mutation(description="Turn the second factor on, by a first code of the app.")
    async def confirm_second_factor(self, info: Info, code: Code) -> ConfirmSecondFactorOutcome:
        codes = await info.context.services.identity.enrolments.confirm(
            info.context.principal, code
        )
        return SecondFactorOn(recovery_codes=codes)

    @strawberry.mutation(description="Turn the caller's second factor off.")
    async def disable_second_factor(
        self,
        info: Info,
        password: Annotated[str, strawberry.argument(description="The caller's password.")],
        code: Code,
    ) -> EndSecondFactorOutcome:
        await info.context.services.identity.enrolments.disable(
            info.context.principal, password, code
        )
        return SecondFactorOff(off=True)

    @strawberry.mutation(description="Turn off the second factor of a member who has lost it.")
    async def reset_second_factor(
        self, info: Info, member_id: MemberId, operation_id: OperationId = None
    ) -> EndSecondFactorOutcome:
        await info.context.services.identity.enrolments.reset(
            info.context.principal, _id("Member", member_id, "member"), operation_id
        )
        return SecondFactorOff(off=True)

    @strawberry.mutation(
        description="Make an API key for oneself or for a service account. The secret is told once."
    )
    async def create_api_key(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - the field's name in the schema
            ApiKeyInput, strawberry.argument(description="What is wanted.")
        ],
        operation_id: OperationId = None,
    ) -> CreateApiKeyOutcome:
        whose = None if input.member_id is None else _id("Member", input.member_id, "member")
        asked = NewKey(
            name=input.name, scopes=input.scopes, expires_at=input.expires_at, member_id=whose
        )
        made = await info.context.services.identity.keys.make(
            info.context.principal, asked, operation_id
        )
        return MadeApiKey(key=ApiKey.of(made.key), secret=made.text)

    @strawberry.mutation(
        description="End an API key, at once; who manages access, anybody's. Again changes nothing."
    )
    async def revoke_api_key(
        self,
        info: Info,
        id: KeyId,  # noqa: A002 - the field's name in the schema
        operation_id: OperationId = None,
    ) -> RevokeApiKeyOutcome:
        ended = await info.context.services.identity.keys.revoke(
            info.context.principal, _id("ApiKey", id, "API key"), operation_id
        )
        return ApiKey.of(ended)


def _id(type_name: str, given: str, what: str) -> UUID:
    try:
        return UUID(inner_id(type_name, given))
    except ValueError:
        raise NotFound(f"There is no such {what}.") from None
