"""A no that the caller can mend, as the second member of every outcome."""

from __future__ import annotations

from enum import StrEnum

import strawberry

from engine.errors import Problem, Refused
from resolvers.scalars import InputValue
from services.errors import Conflict, Stale
from services.words import camel, for_callers


@strawberry.enum(description="Why the answer is no. This list is closed.")
class RefusalCode(StrEnum):
    INVALID_INPUT = "INVALID_INPUT"
    INFEASIBLE = "INFEASIBLE"
    NOT_CONVERGED = "NOT_CONVERGED"
    MISSING_DATA = "MISSING_DATA"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    CONFLICT = "CONFLICT"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    RATE_LIMITED = "RATE_LIMITED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    CANCELLED = "CANCELLED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    UNSUPPORTED = "UNSUPPORTED"


@strawberry.enum(
    description=(
        "`extensions.code` of a top-level error: the request could not run, or the fault is ours. "
        "What a caller can mend in the input is a `Refusal`, never one of these. RATE_LIMITED and "
        "OVERLOADED have `extensions.retryAfter` beside it: the seconds to wait. DEADLINE_EXCEEDED "
        "is a client's own deadline."
    )
)
class ErrorCode(StrEnum):
    UNAUTHENTICATED = "UNAUTHENTICATED"
    QUERY_INVALID = "QUERY_INVALID"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    RATE_LIMITED = "RATE_LIMITED"
    OVERLOADED = "OVERLOADED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    INTERNAL = "INTERNAL"


@strawberry.type(description="One thing to mend.")
class Issue:
    path: str = strawberry.field(
        description=(
            "Where: an input's path, such as `operations.revenueGrowth[3]`, wherever the inputs "
            "stand; of all else, from the argument on, such as `spec.shocks[0].path`."
        )
    )
    code: str = strawberry.field(
        description=(
            "What is wrong: OUT_OF_RANGE, NOT_FINITE, WRONG_LENGTH, WRONG_TYPE, CONTRADICTION, "
            "MISSING, TOO_LARGE or UNKNOWN."
        )
    )
    message: str = strawberry.field(description="The same, in words.")
    suggestion: str = strawberry.field(description="What would be right.")

    @classmethod
    def of(cls, problem: Problem) -> Issue:
        return cls(
            path=camel(problem.path),
            code=problem.code,
            message=for_callers(problem.message),
            suggestion=for_callers(problem.suggestion),
        )


@strawberry.type(description="A path that somebody changed after the revision an edit is based on.")
class StalePath:
    path: str = strawberry.field(description="As the edit names it.")
    value: InputValue | None = strawberry.field(
        description="What stands there now, as JSON; null: nothing."
    )
    revision: int = strawberry.field(description="The revision that changed it last.")

    @classmethod
    def of(cls, stale: Stale) -> StalePath:
        value = None if stale.value is None else InputValue(stale.value)
        return cls(path=stale.path, value=value, revision=stale.revision)


@strawberry.type(description="A no that the caller can mend, with every problem at once.")
class Refusal:
    code: RefusalCode = strawberry.field(description="Why, for a program.")
    message: str = strawberry.field(description="What happened and what to do, for a person.")
    retry_after: float | None = strawberry.field(
        description="Seconds after which the same request may succeed; null: not by waiting."
    )
    issues: list[Issue] = strawberry.field(description="Each thing to mend, in input order.")
    conflicts: list[StalePath] = strawberry.field(
        description="Each path that an edit would have overwritten unseen; none but in a CONFLICT."
    )

    @classmethod
    def of(cls, no: Refused) -> Refusal:
        return cls(
            code=RefusalCode(no.code),
            message=for_callers(no.message),
            retry_after=no.retry_after_s,
            issues=[Issue.of(problem) for problem in no.problems],
            conflicts=[StalePath.of(stale) for stale in no.stale]
            if isinstance(no, Conflict)
            else [],
        )
