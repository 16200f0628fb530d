"""What a member may do with one model: by their role, unless a grant says it of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from services.errors import Forbidden, NotFound
from services.principal import ALLOWED, Action, Principal, Role


class Right(StrEnum):
    """What one may do with a model, the least first; each allows what those before it do."""

    VIEWER = "VIEWER"
    EDITOR = "EDITOR"
    OWNER = "OWNER"


class Access(StrEnum):
    """Who sees a model that was not shared with them."""

    TENANT = "TENANT"
    RESTRICTED = "RESTRICTED"


class OfAModel(Protocol):
    """What has to be known of a model."""

    @property
    def access(self) -> str: ...

    @property
    def created_by(self) -> UUID: ...


# What an action asks for. Whatever is not here is no action on a model.
NEEDED: Final[dict[Action, Right]] = {
    Action.READ_MODEL: Right.VIEWER,
    Action.JOIN_ROOM: Right.VIEWER,
    Action.EDIT_MODEL: Right.EDITOR,
    Action.SHARE_MODEL: Right.OWNER,
}
_ADMINISTERS: Final = (Role.OWNER, Role.ADMIN)
_ORDER: Final = list(Right)


def administers(principal: Principal) -> bool:
    """Whether all models of the tenant are theirs, and no grant has to be looked up."""
    return principal.role in _ADMINISTERS


def right_on(principal: Principal, model: OfAModel, granted: str | None) -> Right | None:
    """What somebody may do with a model; None: not even know that it is there.

    ``granted`` is what the model's grants say of them. It counts instead of what their role
    would, more or less than that; of a tenant's owners and administrators no grant says anything.
    """
    allowed = ALLOWED[principal.role]
    if granted is not None and not administers(principal):
        return Right(granted)
    if Action.READ_MODEL not in allowed:
        return None
    made = model.created_by == principal.member_id and principal.grant_id is None
    if made or administers(principal):
        return Right.OWNER
    if model.access != Access.TENANT:
        return None
    return Right.EDITOR if Action.EDIT_MODEL in allowed else Right.VIEWER


def check(
    principal: Principal, action: Action, model: OfAModel | None, granted: str | None
) -> Right:
    """What they may do with it, where that is enough for the action.

    Raises:
        NotFound: for a model that is not there, and for one that they may not see.
        Forbidden: if they may see it and not do this; if their role sees no models at all.
    """
    right = None if model is None else right_on(principal, model, granted)
    if right is None:
        principal.require(Action.READ_MODEL)
        raise no_model()
    if granted is None or administers(principal) or not principal.leaves_open(action):
        principal.require(action)
    needed = NEEDED[action]
    if _ORDER.index(right) < _ORDER.index(needed):
        above = " or ".join(_ORDER[_ORDER.index(needed) :])
        raise Forbidden(
            f"You are {right} of this model, and may not {action.value}. Ask somebody who is "
            f"{above} of it, or an administrator."
        )
    return right


def no_model() -> NotFound:
    """Of a model that does not exist, of another tenant's, and of one that is not shared."""
    return NotFound("There is no such model.")
