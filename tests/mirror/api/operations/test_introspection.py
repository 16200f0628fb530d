"""What is asked of the schema itself takes up to 0.1 s, in which the event loop serves others."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from graphql.execution import Executor as Reference

from tests.served import served

ALONE = "{ __schema { types { name } } }"
BESIDE_A_RESOLVER = "{ viewer { role } __schema { queryType { name } } }"


def test_the_schema_is_told_beside_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran_in: list[threading.Thread] = []
    run = Reference.execute_operation

    def noted(self: Reference[Any]) -> Any:
        ran_in.append(threading.current_thread())
        return run(self)

    monkeypatch.setattr(Reference, "execute_operation", noted)
    with served(tmp_path) as server, server.caller() as caller:
        assert caller.data(ALONE)["__schema"]["types"]
        assert caller.data(BESIDE_A_RESOLVER)["viewer"]["role"] == "ANALYST"
    beside, loop = ran_in
    assert beside is not loop
