"""What made a number. It is part of a valuation's id: another engine gives another answer."""

from __future__ import annotations

from typing import Final

import numpy as np

# Raised whenever any published number can change. `valor replay` will compare across it.
ENGINE_VERSION: Final = "1.0.0"
# The rule that turns (seed, stream, chunk) into random numbers; see `engine/sampling.py`.
STREAM_VERSION: Final = 1
NUMPY_VERSION: Final = np.__version__
