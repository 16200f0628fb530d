"""Documents and dataclasses: what one says, the other has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from engine.dcf import DcfInputs, ExitMultiple, Gordon, HModel
from engine.door import Scalar
from services.documents import document_of, reader

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("dcf_*.json"))


class Colour(StrEnum):
    RED = "RED"
    PALE_BLUE = "PALE_BLUE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One branch of a choice."""

    BRANCH: ClassVar = "green_leaf"
    size: Scalar
    veins: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    BRANCH: ClassVar = ""
    deep: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    planted_on: date
    colour: Colour = Colour.RED
    part: Leaf | Root
    others: tuple[Leaf, ...] = ()
    name: str | None = None


def test_a_document_is_read_by_the_names_of_the_fields() -> None:
    read = reader(Plant)
    document = {
        "plantedOn": "2024-02-29",
        "colour": "PALE_BLUE",
        "part": {"greenLeaf": {"size": 2.0, "veins": [1, 2.5]}},
        "others": [{"size": 3.0}],
        "name": "Fern",
    }
    assert read(document) == Plant(
        planted_on=date(2024, 2, 29),
        colour=Colour.PALE_BLUE,
        part=Leaf(size=2.0, veins=(1, 2.5)),
        others=(Leaf(size=3.0),),
        name="Fern",
    )


def test_what_is_left_out_or_null_has_the_default() -> None:
    found = reader(Plant)({"plantedOn": "2024-01-01", "part": {"deep": True}, "name": None})
    assert found == Plant(planted_on=date(2024, 1, 1), part=Root(deep=True))
    assert found.colour is Colour.RED


def test_a_choice_without_a_known_branch_is_no_plant() -> None:
    with pytest.raises((KeyError, TypeError)):
        reader(Plant)({"plantedOn": "2024-01-01", "part": {"stem": {}}})


def test_a_type_that_no_document_holds_is_refused_when_the_reader_is_made() -> None:
    @dataclass(frozen=True, slots=True)
    class Odd:
        of: complex

    with pytest.raises(TypeError, match="complex"):
        reader(Odd)


def test_a_result_is_written_by_the_names_of_its_fields() -> None:
    years = np.array([1.0, 2.0])

    @dataclass(frozen=True, slots=True)
    class Line:
        net_debt: float
        years: object
        colour: Colour

    written = document_of((Line(1.5, years, Colour.PALE_BLUE), None, date(2024, 5, 1)))
    assert written[1:] == [None, "2024-05-01"]
    assert written[0]["netDebt"] == 1.5
    assert written[0]["years"] is years
    assert type(written[0]["colour"]) is str


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_number_of_an_example_is_where_its_path_says(path: Path) -> None:
    document = json.loads(path.read_text())
    inputs = reader(DcfInputs)(document)
    assert inputs.timing.years == document["timing"]["years"]
    assert inputs.bridge.debt == document["bridge"]["debt"]
    terminal = document["terminal"]
    kinds = {"gordon": Gordon, "exitMultiple": ExitMultiple, "hModel": HModel}
    for name, kind in kinds.items():
        assert isinstance(inputs.terminal, kind) == (name in terminal)
