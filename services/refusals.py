"""A no that is kept or sent, and said again: by a worker process, or by a run that has ended."""

from __future__ import annotations

from typing import Any, Final

from engine.errors import Infeasible, InvalidInput, NotConverged, Problem, Refused


class DeadlineMissed(Refused):
    """It took longer than it may, and was stopped."""

    code = "DEADLINE_EXCEEDED"


class Unsupported(Refused):
    """Known, and not offered here; or it needs more than a worker has here."""

    code = "UNSUPPORTED"


class Cancelled(Refused):
    """Somebody, or something, ended it before its end."""

    code = "CANCELLED"


_KINDS: Final[dict[str, type[Refused]]] = {
    kind.code: kind
    for kind in (InvalidInput, Infeasible, NotConverged, DeadlineMissed, Unsupported, Cancelled)
}


def refusal_document(no: Refused) -> dict[str, Any]:
    """JSON of a no of the kinds above, in the engine's names."""
    return {
        "code": no.code,
        "message": no.message,
        "problems": [
            {
                "path": problem.path,
                "code": problem.code,
                "message": problem.message,
                "suggestion": problem.suggestion,
            }
            for problem in no.problems
        ],
    }


def refused_of(document: dict[str, Any]) -> Refused:
    """The same no again."""
    problems = [Problem(**problem) for problem in document["problems"]]
    return _KINDS[document["code"]](document["message"], problems)
