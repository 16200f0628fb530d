from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.errors import Forbidden, NotFound
from services.model_rights import NEEDED, Access, Right, check, right_on
from services.principal import Action, Principal, Role

TENANT, ME, SOMEBODY = (UUID(int=number) for number in (10, 1, 2))
GRANTS: list[str | None] = [None, *Right]
ORDINARY = [role for role in Role if role is not Role.OPERATOR]


@dataclass(frozen=True)
class Made:
    access: str = Access.TENANT
    created_by: UUID = SOMEBODY


def principal(
    role: Role, scopes: frozenset[Action] | None = None, grant: UUID | None = None
) -> Principal:
    return Principal(
        tenant_id=TENANT,
        member_id=ME,
        role=role,
        session_id="x",
        expires_at=datetime.max.replace(tzinfo=UTC),
        scopes=scopes,
        grant_id=grant,
    )


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("granted", GRANTS)
@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_every_model_is_the_administrators(role: Role, granted: str | None, access: str) -> None:
    assert right_on(principal(role), Made(access), granted) is Right.OWNER


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("granted", Right)
@pytest.mark.parametrize("role", [Role.ANALYST, Role.VIEWER])
def test_a_grant_counts_whatever_the_role_is(role: Role, granted: str, access: str) -> None:
    assert right_on(principal(role), Made(access), granted) == granted


@pytest.mark.parametrize(
    ("role", "access", "right"),
    [
        (Role.ANALYST, Access.TENANT, Right.EDITOR),
        (Role.VIEWER, Access.TENANT, Right.VIEWER),
        (Role.ANALYST, Access.RESTRICTED, None),
        (Role.VIEWER, Access.RESTRICTED, None),
        (Role.OPERATOR, Access.TENANT, None),
    ],
)
def test_without_a_grant_the_role_says_it_of_what_all_may_see(
    role: Role, access: str, right: Right | None
) -> None:
    assert right_on(principal(role), Made(access), None) is right


def test_whoever_made_a_model_owns_it_but_for_an_operator() -> None:
    mine = Made(Access.RESTRICTED, ME)
    assert right_on(principal(Role.ANALYST), mine, None) is Right.OWNER
    assert right_on(principal(Role.ANALYST), mine, Right.VIEWER) is Right.VIEWER
    assert right_on(principal(Role.ANALYST, grant=UUID(int=3)), mine, None) is None


@pytest.mark.parametrize("action", NEEDED)
def test_what_may_not_be_seen_is_not_there_for_anything(action: Action) -> None:
    for model in (None, Made(Access.RESTRICTED)):
        with pytest.raises(NotFound, match=r"There is no such model\."):
            check(principal(Role.ANALYST), action, model, None)


def test_whoever_sees_it_and_may_not_is_told_whom_to_ask() -> None:
    with pytest.raises(Forbidden, match=r"You are VIEWER of this model.*EDITOR or OWNER"):
        check(principal(Role.VIEWER), Action.EDIT_MODEL, Made(), "VIEWER")
    with pytest.raises(Forbidden, match="The role VIEWER may not make models and edit them"):
        check(principal(Role.VIEWER), Action.EDIT_MODEL, Made(), None)
    with pytest.raises(Forbidden, match=r"You are EDITOR of this model.*who is OWNER of it"):
        check(principal(Role.ANALYST), Action.SHARE_MODEL, Made(), None)


def test_a_viewer_of_the_tenant_edits_the_one_model_that_was_shared_for_it() -> None:
    assert check(principal(Role.VIEWER), Action.EDIT_MODEL, Made(), "EDITOR") is Right.EDITOR


@pytest.mark.parametrize("role", ORDINARY)
def test_a_key_does_no_more_than_its_scopes_whatever_was_shared(role: Role) -> None:
    reads = principal(role, frozenset({Action.READ_MODEL}))
    assert check(reads, Action.READ_MODEL, Made(), "OWNER") is Right.OWNER
    for action in (Action.EDIT_MODEL, Action.SHARE_MODEL, Action.JOIN_ROOM):
        with pytest.raises(Forbidden):
            check(reads, action, Made(), "OWNER")
