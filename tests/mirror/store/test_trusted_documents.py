"""Trusted documents on both databases: all of a call or none, and each tenant's apart."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

import pytest

from store.audit import Entry
from store.database import Database
from store.trusted_documents import TooMany, TrustedDocument, TrustedDocuments
from tests.mirror.store.world import NOON, OURS, THEIRS

pytestmark = pytest.mark.anyio


def document(text: str) -> TrustedDocument:
    return TrustedDocument(
        id=sha256(text.encode()).hexdigest(),
        text=text,
        name=None,
        registered_by=UUID(int=1),
        registered_at=NOON,
    )


def noted(number: int = 1) -> Entry:
    return Entry(
        id=UUID(int=number),
        at=NOON,
        actor_kind="MEMBER",
        actor=UUID(int=1),
        action="documents.registered",
        subject_kind="tenant",
        subject=str(OURS),
        operation_id=None,
        session="s",
        details="{}",
    )


async def test_they_are_kept_and_removed_for_one_tenant(database: Database) -> None:
    kept = TrustedDocuments(database)
    documents = sorted((document(f"{{ a{n} }}") for n in range(5)), key=lambda each: each.id)
    assert await kept.add(OURS, documents, 10, noted()) == documents
    assert await kept.page(OURS, "", 3) == documents[:3]
    assert await kept.page(OURS, documents[2].id, 3) == documents[3:]
    assert await kept.text(OURS, documents[0].id) == documents[0].text
    assert await kept.text(THEIRS, documents[0].id) is None
    assert await kept.remove(THEIRS, [each.id for each in documents], noted(2)) == 0
    assert await kept.remove(OURS, [documents[0].id, documents[1].id, "x"], noted(3)) == 2
    assert await kept.page(OURS, "", 9) == documents[2:]


async def test_of_too_many_none_is_kept(database: Database) -> None:
    kept = TrustedDocuments(database)
    with pytest.raises(TooMany):
        await kept.add(OURS, [document("{ a }"), document("{ b }")], 1, noted())
    assert await kept.page(OURS, "", 9) == []
