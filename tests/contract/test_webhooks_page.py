"""What the page on webhooks tells receivers to do believes us, and nobody else."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from services.webhook_secrets import WebhookSecrets
from tests.node import node
from tests.pages import ROOT, text_of
from tests.webhooks_at_work import PlainSeals

PAGE: Final = ROOT / "docs" / "webhooks.md"
BODY: Final = b'{"type":"model.edited","name":"\xc3\xa9"}'
OURS, HOOK = UUID(int=1), UUID(int=2)

Believes = Callable[[dict[str, str], bytes, str], bool]


def code(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", text_of(PAGE), re.DOTALL)
    return str(found)


@pytest.fixture(params=["python", "js"])
def believes(request: pytest.FixtureRequest, tmp_path: Path) -> Believes:
    if request.param == "python":
        names: dict[str, Any] = {}
        exec(code("python"), names)  # noqa: S102 - our own page
        return names["is_ours"]  # type: ignore[no-any-return]  # that is what the page defines
    module = tmp_path / "check.mjs"
    module.write_text(
        code("js")
        + """
const [headers, body, secret] = JSON.parse(process.argv[2]);
console.log(isOurs(headers, Buffer.from(body, "base64"), secret));
"""
    )

    def asked(headers: dict[str, str], body: bytes, secret: str) -> bool:
        from base64 import b64encode

        given = json.dumps([headers, b64encode(body).decode(), secret])
        done = subprocess.run(
            [node(), str(module), given], capture_output=True, text=True, check=True
        )
        return {"true": True, "false": False}[done.stdout.strip()]

    return asked


def test_a_receiver_believes_what_is_signed_just_now_and_nothing_else(believes: Believes) -> None:
    secrets, now = WebhookSecrets(PlainSeals()), datetime.fromtimestamp(time.time(), UTC)
    first, sealed = secrets.new(OURS, HOOK)
    second, sealed = secrets.rotated(OURS, HOOK, sealed, now)

    def sent(at: datetime) -> dict[str, str]:
        return secrets.headers(OURS, HOOK, sealed, "evt_1", BODY, at)

    good = sent(now)
    for secret in (first, second):
        assert believes(good, BODY, secret)
    stranger, _ = secrets.new(OURS, HOOK)
    assert not believes(good, BODY, stranger)
    assert not believes(good, BODY + b" ", second)
    assert not believes(good | {"webhook-id": "evt_2"}, BODY, second)
    assert not believes(good | {"webhook-timestamp": "x"}, BODY, second)
    assert not believes(good | {"webhook-signature": "v1,é v2,x v1"}, BODY, second)
    assert not believes({}, BODY, second)
    for minutes in (-6, 6):
        assert not believes(sent(now + timedelta(minutes=minutes)), BODY, second)
