"""A socket's session: it goes on for as long as its token is renewed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.refusal import Refusal
from services.principal import Principal


@strawberry.type(description="Who asks over an open socket, and until when.")
class Session:
    expires_at: datetime = strawberry.field(
        description="When the newest token ends, UTC. Unless it is renewed, so does the socket."
    )

    @classmethod
    def of(cls, principal: Principal) -> Session:
        return cls(expires_at=principal.expires_at)


RenewSessionOutcome: TypeAlias = Annotated[
    Session | Refusal,
    strawberry.union(
        "RenewSessionOutcome", description="The session that goes on, or why it does not."
    ),
]
Token: TypeAlias = Annotated[
    str,
    strawberry.argument(
        description="An access token of the same member of the same tenant, without “Bearer”."
    ),
]


@strawberry.type
class SessionMutation:
    @strawberry.mutation(
        description="Go on with a newer token, over the socket that this comes over."
    )
    async def renew_session(self, info: Info, token: Token) -> RenewSessionOutcome:
        return Session.of(await info.context.session.renew(token))
