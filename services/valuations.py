"""Valuations: valued, kept under the address of their content, and found again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final, Protocol
from uuid import UUID

import orjson

from engine.provenance import ENGINE_VERSION, NUMPY_VERSION, STREAM_VERSION
from observability.outcomes import Outcome
from services.audit import entry
from services.audit_log import Looks
from services.compute import Compute
from services.errors import NotFound, Problem, Refused
from services.kinds import KINDS, Document, Kind
from services.plans import Limits
from services.principal import Action, Principal
from services.tenants import TenantService
from services.work import BASE_CASE_MS, DOCUMENT_MS
from store.audit import Entry
from store.valuations import KeptValuation, Valuations

NOTHING: Final = "There is no such valuation. Value the inputs again to make it."
_ADDRESS = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class KeptId:
    """A valuation as a caller names it: its address, and the kind that its global id tells."""

    kind: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A valuation with where it came from. The same inputs have the same ``id``, for ever."""

    id: str  # 64 hex digits, see `content_id`
    kind: Kind[Any, Any]
    inputs: Document  # with defaults applied: sent again, they give the same id
    result: Document
    result_hash: str
    engine_version: str
    computed_at: datetime  # the first time, UTC
    duration_ms: float  # of the computing that this came from
    # The engine's inputs, where they passed its door just now.
    admitted: Any = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class OfModel:
    """The model whose inputs are valued, as it was then."""

    id: UUID
    revision: int
    scenario: str | None = None


class ValuationWatch(Protocol):
    """Counts what became of each valuation."""

    def valued(self, kind: str, outcome: Outcome, duration_s: float) -> None: ...


