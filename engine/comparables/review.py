"""What a reviewer would write in the margin of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.comparables.inputs import WORDS, ComparablesInputs, Peer, PeerKind
from engine.comparables.metrics import Calendarised, FiscalYear, Metrics, TwelveMonths, advice
from engine.comparables.valuation import ImpliedValue, MultipleRange, Silence
from engine.dcf.review import FEW_PEERS
from engine.door import show
from engine.names import folded
from engine.remarks import Remark

# Where a reviewer starts to ask. Rules of thumb of the trade, not laws: they never change a number.
FENCE = 1.5  # spans between the quartiles, beyond which a value stands alone (Tukey, ch. 2)
FENCED = 5  # of fewer values than these the quartiles say nothing of any one
WIDE = 2.0  # upper over lower quartile
OLD = 3 * 365  # days since a transaction: markets and rates have moved on
APART = 0.5  # of one multiple's value per share from another's
# Thousands for millions are a factor of 1,000: no firm that earns anything is worth so little, and
# few so much.
LEAST_LIKELY, MOST_LIKELY = 0.02, 2_000.0
MOST_CLAIMS = 20.0  # net debt, or net cash, over the enterprise value
# No line of an income statement is above the one that it is a part of.
PARTS = (("ebitda", "EBITDA", "revenue", "revenue"), ("ebit", "EBIT", "ebitda", "EBITDA"))


def review(inputs: ComparablesInputs, ranges: Sequence[MultipleRange]) -> tuple[Remark, ...]:
    """In the order in which a reader meets the inputs."""
    return (
        *_on_lines(inputs.subject.metrics, "subject.metrics", inputs.subject.name),
        *_on_peers(inputs),
        *(remark for number, each in enumerate(ranges) for remark in _on_range(each, number)),
        *_on_outliers(inputs, ranges),
        *_on_units(inputs, ranges),
        *_on_value(ranges),
    )


def _on_peers(inputs: ComparablesInputs) -> Iterator[Remark]:
    own = folded(inputs.subject.name)
    for number, peer in enumerate(inputs.peers):
        if folded(peer.name) == own and peer.kind is PeerKind.TRADING:
            yield Remark(
                "COMPARED_WITH_ITSELF",
                f"peers[{number}]",
                "The firm is among its own peers, so a part of the answer is its own market price.",
            )
        if peer.announced is not None and (inputs.as_of - peer.announced).days > OLD:
            yield Remark(
                "OLD_TRANSACTION",
                f"peers[{number}].announced",
                f"{peer.name.strip()} was announced more than {OLD // 365} years before the day of "
                "the comparison, when money may have had another price.",
            )
        yield from _on_years(inputs, peer, f"peers[{number}]")
        yield from _on_lines(peer.metrics, f"peers[{number}].metrics", peer.name)


def _on_years(inputs: ComparablesInputs, peer: Peer, path: str) -> Iterator[Remark]:
    """Twelve months that reach beyond the fiscal years: the peer drops out, and nobody is told."""
    metrics = peer.metrics
    if not isinstance(metrics, Calendarised):
        return
    asked = [each.period for each in inputs.multiples if each.kind in (None, peer.kind)]
    for period in dict.fromkeys(asked):
        day = "as_of" if peer.announced is None else f"{path}.announced"
        years = advice(metrics, period, peer.day(inputs.as_of), day)
        if years:
            yield Remark(
                "FISCAL_YEAR_MISSING",
                f"{path}.metrics.calendarised.fiscal_years",
                f"{peer.name.strip()} counts nowhere by {WORDS[period]}, which reach beyond its "
                f"fiscal years: give {years}.",
            )


def _on_lines(metrics: Metrics, path: str, name: str) -> Iterator[Remark]:
    """The first of a firm's figures that cannot be, if there is one."""
    for where, of in _rows(metrics, f"{path}.{metrics.BRANCH}"):
        for part, part_words, whole, whole_words in PARTS:
            less, more = getattr(of, part), getattr(of, whole)
            if less is not None and more is not None and less > more:
                yield Remark(
                    "LINES_OUT_OF_ORDER",
                    f"{where}.{part}",
                    f"{name.strip()} has {part_words} of {show(less)}, above its {whole_words} of "
                    f"{show(more)}. One of them is of another year, or in another unit.",
                )
                return


def _rows(metrics: Metrics, path: str) -> Iterator[tuple[str, FiscalYear | TwelveMonths]]:
    if isinstance(metrics, Calendarised):
        for number, year in enumerate(metrics.fiscal_years):
            yield f"{path}.fiscal_years[{number}]", year
        return
    for name, months in (("ltm", metrics.ltm), ("ntm", metrics.ntm)):
        if months is not None:
            yield f"{path}.{name}", months


