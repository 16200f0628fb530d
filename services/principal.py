"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.errors import Forbidden


class Role(StrEnum):
    """What a member may do in their tenant. The mightiest first; an operator is none of these."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    ANALYST = "ANALYST"
    VIEWER = "VIEWER"
    OPERATOR = "OPERATOR"  # of the system's tenant alone


class Action(StrEnum):
    """Something that a role allows. What no role allows, nobody may do."""

    VALUE = "value firms and keep what comes out"
    READ_VALUATION = "read the tenant's valuations"
    READ_COMPANY = "read companies and their filings"
    EDIT_COMPANY = "bring companies of the tenant's own and correct their figures"
    READ_TENANT = "read the tenant and its members"
    READ_SERVICE_LEVEL = "read service levels and health"
    READ_MODEL = "read the tenant's models and their history"
    EDIT_MODEL = "make models and edit them"
    SHARE_MODEL = "share models, or restrict who sees them"
    JOIN_ROOM = "see who is in a model, and be seen"
    START_RUN = "start long computations, and cancel them"
    READ_RUN = "follow the tenant's long computations"
    OWN_ACCESS = "see and end sessions and keys of their own, and change how they sign in"
    MAKE_KEY = "make API keys that act as themselves"
    READ_USAGE = "see what the tenant used and what its plan holds"
    MANAGE_MEMBERS = "invite members, change their roles and remove them"
    MANAGE_TENANT = "change the tenant's name, settings and branding"
    MANAGE_PLAN = "change what the tenant buys"
    MANAGE_ACCESS = "end sessions, make service accounts and keys, and set up identity providers"
    MANAGE_DOCUMENTS = "register trusted documents"
    MANAGE_WEBHOOKS = "set up webhooks, and repeat their deliveries"
    ADMIT_OPERATOR = "approve and end operators' ways into the tenant"
    READ_AUDIT = "read and export the audit"
    KEEP = "hold what must be kept, and erase members' personal data"
    OPERATE = "administer all tenants, and stop operations"


_READ: Final = frozenset(
    {
        Action.READ_VALUATION,
        Action.READ_COMPANY,
        Action.READ_TENANT,
        Action.READ_SERVICE_LEVEL,
        Action.READ_MODEL,
        Action.JOIN_ROOM,
        Action.READ_RUN,
        Action.OWN_ACCESS,
        Action.READ_USAGE,
    }
)
_WORK: Final = _READ | {
    Action.VALUE,
    Action.EDIT_COMPANY,
    Action.EDIT_MODEL,
    Action.SHARE_MODEL,
    Action.START_RUN,
    Action.MAKE_KEY,
}
_ADMINISTER: Final = _WORK | {
    Action.MANAGE_MEMBERS,
    Action.MANAGE_TENANT,
    Action.MANAGE_ACCESS,
    Action.MANAGE_DOCUMENTS,
    Action.MANAGE_WEBHOOKS,
    Action.ADMIT_OPERATOR,
    Action.READ_AUDIT,
}
ALLOWED: Final[dict[Role, frozenset[Action]]] = {
    Role.OWNER: _ADMINISTER | {Action.MANAGE_PLAN, Action.KEEP},
    Role.ADMIN: _ADMINISTER,
    Role.ANALYST: _WORK,
    Role.VIEWER: _READ,
    Role.OPERATOR: frozenset(
        {
            Action.OPERATE,
            Action.OWN_ACCESS,
            Action.READ_TENANT,
            Action.READ_SERVICE_LEVEL,
            Action.READ_USAGE,
            Action.READ_AUDIT,
        }
    ),
}
# What a person does as themselves: no key, and no operator who came in by a grant.
IN_PERSON: Final = frozenset(
    {
        Action.OWN_ACCESS,
        Action.MAKE_KEY,
        Action.MANAGE_MEMBERS,
        Action.MANAGE_PLAN,
        Action.MANAGE_ACCESS,
        Action.ADMIT_OPERATOR,
        Action.KEEP,
        Action.OPERATE,
    }
)


# All that is left to who has yet to set up the second factor that their tenant asks for.
ENROLLING: Final = frozenset({Action.OWN_ACCESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The asking party of one request. It was proved by a token, and ends with it."""

    tenant_id: UUID
    member_id: UUID  # of the tenant; of the system's for an operator
    role: Role
    session_id: str
    expires_at: datetime  # UTC
    # Of an API key, or `ENROLLING`; None: all that the role may.
    scopes: frozenset[Action] | None = None
    grant_id: UUID | None = None  # by which an operator is in the tenant

    def may(self, action: Action) -> bool:
        return action in ALLOWED[self.role] and self.leaves_open(action)

    @property
    def enrols(self) -> bool:
        """Whether nothing else may be done than to set up a second factor. Of no key."""
        return self.scopes == ENROLLING

    def leaves_open(self, action: Action) -> bool:
        """Whether no key, no operator's grant and no missing second factor stands against it."""
        if self.grant_id is not None and action in IN_PERSON:
            return False
        return self.scopes is None or action in self.scopes

    def require(self, action: Action) -> None:
        """
        Raises:
            Forbidden: if the role, the key or the grant does not allow it, or a second factor is
                missing.
        """
        if self.may(action):
            return
        if self.enrols:
            raise Forbidden(
                "Your tenant asks for a second factor, and you have none yet. Set one up: "
                "beginSecondFactor, then confirmSecondFactor."
            )
        if action in ALLOWED[self.role]:
            by = "key" if self.scopes is not None else "operator's grant"
            raise Forbidden(f"This {by} may not {action.value}. Ask for it in person.")
        able = " or ".join(role for role in Role if action in ALLOWED[role])
        raise Forbidden(f"The role {self.role} may not {action.value}. Ask a member who is {able}.")
