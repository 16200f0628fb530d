"""What stands in a database without the protection that ``store.isolation`` gives it.

`valor migrate` ends with this question, so a step that makes a table and forgets to protect
it is undone, and a right that somebody gave by hand is found. PostgreSQL is asked by
queries that name what is wrong, one for each way in which a tenant's rows could be seen or
touched past row-level security.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, text

from store.isolation import Isolated, sqlite_isolation
from store.serving_role import danger

VERSION_TABLE = Isolated(table="alembic_version", verbs=("SELECT",))

# A tenant learns that another has the slug it asks for, as with any name in the world.
_UNIQUE_AMONG_ALL = ("tenant", ["slug"])

# How PostgreSQL tells the condition of the policy.
_CONDITION = (
    "(tenant_id = ( SELECT (NULLIF(current_setting('valor.tenant_id'::text, true), "
    "''::text))::uuid AS \"nullif\"))"
)

# Everything in a schema that the serving role can reach. What PostgreSQL and its extensions bring
# is not ours to judge.
_KEPT = """
WITH reached AS (
  SELECT oid FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
  AND (nspname = 'public' OR has_schema_privilege(:role, oid, 'USAGE'))
), kept AS (
  SELECT pg_class.*, pg_class.oid AS id FROM pg_class
  JOIN reached ON reached.oid = relnamespace
  WHERE NOT EXISTS (SELECT FROM pg_depend
    WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
), tables AS (
  SELECT * FROM kept WHERE relkind IN ('r', 'p') AND relname <> 'alembic_version'
), rights AS (
  SELECT id, privilege_type, grantee, is_grantable FROM kept, aclexplode(relacl)
  UNION
  SELECT id, privilege_type || ' on ' || attname, grantee, is_grantable
  FROM kept JOIN pg_attribute ON attrelid = id, aclexplode(attacl)
)
"""

_POSTGRESQL: dict[str, str] = {
    "is read with its owner's rights: no views, no tables from elsewhere": """
        SELECT relname FROM kept WHERE relkind NOT IN ('r', 'p', 'i', 'I', 'S', 't', 'c')""",
    "runs with its owner's rights: no SECURITY DEFINER": """
        SELECT proname FROM pg_proc JOIN reached ON reached.oid = pronamespace
        WHERE prosecdef AND NOT EXISTS (SELECT FROM pg_depend
          WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')""",
    "has a rule, which is run with its owner's rights": """
        SELECT relname FROM tables WHERE relhasrules""",
    "has no tenant_id at the head of its key": """
        SELECT relname FROM tables WHERE NOT EXISTS (
          SELECT FROM pg_index
          JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
          WHERE indrelid = id AND indisprimary AND attname = 'tenant_id'
          AND atttypid = 'uuid'::regtype)""",
    "has no row-level security": "SELECT relname FROM tables WHERE NOT relrowsecurity",
    "has row-level security that is not forced on its owner": """
        SELECT relname FROM tables WHERE NOT relforcerowsecurity""",
    "has no policy": """
        SELECT relname FROM tables WHERE id NOT IN (SELECT polrelid FROM pg_policy)""",
    "has a policy that is not the one of tenants": """
        SELECT relname FROM tables JOIN pg_policy ON polrelid = id
        WHERE NOT (polname = 'tenant_isolation' AND polpermissive AND polcmd = '*'
          AND polroles = '{0}'
          AND coalesce(pg_get_expr(polqual, polrelid), '') = :condition
          AND coalesce(pg_get_expr(polwithcheck, polrelid), '') = :condition)""",
    "belongs to the role that serves": """
        SELECT relname FROM kept WHERE pg_has_role(:role, relowner, 'MEMBER')""",
    "has a foreign key that could point to another tenant's row": """
        SELECT relname FROM tables JOIN pg_constraint ON conrelid = id
        WHERE contype = 'f' AND NOT EXISTS (
          SELECT FROM unnest(conkey, confkey) AS pair (here, there)
          JOIN pg_attribute mine ON mine.attrelid = conrelid AND mine.attnum = here
          JOIN pg_attribute other ON other.attrelid = confrelid AND other.attnum = there
          WHERE mine.attname = 'tenant_id' AND other.attname = 'tenant_id')""",
    "has a rule of uniqueness that tells a tenant what another has": """
        SELECT relname FROM tables JOIN pg_index ON indrelid = id,
        LATERAL (SELECT array_agg(attname::text) AS names FROM pg_attribute
          WHERE attrelid = indrelid AND attnum = ANY (indkey)) AS columns
        WHERE indisunique AND NOT coalesce('tenant_id' = ANY (names), false)
        AND (relname, coalesce(names, '{}')) <> (:unique_table, CAST(:unique_columns AS text[]))""",
}

# Rights that the serving role has by itself, by PUBLIC or by a role whose member it is.
_RIGHTS = """
SELECT relname, privilege_type, is_grantable FROM rights JOIN kept USING (id)
WHERE grantee = 0 OR pg_has_role(:role, grantee, 'MEMBER')
"""


def unprotected(
    connection: Connection, declared: Sequence[Isolated], application_role: str
) -> list[str]:
    """What is wrong, one sentence each, in the order of the names; empty when all is well.

    ``declared`` are the tables that there are to be, with what the serving role may do.
    The connection is the owner's.
    """
    if connection.dialect.name == "sqlite":
        found = _on_sqlite(connection, {isolated.table: isolated for isolated in declared})
    else:
        found = _on_postgresql(connection, declared, application_role)
    return sorted(set(found))


def _on_postgresql(
    connection: Connection, declared: Sequence[Isolated], application_role: str
) -> Iterator[str]:
    known = {
        "role": application_role,
        "condition": _CONDITION,
        "unique_table": _UNIQUE_AMONG_ALL[0],
        "unique_columns": _UNIQUE_AMONG_ALL[1],
    }

    def ask(query: str) -> list[Any]:
        asked = text(_KEPT + query)
        used = {name: value for name, value in known.items() if name in asked.compile().params}
        return list(connection.execute(asked, used))

    dangerous = connection.execute(text(danger(":role")), {"role": application_role}).scalar()
    if dangerous is not None:
        yield f"{application_role} {dangerous}"
    for wrong, query in _POSTGRESQL.items():
        for (name,) in ask(query):
            yield f"{name} {wrong}"
    tables = {name for (name,) in ask("SELECT relname FROM tables")}
    yield from _strangers(tables, declared)
    allowed = {
        (isolated.table, verb) for isolated in (*declared, VERSION_TABLE) for verb in isolated.verbs
    }
    given = set()
    for name, right, may_pass_on in ask(_RIGHTS):
        given.add((name, right))
        if (name, right) not in allowed or may_pass_on:
            yield f"{name} gives the role that serves a right too many: {right}"
    for name, right in allowed - given:
        yield f"{name} does not give the role that serves its right: {right}"


def _on_sqlite(connection: Connection, declared: dict[str, Isolated]) -> Iterator[str]:
    def ask(query: str, *values: str) -> list[Any]:
        return list(connection.exec_driver_sql(query, values))

    made = ask("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    tables = {name for kind, name, _, _ in made if kind == "table"} - {VERSION_TABLE.table}
    yield from _strangers(tables, declared.values())
    for kind, name, _, _ in made:
        if kind == "view":
            yield f"{name} is a view, and none is declared"
    for table in tables:
        keys = ask("SELECT name FROM pragma_table_info(?) WHERE pk = 1", table)
        if keys != [("tenant_id",)]:
            yield f"{table} has no tenant_id at the head of its key"
        triggers = {sql for kind, _, of, sql in made if kind == "trigger" and of == table}
        wanted = set(sqlite_isolation(declared[table])) if table in declared else set()
        if triggers != wanted or not wanted:
            yield f"{table} has other triggers than the three that check its tenant"
        pairs: dict[int, set[tuple[str, str]]] = {}
        for number, here, there in ask(
            'SELECT id, "from", "to" FROM pragma_foreign_key_list(?)', table
        ):
            pairs.setdefault(number, set()).add((here, there or here))
        if any(("tenant_id", "tenant_id") not in pair for pair in pairs.values()):
            yield f"{table} has a foreign key that could point to another tenant's row"
        for (index,) in ask('SELECT name FROM pragma_index_list(?) WHERE "unique"', table):
            names = [name for (name,) in ask("SELECT name FROM pragma_index_info(?)", index)]
            if "tenant_id" not in names and (table, names) != _UNIQUE_AMONG_ALL:
                yield f"{table} has a rule of uniqueness that tells a tenant what another has"


def _strangers(tables: set[str], declared: Sequence[Isolated] | Any) -> Iterator[str]:
    wanted = {isolated.table for isolated in declared}
    for name in tables - wanted:
        yield f"{name} is declared by no migration"
    for name in wanted - tables:
        yield f"{name} is declared and is not there"
