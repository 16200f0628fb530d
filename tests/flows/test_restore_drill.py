"""The restore drill: edit, back up, edit, note the moment, edit, lose everything, restore.

What was acknowledged up to the moment is there, and nothing that came after it. On real servers,
by the commands that an operator types.
"""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from click.testing import CliRunner

from api.embedded import opened
from api.settings import Settings
from api.terminals.cli import main
from tests.dcf_documents import firm
from tests.own_postgres import own_postgres

CREATE = """mutation ($inputs: ModelInputs!) {
  createModel(input: {name: "Quince", inputs: $inputs}) { ... on FinancialModel { id } } }"""
EDIT = """mutation ($id: ID!, $op: ID!, $edits: [ModelEdit!]!) {
  editModel(id: $id, operationId: $op, edits: $edits) {
    ... on EditedModel { revision { operationId } } ... on Refusal { message } } }"""
READ = """query ($id: ID!) { model(id: $id) {
  inputs revisions(first: 100) { edges { node { operationId verb } } } } }"""


@dataclass
class Service:
    """The service on a database, and every edit that it acknowledged."""

    settings: dict[str, str]
    model: str = ""
    acknowledged: list[str] = field(default_factory=list)

    def edit(self, times: int) -> None:
        """So many edits, one after the other; the first makes the model."""

        async def work() -> None:
            async with opened(Settings.read(self.settings, dev=True)) as embedded:
                if not self.model:
                    made = await embedded.data(CREATE, {"inputs": {"dcf": firm()}})
                    self.model = made["createModel"]["id"]
                for _ in range(times):
                    edit = {
                        "path": "bridge.debt",
                        "value": {"number": 100.0 + len(self.acknowledged)},
                    }
                    asked = {"id": self.model, "op": str(uuid4()), "edits": [edit]}
                    done = await embedded.data(EDIT, asked)
                    self.acknowledged.append(done["editModel"]["revision"]["operationId"])

        asyncio.run(work())

    def found(self) -> tuple[list[str], float]:
        """The edits that are on record, the oldest first, and what the last one said."""

        async def work() -> Any:
            async with opened(Settings.read(self.settings, dev=True)) as embedded:
                return (await embedded.data(READ, {"id": self.model}))["model"]

        model = asyncio.run(work())
        nodes = [edge["node"] for edge in reversed(model["revisions"]["edges"])]
        edits = [node["operationId"] for node in nodes if node["verb"] == "EDIT"]
        return edits, model["inputs"]["bridge"]["debt"]


def valor(settings: dict[str, str], *words: str) -> str:
    """What a command prints that ends well."""
    done = CliRunner().invoke(main, words, env=settings)
    assert done.exit_code == 0, done.output
    return done.output


def test_postgresql_is_restored_to_a_moment_and_to_the_end(tmp_path: Path) -> None:
    with own_postgres(durable=False) as server:
        service = Service({"VALOR_HOME": str(tmp_path), **server.settings})
        valor(service.settings, "migrate")
        service.edit(8)
        backup = str(tmp_path / "backup")
        assert "9 operations on models" in valor(service.settings, "backup", "--to", backup)
        service.edit(8)
        moment = server.psql("SELECT to_json(clock_timestamp())").strip('"')
        service.edit(8)
        server.archived()
        server.kill()
        shutil.rmtree(server.data)

        everything = ("restore", "--from", backup, "--wal", str(server.archive))
        for words, kept in (((), 24), (("--at", moment), 16)):
            server.data = server.base / f"restored-{kept}"
            said = valor(service.settings, *everything, *words, "--to", str(server.data))
            assert f"On record: {kept + 1} operations on models" in said
            # A drill beside the archive of a server that is in use must not write to it.
            server.start("archive_mode=off")
            edits, debt = service.found()
            assert edits == service.acknowledged[:kept]
            assert debt == 100.0 + kept - 1
            server.kill()
        server.start("archive_mode=off")
        service.acknowledged = service.acknowledged[:16]
        service.edit(2)  # it serves
        assert service.found()[0] == service.acknowledged


def test_sqlite_is_restored_to_the_moment_of_its_backup(tmp_path: Path) -> None:
    service = Service({"VALOR_HOME": str(tmp_path)})
    service.edit(8)

    valor(service.settings, "backup", "--to", str(tmp_path / "backup"))
    service.edit(8)
    (tmp_path / "valor.db").write_bytes(b"a disk that failed")
    said = valor(service.settings, "restore", "--from", str(tmp_path / "backup"), "--replace")
    assert "What was there before is at" in said
    edits, debt = service.found()
    assert (edits, debt) == (service.acknowledged[:8], 107.0)
