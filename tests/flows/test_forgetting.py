"""Who was erased stands in no byte of the database, whatever they did while they were here."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from services.principal import Role
from tests.accounts import joined
from tests.dcf_documents import firm
from tests.served import Caller, Served, http, served

NAME: Final = "Philippa Quartermaine"
ADDRESS: Final = "Philippa.Quartermaine@example.com"
AGENT: Final = "Quartermaine-Browser/1.0"
WORDS: Final = ("quartermaine", "philippa")


def where(home: Path) -> list[str]:
    """The files of the database in which one of the words stands, whatever is done with them."""
    return [
        file.name
        for file in home.glob("valor.db*")
        if any(word in file.read_bytes().lower() for word in map(str.encode, WORDS))
    ]


def rows(home: Path) -> set[str]:
    """The tables in whose rows one of the words stands."""
    with closing(sqlite3.connect(home / "valor.db")) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            table
            for (table,) in tables.fetchall()
            for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - a name of ours
            if any(word in str(row).lower() for word in WORDS)
        }


def settle(home: Path, *first: str) -> None:
    """Have all that was written stand in the database's own file."""
    with closing(sqlite3.connect(home / "valor.db")) as connection:
        for statement in (*first, "PRAGMA wal_checkpoint(TRUNCATE)"):
            connection.execute(statement)


def worked(server: Served, owner: Caller) -> str:
    """Somebody is invited, comes in, does what there is to do, and is refused; their id."""
    text = (
        "mutation ($email: String!, $name: String!) { "
        "inviteMember(email: $email, name: $name, role: ADMIN) "
        "{ ... on InvitedMember { secret } ... on Refusal { message } } }"
    )
    given = {"email": ADDRESS, "name": NAME}
    owner.data(text, given)  # the first one is lost
    secret = owner.data(text, given)["inviteMember"]["secret"]
    with http(base_url=server.origin, headers={"user-agent": AGENT}) as client:
        tokens = joined(client, secret, name=NAME)
        for _ in range(2):
            wrong = {"tenant": "ours", "subject": ADDRESS, "password": "wrong horse staple"}
            assert client.post("/auth/login", json=wrong).status_code == 401
        client.headers["authorization"] = f"Bearer {tokens['accessToken']}"
        caller = Caller(client)
        made = caller.data(
            'mutation ($input: DcfInput!, $op: ID!) { createModel(input: {name: "Firm", '
            "inputs: {dcf: $input}}, operationId: $op) { ... on FinancialModel { id } } }",
            {"input": firm(), "op": str(uuid4())},
        )["createModel"]["id"]
        caller.data(
            'mutation ($id: ID!) { editModel(id: $id, operationId: "e", edits: '
            '[{path: "name", value: {text: "Company"}}]) { __typename } }',
            {"id": made},
        )
        caller.data(
            "mutation ($name: String!) { createApiKey(input: {name: $name, scopes: [READ_MODEL]}) "
            "{ __typename } }",
            {"name": f"Key of {NAME}"},
        )
        caller.data("mutation { beginSecondFactor { __typename } }")
        room = {
            "query": "subscription ($id: ID!) { collaboration(modelId: $id) "
            "{ me { member { name } } } }",
            "variables": {"id": made},
        }
        headers = {"accept": "text/event-stream"}
        with client.stream("POST", "/graphql", json=room, headers=headers) as response:
            told = next(line for line in response.iter_lines() if line.startswith("data: {"))
            assert NAME in told
        viewer: dict[str, Any] = caller.data("{ viewer { member { id name } } }")["viewer"]
    assert viewer["member"]["name"] == NAME
    return str(viewer["member"]["id"])


def test_whoever_is_erased_stands_in_no_byte_of_the_database(tmp_path: Path) -> None:
    with served(tmp_path) as server, server.caller(Role.OWNER) as owner:
        member = worked(server, owner)
        assert rows(tmp_path) >= {"member", "session", "invitation", "api_key"}
        settle(tmp_path)
        assert "valor.db" in where(tmp_path)
        erased = owner.data(
            "mutation ($id: ID!) { eraseMember(id: $id) { ... on Member { name } "
            "... on Refusal { message } } }",
            {"id": member},
        )["eraseMember"]
        assert erased == {"name": "Erased member"}
    assert rows(tmp_path) == set()
    settle(tmp_path, "VACUUM")
    assert where(tmp_path) == []
