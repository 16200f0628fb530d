"""DCF documents as a caller sends them: a firm that is easy by hand, and changes to it."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any, Final

import pytest

Document = dict[str, Any]

# Revenue 1,000 for ever at an EBIT margin of 20 % and a tax of 25 %: 150 a year, free of anything
# else. At 10 % that is worth 1,500; less debt of 500, and cash of 100 on top: 1,100, or 11 a share.
FIRM: Final[Document] = {
    "currency": "USD",
    "timing": {"valuationDate": "2024-09-27", "years": 3, "flows": "END_YEAR"},
    "operations": {
        "revenue": 1000.0,
        "revenueGrowth": {"level": 0.0},
        "ebitMargin": {"level": 0.2},
        "taxRate": {"level": 0.25},
        "depreciation": {"level": 0.05},
        "capitalExpenditure": {"level": 0.05},
        "workingCapital": {"level": 0.1},
    },
    "capital": {"wacc": 0.1},
    "terminal": {"gordon": {"growth": 0.0}},
    "bridge": {"debt": 500.0, "cash": 100.0},
    "shares": {"diluted": 100.0},
}
WORTH_A_SHARE: Final = pytest.approx(11.0, rel=1e-12)

_STEP = re.compile(r"[^.\[\]]+")


def firm(**changes: Any) -> Document:
    """The firm with other values at some paths: ``firm(**{"capital.wacc": 0.2})``."""
    document = deepcopy(FIRM)
    for path, value in changes.items():
        document = but(document, path, value)
    return document


def but(document: Document, path: str, value: Any) -> Document:
    """A copy with ``value`` at a path such as ``operations.taxRate.byYear[1]``."""
    changed = deepcopy(document)
    *parents, last = _steps(path)
    place: Any = changed
    for step in parents:
        place = place[step] if isinstance(step, int) else place.setdefault(step, {})
    place[last] = value
    return changed


def without(document: Document, path: str) -> Document:
    """A copy in which nothing is at the path."""
    changed = deepcopy(document)
    *parents, last = _steps(path)
    place: Any = changed
    for step in parents:
        place = place[step]
    del place[last]
    return changed


def _steps(path: str) -> list[str | int]:
    return [int(step) if step.isdecimal() else step for step in _STEP.findall(path)]
