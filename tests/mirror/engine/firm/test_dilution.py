"""Who shares the equity: the price and those who take part at it, found together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mp, mpf

from engine.dcf import Convertible, OptionTranche
from engine.firm.dilution import dilution_at, share_out
from tests.mirror.engine.firms import LAW, numbers

SAME = 1e-12  # relative: the roundings of some dozen operations
STEP = 1e-200

Options = tuple[OptionTranche, ...]
Bonds = tuple[Convertible, ...]
Case = tuple[float, float, Options, Bonds]


def tranche(count: float, strike: float) -> OptionTranche:
    return OptionTranche(count=count, strike=strike)


def bond(face: float, conversion: float) -> Convertible:
    return Convertible(face_value=face, conversion_price=conversion)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Equity, shares held, and instruments whose prices lie around what a share is worth."""
    held, price = draw(numbers(1.0, 1e9)), draw(numbers(0.01, 1e4))
    around = st.one_of(numbers(0.05 * price, 2.0 * price), st.sampled_from([price, 0.5 * price]))
    share = st.sampled_from([0.0, 1.0]) | numbers(0.001, 1.0)
    options = st.builds(tranche, share.map(lambda part: part * held), around | st.just(0.0))
    bonds = st.builds(bond, share.map(lambda part: part * held * price), around)
    equity = draw(share | numbers(-2.0, -0.001) | numbers(1.0, 4.0)) * held * price
    return (
        equity,
        held,
        tuple(draw(st.lists(options, max_size=5))),
        tuple(draw(st.lists(bonds, max_size=3))),
    )


def size(case: Case) -> float:
    """All the money that is added up on the way to the price."""
    equity, _, options, bonds = case
    return abs(equity) + sum(o.count * o.strike for o in options) + sum(b.face_value for b in bonds)


def slack(case: Case) -> float:
    """What rounding may do to a price."""
    return SAME * size(case) / case[1]


def claims(price: mpf, held: mpf, options: Sequence[OptionTranche], bonds: Bonds) -> mpf:
    """What everybody holds at a price: a share, an option's gain, the better of face and shares."""
    owed = sum(
        (max(mpf(b.face_value), b.face_value * price / b.conversion_price) for b in bonds), 0
    )
    gains = sum((o.count * max(mpf(0), price - o.strike) for o in options), 0)
    return held * price + gains + owed


def by_bisection(case: Case) -> mpf:
    """The price by halving an interval in 60 digits: it knows nothing of pieces or tranches."""
    equity, held, options, bonds = case
    with mp.workdps(60):
        edge = (mpf(size(case)) or 1) / held
        low, high = -edge, edge
        for _ in range(220):
            middle = (low + high) / 2
            if claims(middle, mpf(held), options, bonds) > equity:
                high = middle
            else:
                low = middle
        return low


@LAW
@given(cases())
def test_the_price_is_the_one_at_which_all_claims_come_to_the_equity(case: Case) -> None:
    assert float(abs(share_out(*case).price - by_bisection(case))) <= slack(case)


@LAW
@given(cases(), numbers(0.0, 1e4), st.data())
def test_what_everybody_claims_at_a_price_leads_back_to_that_price(
    case: Case, anywhere: float, data: st.DataObject
) -> None:
    _, held, options, bonds = case
    edges = [o.strike for o in options] + [b.conversion_price for b in bonds]
    near = st.sampled_from([0.999, 1.0 - 1e-6, 1.0, 1.0 + 1e-6, 1.001])
    at = data.draw(near.map(lambda by: by * data.draw(st.sampled_from([anywhere, *edges]))))
    with mp.workdps(60):
        equity = float(claims(mpf(at), mpf(held), options, bonds))
    back = (equity, held, options, bonds)
    assert share_out(*back).price == pytest.approx(at, rel=0, abs=slack(back))


@LAW
@given(cases())
def test_the_equity_is_shared_out_without_rest(case: Case) -> None:
    equity, held, options, bonds = case
    shared = share_out(*case)
    told = dilution_at(shared, held, options, bonds)
    price, rest = told.price, 100.0 * SAME * size(case)
    assert shared.price * shared.diluted_shares == pytest.approx(
        equity - shared.debt, rel=0, abs=rest
    )
    parts = [held * price]
    parts += [
        o.count * (price - o.strike)
        for o, found in zip(options, told.options, strict=True)
        if found.exercised
    ]
    parts += [found.shares * price + found.debt for found in told.convertibles]
    assert sum(parts) == pytest.approx(equity, rel=0, abs=rest)


