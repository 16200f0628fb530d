"""What a resolver may reach: who asks, and the services. No session, no connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import strawberry

from services.analyses import AnalysisService
from services.collaboration import CollaborationService
from services.companies import CompanyService
from services.credit import CreditService
from services.financial_models import ModelService
from services.football import FootballService
from services.principal import Principal
from services.replay import ReplayService
from services.runs import RunService
from services.service_levels import ServiceLevels
from services.sessions import Session
from services.tenants import TenantService
from services.valuations import ValuationService
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
    collaboration: CollaborationService
    runs: RunService
    companies: CompanyService
    tenants: TenantService
    service_levels: ServiceLevels


@dataclass(frozen=True, slots=True)
class Context:
    """One operation's."""

    session: Session
    services: Services

    @property
    def principal(self) -> Principal:
        """Who asks, by the newest token of the connection."""
        return self.session.principal


Info: TypeAlias = strawberry.Info[Context, None]