def canonical(document: Document) -> bytes:
    """JSON with sorted keys and shortest numbers: equal documents are equal bytes."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def content_id(kind: Kind[Any, Any], inputs: bytes, seed: int | None = None) -> str:
    """SHA-256 over everything that a result depends on; ``inputs`` are canonical.

    Two engines or numpy versions give two ids, so an old number is never taken for a new one.
    """
    return _address(
        inputs,
        kind=kind.name,
        inputVersion=kind.input_version,
        engineVersion=ENGINE_VERSION,
        streamVersion=STREAM_VERSION,
        numpyVersion=NUMPY_VERSION,
        seed=seed,
    )


def kept_id(kept: KeptValuation) -> str:
    """The id that a kept valuation must have by what is kept of it: its inputs and versions."""
    stream = kept.stream_version
    return _address(
        kept.inputs.encode(),
        kind=kept.kind,
        inputVersion=kept.input_version,
        engineVersion=kept.engine_version,
        streamVersion=int(stream) if stream.isdecimal() else stream,
        numpyVersion=kept.numpy_version,
        seed=kept.seed,
    )


def _address(inputs: bytes, **names: str | int | None) -> str:
    return hashlib.sha256(canonical(names) + b"\n" + inputs).hexdigest()


class ValuationService:
    """What a member may do with valuations."""

    def __init__(
        self,
        kept: Valuations,
        tenants: TenantService,
        compute: Compute,
        watch: ValuationWatch,
        looks: Looks,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        admit: Callable[[str], None] = lambda _kind: None,
    ) -> None:
        """``admit`` raises Overloaded for a kind that nobody may value now, by its name."""
        self._admit = admit
        self._kept, self._tenants, self._compute = kept, tenants, compute
        self._watch, self._clock = watch, clock
        self._looks = looks

    async def value(
        self,
        principal: Principal,
        kind: Kind[Any, Any],
        inputs: Document,
        of: OfModel | None = None,
    ) -> Recorded:
        """Value a document and keep what comes out. ``of``: the model that it is, if it is one.

        Raises:
            Forbidden, InvalidInput, Infeasible: the caller's move; nothing is kept.
            Overloaded: the database has no room now.
        """
        principal.require(Action.VALUE)
        self.admit(kind)
        limits = (await self._tenants.terms(principal.tenant_id)).limits
        started = perf_counter()
        try:
            result = await self._compute.run(
                BASE_CASE_MS + kind.importing_ms(), lambda: kind.value(kind.inputs_of(inputs))
            )
        except Refused:
            self._watch.valued(kind.name, Outcome.EXCLUDED, perf_counter() - started)
            raise
        except Exception:
            self._watch.valued(kind.name, Outcome.BAD, perf_counter() - started)
            raise
        elapsed = perf_counter() - started
        self._watch.valued(kind.name, Outcome.GOOD, elapsed)
        return await self._keep(principal, limits, kind, inputs, result, elapsed * 1e3, of)

    async def _keep(
        self,
        principal: Principal,
        limits: Limits,
        kind: Kind[Any, Any],
        inputs: Document,
        result: Any,
        duration_ms: float,
        of: OfModel | None,
    ) -> Recorded:
        document = kind.result_document(result)
        inputs_json, result_json = canonical(inputs), canonical(document)
        now, keep_for = self._clock(), limits.valuations_kept
        kept = KeptValuation(
            id=content_id(kind, inputs_json),
            kind=kind.name,
            input_version=kind.input_version,
            inputs=inputs_json.decode(),
            result=result_json.decode(),
            result_hash=hashlib.sha256(result_json).hexdigest(),
            engine_version=ENGINE_VERSION,
            stream_version=str(STREAM_VERSION),
            numpy_version=NUMPY_VERSION,
            seed=None,
            computed_at=now,
            duration_ms=duration_ms,
            keep_until=None if keep_for is None else now + keep_for,
        )
        first = await self._kept.keep(principal.tenant_id, kept, _made(principal, kept, of))
        return Recorded(
            id=kept.id,
            kind=kind,
            inputs=inputs,
            result=document,
            result_hash=kept.result_hash,
            engine_version=kept.engine_version,
            computed_at=first,
            duration_ms=duration_ms,
            admitted=kind.admitted(result),
        )

    async def outputs_of(
        self, kind: Kind[Any, Any], documents: Sequence[Callable[[], Document]]
    ) -> list[dict[str, float]]:
        """Every output of each document, which is made where it is valued; nothing is kept.

        Whoever asks has been let in before.

        Raises:
            InvalidInput, Infeasible; Overloaded: too much is waiting already.
        """
        self.admit(kind)
        return await self._compute.run(
            len(documents) * DOCUMENT_MS + kind.importing_ms(),
            lambda: [kind.outputs_of(make()) for make in documents],
        )

    def admit(self, kind: Kind[Any, Any]) -> None:
        """
        Raises:
            Overloaded: if an operator has stopped this kind, with the reason.
        """
        self._admit(kind.name)

    async def find(self, principal: Principal, valuation_id: str) -> Recorded:
        """
        Raises:
            Forbidden; NotFound: if it does not exist, was not kept this long, or is another's.
        """
        principal.require(Action.READ_VALUATION)
        # What is no address is under none: the database need not be asked, and may choke on it.
        asked = _ADDRESS.fullmatch(valuation_id)
        kept = await self._kept.find(principal.tenant_id, valuation_id) if asked else None
        if kept is None:
            raise NotFound(NOTHING)
        await self._looks.saw(principal, "valuation.read", "valuation", kept.id)
        return Recorded(
            id=kept.id,
            kind=KINDS[kept.kind],
            inputs=orjson.loads(kept.inputs),
            result=orjson.loads(kept.result),
            result_hash=kept.result_hash,
            engine_version=kept.engine_version,
            computed_at=kept.computed_at,
            duration_ms=kept.duration_ms,
        )

    async def find_named(self, principal: Principal, asked: KeptId, at: str) -> Recorded:
        """The valuation that an argument of a question names; ``at`` is the argument's path.

        Raises:
            Forbidden; NotFound: as `find`, and if the id tells another kind than the one it is of.
        """
        try:
            recorded = await self.find(principal, asked.address)
        except NotFound:
            recorded = None
        if recorded is None or recorded.kind.name != asked.kind:
            mend = "Give the global id of a valuation of your tenant."
            raise NotFound(NOTHING, [Problem(at, "UNKNOWN", NOTHING, mend)])
        return recorded


def _made(principal: Principal, kept: KeptValuation, of: OfModel | None) -> Entry:
    """What the audit has of a valuation: of a model, under the model."""
    if of is None:
        return entry(
            principal, "valuation.made", "valuation", kept.id, at=kept.computed_at, kind=kept.kind
        )
    return entry(
        principal,
        "model.valued",
        "model",
        of.id,
        at=kept.computed_at,
        valuation=kept.id,
        revision=of.revision,
        scenario=of.scenario,
    )
