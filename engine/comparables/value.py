"""The verb: value a firm by what others like it are worth, and keep every step of the way."""

from __future__ import annotations

from datetime import date
from typing import Final

from engine.comparables.inputs import WORDS, Asked, ComparablesInputs, Peer, admit, outside
from engine.comparables.kernel import (
    LEAST,
    ComparablesOutput,
    Worth,
    at_market,
    enterprise_value,
    equity_before_conversion,
    implied,
    multiple_of,
    output_of,
    worth,
)
from engine.comparables.metrics import NAMES, Metrics, Period
from engine.comparables.quartiles import quartiles
from engine.comparables.review import review
from engine.comparables.valuation import (
    ComparablesResult,
    ComparablesValuation,
    Earnings,
    FirmFigures,
    ImpliedValue,
    MultipleRange,
    PeerMultiple,
    Silence,
    Statistics,
)
from engine.door import Scalar, show
from engine.errors import Infeasible, Problem
from engine.questions import Questions


def value_comparables(inputs: ComparablesInputs) -> ComparablesResult:
    """Value one firm. Every number of ``inputs`` is a number alone; batches go through `scenarios`.

    Raises:
        InvalidInput: with every problem of the inputs.
        Infeasible: if the first multiple says nothing: no peer's means anything, or the firm's own
            figure is not above zero.
    """
    admitted = admit(inputs)
    ranges = tuple(_range(admitted, asked) for asked in admitted.multiples)
    first = ranges[0]
    if first.median is None:
        raise _silent(admitted, first)
    value = worth(admitted)
    per_share, price = float(value.settled.value_per_share), admitted.market_price
    valuation = ComparablesValuation(
        multiple=first.median.multiple,
        enterprise_value=float(value.enterprise_value),
        net_debt=float(value.settled.net_debt),
        equity_value=float(value.settled.equity_value),
        diluted_shares=float(value.settled.diluted_shares),
        value_per_share=per_share,
        upside=None if price is None else per_share / price - 1.0,
        ranges=ranges,
        subject=_subject(admitted),
        peers=tuple(_figures(peer, admitted.as_of) for peer in admitted.peers),
        remarks=review(admitted, ranges),
    )
    return ComparablesResult(inputs=admitted, valuation=valuation)


def _values(inputs: ComparablesInputs) -> dict[str, Scalar]:
    value = worth(inputs)
    return {output.value: output_of(value, output) for output in ComparablesOutput}


comparables_question: Final = Questions(ComparablesOutput, admit, _values, outside)


def _range(inputs: ComparablesInputs, asked: Asked) -> MultipleRange:
    peers, values = [], []
    for peer in inputs.peers:
        if asked.kind not in (None, peer.kind):
            continue
        found = multiple_of(peer, asked, inputs.as_of)
        value = float(found[0]) if found is not None and found[1] else None
        silence = Silence.NOT_GIVEN if found is None else Silence.NOT_MEANINGFUL
        peers.append(
            PeerMultiple(
                name=peer.name.strip(),
                multiple=value,
                silence=silence if value is None else None,
            )
        )
        if value is not None:
            values.append(value)
    spread = quartiles(values, [True] * len(values))
    metric = inputs.subject.metrics.of(asked.multiple.metric, asked.period, inputs.as_of)
    assert metric is not None  # noqa: S101 - the door asked for it
    means = bool(values) and metric >= LEAST
    seen = None
    if inputs.market_price is not None:
        own, says = at_market(inputs.subject, asked, inputs.as_of, inputs.market_price)
        seen = float(own) if says else None
    return MultipleRange(
        multiple=asked.multiple,
        period=asked.period,
        kind=asked.kind,
        metric=float(metric),
        count=len(values),
        peers=tuple(peers),
        statistics=Statistics(
            **{name: float(getattr(spread, name)) for name in Statistics.__slots__}
        )
        if values
        else None,
        lower_quartile=_implied(inputs, asked, spread.lower_quartile) if means else None,
        median=_implied(inputs, asked, spread.median) if means else None,
        upper_quartile=_implied(inputs, asked, spread.upper_quartile) if means else None,
        at_market=seen,
    )


def _implied(inputs: ComparablesInputs, asked: Asked, multiple: Scalar) -> ImpliedValue:
    value: Worth = implied(inputs.subject, asked, inputs.as_of, multiple)
    return ImpliedValue(
        multiple=float(multiple),
        enterprise_value=float(value.enterprise_value),
        equity_value=float(value.settled.equity_value),
        value_per_share=float(value.settled.value_per_share),
    )


def _silent(inputs: ComparablesInputs, first: MultipleRange) -> Infeasible:
    name, when = first.multiple.metric_words, WORDS[first.period]
    if first.metric < LEAST:
        path = f"subject.metrics.{inputs.subject.metrics.BRANCH}"
        message = (
            f"The firm's {name} of {when} is {show(first.metric)}, and no multiple of that is a "
            "value."
        )
        advice = "Ask first about a multiple of something that the firm earns, such as revenue."
    else:
        path, words = "multiples[0]", first.multiple.words
        message = (
            f"No peer's {words} means anything: of {when} each makes a loss, or its value is not "
            "above zero."
        )
        if any(each.silence is Silence.NOT_GIVEN for each in first.peers):
            message = f"No peer's {words} of {when} can be formed and means anything."
        advice = "Ask first about another multiple, such as one of revenue, or add peers."
    return Infeasible(message, [Problem(path, "CONTRADICTION", message, advice)])


def _subject(inputs: ComparablesInputs) -> FirmFigures:
    subject = inputs.subject
    value = equity = None
    if inputs.market_price is not None:
        seen = Peer(
            name=subject.name,
            share_price=inputs.market_price,
            shares=subject.shares,
            bridge=subject.bridge,
            metrics=subject.metrics,
        )
        value, equity = enterprise_value(seen), equity_before_conversion(seen)
    return FirmFigures(
        name=subject.name.strip(),
        kind=None,
        as_of=inputs.as_of,
        enterprise_value=_number(value),
        equity_value=_number(equity),
        ltm=_earnings(subject.metrics, Period.LTM, inputs.as_of),
        ntm=_earnings(subject.metrics, Period.NTM, inputs.as_of),
    )


def _figures(peer: Peer, as_of: date) -> FirmFigures:
    day = peer.day(as_of)
    return FirmFigures(
        name=peer.name.strip(),
        kind=peer.kind,
        as_of=day,
        enterprise_value=float(enterprise_value(peer)),
        equity_value=_number(equity_before_conversion(peer)),
        ltm=_earnings(peer.metrics, Period.LTM, day),
        ntm=_earnings(peer.metrics, Period.NTM, day),
    )


def _earnings(metrics: Metrics, period: Period, day: date) -> Earnings:
    return Earnings(**{name: _number(metrics.of(name, period, day)) for name in NAMES})


def _number(value: Scalar | None) -> float | None:
    return None if value is None else float(value)
