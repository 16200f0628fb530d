"""A chain of an audit as it is exported, made without a database, and what tests do to it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from joserfc.jwk import OKPKey

from services.audit_form import NOTHING, Link, form_of, hashed, moment
from services.audit_signing import signed
from services.audit_verification import Finding, verify
from store.audit_chain import Checkpoint

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = UUID("01900000-0000-7000-8000-00000000000a")
THEIRS = UUID("01900000-0000-7000-8000-00000000000b")

Line = dict[str, Any]


class Key:
    """The holder of one private key."""

    def __init__(self, kid: str = "20260301T120000Z-aaaaaa") -> None:
        self.key = OKPKey.generate_key("Ed25519", {"kid": kid})

    def auditing(self) -> OKPKey:
        return self.key

    @property
    def public(self) -> dict[str, OKPKey]:
        return {str(self.key.kid): OKPKey.import_key(self.key.as_dict(private=False))}


KEY, STRANGER = Key(), Key()


def chain(count: int, tenant_id: UUID = OURS) -> list[Link]:
    """So many events, one a second."""
    links: list[Link] = []
    previous = NOTHING
    for seq in range(1, count + 1):
        bare = Link(
            seq=seq,
            id=UUID(int=seq),
            at=NOON + timedelta(seconds=seq),
            actor_kind="MEMBER",
            actor=UUID(int=seq % 3 + 1),
            action="model.read",
            subject_kind="model",
            subject=f"model-{seq % 4}",
            operation_id=None if seq % 2 else f"operation-{seq}",
            session="session",
            details=f'{{"seq":{seq}}}',
            previous=previous,
            hash="",
        )
        previous = hashed(tenant_id, bare)
        links.append(replace(bare, hash=previous))
    return links


def head(link: Link, kind: str = "HEAD", key: Key = KEY, tenant_id: UUID = OURS) -> Line:
    return checkpoint(signed(key, tenant_id, kind, link.seq, link.hash, link.at))


def checkpoint(made: Checkpoint) -> Line:
    told = {"kind": made.kind, "seq": made.seq, "hash": made.hash, "at": moment(made.at)}
    return {"checkpoint": {**told, "signature": made.signature}}


def exported(
    links: list[Link], *others: Line, tenant_id: UUID = OURS, told: Any = None
) -> list[Line]:
    """The lines of an export; each head stands beside its event, PRUNED at the beginning."""
    lines: list[Line] = [
        {"audit": 1, "tenant": str(tenant_id), "exportedAt": moment(NOON), "filter": told}
    ]
    lines += [each for each in others if each["checkpoint"]["kind"] == "PRUNED"]
    heads = [each for each in others if each["checkpoint"]["kind"] == "HEAD"]
    for link in links:
        lines.append({"event": {**form_of(tenant_id, link), "hash": link.hash}})
        lines += [each for each in heads if each["checkpoint"]["seq"] == link.seq]
    last = links[-1].seq if links else 0
    lines += [each for each in heads if each["checkpoint"]["seq"] > last]
    end = {"events": len(links), "seq": last, "hash": links[-1].hash if links else NOTHING}
    return [*lines, {"end": end}]


def texts(lines: list[Line]) -> Iterator[str]:
    for line in lines:
        yield orjson.dumps(line).decode()


def checked(lines: list[Line], *heads: str, key: Key | None = KEY) -> Finding:
    return verify(texts(lines), None if key is None else key.public, heads)


def copied(lines: list[Line]) -> list[Line]:
    return copy.deepcopy(lines)
