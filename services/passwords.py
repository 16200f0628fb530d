"""Passwords: what may be one, and argon2id in threads of its own.

A check costs 19 MiB and some 20 ms of a core on purpose. So it never runs on the event loop, and no
more of them wait than can be answered in time.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from services.errors import InvalidInput, Overloaded, Problem

if TYPE_CHECKING:
    from argon2 import PasswordHasher

R = TypeVar("R")

SHORTEST: Final = 12  # characters
LONGEST: Final = 256
THREADS: Final = 2
WAITING: Final = 32  # checks, with those under way
_MEMORY_KIB: Final = 19_456  # OWASP's smallest of argon2id: 19 MiB, twice, one lane
_TIMES: Final = 2
_COMMON_FILE: Final = Path(__file__).with_name("common_passwords.txt")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
# Of nobody's password: who does not exist is checked against it, so that it takes as long.
NOBODYS: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdCEh$"
    "bm9ib2R5IGhhcyB0aGlzIHBhc3N3b3JkLCBldmVyISE"
)


def check(password: str, *names: str | None, path: str = "password") -> str:
    """The password as it is hashed: the same letters have one form, however they were typed.

    ``names``: of whoever has it, which it must not hold.

    Raises:
        InvalidInput: with everything that is wrong with it.
    """
    plain = normal(password)
    problems = []
    if not SHORTEST <= len(plain) <= LONGEST:
        problems.append(
            Problem(
                path,
                "WRONG_LENGTH",
                f"A password has {SHORTEST} to {LONGEST} characters, and this one {len(plain)}.",
                "Several words that have nothing to do with each other are long and easy.",
            )
        )
    elif is_common(plain):
        problems.append(
            Problem(
                path,
                "OUT_OF_RANGE",
                "This is one of the passwords that are tried first.",
                "Take several words that have nothing to do with each other.",
            )
        )
    if any(_holds(plain, name) for name in names if name):
        problems.append(
            Problem(
                path,
                "CONTRADICTION",
                "The password holds the name of whoever it is for.",
                "Leave name and address out of it.",
            )
        )
    if problems:
        raise InvalidInput.of(problems)
    return plain


def normal(password: str) -> str:
    """One form of the same letters: Unicode's NFKC."""
    return unicodedata.normalize("NFKC", password)


def is_common(password: str) -> bool:
    """Whether it is tried first: on the list, a word of it with digits around, or a pattern."""
    lower = password.casefold()
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", lower)
    forms = {lower, bare, lower.translate(_LEET), bare.translate(_LEET)}
    forms |= {re.sub(r"[\W\d_]+$", "", form) for form in forms}
    # A word written twice is one word.
    forms |= {form[: len(form) // 2] for form in forms if form == 2 * form[: len(form) // 2]}
    return _is_pattern(lower) or any(map(_is_listed, forms))


def _is_listed(text: str) -> bool:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12] in _common()


def _is_pattern(text: str) -> bool:
    """A few characters over and over, or a run of neighbours in the alphabet or among digits."""
    for period in range(1, 5):
        if text == (text[:period] * len(text))[: len(text)]:
            return True
    steps = {ord(b) - ord(a) for a, b in pairwise(text)}
    around = {step % 10 for step in steps}  # after 9 comes 0
    return len(steps) == 1 or (text.isdigit() and len(around) == 1)


@cache
def _common() -> frozenset[str]:
    lines = _COMMON_FILE.read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def _holds(password: str, name: str) -> bool:
    parts = [name, *re.split(r"[\s@.,_-]+", name)]
    return any(len(part) >= 4 and part.casefold() in password.casefold() for part in parts)


class Passwords:
    """Hashes and checks them, a few at a time."""

    def __init__(self, threads: int = THREADS, waiting: int = WAITING) -> None:
        self._pool = ThreadPoolExecutor(threads, "passwords")
        self._most, self._count = waiting, 0
        self._known: PasswordHasher | None = None

    async def hash(self, password: str) -> str:
        """What is stored of a password that `check` has let through.

        Raises:
            Overloaded: if too many wait already.
        """
        return await self._run(lambda: self._hasher().hash(password))

    async def is_right(self, stored: str | None, password: str) -> bool:
        """Whether it is the one that was hashed. For nobody it takes as long, and is not.

        Raises:
            Overloaded: if too many wait already.
        """

        def verify() -> bool:
            from argon2.exceptions import InvalidHashError, VerificationError

            try:
                self._hasher().verify(stored or NOBODYS, normal(password))
            except (VerificationError, InvalidHashError, UnicodeEncodeError):
                return False
            return bool(stored)

        return await self._run(verify)

    def is_dated(self, stored: str) -> bool:
        """Whether it was hashed with other parameters than today's."""
        return self._hasher().check_needs_rehash(stored)

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], R]) -> R:
        if self._count >= self._most:
            raise Overloaded("Too many people sign in right now. Try again in a moment.")
        self._count += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._count -= 1

    def _hasher(self) -> PasswordHasher:
        if self._known is None:
            from argon2 import PasswordHasher

            self._known = PasswordHasher(time_cost=_TIMES, memory_cost=_MEMORY_KIB, parallelism=1)
        return self._known
