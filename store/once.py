"""Administrative changes under the caller's own id: a repeat finds the first answer.

The row is written in the transaction of the change itself, so there is one without the other never.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from store import scope
from store.session import ReadSession, WriteSession
from store.tables import DoneOnceRow

_FIND = scope.select(DoneOnceRow, "fingerprint", "answer").where(
    scope.equals(DoneOnceRow, "operation_id")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What is on record under an operation's id."""

    fingerprint: str  # SHA-256 in hex of who asked for what
    answer: str  # JSON, without secrets


async def done(session: ReadSession, operation_id: str) -> Done | None:
    """What was done under this id; None: nothing."""
    row = await session.first(_FIND, operation_id=operation_id)
    return None if row is None else Done(**row)


async def keep(
    session: WriteSession, operation_id: str, fingerprint: str, answer: str, at: datetime
) -> bool:
    """Keep the answer. False: somebody was faster under the same id; undo the rest."""
    return await session.add_if_absent(
        DoneOnceRow, operation_id=operation_id, fingerprint=fingerprint, answer=answer, at=at
    )
