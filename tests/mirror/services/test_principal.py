"""What each role may do is one table, and what it does not say nobody may do."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from services.errors import Forbidden
from services.principal import ALLOWED, Action, Role
from tests.mirror.services.conftest import principal

# Written out again on purpose: a right that moves without a decision turns a test red.
ADMINISTRATORS = {Role.OWNER, Role.ADMIN}
WORKERS = ADMINISTRATORS | {Role.ANALYST}
MEMBERS = WORKERS | {Role.VIEWER}
EVERYBODY = set(Role)
WHO_MAY = {
    Action.VALUE: WORKERS,
    Action.READ_VALUATION: MEMBERS,
    Action.READ_COMPANY: MEMBERS,
    Action.EDIT_COMPANY: WORKERS,
    Action.READ_TENANT: EVERYBODY,
    Action.READ_SERVICE_LEVEL: EVERYBODY,
    Action.READ_MODEL: MEMBERS,
    Action.EDIT_MODEL: WORKERS,
    Action.SHARE_MODEL: WORKERS,
    Action.JOIN_ROOM: MEMBERS,
    Action.START_RUN: WORKERS,
    Action.READ_RUN: MEMBERS,
    Action.OWN_ACCESS: EVERYBODY,
    Action.MAKE_KEY: WORKERS,
    Action.READ_USAGE: EVERYBODY,
    Action.MANAGE_MEMBERS: ADMINISTRATORS,
    Action.MANAGE_TENANT: ADMINISTRATORS,
    Action.MANAGE_PLAN: {Role.OWNER},
    Action.MANAGE_ACCESS: ADMINISTRATORS,
    Action.MANAGE_DOCUMENTS: ADMINISTRATORS,
    Action.MANAGE_WEBHOOKS: ADMINISTRATORS,
    Action.ADMIT_OPERATOR: ADMINISTRATORS,
    Action.READ_AUDIT: ADMINISTRATORS | {Role.OPERATOR},
    Action.KEEP: {Role.OWNER},
    Action.OPERATE: {Role.OPERATOR},
}
# What is done in person: by no key, and by no operator in a tenant.
IN_PERSON = {
    Action.OWN_ACCESS,
    Action.MAKE_KEY,
    Action.MANAGE_MEMBERS,
    Action.MANAGE_PLAN,
    Action.MANAGE_ACCESS,
    Action.ADMIT_OPERATOR,
    Action.KEEP,
    Action.OPERATE,
}


def test_every_action_is_decided_and_every_role_is_in_the_table() -> None:
    assert set(WHO_MAY) == set(Action)
    assert set(ALLOWED) == set(Role)


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_the_table_says_and_no_more(role: Role, action: Action) -> None:
    assert principal(role).may(action) is (role in WHO_MAY[action])
    if role in WHO_MAY[action]:
        principal(role).require(action)
    else:
        with pytest.raises(Forbidden):
            principal(role).require(action)


def test_a_role_that_is_given_nothing_may_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ALLOWED, Role.ANALYST, frozenset())
    assert not any(principal(Role.ANALYST).may(action) for action in Action)


def test_a_no_says_what_was_asked_and_who_could_do_it() -> None:
    with pytest.raises(Forbidden) as no:
        principal(Role.VIEWER).require(Action.VALUE)
    assert no.value.code == "FORBIDDEN"
    assert no.value.message == (
        "The role VIEWER may not value firms and keep what comes out. "
        "Ask a member who is OWNER or ADMIN or ANALYST."
    )


@pytest.mark.parametrize("action", list(Action))
def test_a_key_does_what_its_scopes_and_its_role_both_say(action: Action) -> None:
    for role in Role:
        with_it = replace(principal(role), scopes=frozenset({action}))
        without = replace(principal(role), scopes=frozenset(set(Action) - {action}))
        assert with_it.may(action) is (role in WHO_MAY[action])
        assert not without.may(action)


@pytest.mark.parametrize("action", list(Action))
def test_an_operator_in_a_tenant_does_nothing_that_is_done_in_person(action: Action) -> None:
    inside = replace(principal(Role.ADMIN), grant_id=UUID(int=5))
    assert inside.may(action) is (Role.ADMIN in WHO_MAY[action] and action not in IN_PERSON)


def test_a_key_and_a_grant_are_named_where_they_are_what_stands_against_it() -> None:
    with pytest.raises(Forbidden, match="This key may not value firms"):
        replace(principal(Role.OWNER), scopes=frozenset()).require(Action.VALUE)
    with pytest.raises(Forbidden, match="This operator's grant may not invite members"):
        replace(principal(Role.ADMIN), grant_id=UUID(int=5)).require(Action.MANAGE_MEMBERS)
