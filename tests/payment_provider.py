"""What a payment provider says, signed as it documents it."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
EVENTS: Final = ROOT / "tests" / "data" / "billing"
PRICES: Final = ROOT / "examples" / "billing" / "prices.json"
SECRET: Final = "whsec_of_the_endpoint_now"
OLD: Final = "whsec_of_the_endpoint_before"
APRIL: Final = datetime(2026, 4, 1, tzinfo=UTC)


def recorded(name: str, **changes: Any) -> dict[str, Any]:
    """A recorded event; ``changes`` are fields of the event itself."""
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found | changes


def signed(body: bytes, at: datetime, *secrets: str) -> str:
    """As the provider documents it."""
    stamp = int(at.timestamp())
    signatures = [
        hmac.digest(secret.encode(), f"{stamp}.".encode() + body, "sha256").hex()
        for secret in secrets or (SECRET,)
    ]
    return ",".join([f"t={stamp}", *(f"v1={each}" for each in signatures), "v0=00"])
