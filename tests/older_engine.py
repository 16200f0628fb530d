"""Valuations as another engine would have kept them: real rows with other versions and numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from services.kinds import DCF
from services.valuations import canonical, kept_id
from store.valuations import KeptValuation
from tests.dcf_documents import but, firm

THEN: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def result_of(document: dict[str, Any]) -> dict[str, Any]:
    """What today's engine makes of a firm, as it would be kept."""
    result = DCF.result_document(DCF.value(DCF.inputs_of(document)))
    found: dict[str, Any] = json.loads(canonical(result))
    return found


def kept(
    document: dict[str, Any] | None = None,
    *,
    engine: str = "0.9.0",
    numbers: Mapping[str, Any] | None = None,
    result: dict[str, Any] | None = None,
    **others: Any,
) -> KeptValuation:
    """A firm as ``engine`` kept it, with other ``numbers`` at some paths of its result; an id and a
    hash that fit."""
    document = firm() if document is None else document
    came = deepcopy(result_of(document) if result is None else result)
    for path, value in (numbers or {}).items():
        came = but(came, path, value)
    text = canonical(came)
    row = KeptValuation(
        **{
            "id": "",
            "kind": "DCF",
            "input_version": DCF.input_version,
            "inputs": canonical(document).decode(),
            "result": text.decode(),
            "result_hash": hashlib.sha256(text).hexdigest(),
            "engine_version": engine,
            "stream_version": "1",
            "numpy_version": "2.4.0",
            "seed": None,
            "computed_at": THEN,
            "duration_ms": 0.1,
            **others,
        }
    )
    return replace(row, id=kept_id(row))
