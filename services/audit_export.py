"""A tenant's audit as lines: JSON that can be verified, and CSV for a spreadsheet.

Read in pages and handed on page by page: of a chain of any length, one page is in memory.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import orjson

from services.audit_form import FORM, form_of, moment
from store.audit_chain import NOTHING, AuditChain, Checkpoint
from store.audit_events import AuditEvents, EventFilter

PAGE: Final = 500  # events
EVERYTHING: Final = EventFilter()
COLUMNS: Final = (
    "seq",
    "at",
    "actorKind",
    "actor",
    "action",
    "subjectKind",
    "subject",
    "operationId",
    "session",
    "details",
    "hash",
)
# A spreadsheet takes a cell that begins so for a formula, and runs it. Where people write numbers
# with a comma it begins a new cell behind a semicolon, whatever stands in quotation marks.
_FORMULA: Final = re.compile(r"(^|;)(?=\s*[=+\-@＝＋－＠]|[\t\r\n])")


class Format(StrEnum):
    """What an export is written as."""

    JSONL = "JSONL"
    CSV = "CSV"


class AuditExport:
    """The audit of any tenant, as lines. DatabaseBusy, DatabaseAway."""

    def __init__(self, chain: AuditChain, events: AuditEvents) -> None:
        self._chain, self._events = chain, events

    async def pages(
        self, tenant_id: UUID, wanted: EventFilter = EVERYTHING, now: datetime | None = None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """The lines of an export, as many at a time as are read at once.

        The first says whose and when; the last, how many events there were and where they end.
        """
        whole = wanted == EVERYTHING
        # The newest head is asked for before the chain's end: a head beyond that end is no
        # matter of time, but of a chain that was cut off.
        newest = await self._chain.newest(tenant_id, "HEAD") if whole else None
        end = await self._chain.head(tenant_id)
        pruned = await self._chain.newest(tenant_id, "PRUNED") if whole else None
        yield [
            {
                "audit": FORM,
                "tenant": str(tenant_id),
                "exportedAt": moment(now or datetime.now(UTC)),
                "filter": None if whole else told_filter(wanted),
            }
        ]
        seq, hash_, count = 0, NOTHING, 0
        if pruned is not None:
            seq, hash_ = pruned.seq, pruned.hash
            yield [_checkpoint(pruned)]
        heads = self._heads(tenant_id, seq, newest.seq if newest is not None else 0)
        head = await anext(heads, None)
        while True:
            links = await self._events.page(tenant_id, wanted, beyond=seq, limit=PAGE)
            lines: list[dict[str, Any]] = []
            for link in links:
                if link.seq > end.seq:
                    break
                lines.append({"event": {**form_of(tenant_id, link), "hash": link.hash}})
                seq, hash_, count = link.seq, link.hash, count + 1
                while head is not None and head.seq <= seq:
                    lines.append(_checkpoint(head))
                    head = await anext(heads, None)
            if lines:
                yield lines
            if len(links) < PAGE or seq >= end.seq:
                break
        rest = []
        while head is not None:
            rest.append(_checkpoint(head))
            head = await anext(heads, None)
        yield [*rest, {"end": {"events": count, "seq": seq, "hash": hash_}}]

    async def written(
        self,
        tenant_id: UUID,
        wanted: EventFilter = EVERYTHING,
        written_as: Format = Format.JSONL,
    ) -> AsyncIterator[bytes]:
        """The same as the bytes of a file."""
        if written_as is Format.CSV:
            yield csv_text([COLUMNS])
        async for page in self.pages(tenant_id, wanted):
            if written_as is Format.JSONL:
                yield b"".join(orjson.dumps(line) + b"\n" for line in page)
                continue
            rows = [
                tuple(
                    "" if line["event"][name] is None else line["event"][name] for name in COLUMNS
                )
                for line in page
                if "event" in line
            ]
            if rows:
                yield csv_text(rows)

    async def _heads(self, tenant_id: UUID, after: int, until: int) -> AsyncIterator[Checkpoint]:
        while after < until:
            found = await self._chain.checkpoints(tenant_id, "HEAD", after=after, limit=PAGE)
            for head in found:
                if head.seq > until:
                    return
                yield head
            if len(found) < PAGE:
                return
            after = found[-1].seq


def csv_text(rows: list[tuple[Any, ...]]) -> bytes:
    """Rows of a CSV file, RFC 4180, in which no cell is a formula."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_MINIMAL).writerows(
        [[_cell(value) for value in row] for row in rows]
    )
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value


def _checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "checkpoint": {
            "kind": checkpoint.kind,
            "seq": checkpoint.seq,
            "hash": checkpoint.hash,
            "at": moment(checkpoint.at),
            "signature": checkpoint.signature,
        }
    }


def told_filter(wanted: EventFilter) -> dict[str, Any]:
    """A filter as an export, and the entry about it, tell it."""
    told = {
        "actions": None if wanted.actions is None else list(wanted.actions),
        "actor": None if wanted.actor is None else str(wanted.actor),
        "subjects": None if wanted.subjects is None else list(wanted.subjects),
        "from": None if wanted.since is None else moment(wanted.since),
        "to": None if wanted.until is None else moment(wanted.until),
    }
    return {name: value for name, value in told.items() if value is not None}