@LAW
@given(cases())
def test_what_is_told_of_each_tranche_adds_up_to_the_diluted_shares(case: Case) -> None:
    _, held, options, bonds = case
    shared = share_out(*case)
    told = dilution_at(shared, held, options, bonds)
    counted = held + sum(o.net_shares for o in told.options)
    counted += sum(found.shares for found in told.convertibles)
    gross = held + sum(o.count for o in options) + sum(b.shares for b in told.convertibles)
    assume(told.price > slack(case) * 1e3)
    room = 1e-9 * gross + slack(case) / told.price * gross
    assert counted == pytest.approx(shared.diluted_shares, rel=0, abs=room)
    owed = sum(found.debt for found in told.convertibles)
    assert owed == pytest.approx(shared.debt, rel=0, abs=SAME * size(case))
    for o, found in zip(options, told.options, strict=True):
        # At a tie of price and strike rounding may say it either way.
        assert found.exercised == (told.price > o.strike) or (
            told.price == pytest.approx(o.strike, rel=0, abs=slack(case))
        )
        assert (found.net_shares > 0.0) <= found.exercised


@LAW
@given(cases(), numbers(0.0, 1e9), numbers(1.0, 5.0))
def test_options_with_a_strike_above_the_price_change_nothing(
    case: Case, count: float, times: float
) -> None:
    equity, held, options, bonds = case
    price = float(share_out(*case).price)
    idle = tranche(count, max(price, 0.0) * times + 2.0 * slack(case))
    after = share_out(equity, held, (*options, idle), bonds)
    assert (after.price, after.debt) == (price, share_out(*case).debt)
    assert after.diluted_shares == share_out(*case).diluted_shares


def less(case: Case, other: Case, much: float = 0.0) -> bool:
    """Whether a share is worth no more in the one than in the other, but for rounding."""
    room = slack(case) + slack(other)
    return float(share_out(*case).price) + much <= float(share_out(*other).price) + room


@LAW
@given(cases(), numbers(1.0, 3.0), st.data())
def test_more_of_anything_that_dilutes_is_worth_less_a_share(
    case: Case, times: float, data: st.DataObject
) -> None:
    equity, held, options, bonds = case
    assume(options or bonds)
    k = data.draw(st.integers(0, len(options) + len(bonds) - 1))
    if k < len(options):
        more = replace(options[k], count=options[k].count * times)
        richer = (equity, held, (*options[:k], more, *options[k + 1 :]), bonds)
    else:
        k -= len(options)
        owed = replace(bonds[k], face_value=bonds[k].face_value * times)
        richer = (equity, held, options, (*bonds[:k], owed, *bonds[k + 1 :]))
    assert less(richer, case)


@LAW
@given(cases(), numbers(1.0, 3.0), st.data())
def test_a_higher_strike_or_conversion_price_is_worth_more_a_share(
    case: Case, times: float, data: st.DataObject
) -> None:
    equity, held, options, bonds = case
    assume(options or bonds)
    k = data.draw(st.integers(0, len(options) + len(bonds) - 1))
    if k < len(options):
        dearer = replace(options[k], strike=options[k].strike * times)
        raised = (equity, held, (*options[:k], dearer, *options[k + 1 :]), bonds)
    else:
        k -= len(options)
        later = replace(bonds[k], conversion_price=bonds[k].conversion_price * times)
        raised = (equity, held, options, (*bonds[:k], later, *bonds[k + 1 :]))
    assert less(case, raised)


@LAW
@given(cases(), numbers(0.0, 1e6), numbers(1.0, 3.0))
def test_more_equity_is_worth_more_a_share_and_more_shares_less(
    case: Case, more: float, times: float
) -> None:
    equity, held, options, bonds = case
    assert less(case, (equity + more, held, options, bonds))
    if share_out(*case).price > 0.0:
        assert less((equity, held * times, options, bonds), case)


@LAW
@given(cases(), st.permutations(range(5)))
def test_the_order_of_the_tranches_does_not_matter(case: Case, order: Sequence[int]) -> None:
    equity, held, options, bonds = case
    shuffled = tuple(options[k] for k in order if k < len(options))
    again = share_out(equity, held, shuffled, bonds[::-1])
    assert again.price == pytest.approx(float(share_out(*case).price), rel=0, abs=slack(case))


@LAW
@given(cases(), numbers(0.1, 0.9))
def test_a_tranche_in_two_parts_is_the_tranche(case: Case, part: float) -> None:
    equity, held, options, bonds = case
    halves = tuple(
        replace(o, count=o.count * share) for o in options for share in (part, 1.0 - part)
    )
    again = share_out(equity, held, halves, bonds)
    assert again.price == pytest.approx(float(share_out(*case).price), rel=0, abs=slack(case))


def one_of(value: np.ndarray | float, row: int) -> float:
    return float(value[row]) if isinstance(value, np.ndarray) else value


