"""Types of the schema, filled from documents."""

from __future__ import annotations

import strawberry

from resolvers.valuations.results import filled


@strawberry.type
class Petal:
    length_in_mm: float


@strawberry.type
class Flower:
    id: str
    petals: list[Petal]
    stem: Petal | None = None
    heights: list[float] | None = None

    @strawberry.field
    def smell(self) -> str:
        return "sweet"


def test_groups_become_types_and_lists_of_groups_lists_of_types() -> None:
    document = {
        "petals": [{"lengthInMm": 1.5}, {"lengthInMm": 2.5}],
        "stem": {"lengthInMm": 40.0},
        "heights": [1.0, 2.0],
        "smell": "of no field that is kept",
    }
    found = filled(Flower, document, id="f")
    assert found == Flower(
        id="f",
        petals=[Petal(length_in_mm=1.5), Petal(length_in_mm=2.5)],
        stem=Petal(length_in_mm=40.0),
        heights=[1.0, 2.0],
    )


def test_what_was_kept_before_there_was_such_a_line_is_null() -> None:
    found = filled(Flower, {"petals": []}, id="f")
    assert (found.stem, found.heights) == (None, None)


def test_what_is_given_is_not_looked_for() -> None:
    assert filled(Flower, {"id": "kept", "petals": []}, id="given").id == "given"
