"""Segments that are easy to value by hand, and the firm that they make."""

from __future__ import annotations

import dataclasses
from typing import Any

from engine.dcf import DcfInputs, ExitMultiple, GivenWacc, Segment
from tests.mirror.engine.firms.by_hand import firm

# Sells more than it earns, in a market of its own.
CLOUD = Segment(
    name="Cloud",
    operations=firm(revenue=400.0, revenue_growth=0.20, ebit_margin=0.10).business,
    capital=GivenWacc(wacc=0.30),
    terminal=ExitMultiple(ev_to_ebitda=8.0),
)
SHOPS = Segment(name="Shops", operations=firm().business)
OFFICE = Segment(name="Head office", operations=firm(revenue=50.0, ebit_margin=-1.0).business)


def whole(*segments: Segment, **changes: Any) -> DcfInputs:
    """A firm of these segments, with the capital, terminal value and shares of `firm`."""
    return dataclasses.replace(firm(), operations=None, segments=segments, **changes)
