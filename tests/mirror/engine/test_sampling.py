"""Random numbers that any worker makes again."""

from __future__ import annotations

import itertools

import numpy as np

from engine.sampling import CHUNK, SEED_MAX, generator


def drawn(seed: int, chunk: int, stream: int = 0) -> bytes:
    return generator(seed, chunk, stream).standard_normal(1_000).tobytes()


def test_the_rule_is_the_published_one() -> None:
    # It is part of a valuation's identity: a change of it is a new STREAM_VERSION.
    assert CHUNK == 8_192
    sequence = np.random.SeedSequence(42, spawn_key=(3, 7))
    expected = np.random.Generator(np.random.SFC64(sequence)).standard_normal(1_000).tobytes()
    assert drawn(42, chunk=7, stream=3) == expected


def test_the_same_name_gives_the_same_numbers_and_another_name_gives_others() -> None:
    names = list(itertools.product((0, 1, SEED_MAX), (0, 1, 2), (0, 1)))
    assert [drawn(*name) for name in names] == [drawn(*name) for name in names]
    assert len({drawn(*name) for name in names}) == len(names)
