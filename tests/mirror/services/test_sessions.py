"""A session goes on with a newer token of its own member, and says what is wrong with another."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from services.authentication import LIFETIME, Authenticator, Issuer
from services.errors import Unauthenticated, Unsupported
from services.principal import Principal, Role
from services.sessions import Session
from tests.mirror.services.test_authentication import (
    ISSUER,
    KEY,
    NOON,
    RING,
    TENANT,
    Clock,
    authenticator,
    issued,
)

pytestmark = pytest.mark.anyio


def lasting(clock: Clock) -> Session:
    """A session over a connection that lasts."""
    desk = authenticator(clock)
    return Session(desk.principal_by(issued(clock)), desk)


async def test_a_session_goes_on_for_as_long_as_the_newer_token_does() -> None:
    clock = Clock()
    session = lasting(clock)
    clock.advance(timedelta(minutes=5))
    assert await session.renew(f" {issued(clock, role=Role.VIEWER)} ") is session.principal
    assert session.principal.expires_at == NOON + timedelta(minutes=5) + LIFETIME
    assert session.principal.role is Role.VIEWER


@pytest.mark.parametrize("token", ["", "  ", "Bearer {}", "bearer {}"])
async def test_what_is_no_token_alone_is_told_of_the_argument_not_of_a_header(
    token: str,
) -> None:
    session = lasting(Clock())
    before = session.principal
    with pytest.raises(Unauthenticated) as no:
        await session.renew(token.format(issued()))
    assert no.value.message == (
        "`token` is not an access token. Give a newer one of the same member, without “Bearer”."
    )
    assert session.principal is before


@pytest.mark.parametrize("token", ["x.y.z", "x" * 5_000])
async def test_a_token_that_proves_nothing_renews_nothing(token: str) -> None:
    with pytest.raises(Unauthenticated) as no:
        await lasting(Clock()).renew(token)
    assert "header" not in no.value.message


async def test_another_members_token_renews_nothing() -> None:
    clock = Clock()
    other = Issuer(ISSUER, KEY, clock).issue(TENANT, UUID(int=21), Role.ANALYST)
    with pytest.raises(Unsupported):
        await lasting(clock).renew(other)


async def test_a_single_request_has_no_session_to_renew() -> None:
    with pytest.raises(Unsupported):
        await Session(authenticator().principal_by(issued())).renew(issued())


async def test_a_token_whose_session_has_ended_renews_nothing() -> None:
    class Ended:
        async def of(self, _: Principal) -> object:
            raise Unauthenticated

    clock = Clock()
    desk = Authenticator(ISSUER, RING, clock, standings=Ended())
    session = Session(desk.principal_by(issued(clock)), desk)
    before = session.principal
    with pytest.raises(Unauthenticated):
        await session.renew(issued(clock))
    assert session.principal is before


async def test_an_api_key_renews_nothing() -> None:
    with pytest.raises(Unauthenticated):
        await lasting(Clock()).renew("vk_live_x")
