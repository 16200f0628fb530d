"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.errors import Forbidden


class Role(StrEnum):
    """What a member may do in their tenant."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    ANALYST = "ANALYST"
    VIEWER = "VIEWER"


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
    JOIN_ROOM = "see who is in a model, and be seen"
    START_RUN = "start long computations, and cancel them"
    READ_RUN = "follow the tenant's long computations"


_READ: Final = frozenset(
    {
        Action.READ_VALUATION,
        Action.READ_COMPANY,
        Action.READ_TENANT,
        Action.READ_SERVICE_LEVEL,
        Action.READ_MODEL,
        Action.JOIN_ROOM,
        Action.READ_RUN,
    }
)
_WORK: Final = _READ | {
    Action.VALUE,
    Action.EDIT_COMPANY,
    Action.EDIT_MODEL,
    Action.START_RUN,
}
ALLOWED: Final[dict[Role, frozenset[Action]]] = {
    Role.OWNER: _WORK,
    Role.ADMIN: _WORK,
    Role.ANALYST: _WORK,
    Role.VIEWER: _READ,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The asking party of one request. It was proved by a token, and ends with it."""

    tenant_id: UUID
    member_id: UUID
    role: Role
    session_id: str
    expires_at: datetime  # UTC

    def may(self, action: Action) -> bool:
        return action in ALLOWED[self.role]

    def require(self, action: Action) -> None:
        """
        Raises:
            Forbidden: if the role does not allow it.
        """
        if not self.may(action):
            able = " or ".join(role for role in Role if action in ALLOWED[role])
            raise Forbidden(
                f"The role {self.role} may not {action.value}. Ask a member who is {able}."
            )
