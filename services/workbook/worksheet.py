"""A worksheet as the library writes it, in half of the time.

The library searches every formula for some thirty functions that a file has to name otherwise. What
functions a formula calls says whether it has any: of thousands of formulas few call others.
"""

from __future__ import annotations

import re
from typing import Final

from xlsxwriter.worksheet import Worksheet

_CALLED: Final = re.compile(r"[\w.]+\(")


class QuickWorksheet(Worksheet):  # type: ignore[misc]  # the library says no types
    """The same file to the byte."""

    def __init__(self) -> None:
        super().__init__()
        self._plain: dict[
            tuple[object, ...], bool
        ] = {}  # whether nothing that is called is renamed

    def _prepare_formula(self, formula: str, expand_future_functions: bool = False) -> str:
        called = _CALLED.findall(formula)
        key = expand_future_functions, *called
        if key not in self._plain:
            alone = "".join(called)
            self._plain[key] = super()._prepare_formula(alone, expand_future_functions) == alone
        if self._plain[key]:
            return formula.removeprefix("=")
        told: str = super()._prepare_formula(formula, expand_future_functions)
        return told
