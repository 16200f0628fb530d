"""A kept valuation beside what its inputs give today, as the schema says it."""

from __future__ import annotations

import strawberry

from engine.provenance import ENGINE_VERSION, NUMPY_VERSION
from resolvers.scalars import KeptValue
from services.replay import How, Line, Replayed, Verdict

REPLAY_VERDICT = strawberry.enum(
    Verdict,
    name="ReplayVerdict",
    description=(
        "What a replay comes to, from the best to the worst. IDENTICAL: to the bit. SAME: every "
        "number that was kept, and lines that are new. ROUNDING: within 1e-12, as another type of "
        "processor rounds. EXPLAINED: by a change of the engine. UNEXPLAINED: a fault to report. "
        "UNREADABLE: it could not be replayed."
    ),
)
REPLAY_CHANGE = strawberry.enum(
    How,
    name="ReplayedLineState",
    description=(
        "What there is to say of a line that is not as it was kept. NEW: it was not there. "
        "ROUNDING: within 1e-12. EXPLAINED: by a change of the engine. UNEXPLAINED: by none."
    ),
)


@strawberry.type(description="A place in the result where something else stands now.")
class ReplayedLine:
    path: str = strawberry.field(
        description="In the result, such as `forecast.tax[3]`; years count from 0."
    )
    kept: KeptValue | None = strawberry.field(description="What was kept. Null: nothing.")
    now: KeptValue | None = strawberry.field(description="What comes out today. Null: nothing.")
    difference: float | None = strawberry.field(
        description="Now less kept, in the number's own unit. Null: not both are numbers."
    )
    relative: float | None = strawberry.field(
        description="The difference as a fraction of what was kept. Null: there is none, or of 0."
    )
    state: How = strawberry.field(description="What there is to say of it.")
    since: str | None = strawberry.field(
        description="The version of the engine that came with the change. Null: not explained."
    )
    why: str | None = strawberry.field(
        description="The change that explains it, as the changelog says it. Null: not explained."
    )

    @classmethod
    def of(cls, line: Line) -> ReplayedLine:
        return cls(
            path=line.path,
            kept=None if line.kept is None else KeptValue(line.kept),
            now=None if line.now is None else KeptValue(line.now),
            difference=line.difference,
            relative=line.relative,
            state=line.how,
            since=line.version,
            why=None if line.change is None else f"{line.change.title}: {line.change.why}",
        )


@strawberry.type(description="A kept valuation beside what its inputs give today.")
class Replay:
    verdict: Verdict = strawberry.field(description="What it comes to.")
    same_hash: bool = strawberry.field(description="Whether the result is the kept one to the bit.")
    kept_hash: str = strawberry.field(description="SHA-256 of the kept result, in hex.")
    replayed_hash: str | None = strawberry.field(
        description="SHA-256 of today's result, in hex. Null: today there is none."
    )
    kept_engine_version: str = strawberry.field(description="Of the engine that it was kept by.")
    engine_version: str = strawberry.field(description="Of the engine that replayed it.")
    kept_numpy_version: str = strawberry.field(description="That it was kept by.")
    numpy_version: str = strawberry.field(description="That replayed it.")
    changes: list[ReplayedLine] = strawberry.field(
        description="Every place that is not as it was kept; none where the hashes are equal."
    )
    problem: str | None = strawberry.field(
        description="Why it could not be replayed. Null: it was."
    )

    @classmethod
    def of(cls, replayed: Replayed) -> Replay:
        kept = replayed.kept
        return cls(
            verdict=replayed.verdict,
            same_hash=replayed.verdict is Verdict.IDENTICAL,
            kept_hash=kept.result_hash,
            replayed_hash=replayed.result_hash,
            kept_engine_version=kept.engine_version,
            engine_version=ENGINE_VERSION,
            kept_numpy_version=kept.numpy_version,
            numpy_version=NUMPY_VERSION,
            changes=[ReplayedLine.of(line) for line in replayed.lines],
            problem=replayed.problem,
        )
