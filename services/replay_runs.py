"""Replay of runs: what a simulation came to is computed again by today's engine, and compared.

A run's numbers stand on the inputs of a kept valuation and on a spec, both of which are kept. It is
as costly as it was at first, so there is a limit: of trials, and not of runs.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Final
from uuid import UUID

import orjson

from engine.changes import CHANGES, REFUSED, Change, since
from engine.errors import Refused
from services.kinds import KINDS, Document
from services.replay import (
    NEWER,
    NO_KIND,
    TAMPERED,
    Judge,
    Replayed,
    differences,
    not_as_kept,
)
from services.run import result_in, seal, understood
from services.simulations import simulate
from services.valuations import canonical
from store.runs import NEWEST, RunRecord, Runs
from store.valuations import KeptValuation, Valuations

PAGE: Final = 50  # rows at a time

_NEWER_SPEC: Final = "Its spec is of a version that is newer than this program."
_NO_VALUATION: Final = "The valuation that it is about is not kept any longer."
_FAULT: Final = "The engine failed: {name}: {fault}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRun:
    """A run that is DONE, as far as a replay tells of it."""

    id: str
    kind: str  # such as `DCF simulation`
    trials: int
    engine_version: str
    numpy_version: str
    result_hash: str  # SHA-256 in hex of the result's canonical JSON
    computed_at: datetime


async def replay_run(
    record: RunRecord,
    valuation: KeptValuation | None,
    crew: Executor,
    changes: dict[str, tuple[Change, ...]] = CHANGES,
) -> Replayed:
    """Compute a run that is DONE again, and compare. What the engine refuses today is an answer
    too. Cancelled, the computing stops."""
    assert record.result is not None  # noqa: S101 - it is DONE
    result, by = result_in(record.result)
    kept = _kept(record, valuation, result, by)
    problem = _problem(record, valuation, result, by)
    if problem is not None or valuation is None:
        return Replayed(kept=kept, result_hash=None, problem=problem)
    kind = KINDS[valuation.kind]
    inputs = kind.upgraded(
        orjson.loads(valuation.inputs), valuation.input_version, to=kind.input_version
    )
    spec = orjson.loads(record.spec)
    output = str(spec["output"]).lower()
    judge = Judge(kind, inputs, since(kept.engine_version, changes), lambda at: _names(at, output))
    try:
        now = await _computed({"kind": kind.name, "inputs": inputs, **spec}, crew)
    except Refused as no:
        refused = judge.line(REFUSED, None, no.message)
        return Replayed(kept=kept, result_hash=None, lines=(refused,))
    text = canonical(now)
    found = hashlib.sha256(text).hexdigest()
    if found == kept.result_hash:
        return Replayed(kept=kept, result_hash=found)
    lines = tuple(differences(result, orjson.loads(text), "", judge))
    return Replayed(kept=kept, result_hash=found, lines=lines)


async def replay_runs(
    runs: Runs, valuations: Valuations, tenant_id: UUID, most_trials: int, crew: Executor
) -> AsyncIterator[Replayed | None]:
    """A tenant's runs that are DONE, the newest first, as long as they come to no more than
    ``most_trials`` together; None for each that would be beyond that. What fails is told."""
    before, left = NEWEST, most_trials
    while page := await runs.done_page(tenant_id, before, PAGE):
        for record in page:
            if record.trials > left:
                yield None
                continue
            left -= record.trials
            yield await replay_told(record, valuations, tenant_id, crew)
        before = page[-1].id


async def replay_told(
    record: RunRecord, valuations: Valuations, tenant_id: UUID, crew: Executor
) -> Replayed:
    """One run. A fault of ours is told: it must not hide what the others have to say."""
    valuation = await valuations.find(tenant_id, record.valuation_id)
    try:
        return await replay_run(record, valuation, crew)
    except Exception as fault:
        problem = _FAULT.format(name=type(fault).__name__, fault=fault)
        kept = _kept(record, valuation, {}, None)
        return Replayed(kept=kept, result_hash=None, problem=problem)


def _names(path: str, output: str) -> tuple[str, ...]:
    """Under what `CHANGES` lists a number of a run: its own name; and whatever moves the number of
    the valuation that was drawn about moves every one of the run's."""
    return (REFUSED,) if path == REFUSED else (f"simulation.{path}", output)


def _kept(
    record: RunRecord,
    valuation: KeptValuation | None,
    result: Document,
    by: dict[str, str] | None,
) -> KeptRun:
    # Kept before a row said what computed it: not before its valuation, so by no older engine.
    first = ("", "") if valuation is None else (valuation.engine_version, valuation.numpy_version)
    engine, numpy = first if by is None else (by["engine"], by["numpy"])
    return KeptRun(
        id=str(record.id),
        kind="simulation" if valuation is None else f"{valuation.kind} simulation",
        trials=record.trials,
        engine_version=engine,
        numpy_version=numpy,
        result_hash=hashlib.sha256(canonical(result)).hexdigest(),
        computed_at=record.ended_at or record.created_at,
    )


def _problem(
    record: RunRecord,
    valuation: KeptValuation | None,
    result: Document,
    by: dict[str, str] | None,
) -> str | None:
    """Why it cannot be computed again."""
    if by is not None and by.get("hash") != seal(record, result, by):
        return TAMPERED.format(what="the result, or the spec,")
    if valuation is None:
        return _NO_VALUATION
    wrong = not_as_kept(valuation)
    if wrong is not None:
        return wrong
    kind = KINDS.get(valuation.kind)
    if kind is None:
        return NO_KIND.format(kind=valuation.kind)
    if valuation.input_version > kind.input_version:
        return NEWER.format(version=valuation.input_version)
    return None if understood(record) else _NEWER_SPEC


async def _computed(job: Document, crew: Executor) -> Document:
    stopped = Event()
    work = asyncio.to_thread(simulate, job, crew, stopped.is_set, _unheard)
    try:
        return await work
    except asyncio.CancelledError:
        stopped.set()
        raise


def _unheard(_known: Document) -> None:
    """Nobody asks how far it is."""
