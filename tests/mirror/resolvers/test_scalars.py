"""Arrays of numbers leave as they are, or not at all; none ever comes in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphql import GraphQLError, GraphQLScalarType

from resolvers.scalars import grid, series
from tests.the_schema import GRAPHQL


def scalar(name: str) -> GraphQLScalarType:
    found = GRAPHQL.type_map[name]
    assert isinstance(found, GraphQLScalarType)
    return found


def told(name: str, numbers: object) -> Any:
    return scalar(name).coerce_output_value(numbers)


@pytest.mark.parametrize(
    "text",
    ["2027-01-01T00:00:00", "2027-01-01", "0001-01-01T00:00:00+23:59", "soon", "", 5, None, []],
)
def test_what_is_no_moment_of_one_place_in_time_never_comes_in(text: object) -> None:
    with pytest.raises(GraphQLError, match=r"no moment with a zone\. Write it as 2026-11-23T12"):
        scalar("DateTime").coerce_input_value(text)


@pytest.mark.parametrize("text", ["2027-01-01T01:00:00+01:00", "2027-01-01T00:00:00Z"])
def test_a_moment_comes_in_as_utc(text: str) -> None:
    found = scalar("DateTime").coerce_input_value(text)
    assert found.isoformat() == "2027-01-01T00:00:00+00:00"


def test_a_series_of_python_numbers_is_passed_through_uncopied() -> None:
    numbers = [1.0, 2.5, -3.0]
    assert told("FloatSeries", series(numbers)) is numbers


def test_an_array_becomes_one_that_a_json_writer_takes() -> None:
    sliced = np.arange(12.0).reshape(3, 4)[:, ::2]
    found = told("FloatGrid", grid(sliced))
    assert found.flags["C_CONTIGUOUS"]
    assert found.tolist() == sliced.tolist()
    assert told("FloatSeries", np.arange(3)).tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_never_leaves(number: float) -> None:
    with pytest.raises(GraphQLError):
        told("FloatSeries", [1.0, number])
    with pytest.raises(GraphQLError):
        told("FloatGrid", np.array([[1.0, number]]))


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("FloatSeries", 1.0),
        ("FloatSeries", [[1.0]]),
        ("FloatGrid", [1.0]),
        ("FloatGrid", [[[1.0]]]),
    ],
)
def test_an_array_of_another_shape_never_leaves(name: str, numbers: object) -> None:
    with pytest.raises((GraphQLError, TypeError)):
        told(name, numbers)


@pytest.mark.parametrize("name", ["FloatSeries", "FloatGrid", "InputDocument"])
def test_these_types_are_outputs_alone(name: str) -> None:
    with pytest.raises(GraphQLError):
        scalar(name).coerce_input_value([1.0])


def test_a_document_leaves_as_it_is() -> None:
    document = {"currency": "USD", "shares": {"diluted": 1.0}}
    assert told("InputDocument", document) is document
