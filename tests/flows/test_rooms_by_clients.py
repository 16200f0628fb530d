"""Two official clients go through a model's room, on one server and on two workers over Redis."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import count, pairwise
from pathlib import Path
from typing import Any, Final

import asyncio
import pytest

from services.principal import Role
from tests.dcf_documents import firm
from tests.flows.meeting_places import MeetingPlace, on_postgresql, one_server, two_servers
from tests.mirror.store.conftest import postgres_roles
from tests.official_clients import WITHIN_S, Clients, clients_of, folder

__all__ = ["folder", "postgres_roles"]

pytestmark = pytest.mark.anyio

GROWTH: Final = "terminal.gordon.growth"
PATIENT: Final = {"retryAttempts": 1_000}
CREATE: Final = """mutation ($input: CreateModelInput!) {
  createModel(input: $input) { ... on FinancialModel { id revision } } }"""
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
MOVE: Final = """mutation ($modelId: ID!, $cursor: CursorInput!) {
  moveCursor(modelId: $modelId, cursor: $cursor) }"""
SELECT: Final = """mutation ($modelId: ID!, $paths: [String!]!) {
  select(modelId: $modelId, paths: $paths) }"""
EDIT: Final = """mutation ($id: ID!, $operationId: ID!, $edits: [ModelEdit!]!) {
  editModel(id: $id, operationId: $operationId, edits: $edits) {
    ... on EditedModel { model { revision } revision { revision operationId changes { to } } }
    ... on Refusal { code conflicts { path value revision } } } }"""
RENEW: Final = """mutation ($token: String!) {
  renewSession(token: $token) { __typename ... on Session { expiresAt } } }"""
START: Final = """mutation ($input: StartSimulationInput!) {
  startSimulation(input: $input) { ... on Run { id } ... on Refusal { code message } } }"""
PROGRESS: Final = """subscription ($id: ID!) { runProgress(id: $id) {
  state trialsDone trials percentiles { level low high } result { mean } refusal { code } } }"""
BY_ID: Final = {f"sha256:{sha256(text.encode()).hexdigest()}": text for text in (FOLLOW, EDIT)}

Batch = dict[str, Any]


@dataclass(frozen=True)
class Guest:
    """A client in the room, and the batches that it was sent."""

    clients: Clients
    name: str
    model_id: str
    numbers: Iterator[int]

    def come(self, id_: str = "room", *, keep: bool = False, after: int | None = None) -> None:
        request = {"query": FOLLOW, "variables": {"modelId": self.model_id, "after": after}}
        self.clients.do("follow", self.name, id=id_, request=request, keep=keep)

    def batches(self, id_: str = "room") -> list[Batch]:
        assert not self.clients.told(self.name, "error")
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

    async def ask(self, query: str, **variables: Any) -> Any:
        """The answer to a query or mutation over the client's own socket."""
        answer = await self.clients.answer(self.name, f"{next(self.numbers)}", query, **variables)
        assert "errors" not in answer, answer
        (found,) = answer["data"].values()
        return found

    async def edit(self, number: float, operation_id: str, **more: Any) -> Any:
        edit = {"path": GROWTH, "value": {"number": number}, **more}
        return await self.ask(EDIT, id=self.model_id, operationId=operation_id, edits=[edit])
