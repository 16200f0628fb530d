"""What may be a password, and how many are checked at one time."""

from __future__ import annotations

import asyncio

import pytest

from services.errors import InvalidInput, Overloaded
from services.passwords import LONGEST, NOBODYS, SHORTEST, Passwords, check, is_common

pytestmark = pytest.mark.anyio

COMMON = [
    "password1234",
    "Password1234!",
    "P@ssw0rd12345",
    "passwordpassword",
    "Sunshine2026!!",
    "2026-sunshine-2026",
    "qwertyuiop12",
    "1qaz2wsx3edc",
    "aaaaaaaaaaaa",
    "abcabcabcabc",
    "abcdefghijklm",
    "123456789012",
    "987654321098",
    "valuation2026",
    "PASSWORD12345",
]
GOOD = [
    "four quiet otters in a boat",
    "tr0ub4dor&3xyz",
    "8205193744201158",
    "\u043f\u044f\u0442\u044c \u0442\u0438\u0445\u0438\u0445 \u0432\u044b\u0434\u0440",
    "            x            ",
    "x7" * 5 + "k9q2",
]


@pytest.mark.parametrize("password", COMMON)
def test_what_is_tried_first_is_refused(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize("password", GOOD)
def test_anything_else_that_is_long_enough_may_be_one(password: str) -> None:
    assert check(password, "ada@example.com", "Ada Lovelace") == password


@pytest.mark.parametrize(
    "password", ["", "x" * (SHORTEST - 1), "\u00e9" * (SHORTEST - 1), "k7 m2 " * LONGEST]
)
def test_a_length_is_counted_in_characters(password: str) -> None:
    with pytest.raises(InvalidInput) as no:
        check(password)
    (problem,) = no.value.problems
    assert (problem.path, problem.code) == ("password", "WRONG_LENGTH")


@pytest.mark.parametrize(
    "password",
    ["lovelace went to town", "I am ada@example.com", "my EXAMPLE sentence", "x LoveLace x y z"],
)
def test_a_password_does_not_hold_its_owners_name(password: str) -> None:
    with pytest.raises(InvalidInput) as no:
        check(password, "ada@example.com", "Ada Lovelace", None)
    assert [problem.code for problem in no.value.problems] == ["CONTRADICTION"]


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidInput) as no:
        check("lovelace", "Ada Lovelace")
    assert len(no.value.problems) == 2


async def test_a_password_is_right_however_its_letters_were_typed() -> None:
    passwords = Passwords()
    composed, typed_apart = "caf\u00e9 in the morning", "cafe\u0301 in the morning"
    stored = await passwords.hash(check(composed))
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.is_right(stored, typed_apart)
    assert not await passwords.is_right(stored, "caf\u00e9 in the evening")
    assert not passwords.is_dated(stored)
    passwords.close()


@pytest.mark.parametrize("stored", [None, "", "no hash at all", NOBODYS])
async def test_nobodys_password_is_never_right(stored: str | None) -> None:
    passwords = Passwords()
    for given in ("", "nobody has this password, ever!!", "x"):
        assert not await passwords.is_right(stored, given)
    passwords.close()


async def test_more_than_can_be_checked_in_time_are_turned_away_at_once() -> None:
    passwords = Passwords(threads=1, waiting=3)
    checks = [asyncio.ensure_future(passwords.is_right(None, "x")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as no:
        await passwords.is_right(None, "x")
    assert no.value.retry_after_s == 1.0
    assert await asyncio.gather(*checks) == [False] * 3
    assert not await passwords.is_right(None, "x"), "there is room again"
    passwords.close()
