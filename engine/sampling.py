"""Random numbers that any worker can make again: a stream is named by (seed, stream, chunk).

The rule is part of a result's identity (`engine.provenance.STREAM_VERSION`): chunk k of a
simulation is drawn by ``SFC64(SeedSequence(seed, spawn_key=(0, k)))`` and nothing else.
"""

from __future__ import annotations

from typing import Final

import numpy as np

CHUNK: Final = 8_192  # trials of one generator; its numbers fit the processor's second cache
SEED_MAX: Final = 2**53 - 1  # what JSON can carry exactly


def generator(seed: int, chunk: int, stream: int = 0) -> np.random.Generator:
    """The generator of one chunk of trials. Streams keep two uses of one seed apart."""
    sequence = np.random.SeedSequence(seed, spawn_key=(stream, chunk))
    return np.random.Generator(np.random.SFC64(sequence))
