"""The comparison itself, written once for one firm or a batch of scenarios."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from engine.comparables.inputs import Asked, ComparablesInputs, Multiple, Peer, Subject
from engine.comparables.quartiles import quantiles
from engine.door import Scalar, real, where
from engine.firm.equity import Settled, settle

# Less than a hundredth of a unit of money is nothing that a value could be a multiple of.
LEAST = 0.01


class ComparablesOutput(StrEnum):
    """A number of a comparison that can be asked for over many scenarios."""

    VALUE_PER_SHARE = "VALUE_PER_SHARE"
    EQUITY_VALUE = "EQUITY_VALUE"
    ENTERPRISE_VALUE = "ENTERPRISE_VALUE"


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """What a multiple says that the firm is worth: (*batch), NaN where it says nothing."""

    enterprise_value: Scalar  # money
    settled: Settled


def worth(inputs: ComparablesInputs) -> Worth:
    """By the median of the first multiple. ``inputs`` have passed the door.

    Raises nothing; a scenario in which no peer's multiple, or not the firm's own figure, means
    anything is NaN.
    """
    asked = inputs.multiples[0]
    values, counted = multiples_of(inputs, asked)
    (median,) = quantiles(values, counted, (0.5,))
    return implied(inputs.subject, asked, inputs.as_of, median)


def output_of(value: Worth, output: ComparablesOutput) -> Scalar:
    """The one number that was asked for."""
    match output:
        case ComparablesOutput.VALUE_PER_SHARE:
            return value.settled.value_per_share
        case ComparablesOutput.EQUITY_VALUE:
            return value.settled.equity_value
        case ComparablesOutput.ENTERPRISE_VALUE:
            return value.enterprise_value


def multiples_of(
    inputs: ComparablesInputs, asked: Asked
) -> tuple[list[Scalar], list[Scalar | bool]]:
    """(n, *batch) of each peer that has figures, in their order, and whether it means anything."""
    values, counted = [], []
    for peer in inputs.peers:
        found = multiple_of(peer, asked, inputs.as_of)
        if found is not None:
            values.append(found[0])
            counted.append(found[1])
    return values, counted


def multiple_of(peer: Peer, asked: Asked, as_of: date) -> tuple[Scalar, Scalar | bool] | None:
    """(*batch) a peer's multiple, and whether it means anything; None: it is not to be formed.

    A multiple of a loss means nothing, nor does one of a value below zero: the higher the loss,
    the nearer to zero it is.
    """
    if asked.kind not in (None, peer.kind):
        return None
    metric = peer.metrics.of(asked.multiple.metric, asked.period, peer.day(as_of))
    value = (
        equity_before_conversion(peer)
        if asked.multiple is Multiple.PRICE_TO_EARNINGS
        else enterprise_value(peer)
    )
    return None if metric is None or value is None else ratio(value, metric)


def ratio(value: Scalar, metric: Scalar) -> tuple[Scalar, Scalar | bool]:
    """(*batch) value / metric, and whether that means anything; 0 where it does not."""
    means = (real(value) > 0.0) & (real(metric) >= LEAST)
    return where(means, value, 0.0) / where(means, metric, 1.0), means


def enterprise_value(peer: Peer) -> Scalar:
    """(*batch) money: as given, or all claims at the price of a share."""
    if peer.enterprise_value is not None:
        return peer.enterprise_value
    price, shares, bridge = peer.share_price, peer.shares, peer.bridge
    assert price is not None and shares is not None and bridge is not None  # noqa: S101, PT018 - the door let one of the two ways in
    return shares.claims_at(price) + bridge.net_debt


def equity_before_conversion(peer: Peer) -> Scalar | None:
    """(*batch) money: what earnings belong to. None: nobody said how to get there.

    Earnings are after the interest on convertibles, so these count among the debt with their face
    value, and above their conversion price with no more than what they are worth beyond it.
    """
    if peer.share_price is not None and peer.shares is not None:
        return peer.shares.claims_at(peer.share_price) - peer.shares.convertible_debt
    if peer.enterprise_value is not None and peer.bridge is not None:
        return peer.enterprise_value - peer.bridge.net_debt
    return None


def implied(subject: Subject, asked: Asked, as_of: date, multiple: Scalar) -> Worth:
    """What the firm is worth at a multiple, through its own bridge and dilution."""
    metric = subject.metrics.of(asked.multiple.metric, asked.period, as_of)
    assert metric is not None  # noqa: S101 - the door asked for it
    value = where(real(metric) >= LEAST, multiple * metric, math.nan)
    if asked.multiple is Multiple.PRICE_TO_EARNINGS:
        value = value + (subject.bridge.net_debt + subject.shares.convertible_debt)
    return Worth(value, settle(value, subject.bridge, subject.shares))


def at_market(
    subject: Subject, asked: Asked, as_of: date, price: Scalar
) -> tuple[Scalar, Scalar | bool]:
    """(*batch) the firm's own multiple at a price of its share, and whether it means anything."""
    seen = Peer(
        name=subject.name,
        share_price=price,
        shares=subject.shares,
        bridge=subject.bridge,
        metrics=subject.metrics,
    )
    found = multiple_of(seen, Asked(multiple=asked.multiple, period=asked.period), as_of)
    assert found is not None  # noqa: S101 - the door asked for the firm's figures
    return found
