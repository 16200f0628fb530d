"""What a resolver may reach: who asks, and the services. No session, no connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import strawberry

from resolvers.tariffs import Bill
from services.admission import LetIn
from services.analyses import AnalysisService
from services.auditing import Auditing
from services.collaboration import CollaborationService
from services.companies import CompanyService
from services.credit import CreditService
from services.financial_models import ModelService
from services.football import FootballService
from services.identity import Identity
from services.identity_providers import IdentityProviderService
from services.pricing import PricingService
from services.principal import Principal
from services.replay import ReplayService
from services.runs import RunService
from services.service_levels import ServiceLevels
from services.sessions import Session
from services.sharing import SharingService
from services.subscriptions import SubscriptionService
from services.tenancy import Tenancy
from services.tenants import TenantService
from services.trusted_documents import TrustedDocumentService
from services.valuations import ValuationService
from services.webhooks import WebhookService
from services.workbooks import WorkbookService


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Built once, by wiring."""

    valuations: ValuationService
    analyses: AnalysisService
    football: FootballService
    credit: CreditService
    replays: ReplayService
    workbooks: WorkbookService
    models: ModelService
    sharing: SharingService
    collaboration: CollaborationService
    runs: RunService
    companies: CompanyService
    tenants: TenantService
    tenancy: Tenancy
    identity: Identity
    identity_providers: IdentityProviderService
    service_levels: ServiceLevels
    pricing: PricingService
    auditing: Auditing
    webhooks: WebhookService
    subscriptions: SubscriptionService
    trusted_documents: TrustedDocumentService


@dataclass(frozen=True, slots=True)
class Context:
    """One operation's."""

    session: Session
    services: Services
    bill: Bill = field(default_factory=Bill)  # what was done, in points
    deadline_s: float | None = None  # the client's own, by the event loop's clock
    let_in: LetIn | None = None  # by whom, and as what

    @property
    def principal(self) -> Principal:
        """Who asks, by the newest token of the connection, with the role that they have now."""
        newest = self.session.principal
        if self.let_in is None or self.let_in.asked is not newest:
            return newest
        return self.let_in.standing.principal


Info: TypeAlias = strawberry.Info[Context, None]
