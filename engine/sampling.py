"""Random numbers that any worker can make again, plain or by scrambled Sobol points.

A plain stream is named by (seed, stream, chunk). The rule is part of a result's identity
(`engine.provenance.STREAM_VERSION`): chunk k of a plain simulation is drawn by
``SFC64(SeedSequence(seed, spawn_key=(0, k)))`` and nothing else.

Scramble r of a Sobol net is made by SciPy with the generator of (seed, stream 1, r). Chunk k is
scramble k mod 16, round k div 16, so that after every whole round all scrambles have equally many
points, and the spread of their means is an honest error (Owen, Monte Carlo theory, methods and
examples, chapter 17).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.door import FloatArray

CHUNK: Final = 8_192  # trials of one generator; its numbers fit the processor's second cache
SEED_MAX: Final = 2**53 - 1  # what JSON can carry exactly
SCRAMBLES: Final = 16
FIRST_ROUND: Final = 1_024  # points of a scramble after which something is known
BITS: Final = 30  # of a Sobol number; a net has 2^30 points, and a scramble of ours 2^23 at most
SOBOL_STREAM: Final = 1  # of the generators that scramble

# Rows of a chunk's numbers, and whether they are standard normals instead of uniforms.
Block: TypeAlias = tuple[slice, bool]
Words: TypeAlias = npt.NDArray[np.uint32]


class Sampling(StrEnum):
    """Where the trials' numbers come from."""

    SOBOL = "SOBOL"
    PLAIN = "PLAIN"


class Source(Protocol):
    """The numbers of any chunk. Chunks are put together in their order."""

    @property
    def chunks(self) -> int: ...

    @property
    def scrambles(self) -> int: ...

    def drawn(self, chunk: int) -> int:
        """How many trials are drawn for a chunk."""
        ...

    def wanted(self, chunk: int) -> int:
        """How many of them stand in the result: the first ones."""
        ...

    def before(self, chunk: int) -> int:
        """How many trials stand before a chunk, or before its round."""
        ...

    def doubled(self, chunk: int) -> bool:
        """Whether with this chunk a power of two of chunks, or of points, is there."""
        ...

    def fill(self, chunk: int, out: FloatArray, blocks: Sequence[Block]) -> None:
        """(rows, drawn) the chunk's numbers."""
        ...


def generator(seed: int, chunk: int, stream: int = 0) -> np.random.Generator:
    """The generator of one chunk of trials. Streams keep two uses of one seed apart."""
    sequence = np.random.SeedSequence(seed, spawn_key=(stream, chunk))
    return np.random.Generator(np.random.SFC64(sequence))


