"""What each role may do is one table, and what it does not say nobody may do."""

from __future__ import annotations

import pytest

from services.errors import Forbidden
from services.principal import ALLOWED, Action, Role
from tests.mirror.services.conftest import principal

# Written out again on purpose: a right that moves without a decision turns a test red.
EVERYBODY = set(Role)
WHO_MAY = {
    Action.VALUE: {Role.OWNER, Role.ADMIN, Role.ANALYST},
    Action.READ_VALUATION: EVERYBODY,
    Action.READ_COMPANY: EVERYBODY,
    Action.EDIT_COMPANY: {Role.OWNER, Role.ADMIN, Role.ANALYST},
    Action.READ_TENANT: EVERYBODY,
    Action.READ_SERVICE_LEVEL: EVERYBODY,
    Action.READ_MODEL: EVERYBODY,
    Action.EDIT_MODEL: {Role.OWNER, Role.ADMIN, Role.ANALYST},
    Action.JOIN_ROOM: EVERYBODY,
    Action.START_RUN: {Role.OWNER, Role.ADMIN, Role.ANALYST},
    Action.READ_RUN: EVERYBODY,
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
