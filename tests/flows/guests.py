"""Who comes to a model's room by the official client, and what it is told there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from tests.official_clients import WITHIN_S, Clients

GROWTH: Final = "terminal.gordon.growth"
FOLLOW: Final = """subscription ($modelId: ID!, $after: Int) {
  collaboration(modelId: $modelId, after: $after) {
    me { id member { name } } seq resync
    model { revision }
    members { id member { name } } joined { id member { name } } left
    cursors { participant path x y }
    selections { participant paths }
    edits { revision operationId author { name } changes { path from to } }
    valuation { basedOnSeq valuation { id ... on DcfValuation { valuePerShare } } }
  } }"""
EDIT: Final = """mutation ($id: ID!, $operationId: ID!, $edits: [ModelEdit!]!) {
  editModel(id: $id, operationId: $operationId, edits: $edits) {
    ... on EditedModel { model { revision } revision { revision operationId changes { to } } }
    ... on Refusal { code conflicts { path value revision } } } }"""

Batch = dict[str, Any]


def having(name: str, item: Any) -> Callable[[Batch], bool]:
    return lambda batch: item in batch[name]


@dataclass(frozen=True)
class Guest:
    """A client in the room, and the batches that it was sent."""

    clients: Clients
    name: str
    model_id: str
    numbers: Iterator[int] = field(default_factory=count)  # of what it asks

    def come(self, id_: str = "room", *, keep: bool = False, after: int | None = None) -> None:
        request = {"query": FOLLOW, "variables": {"modelId": self.model_id, "after": after}}
        self.clients.do("follow", self.name, id=id_, request=request, keep=keep)

    def batches(self, id_: str = "room") -> list[Batch]:
        errors = self.clients.told(self.name, "error")
        assert not errors, str(errors)
        values = [each["value"] for each in self.clients.told(self.name, "next", id=id_)]
        assert not [value["errors"] for value in values if "errors" in value]
        return [value["data"]["collaboration"] for value in values]

    async def sees(self, what: Callable[[Batch], object], id_: str = "room") -> Batch:
        """The first batch in which something is."""
        async with asyncio.timeout(WITHIN_S):
            while not (found := [batch for batch in self.batches(id_) if what(batch)]):
                await self.clients.news()
        return found[0]

    async def me(self) -> str:
        """The participant that it is."""
        batch = await self.sees(lambda batch: batch["me"])
        id_: str = batch["me"]["id"]
        return id_

    def edits(self, id_: str = "room") -> list[int]:
        return [edit["revision"] for batch in self.batches(id_) for edit in batch["edits"]]

    def changes(self) -> list[tuple[int, float, float]]:
        """(revision, from, to) of each number that the room told of."""
        edits = [edit for batch in self.batches() for edit in batch["edits"]]
        return [
            (edit["revision"], change["from"], change["to"])
            for edit in edits
            for change in edit["changes"]
        ]

    async def ask(self, query: str, **variables: Any) -> Any:
        """The answer to a query or mutation over the client's own socket."""
        answer = await self.clients.answer(self.name, f"{next(self.numbers)}", query, **variables)
        assert "errors" not in answer, answer
        (found,) = answer["data"].values()
        return found

    async def edit(self, number: float, operation_id: str, **more: Any) -> Any:
        edit = {"path": GROWTH, "value": {"number": number}, **more}
        return await self.ask(EDIT, id=self.model_id, operationId=operation_id, edits=[edit])


def opened(clients: Clients, name: str, origin: str, token: str, model_id: str = "") -> Guest:
    clients.do("open", name, url=f"{origin}/graphql", token=token, undaunted=True)
    return Guest(clients, name, model_id)