@dataclass(frozen=True, slots=True)
class PlainStreams:
    """Independent numbers. Normals are the ziggurat's: the same bits on every processor."""

    seed: int
    trials: int

    scrambles = 1

    @property
    def chunks(self) -> int:
        return -(-self.trials // CHUNK)

    def drawn(self, chunk: int) -> int:  # noqa: ARG002 - every chunk is drawn whole
        return CHUNK

    def wanted(self, chunk: int) -> int:
        return min(CHUNK, self.trials - chunk * CHUNK)

    def before(self, chunk: int) -> int:
        return chunk * CHUNK

    def doubled(self, chunk: int) -> bool:
        return chunk & (chunk + 1) == 0

    def fill(self, chunk: int, out: FloatArray, blocks: Sequence[Block]) -> None:
        source = generator(self.seed, chunk)
        for rows, normal in blocks:
            if normal:
                source.standard_normal(out=out[rows])
            else:
                source.random(out=out[rows])


@dataclass(frozen=True, slots=True, eq=False)
class SobolNets:
    """Sixteen scrambles of one Sobol net, a dimension for each number of a trial.

    Point n of a scramble is its first point, xored with the step of every bit that is set in n:
    the sequence is linear over the bits of Gray's code of n, and Gray's code is linear in n
    (Antonov and Saleev, USSR Computational Mathematics and Mathematical Physics 19, 1979, p. 252).
    So any chunk is made from a few words, without those before it.
    """

    points: int  # of each scramble
    first: Words  # (scrambles, rows)
    steps: Words  # (scrambles, bits of an index, rows)

    scrambles = SCRAMBLES

    @property
    def chunks(self) -> int:
        rounds = 0
        while round_of(rounds)[0] < self.points:
            rounds += 1
        return rounds * SCRAMBLES

    def drawn(self, chunk: int) -> int:
        start, points = round_of(chunk // SCRAMBLES)
        return min(points, self.points - start)

    def wanted(self, chunk: int) -> int:
        return self.drawn(chunk)

    def before(self, chunk: int) -> int:
        return SCRAMBLES * round_of(chunk // SCRAMBLES)[0]

    def doubled(self, chunk: int) -> bool:
        number, left = divmod(chunk + 1, SCRAMBLES)
        points = round_of(number)[0]
        return not left and points & (points - 1) == 0

    def fill(self, chunk: int, out: FloatArray, blocks: Sequence[Block]) -> None:
        words = self.words(chunk)
        np.multiply(words, 2.0**-BITS, out=out)
        out += 2.0 ** -(BITS + 1)  # the middle of each cell: neither 0 nor 1
        if any(normal for _, normal in blocks):
            from scipy.special import ndtri

            for rows, normal in blocks:
                if normal:
                    ndtri(out[rows], out=out[rows])

    def words(self, chunk: int) -> Words:
        """(rows, points of the chunk) as whole numbers below 2^30, in the sequence's order."""
        which, number = chunk % SCRAMBLES, chunk // SCRAMBLES
        start, steps = round_of(number)[0], self.steps[which]
        first = self.first[which].copy()
        for level, step in enumerate(steps):
            if start >> level & 1:
                first ^= step
        points = self.drawn(chunk)
        words = np.empty((first.size, points), dtype=np.uint32)
        words[:, 0] = first
        done, level = 1, 0
        while done < points:  # the second half of what is done then is the first, one step on
            more = min(done, points - done)
            step = steps[level][:, np.newaxis]
            np.bitwise_xor(words[:, :more], step, out=words[:, done : done + more])
            done, level = done + more, level + 1
        return words


def round_of(number: int) -> tuple[int, int]:
    """(first point, points) of a round. Rounds double up to a chunk, so that something is soon
    known, and each begins at a multiple of its length."""
    if number == 0:
        return 0, FIRST_ROUND
    doubled = FIRST_ROUND << (number - 1)
    if doubled < CHUNK:
        return doubled, doubled
    doublings = (CHUNK // FIRST_ROUND).bit_length()
    return (number - doublings + 1) * CHUNK, CHUNK


def sobol_nets(seed: int, rows: int, points: int) -> SobolNets:
    """The scrambles of a seed, good for ``points`` of each.

    The import takes more than a second: this belongs in a worker process.
    """
    return SobolNets(points, *_scrambled(seed, rows, (points - 1).bit_length()))


@lru_cache(maxsize=4)  # a seed is asked for again with another output, or by somebody else
def _scrambled(seed: int, rows: int, levels: int) -> tuple[Words, Words]:
    """(scrambles, rows) first points, and (scrambles, levels, rows) the way to the points 2^level.

    SciPy's, by a random linear matrix and a digital shift (Matoušek, Journal of Complexity 14,
    1998, p. 527).
    """
    from scipy.stats import qmc

    first = np.empty((SCRAMBLES, rows), dtype=np.uint32)
    steps = np.empty((SCRAMBLES, levels, rows), dtype=np.uint32)
    for which in range(SCRAMBLES):
        source = generator(seed, which, SOBOL_STREAM)
        net = qmc.Sobol(rows, scramble=True, bits=BITS, rng=source)
        first[which] = _next(net)
        for level in range(levels):
            ahead = (1 << level) - net.num_generated
            if ahead:  # some versions cannot be sent forward by nothing
                net.fast_forward(ahead)
            np.bitwise_xor(_next(net), first[which], out=steps[which, level])
    return first, steps


def prepare() -> None:
    """Import ahead of the first points what they need, which takes more than a second."""
    with suppress(ImportError, MemoryError, OSError):  # whoever needs it then will say so
        import scipy.special  # noqa: F401 - it stays in memory
        from scipy.stats import qmc

        qmc.Sobol(1, scramble=False)  # it reads its direction numbers


class _Net(Protocol):
    def random(self, n: int) -> FloatArray: ...


def _next(net: _Net) -> Words:
    """(rows,) the next point, as the whole numbers that it was made of."""
    words: Words = (net.random(1)[0] * 2.0**BITS).astype(np.uint32)
    return words
