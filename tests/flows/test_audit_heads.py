"""Heads of the audit reach a sink of the tenant's own, and prove what the house would rewrite.

What the receiver does here it does by the documents alone: the webhook's signature, the head's, and
the hash of each event are computed without anything of ours.
"""

from __future__ import annotations

import hashlib
import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.testing import CliRunner, Result
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api.terminals.cli import main
from services.principal import Role
from store import scope
from store.database import Database
from store.tables import TenantRow
from tests.dcf_documents import firm
from tests.flows.test_webhooks import CREATE, believed
from tests.outward import Certificates, Outside, outside
from tests.served import OURS, Caller, Served, served
from tests.waiting import wait_until

Line = dict[str, Any]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def there(certificates: Certificates) -> Iterator[Outside]:
    with outside(certificates) as it:
        yield it


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served")
    with served(
        home,
        VALOR_OUTWARD_PRIVATE="127.0.0.0/8",
        VALOR_OUTWARD_CA_FILE=str(certificates.ca_file),
    ) as it:
        anyio.run(buy_the_export, home)
        yield it


async def buy_the_export(home: Path) -> None:
    database = Database.open(f"sqlite:///{home}/valor.db")
    try:
        async with database.writing(OURS) as session:
            await session.execute(scope.update(TenantRow, "plan"), plan="ENTERPRISE")
    finally:
        await database.close()


@pytest.fixture(scope="module")
def owner(server: Served) -> Iterator[Caller]:
    with server.caller(Role.OWNER) as caller:
        yield caller


@pytest.fixture(scope="module")
def sink(owner: Caller, there: Outside) -> str:
    """The secret of a webhook that wants heads."""
    given = {"url": f"{there.origin}/heads", "events": ["AUDIT_HEAD"]}
    secret: str = owner.data(CREATE, given)["createWebhook"]["secret"]
    return secret


def edited(owner: Caller) -> None:
    """Something that the audit has."""
    text = (
        'mutation ($input: DcfInput!) { createModel(input: {name: "Firm", inputs: {dcf: $input}}) '
        "{ __typename } }"
    )
    owner.data(text, {"input": firm()})


def taken(owner: Caller, there: Outside) -> tuple[str, Line]:
    """A whole export, and the head that was sent when it was taken."""
    before = len(there.received)
    text = owner.http.get("/audit/export").text
    wait_until("the head has come", lambda: len(there.received) > before)
    return text, json.loads(there.received[-1].body)["data"]


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims_of(signature: str, jwks: Line) -> Line:
    """What a key of the published set signed, RFC 7515 by hand."""
    header, payload, signed = signature.split(".")
    told = json.loads(decoded(header))
    assert (told["alg"], told["typ"]) == ("Ed25519", "valor-audit-v1")
    (key,) = (each for each in jwks["keys"] if each["kid"] == told["kid"])
    public = Ed25519PublicKey.from_public_bytes(decoded(key["x"]))
    public.verify(decoded(signed), f"{header}.{payload}".encode())
    claims: Line = json.loads(decoded(payload))
    return claims


def hash_of(event: Line) -> str:
    """As docs/audit.md says it."""
    form = {name: value for name, value in event.items() if name != "hash"}
    text = json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(b"valor.audit.event.v1\n" + text.encode()).hexdigest()


def rewritten(text: str, *, until: int | None = None) -> str:
    """The chain as whoever holds the database would write it anew, with all hashes right again."""
    lines: list[Line] = [json.loads(line) for line in text.splitlines()]
    events = [line["event"] for line in lines if "event" in line][:until]
    if until is None:
        events[0]["actor"] = str(OURS)
    previous = "0" * 64
    for event in events:
        event["previous"] = previous
        previous = event["hash"] = hash_of(event)
    end = {"events": len(events), "seq": events[-1]["seq"], "hash": previous}
    told = [lines[0], *({"event": event} for event in events), {"end": end}]
    return "".join(f"{json.dumps(line)}\n" for line in told)


def verify(*words: str | Path) -> Result:
    clean: dict[str, str | None] = {name: None for name in os.environ if "VALOR" in name}
    given = ["audit", "verify", *map(str, words)]
    return CliRunner().invoke(main, given, env={**clean, "VALOR_HOME": "/nowhere"})


def test_a_head_reaches_the_tenants_sink_and_its_signature_is_the_published_keys(
    owner: Caller, there: Outside, sink: str
) -> None:
    edited(owner)
    text, head = taken(owner, there)
    request = there.received[-1]
    assert request.path == "/heads"
    assert believed(request, sink)
    jwks = owner.http.get("/.well-known/audit-jwks.json").json()
    claims = claims_of(head["signature"], jwks)
    assert claims == {
        "form": 1,
        "kind": "HEAD",
        "tenant": str(OURS),
        "seq": head["seq"],
        "hash": head["hash"],
        "at": head["at"],
    }
    events = [json.loads(line)["event"] for line in text.splitlines() if '"event":' in line]
    (at_head,) = (event for event in events if event["seq"] == head["seq"])
    assert hash_of(at_head) == at_head["hash"] == head["hash"]
    first, middle, last = head["signature"].split(".")
    with pytest.raises(InvalidSignature):
        claims_of(f"{first}.{middle}.{last[:-4]}AAAA", jwks)


def test_heads_that_were_received_prove_a_later_export_and_convict_a_rewritten_one(
    owner: Caller, there: Outside, sink: str, tmp_path: Path
) -> None:
    edited(owner)
    earlier, _ = taken(owner, there)
    edited(owner)
    later, head = taken(owner, there)
    jwks, heads, file = (tmp_path / name for name in ("jwks.json", "heads.jsonl", "audit.jsonl"))
    jwks.write_bytes(owner.http.get("/.well-known/audit-jwks.json").content)
    kept = [each.body.decode() for each in there.received]
    heads.write_text("".join(f"{body}\n" for body in kept), "utf-8")
    assert len(kept) >= 2

    file.write_text(later, "utf-8")
    found = verify(file, "--jwks", jwks, "--heads", heads)
    assert found.exit_code == 0, found.output
    assert f"It leads through all heads that you kept ({len(kept)})." in found.output
    assert f"the newest at event {head['seq']}" in found.output

    for wrong, why in (
        (rewritten(later), "the chain was rewritten: a signed head has another hash"),
        (rewritten(later, until=head["seq"] - 1), "its end was cut off"),
        (earlier, "its end was cut off"),  # whole in itself, and not all there is
    ):
        file.write_text(wrong, "utf-8")
        assert verify(file, "--jwks", jwks).exit_code == 0  # nothing in the file tells
        found = verify(file, "--jwks", jwks, "--heads", heads)
        assert (found.exit_code, why in found.output) == (1, True), found.output
