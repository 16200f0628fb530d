"""`valor serve` does not start as a role that could step past the isolation of tenants.

Every way in which a role can be dangerous is tried in tests/mirror/store/test_serving_role.py;
here are those that somebody is likely to serve as, each in a process of its own.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from api.keys import make_keys
from store.migrate import migrate
from tests.mirror.store.conftest import OWNER, postgres_roles, role_url
from tests.mirror.store.dangerous import ROLES, roles_template, served_as
from tests.own_postgres import own_postgres
from tests.terminals import running

__all__ = ["postgres_roles", "roles_template"]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_keys(tmp_path / "production-keys")
    return tmp_path / "production-keys"


@pytest.mark.parametrize(
    "name", ["a superuser", "who can bypass", "a member of the owner who does not inherit"]
)
def test_nobody_serves_as(
    name: str, postgres_url: str, roles_template: str, key: Path, tmp_path: Path
) -> None:
    statements, words = ROLES[name]
    with served_as(postgres_url, roles_template, *statements) as url:
        refused(url, words, key, tmp_path)


def test_the_owner_does_not_serve(
    postgres_url: str, roles_template: str, key: Path, tmp_path: Path
) -> None:
    refused(role_url(postgres_url, OWNER, roles_template), "owns tables", key, tmp_path)


def refused(url: str, words: str, key: Path, home: Path) -> None:
    with running(home, "serve", "--port", "0", **settings(url, key)) as terminal:
        assert terminal.process.wait(60) == 1
        said = terminal.whole("err")
    assert words in said
    assert "Serve with the application role, and migrate with the owner's." in said
    assert "Traceback" not in said
    assert '"event": "serving"' not in said


def test_a_role_that_can_do_no_more_than_it_needs_serves(key: Path, tmp_path: Path) -> None:
    with own_postgres() as server:  # which waits for its disk, as production wants it
        asyncio.run(migrate(server.url("valor_owner")))
        url = server.url("valor_app")
        with running(tmp_path, "serve", "--port", "0", **settings(url, key)) as terminal:
            assert terminal.event("serving")["dev"] is False
            assert terminal.end() == 0


def settings(url: str, key: Path) -> dict[str, str]:
    return {"VALOR_DATABASE_URL": url, "VALOR_KEYS": str(key)}