def _on_range(found: MultipleRange, number: int) -> Iterator[Remark]:
    path, name = f"multiples[{number}]", f"{found.multiple.words} ({found.period})"
    if found.count < FEW_PEERS:
        told = f"No peer is left that {name} could be read from."
        if found.count:
            told = (
                f"{name} is read from {found.count} peer{'' if found.count == 1 else 's'}. With so "
                "few, one firm's luck is taken for the price of the business."
            )
        yield Remark("FEW_PEERS", path, told)
    lost = [each.name for each in found.peers if each.silence is Silence.NOT_MEANINGFUL]
    if lost:
        yield Remark(
            "PEERS_WITHOUT_MEANING",
            path,
            f"{name} means nothing for {_named(lost)}: a loss, or a value not above zero. What is "
            "left are the firms that do better.",
        )
    if found.metric <= 0.0:
        yield Remark(
            "NOTHING_TO_MULTIPLY",
            path,
            f"The firm's own {found.multiple.metric_words} is {show(found.metric)}, so {name} says "
            "nothing of it.",
        )
    spread = found.statistics
    if spread is not None and spread.upper_quartile > WIDE * spread.lower_quartile:
        yield Remark(
            "WIDE_RANGE",
            path,
            f"The upper quartile of {name}, {spread.upper_quartile:.1f}, is more than {WIDE:g} "
            f"times the lower one, {spread.lower_quartile:.1f}: these firms are not alike.",
        )


def _on_outliers(inputs: ComparablesInputs, ranges: Sequence[MultipleRange]) -> Iterator[Remark]:
    if any(each.kind is None for each in ranges) and len({p.kind for p in inputs.peers}) > 1:
        number = [each.kind for each in ranges].index(None)
        yield Remark(
            "PRICES_OF_TWO_KINDS",
            f"multiples[{number}].kind",
            "Trading prices and takeovers are mixed. A takeover's price has a premium for control "
            "in it: ask about each kind by itself.",
        )
    places = _places(inputs)
    for found in ranges:
        spread = found.statistics
        if spread is None or found.count < FENCED:
            continue
        reach = FENCE * (spread.upper_quartile - spread.lower_quartile)
        for peer in found.peers:
            value = peer.multiple
            if value is None:
                continue
            if not spread.lower_quartile - reach <= value <= spread.upper_quartile + reach:
                yield Remark(
                    "OUTLIER",
                    places[peer.name],
                    f"{peer.name}: {found.multiple.words} ({found.period}) of {value:.1f} stands "
                    f"alone; half of the peers lie from {spread.lower_quartile:.1f} to "
                    f"{spread.upper_quartile:.1f}. The median hardly feels it, the mean does.",
                )


def _on_units(inputs: ComparablesInputs, ranges: Sequence[MultipleRange]) -> Iterator[Remark]:
    """Each firm once, at the first of its multiples that no firm has."""
    seen = set[str]()
    places, own = _places(inputs), inputs.subject.name.strip()
    for found in ranges:
        firms = [(places[each.name], each.name, each.multiple) for each in found.peers]
        for path, name, value in (*firms, ("subject.metrics", own, found.at_market)):
            if value is None or path in seen or LEAST_LIKELY <= value <= MOST_LIKELY:
                continue
            seen.add(path)
            yield Remark(
                "OTHER_UNITS",
                path,
                f"{name}: {found.multiple.words} ({found.period}) of {show(value)}. Either its "
                "value and its figures are in different units, or it earns next to nothing.",
            )
    first = ranges[0].median
    if first is None or "subject.metrics" in seen:
        return
    # What a price would have shown: its claims beside what its figures make it worth.
    claims = first.enterprise_value - first.equity_value
    if abs(claims) > MOST_CLAIMS * first.enterprise_value:
        yield Remark(
            "OTHER_UNITS",
            "subject.metrics",
            f"{own}: net debt of {show(claims)} beside an enterprise value "
            f"of {show(first.enterprise_value)}. Either its bridge and its figures are in "
            "different units, such as money and millions of it, or it earns next to nothing.",
        )


def _on_value(ranges: Sequence[MultipleRange]) -> Iterator[Remark]:
    first: ImpliedValue | None = ranges[0].median
    if first is None:
        return
    if first.equity_value < 0.0:
        yield Remark(
            "EQUITY_BELOW_ZERO",
            "subject.bridge",
            "Claims exceed the enterprise value. Are the figures in thousands or millions, and the "
            "claims not? If both are right: shareholders cannot lose more than all, so read the "
            "value per share as zero, and the debt as impaired.",
        )
        return
    for number, found in enumerate(ranges[1:], 1):
        if found.median is None:
            continue
        gap = found.median.value_per_share - first.value_per_share
        if abs(gap) > APART * abs(first.value_per_share):
            yield Remark(
                "MULTIPLES_DISAGREE",
                f"multiples[{number}]",
                f"{found.multiple.words} ({found.period}) makes a share worth "
                f"{show(found.median.value_per_share)}, the first multiple "
                f"{show(first.value_per_share)}. The firm's margins, its debt or its growth are "
                "not those of its peers.",
            )


def _places(inputs: ComparablesInputs) -> dict[str, str]:
    """Each peer's path, by its name in the answer."""
    return {peer.name.strip(): f"peers[{number}]" for number, peer in enumerate(inputs.peers)}


def _named(names: Sequence[str]) -> str:
    return f"{', '.join(names[:4])}{' and others' if len(names) > 4 else ''}"
