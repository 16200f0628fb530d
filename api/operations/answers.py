"""What a caller reads of an answer, and what of it those read who count."""

from __future__ import annotations

from typing import Any, Final

from graphql import GraphQLError, ValueNode

from api.operations.documents import RequestError
from api.operations.request import NotWellFormed
from resolvers.refusal import ErrorCode, Refusal
from services.errors import TooLate, no_of
from services.metering import Charge, OverBudget

_QUOTED: Final = 80  # characters of a wrong value


def recognise(thing: object) -> str | None:
    """The code of a no, in whatever form it comes: for those who count."""
    if isinstance(thing, Refusal):
        return thing.code.value
    if isinstance(thing, GraphQLError):
        code = (thing.extensions or {}).get("code")
        if code is None and _is_of_the_document(thing.original_error):
            return ErrorCode.QUERY_INVALID.value
        return code if isinstance(code, str) else None
    no = no_of(thing)
    return no[0] if no else None


def _is_of_the_document(error: object) -> bool:
    """Whether the executor refused an argument: a null, say, that its variable let through.

    Such an error points at the value in the document. An answer that cannot be written does not:
    that one is ours.
    """
    nodes = error.nodes if isinstance(error, GraphQLError) else None
    return bool(nodes) and all(isinstance(node, ValueNode) for node in nodes or ())


def recognise_late(error: BaseException) -> bool:
    """Whether the client's own deadline has ended it."""
    return isinstance(error, GraphQLError) and isinstance(error.original_error, TooLate)


def told_error(code: str, message: str, retry_after_s: float | None = None) -> dict[str, Any]:
    """A no as an entry of ``errors``, over any transport; with the wait, where one helps."""
    extensions: dict[str, Any] = {"code": code}
    if retry_after_s is not None:
        extensions["retryAfter"] = retry_after_s
    return {"message": message, "extensions": extensions}


def told_cost(charge: Charge | None) -> dict[str, Any]:
    """``extensions`` with what it cost; empty where it is not counted."""
    return {} if charge is None else {"cost": charge.document()}


def refused_answer(no: Exception) -> dict[str, Any]:
    """The whole answer to a request of which nothing was executed, over any transport."""
    if isinstance(no, RequestError):
        answer: dict[str, Any] = {"errors": [request_error(error) for error in no.errors]}
        charge = no.charge
    elif isinstance(no, NotWellFormed):
        return {"errors": [told_error(ErrorCode.QUERY_INVALID.value, no.message)]}
    else:
        code, message, wait_s = no_of(no) or (ErrorCode.INTERNAL.value, "", None)
        answer = {"errors": [told_error(code, message, wait_s)]}
        charge = no.charge if isinstance(no, OverBudget) else None
    if charge is not None:
        answer["extensions"] = told_cost(charge)
    return answer


def on_record(request_id: str) -> dict[str, Any]:
    """What the caller reads of a fault of ours."""
    return {
        "message": f"Something failed on our side. It is on record as {request_id}.",
        "extensions": {"code": ErrorCode.INTERNAL.value, "requestId": request_id},
    }


def request_error(error: GraphQLError) -> dict[str, Any]:
    """What the caller reads of an error that let nothing run."""
    shape: dict[str, Any] = {**error.formatted}
    # graphql-core quotes the value that it found: the whole input, where one field is missing or
    # unknown. After the field that was meant it says no more.
    told = shape["message"].partition(" Found: ")[0]
    before, found, value = told.partition(", found: ")
    shape["message"] = f"{before}{found}{value[:_QUOTED]}…" if len(value) > _QUOTED else told
    code = recognise(error) or ErrorCode.QUERY_INVALID.value
    shape["extensions"] = {**(error.extensions or {}), "code": code}
    return shape
