"""What an answer must be, and what none may tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from tests.attack.answers import Answer
from tests.attack.corpus import Attack

# What no answer may tell, in its headers either. None of these words is in an attack.
LEAKS: Final = re.compile(
    r"Traceback|site-packages|\.py\b|line \d+, in|sqlite|sqlalchemy|aiosqlite|asyncpg|no such table"
    r"|INSERT INTO|SELECT .* FROM|valor\.db|development-key|PRIVATE KEY|eyJ[\w-]+\.|joserfc"
    r"|strawberry|Error\(|object at 0x|CANARY"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one attack came to."""

    attack: Attack
    answers: list[Answer]
    took_s: float
    faults: list[str] = field(default_factory=list)  # a 5xx, or INTERNAL
    leaks: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        return ", ".join(sorted({answer.words for answer in self.answers})) or "nothing"


def judged(attack: Attack, answers: list[Answer], took_s: float) -> Verdict:
    """The verdict on what came back."""
    verdict = Verdict(attack, answers, took_s)
    for answer in answers:
        if attack.kind == "steps" and '"refreshToken":"' in answer.body:
            continue  # whoever signs in well is given tokens
        if 500 <= answer.status < 600 or answer.status == 1011 or "INTERNAL" in answer.words:
            verdict.faults.append(answer.words)
        leak = LEAKS.search(answer.text)
        if leak:
            verdict.leaks.append(f"{leak[0]!r} in {answer.text[:300]!r}")
    # Of several steps the last counts; of several answers on one connection, each.
    for answer in answers[-1:] if attack.kind == "steps" else answers:
        if not fits(answer, attack.back):
            wanted = " or ".join(sorted(attack.back))
            verdict.unexpected.append(f"{answer.words}, not {wanted}: {answer.body[:200]}")
    return verdict


def fits(answer: Answer, back: Iterable[str]) -> bool:
    """Whether an answer is one of those; "400" alone stands for whatever 400 says."""
    return any(answer.words == each or answer.words.split(" ")[0] == each for each in back)
