"""What is paid for and by whom: its parts, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observability.logs import Log
from services.billing import BillingService
from services.billing_reconciling import Reconciling
from services.prices import PriceList
from services.standing import Clock, Standings
from services.subscriptions import SubscriptionService
from services.webhook_events import Bodies
from store.database import Database
from store.directory import Directory
from store.quotas import Quotas
from store.subscriptions import Subscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Payments:
    """Built once, by wiring."""

    subscriptions: SubscriptionService
    billing: BillingService
    reconciling: Reconciling

    @classmethod
    def build(
        cls,
        *,
        database: Database,
        directory: Directory,
        standings: Standings,
        bodies: Bodies,
        prices: PriceList,
        secrets: Sequence[str],
        clock: Clock,
        log: Log,
    ) -> Payments:
        """``secrets``: of the payment provider; none: there is no provider."""
        kept = Subscriptions(database)
        subscriptions = SubscriptionService(
            kept, Quotas(database), standings, prices, bodies, clock, sold=bool(secrets)
        )
        billing = BillingService(
            database, directory, kept, subscriptions, standings, secrets, log, clock
        )
        reconciling = Reconciling(billing, kept, directory, prices, clock)
        return cls(subscriptions=subscriptions, billing=billing, reconciling=reconciling)
