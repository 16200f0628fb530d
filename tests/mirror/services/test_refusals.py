"""A no of the engine is the same no after it was kept, or sent by a worker."""

from __future__ import annotations

import pytest

from engine import errors
from engine.errors import Problem, Refused
from services.refusals import refusal_document, refused_of

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type)]
OF_THE_ENGINE = [kind for kind in KINDS if issubclass(kind, Refused) and kind is not Refused]


@pytest.mark.parametrize("kind", OF_THE_ENGINE, ids=lambda kind: kind.__name__)
def test_every_no_of_the_engine_can_be_kept_and_said_again(kind: type[Refused]) -> None:
    problem = Problem("base_rate", "OUT_OF_RANGE", "It is too high.", "Give up to 0.3.")
    no = kind("The circle does not close.", [problem])
    again = refused_of(refusal_document(no))
    assert type(again) is kind
    assert (again.message, again.problems) == (no.message, no.problems)
