"""Roles that must not serve: what an administrator may have done to one, and what is said of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from store.migrate import migrate
from tests.mirror.store.conftest import OWNER, SERVING, administer, role_url

# What an administrator did to the role {0} that is to serve, with another role {1}, in the
# database {2}; and what is said of it.
ROLES = {
    "a superuser": (["ALTER ROLE {0} SUPERUSER"], "is a superuser"),
    "a superuser who begins as another": (
        ["ALTER ROLE {0} SUPERUSER", "ALTER ROLE {0} SET role = valor_app"],
        "is a superuser",
    ),
    "who can become a superuser": (
        ["ALTER ROLE {1} SUPERUSER", "GRANT {1} TO {0} WITH INHERIT FALSE"],
        "is a superuser or can become one",
    ),
    "who can bypass": (["ALTER ROLE {0} BYPASSRLS"], "can bypass row-level security"),
    "who can become one who can bypass": (
        ["ALTER ROLE {1} BYPASSRLS", "GRANT {1} TO {0} WITH INHERIT FALSE"],
        "can bypass row-level security",
    ),
    "who can copy everything": (["ALTER ROLE {0} REPLICATION"], "by replication"),
    "who can make roles": (["ALTER ROLE {0} CREATEROLE"], "can create roles"),
    "who can read files": (["GRANT pg_read_server_files TO {0}"], "can reach the server's files"),
    "who can run programs": (
        ["GRANT pg_execute_server_program TO {0} WITH INHERIT FALSE"],
        "can reach the server's files",
    ),
    "a member of the owner": (["GRANT valor_owner TO {0}"], "owns tables"),
    "a member of the owner who does not inherit": (
        ["ALTER ROLE {0} NOINHERIT", "GRANT valor_owner TO {0} WITH INHERIT FALSE"],
        "owns tables",
    ),
    "a member of the owner who cannot become it": (
        ["GRANT valor_owner TO {0} WITH INHERIT TRUE, SET FALSE"],
        "owns tables",
    ),
    "who may give the owner's role to itself": (
        ["GRANT valor_owner TO {0} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"],
        "owns tables",
    ),
    "a member of a member of the owner": (
        ["GRANT valor_owner TO {1}", "GRANT {1} TO {0}"],
        "owns tables",
    ),
    "who owns a table": (["ALTER TABLE outbox OWNER TO {0}"], "owns tables"),
    "who owns the database": (["ALTER DATABASE {2} OWNER TO {0}"], "owns the database"),
    "who owns the schema": (["ALTER SCHEMA public OWNER TO {0}"], "owns the schema"),
    "who can empty a table": (
        ["GRANT TRUNCATE ON valuation TO {0}"],
        "has rights that row-level security does not check",
    ),
    "whom nothing guards": (
        ["ALTER TABLE valuation DISABLE ROW LEVEL SECURITY"],
        "reaches rows that row-level security does not guard",
    ),
}

TEMPLATE = f"dangerous_{os.getpid()}"
_numbers = count()


@pytest.fixture(scope="module")
def roles_template(postgres_url: str, postgres_roles: None) -> Iterator[str]:
    """A migrated database as deploy/postgres/roles.sql makes it: an administrator's."""
    asyncio.run(administer(postgres_url, f"CREATE DATABASE {TEMPLATE}"))
    asyncio.run(
        administer(
            f"{postgres_url.rsplit('/', 1)[0]}/{TEMPLATE}",
            f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER}",
        )
    )
    asyncio.run(migrate(role_url(postgres_url, OWNER, TEMPLATE), application_role=SERVING))
    yield TEMPLATE
    asyncio.run(administer(postgres_url, f"DROP DATABASE {TEMPLATE} WITH (FORCE)"))


@contextmanager
def served_as(postgres_url: str, template: str, *statements: str) -> Iterator[str]:
    """The address of a copy for a new role that may do what the serving role may, and more."""
    number = next(_numbers)
    name, role, other = (f"{word}_{os.getpid()}_{number}" for word in ("served", "role", "other"))
    asyncio.run(
        administer(
            postgres_url,
            f"CREATE DATABASE {name} TEMPLATE {template}",
            f"CREATE ROLE {role} LOGIN IN ROLE {SERVING}",
            f"CREATE ROLE {other}",
        )
    )
    try:
        inside = [statement.format(role, other, name) for statement in statements]
        asyncio.run(administer(f"{postgres_url.rsplit('/', 1)[0]}/{name}", *inside))
        yield role_url(postgres_url, role, name)
    finally:
        asyncio.run(
            administer(
                postgres_url, f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {role}, {other}"
            )
        )
