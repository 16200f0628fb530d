"""Firms to value: one that is easy by hand, and strategies that make any other."""

from hypothesis import settings

from tests.mirror.engine.firms.additions import fuller, settled
from tests.mirror.engine.firms.bounds import BRIDGE, CAPM, DAYS, PEER, PREMIA, SCHEDULES
from tests.mirror.engine.firms.by_hand import TODAY, firm, level
from tests.mirror.engine.firms.corners import cornered_firms
from tests.mirror.engine.firms.drawn import any_failures, any_firms, any_shares, firms
from tests.mirror.engine.firms.in_segments import CLOUD, OFFICE, SHOPS, whole
from tests.mirror.engine.firms.parts import (
    built_in_full,
    capitals,
    numbers,
    schedules,
    terminals,
    typed,
)

LAW = settings(deadline=None, max_examples=60)

__all__ = [
    "BRIDGE",
    "CAPM",
    "CLOUD",
    "DAYS",
    "LAW",
    "OFFICE",
    "PEER",
    "PREMIA",
    "SCHEDULES",
    "SHOPS",
    "TODAY",
    "any_failures",
    "any_firms",
    "any_shares",
    "built_in_full",
    "capitals",
    "cornered_firms",
    "firm",
    "firms",
    "fuller",
    "level",
    "numbers",
    "schedules",
    "settled",
    "terminals",
    "typed",
    "whole",
]
