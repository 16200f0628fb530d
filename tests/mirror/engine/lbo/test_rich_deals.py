"""The deals that have everything have it: what no law meets, no law guards."""

from __future__ import annotations

from engine.lbo import FeeTreatment, InterestBasis, LboValuation, TrancheKind, value_lbo
from tests.mirror.engine.lbo.rich_deals import EVERYTHING, YEARS
from tests.mirror.engine.lbo.soundness import sound

TOLD = [value_lbo(inputs).valuation for inputs in EVERYTHING]


def somewhere(what: str, *found: bool) -> None:
    assert any(found), what


def test_every_feature_is_in_one_of_them_and_all_of_them_are_sound() -> None:
    for inputs, told in zip(EVERYTHING, TOLD, strict=True):
        sound(inputs, told)
    assert {each.interest for each in EVERYTHING} == set(InterestBasis)
    assert {each.entry.transaction_fee_treatment for each in EVERYTHING} == set(FeeTreatment)
    assert {one.kind for each in EVERYTHING for one in each.tranches} == set(TrancheKind)
    flows = [told.statements.cash_flow for told in TOLD]
    incomes = [told.statements.income for told in TOLD]
    first_two = [(told.debt[0].drawn, told.debt[1].drawn) for told in TOLD]
    both = (max(map(min, zip(*each, strict=True))) > 0.0 for each in first_two)
    somewhere("both revolvers in one year", *both)
    hastened = [income.fees_written_off for income in incomes]
    for basis in InterestBasis:
        pairs = zip(EVERYTHING, hastened, strict=True)
        gone = [max(line or (0.0,)) > 0.1 for each, line in pairs if each.interest is basis]
        somewhere("fees that go with what is prepaid", *gone)
    somewhere("fees that do not", *(line is None for line in hastened))
    somewhere("a shortfall", *(max(flow.shortfall) > 0.0 for flow in flows))
    somewhere("a loss", *(min(income.ebt) < 0.0 for income in incomes))
    somewhere("losses used again", *(max(income.losses_used or (0.0,)) > 5.0 for income in incomes))
    somewhere("fees beyond income", *(income.tax[0] == 0.0 < income.ebt[0] for income in incomes))
    kept = [test.kept for told in TOLD for test in told.covenants]
    somewhere("covenants kept", *kept)
    somewhere("covenants broken", *(not each for each in kept))
    somewhere("more repaid than one", *map(_swept_two, TOLD))
    somewhere("all of a loan repaid before it is due", *map(_repaid_early, TOLD))
    somewhere("a pool that gets something", *(told.holders[-1].proceeds > 0.0 for told in TOLD))
    assert all(told.exit_equity > 0.0 for told in TOLD)


def test_what_is_mandatory_is_at_times_all_that_was_owed_and_less_than_is_owed() -> None:
    """By the opening balance, though the year's interest in kind is owed too."""
    capped = [
        (each.mandatory[t], each.opening[t], each.paid_in_kind[t])
        for told in TOLD
        for each in told.debt
        for t in range(YEARS)
        if each.name == "Amortising" and each.mandatory[t] == each.opening[t] > 0.0
    ]
    assert any(paid == opening and kind > 0.0 for paid, opening, kind in capped)


def _swept_two(told: LboValuation) -> bool:
    return any(sum(each.sweep[t] > 0.0 for each in told.debt) > 1 for t in range(YEARS))


def _repaid_early(told: LboValuation) -> bool:
    return any(
        each.closing[t] == 0.0 < each.sweep[t]
        for each in told.debt
        for t in range(YEARS)
        if each.kind is not TrancheKind.REVOLVER
    )
