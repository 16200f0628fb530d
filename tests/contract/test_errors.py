"""The two lists of codes are closed: what can be said is on them, and every exception's code is."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

import api
import collab
import engine
import observability
import resolvers
import services
import store
from engine.errors import ProblemCode, Refused
from observability.outcomes import CLIENT_LEFT, OURS
from resolvers.refusal import ErrorCode, Issue, RefusalCode
from services.errors import Denied, no_of
from store.errors import DatabaseAway, DatabaseBusy

ROOT = Path(__file__).parents[2]

# As they were decided. A code that comes or goes is a change of the product.
REFUSALS = [
    "INVALID_INPUT",
    "INFEASIBLE",
    "NOT_CONVERGED",
    "MISSING_DATA",
    "NOT_FOUND",
    "FORBIDDEN",
    "CONFLICT",
    "QUOTA_EXCEEDED",
    "RATE_LIMITED",
    "DEADLINE_EXCEEDED",
    "CANCELLED",
    "IDEMPOTENCY_KEY_REUSED",
    "UNSUPPORTED",
]
ERRORS = [
    "UNAUTHENTICATED",
    "QUERY_INVALID",
    "QUERY_TOO_COMPLEX",
    "DOCUMENT_NOT_TRUSTED",
    "RATE_LIMITED",
    "OVERLOADED",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "FORBIDDEN",
    "INTERNAL",
]


@pytest.fixture(scope="module", autouse=True)
def everything() -> None:
    """Every module of ours: an exception counts only once its class exists."""
    for package in (api, collab, engine, observability, resolvers, services, store):
        for name in modules(package):
            if not name.startswith("store.migrations"):  # Alembic runs those
                importlib.import_module(name)


def modules(package: ModuleType) -> Iterator[str]:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield module.name


def every(of: type[Exception]) -> list[type[Exception]]:
    found = []
    for each in of.__subclasses__():
        found += [each, *every(each)]
    return sorted(set(found), key=lambda kind: kind.__name__)


def test_the_codes_of_a_refusal_are_those_that_were_decided() -> None:
    assert [code.value for code in RefusalCode] == REFUSALS
    assert [code.name for code in RefusalCode] == REFUSALS


def test_the_codes_of_an_error_are_those_that_were_decided() -> None:
    assert [code.value for code in ErrorCode] == ERRORS
    assert [code.name for code in ErrorCode] == ERRORS


def test_every_refusal_that_can_be_raised_has_a_code_of_the_list() -> None:
    kinds = every(Refused)
    assert {"InvalidInput", "Infeasible", "NotFound", "Forbidden", "MissingData"} <= {
        kind.__name__ for kind in kinds
    }
    for kind in kinds:
        assert kind.code in REFUSALS, kind  # type: ignore[attr-defined] # of every Refused


def test_every_denial_that_can_be_raised_has_a_code_of_the_list() -> None:
    kinds = every(Denied)
    assert {"Unauthenticated", "Overloaded"} <= {kind.__name__ for kind in kinds}
    for kind in kinds:
        assert kind.code in ERRORS, kind  # type: ignore[attr-defined] # of every Denied


def test_whatever_passes_by_waiting_says_how_long() -> None:
    passing = [
        no
        for kind in (*every(Refused), *every(Denied), DatabaseAway, DatabaseBusy)
        if (no := no_of(kind("No."))) is not None and no[0] in ("RATE_LIMITED", "OVERLOADED")
    ]
    assert {code for code, _, _ in passing} == {"RATE_LIMITED", "OVERLOADED"}
    for _, _, retry_after_s in passing:
        assert retry_after_s is not None
        assert retry_after_s > 0


@pytest.mark.parametrize("away", [DatabaseAway, DatabaseBusy])
def test_a_database_that_cannot_answer_is_an_overload_and_says_nothing_of_itself(
    away: type[Exception],
) -> None:
    no = no_of(away("postgresql://secret@10.0.0.1"))
    assert no is not None
    assert no[0] == "OVERLOADED"
    assert "secret" not in no[1]


def test_a_fault_of_ours_is_no_no() -> None:
    assert no_of(ZeroDivisionError("x")) is None
    assert no_of(None) is None


def test_what_burns_the_error_budget_is_on_one_of_the_lists() -> None:
    assert set(OURS) <= {*REFUSALS, *ERRORS}
    assert CLIENT_LEFT in REFUSALS


def test_the_codes_of_an_issue_are_those_that_the_schema_names() -> None:
    field = Issue.__strawberry_definition__.get_field("code")  # type: ignore[attr-defined] # strawberry's
    told = set(re.findall(r"[A-Z][A-Z_]{3,}", field.description))
    assert told == set(get_args(ProblemCode))


def test_every_code_is_on_the_page_of_refusals() -> None:
    page = (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")
    for code in {*REFUSALS, *ERRORS, *get_args(ProblemCode)}:
        assert code in page, code


def test_the_page_says_of_every_kind_which_inputs_have_no_answer() -> None:
    """Each kind whose value can be infeasible by a cause of its own."""
    page = (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")
    said = page.partition("### INFEASIBLE")[2].partition("\n### ")[0]
    own = {
        file.parent.name
        for file in (ROOT / "engine").glob("*/*.py")
        if file.parent.name != "dcf" and "Infeasible(" in file.read_text(encoding="utf-8")
    }
    assert own == {"comparables", "credit", "lbo", "merger"}
    assert own == set(re.findall(r"\(maths/(\w+)\.md\)", said))
