"""Ids are of their time, and in the order in which they were made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import time_ns

import pytest

from services.ids import new_id


def test_an_id_tells_when_it_was_made_and_of_which_version_it_is() -> None:
    before = time_ns() // 1_000_000
    made = new_id()
    assert before <= made.int >> 80 <= time_ns() // 1_000_000
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"


def test_what_is_made_later_is_greater_within_a_millisecond_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    standing = time_ns()
    monkeypatch.setattr("services.ids.time_ns", lambda: standing)
    made = [new_id() for _ in range(5_000)]
    assert made == sorted(made)
    assert len({each.int >> 64 for each in made}) == len(made)


def test_no_id_is_made_twice_by_several_threads() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [new_id() for _ in range(500)], range(8)))
    assert all(each == sorted(each) for each in made)
    assert len({id_ for each in made for id_ in each}) == 4_000
