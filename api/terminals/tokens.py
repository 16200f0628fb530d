"""Where a command takes its token from: one that was given, or this machine's development key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from api.embedded import DEMO_TENANT, DemoMember
from api.keys import read_signing_key
from api.settings import Settings
from services.authentication import LIFETIME, Issuer
from services.principal import Role


@dataclass(frozen=True, slots=True)
class GivenToken:
    """One token, and no other."""

    text: str
    renewable: bool = False

    def token(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class DevelopmentTokens:
    """As many as are wanted, for a member of the demonstration's tenant.

    The key is read each time: the server makes another one whenever it starts.
    """

    settings: Settings
    member: DemoMember
    role: Role | None = None  # None: the member's own
    lifetime: timedelta = LIFETIME
    renewable: bool = True

    def token(self) -> str:
        """
        Raises:
            KeyUnusable.
        """
        issuer = Issuer(self.settings.issuer, read_signing_key(self.settings.keys))
        role = self.role or self.member.role
        return issuer.issue(DEMO_TENANT, self.member.id, role, self.lifetime)
