"""A run: what was asked, where it stands, what is known so far, and what came out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias
from uuid import UUID

import orjson

from engine.convergence import Bracketed, SoFar
from engine.errors import Refused
from engine.provenance import ENGINE_VERSION, NUMPY_VERSION, STREAM_VERSION
from engine.simulation import SimulationSpec
from services.kinds import Document, Kind, Output
from services.refusals import refused_of
from services.simulations import work_document
from services.valuations import canonical
from store.runs import RunRecord

# Of what a row says that is to be computed. Whoever adds to it raises this: while a server is
# upgraded, processes of the older version then leave alone what they would not do as it is meant.
SPEC_VERSION: Final = 1
_BY: Final = "computedBy"


class RunState(StrEnum):
    """Where a run stands. The last three are ends."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class OfValuation:
    """About a kept valuation."""

    valuation_id: str


@dataclass(frozen=True, slots=True)
class OfModel:
    """About a model as it is now."""

    model_id: UUID
    scenario: str | None


@dataclass(frozen=True, slots=True)
class OfInputs:
    """About inputs, which are valued and kept first."""

    kind: Kind[Any, Any]
    inputs: Document


Source: TypeAlias = OfValuation | OfModel | OfInputs


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSimulation:
    """What `startSimulation` is given."""

    source: Source
    output: Output | None  # None: what the kind is asked for first
    spec: SimulationSpec
    price: float | None  # None: what the market says that the output is, where it does

    @property
    def fingerprint(self) -> str:
        """SHA-256 in hex; a repeat of an operation has the same."""
        match self.source:
            case OfValuation(valuation_id):
                source: Document = {"valuation": valuation_id}
            case OfModel(model_id, scenario):
                source = {"model": str(model_id), "scenario": scenario}
            case OfInputs(kind, inputs):
                source = {"kind": kind.name, "inputs": inputs}
        asked = {"source": source, **work_document(self.output, self.spec, self.price)}
        return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def row(self, output: Output, price: float | None) -> str:
        """What a worker is told besides the inputs, as a row keeps it: with its form's version."""
        work = work_document(output, self.spec, price)
        return orjson.dumps({"version": SPEC_VERSION, **work}).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a tenant."""

    id: UUID
    kind: str
    state: RunState
    valuation_id: str
    output: Output
    trials: int
    attempts: int  # how often it was begun
    known: SoFar | None  # None: nothing yet
    result: Document | None  # `Simulation`, once it is DONE
    # Why there is no result, once it has ended without one.
    refusal: Refused | None = field(compare=False)
    created_by: UUID
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        return self.state not in (RunState.QUEUED, RunState.RUNNING)

    @classmethod
    def of(cls, record: RunRecord, newer: SoFar | None = None) -> Run:
        """As a row has it; ``newer`` is what the process knows that computes it."""
        known = None if record.progress is None else so_far_of(orjson.loads(record.progress))
        if newer is not None and (known is None or known.trials_done < newer.trials_done):
            known = newer
        refusal = None if record.refusal is None else refused_of(orjson.loads(record.refusal))
        return cls(
            id=record.id,
            kind=record.kind,
            state=RunState(record.state),
            valuation_id=record.valuation_id,
            output=Output(orjson.loads(record.spec)["output"]),
            trials=record.trials,
            attempts=record.attempts,
            known=known,
            result=None if record.result is None else result_in(record.result)[0],
            refusal=refusal,
            created_by=record.created_by,
            created_at=record.created_at,
            started_at=record.started_at,
            ended_at=record.ended_at,
        )


def understood(record: RunRecord) -> bool:
    """Whether this program can do what a row asks for. One without a version is of the first."""
    return int(orjson.loads(record.spec).get("version", 1)) <= SPEC_VERSION


def sealed(record: RunRecord, result: Document) -> Document:
    """What a row keeps of a result: also what computed it, and a hash of all that belongs to it."""
    by = {"engine": ENGINE_VERSION, "stream": str(STREAM_VERSION), "numpy": NUMPY_VERSION}
    return {**result, _BY: {**by, "hash": seal(record, result, by)}}


def result_in(text: str) -> tuple[Document, dict[str, str] | None]:
    """The result that a row keeps, and what is said of its making; None: it was kept without."""
    result: Document = orjson.loads(text)
    return result, result.pop(_BY, None)


def seal(record: RunRecord, result: Document, by: Mapping[str, str]) -> str:
    """SHA-256 in hex of what was computed, by what, and what came out."""
    parts = {
        "valuation": record.valuation_id,
        "spec": orjson.loads(record.spec),
        "by": {name: value for name, value in by.items() if name != "hash"},
        "result": result,
    }
    return hashlib.sha256(canonical(parts)).hexdigest()


def so_far_of(document: Document) -> SoFar:
    """
    Raises:
        KeyError, TypeError: if it is no such document.
    """
    return SoFar(
        trials_done=document["trialsDone"],
        infeasible=document["infeasible"],
        mean=document["mean"],
        standard_error=document["standardError"],
        percentiles=tuple(Bracketed(**each) for each in document["percentiles"]),
    )


# What processes tell each other about a run: the state that it is in now, or what is known so far.

CANCELLED: Final = b'{"state":"CANCELLED"}'


def state_message(state: RunState) -> bytes:
    return orjson.dumps({"state": state.value})


def progress_message(document: Document) -> bytes:
    return orjson.dumps({"progress": document})


def progress_in(message: bytes) -> SoFar | None:
    """What is known so far, where a message tells it."""
    try:
        return so_far_of(orjson.loads(message)["progress"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
