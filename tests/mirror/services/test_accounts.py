"""A password proves who somebody is; whatever is wrong, a stranger learns nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from api.keys import temporary_keys
from services.accounts import FREE_FAILURES, LOCKED_AT_MOST, RESET_FOR, SecondFactorWanted
from services.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unsupported,
)
from services.principal import Role
from store import members
from store.database import Database
from store.tenants import change, find
from tests.mirror.services.signing_in import (
    ADA,
    ELSEWHERE,
    HOME,
    OWNER,
    PASSWORD,
    ROBOT,
    Desk,
    desk,
    somebody,
)
from tests.mirror.store.world import OURS

ONE_MESSAGE = "That does not prove who you are here. Sign in again, or ask for a new token."
pytestmark = pytest.mark.anyio
ADMIN = somebody(OWNER, Role.OWNER)


@pytest.fixture
async def here(database: Database) -> AsyncIterator[Desk]:
    async with desk(database) as made:
        yield made


async def fail(here: Desk, times: int = 1, **changes: Any) -> None:
    """Fail so often, at intervals that no bucket minds, and have it counted."""
    for _ in range(times):
        here.tries._full_at.clear()
        with pytest.raises(Unauthenticated):
            await here.sign_in(password="wrong", **changes)
        await here.identity.accounts.settled()


async def test_whoever_knows_the_password_is_signed_in(here: Desk) -> None:
    tokens = await here.sign_in()
    principal = await here.identity.authenticator.renewed(tokens.access)
    assert (principal.tenant_id, principal.member_id) == (OURS, ADA)
    assert principal.role is Role.ANALYST
    assert (await here.audit())[-1] == "session.began"


WRONG: dict[str, dict[str, str]] = {
    "an unknown tenant": {"tenant": "nobodys"},
    "another's tenant": {"tenant": "theirs"},
    "an unknown name": {"subject": "eve"},
    "a member without a password": {"subject": "olga"},
    "a service account": {"subject": "robot"},
    "a wrong password": {"password": "wrong"},
    "no password": {"password": ""},
    "the system's tenant": {"tenant": "system"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
async def test_whatever_is_wrong_is_answered_alike_after_one_check_of_a_password(
    here: Desk, changes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = []
    real = here.identity.accounts._passwords.is_right

    async def is_right(stored: str | None, password: str) -> bool:
        checks.append(stored)
        return await real(stored, password)

    monkeypatch.setattr(here.identity.accounts._passwords, "is_right", is_right)
    with pytest.raises(Unauthenticated) as no:
        await here.sign_in(**changes)
    assert no.value.message == ONE_MESSAGE
    assert type(no.value) is Unauthenticated
    assert len(checks) == 1


async def test_a_locked_account_takes_not_even_the_right_password_and_says_nothing(
    here: Desk,
) -> None:
    await fail(here, FREE_FAILURES, address=ELSEWHERE)
    with pytest.raises(Unauthenticated) as no:
        await here.sign_in(address=ELSEWHERE)
    assert no.value.message == ONE_MESSAGE
    here.clock.advance(seconds=31)
    assert await here.sign_in(address=ELSEWHERE)


async def test_each_failure_locks_for_longer_and_never_for_long(here: Desk) -> None:
    waits = []
    for _ in range(FREE_FAILURES + 7):
        await fail(here, address=ELSEWHERE)
        account = await here.identity.accounts.of_caller(somebody())
        assert account is not None
        if account.locked_until is not None:
            waits.append((account.locked_until - here.clock()).total_seconds())
            here.clock.now = account.locked_until
    assert waits == sorted(waits)
    assert waits[:3] == [30.0, 60.0, 120.0]
    assert max(waits) == LOCKED_AT_MOST.total_seconds()


async def test_strangers_do_not_lock_out_who_signs_in_from_where_they_did_before(
    here: Desk,
) -> None:
    await here.sign_in(address=HOME)
    await fail(here, FREE_FAILURES + 3, address=ELSEWHERE)
    with pytest.raises(Unauthenticated):
        await here.sign_in(address=ELSEWHERE)
    assert await here.sign_in(address=HOME)


async def test_a_name_is_slowed_down_whether_or_not_there_is_one(here: Desk) -> None:
    waits = []
    for subject in ("ada", "nobody"):
        for number in range(40):
            try:
                await here.sign_in(subject=subject, password="wrong", address=f"192.0.2.{number}")
            except RateLimited as no:
                waits.append((number, no.message))
                break
            except Unauthenticated:
                pass
    (one, said), (other, again) = waits
    assert one == other
    assert said == again


async def test_an_address_is_slowed_down_over_all_names(here: Desk) -> None:
    here.tries._full_at.clear()
    await here.sign_in()  # who is right costs nothing
    for number in range(30):
        with pytest.raises(Unauthenticated):
            await here.sign_in(subject=f"nobody-{number}")
    with pytest.raises(RateLimited) as no:
        await here.sign_in()
    assert no.value.retry_after_s
    assert await here.sign_in(address=ELSEWHERE)


async def test_failures_are_on_record_but_not_without_end(here: Desk) -> None:
    before = len(await here.audit())
    await fail(here, FREE_FAILURES + 20, address=ELSEWHERE)
    refused = (await here.audit())[before:]
    assert refused == ["session.refused"] * FREE_FAILURES


async def test_a_member_who_left_signs_in_no_more(here: Desk) -> None:
    async with here.database.writing(OURS) as session:
        ada = await members.find(session, ADA)
        assert ada is not None
        await members.change(session, replace(ada, state="REMOVED"))
    with pytest.raises(Unauthenticated):
        await here.sign_in()


async def test_of_a_suspended_tenant_only_its_members_learn_why(here: Desk) -> None:
    async with here.database.writing(OURS) as session:
        now = await find(session)
        assert now is not None
        await change(session, now, state="SUSPENDED", state_reason="Unpaid since May.")
    here.standings.changed(OURS)
    with pytest.raises(Forbidden, match="Unpaid since May"):
        await here.sign_in()
    with pytest.raises(Unauthenticated):
        await here.sign_in(password="wrong")


async def test_a_password_hashed_the_old_way_is_hashed_anew_at_the_next_sign_in(
    here: Desk,
) -> None:
    here.identity.accounts._passwords._known = None  # today's parameters
    await here.sign_in()
    account = await here.identity.accounts.of_caller(somebody())
    assert account is not None
    assert account.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await here.sign_in()


async def test_another_password_ends_the_other_sessions(here: Desk) -> None:
    mine, other = await here.sign_in(), await here.sign_in()
    asking = somebody(session_id=mine.session_id)
    new = "seven loud herons on a hill"
    assert await here.identity.accounts.change_password(asking, PASSWORD, new) == 1
    with pytest.raises(Unauthenticated):
        await here.identity.signed_in.refresh(other.refresh)
    assert await here.identity.signed_in.refresh(mine.refresh)
    with pytest.raises(Unauthenticated):
        await here.sign_in()
    assert await here.sign_in(password=new)
    assert "password.changed" in await here.audit()


async def test_a_password_is_not_changed_by_who_has_only_the_token(here: Desk) -> None:
    with pytest.raises(InvalidInput) as no:
        await here.identity.accounts.change_password(somebody(), "a guess", "x" * 5 + "y1 z2 q3")
    assert no.value.problems[0].path == "current"
    for _ in range(9):
        with pytest.raises(InvalidInput):
            await here.identity.accounts.change_password(somebody(), "a guess", "abc xyz 12345")
    with pytest.raises(RateLimited):
        await here.identity.accounts.change_password(somebody(), PASSWORD, "abc xyz 12345")
    with pytest.raises(Unsupported):
        await here.identity.accounts.change_password(ADMIN, PASSWORD, "abc xyz 12345")


async def test_a_lost_password_is_replaced_once_by_what_an_administrator_hands_over(
    here: Desk,
) -> None:
    accounts, tokens = here.identity.accounts, await here.sign_in()
    with pytest.raises(Forbidden):
        await accounts.offer_reset(somebody(), ADA, None)
    with pytest.raises(NotFound):
        await accounts.offer_reset(ADMIN, ROBOT, None)
    older, _ = await accounts.offer_reset(ADMIN, ADA, "first")
    assert await accounts.offer_reset(ADMIN, ADA, "first") == (None, here.clock() + RESET_FOR)
    newer, _ = await accounts.offer_reset(ADMIN, ADA, "second")
    new = "seven loud herons on a hill"
    for text in (str(older), "vp_x_y", tokens.refresh):
        with pytest.raises(Unauthenticated):
            await accounts.reset(text, new, HOME)
    with pytest.raises(InvalidInput):
        await accounts.reset(str(newer), "short", HOME)
    await accounts.reset(str(newer), new, HOME)
    with pytest.raises(Unauthenticated):
        await accounts.reset(str(newer), "nine slow toads in a pond", HOME)
    with pytest.raises(Unauthenticated):
        await here.identity.signed_in.refresh(tokens.refresh)
    assert await here.sign_in(password=new)


async def test_a_way_to_a_new_password_ends_after_a_day(here: Desk) -> None:
    text, _ = await here.identity.accounts.offer_reset(ADMIN, ADA, None)
    here.clock.advance(hours=24)
    with pytest.raises(Unauthenticated):
        await here.identity.accounts.reset(str(text), PASSWORD, HOME)


# The second factor


async def turned_on(here: Desk) -> tuple[Any, list[str]]:
    """The app that knows the secret, and the spare codes."""
    from pyotp import TOTP

    made = await here.identity.enrolments.begin(somebody())
    app = TOTP(made.secret)
    assert made.uri.startswith("otpauth://totp/Valor%20IVX:ada?secret=")
    codes = await here.identity.enrolments.confirm(somebody(), app.at(here.clock()))
    here.clock.advance(seconds=30)
    return app, codes


async def test_a_second_factor_counts_once_it_is_confirmed(here: Desk) -> None:
    await here.identity.enrolments.begin(somebody())
    assert await here.sign_in(), "begun is not on"
    with pytest.raises(InvalidInput):
        await here.identity.enrolments.confirm(somebody(), "000000")
    app, _ = await turned_on(here)
    with pytest.raises(SecondFactorWanted):
        await here.sign_in()
    with pytest.raises(Unauthenticated) as no:
        await here.sign_in(code="000000")
    assert type(no.value) is Unauthenticated
    with pytest.raises(Unauthenticated) as no:
        await here.sign_in(password="wrong", code=app.at(here.clock()))
    assert type(no.value) is Unauthenticated
    assert await here.sign_in(code=f" {app.at(here.clock())} ")
    assert await here.identity.enrolments.spares_left(somebody()) == 10


async def test_a_code_is_good_once_and_so_is_none_before_it(here: Desk) -> None:
    app, _ = await turned_on(here)
    code, before = app.at(here.clock()), app.at(here.clock.timer() - 30)
    await here.sign_in(code=code)
    for used in (code, before):
        with pytest.raises(Unauthenticated):
            await here.sign_in(code=used)
    await here.identity.accounts.settled()
    account = await here.identity.accounts.of_caller(somebody())
    assert account is not None
    assert account.failures == 2, "whoever looked over a shoulder guesses like anybody else"
    here.clock.advance(seconds=30)
    assert await here.sign_in(code=app.at(here.clock()))


@pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (1, True), (2, False)])
async def test_a_clock_may_be_one_step_off(here: Desk, steps: int, *, good: bool) -> None:
    app, _ = await turned_on(here)
    here.clock.advance(seconds=90)
    code = app.at(here.clock.timer() + 30 * steps)
    if good:
        assert await here.sign_in(code=code)
    else:
        with pytest.raises(Unauthenticated):
            await here.sign_in(code=code)


async def test_a_spare_code_is_good_once(here: Desk) -> None:
    _, codes = await turned_on(here)
    assert len(set(codes)) == 10
    await here.sign_in(code=codes[0].upper())
    with pytest.raises(Unauthenticated):
        await here.sign_in(code=codes[0])
    assert await here.identity.enrolments.spares_left(somebody()) == 9


async def test_nothing_in_the_row_makes_a_code(here: Desk) -> None:
    app, codes = await turned_on(here)
    account = await here.identity.accounts.of_caller(somebody())
    assert account is not None
    for text in (account.totp, account.recovery):
        assert text is not None
        assert app.secret not in text
        assert not any(code in text for code in codes)


async def test_without_the_key_that_sealed_it_no_code_is_right_until_it_is_reset(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, codes = await turned_on(here)
    monkeypatch.setattr(here.identity.sealer, "_keyring", temporary_keys())
    for code in (app.at(here.clock()), codes[0]):
        with pytest.raises(Unauthenticated):
            await here.sign_in(code=code)
    assert await here.identity.enrolments.spares_left(somebody()) == 0
    await here.identity.enrolments.reset(ADMIN, ADA, None)
    assert await here.sign_in()


async def test_a_factor_goes_with_password_and_code_or_by_an_administrator(here: Desk) -> None:
    enrolments = here.identity.enrolments
    app, codes = await turned_on(here)
    with pytest.raises(Conflict):
        await enrolments.begin(somebody())
    for password, code in ((PASSWORD, "000000"), ("wrong", app.at(here.clock()))):
        with pytest.raises(InvalidInput):
            await enrolments.disable(somebody(), password, code)
    await enrolments.disable(somebody(), PASSWORD, codes[3])
    assert await here.sign_in()
    await turned_on(here)
    with pytest.raises(Forbidden):
        await enrolments.reset(somebody(), ADA, None)
    await enrolments.reset(ADMIN, ADA, None)
    assert await here.sign_in()
    with pytest.raises(NotFound):
        await enrolments.reset(ADMIN, ADA, None)
    with pytest.raises(Unsupported):
        await enrolments.begin(ADMIN)
    kept = await here.audit()
    assert {"second_factor.on", "second_factor.off", "second_factor.reset"} <= set(kept)
