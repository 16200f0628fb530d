"""PostgreSQL: what the role that serves must not be able to do, by itself or as another.

Row-level security binds whoever neither owns a table nor stands above it. So a server asks
this of its own role on each new connection, and `valor migrate` asks it of the role that
it gives rights to.
"""

from __future__ import annotations

_WHO = """
WITH mine AS (
  SELECT * FROM pg_roles WHERE pg_has_role({role}, oid, 'MEMBER')
), tables AS (
  SELECT * FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'tenant_id')
)
"""

# The worst first. ``mine`` are the role and all whose member it is, inherited from or not: it can
# become each of them. A superuser counts as a member of all.
_DANGERS = {
    "is a superuser or can become one": "SELECT FROM mine WHERE rolsuper",
    "can bypass row-level security": "SELECT FROM mine WHERE rolbypassrls",
    "can copy the whole database by replication": "SELECT FROM mine WHERE rolreplication",
    "can create roles": "SELECT FROM mine WHERE rolcreaterole",
    "can reach the server's files": """
        SELECT FROM mine WHERE rolname IN
          ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')""",
    "owns the database": """
        SELECT FROM pg_database JOIN mine ON mine.oid = datdba
        WHERE datname = current_database()""",
    "owns the schema": """
        SELECT FROM pg_namespace JOIN mine ON mine.oid = nspowner WHERE nspname = 'public'""",
    "owns tables": """
        SELECT FROM pg_class JOIN mine ON mine.oid = relowner
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')""",
    "has rights that row-level security does not check": """
        SELECT FROM tables
        WHERE has_table_privilege({role}, oid, 'TRUNCATE, REFERENCES, TRIGGER')""",
    "reaches rows that row-level security does not guard": """
        SELECT FROM tables
        WHERE NOT relrowsecurity
        AND has_table_privilege({role}, oid, 'SELECT, INSERT, UPDATE, DELETE')""",
}


def danger(role: str) -> str:
    """A query for the worst that a role can do, in words that follow its name; null if nothing.

    ``role`` is SQL for its name: ``session_user``, or a parameter.
    """
    cases = " ".join(
        f"WHEN EXISTS ({asked}) THEN '{_quoted(words)}'" for words, asked in _DANGERS.items()
    )
    return f"{_WHO} SELECT CASE {cases} END".replace("{role}", role)


def _quoted(words: str) -> str:
    return words.replace("'", "''")
