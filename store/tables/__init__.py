"""The tables: one ``...Row`` class each, with the tenant first in every key.

A row is what SQL holds and stays in this room; what leaves it is a plain record of the
noun's own file. Enumerations are closed here by CHECKs, so that a value the product
does not know cannot be stored by any road.
"""

from __future__ import annotations

from store.tables.audit import AuditCheckpointRow, AuditEventRow, AuditPendingRow, LegalHoldRow
from store.tables.base import Moment, Row, table_of
from store.tables.identity import (
    AccountRow,
    ApiKeyRow,
    FederatedIdentityRow,
    IdentityProviderRow,
    SessionRow,
)
from store.tables.outside import (
    BillingEventRow,
    DeliveryRow,
    SubscriptionChangeRow,
    SubscriptionRow,
    WebhookRow,
)
from store.tables.tenants import (
    PLANS,
    ROLES,
    BrandingRow,
    DirectoryRow,
    DoneOnceRow,
    InvitationRow,
    KillSwitchRow,
    MemberRow,
    ModelGrantRow,
    OperatorGrantRow,
    TenantRow,
    TrustedDocumentRow,
    UsageRow,
)
from store.tables.work import (
    COMPANY_VERBS,
    KINDS,
    RUN_KINDS,
    RUN_STATES,
    UNITS,
    VERBS,
    FinancialModelRow,
    ModelSnapshotRow,
    OperationRow,
    OutboxRow,
    OwnCompanyChangeRow,
    OwnCompanyRow,
    RunRow,
    ValuationRow,
)

__all__ = [
    "COMPANY_VERBS",
    "KINDS",
    "PLANS",
    "ROLES",
    "RUN_KINDS",
    "RUN_STATES",
    "TENANT_TABLES",
    "UNITS",
    "VERBS",
    "AccountRow",
    "ApiKeyRow",
    "AuditCheckpointRow",
    "AuditEventRow",
    "AuditPendingRow",
    "BillingEventRow",
    "BrandingRow",
    "DeliveryRow",
    "DirectoryRow",
    "DoneOnceRow",
    "FederatedIdentityRow",
    "FinancialModelRow",
    "IdentityProviderRow",
    "InvitationRow",
    "KillSwitchRow",
    "LegalHoldRow",
    "MemberRow",
    "ModelGrantRow",
    "ModelSnapshotRow",
    "Moment",
    "OperationRow",
    "OperatorGrantRow",
    "OutboxRow",
    "OwnCompanyChangeRow",
    "OwnCompanyRow",
    "Row",
    "RunRow",
    "SessionRow",
    "SubscriptionChangeRow",
    "SubscriptionRow",
    "TenantRow",
    "TrustedDocumentRow",
    "UsageRow",
    "ValuationRow",
    "WebhookRow",
    "table_of",
]

TENANT_TABLES: tuple[str, ...] = tuple(
    sorted(name for name, table in Row.metadata.tables.items() if "tenant_id" in table.columns)
)
