"""What made a number. It is part of a valuation's id: another engine gives another answer."""

from __future__ import annotations

import hashlib
import math
from functools import cache
from typing import Final

import numpy as np

# Raised whenever a published number can change; `engine/changes.py` then says which, and why.
ENGINE_VERSION: Final = "1.0.0"
# The rule that turns (seed, stream, chunk) into random numbers; see `engine/sampling.py`.
STREAM_VERSION: Final = 1
NUMPY_VERSION: Final = np.__version__


@cache
def surroundings() -> dict[str, str]:
    """All that the bits of a result depend on, beside the inputs and a seed: two processes in which
    this is equal compute the same bits."""
    from importlib.metadata import version

    return {
        "engine": ENGINE_VERSION,
        "stream": str(STREAM_VERSION),
        "numpy": NUMPY_VERSION,
        "scipy": version("scipy"),
        "arithmetic": arithmetic(),
    }


@cache
def arithmetic() -> str:
    """How this type of machine rounds: a digest of functions that processors round differently.

    IEEE 754 fixes + - * / and the square root, and nothing else: what `exp`, `log` and powers give
    in the last bit depends on numpy's loops for the processor and on the C library, and a product
    of matrices on the order in which BLAS adds. Nothing here is random or a setting.
    """
    steps = np.arange(1.0, 4_097.0) / 1_024.0  # 2⁻¹⁰ to 4, without rounding
    digest = hashlib.sha256()
    with np.errstate(all="ignore"):
        for found in (
            np.exp(steps),
            np.log(steps),
            np.log1p(steps),
            np.expm1(-steps),
            np.power(steps, 1.7),
            np.cumprod(1.0 + steps / 4_096.0),
            np.array([math.exp(step) for step in steps[::8]]),
            np.array([math.log(step) for step in steps[::8]]),
            np.array([math.pow(step, 1.7) for step in steps[::8]]),
            np.array([math.erfc(step) for step in steps[::8]]),
            np.log(steps).reshape(16, 256) @ np.exp(-steps).reshape(256, 16),
        ):
            digest.update(np.ascontiguousarray(found).tobytes())
    return digest.hexdigest()[:16]
