"""Random numbers that any worker makes again, plain or of Sobol's points."""

from __future__ import annotations

import hashlib
import itertools
import warnings

import numpy as np
import pytest
from scipy.stats import qmc

from engine.sampling import (
    BITS,
    CHUNK,
    SCRAMBLES,
    SEED_MAX,
    SOBOL_STREAM,
    PlainStreams,
    generator,
    prepare,
    round_of,
    sobol_nets,
)

# SHA-256 of the numbers of two chunks of seed 1. Any machine: no function is in them that
# processors round differently.
GOLDEN = {
    "normal": "6c6a6fac9f1fee5be3292a0b38e8cd038ecf2ce14e4293706cb985df0e217716",
    "uniform": "2227b008c0139d96fa2018ab6318ba157d466d2c6cffaf6e0a5022e98c18df1c",
    "sobol": "671a74a5529c7df760ebf8c4e6b5ec6b2cf0a49e459bd0fbe78b03ce824d704b",
}


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


def digest(kind: str) -> str:
    """Of three numbers for each trial of two chunks."""
    hashed = hashlib.sha256()
    if kind == "sobol":
        nets = sobol_nets(1, 3, 3_000)
        for chunk in (5, 37):
            hashed.update(nets.words(chunk).astype("<u4").tobytes())
        return hashed.hexdigest()
    numbers = np.empty((3, CHUNK))
    for chunk in (0, 5):
        PlainStreams(1, 10 * CHUNK).fill(chunk, numbers, [(slice(0, 3), kind == "normal")])
        hashed.update(numbers.astype("<f8").tobytes())
    return hashed.hexdigest()


@pytest.mark.parametrize("kind", GOLDEN)
def test_the_streams_have_the_published_bits(kind: str) -> None:
    assert digest(kind) == GOLDEN[kind]


def test_rounds_follow_each_other_and_each_begins_at_a_multiple_of_its_length() -> None:
    end = 0
    for number in range(40):
        start, points = round_of(number)
        assert start == end
        assert start % points == 0
        assert points & (points - 1) == 0
        assert points <= CHUNK
        end = start + points
    assert [round_of(number)[1] for number in range(6)] == [
        1_024,
        1_024,
        2_048,
        4_096,
        8_192,
        8_192,
    ]


@pytest.mark.parametrize("points", [7, 1_000, 1_024, 1_025, 5_000, 20_000])
def test_the_points_of_a_scramble_are_the_peers_to_the_last_bit(points: int) -> None:
    rows = 5
    nets = sobol_nets(7, rows, points)
    for which in (0, 3, SCRAMBLES - 1):
        peer = qmc.Sobol(rows, scramble=True, bits=BITS, rng=generator(7, which, SOBOL_STREAM))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that only powers of two are balanced
            expected = peer.random(points).T
        chunks = [nets.words(chunk) for chunk in range(which, nets.chunks, SCRAMBLES)]
        found = np.concatenate(chunks, axis=1) * 2.0**-BITS
        assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


def test_a_chunk_knows_how_many_points_it_has_and_all_have_as_many_as_were_asked_for() -> None:
    for points in (7, 1_024, 3_000, 30_000):
        nets = sobol_nets(1, 2, points)
        sizes = [nets.words(chunk).shape[1] for chunk in range(nets.chunks)]
        assert sizes == [nets.drawn(chunk) for chunk in range(nets.chunks)]
        assert sum(sizes) == SCRAMBLES * points
        assert [nets.before(chunk) for chunk in range(0, nets.chunks, SCRAMBLES)] == [
            sum(sizes[:chunk]) for chunk in range(0, nets.chunks, SCRAMBLES)
        ]


def test_a_point_stands_in_the_middle_of_its_cell_so_normal_numbers_are_finite() -> None:
    nets = sobol_nets(3, 4, 4_096)
    for chunk in range(nets.chunks):
        numbers = np.empty((4, nets.drawn(chunk)))
        nets.fill(chunk, numbers, [(slice(0, 4), False)])
        middles = nets.words(chunk) * 2.0**-BITS + 2.0 ** -(BITS + 1)
        assert numbers.tobytes() == middles.tobytes()
        nets.fill(chunk, numbers, [(slice(0, 4), True)])
        assert np.isfinite(numbers).all()


def test_each_scramble_puts_one_point_into_each_part_of_each_dimension() -> None:
    nets = sobol_nets(11, 6, 1_024)
    for chunk in range(SCRAMBLES):
        parts = nets.words(chunk) >> (BITS - 10)
        assert all(sorted(row) == list(range(1_024)) for row in parts.tolist())


def test_scrambles_and_seeds_have_nothing_in_common() -> None:
    firsts = [
        sobol_nets(seed, 3, 16).words(chunk).tobytes() for seed in (1, 2) for chunk in range(16)
    ]
    assert len(set(firsts)) == 32


def test_what_is_imported_ahead_changes_nothing() -> None:
    before = sobol_nets(5, 3, 100).words(4).tobytes()
    prepare()
    assert sobol_nets(5, 3, 100).words(4).tobytes() == before
