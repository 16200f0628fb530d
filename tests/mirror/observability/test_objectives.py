from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from observability.objectives import (
    FIXED_EDGES_NS,
    ObjectivesInvalid,
    Severity,
    Sli,
    check_operations,
    edges_ns,
    load,
    parse,
)


def entry(**changes: Any) -> dict[str, Any]:
    """A promise that is fine, with changes; None takes a field away."""
    plain = {
        "name": "fast",
        "sli": "latency",
        "target": 0.95,
        "within": "200ms",
        "window": "5m",
    }
    return {key: value for key, value in (plain | changes).items() if value is not None}


def problems(*entries: Any) -> str:
    with pytest.raises(ObjectivesInvalid) as caught:
        parse(list(entries))
    return "\n".join(caught.value.problems)


def test_the_catalogue_promises_what_the_requirements_ask_for() -> None:
    promised = {objective.name: objective for objective in load()}

    availability = promised["api-availability"]
    assert (availability.sli, availability.target) == (Sli.AVAILABILITY, Fraction(999, 1000))
    assert (availability.window_s, availability.operation) == (3600, None)
    latency = promised["api-latency"]
    assert (latency.target, latency.within_s, latency.window_s) == (Fraction(19, 20), 0.2, 300)
    dcf = promised["value-dcf-fast"]
    assert (dcf.operation, dcf.target, dcf.within_ns) == (
        "Mutation.valueDcf",
        Fraction(99, 100),
        250_000_000,
    )


def test_every_within_is_an_edge_and_edges_rise() -> None:
    catalogue = parse([entry(name="a", within="137ms"), entry(name="b", within="42s")])
    edges = edges_ns((*load(), *catalogue))

    assert {137_000_000, 42_000_000_000, 250_000_000} <= set(edges)
    assert set(FIXED_EDGES_NS) <= set(edges)
    assert list(edges) == sorted(set(edges))


def test_fixed_edges_go_from_a_tenth_of_a_millisecond_to_ten_seconds() -> None:
    assert (FIXED_EDGES_NS[0], FIXED_EDGES_NS[-1]) == (100_000, 10_000_000_000)
    ratios = [b / a for a, b in pairwise(FIXED_EDGES_NS)]
    assert set(ratios) == {2.0, 2.5}


def test_a_target_is_the_fraction_that_was_written_and_not_its_nearest_double() -> None:
    (objective,) = parse([entry(target=0.999)])
    assert 1 - objective.target == Fraction(1, 1000)


def test_every_problem_is_told_at_once() -> None:
    told = problems(
        entry(name="Bad Name", target=1, window="1w"),
        entry(name="b", sli="joy"),
        entry(name="c", within=None),
        entry(name="d", severity="loud", operation="valueDcf"),
        "not a mapping",
    )
    for sentence in (
        "Bad Name: a name is lower-case words",
        "Bad Name: target must be a fraction above 0 and below 1",
        "Bad Name: window must be a time from 1m to 30d",
        "b: sli must be one of availability, latency",
        "c: latency needs within",
        "d: severity must be one of page, ticket, none",
        "d: operation must be a root field",
        "entry 5 must be a mapping",
    ):
        assert sentence in told


@pytest.mark.parametrize("target", [0, 1, 1.5, -0.1, True, "much", "1/0", float("nan"), None, [1]])
def test_a_target_that_is_no_share_is_refused(target: Any) -> None:
    assert "target must be a fraction" in problems(entry(target=target))


@pytest.mark.parametrize("window", ["59s", "31d", "5", 5, "0m", None, "5 m"])
def test_a_window_that_cannot_be_counted_is_refused(window: Any) -> None:
    assert "window must be a time" in problems(entry(window=window))


def test_availability_has_no_within_and_a_misspelt_field_is_told() -> None:
    told = problems(entry(sli="availability", windows="5m"))
    assert "within belongs to latency" in told
    assert "windows is not a field" in told


def test_two_promises_of_one_name_are_refused() -> None:
    assert problems(entry(), entry()) == "fast is there twice"


def test_more_objectives_than_a_mark_has_bits_are_refused() -> None:
    assert "33 objectives" in problems(*(entry(name=f"o{number}") for number in range(33)))


@pytest.mark.parametrize("text", ["", "name: a", "[]", "- [", "a: [}"])
def test_a_file_that_is_no_catalogue_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "objectives.yaml"
    path.write_text(text)
    with pytest.raises(ObjectivesInvalid):
        load(path)


def test_severity_is_for_display_only_unless_it_is_said() -> None:
    (objective,) = parse([entry()])
    assert objective.severity is Severity.NONE


def test_a_promise_for_a_field_that_is_not_in_the_schema_is_refused() -> None:
    catalogue = parse([entry(operation="Mutation.valueDcf")])
    check_operations(catalogue, {"Mutation.valueDcf"})
    with pytest.raises(ObjectivesInvalid, match=r"fast: Mutation\.valueDcf is not a root field"):
        check_operations(catalogue, {"Query.viewer"})