@LAW
@given(cases(), st.integers(1, 6), st.data())
def test_a_batch_equals_its_rows_to_the_last_bit(
    case: Case, rows: int, data: st.DataObject
) -> None:
    def spread(value: float) -> np.ndarray | float:
        """The number in every row, or around it a number for each."""
        if data.draw(st.booleans()):
            return value
        moves = data.draw(st.lists(numbers(0.5, 1.5), min_size=rows, max_size=rows))
        return np.array(moves) * value

    equity, held = spread(case[0]), spread(case[1])
    options = tuple(OptionTranche(count=spread(o.count), strike=spread(o.strike)) for o in case[2])
    bonds = tuple(
        Convertible(face_value=spread(b.face_value), conversion_price=spread(b.conversion_price))
        for b in case[3]
    )
    together = share_out(equity, held, options, bonds)
    for row in range(rows):
        alone = share_out(
            one_of(equity, row),
            one_of(held, row),
            tuple(tranche(one_of(o.count, row), one_of(o.strike, row)) for o in options),
            tuple(bond(one_of(b.face_value, row), one_of(b.conversion_price, row)) for b in bonds),
        )
        for name in ("price", "diluted_shares", "debt"):
            assert one_of(getattr(together, name), row) == getattr(alone, name), name
        for name in ("exercised", "converted"):
            told = tuple(np.ravel(flag)[row % np.size(flag)] for flag in getattr(together, name))
            assert told == getattr(alone, name), name


def exact_price(equity: mpf, held: mpf, pairs: list[list[mpf]], bonds: list[list[mpf]]) -> mpf:
    """The lowest of the prices that any choice of who takes part would lead to."""
    found = []
    for choice in range(2 ** (len(pairs) + len(bonds))):
        money, shares = equity, held
        for k, (count, strike) in enumerate(pairs):
            if choice >> k & 1:
                money, shares = money + count * strike, shares + count
        for k, (face, conversion) in enumerate(bonds):
            if choice >> (k + len(pairs)) & 1:
                shares = shares + face / conversion
            else:
                money = money - face
        found.append(money / shares)
    return min(found)


def test_the_gradient_is_that_of_forty_digits_for_every_number() -> None:
    plain = [
        2_400.0, 100.0,  # equity and shares held
        5.0, 18.0, 4.0, 10.0, 6.0, 40.0,  # three tranches, the last of them idle
        150.0, 15.0, 200.0, 30.0,  # a convertible that converts, and one that does not
    ]  # fmt: skip

    def priced(x: list[np.ndarray]) -> np.ndarray:
        return share_out(
            x[0],
            x[1],
            tuple(OptionTranche(count=x[k], strike=x[k + 1]) for k in (2, 4, 6)),
            tuple(Convertible(face_value=x[k], conversion_price=x[k + 1]) for k in (8, 10)),
        ).price

    stepped = [np.full(len(plain), value, dtype=np.complex128) for value in plain]
    for row, column in enumerate(stepped):
        column[row] += STEP * 1j
    slopes = np.imag(priced(stepped)) / STEP
    assert np.count_nonzero(slopes) == len(plain) - 3  # what is idle, and a price that is not met

    with mp.workdps(40):
        for row in range(len(plain)):

            def moved(by: mpf, row: int = row) -> mpf:
                x = [mpf(value) + (by if k == row else 0) for k, value in enumerate(plain)]
                return exact_price(x[0], x[1], [x[2:4], x[4:6], x[6:8]], [x[8:10], x[10:12]])

            assert slopes[row] == pytest.approx(float(mpmath.diff(moved, 0)), rel=1e-13, abs=1e-18)


def test_on_an_edge_a_step_goes_along_the_piece_below_it() -> None:
    # 1,650 is just what converting at 15 takes: the real parts say debt, whatever the step.
    for step in (STEP, -STEP):
        equity = np.array([1_650.0 + step * 1j])
        shared = share_out(equity, 100.0, (), (bond(150.0, 15.0),))
        assert shared.price[0].real == 15.0
        assert shared.price[0].imag / step == pytest.approx(0.01, rel=1e-12)


def test_options_by_hand() -> None:
    # 5 options at 18 on 100 shares. At 20 they pay 90, which buys back 4.5: 100.5 shares, 2,010.
    shared = share_out(2_010.0, 100.0, (tranche(5.0, 18.0),), ())
    assert shared.price == pytest.approx(20.0, rel=SAME)
    assert shared.diluted_shares == pytest.approx(100.5, rel=SAME)


def test_a_convertible_by_hand_on_both_sides_of_its_price() -> None:
    # 150 at 15 are 10 shares. 2,200 over 110 shares are 20, above 15: they convert.
    above = share_out(2_200.0, 100.0, (), (bond(150.0, 15.0),))
    assert (above.price, above.diluted_shares, above.debt) == (20.0, 110.0, 0.0)
    # 1,150 less the debt of 150 are 10 a share, below 15; as shares they would have been 10.45.
    below = share_out(1_150.0, 100.0, (), (bond(150.0, 15.0),))
    assert (below.price, below.diluted_shares, below.debt) == (10.0, 100.0, 150.0)
    # At the conversion price itself both are the same to everybody; it counts as debt.
    at = share_out(1_650.0, 100.0, (), (bond(150.0, 15.0),))
    assert (at.price, at.debt) == (15.0, 150.0)


