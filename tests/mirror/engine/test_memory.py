"""What a batch frees stays with the process, and is not asked for again page by page."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = 40 * 20  # of 4 KiB: what a round takes, of forty arrays of ten thousand scenarios
ROUNDS = 50
COUNT = f"""
import resource
import numpy as np
from engine.memory import keep_scratch

keep_scratch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({ROUNDS}):
    [np.ones(10_000) for _ in range(40)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc gives blocks back so soon"
)
def test_what_was_freed_is_used_again_without_new_pages() -> None:
    """Fifty rounds of scratch, written and freed: the pages of two or three, and not of fifty."""
    told = subprocess.run(
        [sys.executable, "-c", COUNT], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert int(told.stdout) < ROUNDS * PAGES // 10
