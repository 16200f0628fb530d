"""Everything that a process has to do with the audit, put together."""

from __future__ import annotations

from dataclasses import dataclass

from observability.logs import Log
from services.administration import Administration
from services.audit_chainer import AuditChainer, Sink
from services.audit_export import AuditExport
from services.audit_log import AuditLog
from services.audit_reading import AuditService
from services.audit_report import AuditReports
from services.audit_signing import Signer
from services.holds import HoldService
from services.sealing import Sealer
from services.tenants import TenantService
from store.audit import AuditNotes
from store.audit_chain import AuditChain
from store.audit_events import AuditEvents
from store.database import Database
from store.financial_models import FinancialModels
from store.holds import Holds
from store.tenants import Tenants


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """Chaining, reading, adding up, and what is kept or forgotten."""

    looks: AuditLog
    chainer: AuditChainer
    export: AuditExport
    reading: AuditService
    reports: AuditReports
    holds: HoldService

    @classmethod
    def build(
        cls,
        *,
        database: Database,
        looks: AuditLog,
        tenants: TenantService,
        administration: Administration,
        signer: Signer | None,
        sink: Sink | None,
        sealer: Sealer,
        log: Log,
    ) -> Auditing:
        chain, events = AuditChain(database), AuditEvents(database)
        chainer = AuditChainer(chain, log, signer, sink=sink)
        export = AuditExport(chain, events)
        people, models = Tenants(database), FinancialModels(database)
        reading = AuditService(
            events, export, chainer, looks, AuditNotes(database), tenants, models
        )
        return cls(
            looks=looks,
            chainer=chainer,
            export=export,
            reading=reading,
            reports=AuditReports(reading, events, chain, people, models),
            holds=HoldService(Holds(database), people, models, administration, sealer),
        )
