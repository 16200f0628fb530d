"""A session goes on with a newer token of its own member, and says what is wrong with another."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from services.authentication import LIFETIME, Issuer
from services.errors import Unauthenticated, Unsupported
from services.principal import Role
from services.sessions import Session
from tests.mirror.services.test_authentication import (
    ISSUER,
    KEY,
    NOON,
    TENANT,
    Clock,
    authenticator,
    issued,
)


def lasting(clock: Clock) -> Session:
    """A session over a connection that lasts."""
    desk = authenticator(clock)
    return Session(desk.principal_by(issued(clock)), desk)


def test_a_session_goes_on_for_as_long_as_the_newer_token_does() -> None:
    clock = Clock()
    session = lasting(clock)
    clock.advance(timedelta(minutes=5))
    assert session.renew(f" {issued(clock, role=Role.VIEWER)} ") is session.principal
    assert session.principal.expires_at == NOON + timedelta(minutes=5) + LIFETIME
    assert session.principal.role is Role.VIEWER


@pytest.mark.parametrize("token", ["", "  ", "Bearer {}", "bearer {}"])
def test_what_is_no_token_alone_is_told_of_the_argument_and_not_of_a_header(token: str) -> None:
    session = lasting(Clock())
    before = session.principal
    with pytest.raises(Unauthenticated) as no:
        session.renew(token.format(issued()))
    assert no.value.message == (
        "`token` is not an access token. Give a newer one of the same member, without “Bearer”."
    )
    assert session.principal is before


@pytest.mark.parametrize("token", ["x.y.z", "x" * 5_000])
def test_a_token_that_proves_nothing_renews_nothing(token: str) -> None:
    with pytest.raises(Unauthenticated) as no:
        lasting(Clock()).renew(token)
    assert "header" not in no.value.message


def test_another_members_token_renews_nothing() -> None:
    clock = Clock()
    other = Issuer(ISSUER, KEY, clock).issue(TENANT, UUID(int=21), Role.ANALYST)
    with pytest.raises(Unsupported):
        lasting(clock).renew(other)


def test_a_single_request_has_no_session_to_renew() -> None:
    with pytest.raises(Unsupported):
        Session(authenticator().principal_by(issued())).renew(issued())