def test_a_tranche_can_keep_another_from_being_exercised() -> None:
    # Alone, 100 options at 9 make (1,000 + 900) / 200 = 9.50. Beside them, 100 at 1 take so much
    # that a share is worth (1,000 + 100) / 200 = 5.50, and nobody pays 9.
    assert share_out(1_000.0, 100.0, (tranche(100.0, 9.0),), ()).price == 9.5
    both = share_out(1_000.0, 100.0, (tranche(100.0, 9.0), tranche(100.0, 1.0)), ())
    assert both.price == 5.5
    told = dilution_at(both, 100.0, (tranche(100.0, 9.0), tranche(100.0, 1.0)), ())
    assert [each.exercised for each in told.options] == [False, True]
    # 100 at 1 pay 100, which buys back 18.18 of them.
    assert told.options[1].net_shares == pytest.approx(900.0 / 11.0)


@pytest.mark.parametrize(
    ("equity", "converted"), [(7_046_141.840000001, True), (7_046_141.84, False)]
)
def test_at_a_tie_each_tranche_is_told_as_it_was_counted(equity: float, converted: bool) -> None:
    # 416,181 shares at 16.64 and a bond of 120,890 that may become shares at 16.64 come to
    # 7,046,141.84: a hair above it the bond converts, though the price is 16.64 to the last bit.
    bonds = (bond(120_890.0, 16.64),)
    shared = share_out(equity, 416_181.0, (), bonds)
    (told,) = dilution_at(shared, 416_181.0, (), bonds).convertibles
    assert (told.converted, told.debt) == (converted, shared.debt)
    assert 416_181.0 + told.shares == pytest.approx(shared.diluted_shares, rel=SAME)
    assert shared.price == 16.64


@pytest.mark.parametrize(
    ("equity", "held", "option", "exercised"),
    [
        # 178 x 11.65 is 2,073.70: nobody takes part, and rounding makes the price a hair more.
        (2_073.7000000000003, 178.0, tranche(61.0, 11.65), False),
        # 938 x 18.26 is 17,127.88: a hair above it, and the price is the strike to the last bit.
        (17_127.880000000005, 938.0, tranche(94.0, 18.26), True),
    ],
)
def test_at_a_tie_an_option_is_told_as_it_was_counted(
    equity: float, held: float, option: OptionTranche, exercised: bool
) -> None:
    shared = share_out(equity, held, (option,), ())
    assert (shared.price > option.strike) != exercised
    (told,) = dilution_at(shared, held, (option,), ()).options
    assert told.exercised == exercised
    assert held + told.net_shares == pytest.approx(shared.diluted_shares, rel=SAME)


def test_options_that_cost_nothing_are_shares_at_any_price_above_zero() -> None:
    gifts = (tranche(25.0, 0.0),)
    assert share_out(1_000.0, 100.0, gifts, ()).price == 8.0
    assert share_out(0.0, 100.0, gifts, ()).price == 0.0
    assert share_out(-1_000.0, 100.0, gifts, ()).price == -10.0


@pytest.mark.parametrize("equity", [0.0, -1.0, -500.0, 120.0, 150.0])
def test_where_nothing_is_left_nobody_takes_part(equity: float) -> None:
    # Debt of 150 first: below that the price is not above zero, and a share is as short as today.
    shared = share_out(equity, 100.0, (tranche(10.0, 0.5),), (bond(150.0, 2.0),))
    assert shared.price == (equity - 150.0) / 100.0
    assert (shared.diluted_shares, shared.debt) == (100.0, 150.0)


def test_the_treasury_stock_value_of_google_in_the_book() -> None:
    # Damodaran on Valuation, 2nd ed., ch. 11, illustration 11.2, in millions: equity 32,187,
    # 25.61 options at 24.41 within 303.39 fully diluted shares; value per share 108.15.
    shared = share_out(32_187.0, 303.39 - 25.61, (tranche(25.61, 24.41),), ())
    assert shared.price == pytest.approx(108.15, abs=0.005)


def test_options_under_water_are_not_exercised_as_the_book_does_for_cisco() -> None:
    # The same illustration exercises Cisco's 1,436 options at 25.02 for a share worth 12.82, since
    # its approach takes all options, in the money or not. Nobody pays 25.02 for that: 65,622 over
    # 6,487 shares are 10.12.
    cisco = share_out(65_622.0, 7_923.0 - 1_436.0, (tranche(1_436.0, 25.02),), ())
    assert cisco.price == pytest.approx(65_622.0 / 6_487.0, rel=SAME)
