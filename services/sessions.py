"""A session: who asks over one connection, for as long as it lasts.

Over HTTP a connection is one request. A socket's lasts, and its token is renewed while it is open.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from services.errors import Unauthenticated, Unsupported
from services.principal import Principal


class Renewer(Protocol):
    """Who proves the token with which an open connection goes on."""

    async def renewed(self, token: str) -> Principal:
        """The principal of an access token whose session goes on.

        Raises:
            Unauthenticated: for anything else. Forbidden: if the tenant is suspended.
        """


@dataclass(slots=True, eq=False)
class Session:
    """Whoever holds it asks as ``principal`` does *now*."""

    principal: Principal
    renewer: Renewer | None = None  # None: a single request, which nothing can renew
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    # This connection's participant in each room that it joined.
    participants: dict[UUID, str] = field(default_factory=dict)

    async def renew(self, token: str) -> Principal:
        """Go on with a newer token of the same member of the same tenant.

        Raises:
            Unsupported: over a connection that does not last, or for another member's token.
            Unauthenticated: for a token that proves nothing, or whose session has ended.
            Forbidden: if the tenant is suspended.
        """
        if self.renewer is None:
            raise Unsupported("Only an open socket is renewed. Send the new token as a header.")
        token = token.strip()
        if not token or " " in token:
            raise Unauthenticated(
                "`token` is not an access token. Give a newer one of the same member, without "
                "“Bearer”."
            )
        renewed = await self.renewer.renewed(token)
        now = self.principal
        same = (renewed.tenant_id, renewed.member_id, renewed.grant_id)
        if same != (now.tenant_id, now.member_id, now.grant_id):
            raise Unsupported("The token is another member's. Open a socket of its own with it.")
        self.principal = renewed
        return renewed
