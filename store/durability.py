"""What a PostgreSQL is asked before it is trusted: does it lose what it acknowledged?"""

from __future__ import annotations

from typing import Final, NamedTuple

import asyncpg

from store.errors import TRANSLATED
from store.postgresql_address import address
from store.serving_role import danger

_OFF: Final = """
SELECT name, source, current_user, current_database() FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'
ORDER BY name
"""
_LOSES: Final = {
    "fsync": "PostgreSQL does not wait for its disk (fsync), so a crash loses what it acknowledged",
    "full_page_writes": (
        "PostgreSQL does not guard its pages (full_page_writes), so a crash can tear them"
    ),
    "synchronous_commit": (
        "PostgreSQL acknowledges before it writes (synchronous_commit), so a crash loses edits"
    ),
}


class Unsafe(NamedTuple):
    """Something that a server must not be trusted with, and the command that mends it."""

    what: str
    mend: str


async def unsafe_server(url: str) -> list[Unsafe]:
    """What is unsafe about a PostgreSQL, and about the role of this URL in it.

    Raises DatabaseAway.
    """
    with TRANSLATED:
        where, arguments = address(url)
        plain = where.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(plain, timeout=5.0, **arguments)
        try:
            found = [_off(*row) for row in await connection.fetch(_OFF)]
            dangerous = await connection.fetchval(danger("session_user"))
        finally:
            await connection.close()
    if dangerous is not None:
        found.append(
            Unsafe(
                f"The database role {dangerous}. Serve with the application role, and migrate "
                "with the owner's.",
                'export VALOR_DATABASE_URL=$(echo "$VALOR_DATABASE_URL" | sed '
                "'s#//[^@]*@#//valor_app@#')",
            )
        )
    return found


def _off(name: str, source: str, role: str, database: str) -> Unsafe:
    change = {
        "user": f"ALTER ROLE {role} RESET {name}",
        "database": f"ALTER DATABASE {database} RESET {name}",
        "database user": f"ALTER ROLE {role} IN DATABASE {database} RESET {name}",
    }.get(source, f"ALTER SYSTEM SET {name} = on")
    mend = f'psql -d {database} -c "{change}"'
    if change.startswith("ALTER SYSTEM"):
        mend += ' -c "SELECT pg_reload_conf()"'
    return Unsafe(f"{_LOSES[name]}.", mend)
