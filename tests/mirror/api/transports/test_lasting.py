"""Connections that last, without any: how they are counted, looked after and ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from api.transports.lasting import DRAINING, EXPIRED, FULL, REVOKED, Ending, Lasting, Limits
from observability.logs import Logs
from services.principal import Principal, Role
from services.sessions import Session
from tests.sockets import until

pytestmark = pytest.mark.anyio

QUICK = Limits(ping_every_s=0.1, member_every_s=0.02)


class Guest:
    """A client that remembers what happened to it."""

    def __init__(self, lasting: Lasting) -> None:
        self.session: Session | None = None
        self.busy = False
        self.pings = self.looks = 0
        self.endings: list[Ending] = []
        self.ended_at: float | None = None  # by the event loop
        self.lasting = lasting
        self.number = lasting.enter(self)

    def look(self, now_s: float) -> None:
        assert now_s > 0
        self.looks += 1

    def ping(self) -> None:
        self.pings += 1

    def end(self, ending: Ending) -> None:
        if not self.endings:
            self.lasting.leave(self)
            self.ended_at = asyncio.get_running_loop().time()
        self.endings.append(ending)


def session(tenant: int = 1, member: int = 1, **changes: object) -> Session:
    given = {
        "tenant_id": UUID(int=tenant),
        "member_id": UUID(int=member),
        "role": Role.ANALYST,
        "session_id": "s",
        "expires_at": datetime.now(UTC) + timedelta(hours=1),
    }
    return Session(Principal(**(given | changes)))  # type: ignore[arg-type] # a test's own changes


async def yes(_principal: Principal) -> bool:
    return True


def lasting(limits: Limits | None = None, still: object = yes) -> Lasting:
    return Lasting(still, Logs("CRITICAL").get("test"), limits)  # type: ignore[arg-type] # any


@asynccontextmanager
async def looked_after(one: Lasting) -> AsyncIterator[Lasting]:
    one.start()
    one.start()  # once is enough
    try:
        yield one
    finally:
        await one.close()


async def test_strangers_and_tenants_have_limits_of_their_own() -> None:
    one = lasting(Limits(clients=4, clients_of_tenant=2, strangers=2))
    a, b = Guest(one), Guest(one)
    assert not one.admits()  # two strangers
    assert one.introduce(a, session()) is None
    assert one.introduce(b, session()) is None
    assert one.admits()
    c, d = Guest(one), Guest(one)
    assert one.introduce(c, session()) == FULL
    assert c.session is None
    assert one.introduce(c, session(tenant=2)) is None
    assert not one.admits()  # four clients
    one.leave(d)
    assert one.admits()
    one.leave(a)
    assert one.introduce(Guest(one), session()) is None
    for client in tuple(one):
        one.leave(client)
    assert len(one) == 0
    assert not one._of_tenant


async def test_a_renewed_token_leaves_the_counts_as_they_were() -> None:
    one = lasting()
    guest, first = Guest(one), session()
    one.introduce(guest, first)
    first.principal = session().principal
    one.leave(guest)
    assert not one._of_tenant


async def test_each_is_pinged_once_a_period_and_looked_at_more_often() -> None:
    async with looked_after(lasting(QUICK)) as one:
        guests = [Guest(one) for _ in range(50)]
        await until(lambda: min(guest.pings for guest in guests) >= 3)
        assert max(guest.pings for guest in guests) <= 4
        assert min(guest.looks / guest.pings for guest in guests) >= 3


async def test_a_token_that_has_ended_ends_its_connection() -> None:
    async with looked_after(lasting(QUICK)) as one:
        short, long = Guest(one), Guest(one)
        one.introduce(short, session(expires_at=datetime.now(UTC) + timedelta(seconds=0.1)))
        one.introduce(long, session())
        await until(lambda: short.endings)
        assert short.endings == [EXPIRED]
        assert long.endings == []


async def test_a_member_is_looked_up_once_for_all_their_connections() -> None:
    asked: list[tuple[UUID, Role]] = []

    async def still(principal: Principal) -> bool:
        asked.append((principal.member_id, principal.role))
        return principal.member_id != UUID(int=2)

    async with looked_after(lasting(QUICK, still)) as one:
        stays, goes, role = [], [], Guest(one)
        for _ in range(3):
            for guests, member in ((stays, 1), (goes, 2)):
                guests.append(Guest(one))
                one.introduce(guests[-1], session(member=member))
        one.introduce(role, session(role=Role.VIEWER))
        await until(lambda: all(guest.endings for guest in goes))
        assert asked[:3].count((UUID(int=1), Role.ANALYST)) == 1
        assert (UUID(int=1), Role.VIEWER) in asked[:3]
    assert {ending for guest in goes for ending in guest.endings} == {REVOKED}
    assert {ending for guest in (*stays, role) for ending in guest.endings} == {DRAINING}


class Standing:
    """Who may still be there, and how often it was asked."""

    def __init__(self) -> None:
        self.gone = self.away = False
        self.asked = self.heard = 0

    async def still(self, _principal: Principal) -> bool:
        self.asked += 1
        if self.away:
            raise RuntimeError("the database is away")
        return not self.gone


SELDOM = Limits(member_every_s=3_600.0, unheard_every_s=0.02)


async def test_while_no_word_can_arrive_members_are_looked_up_more_often() -> None:
    known, hears = Standing(), [True]

    def heard() -> bool:
        known.heard += 1
        return hears[0]

    logs = Logs("CRITICAL").get("test")
    async with looked_after(Lasting(known.still, logs, SELDOM, heard)) as one:
        guest = Guest(one)
        one.introduce(guest, session())
        known.gone = True
        await until(lambda: known.heard >= 3)
        assert not known.asked
        hears[0] = False
        await until(lambda: guest.endings == [REVOKED])


async def test_who_could_not_be_looked_up_is_looked_up_again_soon() -> None:
    known = Standing()
    async with looked_after(lasting(SELDOM, known.still)) as one:
        guest = Guest(one)
        one.introduce(guest, session())
        known.away = known.gone = True
        one.look_again(UUID(int=1))
        await until(lambda: known.asked >= 2)
        assert not guest.endings, "nobody is sent away because nobody can say"
        known.away = False
        await until(lambda: guest.endings == [REVOKED])


async def test_who_comes_twice_by_one_proof_goes_twice() -> None:
    known, until_then = Standing(), datetime.now(UTC) + timedelta(hours=1)
    async with looked_after(lasting(SELDOM, known.still)) as one:
        guests = [Guest(one) for _ in range(3)]
        for guest in guests:
            one.introduce(guest, session(expires_at=until_then))
        known.gone = True
        one.look_again(UUID(int=1))
        await until(lambda: all(guest.endings == [REVOKED] for guest in guests))


async def test_who_renews_while_being_looked_up_is_looked_up_anew() -> None:
    asked, answer = list[str](), asyncio.Event()

    async def still(principal: Principal) -> bool:
        asked.append(principal.session_id)
        if principal.session_id == "s":
            await answer.wait()
        return False

    async with looked_after(lasting(SELDOM, still)) as one:
        guest, mine = Guest(one), session()
        one.introduce(guest, mine)
        one.look_again(UUID(int=1))
        await until(lambda: asked == ["s"])
        mine.principal = session(session_id="renewed").principal
        answer.set()
        await until(lambda: guest.endings == [REVOKED])
        assert asked == ["s", "renewed"]


async def test_a_word_that_comes_while_somebody_is_proved_counts_for_them() -> None:
    known = Standing()
    async with looked_after(lasting(SELDOM, known.still)) as one:
        guest, words = Guest(one), one.words
        known.gone = True
        one.look_again(UUID(int=1))  # between the proof and the introduction
        await until(lambda: not (one._changed or one._told.is_set()))
        one.introduce(guest, session(), words)
        await until(lambda: guest.endings == [REVOKED])


async def test_a_drain_tells_one_after_the_other() -> None:
    one = lasting()
    guests = [Guest(one) for _ in range(20)]
    began = asyncio.get_running_loop().time()
    await one.drain(0.5)
    times = sorted(guest.ended_at - began for guest in guests if guest.ended_at is not None)
    assert len(times) == 20
    # Later than that a busy machine may be; earlier would be a herd.
    assert all(at > 0.02 * number - 0.001 for number, at in enumerate(times))
    assert {ending for guest in guests for ending in guest.endings} == {DRAINING}


async def test_a_drain_waits_for_who_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.transports.lasting._SPREAD", 0.0)  # all others are told at once
    one = lasting()
    guests = [Guest(one) for _ in range(20)]
    guests[3].busy = True
    draining = asyncio.create_task(one.drain(600.0))
    await until(lambda: len(one) == 1)
    assert not one.admits()
    assert one.introduce(guests[3], session()) == DRAINING
    assert guests[3].endings == []
    guests[3].busy = False
    await draining
    assert guests[3].endings == [DRAINING]


async def test_a_drain_has_an_end_whoever_is_busy() -> None:
    one = lasting()
    guest = Guest(one)
    guest.busy = True
    await one.drain(0.1)
    assert guest.endings == [DRAINING]


async def test_a_drain_of_nobody_takes_no_time() -> None:
    one = lasting()
    async with asyncio.timeout(60.0):
        await one.drain(1_000.0)


async def test_a_fault_with_one_connection_leaves_nobody_else_without_care() -> None:
    class Broken(Guest):
        def ping(self) -> None:
            super().ping()
            raise RuntimeError("the handler is closed")

        def look(self, now_s: float) -> None:
            super().look(now_s)
            raise RuntimeError("the handler is closed")

    async with looked_after(lasting(QUICK)) as one:
        broken = [Broken(one) for _ in range(20)]  # one in each slot
        await until(lambda: all(guest.pings and guest.looks for guest in broken))
        ends = Guest(one)
        one.introduce(ends, session(expires_at=datetime.now(UTC)))
        await until(lambda: ends.endings == [EXPIRED])
