"""What is asked of a merger backwards, by Brent's method on whole mergers."""

from __future__ import annotations

from scipy.optimize import brentq

from tests.mirror.engine.lbo.independent_business import Document, stub
from tests.mirror.engine.merger.independent_merger import merger


def breakeven_synergies(document: Document, year: int) -> float:
    """Pre-tax synergies of that year, beside those given, that leave its EPS as it was."""
    part = stub(document["timing"]) if year == 0 else 1.0

    def gain(further: float) -> float:
        told = merger(document, further=further)["perShare"]
        return float(told["gaap"][year] - told["standAlone"][year])

    reach = 1.0
    while gain(-reach) > 0.0 or gain(reach) < 0.0:
        reach *= 4.0
    return float(brentq(gain, -reach, reach, xtol=1e-14 * reach, rtol=1e-15)) * part


def maximum_premium(document: Document, year: int) -> float | None:
    """The highest premium at which a year's EPS is no lower than without the merger."""
    price = document["target"]["sharePrice"]

    def gain(premium: float) -> float:
        told = merger(document, price=price * (1.0 + premium))["perShare"]
        return float(told["gaap"][year] - told["standAlone"][year])

    low, high = -0.999, 1.0
    if gain(low) < 0.0:
        return None
    while gain(high) > 0.0:
        high *= 2.0
        if high > 1e6:
            return None
    return float(brentq(gain, low, high, xtol=1e-14, rtol=1e-15))
