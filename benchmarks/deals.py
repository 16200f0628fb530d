"""Buyouts and mergers beside what they are compared with: `python -m benchmarks.deals`.

A buyout of five years has four tranches and interest on average balances, so each year is a circle
that is solved. Its peers are a loop over our own kernel, one call a scenario, and a model that was
written apart from it, from the conventions alone, with Brent's method (the tests' independent
model). CPU time of this process, the best of five rounds. Targets are printed for information.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import xlsxwriter

from benchmarks.measures import best, peak_mb, show
from engine.lbo import LboInputs, LboOutput, exit_grid, lbo_question, value_lbo
from engine.lbo.inputs import admit
from engine.memory import keep_scratch
from engine.merger import MergerInputs, MergerOutput, merger_question, value_merger
from engine.provenance import ENGINE_VERSION, NUMPY_VERSION
from engine.scenarios import Axis, sensitivity
from services.documents import reader
from services.kinds import KINDS
from services.workbook.export import workbook_of
from tests.mirror.engine.lbo.independent import lbo as independent_lbo
from tests.workbooks import recorded

EXAMPLES: Final = Path(__file__).parents[1] / "examples"
SCENARIOS: Final = 10_000
BY_LOOP: Final = 200  # scenarios of a loop, whose time is then scaled


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def on_buyouts() -> None:
    given = document("lbo_average_interest")
    given["tranches"] = given["tranches"][:4]
    inputs = reader(LboInputs)(given)
    question = lbo_question(inputs, LboOutput.IRR)
    draws = np.random.default_rng(1)
    multiples = 9.0 + draws.standard_normal(SCENARIOS)
    rates = 0.005 * draws.standard_normal(SCENARIOS)
    changes: dict[str, Any] = {"exit.ev_to_ebitda": multiples, "base_rate": rates}
    admitted = admit(inputs)
    assert admitted.base_rate is not None  # noqa: S101 - the example floats
    base = admitted.base_rate

    def batch() -> None:
        question.over(dict(changes), (SCENARIOS,), "path")

    def by_kernel() -> None:
        for multiple, rate in zip(multiples[:BY_LOOP].tolist(), rates.tolist(), strict=False):
            exits = replace(admitted.exit, ev_to_ebitda=multiple)
            question.worth(replace(admitted, exit=exits, base_rate=base.shifted(rate)))

    def by_the_independent_model() -> None:
        for multiple in multiples[:BY_LOOP].tolist():
            independent_lbo(given | {"exit": given["exit"] | {"evToEbitda": multiple}})

    years, exits = list(range(1, 6)), np.linspace(6.0, 12.0, 25)
    entry = Axis("tranches[1].times_ebitda", np.linspace(0.5, 2.5, 25))
    curve = Axis("base_rate", np.linspace(-0.01, 0.02, 25))
    cpu = best(
        one=(lambda: value_lbo(inputs), 50),
        batch=(batch, 3),
        kernel=(by_kernel, 1),
        independent=(by_the_independent_model, 1),
        exits=(lambda: exit_grid(admitted, years, exits), 20),
        grid=(lambda: sensitivity(question, entry, curve), 5),
    )
    kernel = cpu["kernel"] / BY_LOOP * SCENARIOS
    independent = cpu["independent"] / BY_LOOP * SCENARIOS
    print("\na buyout, 5 years, 4 tranches, circular; CPU time, best of 5 rounds\n")
    show(
        (
            ("one valuation with all statements", f"{cpu['one'] * 1e3:.2f} ms", ""),
            (f"{SCENARIOS:,} scenarios", f"{cpu['batch'] * 1e3:.1f} ms", ""),
            ("    a loop over one kernel call each", f"{kernel * 1e3:,.0f} ms", ""),
            ("    that loop / scenarios", f"{kernel / cpu['batch']:.0f} ×", ""),
            ("    a loop over the independent model", f"{independent * 1e3:,.0f} ms", ""),
            ("    that loop / scenarios", f"{independent / cpu['batch']:.0f} ×", "≥ 300 ×"),
            ("    traced memory", f"{peak_mb(batch):.1f} MB", "≤ 64 MB"),
            ("exit years × 25 multiples", f"{cpu['exits'] * 1e3:.2f} ms", ""),
            ("25 × 25 with debt solved anew", f"{cpu['grid'] * 1e3:.2f} ms", "≤ 20 ms"),
        )
    )


def on_mergers() -> None:
    inputs = reader(MergerInputs)(document("merger_asset_deal"))
    question = merger_question(inputs, MergerOutput.ACCRETION)
    premium = Axis("offer.premium", np.linspace(0.1, 0.6, 50))
    mix = Axis("financing.stock_share", np.linspace(0.0, 1.0, 50))
    cpu = best(
        one=(lambda: value_merger(inputs), 30),
        grid=(lambda: sensitivity(question, premium, mix), 5),
    )
    print("\na merger, part in cash and part in shares\n")
    show(
        (
            ("one valuation with all statements", f"{cpu['one'] * 1e3:.2f} ms", ""),
            ("premium × mix, 50 × 50", f"{cpu['grid'] * 1e3:.2f} ms", "≤ 20 ms"),
        )
    )


def on_workbooks() -> None:
    """The file of an example of each kind; its floor is as many numbers, written plainly."""
    print("\na workbook: valued, composed and written; beside as many plain numbers written\n")
    lines = []
    for name in (
        "dcf_segments",
        "lbo_average_interest",
        "merger_asset_deal",
        "comparables_trading",
    ):
        given = document(name)
        kind = KINDS[name.split("_", maxsplit=1)[0].upper()]
        valuation = recorded(kind, given)
        content = workbook_of(valuation)
        cells = cells_in(content)
        cpu = best(book=(partial(workbook_of, valuation), 3), plain=(partial(plainly, cells), 3))
        lines += [
            (f"{name}, {cells:,} numbers", f"{cpu['book'] * 1e3:.0f} ms", "≤ 1,000 ms"),
            ("  times the floor", f"{cpu['book'] / cpu['plain']:.1f} ×", ""),
        ]
    show(tuple(lines))


def cells_in(content: bytes) -> int:
    """How many cells of a workbook hold a value."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return sum(
            parts.read(part).count(b"<v>")
            for part in parts.namelist()
            if part.startswith("xl/worksheets/")
        )


def plainly(cells: int) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        for number in range(cells):
            sheet.write_number(number // 10, number % 10, number * 1.5)
    return target.getvalue()


def on_all() -> None:
    keep_scratch()  # as every process of the service does
    on_buyouts()
    on_mergers()
    on_workbooks()


def main() -> None:
    print(f"engine {ENGINE_VERSION}, numpy {NUMPY_VERSION}, Python {sys.version.split()[0]}")
    on_all()


if __name__ == "__main__":
    main()
